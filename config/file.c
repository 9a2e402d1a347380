// SPDX-License-Identifier: MIT
/*
 * file - options from a file in the language of libconfig
 *
 *	sites: { dir = "/var/tmp"; size = "16M"; };
 *	only = ( { program = "python3*"; count: { report = true; }; } );
 *
 * A group is a layer, a value in it an option.  A part of the list "only" is
 * for the programs, or the identity, that it names.
 *
 * libconfig is linked in from its archive, contained (contain.h).  The other
 * ways were worse: a DT_NEEDED costs each process 40 us and clashes with a
 * program's own libconfig; dlopen() from a constructor that comes before
 * libc's own makes the loader run that one without argc, argv and environ, its
 * allocations come through our own hooks, and a static program has none; and
 * either leaves its exit() in.  So the archive has to be there when a stack is
 * composed, and nothing when it runs.
 *
 * Runs in the constructor and when all is relocated: libc's functions that
 * keep no state may be called.
 */
#include <fcntl.h>
#include <libconfig.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <mallochooks/runtime.h>
#include "contain.h"
#include "options.h"
#include "syscall.h"

#define PATH_BYTES	4096

/* A part of a file: what it says is for whom. */
struct part {
	struct mh_options *options;
	enum mallochooks_origin origin;
	struct mh_word ident;
	int optional;
};

static struct mh_word word_of(const char *str)
{
	return (struct mh_word){ str, strlen(str) };
}

/* An included file's name as we opened it. */
static const char *whole_name(const char *file)
{
	size_t dir, nr;
	char *name;

	if (*file == '/')
		return file;
	dir = strlen(mh_contained.include_dir);
	nr = strlen(file);
	name = mh_contained_malloc(dir + nr + 2);
	memcpy(name, mh_contained.include_dir, dir);
	name[dir] = '/';
	memcpy(name + dir + 1, file, nr + 1);
	return name;
}

static struct mh_source source_of(const struct part *part,
				  const config_setting_t *setting)
{
	return (struct mh_source){
		.origin = part->origin,
		.file = whole_name(config_setting_source_file(setting)),
		.line = config_setting_source_line(setting),
		.item = word_of(config_setting_name(setting)),
		.name = word_of(config_setting_name(setting)),
	};
}

static void complain(const struct part *part, const config_setting_t *setting,
		     const char *what)
{
	struct mh_source source = source_of(part, setting);

	mh_options_mistake(part->options, &source, what);
}

/* ---- values as text ------------------------------------------------------- */

static char *put_number(char *to, long long num)
{
	unsigned long long rest = num < 0 ? -(unsigned long long)num :
					    (unsigned long long)num;
	char digits[20];	/* of 2^63 */
	int nr = 0;

	if (num < 0)
		*to++ = '-';
	do
		digits[nr++] = (char)('0' + rest % 10);
	while (rest /= 10);
	while (nr)
		*to++ = digits[--nr];
	return to;
}

/* Room that put_scalar() needs at most. */
static size_t scalar_bytes(const config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return 2 * strlen(config_setting_get_string(setting)) + 1;
	return 24;
}

/* Return: behind the text, or NULL when it has none. */
static char *put_scalar(char *to, const config_setting_t *setting, int escape)
{
	const char *str;

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_BOOL:
		return stpcpy(to, config_setting_get_bool(setting) ?
				  "true" : "false");
	case CONFIG_TYPE_INT:
		if (config_setting_get_int(setting) == MH_CONTAINED_TOO_LARGE)
			return NULL;
		/* fall through */
	case CONFIG_TYPE_INT64:
		return put_number(to, config_setting_get_int64(setting));
	case CONFIG_TYPE_STRING:
		for (str = config_setting_get_string(setting); *str; str++) {
			if (escape && (*str == ':' || *str == '\\'))
				*to++ = '\\';
			*to++ = *str;
		}
		return to;
	}
	return NULL;
}

static int is_row(const config_setting_t *setting)
{
	return config_setting_is_array(setting) ||
	       config_setting_is_list(setting);
}

/* [ "a", "b:c" ] becomes "a:b\:c". */
static void row_to_text(const config_setting_t *setting, struct mh_value *value)
{
	int i, nr = config_setting_length(setting);
	size_t bytes = 1;
	char *to;

	for (i = 0; i < nr; i++)
		bytes += scalar_bytes(config_setting_get_elem(setting,
						(unsigned int)i)) + 1;
	to = mh_contained_malloc(bytes);
	value->form = MH_VALUE_ITEMS;
	value->text.text = to;
	for (i = 0; i < nr; i++) {
		if (i)
			*to++ = ':';
		to = put_scalar(to, config_setting_get_elem(setting,
						(unsigned int)i), 1);
		if (!to) {
			value->form = MH_VALUE_NONE;
			value->text = word_of("(...)");
			return;
		}
	}
	value->text.nr = (size_t)(to - value->text.text);
}

