// SPDX-License-Identifier: MIT
/*
 * elfview.c - the symbols of an object, read where it lies
 */
#define _GNU_SOURCE
#include <string.h>

#include "elfedit.h"
#include "elfview.h"
#include "tools.h"

/* Return: the bytes of a section, NULL when it is none or cut off. */
static const void *view_section(const struct elfview *view, size_t i,
				Elf64_Shdr *hdr)
{
	if (!i || i >= view->nr_headers)
		return NULL;
	memcpy(hdr, view->file + view->headers + i * sizeof(*hdr),
	       sizeof(*hdr));
	if (hdr->sh_type == SHT_NOBITS || hdr->sh_offset > view->bytes ||
	    hdr->sh_size > view->bytes - hdr->sh_offset || !hdr->sh_size)
		return NULL;
	return view->file + hdr->sh_offset;
}

static int view_header(struct elfview *view, Elf64_Ehdr *ehdr)
{
	Elf64_Shdr first;

	if (view->bytes < sizeof(*ehdr) || !elf_is(view->file, view->bytes))
		return -1;
	memcpy(ehdr, view->file, sizeof(*ehdr));
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr->e_ident[EI_DATA] != ELFDATA2LSB || ehdr->e_type != ET_REL ||
	    ehdr->e_shentsize != sizeof(first) ||
	    ehdr->e_shoff > view->bytes ||
	    view->bytes - ehdr->e_shoff < sizeof(first))
		return -1;
	memcpy(&first, view->file + ehdr->e_shoff, sizeof(first));
	if (ehdr->e_shstrndx == SHN_XINDEX)
		first.sh_info = first.sh_link;
	else
		first.sh_info = ehdr->e_shstrndx;
	view->headers = ehdr->e_shoff;
	view->nr_headers = ehdr->e_shnum ? ehdr->e_shnum : first.sh_size;
	if (view->nr_headers > (view->bytes - view->headers) / sizeof(first))
		return -1;
	return (int)first.sh_info;
}

static void view_symbols(struct elfview *view, const void *data,
			 const Elf64_Shdr *hdr)
{
	Elf64_Shdr strings;
	const char *names = view_section(view, hdr->sh_link, &strings);

	if (!names || names[strings.sh_size - 1])
		return;
	view->names = names;
	view->names_bytes = strings.sh_size;
	view->symbols = data;
	view->nr_symbols = hdr->sh_size / sizeof(Elf64_Sym);
}

int elfview_open(struct elfview *view, const void *file, size_t bytes)
{
	Elf64_Shdr hdr, strings;
	Elf64_Ehdr ehdr;
	const char *names;
	int shstrtab;

	*view = (struct elfview){ .file = file, .bytes = bytes };
	shstrtab = view_header(view, &ehdr);
	if (shstrtab < 0)
		return -1;
	names = view_section(view, (size_t)shstrtab, &strings);
	if (!names || names[strings.sh_size - 1])
		return -1;
	for (size_t i = 1; i < view->nr_headers; i++) {
		const void *data = view_section(view, i, &hdr);

		if (!data)
			continue;
		if (hdr.sh_type == SHT_SYMTAB)
			view_symbols(view, data, &hdr);
		else if (hdr.sh_name < strings.sh_size &&
			 starts_with(names + hdr.sh_name, ".gnu.lto_"))
			view->has_gimple = 1;
	}
	return 0;
}

const char *elfview_symbol(const struct elfview *view, size_t i, Elf64_Sym *sym)
{
	memcpy(sym, view->symbols + i * sizeof(*sym), sizeof(*sym));
	return sym->st_name < view->names_bytes ? view->names + sym->st_name
						: "";
}
