// SPDX-License-Identifier: MIT
/*
 * rewrite-lto.c - objects of link-time optimisation, which hold no code yet
 */
#define _GNU_SOURCE
#include <string.h>

#include "bitcode.h"
#include "asked.h"
#include "rewrite-lto.h"

#define REMEDY	"compile this object with -fno-lto"

/*
 * Does a .gnu.lto_.symtab define @name?  Its entries: name, NUL, group, NUL,
 * kind (0 a definition, 1 a weak one), visibility, size (8), slot (4).
 * Source: gcc, lto-streamer-out.cc, write_symbol().
 */
static int defines(const struct elf_section *section, const char *name)
{
	const char *at = (const char *)section->data;
	const char *end = at + section->bytes;

	while (at < end) {
		const char *group = memchr(at, '\0', end - at);
		const char *kind = group && group + 1 < end ?
			memchr(group + 1, '\0', end - group - 1) : NULL;

		if (!kind || end - kind < 1 + 1 + 1 + 8 + 4)
			return 0;
		if (streq(at, name) && (unsigned char)kind[1] <= 1)
			return 1;
		at = kind + 1 + 1 + 1 + 8 + 4;
	}
	return 0;
}

void rewrite_lto(const struct elf_edit *elf,
		 const struct rewrite_options *options, struct strings *errors)
{
	for (size_t i = 1; i < elf->nr; i++) {
		const char *name = elf_section_name(elf, i);

		/* not .gnu.lto_.symtab_ext, which lacks the names */
		if (!starts_with(name, ".gnu.lto_.symtab") ||
		    starts_with(name, ".gnu.lto_.symtab_") ||
		    starts_with(name, ".gnu.lto_.symtab.ext") ||
		    !elf->sections[i].data)
			continue;
		for (size_t k = 0; k < options->symbols.nr; k++) {
			const char *symbol =
				asked_name(options->symbols.item[k]);

			if (defines(&elf->sections[i], symbol))
				strings_addf(errors, "%s: is defined in GIMPLE "
					     "(-flto): " REMEDY, symbol);
		}
	}
}

void rewrite_bitcode(const void *file, size_t bytes,
		     const struct rewrite_options *options,
		     struct strings *errors)
{
	if (!bitcode_is(file, bytes))
		return;
	for (size_t k = 0; k < options->symbols.nr; k++) {
		const char *word = options->symbols.item[k];
		const char *symbol = asked_name(word);
		int defines = bitcode_defines(file, bytes, symbol,
					      symbol != word);

		if (defines > 0)
			strings_addf(errors, "%s: is defined in LLVM bitcode "
				     "(-flto): " REMEDY, symbol);
		else if (defines < 0 &&
			 memmem(file, bytes, symbol, strlen(symbol)))
			strings_addf(errors, "%s: may be defined in LLVM bitcode "
				     "(-flto): " REMEDY, symbol);
	}
}
