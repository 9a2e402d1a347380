// SPDX-License-Identifier: MIT
/*
 * symbols - addresses of ELF files to functions, files and lines
 *
 * Starts a child for each look-up, which reads the file (debuginfo.c, by
 * elfutils) and sends what it finds through a pipe.  Before it goes into the
 * debug info of a part it says for which addresses.  If it dies there, or says
 * nothing for too long, another one goes on without the debug info of that
 * part; and after a few of them, without any.  What comes through the pipe is
 * checked like a file of a stranger.
 *
 * Costs a fork and the opening of the file for each look-up, and 1 to 50 ms for
 * each unit of debug info that has one of the addresses in it.  The child's
 * memory goes with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "debuginfo.h"
#include "symbols.h"
#include "tools.h"

#ifndef SYMBOLS_STALL_MS
#define SYMBOLS_STALL_MS	30000	/* without a word from the child */
#endif
#ifndef CHILD_SECONDS
#define CHILD_SECONDS		240	/* for all that it says */
#endif
#define CHILD_BYTES		((rlim_t)6 << 30)
#define CHILDREN_MAX		4	/* for one look-up */
#define TEXT_BYTES_MAX		(1u << 20)
#define FRAMES_MAX		256
#define SEND_BYTES		65536

/**
 * struct symbols - a file whose addresses are to be looked up
 * @texts:	strings of all children, by the numbers of the present child
 *		from @first_text on
 * @frames:	arrays of the places, freed with it
 * @why:	reasons in the words of this file
 */
struct symbols {
	char *path;
	unsigned char *build_id;
	size_t build_id_bytes;
	const char *debug_dirs;
	struct texts texts;
	uint32_t *number;
	uint32_t nr_numbers;
	struct frame **frames;
	size_t nr_frames;
	char *why[NR_WHY];
};

/* What goes through the pipe: this, then @nr bytes, numbers or frames. */
enum kind { KIND_TEXT = 1, KIND_BEGIN, KIND_PLACE };

struct message {
	uint32_t kind;
	uint32_t nr;
	uint32_t index;		/* of a place */
	uint32_t why;
};

static const char *debug_dirs;

void symbols_debug_dirs(const char *dirs)
{
	debug_dirs = dirs;
}

/* ---- the child ----------------------------------------------------------- */

struct sender {
	int fd;
	uint32_t nr_texts;	/* that the parent has */
	size_t nr;
	char buf[SEND_BYTES];
};

static void flush(struct sender *sender)
{
	size_t at;
	ssize_t nr;

	for (at = 0; at < sender->nr; at += nr) {
		nr = write(sender->fd, sender->buf + at, sender->nr - at);
		if (nr < 0 && errno == EINTR)
			nr = 0;
		else if (nr < 0)
			_exit(1);
	}
	sender->nr = 0;
}

static void put(struct sender *sender, const void *from, size_t bytes)
{
	const char *at = from;
	size_t part;

	for (; bytes; bytes -= part, at += part) {
		if (sender->nr == SEND_BYTES)
			flush(sender);
		part = SEND_BYTES - sender->nr;
		if (part > bytes)
			part = bytes;
		memcpy(sender->buf + sender->nr, at, part);
		sender->nr += part;
	}
}

static void send_begin(void *arg, const uint32_t *index, uint32_t nr)
{
	struct message message = { .kind = KIND_BEGIN, .nr = nr };

	put(arg, &message, sizeof(message));
	put(arg, index, nr * sizeof(*index));
	flush(arg);
}

static void send_text(struct sender *sender, const char *text)
{
	struct message message = { .kind = KIND_TEXT };
	size_t nr = strlen(text);

	message.nr = nr < TEXT_BYTES_MAX ? nr : TEXT_BYTES_MAX;
	put(sender, &message, sizeof(message));
	put(sender, text, message.nr);
}

static void send_place(void *arg, uint32_t index, enum why why,
		       const struct texts *texts,
		       const struct numbered_frame *frame, uint32_t nr)
{
	struct message message = { .kind = KIND_PLACE, .nr = nr,
				   .index = index, .why = why };
	struct sender *sender = arg;

	if (!sender->nr_texts)
		sender->nr_texts = 1;
	while (sender->nr_texts < texts->nr)
		send_text(sender, texts->text[sender->nr_texts++]);
	put(sender, &message, sizeof(message));
	put(sender, frame, nr * sizeof(*frame));
}

static void limit(int what, rlim_t most)
{
	struct rlimit rlimit;

	if (getrlimit(what, &rlimit))
		return;
	if (rlimit.rlim_max == RLIM_INFINITY || rlimit.rlim_max > most)
		rlimit.rlim_max = most;
	if (rlimit.rlim_cur == RLIM_INFINITY || rlimit.rlim_cur > most)
		rlimit.rlim_cur = most;
	setrlimit(what, &rlimit);
}

