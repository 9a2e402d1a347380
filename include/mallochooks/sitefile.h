/* SPDX-License-Identifier: MIT */
/*
 * sitefile.h - the file that the sites layer writes
 *
 * One file a process (a child of fork makes its own), mapped shared by it and
 * readable by anybody at any time: whatever ends the process, what it has
 * counted stands there.  Numbers are in the machine's byte order.
 *
 *	page 0		struct mh_sites_header
 *	page 1 ...	struct mh_sites_page, claimed in this order; each belongs
 *			to one thread (records) or to the process (modules)
 *
 * The file is sparse and as long as it may ever become; pages from
 * @pages_used on are holes, and may be cut off once the process is gone.  Until
 * it has made as many calls as sites.after says, or has started a thread or
 * loaded a library, a process has no file, and leaves none when it is killed.
 *
 * Where the layer index stands below, a file tells also what became of the chunks
 * (version 3): records of operation 0, which are struct mh_sites_life, and pages of
 * struct mh_sites_alive.  All else is the same in both versions.
 *
 * A reader sums up the records of equal key.  A key is an operation and a
 * call site; the calls are the sum of the histogram.  It takes nothing for
 * granted: the process may be writing, or have been killed between any two
 * stores.  Each number is written by one store, so none is ever torn.  Killed,
 * a process is at most one call a thread behind what it did, or ahead: the call
 * that was under way may be there in part (without its bytes), or not at all,
 * or before it has failed.
 */
#ifndef MALLOCHOOKS_SITEFILE_H
#define MALLOCHOOKS_SITEFILE_H

#include <stdint.h>

/* "mhsites\0" as a little-endian number: its topmost nibble is no operation. */
#define MH_SITES_MAGIC		0x007365746973686dull
#define MH_SITES_VERSION	1	/* calls */
#define MH_SITES_VERSION_LIVES	3	/* calls, and what became of the chunks */
#define MH_SITES_PAGE_BYTES	4096u
#define MH_SITES_RECORDS	63u	/* records of a page */
#define MH_SITES_BUCKETS	12u
#define MH_SITES_SUFFIX		".sites"

/**
 * enum mh_sites_op - what was called; the topmost 4 bits of a key
 * @MH_SITES_LIFE:		no call: the record is a struct mh_sites_life
 * @MH_SITES_FREE:		free of a pointer that is not NULL, and realloc
 *				to size 0 that freed
 * @MH_SITES_FAILED:		an allocation of any kind that returned NULL
 * @MH_SITES_FREE_LOADER:	free, called by the dynamic loader (apart, so
 *				that each is looked at: modules go then)
 *
 * The user API's wider names go down as these: posix_memalign, aligned_alloc,
 * valloc and pvalloc as memalign, reallocarray as realloc.  The bytes of free
 * are 0 and its calls stand in the first bucket.
 */
enum mh_sites_op {
	MH_SITES_LIFE,
	MH_SITES_MALLOC,
	MH_SITES_FREE,
	MH_SITES_CALLOC,
	MH_SITES_REALLOC,
	MH_SITES_MEMALIGN,
	MH_SITES_FAILED,
	MH_SITES_FREE_LOADER,
	MH_SITES_RETIRED = 8	/* added to the operation: see key */
};

#define MH_SITES_OP_SHIFT	60
#define MH_SITES_MODULE_SHIFT	44	/* of a retired key */
#define MH_SITES_MODULE_MOST	0xfffeu	/* numbers that fit into one */

/* The place 0 in a key of operation 0, as a key of 0 is none. */
#define MH_SITES_NOWHERE	((uint64_t)1 << 59)

/**
 * struct mh_sites_record - one call site and one operation of one thread
 * @key:	bits 63-60: operation.  As it is counted: bits 59-0 the return
 *		address of the call.  Once its module was closed (operation
 *		with MH_SITES_RETIRED): bits 59-44 the number of the module,
 *		or 0xffff for all beyond MH_SITES_MODULE_MOST; bits 43-0 the
 *		offset from the module's start
 * @bytes:	requested, all calls together
 * @calls:	by requested size; bucket b holds sizes up to the header's
 *		bound[b], and above bound[b - 1]
 */
