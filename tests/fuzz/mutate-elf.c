// SPDX-License-Identifier: MIT
/*
 * mutate-elf.c - change one thing of an object and leave the rest whole
 *
 * Bytes at random are refused by the first check.  So a field gets the value of
 * its neighbour, a table one entry more or less with all offsets mended, a
 * symbol a name that the rewriter looks for, code a byte.  Bitcode of clang
 * stands where an object could, so it is changed here too.
 */
#include <elf.h>
#include <string.h>

#include "bitcode.h"
#include "fuzz.h"

struct field {
	uint8_t at, bytes;
};

#define FIELD(type, member) \
	{ offsetof(type, member), sizeof(((type *)NULL)->member) }

static const struct field ehdr_fields[] = {
	FIELD(Elf64_Ehdr, e_type), FIELD(Elf64_Ehdr, e_machine),
	FIELD(Elf64_Ehdr, e_shoff), FIELD(Elf64_Ehdr, e_shentsize),
	FIELD(Elf64_Ehdr, e_shnum), FIELD(Elf64_Ehdr, e_shstrndx),
	FIELD(Elf64_Ehdr, e_phoff), FIELD(Elf64_Ehdr, e_phnum),
};

static const struct field shdr_fields[] = {
	FIELD(Elf64_Shdr, sh_name), FIELD(Elf64_Shdr, sh_type),
	FIELD(Elf64_Shdr, sh_flags), FIELD(Elf64_Shdr, sh_addr),
	FIELD(Elf64_Shdr, sh_offset), FIELD(Elf64_Shdr, sh_size),
	FIELD(Elf64_Shdr, sh_link), FIELD(Elf64_Shdr, sh_info),
	FIELD(Elf64_Shdr, sh_addralign), FIELD(Elf64_Shdr, sh_entsize),
};

static const struct field sym_fields[] = {
	FIELD(Elf64_Sym, st_name), FIELD(Elf64_Sym, st_info),
	FIELD(Elf64_Sym, st_other), FIELD(Elf64_Sym, st_shndx),
	FIELD(Elf64_Sym, st_value), FIELD(Elf64_Sym, st_size),
};

/* Type and symbol of a relocation apart. */
static const struct field rela_fields[] = {
	FIELD(Elf64_Rela, r_offset), { offsetof(Elf64_Rela, r_info), 4 },
	{ offsetof(Elf64_Rela, r_info) + 4, 4 }, FIELD(Elf64_Rela, r_addend),
};

static const struct field word_fields[] = { { 0, 4 } };

static const struct table {
	Elf64_Word type;
	uint8_t entry, nr_fields;
	const struct field *fields;
} tables[] = {
	{ SHT_SYMTAB, sizeof(Elf64_Sym), 6, sym_fields },
	{ SHT_RELA, sizeof(Elf64_Rela), 4, rela_fields },
	{ SHT_REL, sizeof(Elf64_Rel), 3, rela_fields },
	{ SHT_GROUP, 4, 1, word_fields },
	{ SHT_SYMTAB_SHNDX, 4, 1, word_fields },
};

static const char *const names[] = {
	"malloc", "free", "inc", "carve", "malloc@@V1", "malloc@V1",
	"free.cold", "malloc.cold.1", "inc.localalias", "inc.localalias.3",
	"__real_malloc", "__real_inc", "__mallochooks_self_malloc", "__mallochooks_call_malloc",
	"__mallochooks_entry_malloc", "__mallochooks_entry_free",
	"__mallochooks_absent_malloc", "__mallochooks_unused_malloc",
	"__mallochooks_entry___real_malloc", "__mallochooks_entry_", "$x",
	"$d", "$x.1", ".eh_frame", ".gnu.lto_.symtab.1",
	"__patchable_function_entries", "",
};

static uint64_t get(const uint8_t *at, size_t nr)
{
	uint64_t value = 0;

	memcpy(&value, at, nr);
	return value;
}

static void set(uint8_t *at, uint64_t value, size_t nr)
{
	memcpy(at, &value, nr);
}

/* ---- sections -------------------------------------------------------------------- */

/* Return: the number of headers that are there. */
static size_t nr_sections(const struct edit *edit, Elf64_Ehdr *ehdr)
{
	if (edit->bytes < sizeof(*ehdr) || memcmp(edit->data, ELFMAG, SELFMAG))
		return 0;
	memcpy(ehdr, edit->data, sizeof(*ehdr));
	if (ehdr->e_shoff > edit->bytes ||
	    (edit->bytes - ehdr->e_shoff) / sizeof(Elf64_Shdr) < ehdr->e_shnum)
		return 0;
	return ehdr->e_shnum;
}

