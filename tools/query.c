// SPDX-License-Identifier: MIT
/*
 * query - what is alive in another process, or was in one that has left a core
 *
 * Nothing runs in the process, and nothing in it is changed or stopped: its
 * descriptors lead to the table of the layer index, which is read from outside.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chunks.h"
#include "remote.h"
#include "show.h"
#include "symbols.h"

#define MOST_INDEXES	16

/* @ident: as of struct index */
struct found {
	struct mh_chunk chunk;
	const char *ident;
	uint32_t depth;
};

/* A site of something that was found, and where that is. */
struct where {
	uint64_t site;
	const struct module *module;
	struct place place;
};

struct index {
	char *ident;
	struct chunks chunks;
};

struct query {
	struct memory memory;
	struct index index[MOST_INDEXES];
	size_t nr_indexes;
	int refused;		/* an index of another release */
	struct found *found;
	size_t nr;
	size_t room;
	struct where *where;
	size_t nr_where;
	struct symbols **symbols;	/* by module */
};

static const char *core, *exe;
static int json, no_symbols;

/* ---- where the chunks are -------------------------------------------------------- */

static void add_index(const struct remote_layer *layer, void *arg)
{
	struct query *query = arg;
	struct index *index = &query->index[query->nr_indexes];

	if (!layer->layer.root)
		return;
	if (query->nr_indexes == MOST_INDEXES) {
		say("%s is not asked: more than %d indexes", layer->ident,
		    MOST_INDEXES);
		return;
	}
	if (chunks_open(&index->chunks, &query->memory,
			(uintptr_t)layer->layer.root)) {
		query->refused = 1;
		return;
	}
	index->ident = xstrdup(layer->ident);
	query->nr_indexes++;
}

static void close_query(struct query *query)
{
	for (size_t i = 0; query->symbols && i < query->memory.nr_modules; i++)
		if (query->symbols[i])
			symbols_close(query->symbols[i]);
	for (size_t i = 0; i < query->nr_indexes; i++) {
		chunks_close(&query->index[i].chunks);
		free(query->index[i].ident);
	}
	free(query->symbols);
	free(query->where);
	free(query->found);
	memory_close(&query->memory);
}

/* Return: 0, or -1 with a line said. */
static int open_query(struct query *query, const char *pid)
{
	char *end = NULL;
	long number = 0;
	struct chunks *chunks[MOST_INDEXES];
	int units;

	memset(query, 0, sizeof(*query));
	if (core) {
		if (memory_open_core(&query->memory, core, exe))
			return -1;
	} else {
		number = strtol(pid, &end, 10);
		if (number <= 0 || number > INT32_MAX || *end)
			die("\"%s\" is no process number: see --help", pid);
		if (memory_open_process(&query->memory, (pid_t)number))
			return -1;
	}
	units = remote_layers(&query->memory, add_index, query);
	if (!units)
		say("%s has no unit of libmallochooks in it: start the program "
		    "by \"mallochooks run\", or with the preload, or link it "
		    "with a stack", query->memory.name);
	else if (units > 0 && !query->nr_indexes && !query->refused)
		say("%s has no layer index: configure HOOK_INDEX, or compose "
		    "the stack with --layers=...,index", query->memory.name);
	for (size_t i = 0; i < query->nr_indexes; i++)
		chunks[i] = &query->index[i].chunks;
	chunks_nest(chunks, query->nr_indexes);
	if (query->nr_indexes)
		return 0;
	close_query(query);
	return -1;
}

static void add_found(struct query *query, const struct mh_chunk *chunk,
		      const struct index *index)
{
	if (query->nr == query->room) {
		query->room = query->room ? 2 * query->room : 64;
		query->found = xrealloc(query->found, query->room *
						      sizeof(*query->found));
	}
	query->found[query->nr].chunk = *chunk;
	query->found[query->nr].ident = index->ident;
	query->found[query->nr++].depth = index->chunks.head->depth;
}