struct mh_sites_record {
	uint64_t key;
	uint64_t bytes;
	uint32_t calls[MH_SITES_BUCKETS];
};

/**
 * enum mh_sites_age - how long a chunk lived
 * @MH_SITES_AT_ONCE:	the thread that allocated it freed it before it allocated
 *			anything else
 * @MH_SITES_SHORT:	that thread freed it, and it was among the latest
 *			MH_SITES_RECENT chunks or so that the thread had allocated
 * @MH_SITES_LONG:	all others, also those that another thread freed
 *
 * The latest chunks are remembered by a hash of their addresses, so that one may
 * push out another earlier or later than that.  A realloc counts as an allocation.
 */
enum mh_sites_age {
	MH_SITES_AT_ONCE,
	MH_SITES_SHORT,
	MH_SITES_LONG,
	MH_SITES_AGES
};

#define MH_SITES_RECENT		128

/**
 * struct mh_sites_life - what one thread did to the chunks of a call site
 * @key:	operation MH_SITES_LIFE and the site, as in a record
 * @died:	chunks that were allocated at the site and have been freed,
 *		wherever that was
 * @died_bytes:	that they had when they were freed, as requested
 * @grown:	bytes that reallocs have added to chunks that were allocated at
 *		the site, in two's complement: they take some away as well
 * @made:	calls of realloc at the site that made a chunk, as of NULL, where others
 *		gave one another size (all of them are counted as calls too)
 * @made_bytes:	that these requested
 *
 * A chunk belongs to the site that allocated it, whatever reallocs it.  So what
 * lives of a site is, all records and threads together,
 *
 *	chunks = allocations by other than realloc + made - died (+ inherited)
 *	bytes = bytes of these + made_bytes + grown - died_bytes (+ inherited)
 */
struct mh_sites_life {
	uint64_t key;
	uint64_t died[MH_SITES_AGES];
	uint64_t died_bytes;
	uint64_t grown;
	uint64_t made;
	uint64_t made_bytes;
};

/* Chunks and the bytes that they requested; modulo 2^64. */
struct mh_sites_heap {
	uint64_t chunks;
	uint64_t bytes;
};

/**
 * struct mh_sites_alive - the chunks of a call site at two times
 * @key:	as of a struct mh_sites_life; once for each site
 * @inherited:	that lived when the process was forked and file was begun
 * @peak:	at the peak; the header tells which of the two is whole
 */
struct mh_sites_alive {
	uint64_t key;
	struct mh_sites_heap inherited;
	struct mh_sites_heap peak[2];
	uint64_t reserved;
};

/**
 * struct mh_sites_unreached - the chunks of a call site that the process had lost
 * @key:	as of a struct mh_sites_life; once for each site
 * @direct:	that nothing led to
 * @indirect:	that only lost ones led to
 */
struct mh_sites_unreached {
	uint64_t key;
	struct mh_sites_heap direct;
	struct mh_sites_heap indirect;
	uint64_t reserved[3];
};

/**
 * enum mh_sites_reach - were chunks that the process could reach in the end told
 * from those that it could not?
 * @MH_SITES_REACH_NO:		nobody has looked
 * @MH_SITES_REACH_TOLD:	they were
 * @MH_SITES_REACH_LARGE:	no: more memory than sites.reach allows
 * @MH_SITES_REACH_DENIED:	no: it could not be read
 * @MH_SITES_REACH_MEMORY:	no: no memory for the work
 * @MH_SITES_REACH_GAPS:	no: the index did not know all chunks
 */
enum mh_sites_reach {
	MH_SITES_REACH_NO,
	MH_SITES_REACH_TOLD,
	MH_SITES_REACH_LARGE,
	MH_SITES_REACH_DENIED,
	MH_SITES_REACH_MEMORY,
	MH_SITES_REACH_GAPS
};