static void to_text(const config_setting_t *setting, struct mh_value *value)
{
	char *to;

	if (is_row(setting)) {
		row_to_text(setting, value);
		return;
	}
	value->form = MH_VALUE_LITERAL;
	value->text.text = to = mh_contained_malloc(scalar_bytes(setting));
	to = put_scalar(to, setting, 0);
	if (to) {
		value->text.nr = (size_t)(to - value->text.text);
		return;
	}
	value->form = MH_VALUE_NONE;
	value->text = word_of(config_setting_is_group(setting) ? "{...}" :
			      config_setting_type(setting) == CONFIG_TYPE_INT ?
			      "(more than 31 bits: with an L behind it)" :
			      "(a number with a point)");
}

/* ---- layers --------------------------------------------------------------- */

static void append(char **to, const char *text, size_t nr)
{
	memcpy(*to, text, nr);
	*to += nr;
}

/* What a message shows: "layer.option = value". */
static struct mh_word item_text(const char *layer, const char *name,
				const struct mh_value *value)
{
	size_t bytes = strlen(layer) + strlen(name) + value->text.nr + 4;
	char *text = mh_contained_malloc(bytes), *to = text;

	append(&to, layer, strlen(layer));
	*to++ = '.';
	append(&to, name, strlen(name));
	append(&to, " = ", 3);
	append(&to, value->text.text, value->text.nr);
	return (struct mh_word){ text, (size_t)(to - text) };
}

static void take_option(const struct part *part, const char *layer,
			const config_setting_t *setting)
{
	struct mh_source source = source_of(part, setting);
	struct mh_value value;

	to_text(setting, &value);
	source.item = item_text(layer, config_setting_name(setting), &value);
	mh_options_take(part->options, &source, part->ident, word_of(layer),
			source.name, &value, part->optional);
}

static void take_layer(const struct part *part, const config_setting_t *group)
{
	struct mh_source source = source_of(part, group);
	unsigned int i, nr = (unsigned int)config_setting_length(group);

	if (!config_setting_is_group(group)) {
		complain(part, group, "wants options in braces: "
			 "layer: { option = value; };");
		return;
	}
	if (!mh_options_layer_known(part->options, &source, part->ident,
				    source.name, part->optional))
		return;
	for (i = 0; i < nr; i++)
		take_option(part, source.name.text,
			    config_setting_get_elem(group, i));
}

/* ---- parts for some ------------------------------------------------------- */

