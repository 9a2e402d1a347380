// SPDX-License-Identifier: MIT
/*
 * sitefile - writing the file of <mallochooks/sitefile.h>
 *
 * Rules for files: 0600, made anew (O_EXCL), never through a symlink, of a
 * size fixed at the start, and each page allocated before it is written, so
 * that a full disk is an error here and not a SIGBUS in the program.
 */
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <mallochooks/mallochooks.h>
#include "module.h"
#include "sitefile.h"
#include "syscall.h"
#include "thread.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23	/* Linux 5.14 */
#endif
#define MADV_NONSENSE		0x7fff	/* only an emulator takes it */

#define AHEAD		16u	/* pages that are populated together */
#define FILE_LEAST	(2u * AHEAD * MH_SITES_PAGE_BYTES)
#define FILE_SMALL	(1024u * 1024)	/* where pages or room are dear */
#define NAME_BYTES	(MALLOCHOOKS_STRING_BYTES + 64)
#define NAME_TRIES	8
#define SPINS		1000000u	/* some milliseconds: then do without */

#if defined(__x86_64__)
#define MACHINE		EM_X86_64
#elif defined(__aarch64__)
#define MACHINE		EM_AARCH64
#else
#define MACHINE		EM_NONE
#endif

_Static_assert(sizeof(struct mh_sites_record) == 64, "a cache line");
_Static_assert(sizeof(struct mh_sites_life) == 64, "the place of a record");
_Static_assert(sizeof(struct mh_sites_alive) == 64, "the place of a record");
_Static_assert(sizeof(struct mh_sites_unreached) == 64, "the place of a record");
_Static_assert(sizeof(struct mh_sites_page) == MH_SITES_PAGE_BYTES, "a page");
_Static_assert(sizeof(struct mh_sites_module) == 48, "no holes");
_Static_assert(sizeof(struct mh_sites_header) == MH_SITES_PAGE_BYTES, "a page");

struct mh_known_module {
	struct mh_known_module *next;
	struct mh_sites_module *entry;	/* in the file */
	uintptr_t start;
	uintptr_t end;		/* 0 once it was retired */
};

static int failed(long result)
{
	return result < 0 && result > -4096;
}

/* ---- the file -------------------------------------------------------------- */

/* The mapping's length: what the process may write, and has room to map. */
static uint64_t affordable(uint64_t bytes)
{
	struct rlimit limit;

	if (!mh_syscall(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&limit, 0, 0) &&
	    limit.rlim_cur != RLIM_INFINITY && bytes > FILE_SMALL)
		bytes = FILE_SMALL;
	/* Beyond it ftruncate would be a SIGXFSZ, which ends a program. */
	if (!mh_syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0) &&
	    bytes > limit.rlim_cur)
		bytes = limit.rlim_cur;
	/* in whole steps of allocate(), and in pages of any kernel */
	return bytes & ~(uint64_t)(AHEAD * MH_SITES_PAGE_BYTES - 1);
}

static size_t append(char *to, size_t at, size_t room, const char *from)
{
	while (*from && at + 1 < room)
		to[at++] = *from++;
	to[at] = '\0';
	return at;
}

static size_t append_number(char *to, size_t at, size_t room, uint64_t value,
			    unsigned int base)
{
	char digits[24];
	unsigned int nr = sizeof(digits) - 1;

	digits[nr] = '\0';
	do
		digits[--nr] = "0123456789abcdef"[value % base];
	while ((value /= base));
	return append(to, at, room, digits + nr);
}

