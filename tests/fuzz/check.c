// SPDX-License-Identifier: MIT
/*
 * check.c - rewriting, and what must hold of it whatever the file is
 */
#include <stdlib.h>
#include <string.h>

#include "elfedit.h"
#include "fuzz.h"

void broken(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	fprintf(stderr, "broken: %s\n", text);
	abort();
}

unsigned char *exact_copy(const void *data, size_t bytes)
{
	unsigned char *copy = malloc(bytes);

	if (bytes)
		memcpy(copy, data, bytes);
	return copy;
}

void choose_options(struct rewrite_options *options, uint8_t choice)
{
	static const char *const lists[] = {
		"malloc,free,memalign,f.o:inc,inc,realloc,f.o:carve,calloc",
		"malloc", "free,f.o:inc,g.o:malloc", "f.o:carve,f.o:allocate",
	};

	memset(options, 0, sizeof(*options));
	strings_split(&options->symbols, lists[choice >> 3 & 3], ',');
	options->self = (enum rewrite_self)((choice & 3) % 3);
	options->aliases = choice >> 2 & 1;
}

/* ---- two objects ----------------------------------------------------------------- */

/* What is held of a file is no more than the file. */
static void open_good(struct elf_edit *elf, const char *which, const void *file,
		      size_t bytes)
{
	const char *wrong = elf_open(elf, file, bytes);
	size_t held = 0;

	if (wrong)
		broken("%s object %s", which, wrong);
	for (size_t i = 0; i < elf->nr; i++)
		held += elf->sections[i].bytes;
	if (held > bytes)
		broken("%s object of %zu bytes holds %zu", which, bytes, held);
}

/* Sections that the rewriter may change other than byte for byte. */
static int is_changed(const struct elf_edit *elf, size_t i)
{
	switch (elf->sections[i].hdr.sh_type) {
	case SHT_SYMTAB:
	case SHT_SYMTAB_SHNDX:
	case SHT_STRTAB:
	case SHT_RELA:
	case SHT_REL:
	case SHT_GROUP:
		return 1;
	default:
		return 0;
	}
}

static void compare_section(const struct elf_edit *was,
			    const struct elf_edit *now, size_t i)
{
	const struct elf_section *a = &was->sections[i];
	const struct elf_section *b = &now->sections[i];

	if (a->hdr.sh_type != b->hdr.sh_type ||
	    a->hdr.sh_flags != b->hdr.sh_flags ||
	    a->hdr.sh_name != b->hdr.sh_name ||
	    a->hdr.sh_addralign != b->hdr.sh_addralign ||
	    a->hdr.sh_info != b->hdr.sh_info)
		broken("section %zu has another header", i);
	if (i && (a->hdr.sh_type == SHT_NULL || a->hdr.sh_type == SHT_NOBITS) &&
	    a->hdr.sh_size != b->hdr.sh_size)
		broken("section %zu has another size", i);
	/* Indices beyond the last symbol are dropped. */
	if (a->hdr.sh_type == SHT_SYMTAB_SHNDX)
		return;
	if (is_changed(was, i) ? a->bytes > b->bytes : a->bytes != b->bytes)
		broken("section %zu has another number of bytes", i);
	if (is_changed(was, i) || a->hdr.sh_flags & SHF_EXECINSTR)
		return;
	if (a->bytes && memcmp(a->data, b->data, a->bytes))
		broken("section %zu has other bytes", i);
}

/* As it was, or undefined now, or a defined __real_. */
static void compare_symbol(const struct elf_edit *was,
			   const struct elf_edit *now, size_t i)
{
	const Elf64_Sym *a = elf_symbol(was, i), *b = elf_symbol(now, i);
	size_t from = elf_symbol_section(was, i);
	size_t to = elf_symbol_section(now, i);
	Elf64_Word extended = 0;

	if (a->st_value == b->st_value && a->st_info == b->st_info &&
	    a->st_size == b->st_size && a->st_other == b->st_other &&
	    from == to &&
	    streq(elf_symbol_name(was, i), elf_symbol_name(now, i)))
		return;
	if (now->shndx)
		memcpy(&extended, now->sections[now->shndx].data +
				  i * sizeof(extended), sizeof(extended));
	if (extended && b->st_shndx != SHN_XINDEX)
		broken("symbol %zu has two sections", i);
	if (i && from && !to && !b->st_value && !b->st_size &&
	    a->st_other == b->st_other)
		return;
	if (i && !from && to &&
	    starts_with(elf_symbol_name(now, i), "__real_"))
		return;
	broken("symbol %zu, %s, is another one", i, elf_symbol_name(was, i));
}

static void check_new_symbol(const struct elf_edit *now, size_t i)
{
	const char *name = elf_symbol_name(now, i);
	const Elf64_Sym *sym = elf_symbol(now, i);
	int is_real = starts_with(name, "__real_");

	if ((!is_real && !starts_with(name, "__mallochooks_")) ||
	    ELF64_ST_VISIBILITY(sym->st_other) != STV_HIDDEN ||
	    ELF64_ST_BIND(sym->st_info) == STB_LOCAL ||
	    is_real != !!elf_symbol_section(now, i))
		broken("symbol %zu, %s, is new and strange", i, name);
}

