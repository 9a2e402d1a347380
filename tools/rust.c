// SPDX-License-Identifier: MIT
/*
 * rust - names of Rust's symbols ("_R...") as its source has them
 *
 * Leaves out what tells apart but does not help a reader: hashes of crates,
 * lifetimes, the place of an impl, values of constants but plain numbers.
 * Source: Rust RFC 2603 and "v0 Symbol Format" of the rustc book.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "tools.h"

#define DEPTH_MAX	200
#define OUT_BYTES_MAX	(64 * 1024)

/**
 * struct rust - a name that is read
 * @name:	behind "_R"
 * @at:		where we are in it, of @bytes
 * @depth:	of what is nested
 * @quiet:	nonzero while nothing is to be written
 * @bad:	it is no such name
 */
struct rust {
	const char *name;
	size_t at;
	size_t bytes;
	int depth;
	int quiet;
	int bad;
	char *out;
	size_t nr;
};

static void path(struct rust *r, int in_type);
static void type(struct rust *r);

static void put(struct rust *r, const char *text, size_t bytes)
{
	if (r->quiet || r->bad)
		return;
	if (bytes > OUT_BYTES_MAX - r->nr) {
		r->bad = 1;
		return;
	}
	memcpy(r->out + r->nr, text, bytes);
	r->nr += bytes;
}

static void puts_text(struct rust *r, const char *text)
{
	put(r, text, strlen(text));
}

static void put_number(struct rust *r, unsigned long long number)
{
	char text[32];

	put(r, text, (size_t)snprintf(text, sizeof(text), "%llu", number));
}

/* The next character; the end is 0, again and again. */
static char peek(const struct rust *r)
{
	return r->at < r->bytes && !r->bad ? r->name[r->at] : '\0';
}

static char next(struct rust *r)
{
	char c = peek(r);

	if (c)
		r->at++;
	else
		r->bad = 1;
	return c;
}

static int eat(struct rust *r, char c)
{
	if (peek(r) != c)
		return 0;
	r->at++;
	return 1;
}

static unsigned long long base_62(struct rust *r)
{
	unsigned long long value = 0;
	char c;

	if (eat(r, '_'))
		return 0;
	while ((c = next(r)) != '_' && !r->bad) {
		value *= 62;	/* hashes of crates fill it, and more */
		if (isdigit((unsigned char)c))
			value += c - '0';
		else if (islower((unsigned char)c))
			value += c - 'a' + 10;
		else if (isupper((unsigned char)c))
			value += c - 'A' + 36;
		else
			r->bad = 1;
	}
	return value + 1;
}

/* Which of several of the same name. */
static unsigned long long disambiguator(struct rust *r)
{
	return eat(r, 's') ? base_62(r) + 1 : 0;
}

/* Return: its bytes in the name, @bytes of them. */
static const char *identifier(struct rust *r, size_t *bytes)
{
	size_t nr = 0;

	eat(r, 'u');		/* Punycode stays as it is */
	if (!isdigit((unsigned char)peek(r)))
		r->bad = 1;
	if (!eat(r, '0')) {
		while (isdigit((unsigned char)peek(r)) && nr < r->bytes)
			nr = 10 * nr + (size_t)(next(r) - '0');
	}
	eat(r, '_');
	if (r->bad || nr > r->bytes - r->at) {
		r->bad = 1;
		nr = 0;
	}
	*bytes = nr;
	r->at += nr;
	return r->name + r->at - nr;
}

/* What stands at an earlier place, read from there. */
static void back(struct rust *r, void (*read)(struct rust *r, int arg),
		 int arg)
{
	size_t start = r->at - 1, saved;
	unsigned long long to = base_62(r);

	if (to >= start)
		r->bad = 1;
	if (r->bad || r->quiet)
		return;
	saved = r->at;
	r->at = to;
	read(r, arg);
	r->at = saved;
}

static void type_back(struct rust *r, int arg)
{
	(void)arg;
	type(r);
}

/* 'a and so on: read, not shown. */
static void lifetime(struct rust *r)
{
	if (eat(r, 'L'))
		base_62(r);
}

static void binder(struct rust *r)
{
	if (eat(r, 'G'))
		base_62(r);
}

