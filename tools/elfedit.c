// SPDX-License-Identifier: MIT
/*
 * elfedit.c - a relocatable ELF64 object taken apart, changed, put together
 *
 * By hand, not by libelf: a file of strangers is to be refused for what is
 * wrong with it before anything is changed, and the result must not depend on
 * the version of a library.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "elfedit.h"
#include "tools.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "headers are read as they lie in the file");

int elf_is(const void *file, size_t bytes)
{
	return bytes >= SELFMAG && !memcmp(file, ELFMAG, SELFMAG);
}

static const char *check_header(const Elf64_Ehdr *ehdr)
{
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64)
		return "is no ELF64 file; only x86_64 and aarch64 are known";
	if (ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return "is big-endian; only x86_64 and aarch64 are known";
	if (ehdr->e_type != ET_REL)
		return "is linked already; a relocatable object is wanted";
	if (ehdr->e_machine != EM_X86_64 && ehdr->e_machine != EM_AARCH64)
		return "is for another machine than x86_64 and aarch64";
	if (ehdr->e_shentsize != sizeof(Elf64_Shdr) || !ehdr->e_shoff)
		return "has no section headers";
	return NULL;
}

/* The number of sections stands in the first one when it is large. */
static const char *count_sections(struct elf_edit *edit,
				  const unsigned char *file, size_t bytes)
{
	Elf64_Shdr first;
	uint64_t at = edit->ehdr.e_shoff;

	if (at > bytes || bytes - at < sizeof(first))
		return "is cut off before its section headers";
	memcpy(&first, file + at, sizeof(first));
	edit->nr = edit->ehdr.e_shnum ? edit->ehdr.e_shnum : first.sh_size;
	edit->shstrtab = edit->ehdr.e_shstrndx == SHN_XINDEX ?
			 first.sh_link : edit->ehdr.e_shstrndx;
	if (!edit->nr || edit->nr > (bytes - at) / sizeof(first)) {
		edit->nr = 0;
		return "is cut off within its section headers";
	}
	return NULL;
}

/* What is read as an array; members of archives begin at any even offset. */
static int is_crooked(const struct elf_section *section)
{
	switch (section->hdr.sh_type) {
	case SHT_SYMTAB:
	case SHT_SYMTAB_SHNDX:
	case SHT_RELA:
	case SHT_REL:
	case SHT_GROUP:
		return !!((uintptr_t)section->data % _Alignof(Elf64_Rela));
	default:
		return 0;
	}
}

static const char *read_sections(struct elf_edit *edit,
				 const unsigned char *file, size_t bytes)
{
	size_t left = bytes;

	edit->sections = xcalloc(edit->nr, sizeof(*edit->sections));
	for (size_t i = 0; i < edit->nr; i++) {
		struct elf_section *section = &edit->sections[i];
		Elf64_Shdr *hdr = &section->hdr;

		memcpy(hdr, file + edit->ehdr.e_shoff + i * sizeof(*hdr),
		       sizeof(*hdr));
		if (hdr->sh_addralign & (hdr->sh_addralign - 1))
			return "has a section of impossible alignment";
		if (!i || hdr->sh_type == SHT_NOBITS ||
		    hdr->sh_type == SHT_NULL)
			continue;
		if (hdr->sh_offset > bytes ||
		    hdr->sh_size > bytes - hdr->sh_offset)
			return "is cut off within a section";
		/* Each byte once, or a small file could claim terabytes. */
		if (hdr->sh_size > left)
			return "has sections that overlap";
		left -= hdr->sh_size;
		section->bytes = hdr->sh_size;
		section->data = section->bytes ? file + hdr->sh_offset : NULL;
		if (is_crooked(section))
			elf_own(edit, i);
	}
	return NULL;
}

static int is_strings(const struct elf_edit *edit, size_t i)
{
	const struct elf_section *section = &edit->sections[i];

	return i && i < edit->nr && section->hdr.sh_type == SHT_STRTAB &&
	       section->bytes && !section->data[section->bytes - 1];
}

static const char *check_names(const struct elf_edit *edit)
{
	if (!is_strings(edit, edit->shstrtab))
		return "has no names of sections";
	for (size_t i = 0; i < edit->nr; i++)
		if (edit->sections[i].hdr.sh_name >=
		    edit->sections[edit->shstrtab].bytes)
			return "has a section whose name is cut off";
	return NULL;
}

