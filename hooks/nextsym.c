// SPDX-License-Identifier: MIT
/*
 * nextsym - look up what comes behind us, without dlsym
 *
 * Called out of other libraries' IFUNC resolvers this code runs before our own
 * relocations: no initialised pointer, no PLT, no thread-local is used, and
 * the one datum from the loader, _r_debug, is not trusted to be there yet.
 *
 * Sources: System V gABI, chapter 5 (dynamic section, hash table); the GNU
 * hash table as dl-lookup.c of glibc 2.36 reads it; gABI "Symbol Versioning"
 * as in LSB Core 5.0, 10.7 (bit 15 of a version: hidden).
 */
#include <elf.h>
#include <fcntl.h>
#include <mallochooks/mallochooks.h>
#include <mallochooks/runtime.h>
#include "ifunc.h"
#include "nextsym.h"
#include "syscall.h"

#define VERSION_HIDDEN	0x8000

/*
 * A static program may lack it, which only methods wrap and replace can live
 * with (for them the composer says MH_MAY_BE_STATIC); strong it is reached without
 * a relocation.
 */
#ifdef MH_MAY_BE_STATIC
extern ElfW(Dyn) _DYNAMIC[] __attribute__((weak, visibility("hidden")));
#define HAVE_DYNAMIC	(_DYNAMIC != NULL)
#else
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));
#define HAVE_DYNAMIC	1
#endif
extern struct r_debug _r_debug __attribute__((weak));

/* From glibc 2.35 on the loader lists every namespace (r_version 2). */
struct r_debug_2 {
	struct r_debug base;
	struct r_debug_2 *r_next;
};

MH_RUNTIME int mh_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Only an executable's dynamic section leads to the loader's lists. */
static struct r_debug *debug_of(const ElfW(Dyn) *dyn)
{
	for (; dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == DT_DEBUG)
			return (struct r_debug *)dyn->d_un.d_ptr;
	return NULL;
}

/*
 * The executable's, for when our own GOT has not been filled yet.  Where the
 * loader was started as a program these are its own headers, without PT_PHDR.
 */