static uint64_t now(void)
{
	struct timespec time = { 0, 0 };

	mh_syscall(SYS_clock_gettime, CLOCK_REALTIME, (long)&time, 0, 0, 0, 0);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Makes the file and tells its name and time. */
static long make(const char *dir, uint32_t pid, char name[NAME_BYTES],
		 uint64_t *start_ns)
{
	long fd = -EEXIST;
	size_t at;

	for (int i = 0; fd == -EEXIST && i < NAME_TRIES; i++) {
		*start_ns = now();
		at = append(name, 0, NAME_BYTES, dir);
		at = append(name, at, NAME_BYTES, "/mallochooks.");
		at = append_number(name, at, NAME_BYTES, pid, 10);
		at = append(name, at, NAME_BYTES, ".");
		at = append_number(name, at, NAME_BYTES, *start_ns, 16);
		at = append(name, at, NAME_BYTES, MH_SITES_SUFFIX);
		if (at + 1 >= NAME_BYTES)
			return -ENAMETOOLONG;
		fd = mh_syscall(SYS_openat, AT_FDCWD, (long)name,
				O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
				O_CLOEXEC, 0600, 0, 0);
	}
	/* A umask may have left us less. */
	if (fd >= 0)
		mh_syscall(SYS_fchmod, fd, 0600, 0, 0, 0, 0);
	return fd;
}

static long madvise_pages(const struct mh_sitefile *file, uint32_t page,
			  uint32_t nr, long advice)
{
	uintptr_t from = (uintptr_t)file->head + (size_t)page *
			 MH_SITES_PAGE_BYTES;
	uintptr_t to = from + (size_t)nr * MH_SITES_PAGE_BYTES;

	from &= ~(uintptr_t)(MH_PAGE_BYTES - 1);
	return mh_syscall(SYS_madvise, (long)from, (long)(to - from), advice, 0,
			  0, 0);
}

/*
 * An old kernel refuses to populate; an emulator takes any advice and follows
 * none.  Then a smaller file is allocated at once.
 */
static int can_populate(const struct mh_sitefile *file)
{
	return !madvise_pages(file, 0, AHEAD, MADV_POPULATE_WRITE) &&
	       madvise_pages(file, 0, 1, MADV_NONSENSE);
}

/*
 * Zeros where there was a hole: the file system sets blocks aside, as
 * fallocate() does, but need not choose them yet (on ext4 80 us instead of
 * 1,500).
 */
static long allocate(long fd, uint64_t bytes)
{
	static unsigned char zeros[MH_SITES_PAGE_BYTES];
	struct iovec pieces[AHEAD];
	uint64_t at;
	long nr;

	for (unsigned int i = 0; i < AHEAD; i++) {
		pieces[i].iov_base = zeros;
		pieces[i].iov_len = sizeof(zeros);
	}
	for (at = 0; at < bytes; at += (uint64_t)nr) {
		nr = mh_syscall(SYS_pwritev, fd, (long)pieces, AHEAD, (long)at,
				0, 0);
		if (nr == -EINTR)
			nr = 0;
		else if (nr <= 0)
			return nr ? nr : -EIO;
	}
	return 0;
}

static long map(struct mh_sitefile *file, long fd, size_t bytes)
{
	const int again = file->head ? MAP_FIXED : 0;
	long at;

	if (file->head && bytes > file->map_bytes)
		bytes = file->map_bytes;
	at = mh_syscall(SYS_mmap, (long)file->head, (long)bytes,
			PROT_READ | PROT_WRITE, MAP_SHARED | again, fd, 0);
	if (failed(at))
		return at;
	if (!file->head)
		file->map_bytes = bytes;
	/* release: who finds the mapping finds its length */
	__atomic_store_n(&file->head, (struct mh_sites_header *)at,
			 __ATOMIC_RELEASE);
	return 0;
}

/* Private memory in the file's place: a pointer to it that is still under way
 * in some register stays good. */
static void cover(struct mh_sitefile *file)
{
	if (file->head)
		mh_syscall(SYS_mmap, (long)file->head, (long)file->map_bytes,
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED |
			   MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void read_link(const char *link, char *to, size_t room)
{
	long nr = mh_syscall(SYS_readlinkat, AT_FDCWD, (long)link, (long)to,
			     (long)room, 0, 0);

	/* One that fills the room may have been cut: then it is of no use. */
	if (nr < 0 || (size_t)nr >= room)
		nr = 0;
	to[nr] = '\0';
}

static uint32_t read_command(char *to, size_t room)
{
	static const char path[] = "/proc/self/cmdline";
	long fd = mh_syscall(SYS_openat, AT_FDCWD, (long)path,
			     O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long nr;

	if (fd < 0)
		return 0;
	nr = mh_syscall(SYS_read, fd, (long)to, (long)room, 0, 0, 0);
	mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	return nr < 0 ? 0 : (uint32_t)nr;
}

static void fill_in(struct mh_sites_header *head, uint32_t pages, uint32_t pid,
		    uint64_t start_ns, const char *ident, const char *inside)
{
	static const uint64_t bound[MH_SITES_BUCKETS] = {
		15, 31, 63, 127, 255, 511, 1023, 4095, 16383, 131071, 1048575,
		UINT64_MAX,
	};

	head->magic = MH_SITES_MAGIC;
	head->version = MH_SITES_VERSION;
	head->page_bytes = MH_SITES_PAGE_BYTES;
	head->record_bytes = sizeof(struct mh_sites_record);
	head->nr_buckets = MH_SITES_BUCKETS;
	head->file_bytes = (uint64_t)pages * MH_SITES_PAGE_BYTES;
	head->pages_limit = pages;
	head->pages_used = 1;
	head->pid = pid;
	head->ppid = (uint32_t)mh_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
	if (head->ppid == pid)	/* a child of vfork makes its parent's file */
		head->ppid = 0;
	head->start_ns = start_ns;
	head->machine = MACHINE;
	head->generation = 1;
	for (unsigned int i = 0; i < MH_SITES_BUCKETS; i++)
		head->bound[i] = bound[i];
	append(head->ident, 0, sizeof(head->ident), ident);
	append(head->inside, 0, sizeof(head->inside), inside);
	read_link("/proc/self/exe", head->exe, sizeof(head->exe));
	read_link("/proc/self/cwd", head->cwd, sizeof(head->cwd));
	head->command_bytes = read_command(head->command,
					   sizeof(head->command));
}

/* Return: 0 with the first pages there, in a mapping of the file. */
static long prepare(struct mh_sitefile *file, long fd, uint64_t bytes)
{
	long error;

	error = mh_syscall(SYS_ftruncate, fd, (long)bytes, 0, 0, 0, 0);
	if (!error)
		error = allocate(fd, AHEAD * MH_SITES_PAGE_BYTES);
	if (!error)
		error = map(file, fd, bytes);
	if (error)
		return error;
	if (bytes > file->map_bytes)
		bytes = file->map_bytes;
	file->whole = 0;
	file->populated = AHEAD;
	if (!can_populate(file)) {
		if (bytes > FILE_SMALL)
			bytes = FILE_SMALL;
		error = allocate(fd, bytes);
		file->whole = 1;
		file->populated = (uint32_t)(bytes / MH_SITES_PAGE_BYTES);
	}
	file->pages = (uint32_t)(bytes / MH_SITES_PAGE_BYTES);
	return error;
}

MH_RUNTIME int mh_sitefile_open(struct mh_sitefile *file, const char *dir,
				uint64_t bytes, uint32_t pid,
				const char *ident, const char *inside)
{
	char name[NAME_BYTES];
	uint64_t start_ns;
	long fd, error;

	/* First, as a sandbox is more likely to deny this than to kill for it. */
	fd = make(dir, pid, name, &start_ns);
	if (fd < 0)
		return (int)fd;
	bytes = affordable(bytes);
	error = bytes < FILE_LEAST ? -EFBIG : prepare(file, fd, bytes);
	mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (error) {
		mh_syscall(SYS_unlinkat, AT_FDCWD, (long)name, 0, 0, 0, 0);
		cover(file);
		return (int)error;
	}
	file->full = 0;
	fill_in(file->head, file->pages, pid, start_ns, ident, inside);
	return 0;
}

MH_RUNTIME void mh_sitefile_fork(struct mh_sitefile *file)
{
	cover(file);
	file->pages = 0;
	file->populated = 0;
	file->modules = NULL;
	file->page = NULL;
	file->adding = 0;
}

/* ---- pages ----------------------------------------------------------------- */

/*
 * Up to @page and some further, from where it was left: two threads may have
 * claimed pages side by side, and the later one must not leave a hole.
 */
static int populate(struct mh_sitefile *file, uint32_t page)
{
	uint32_t from, to;

	/* acquire: pairs with the release of who populated it */
	while (page >= (from = __atomic_load_n(&file->populated,
					       __ATOMIC_ACQUIRE))) {
		if (file->whole)
			return 0;
		to = file->pages - page < AHEAD ? file->pages : page + AHEAD;
		if (madvise_pages(file, from, to - from, MADV_POPULATE_WRITE)) {
			/* The last pages of a disk are worth having too. */
			to = page + 1;
			if (madvise_pages(file, from, to - from,
					  MADV_POPULATE_WRITE))
				return 0;
		}
		__atomic_compare_exchange_n(&file->populated, &from, to, 0,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	return 1;
}

MH_RUNTIME struct mh_sites_page *mh_sitefile_page(struct mh_sitefile *file)
{
	uint32_t page;

	if (__atomic_load_n(&file->full, __ATOMIC_RELAXED))
		return NULL;
	page = __atomic_fetch_add(&file->head->pages_used, 1, __ATOMIC_RELAXED);
	if (page < file->pages && populate(file, page))
		return (struct mh_sites_page *)file->head + page;
	__atomic_store_n(&file->full, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* ---- modules --------------------------------------------------------------- */

static int lock(struct mh_sitefile *file)
{
	uintptr_t self = mh_thread_pointer(), holder;

	for (unsigned int i = 0; i < SPINS; i++) {
		holder = 0;
		if (__atomic_compare_exchange_n(&file->adding, &holder, self, 0,
						__ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return 1;
		if (holder == self)
			return 0;
	}
	return 0;
}

static void unlock(struct mh_sitefile *file)
{
	__atomic_store_n(&file->adding, 0, __ATOMIC_RELEASE);
}

static const struct mh_known_module *known(const struct mh_sitefile *file,
					   uintptr_t address)
{
	const struct mh_known_module *module;

	/* acquire: pairs with the release of add() */
	module = __atomic_load_n(&file->modules, __ATOMIC_ACQUIRE);
	while (module && (address < module->start ||
			  address >= __atomic_load_n(&module->end,
						     __ATOMIC_RELAXED)))
		module = module->next;
	return module;
}

/* Room for an entry of @bytes in a page of modules. */
static struct mh_sites_module *room_for(struct mh_sitefile *file,
					uint32_t bytes)
{
	struct mh_sites_page *page = file->page;

	if (!page || page->used + bytes > sizeof(page->module)) {
		page = mh_sitefile_page(file);
		if (!page)
			return NULL;
		__atomic_store_n(&page->kind, MH_SITES_PAGE_MODULES,
				 __ATOMIC_RELEASE);
		file->page = page;
	}
	return (struct mh_sites_module *)(page->module + page->used);
}

static void write_entry(struct mh_sitefile *file, const struct mh_module *found,
			struct mh_known_module *module)
{
	struct mh_sites_header *head = file->head;
	const uint32_t most = sizeof(file->page->module) - sizeof(*module->entry);
	uint32_t id_bytes = (uint32_t)found->build_id_bytes, path_bytes = 0;
	const char *path = found->path[0] ? found->path : head->exe;
	struct mh_sites_module *entry;
	unsigned char *to;
	uint32_t bytes;

	if (id_bytes > 64)
		id_bytes = 0;
	while (path[path_bytes] && id_bytes + path_bytes < most)
		path_bytes++;
	bytes = (sizeof(*entry) + id_bytes + path_bytes + 7) & ~7u;
	entry = room_for(file, bytes);
	if (!entry)
		return;
	entry->bytes = bytes;
	entry->number = head->nr_modules;
	entry->start = found->start;
	entry->end = found->end;
	entry->bias = found->bias;
	entry->born = head->generation;
	entry->build_id_bytes = (uint16_t)id_bytes;
	entry->path_bytes = (uint16_t)path_bytes;
	entry->flags = path[path_bytes] ? MH_SITES_PATH_CUT : 0;
	to = (unsigned char *)(entry + 1);
	for (uint32_t i = 0; i < id_bytes; i++)
		*to++ = found->build_id[i];
	for (uint32_t i = 0; i < path_bytes; i++)
		*to++ = (unsigned char)path[i];
	/* release: a reader that finds it used finds all of it */
	__atomic_store_n(&file->page->used, file->page->used + bytes,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&head->nr_modules, entry->number + 1, __ATOMIC_RELEASE);
	module->entry = entry;
}

static void add(struct mh_sitefile *file, const struct mh_module *found)
{
	struct mh_known_module *module = mh_arena(sizeof(*module));

	if (!module)
		return;
	module->start = found->start;
	module->end = found->end;
	module->next = file->modules;
	/* One without an entry is remembered too: it will not be tried again. */
	write_entry(file, found, module);
	__atomic_store_n(&file->modules, module, __ATOMIC_RELEASE);
}

MH_RUNTIME void mh_sitefile_module(struct mh_sitefile *file, uintptr_t address)
{
	struct mh_module found;

	if (known(file, address) || !mh_module_find(address, &found) ||
	    !lock(file))
		return;
	if (!known(file, address))
		add(file, &found);
	unlock(file);
}

/* Does it hold keys, each at the begin of 64 bytes? */
static int has_keys(const struct mh_sites_page *page)
{
	/* acquire: pairs with the release of who took the page into use */
	const uint32_t kind = __atomic_load_n(&page->kind, __ATOMIC_ACQUIRE);

	return kind == MH_SITES_PAGE_RECORDS || kind == MH_SITES_PAGE_ALIVE;
}

static void retire_records(const struct mh_sitefile *file,
			   const struct mh_known_module *module, uint64_t end)
{
	const uint64_t address = ((uint64_t)1 << MH_SITES_OP_SHIFT) - 1;
	uint64_t number = module->entry->number;
	struct mh_sites_page *page;
	uint32_t used, i, nr;
	uint64_t key, at;

	if (number > MH_SITES_MODULE_MOST)
		number = MH_SITES_MODULE_MOST + 1;
	used = __atomic_load_n(&file->head->pages_used, __ATOMIC_RELAXED);
	for (i = 1; i < used && i < file->pages; i++) {
		page = (struct mh_sites_page *)file->head + i;
		if (i >= __atomic_load_n(&file->populated, __ATOMIC_RELAXED) ||
		    !has_keys(page))
			continue;
		for (nr = 0; nr < MH_SITES_RECORDS; nr++) {
			key = page->record[nr].key;
			at = key & address;
			if (key >> MH_SITES_OP_SHIFT >= MH_SITES_RETIRED ||
			    at < module->start || at >= end)
				continue;
			key = (key & ~address) |
			      (uint64_t)MH_SITES_RETIRED << MH_SITES_OP_SHIFT |
			      number << MH_SITES_MODULE_SHIFT |
			      (at - module->start);
			__atomic_store_n(&page->record[nr].key, key,
					 __ATOMIC_RELAXED);
		}
	}
}

/* Its entry last: killed in between, either form of a key still finds it. */
static void retire(struct mh_sitefile *file, struct mh_known_module *module)
{
	struct mh_sites_header *head = file->head;
	uint64_t end = module->end;

	__atomic_store_n(&module->end, 0, __ATOMIC_RELAXED);
	if (!module->entry)
		return;
	retire_records(file, module, end);
	__atomic_store_n(&head->generation, head->generation + 1,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&module->entry->died, head->generation,
			 __ATOMIC_RELEASE);
}

MH_RUNTIME void mh_sitefile_retire(struct mh_sitefile *file)
{
	struct mh_known_module **link = &file->modules, *module;

	if (!lock(file))
		return;
	while ((module = *link)) {
		if (mh_module_is_loaded(module->start)) {
			link = &module->next;
			continue;
		}
		retire(file, module);
		/* who is walking through it goes on from there */
		__atomic_store_n(link, module->next, __ATOMIC_RELEASE);
	}
	unlock(file);
}
