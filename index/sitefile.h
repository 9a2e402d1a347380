/* SPDX-License-Identifier: MIT */
/*
 * sitefile.h - writing the file of <mallochooks/sitefile.h>
 *
 * One file a process, open from mh_sitefile_open() on, without a descriptor.
 * The mapping stays where it is for the process and all its children: a child
 * lays private memory over its parent's file, and later its own file.
 */
#ifndef MH_SITEFILE_H
#define MH_SITEFILE_H

#include <mallochooks/runtime.h>
#include <mallochooks/sitefile.h>

struct mh_known_module;

/**
 * struct mh_sitefile - the file of one layer of one process
 * @head:	its first page, and so its mapping; NULL before there was one
 * @map_bytes:	length of the mapping
 * @pages:	page numbers below this one may be claimed
 * @populated:	page numbers below this one have memory and disk behind them
 * @full:	no more pages are to be had
 * @whole:	the file was allocated when it was made, populating is no use
 * @modules:	those that stand in the file, last one first
 * @page:	page that the next one is written to
 * @adding:	thread pointer of who adds or retires modules, or 0
 */
struct mh_sitefile {
	struct mh_sites_header *head;
	size_t map_bytes;
	uint32_t pages;
	uint32_t populated;
	uint32_t full;
	uint32_t whole;
	struct mh_known_module *modules;
	struct mh_sites_page *page;
	uintptr_t adding;
};

#pragma GCC visibility push(hidden)

/**
 * mh_sitefile_open() - make a file
 * @file:	without one
 * @dir:	directory to make it in
 * @bytes:	most bytes; less when the process's limits say so
 * @pid:	of the process (a child of vfork has another one)
 * @ident:	of the stack
 * @inside:	of the one inside whose chunks its own lie, or ""
 *
 * The header's state stays MH_SITES_MAKING: the caller sets it.
 * Context: one thread at a time; allocates nothing; makes system calls.
 * Return: 0, or -errno; nothing is left behind then.
 */
int mh_sitefile_open(struct mh_sitefile *file, const char *dir, uint64_t bytes,
		     uint32_t pid, const char *ident, const char *inside);

/**
 * mh_sitefile_fork() - this process is a child: it has no file yet
 */
void mh_sitefile_fork(struct mh_sitefile *file);

/**
 * mh_sitefile_page() - claim a page, all zeros
 *
 * Context: any thread, lock-free; at most one madvise(2).
 * Return: the page, or NULL when there is no room in the file or on the disk.
 */
struct mh_sites_page *mh_sitefile_page(struct mh_sitefile *file);

/**
 * mh_sitefile_module() - have the module that @address lies in in the file
 *
 * Context: as mh_module_find().  Does nothing in a signal handler that
 * interrupted itself or mh_sitefile_retire().
 */
void mh_sitefile_module(struct mh_sitefile *file, uintptr_t address);

/**
 * mh_sitefile_retire() - look for modules that have been closed
 *
 * Records at their addresses are rewritten so that no address of what comes
 * there next equals them.
 * Context: as for mh_sitefile_module(); best out of the loader's own call of
 * free, when it has unmapped an object and holds its lock.
 */
void mh_sitefile_retire(struct mh_sitefile *file);

#pragma GCC visibility pop

#endif
