// SPDX-License-Identifier: MIT
/*
 * options - list the run-time options of a unit
 *
 * The tables are read from the unit's file, as the loader would lay it out:
 * segments, with relocated pointers taken from the relocations.  dlopen()
 * would be shorter, but it runs the constructors of layers and handlers that
 * are not ours, shows what MALLOCHOOKS has changed instead of the defaults,
 * and cannot open a unit for another machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

#include "objfile.h"
#include "options.h"
#include "tools.h"

#ifndef MALLOCHOOKS_LIBDIR_FROM_BIN
#define MALLOCHOOKS_LIBDIR_FROM_BIN "../lib"
#endif
#define UNIT_NAME	"libmallochooks_preload"

#define MOST_STACKS	64
#define MOST_LAYERS	256
#define MOST_OPTIONS	1024

/* A pointer that the loader fills in: where it lies and what it will hold. */
struct reloc {
	uint64_t at;
	uint64_t value;
};

struct image {
	struct objfile obj;
	const char *file;
	size_t bytes;
	struct reloc *relocs;
	size_t nr_relocs;
	int broken;
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

/* What the file does not hold reads as zeros, as in .bss. */
static void image_read(struct image *image, uint64_t addr, void *to,
		       size_t wanted)
{
	size_t bytes;
	const char *from = image_at(image, addr, &bytes);

	memset(to, 0, wanted);
	if (from)
		memcpy(to, from, bytes < wanted ? bytes : wanted);
}

static int by_address(const void *a, const void *b)
{
	const struct reloc *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static uint64_t image_pointer(struct image *image, uint64_t at)
{
	struct reloc key = { .at = at }, *found = NULL;
	uint64_t value;

	if (image->nr_relocs)
		found = bsearch(&key, image->relocs, image->nr_relocs,
				sizeof(key), by_address);
	if (found)
		return found->value;
	image_read(image, at, &value, sizeof(value));
	return value;
}

/* Return: a string in the file, "" for a null pointer. */
static const char *image_string(struct image *image, uint64_t addr)
{
	size_t bytes;
	const char *text = image_at(image, addr, &bytes);

	if (!addr || !text)
		return "";
	if (!memchr(text, '\0', bytes)) {
		image->broken = 1;
		return "";
	}
	return text;
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

typedef int (*visit_option)(struct image *image, const char *ident,
			    const char *layer,
			    const struct mallochooks_option *option,
			    uint64_t at, void *arg);

#define POINTER_AT(image, at, type, field) \
	image_pointer(image, (at) + offsetof(type, field))

static int walk_layer(struct image *image, const char *ident, uint64_t at,
		      visit_option visit, void *arg)
{
	const char *name = image_string(image, POINTER_AT(image, at,
					struct mallochooks_layer, name));
	uint64_t option = POINTER_AT(image, at, struct mallochooks_layer,
				     options);
	struct mallochooks_option copy;
	int i, result;

	for (i = 0; option && i < MOST_OPTIONS; i++, option += copy.size) {
		image_read(image, option, &copy, sizeof(copy));
		if (!copy.size)
			return 0;
		if (copy.size < sizeof(copy))
			break;
		result = visit(image, ident, name, &copy, option, arg);
		if (result)
			return result;
	}
	image->broken |= option != 0;
	return 0;
}

static int walk_stack(struct image *image, uint64_t at, visit_option visit,
		      void *arg)
{
	const char *ident = image_string(image, POINTER_AT(image, at,
					 struct mallochooks_stack, ident));
	uint64_t layer = POINTER_AT(image, at, struct mallochooks_stack,
				    layers);
	struct mallochooks_stack stack;
	uint32_t bytes;
	int result;

	image_read(image, at, &stack, sizeof(stack));
	if (stack.size < sizeof(stack) || stack.nr_layers > MOST_LAYERS) {
		image->broken = 1;
		return 0;
	}
	for (; stack.nr_layers; stack.nr_layers--, layer += bytes) {
		image_read(image, layer, &bytes, sizeof(bytes));
		if (bytes < sizeof(struct mallochooks_layer)) {
			image->broken = 1;
			return 0;
		}
		result = walk_layer(image, ident, layer, visit, arg);
		if (result)
			return result;
	}
	return 0;
}

/*
 * unit_walk() - visit each option of each stack in a unit's file
 * Return: 0, what @visit returned, or -1 with a line said.
 */
static int unit_walk(const char *path, visit_option visit, void *arg)
{
	struct mallochooks_unit unit;
	struct image image;
	uint64_t at = 0, stack, end;
	int result = -1;

	if (image_open(&image, path))
		return -1;
	if (objfile_symbols(&image.obj, 1, is_unit, &at) != 1) {
		say("%s: not a unit of libmallochooks (it exports no "
		    "mallochooks_unit)", path);
		goto out;
	}
	image_read(&image, at, &unit, sizeof(unit));
	if (unit.magic != MALLOCHOOKS_MAGIC || unit.abi != MALLOCHOOKS_ABI ||
	    unit.size < sizeof(unit)) {
		say("%s: unit of another release (ABI %u, this tool reads %u): "
		    "use the tool that came with it", path, unit.abi,
		    MALLOCHOOKS_ABI);
		goto out;
	}
	stack = POINTER_AT(&image, at, struct mallochooks_unit, stacks);
	end = POINTER_AT(&image, at, struct mallochooks_unit, stacks_end);
	if (end < stack || end - stack > MOST_STACKS * sizeof(void *))
		image.broken = 1;
	result = 0;
	for (; !image.broken && !result && stack < end;
	     stack += sizeof(void *)) {
		uint64_t one = image_pointer(&image, stack);

		if (one)
			result = walk_stack(&image, one, visit, arg);
	}
	if (image.broken) {
		say("%s: the option tables cannot be read", path);
		result = -1;
	}
out:
	image_close(&image);
	return result;
}

static int is_option(struct image *image, const char *ident,
		     const char *layer,
		     const struct mallochooks_option *option, uint64_t at,
		     void *arg)
{
	const char *name = image_string(image, POINTER_AT(image, at,
					struct mallochooks_option, name));
	const char *wanted = arg;
	size_t nr = strlen(layer);

	(void)ident;
	(void)option;
	return !strncmp(wanted, layer, nr) && wanted[nr] == '.' &&
	       streq(wanted + nr + 1, name);
}

int unit_has_option(const char *path, const char *name)
{
	return unit_walk(path, is_option, (void *)name);
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

struct listing {
	const char *ident;	/* of the stack under way */
	int nr;
};

static void print_number(const struct mallochooks_option *option,
			 int64_t value)
{
	static const char prefix[] = "kMG";
	int i = -1;

	if (option->type == MALLOCHOOKS_BOOL) {
		fputs(value ? "y" : "n", stdout);
		return;
	}
	/* As it may be written: k, M and G are powers of 1024. */
	while (option->type == MALLOCHOOKS_SIZE && value && i < 2 &&
	       value % 1024 == 0) {
		value /= 1024;
		i++;
	}
	printf("%lld", (long long)value);
	if (i >= 0)
		putchar(prefix[i]);
}

static int print_option(struct image *image, const char *ident,
			const char *layer,
			const struct mallochooks_option *option, uint64_t at,
			void *arg)
{
	static const char *const types[] = {
		[MALLOCHOOKS_BOOL] = "bool", [MALLOCHOOKS_INT] = "int",
		[MALLOCHOOKS_SIZE] = "size", [MALLOCHOOKS_STRING] = "string",
	};
	const char *name = image_string(image, POINTER_AT(image, at,
					struct mallochooks_option, name));
	const char *unit = image_string(image, POINTER_AT(image, at,
					struct mallochooks_option, unit));
	const char *help = image_string(image, POINTER_AT(image, at,
					struct mallochooks_option, help));
	struct listing *listing = arg;

	if (!listing->ident || !streq(listing->ident, ident))
		printf("stack %s\n", ident);
	listing->ident = ident;
	listing->nr++;

	printf("  %s.%s  %s  default ", layer, name,
	       option->type < ARRAY_SIZE(types) && types[option->type] ?
	       types[option->type] : "?");
	if (option->type == MALLOCHOOKS_STRING) {
		printf("\"%s\"  up to %llu bytes",
		       image_string(image, POINTER_AT(image, at,
				    struct mallochooks_option, str)),
		       option->str_bytes ?
		       (unsigned long long)option->str_bytes - 1 : 0);
	} else {
		print_number(option, option->builtin);
		if (option->type != MALLOCHOOKS_BOOL) {
			fputs("  ", stdout);
			print_number(option, option->min);
			fputs("..", stdout);
			print_number(option, option->max);
		}
		if (*unit)
			printf(" %s", unit);
	}
	printf("  %s\n      %s\n",
	       option->flags & MALLOCHOOKS_LIVE ? "live" : "start-up", help);
	return 0;
}

static void usage(void)
{
	puts("usage: mallochooks options [--preload=FILE]\n"
	     "\n"
	     "Lists the run-time options of a unit: name, type, default, range,\n"
	     "and whether it may change while a program runs.\n"
	     "\n"
	     "  --preload=FILE  the unit to read (default: the one that\n"
	     "                  \"mallochooks run\" uses)\n"
	     "  --help          this text\n"
	     "\n"
	     "Set them as in MALLOCHOOKS=\"layer.option=value,...\", or by\n"
	     "\"mallochooks run --options=...\".");
}

int cmd_options(int argc, char **argv)
{
	static const struct option words[] = {
		{ "preload", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct listing listing = { 0 };
	const char *wanted = NULL;
	char *path;
	int c, result;

	tool_failure = 2;
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, "+:h", words, NULL)) != -1) {
		switch (c) {
		case 'p':
			wanted = optarg;
			break;
		case 'h':
			usage();
			return 0;
		case ':':
			die("%s needs a value: see --help", argv[optind - 1]);
		default:
			die("unknown option %s: see --help", argv[optind - 1]);
		}
	}
	if (optind < argc)
		die("%s: this command takes no words, only options",
		    argv[optind]);
	tool_failure = 1;
	path = unit_find(wanted);
	result = unit_walk(path, print_option, &listing);
	if (!result && !listing.nr)
		printf("%s: no options\n", path);
	free(path);
	return result ? 1 : 0;
}
