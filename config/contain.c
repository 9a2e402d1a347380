// SPDX-License-Identifier: MIT
/*
 * contain - what libconfig gets instead of malloc, stdio and exit()
 *
 * config/libconfig.syms tells which name is bound to which.  What is not there
 * (strlen, strtod and their like) it has from libc: these work before libc's
 * constructor and keep no state.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <mallochooks/runtime.h>
#include "contain.h"
#include "syscall.h"

#define MEMORY_BYTES	(8u << 20)	/* of addresses; pages as needed */
#define GRAIN		16u

struct mh_contained mh_contained;

static void *copy_bytes(void *to, const void *from, size_t nr)
{
	return __builtin_memcpy(to, from, nr);
}

/* ---- memory --------------------------------------------------------------- */

/* Before each piece, which begins on a multiple of GRAIN. */
struct head {
	size_t bytes;
	size_t pad;
};

int mh_contain_begin(void)
{
	long at = mh_syscall(SYS_mmap, 0, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	__builtin_memset(&mh_contained, 0, sizeof(mh_contained));
	if (at < 0 && at > -4096)
		return 0;
	/* Clearing a huge page takes longer than all the rest. */
	mh_syscall(SYS_madvise, at, MEMORY_BYTES, MADV_NOHUGEPAGE, 0, 0, 0);
	mh_contained.base = (unsigned char *)at;
	return 1;
}

void mh_contain_end(void)
{
	mh_syscall(SYS_munmap, (long)mh_contained.base, MEMORY_BYTES, 0, 0, 0,
		   0);
	mh_contained.base = NULL;
}

__attribute__((noreturn)) static void leave(const char *why)
{
	mh_contained.why = why;
	mh_contained.why_errno = 0;
	longjmp(mh_contained.out, 1);
}

void *mh_contained_malloc(size_t bytes)
{
	struct head *head;

	if (bytes > MEMORY_BYTES)
		leave("more than can be kept of it");
	bytes = (bytes + GRAIN - 1) & ~(size_t)(GRAIN - 1);
	if (bytes + sizeof(*head) > MEMORY_BYTES - mh_contained.used)
		leave("more than can be kept of it");
	head = (struct head *)(mh_contained.base + mh_contained.used);
	mh_contained.used += sizeof(*head) + bytes;
	head->bytes = bytes;
	return head + 1;
}

/* Fresh from the kernel, so zeroed: no piece is handed out twice. */
static void *libc_calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		leave("more than can be kept of it");
	return mh_contained_malloc(bytes);
}

static void libc_free(void *ptr)
{
	(void)ptr;
}

static void *libc_realloc(void *old, size_t bytes)
{
	struct head *head = old;
	void *fresh;

	if (old && head[-1].bytes >= bytes)
		return old;
	fresh = mh_contained_malloc(bytes);
	return old ? copy_bytes(fresh, old, head[-1].bytes) : fresh;
}

static char *libc_strdup(const char *str)
{
	size_t nr = __builtin_strlen(str) + 1;

	return copy_bytes(mh_contained_malloc(nr), str, nr);
}

static void libc_exit(int status)
{
	(void)status;
	leave("libconfig gave up");
}

/* ---- files ---------------------------------------------------------------- */

/* What a FILE * of libconfig's points to. */
struct text {
	char *bytes;
	size_t nr;
	size_t at;
};

static const char *look(int fd)
{
	struct stat st;

	if (mh_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0))
		return "cannot be looked at";
	if (S_ISDIR(st.st_mode))
		return "is a directory";
	if (!S_ISREG(st.st_mode))
		return "is not a regular file";
	if (st.st_size > MH_CONF_BYTES)
		return "is larger than 64 KiB";
	if (mh_contained.secure && (st.st_uid || (st.st_mode & 022)))
		return "is not root's alone to write, and this program was "
		       "given privileges";
	return NULL;
}

/* Return: bytes read, or -errno. */
static long read_all(int fd, char *to, size_t room)
{
	size_t nr = 0;
	long got;

	do {
		got = mh_syscall(SYS_read, fd, (long)(to + nr),
				 (long)(room - nr), 0, 0, 0);
		if (got > 0)
			nr += (size_t)got;
	} while (got == -EINTR || (got > 0 && nr < room));
	return got < 0 ? got : (long)nr;
}

static void replace(struct text *text, const char *instead)
{
	for (text->nr = 0; instead[text->nr] && text->nr < MH_CONF_BYTES + 2;
	     text->nr++)
		text->bytes[text->nr] = instead[text->nr];
}

static struct text *read_text(int fd)
{
	struct text *text;
	long nr;

	mh_contained.why = look(fd);
	if (mh_contained.why)
		return NULL;
	text = mh_contained_malloc(sizeof(*text));
	text->bytes = mh_contained_malloc(MH_CONF_BYTES + 2);
	nr = read_all(fd, text->bytes, MH_CONF_BYTES + 1);
	if (nr > (long)MH_CONF_BYTES)
		mh_contained.why = "is larger than 64 KiB";
	if (nr < 0) {
		mh_contained.why = "cannot be read";
		mh_contained.why_errno = (int)-nr;
	}
	if (mh_contained.why)
		return NULL;
	/* What was not needed serves for the next piece. */
	mh_contained.used -= MH_CONF_BYTES - ((size_t)nr & ~(size_t)15);
	text->nr = (size_t)nr;
	/* libconfig takes no comment for one that lacks its newline. */
	if (nr && text->bytes[nr - 1] != '\n')
		text->bytes[text->nr++] = '\n';
	return text;
}

