// SPDX-License-Identifier: MIT
/*
 * ldfiles.c - the files of a link, and what stands for them
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elfedit.h"
#include "ldfiles.h"
#include "ldrun.h"
#include "rewrite-lto.h"

enum { NESTED_MOST = 16 };

/* Of link_file.concerns: what the linker compiles itself. */
enum { LATE = 2 };

/* ---- reading ----------------------------------------------------------------------- */

static void *map_file(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *data = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, st) && S_ISREG(st->st_mode) && st->st_size)
		data = mmap(NULL, st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return data == MAP_FAILED ? NULL : data;
}

/* What does not matter goes, so that a large link needs no memory twice. */
static void drop(struct link_file *file)
{
	if (file->kind == FILE_ARCHIVE)
		archive_close(&file->archive);
	if (file->data)
		munmap(file->data, file->bytes);
	file->data = NULL;
	file->kind = FILE_OTHER;
}

static int any_concerns(const struct link_file *file)
{
	for (size_t i = 0; i < file->nr; i++)
		if (file->concerns[i])
			return 1;
	return 0;
}

static unsigned char look_at(const struct link *link, const char *name,
			     const void *data, size_t bytes)
{
	const struct rewrite_options *options = &link->takeover->rewrite;
	struct strings errors = { 0 };
	struct elf_edit elf;
	int is_late;

	name = base_name(name);
	if (!takeover_concerns(link->takeover, name, data, bytes))
		return 0;
	if (!elf_is(data, bytes))
		return LATE;
	if (!elf_open(&elf, data, bytes))
		rewrite_lto(&elf, options, &errors);
	elf_close(&elf);
	is_late = errors.nr > 0;
	strings_free(&errors);
	return is_late ? LATE : 1;
}

static void look_at_members(const struct link *link, struct link_file *file)
{
	char *problem = archive_open(&file->archive, file->path, file->data,
				     file->bytes);

	file->kind = FILE_ARCHIVE;
	/* The linker will say it, if it matters. */
	if (!problem)
		file->nr = file->archive.nr;
	free(problem);
	file->concerns = xcalloc(file->nr, 1);
	for (size_t i = 0; i < file->nr; i++) {
		const struct member *member = &file->archive.members[i];

		file->concerns[i] = look_at(link, member->name, member->data,
					    member->bytes);
	}
}

static void look_at_object(const struct link *link, struct link_file *file)
{
	file->kind = FILE_OBJECT;
	file->nr = 1;
	file->concerns = xcalloc(1, 1);
	file->concerns[0] = look_at(link, file->path, file->data, file->bytes);
}

static struct link_file *read_name(struct link *link,
				   const struct link_file *script,
				   const char *name, const struct ld_word *word,
				   int depth);

static void look_into(struct link *link, struct link_file *file,
		      const struct ld_word *word, int depth)
{
	file->kind = FILE_SCRIPT;
	script_open(&file->script, file->data, file->bytes);
	file->named = xcalloc(file->script.nr, sizeof(*file->named));
	for (size_t i = 0; i < file->script.nr && depth < NESTED_MOST; i++)
		file->named[i] = read_name(link, file,
					   file->script.names[i].name, word,
					   depth + 1);
}

static struct link_file *known(const struct link *link, const struct stat *st)
{
	for (size_t i = 0; i < link->nr; i++)
		if (link->files[i]->dev == st->st_dev &&
		    link->files[i]->ino == st->st_ino)
			return link->files[i];
	return NULL;
}

static struct link_file *add_file(struct link *link, const char *path,
				  const struct stat *st, void *data)
{
	struct link_file *file = xcalloc(1, sizeof(*file));

	link->files = xrealloc(link->files, (link->nr + 1) *
					    sizeof(*link->files));
	link->files[link->nr++] = file;
	file->path = xstrdup(path);
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	file->data = data;
	file->bytes = st->st_size;
	return file;
}

static void note_state(struct link_file *file, const struct ld_word *word)
{
	if (file->kind == FILE_ARCHIVE ? word->is_whole : !word->is_lazy)
		file->is_certain = 1;
}

/* Return: the file, NULL when it is none that could be read. */
static struct link_file *read_path(struct link *link, const char *path,
				   const struct ld_word *word, int depth)
{
	struct link_file *file;
	struct stat st;
	void *data = path ? map_file(path, &st) : NULL;

	if (!data)
		return NULL;
	file = known(link, &st);
	if (file) {
		munmap(data, st.st_size);
		note_state(file, word);
		return file;
	}
	file = add_file(link, path, &st, data);
	if (archive_is(data, file->bytes))
		look_at_members(link, file);
	else if (!elf_is(data, file->bytes) && script_is(data, file->bytes))
		look_into(link, file, word, depth);
	else
		look_at_object(link, file);
	note_state(file, word);
	if (file->kind != FILE_SCRIPT && !any_concerns(file))
		drop(file);
	return file;
}

