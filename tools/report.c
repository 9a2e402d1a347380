// SPDX-License-Identifier: MIT
/*
 * report - who allocates in processes that run, or have run
 *
 * Reads files of the sites layer one by one (sitefile.c), sums them up and has
 * their addresses named (table.c), and prints the result in one form or
 * another (show-text.c, show-data.c).  Runs beside the processes: nothing of
 * them is stopped, attached to or written.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "show.h"
#include "suppress.h"

#define TOP_MOST	1000000000
#define PROGRESS_AFTER_MS	500
#define PROGRESS_EVERY_MS	100

/* ---- options --------------------------------------------------------------------- */

/* Index of @value in @words, which ends with NULL; dies of another one. */
static int one_of(const char *option, const char *value,
		  const char *const *words)
{
	struct strings all = { NULL, 0 };

	for (int i = 0; words[i]; i++) {
		if (streq(value, words[i]))
			return i;
		strings_add(&all, words[i]);
	}
	die("--%s=%s: one of %s is wanted", option, value,
	    strings_join(&all, ", "));
}

static long parse_top(const char *value)
{
	char *end;
	long top;

	errno = 0;
	top = strtol(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || top > TOP_MOST)
		die("--top=%s: a number from 0 (all) to %d is wanted", value,
		    TOP_MOST);
	return top;
}

static void parse_filter(struct report_options *options, const char *value)
{
	struct strings *to = &options->either;

	if (starts_with(value, "module=")) {
		to = &options->module;
		value += strlen("module=");
	} else if (starts_with(value, "function=")) {
		to = &options->function;
		value += strlen("function=");
	}
	if (!*value)
		die("--filter=: part of a name, module=GLOB or function=GLOB "
		    "is wanted");
	strings_add(to, value);
}

void report_options_init(struct report_options *options)
{
	*options = (struct report_options){ .top = -1 };
}

void report_options_check(struct report_options *options)
{
	if (options->suppress.nr && !options->leaks)
		die("--suppressions is for --leaks: give both");
	if (options->leaks && !options->sorted)
		options->sort = REPORT_SORT_ALIVE;
	else if (options->peak && !options->sorted)
		options->sort = REPORT_SORT_PEAK;
}

void report_options_free(struct report_options *options)
{
	strings_free(&options->suppress);
	strings_free(&options->module);
	strings_free(&options->function);
	strings_free(&options->either);
}

void report_option(struct report_options *options, int c, const char *value)
{
	static const char *const sorts[] = {
		"bytes", "calls", "mean", "frees", "failed", "alive", "peak",
		"at-once", NULL,
	};
	static const char *const bys[] = {
		"address", "line", "function", "module", NULL,
	};

	switch (c) {
	case REPORT_OPTION_SORT:
		options->sort = (enum report_sort)one_of("sort", value, sorts);
		options->sorted = 1;
		break;
	case REPORT_OPTION_BY:
		options->by = (enum report_by)one_of("by", value, bys);
		break;
	case REPORT_OPTION_TOP:
		options->top = parse_top(value);
		break;
	case REPORT_OPTION_FILTER:
		parse_filter(options, value);
		break;
	case REPORT_OPTION_HISTOGRAM:
		options->histogram = 1;
		break;
	case REPORT_OPTION_NO_SYMBOLS:
		options->no_symbols = 1;
		break;
	case REPORT_OPTION_LEAKS:
		options->leaks = 1;
		break;
	case REPORT_OPTION_PEAK:
		options->peak = 1;
		break;
	case REPORT_OPTION_SUPPRESSIONS:
		if (suppressions_read(&options->suppress, value))
			exit(tool_failure);
		break;
	}
}

/* ---- progress -------------------------------------------------------------------- */

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* One line that is written over, on a terminal, when it takes long. */
static void progress(const char *what, size_t at, size_t of)
{
	static long long start, last;
	static int shown;
	long long now;

	if (!isatty(STDERR_FILENO))
		return;
	now = now_ms();
	if (!start)
		start = now;
	if (!what) {
		if (shown)
			fputs("\r\033[K", stderr);
		shown = 0;
		start = 0;
		return;
	}
	if (now - start < PROGRESS_AFTER_MS || now - last < PROGRESS_EVERY_MS)
		return;
	last = now;
	shown = 1;
	fprintf(stderr, "\r\033[Kmallochooks: report: %zu of %zu: %.40s ", at,
		of, what);
	fflush(stderr);
}

