// SPDX-License-Identifier: MIT
/*
 * signature.c - "pool_alloc(pZ)p": a function, and what each argument is
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "asked.h"
#include "signature.h"

static const struct {
	char letter;
	const char *type;
} letters[] = {
	{ 'Z', "size_t" }, { 'I', "int" }, { 'z', "size_t" }, { 'A', "size_t" },
	{ 'P', "void *" }, { 'p', "void *" },
	{ 'i', "int" }, { 'l', "long" },
};

const char *signature_type(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			return letters[i].type;
	return letter ? NULL : "void";
}

/* Return: behind the name, @text itself when there is none. */
static const char *skip_name(const char *text)
{
	if (isdigit((unsigned char)*text))
		return text;
	while (isalnum((unsigned char)*text) || *text == '_' || *text == '$')
		text++;
	return text;
}

static char *parse_name(struct signature *signature, const char **text)
{
	const char *open = strchr(*text, '(');
	const char *colon = open ? memrchr(*text, ':', open - *text) : NULL;
	const char *end;

	if (!open)
		return xasprintf("has no arguments: as \"malloc(Z)p\"");
	if (colon == *text || (colon && memchr(*text, '/', colon - *text)))
		return xasprintf("wants the plain name of an object before "
				 "the ':', as \"file.o:name(Z)p\"");
	if (colon)
		signature->file = xstrndup(*text, colon - *text);
	*text = colon ? colon + 1 : *text;
	end = skip_name(*text);
	if (end != open || end == *text)
		return xasprintf("has no name of C before its arguments");
	signature->name = xstrndup(*text, end - *text);
	*text = end + 1;
	return NULL;
}

static char *parse_args(struct signature *signature, const char **text)
{
	size_t nr = 0;

	for (; **text && **text != ')'; ++*text) {
		if (**text == '.')
			return xasprintf("takes variable arguments, which "
					 "cannot be handed on: name the "
					 "function below it");
		if (!signature_type(**text))
			return xasprintf("has an argument '%c': one of Z I P A "
					 "p z i l is wanted", **text);
		if (nr == SIGNATURE_MOST)
			return xasprintf("has more than %d arguments",
					 SIGNATURE_MOST);
		signature->args[nr++] = **text;
	}
	if (!**text)
		return xasprintf("lacks the ')' behind its arguments");
	++*text;
	return NULL;
}

char *signature_parse(struct signature *signature, const char *text)
{
	char *wrong;

	memset(signature, 0, sizeof(*signature));
	wrong = parse_name(signature, &text);
	if (!wrong)
		wrong = parse_args(signature, &text);
	if (wrong)
		return wrong;
	signature->ret = *text;
	if (!signature_type(*text) || *text == 'A' || *text == 'I' ||
	    (*text && text[1]))
		return xasprintf("has the result \"%s\": one of p P z Z i l, or "
				 "nothing, is wanted", text);
	return NULL;
}

void signature_free(struct signature *signature)
{
	free(signature->file);
	free(signature->name);
	free(signature->symbol);
	memset(signature, 0, sizeof(*signature));
}

static const char *plain(const struct signature *signature)
{
	return signature->symbol ? signature->symbol : signature->name;
}

int signature_is_another(const struct signature *a, const struct signature *b)
{
	return streq(plain(a), plain(b)) &&
	       (a->file && b->file ? !streq(a->file, b->file) :
				     a->file || b->file);
}

void signature_name_by_file(struct signature *signature)
{
	if (signature->symbol)
		return;
	signature->symbol = signature->name;
	signature->name = asked_long_name(signature->file, signature->symbol);
}

char *signature_asked(const struct signature *signature)
{
	return signature->file ? xasprintf("%s:%s", signature->file,
					   plain(signature)) :
				 xstrdup(signature->name);
}

int signature_is_size(char letter)
{
	return letter == 'Z' || letter == 'I';
}

size_t signature_sizes(const struct signature *signature)
{
	return signature_count(signature, 'Z') +
	       signature_count(signature, 'I');
}

size_t signature_count(const struct signature *signature, char letter)
{
	size_t nr = 0;

	for (const char *arg = signature->args; *arg; arg++)
		nr += *arg == letter;
	return nr;
}

/* A letter that stands there once has a name of its own. */
const char *signature_arg(const struct signature *signature, size_t arg)
{
	static const struct {
		char letter;
		const char *name;
	} names[] = {
		{ 'Z', "size" }, { 'I', "size" }, { 'P', "ptr" },
		{ 'A', "alignment" },
	};
	static char name[16];
	char letter = signature->args[arg];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].letter == letter &&
		    (signature_is_size(letter) ? signature_sizes(signature) :
		     signature_count(signature, letter)) == 1)
			return names[i].name;
	snprintf(name, sizeof(name), "a%zu", arg);
	return name;
}

char *signature_params(const struct signature *signature)
{
	struct strings params = { 0 };
	char *list;

	for (size_t i = 0; signature->args[i]; i++) {
		const char *type = signature_type(signature->args[i]);

		strings_addf(&params, "%s%s%s", type,
			     ends_with(type, "*") ? "" : " ",
			     signature_arg(signature, i));
	}
	list = strings_join(&params, ", ");
	strings_free(&params);
	return list;
}

char *signature_list(const struct signature *signature)
{
	struct strings args = { 0 };
	char *list;

	for (size_t i = 0; signature->args[i]; i++)
		strings_add(&args, signature_arg(signature, i));
	list = strings_join(&args, ", ");
	strings_free(&args);
	return list;
}

/* Source: System V ABI, AMD64 supplement, 3.2.3; AAPCS64, 6.8.2 (every argument
 * has a word of its own). */
size_t signature_stack(const struct signature *signature, const char *arch)
{
	size_t in_registers = streq(arch, "aarch64") ? 8 : 6;
	size_t nr = strlen(signature->args);

	return nr > in_registers ? 8 * (nr - in_registers) : 0;
}
