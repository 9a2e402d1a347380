// SPDX-License-Identifier: MIT
/*
 * takeover.c - what one link takes over: which functions, with whose hooks
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asked.h"
#include "elfedit.h"
#include "elfview.h"
#include "rewrite-lto.h"
#include "takeover.h"

#define ENTRY_PREFIX	"__mallochooks_entry_"

static void free_hooks(struct hooks *hooks)
{
	if (hooks->is_mapped)
		munmap(hooks->data, hooks->bytes);
	else
		free(hooks->data);
	free(hooks->path);
	strings_free(&hooks->names);
}

void takeover_close(struct takeover *takeover)
{
	for (size_t i = 0; i < takeover->nr_hooks; i++)
		free_hooks(&takeover->hooks[i]);
	free(takeover->hooks);
	free(takeover->found);
	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++)
		free(takeover->lacks[i]);
	free(takeover->lacks);
	free(takeover->asked);
	free(takeover->seen);
	nameset_free(&takeover->names);
	strings_free(&takeover->rewrite.symbols);
	strings_free(&takeover->rewrite.as);
	memset(takeover, 0, sizeof(*takeover));
}

/* @as: the name that the hooks have for it */
static void add_word(struct takeover *takeover, const char *word, const char *as)
{
	size_t nr = takeover->rewrite.symbols.nr;

	if (strings_has(&takeover->rewrite.symbols, word))
		return;
	strings_add(&takeover->rewrite.symbols, word);
	strings_add(&takeover->rewrite.as, as);
	nameset_add(&takeover->names,
		  asked_name(takeover->rewrite.symbols.item[nr]));
	takeover->found = xrealloc(takeover->found, nr + 1);
	takeover->found[nr] = 0;
	takeover->lacks = xrealloc(takeover->lacks, (nr + 1) *
						    sizeof(*takeover->lacks));
	takeover->lacks[nr] = NULL;
	takeover->asked = xrealloc(takeover->asked, nr + 1);
	takeover->asked[nr] = 0;
	takeover->seen = xrealloc(takeover->seen, nr + 1);
	takeover->seen[nr] = 0;
}

/* Whose X is it? NULL: nobody's. */
static const struct hooks *owner_of(const struct takeover *takeover,
				    const char *name)
{
	if (!nameset_has(&takeover->names, name))
		return NULL;
	for (size_t i = 0; i < takeover->nr_hooks; i++)
		if (strings_has(&takeover->hooks[i].names, name))
			return &takeover->hooks[i];
	return NULL;
}

/* ---- hooks objects ---------------------------------------------------------- */

/* The global symbol of that name, 0: there is none. */
static size_t find_global(const struct elf_edit *elf, const char *name)
{
	for (size_t i = elf_nr_symbols(elf); i-- > 1; )
		if (ELF64_ST_BIND(elf_symbol(elf, i)->st_info) != STB_LOCAL &&
		    streq(elf_symbol_name(elf, i), name))
			return i;
	return 0;
}

static size_t find_named(const struct elf_edit *elf, const char *prefix,
			 const char *name)
{
	char *whole = xasprintf("%s%s", prefix, name);
	size_t symbol = find_global(elf, whole);

	free(whole);
	return symbol;
}

static int is_entry(const struct elf_edit *elf, size_t symbol)
{
	return *elf_symbol_name(elf, symbol) == '_' &&
	       elf_symbol_section(elf, symbol) &&
	       ELF64_ST_BIND(elf_symbol(elf, symbol)->st_info) != STB_LOCAL &&
	       starts_with(elf_symbol_name(elf, symbol), ENTRY_PREFIX);
}