/* ---- sites --------------------------------------------------------------------------- */

static int by_site(const void *a, const void *b)
{
	const struct where *x = a, *y = b;

	return (x->site > y->site) - (x->site < y->site);
}

static const struct where *find_where(const struct query *query, uint64_t site)
{
	const struct where key = { .site = site };

	return bsearch(&key, query->where, query->nr_where, sizeof(key),
		       by_site);
}

/* Each site once, in order. */
static void list_sites(struct query *query)
{
	size_t nr = 0;

	query->where = xcalloc(query->nr + 1, sizeof(*query->where));
	for (size_t i = 0; i < query->nr; i++)
		query->where[i].site = query->found[i].chunk.site;
	qsort(query->where, query->nr, sizeof(*query->where), by_site);
	for (size_t i = 0; i < query->nr; i++)
		if (!nr || query->where[nr - 1].site != query->where[i].site)
			query->where[nr++].site = query->where[i].site;
	query->nr_where = nr;
}

/* Those of one module follow each other. */
static size_t symbolise_module(struct query *query, size_t first)
{
	const struct module *module = query->where[first].module;
	const size_t nr_module = (size_t)(module - query->memory.module);
	uint64_t *address;
	struct place *place;
	size_t nr = 1;

	while (first + nr < query->nr_where &&
	       query->where[first + nr].module == module)
		nr++;
	address = xcalloc(nr, sizeof(*address));
	place = xcalloc(nr, sizeof(*place));
	for (size_t i = 0; i < nr; i++)
		address[i] = query->where[first + i].site - 1 - module->bias;
	query->symbols[nr_module] = symbols_open(module->path, module->build_id,
						 module->build_id_bytes);
	symbols_find_all(query->symbols[nr_module], address, nr, place);
	for (size_t i = 0; i < nr; i++)
		query->where[first + i].place = place[i];
	free(address);
	free(place);
	return nr;
}

static void symbolise(struct query *query)
{
	size_t i;

	list_sites(query);
	query->symbols = xcalloc(query->memory.nr_modules + 1,
				 sizeof(*query->symbols));
	for (i = 0; i < query->nr_where; i++)
		query->where[i].module = memory_module(
			&query->memory, query->where[i].site - 1);
	for (i = 0; !no_symbols && i < query->nr_where; )
		i += query->where[i].module ? symbolise_module(query, i) : 1;
}

/* ---- text ------------------------------------------------------------------------------ */

static void show_site(const struct query *query, uint64_t site)
{
	const struct where *where = find_where(query, site);
	const struct module *module = where->module;

	if (!site)
		fputs("(no site)", stdout);
	else if (where->place.nr)
		show_frame(stdout, &where->place.frame[0]);
	else
		printf("%#" PRIx64, module ? site - module->bias : site);
	if (module)
		printf("  [%s]", module->name);
}

static void show_object(const struct query *query, const struct found *found)
{
	const struct mh_chunk *chunk = &found->chunk;

	printf("%#14" PRIxPTR " %10zu %10zu %8" PRIu64 " %-8s %-7s ",
	       chunk->base, chunk->requested, chunk->usable, chunk->tag,
	       found->ident, chunk->pending ? "pending" : "-");
	show_site(query, chunk->site);
	putchar('\n');
}

/* The first one of a module says each reason. */
static int is_said(const struct query *query, size_t nr)
{
	const struct where *where = &query->where[nr];

	while (nr-- && query->where[nr].module == where->module)
		if (query->where[nr].place.why &&
		    streq(query->where[nr].place.why, where->place.why))
			return 1;
	return 0;
}