/* ---- names ------------------------------------------------------------------------------ */

static int is_under(const char *path, const char *dir)
{
	char *real = realpath(path, NULL), *root = realpath(dir, NULL);
	size_t nr = root ? strlen(root) : 0;
	int under;

	if (nr && root[nr - 1] == '/')
		nr--;
	under = real && root && !strncmp(real, root, nr) && real[nr] == '/';
	free(real);
	free(root);
	return under;
}

/*
 * A file that a script names.  With a sysroot "/x" is in there when the script
 * is.  lld looks for "x" beside the script first.
 */
static char *script_path(const struct ld_args *args, const char *script,
			 const char *name)
{
	const char *sysroot = args->sysroot ? args->sysroot : "";
	char *path;

	if (*name == '/')
		return xasprintf("%s%s", *sysroot && is_under(script, sysroot) ?
				 sysroot : "", name);
	if (*name == '=')
		return xasprintf("%s%s", sysroot, name + 1);
	if (args->flavour == LD_LLD) {
		path = xasprintf("%.*s%s", (int)(base_name(script) - script),
				 script, name);
		if (is_file(path))
			return path;
		free(path);
	}
	if (is_file(name))
		return xstrdup(name);
	return ld_args_search(args, name);
}

static struct link_file *read_name(struct link *link,
				   const struct link_file *script,
				   const char *name, const struct ld_word *word,
				   int depth)
{
	struct link_file *file;
	char *path;

	if (starts_with(name, "-l"))
		path = ld_args_library(link->args, name + 2, word->is_static);
	else
		path = script_path(link->args, script->path, name);
	file = read_path(link, path, word, depth);
	free(path);
	return file;
}

static struct link_file *read_word(struct link *link,
				   const struct ld_word *word)
{
	struct link_file *file;
	char *path = NULL;

	if (word->is_raw || word->role == LD_OPTION || word->role == LD_GUARD)
		return NULL;
	if (word->role == LD_LIBRARY)
		path = ld_args_library(link->args, word->name, word->is_static);
	else if (word->role == LD_SCRIPT && !is_file(word->name))
		path = ld_args_search(link->args, word->name);
	else
		path = xstrdup(word->name);
	file = read_path(link, path, word, 0);
	free(path);
	return file;
}

void link_open(struct link *link, const struct ld_args *args,
	       struct takeover *takeover)
{
	*link = (struct link){ .args = args, .takeover = takeover };
	link->of_word = xcalloc(args->nr, sizeof(*link->of_word));
	for (size_t i = 0; i < args->nr; i++)
		link->of_word[i] = read_word(link, &args->words[i]);
}

void link_close(struct link *link)
{
	for (size_t i = 0; i < link->nr; i++) {
		struct link_file *file = link->files[i];

		drop(file);
		script_close(&file->script);
		free(file->named);
		free(file->concerns);
		free(file->instead);
		free(file->path);
		free(file);
	}
	free(link->files);
	free(link->of_word);
	free(link->map);
}

/* ---- which members ---------------------------------------------------------------------- */

static int is_open(const struct link_file *file)
{
	return !file->is_certain && any_concerns(file);
}

int link_is_open(const struct link *link)
{
	for (size_t i = 0; i < link->nr; i++)
		if (is_open(link->files[i]))
			return 1;
	return 0;
}

static void put(struct link_file *file, const void *data, size_t bytes)
{
	free(file->instead);
	file->instead = temp_write(base_name(file->path), data, bytes);
}

static char *marked_name(const struct link_file *file, size_t i)
{
	return xasprintf("%zu.%s", i,
			 base_name(file->archive.members[i].name));
}

static void mark_members(struct link_file *file)
{
	struct archive copy = file->archive;
	unsigned char *data;
	size_t bytes;

	copy.members = xcalloc(copy.nr, sizeof(*copy.members));
	for (size_t i = 0; i < copy.nr; i++) {
		copy.members[i] = file->archive.members[i];
		copy.members[i].name = marked_name(file, i);
	}
	data = archive_write(&copy, &bytes);
	put(file, data, bytes);
	free(data);
	for (size_t i = 0; i < copy.nr; i++)
		free(copy.members[i].name);
	free(copy.members);
}

/* Return: whether a script names a file for which there is another now. */
static int has_moved(const struct link_file *script)
{
	for (size_t i = 0; i < script->script.nr; i++)
		if (script->named[i] && script->named[i]->instead)
			return 1;
	return 0;
}