/* The entry of an identity is data, and no function has its name. */
static void read_names(const struct elf_edit *elf, struct strings *names)
{
	for (size_t i = 1; i < elf_nr_symbols(elf); i++) {
		const char *name;
		size_t symbol;

		if (!is_entry(elf, i))
			continue;
		name = elf_symbol_name(elf, i) + strlen(ENTRY_PREFIX);
		symbol = find_global(elf, name);
		if (symbol && elf_symbol_section(elf, symbol) ==
			      elf_symbol_section(elf, i) &&
		    elf_symbol(elf, symbol)->st_value ==
		    elf_symbol(elf, i)->st_value &&
		    !strings_has(names, name))
			strings_add(names, name);
	}
}

static int has_gimple(const struct elf_edit *elf)
{
	for (size_t i = 1; i < elf->nr; i++)
		if (starts_with(elf_section_name(elf, i), ".gnu.lto_"))
			return 1;
	return 0;
}

static int map_hooks(struct hooks *hooks)
{
	int fd = open(hooks->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *data = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0)
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			    0);
	close(fd);
	if (data == MAP_FAILED)
		return -1;
	hooks->data = data;
	hooks->bytes = (size_t)st.st_size;
	hooks->is_mapped = 1;
	return 0;
}

static char *read_hooks(struct hooks *hooks)
{
	struct elf_edit elf;
	const char *wrong;
	char *problem = NULL;

	if (map_hooks(hooks))
		hooks->data = read_file(hooks->path, &hooks->bytes);
	if (!hooks->data)
		return xasprintf("%s: %s: give the object that \"mallochooks "
				 "stack --method=replace -o\" made",
				 hooks->path, strerror(errno));
	wrong = elf_open(&elf, hooks->data, hooks->bytes);
	if (!wrong)
		read_names(&elf, &hooks->names);
	if (wrong)
		problem = xasprintf("%s: %s: give the object that \"mallochooks "
				    "stack --method=replace -o\" made",
				    hooks->path, wrong);
	else if (has_gimple(&elf))
		problem = xasprintf("%s: was compiled with -flto: compile hooks "
				    "with -fno-lto", hooks->path);
	else if (!hooks->names.nr)
		problem = xasprintf("%s: defines no " ENTRY_PREFIX "X with an X: "
				    "give the object that \"mallochooks stack "
				    "--method=replace -o\" made", hooks->path);
	elf_close(&elf);
	return problem;
}

static int same_file(const char *a, const char *b)
{
	struct stat x, y;

	return streq(a, b) || (!stat(a, &x) && !stat(b, &y) &&
			       x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static char *check_names(const struct takeover *takeover,
			 const struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->names.nr; i++) {
		const char *name = hooks->names.item[i];
		const struct hooks *owner = owner_of(takeover, name);

		if (owner)
			return xasprintf("%s: is hooked by both %s and %s: give "
					 "one of them, or one stack with the "
					 "layers of both", name, owner->path,
					 hooks->path);
	}
	return NULL;
}

char *takeover_add_hooks(struct takeover *takeover, const char *path)
{
	struct hooks hooks = { 0 };
	char *problem;

	for (size_t i = 0; i < takeover->nr_hooks; i++)
		if (same_file(path, takeover->hooks[i].path))
			return NULL;
	hooks.path = xstrdup(path);
	problem = read_hooks(&hooks);
	if (!problem)
		problem = check_names(takeover, &hooks);
	if (problem) {
		free_hooks(&hooks);
		return problem;
	}
	takeover->hooks = xrealloc(takeover->hooks, (takeover->nr_hooks + 1) *
						    sizeof(hooks));
	takeover->hooks[takeover->nr_hooks++] = hooks;
	for (size_t i = 0; i < hooks.names.nr; i++)
		add_word(takeover, hooks.names.item[i], hooks.names.item[i]);
	return NULL;
}

/* The name that hooks have for it; NULL: they do not hook it. */
static char *name_in_hooks(const struct takeover *takeover, const char *word)
{
	const char *name = asked_name(word);
	char *file, *whole = NULL;

	if (name != word) {
		file = xstrndup(word, (size_t)(name - 1 - word));
		whole = asked_long_name(file, name);
		free(file);
	}
	if (whole && owner_of(takeover, whole))
		return whole;
	free(whole);
	return !takeover->nr_hooks || owner_of(takeover, name) ? xstrdup(name) :
								  NULL;
}

char *takeover_add_symbol(struct takeover *takeover, const char *word)
{
	const char *name = asked_name(word);
	char *as;

	if (name == word + 1 || !*name || strpbrk(word, "/@"))
		return xasprintf("X or FILE:X is wanted, not %s", word);
	as = name_in_hooks(takeover, word);
	if (!as)
		return xasprintf("%s: the hooks given do not hook %s: compose "
				 "the stack with that function", word, name);
	add_word(takeover, word, as);
	free(as);
	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++)
		takeover->asked[i] |= streq(takeover->rewrite.symbols.item[i], word);
	return NULL;
}

