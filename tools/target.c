// SPDX-License-Identifier: MIT
/*
 * target - the stacks in another process, read and written while it runs
 *
 * Every mapping that begins with an ELF header is asked for its notes, in memory:
 * no file is opened, so stripped, static, deleted and other containers' programs
 * are as good as any.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "target.h"
#include "tools.h"

#define MOST_PHDRS	64
#define MOST_FOUND	64	/* stacks */
#define TRIES		1000	/* while others write too */
#define PATIENCE	100	/* of these, for one who does not finish */

static const char old_note[] = "made by a release that can't be reached while "
			       "it runs: link it anew";

/* ---- memory --------------------------------------------------------------- */

static size_t read_memory(struct tables *tables, uint64_t at, void *to,
			  size_t bytes)
{
	const struct target *target = (const struct target *)tables;
	struct iovec here = { to, bytes };
	struct iovec there = { (void *)(uintptr_t)at, bytes };
	ssize_t nr = process_vm_readv(target->pid, &here, 1, &there, 1, 0);

	if (nr >= 0 || errno != EFAULT || bytes < 2)
		return nr < 0 ? 0 : (size_t)nr;
	/* It may end within: the kernel transfers whole pieces only. */
	there.iov_len = here.iov_len = 4096 - at % 4096;
	if (there.iov_len >= bytes)
		return 0;
	nr = process_vm_readv(target->pid, &here, 1, &there, 1, 0);
	return nr < 0 ? 0 : (size_t)nr;
}

static uint64_t read_pointer(struct tables *tables, uint64_t at)
{
	uint64_t value;

	tables_read(tables, at, &value, sizeof(value));
	return value;
}

static int write_memory(const struct target *target, uint64_t at,
			const void *from, size_t bytes)
{
	struct iovec here = { (void *)from, bytes };
	struct iovec there = { (void *)(uintptr_t)at, bytes };

	if (process_vm_writev(target->pid, &here, 1, &there, 1, 0) ==
	    (ssize_t)bytes)
		return 0;
	say("process %d cannot be written to: %s", (int)target->pid,
	    strerror(errno));
	return -1;
}

/* ---- finding -------------------------------------------------------------- */

struct found {
	struct target *target;
	const char *object;
};

static void add_stack(const struct note *note, void *arg)
{
	const struct found *found = arg;
	struct target *target = found->target;
	struct target_stack *stack;

	if (note->bytes < MALLOCHOOKS_NOTE_TABLE ||
	    target->nr_stacks == MOST_FOUND)
		return;
	target->stacks = xrealloc(target->stacks, (target->nr_stacks + 1) *
				  sizeof(*target->stacks));
	stack = &target->stacks[target->nr_stacks++];
	memset(stack, 0, sizeof(*stack));
	stack->ident = xasprintf("%.*s", MALLOCHOOKS_NOTE_TABLE -
					 MALLOCHOOKS_NOTE_IDENT,
				 (const char *)note->desc +
				 MALLOCHOOKS_NOTE_IDENT);
	text_clean(stack->ident);
	stack->object = xstrdup(found->object);
	text_clean(stack->object);
	stack->at = note_leads_to(note, MALLOCHOOKS_NOTE_TABLE);
}

static void look_at_object(struct target *target, uint64_t start,
			   const char *object)
{
	struct found found = { target, object };
	Elf64_Phdr phdr[MOST_PHDRS];
	Elf64_Ehdr ehdr;
	uint64_t bias = 0;
	int i;

	tables_read(&target->tables, start, &ehdr, sizeof(ehdr));
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG))
		return;
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64) {
		target->bits32 = 1;
		return;
	}
	if (ehdr.e_phnum > MOST_PHDRS || ehdr.e_phentsize != sizeof(phdr[0]))
		return;
	tables_read(&target->tables, start + ehdr.e_phoff, phdr,
		    ehdr.e_phnum * sizeof(phdr[0]));
	for (i = 0; i < ehdr.e_phnum; i++)
		if (phdr[i].p_type == PT_LOAD && !phdr[i].p_offset)
			bias = start - phdr[i].p_vaddr;
	for (i = 0; i < ehdr.e_phnum; i++)
		if (phdr[i].p_type == PT_NOTE)
			tables_notes(&target->tables, bias + phdr[i].p_vaddr,
				     phdr[i].p_memsz, add_stack, &found);
}

/* One line of /proc/PID/maps: "START-END rwxp OFFSET DEV INODE   PATH". */
static void look_at_mapping(struct target *target, char *line)
{
	uint64_t start, end, offset;
	char rights[5], *path;
	int nr = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n",
		   &start, &end, rights, &offset, &nr) != 4 || !nr)
		return;
	path = line + nr;
	if (offset || rights[0] != 'r' || *path != '/')
		return;
	look_at_object(target, start, path);
}

/* ---- what was found ------------------------------------------------------- */

