// SPDX-License-Identifier: MIT
/*
 * util.c - messages, memory, strings and files for the commands
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools.h"

const char *tool_command;
int tool_failure = 1;

static void vsay(const char *fmt, va_list args)
{
	char *text = xvasprintf(fmt, args);

	/* One write: parallel compilers share this descriptor. */
	if (tool_command)
		fprintf(stderr, "mallochooks: %s: %s\n", tool_command, text);
	else
		fprintf(stderr, "mallochooks: %s\n", text);
	free(text);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
	exit(tool_failure);
}

static void *need(void *ptr)
{
	if (ptr)
		return ptr;
	fputs("mallochooks: out of memory\n", stderr);
	exit(tool_failure);
}

void *xrealloc(void *ptr, size_t bytes)
{
	return need(realloc(ptr, bytes ? bytes : 1));
}

void *xcalloc(size_t n, size_t bytes)
{
	return need(calloc(n ? n : 1, bytes ? bytes : 1));
}

char *xstrdup(const char *str)
{
	return need(strdup(str));
}

char *xstrndup(const char *str, size_t nr)
{
	return need(strndup(str, nr));
}

char *xvasprintf(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	return need(text);
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	return text;
}

int streq(const char *a, const char *b)
{
	return !strcmp(a, b);
}

int starts_with(const char *str, const char *start)
{
	return !strncmp(str, start, strlen(start));
}

int ends_with(const char *str, const char *end)
{
	size_t nr = strlen(str), nr_end = strlen(end);

	return nr >= nr_end && streq(str + nr - nr_end, end);
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void take(struct strings *list, char *str)
{
	list->item = xrealloc(list->item,
			      (list->nr + 2) * sizeof(*list->item));
	list->item[list->nr++] = str;
	list->item[list->nr] = NULL;
}

void strings_add(struct strings *list, const char *str)
{
	take(list, xstrdup(str));
}

void strings_addf(struct strings *list, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	take(list, xvasprintf(fmt, args));
	va_end(args);
}

void strings_add_all(struct strings *list, const struct strings *more)
{
	for (size_t i = 0; i < more->nr; i++)
		strings_add(list, more->item[i]);
}

int strings_has(const struct strings *list, const char *str)
{
	for (size_t i = 0; i < list->nr; i++)
		if (streq(list->item[i], str))
			return 1;
	return 0;
}

void strings_split(struct strings *list, const char *text, char separator)
{
	while (*text) {
		const char *end = strchrnul(text, separator);
		const char *next = *end ? end + 1 : end;

		while (text < end && (*text == ' ' || *text == '\t'))
			text++;
		while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		if (end > text)
			take(list, xstrndup(text, end - text));
		text = next;
	}
}

int strings_split_shell(struct strings *list, const char *text)
{
	char *word = xcalloc(strlen(text) + 1, 1);
	size_t nr = 0;
	int inside = 0;		/* of a word, maybe an empty quoted one */
	char quote = 0;

	for (; *text; text++) {
		if (quote ? *text == quote : *text == '\'' || *text == '"') {
			quote = quote ? 0 : *text;
			inside = 1;
		} else if (*text == '\\' && quote != '\'' && text[1]) {
			word[nr++] = *++text;
			inside = 1;
		} else if (!quote && strchr(" \t\n", *text)) {
			if (inside)
				take(list, xstrndup(word, nr));
			inside = nr = 0;
		} else {
			word[nr++] = *text;
			inside = 1;
		}
	}
	if (inside && !quote)
		take(list, xstrndup(word, nr));
	free(word);
	return quote ? -1 : 0;
}

char *strings_join(const struct strings *list, const char *separator)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < list->nr; i++) {
		char *longer = xasprintf("%s%s%s", text, i ? separator : "",
					 list->item[i]);

		free(text);
		text = longer;
	}
	return text;
}