char *takeover_set_self(struct takeover *takeover, const char *word)
{
	static const char *const words[] = { "thunk", "direct", "real" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!streq(word, words[i]))
			continue;
		takeover->rewrite.self = (enum rewrite_self)i;
		return NULL;
	}
	return xasprintf("one of thunk, direct, real is wanted, not %s", word);
}

/* ---- objects of the link ---------------------------------------------------- */

/* Does a symbol of @file fit the word?  As in rewrite.c. */
static int fits(const char *word, const char *file, const char *name,
		int is_local)
{
	const char *wanted = asked_name(word);
	size_t nr = strlen(wanted);

	if (strncmp(name, wanted, nr) ||
	    (name[nr] && !starts_with(name + nr, "@@")))
		return 0;
	if (wanted == word)
		return !is_local;
	nr = wanted - 1 - word;
	return !file || (!strncmp(file, word, nr) && !file[nr]);
}

static int concerns_symbol(const struct takeover *takeover, const char *file,
			   const char *name, const Elf64_Sym *sym)
{
	const struct strings *symbols = &takeover->rewrite.symbols;
	int is_local = ELF64_ST_BIND(sym->st_info) == STB_LOCAL;

	if (ELF64_ST_TYPE(sym->st_info) == STT_SECTION ||
	    ELF64_ST_TYPE(sym->st_info) == STT_FILE)
		return 0;
	for (size_t i = 0; i < symbols->nr; i++)
		if (fits(symbols->item[i], file, name, is_local))
			return 1;
	return 0;
}

/* Is it "FILE:X" with this FILE? */
static int is_of_file(const char *word, const char *file)
{
	const size_t nr = (size_t)(asked_name(word) - word);

	return nr > 1 && !strncmp(file, word, nr - 1) && !file[nr - 1];
}

int takeover_is_named(const struct takeover *takeover, const char *name)
{
	const struct strings *symbols = &takeover->rewrite.symbols;

	for (size_t i = 0; i < symbols->nr; i++)
		if (name ? is_of_file(symbols->item[i], name) :
			   strchr(symbols->item[i], ':') != NULL)
			return 1;
	return 0;
}

/* What compilers make of X when they know its arguments, or split it. */
static int is_part(const char *symbol, const char *x)
{
	const size_t nr = strlen(x);

	return !strncmp(symbol, x, nr) && (starts_with(symbol + nr, ".constprop") ||
					   starts_with(symbol + nr, ".isra") ||
					   starts_with(symbol + nr, ".part"));
}

/* What @file, which is the FILE of "FILE:X", has instead of X.  NULL: it has X. */
static char *lack_of(const struct elfview *view, const char *file, const char *x)
{
	const char *part = NULL;
	Elf64_Sym sym;

	for (size_t i = 1; i < view->nr_symbols; i++) {
		const char *symbol = elfview_symbol(view, i, &sym);

		if (sym.st_shndx == SHN_UNDEF)
			continue;
		if (streq(symbol, x))
			return NULL;
		if (is_part(symbol, x))
			part = symbol;
	}
	if (!part)
		return xasprintf("%s has no %s, which is misspelt or was inlined",
				 file, x);
	return xasprintf("%s has %s, which takes other arguments than %s: compile "
			 "it with -fno-ipa-cp -fno-ipa-sra -fno-partial-inlining",
			 file, part, x);
}