static struct unit *unit_of(struct target *target, uint64_t at,
			    const char **why)
{
	struct unit *unit;
	size_t i;

	for (i = 0; i < target->nr_units; i++)
		if (target->unit_at[i] == at)
			return target->units[i];
	if (i == ARRAY_SIZE(target->units)) {
		*why = "too many units in one process";
		return NULL;
	}
	unit = xcalloc(1, sizeof(*unit));
	target->tables.broken = 0;
	*why = tables_unit(&target->tables, at, unit);
	if (*why) {
		unit_free(unit);
		free(unit);
		return NULL;
	}
	target->units[i] = unit;
	target->unit_at[i] = at;
	target->nr_units++;
	return unit;
}

static void read_table(struct target *target, struct target_stack *stack)
{
	struct mallochooks_table *table = &stack->table;
	size_t size;

	tables_read(&target->tables, stack->at, table, sizeof(*table));
	size = table->size;
	if (size < sizeof(*table))
		memset((char *)table + size, 0, sizeof(*table) - size);
}

/* Return: 0 when there is no table at all. */
static int look_at_table(struct target *target, struct target_stack *stack)
{
	const struct mallochooks_table *table = &stack->table;

	if (!stack->at) {
		stack->why = old_note;
		return 1;
	}
	read_table(target, stack);
	if (table->magic != MALLOCHOOKS_TABLE_MAGIC ||
	    (table->self && table->self != stack->at))
		return 0;
	if (!table->self) {
		stack->why = "has not started: its constructor has not run";
		return 1;
	}
	stack->unit = unit_of(target, table->unit, &stack->why);
	for (size_t i = 0; stack->unit && i < stack->unit->nr; i++)
		if (stack->unit->tables[i] == stack->at) {
			stack->nr = i;
			return 1;
		}
	if (!stack->why)
		stack->why = "its unit does not know it";
	stack->unit = NULL;
	return 1;
}

static void free_stack(struct target_stack *stack)
{
	free(stack->ident);
	free(stack->object);
}

static void look_at_tables(struct target *target)
{
	size_t kept = 0;

	for (size_t i = 0; i < target->nr_stacks; i++) {
		if (look_at_table(target, &target->stacks[i]))
			target->stacks[kept++] = target->stacks[i];
		else
			free_stack(&target->stacks[i]);
	}
	target->nr_stacks = kept;
}

int target_is_known(const struct target_stack *stack)
{
	const struct mallochooks_table *table = &stack->table;

	return stack->unit && table->version == MALLOCHOOKS_TABLE_VERSION &&
	       table->size >= TARGET_TABLE_BYTES &&
	       table->nr <= MALLOCHOOKS_SLOTS;
}

/* ---- errors --------------------------------------------------------------- */

/* Yama's rule: 1 allows one's own children only, 2 root, 3 nobody. */
static const char *remedy(void)
{
	char *scope = read_file("/proc/sys/kernel/yama/ptrace_scope", NULL);
	const char *text = "be the user that it runs as, or root";

	if (scope && *scope == '3')
		text = "kernel.yama.ptrace_scope is 3, which forbids it to all";
	else if (scope && *scope != '0')
		text = "be root; or the same user, with \"sysctl "
		       "kernel.yama.ptrace_scope=0\"";
	free(scope);
	return text;
}

static int say_why_not(pid_t pid, int error)
{
	if (error == ESRCH || error == ENOENT)
		say("there is no process %d", (int)pid);
	else if (error == EPERM || error == EACCES)
		say("no permission to look into process %d: %s", (int)pid,
		    remedy());
	else
		say("process %d cannot be looked into: %s", (int)pid,
		    strerror(error));
	return -1;
}

static int read_maps(struct target *target)
{
	char *path = xasprintf("/proc/%d/maps", (int)target->pid);
	FILE *maps = fopen(path, "re");
	char *line = NULL;
	size_t bytes = 0;
	int error = errno, nr = 0;

	free(path);
	if (!maps)
		return say_why_not(target->pid, error);
	while (getline(&line, &bytes, maps) > 0) {
		look_at_mapping(target, line);
		nr++;
	}
	error = ferror(maps) ? errno : 0;
	free(line);
	fclose(maps);
	if (error)
		return say_why_not(target->pid, error);
	if (nr)
		return 0;
	say("process %d has no memory: it has ended, or is the kernel's",
	    (int)target->pid);
	return -1;
}

/* May we?  The maps alone do not tell. */
static int try_to_read(const struct target *target)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { NULL, 1 };

	if (process_vm_readv(target->pid, &here, 1, &there, 1, 0) < 0 &&
	    errno != EFAULT)
		return say_why_not(target->pid, errno);
	return 0;
}

int target_open(struct target *target, pid_t pid)
{
	memset(target, 0, sizeof(*target));
	target->pid = pid;
	target->tables.read = read_memory;
	target->tables.pointer = read_pointer;
	target->tables.runs = 1;
	if (try_to_read(target) || read_maps(target))
		return -1;
	look_at_tables(target);
	if (target->nr_stacks)
		return 0;
	if (target->bits32)
		say("process %d is a 32-bit program, which no stack of ours is "
		    "for", (int)pid);
	else
		say("process %d has no stack of ours in it: start it by "
		    "\"mallochooks run\", or link it with one", (int)pid);
	target_close(target);
	return -1;
}

