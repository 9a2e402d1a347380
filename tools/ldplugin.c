// SPDX-License-Identifier: MIT
/*
 * ldplugin.c - hooks in an ordinary link: a plugin of ld.bfd and ld.gold
 *
 *	cc ... -Wl,-plugin,ldplugin.so,-plugin-opt,hooks=HOOKS.o
 *
 * Each file or archive member that defines a function X of the hooks is claimed,
 * as a plugin for link-time optimisation claims its own: the linker goes on with
 * the symbols that we tell it, those that the file has.  When all are read, the
 * rewritten files and the hooks, tailored to what was found (takeover.h), are
 * added in place of it.  That keeps the order of archives, the rules of weak and
 * double definitions, and what of libc.a is needed, as they are without us.
 *
 * Other words of -plugin-opt: symbol=X, symbol=FILE:X, self=thunk|direct|real,
 * aliases, debug, if-absent=ignore.
 *
 * The new objects are files in memory, where there are such: nothing is left
 * behind, whatever becomes of the link, and the names that -Map shows are the same
 * each time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "elfedit.h"
#include "ldplugin-api.h"
#include "ldplugin.h"

#define FIRST_FD	200	/* ours, whatever make has left open */

/**
 * struct claim - a file that is ours
 * @where:	it, for messages
 * @name:	it, for "FILE:X"
 * @symbols:	@nr that were told to the linker, which keeps pointers to them;
 *		their names lie in @data, or are @cut
 * @cut:	names without a version
 */
struct claim {
	char *where;
	char *name;
	void *handle;
	unsigned char *data;
	size_t bytes;
	struct linker_symbol *symbols;
	size_t nr;
	struct strings cut;
};

static struct {
	const struct linker_value *add_symbols, *get_symbols, *add_input_file;
	const struct linker_value *message;
	int is_registered;
	int output;		/* enum linker_output */
	int is_ready;		/* the options were looked at */
	int ignore_absent;
	struct strings hooks, symbols;
	struct strings errors;
	struct strings files;	/* to be removed */
	struct takeover takeover;
	struct claim *claims;
	size_t nr_claims;
} plugin;

/* Nobody wants to read what a link says that goes on without its allocator. */
static void report_errors(void)
{
	for (size_t i = 0; i < plugin.errors.nr; i++) {
		int last = i + 1 == plugin.errors.nr;

		text_clean(plugin.errors.item[i]);
		plugin.message->u.message(last ? LINKER_FATAL : LINKER_ERROR,
					  "mallochooks: %s",
					  plugin.errors.item[i]);
	}
	strings_free(&plugin.errors);
}

static void add_problem(char *problem)
{
	if (problem)
		strings_add(&plugin.errors, problem);
	free(problem);
}

/* ---- options ---------------------------------------------------------------- */

static void take_option(const char *word)
{
	char *problem;

	if (starts_with(word, "hooks=")) {
		strings_add(&plugin.hooks, word + strlen("hooks="));
	} else if (starts_with(word, "symbol=")) {
		strings_add(&plugin.symbols, word + strlen("symbol="));
	} else if (starts_with(word, "self=")) {
		problem = takeover_set_self(&plugin.takeover,
					    word + strlen("self="));
		if (problem)
			strings_addf(&plugin.errors, "-plugin-opt %s: %s", word,
				     problem);
		free(problem);
	} else if (streq(word, "aliases")) {
		plugin.takeover.rewrite.aliases = 1;
	} else if (streq(word, "debug")) {
		plugin.takeover.keep_debug = 1;
	} else if (streq(word, "if-absent=ignore")) {
		plugin.ignore_absent = 1;
	} else if (!streq(word, "if-absent=error")) {
		strings_addf(&plugin.errors, "-plugin-opt %s: unknown: hooks=FILE, "
			     "symbol=X, symbol=FILE:X, self=thunk|direct|real, "
			     "aliases, debug, if-absent=error|ignore are known", word);
	}
}

