// SPDX-License-Identifier: MIT
/*
 * rewrite.c - make an object call somebody else's X where it defines X itself
 *
 * Three passes: find the functions; redirect the relocations; give relocations
 * to the instructions that the assembler resolved itself.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "asked.h"
#include "nameset.h"
#include "rewrite.h"
#include "rewrite-lto.h"
#include "rewrite-machine.h"

/**
 * struct target - a function that is being taken over
 * @name:	X
 * @as:		what the hooks call it, and X in the names below
 * @symbol:	index of its symbol
 * @old:	that symbol as it was
 * @section:	that it lies in
 * @real:	index of __real_X
 * @self:	of __mallochooks_self_X, 0 while nobody wants it
 * @call:	of __mallochooks_call_X, 0 likewise
 * @entry:	of __mallochooks_entry_X, 0 likewise
 * @nr_self:	references that got each of these, or kept the name
 * @is_far:	it was refused for code of the large model
 */
struct target {
	const char *name, *as;
	size_t symbol;
	Elf64_Sym old;
	size_t section;
	size_t real, self, call, entry;
	size_t nr_self, nr_entry, nr_name, nr_real;
	int is_far;
};

/* X.cold: where the compiler put the rare parts of X. */
struct cold {
	struct target *target;
	size_t section;
	uint64_t value, bytes;
};

/* How a symbol stands for a target. */
enum { BY_NAME = 1, BY_ALIAS = 2 };

struct stand_in {
	struct target *target;
	int how;
};

struct rewriting {
	const struct rewrite_options *options;
	struct rewrite_result *result;
	struct elf_edit elf;
	const struct machine *machine;
	struct nameset names;		/* of all that is to be rewritten */
	size_t *named;			/* symbols of such names, or ours */
	size_t nr_named;
	struct target *targets;
	size_t nr_targets;
	struct stand_in *stand_ins;	/* of each symbol that was there */
	size_t nr_stand_ins;
	struct cold *colds;
	size_t nr_colds;
	/* of the section being swept */
	size_t swept;
	struct code code;
	Elf64_Rela *more;
	size_t nr_more;
};

static void problem(struct rewriting *rw, const char *symbol, const char *text)
{
	if (symbol)
		strings_addf(&rw->result->errors, "%s: %s", symbol, text);
	else
		strings_add(&rw->result->errors, text);
}

/* ---- the functions ----------------------------------------------------------- */

/* X and X@@VERSION, the version that others are linked with; not X@VERSION. */
static int is_name(const char *symbol, const char *name)
{
	size_t nr = strlen(name);

	return !strncmp(symbol, name, nr) &&
	       (!symbol[nr] || starts_with(symbol + nr, "@@"));
}

static void add_named(struct rewriting *rw, size_t symbol)
{
	/* grown in powers of two */
	if (!(rw->nr_named & (rw->nr_named - 1)))
		rw->named = xrealloc(rw->named, (rw->nr_named * 2 + 1) *
						sizeof(*rw->named));
	rw->named[rw->nr_named++] = symbol;
}

/* Each name is looked for several times, and most symbols have none of them. */
static void find_named(struct rewriting *rw)
{
	const struct strings *symbols = &rw->options->symbols;

	for (size_t i = 0; i < symbols->nr; i++)
		nameset_add(&rw->names, asked_name(symbols->item[i]));
	for (size_t i = 1; i < elf_nr_symbols(&rw->elf); i++) {
		const char *name = elf_symbol_name(&rw->elf, i);

		if (nameset_has(&rw->names, name) ||
		    (name[0] == '_' && name[1] == '_' &&
		     (starts_with(name, "__real_") ||
		      starts_with(name, "__mallochooks_"))))
			add_named(rw, i);
	}
}

