// SPDX-License-Identifier: MIT
/*
 * unit - the tables of a unit, read from its file
 *
 * They are read from the unit's file, as the loader would lay it out:
 * segments, with relocated pointers taken from the relocations.  dlopen()
 * would be shorter, but it runs the constructors of layers and handlers that
 * are not ours, shows what MALLOCHOOKS has changed instead of the defaults,
 * and cannot open a unit for another machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

#include "objfile.h"
#include "tables.h"
#include "tools.h"
#include "unit.h"

#ifndef MALLOCHOOKS_LIBDIR_FROM_BIN
#define MALLOCHOOKS_LIBDIR_FROM_BIN "../lib"
#endif
#define UNIT_NAME	"libmallochooks_preload"

/* A pointer that the loader fills in: where it lies and what it will hold. */
struct reloc {
	uint64_t at;
	uint64_t value;
};

struct image {
	struct tables tables;	/* first */
	struct objfile obj;
	const char *file;
	size_t bytes;
	struct reloc *relocs;
	size_t nr_relocs;
};

/* Bytes of the file at an address, and how many follow; NULL in .bss. */
static const char *image_at(const struct image *image, uint64_t addr,
			    size_t *bytes)
{
	GElf_Phdr phdr;
	size_t i, nr;
	uint64_t at;

	*bytes = 0;
	if (elf_getphdrnum(image->obj.elf, &nr))
		return NULL;
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(image->obj.elf, i, &phdr) ||
		    phdr.p_type != PT_LOAD || addr < phdr.p_vaddr ||
		    addr - phdr.p_vaddr >= phdr.p_filesz)
			continue;
		at = phdr.p_offset + (addr - phdr.p_vaddr);
		if (phdr.p_offset > image->bytes ||
		    phdr.p_filesz > image->bytes - phdr.p_offset)
			return NULL;
		*bytes = phdr.p_offset + phdr.p_filesz - at;
		return image->file + at;
	}
	return NULL;
}

static size_t image_read(struct tables *tables, uint64_t at, void *to,
			 size_t wanted)
{
	const struct image *image = (const struct image *)tables;
	size_t bytes;
	const char *from = image_at(image, at, &bytes);

	if (!from)
		return 0;
	if (bytes > wanted)
		bytes = wanted;
	memcpy(to, from, bytes);
	return bytes;
}

static int by_address(const void *a, const void *b)
{
	const struct reloc *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static uint64_t image_pointer(struct tables *tables, uint64_t at)
{
	const struct image *image = (const struct image *)tables;
	struct reloc key = { .at = at }, *found = NULL;
	uint64_t value;

	if (image->nr_relocs)
		found = bsearch(&key, image->relocs, image->nr_relocs,
				sizeof(key), by_address);
	if (found)
		return found->value;
	tables_read(tables, at, &value, sizeof(value));
	return value;
}

/*
 * add_relocs() - take in one relocation section
 *
 * RELATIVE ones, and those against a symbol that the unit itself defines.
 * Source: the x86-64 psABI, table 4.9; ELF for the Arm 64-bit Architecture.
 */
static void add_relocs(struct image *image, Elf_Scn *scn,
		       const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(scn, NULL), *syms = NULL;
	size_t i, nr = data ? data->d_size / sizeof(Elf64_Rela) : 0;
	Elf_Scn *symtab = elf_getscn(image->obj.elf, shdr->sh_link);
	GElf_Rela rela;
	GElf_Sym sym;

	if (!nr)
		return;
	if (symtab && shdr->sh_link)
		syms = elf_getdata(symtab, NULL);
	image->relocs = xrealloc(image->relocs, (image->nr_relocs + nr) *
						sizeof(*image->relocs));
	for (i = 0; i < nr && gelf_getrela(data, i, &rela); i++) {
		uint64_t base = 0;

		switch (GELF_R_TYPE(rela.r_info)) {
		case R_X86_64_RELATIVE:
		case R_AARCH64_RELATIVE:
			break;
		case R_X86_64_64:
		case R_AARCH64_ABS64:
			if (!syms || !gelf_getsym(syms,
						  GELF_R_SYM(rela.r_info),
						  &sym) ||
			    sym.st_shndx == SHN_UNDEF)
				continue;
			base = sym.st_value;
			break;
		default:
			continue;
		}
		image->relocs[image->nr_relocs].at = rela.r_offset;
		image->relocs[image->nr_relocs++].value = base + rela.r_addend;
	}
}

static int image_open(struct image *image, const char *path)
{
	const unsigned int one = 1;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	memset(image, 0, sizeof(*image));
	image->tables.read = image_read;
	image->tables.pointer = image_pointer;
	if (objfile_open(&image->obj, path)) {
		say("%s: %s", path, errno == ENOEXEC ? "not an ELF file" :
						       strerror(errno));
		return -1;
	}
	image->file = elf_rawfile(image->obj.elf, &image->bytes);
	if (!image->file ||
	    image->obj.ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    image->obj.ehdr.e_ident[EI_DATA] !=
	    (*(const char *)&one ? ELFDATA2LSB : ELFDATA2MSB)) {
		say("%s: not a 64-bit file of this byte order", path);
		objfile_close(&image->obj);
		return -1;
	}
	while ((scn = elf_nextscn(image->obj.elf, scn))) {
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_RELA &&
		    (shdr.sh_flags & SHF_ALLOC))
			add_relocs(image, scn, &shdr);
	}
	if (image->nr_relocs)
		qsort(image->relocs, image->nr_relocs, sizeof(*image->relocs),
		      by_address);
	return 0;
}

static void image_close(struct image *image)
{
	free(image->relocs);
	objfile_close(&image->obj);
}