/* At the same places, of the same types; to other symbols, maybe. */
static void compare_entries(const struct elf_edit *was,
			    const struct elf_edit *now, size_t i)
{
	const Elf64_Rela *a = elf_relocations(was, i);
	const Elf64_Rela *b = elf_relocations(now, i);

	for (size_t nr = elf_nr_relocations(was, i); nr--; a++, b++)
		if (a->r_offset != b->r_offset ||
		    ELF64_R_TYPE(a->r_info) != ELF64_R_TYPE(b->r_info) ||
		    (a->r_info == b->r_info && a->r_addend != b->r_addend))
			broken("section %zu: the relocation at %#llx is "
			       "another one", i,
			       (unsigned long long)a->r_offset);
}

/* Nothing is relocated less, and data not more. */
static void compare_relocations(const struct elf_edit *was,
				const struct elf_edit *now, size_t i)
{
	const Elf64_Shdr *hdr = &was->sections[i].hdr;
	size_t a, b;

	if (hdr->sh_type != SHT_RELA)
		return;
	a = elf_nr_relocations(was, i);
	b = elf_nr_relocations(now, i);
	if (a == b)
		compare_entries(was, now, i);
	else if (!(was->sections[hdr->sh_info].hdr.sh_flags & SHF_EXECINSTR))
		broken("section %zu: data got %zu relocations", i, b - a);
}

void check_rewritten(const void *file, size_t bytes, const void *made,
		     size_t made_bytes)
{
	struct elf_edit was, now;

	open_good(&was, "the old", file, bytes);
	open_good(&now, "the new", made, made_bytes);
	if (now.nr < was.nr || elf_nr_symbols(&now) < elf_nr_symbols(&was))
		broken("%zu sections of %zu, %zu symbols of %zu", now.nr,
		       was.nr, elf_nr_symbols(&now), elf_nr_symbols(&was));
	for (size_t i = 0; i < was.nr; i++)
		compare_section(&was, &now, i);
	for (size_t i = 0; i < elf_nr_symbols(&was); i++)
		compare_symbol(&was, &now, i);
	for (size_t i = elf_nr_symbols(&was); i < elf_nr_symbols(&now); i++)
		check_new_symbol(&now, i);
	for (size_t i = 1; i < was.nr; i++)
		compare_relocations(&was, &now, i);
	elf_close(&was);
	elf_close(&now);
}

/* ---- one rewriting ----------------------------------------------------------------- */

static void check_result(enum rewrite_status status,
			 const struct rewrite_result *result)
{
	if ((status == REWRITE_DONE) != !!result->data)
		broken("status %d, but %s data", status,
		       result->data ? "some" : "no");
	if ((status == REWRITE_FAILED) != (result->errors.nr > 0))
		broken("status %d, but %zu errors", status, result->errors.nr);
	if (status == REWRITE_ABSENT && (result->notes.nr || result->bytes))
		broken("nothing was done, but something is noted");
	for (size_t i = 0; i < result->errors.nr; i++)
		if (!*result->errors.item[i])
			broken("an error without words");
}

/* A second time: the same, byte for byte. */
static void check_repeated(const struct rewrite_options *options,
			   const char *name, const void *file, size_t bytes,
			   const struct rewrite_result *result)
{
	unsigned char found[16] = { 0 };
	struct rewrite_result again;

	rewrite_object(options, name, file, bytes, found, &again);
	if (!again.data || again.bytes != result->bytes ||
	    memcmp(again.data, result->data, again.bytes))
		broken("twice the same object, two results");
	rewrite_result_free(&again);
}

/* What was rewritten is not rewritten again. */
static void check_again(const struct rewrite_options *options,
			const char *name, const struct rewrite_result *result)
{
	unsigned char found[16] = { 0 };
	struct rewrite_result again;

	if (rewrite_object(options, name, result->data, result->bytes, found,
			   &again) == REWRITE_DONE)
		broken("it could be rewritten a second time");
	rewrite_result_free(&again);
}

unsigned char *check_object(const struct rewrite_options *options,
			    const char *name, const void *file, size_t bytes,
			    size_t *new_bytes)
{
	unsigned char *copy = exact_copy(file, bytes), *data;
	unsigned char found[16] = { 0 };
	struct rewrite_result result;
	enum rewrite_status status;

	status = rewrite_object(options, name, copy, bytes, found, &result);
	check_result(status, &result);
	if (bytes && memcmp(copy, file, bytes))
		broken("the object itself was changed");
	for (size_t i = 0; i < options->symbols.nr; i++)
		if (found[i] && status == REWRITE_ABSENT)
			broken("%s was found, and nothing done",
			       options->symbols.item[i]);
	if (status == REWRITE_DONE) {
		check_rewritten(copy, bytes, result.data, result.bytes);
		check_repeated(options, name, copy, bytes, &result);
		check_again(options, name, &result);
	}
	free(copy);
	data = result.data;
	*new_bytes = result.bytes;
	result.data = NULL;
	rewrite_result_free(&result);
	return data;
}
