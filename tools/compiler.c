// SPDX-License-Identifier: MIT
/*
 * compiler.c - find out what the client's compiler is
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"

/* "-print-prog-name" answers with the bare name when it knows no better. */
static char *own_program(const struct compiler *compiler, const char *name)
{
	struct strings argv = { 0 };
	char *path;

	strings_add_all(&argv, &compiler->cc);
	strings_addf(&argv, "-print-prog-name=%s", name);
	path = capture(argv.item);
	strings_free(&argv);
	if (path)
		path[strcspn(path, "\n")] = '\0';
	return path;
}

static int read_macros(struct compiler *compiler)
{
	struct strings argv = { 0 }, lines = { 0 };
	char *text;

	strings_add_all(&argv, &compiler->cc);
	strings_add(&argv, "-std=gnu11");
	strings_add_all(&argv, &compiler->cflags);
	strings_add(&argv, "-dM");
	strings_add(&argv, "-E");
	strings_add(&argv, "-xc");
	strings_add(&argv, "/dev/null");
	text = capture(argv.item);
	strings_free(&argv);
	if (!text)
		return -1;
	strings_split(&lines, text, '\n');
	free(text);
	for (size_t i = 0; i < lines.nr; i++) {
		char *name = lines.item[i];

		if (!starts_with(name, "#define "))
			continue;
		name += strlen("#define ");
		name[strcspn(name, " (")] = '\0';
		strings_add(&compiler->macros, name);
	}
	strings_free(&lines);
	return 0;
}

int compiler_meet(struct compiler *compiler, const char *cc,
		  const char *cflags, const char *objcopy)
{
	char *found;

	*compiler = (struct compiler){ .machine = "other" };
	if (strings_split_shell(&compiler->cc, cc) || !compiler->cc.nr) {
		say("\"%s\" is no command (--cc): name a compiler", cc);
		return -1;
	}
	if (strings_split_shell(&compiler->cflags, cflags)) {
		say("quotes do not match (--cflags): %s", cflags);
		return -1;
	}
	found = find_program(compiler->cc.item[0]);
	if (!found) {
		say("no compiler %s (--cc): %s", compiler->cc.item[0],
		    strerror(errno));
		return -1;
	}
	free(found);
	if (read_macros(compiler))
		return -1;
	if (strings_has(&compiler->macros, "__x86_64__") &&
	    strings_has(&compiler->macros, "__LP64__"))
		compiler->machine = "x86_64";
	if (strings_has(&compiler->macros, "__aarch64__") &&
	    strings_has(&compiler->macros, "__LP64__"))
		compiler->machine = "aarch64";
	compiler->is_clang = strings_has(&compiler->macros, "__clang__");
	compiler->objcopy = objcopy ? xstrdup(objcopy)
				    : own_program(compiler, "objcopy");
	return compiler->objcopy ? 0 : -1;
}

void compiler_free(struct compiler *compiler)
{
	strings_free(&compiler->cc);
	strings_free(&compiler->cflags);
	strings_free(&compiler->macros);
	free(compiler->objcopy);
}

int compiler_links_lto(const struct compiler *compiler)
{
	char *lld, *found;

	if (!compiler->is_clang)
		return 1;
	lld = own_program(compiler, "ld.lld");
	found = lld ? find_program(lld) : NULL;
	free(lld);
	free(found);
	return found != NULL;
}