/* From its new place it must find what it found from the old one. */
static void move_script(struct link_file *file)
{
	char **paths = xcalloc(file->script.nr, sizeof(*paths)), *text;
	size_t bytes;

	for (size_t i = 0; i < file->script.nr; i++) {
		const struct link_file *named = file->named[i];

		if (named && named->instead && strchr(named->instead, '"'))
			die("%s: a linker script cannot name a file with a \": "
			    "set another TMPDIR", named->instead);
		if (named && named->instead)
			paths[i] = named->instead;
		else if (named &&
			 !starts_with(file->script.names[i].name, "-l"))
			paths[i] = named->path;
	}
	text = script_write(&file->script, file->data, file->bytes, paths,
			    &bytes);
	put(file, text, bytes);
	free(text);
	free(paths);
}

/* Those that it names before it; each once, though they may name each other. */
static void settle(struct link_file *file, unsigned turn)
{
	if (!file || file->kind != FILE_SCRIPT || file->turn == turn)
		return;
	file->turn = turn;
	for (size_t i = 0; i < file->script.nr; i++)
		settle(file->named[i], turn);
	if (has_moved(file))
		move_script(file);
}

static void move_scripts(struct link *link)
{
	link->turn++;
	for (size_t i = 0; i < link->nr; i++)
		settle(link->files[i], link->turn);
}

void link_mark(struct link *link)
{
	for (size_t i = 0; i < link->nr; i++) {
		struct link_file *file = link->files[i];

		if (!is_open(file))
			continue;
		if (file->kind == FILE_ARCHIVE)
			mark_members(file);
		else
			put(file, file->data, file->bytes);
	}
	move_scripts(link);
}

/* Both linkers' maps have PATH:(SECTION) and PATH(MEMBER):(SECTION). */
static int is_taken(const struct link_file *file, size_t i, const char *map)
{
	char *name, *line;
	int taken;

	if (file->kind != FILE_ARCHIVE) {
		line = xasprintf("%s:(", file->instead);
	} else {
		name = marked_name(file, i);
		line = xasprintf("%s(%s):(", file->instead, name);
		free(name);
	}
	taken = !!strstr(map, line);
	free(line);
	return taken;
}

/* Code of LTO is in no map by the name of its file: see refuse_late(). */
void link_choose(struct link *link, char *map)
{
	link->map = map;
	for (size_t i = 0; i < link->nr; i++) {
		struct link_file *file = link->files[i];

		for (size_t k = 0; is_open(file) && k < file->nr; k++)
			if (file->concerns[k] == 1 && !is_taken(file, k, map))
				file->concerns[k] = 0;
	}
	for (size_t i = 0; i < link->nr; i++) {
		free(link->files[i]->instead);
		link->files[i]->instead = NULL;
	}
}

/* ---- rewriting ---------------------------------------------------------------------------- */

static int must_rewrite(const struct link_file *file, size_t i)
{
	return file->concerns[i] == 1 ||
	       (file->concerns[i] == LATE && file->is_certain);
}

static unsigned char *rewrite_one(struct link *link, const char *where,
				  const char *name, const void *data,
				  size_t *bytes, int *failed)
{
	struct rewrite_result result;
	unsigned char *new_data;

	takeover_object(link->takeover, name, data, *bytes, &result);
	for (size_t i = 0; i < result.errors.nr; i++) {
		text_clean(result.errors.item[i]);
		say("%s: %s", where, result.errors.item[i]);
		*failed = -1;
	}
	new_data = result.data;
	*bytes = result.bytes;
	result.data = NULL;
	rewrite_result_free(&result);
	return new_data;
}

/* What --exclude-libs says of an archive's X is to hold for the hook. */
static unsigned char *hide(const struct link *link, unsigned char *data,
			   size_t *bytes)
{
	const struct strings *symbols = &link->takeover->rewrite.symbols;
	struct elf_edit elf;
	unsigned char *hidden = NULL;

	if (!elf_open(&elf, data, *bytes)) {
		for (size_t i = 1; i < elf_nr_symbols(&elf); i++)
			if (!elf_symbol_section(&elf, i) &&
			    strings_has(symbols, elf_symbol_name(&elf, i)))
				elf_own_symbol(&elf, i)->st_other = STV_HIDDEN;
		hidden = elf_write(&elf, bytes);
		free(data);
	}
	elf_close(&elf);
	return hidden ? hidden : data;
}

static int is_excluded(const struct link *link, const struct link_file *file)
{
	return strings_has(&link->args->excluded, "ALL") ||
	       strings_has(&link->args->excluded, base_name(file->path));
}

static int rewrite_member(struct link *link, struct link_file *file, size_t i)
{
	const struct member *member = &file->archive.members[i];
	char *where = xasprintf("%s(%s)", file->path, member->name);
	size_t bytes = member->bytes;
	unsigned char *data;
	int failed = 0;

	text_clean(where);
	data = rewrite_one(link, where, base_name(member->name), member->data,
			   &bytes, &failed);
	if (data && is_excluded(link, file))
		data = hide(link, data, &bytes);
	if (data)
		archive_replace(&file->archive, i, data, bytes);
	free(where);
	return failed;
}