/* Why there is not more, as under the table of a report. */
static void show_notes(const struct query *query)
{
	const struct where *where;
	size_t sites;

	for (size_t i = 0; i < query->nr_where; i++) {
		where = &query->where[i];
		if (!where->module || !where->place.why || is_said(query, i))
			continue;
		sites = 0;
		for (size_t k = i; k < query->nr_where &&
				   query->where[k].module == where->module; k++)
			sites += query->where[k].place.why &&
				 streq(query->where[k].place.why,
				       where->place.why);
		printf("note: %s: %s (%zu %s)\n", where->module->name,
		       where->place.why, sites,
		       sites == 1 ? "site" : "sites");
	}
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void show_object_json(const struct query *query,
			     const struct found *found)
{
	const struct mh_chunk *chunk = &found->chunk;
	const struct where *where = find_where(query, chunk->site);

	printf("{\"base\":\"%#" PRIxPTR "\",\"requested\":%zu,\"usable\":%zu,"
	       "\"tag\":%" PRIu64 ",\"pending\":%s,\"ident\":", chunk->base,
	       chunk->requested, chunk->usable, chunk->tag,
	       chunk->pending ? "true" : "false");
	show_string(stdout, found->ident);
	printf(",\"site\":\"%#" PRIxPTR "\",\"module\":", chunk->site);
	show_string(stdout, where->module ? where->module->path : NULL);
	show_frames(stdout, &where->place);
	fputs(",\"why\":", stdout);
	show_string(stdout, where->place.why);
	putchar('}');
}

static void begin_json(const struct query *query, const char *format)
{
	printf("{\"format\":\"%s\",\"version\":1,\"pid\":", format);
	if (query->memory.pid)
		printf("%d", query->memory.pid);
	else
		fputs("null", stdout);
	fputs(",\"core\":", stdout);
	show_string(stdout, core);
}

/* ---- query ------------------------------------------------------------------------------- */

/* What an address lies in, in query->found. */
struct answer {
	uint64_t address;
	int error;
	size_t first;
	size_t nr;
};

/* The innermost first, as in mallochooks_query_outer(). */
static int by_extent(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->chunk.base != y->chunk.base)
		return x->chunk.base > y->chunk.base ? -1 : 1;
	if (x->chunk.usable != y->chunk.usable)
		return x->chunk.usable < y->chunk.usable ? -1 : 1;
	return (x->depth < y->depth) - (x->depth > y->depth);
}

static void ask(struct query *query, struct answer *answer)
{
	struct mh_chunk chunk;
	int error;

	answer->first = query->nr;
	answer->error = -ENOENT;
	for (size_t i = 0; i < query->nr_indexes; i++) {
		error = chunks_find(&query->index[i].chunks, answer->address,
				    &chunk);
		if (!error)
			add_found(query, &chunk, &query->index[i]);
		else if (answer->error == -ENOENT)
			answer->error = error;
	}
	answer->nr = query->nr - answer->first;
	if (!answer->nr)
		return;
	answer->error = 0;
	qsort(query->found + answer->first, answer->nr, sizeof(*query->found),
	      by_extent);
}

static uint64_t parse_address(const char *word)
{
	char *end;
	uint64_t address;

	errno = 0;
	address = strtoull(word, &end, 0);
	if (errno || end == word || *end || *word == '-')
		die("\"%s\" is no address: write 0x... or a decimal number",
		    word);
	return address;
}

static void show_answer(const struct query *query, const struct answer *answer)
{
	const struct found *found = query->found + answer->first;

	if (answer->error)
		printf("%#14" PRIx64 "          - %s\n", answer->address,
		       answer->error == -EAGAIN ? "changes again and again" :
						  "in no chunk that is known");
	for (size_t i = 0; i < answer->nr; i++) {
		printf("%#14" PRIx64 " %10" PRIu64 " ", answer->address,
		       answer->address - found[i].chunk.base);
		show_object(query, &found[i]);
	}
}

