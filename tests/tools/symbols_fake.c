// SPDX-License-Identifier: MIT
/*
 * symbols_fake - tools/symbols.c with a reader that crashes, hangs and lies
 *
 * For test_symbols.sh, which compiles it with a short SYMBOLS_STALL_MS and
 * CHILD_SECONDS.  The
 * path says what the reader does.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "debuginfo.h"
#include "symbols.h"
#include "tools.h"

#define NR	100u
#define GROUP	10u	/* addresses of one unit */

static int failures;

static void expect(const char *name, int holds)
{
	if (holds)
		return;
	printf("not ok: %s\n", name);
	failures++;
}

static void lie(int fd, uint32_t kind, uint32_t nr, uint32_t index,
		uint32_t why)
{
	uint32_t message[] = { kind, nr, index, why };
	ssize_t written = write(fd, message, sizeof(message));

	(void)written;
}

static void misbehave(const struct request *request)
{
	int fd = *(int *)request->arg;	/* struct sender begins with it */
	char junk[4096];
	ssize_t nr;

	if (streq(request->path, "crash"))
		abort();
	if (streq(request->path, "hang")) {
		for (;;)
			pause();
	}
	if (streq(request->path, "drip")) {
		for (;;) {
			lie(fd, 1, 0, 0, 0);
			usleep(1000);
		}
	}
	if (streq(request->path, "kind"))
		lie(fd, 77, 0, 0, 0);
	if (streq(request->path, "text"))
		lie(fd, 1, UINT32_MAX, 0, 0);
	if (streq(request->path, "begin"))
		lie(fd, 2, UINT32_MAX, 0, 0);
	if (streq(request->path, "frames"))
		lie(fd, 3, UINT32_MAX, 0, 0);
	if (streq(request->path, "index"))
		lie(fd, 3, 0, UINT32_MAX, 0);
	if (streq(request->path, "why"))
		lie(fd, 3, 0, 0, UINT32_MAX);
	if (streq(request->path, "half"))
		lie(fd, 3, 5, 0, 0);
	if (streq(request->path, "junk")) {
		memset(junk, 0xa5, sizeof(junk));
		nr = write(fd, junk, sizeof(junk));
		(void)nr;
	}
	_exit(0);
}

/* Good as long as it is told to keep away from the units 3 and 4. */
void debuginfo_find(const struct request *request)
{
	struct numbered_frame frame = { .line = 7 };
	struct texts texts = { 0 };
	uint32_t i, index;

	if (streq(request->path, "opening") && !request->plain[0])
		abort();
	frame.function = texts_add(&texts, "f");
	frame.file = streq(request->path, "number") ? 12345
						    : texts_add(&texts, "c");
	for (i = 0; i < request->nr; i++) {
		unsigned int unit = request->address[i] / GROUP;

		index = i;
		if (!request->plain[i]) {
			request->begin(request->arg, &index, 1);
			if (unit == 3 || unit == 4)
				misbehave(request);
		}
		request->found(request->arg, i, request->plain[i] ?
			       WHY_DEBUG_BROKEN : WHY_NOTHING, &texts, &frame,
			       1);
		if (streq(request->path, "twice"))
			request->found(request->arg, i, WHY_NOTHING, &texts,
				       &frame, 1);
	}
}

/* Number of places with @line, and of those that say why. */
static void count(const struct place *place, int *lines, int *whys)
{
	unsigned int i;

	*lines = *whys = 0;
	for (i = 0; i < NR; i++) {
		*lines += place[i].nr == 1 && place[i].frame[0].line == 7 &&
			  streq(place[i].frame[0].function, "f");
		*whys += place[i].why != NULL;
	}
}

static void find(const char *path, struct symbols **sym, struct place *place)
{
	uint64_t address[NR];
	unsigned int i;

	for (i = 0; i < NR; i++)
		address[i] = NR - 1 - i;
	*sym = symbols_open(path, (const unsigned char *)"id", 2);
	symbols_find_all(*sym, address, NR, place);
}

int main(void)
{
	/* What goes wrong in a unit costs that unit; after some children, all
	 * units that are left. */
	static const char *const wrongs[] = {
		"crash", "hang", "kind", "text", "begin", "frames", "index",
		"why", "half", "junk", "exit", "drip",
	};
	struct rlimit files;
	struct place place[NR];
	struct symbols *sym;
	int lines, whys;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		find(wrongs[i], &sym, place);
		count(place, &lines, &whys);
		expect(wrongs[i], lines == NR && whys > 0 && whys < 60);
		expect(wrongs[i], !place[NR - 1 - 99].why &&
		       place[NR - 1 - 30].why &&
		       streq(place[NR - 1 - 30].why,
			     "its debug info is broken"));
		symbols_close(sym);
	}
	find("opening", &sym, place);
	count(place, &lines, &whys);
	expect("opening", lines == NR && whys == NR);
	symbols_close(sym);

	find("twice", &sym, place);
	symbols_close(sym);

	find("number", &sym, place);
	expect("number", place[0].nr == 1 && !place[0].frame[0].file);
	symbols_close(sym);

	find(NULL, &sym, place);
	expect("no path", !place[0].nr && place[0].why);
	symbols_close(sym);

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &files);
	find("none", &sym, place);
	expect("no descriptors", !place[0].nr && place[0].why &&
	       strstr(place[0].why, "no process"));
	symbols_close(sym);
	if (!failures)
		printf("all well\n");
	return failures > 0;
}
