/* SPDX-License-Identifier: MIT */
/*
 * tools.h - small helpers that every command of "mallochooks" shares
 */
#ifndef MALLOCHOOKS_TOOLS_H
#define MALLOCHOOKS_TOOLS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The commands: argv[0] is the command's own name; the result is the exit
 * status. */
int cmd_run(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_stack(int argc, char **argv);
int cmd_rewrite(int argc, char **argv);
int cmd_options(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_objects(int argc, char **argv);

/*
 * The command under way, for say(); and the exit status of a failure of our
 * own, for die() (1 until the command sets another).
 */
extern const char *tool_command;
extern int tool_failure;

struct option;

/**
 * next_option() - the next option of a command, by getopt_long(3)
 * @letters:	":h", or "+:h": only those before the first word that is none
 *
 * die()s of one that is not known, and of one without its value.
 * Return: as getopt_long().
 */
int next_option(int argc, char **argv, const char *letters,
		const struct option *words);

/**
 * say() - one line to stderr: "mallochooks: COMMAND: ..."
 * @fmt:	without a newline
 */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As say(), then exit(tool_failure). */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Memory or die(). */
void *xrealloc(void *ptr, size_t bytes);
void *xcalloc(size_t n, size_t bytes);
char *xstrdup(const char *str);
char *xstrndup(const char *str, size_t nr);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list args);

int streq(const char *a, const char *b);
int starts_with(const char *str, const char *start);
int ends_with(const char *str, const char *end);
const char *base_name(const char *path);	/* behind the last '/' */

/**
 * struct strings - a growing list of strings that it owns
 * @item:	@nr strings and a NULL, so that it serves as argv; NULL when
 *		nothing was ever added
 */
struct strings {
	char **item;
	size_t nr;
};

void strings_add(struct strings *list, const char *str);
void strings_addf(struct strings *list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void strings_add_all(struct strings *list, const struct strings *more);
int strings_has(const struct strings *list, const char *str);
/* Words between separators, blanks around them cut off, empty ones left out. */
void strings_split(struct strings *list, const char *text, char separator);
/* Words as a shell would read them: blanks separate; ' " \ quote.
 * Return: 0, or -1 when a quotation is not closed. */
int strings_split_shell(struct strings *list, const char *text);
char *strings_join(const struct strings *list, const char *separator);
void strings_free(struct strings *list);

/**
 * shell_quote() - a word so that a shell reads it back as one
 * Return: to be freed.
 */
char *shell_quote(const char *word);

/**
 * text_clean() - make text of strangers fit to be printed
 *
 * Control characters, and what is not UTF-8, become "?"; in place.
 */
void text_clean(char *text);

/**
 * self_dir() - directory of the running executable, without a final slash
 * Return: to be freed, or NULL.
 */
char *self_dir(void);

int is_file(const char *path);
int is_dir(const char *path);

/**
 * find_program() - where a shell would find @name
 * @name:	searched along PATH when it holds no '/'
 * Return: to be freed, or NULL with errno: ENOENT, or EACCES when something is
 * there that cannot be executed.
 */
char *find_program(const char *name);

/**
 * read_file() - a whole file, with a NUL behind it
 * @bytes:	its size, or NULL
 * Return: to be freed, or NULL with errno.
 */
char *read_file(const char *path, size_t *bytes);

/**
 * spawn() - start a program, found along PATH
 * @argv:	ends with NULL
 * @out:	descriptor to be its stdout, or -1 for ours
 * Return: process id, or -1 with a line said.
 */
pid_t spawn(char *const argv[], int out);

/**
 * wait_for() - wait for one child
 * Return: its exit status, 128 + N when signal N ended it, or -1 with errno
 * (EINTR when a signal came to us).
 */
int wait_for(pid_t pid);

/**
 * capture() - run a program and read what it prints
 * Return: its stdout, to be freed, or NULL with a line said when it could not
 * be started or failed.
 */
char *capture(char *const argv[]);

#endif