static void show_answer_json(const struct query *query,
			     const struct answer *answer)
{
	const struct found *found = query->found + answer->first;

	printf("{\"address\":\"%#" PRIx64 "\",\"error\":", answer->address);
	show_string(stdout, !answer->error ? NULL :
			    answer->error == -EAGAIN ? "EAGAIN" : "ENOENT");
	if (answer->error) {
		fputs(",\"offset\":null,\"object\":null,\"outer\":[]}", stdout);
		return;
	}
	printf(",\"offset\":%" PRIu64 ",\"object\":",
	       answer->address - found->chunk.base);
	show_object_json(query, found);
	fputs(",\"outer\":[", stdout);
	for (size_t i = 1; i < answer->nr; i++) {
		if (i > 1)
			putchar(',');
		show_object_json(query, &found[i]);
	}
	fputs("]}", stdout);
}

/* Return: 1 when one of them lies in no chunk. */
static int answer_all(struct query *query, char *const *word, size_t nr)
{
	struct answer *answer = xcalloc(nr + 1, sizeof(*answer));
	int bad = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		answer[i].address = parse_address(word[i]);
	for (i = 0; i < nr; i++) {
		ask(query, &answer[i]);
		bad |= answer[i].error != 0;
	}
	symbolise(query);
	if (json) {
		begin_json(query, "mallochooks-query");
		fputs(",\"answers\":[", stdout);
	} else {
		printf("%14s %10s %14s %10s %10s %8s %-8s %-7s %s\n", "address",
		       "offset", "base", "requested", "usable", "tag",
		       "identity", "flags", "site");
	}
	for (i = 0; i < nr; i++) {
		if (json)
			fputs(i ? ",\n" : "\n", stdout);
		(json ? show_answer_json : show_answer)(query, &answer[i]);
	}
	if (json)
		fputs("]}\n", stdout);
	else
		show_notes(query);
	free(answer);
	return bad;
}

/* ---- objects ----------------------------------------------------------------------------- */

struct listing {
	struct query *query;
	const struct index *index;
};

static void list_chunk(const struct mh_chunk *chunk, void *arg)
{
	const struct listing *listing = arg;

	add_found(listing->query, chunk, listing->index);
}

static int by_base(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->chunk.base != y->chunk.base)
		return x->chunk.base > y->chunk.base ? 1 : -1;
	/* of an index each has its own */
	return (x->ident > y->ident) - (x->ident < y->ident);
}

/*
 * While a process runs, a chunk may go, and another one come at its address: one of
 * them is enough, and they have never been there both.
 */
static void drop_twins(struct query *query)
{
	size_t nr = 0;

	for (size_t i = 0; i < query->nr; i++)
		if (!nr || by_base(&query->found[nr - 1], &query->found[i]))
			query->found[nr++] = query->found[i];
	query->nr = nr;
}

static void list_objects(struct query *query, size_t *changed, size_t *missing)
{
	struct listing listing = { .query = query };

	*changed = *missing = 0;
	for (size_t i = 0; i < query->nr_indexes; i++) {
		listing.index = &query->index[i];
		chunks_walk(&query->index[i].chunks, list_chunk, &listing);
		*changed += query->index[i].chunks.changed;
		*missing += query->index[i].chunks.missing;
	}
	if (query->nr)
		qsort(query->found, query->nr, sizeof(*query->found), by_base);
	drop_twins(query);
}

/* Return: 1 when some could not be read. */
static int show_objects(struct query *query)
{
	uint64_t requested = 0, usable = 0;
	size_t changed, missing;

	list_objects(query, &changed, &missing);
	symbolise(query);
	if (json) {
		begin_json(query, "mallochooks-objects");
		fputs(",\"objects\":[", stdout);
	} else {
		printf("%14s %10s %10s %8s %-8s %-7s %s\n", "base", "requested",
		       "usable", "tag", "identity", "flags", "site");
	}
	for (size_t i = 0; i < query->nr; i++) {
		requested += query->found[i].chunk.requested;
		usable += query->found[i].chunk.usable;
		if (json)
			fputs(i ? ",\n" : "\n", stdout);
		(json ? show_object_json : show_object)(query,
							&query->found[i]);
	}
	if (!json)
		show_notes(query);
	if (json)
		printf("],\"requested\":%" PRIu64 ",\"usable\":%" PRIu64
		       ",\"changed\":%zu,\"missing\":%zu}\n", requested, usable,
		       changed, missing);
	else
		printf("%zu objects, %" PRIu64 " bytes requested, %" PRIu64
		       " usable\n", query->nr, requested, usable);
	if (changed)
		say("%zu chunks changed again and again and are left out",
		    changed);
	if (missing)
		say("%s: %zu parts of the index could not be read",
		    query->memory.name, missing);
	return missing != 0;
}