/* Address space in use: a sanitizer's is huge. */
static rlim_t space_bytes(void)
{
	unsigned long long pages = 0;
	char *line = read_file("/proc/self/statm", NULL);

	if (line)
		pages = strtoull(line, NULL, 10);
	free(line);
	return pages * sysconf(_SC_PAGESIZE);
}

/* The child's life: quiet, bounded, and over when its parent is gone. */
static void __attribute__((noreturn)) be_child(const struct request *request,
					       pid_t parent, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	limit(RLIMIT_CORE, 0);
	signal(SIGALRM, SIG_DFL);
	alarm(CHILD_SECONDS);
	limit(RLIMIT_AS, space_bytes() + CHILD_BYTES);
	debuginfo_find(request);
	flush(request->arg);
	close(fd);
	_exit(0);
}

/* ---- the parent ---------------------------------------------------------- */

/**
 * struct hunt - one look-up
 * @plain:	for each address: keep away from its debug info
 * @begun:	for each: its debug info is being read
 * @done:	for each: it has its place
 * @index:	for each address of the child, which of ours it is
 * @buf:	what came and was not understood yet, @bytes of @room
 */
struct hunt {
	struct symbols *sym;
	const uint64_t *address;
	struct place *place;
	size_t nr;
	size_t left;
	unsigned char *plain;
	unsigned char *begun;
	unsigned char *done;
	uint32_t *index;
	uint32_t nr_sent;
	char *buf;
	size_t bytes;
	size_t room;
};

static int is_packaged(const char *path)
{
	return (starts_with(path, "/usr/") &&
		!starts_with(path, "/usr/local/")) ||
	       starts_with(path, "/lib") || starts_with(path, "/bin/") ||
	       starts_with(path, "/sbin/");
}

static const char *words_of(const struct symbols *sym, enum why why)
{
	int packaged = sym->path && is_packaged(sym->path);

	switch (why) {
	case WHY_GONE:
		return "the file is gone";
	case WHY_UNREADABLE:
		return "the file cannot be read (permission?)";
	case WHY_NOT_ELF:
		return "not an ELF file";
	case WHY_BROKEN:
		return "the file is broken or cut off";
	case WHY_REPLACED:
		return "the file was replaced (other build id)";
	case WHY_NO_CODE:
		return "the file has no code at this address";
	case WHY_STRIPPED:
		return packaged ?
			"stripped: install its -dbgsym or -debuginfo package" :
			"stripped: link it without -s, and build it with -g";
	case WHY_NO_DEBUG:
		return packaged ?
			"no lines: install its -dbgsym or -debuginfo package" :
			"no lines: build it with -g";
	case WHY_NO_DEBUG_PART:
		return "no lines: this part of it was built without -g";
	case WHY_DEBUG_BROKEN:
		return "its debug info is broken";
	case WHY_NO_LINE:
		return "the compiler gave no line for this";
	case WHY_NO_READER:
		return "no process could be started to read it";
	case WHY_NOTHING:
	case NR_WHY:
		break;
	}
	return NULL;
}

/* Nothing is said of a file that was not taken for the one that ran. */
static int is_unverified(const struct symbols *sym, enum why why)
{
	switch (why) {
	case WHY_GONE:
	case WHY_UNREADABLE:
	case WHY_NOT_ELF:
	case WHY_BROKEN:
	case WHY_REPLACED:
	case WHY_NO_READER:
		return 0;
	default:
		return !sym->build_id_bytes;
	}
}

static const char *why_text(struct symbols *sym, enum why why)
{
	const char *words = words_of(sym, why);

	if (!is_unverified(sym, why))
		return words;
	if (!sym->why[why])
		sym->why[why] = xasprintf("%s%sno build id: it may be another"
					  " file than the one that ran",
					  words ? words : "",
					  words ? "; " : "");
	return sym->why[why];
}

static struct frame *new_frames(struct symbols *sym, size_t nr)
{
	struct frame *frame = xcalloc(nr, sizeof(*frame));

	if (!(sym->nr_frames & (sym->nr_frames - 1)))
		sym->frames = xrealloc(sym->frames, 2 * (sym->nr_frames + 1) *
				       sizeof(*sym->frames));
	sym->frames[sym->nr_frames++] = frame;
	return frame;
}

static void set_place(struct hunt *hunt, size_t i, enum why why)
{
	hunt->place[i].why = why_text(hunt->sym, why);
	hunt->done[i] = 1;
	hunt->left--;
}