static void note_lacks(const struct takeover *takeover, const struct elfview *view,
		       const char *file)
{
	const struct strings *symbols = &takeover->rewrite.symbols;

	for (size_t i = 0; i < symbols->nr; i++)
		if (!takeover->lacks[i] && is_of_file(symbols->item[i], file))
			takeover->lacks[i] = lack_of(view, file, asked_name(
							symbols->item[i]));
}

static void note_seen(const struct takeover *takeover, const struct elfview *view)
{
	const struct strings *symbols = &takeover->rewrite.symbols;
	Elf64_Sym sym;

	for (size_t i = 1; i < view->nr_symbols; i++) {
		const char *symbol = elfview_symbol(view, i, &sym);

		if (sym.st_shndx == SHN_UNDEF || !nameset_has(&takeover->names, symbol))
			continue;
		for (size_t k = 0; k < symbols->nr; k++)
			takeover->seen[k] |= streq(symbols->item[k], symbol);
	}
}

/* Code that is not there yet: by what will be said of it. */
static int concerns_later(const struct takeover *takeover, const void *file,
			  size_t bytes, int has_gimple)
{
	struct strings errors = { 0 };
	struct elf_edit elf;
	int concerns;

	if (!has_gimple) {
		rewrite_bitcode(file, bytes, &takeover->rewrite, &errors);
	} else {
		if (!elf_open(&elf, file, bytes))
			rewrite_lto(&elf, &takeover->rewrite, &errors);
		elf_close(&elf);
	}
	concerns = errors.nr > 0;
	strings_free(&errors);
	return concerns;
}

int takeover_concerns(const struct takeover *takeover, const char *name,
		      const void *file, size_t bytes)
{
	struct elfview view;
	Elf64_Sym sym;

	if (elfview_open(&view, file, bytes))
		return concerns_later(takeover, file, bytes, 0);
	if (name && !view.has_gimple)
		note_lacks(takeover, &view, name);
	for (size_t i = 1; i < view.nr_symbols; i++) {
		const char *symbol = elfview_symbol(&view, i, &sym);

		if (sym.st_shndx != SHN_UNDEF &&
		    nameset_may_have(&takeover->names, symbol) &&
		    nameset_has(&takeover->names, symbol) &&
		    concerns_symbol(takeover, name, symbol, &sym)) {
			note_seen(takeover, &view);
			return 1;
		}
	}
	return view.has_gimple && concerns_later(takeover, file, bytes, 1);
}

int takeover_is_hooks(const struct takeover *takeover, const void *file,
		      size_t bytes)
{
	struct elfview view;
	Elf64_Sym sym;

	if (elfview_open(&view, file, bytes))
		return 0;
	for (size_t i = 1; i < view.nr_symbols; i++) {
		const char *name = elfview_symbol(&view, i, &sym);

		if (*name == '_' && sym.st_shndx != SHN_UNDEF &&
		    starts_with(name, ENTRY_PREFIX) &&
		    owner_of(takeover, name + strlen(ENTRY_PREFIX)))
			return 1;
	}
	return 0;
}

/* The same place of an object, hooked by two. */
static void check_owner(const struct takeover *takeover,
			const struct elf_edit *elf, size_t symbol,
			const struct hooks *owner, struct strings *errors)
{
	const char *name = elf_symbol_name(elf, symbol);

	for (size_t i = 1; i < symbol; i++) {
		const char *other = elf_symbol_name(elf, i);
		const struct hooks *its;

		if (elf_symbol_section(elf, i) !=
		    elf_symbol_section(elf, symbol) ||
		    elf_symbol(elf, i)->st_value !=
		    elf_symbol(elf, symbol)->st_value ||
		    ELF64_ST_BIND(elf_symbol(elf, i)->st_info) == STB_LOCAL)
			continue;
		its = owner_of(takeover, other);
		if (its && its != owner)
			strings_addf(errors, "%s: is the same function as %s, "
				     "but %s hooks the one and %s the other: "
				     "compose one stack for both", other, name,
				     its->path, owner->path);
	}
}

