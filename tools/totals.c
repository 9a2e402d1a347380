// SPDX-License-Identifier: MIT
/*
 * totals - the file in which the count layers of a run add up
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shard.h"
#include "tools.h"
#include "totals.h"

/* One line of the totals file, as the count layer writes it. */
struct line {
	uint64_t owner;
	uint32_t pid;
	uint32_t link;
	uint64_t calls;
	uint64_t bytes;
	uint64_t failed;
	char ident[TOTALS_IDENT_BYTES];
};
_Static_assert(sizeof(struct line) == sizeof(struct mh_shards_header),
	       "line 0 is the header");
_Static_assert(sizeof(struct line) == TOTALS_LINE_BYTES, "as said");

static int write_at(int fd, const void *from, size_t bytes, off_t at)
{
	ssize_t nr;

	do
		nr = pwrite(fd, from, bytes, at);
	while (nr < 0 && errno == EINTR);
	return nr == (ssize_t)bytes ? 0 : -1;
}

int totals_make(const char *path, uint32_t limit, int *fd)
{
	const struct mh_shards_header header = {
		.magic = MH_SHARDS_MAGIC,
		.version = MH_SHARDS_VERSION,
		.stride = sizeof(struct line),
		.limit = limit,
		.used = 1,
	};
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	int err;

	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd < 0)
		return errno;
	sigaction(SIGXFSZ, &ignore, &old);	/* ulimit -f */
	err = posix_fallocate(*fd, 0, (off_t)limit * sizeof(struct line));
	if (!err && write_at(*fd, &header, sizeof(header), 0))
		err = errno;
	sigaction(SIGXFSZ, &old, NULL);
	if (!err)
		return 0;
	unlink(path);
	close(*fd);
	*fd = -1;
	return err;
}

static int by_stack(const void *a, const void *b)
{
	const struct totals *x = a, *y = b;
	int order;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	order = strcmp(x->ident, y->ident);
	return order ? order : (x->first > y->first) - (x->first < y->first);
}

static int by_birth(const void *a, const void *b)
{
	const struct totals *x = a, *y = b;

	if (x->born != y->born)
		return x->born < y->born ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Lines of a process lie together then, whichever stack's they are. */
static void sort_by_birth(struct totals *list, size_t nr)
{
	size_t start = 0;

	for (size_t i = 0; i < nr; i++) {
		if (list[i].pid != list[start].pid)
			start = i;
		if (list[i].first < list[start].born || i == start)
			list[start].born = list[i].first;
	}
	for (size_t i = 1; i < nr; i++)
		if (list[i].pid == list[i - 1].pid)
			list[i].born = list[i - 1].born;
	qsort(list, nr, sizeof(*list), by_birth);
}

void totals_add(struct totals *sum, const struct totals *more)
{
	sum->calls += more->calls;
	sum->bytes += more->bytes;
	sum->failed += more->failed;
}

/*
 * By read, not by mmap: whoever truncates the file must not kill us.
 */
size_t totals_read(int fd, uint32_t limit, struct totals **each, int *full)
{
	struct mh_shards_header header = { .used = 0 };
	struct totals *list;
	struct line line;
	size_t nr = 0, i, last = 0;
	uint32_t end;

	if (pread(fd, &header, sizeof(header), 0) !=
	    sizeof(header))
		say("the totals file was truncated by somebody");
	*full = header.used > limit;
	end = *full ? limit : header.used;
	list = xcalloc(end + 1, sizeof(*list));
	*each = list;
	for (i = 1; i < end; i++) {
		if (pread(fd, &line, sizeof(line),
			  (off_t)i * sizeof(line)) != sizeof(line))
			break;
		if (!line.pid)
			continue;
		list[nr] = (struct totals){
			.pid = line.pid, .first = i, .calls = line.calls,
			.bytes = line.bytes, .failed = line.failed,
		};
		memcpy(list[nr].ident, line.ident, sizeof(line.ident));
		text_clean(list[nr++].ident);
	}
	if (!nr)
		return 0;
	qsort(list, nr, sizeof(*list), by_stack);
	for (i = 1; i < nr; i++) {
		if (list[i].pid == list[last].pid &&
		    streq(list[i].ident, list[last].ident))
			totals_add(&list[last], &list[i]);
		else
			list[++last] = list[i];
	}
	sort_by_birth(list, last + 1);
	return last + 1;
}

static const char *plural(uint64_t nr, const char *one, const char *many)
{
	return nr == 1 ? one : many;
}

void totals_print(FILE *out, const char *who, const struct totals *sum,
		  const char *note)
{
	static const char *const prefix[] = { "Ki", "Mi", "Gi", "Ti", "Pi" };
	double human = sum->bytes;
	int i = -1;

	while (human >= 1024 && i < (int)ARRAY_SIZE(prefix) - 1) {
		human /= 1024;
		i++;
	}
	fprintf(out, "mallochooks: run: %s %llu %s, %llu %s requested", who,
		(unsigned long long)sum->calls,
		plural(sum->calls, "allocation", "allocations"),
		(unsigned long long)sum->bytes,
		plural(sum->bytes, "byte", "bytes"));
	if (i >= 0)
		fprintf(out, " (%.1f %sB)", human, prefix[i]);
	fprintf(out, ", %llu failed%s\n", (unsigned long long)sum->failed, note);
}