static int rewrite_archive(struct link *link, struct link_file *file)
{
	unsigned char *data;
	size_t bytes;
	int failed = 0;

	for (size_t i = 0; i < file->nr; i++)
		if (must_rewrite(file, i))
			failed |= rewrite_member(link, file, i);
	if (failed)
		return failed;
	data = archive_write(&file->archive, &bytes);
	put(file, data, bytes);
	free(data);
	return 0;
}

static int rewrite_object_file(struct link *link, struct link_file *file)
{
	size_t bytes = file->bytes;
	unsigned char *data;
	int failed = 0;

	data = rewrite_one(link, file->path, base_name(file->path), file->data,
			   &bytes, &failed);
	if (data)
		put(file, data, bytes);
	free(data);
	return failed;
}

static int rewrite_file(struct link *link, struct link_file *file)
{
	for (size_t i = 0; i < file->nr; i++)
		if (must_rewrite(file, i))
			return file->kind == FILE_ARCHIVE ?
			       rewrite_archive(link, file) :
			       rewrite_object_file(link, file);
	return 0;
}

/* A map has a symbol at the end of a line, if it is defined. */
static int is_in_map(const char *map, const char *name)
{
	char *end = xasprintf(" %s\n", name);
	int is = !!strstr(map, end);

	free(end);
	return is;
}

/* Is some X defined that no object defined which we have seen? */
static int is_from_late(const struct link *link)
{
	const struct takeover *takeover = link->takeover;

	for (size_t i = 0; i < takeover->rewrite.symbols.nr; i++)
		if (!takeover->found[i] &&
		    is_in_map(link->map, takeover->rewrite.symbols.item[i]))
			return 1;
	return 0;
}

/* They cannot be rewritten, so that this only tells what is wrong. */
static int refuse_late(struct link *link)
{
	int failed = 0;

	if (!link->map || !is_from_late(link))
		return 0;
	for (size_t i = 0; i < link->nr; i++) {
		struct link_file *file = link->files[i];

		for (size_t k = 0; !file->is_certain && k < file->nr; k++)
			if (file->concerns[k] == LATE)
				failed |= file->kind == FILE_ARCHIVE ?
					  rewrite_member(link, file, k) :
					  rewrite_object_file(link, file);
	}
	return failed;
}

int link_rewrite(struct link *link)
{
	int failed = 0;

	for (size_t i = 0; i < link->nr; i++)
		failed |= rewrite_file(link, link->files[i]);
	failed |= refuse_late(link);
	if (!failed)
		move_scripts(link);
	return failed;
}

/* ---- the line ------------------------------------------------------------------------------ */

static const char *value_of(const struct ld_word *defsym)
{
	const char *equals = strchr(defsym->name, '=');

	return equals ? equals + 1 : "";
}

/*
 * mold 1.10 dies of --defsym of an undefined symbol, and of any when it writes
 * a map.
 */
static void add_guard(const struct ld_args *args, const struct ld_word *word,
		      struct strings *words)
{
	if (args->flavour == LD_MOLD)
		strings_addf(words, "--require-defined=%s", value_of(word));
	else
		strings_add(words, word->text);
}

static void add_defsym(const struct ld_args *args, const struct ld_word *word,
		       struct strings *words)
{
	const char *value = value_of(word);

	if (args->flavour != LD_MOLD)
		strings_add(words, word->text);
	else if (*value && !strchr("0123456789", *value))
		strings_addf(words, "-u%s", value);
}

static void add_word(const struct ld_word *word, const struct link_file *file,
		     struct strings *words)
{
	if (file && file->instead)
		strings_addf(words, "%s%s", word->role == LD_SCRIPT ? "-T" : "",
			     file->instead);
	else
		strings_add(words, word->text);
}

void link_line(const struct link *link, const struct strings *first,
	       struct strings *words)
{
	for (size_t i = 0; i < link->args->nr; i++) {
		const struct ld_word *word = &link->args->words[i];

		if (first && (word->role == LD_INPUT ||
			      word->role == LD_LIBRARY)) {
			strings_add_all(words, first);
			first = NULL;
		}
		if (word->role == LD_GUARD)
			add_guard(link->args, word, words);
		else
			add_word(word, link->of_word[i], words);
	}
}

void link_map_line(const struct link *link, struct strings *words)
{
	for (size_t i = 0; i < link->args->nr; i++) {
		const struct ld_word *word = &link->args->words[i];

		if (word->role == LD_DEFSYM)
			add_defsym(link->args, word, words);
		else if (word->role != LD_GUARD)
			add_word(word, link->of_word[i], words);
	}
}