/* Of what is no whole object it does not matter. */
static int is_for_hooks(const struct takeover *takeover, const void *file,
			size_t bytes)
{
	Elf64_Ehdr ehdr, its;

	if (bytes < sizeof(ehdr))
		return 1;
	memcpy(&ehdr, file, sizeof(ehdr));
	for (size_t i = 0; i < takeover->nr_hooks; i++) {
		memcpy(&its, takeover->hooks[i].data, sizeof(its));
		if (its.e_machine != ehdr.e_machine)
			return 0;
	}
	return 1;
}

static void check_machine(const struct takeover *takeover,
			  const struct elf_edit *elf, struct strings *errors)
{
	for (size_t i = 0; i < takeover->nr_hooks; i++) {
		Elf64_Ehdr ehdr;

		memcpy(&ehdr, takeover->hooks[i].data, sizeof(ehdr));
		if (ehdr.e_machine == elf->ehdr.e_machine)
			continue;
		strings_addf(errors, "is for another machine than the hooks %s: "
			     "compose these with --arch and --cc of the link",
			     takeover->hooks[i].path);
		return;
	}
}

/* What rewrite_object() cannot know. */
static void check_object(const struct takeover *takeover, const void *file,
			 size_t bytes, struct strings *errors)
{
	struct elf_edit elf;

	/* Most links have one hooks object, and no two can be at odds. */
	if (takeover->nr_hooks < 2 && is_for_hooks(takeover, file, bytes))
		return;
	if (elf_open(&elf, file, bytes)) {
		elf_close(&elf);
		return;
	}
	check_machine(takeover, &elf, errors);
	for (size_t i = 1; i < elf_nr_symbols(&elf); i++) {
		const struct hooks *owner =
			owner_of(takeover, elf_symbol_name(&elf, i));

		if (owner && elf_symbol_section(&elf, i) &&
		    ELF64_ST_BIND(elf_symbol(&elf, i)->st_info) != STB_LOCAL)
			check_owner(takeover, &elf, i, owner, errors);
	}
	elf_close(&elf);
}

/* Of two static functions of one word, both would be its __real_. */
static void note_found(struct takeover *takeover, const unsigned char *here,
		       struct strings *errors)
{
	const struct strings *symbols = &takeover->rewrite.symbols;

	for (size_t i = 0; i < symbols->nr; i++) {
		if (!here[i])
			continue;
		if (takeover->found[i] && strchr(symbols->item[i], ':'))
			strings_addf(errors, "%s: another object of this link has "
				     "that name and such a function: give one of "
				     "the two files another name",
				     symbols->item[i]);
		takeover->found[i] = 1;
	}
}

enum rewrite_status takeover_object(struct takeover *takeover, const char *name,
				    const void *file, size_t bytes,
				    struct rewrite_result *result)
{
	struct strings errors = { 0 };
	enum rewrite_status status;
	unsigned char *here;

	if (takeover_is_hooks(takeover, file, bytes))
		strings_add(&errors, "is hooks itself: leave it out of the link, to "
			    "which hooks are added");
	else
		check_object(takeover, file, bytes, &errors);
	if (errors.nr) {
		memset(result, 0, sizeof(*result));
		result->errors = errors;
		return REWRITE_FAILED;
	}
	here = xcalloc(takeover->rewrite.symbols.nr, 1);
	status = rewrite_object(&takeover->rewrite, name, file, bytes, here,
				result);
	note_found(takeover, here, &result->errors);
	free(here);
	if (!result->errors.nr)
		return status;
	free(result->data);
	result->data = NULL;
	return REWRITE_FAILED;
}

/* ---- the end ---------------------------------------------------------------- */