static const char *find_symtab(struct elf_edit *edit)
{
	for (size_t i = 1; i < edit->nr; i++) {
		const Elf64_Shdr *hdr = &edit->sections[i].hdr;

		if (hdr->sh_type != SHT_SYMTAB)
			continue;
		if (edit->symtab)
			return "has two symbol tables";
		if (hdr->sh_entsize != sizeof(Elf64_Sym) ||
		    hdr->sh_size % sizeof(Elf64_Sym) || !hdr->sh_size ||
		    hdr->sh_info > hdr->sh_size / sizeof(Elf64_Sym))
			return "has a damaged symbol table";
		if (!is_strings(edit, hdr->sh_link))
			return "has no names of symbols";
		edit->symtab = i;
		edit->strtab = hdr->sh_link;
	}
	return NULL;
}

static const char *find_shndx(struct elf_edit *edit)
{
	for (size_t i = 1; edit->symtab && i < edit->nr; i++) {
		const Elf64_Shdr *hdr = &edit->sections[i].hdr;

		if (hdr->sh_type != SHT_SYMTAB_SHNDX)
			continue;
		if (edit->shndx || hdr->sh_link != edit->symtab ||
		    hdr->sh_size / sizeof(Elf64_Word) < elf_nr_symbols(edit))
			return "has damaged section indices";
		edit->shndx = i;
	}
	return NULL;
}

static const char *check_symbols(const struct elf_edit *edit)
{
	for (size_t i = 0; i < elf_nr_symbols(edit); i++) {
		const Elf64_Sym *sym = elf_symbol(edit, i);
		size_t section;

		if (sym->st_name >= edit->sections[edit->strtab].bytes)
			return "has a symbol whose name is cut off";
		if (sym->st_shndx == SHN_XINDEX && !edit->shndx)
			return "has no section indices";
		section = elf_symbol_section(edit, i);
		if (section != ELF_NOWHERE && section >= edit->nr)
			return "has a symbol in a section that is not there";
	}
	return NULL;
}

/* Both kinds begin with offset and info. */
static const char *check_relocations(const struct elf_edit *edit, size_t i)
{
	const struct elf_section *section = &edit->sections[i];
	size_t entry = section->hdr.sh_type == SHT_RELA ? sizeof(Elf64_Rela)
							: sizeof(Elf64_Rel);
	size_t nr_symbols = elf_nr_symbols(edit);
	Elf64_Rel rel;

	if (section->hdr.sh_entsize != entry || section->bytes % entry ||
	    section->hdr.sh_link != edit->symtab || !edit->symtab ||
	    !section->hdr.sh_info || section->hdr.sh_info >= edit->nr)
		return "has damaged relocations";
	for (size_t at = 0; at < section->bytes; at += entry) {
		memcpy(&rel, section->data + at, sizeof(rel));
		if (ELF64_R_SYM(rel.r_info) >= nr_symbols)
			return "has a relocation to a symbol that is not there";
	}
	return NULL;
}

static const char *check_group(const struct elf_edit *edit, size_t i)
{
	const struct elf_section *section = &edit->sections[i];
	Elf64_Word member;

	if (section->bytes < sizeof(member) ||
	    section->bytes % sizeof(member) ||
	    section->hdr.sh_link != edit->symtab || !edit->symtab ||
	    section->hdr.sh_info >= elf_nr_symbols(edit))
		return "has a damaged group";
	for (size_t at = sizeof(member); at < section->bytes;
	     at += sizeof(member)) {
		memcpy(&member, section->data + at, sizeof(member));
		if (!member || member >= edit->nr)
			return "has a damaged group";
	}
	return NULL;
}

static const char *check_sections(const struct elf_edit *edit)
{
	const char *problem = NULL;

	for (size_t i = 1; !problem && i < edit->nr; i++) {
		Elf64_Word type = edit->sections[i].hdr.sh_type;

		if (type == SHT_RELA || type == SHT_REL)
			problem = check_relocations(edit, i);
		else if (type == SHT_GROUP)
			problem = check_group(edit, i);
	}
	return problem;
}

const char *elf_open(struct elf_edit *edit, const void *file, size_t bytes)
{
	const char *problem;

	memset(edit, 0, sizeof(*edit));
	if (!elf_is(file, bytes))
		return "is no ELF file";
	if (bytes < sizeof(edit->ehdr))
		return "is cut off within its header";
	memcpy(&edit->ehdr, file, sizeof(edit->ehdr));
	problem = check_header(&edit->ehdr);
	problem = problem ? problem : count_sections(edit, file, bytes);
	problem = problem ? problem : read_sections(edit, file, bytes);
	problem = problem ? problem : check_names(edit);
	problem = problem ? problem : find_symtab(edit);
	problem = problem ? problem : find_shndx(edit);
	problem = problem ? problem : check_symbols(edit);
	return problem ? problem : check_sections(edit);
}

void elf_close(struct elf_edit *edit)
{
	for (size_t i = 0; edit->sections && i < edit->nr; i++)
		free(edit->sections[i].own);
	free(edit->sections);
	memset(edit, 0, sizeof(*edit));
}