/* They come with each word -plugin: at once from bfd, one by one from gold. */
static int is_ready(void)
{
	if (plugin.is_ready)
		return plugin.takeover.nr_hooks > 0;
	plugin.is_ready = 1;
	if (!plugin.hooks.nr)
		strings_add(&plugin.errors, "no hooks: say -plugin-opt,hooks=FILE "
			    "with the object that \"mallochooks stack "
			    "--method=replace -o\" made");
	for (size_t i = 0; i < plugin.hooks.nr; i++)
		add_problem(takeover_add_hooks(&plugin.takeover,
					       plugin.hooks.item[i]));
	for (size_t i = 0; !plugin.errors.nr && i < plugin.symbols.nr; i++)
		add_problem(takeover_add_symbol(&plugin.takeover,
						plugin.symbols.item[i]));
	if (plugin.errors.nr)
		takeover_close(&plugin.takeover);
	report_errors();
	return plugin.takeover.nr_hooks > 0;
}

/* ---- the symbols of a file, for the linker ---------------------------------- */

static char kind_of(const struct elf_edit *elf, size_t symbol)
{
	const Elf64_Sym *sym = elf_symbol(elf, symbol);
	int weak = ELF64_ST_BIND(sym->st_info) == STB_WEAK;

	if (sym->st_shndx == SHN_COMMON)
		return LINKER_COMMON;
	if (!elf_symbol_section(elf, symbol))
		return weak ? LINKER_WEAK_UNDEFINED : LINKER_UNDEFINED;
	return weak ? LINKER_WEAK : LINKER_DEFINED;
}

static int visibility_of(const Elf64_Sym *sym)
{
	static const int visibilities[] = {
		[STV_DEFAULT] = LINKER_DEFAULT,
		[STV_INTERNAL] = LINKER_INTERNAL,
		[STV_HIDDEN] = LINKER_HIDDEN,
		[STV_PROTECTED] = LINKER_PROTECTED,
	};

	return visibilities[ELF64_ST_VISIBILITY(sym->st_other)];
}

static const char *signature_of(const struct elf_edit *elf, size_t group)
{
	size_t symbol = elf->sections[group].hdr.sh_info;

	if (ELF64_ST_TYPE(elf_symbol(elf, symbol)->st_info) != STT_SECTION)
		return elf_symbol_name(elf, symbol);
	return elf_section_name(elf, elf_symbol_section(elf, symbol));
}

/* For each section, the signature of the COMDAT group that it is in, or NULL. */
static const char **comdats_of(const struct elf_edit *elf)
{
	const char **comdats = xcalloc(elf->nr, sizeof(*comdats));

	for (size_t i = 1; i < elf->nr; i++) {
		const Elf32_Word *word =
			(const Elf32_Word *)elf->sections[i].data;

		if (elf->sections[i].hdr.sh_type != SHT_GROUP ||
		    !(word[0] & GRP_COMDAT))
			continue;
		for (size_t k = 1; k < elf->sections[i].bytes / sizeof(*word);
		     k++)
			comdats[word[k]] = signature_of(elf, i);
	}
	return comdats;
}

static int was_told(const struct claim *claim, const char *name)
{
	for (size_t i = 0; i < claim->nr; i++)
		if (streq(claim->symbols[i].name, name))
			return 1;
	return 0;
}

/* The linker's type has pointers to what may be changed, and it changes none. */
static void tell_symbol(struct claim *claim, const struct elf_edit *elf,
			size_t i, const char *name, const char *const *comdats)
{
	const Elf64_Sym *sym = elf_symbol(elf, i);
	struct linker_symbol *told = &claim->symbols[claim->nr++];
	size_t section = elf_symbol_section(elf, i);

	told->name = (char *)name;
	told->kind = kind_of(elf, i);
	told->visibility = visibility_of(sym);
	told->size = sym->st_size;
	if (section && section != ELF_NOWHERE && comdats[section])
		told->comdat = (char *)comdats[section];
}

static const char *cut_name(struct claim *claim, const char *name,
			    const char *at)
{
	strings_addf(&claim->cut, "%.*s", (int)(at - name), name);
	return claim->cut.item[claim->cut.nr - 1];
}

/*
 * X@@V is told as X: gold would take it, and that of the rewritten object, for
 * two default versions of X.  Then X by itself, which may be there too, is told
 * already.  What is linked to X@V has been linked long ago.
 */
static void tell_symbols(struct claim *claim, const struct elf_edit *elf,
			 int versioned, const char *const *comdats)
{
	size_t nr_versioned = claim->nr;

	for (size_t i = 1; i < elf_nr_symbols(elf); i++) {
		const char *name = elf_symbol_name(elf, i);
		const char *at = strchr(name, '@');

		if (ELF64_ST_BIND(elf_symbol(elf, i)->st_info) == STB_LOCAL ||
		    !*name || versioned != (at && at[1] == '@') ||
		    (at && !versioned) ||
		    (nr_versioned && was_told(claim, name)))
			continue;
		tell_symbol(claim, elf, i, at ? cut_name(claim, name, at) : name,
			    comdats);
	}
}