/* libconfig 1.5 puts the directory before an absolute path too. */
static const char *without_dir(const char *path)
{
	const char *dir = mh_contained.include_dir;
	size_t i;

	for (i = 0; dir && dir[i] && path[i] == dir[i]; i++)
		;
	if (dir && !dir[i] && path[i] == '/' && path[i + 1] == '/')
		return path + i + 1;
	return path;
}

/* No device is opened for good, no FIFO waited for. */
static void *libc_fopen(const char *path, const char *mode)
{
	struct text *text;
	long fd;

	(void)mode;
	path = without_dir(path);
	fd = mh_syscall(SYS_openat, AT_FDCWD, (long)path,
			O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);
	if (fd < 0) {
		mh_contained.why = fd == -ENOENT ? "is not there" :
				   fd == -EACCES ? "may not be read" :
						   "cannot be opened";
		mh_contained.why_errno = fd == -ENOENT || fd == -EACCES ?
					 0 : (int)-fd;
		return NULL;
	}
	text = read_text((int)fd);
	mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	if (text && mh_contained.instead_of &&
	    !__builtin_strcmp(path, mh_contained.instead_of))
		replace(text, mh_contained.instead);
	return text;
}

static size_t libc_fread(void *to, size_t size, size_t n, void *file)
{
	struct text *text = file;
	size_t left = text->nr - text->at;

	if (!size)
		return 0;
	if (n > left / size)
		n = left / size;
	copy_bytes(to, text->bytes + text->at, n * size);
	text->at += n * size;
	return n;
}

static int libc_getc(void *file)
{
	struct text *text = file;

	return text->at < text->nr ? (unsigned char)text->bytes[text->at++] :
				     -1;
}

static int libc_fileno(void *file)
{
	(void)file;
	return 0;
}

/* It asks whether it opened a directory: look() did. */
static int libc_fstat(int fd, struct stat *st)
{
	(void)fd;
	st->st_mode = S_IFREG;
	return 0;
}

static int libc_fxstat(int version, int fd, struct stat *st)
{
	(void)version;
	return libc_fstat(fd, st);
}

/*
 * libconfig takes these for numbers of 32 bits, and would cut the upper ones off
 * without a word.
 */
static long libc_strtol(const char *text, char **end, int base)
{
	const long number = strtol(text, end, base);

	return number == (int)number ? number : MH_CONTAINED_TOO_LARGE;
}

static unsigned long libc_strtoul(const char *text, char **end, int base)
{
	const unsigned long number = strtoul(text, end, base);

	return number <= INT_MAX ? number :
				   (unsigned long)MH_CONTAINED_TOO_LARGE;
}

static void *libc_nothing(void)
{
	return NULL;
}

/* ---- names ---------------------------------------------------------------- */

/* @name of libc, as config/libconfig.syms has libconfig ask for it. */
#define INSTEAD_OF(name, ours) \
	extern __typeof__(ours) mh_libc_##name __attribute__((alias(#ours)));

INSTEAD_OF(malloc, mh_contained_malloc)
INSTEAD_OF(calloc, libc_calloc)
INSTEAD_OF(realloc, libc_realloc)
INSTEAD_OF(free, libc_free)
INSTEAD_OF(strdup, libc_strdup)
INSTEAD_OF(__strdup, libc_strdup)
INSTEAD_OF(exit, libc_exit)
INSTEAD_OF(abort, libc_exit)
INSTEAD_OF(fopen, libc_fopen)
INSTEAD_OF(fopen64, libc_fopen)
INSTEAD_OF(fread, libc_fread)
INSTEAD_OF(getc, libc_getc)
INSTEAD_OF(_IO_getc, libc_getc)
INSTEAD_OF(fileno, libc_fileno)
INSTEAD_OF(isatty, libc_fileno)
INSTEAD_OF(fstat, libc_fstat)
INSTEAD_OF(fstat64, libc_fstat)
INSTEAD_OF(__fxstat, libc_fxstat)
INSTEAD_OF(__fxstat64, libc_fxstat)
INSTEAD_OF(strtol, libc_strtol)
INSTEAD_OF(__isoc23_strtol, libc_strtol)
INSTEAD_OF(strtoul, libc_strtoul)
INSTEAD_OF(__isoc23_strtoul, libc_strtoul)

/* Nothing to be done, or what only writing a file would need. */
INSTEAD_OF(ferror, libc_nothing)
INSTEAD_OF(clearerr, libc_nothing)
INSTEAD_OF(fclose, libc_nothing)
INSTEAD_OF(newlocale, libc_nothing)
INSTEAD_OF(uselocale, libc_nothing)
INSTEAD_OF(freelocale, libc_nothing)
INSTEAD_OF(fprintf, libc_nothing)
INSTEAD_OF(__fprintf_chk, libc_nothing)
INSTEAD_OF(fputs, libc_nothing)
INSTEAD_OF(fputc, libc_nothing)
INSTEAD_OF(putc, libc_nothing)
INSTEAD_OF(_IO_putc, libc_nothing)
INSTEAD_OF(fwrite, libc_nothing)
INSTEAD_OF(fflush, libc_nothing)
INSTEAD_OF(fsync, libc_nothing)

/* Handed to these, and never looked into. */
void *mh_libc_stdin, *mh_libc_stdout, *mh_libc_stderr;