static void take_text(struct symbols *sym, const char *from, size_t bytes)
{
	char *text = xstrndup(from, bytes);

	text_clean(text);
	if (!(sym->nr_numbers & (sym->nr_numbers - 1)))
		sym->number = xrealloc(sym->number, 2 * (sym->nr_numbers + 1) *
				       sizeof(*sym->number));
	sym->number[sym->nr_numbers++] = texts_add(&sym->texts, text);
	free(text);
}

/* The child counts its texts from 1. */
static const char *text_of(const struct symbols *sym, uint32_t number)
{
	if (!number || number > sym->nr_numbers)
		return NULL;
	return sym->texts.text[sym->number[number - 1]];
}

static void take_begin(struct hunt *hunt, const char *from, uint32_t nr)
{
	uint32_t i, index;

	memset(hunt->begun, 0, hunt->nr);
	for (i = 0; i < nr; i++) {
		memcpy(&index, from + i * sizeof(index), sizeof(index));
		if (index < hunt->nr_sent)
			hunt->begun[hunt->index[index]] = 1;
	}
}

static int take_place(struct hunt *hunt, const struct message *message,
		      const char *from)
{
	struct symbols *sym = hunt->sym;
	struct numbered_frame numbered;
	struct frame *frame = NULL;
	uint32_t i;
	size_t to;

	if (message->index >= hunt->nr_sent || message->why >= NR_WHY)
		return -1;
	to = hunt->index[message->index];
	if (hunt->done[to])
		return -1;
	if (message->nr)
		frame = new_frames(sym, message->nr);
	for (i = 0; i < message->nr; i++) {
		memcpy(&numbered, from + i * sizeof(numbered),
		       sizeof(numbered));
		frame[i].function = text_of(sym, numbered.function);
		frame[i].file = text_of(sym, numbered.file);
		frame[i].line = numbered.line > 0 ? numbered.line : 0;
	}
	hunt->place[to].frame = frame;
	hunt->place[to].nr = message->nr;
	set_place(hunt, to, message->why);
	return 0;
}

/* Bytes behind a message, or -1 when it is none. */
static ssize_t body_bytes(const struct hunt *hunt,
			  const struct message *message)
{
	switch (message->kind) {
	case KIND_TEXT:
		return message->nr > TEXT_BYTES_MAX ? -1 : (ssize_t)message->nr;
	case KIND_BEGIN:
		return message->nr > hunt->nr_sent ?
			-1 : (ssize_t)(message->nr * sizeof(uint32_t));
	case KIND_PLACE:
		return message->nr > FRAMES_MAX ?
			-1 : (ssize_t)(message->nr *
				       sizeof(struct numbered_frame));
	}
	return -1;
}