/* @local: also by a static function of one file. */
static int is_found(const struct takeover *takeover, const char *name,
		    int local)
{
	const struct strings *symbols = &takeover->rewrite.symbols;

	for (size_t i = 0; i < symbols->nr; i++)
		if (takeover->found[i] &&
		    streq(local ? takeover->rewrite.as.item[i]
				: symbols->item[i], name))
			return 1;
	return 0;
}

int takeover_found(const struct takeover *takeover, size_t hooks)
{
	const struct strings *names = &takeover->hooks[hooks].names;

	for (size_t i = 0; i < names->nr; i++)
		if (is_found(takeover, names->item[i], 1))
			return 1;
	return 0;
}

int takeover_is_part(const struct takeover *takeover, size_t hooks)
{
	static const char *const core[] = { "malloc", "free", "realloc", "calloc" };
	const struct strings *names = &takeover->hooks[hooks].names;
	size_t nr = 0, nr_found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(core); i++) {
		nr += strings_has(names, core[i]);
		nr_found += strings_has(names, core[i]) &&
			    is_found(takeover, core[i], 0);
	}
	return nr_found && nr_found < nr;
}

/* With the file that was to define it, when the function is static. */
static const char *as_asked(const struct takeover *takeover, const char *name)
{
	const struct strings *symbols = &takeover->rewrite.symbols;

	for (size_t i = 0; i < symbols->nr; i++)
		if (strchr(symbols->item[i], ':') &&
		    streq(takeover->rewrite.as.item[i], name))
			return symbols->item[i];
	return name;
}

/* Was it asked for by its plain name, and nobody has it? */
static int is_nowhere(const struct takeover *takeover, size_t i, size_t hooks)
{
	const char *word = takeover->rewrite.symbols.item[i];

	return takeover->asked[i] && !takeover->found[i] && !takeover->seen[i] &&
	       !strchr(word, ':') &&
	       strings_has(&takeover->hooks[hooks].names, word);
}

int takeover_must_search(const struct takeover *takeover, size_t hooks)
{
	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++)
		if (is_nowhere(takeover, i, hooks))
			return 1;
	return 0;
}

/* Of those that are static. */
static void list_lacks(const struct takeover *takeover, size_t hooks,
		       struct strings *lacks)
{
	const struct strings *names = &takeover->hooks[hooks].names;

	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++)
		if (!takeover->found[i] && takeover->lacks[i] &&
		    strings_has(names, takeover->rewrite.as.item[i]))
			strings_add(lacks, takeover->lacks[i]);
}

/* Return: NULL when there are none. */
static char *join_lacks(struct strings *lacks)
{
	char *text = NULL;

	for (size_t i = 0; i < lacks->nr; i++) {
		char *before = text;

		text = xasprintf("%s%s%s", before ? before : "",
				 before ? "; " : "", lacks->item[i]);
		free(before);
	}
	strings_free(lacks);
	return text;
}

char *takeover_lacks(const struct takeover *takeover, size_t hooks)
{
	struct strings lacks = { 0 };

	list_lacks(takeover, hooks, &lacks);
	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++)
		if (is_nowhere(takeover, i, hooks))
			strings_addf(&lacks, "no object or archive of this link "
				     "has %s, which is misspelt, or in a shared "
				     "library", takeover->rewrite.symbols.item[i]);
	return join_lacks(&lacks);
}

char *takeover_missing(const struct takeover *takeover, size_t hooks)
{
	const struct strings *names = &takeover->hooks[hooks].names;
	const char *first = strings_has(names, "malloc") ? "malloc"
							 : names->item[0];
	struct strings some = { 0 }, statics = { 0 };
	char *others, *lacks, *text;

	for (size_t i = 0; i < names->nr && some.nr < 3; i++)
		if (!streq(names->item[i], first))
			strings_add(&some, as_asked(takeover, names->item[i]));
	if (names->nr > some.nr + 1)
		strings_addf(&some, "%zu more", names->nr - some.nr - 1);
	others = strings_join(&some, ", ");
	list_lacks(takeover, hooks, &statics);
	lacks = join_lacks(&statics);
	text = xasprintf("%s: no object of this link defines %s%s%s%s%s%s%s",
			 takeover->hooks[hooks].path, as_asked(takeover, first),
			 some.nr ? " (nor " : "", others, some.nr ? ")" : "",
			 lacks ? " (" : "", lacks ? lacks : "", lacks ? ")" : "");
	free(lacks);
	free(others);
	strings_free(&some);
	return text;
}

