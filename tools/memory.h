/* SPDX-License-Identifier: MIT */
/*
 * memory.h - the memory of another process, or of one that has left a core file
 */
#ifndef MALLOCHOOKS_MEMORY_H
#define MALLOCHOOKS_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct mapping - a file that is mapped
 * @offset:	in the file
 * @path:	as the kernel tells it; shared by those of one file that follow each
 *		other
 */
struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	char *path;
};

/**
 * struct module - an ELF file that is mapped
 * @start:	lowest address
 * @end:	first address behind it, .bss included
 * @file_end:	first address behind what is mapped of the file
 * @bias:	an address in memory minus this is the one in the file
 * @name:	last part of the path that it had
 * @path:	where the file can be opened; NULL: nowhere
 * @is_unit:	it carries a stack of ours
 */
struct module {
	uint64_t start;
	uint64_t end;
	uint64_t file_end;
	uint64_t bias;
	const char *name;
	char *path;
	unsigned char build_id[64];
	size_t build_id_bytes;
	int is_unit;
};

/* Bytes of memory in a core file. */
struct core_part {
	uint64_t start;
	uint64_t bytes;
	uint64_t offset;
};

/**
 * struct memory - what can be read
 * @name:	"process 12" or "core FILE", for messages
 * @pid:	0 for a core
 * @exe:	of a core: path that the user gave, or NULL
 * @phdr:	of a core: where the program headers of the executable are
 */
struct memory {
	char *name;
	pid_t pid;
	int fd;
	const char *exe;
	uint64_t phdr;
	struct core_part *part;
	size_t nr_parts;
	struct mapping *mapping;
	size_t nr_mappings;
	struct module *module;
	size_t nr_modules;
};

/**
 * memory_open_process() - get ready to read a process, which goes on meanwhile
 *
 * Return: 0, or -1 with a line said.
 */
int memory_open_process(struct memory *memory, pid_t pid);

/**
 * memory_open_core() - get ready to read a core file
 * @exe:	the executable, where it is not at its path any more; or NULL
 *
 * What the kernel left out, as it stands in a file that was mapped, is read from
 * that file.
 * Return: 0, or -1 with a line said.
 */
int memory_open_core(struct memory *memory, const char *path, const char *exe);

void memory_close(struct memory *memory);

/**
 * memory_read() - all bytes or none
 * Return: 0, or -1 with errno: EFAULT when not all of it is there, EPERM, ESRCH.
 */
int memory_read(const struct memory *memory, uint64_t at, void *to,
		size_t bytes);

/* Return: a string of the process, to be freed; or NULL. */
char *memory_string(const struct memory *memory, uint64_t at);

/* The module that an address lies in, or NULL. */
const struct module *memory_module(const struct memory *memory, uint64_t at);

#endif
