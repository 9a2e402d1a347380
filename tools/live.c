// SPDX-License-Identifier: MIT
/*
 * live.c - show and change the options of a process that runs
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "effective.h"
#include "target.h"
#include "tools.h"

#define WAIT_DEFAULT	5	/* seconds */
#define EXIT_NOBODY_CAME 3	/* set --wait: no allocation */

static pid_t parse_pid(const char *text)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || pid < 1 ||
	    pid > INT32_MAX)
		die("%s: not the number of a process", text);
	return (pid_t)pid;
}

/* ---- the options of a stack ------------------------------------------------ */

typedef int option_visit(struct target_stack *stack,
			 const struct mallochooks_layer *layer,
			 struct mallochooks_option *option, void *arg);

static int each_of(struct target_stack *stack,
		   const struct mallochooks_layer *layer, option_visit *visit,
		   void *arg)
{
	struct mallochooks_option *option = NULL;
	int result = 0;

	while (!result && (option = mallochooks_next_option(layer, option)))
		result = visit(stack, layer, option, arg);
	return result;
}

static int each_option(struct target_stack *stack, option_visit *visit,
		       void *arg)
{
	const struct mallochooks_stack *tables = &stack->unit->stacks[stack->nr];
	int result = 0;

	if (stack->unit->unit.core)
		result = each_of(stack, stack->unit->unit.core, visit, arg);
	for (uint32_t i = 0; !result && i < tables->nr_layers; i++)
		result = each_of(stack, &tables->layers[i], visit, arg);
	return result;
}

static int is_option(const struct target_stack *stack,
		     const struct mallochooks_layer *layer,
		     const struct mallochooks_option *option, const char *name)
{
	size_t nr = strlen(stack->ident);

	if (!strncmp(name, stack->ident, nr) && name[nr] == ':')
		name += nr + 1;
	nr = strlen(layer->name);
	return !strncmp(name, layer->name, nr) && name[nr] == '.' &&
	       streq(name + nr + 1, option->name);
}

static int has_slot(const struct target_stack *stack,
		    const struct mallochooks_option *option)
{
	return target_is_known(stack) && option->slot &&
	       option->slot <= stack->table.nr;
}

/* The core's options have one place in the unit, and values in each stack. */
static void take_force(const struct target_stack *stack,
		       struct mallochooks_option *option)
{
	if (has_slot(stack, option))
		option->num = stack->table.force[option->slot - 1];
}

/* ---- get ------------------------------------------------------------------- */

struct get {
	const char *name;	/* NULL: all */
	size_t nr;		/* of those that bear it */
	size_t nr_stacks;
};

static const char *end_line(struct mh_line *line)
{
	line->text[line->nr] = '\0';
	return line->text;
}

/* Is another value asked for, and nobody has allocated since? */
static void print_pending(const struct target_stack *stack,
			  const struct mallochooks_option *option)
{
	const struct mallochooks_values *values = target_values(stack);
	struct mh_line line;

	if (!has_slot(stack, option) || !values ||
	    values->value[option->slot - 1] == option->num)
		return;
	mh_line_start(&line);
	mh_value_number(&line, option, values->value[option->slot - 1]);
	printf(", %s from the next allocation on", end_line(&line));
}

static int print_option(struct target_stack *stack,
			const struct mallochooks_layer *layer,
			struct mallochooks_option *option, void *arg)
{
	struct mh_line line;

	(void)arg;
	take_force(stack, option);
	mh_line_start(&line);
	mh_options_write(&line, layer->name, option);
	printf("  %s%s", end_line(&line),
	       option->flags & MALLOCHOOKS_LIVE ? ", live" : "");
	print_pending(stack, option);
	putchar('\n');
	return 0;
}

static int count_stacks(struct target_stack *stack,
			const struct mallochooks_layer *layer,
			struct mallochooks_option *option, void *arg)
{
	struct get *get = arg;

	get->nr_stacks += is_option(stack, layer, option, get->name);
	return 0;
}

