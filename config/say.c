// SPDX-License-Identifier: MIT
/*
 * say - lines of text for people, without stdio
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <mallochooks/runtime.h>
#include "syscall.h"

#define HIGH_FD		700	/* where descriptors of programs are rare */
#define LOW_FD		3	/* where the limit is lower than that */
#define KERNEL_SIGSET_BYTES 8	/* _NSIG / 8: both architectures have 64 */

MH_RUNTIME void mh_line_start(struct mh_line *line)
{
	line->nr = 0;
}

/* The last byte stays free for the newline; what does not fit is cut off. */
static void put(struct mh_line *line, char c)
{
	if (line->nr < sizeof(line->text) - 1)
		line->text[line->nr++] = c;
}

MH_RUNTIME void mh_line_str(struct mh_line *line, const char *str)
{
	while (*str)
		put(line, *str++);
}

/* Bytes of the UTF-8 character at @text, 0 when there is none.
 * Source: RFC 3629, section 4. */
static size_t utf8_bytes(const unsigned char *text, size_t nr)
{
	size_t bytes = *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 :
		       *text < 0xf5 ? 4 : 0;
	size_t i;

	if (!bytes || bytes > nr)
		return 0;
	for (i = 1; i < bytes; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* overlong, surrogate, beyond U+10FFFF; and the controls of C1 */
	if ((*text == 0xe0 && text[1] < 0xa0) ||
	    (*text == 0xed && text[1] > 0x9f) ||
	    (*text == 0xf0 && text[1] < 0x90) ||
	    (*text == 0xf4 && text[1] > 0x8f) ||
	    (*text == 0xc2 && text[1] < 0xa0))
		return 0;
	return bytes;
}

MH_RUNTIME void mh_line_text(struct mh_line *line, const char *text, size_t nr)
{
	while (nr) {
		size_t bytes = utf8_bytes((const unsigned char *)text, nr);

		if (!bytes) {
			put(line, *text >= ' ' && *text < 0x7f ? *text : '?');
			text++;
			nr--;
		}
		for (; bytes; bytes--, nr--)
			put(line, *text++);
	}
}

MH_RUNTIME void mh_line_dec(struct mh_line *line, uint64_t value)
{
	char digits[20];	/* of 2^64 - 1 */
	int nr = 0;

	do
		digits[nr++] = (char)('0' + value % 10);
	while (value /= 10);
	while (nr)
		put(line, digits[--nr]);
}

MH_RUNTIME void mh_line_int(struct mh_line *line, int64_t value)
{
	if (value < 0)
		put(line, '-');
	mh_line_dec(line, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

MH_RUNTIME void mh_line_hex(struct mh_line *line, uint64_t value)
{
	int shift = 60;

	put(line, '0');
	put(line, 'x');
	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put(line, "0123456789abcdef"[value >> shift & 15]);
}

static int write_all(const char *text, unsigned int nr, int fd)
{
	while (nr) {
		long done = mh_syscall(SYS_write, fd, (long)text, nr, 0, 0, 0);

		if (done == -EINTR)
			continue;
		if (done <= 0)
			return done ? (int)done : -EIO;
		text += done;
		nr -= (unsigned int)done;
	}
	return 0;
}

static uint64_t signal_bit(int signo)
{
	return 1ull << (signo - 1);
}

/*
 * A reader that went away, or a limit on files, must cost us the line and not
 * the program its life: the signal that the write raised is taken back, unless
 * one that the program blocks was waiting already.
 */
MH_RUNTIME int mh_line_write(struct mh_line *line, int fd)
{
	const uint64_t raised = signal_bit(SIGPIPE) | signal_bit(SIGXFSZ);
	const struct timespec now = { 0, 0 };
	uint64_t before = 0, waiting = 0, ours;
	int error;

	line->text[line->nr++] = '\n';
	mh_syscall(SYS_rt_sigprocmask, SIG_BLOCK, (long)&raised, (long)&before,
		   KERNEL_SIGSET_BYTES, 0, 0);
	if (before & raised)
		mh_syscall(SYS_rt_sigpending, (long)&waiting,
			   KERNEL_SIGSET_BYTES, 0, 0, 0, 0);
	error = write_all(line->text, line->nr, fd);
	ours = raised & ~waiting;
	if (error == -EPIPE || error == -EFBIG)
		mh_syscall(SYS_rt_sigtimedwait, (long)&ours, 0, (long)&now,
			   KERNEL_SIGSET_BYTES, 0, 0);
	mh_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0,
		   KERNEL_SIGSET_BYTES, 0, 0);
	return error;
}

static int identify(int fd, uint64_t *device, uint64_t *inode)
{
	struct stat st;
	int error = (int)mh_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0);

	if (!error) {
		*device = st.st_dev;
		*inode = st.st_ino;
	}
	return error;
}

MH_RUNTIME int mh_output_open(struct mh_output *output, int fd)
{
	long copy = mh_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD, 0, 0, 0);

	if (copy == -EINVAL || copy == -EMFILE)
		copy = mh_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LOW_FD, 0, 0,
				  0);
	output->fd = copy < 0 ? -1 : (int)copy;
	if (copy < 0)
		return (int)copy;
	return identify(output->fd, &output->device, &output->inode);
}

MH_RUNTIME int mh_output_fd(struct mh_output *output)
{
	uint64_t device, inode;

	if (output->fd >= 0 && (identify(output->fd, &device, &inode) ||
				device != output->device ||
				inode != output->inode))
		output->fd = -1;
	return output->fd;
}

MH_RUNTIME void mh_say(const char *who, const char *what)
{
	static int said;
	struct mh_line line;
	int nr = __atomic_fetch_add(&said, 1, __ATOMIC_RELAXED);

	if (nr > MH_SAY_MAX)
		return;
	mh_line_start(&line);
	mh_line_str(&line, "mallochooks: ");
	if (nr == MH_SAY_MAX) {
		mh_line_str(&line, "more lines than this are not written");
	} else {
		mh_line_str(&line, who);
		mh_line_str(&line, ": ");
		mh_line_str(&line, what);
	}
	mh_line_write(&line, 2);
}