static uint8_t *header(const struct edit *edit, const Elf64_Ehdr *ehdr,
		       size_t i)
{
	return edit->data + ehdr->e_shoff + i * sizeof(Elf64_Shdr);
}

/* Return: 0 unless all of the section is in the file. */
static int read_header(const struct edit *edit, size_t i, Elf64_Shdr *hdr)
{
	Elf64_Ehdr ehdr;

	if (i >= nr_sections(edit, &ehdr))
		return 0;
	memcpy(hdr, header(edit, &ehdr, i), sizeof(*hdr));
	return hdr->sh_type != SHT_NOBITS && hdr->sh_type != SHT_NULL &&
	       hdr->sh_offset <= edit->bytes &&
	       hdr->sh_size <= edit->bytes - hdr->sh_offset;
}

static size_t find_type(const struct edit *edit, Elf64_Word type)
{
	Elf64_Shdr hdr;
	Elf64_Ehdr ehdr;
	size_t nr = nr_sections(edit, &ehdr), from = draw_below(nr);

	for (size_t i = 0; i < nr; i++)
		if (read_header(edit, (from + i) % nr, &hdr) &&
		    hdr.sh_type == type)
			return (from + i) % nr;
	return 0;
}

/* Makes section @i larger at its end, or smaller; what lies behind it moves. */
static int resize(struct edit *edit, size_t i, int64_t change)
{
	Elf64_Ehdr ehdr;
	size_t nr = nr_sections(edit, &ehdr), at;
	Elf64_Shdr hdr;

	if (!read_header(edit, i, &hdr))
		return -1;
	at = hdr.sh_offset + hdr.sh_size;
	if (change > 0 && edit_insert(edit, at, (size_t)change))
		return -1;
	if (change < 0)
		edit_erase(edit, at + (size_t)change, (size_t)-change);
	if (ehdr.e_shoff >= at)
		ehdr.e_shoff += (uint64_t)change;
	if (ehdr.e_shoff > edit->bytes ||
	    (edit->bytes - ehdr.e_shoff) / sizeof(hdr) < nr)
		return -1;
	memcpy(edit->data, &ehdr, sizeof(ehdr));
	hdr.sh_size += (uint64_t)change;
	for (size_t k = 0; k < nr; k++) {
		uint8_t *place = header(edit, &ehdr, k) +
				 offsetof(Elf64_Shdr, sh_offset);

		if (k != i && get(place, 8) >= at)
			set(place, get(place, 8) + (uint64_t)change, 8);
	}
	memcpy(header(edit, &ehdr, i), &hdr, sizeof(hdr));
	return 0;
}

/* ---- fields and entries ------------------------------------------------------------ */

static void change_field(uint8_t *table, size_t entry, size_t nr,
			 const struct field *fields, size_t nr_fields,
			 size_t about)
{
	const struct field *field = &fields[draw_below(nr_fields)];
	uint8_t *at = table + draw_below(nr) * entry + field->at;
	uint64_t value = get(at, field->bytes);

	switch (draw_below(6)) {
	case 0:
	case 1:
		value = get(table + draw_below(nr) * entry + field->at,
			    field->bytes);
		break;
	case 2:
		value += draw_below(17) - 8;
		break;
	case 3:
		value = odd_number(about);
		break;
	case 4:
		value = draw_below(nr);
		break;
	default:
		value ^= 1ull << draw_below(8 * field->bytes);
	}
	set(at, value, field->bytes);
}

/* The table that a section is, NULL. */
static const struct table *table_of(const Elf64_Shdr *hdr)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		if (tables[i].type == hdr->sh_type &&
		    hdr->sh_size >= tables[i].entry)
			return &tables[i];
	return NULL;
}

/* One entry more, a copy of another, or one less. */
static void change_number(struct edit *edit, size_t i, const Elf64_Shdr *hdr,
			  size_t entry)
{
	size_t nr = hdr->sh_size / entry, from = draw_below(nr);
	uint8_t *table = edit->data + hdr->sh_offset;
	uint8_t copy[sizeof(Elf64_Shdr)];

	memcpy(copy, table + from * entry, entry);
	if (draw_below(3)) {
		if (!resize(edit, i, (int64_t)entry))
			memcpy(edit->data + hdr->sh_offset + nr * entry, copy,
			       entry);
		return;
	}
	memmove(table + from * entry, table + (from + 1) * entry,
		(nr - from - 1) * entry);
	resize(edit, i, -(int64_t)entry);
}

