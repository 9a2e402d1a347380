// SPDX-License-Identifier: MIT
/*
 * live - what other processes and signals ask of a stack
 *
 * They ring the bell, a byte of the phase word, which every entry compares as a
 * whole: asking costs the usual call nothing.  The first thread to see it takes
 * the request up; the others go on meanwhile.  Nobody waits.
 */
#include <signal.h>
#include "live.h"
#include "options.h"
#include "syscall.h"

/* The layer's offset of an operation that a layer of another age may lack. */
#define OPERATION(op)	offsetof(struct mallochooks_layer, op)

/* ---- the table ------------------------------------------------------------ */

typedef void option_visit(struct mallochooks_table *table,
			  const struct mallochooks_layer *layer,
			  struct mallochooks_option *option, void *arg);

static void each_of(const struct mallochooks_stack *stack,
		    const struct mallochooks_layer *layer, option_visit *visit,
		    void *arg)
{
	struct mallochooks_option *option = NULL;

	while ((option = mallochooks_next_option(layer, option)))
		visit(stack->table, layer, option, arg);
}

/* Core first, so that its slots are the same in all stacks. */
static void each_option(const struct mallochooks_stack *stack,
			option_visit *visit, void *arg)
{
	each_of(stack, &mh_core, visit, arg);
	for (unsigned int i = 0; i < stack->nr_layers; i++)
		each_of(stack, mallochooks_layer_at(stack, i), visit, arg);
}

static int has_number(const struct mallochooks_option *option)
{
	return option->type != MALLOCHOOKS_STRING &&
	       option->type != MALLOCHOOKS_LIST;
}

static void give_slot(struct mallochooks_table *table,
		      const struct mallochooks_layer *layer,
		      struct mallochooks_option *option, void *arg)
{
	(void)layer;
	(void)arg;
	if (!has_number(option) || table->nr == MALLOCHOOKS_SLOTS)
		return;
	table->force[table->nr] = option->num;
	option->slot = ++table->nr;
}

/* What is written byte by byte in a loop is no call of memcpy. */
static void copy_values(struct mallochooks_values *to,
			const struct mallochooks_values *from)
{
	to->serial = __atomic_load_n(&from->serial, __ATOMIC_RELAXED);
	to->nr = __atomic_load_n(&from->nr, __ATOMIC_RELAXED);
	to->checksum = __atomic_load_n(&from->checksum, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < MALLOCHOOKS_SLOTS; i++)
		to->value[i] = __atomic_load_n(&from->value[i],
					       __ATOMIC_RELAXED);
}

/* The values in force into @copy. */
static void put_back(struct mallochooks_table *table,
		     struct mallochooks_values *copy)
{
	for (unsigned int i = 0; i < table->nr; i++)
		__atomic_store_n(&copy->value[i], table->force[i],
				 __ATOMIC_RELAXED);
	copy->nr = table->nr;
	__atomic_store_n(&copy->checksum, mallochooks_checksum(copy),
			 __ATOMIC_RELEASE);
}

static int64_t *in_force(struct mallochooks_table *table,
			 enum mh_core_option nr)
{
	return &table->force[mh_core_options[nr].slot - 1];
}

MH_RUNTIME unsigned int mh_live_start(const struct mallochooks_stack *stack,
				      struct mh_phase *phase)
{
	struct mallochooks_table *table = stack->table;

	table->nr = 0;
	each_option(stack, give_slot, NULL);
	table->seen = table->copy[0].serial = 1;
	put_back(table, &table->copy[0]);
	table->unit = (uintptr_t)&mh_own_unit;
	table->stack = (uintptr_t)stack;
	table->bell = (uintptr_t)mh_phase_byte(phase, MH_BYTE_BELL);
	__atomic_store_n(&table->self, (uintptr_t)table, __ATOMIC_RELEASE);
	return MH_PHASE_LIVE |
	       (unsigned int)!*in_force(table, MH_CORE_RECORD) <<
	       8 * MH_BYTE_PAUSED;
}

/* ---- values --------------------------------------------------------------- */

/* A copy of the values to be, and what becomes of it. */
struct request {
	struct mallochooks_values want;
	const char *ident;
	uint64_t refused;	/* bit by slot */
	int changed;
};

static void say_refused(const struct request *request,
			const struct mallochooks_layer *layer,
			const struct mallochooks_option *option)
{
	struct mh_line line;

	mh_line_start(&line);
	mh_line_str(&line, request->ident);
	mh_line_str(&line, ":");
	mh_line_str(&line, layer->name);
	mh_line_str(&line, ".");
	mh_line_str(&line, option->name);
	mh_line_str(&line, ", set by another process: ");
	if (option->flags & MALLOCHOOKS_LIVE) {
		mh_line_str(&line, "takes ");
		mh_value_wanted(&line, option);
	} else {
		mh_line_str(&line, "changes at start only");
	}
	mh_line_str(&line, "; stays ");
	mh_value_number(&line, option, option->num);
	line.text[line.nr] = 0;
	mh_say("options", line.text);
}