static int is_function(const Elf64_Sym *sym)
{
	int type = ELF64_ST_TYPE(sym->st_info);

	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

static int same_place(const struct rewriting *rw, const struct target *target,
		      size_t symbol)
{
	return elf_symbol_section(&rw->elf, symbol) == target->section &&
	       elf_symbol(&rw->elf, symbol)->st_value == target->old.st_value;
}

static void check_target(struct rewriting *rw, const struct target *target)
{
	const struct elf_section *section = &rw->elf.sections[target->section];
	const char *name = target->name;

	if (!is_function(&target->old))
		problem(rw, name, "is no function but data, which cannot be hooked");
	else if (target->old.st_value >= section->bytes)
		problem(rw, name, "lies outside its section: the file is damaged");
}

static void add_target(struct rewriting *rw, const char *name, const char *as,
		       size_t symbol)
{
	struct target *target = &rw->targets[rw->nr_targets];

	target->name = name;
	target->as = as;
	target->symbol = symbol;
	target->old = *elf_symbol(&rw->elf, symbol);
	target->section = elf_symbol_section(&rw->elf, symbol);
	if (as != name && !streq(as, name) &&
	    ELF64_ST_BIND(target->old.st_info) != STB_LOCAL) {
		problem(rw, name, "is not static here, as it is elsewhere: ask for "
			"it without the file");
		return;
	}
	if (target->section == ELF_NOWHERE) {
		problem(rw, name, "is common or absolute, no function");
		return;
	}
	rw->nr_targets++;
	check_target(rw, target);
}

/* Another symbol of the name, as of X beside X@@VERSION. */
static void check_twin(struct rewriting *rw, const struct target *target,
		       size_t symbol)
{
	if (!same_place(rw, target, symbol))
		problem(rw, target->name, "is defined twice in this object");
}

/* @local: static functions too. */
static int find_target(struct rewriting *rw, const char *name, const char *as,
		       int local)
{
	size_t before = rw->nr_targets, found = 0;

	for (size_t k = 0; k < rw->nr_named; k++) {
		size_t i = rw->named[k];
		const Elf64_Sym *sym = elf_symbol(&rw->elf, i);
		int is_local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL;

		if (!elf_symbol_section(&rw->elf, i) ||
		    (is_local && (!local || !is_function(sym))) ||
		    !is_name(elf_symbol_name(&rw->elf, i), name))
			continue;
		if (!found)
			add_target(rw, name, as, i);
		else if (rw->nr_targets > before)
			check_twin(rw, &rw->targets[before], i);
		found = 1;
	}
	return (int)found;
}

static void find_targets(struct rewriting *rw, const char *file,
			 unsigned char *found)
{
	const struct strings *symbols = &rw->options->symbols;

	rw->targets = xcalloc(symbols->nr, sizeof(*rw->targets));
	for (size_t i = 0; i < symbols->nr; i++) {
		const char *word = symbols->item[i];
		const char *name = asked_name(word);
		const char *as = rw->options->as.nr ? rw->options->as.item[i] :
						      name;
		size_t k = 0, nr = name != word ? name - 1 - word : 0;

		if (name != word && (strncmp(file, word, nr) || file[nr]))
			continue;
		while (k < rw->nr_targets && !streq(name, rw->targets[k].name))
			k++;
		/* "x,f.o:x": once */
		if (k < rw->nr_targets || find_target(rw, name, as, name != word))
			found[i] = 1;
	}
}

/* The first of several at one place; NULL. */
static struct target *target_at(const struct rewriting *rw, size_t section,
				uint64_t value)
{
	for (size_t i = 0; i < rw->nr_targets; i++) {
		struct target *target = &rw->targets[i];

		/* At the place of an indirect function its resolver lies. */
		if (target->section == section &&
		    target->old.st_value == value &&
		    ELF64_ST_TYPE(target->old.st_info) != STT_GNU_IFUNC)
			return target;
	}
	return NULL;
}

/* Is this symbol, of its place, another name of a target, for the object's own
 * references?  gcc makes X.localalias where it was told that nobody replaces X. */
static int is_alias(const struct rewriting *rw, const struct target *target,
		    size_t symbol)
{
	const Elf64_Sym *sym = elf_symbol(&rw->elf, symbol);
	const char *name = elf_symbol_name(&rw->elf, symbol);
	int type = ELF64_ST_TYPE(sym->st_info);
	size_t nr = strlen(target->name);

	if (type != ELF64_ST_TYPE(target->old.st_info))
		return 0;
	if (symbol == target->symbol || rw->options->aliases)
		return 1;
	return ELF64_ST_BIND(sym->st_info) == STB_LOCAL &&
	       !strncmp(name, target->name, nr) &&
	       starts_with(name + nr, ".localalias");
}

static void find_stand_in(struct rewriting *rw, size_t symbol)
{
	const Elf64_Sym *sym = elf_symbol(&rw->elf, symbol);
	const char *name = elf_symbol_name(&rw->elf, symbol);
	struct stand_in *stand_in = &rw->stand_ins[symbol];
	int local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL;

	for (size_t k = 0; k < rw->nr_targets; k++) {
		struct target *target = &rw->targets[k];

		if (!same_place(rw, target, symbol))
			continue;
		if (!local && is_name(name, target->name)) {
			*stand_in = (struct stand_in){ target, BY_NAME };
			return;
		}
		if (!stand_in->how && is_alias(rw, target, symbol))
			*stand_in = (struct stand_in){ target, BY_ALIAS };
	}
}

static void find_cold(struct rewriting *rw, size_t symbol)
{
	const Elf64_Sym *sym = elf_symbol(&rw->elf, symbol);
	const char *name = elf_symbol_name(&rw->elf, symbol);
	const char *cold = nameset_may_have(&rw->names, name) ?
			   strstr(name, ".cold") : NULL;
	size_t nr = cold ? cold - name : 0;

	for (size_t k = 0; cold && k < rw->nr_targets; k++) {
		if (strlen(rw->targets[k].name) != nr ||
		    memcmp(cold - nr, rw->targets[k].name, nr))
			continue;
		rw->colds = xrealloc(rw->colds, (rw->nr_colds + 1) *
						sizeof(*rw->colds));
		rw->colds[rw->nr_colds++] = (struct cold){
			&rw->targets[k], elf_symbol_section(&rw->elf, symbol),
			sym->st_value, sym->st_size,
		};
		return;
	}
}

/* A label of X's, where X jumps back to from its cold part, is no call. */
static struct target *cold_part_of(const struct rewriting *rw, size_t section,
				   uint64_t at)
{
	for (size_t i = 0; i < rw->nr_colds; i++)
		if (rw->colds[i].section == section &&
		    at - rw->colds[i].value < rw->colds[i].bytes)
			return rw->colds[i].target;
	return NULL;
}

static void find_stand_ins(struct rewriting *rw)
{
	rw->nr_stand_ins = elf_nr_symbols(&rw->elf);
	rw->stand_ins = xcalloc(rw->nr_stand_ins, sizeof(*rw->stand_ins));
	for (size_t i = 1; i < rw->nr_stand_ins; i++)
		if (elf_symbol_section(&rw->elf, i)) {
			find_stand_in(rw, i);
			find_cold(rw, i);
		}
}

/* ---- the new names -------------------------------------------------------------- */

static size_t find_global(const struct rewriting *rw, const char *name)
{
	for (size_t k = rw->nr_named; k--; ) {
		size_t i = rw->named[k];

		if (ELF64_ST_BIND(elf_symbol(&rw->elf, i)->st_info) !=
		    STB_LOCAL && streq(elf_symbol_name(&rw->elf, i), name))
			return i;
	}
	return 0;
}

static size_t add_symbol(struct rewriting *rw, const char *name,
			 const Elf64_Sym *like, size_t section)
{
	size_t symbol = elf_add_symbol(&rw->elf, name, like, section);

	add_named(rw, symbol);
	return symbol;
}

/* A hidden undefined symbol; an absent one is then an error of any link. */
static size_t want(struct rewriting *rw, const char *what, const char *name)
{
	char *whole = xasprintf("__mallochooks_%s_%s", what, name);
	size_t symbol = find_global(rw, whole);
	const Elf64_Sym like = {
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
		.st_other = STV_HIDDEN,
	};

	if (!symbol)
		symbol = add_symbol(rw, whole, &like, 0);
	free(whole);
	return symbol;
}

static size_t self_of(struct rewriting *rw, struct target *target)
{
	if (!target->self)
		target->self = want(rw, "self", target->as);
	target->nr_self++;
	return target->self;
}

static size_t call_of(struct rewriting *rw, struct target *target)
{
	if (!target->call)
		target->call = want(rw, "call", target->as);
	target->nr_self++;
	return target->call;
}

static size_t entry_of(struct rewriting *rw, struct target *target)
{
	if (!target->entry)
		target->entry = want(rw, "entry", target->as);
	target->nr_entry++;
	return target->entry;
}

static void make_real(struct rewriting *rw, struct target *target)
{
	char *name = xasprintf("__real_%s", target->as);
	size_t symbol = find_global(rw, name);
	int bind = ELF64_ST_BIND(target->old.st_info);
	Elf64_Sym like = target->old;

	like.st_info = ELF64_ST_INFO(bind == STB_WEAK ? STB_WEAK : STB_GLOBAL,
				     ELF64_ST_TYPE(like.st_info));
	like.st_other = (like.st_other & ~3) | STV_HIDDEN;
	if (!symbol) {
		target->real = add_symbol(rw, name, &like, target->section);
	} else if (!elf_symbol_section(&rw->elf, symbol)) {
		like.st_name = elf_symbol(&rw->elf, symbol)->st_name;
		*elf_own_symbol(&rw->elf, symbol) = like;
		elf_set_section(&rw->elf, symbol, target->section);
		target->real = symbol;
	} else {
		problem(rw, target->name, "__real_ of it is defined here, too: "
			"has the object been rewritten by another tool?");
	}
	free(name);
}

/* What st_other says stays: the visibility becomes the hook's, so that a hidden
 * X stays hidden. */
static void undefine(struct rewriting *rw, size_t symbol, const char *name)
{
	Elf64_Sym *sym;

	if (strchr(elf_symbol_name(&rw->elf, symbol), '@')) {
		Elf64_Word at = elf_add_name(&rw->elf, name);

		elf_own_symbol(&rw->elf, symbol)->st_name = at;
	}
	sym = elf_own_symbol(&rw->elf, symbol);
	sym->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE);
	sym->st_value = 0;
	sym->st_size = 0;
	elf_set_section(&rw->elf, symbol, 0);
}