static void change_entry(struct edit *edit, size_t i)
{
	const struct table *table;
	Elf64_Shdr hdr;

	if (!read_header(edit, i, &hdr))
		return;
	table = table_of(&hdr);
	if (!table)
		mutate_bytes(edit->data + hdr.sh_offset, hdr.sh_size);
	else if (draw_below(4))
		change_field(edit->data + hdr.sh_offset, table->entry,
			     hdr.sh_size / table->entry, table->fields,
			     table->nr_fields, edit->bytes);
	else
		change_number(edit, i, &hdr, table->entry);
}

/* A symbol gets another name, or a section does. */
static void change_name(struct edit *edit)
{
	const char *name = names[draw_below(ARRAY_SIZE(names))];
	size_t i = find_type(edit, SHT_SYMTAB), nr = strlen(name) + 1;
	Elf64_Shdr symtab, strings;
	Elf64_Ehdr ehdr;
	uint8_t *to;

	if (!i || !read_header(edit, i, &symtab) ||
	    !read_header(edit, symtab.sh_link, &strings) ||
	    resize(edit, symtab.sh_link, (int64_t)nr))
		return;
	memcpy(edit->data + strings.sh_offset + strings.sh_size, name, nr);
	if (!read_header(edit, i, &symtab) || symtab.sh_size < 24)
		return;
	to = edit->data + symtab.sh_offset +
	     draw_below(symtab.sh_size / sizeof(Elf64_Sym)) * sizeof(Elf64_Sym);
	nr_sections(edit, &ehdr);
	/* llvm keeps names of both kinds in one section. */
	if (symtab.sh_link == ehdr.e_shstrndx && !draw_below(4))
		to = header(edit, &ehdr, draw_below(ehdr.e_shnum));
	set(to, strings.sh_size, 4);
}

/* What linkers read of bitcode are words at its end; or it gets a wrapper, which
 * says where it begins and how long it is. */
static void mutate_bitcode(struct edit *edit)
{
	static const uint8_t wrapper[] = { 0xde, 0xc0, 0x17, 0x0b, 0, 0, 0, 0,
					   20, 0, 0, 0 };
	size_t nr = edit->bytes / 4, last = nr < 256 ? nr : 256;
	uint8_t *at = edit->data + 4 * (nr - 1 - draw_below(last));

	switch (draw_below(8)) {
	case 0:
		mutate_raw(edit);
		break;
	case 1:
		if (edit->data[0] == wrapper[0]) {
			change_field(edit->data, 4, 5, word_fields, 1,
				     edit->bytes);
		} else if (!edit_insert(edit, 0, 20)) {
			memcpy(edit->data, wrapper, sizeof(wrapper));
			set(edit->data + 12, edit->bytes - 20, 4);
		}
		break;
	case 2:
		mutate_bytes(at, 4);
		break;
	default:
		change_field(at, 4, 1, word_fields, 1, draw_below(512));
	}
}

void mutate_elf(struct edit *edit)
{
	Elf64_Ehdr ehdr, was;
	size_t nr = nr_sections(edit, &ehdr);

	if (bitcode_is(edit->data, edit->bytes) && edit->bytes >= 20) {
		mutate_bitcode(edit);
		return;
	}
	if (!nr || !draw_below(16)) {
		memcpy(&was, edit->data, nr ? sizeof(was) : 0);
		mutate_raw(edit);
		if (nr && edit->bytes >= sizeof(was) && draw_below(4))
			memcpy(edit->data, &was, sizeof(was));
		return;
	}
	switch (draw_below(16)) {
	case 0:
		change_field(edit->data, 0, 1, ehdr_fields,
			     ARRAY_SIZE(ehdr_fields), edit->bytes);
		break;
	case 1:
	case 2:
		change_field(header(edit, &ehdr, 0), sizeof(Elf64_Shdr), nr,
			     shdr_fields, ARRAY_SIZE(shdr_fields),
			     edit->bytes);
		break;
	case 3:
	case 4:
	case 5:
		change_name(edit);
		break;
	case 6:
	case 7:
		change_entry(edit, draw_below(nr));
		break;
	default:
		change_entry(edit, find_type(edit, tables[draw_below(
					     draw_below(4) ? 2 : 5)].type));
	}
}