/* The output has no X: none is exported, and none is there to be called. */
static char *tailor_absent(struct elf_edit *elf, const char *name)
{
	size_t real = find_named(elf, "__real_", name), absent;
	Elf64_Sym like;

	if (!real || elf_symbol_section(elf, real))
		return NULL;
	absent = find_named(elf, "__mallochooks_absent_", name);
	if (!absent || !elf_symbol_section(elf, absent) ||
	    elf_symbol_section(elf, absent) == ELF_NOWHERE)
		return xasprintf("%s: no object of this link defines it, and the "
				 "hooks have no __mallochooks_absent_%s to call "
				 "in its place: compose them by \"mallochooks "
				 "stack --method=replace\"", name, name);
	like = *elf_symbol(elf, absent);
	like.st_name = elf_symbol(elf, real)->st_name;
	like.st_other = (like.st_other & ~3) | STV_HIDDEN;
	*elf_own_symbol(elf, real) = like;
	elf_set_section(elf, real, elf_symbol_section(elf, absent));
	return NULL;
}

static void hide(struct elf_edit *elf, const char *name)
{
	char *unused = xasprintf("__mallochooks_unused_%s", name);
	size_t symbol = find_global(elf, name);
	Elf64_Word at = elf_add_name(elf, unused);
	Elf64_Sym *sym = elf_own_symbol(elf, symbol);

	sym->st_name = at;
	sym->st_other = (sym->st_other & ~3) | STV_HIDDEN;
	free(unused);
}

static int is_debug(const struct elf_edit *elf, size_t section)
{
	const char *name = elf_section_name(elf, section);

	return !(elf->sections[section].hdr.sh_flags & SHF_ALLOC) &&
	       (starts_with(name, ".debug_") || starts_with(name, ".zdebug_"));
}

/* Relocations first: what they are for must still have its name. */
static void drop_debug(struct elf_edit *elf)
{
	for (size_t i = 1; i < elf->nr; i++) {
		const Elf64_Shdr *hdr = &elf->sections[i].hdr;

		if ((hdr->sh_type == SHT_RELA || hdr->sh_type == SHT_REL) &&
		    is_debug(elf, hdr->sh_info))
			elf_drop(elf, i);
	}
	for (size_t i = 1; i < elf->nr; i++)
		if (elf->sections[i].hdr.sh_type == SHT_PROGBITS &&
		    is_debug(elf, i))
			elf_drop(elf, i);
	elf_leave_groups(elf);
}

unsigned char *takeover_tailor(const struct takeover *takeover, size_t hooks,
			       size_t *bytes, char **problem)
{
	const struct hooks *these = &takeover->hooks[hooks];
	unsigned char *data = NULL;
	struct elf_edit elf;

	*problem = NULL;
	elf_open(&elf, these->data, these->bytes);
	for (size_t i = 0; !*problem && i < these->names.nr; i++) {
		const char *name = these->names.item[i];

		if (!is_found(takeover, name, 1))
			*problem = tailor_absent(&elf, name);
		if (!is_found(takeover, name, 0))
			hide(&elf, name);
	}
	if (!takeover->keep_debug)
		drop_debug(&elf);
	if (*problem) {
		char *where = xasprintf("%s: %s", these->path, *problem);

		free(*problem);
		*problem = where;
	} else {
		data = elf_write(&elf, bytes);
	}
	elf_close(&elf);
	return data;
}