/* ---- the commands ------------------------------------------------------------------------ */

#define OPTIONS_HELP \
	"  --core=CORE      ask a core file, not a process\n" \
	"  --exe=PROGRAM    that has left it, where it is not at its path any more\n" \
	"  --json           as JSON, with all that is known of the sites\n" \
	"  --no-symbols     addresses only\n" \
	"  --debug-dirs=DIRS  separate debug files (default /usr/lib/debug)\n" \
	"  --help           this text\n"

static void usage_query(void)
{
	puts("usage: mallochooks query [options] PID ADDRESS...\n"
	     "       mallochooks query [options] --core=CORE ADDRESS...\n"
	     "\n"
	     "Tells of each address which chunk it lies in: where that begins, the bytes\n"
	     "requested and usable, the place that allocated it, its tag.  Where that lies\n"
	     "in a chunk of another allocator, that one follows, and so on.  The layer\n"
	     "\"index\" must be in the process, which runs on meanwhile.\n"
	     "\n"
	     OPTIONS_HELP
	     "\n"
	     "The exit status is 1 when an address lies in no chunk, 2 when nothing can\n"
	     "be told.");
}

static void usage_objects(void)
{
	puts("usage: mallochooks objects [options] PID\n"
	     "       mallochooks objects [options] --core=CORE\n"
	     "\n"
	     "Lists the chunks that are alive, by address.  The layer \"index\" must be in\n"
	     "the process, which runs on meanwhile: to have it stand still, stop it first\n"
	     "(kill -STOP).\n"
	     "\n"
	     OPTIONS_HELP
	     "\n"
	     "The exit status is 1 when a part is missing, 2 when nothing can be told.");
}

/* Return: nonzero when --help was served. */
static int parse(int argc, char **argv, void (*usage)(void))
{
	static const struct option words[] = {
		{ "core", required_argument, NULL, 'c' },
		{ "exe", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "no-symbols", no_argument, NULL, 'n' },
		{ "debug-dirs", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	tool_failure = 2;
	while ((c = next_option(argc, argv, ":h", words)) != -1) {
		switch (c) {
		case 'c':
			core = optarg;
			break;
		case 'e':
			exe = optarg;
			break;
		case 'j':
			json = 1;
			break;
		case 'n':
			no_symbols = 1;
			break;
		case 'd':
			symbols_debug_dirs(optarg);
			break;
		case 'h':
			usage();
			return 1;
		}
	}
	if (exe && !core)
		die("--exe goes with --core");
	if (exe && !is_file(exe))
		die("%s: no such file (--exe)", exe);
	return 0;
}

int cmd_query(int argc, char **argv)
{
	struct query query;
	int first, bad;

	if (parse(argc, argv, usage_query))
		return 0;
	first = optind + !core;
	if (first >= argc)
		die("%san address, please: see --help",
		    core ? "" : "a process and ");
	if (open_query(&query, argv[optind]))
		return tool_failure;
	bad = answer_all(&query, argv + first, (size_t)(argc - first));
	close_query(&query);
	return bad;
}

int cmd_objects(int argc, char **argv)
{
	struct query query;
	int bad;

	if (parse(argc, argv, usage_objects))
		return 0;
	if (optind + !core != argc)
		die("one process or core, please: see --help");
	if (open_query(&query, argv[optind]))
		return tool_failure;
	bad = show_objects(&query);
	close_query(&query);
	return bad;
}