static void progress_of_symbols(const char *module, size_t at, size_t of)
{
	char *what = xasprintf("symbols of %s", module);

	text_clean(what);
	progress(what, at, of);
	free(what);
}

/* ---- what is reported on ----------------------------------------------------------- */

/**
 * struct input - files to read, in any order
 * @file:	paths
 * @bad:	something was named that could not be read; a line was said
 */
struct input {
	struct strings file;
	int bad;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Return: 0, or -1 with a line said. */
static int add_directory(struct input *input, const char *path)
{
	size_t first = input->file.nr;
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir) {
		say("%s: %s", path, strerror(errno));
		return -1;
	}
	while ((entry = readdir(dir)))
		if (ends_with(entry->d_name, MH_SITES_SUFFIX))
			strings_addf(&input->file, "%s/%s", path, entry->d_name);
	closedir(dir);
	if (input->file.nr > first)
		qsort(input->file.item + first, input->file.nr - first,
		      sizeof(*input->file.item), by_name);
	return 0;
}

/* The kernel writes a line end in a path as "\012". */
static void unescape(char *path)
{
	char *to = path;

	for (; *path; path++) {
		if (starts_with(path, "\\012")) {
			*to++ = '\n';
			path += 3;
		} else {
			*to++ = *path;
		}
	}
	*to = '\0';
}

/* What a process has mapped, seen from its own root. */
static void add_mapped(struct input *input, const char *pid, char *path)
{
	char *seen;

	path[strcspn(path, "\n")] = '\0';
	if (ends_with(path, MH_SITES_SUFFIX " (deleted)")) {
		say("process %s: its file was removed: %s", pid, path);
		input->bad = 1;
		return;
	}
	if (!ends_with(path, MH_SITES_SUFFIX))
		return;
	unescape(path);
	seen = xasprintf("/proc/%s/root%s", pid, path);
	if (access(seen, F_OK))
		seen[0] = '\0';
	if (!strings_has(&input->file, *seen ? seen : path))
		strings_add(&input->file, *seen ? seen : path);
	free(seen);
}

static void add_process(struct input *input, const char *pid)
{
	char *maps = xasprintf("/proc/%s/maps", pid), *line = NULL, *path;
	size_t room = 0, before = input->file.nr;
	int bad = input->bad, err;
	FILE *in = fopen(maps, "re");

	free(maps);
	while (in && getline(&line, &room, in) > 0) {
		path = strchr(line, '/');
		if (path)
			add_mapped(input, pid, path);
	}
	err = errno;
	if (!in || ferror(in))
		say("process %s: %s", pid, err == ENOENT ? "there is none" :
		    strerror(err));
	else if (input->file.nr == before && bad == input->bad)
		say("process %s has no file of sites: is it hooked, with "
		    "sites.dir set, and has it made sites.after calls?", pid);
	if (input->file.nr == before)
		input->bad = 1;
	if (in)
		fclose(in);
	free(line);
}

static int is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")] && strlen(text) < 11;
}

static void add_word(struct input *input, const char *word)
{
	size_t before = input->file.nr;

	if (is_dir(word)) {
		if (add_directory(input, word)) {
			input->bad = 1;
		} else if (input->file.nr == before) {
			say("%s: no *" MH_SITES_SUFFIX " in it", word);
			input->bad = 1;
		}
	} else if (is_number(word) && access(word, F_OK)) {
		add_process(input, word);
	} else {
		strings_add(&input->file, word);
	}
}

/* ---- reading ------------------------------------------------------------------------- */

/* The same file by two names is read once. */
struct seen {
	dev_t device;
	ino_t inode;
};

static int was_seen(struct seen *seen, size_t *nr, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	for (size_t i = 0; i < *nr; i++)
		if (seen[i].device == st.st_dev && seen[i].inode == st.st_ino)
			return 1;
	seen[(*nr)++] = (struct seen){ st.st_dev, st.st_ino };
	return 0;
}

