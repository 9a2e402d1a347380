/* SPDX-License-Identifier: MIT */
/*
 * module.h - which loaded object does an address of code belong to?
 *
 * Asks the loader's own records without its lock, so that it can be asked from
 * within any allocation, dlopen()'s own included, and in a child of fork.
 */
#ifndef MH_MODULE_H
#define MH_MODULE_H

#include <mallochooks/runtime.h>

/**
 * struct mh_module - an object that is loaded
 * @start:	lowest address
 * @end:	first address behind it
 * @bias:	address minus this is the address in the ELF file
 * @eh_frame_hdr: its table of functions for unwinding, or NULL
 * @tables_start, @tables_end: the segment which that lies in
 * @path:	as the loader has it; "" for the executable
 * @build_id:	or NULL
 * @build_id_bytes: length of @build_id
 */
struct mh_module {
	uintptr_t start;
	uintptr_t end;
	uintptr_t bias;
	const unsigned char *eh_frame_hdr;
	const unsigned char *tables_start, *tables_end;
	const char *path;
	const unsigned char *build_id;
	size_t build_id_bytes;
};

#pragma GCC visibility push(hidden)

/**
 * mh_modules_init() - find the loader
 * @loader:	filled with the loader's own range; empty in a static program
 * Context: init operations; the other functions find nothing before.
 */
void mh_modules_init(struct mh_module *loader);

/**
 * mh_module_find() - the object that @address lies in
 *
 * Context: any thread, as long as the object can't be closed meanwhile: its
 * code is on the caller's stack.  Lock-free with glibc 2.35 or later
 * (_dl_find_object); before, it walks the loader's list, which another
 * thread's dlclose() may be changing.
 * Return: nonzero when found; @module then points into the loader's memory.
 */
int mh_module_find(uintptr_t address, struct mh_module *module);

/**
 * mh_module_is_loaded() - is there still an object that begins at @start?
 * Context: as for mh_module_find(), without the condition.
 */
int mh_module_is_loaded(uintptr_t start);

#pragma GCC visibility pop

#endif