const char *elf_section_name(const struct elf_edit *edit, size_t section)
{
	return (const char *)edit->sections[edit->shstrtab].data +
	       edit->sections[section].hdr.sh_name;
}

unsigned char *elf_own(struct elf_edit *edit, size_t i)
{
	struct elf_section *section = &edit->sections[i];

	if (section->bytes && !section->own) {
		section->own = xrealloc(NULL, section->bytes);
		memcpy(section->own, section->data, section->bytes);
		section->data = section->own;
	}
	return section->own;
}

void elf_drop(struct elf_edit *edit, size_t i)
{
	free(edit->sections[i].own);
	memset(&edit->sections[i], 0, sizeof(edit->sections[i]));
}

static int leave_group(struct elf_edit *edit, size_t i)
{
	size_t nr = edit->sections[i].bytes / sizeof(Elf32_Word), left = 1;
	Elf32_Word *word = (Elf32_Word *)elf_own(edit, i);

	for (size_t k = 1; k < nr; k++)
		if (edit->sections[word[k]].hdr.sh_type != SHT_NULL)
			word[left++] = word[k];
	edit->sections[i].bytes = left * sizeof(*word);
	return left > 1;
}

void elf_leave_groups(struct elf_edit *edit)
{
	for (size_t i = 1; i < edit->nr; i++)
		if (edit->sections[i].hdr.sh_type == SHT_GROUP &&
		    !leave_group(edit, i))
			elf_drop(edit, i);
}

/* Return: where the new bytes begin. */
static size_t append(struct elf_section *section, const void *data,
		     size_t bytes)
{
	size_t at = section->bytes;
	unsigned char *own = xrealloc(section->own, at + bytes);

	if (at && !section->own)
		memcpy(own, section->data, at);
	memcpy(own + at, data, bytes);
	section->own = own;
	section->data = own;
	section->bytes += bytes;
	return at;
}

Elf64_Word elf_add_name(struct elf_edit *edit, const char *name)
{
	return (Elf64_Word)append(&edit->sections[edit->strtab], name,
				  strlen(name) + 1);
}

void elf_set_section(struct elf_edit *edit, size_t symbol, size_t section)
{
	int large = section >= SHN_LORESERVE;

	elf_own_symbol(edit, symbol)->st_shndx =
		large ? SHN_XINDEX : (Elf64_Section)section;
	if (edit->shndx)
		((Elf64_Word *)elf_own(edit, edit->shndx))[symbol] =
			large ? (Elf64_Word)section : 0;
}

size_t elf_add_symbol(struct elf_edit *edit, const char *name,
		      const Elf64_Sym *like, size_t section)
{
	static const Elf64_Word none;
	Elf64_Sym sym = *like;
	size_t i = elf_nr_symbols(edit);

	sym.st_name = elf_add_name(edit, name);
	append(&edit->sections[edit->symtab], &sym, sizeof(sym));
	if (edit->shndx) {
		/* It may have been longer than the symbol table. */
		edit->sections[edit->shndx].bytes = i * sizeof(none);
		append(&edit->sections[edit->shndx], &none, sizeof(none));
	}
	elf_set_section(edit, i, section);
	return i;
}

static void join_group(struct elf_edit *edit, size_t section, size_t more)
{
	Elf64_Word member, joining = (Elf64_Word)more;

	for (size_t i = 1; i < edit->nr; i++) {
		struct elf_section *group = &edit->sections[i];

		if (group->hdr.sh_type != SHT_GROUP)
			continue;
		for (size_t at = sizeof(member); at < group->bytes;
		     at += sizeof(member)) {
			memcpy(&member, group->data + at, sizeof(member));
			if (member != section)
				continue;
			append(group, &joining, sizeof(joining));
			edit->sections[more].hdr.sh_flags |= SHF_GROUP;
			return;
		}
	}
}

static size_t make_relocations(struct elf_edit *edit, size_t section)
{
	char *name = xasprintf(".rela%s", elf_section_name(edit, section));
	struct elf_section *made;
	size_t i = edit->nr++;

	edit->sections = xrealloc(edit->sections,
				  edit->nr * sizeof(*edit->sections));
	made = &edit->sections[i];
	memset(made, 0, sizeof(*made));
	made->hdr.sh_name = (Elf64_Word)append(&edit->sections[edit->shstrtab],
					       name, strlen(name) + 1);
	made->hdr.sh_type = SHT_RELA;
	made->hdr.sh_flags = SHF_INFO_LINK;
	made->hdr.sh_link = (Elf64_Word)edit->symtab;
	made->hdr.sh_info = (Elf64_Word)section;
	made->hdr.sh_addralign = 8;
	made->hdr.sh_entsize = sizeof(Elf64_Rela);
	if (edit->sections[section].hdr.sh_flags & SHF_GROUP)
		join_group(edit, section, i);
	free(name);
	return i;
}