/* '*' is any text and '?' any byte. */
static int matches(const char *pattern, const char *name)
{
	const char *star = NULL, *mark = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			mark = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++mark;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The file that runs, and what it was started as: a script, a symlink. */
static void find_program(struct mh_options *options)
{
	char *path = mh_contained_malloc(PATH_BYTES);
	const char *started = (const char *)getauxval(AT_EXECFN);
	long nr = mh_syscall(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe",
			     (long)path, PATH_BYTES - 1, 0, 0);

	path[nr > 0 ? nr : 0] = 0;
	options->program[0] = base_name(path);
	options->program[1] = started ? base_name(started) : "";
}

static int is_program(const struct part *part, const config_setting_t *setting)
{
	struct mh_options *options = part->options;
	const char *pattern = config_setting_get_string(setting);

	if (!pattern) {
		complain(part, config_setting_name(setting) ? setting :
			 config_setting_parent(setting), "takes names of "
			 "programs in quotes: \"ls\", or [ \"ls\", \"git*\" ]");
		return 0;
	}
	return matches(pattern, options->program[0]) ||
	       matches(pattern, options->program[1]);
}

static int for_program(const struct part *part, const config_setting_t *setting)
{
	unsigned int i, nr = (unsigned int)config_setting_length(setting);
	int found = 0;

	if (!part->options->program[0])
		find_program(part->options);
	if (!is_row(setting))
		return is_program(part, setting);
	for (i = 0; i < nr; i++)
		found |= is_program(part, config_setting_get_elem(setting, i));
	return found;
}

static const char *const conditions[] = {
	"program", "identity", "optional", NULL
};

static int is_condition(const char *name)
{
	for (int i = 0; conditions[i]; i++)
		if (!strcmp(name, conditions[i]))
			return 1;
	return 0;
}

/* A condition with another name would let the part in everywhere. */
static int has_wrong_condition(const struct part *part,
			       const config_setting_t *group)
{
	unsigned int i, nr = (unsigned int)config_setting_length(group);
	const config_setting_t *member;
	struct mh_source source;
	int wrong = 0;

	for (i = 0; i < nr; i++) {
		member = config_setting_get_elem(group, i);
		if (config_setting_is_group(member) ||
		    is_condition(config_setting_name(member)))
			continue;
		source = source_of(part, member);
		mh_options_no_such(part->options, &source, "no such condition, "
				   "so the part is not taken; there is",
				   conditions);
		wrong = 1;
	}
	return wrong;
}

/* Takes what a part says of itself.  Return: nonzero when it is for us. */
static int open_part(struct part *part, const config_setting_t *group)
{
	const config_setting_t *program, *ident, *optional;
	int ours = !has_wrong_condition(part, group);

	program = config_setting_get_member(group, "program");
	ident = config_setting_get_member(group, "identity");
	optional = config_setting_get_member(group, "optional");
	if (program && !for_program(part, program))
		ours &= part->options->all;
	if (ident && config_setting_type(ident) == CONFIG_TYPE_STRING)
		part->ident = word_of(config_setting_get_string(ident));
	if (ident && !part->ident.nr) {
		complain(part, ident, "takes the identity of a stack in "
			 "quotes, as \"libc\"");
		ours = 0;
	}
	if (optional && config_setting_type(optional) == CONFIG_TYPE_BOOL)
		part->optional = config_setting_get_bool(optional);
	else if (optional)
		complain(part, optional, "takes true or false");
	return ours;
}

static void take_part(const struct part *whole, const config_setting_t *group)
{
	unsigned int i, nr = (unsigned int)config_setting_length(group);
	struct part part = *whole;

	if (!open_part(&part, group))
		return;
	for (i = 0; i < nr; i++) {
		const config_setting_t *member = config_setting_get_elem(group,
									 i);

		if (!is_condition(config_setting_name(member)))
			take_layer(&part, member);
	}
}

static void take_parts(const struct part *whole, const config_setting_t *list)
{
	unsigned int i, nr = (unsigned int)config_setting_length(list);
	int good = config_setting_is_list(list);

	for (i = 0; good && i < nr; i++) {
		const config_setting_t *group = config_setting_get_elem(list,
									i);

		if (config_setting_is_group(group))
			take_part(whole, group);
		else
			good = 0;
	}
	if (!good)
		complain(whole, list, "wants a list of groups: only = ( "
			 "{ program = \"ls\"; layer: { option = value; }; } )");
}

/* What is for some comes behind what is for all. */
static void take_file(const struct part *part, const config_setting_t *root)
{
	unsigned int i, nr = (unsigned int)config_setting_length(root);
	const config_setting_t *member, *only = NULL;

	for (i = 0; i < nr; i++) {
		member = config_setting_get_elem(root, i);
		if (!strcmp(config_setting_name(member), MH_ONLY))
			only = member;
		else
			take_layer(part, member);
	}
	if (only)
		take_parts(part, only);
}

/* ---- the file ------------------------------------------------------------- */

static void put_why(struct mh_line *line)
{
	mh_line_str(line, mh_contained.why);
	if (mh_contained.why_errno) {
		mh_line_str(line, " (errno ");
		mh_line_dec(line, (uint64_t)mh_contained.why_errno);
		mh_line_str(line, ")");
	}
}

/* @config: NULL when libconfig itself was left by exit(). */
static void complain_file(const struct part *part, const char *path,
			  const config_t *config)
{
	struct mh_source source = { .origin = part->origin, .file = path };
	struct mh_line line;

	mh_line_start(&line);
	if (config && config_error_type(config) == CONFIG_ERR_PARSE) {
		if (config_error_file(config))
			source.file = whole_name(config_error_file(config));
		source.line = (uint32_t)config_error_line(config);
		mh_line_str(&line, config_error_text(config));
		if (mh_contained.why)
			mh_line_str(&line, ": it ");
	}
	if (mh_contained.why)
		put_why(&line);
	mh_line_str(&line, config ? "; nothing of the file is taken" :
				    "; the rest of the file is not taken");
	line.text[line.nr] = 0;
	mh_options_mistake(part->options, &source, line.text);
}

static char *directory(const char *path)
{
	size_t nr = (size_t)(strrchr(path, '/') - path);
	char *dir = mh_contained_malloc(nr + 1);

	memcpy(dir, path, nr);
	dir[nr] = 0;
	return dir;
}

static void read_file(const struct part *part, const char *path)
{
	config_t config;

	config_init(&config);
	mh_contained.include_dir = directory(path);
	config_set_include_dir(&config, mh_contained.include_dir);
	if (config_read_file(&config, path))
		take_file(part, config_root_setting(&config));
	else
		complain_file(part, path, &config);
}

MH_RUNTIME void mh_options_from_file(struct mh_options *options,
				     const char *path,
				     enum mallochooks_origin origin)
{
	const struct part part = { .options = options, .origin = origin };
	const char *program[2] = { options->program[0], options->program[1] };

	if (origin == MALLOCHOOKS_SYSTEM_FILE &&
	    mh_syscall(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0, 0, 0))
		return;
	options->mistakes = 0;
	if (!mh_contain_begin()) {
		const struct mh_source source = { .file = path };

		mh_options_mistake(options, &source, "not read: the kernel "
				   "gives no memory for it");
		return;
	}
	mh_contained.secure = options->secure;
	mh_contained.instead_of = options->instead_of;
	mh_contained.instead = options->instead;
	if (!_setjmp(mh_contained.out))
		read_file(&part, path);
	else
		complain_file(&part, path, NULL);
	mh_contain_end();
	options->program[0] = program[0];
	options->program[1] = program[1];
}