/* ---- relocations ------------------------------------------------------------------ */

/* A section that describes code, and does not use it. */
static int describes(const struct rewriting *rw, size_t section)
{
	static const char *const names[] = {
		".eh_frame", ".gcc_except_table", ".sframe", ".stack_sizes",
		"__patchable_function_entries", "__mcount_loc", "xray_",
		"__llvm_prf_",
	};
	const Elf64_Shdr *hdr = &rw->elf.sections[section].hdr;
	const char *name = elf_section_name(&rw->elf, section);

	if (!(hdr->sh_flags & SHF_ALLOC) || hdr->sh_flags & SHF_LINK_ORDER)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (starts_with(name, names[i]))
			return 1;
	return 0;
}

/* A compiler that does not know the function does not rely on it. */
static int use_thunk(const struct rewriting *rw, const struct target *target)
{
	return rw->options->self == REWRITE_SELF_THUNK &&
	       ELF64_ST_TYPE(target->old.st_info) != STT_GNU_IFUNC;
}

static size_t real_of(struct target *target)
{
	target->nr_real++;
	return target->real;
}

/* In the large model calls look as addresses do. */
static void refuse_far(struct rewriting *rw, struct target *target)
{
	if (target->is_far)
		return;
	target->is_far = 1;
	problem(rw, target->name, "is called in the large code model: compile "
		"the object with -mcmodel=small, or with -fno-ipa-ra "
		"-fno-ipa-stack-alignment and say --self=direct");
}