void target_close(struct target *target)
{
	for (size_t i = 0; i < target->nr_stacks; i++)
		free_stack(&target->stacks[i]);
	for (size_t i = 0; i < target->nr_units; i++) {
		unit_free(target->units[i]);
		free(target->units[i]);
	}
	free(target->stacks);
	memset(target, 0, sizeof(*target));
}

/* ---- values --------------------------------------------------------------- */

int target_update(struct target *target, struct target_stack *stack)
{
	if (try_to_read(target))
		return -1;
	read_table(target, stack);
	if (target_is_known(stack) && stack->table.self == stack->at)
		return 0;
	say("process %d has become another program", (int)target->pid);
	return -1;
}

const struct mallochooks_values *
target_values(const struct target_stack *stack)
{
	const struct mallochooks_table *table = &stack->table;
	const struct mallochooks_values *values = &table->copy[table->flip & 1];

	return values->nr == table->nr &&
	       values->checksum == mallochooks_checksum(values) ? values : NULL;
}

static uint64_t new_serial(void)
{
	uint64_t serial = 0;

	while (getrandom(&serial, sizeof(serial), 0) != sizeof(serial) ||
	       !serial)
		;
	return serial;
}

/* What is relative is so once, however often it takes. */
static void apply(struct mallochooks_values *values,
		  struct target_change *changes, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct target_change *change = &changes[i];
		int64_t *value = &values->value[change->slot - 1];

		if (change->relative &&
		    __builtin_add_overflow(*value, change->value,
					   &change->value))
			change->value = *value;
		change->relative = 0;
		*value = change->value;
	}
}

/* Is it there, and nothing else on top of it? */
static int is_written(struct target *target, struct target_stack *stack,
		      int copy, const struct mallochooks_values *wanted)
{
	return !target_update(target, stack) &&
	       (stack->table.flip & 1) != copy &&
	       !memcmp(&stack->table.copy[copy], wanted, sizeof(*wanted));
}

/* What is in force, when the copy that counts stays broken. */
static void begin_with_force(const struct target_stack *stack,
			     struct mallochooks_values *values)
{
	memset(values, 0, sizeof(*values));
	values->nr = stack->table.nr;
	memcpy(values->value, stack->table.force, sizeof(values->value));
}

/* One try.  Return: 1 when it is done, 0: once more, -1: never, a line is said. */
static int try_to_write(struct target *target, struct target_stack *stack,
			struct target_change *changes, size_t nr,
			uint64_t serial, int patient)
{
	static const unsigned char one = 1;
	const struct mallochooks_values *now;
	struct mallochooks_values wanted;
	unsigned char flip;
	uint64_t at;

	if (target_update(target, stack))
		return -1;
	now = target_values(stack);
	if (!now && patient)
		return 0;
	if (now)
		wanted = *now;
	else
		begin_with_force(stack, &wanted);
	wanted.serial = serial;
	apply(&wanted, changes, nr);
	wanted.checksum = mallochooks_checksum(&wanted);
	flip = !(stack->table.flip & 1);
	at = stack->at + offsetof(struct mallochooks_table, copy) +
	     flip * sizeof(wanted);
	if (write_memory(target, at, &wanted, sizeof(wanted)))
		return -1;
	if (!is_written(target, stack, flip, &wanted))
		return 0;
	at = stack->at + offsetof(struct mallochooks_table, flip);
	if (write_memory(target, at, &flip, 1) ||
	    write_memory(target, stack->table.bell, &one, 1) ||
	    target_update(target, stack))
		return -1;
	now = &stack->table.copy[stack->table.flip & 1];
	return now->serial == serial || stack->table.seen == serial;
}

static void wait_a_little(void)
{
	const struct timespec time = { 0, 1000 * (random() % 100 + 1) };

	nanosleep(&time, NULL);
}

/*
 * Writers take turns, as far as they do the same.  The rest of the rules keeps the
 * table whole without that, but of two changes at one instant one may be lost.
 * Return: descriptor, or -1.
 */
static int take_turn(const struct target *target)
{
	char *path = xasprintf("/proc/%d", (int)target->pid);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(path);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

uint64_t target_write(struct target *target, struct target_stack *stack,
		      struct target_change *changes, size_t nr)
{
	const int turn = take_turn(target);
	uint64_t serial = 0;
	int done = 0;

	srandom((unsigned int)getpid());
	for (int i = 0; !done && i < TRIES; i++) {
		serial = new_serial();
		done = try_to_write(target, stack, changes, nr, serial,
				    i < PATIENCE);
		if (!done)
			wait_a_little();
	}
	if (turn >= 0)
		close(turn);
	if (!done)
		say("others write to process %d all the time: try again",
		    (int)target->pid);
	return done > 0 ? serial : 0;
}