static struct r_debug *debug_from_auxv(void)
{
	ElfW(auxv_t) aux;
	const ElfW(Phdr) *phdr = NULL, *self = NULL;
	size_t nr_phdr = 0, i;
	uintptr_t base;
	static const char path[] = "/proc/self/auxv";
	long fd = mh_syscall(SYS_openat, AT_FDCWD, (long)path,
			     O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return NULL;
	while (mh_syscall(SYS_read, fd, (long)&aux, sizeof(aux), 0, 0, 0) ==
	       (long)sizeof(aux)) {
		if (aux.a_type == AT_PHDR)
			phdr = (const ElfW(Phdr) *)aux.a_un.a_val;
		if (aux.a_type == AT_PHNUM)
			nr_phdr = aux.a_un.a_val;
	}
	mh_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
	for (i = 0; phdr && i < nr_phdr; i++)
		if (phdr[i].p_type == PT_PHDR)
			self = &phdr[i];
	if (!self)
		return NULL;
	base = (uintptr_t)phdr - self->p_vaddr;
	for (i = 0; i < nr_phdr; i++)
		if (phdr[i].p_type == PT_DYNAMIC)
			return debug_of((const ElfW(Dyn) *)
					(base + phdr[i].p_vaddr));
	return NULL;
}

static const struct r_debug_2 *loader_lists(void)
{
	struct r_debug *debug = &_r_debug;

	if (!debug)
		debug = debug_of(_DYNAMIC);
	if (!debug)
		debug = debug_from_auxv();
	return (const struct r_debug_2 *)debug;
}

static const struct r_debug_2 *next_list(const struct r_debug_2 *list)
{
	return list->base.r_version >= 2 ? list->r_next : NULL;
}

static const struct link_map *own_in_list(const struct r_debug_2 *list)
{
	const struct link_map *map;

	for (map = list->base.r_map; map; map = map->l_next)
		if (map->l_ld == _DYNAMIC)
			return map;
	return NULL;
}

MH_RUNTIME const struct link_map *mh_own_map(void)
{
	static const struct link_map *own;
	const struct r_debug_2 *list;

	if (own || !HAVE_DYNAMIC)
		return own;
	for (list = loader_lists(); list && !own; list = next_list(list))
		own = own_in_list(list);
	return own;
}

/* The loader adds the base to most pointers in place; the vDSO's it leaves. */
static const void *rebased(const struct link_map *map, ElfW(Addr) value)
{
	return (const void *)(value < map->l_addr ? value + map->l_addr : value);
}

MH_RUNTIME int mh_object_open(struct mh_object *object,
			      const struct link_map *map)
{
	const ElfW(Dyn) *dyn;
	ElfW(Addr) soname = 0;

	object->map = map;
	object->symtab = NULL;
	object->strtab = NULL;
	object->versym = NULL;
	object->gnu_hash = NULL;
	object->sysv_hash = NULL;
	object->soname = NULL;
	for (dyn = map->l_ld; dyn && dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			object->symtab = rebased(map, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_STRTAB)
			object->strtab = rebased(map, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_VERSYM)
			object->versym = rebased(map, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_GNU_HASH)
			object->gnu_hash = rebased(map, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_HASH)
			object->sysv_hash = rebased(map, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_SONAME)
			soname = dyn->d_un.d_val;
	}
	if (object->strtab && soname)
		object->soname = object->strtab + soname;
	return object->symtab && object->strtab &&
	       (object->gnu_hash || object->sysv_hash);
}

/* Is symbol number @nr a definition of @name that others may bind to? */
static int defines(const struct mh_object *object, uint32_t nr,
		   const char *name)
{
	const ElfW(Sym) *sym = &object->symtab[nr];
	unsigned int bind = ELF64_ST_BIND(sym->st_info);
	unsigned int visibility = ELF64_ST_VISIBILITY(sym->st_other);

	if (sym->st_shndx == SHN_UNDEF || bind == STB_LOCAL ||
	    visibility == STV_HIDDEN || visibility == STV_INTERNAL ||
	    ELF64_ST_TYPE(sym->st_info) == STT_TLS)
		return 0;
	if (object->versym && object->versym[nr] & VERSION_HIDDEN)
		return 0;
	return mh_same(object->strtab + sym->st_name, name);
}

static uint32_t find_by_gnu_hash(const struct mh_object *object,
				 const char *name)
{
	const uint32_t *table = object->gnu_hash;
	const uint32_t nr_buckets = table[0], first = table[1];
	const uint32_t nr_bloom = table[2], shift = table[3];
	const ElfW(Addr) *bloom = (const ElfW(Addr) *)(table + 4);
	const uint32_t *buckets = (const uint32_t *)(bloom + nr_bloom);
	const uint32_t *chain = buckets + nr_buckets;
	const unsigned int bits = 8 * sizeof(*bloom);
	uint32_t hash = 5381, nr;
	ElfW(Addr) word;

	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	if (!nr_buckets || !nr_bloom)
		return 0;
	word = bloom[hash / bits % nr_bloom];
	if (!(word >> hash % bits & word >> (hash >> shift) % bits & 1))
		return 0;
	nr = buckets[hash % nr_buckets];
	if (nr < first)
		return 0;
	for (;; nr++) {
		uint32_t entry = chain[nr - first];

		if ((entry | 1) == (hash | 1) && defines(object, nr, name))
			return nr;
		if (entry & 1)
			return 0;
	}
}

static uint32_t find_by_sysv_hash(const struct mh_object *object,
				  const char *name)
{
	const uint32_t nr_buckets = object->sysv_hash[0];
	const uint32_t *buckets = object->sysv_hash + 2;
	const uint32_t *chain = buckets + nr_buckets;
	uint32_t hash = 0, nr;

	for (const char *c = name; *c; c++) {
		hash = (hash << 4) + (unsigned char)*c;
		hash ^= hash >> 24 & 0xf0;
		hash &= 0x0fffffff;
	}
	if (!nr_buckets)
		return 0;
	for (nr = buckets[hash % nr_buckets]; nr; nr = chain[nr])
		if (defines(object, nr, name))
			return nr;
	return 0;
}

MH_RUNTIME void *mh_object_find(const struct mh_object *object,
				const char *name)
{
	const ElfW(Sym) *sym;
	uintptr_t address;
	uint32_t nr;

	nr = object->gnu_hash ? find_by_gnu_hash(object, name) :
				find_by_sysv_hash(object, name);
	if (!nr)
		return NULL;
	sym = &object->symtab[nr];
	address = sym->st_value;
	if (sym->st_shndx != SHN_ABS)
		address += object->map->l_addr;
	if (ELF64_ST_TYPE(sym->st_info) == STT_GNU_IFUNC)
		address = mh_call_ifunc_resolver(address);
	return (void *)address;
}

MH_RUNTIME const ElfW(Nhdr) *mh_find_note(const ElfW(Phdr) *phdr, size_t nr,
					  uintptr_t bias, const char *owner,
					  uint32_t type)
{
	for (size_t i = 0; i < nr; i++) {
		uintptr_t at = bias + phdr[i].p_vaddr;
		uintptr_t end = at + phdr[i].p_memsz;

		if (phdr[i].p_type != PT_NOTE)
			continue;
		while (at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;

			if (note->n_type == type && note->n_namesz &&
			    mh_same((const char *)(note + 1), owner))
				return note;
			at += sizeof(*note) + ((note->n_namesz + 3u) & ~3u) +
			      ((note->n_descsz + 3u) & ~3u);
		}
	}
	return NULL;
}

/* Of a shared object whose ELF header lies at @base. */
static const ElfW(Nhdr) *build_id_at(uintptr_t base)
{
	const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)base;

