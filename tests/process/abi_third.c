// SPDX-License-Identifier: MIT
/*
 * abi_third - somebody else's tool: sets values of another process
 *
 *	abi_third PID SLOT VALUE		writes whatever that is
 *	abi_third PID toggle TIMES SLOT...	0, 1, 0, 1 ... into these slots, each
 *						tenth until the process has taken it
 *	abi_third PID count FROM TO SLOT	each number, one after the other
 *	abi_third PID torn SLOT VALUE		the same as the first, but the
 *						checksum is wrong
 *
 * Written from Documentation/abi.rst; <mallochooks/mallochooks.h> has the
 * structures, and nothing of the library or its tool is linked.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

static pid_t pid;
static uint64_t at;	/* of the table */
static struct mallochooks_table table;

static void fail(const char *what)
{
	fprintf(stderr, "abi_third: %s\n", what);
	exit(1);
}

static int get(uint64_t from, void *to, size_t bytes)
{
	struct iovec here = { to, bytes };
	struct iovec there = { (void *)(uintptr_t)from, bytes };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

static void put(uint64_t to, const void *from, size_t bytes)
{
	struct iovec here = { (void *)(uintptr_t)from, bytes };
	struct iovec there = { (void *)(uintptr_t)to, bytes };

	if (process_vm_writev(pid, &here, 1, &there, 1, 0) != (ssize_t)bytes)
		fail("cannot write");
}

static void look_at_notes(uint64_t from, uint64_t bytes)
{
	static unsigned char notes[65536];
	Elf64_Nhdr head;
	uint64_t i, desc;
	int64_t distance;

	if (bytes > sizeof(notes) || !get(from, notes, bytes))
		return;
	for (i = 0; i + sizeof(head) <= bytes;
	     i = desc + ((head.n_descsz + 3) & ~3u)) {
		memcpy(&head, notes + i, sizeof(head));
		desc = i + sizeof(head) + ((head.n_namesz + 3) & ~3u);
		if (desc + head.n_descsz > bytes || head.n_descsz < 72 ||
		    memcmp(notes + i + sizeof(head), "mallochooks", 12))
			continue;
		memcpy(&distance, notes + desc + 64, sizeof(distance));
		at = from + desc + 64 + (uint64_t)distance;
	}
}

static void look_at_object(uint64_t start)
{
	Elf64_Phdr phdr[32];
	Elf64_Ehdr ehdr;
	uint64_t bias = 0;

	if (!get(start, &ehdr, sizeof(ehdr)) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) || ehdr.e_phnum > 32 ||
	    !get(start + ehdr.e_phoff, phdr, ehdr.e_phnum * sizeof(phdr[0])))
		return;
	for (int i = 0; i < ehdr.e_phnum; i++)
		if (phdr[i].p_type == PT_LOAD && !phdr[i].p_offset)
			bias = start - phdr[i].p_vaddr;
	for (int i = 0; i < ehdr.e_phnum; i++)
		if (phdr[i].p_type == PT_NOTE)
			look_at_notes(bias + phdr[i].p_vaddr, phdr[i].p_memsz);
}

static void find(void)
{
	uint64_t start, offset;
	char path[64], line[4096], rights[5];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		fail("no such process");
	while (!at && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%*x %4s %" SCNx64, &start, rights,
			   &offset) == 3 && !offset && rights[0] == 'r')
			look_at_object(start);
	fclose(maps);
	if (!at || !get(at, &table, sizeof(table)) ||
	    table.magic != MALLOCHOOKS_TABLE_MAGIC || table.version != 1 ||
	    table.self != at)
		fail("no table");
}

static uint64_t serial(void)
{
	static uint64_t nr;

	return (uint64_t)getpid() << 32 | ++nr;
}

/* Return: serial of what was written. */
static uint64_t set(const int *slot, int nr, int64_t value, uint32_t wrong)
{
	static const unsigned char one = 1;
	struct mallochooks_values values;
	unsigned char flip;

	for (;;) {
		get(at, &table, sizeof(table));
		flip = table.flip & 1;
		values = table.copy[flip];
		if (values.checksum != mallochooks_checksum(&values) && !wrong)
			continue;
		values.serial = serial();
		for (int i = 0; i < nr; i++)
			values.value[slot[i] - 1] = value;
		values.checksum = mallochooks_checksum(&values) ^ wrong;
		flip = !flip;
		put(at + offsetof(struct mallochooks_table, copy[flip]), &values,
		    sizeof(values));
		get(at, &table, sizeof(table));
		if ((table.flip & 1) == flip ||
		    memcmp(&table.copy[flip], &values, sizeof(values)))
			continue;
		put(at + offsetof(struct mallochooks_table, flip), &flip, 1);
		put(table.bell, &one, 1);
		get(at, &table, sizeof(table));
		if (table.copy[table.flip & 1].serial == values.serial ||
		    table.seen == values.serial)
			return values.serial;
	}
}

/* Until the process has taken @mine, or what another has written since. */
static void wait_for(uint64_t mine)
{
	const time_t until = time(NULL) + 50;

	while (get(at, &table, sizeof(table)) && table.seen != mine &&
	       table.copy[table.flip & 1].serial == mine)
		if (time(NULL) > until)
			fail("nobody has taken it for 50 s");
}

int main(int argc, char **argv)
{
	int slot[32], nr = 0;

	if (argc < 4)
		fail("PID, and what");
	pid = atoi(argv[1]);
	find();
	if (!strcmp(argv[2], "toggle")) {
		for (int i = 4; i < argc && nr < 32; i++)
			slot[nr++] = atoi(argv[i]);
		for (int i = 0; i < atoi(argv[3]); i++) {
			uint64_t mine = set(slot, nr, i & 1, 0);

			if (i % 10 == 0)
				wait_for(mine);
		}
	} else if (!strcmp(argv[2], "count")) {
		slot[0] = atoi(argv[5]);
		for (int i = atoi(argv[3]); i <= atoi(argv[4]); i++)
			wait_for(set(slot, 1, i, 0));
	} else if (!strcmp(argv[2], "torn")) {
		slot[0] = atoi(argv[3]);
		set(slot, 1, atoll(argv[4]), 1);
	} else {
		slot[0] = atoi(argv[2]);
		set(slot, 1, atoll(argv[3]), 0);
	}
	return 0;
}