static void take_value(struct mallochooks_table *table,
		       const struct mallochooks_layer *layer,
		       struct mallochooks_option *option, void *arg)
{
	struct request *request = arg;
	const unsigned int i = option->slot - 1;
	uint64_t bit;
	int64_t value;

	if (!option->slot || i >= table->nr)
		return;
	bit = (uint64_t)1 << i;
	value = request->want.value[i];
	if (value == table->force[i])
		return;
	if (!(option->flags & MALLOCHOOKS_LIVE) ||
	    !mh_value_fits(option, value)) {
		request->refused |= bit;
		if (!(table->said & bit))
			say_refused(request, layer, option);
		table->said |= bit;
		return;
	}
	__atomic_store_n(&option->num, value, __ATOMIC_RELAXED);
	__atomic_store_n(&table->force[i], value, __ATOMIC_RELAXED);
	option->origin = MALLOCHOOKS_API;
	option->file = NULL;
	option->line = 0;
	request->changed = 1;
}

static void call_layers(const struct mallochooks_stack *stack,
			size_t operation)
{
	for (unsigned int i = 0; i < stack->nr_layers; i++) {
		const struct mallochooks_layer *layer =
			mallochooks_layer_at(stack, i);
		void (*run)(void);

		if (!mallochooks_layer_has(layer, operation))
			continue;
		run = *(void (*const *)(void))((const char *)layer + operation);
		if (run)
			run();
	}
}

static int is_whole(const struct mallochooks_table *table,
		    const struct mallochooks_values *values)
{
	return values->nr == table->nr &&
	       values->checksum == mallochooks_checksum(values);
}

/*
 * The copy that counts.  One that is not whole is made so, with the values in
 * force: whoever is still writing to it finds that out and tries again.
 * Return: 0 when we know it already.
 */
static int take_values(const struct mallochooks_stack *stack,
		       struct request *request)
{
	struct mallochooks_table *table = stack->table;
	/* acquire: pairs with the fence of who has filled the copy */
	const unsigned int flip = __atomic_load_n(&table->flip,
						  __ATOMIC_ACQUIRE) & 1;
	struct mallochooks_values *copy = &table->copy[flip];

	copy_values(&request->want, copy);
	if (!is_whole(table, &request->want)) {
		__atomic_store_n(&copy->serial, table->seen, __ATOMIC_RELAXED);
		put_back(table, copy);
		return 0;
	}
	if (request->want.serial == table->seen)
		return 0;
	each_option(stack, take_value, request);
	if (request->refused)
		put_back(table, copy);
	return 1;
}

struct lines {
	void (*take)(const char *text, unsigned int nr, void *arg);
	void *arg;
};

static void put_line(struct mallochooks_table *table,
		     const struct mallochooks_layer *layer,
		     struct mallochooks_option *option, void *arg)
{
	const struct lines *lines = arg;
	struct mallochooks_option now = *option;
	struct mh_line line;

	if (option->slot && option->slot <= table->nr)
		now.num = table->force[option->slot - 1];
	mh_line_start(&line);
	mh_options_write(&line, layer->name, &now);
	lines->take(line.text, line.nr, lines->arg);
}

MH_RUNTIME void mh_options_each(struct mh_phase *phase,
				void (*take)(const char *text, unsigned int nr,
					     void *arg),
				void *arg)
{
	const struct mallochooks_stack *stack = mh_stack_of(phase);
	struct lines lines = { take, arg };

	if (stack)
		each_option(stack, put_line, &lines);
}

/* ---- triggers ------------------------------------------------------------- */

static void dump(const struct mallochooks_stack *stack)
{
	const int fd = (int)*in_force(stack->table, MH_CORE_DUMP_FD);
	struct mh_line line;

	mh_line_start(&line);
	mh_line_str(&line, "mallochooks: dump: ");
	mh_line_str(&line, stack->ident);
	mh_line_str(&line, " in process ");
	mh_line_int(&line, mh_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0));
	mh_line_write(&line, fd);
	for (unsigned int i = 0; i < stack->nr_layers; i++) {
		const struct mallochooks_layer *layer =
			mallochooks_layer_at(stack, i);

		if (layer->dump)
			layer->dump(fd);
	}
}

/* Return: nonzero when it was otherwise before. */
static int pause_or_go_on(const struct mallochooks_stack *stack,
			  struct mh_phase *phase)
{
	const unsigned char pause = !*in_force(stack->table, MH_CORE_RECORD);

	return __atomic_exchange_n(mh_phase_byte(phase, MH_BYTE_PAUSED), pause,
				   __ATOMIC_SEQ_CST) != pause;
}