/* Whom a reference from code or data to the first byte of a target gets; 0
 * when it stays as it is. */
static size_t new_symbol(struct rewriting *rw, struct target *target,
			 enum ref ref, int how, int is_code)
{
	int real = is_code && rw->options->self == REWRITE_SELF_REAL;

	if (real)
		return how == BY_NAME ? real_of(target) : 0;
	if (ref == REF_BRANCH && use_thunk(rw, target))
		return how == BY_NAME ? call_of(rw, target) :
					self_of(rw, target);
	if (ref == REF_FAR && use_thunk(rw, target))
		refuse_far(rw, target);
	if (how == BY_NAME) {
		target->nr_name++;
		return 0;
	}
	return entry_of(rw, target);
}

/* Does its addend tell which byte of the function is meant? */
static int is_exact(enum ref ref)
{
	return ref == REF_BRANCH || ref == REF_ADDRESS || ref == REF_FAR;
}

/* A relocation against X, or another name of it. */
static size_t redirect_named(struct rewriting *rw, size_t in,
			     const Elf64_Rela *rela, int is_description)
{
	const struct stand_in *stand_in =
		&rw->stand_ins[ELF64_R_SYM(rela->r_info)];
	const struct elf_section *section = &rw->elf.sections[in];
	int is_code = !!(section->hdr.sh_flags & SHF_EXECINSTR);
	int64_t offset;
	enum ref ref;

	ref = rw->machine->reference(section, rela, &offset);
	/* Its size, or some place within it. */
	if (is_description || ref == REF_OTHER ||
	    (is_exact(ref) && offset))
		return stand_in->how == BY_NAME ? real_of(stand_in->target) : 0;
	return new_symbol(rw, stand_in->target, ref, stand_in->how, is_code);
}