static void list_symbols(struct claim *claim, const struct elf_edit *elf)
{
	const char **comdats = comdats_of(elf);

	claim->symbols = xcalloc(elf_nr_symbols(elf), sizeof(*claim->symbols));
	tell_symbols(claim, elf, 1, comdats);
	tell_symbols(claim, elf, 0, comdats);
	free(comdats);
}

/* ---- files that are shown --------------------------------------------------- */

/* A piece of a file where it lies.  @map: NULL when that is @last. */
struct piece {
	void *map;
	size_t mapped;
	const unsigned char *data;
	size_t bytes;
};

/* @bytes: -1 for all. What is cut off is for the linker to complain about. */
static int piece_open(struct piece *piece, int fd, off_t offset, off_t bytes)
{
	off_t before = offset % sysconf(_SC_PAGESIZE);
	struct stat st;

	if (fstat(fd, &st) || offset < 0 || offset >= st.st_size)
		return -1;
	if (bytes < 0)
		bytes = st.st_size - offset;
	if (bytes > st.st_size - offset)
		return -1;
	piece->mapped = (size_t)(before + bytes);
	piece->map = mmap(NULL, piece->mapped, PROT_READ, MAP_PRIVATE, fd,
			  offset - before);
	if (piece->map == MAP_FAILED)
		return -1;
	piece->data = (unsigned char *)piece->map + before;
	piece->bytes = (size_t)bytes;
	return 0;
}

static void piece_close(struct piece *piece)
{
	if (piece->map)
		munmap(piece->map, piece->mapped);
}

/*
 * The archive that a member was shown of last; the next is often its, too.
 * @is_read: @archive is, which only needs whoever claims
 */
static struct {
	struct stat st;
	struct piece whole;
	struct archive archive;
	int is_open;
	int is_read;
} last;

static void close_last(void)
{
	if (last.is_read)
		archive_close(&last.archive);
	if (last.is_open)
		piece_close(&last.whole);
	last.is_open = last.is_read = 0;
}

static int open_last(const struct linker_file *file)
{
	struct stat st;

	if (fstat(file->fd, &st))
		return -1;
	if (last.is_open && last.st.st_dev == st.st_dev &&
	    last.st.st_ino == st.st_ino)
		return 0;
	close_last();
	if (piece_open(&last.whole, file->fd, 0, -1))
		return -1;
	last.st = st;
	last.is_open = 1;
	return 0;
}

static int piece_show(struct piece *piece, const struct linker_file *file)
{
	if (!file->offset || open_last(file))
		return piece_open(piece, file->fd, file->offset, file->bytes);
	if (file->offset < 0 || (size_t)file->offset > last.whole.bytes ||
	    (size_t)file->bytes > last.whole.bytes - (size_t)file->offset)
		return -1;
	*piece = (struct piece){ NULL, 0, last.whole.data + file->offset,
				 (size_t)file->bytes };
	return 0;
}

/* The linker only says which archive it is in, and where. */
static char *member_at(const struct linker_file *file)
{
	if (!file->offset || open_last(file) ||
	    !archive_is(last.whole.data, last.whole.bytes))
		return NULL;
	if (!last.is_read)
		free(archive_open(&last.archive, file->name, last.whole.data,
				  last.whole.bytes));
	last.is_read = 1;
	for (size_t i = 0; i < last.archive.nr; i++)
		if (last.archive.members[i].data ==
		    last.whole.data + file->offset)
			return xstrdup(last.archive.members[i].name);
	return NULL;
}

static struct claim *new_claim(const struct linker_file *file,
			       const struct piece *piece)
{
	char *member = member_at(file);
	struct claim *claim;

	plugin.claims = xrealloc(plugin.claims, (plugin.nr_claims + 1) *
						sizeof(*plugin.claims));
	claim = &plugin.claims[plugin.nr_claims];
	memset(claim, 0, sizeof(*claim));
	claim->name = xstrdup(base_name(member ? member : file->name));
	claim->where = member ? xasprintf("%s(%s)", file->name, member)
			      : xstrdup(file->name);
	claim->handle = file->handle;
	claim->bytes = piece->bytes;
	claim->data = xrealloc(NULL, piece->bytes);
	memcpy(claim->data, piece->data, piece->bytes);
	free(member);
	return claim;
}