/* What the signal asks for is a change of a value like any other. */
static void take_signal(const struct mallochooks_stack *stack)
{
	static const enum mh_core_option means[] = {
		MH_CORE_DUMP, MH_CORE_RESET, MH_CORE_RECORD,
	};
	struct mallochooks_table *table = stack->table;
	const uint64_t does = (uint64_t)mh_core_options[MH_CORE_SIGNAL_DOES].num;
	int64_t *value;

	if (!__atomic_exchange_n(&table->asked, 0, __ATOMIC_ACQUIRE) ||
	    does >= sizeof(means) / sizeof(means[0]))
		return;
	value = in_force(table, means[does]);
	__atomic_store_n(value, means[does] == MH_CORE_RECORD ? !*value :
			 (*value + 1) & INT32_MAX, __ATOMIC_RELAXED);
	/* so that the next writer begins with it */
	put_back(table, &table->copy[table->flip & 1]);
}

static void act(const struct mallochooks_stack *stack, struct mh_phase *phase)
{
	struct mallochooks_table *table = stack->table;
	struct request request = { .ident = stack->ident };
	const int64_t dumps = *in_force(table, MH_CORE_DUMP);
	const int64_t resets = *in_force(table, MH_CORE_RESET);
	int taken;

	taken = take_values(stack, &request);
	take_signal(stack);
	if (pause_or_go_on(stack, phase) || request.changed)
		call_layers(stack, OPERATION(changed));
	if (dumps != *in_force(table, MH_CORE_DUMP))
		dump(stack);
	if (resets != *in_force(table, MH_CORE_RESET))
		call_layers(stack, OPERATION(reset));
	if (!taken)
		return;
	__atomic_store_n(&table->refused, request.refused, __ATOMIC_RELAXED);
	__atomic_store_n(&table->seen, request.want.serial, __ATOMIC_RELEASE);
}

/* One thread at a time, and no signal handler within it; who comes meanwhile
 * has it done once more. */
MH_RUNTIME void mh_live_take(const struct mallochooks_stack *stack,
			     struct mh_phase *phase)
{
	unsigned char *bell = mh_phase_byte(phase, MH_BYTE_BELL);
	struct mallochooks_table *table = stack->table;
	const int before = *mh_errno();

	if (!__atomic_exchange_n(bell, 0, __ATOMIC_SEQ_CST))
		return;
	do {
		__atomic_store_n(&table->again, 1, __ATOMIC_SEQ_CST);
		if (__atomic_exchange_n(&table->busy, 1, __ATOMIC_SEQ_CST))
			return;
		__atomic_store_n(&table->again, 0, __ATOMIC_SEQ_CST);
		act(stack, phase);
		__atomic_store_n(&table->busy, 0, __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&table->again, __ATOMIC_SEQ_CST));
	*mh_errno() = before;
}

/* The kernel has wiped the bell: one that rings has been rung in the child. */
MH_RUNTIME void mh_live_fork(const struct mallochooks_stack *stack,
			     struct mh_phase *phase)
{
	struct mallochooks_table *table = stack->table;
	struct request request = { .ident = stack->ident };

	table->busy = 0;
	table->again = 0;
	pause_or_go_on(stack, phase);
	if (*mh_phase_byte(phase, MH_BYTE_BELL))
		return;
	table->asked = 0;
	if (!take_values(stack, &request))
		return;
	if (pause_or_go_on(stack, phase) || request.changed)
		call_layers(stack, OPERATION(changed));
	table->refused = request.refused;
	table->seen = request.want.serial;
}

/* ---- the signal ----------------------------------------------------------- */

static void ask(int signo)
{
	const struct mallochooks_stack *stack;
	struct mh_phase *phase;

	(void)signo;
	for (unsigned int i = 0; (stack = mh_started(i, &phase)); i++) {
		__atomic_store_n(&stack->table->asked, 1, __ATOMIC_RELEASE);
		__atomic_store_n(mh_phase_byte(phase, MH_BYTE_BELL), 1,
				 __ATOMIC_RELEASE);
	}
}

MH_RUNTIME void mh_live_signal(void)
{
	const int signo = (int)mh_core_options[MH_CORE_SIGNAL].num;
	static int done;
	struct sigaction old, new;

	if (!signo || done)
		return;
	done = 1;
	if (sigaction(signo, NULL, &old)) {
		mh_say("options", "core.signal: no signal has that number, or "
		       "not for us");
		return;
	}
	if (old.sa_handler != SIG_DFL) {
		mh_say("options", "core.signal: the program has a handler of "
		       "that signal, or ignores it: it keeps it");
		return;
	}
	new = old;
	new.sa_handler = ask;
	new.sa_flags = SA_RESTART;
	if (sigaction(signo, &new, NULL))
		mh_say("options", "core.signal: this signal takes no handler");
}