static size_t relocations_of(struct elf_edit *edit, size_t section)
{
	for (size_t i = 1; i < edit->nr; i++)
		if (edit->sections[i].hdr.sh_type == SHT_RELA &&
		    edit->sections[i].hdr.sh_info == section)
			return i;
	return make_relocations(edit, section);
}

void elf_add_relocations(struct elf_edit *edit, size_t section,
			 const Elf64_Rela *more, size_t nr)
{
	size_t where = relocations_of(edit, section);
	size_t to = elf_nr_relocations(edit, where) + nr, from = to - nr;
	Elf64_Rela *all;

	append(&edit->sections[where], more, nr * sizeof(*more));
	all = (Elf64_Rela *)elf_own(edit, where);
	/* In the order of offsets if they had one. */
	while (nr) {
		if (from && all[from - 1].r_offset > more[nr - 1].r_offset)
			all[--to] = all[--from];
		else
			all[--to] = more[--nr];
	}
}

/* The order of the file, which is not always that of the headers. */
static const struct elf_section *by_offset_base;

static int by_offset(const void *a, const void *b)
{
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	Elf64_Off x = by_offset_base[i].hdr.sh_offset;
	Elf64_Off y = by_offset_base[k].hdr.sh_offset;

	/* Sections that we have made have none yet, and come last. */
	if (x != y)
		return !x ? 1 : !y ? -1 : x < y ? -1 : 1;
	return i < k ? -1 : i > k;
}

/* In an object the place in the file binds nobody: a section that is to lie at
 * a multiple of a gigabyte needs no gigabyte of zeros before it. */
static size_t round_up(size_t at, size_t align)
{
	if (align > 4096)
		align = 4096;
	return align > 1 ? (at + align - 1) & ~(align - 1) : at;
}

/* Gives the sections their places, and tells their order there.
 * Return: where the headers begin. */
static size_t lay_out(const struct elf_edit *edit, Elf64_Shdr *hdrs,
		      size_t *order)
{
	size_t at = sizeof(Elf64_Ehdr);

	for (size_t i = 0; i < edit->nr; i++) {
		hdrs[i] = edit->sections[i].hdr;
		order[i] = i;
	}
	by_offset_base = edit->sections;
	qsort(order + 1, edit->nr - 1, sizeof(*order), by_offset);
	for (size_t k = 1; k < edit->nr; k++) {
		const struct elf_section *section = &edit->sections[order[k]];
		Elf64_Shdr *hdr = &hdrs[order[k]];

		if (hdr->sh_type == SHT_NULL)
			continue;
		at = round_up(at, hdr->sh_addralign);
		hdr->sh_offset = at;
		if (hdr->sh_type == SHT_NOBITS)
			continue;
		hdr->sh_size = section->bytes;
		at += section->bytes;
	}
	return round_up(at, 8);
}

/* Between two sections lie zeros. */
static void put_sections(const struct elf_edit *edit, const Elf64_Shdr *hdrs,
			 const size_t *order, unsigned char *file, size_t end)
{
	size_t at = sizeof(Elf64_Ehdr);

	for (size_t k = 1; k < edit->nr; k++) {
		const struct elf_section *section = &edit->sections[order[k]];
		size_t offset = hdrs[order[k]].sh_offset;

		if (!section->bytes)
			continue;
		memset(file + at, 0, offset - at);
		memcpy(file + offset, section->data, section->bytes);
		at = offset + section->bytes;
	}
	memset(file + at, 0, end - at);
}

unsigned char *elf_write(const struct elf_edit *edit, size_t *bytes)
{
	Elf64_Shdr *hdrs = xcalloc(edit->nr, sizeof(*hdrs));
	size_t *order = xcalloc(edit->nr, sizeof(*order));
	Elf64_Ehdr ehdr = edit->ehdr;
	unsigned char *file;

	ehdr.e_phoff = ehdr.e_phnum = 0;
	ehdr.e_shoff = lay_out(edit, hdrs, order);
	ehdr.e_shnum = edit->nr < SHN_LORESERVE ? (Elf64_Half)edit->nr : 0;
	hdrs[0].sh_size = ehdr.e_shnum ? 0 : edit->nr;
	*bytes = ehdr.e_shoff + edit->nr * sizeof(*hdrs);
	file = xrealloc(NULL, *bytes);
	memcpy(file, &ehdr, sizeof(ehdr));
	put_sections(edit, hdrs, order, file, ehdr.e_shoff);
	memcpy(file + ehdr.e_shoff, hdrs, edit->nr * sizeof(*hdrs));
	free(order);
	free(hdrs);
	return file;
}