static void free_claim(struct claim *claim)
{
	free(claim->symbols);
	strings_free(&claim->cut);
	free(claim->where);
	free(claim->name);
	free(claim->data);
}

static void add_errors(const struct claim *claim,
		       const struct rewrite_result *result)
{
	for (size_t i = 0; i < result->errors.nr; i++)
		strings_addf(&plugin.errors, "%s: %s", claim->where,
			     result->errors.item[i]);
}

/* It cannot be claimed: say what it is, and end. */
static void refuse(const struct claim *claim)
{
	struct rewrite_result result;

	takeover_object(&plugin.takeover, claim->name, claim->data,
			claim->bytes, &result);
	add_errors(claim, &result);
	rewrite_result_free(&result);
	report_errors();
}

static int take_claim(struct claim *claim)
{
	struct elf_edit elf;
	int good = !elf_open(&elf, claim->data, claim->bytes) &&
		   !takeover_is_hooks(&plugin.takeover, claim->data,
				      claim->bytes);

	if (good)
		list_symbols(claim, &elf);
	elf_close(&elf);
	if (!good) {
		refuse(claim);
		return 0;
	}
	if (plugin.add_symbols->u.add_symbols(claim->handle, (int)claim->nr,
					      claim->symbols) == LINKER_OK)
		return 1;
	strings_addf(&plugin.errors, "%s: the linker does not take its symbols",
		     claim->where);
	report_errors();
	return 0;
}

/* Is a static function wanted of it? */
static int is_named(const struct linker_file *file)
{
	char *member;
	int is;

	if (!takeover_is_named(&plugin.takeover, NULL))
		return 0;
	member = member_at(file);
	is = takeover_is_named(&plugin.takeover,
			       base_name(member ? member : file->name));
	free(member);
	return is;
}

static enum linker_status claim_file(const struct linker_file *file,
				     int *claimed)
{
	struct piece piece;
	struct claim *claim;

	*claimed = 0;
	if (!is_ready() || !file->bytes || piece_show(&piece, file))
		return LINKER_OK;
	if (is_named(file) ||
	    takeover_concerns(&plugin.takeover, NULL, piece.data,
			      piece.bytes)) {
		claim = new_claim(file, &piece);
		if (takeover_concerns(&plugin.takeover, claim->name,
				      claim->data, claim->bytes) &&
		    take_claim(claim))
			*claimed = 1;
		if (*claimed)
			plugin.nr_claims++;
		else
			free_claim(claim);
	}
	piece_close(&piece);
	return LINKER_OK;
}

/* ---- files that are added --------------------------------------------------- */

static int write_all(int fd, const unsigned char *data, size_t bytes)
{
	while (bytes) {
		ssize_t nr = write(fd, data, bytes);

		if (nr < 0 && errno == EINTR)
			continue;
		if (nr <= 0)
			return -1;
		data += nr;
		bytes -= (size_t)nr;
	}
	return 0;
}

/* Open until the linker ends, which may open it more than once.
 * Return: its path, to be freed, or NULL. */
static char *file_in_memory(const char *name, const void *data, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC), high;
	char *path = NULL;

	if (fd < 0)
		return NULL;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
	if (high >= 0) {
		close(fd);
		fd = high;
	}
	if (!write_all(fd, data, bytes))
		path = xasprintf("/proc/self/fd/%d", fd);
	if (path && !access(path, R_OK))
		return path;
	free(path);
	close(fd);
	return NULL;
}

/* Where there is no /proc, or no file in memory.  A signal that ends the link may
 * leave it there. */
static char *file_on_disk(const void *data, size_t bytes)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/mallochooks-XXXXXX.o",
			       dir && *dir ? dir : "/tmp");
	int fd = mkostemps(path, 2, O_CLOEXEC), bad = fd < 0;

	if (fd >= 0) {
		strings_add(&plugin.files, path);
		bad = write_all(fd, data, bytes);
		bad |= close(fd);
	}
	if (!bad)
		return path;
	strings_addf(&plugin.errors, "cannot write %s: %s: set TMPDIR to a "
		     "directory with room for it", path, strerror(errno));
	free(path);
	return NULL;
}