/* A relocation against a section, which assemblers prefer for static names. */
static size_t redirect_section(struct rewriting *rw, size_t in,
			       Elf64_Rela *rela)
{
	size_t symbol = ELF64_R_SYM(rela->r_info), to;
	const struct elf_section *section = &rw->elf.sections[in];
	int is_code = !!(section->hdr.sh_flags & SHF_EXECINSTR);
	uint64_t value = elf_symbol(&rw->elf, symbol)->st_value;
	struct target *target;
	int64_t offset;
	enum ref ref;

	ref = rw->machine->reference(section, rela, &offset);
	if (!is_exact(ref))
		return 0;
	target = target_at(rw, elf_symbol_section(&rw->elf, symbol),
			   value + (uint64_t)offset);
	if (!target || cold_part_of(rw, in, rela->r_offset) == target)
		return 0;
	to = new_symbol(rw, target, ref, 0, is_code);
	/* of a damaged file it may wrap */
	if (to)
		rela->r_addend = (int64_t)((uint64_t)rela->r_addend -
					   (uint64_t)offset);
	return to;
}

static void redirect(struct rewriting *rw, size_t section)
{
	size_t in = rw->elf.sections[section].hdr.sh_info;
	int is_description = describes(rw, in);

	for (size_t i = 0; i < elf_nr_relocations(&rw->elf, section); i++) {
		Elf64_Rela rela = elf_relocations(&rw->elf, section)[i];
		size_t symbol = ELF64_R_SYM(rela.r_info), to = 0;
		int type = ELF64_ST_TYPE(elf_symbol(&rw->elf, symbol)->st_info);

		if (rw->stand_ins[symbol].how)
			to = redirect_named(rw, in, &rela, is_description);
		else if (type == STT_SECTION && !is_description)
			to = redirect_section(rw, in, &rela);
		if (!to)
			continue;
		rela.r_info = ELF64_R_INFO((Elf64_Xword)to,
					   ELF64_R_TYPE(rela.r_info));
		((Elf64_Rela *)elf_own(&rw->elf, section))[i] = rela;
	}
}