static int by_birth(const void *a, const void *b)
{
	const struct site_process *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int by_allocator(const void *a, const void *b)
{
	const struct table *x = a, *y = b;
	int order = (*x->inside != '\0') - (*y->inside != '\0');

	if (!order)
		order = strcmp(x->ident, y->ident);
	return order ? order : strcmp(x->inside, y->inside);
}

static struct table *add_table(struct report *report)
{
	report->table = xrealloc(report->table, (report->nr_tables + 1) *
				 sizeof(*report->table));
	report->table[report->nr_tables] = (struct table){ .nr = 0 };
	return &report->table[report->nr_tables++];
}

/*
 * The table of a process's allocator.  What lies in chunks of another one is
 * counted there too, so that the two must not be added up.
 */
static struct table *table_of(struct report *report,
			      const struct site_process *process)
{
	const struct table like = {
		.ident = process->ident, .inside = process->inside,
	};

	for (size_t i = 0; i < report->nr_tables; i++)
		if (!by_allocator(&report->table[i], &like))
			return &report->table[i];
	return add_table(report);
}

/*
 * read_files() - all that can be read, in the order of birth
 *
 * Sites of a process are summed up at once, so that thousands of files do not
 * take the memory of all together; with @each they have to wait for the order.
 */
static void read_files(struct report *report, struct objects *objects,
		       struct input *input)
{
	struct seen *seen = xcalloc(input->file.nr, sizeof(*seen));
	size_t nr_seen = 0;

	report->process = xcalloc(input->file.nr, sizeof(*report->process));
	for (size_t i = 0; i < input->file.nr; i++) {
		struct site_process *process = &report->process[report->nr];
		const char *path = input->file.item[i], *why;

		if (was_seen(seen, &nr_seen, path))
			continue;
		progress(base_name(path), i, input->file.nr);
		why = site_process_read(process, path);
		if (why) {
			progress(NULL, 0, 0);
			say("%s: %s", path, why);
			site_process_free(process);
			input->bad = 1;
			continue;
		}
		report->nr++;
		if (report->options->each)
			continue;
		table_add(table_of(report, process), objects, process);
		site_process_drop(process);
	}
	free(seen);
	if (report->nr)
		qsort(report->process, report->nr, sizeof(*report->process),
		      by_birth);
}

static void make_tables(struct report *report, struct objects *objects)
{
	const struct report_options *options = report->options;
	struct table **table;

	for (size_t i = 0; options->each && i < report->nr; i++) {
		table_add(add_table(report), objects, &report->process[i]);
		site_process_drop(&report->process[i]);
	}
	for (size_t i = 1; i < report->nr_tables; i++)
		report->several |= by_allocator(&report->table[i - 1],
						&report->table[i]) != 0;
	if (!options->each)
		qsort(report->table, report->nr_tables, sizeof(*report->table),
		      by_allocator);
	table = xcalloc(report->nr_tables, sizeof(*table));
	for (size_t i = 0; i < report->nr_tables; i++) {
		table[i] = &report->table[i];
		table_narrow(table[i], options);
	}
	if (!options->no_symbols && options->form != REPORT_PROCESSES &&
	    (options->by != REPORT_BY_MODULE || options->suppress.nr))
		tables_symbolise(table, report->nr_tables, progress_of_symbols);
	for (size_t i = 0; i < report->nr_tables; i++)
		table_finish(table[i], options);
	free(table);
	progress(NULL, 0, 0);
}

static int by_pid(const void *a, const void *b)
{
	const struct site_process *x = *(struct site_process *const *)a;
	const struct site_process *y = *(struct site_process *const *)b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return strcmp(x->exe, y->exe);
}

static int by_pid_and_ident(const void *a, const void *b)
{
	const struct site_process *x = *(struct site_process *const *)a;
	const struct site_process *y = *(struct site_process *const *)b;
	int order = by_pid(a, b);

	return order ? order : strcmp(x->ident, y->ident);
}

/*
 * A program makes a file for each allocator.  One that executes itself makes them
 * again, so that it counts as often as any one allocator has a file.
 */
static size_t count_processes(const struct report *report)
{
	struct site_process **sorted = xcalloc(report->nr, sizeof(*sorted));
	size_t nr = 0, most = 0, same = 0;

	for (size_t i = 0; i < report->nr; i++)
		sorted[i] = &report->process[i];
	qsort(sorted, report->nr, sizeof(*sorted), by_pid_and_ident);
	for (size_t i = 0; i < report->nr; i++) {
		if (i && by_pid(&sorted[i - 1], &sorted[i])) {
			nr += most;
			most = same = 0;
		} else if (i && by_pid_and_ident(&sorted[i - 1], &sorted[i])) {
			same = 0;
		}
		if (++same > most)
			most = same;
	}
	free(sorted);
	return nr + most;
}

static void show(FILE *out, const struct report *report)
{
	switch (report->options->form) {
	case REPORT_TEXT:
	case REPORT_PROCESSES:
		show_text(out, report);
		break;
	case REPORT_JSON:
		show_json(out, report);
		break;
	case REPORT_COLLAPSED:
		show_collapsed(out, report);
		break;
	}
}

/* Return: number of files read; with none nothing is printed. */
static int report_input(struct input *input, FILE *out,
			const struct report_options *options)
{
	struct objects objects = { .nr = 0 };
	struct report report = { .options = options };
	int nr;

	read_files(&report, &objects, input);
	if (report.nr) {
		make_tables(&report, &objects);
		report.nr_processes = count_processes(&report);
		show(out, &report);
	}
	nr = (int)report.nr;
	for (size_t i = 0; i < report.nr_tables; i++)
		table_free(&report.table[i]);
	free(report.table);
	for (size_t i = 0; i < report.nr; i++)
		site_process_free(&report.process[i]);
	free(report.process);
	objects_free(&objects);
	return nr;
}

int report_directory(const char *dir, FILE *out,
		     const struct report_options *options)
{
	struct input input = { .bad = 0 };
	int nr = -1;

	if (!add_directory(&input, dir))
		nr = report_input(&input, out, options);
	strings_free(&input.file);
	return nr;
}

/* ---- the command ------------------------------------------------------------------- */

static void usage(void)
{
	puts("usage: mallochooks report [options] [FILE|PID|DIR]...\n"
	     "\n"
	     "Tells which places in a program allocate, how often and how much,\n"
	     "from files that the layer \"sites\" has written: of the process PID,\n"
	     "which may be running, or all *" MH_SITES_SUFFIX " of a directory (default: the\n"
	     "current one).  \"mallochooks run --keep\" leaves such files behind.\n"
	     "\n"
	     REPORT_OPTIONS_HELP
	     "  --each           a table for each process, not one for all (of each\n"
	     "                   allocator)\n"
	     "  --processes      the processes only, a line each\n"
	     "  --json           all rows and all that is known of them, as JSON\n"
	     "  --collapsed      \"module;function;line WEIGHT\", for flame graphs\n"
	     "  --options        the values of the options in each process, too\n"
	     "  --debug-dirs=DIRS  separate debug files (default /usr/lib/debug)\n"
	     "  --help           this text\n"
	     "\n"
	     "The exit status is 1 when one of the files could not be read.");
}

static void set_form(struct report_options *options, enum report_form form)
{
	if (options->form != REPORT_TEXT && options->form != form)
		die("--json, --collapsed and --processes: one of them, please");
	options->form = form;
}

/* Return: nonzero when --help was served. */
static int parse(struct report_options *options, int argc, char **argv)
{
	static const struct option words[] = {
		REPORT_LONG_OPTIONS,
		{ "each", no_argument, NULL, 'e' },
		{ "processes", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "collapsed", no_argument, NULL, 'c' },
		{ "options", no_argument, NULL, 'o' },
		{ "debug-dirs", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = next_option(argc, argv, ":h", words)) != -1) {
		switch (c) {
		case 'e':
			options->each = 1;
			break;
		case 'p':
			set_form(options, REPORT_PROCESSES);
			break;
		case 'j':
			set_form(options, REPORT_JSON);
			break;
		case 'c':
			set_form(options, REPORT_COLLAPSED);
			break;
		case 'o':
			options->configuration = 1;
			break;
		case 'd':
			symbols_debug_dirs(optarg);
			break;
		case 'h':
			usage();
			return 1;
		default:
			report_option(options, c, optarg);
		}
	}
	if (options->form == REPORT_COLLAPSED &&
	    options->sort == REPORT_SORT_MEAN)
		die("--collapsed adds weights up, and means do not add up: "
		    "give another --sort");
	report_options_check(options);
	return 0;
}

int cmd_report(int argc, char **argv)
{
	struct report_options options;
	struct input input = { .bad = 0 };
	int nr;

	tool_failure = 2;
	report_options_init(&options);
	if (parse(&options, argc, argv))
		return 0;
	tool_failure = 1;
	for (int i = optind; i < argc; i++)
		add_word(&input, argv[i]);
	if (optind == argc)
		add_word(&input, ".");
	nr = report_input(&input, stdout, &options);
	strings_free(&input.file);
	report_options_free(&options);
	return input.bad || !nr;
}