/* All whole messages that are there.  Return: 0, or -1 when they are none. */
static int take_messages(struct hunt *hunt)
{
	struct message message;
	size_t at = 0;
	ssize_t body;
	char *from;

	while (hunt->bytes - at >= sizeof(message)) {
		memcpy(&message, hunt->buf + at, sizeof(message));
		body = body_bytes(hunt, &message);
		if (body < 0)
			return -1;
		if (hunt->bytes - at - sizeof(message) < (size_t)body)
			break;
		from = hunt->buf + at + sizeof(message);
		if (message.kind == KIND_TEXT)
			take_text(hunt->sym, from, message.nr);
		else if (message.kind == KIND_BEGIN)
			take_begin(hunt, from, message.nr);
		else if (take_place(hunt, &message, from))
			return -1;
		at += sizeof(message) + body;
	}
	hunt->bytes -= at;
	memmove(hunt->buf, hunt->buf + at, hunt->bytes);
	return 0;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Is there more before the child has been silent for too long? */
static int wait_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	long long left, end = now_ms() + SYMBOLS_STALL_MS;
	int nr;

	do {
		left = end - now_ms();
		nr = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (nr < 0 && errno == EINTR);
	return nr > 0;
}

static void receive(struct hunt *hunt, int fd)
{
	ssize_t nr;

	while (wait_readable(fd)) {
		if (hunt->room - hunt->bytes < SEND_BYTES) {
			hunt->room = 2 * hunt->room + SEND_BYTES;
			hunt->buf = xrealloc(hunt->buf, hunt->room);
		}
		nr = read(fd, hunt->buf + hunt->bytes,
			  hunt->room - hunt->bytes);
		if (nr < 0 && errno == EINTR)
			continue;
		if (nr <= 0)
			break;
		hunt->bytes += nr;
		if (take_messages(hunt))
			break;
	}
}

/* The addresses that are left, as the child gets them. */
static void fill_request(struct hunt *hunt, struct request *request,
			 uint64_t *address, unsigned char *plain)
{
	size_t i;

	hunt->nr_sent = 0;
	for (i = 0; i < hunt->nr; i++) {
		if (hunt->done[i])
			continue;
		address[hunt->nr_sent] = hunt->address[i];
		plain[hunt->nr_sent] = hunt->plain[i];
		hunt->index[hunt->nr_sent++] = i;
	}
	request->path = hunt->sym->path;
	request->build_id = hunt->sym->build_id;
	request->build_id_bytes = hunt->sym->build_id_bytes;
	request->debug_dirs = hunt->sym->debug_dirs;
	request->address = address;
	request->plain = plain;
	request->nr = hunt->nr_sent;
	request->begin = send_begin;
	request->found = send_place;
}

/* Return: 0, or -1 when there was no child. */
static int run_child(struct hunt *hunt, const struct request *request)
{
	pid_t child, self = getpid();
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	/* So that it has nothing to write out for us. */
	fflush(NULL);
	child = fork();
	if (!child) {
		struct sender *sender = request->arg;

		close(pipes[0]);
		sender->fd = pipes[1];
		be_child(request, self, pipes[1]);
	}
	close(pipes[1]);
	if (child > 0) {
		receive(hunt, pipes[0]);
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipes[0]);
	return child < 0 ? -1 : 0;
}

/* Return: 0, or -1 when there was no child. */
static int hunt_once(struct hunt *hunt)
{
	uint64_t *address = xcalloc(hunt->left, sizeof(*address));
	unsigned char *plain = xcalloc(hunt->left, 1);
	struct sender *sender = xcalloc(1, sizeof(*sender));
	struct request request = { .arg = sender };
	int result;

	memset(hunt->begun, 0, hunt->nr);
	hunt->bytes = 0;
	hunt->sym->nr_numbers = 0;
	fill_request(hunt, &request, address, plain);
	result = run_child(hunt, &request);
	free(address);
	free(plain);
	free(sender);
	return result;
}

/*
 * avoid() - what the next child is to keep away from
 *
 * Return: 0, or -1 when there is nothing that it could do better.
 */
static int avoid(struct hunt *hunt, int all)
{
	int any = 0, more = 0;
	size_t i;

	for (i = 0; i < hunt->nr; i++)
		any |= hunt->begun[i] && !hunt->done[i];
	for (i = 0; i < hunt->nr; i++) {
		if (hunt->done[i] || hunt->plain[i])
			continue;
		if (all || !any || hunt->begun[i])
			hunt->plain[i] = more = 1;
	}
	return more ? 0 : -1;
}

void symbols_find_all(struct symbols *sym, const uint64_t *address, size_t nr,
		      struct place *place)
{
	struct hunt hunt = { .sym = sym, .address = address, .place = place,
			     .nr = nr, .left = nr };
	enum why why = sym->path ? WHY_BROKEN : WHY_GONE;
	int children;
	size_t i;

	if (!nr)
		return;
	memset(place, 0, nr * sizeof(*place));
	hunt.plain = xcalloc(nr, 1);
	hunt.begun = xcalloc(nr, 1);
	hunt.done = xcalloc(nr, 1);
	hunt.index = xcalloc(nr, sizeof(*hunt.index));
	for (children = 1; sym->path && hunt.left; children++) {
		if (hunt_once(&hunt)) {
			why = WHY_NO_READER;
			break;
		}
		if (children > CHILDREN_MAX ||
		    avoid(&hunt, children == CHILDREN_MAX))
			break;
	}
	for (i = 0; i < nr; i++) {
		if (!hunt.done[i])
			set_place(&hunt, i, why);
	}
	free(hunt.plain);
	free(hunt.begun);
	free(hunt.done);
	free(hunt.index);
	free(hunt.buf);
}

struct symbols *symbols_open(const char *path, const unsigned char *build_id,
			     size_t build_id_bytes)
{
	struct symbols *sym = xcalloc(1, sizeof(*sym));

	sym->path = path ? xstrdup(path) : NULL;
	sym->debug_dirs = debug_dirs ? debug_dirs : "/usr/lib/debug";
	if (build_id && build_id_bytes) {
		sym->build_id = xcalloc(build_id_bytes, 1);
		memcpy(sym->build_id, build_id, build_id_bytes);
		sym->build_id_bytes = build_id_bytes;
	}
	return sym;
}

void symbols_close(struct symbols *sym)
{
	size_t i;

	for (i = 0; i < sym->nr_frames; i++)
		free(sym->frames[i]);
	free(sym->frames);
	for (i = 0; i < NR_WHY; i++)
		free(sym->why[i]);
	texts_free(&sym->texts);
	free(sym->number);
	free(sym->build_id);
	free(sym->path);
	free(sym);
}