static void constant(struct rust *r, int arg)
{
	unsigned long long value = 0;
	int digits = 0, minus;
	char kind, c;

	(void)arg;
	if (++r->depth > DEPTH_MAX)
		r->bad = 1;
	kind = next(r);
	if (kind == 'B') {
		back(r, constant, 0);
	} else if (kind == 'p') {
		puts_text(r, "_");
	} else if (!strchr("abcdhijlmnostxy", kind)) {
		r->bad = 1;
	} else {
		minus = eat(r, 'n');
		while ((c = next(r)) != '_' && !r->bad) {
			if (!isxdigit((unsigned char)c) || isupper((unsigned char)c))
				r->bad = 1;
			value = value << 4 |
				(unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
			digits++;
		}
		if (kind == 'b' && digits == 1)
			puts_text(r, value ? "true" : "false");
		else if (kind == 'c' && value > ' ' && value < 0x7f) {
			char quoted[] = { '\'', (char)value, '\'' };

			put(r, quoted, sizeof(quoted));
		} else if (digits > 16) {
			puts_text(r, "_");
		} else {
			puts_text(r, minus ? "-" : "");
			put_number(r, value);
		}
	}
	r->depth--;
}

static void argument(struct rust *r)
{
	if (peek(r) == 'L') {
		lifetime(r);
		puts_text(r, "'_");
	} else if (eat(r, 'K')) {
		constant(r, 0);
	} else {
		type(r);
	}
}

/* Up to "E", with commas. */
static size_t list(struct rust *r, void (*read)(struct rust *r))
{
	size_t nr = 0;

	while (!r->bad && !eat(r, 'E')) {
		if (nr++)
			puts_text(r, ", ");
		read(r);
	}
	return nr;
}

static void function(struct rust *r)
{
	size_t bytes;

	binder(r);
	if (eat(r, 'U'))
		puts_text(r, "unsafe ");
	if (eat(r, 'K') && !eat(r, 'C'))
		identifier(r, &bytes);
	puts_text(r, "fn(");
	list(r, type);
	puts_text(r, ")");
	if (eat(r, 'u'))
		return;
	puts_text(r, " -> ");
	type(r);
}

/* A trait of "dyn": its associated types go among its arguments. */
static void bound(struct rust *r)
{
	const char *name;
	size_t bytes;

	path(r, 1);
	while (eat(r, 'p')) {
		name = identifier(r, &bytes);
		puts_text(r, "[");
		put(r, name, bytes);
		puts_text(r, " = ");
		type(r);
		puts_text(r, "]");
	}
}

static void dynamic(struct rust *r)
{
	size_t nr = 0;

	puts_text(r, "dyn ");
	binder(r);
	while (!r->bad && !eat(r, 'E')) {
		if (nr++)
			puts_text(r, " + ");
		bound(r);
	}
	lifetime(r);
}

static const char *basic(char c)
{
	static const char *const names[26] = {
		"i8", "bool", "char", "f64", "str", "f32", NULL, "u8", "isize",
		"usize", NULL, "i32", "u32", "i128", "u128", "_", NULL, NULL,
		"i16", "u16", "()", "...", NULL, "i64", "u64", "!",
	};

	return islower((unsigned char)c) ? names[c - 'a'] : NULL;
}

static void compound(struct rust *r, char c)
{
	switch (c) {
	case 'A':
	case 'S':
		puts_text(r, "[");
		type(r);
		if (c == 'A') {
			puts_text(r, "; ");
			constant(r, 0);
		}
		puts_text(r, "]");
		break;
	case 'T':
		puts_text(r, "(");
		puts_text(r, list(r, type) == 1 ? ",)" : ")");
		break;
	case 'R':
	case 'Q':
		lifetime(r);
		puts_text(r, c == 'R' ? "&" : "&mut ");
		type(r);
		break;
	case 'P':
	case 'O':
		puts_text(r, c == 'P' ? "*const " : "*mut ");
		type(r);
		break;
	case 'F':
		function(r);
		break;
	case 'D':
		dynamic(r);
		break;
	case 'B':
		back(r, type_back, 0);
		break;
	default:
		r->at--;
		path(r, 1);
	}
}

static void type(struct rust *r)
{
	char c = next(r);

	if (++r->depth > DEPTH_MAX)
		r->bad = 1;
	if (basic(c))
		puts_text(r, basic(c));
	else if (!r->bad)
		compound(r, c);
	r->depth--;
}

/* Where an impl stands is for the compiler. */
static void impl(struct rust *r)
{
	disambiguator(r);
	r->quiet++;
	path(r, 0);
	r->quiet--;
}

static void nested(struct rust *r, int in_type)
{
	char space = next(r);
	unsigned long long which;
	const char *name;
	size_t bytes;

	path(r, in_type);
	which = disambiguator(r);
	name = identifier(r, &bytes);
	if (isupper((unsigned char)space)) {
		puts_text(r, space == 'C' ? "::{closure" :
			     space == 'S' ? "::{shim" : "::{");
		if (bytes)
			puts_text(r, ":");
		put(r, name, bytes);
		puts_text(r, "#");
		put_number(r, which);
		puts_text(r, "}");
	} else if (bytes) {
		puts_text(r, "::");
		put(r, name, bytes);
	}
}

/* @in_type: arguments need no "::" before them */
static void path(struct rust *r, int in_type)
{
	const char *name;
	size_t bytes;
	char c = next(r);

	if (++r->depth > DEPTH_MAX)
		r->bad = 1;
	switch (r->bad ? '\0' : c) {
	case 'C':
		disambiguator(r);
		name = identifier(r, &bytes);
		put(r, name, bytes);
		break;
	case 'M':
	case 'X':
	case 'Y':
		if (c != 'Y')
			impl(r);
		puts_text(r, "<");
		type(r);
		if (c != 'M') {
			puts_text(r, " as ");
			path(r, 1);
		}
		puts_text(r, ">");
		break;
	case 'N':
		nested(r, in_type);
		break;
	case 'I':
		path(r, in_type);
		puts_text(r, in_type ? "<" : "::<");
		list(r, argument);
		puts_text(r, ">");
		break;
	case 'B':
		back(r, path, in_type);
		break;
	default:
		r->bad = 1;
	}
	r->depth--;
}

char *demangle_rust(const char *name)
{
	struct rust r = { 0 };

	/* What comes behind a dot is of the compiler's later stages. */
	r.name = name + 2;
	r.bytes = strcspn(r.name, ".$");
	if (!starts_with(name, "_R") || !isupper((unsigned char)*r.name))
		return NULL;
	r.out = xcalloc(OUT_BYTES_MAX + 1, 1);
	path(&r, 0);
	/* The crate that it was made for may follow. */
	r.quiet = 1;
	if (!r.bad && r.at < r.bytes)
		path(&r, 0);
	if (!r.bad && r.at == r.bytes)
		return xrealloc(r.out, r.nr + 1);
	free(r.out);
	return NULL;
}