/* Their addends lie in the section: no compiler of ours makes them for code. */
static void redirect_rel(struct rewriting *rw, size_t section)
{
	const struct elf_section *rels = &rw->elf.sections[section];
	Elf64_Rel *rel = (Elf64_Rel *)elf_own(&rw->elf, section);

	for (size_t i = 0; i < rels->bytes / sizeof(*rel); i++) {
		const struct stand_in *stand_in =
			&rw->stand_ins[ELF64_R_SYM(rel[i].r_info)];

		if (!stand_in->how)
			continue;
		if (!describes(rw, rels->hdr.sh_info)) {
			problem(rw, stand_in->target->name, "is referred to by "
				"relocations without addends (SHT_REL)");
			return;
		}
		if (stand_in->how == BY_NAME)
			rel[i].r_info = ELF64_R_INFO(
				(Elf64_Xword)real_of(stand_in->target),
				ELF64_R_TYPE(rel[i].r_info));
	}
}

static void redirect_all(struct rewriting *rw)
{
	size_t nr = rw->elf.nr;

	for (size_t i = 1; i < nr; i++) {
		if (rw->elf.sections[i].hdr.sh_type == SHT_RELA)
			redirect(rw, i);
		else if (rw->elf.sections[i].hdr.sh_type == SHT_REL)
			redirect_rel(rw, i);
	}
}

/* ---- code without relocations -------------------------------------------------------- */

static void mark_relocated(const struct rewriting *rw, struct code *code)
{
	for (size_t i = 1; i < rw->elf.nr; i++) {
		if (rw->elf.sections[i].hdr.sh_type != SHT_RELA ||
		    rw->elf.sections[i].hdr.sh_info != rw->swept)
			continue;
		for (size_t k = 0; k < elf_nr_relocations(&rw->elf, i); k++) {
			Elf64_Addr at = elf_relocations(&rw->elf, i)[k].r_offset;

			for (size_t n = 0; n < 4 && at < code->bytes; n++)
				code->mark[at++] |= MARK_RELOCATED;
		}
	}
}

static int is_mapping(const char *name, char kind)
{
	return name[0] == '$' && name[1] == kind && (!name[2] || name[2] == '.');
}

struct range {
	size_t begin, end;
};