static void add_file(const char *name, const void *data, size_t bytes)
{
	char *path = file_in_memory(name, data, bytes);

	if (!path)
		path = file_on_disk(data, bytes);
	if (path && plugin.add_input_file->u.add_input_file(path) != LINKER_OK)
		strings_addf(&plugin.errors, "%s: the linker does not take the "
			     "rewritten object", name);
	free(path);
}

/* A member of an archive may have been seen, and not been wanted. */
static int is_linked(const struct claim *claim)
{
	return !claim->nr ||
	       plugin.get_symbols->u.get_symbols(claim->handle, (int)claim->nr,
						 claim->symbols) !=
	       LINKER_NO_SYMBOLS;
}

static int is_claimed(const char *symbol)
{
	for (size_t i = 0; i < plugin.nr_claims; i++)
		for (size_t k = 0; k < plugin.claims[i].nr; k++) {
			const struct linker_symbol *told =
				&plugin.claims[i].symbols[k];

			if ((told->kind == LINKER_DEFINED ||
			     told->kind == LINKER_WEAK ||
			     told->kind == LINKER_COMMON) &&
			    streq(told->name, symbol))
				return 1;
		}
	return 0;
}

/* The plugin for LTO has been told that nobody but plugins' files, whose code it
 * has, refers to these; "undefined reference" would be all that the user sees. */
static void warn_of_lto(const struct claim *claim)
{
	struct strings words = { 0 };
	char *text;

	for (size_t i = 0; i < claim->nr; i++) {
		const struct linker_symbol *told = &claim->symbols[i];

		if (told->kind == LINKER_UNDEFINED &&
		    told->resolution == LINKER_RESOLVED_BY_PLUGIN &&
		    !is_claimed(told->name))
			strings_add(&words, told->name);
	}
	if (words.nr)
		ldplugin_drop_kept(&words);
	text = strings_join(&words, " -Wl,-u,");
	text_clean(text);
	if (words.nr)
		plugin.message->u.message(LINKER_WARNING, "mallochooks: %s: "
			"refers to functions or data of objects compiled with "
			"-flto, which may go away as unused: link with -Wl,-u,%s",
			claim->where, text);
	free(text);
	strings_free(&words);
}

static void add_claim(const struct claim *claim)
{
	struct rewrite_result result;

	if (!is_linked(claim))
		return;
	if (plugin.output != LINKER_OUTPUT_SHARED)
		warn_of_lto(claim);
	takeover_object(&plugin.takeover, claim->name, claim->data,
			claim->bytes, &result);
	add_errors(claim, &result);
	if (result.data)
		add_file(claim->name, result.data, result.bytes);
	rewrite_result_free(&result);
}

static void add_missing(size_t hooks)
{
	char *missing = takeover_missing(&plugin.takeover, hooks);
	struct strings later = { 0 };
	char *names;

	ldplugin_find_lto(&plugin.takeover, &later);
	names = strings_join(&later, "; ");
	if (later.nr)
		strings_addf(&plugin.errors, "%s in code that could be hooked: %s",
			     missing, names);
	else if (!plugin.ignore_absent)
		strings_addf(&plugin.errors, "%s: for those of a shared library "
			     "or of libc compose the stack with --method=preload "
			     "or --method=wrap; to link without hooks say "
			     "-plugin-opt,if-absent=ignore", missing);
	free(names);
	free(missing);
	strings_free(&later);
}

/* Of several functions some may be missing: of those that have a place, or were asked
 * for by name, it is said. */
static void warn_of_lacks(size_t hooks)
{
	char *lacks;

	if (takeover_must_search(&plugin.takeover, hooks))
		ldplugin_search(&plugin.takeover);
	lacks = takeover_lacks(&plugin.takeover, hooks);
	if (lacks)
		plugin.message->u.message(LINKER_WARNING, "mallochooks: %s: not "
			"hooked: %s", plugin.takeover.hooks[hooks].path, lacks);
	free(lacks);
}

/* An allocator of which a function was compiled with -flto. */
static void refuse_lto(size_t hooks)
{
	struct strings later = { 0 };
	char *names;

	if (!takeover_is_part(&plugin.takeover, hooks))
		return;
	ldplugin_find_lto(&plugin.takeover, &later);
	names = strings_join(&later, "; ");
	if (later.nr)
		strings_addf(&plugin.errors, "%s: a part of the allocator cannot "
			     "be hooked: %s", plugin.takeover.hooks[hooks].path,
			     names);
	free(names);
	strings_free(&later);
}

