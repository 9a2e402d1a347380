// SPDX-License-Identifier: MIT
/*
 * demangle - names of C++ and Rust as their source has them
 *
 * C++ comes from __cxa_demangle() of whichever C++ library is there at run
 * time, so that a build needs no C++.  Rust's older names are C++ names with
 * escapes and a hash, which are taken out here.
 * Source: Itanium C++ ABI, 3.4 (__cxa_demangle) and 5.1 (names); rustc's
 * compiler/rustc_symbol_mangling/src/legacy.rs.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "tools.h"

typedef char *demangle_t(const char *name, char *buf, size_t *bytes,
			 int *status);

/* What demangles is code of great depth: no real name is as long. */
#define NAME_BYTES_MAX	(64 * 1024)
#define RUST_HASH_BYTES	(sizeof("::h0123456789abcdef") - 1)

static demangle_t *library(void)
{
	static const char *const names[] = { "libstdc++.so.6",
					     "libc++abi.so.1" };
	static demangle_t *found;
	static int tried;
	size_t i;

	for (i = 0; !tried && !found && i < ARRAY_SIZE(names); i++) {
		void *lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);

		if (lib)
			found = (demangle_t *)dlsym(lib, "__cxa_demangle");
	}
	tried = 1;
	return found;
}

/* "::h" and 16 hexadecimal digits are the end of each older name of Rust. */
static int has_rust_hash(const char *name, size_t bytes)
{
	const char *hash;
	size_t i;

	if (bytes <= RUST_HASH_BYTES)
		return 0;
	hash = name + bytes - RUST_HASH_BYTES;
	if (strncmp(hash, "::h", 3))
		return 0;
	for (i = 3; i < RUST_HASH_BYTES; i++) {
		if (!isdigit((unsigned char)hash[i]) &&
		    (hash[i] < 'a' || hash[i] > 'f'))
			return 0;
	}
	return 1;
}

/* "$u7b$" is "{": the code point of an ASCII character.  0 when it is none. */
static size_t rust_code_point(const char *at, char *out)
{
	char *end;
	long code;

	if (strncmp(at, "$u", 2) || !isxdigit((unsigned char)at[2]))
		return 0;
	code = strtol(at + 2, &end, 16);
	if (*end != '$' || code < ' ' || code > '~')
		return 0;
	*out = (char)code;
	return end + 1 - at;
}

static size_t rust_escape(const char *at, const char **text)
{
	static const struct {
		const char *escape;
		const char *text;
	} escapes[] = {
		{ "$SP$", "@" }, { "$BP$", "*" }, { "$RF$", "&" },
		{ "$LT$", "<" }, { "$GT$", ">" }, { "$LP$", "(" },
		{ "$RP$", ")" }, { "$C$", "," }, { "..", "::" },
	};
	static char one[2];
	size_t i, nr;

	for (i = 0; i < ARRAY_SIZE(escapes); i++) {
		if (starts_with(at, escapes[i].escape)) {
			*text = escapes[i].text;
			return strlen(escapes[i].escape);
		}
	}
	nr = rust_code_point(at, &one[0]);
	*text = one;
	return nr;
}

/* In place: no escape is shorter than what it stands for. */
static void rust_unescape(char *name, size_t bytes)
{
	char *from = name, *to = name;
	const char *text;
	size_t nr;

	name[bytes - RUST_HASH_BYTES] = '\0';
	while (*from) {
		/* A name cannot start with an escape: "_" goes before it. */
		if (*from == '_' && from[1] == '$' &&
		    (from == name || from[-1] == ':'))
			from++;
		nr = rust_escape(from, &text);
		if (!nr) {
			*to++ = *from++;
			continue;
		}
		while (*text)
			*to++ = *text++;
		from += nr;
	}
	*to = '\0';
}

int is_mangled(const char *name)
{
	return starts_with(name, "_Z") || starts_with(name, "_R");
}

char *demangle(const char *name)
{
	demangle_t *cxa;
	char *readable;
	size_t bytes;
	int status;

	if (strlen(name) > NAME_BYTES_MAX)
		return NULL;
	if (starts_with(name, "_R"))
		return demangle_rust(name);
	if (!starts_with(name, "_Z"))
		return NULL;
	cxa = library();
	readable = cxa ? cxa(name, NULL, NULL, &status) : NULL;
	if (!readable)
		return NULL;
	bytes = strlen(readable);
	if (has_rust_hash(readable, bytes))
		rust_unescape(readable, bytes);
	return readable;
}
