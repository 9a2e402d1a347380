// SPDX-License-Identifier: MIT
/*
 * report_fuzz - report on copies of a good file in which something was changed
 *
 *	report_fuzz FILE SEED TURNS DIR
 *
 * Each turn changes one to sixteen things of a copy in DIR: a byte, a number
 * that has a meaning, whole pages; or cuts the copy off.  All forms of a report
 * are made of it.  To be compiled with sanitizers: what they find, or a turn
 * that takes too long, ends it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "sitefile.h"
#include "tools.h"

#define TURN_SECONDS	20
#define BYTES_MOST	(1u << 20)

static uint64_t state;

static uint64_t draw(void)
{
	/* Steele, Lea, Flood: Fast splittable pseudorandom number generators */
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = {
		0, 1, 7, 62, 63, 64, 4032, 4033, 4095, 4096, 65535, INT32_MAX,
		UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 4095,
		(uint64_t)1 << 44, (uint64_t)1 << 60, (uint64_t)15 << 60,
	};

	return draw() % 4 ? odd[draw() % ARRAY_SIZE(odd)] : draw();
}

/* Where the numbers are: in the head, at the begin of a page, in a record. */
static size_t somewhere(size_t bytes)
{
	size_t page = draw() % (bytes / MH_SITES_PAGE_BYTES) *
		      MH_SITES_PAGE_BYTES;

	switch (draw() % 4) {
	case 0:
		return draw() % sizeof(struct mh_sites_header);
	case 1:
		return page + draw() % 16;
	case 2:
		return page + 64 + draw() % 128;
	default:
		return draw() % bytes;
	}
}

/* A module whose lengths could be, but for their sum, or one of them. */
static void change_module(unsigned char *copy, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += MH_SITES_PAGE_BYTES) {
		struct mh_sites_page *page = (void *)(copy + at);
		struct mh_sites_module *module = (void *)page->module;

		if (page->kind != MH_SITES_PAGE_MODULES)
			continue;
		module->bytes = sizeof(page->module) + 8 - draw() % 3 * 8;
		page->used = sizeof(page->module) - draw() % 2 * 8;
		module->build_id_bytes = (uint16_t)(draw() % 200);
		module->path_bytes = (uint16_t)(module->bytes - sizeof(*module) -
						module->build_id_bytes +
						draw() % 2);
		return;
	}
}

static void change(unsigned char *copy, size_t bytes)
{
	size_t at = somewhere(bytes), nr = (size_t)1 << draw() % 4, from;
	uint64_t number = odd_number();

	switch (draw() % 16) {
	case 0:
		copy[at] = (unsigned char)draw();
		return;
	case 1:
		change_module(copy, bytes);
		return;
	case 2:		/* one page over another */
		at = at / MH_SITES_PAGE_BYTES * MH_SITES_PAGE_BYTES;
		from = draw() % (bytes / MH_SITES_PAGE_BYTES) *
		       MH_SITES_PAGE_BYTES;
		memmove(copy + at, copy + from, MH_SITES_PAGE_BYTES);
		return;
	default:
		at &= ~(nr - 1);
		if (at + nr <= bytes)
			memcpy(copy + at, &number, nr);
	}
}

static void turn(const char *dir, const char *path, const char *good,
		 size_t bytes, FILE *out)
{
	struct report_options options;
	unsigned char *copy = xcalloc(bytes, 1);
	size_t nr = 1 + draw() % 16, left = bytes;
	FILE *file = fopen(path, "w");

	memcpy(copy, good, bytes);
	while (nr--)
		change(copy, bytes);
	/* Without these nothing else would be looked at. */
	if (draw() % 8)
		memcpy(copy, good, 32);
	if (draw() % 8 == 0)
		left = draw() % bytes;
	if (!file || fwrite(copy, 1, left, file) != left || fclose(file))
		die("%s: cannot be written", path);
	free(copy);
	for (int form = REPORT_TEXT; form <= REPORT_PROCESSES; form++) {
		report_options_init(&options);
		options.form = (enum report_form)form;
		options.by = (enum report_by)(draw() % 4);
		options.sort = (enum report_sort)(draw() % 8);
		options.leaks = (int)(draw() % 2);
		options.peak = (int)(draw() % 2);
		if (options.leaks)
			strings_add(&options.suppress, "^many*");
		options.each = (int)(draw() % 2);
		options.histogram = 1;
		options.no_symbols = 1;
		alarm(TURN_SECONDS);
		report_directory(dir, out, &options);
		report_options_free(&options);
	}
}

int main(int argc, char **argv)
{
	char *good, *path;
	size_t bytes;
	FILE *out;

	if (argc != 5)
		return 2;
	tool_command = "fuzz";
	good = read_file(argv[1], &bytes);
	if (!good || bytes < 2 * MH_SITES_PAGE_BYTES || bytes > BYTES_MOST)
		die("%s: no file of sites, or no small one", argv[1]);
	path = xasprintf("%s/x" MH_SITES_SUFFIX, argv[4]);
	out = fopen("/dev/null", "w");
	if (!out)
		die("/dev/null cannot be opened");
	for (unsigned long i = 0; i < strtoul(argv[3], NULL, 10); i++) {
		state = strtoul(argv[2], NULL, 10) + i;
		turn(argv[4], path, good, bytes, out);
	}
	free(good);
	free(path);
	fclose(out);
	puts("all well");
	return 0;
}
