// SPDX-License-Identifier: MIT
/*
 * sitefile - reading a file of the sites layer
 *
 * The process may be writing, may have been killed at any instant, and may not
 * be who it says it is: every number is looked at before it is used.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sitefile.h"
#include "tools.h"

const char *const site_op_names[NR_SITE_OPS] = {
	"malloc", "calloc", "realloc", "memalign", "free", "failed",
};

const char *const site_age_names[MH_SITES_AGES] = { "at_once", "short", "long" };

const char *const site_state_names[] = {
	[SITE_RUNNING] = "running", [SITE_ENDED] = "ended",
	[SITE_KILLED] = "killed",
};

const char *const site_reach_names[MH_SITES_REACH_GAPS + 1] = {
	[MH_SITES_REACH_NO] = "no", [MH_SITES_REACH_TOLD] = "told",
	[MH_SITES_REACH_LARGE] = "large", [MH_SITES_REACH_DENIED] = "denied",
	[MH_SITES_REACH_MEMORY] = "memory", [MH_SITES_REACH_GAPS] = "gaps",
};

#define ATTEMPTS	8	/* at a file that changes while it is read */
#define OVERLAPS_MOST	64	/* modules looked at for one address */

/* A file while it is read. */
struct reading {
	struct site_process *process;
	struct mh_sites_header head;
	int fd;
	unsigned int bad_modules;	/* pages that were not understood */
	uint32_t pages;		/* that are there and in use, page 0 included */
	struct site_module **live;	/* by start */
	uint64_t *highest;	/* end of any live one up to this */
	size_t nr_live;
	struct site_module **by_number;
	uint32_t *slots;	/* of sites, by hash: index + 1 */
	size_t nr_slots;
};