static int is_unit(const char *name, const GElf_Sym *sym, void *arg)
{
	uint64_t *addr = arg;

	if (sym->st_shndx == SHN_UNDEF || !streq(name, "mallochooks_unit"))
		return 0;
	*addr = sym->st_value;
	return 1;
}

static void take_unit(const struct note *note, void *arg)
{
	uint64_t *addr = arg;

	if (!*addr)
		*addr = note_leads_to(note, MALLOCHOOKS_NOTE_UNIT);
}

/* Executables need not export theirs. */
static int find_unit(struct image *image, uint64_t *addr)
{
	GElf_Phdr phdr;
	size_t nr;

	if (objfile_symbols(&image->obj, 1, is_unit, addr) == 1)
		return 1;
	*addr = 0;
	if (elf_getphdrnum(image->obj.elf, &nr))
		return 0;
	for (size_t i = 0; i < nr; i++)
		if (gelf_getphdr(image->obj.elf, i, &phdr) &&
		    phdr.p_type == PT_NOTE)
			tables_notes(&image->tables, phdr.p_vaddr,
				     phdr.p_filesz, take_unit, addr);
	return *addr != 0;
}

int unit_load(struct unit *unit, const char *path)
{
	struct image image;
	const char *wrong;
	uint64_t at = 0;

	memset(unit, 0, sizeof(*unit));
	if (image_open(&image, path))
		return -1;
	if (!find_unit(&image, &at))
		wrong = "not a unit of libmallochooks (no symbol "
			"mallochooks_unit, and no note that leads to one)";
	else
		wrong = tables_unit(&image.tables, at, unit);
	image_close(&image);
	if (!wrong)
		return 0;
	say("%s: %s", path, wrong);
	unit_free(unit);
	return -1;
}

static void free_layer(const struct mallochooks_layer *layer)
{
	struct mallochooks_option *option = NULL;

	while ((option = mallochooks_next_option(layer, option))) {
		free((char *)option->name);
		free((char *)option->unit);
		free((char *)option->help);
		free((char *)option->choices);
		free(option->str);
	}
	free(layer->options);
	free((char *)layer->name);
}

void unit_free(struct unit *unit)
{
	for (size_t i = 0; i < unit->nr; i++) {
		const struct mallochooks_stack *stack = &unit->stacks[i];

		for (uint32_t k = 0; k < stack->nr_layers; k++)
			free_layer(&stack->layers[k]);
		free((void *)stack->layers);
		free((char *)stack->ident);
	}
	if (unit->unit.core)
		free_layer(&unit->core);
	free(unit->stacks);
	free(unit->tables);
	strings_free(&unit->files);
	memset(unit, 0, sizeof(*unit));
}

static int stack_has(const struct mallochooks_stack *stack, const char *name)
{
	for (uint32_t i = 0; i < stack->nr_layers; i++) {
		const struct mallochooks_layer *layer = &stack->layers[i];
		struct mallochooks_option *option = NULL;
		size_t nr = strlen(layer->name);

		if (strncmp(name, layer->name, nr) || name[nr] != '.')
			continue;
		while ((option = mallochooks_next_option(layer, option)))
			if (streq(name + nr + 1, option->name))
				return 1;
	}
	return 0;
}

int unit_has_option(const char *path, const char *name)
{
	struct unit unit;
	int found = 0;

	if (unit_load(&unit, path))
		return -1;
	for (size_t i = 0; !found && i < unit.nr; i++)
		found = stack_has(&unit.stacks[i], name);
	unit_free(&unit);
	return found;
}

/*
 * unit_in() - the preload unit of a directory
 *
 * One built with a CONFIG_NAME has that behind its own name; alone in its
 * place, it is the one.
 * Return: its path, to be freed, or NULL.
 */
static char *unit_in(const char *dir)
{
	char *pattern = xasprintf("%s/" UNIT_NAME ".so", dir);
	char *path = realpath(pattern, NULL);
	glob_t found;

	free(pattern);
	if (path)
		return path;
	pattern = xasprintf("%s/" UNIT_NAME "-*.so", dir);
	if (!glob(pattern, 0, NULL, &found)) {
		if (found.gl_pathc > 1)
			die("there are several units in %s: name one by "
			    "--preload=FILE", dir);
		path = realpath(found.gl_pathv[0], NULL);
		globfree(&found);
	}
	free(pattern);
	return path;
}

/* The unit beside the tool: in the build directory, or installed. */
static char *unit_beside(void)
{
	static const char *const places[] = {
		".", "..", MALLOCHOOKS_LIBDIR_FROM_BIN "/mallochooks",
	};
	char *dir = self_dir(), *place, *path = NULL;
	size_t i;

	for (i = 0; dir && !path && i < ARRAY_SIZE(places); i++) {
		place = xasprintf("%s/%s", dir, places[i]);
		path = unit_in(place);
		free(place);
	}
	free(dir);
	if (!path)
		die(UNIT_NAME ".so is neither beside this tool nor in "
		    MALLOCHOOKS_LIBDIR_FROM_BIN "/mallochooks: build or "
		    "install it, or name one by --preload=FILE");
	return path;
}

char *unit_find(const char *wanted)
{
	char cwd[PATH_MAX], *path;

	if (!wanted)
		return unit_beside();
	if (wanted[0] == '/') {
		path = xstrdup(wanted);
	} else {
		/* The program may go elsewhere before it starts others. */
		if (!getcwd(cwd, sizeof(cwd)))
			die("the working directory has no name: give "
			    "--preload= an absolute path");
		path = xasprintf("%s/%s", cwd, wanted);
	}
	if (!is_file(path))
		die("%s: no such file (--preload)", path);
	return path;
}
