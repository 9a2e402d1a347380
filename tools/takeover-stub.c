// SPDX-License-Identifier: MIT
/*
 * takeover-stub.c - what a link gets that has nothing to hook, and may
 */
#include <stdlib.h>
#include <string.h>

#include "elfedit.h"
#include "takeover.h"

#define ENTRY_PREFIX	"__mallochooks_entry_"

enum { NONE, SYMTAB, STRTAB, STACK, NR_SECTIONS };

/* Of sections, and symbols are added behind them. */
static const char names[] = "\0.symtab\0.strtab\0.note.GNU-stack";

static const struct {
	Elf64_Shdr hdr;
	const void *data;
	size_t bytes;
} contents[NR_SECTIONS] = {
	[SYMTAB] = {
		.hdr = {
			.sh_name = 1,
			.sh_type = SHT_SYMTAB,
			.sh_link = STRTAB,
			.sh_info = 1,		/* the first that is not local */
			.sh_addralign = 8,
			.sh_entsize = sizeof(Elf64_Sym),
		},
		.data = &(const Elf64_Sym){ .st_name = 0 },
		.bytes = sizeof(Elf64_Sym),
	},
	[STRTAB] = {
		.hdr = { .sh_name = 9, .sh_type = SHT_STRTAB, .sh_addralign = 1 },
		.data = names,
		.bytes = sizeof(names),
	},
	/* Without it the linker takes our code for old, and the stack for code. */
	[STACK] = {
		.hdr = { .sh_name = 17, .sh_type = SHT_PROGBITS,
			 .sh_addralign = 1 },
	},
};

static void open_empty(struct elf_edit *stub, const struct elf_edit *like)
{
	*stub = (struct elf_edit){
		.ehdr = like->ehdr,
		.sections = xcalloc(NR_SECTIONS, sizeof(*stub->sections)),
		.nr = NR_SECTIONS,
		.symtab = SYMTAB,
		.strtab = STRTAB,
		.shstrtab = STRTAB,
	};
	stub->ehdr.e_shstrndx = STRTAB;
	for (size_t i = 0; i < NR_SECTIONS; i++) {
		struct elf_section *section = &stub->sections[i];

		section->hdr = contents[i].hdr;
		section->bytes = contents[i].bytes;
		if (!section->bytes)
			continue;
		section->data = contents[i].data;
	}
}

static void add_absolute(struct elf_edit *stub, const char *name)
{
	static const Elf64_Sym hidden = {
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
		.st_other = STV_HIDDEN,
	};
	size_t symbol = elf_add_symbol(stub, name, &hidden, 0);

	elf_own_symbol(stub, symbol)->st_shndx = SHN_ABS;
}

/* The entry of an identity; those of functions are not asked for. */
static int is_guard(const struct hooks *hooks, const struct elf_edit *elf,
		    size_t symbol)
{
	const char *name = elf_symbol_name(elf, symbol);

	return starts_with(name, ENTRY_PREFIX) &&
	       elf_symbol_section(elf, symbol) &&
	       !strings_has(&hooks->names, name + strlen(ENTRY_PREFIX));
}

unsigned char *takeover_stub(const struct takeover *takeover, size_t nr,
			     size_t *bytes)
{
	const struct hooks *hooks = &takeover->hooks[nr];
	struct elf_edit elf, stub;
	unsigned char *file = NULL;

	if (!elf_open(&elf, hooks->data, hooks->bytes)) {
		open_empty(&stub, &elf);
		for (size_t i = 1; i < elf_nr_symbols(&elf); i++)
			if (is_guard(hooks, &elf, i))
				add_absolute(&stub, elf_symbol_name(&elf, i));
		file = elf_write(&stub, bytes);
		elf_close(&stub);
	}
	elf_close(&elf);
	return file;
}