void strings_free(struct strings *list)
{
	for (size_t i = 0; i < list->nr; i++)
		free(list->item[i]);
	free(list->item);
	list->item = NULL;
	list->nr = 0;
}

/* Length of the UTF-8 character at @at that may be shown, or 0. */
static size_t character(const unsigned char *at)
{
	static const unsigned int least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	size_t i, nr = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
	uint32_t code = *at & (0xff >> (nr + 1));

	if (nr == 1)
		return *at >= ' ' && *at != 0x7f;
	if (*at < 0xc0 || *at >= 0xf8)
		return 0;
	for (i = 1; i < nr; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	return code < least[nr] || code > 0x10ffff ||
	       (code >= 0xd800 && code < 0xe000) ? 0 : nr;
}

void text_clean(char *text)
{
	unsigned char *at = (unsigned char *)text;
	size_t nr;

	for (; *at; at += nr) {
		nr = character(at);
		if (!nr) {
			*at = '?';
			nr = 1;
		}
	}
}

int next_option(int argc, char **argv, const char *letters,
		const struct option *words)
{
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, letters, words, NULL);
	if (c == ':')
		die("%s needs a value: see --help", argv[optind - 1]);
	if (c == '?')
		die("unknown option %s: see --help", argv[optind - 1]);
	return c;
}

char *shell_quote(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
	char *quoted, *to;

	if (*word && !word[strspn(word, plain)])
		return xstrdup(word);
	quoted = xcalloc(strlen(word) + 1, 4);
	to = quoted;
	*to++ = '\'';
	for (; *word; word++) {
		if (*word == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *word;
	}
	*to = '\'';
	return quoted;
}

char *self_dir(void)
{
	char path[PATH_MAX];
	ssize_t nr = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (nr <= 0)
		return NULL;
	path[nr] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	if (slash == path)
		slash++;
	*slash = '\0';
	return xstrdup(path);
}

int is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

int is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	int denied = 0;

	if (strchr(name, '/')) {
		if (is_dir(name)) {
			errno = EACCES;
			return NULL;
		}
		return access(name, X_OK) ? NULL : xstrdup(name);
	}
	if (!path)
		path = "/bin:/usr/bin";		/* as execvp(3) of glibc */
	for (;;) {
		const char *end = strchrnul(path, ':');
		int nr = (int)(end - path);
		char *file = xasprintf("%.*s%s%s", nr, path, nr ? "/" : "./",
				       name);

		if (is_file(file)) {
			if (!access(file, X_OK))
				return file;
			denied = 1;
		}
		free(file);
		if (!*end)
			break;
		path = end + 1;
	}
	errno = denied ? EACCES : ENOENT;
	return NULL;
}

/* Pipes too: the size is not known before the end. */
static char *read_all(int fd, size_t *bytes)
{
	size_t nr = 0, room = 4096;
	char *text = xrealloc(NULL, room);
	int saved;

	for (;;) {
		ssize_t got = read(fd, text + nr, room - nr - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			saved = errno;
			free(text);
			errno = saved;
			return NULL;
		}
		if (!got)
			break;
		nr += got;
		if (nr + 1 == room) {
			room *= 2;
			text = xrealloc(text, room);
		}
	}
	text[nr] = '\0';
	if (bytes)
		*bytes = nr;
	return text;
}

char *read_file(const char *path, size_t *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	int saved;

	if (fd < 0)
		return NULL;
	text = read_all(fd, bytes);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

char *capture(char *const argv[])
{
	int pipes[2], status;
	char *text;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC)) {
		say("pipe: %s", strerror(errno));
		return NULL;
	}
	pid = spawn(argv, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return NULL;
	}
	text = read_all(pipes[0], NULL);
	close(pipes[0]);
	do
		status = wait_for(pid);
	while (status < 0 && errno == EINTR);
	if (text && !status)
		return text;
	say("%s failed (status %d)", argv[0], status);
	free(text);
	return NULL;
}