static void add_hooks(size_t hooks)
{
	char *problem = NULL;
	unsigned char *data;
	size_t bytes;

	if (!takeover_found(&plugin.takeover, hooks)) {
		add_missing(hooks);
		data = takeover_stub(&plugin.takeover, hooks, &bytes);
	} else {
		refuse_lto(hooks);
		warn_of_lacks(hooks);
		data = takeover_tailor(&plugin.takeover, hooks, &bytes,
				       &problem);
		add_problem(problem);
	}
	if (data)
		add_file(base_name(plugin.takeover.hooks[hooks].path), data,
			 bytes);
	free(data);
}

static enum linker_status symbols_read(void)
{
	close_last();
	if (!is_ready())
		return LINKER_OK;
	for (size_t i = 0; i < plugin.nr_claims; i++)
		add_claim(&plugin.claims[i]);
	for (size_t i = 0; !plugin.errors.nr && i < plugin.takeover.nr_hooks;
	     i++)
		add_hooks(i);
	report_errors();
	return LINKER_OK;
}

static enum linker_status clean_up(void)
{
	for (size_t i = 0; i < plugin.files.nr; i++)
		unlink(plugin.files.item[i]);
	strings_free(&plugin.files);
	return LINKER_OK;
}

/* ---- the linker's end ------------------------------------------------------- */

/* gold calls this once for each word -plugin, and would call the handlers as
 * often as they are registered. */
static enum linker_status register_with(const struct linker_value *claim,
					const struct linker_value *read,
					const struct linker_value *cleanup)
{
	if (plugin.is_registered)
		return LINKER_OK;
	plugin.is_registered = 1;
	if (claim->u.register_claim(claim_file) != LINKER_OK ||
	    read->u.register_handler(symbols_read) != LINKER_OK)
		return LINKER_FAILED;
	return cleanup ? cleanup->u.register_handler(clean_up) : LINKER_OK;
}

static const struct linker_value *find_value(const struct linker_value *values,
					     int tag)
{
	for (; values->tag != LINKER_END; values++)
		if (values->tag == tag)
			return values;
	return NULL;
}

/* Copies, because the array is the linker's. */
static const struct linker_value *keep_value(const struct linker_value *values,
					     int tag)
{
	const struct linker_value *value = find_value(values, tag);
	struct linker_value *copy;

	if (!value)
		return NULL;
	copy = xcalloc(1, sizeof(*copy));
	*copy = *value;
	return copy;
}

static int keep_values(const struct linker_value *values)
{
	static const int versions[] = {
		LINKER_GET_SYMBOLS_V3, LINKER_GET_SYMBOLS_V2,
		LINKER_GET_SYMBOLS,
	};

	if (plugin.message)
		return 0;
	plugin.message = keep_value(values, LINKER_MESSAGE);
	plugin.add_symbols = keep_value(values, LINKER_ADD_SYMBOLS);
	plugin.add_input_file = keep_value(values, LINKER_ADD_INPUT_FILE);
	for (size_t i = 0; !plugin.get_symbols && i < ARRAY_SIZE(versions); i++)
		plugin.get_symbols = keep_value(values, versions[i]);
	return plugin.message && plugin.add_symbols && plugin.add_input_file &&
	       plugin.get_symbols ? 0 : -1;
}

enum linker_status onload(struct linker_value *values)
{
	const struct linker_value *claim, *read, *output;

	tool_command = "ldplugin";
	output = find_value(values, LINKER_OUTPUT_TYPE);
	claim = find_value(values, LINKER_REGISTER_CLAIM_FILE);
	read = find_value(values, LINKER_REGISTER_SYMBOLS_READ);
	/* nm and ar ask plugins too, but link nothing. */
	if (!output || !claim || !read || keep_values(values))
		return LINKER_OK;
	/* The hooks come with the link that ends it. */
	plugin.output = output->u.number;
	if (plugin.output == LINKER_OUTPUT_RELOCATABLE) {
		add_problem(ldplugin_leave_guard());
		report_errors();
		return LINKER_OK;
	}
	for (const struct linker_value *at = values; at->tag != LINKER_END; at++)
		if (at->tag == LINKER_OPTION)
			take_option(at->u.string);
	return register_with(claim, read,
			     find_value(values, LINKER_REGISTER_CLEANUP));
}