	return mh_find_note((const ElfW(Phdr) *)(base + head->e_phoff),
			    head->e_phnum, base, "GNU", NT_GNU_BUILD_ID);
}

/*
 * Is @map a copy of the very file that we are?  Two copies of one tool must
 * not count a call twice, two tools made from one archive must both run; the
 * build-id tells them apart.  Without one, both run.
 */
static int is_twin(const struct link_map *map)
{
	const struct link_map *own = mh_own_map();
	const ElfW(Nhdr) *mine, *theirs;
	struct mh_object object;
	uint32_t i;

	if (!own || !own->l_addr || !map->l_addr || !own->l_name[0] ||
	    !map->l_name[0])
		return 0;
	if (!mh_object_open(&object, map) ||
	    !mh_object_find(&object, "mallochooks_unit"))
		return 0;
	mine = build_id_at(own->l_addr);
	theirs = build_id_at(map->l_addr);
	if (!mine || !theirs || mine->n_descsz != theirs->n_descsz)
		return 0;
	for (i = 0; i < mine->n_descsz; i++)
		if (((const char *)(mine + 1))[4 + i] !=
		    ((const char *)(theirs + 1))[4 + i])
			return 0;
	return 1;
}

static const struct link_map *head_of(const struct link_map *map)
{
	while (map->l_prev)
		map = map->l_prev;
	return map;
}

MH_RUNTIME const struct link_map *mh_next_object(const struct link_map *map)
{
	const struct link_map *own = mh_own_map();

	if (!own)
		return NULL;
	if (!map)
		map = own;
	do {
		map = map->l_next ? map->l_next : head_of(map);
		if (map == own)
			return NULL;
	} while (is_twin(map));
	return map;
}

MH_RUNTIME void *mh_next_symbol(const char *name)
{
	const struct link_map *map = NULL;
	struct mh_object object;
	void *found;

	while ((map = mh_next_object(map))) {
		if (!mh_object_open(&object, map))
			continue;
		found = mh_object_find(&object, name);
		if (found)
			return found;
	}
	return NULL;
}

MH_RUNTIME const struct link_map *mh_scope_object(const struct link_map *map)
{
	const struct link_map *own;

	if (map)
		return map->l_next;
	own = mh_own_map();
	return own ? head_of(own) : NULL;
}

MH_RUNTIME void *mh_scope_symbol(const char *name)
{
	const struct link_map *map = NULL;
	struct mh_object object;
	void *found;

	while ((map = mh_scope_object(map))) {
		if (!mh_object_open(&object, map))
			continue;
		found = mh_object_find(&object, name);
		if (found)
			return found;
	}
	return NULL;
}
