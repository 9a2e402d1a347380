// SPDX-License-Identifier: MIT
/*
 * module - which loaded object does an address of code belong to?
 *
 * Source: _dl_find_object() of glibc 2.35, dlfcn.h and its manual: lock-free
 * and async-signal-safe, made for unwinders.
 */
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include "module.h"
#include "nextsym.h"
#include "syscall.h"

/* glibc's struct dl_find_object; what comes behind is for later versions. */
struct found_object {
	unsigned long long flags;
	void *start;
	void *end;
	struct link_map *map;
	void *rest[16];
};

typedef int find_object(void *address, struct found_object *object);

static find_object *find;
static const ElfW(Phdr) *own_headers;	/* the executable's, from the kernel */
static size_t nr_own_headers;

/* Program headers by the ELF header at @base, if there is one. */
static const ElfW(Phdr) *headers_at(uintptr_t base, size_t *nr)
{
	const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)base;

	if (head->e_ident[0] != ELFMAG0 || head->e_ident[1] != ELFMAG1 ||
	    head->e_ident[2] != ELFMAG2 || head->e_ident[3] != ELFMAG3)
		return NULL;
	*nr = head->e_phnum;
	return (const ElfW(Phdr) *)(base + head->e_phoff);
}

static void set_range(struct mh_module *module, const ElfW(Phdr) *phdr,
		      size_t nr)
{
	uintptr_t start = UINTPTR_MAX, end = 0;

	for (size_t i = 0; i < nr; i++) {
		if (phdr[i].p_type != PT_LOAD)
			continue;
		if (phdr[i].p_vaddr < start)
			start = phdr[i].p_vaddr;
		if (phdr[i].p_vaddr + phdr[i].p_memsz > end)
			end = phdr[i].p_vaddr + phdr[i].p_memsz;
	}
	module->start = end ? (start & ~(uintptr_t)4095) + module->bias : 0;
	module->end = end ? end + module->bias : 0;
}

/* .eh_frame_hdr, and how far there is memory around it. */
static void find_tables(struct mh_module *module, const ElfW(Phdr) *phdr,
			size_t nr)
{
	uintptr_t header = 0;

	module->eh_frame_hdr = NULL;
	for (size_t i = 0; i < nr; i++)
		if (phdr[i].p_type == PT_GNU_EH_FRAME)
			header = phdr[i].p_vaddr;
	for (size_t i = 0; header && i < nr; i++) {
		if (phdr[i].p_type != PT_LOAD || header < phdr[i].p_vaddr ||
		    header - phdr[i].p_vaddr >= phdr[i].p_filesz)
			continue;
		module->eh_frame_hdr = (const unsigned char *)
			(module->bias + header);
		module->tables_start = (const unsigned char *)
			(module->bias + phdr[i].p_vaddr);
		module->tables_end = module->tables_start + phdr[i].p_filesz;
	}
}

static void describe(struct mh_module *module, const ElfW(Phdr) *phdr,
		     size_t nr)
{
	const ElfW(Nhdr) *note = mh_find_note(phdr, nr, module->bias, "GNU",
					      NT_GNU_BUILD_ID);

	find_tables(module, phdr, nr);
	module->build_id = NULL;
	module->build_id_bytes = 0;
	if (!note)
		return;
	module->build_id = (const unsigned char *)(note + 1) + 4;
	module->build_id_bytes = note->n_descsz;
}

/* An object may begin elsewhere than at its bias. */
static int is_mapped(uintptr_t page)
{
	unsigned char resident;

	return page && !(page & 4095) &&
	       !mh_syscall(SYS_mincore, (long)page, 1, (long)&resident, 0, 0, 0);
}

/* The executable, and all that there is of a static program. */
static int find_executable(uintptr_t address, struct mh_module *module)
{
	module->bias = 0;
	module->path = "";
	for (size_t i = 0; i < nr_own_headers; i++)
		if (own_headers[i].p_type == PT_PHDR)
			module->bias = (uintptr_t)own_headers -
				       own_headers[i].p_vaddr;
	set_range(module, own_headers, nr_own_headers);
	if (address < module->start || address >= module->end)
		return 0;
	describe(module, own_headers, nr_own_headers);
	return 1;
}

static int walk(uintptr_t address, struct mh_module *module)
{
	const struct link_map *map = mh_own_map();
	const ElfW(Phdr) *phdr;
	size_t nr;

	while (map && map->l_prev)
		map = map->l_prev;
	for (; map; map = map->l_next) {
		phdr = is_mapped(map->l_addr) ? headers_at(map->l_addr, &nr) :
						NULL;
		if (!phdr)
			continue;
		module->bias = map->l_addr;
		set_range(module, phdr, nr);
		if (address < module->start || address >= module->end)
			continue;
		module->path = map->l_name;
		describe(module, phdr, nr);
		return 1;
	}
	return find_executable(address, module);
}

MH_RUNTIME int mh_module_find(uintptr_t address, struct mh_module *module)
{
	const ElfW(Phdr) *phdr;
	struct found_object object;
	size_t nr;

	if (!find)
		return walk(address, module);
	if (find((void *)address, &object))
		return 0;
	module->start = (uintptr_t)object.start;
	module->end = (uintptr_t)object.end;
	module->bias = object.map->l_addr;
	module->path = object.map->l_name;
	phdr = headers_at(module->start, &nr);
	describe(module, phdr, phdr ? nr : 0);
	return 1;
}

MH_RUNTIME int mh_module_is_loaded(uintptr_t start)
{
	struct found_object object;
	struct mh_module module;

	if (!find)
		return walk(start, &module) && module.start == start;
	return !find((void *)start, &object) &&
	       (uintptr_t)object.start == start;
}

MH_RUNTIME void mh_modules_init(struct mh_module *loader)
{
	void *inside;

	own_headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	nr_own_headers = getauxval(AT_PHNUM);
	find = (find_object *)mh_next_symbol("_dl_find_object");
	/* One that the loader itself has, and never libc. */
	inside = mh_next_symbol("__tls_get_addr");
	if (!inside || !mh_module_find((uintptr_t)inside, loader)) {
		loader->start = 0;
		loader->end = 0;
	}
}