static int by_begin(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Eight at a time: these are most of the bytes. */
static void mark_range(unsigned char *mark, size_t at, size_t end)
{
	const uint64_t all = MARK_INSIDE * UINT64_C(0x0101010101010101);
	uint64_t marks;

	for (; at + sizeof(marks) <= end; at += sizeof(marks)) {
		memcpy(&marks, mark + at, sizeof(marks));
		marks |= all;
		memcpy(mark + at, &marks, sizeof(marks));
	}
	for (; at < end; at++)
		mark[at] |= MARK_INSIDE;
}

/* Functions may overlap, of which a damaged file can make much. */
static void mark_inside(struct code *code, struct range *ranges, size_t nr)
{
	size_t at = 0;

	qsort(ranges, nr, sizeof(*ranges), by_begin);
	for (size_t i = 0; i < nr; i++) {
		if (at < ranges[i].begin)
			at = ranges[i].begin;
		mark_range(code->mark, at, ranges[i].end);
		if (at < ranges[i].end)
			at = ranges[i].end;
	}
}

static void mark_symbols(const struct rewriting *rw, struct code *code)
{
	struct range *ranges = xcalloc(rw->nr_stand_ins, sizeof(*ranges));
	size_t nr = 0;

	for (size_t i = 1; i < rw->nr_stand_ins; i++) {
		const Elf64_Sym *sym = elf_symbol(&rw->elf, i);
		const char *name = elf_symbol_name(&rw->elf, i);
		size_t at = sym->st_value;

		if (elf_symbol_section(&rw->elf, i) != rw->swept ||
		    at >= code->bytes)
			continue;
		if (is_mapping(name, 'x'))
			code->mark[at] |= MARK_CODE;
		else if (is_mapping(name, 'd'))
			code->mark[at] |= MARK_DATA;
		if (ELF64_ST_TYPE(sym->st_info) != STT_FUNC || !sym->st_size)
			continue;
		code->mark[at] |= MARK_START;
		ranges[nr++] = (struct range){
			at, sym->st_size < code->bytes - at ? at + sym->st_size
							    : code->bytes,
		};
	}
	mark_inside(code, ranges, nr);
	free(ranges);
}

/* At the place of an indirect function its resolver lies. */
static void mark_targets(const struct rewriting *rw, struct code *code)
{
	for (size_t k = 0; k < rw->nr_targets; k++) {
		const struct target *target = &rw->targets[k];

		if (target->section != rw->swept ||
		    ELF64_ST_TYPE(target->old.st_info) == STT_GNU_IFUNC)
			continue;
		code->mark[target->old.st_value] |= MARK_TARGET;
		code->targets[code->nr_targets++] = target->old.st_value;
	}
}

/* A loop to its own first instruction is no call, and in the large model a
 * function measures from there to the GOT. */
static int is_own(const struct target *target, const struct place *place)
{
	return !place->is_call &&
	       place->at - target->old.st_value < target->old.st_size;
}

static void short_jump(struct rewriting *rw, const struct target *target,
		       const struct place *place)
{
	char *text = xasprintf("%s+%#zx jumps to it in two bytes, with no room "
			       "near for a longer jump: compile the object with -fPIC or "
			       "-ffunction-sections, or assemble it with "
			       "-Wa,-mshared",
			       elf_section_name(&rw->elf, rw->swept),
			       place->at - 1);

	problem(rw, target->name, text);
	free(text);
}

static void add_relocation(struct rewriting *rw, size_t at, size_t symbol,
			   const struct place *place)
{
	rw->more = xrealloc(rw->more, (rw->nr_more + 1) * sizeof(*rw->more));
	rw->more[rw->nr_more++] = (Elf64_Rela){
		at, ELF64_R_INFO((Elf64_Xword)symbol, place->type),
		place->addend,
	};
}

/* Gaps that somebody wants to patch are not ours. */
static int has_patchable(const struct rewriting *rw)
{
	for (size_t i = 1; i < rw->elf.nr; i++)
		if (streq(elf_section_name(&rw->elf, i),
			  "__patchable_function_entries"))
			return 1;
	return 0;
}

static void visit_place(const struct place *place, void *arg)
{
	struct rewriting *rw = arg;
	struct target *target = target_at(rw, rw->swept, (uint64_t)place->to);
	size_t at = place->at;
	uint32_t bytes;

	if (!target || is_own(target, place) ||
	    cold_part_of(rw, rw->swept, at) == target ||
	    rw->options->self == REWRITE_SELF_REAL)
		return;
	if (place->is_short) {
		if (has_patchable(rw) ||
		    !rw->machine->bridge(&rw->code, place, &at)) {
			short_jump(rw, target, place);
			return;
		}
	} else {
		memcpy(&bytes, rw->code.code + at, sizeof(bytes));
		bytes &= place->keep;
		memcpy(rw->code.code + at, &bytes, sizeof(bytes));
	}
	add_relocation(rw, at, new_symbol(rw, target, place->ref, 0, 1), place);
}

static int by_offset(const void *a, const void *b)
{
	const Elf64_Rela *x = a, *y = b;

	return x->r_offset < y->r_offset ? -1 : x->r_offset > y->r_offset;
}

static void sweep(struct rewriting *rw, size_t section)
{
	size_t bytes = rw->elf.sections[section].bytes;

	rw->code = (struct code){
		.code = elf_own(&rw->elf, section),
		.bytes = bytes,
		.mark = xcalloc(bytes + 1, 1),
		.targets = xcalloc(rw->nr_targets, sizeof(size_t)),
	};
	rw->swept = section;
	mark_relocated(rw, &rw->code);
	mark_symbols(rw, &rw->code);
	mark_targets(rw, &rw->code);
	rw->machine->sweep(&rw->code, visit_place, rw);
	if (rw->nr_more) {
		qsort(rw->more, rw->nr_more, sizeof(*rw->more), by_offset);
		elf_add_relocations(&rw->elf, section, rw->more, rw->nr_more);
	}
	free(rw->code.targets);
	free(rw->code.mark);
	free(rw->more);
	rw->more = NULL;
	rw->nr_more = 0;
}

/* Only the section of the function itself can reach it without relocation. */
static void sweep_all(struct rewriting *rw)
{
	for (size_t k = 0; k < rw->nr_targets; k++) {
		size_t section = rw->targets[k].section, before = 0;

		while (before < k && rw->targets[before].section != section)
			before++;
		if (before == k && rw->elf.sections[section].data &&
		    rw->elf.sections[section].hdr.sh_flags & SHF_EXECINSTR)
			sweep(rw, section);
	}
}

/* ---- all of it --------------------------------------------------------------------------- */

static void note(struct rewriting *rw, const struct target *target)
{
	strings_addf(&rw->result->notes, "%s: now __real_%s; references within: "
		     "%zu to the thunk, %zu to the entry, %zu by name, "
		     "%zu stay with it", target->name, target->as,
		     target->nr_self, target->nr_entry, target->nr_name,
		     target->nr_real);
}

static void rewrite(struct rewriting *rw)
{
	find_stand_ins(rw);
	for (size_t k = 0; k < rw->nr_targets; k++)
		make_real(rw, &rw->targets[k]);
	if (rw->result->errors.nr)
		return;
	redirect_all(rw);
	sweep_all(rw);
	for (size_t i = 1; i < rw->nr_stand_ins; i++)
		if (rw->stand_ins[i].how == BY_NAME)
			undefine(rw, i, rw->stand_ins[i].target->name);
	for (size_t k = 0; k < rw->nr_targets; k++)
		note(rw, &rw->targets[k]);
}

static enum rewrite_status rewrite_elf(struct rewriting *rw, const char *name,
				       const void *file, size_t bytes,
				       unsigned char *found)
{
	const char *wrong = elf_open(&rw->elf, file, bytes);

	if (wrong) {
		problem(rw, NULL, wrong);
		return REWRITE_FAILED;
	}
	rewrite_lto(&rw->elf, rw->options, &rw->result->errors);
	rw->machine = rw->elf.ehdr.e_machine == EM_X86_64 ? &machine_x86_64
							  : &machine_aarch64;
	find_named(rw);
	find_targets(rw, name, found);
	if (!rw->nr_targets && !rw->result->errors.nr)
		return REWRITE_ABSENT;
	if (!rw->result->errors.nr)
		rewrite(rw);
	if (rw->result->errors.nr)
		return REWRITE_FAILED;
	rw->result->data = elf_write(&rw->elf, &rw->result->bytes);
	return REWRITE_DONE;
}

enum rewrite_status rewrite_object(const struct rewrite_options *options,
				   const char *name, const void *file,
				   size_t bytes, unsigned char *found,
				   struct rewrite_result *result)
{
	struct rewriting rw = { .options = options, .result = result };
	enum rewrite_status status;

	memset(result, 0, sizeof(*result));
	if (!elf_is(file, bytes)) {
		rewrite_bitcode(file, bytes, options, &result->errors);
		return result->errors.nr ? REWRITE_FAILED : REWRITE_ABSENT;
	}
	status = rewrite_elf(&rw, name, file, bytes, found);
	elf_close(&rw.elf);
	nameset_free(&rw.names);
	free(rw.named);
	free(rw.targets);
	free(rw.stand_ins);
	free(rw.colds);
	return status;
}

void rewrite_result_free(struct rewrite_result *result)
{
	free(result->data);
	strings_free(&result->errors);
	strings_free(&result->notes);
}