#define MH_SITES_TEXT_PAGES	2u	/* of the text of options */

enum mh_sites_kind {
	MH_SITES_PAGE_NONE,	/* claimed, not in use (yet); text, a base, unreached */
	MH_SITES_PAGE_RECORDS,
	MH_SITES_PAGE_MODULES,
	MH_SITES_PAGE_ALIVE
};

/**
 * struct mh_sites_page - a page of records, of modules or of what lived
 * @kind:	enum mh_sites_kind, stored last when the page is taken into use
 * @shard:	records: number of the thread's shard, from 1; 0 is the one
 *		that threads beyond the limit share
 * @used:	records in use (at most 63), or bytes of @module in use; stored
 *		after what it covers
 * @base:	records: number of the page that holds them as they were when
 *		counting began anew (core.reset), to be taken off; 0: none.  Of
 *		a base, which has no kind, the keys do not count
 * @next:	what was not reached: number of the next such page; 0: none
 * @record:	records
 * @life:	those of operation 0
 * @alive:	what lived
 * @unreached:	what was not reached, in a page that the header leads to
 * @module:	struct mh_sites_module, one behind the other
 */
struct mh_sites_page {
	uint32_t kind;
	uint32_t shard;
	uint32_t used;
	uint32_t base;
	uint32_t next;
	uint32_t reserved[11];
	union {
		struct mh_sites_record record[MH_SITES_RECORDS];
		struct mh_sites_life life[MH_SITES_RECORDS];
		struct mh_sites_alive alive[MH_SITES_RECORDS];
		struct mh_sites_unreached unreached[MH_SITES_RECORDS];
		unsigned char module[64 * MH_SITES_RECORDS];
	};
};

/**
 * struct mh_sites_module - an object that sites lie in
 * @bytes:	of this entry with all behind it, a multiple of 8
 * @number:	from 0, in the order of discovery
 * @start:	lowest address that it is mapped at
 * @end:	first address behind it
 * @bias:	address minus this is the address in the ELF file
 * @born:	generation in which it was found
 * @died:	generation that it did not live to see; 0 while it is loaded
 * @build_id_bytes: length of the build id, 0 when it has none
 * @path_bytes:	length of the path as the loader has it, without a NUL
 * @flags:	MH_SITES_PATH_CUT when the path was longer
 *
 * Behind it: the build id, then the path, then zeros to @bytes.  A relative
 * path is relative to the header's cwd, as far as anybody knows.
 */
struct mh_sites_module {
	uint32_t bytes;
	uint32_t number;
	uint64_t start;
	uint64_t end;
	uint64_t bias;
	uint32_t born;
	uint32_t died;
	uint16_t build_id_bytes;
	uint16_t path_bytes;
	uint32_t flags;
};

#define MH_SITES_PATH_CUT	1u

enum mh_sites_state {
	MH_SITES_MAKING,	/* killed while the file was made: no use */
	MH_SITES_RECORDING,
	MH_SITES_ENDED		/* the destructors have run */
};