uint64_t site_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int64_t add_signed(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

void site_heap_add(struct site_heap *to, const struct site_heap *more)
{
	to->chunks = add_signed(to->chunks, more->chunks);
	to->bytes = add_signed(to->bytes, more->bytes);
}

void site_counts_add(struct site_counts *to, const struct site_counts *more)
{
	for (size_t i = 0; i < NR_SITE_OPS; i++)
		to->calls[i] = site_add(to->calls[i], more->calls[i]);
	for (size_t i = 0; i < MH_SITES_BUCKETS; i++)
		to->bucket[i] = site_add(to->bucket[i], more->bucket[i]);
	to->bytes = site_add(to->bytes, more->bytes);
	to->failed_bytes = site_add(to->failed_bytes, more->failed_bytes);
	for (size_t i = 0; i < MH_SITES_AGES; i++)
		to->died[i] = site_add(to->died[i], more->died[i]);
	site_heap_add(&to->alive, &more->alive);
	site_heap_add(&to->peak, &more->peak);
	site_heap_add(&to->inherited, &more->inherited);
	site_heap_add(&to->direct, &more->direct);
	site_heap_add(&to->indirect, &more->indirect);
}

uint64_t site_births(const struct site_counts *counts)
{
	uint64_t births = 0;

	for (size_t i = 0; i <= SITE_MEMALIGN; i++)
		births = site_add(births, counts->calls[i]);
	return births;
}

/*
 * next_page() - the next page that is in use
 * @page:	the last one; 0 to begin with
 *
 * Leaps over holes: a file may claim to be as long as it likes.
 * Return: 0 at the end.
 */
static int next_page(struct reading *reading, uint32_t *page,
		     struct mh_sites_page *to)
{
	const uint32_t last = reading->process->lives ? MH_SITES_PAGE_ALIVE :
							MH_SITES_PAGE_MODULES;
	off_t at, data;
	ssize_t nr;

	while (++*page < reading->pages) {
		at = (off_t)*page * MH_SITES_PAGE_BYTES;
		do
			nr = pread(reading->fd, to, sizeof(*to), at);
		while (nr < 0 && errno == EINTR);
		if (nr != sizeof(*to) || to->kind > last) {
			reading->process->damaged++;
			continue;
		}
		if (to->kind != MH_SITES_PAGE_NONE)
			return 1;
		data = lseek(reading->fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data / MH_SITES_PAGE_BYTES > *page)
			*page = (uint32_t)(data / MH_SITES_PAGE_BYTES) - 1;
	}
	return 0;
}

static int is_zero(const void *ptr, size_t bytes)
{
	const unsigned char *byte = ptr;

	while (bytes && !*byte) {
		byte++;
		bytes--;
	}
	return !bytes;
}

static int check_bounds(const struct mh_sites_header *head)
{
	for (size_t b = 1; b < MH_SITES_BUCKETS; b++)
		if (head->bound[b] <= head->bound[b - 1])
			return 0;
	return head->bound[MH_SITES_BUCKETS - 1] == UINT64_MAX;
}

static const char *check_header(const struct mh_sites_header *head)
{
	static char why[160];

	if (is_zero(head, sizeof(*head)) || (head->magic == MH_SITES_MAGIC &&
					     head->state == MH_SITES_MAKING))
		return "its process ended while it made the file: nothing is "
		       "in it";
	if (head->magic == __builtin_bswap64(MH_SITES_MAGIC))
		return "comes from a machine of the other byte order: read it "
		       "there";
	if (head->magic != MH_SITES_MAGIC)
		return "is no file of the sites layer";
	if (head->version != MH_SITES_VERSION &&
	    head->version != MH_SITES_VERSION_LIVES) {
		snprintf(why, sizeof(why), "is of format %" PRIu32 ", this "
			 "mallochooks reads formats %d and %d: use %s",
			 head->version, MH_SITES_VERSION, MH_SITES_VERSION_LIVES,
			 head->version > MH_SITES_VERSION_LIVES ?
			 "a newer one" : "the one that it was made with");
		return why;
	}
	if (head->page_bytes != MH_SITES_PAGE_BYTES ||
	    head->record_bytes != sizeof(struct mh_sites_record) ||
	    head->nr_buckets != MH_SITES_BUCKETS || !check_bounds(head))
		return "has a damaged header";
	return NULL;
}

/* ---- modules --------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct site_module *left = *(struct site_module *const *)a;
	const struct site_module *right = *(struct site_module *const *)b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number;
}

static void take_path(struct reading *reading, struct site_module *module,
		      const char *path, size_t bytes, uint32_t flags)
{
	const char *cwd = reading->head.cwd;

	bytes = strnlen(path, bytes);
	if (flags & MH_SITES_PATH_CUT)
		module->why = "its path is too long for the file";
	if (!bytes)
		module->why = "its path is not known";
	if (bytes && *path != '/' && *cwd == '/')
		module->path = xasprintf("%.*s/%.*s", (int)sizeof(reading->head.cwd),
					 cwd, (int)bytes, path);
	else
		module->path = xstrndup(path, bytes);
}

/* Return: bytes of the entry, or 0 when it is none. */
static uint32_t take_module(struct reading *reading, const unsigned char *from,
			    uint32_t room)
{
	struct site_process *process = reading->process;
	struct mh_sites_module entry;
	struct site_module *module;

	if (room < sizeof(entry))
		return 0;
	memcpy(&entry, from, sizeof(entry));
	if (entry.bytes > room || entry.bytes % 8 ||
	    entry.build_id_bytes > sizeof(module->build_id) ||
	    sizeof(entry) + entry.build_id_bytes + entry.path_bytes >
	    entry.bytes || entry.end < entry.start)
		return 0;
	if (!(process->nr_modules & (process->nr_modules - 1)))
		process->modules = xrealloc(process->modules,
			(process->nr_modules ? 2 * process->nr_modules : 1) *
			sizeof(*process->modules));
	module = &process->modules[process->nr_modules++];
	*module = (struct site_module){
		.number = entry.number, .died = entry.died,
		.start = entry.start, .end = entry.end, .bias = entry.bias,
		.build_id_bytes = entry.build_id_bytes,
	};
	from += sizeof(entry);
	memcpy(module->build_id, from, entry.build_id_bytes);
	take_path(reading, module, (const char *)from + entry.build_id_bytes,
		  entry.path_bytes, entry.flags);
	return entry.bytes;
}

static void read_modules(struct reading *reading)
{
	struct site_process *process = reading->process;
	struct mh_sites_page page;
	uint32_t nr = 0, at, bytes;

	while (next_page(reading, &nr, &page)) {
		if (page.kind != MH_SITES_PAGE_MODULES)
			continue;
		if (page.used > sizeof(page.module)) {
			reading->bad_modules++;
			continue;
		}
		for (at = 0; at < page.used; at += bytes) {
			bytes = take_module(reading, page.module + at,
					    page.used - at);
			if (!bytes) {
				reading->bad_modules++;
				break;
			}
		}
	}
	reading->live = xcalloc(process->nr_modules + 1,
				sizeof(*reading->live));
	reading->by_number = xcalloc(MH_SITES_MODULE_MOST + 1,
				     sizeof(*reading->by_number));
	for (size_t i = 0; i < process->nr_modules; i++) {
		struct site_module *module = &process->modules[i];

		if (module->number <= MH_SITES_MODULE_MOST)
			reading->by_number[module->number] = module;
		if (!module->died)
			reading->live[reading->nr_live++] = module;
	}
	qsort(reading->live, reading->nr_live, sizeof(*reading->live), by_start);
	reading->highest = xcalloc(reading->nr_live + 1,
				   sizeof(*reading->highest));
	for (size_t i = 0; i < reading->nr_live; i++) {
		reading->highest[i] = reading->live[i]->end;
		if (i && reading->highest[i] < reading->highest[i - 1])
			reading->highest[i] = reading->highest[i - 1];
	}
}

/*
 * The live module that an address lies in.  One that was closed a moment ago
 * may still pass for live in the place of its successor: the later one wins.
 */
static const struct site_module *module_of(const struct reading *reading,
					   uint64_t address)
{
	size_t low = 0, high = reading->nr_live, middle;
	unsigned int steps = OVERLAPS_MOST;

	while (low < high) {
		middle = (low + high) / 2;
		if (reading->live[middle]->start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low && steps && address < reading->highest[low - 1]; steps--) {
		low--;
		if (address < reading->live[low]->end)
			return reading->live[low];
	}
	return NULL;
}

/* ---- records --------------------------------------------------------------- */

static size_t hash(int module, uint64_t address)
{
	return (size_t)((address ^ (uint64_t)(module + 1) << 48) *
			0x9e3779b97f4a7c15u >> 16);
}

static void make_slots(struct reading *reading)
{
	struct site_process *process = reading->process;
	size_t at;

	reading->nr_slots = reading->nr_slots ? 2 * reading->nr_slots : 1024;
	free(reading->slots);
	reading->slots = xcalloc(reading->nr_slots, sizeof(*reading->slots));
	process->sites = xrealloc(process->sites, reading->nr_slots / 2 *
				  sizeof(*process->sites));
	for (size_t i = 0; i < process->nr_sites; i++) {
		at = hash(process->sites[i].module, process->sites[i].address);
		while (reading->slots[at % reading->nr_slots])
			at++;
		reading->slots[at % reading->nr_slots] = (uint32_t)i + 1;
	}
}

static struct site *site_at(struct reading *reading, int module,
			    uint64_t address)
{
	struct site_process *process = reading->process;
	struct site *site;
	size_t at;

	if (process->nr_sites == reading->nr_slots / 2)
		make_slots(reading);
	for (at = hash(module, address); reading->slots[at % reading->nr_slots];
	     at++) {
		site = &process->sites[reading->slots[at % reading->nr_slots] - 1];
		if (site->module == module && site->address == address)
			return site;
	}
	site = &process->sites[process->nr_sites++];
	*site = (struct site){ .module = module, .address = address };
	reading->slots[at % reading->nr_slots] = (uint32_t)process->nr_sites;
	return site;
}

static int op_of(unsigned int op)
{
	switch (op & ~(unsigned int)MH_SITES_RETIRED) {
	case MH_SITES_MALLOC:
		return SITE_MALLOC;
	case MH_SITES_CALLOC:
		return SITE_CALLOC;
	case MH_SITES_REALLOC:
		return SITE_REALLOC;
	case MH_SITES_MEMALIGN:
		return SITE_MEMALIGN;
	case MH_SITES_FREE:
	case MH_SITES_FREE_LOADER:
		return SITE_FREE;
	case MH_SITES_FAILED:
		return SITE_FAILED;
	default:
		return -1;
	}
}

/* A chunk may outlive the module that made it: the latest one there. */
static const struct site_module *late_module_of(const struct reading *reading,
						uint64_t address)
{
	const struct site_process *process = reading->process;

	for (size_t i = process->nr_modules; i-- > 0;)
		if (address >= process->modules[i].start &&
		    address < process->modules[i].end)
			return &process->modules[i];
	return NULL;
}

/* Where a key's call was: its module, and the address there. */
static int place_of(const struct reading *reading, uint64_t key,
		    uint64_t *address)
{
	const struct site_module *module;
	uint64_t number = key >> MH_SITES_MODULE_SHIFT & 0xffff;

	if (key >> MH_SITES_OP_SHIFT & MH_SITES_RETIRED) {
		*address = key & (((uint64_t)1 << MH_SITES_MODULE_SHIFT) - 1);
		module = number <= MH_SITES_MODULE_MOST ?
			 reading->by_number[number] : NULL;
		if (!module)
			return -1;
		*address += module->start;
	} else {
		*address = key & (((uint64_t)1 << MH_SITES_OP_SHIFT) - 1);
		if (key == MH_SITES_NOWHERE)
			*address = 0;
		/* A return address may be the first one behind the code. */
		module = module_of(reading, *address - 1);
		if (!module && !(key >> MH_SITES_OP_SHIFT))
			module = late_module_of(reading, *address - 1);
		if (!module)
			return -1;
	}
	*address -= module->bias;
	return (int)(module - reading->process->modules);
}

static int is_life(const struct reading *reading, uint64_t key)
{
	return reading->process->lives && key &&
	       !(key >> MH_SITES_OP_SHIFT & ~(uint64_t)MH_SITES_RETIRED);
}

static void add_counts(struct reading *reading, uint64_t key,
		       const struct site_counts *counts)
{
	uint64_t address;
	int module = place_of(reading, key, &address);

	site_counts_add(&site_at(reading, module, address)->counts, counts);
	site_counts_add(&reading->process->total, counts);
}

static struct site_counts counts_of_life(const struct mh_sites_life *life)
{
	struct site_counts counts = { .bytes = 0 };

	counts.alive.chunks = (int64_t)life->made;
	counts.alive.bytes = (int64_t)(life->made_bytes + life->grown -
				       life->died_bytes);
	for (size_t i = 0; i < MH_SITES_AGES; i++) {
		counts.died[i] = life->died[i];
		counts.alive.chunks = (int64_t)((uint64_t)counts.alive.chunks -
						life->died[i]);
	}
	return counts;
}

static struct site_heap heap_of(const struct mh_sites_heap *heap)
{
	return (struct site_heap){ (int64_t)heap->chunks, (int64_t)heap->bytes };
}

/* The header's sum of the peak counts for the whole, as it is in one piece. */
static void take_alive(struct reading *reading,
		       const struct mh_sites_alive *alive)
{
	struct site_counts counts = { .bytes = 0 };

	if (!alive->key)
		return;
	if (!is_life(reading, alive->key)) {
		reading->process->damaged++;
		return;
	}
	counts.inherited = counts.alive = heap_of(&alive->inherited);
	counts.peak = heap_of(&alive->peak[reading->head.peak & 1]);
	add_counts(reading, alive->key, &counts);
}

/* What was there when counting began anew; what lives, lives all the same. */
static void take_off_life(struct site_counts *counts,
			  const struct mh_sites_life *base)
{
	for (size_t i = 0; i < MH_SITES_AGES; i++)
		if (counts->died[i] >= base->died[i])
			counts->died[i] -= base->died[i];
}

static void take_off(struct mh_sites_record *record,
		     const struct mh_sites_record *base)
{
	for (size_t b = 0; b < MH_SITES_BUCKETS; b++)
		if (record->calls[b] >= base->calls[b])
			record->calls[b] -= base->calls[b];
	if (record->bytes >= base->bytes)
		record->bytes -= base->bytes;
}

/* The base of a page, or zeros. */
static void read_base(struct reading *reading, const struct mh_sites_page *page,
		      struct mh_sites_page *base)
{
	memset(base, 0, sizeof(*base));
	if (!page->base)
		return;
	if (page->kind != MH_SITES_PAGE_RECORDS ||
	    page->base >= reading->pages ||
	    pread(reading->fd, base, sizeof(*base), (off_t)page->base *
		  MH_SITES_PAGE_BYTES) != sizeof(*base) ||
	    base->kind != MH_SITES_PAGE_NONE) {
		memset(base, 0, sizeof(*base));
		reading->process->damaged++;
	}
}

static uint64_t calls_of(const struct mh_sites_record *record)
{
	uint64_t calls = 0;

	for (size_t b = 0; b < MH_SITES_BUCKETS; b++)
		calls += record->calls[b];
	return calls;
}

static void take_record(struct reading *reading,
			struct mh_sites_record *record,
			const struct mh_sites_record *base)
{
	struct site_counts counts = { .bytes = 0 };
	int op = op_of((unsigned int)(record->key >> MH_SITES_OP_SHIFT));

	if (!record->key)
		return;		/* not written yet */
	if (is_life(reading, record->key)) {
		counts = counts_of_life((const struct mh_sites_life *)
					(const void *)record);
		take_off_life(&counts, (const struct mh_sites_life *)
				       (const void *)base);
		add_counts(reading, record->key, &counts);
		return;
	}
	if (op < 0) {
		reading->process->damaged++;
		return;
	}
	/* what realloc has made is told by a life */
	if (op <= SITE_MEMALIGN && op != SITE_REALLOC && reading->process->lives)
		counts.alive = (struct site_heap){
			(int64_t)calls_of(record), (int64_t)record->bytes,
		};
	take_off(record, base);
	counts.calls[op] = calls_of(record);
	for (size_t b = 0; b < MH_SITES_BUCKETS; b++)
		if (op <= SITE_MEMALIGN)
			counts.bucket[b] = record->calls[b];
	if (op <= SITE_MEMALIGN)
		counts.bytes = record->bytes;
	if (op == SITE_FAILED)
		counts.failed_bytes = record->bytes;
	add_counts(reading, record->key, &counts);
}

static void read_records(struct reading *reading)
{
	struct mh_sites_page page, base;
	uint32_t nr = 0;

	while (next_page(reading, &nr, &page)) {
		if (page.kind == MH_SITES_PAGE_MODULES)
			continue;
		read_base(reading, &page, &base);
		if (page.used > MH_SITES_RECORDS) {
			reading->process->damaged++;
			continue;
		}
		for (uint32_t i = 0; i < page.used; i++) {
			if (page.kind == MH_SITES_PAGE_ALIVE)
				take_alive(reading, &page.alive[i]);
			else
				take_record(reading, &page.record[i],
					    &base.record[i]);
		}
	}
}

/* Pages that the header leads to; a damaged one may lead in a circle. */
static void read_unreached(struct reading *reading)
{
	const struct mh_sites_unreached *entry;
	struct site_process *process = reading->process;
	uint32_t number = reading->head.unreached_page, left = reading->pages;
	struct site_counts counts;
	struct mh_sites_page page;

	if (process->reach != MH_SITES_REACH_TOLD)
		return;
	for (; number; number = page.next) {
		if (!left-- || number >= reading->pages ||
		    pread(reading->fd, &page, sizeof(page), (off_t)number *
			  MH_SITES_PAGE_BYTES) != sizeof(page) ||
		    page.kind != MH_SITES_PAGE_NONE ||
		    page.used > MH_SITES_RECORDS) {
			process->damaged++;
			return;
		}
		for (uint32_t i = 0; i < page.used; i++) {
			entry = &page.unreached[i];
			if (!is_life(reading, entry->key)) {
				process->damaged++;
				continue;
			}
			counts = (struct site_counts){
				.direct = heap_of(&entry->direct),
				.indirect = heap_of(&entry->indirect),
			};
			add_counts(reading, entry->key, &counts);
		}
	}
}

/* ---- the process ------------------------------------------------------------ */

static char *take_command(const struct mh_sites_header *head)
{
	size_t bytes = head->command_bytes;
	char *command;

	if (bytes > sizeof(head->command))
		bytes = sizeof(head->command);
	while (bytes && !head->command[bytes - 1])
		bytes--;
	if (!bytes)
		return xstrndup(head->exe, sizeof(head->exe));
	command = xcalloc(bytes + 1, 1);
	for (size_t i = 0; i < bytes; i++)
		command[i] = head->command[i] ? head->command[i] : ' ';
	return command;
}

static int is_line_of(const char *line, const struct stat *st, const char *name)
{
	unsigned int major, minor;
	unsigned long inode;
	const char *found;

	if (sscanf(line, "%*s %*s %*s %x:%x %lu", &major, &minor, &inode) == 3 &&
	    inode == st->st_ino && major == major(st->st_dev) &&
	    minor == minor(st->st_dev))
		return 1;
	/* Some file systems show other numbers there: overlayfs, btrfs. */
	found = strstr(line, name);
	return found && found > line && found[-1] == '/' &&
	       (found[strlen(name)] == '\n' || found[strlen(name)] == ' ');
}

/*
 * Has the process the file mapped?  Its number may be another one's by now, so
 * that it lives is no answer, unless there is no better one.
 */
static int is_mapped(uint32_t pid, const struct stat *st, const char *file)
{
	char *path = xasprintf("/proc/%" PRIu32 "/maps", pid), *line = NULL;
	FILE *maps = fopen(path, "re");
	size_t room = 0;
	int found = 0;

	free(path);
	if (!maps)
		return errno != ENOENT && pid && pid <= INT32_MAX &&
		       (!kill((pid_t)pid, 0) || errno == EPERM);
	while (!found && getline(&line, &room, maps) > 0)
		found = is_line_of(line, st, base_name(file));
	/* The maps of a foreign process open, and then cannot be read. */
	if (!found && ferror(maps))
		found = 1;
	free(line);
	fclose(maps);
	return found;
}

/* The file may bear the number that the process has in a namespace of its own;
 * who names it by /proc knows the one that it has here. */
static uint32_t pid_here(const char *path, uint32_t pid)
{
	uint32_t here;

	return sscanf(path, "/proc/%" SCNu32 "/root/", &here) == 1 ? here : pid;
}

static void take_lives(struct site_process *process,
		       const struct mh_sites_header *head)
{
	struct site_counts changes;

	process->lives = head->version == MH_SITES_VERSION_LIVES;
	if (!process->lives)
		return;
	process->lost.alive.chunks = (int64_t)head->lost_calls;
	process->lost.alive.bytes = (int64_t)head->lost_bytes;
	changes = counts_of_life(&head->lost_life);
	site_counts_add(&process->lost, &changes);
	process->reach = head->reach <= MH_SITES_REACH_GAPS ?
			 (enum mh_sites_reach)head->reach : MH_SITES_REACH_NO;
	process->reach_threads = head->reach_threads;
	if (process->reach == MH_SITES_REACH_TOLD) {
		process->lost.direct = heap_of(&head->unreached[0]);
		process->lost.indirect = heap_of(&head->unreached[1]);
	}
}

/* The text that is whole, if there is one. */
static char *take_options(struct reading *reading)
{
	const struct mh_sites_header *head = &reading->head;
	const uint32_t which = head->options - 1;
	struct mh_sites_page page;
	size_t left, nr;
	char *text, *to;

	if (which > 1 || head->options_bytes[which] >
			 MH_SITES_TEXT_PAGES * sizeof(page.module))
		return xstrdup("");
	left = head->options_bytes[which];
	text = to = xcalloc(left + 1, 1);
	for (uint32_t i = 0; left && i < MH_SITES_TEXT_PAGES; i++) {
		nr = left < sizeof(page.module) ? left : sizeof(page.module);
		if (head->options_page[which][i] >= reading->pages ||
		    pread(reading->fd, &page, sizeof(page),
			  (off_t)head->options_page[which][i] *
			  MH_SITES_PAGE_BYTES) != sizeof(page))
			break;
		memcpy(to, page.module, nr);
		to += nr;
		left -= nr;
	}
	return text;
}

/* Of sums that go on, what came since counting began anew. */
static uint64_t since(uint64_t sum, uint64_t base)
{
	return sum >= base ? sum - base : sum;
}

static void take_header(struct reading *reading, const struct stat *st)
{
	const struct mh_sites_header *head = &reading->head;
	struct site_process *process = reading->process;

	process->pid = head->pid;
	process->ppid = head->ppid;
	process->start_ns = head->start_ns;
	process->ident = xstrndup(head->ident, sizeof(head->ident));
	process->inside = xstrndup(head->inside, sizeof(head->inside));
	process->exe = xstrndup(head->exe, sizeof(head->exe));
	process->command = take_command(head);
	memcpy(process->bound, head->bound, sizeof(process->bound));
	if (is_mapped(pid_here(process->file, head->pid), st, process->file))
		process->state = SITE_RUNNING;
	else
		process->state = head->state == MH_SITES_ENDED ? SITE_ENDED :
								 SITE_KILLED;
	/* Which operation was not noted. */
	process->lost.calls[SITE_MALLOC] = since(head->lost_calls,
						 head->base_lost[0]);
	process->lost.bytes = since(head->lost_bytes, head->base_lost[1]);
	process->lost.calls[SITE_FREE] = since(head->lost_frees,
					       head->base_lost[2]);
	process->lost.calls[SITE_FAILED] = since(head->lost_failed,
						 head->base_lost[3]);
	process->options = take_options(reading);
	process->resets = (head->resets + 1) / 2;
	process->gaps = (head->gaps + 1) / 2;
	process->off = head->gaps % 2;
	process->unseen = head->unseen;
	take_lives(process, head);
	process->total = process->lost;
}

static uint32_t pages_there(const struct mh_sites_header *head, off_t bytes)
{
	uint64_t pages = (uint64_t)bytes / MH_SITES_PAGE_BYTES;

	if (pages > head->pages_used)
		pages = head->pages_used;
	if (pages > head->pages_limit)
		pages = head->pages_limit;
	return (uint32_t)pages;
}

static const char *open_file(struct reading *reading, const char *path,
			     struct stat *st, int flags)
{
	ssize_t nr;

	reading->fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
	if (reading->fd < 0 || fstat(reading->fd, st))
		return strerror(errno);
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? "is a directory" :
					      "is no regular file";
	nr = pread(reading->fd, &reading->head, sizeof(reading->head), 0);
	if (nr < 0)
		return strerror(errno);
	if (nr < (ssize_t)sizeof(reading->head.magic))
		return nr ? "is no file of the sites layer" : "is empty";
	if (nr < (ssize_t)sizeof(reading->head))
		return reading->head.magic == MH_SITES_MAGIC ?
		       "is cut off within its header" :
		       "is no file of the sites layer";
	return check_header(&reading->head);
}

/* What the file held at one time, and where its modules were then. */
static void read_once(struct reading *reading, const struct stat *st)
{
	struct site_process *process = reading->process;
	const uint32_t limit = reading->head.pages_limit;

	reading->pages = pages_there(&reading->head, st->st_size);
	take_header(reading, st);
	process->full = reading->head.pages_used > limit;
	process->missing = (process->full ? limit : reading->head.pages_used) -
			   reading->pages;
	make_slots(reading);
	read_modules(reading);
	process->damaged = 0;	/* the same pages come once more */
	read_records(reading);
	read_unreached(reading);
	/* Read later than its parts, or earlier: but in one piece. */
	if (process->lives)
		process->total.peak = heap_of(&reading->head.at_peak[
					      reading->head.peak & 1]);
	process->damaged += reading->bad_modules;
}

static void forget(struct reading *reading)
{
	free(reading->slots);
	free(reading->live);
	free(reading->highest);
	free(reading->by_number);
	*reading = (struct reading){
		.process = reading->process, .head = reading->head,
		.fd = reading->fd,
	};
}

/*
 * Did a module come or go while we were reading?  Each stands in the file
 * before the first record that lies in it, and its records are marked before
 * the generation changes: what was read between two equal headers fits.
 */
static int has_moved(struct reading *reading)
{
	struct mh_sites_header head;

	if (pread(reading->fd, &head, sizeof(head), 0) != sizeof(head) ||
	    (head.generation == reading->head.generation &&
	     head.nr_modules == reading->head.nr_modules &&
	     head.peak == reading->head.peak &&
	     head.reach == reading->head.reach &&
	     head.resets == reading->head.resets))
		return 0;
	if (check_header(&head))
		return 0;
	reading->head = head;
	return 1;
}

const char *site_process_read(struct site_process *process, const char *path)
{
	struct reading reading = { .process = process, .fd = -1 };
	const char *why;
	struct stat st;

	*process = (struct site_process){ .file = xstrdup(path) };
	why = open_file(&reading, path, &st, O_RDONLY);
	if (!why) {
		read_once(&reading, &st);
		for (int i = 1; i < ATTEMPTS && has_moved(&reading); i++) {
			forget(&reading);
			site_process_free(process);
			process->file = xstrdup(path);
			read_once(&reading, &st);
		}
	}
	forget(&reading);
	if (reading.fd >= 0)
		close(reading.fd);
	return why;
}

void site_process_drop(struct site_process *process)
{
	for (size_t i = 0; i < process->nr_modules; i++)
		free(process->modules[i].path);
	free(process->modules);
	process->modules = NULL;
	process->nr_modules = 0;
	free(process->sites);
	process->sites = NULL;
}

void site_process_free(struct site_process *process)
{
	site_process_drop(process);
	free(process->ident);
	free(process->inside);
	free(process->exe);
	free(process->command);
	free(process->options);
	free(process->file);
	*process = (struct site_process){ .file = NULL };
}

int site_file_cut(const char *path)
{
	struct reading reading = { .fd = -1 };
	int err = 0;
	struct stat st;

	if (!open_file(&reading, path, &st, O_RDWR | O_NOFOLLOW) &&
	    !is_mapped(reading.head.pid, &st, path) &&
	    ftruncate(reading.fd, (off_t)pages_there(&reading.head, st.st_size) *
		      MH_SITES_PAGE_BYTES))
		err = -errno;
	if (reading.fd >= 0)
		close(reading.fd);
	return err;
}