/* One value alone for a script; of several stacks each with its name. */
static int print_value(struct target_stack *stack,
		       const struct mallochooks_layer *layer,
		       struct mallochooks_option *option, void *arg)
{
	struct get *get = arg;
	struct mh_line line;

	if (!is_option(stack, layer, option, get->name))
		return 0;
	take_force(stack, option);
	mh_line_start(&line);
	mh_value_write(&line, option);
	if (get->nr_stacks > 1)
		printf("%s:%s.%s = ", stack->ident, layer->name, option->name);
	puts(end_line(&line));
	return 0;
}

static void say_layout(const struct target_stack *stack)
{
	const struct mallochooks_table *table = &stack->table;

	if (!stack->unit || target_is_known(stack))
		return;
	if (table->version == MALLOCHOOKS_TABLE_VERSION)
		say("stack %s has a table of %u bytes, this tool knows %zu: "
		    "values as at the start, and nothing can be set",
		    stack->ident, table->size, TARGET_TABLE_BYTES);
	else
		say("stack %s has a table of version %u, this tool knows %u: "
		    "values as at the start, and nothing can be set",
		    stack->ident, table->version, MALLOCHOOKS_TABLE_VERSION);
}

static int get_all(struct target *target)
{
	int result = 0;

	for (size_t i = 0; i < target->nr_stacks; i++) {
		struct target_stack *stack = &target->stacks[i];

		printf("stack %s in %s\n", stack->ident, stack->object);
		if (stack->unit) {
			say_layout(stack);
			each_option(stack, print_option, NULL);
			continue;
		}
		say("stack %s in %s: %s", stack->ident, stack->object,
		    stack->why);
		result = 1;
	}
	return result;
}

static void say_mistake(const struct mh_source *source, const char *what)
{
	char *item = xstrndup(source->item.text, source->item.nr);

	text_clean(item);
	say("%s: %s", item, what);
	free(item);
}

static void forget_mistake(const struct mh_source *source, const char *what)
{
	(void)source;
	(void)what;
}

/* Has every stack that there is told why there is nothing to look at? */
static int no_tables(const struct target *target)
{
	for (size_t i = 0; i < target->nr_stacks; i++)
		if (target->stacks[i].unit)
			return 0;
	for (size_t i = 0; i < target->nr_stacks; i++)
		say("stack %s in %s: %s", target->stacks[i].ident,
		    target->stacks[i].object, target->stacks[i].why);
	return 1;
}

/* The '=' is ours. */
static void say_no_such(const struct mh_source *source, const char *what)
{
	struct mh_source plain = *source;

	plain.item = plain.name;
	if (plain.item.nr && plain.item.text[plain.item.nr - 1] == '=')
		plain.item.nr--;
	say_mistake(&plain, what);
}

/* "NAME" as "NAME=" would be judged: no such layer, no such option. */
static void say_unknown(struct target *target, const char *name)
{
	const struct effective how = { .mistake = say_no_such };
	char *word = xasprintf("%s=", name);

	effective_words(target->units[0], &how, word);
	free(word);
}

static int get_one(struct target *target, const char *name)
{
	struct get get = { .name = name };

	if (no_tables(target))
		return 1;
	for (size_t i = 0; i < target->nr_stacks; i++)
		if (target->stacks[i].unit)
			each_option(&target->stacks[i], count_stacks, &get);
	for (size_t i = 0; i < target->nr_stacks; i++)
		if (target->stacks[i].unit)
			each_option(&target->stacks[i], print_value, &get);
	if (get.nr_stacks)
		return 0;
	say_unknown(target, name);
	return 1;
}

static void get_usage(void)
{
	puts("usage: mallochooks get PID [OPTION]\n"
	     "\n"
	     "Shows the options of the stacks in a process that runs: value, where\n"
	     "it comes from, and whether it can be set.  With OPTION, which is\n"
	     "[IDENTITY:]LAYER.NAME, its value alone.\n"
	     "\n"
	     "  --help  this text\n"
	     "\n"
	     "The process does not notice.  Whoever may trace it by ptrace(2) may look.");
}