/**
 * struct mh_sites_header - page 0
 * @magic:	MH_SITES_MAGIC
 * @version:	MH_SITES_VERSION, or MH_SITES_VERSION_LIVES when @peak and what
 *		follows it, and the structures that these name, are in use;
 *		another number means another format
 * @page_bytes:	MH_SITES_PAGE_BYTES, of this header too
 * @record_bytes: sizeof(struct mh_sites_record)
 * @nr_buckets:	MH_SITES_BUCKETS
 * @file_bytes:	most bytes that the file may have
 * @pages_limit: page numbers below this one exist; file_bytes / page_bytes
 * @pages_used:	page number to be claimed next; beyond @pages_limit it tells
 *		that some were refused
 * @pid:	process that writes
 * @ppid:	its parent when the file was made; 0: a child of vfork made it
 * @start_ns:	CLOCK_REALTIME in nanoseconds when the file was made
 * @machine:	e_machine of the process
 * @state:	enum mh_sites_state, stored last
 * @generation:	from 1; counts the times at which modules had gone
 * @nr_modules:	module entries; numbers below this one exist
 * @shards:	shards taken into use
 * @lost_calls:	allocations counted at no site: no page was to be had
 * @lost_bytes:	that these requested
 * @lost_frees:	frees counted at no site
 * @lost_failed: failures counted at no site
 * @bound:	largest size of each bucket; the last is UINT64_MAX
 * @ident:	identity of the stack: which allocator of the process it is
 * @peak:	0 or 1: which of each pair tells of the peak; the other may be
 *		under way
 * @peak_percent: bytes that lived were noted each time they had grown by so much;
 *		0: never
 * @at_peak:	all that lived when this was noted; 0 chunks: nothing was
 * @lost_life:	changes counted at no site; its key is 0.  @made and @made_bytes are less
 *		what @lost_calls and @lost_bytes have of realloc, in two's complement
 * @options:	1 or 2: which of the two texts of options is whole; 0: there is
 *		none; files of an earlier age have zeros from here on
 * @options_bytes: of each of the texts
 * @options_page: numbers of the pages that each stands in, MH_SITES_TEXT_PAGES or
 *		0: the text is in the place of their modules, their kind is
 *		MH_SITES_PAGE_NONE, so that readers of an earlier age leave
 *		them out
 * @resets:	twice the number of times that counting has begun anew; odd: just
 *		now
 * @base_lost:	@lost_calls to @lost_failed when it did
 * @inside:	identity of the allocator out of whose chunks this one carves its
 *		own; empty: of none
 * @unseen:	deaths of chunks that the layer index did not know (version 3)
 * @gaps:	twice the number of times that nothing was recorded, as core.record,
 *		sites.on or, of lives, index.on said; odd: nothing is now, or was in
 *		the end
 * @reach:	enum mh_sites_reach, stored after what it tells of (version 3)
 * @reach_threads: other threads that ran meanwhile
 * @unreached_page: number of the first page of struct mh_sites_unreached; their kind
 *		is MH_SITES_PAGE_NONE, so that readers of an earlier age leave them
 *		out; 0: there is none
 * @unreached:	what found no room there: lost directly, and indirectly
 * @exe:	path of the executable, from /proc/self/exe
 * @cwd:	working directory when the file was made
 * @command:	arguments, each with its NUL; cut where the room ends
 * @command_bytes: bytes of @command in use
 */
struct mh_sites_header {
	uint64_t magic;
	uint32_t version;
	uint32_t page_bytes;
	uint32_t record_bytes;
	uint32_t nr_buckets;
	uint64_t file_bytes;
	uint32_t pages_limit;
	uint32_t pages_used;
	uint32_t pid;
	uint32_t ppid;
	uint64_t start_ns;
	uint32_t machine;
	uint32_t state;
	uint32_t generation;
	uint32_t nr_modules;
	uint32_t shards;
	uint32_t command_bytes;
	uint64_t lost_calls;
	uint64_t lost_bytes;
	uint64_t lost_frees;
	uint64_t lost_failed;
	uint64_t bound[MH_SITES_BUCKETS];
	char ident[32];
	uint32_t peak;
	uint32_t peak_percent;
	struct mh_sites_heap at_peak[2];
	struct mh_sites_life lost_life;
	uint32_t options;
	uint32_t options_bytes[2];
	uint32_t options_page[2][MH_SITES_TEXT_PAGES];
	uint32_t resets;
	uint64_t base_lost[4];
	char inside[32];
	uint64_t unseen;
	uint32_t gaps;
	uint32_t reach;
	uint32_t reach_threads;
	uint32_t unreached_page;
	struct mh_sites_heap unreached[2];
	uint64_t reserved[66];
	char exe[1024];
	char cwd[1024];
	char command[1024];
};

#endif