/* Return: index of the first word, or -1 when --help was served. */
static int parse_words(int argc, char **argv, const struct option *words,
		       void (*usage)(void), double *wait)
{
	int c;

	tool_failure = 2;
	while ((c = next_option(argc, argv, ":h", words)) != -1) {
		char *end = NULL;

		if (c == 'h') {
			usage();
			return -1;
		}
		*wait = optarg ? strtod(optarg, &end) : WAIT_DEFAULT;
		if (end && (!isdigit((unsigned char)*optarg) || *end))
			die("--wait=%s: seconds are wanted", optarg);
	}
	return optind;
}

int cmd_get(int argc, char **argv)
{
	static const struct option words[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct target target;
	int first = parse_words(argc, argv, words, get_usage, NULL);
	int result;
	pid_t pid;

	if (first < 0)
		return 0;
	if (first == argc || argc - first > 2)
		die("one process, and at most one option: get PID [OPTION]");
	pid = parse_pid(argv[first]);
	tool_failure = 1;
	if (target_open(&target, pid))
		return 1;
	result = argc - first > 1 ? get_one(&target, argv[first + 1]) :
				    get_all(&target);
	target_close(&target);
	return result;
}

/* ---- set ------------------------------------------------------------------- */

/* What is to be changed in one stack. */
struct changes {
	struct target_change change[MALLOCHOOKS_SLOTS];
	size_t nr;
	uint64_t serial;
};

struct set {
	struct changes of[64];	/* by stack */
	const char *name;	/* of "NAME=+3" */
	int64_t add;
	size_t nr_found;
	int bad;
};

static int add_change(struct set *set, const struct target *target,
		      const struct target_stack *stack,
		      const struct target_change *change)
{
	struct changes *changes = &set->of[stack - target->stacks];

	for (size_t i = 0; i < changes->nr; i++)
		if (changes->change[i].slot == change->slot) {
			changes->change[i] = *change;
			return 0;
		}
	if (changes->nr == ARRAY_SIZE(changes->change))
		return -1;
	changes->change[changes->nr++] = *change;
	return 0;
}

/* Return: 0 with a line said when it cannot be set from here. */
static int may_be_set(const struct target_stack *stack,
		      const struct mallochooks_layer *layer,
		      const struct mallochooks_option *option)
{
	if (!(option->flags & MALLOCHOOKS_LIVE))
		say("%s.%s is read at start only: set it in MALLOCHOOKS or in a "
		    "file, and start the program again", layer->name,
		    option->name);
	else if (!target_is_known(stack))
		say_layout(stack);
	else if (!(stack->table.flags & MALLOCHOOKS_ATTENDS))
		say("stack %s has no layer that could do anything about it",
		    stack->ident);
	else if (!has_slot(stack, option))
		say("%s.%s has no place in the table of stack %s, which is full",
		    layer->name, option->name, stack->ident);
	else
		return 1;
	return 0;
}

struct taking {
	struct set *set;
	struct target *target;
};

/* What effective_words() has left. */
static int take_set(struct target_stack *stack,
		    const struct mallochooks_layer *layer,
		    struct mallochooks_option *option, void *arg)
{
	const struct taking *taking = arg;
	struct target_change change = {
		.slot = option->slot, .value = option->num,
	};

	if (option->origin != MALLOCHOOKS_ENVIRONMENT)
		return 0;
	taking->set->nr_found++;
	if (!may_be_set(stack, layer, option) ||
	    add_change(taking->set, taking->target, stack, &change))
		taking->set->bad = 1;
	return 0;
}

static int take_added(struct target_stack *stack,
		      const struct mallochooks_layer *layer,
		      struct mallochooks_option *option, void *arg)
{
	const struct taking *taking = arg;
	struct target_change change = {
		.slot = option->slot, .value = taking->set->add, .relative = 1,
	};

	if (!is_option(stack, layer, option, taking->set->name))
		return 0;
	taking->set->nr_found++;
	if (option->type != MALLOCHOOKS_INT &&
	    option->type != MALLOCHOOKS_SIZE) {
		say("%s.%s: +%lld goes with a number only", layer->name,
		    option->name, (long long)taking->set->add);
		taking->set->bad = 1;
	} else if (!may_be_set(stack, layer, option) ||
		   add_change(taking->set, taking->target, stack, &change)) {
		taking->set->bad = 1;
	}
	return 0;
}

static int forget_origin(struct target_stack *stack,
			 const struct mallochooks_layer *layer,
			 struct mallochooks_option *option, void *arg)
{
	(void)stack;
	(void)layer;
	(void)arg;
	option->origin = MALLOCHOOKS_BUILTIN;
	return 0;
}

static void visit_all(struct target *target, option_visit *visit, void *arg)
{
	for (size_t i = 0; i < target->nr_stacks; i++)
		if (target->stacks[i].unit)
			each_option(&target->stacks[i], visit, arg);
}

/* "NAME=+N"; Return: 0 when it is none. */
static int parse_added(struct set *set, char *word)
{
	char *sign = strchr(word, '='), *end;

	if (!sign || sign[1] != '+' || !isdigit((unsigned char)sign[2]))
		return 0;
	errno = 0;
	set->add = strtoll(sign + 2, &end, 10);
	if (*end || errno)
		return 0;
	*sign = '\0';
	set->name = word;
	return 1;
}

/* A unit that does not know a word has nothing to say when another one does. */
static void take_plain(struct target *target, struct set *set, const char *word)
{
	struct taking taking = { set, target };
	struct effective how = { .mistake = forget_mistake };

	visit_all(target, forget_origin, NULL);
	for (size_t i = 0; i < target->nr_units; i++)
		effective_words(target->units[i], &how, word);
	visit_all(target, take_set, &taking);
	if (set->nr_found)
		return;
	how.mistake = say_mistake;
	effective_words(target->units[0], &how, word);
	set->bad = 1;
}

static void take_word(struct target *target, struct set *set, char *word)
{
	struct taking taking = { set, target };
	char *copy = xstrdup(word);

	set->nr_found = 0;
	if (parse_added(set, copy)) {
		visit_all(target, take_added, &taking);
		if (!set->nr_found) {
			say_unknown(target, set->name);
			set->bad = 1;
		}
	} else {
		take_plain(target, set, word);
	}
	free(copy);
}

/* What is added may go too far; known when it was added. */
static int check_range(struct target_stack *stack,
		       const struct mallochooks_layer *layer,
		       struct mallochooks_option *option, void *arg)
{
	struct changes *changes = arg;

	for (size_t i = 0; i < changes->nr; i++) {
		struct target_change *change = &changes->change[i];
		int64_t sum = change->value;

		if (change->slot != option->slot || !change->relative)
			continue;
		sum += stack->table.force[option->slot - 1];
		if (mh_value_fits(option, sum))
			continue;
		say("%s.%s would become %lld, and ends at %lld", layer->name,
		    option->name, (long long)sum, (long long)option->max);
		return 1;
	}
	return 0;
}

static int write_all(struct target *target, struct set *set)
{
	for (size_t i = 0; i < target->nr_stacks; i++)
		if (set->of[i].nr && each_option(&target->stacks[i],
						 check_range, &set->of[i]))
			return 1;
	for (size_t i = 0; i < target->nr_stacks; i++) {
		struct changes *changes = &set->of[i];

		if (!changes->nr)
			continue;
		changes->serial = target_write(target, &target->stacks[i],
					       changes->change, changes->nr);
		if (!changes->serial)
			return 1;
	}
	return 0;
}

enum progress { WAITING, DONE, OVERTAKEN, FAILED };

static enum progress look(struct target *target, struct target_stack *stack,
			  const struct changes *changes)
{
	const struct mallochooks_table *table = &stack->table;
	const struct mallochooks_values *values;

	if (target_update(target, stack))
		return FAILED;
	if (table->seen == changes->serial)
		return DONE;
	values = target_values(stack);
	if (!values || table->seen != values->serial)
		return WAITING;
	/* Somebody was quicker, and has begun with what we asked for. */
	for (size_t i = 0; i < changes->nr; i++)
		if (table->force[changes->change[i].slot - 1] !=
		    changes->change[i].value)
			return OVERTAKEN;
	return DONE;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int say_progress(const struct target *target,
			const struct target_stack *stack,
			const struct changes *changes, enum progress progress,
			double wait)
{
	if (progress == WAITING) {
		say("no allocation came within %g s in process %d: it is done at "
		    "the next one", wait, (int)target->pid);
		return EXIT_NOBODY_CAME;
	}
	if (progress == OVERTAKEN)
		say("somebody else has set it to something else meanwhile");
	if (progress != DONE)
		return 1;
	for (size_t i = 0; i < changes->nr; i++)
		if (stack->table.refused >> (changes->change[i].slot - 1) & 1) {
			say("process %d has refused it and says why on its "
			    "standard error", (int)target->pid);
			return 1;
		}
	return 0;
}

/* Of two who write at once one may lose what it has written: once more, then. */
static int wait_for_stack(struct target *target, struct target_stack *stack,
			  struct changes *changes, double wait)
{
	const struct timespec a_little = { 0, 1000000 };
	const double until = now() + wait;
	enum progress progress;
	int again = 3;

	while ((progress = look(target, stack, changes)) != DONE &&
	       progress != FAILED && now() < until) {
		if (progress == WAITING)
			nanosleep(&a_little, NULL);
		else if (!again--)
			break;
		else if (!(changes->serial = target_write(target, stack,
							  changes->change,
							  changes->nr)))
			return 1;
	}
	return say_progress(target, stack, changes, progress, wait);
}

static int wait_for_all(struct target *target, struct set *set, double wait)
{
	int result = 0;

	for (size_t i = 0; !result && i < target->nr_stacks; i++)
		if (set->of[i].nr)
			result = wait_for_stack(target, &target->stacks[i],
						&set->of[i], wait);
	return result;
}

static void set_usage(void)
{
	puts("usage: mallochooks set PID OPTION=VALUE... [--wait[=SECONDS]]\n"
	     "\n"
	     "Changes options of a process that runs: those that \"mallochooks get\n"
	     "PID\" calls live.  OPTION is [IDENTITY:]LAYER.NAME.  OPTION=+N adds N.\n"
	     "\n"
	     "  core.dump=+1    each layer writes what it knows, to descriptor\n"
	     "                  core.dump_fd of the process\n"
	     "  core.reset=+1   layers begin at zero\n"
	     "  core.record=n   nothing is recorded, until core.record=y\n"
	     "\n"
	     "The process does not stop.  It takes up what you ask for at its next\n"
	     "allocation; who sleeps in pause(2) makes none.\n"
	     "\n"
	     "  --wait[=SECONDS]  until it has, for 5 seconds at most, or so many\n"
	     "  --help            this text\n"
	     "\n"
	     "Whoever may trace the process by ptrace(2) may set.  The exit status is\n"
	     "1 when it was not, 3 when no allocation came while we waited.");
}

static int set_words(struct target *target, char **word, int nr, double wait)
{
	struct set *set = xcalloc(1, sizeof(*set));
	int result = 1;

	if (no_tables(target))
		goto out;
	for (int i = 0; i < nr; i++)
		take_word(target, set, word[i]);
	if (set->bad || write_all(target, set))
		goto out;
	result = wait >= 0 ? wait_for_all(target, set, wait) : 0;
out:
	free(set);
	return result;
}

int cmd_set(int argc, char **argv)
{
	static const struct option words[] = {
		{ "wait", optional_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct target target;
	double wait = -1;
	int first = parse_words(argc, argv, words, set_usage, &wait);
	int result;
	pid_t pid;

	if (first < 0)
		return 0;
	if (argc - first < 2)
		die("a process and what to set: set PID OPTION=VALUE...");
	pid = parse_pid(argv[first]);
	tool_failure = 1;
	if (target_open(&target, pid))
		return 1;
	result = set_words(&target, argv + first + 1, argc - first - 1, wait);
	target_close(&target);
	return result;
}
