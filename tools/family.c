// SPDX-License-Identifier: MIT
/*
 * family.c - the functions of an allocator that have names of their own, as C
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "family.h"

const char *const function_kind_names[NR_FUNCTION_KINDS] = {
	[FUNCTION_ALLOC] = "alloc",
	[FUNCTION_CALLOC] = "calloc",
	[FUNCTION_REALLOC] = "realloc",
	[FUNCTION_FREE] = "free",
	[FUNCTION_SIZE] = "size",
	[FUNCTION_FACADE] = "facade",
};

/* ---- what a kind of function must look like ------------------------------------ */

/* @results: letters that it may return, " " for void; NULL: any */
static const struct rule {
	size_t min_bytes, max_bytes;	/* 'Z', 'I' */
	size_t chunks;			/* 'P' */
	size_t max_alignments;		/* 'A' */
	const char *results;
} rules[] = {
	[FUNCTION_ALLOC] = { 1, 2, 0, 1, "pP" },
	[FUNCTION_CALLOC] = { 1, 2, 0, 0, "pP" },
	[FUNCTION_REALLOC] = { 1, 2, 1, 0, "pP" },
	[FUNCTION_FREE] = { 0, 0, 1, 0, " ilzZp" },
	[FUNCTION_SIZE] = { 0, 0, 1, 0, "zZli" },
	[FUNCTION_FACADE] = { 0, SIGNATURE_MOST, SIGNATURE_MOST, SIGNATURE_MOST,
			      NULL },
};

static char *judge(const struct signature *s, enum function_kind kind)
{
	const struct rule *rule = &rules[kind];
	size_t bytes = signature_sizes(s);

	if (kind == FUNCTION_FACADE)
		return NULL;
	if (bytes < rule->min_bytes)
		return xasprintf("has no 'Z' (or 'I') among its arguments: "
				 "which one is the size?");
	if (bytes > rule->max_bytes)
		return xasprintf(rule->max_bytes ?
				 "has more than two sizes 'Z' to multiply" :
				 "has a size 'Z', which counts for nothing "
				 "here: write 'z'");
	if (signature_count(s, 'P') != rule->chunks)
		return xasprintf(rule->chunks ?
				 "wants one 'P' among its arguments: which one "
				 "is the chunk?" :
				 "has a chunk 'P' among its arguments: that "
				 "is a realloc, or write 'p'");
	if (signature_count(s, 'A') > rule->max_alignments)
		return xasprintf("has an alignment too many ('A')");
	if (!strchr(rule->results, s->ret ? s->ret : ' '))
		return xasprintf("has a result that does not fit: %s is wanted",
				 rule->results[0] == 'p' ? "'p'" :
				 rule->results[0] == 'z' ? "'z'" :
				 "'p', a number, or nothing");
	return NULL;
}

char *family_add(struct family *family, enum function_kind kind,
		 const char *text)
{
	struct function function = { .kind = kind };
	char *wrong = signature_parse(&function.signature, text);

	if (!wrong)
		wrong = judge(&function.signature, kind);
	for (size_t i = 0; !wrong && i < family->nr; i++)
		if (streq(family->function[i].signature.name,
			  function.signature.name) &&
		    !signature_is_another(&family->function[i].signature,
					  &function.signature))
			wrong = xasprintf("stands there twice");
	if (wrong) {
		signature_free(&function.signature);
		return wrong;
	}
	family->function = xrealloc(family->function, (family->nr + 1) *
				    sizeof(*family->function));
	family->function[family->nr++] = function;
	return NULL;
}

void family_free(struct family *family)
{
	for (size_t i = 0; i < family->nr; i++)
		signature_free(&family->function[i].signature);
	free(family->function);
	memset(family, 0, sizeof(*family));
}

static size_t count_kind(const struct family *family, enum function_kind kind)
{
	size_t nr = 0;

	for (size_t i = 0; i < family->nr; i++)
		nr += family->function[i].kind == kind;
	return nr;
}

static int allocates(const struct family *family)
{
	return count_kind(family, FUNCTION_ALLOC) ||
	       count_kind(family, FUNCTION_CALLOC);
}

char *family_check(const struct family *family)
{
	if (!allocates(family) && !count_kind(family, FUNCTION_REALLOC))
		return xasprintf("has no function that allocates: "
				 "alloc = [ \"NAME(Z)p\" ]");
	if (count_kind(family, FUNCTION_SIZE) > 1)
		return xasprintf("has more than one size function");
	return NULL;
}

/* ---- C ------------------------------------------------------------------------------ */

static const char *none_of(char ret)
{
	if (!ret)
		return "return";
	return ret == 'p' || ret == 'P' ? "return NULL" : "return 0";
}

/* MACRO(ret, name, (params), (args) */
static void open_macro(const char *macro, const struct signature *s, FILE *out)
{
	char *params = signature_params(s);
	char *args = signature_list(s);
	size_t first;

	first = (size_t)fprintf(out, "%s(%s, %s,", macro,
				signature_type(s->ret), s->name);
	fprintf(out, "%s(%s), (%s)", first + strlen(params) + strlen(args) > 55 ?
		"\n      " : " ", params, args);
	free(params);
	free(args);
}

#define WIDTH	80

/* A list in parentheses, in as many lines as it needs.  @column: where it
 * begins, @indent: tabs before further lines */
static void write_list(const struct strings *list, size_t column, int indent,
		       FILE *out)
{
	for (size_t i = 0; i < list->nr; i++) {
		size_t more = strlen(list->item[i]) + 2;

		if (i && column + more > WIDTH) {
			fprintf(out, ",\n%.*s", indent, "\t\t\t\t\t");
			column = 8 * (size_t)indent;
		} else if (i) {
			fputs(", ", out);
		}
		fputs(list->item[i], out);
		column += more;
	}
}

static void write_comment(const struct signature *s, FILE *out)
{
	fprintf(out, "\n/* %s(%s)%.1s */\n", s->name, s->args, &s->ret);
}

static void write_real(const struct signature *s, FILE *out)
{
	write_comment(s, out);
	open_macro("MH_REAL", s, out);
	fprintf(out, ", %s)\n", none_of(s->ret));
}

/* A realloc alone allocates and frees too: of no chunk, to no bytes. */
static int does_all(const struct family *family, enum function_kind kind)
{
	return kind == FUNCTION_REALLOC && !allocates(family) &&
	       !count_kind(family, FUNCTION_FREE);
}

/* Is it asked about a chunk, and may be about none? */
static int takes_chunk(const struct family *family, enum function_kind kind)
{
	return kind == FUNCTION_FREE || kind == FUNCTION_SIZE ||
	       does_all(family, kind);
}

/* The size, or the first or the last of its two factors. */
static size_t first_size(const struct signature *s)
{
	return strcspn(s->args, "ZI");
}

static size_t last_size(const struct signature *s)
{
	size_t i = strlen(s->args);

	while (!signature_is_size(s->args[--i]))
		;
	return i;
}

static void write_head(FILE *out)
{
	fputs("/* Written by \"mallochooks stack\" from a description: do not "
	      "edit. */\n"
	      "#include \"named.h\"\n", out);
}

/* ---- the entry ------------------------------------------------------------------------ */

static int is_pointer(char letter)
{
	return ends_with(signature_type(letter), "*");
}

static void write_call(const struct family *family, size_t f, FILE *out)
{
	const struct signature *s = &family->function[f].signature;
	struct strings words = { 0 };

	for (size_t i = 0; s->args[i]; i++)
		strings_addf(&words, "%s%s", is_pointer(s->args[i]) ?
			     "(uintptr_t)" : "", signature_arg(s, i));
	fprintf(out, "\tstruct mh_call call = {\n\t\t.function = %zu,\n"
		"\t\t.word = { ", f);
	write_list(&words, 26, 3, out);
	fputs(" },\n\t};\n", out);
	strings_free(&words);
}

/* A size as a size_t: an int may be negative. */
static void write_size(const struct signature *s, size_t arg, FILE *out)
{
	fprintf(out, s->args[arg] == 'I' ? "mh_call_bytes(%s)" : "%s",
		signature_arg(s, arg));
}

/* The bytes that are asked for; too many to ask are refused at once. */
static void write_bytes(const struct signature *s, FILE *out)
{
	fputs("\tsize_t bytes = ", out);
	if (signature_sizes(s) == 1) {
		write_size(s, first_size(s), out);
	} else {
		fputs("mh_array_bytes(", out);
		write_size(s, first_size(s), out);
		fputs(", ", out);
		write_size(s, last_size(s), out);
		fputs(")", out);
	}
	fputs(";\n\tvoid *got;\n\n"
	      "\tif (unlikely(bytes == SIZE_MAX))\n"
	      "\t\treturn mh_call_none();\n", out);
}

/* A chunk that is not there is freed: no layer is asked. */
static void write_frees_none(const struct signature *s, FILE *out)
{
	char *args = signature_list(s);

	fprintf(out, "\tif (!ptr && !bytes)\n"
		"\t\treturn MH_OF_NONE(%s)(%s);\n", s->name, args);
	free(args);
}

static void write_down(const struct function *function, FILE *out)
{
	const struct signature *s = &function->signature;

	switch (function->kind) {
	case FUNCTION_CALLOC:
		fprintf(out, "TOP(calloc)(1, bytes, caller)");
		break;
	case FUNCTION_REALLOC:
		fprintf(out, "TOP(realloc)(ptr, bytes, caller)");
		break;
	default:
		if (signature_count(s, 'A'))
			fprintf(out, "TOP(memalign)("
				"mh_call_alignment(alignment), bytes,\n"
				"\t\t\t    caller)");
		else
			fprintf(out, "TOP(malloc)(bytes, caller)");
	}
}

static void write_allocating(const struct family *family, size_t f, FILE *out)
{
	const struct function *function = &family->function[f];
	const struct signature *s = &function->signature;

	fputs(")\n{\n", out);
	write_call(family, f, out);
	write_bytes(s, out);
	if (does_all(family, function->kind))
		write_frees_none(s, out);
	fputs("\tcaller = mh_call_begin(&call, bytes, caller);\n\tgot = ", out);
	write_down(function, out);
	fprintf(out, ";\n\tmh_call_end(&call, got%s);\n\treturn got;\n}\n",
		function->kind == FUNCTION_REALLOC ? " || !bytes" : " != NULL");
}

/* What the real function says of no chunk, of which no layer is asked. */
static void declare_of_none(const struct signature *s, FILE *out)
{
	char *params = signature_params(s);

	fprintf(out, "\n%s MH_OF_NONE(%s)(%s);\n", signature_type(s->ret),
		s->name, params);
	free(params);
}

static void write_freeing(const struct family *family, size_t f, FILE *out)
{
	const struct signature *s = &family->function[f].signature;
	char *args = signature_list(s);

	fputs(")\n{\n", out);
	write_call(family, f, out);
	fprintf(out, "\n\tif (!ptr)%s\n\t\t%sMH_OF_NONE(%s)(%s);\n%s"
		"\tcaller = mh_call_begin(&call, 0, caller);\n"
		"\tTOP(free)(ptr, caller);\n"
		"\tmh_call_end(&call, 1);\n", s->ret ? "" : " {",
		s->ret ? "return " : "", s->name, args,
		s->ret ? "" : "\t\treturn;\n\t}\n");
	if (s->ret)
		fprintf(out, "\treturn (%s)call.result;\n",
			signature_type(s->ret));
	fputs("}\n", out);
	free(args);
}

static void write_sizing(const struct family *family, size_t f, FILE *out)
{
	const struct signature *s = &family->function[f].signature;
	char *args = signature_list(s);

	fputs(")\n{\n", out);
	write_call(family, f, out);
	fprintf(out, "\tsize_t usable;\n\n"
		"\tif (!ptr)\n\t\treturn MH_OF_NONE(%s)(%s);\n"
		"\tmh_call_begin(&call, 0, caller);\n"
		"\tusable = TOP(malloc_usable_size)(ptr);\n"
		"\tmh_call_end(&call, 1);\n"
		"\treturn (%s)usable;\n}\n", s->name, args,
		signature_type(s->ret));
	free(args);
}

static void write_entry_of(const struct family *family, size_t f, FILE *out)
{
	const struct signature *s = &family->function[f].signature;
	enum function_kind kind = family->function[f].kind;

	if (takes_chunk(family, kind))
		declare_of_none(s, out);
	write_comment(s, out);
	open_macro("ENTRY", s, out);
	if (kind == FUNCTION_FREE)
		write_freeing(family, f, out);
	else if (kind == FUNCTION_SIZE)
		write_sizing(family, f, out);
	else
		write_allocating(family, f, out);
}

void family_write_entry(const struct family *family, FILE *out)
{
	write_head(out);
	fputs("\nMH_TLS struct mh_call *MH_NAME(entry, call);\n", out);
	for (size_t f = 0; f < family->nr; f++)
		write_entry_of(family, f, out);
}

/* ---- the terminal ---------------------------------------------------------------------- */

/**
 * struct op - an operation of the hook API as the terminal does it
 * @kinds:	of functions that can do it, the best first
 * @aligned:	they have an 'A', or must have none
 * @is_calloc:	its size is the product of two
 * @by_realloc:	a realloc does it in a family that has none of @kinds
 * @head:	of its C
 * @before:	what stands before the call, NULL: it has no result
 * @none:	when there is no such function
 */
struct op {
	enum function_kind kinds[2];
	size_t aligned;
	int is_calloc;
	int by_realloc;
	const char *head;
	const char *before;
	const char *none;
};

static const struct op ops[] = {
	{ { FUNCTION_ALLOC, FUNCTION_CALLOC }, 0, 0, 1,
	  "void *HOOK_IDENT(malloc)(size_t size, caller_t caller)",
	  "return ", "return mh_call_none()" },
	{ { FUNCTION_CALLOC, FUNCTION_CALLOC }, 0, 1, 0,
	  "void *HOOK_IDENT(calloc)(size_t n, size_t size, caller_t caller)",
	  "return ",
	  "return mh_call_cleared(HOOK_IDENT(malloc)(n * size, caller),\n"
	  "\t\t\t\t       n * size)" },
	{ { FUNCTION_REALLOC, FUNCTION_REALLOC }, 0, 0, 0,
	  "void *HOOK_IDENT(realloc)(void *ptr, size_t size, caller_t caller)",
	  "return ", "return mh_call_none()" },
	{ { FUNCTION_ALLOC, FUNCTION_ALLOC }, 1, 0, 0,
	  "void *HOOK_IDENT(memalign)(size_t alignment, size_t size, "
	  "caller_t caller)",
	  "return ", "return mh_call_none()" },
	{ { FUNCTION_FREE, FUNCTION_FREE }, 0, 0, 1,
	  "void HOOK_IDENT(free)(void *ptr, caller_t caller)",
	  NULL, "return" },
	{ { FUNCTION_SIZE, FUNCTION_SIZE }, 0, 0, 0,
	  "size_t HOOK_IDENT(malloc_usable_size)(void *ptr)",
	  "return (size_t)", "return 0" },
};

/* The argument of @from that is the same one as argument @arg of @of: the same
 * letter, counted from the left.  Return: -1: there is none. */
static int same_arg(const struct signature *from, const struct signature *of,
		    size_t arg)
{
	size_t before = 0;

	for (size_t i = 0; i < arg; i++)
		before += of->args[i] == of->args[arg];
	for (size_t i = 0; from && from->args[i]; i++)
		if (from->args[i] == of->args[arg] && !before--)
			return (int)i;
	return -1;
}

static int is_given(char letter)
{
	return signature_is_size(letter) || letter == 'P' || letter == 'A';
}

static int has_args(const struct signature *from, const struct signature *of)
{
	for (size_t i = 0; of->args[i]; i++)
		if (!is_given(of->args[i]) && same_arg(from, of, i) < 0)
			return 0;
	return 1;
}

static int can_do(const struct op *op, enum function_kind kind,
		  const struct function *function)
{
	return function->kind == kind &&
	       signature_count(&function->signature, 'A') == op->aligned;
}

/* The realloc that does it where nothing else does. */
static const struct function *resizer(const struct family *family,
				      const struct op *op,
				      const struct function *f)
{
	for (size_t k = 0; k < ARRAY_SIZE(op->kinds); k++)
		if (count_kind(family, op->kinds[k]))
			return NULL;
	for (size_t i = 0; i < family->nr; i++) {
		const struct function *g = &family->function[i];

		if (g->kind == FUNCTION_REALLOC &&
		    has_args(f ? &f->signature : NULL, &g->signature))
			return g;
	}
	return NULL;
}

/* Which function does it when function @f is under way, NULL: none is. */
static const struct function *doer(const struct family *family,
				   const struct op *op,
				   const struct function *f)
{
	for (size_t k = 0; f && k < ARRAY_SIZE(op->kinds); k++)
		if (can_do(op, op->kinds[k], f))
			return f;
	for (size_t k = 0; k < ARRAY_SIZE(op->kinds); k++)
		for (size_t i = 0; i < family->nr; i++) {
			const struct function *g = &family->function[i];

			if (can_do(op, op->kinds[k], g) &&
			    has_args(f ? &f->signature : NULL, &g->signature))
				return g;
		}
	return op->by_realloc ? resizer(family, op, f) : NULL;
}

static const char *size_of(const struct op *op)
{
	if (op->kinds[0] == FUNCTION_FREE)	/* by realloc */
		return "0";
	return op->is_calloc ? "n * size" : "size";
}

static const char *chunk_of(const struct op *op)
{
	return op->kinds[0] == FUNCTION_ALLOC ? "NULL" : "ptr";
}

static void add_word(struct strings *args, char letter, size_t from)
{
	strings_addf(args, "%scall->word[%zu]", is_pointer(letter) ?
		     "(void *)" : "", from);
}

static void add_arg(const struct op *op, const struct signature *from,
		    const struct signature *of, size_t arg,
		    struct strings *args)
{
	char letter = of->args[arg];

	if (letter == 'P')
		strings_add(args, chunk_of(op));
	else if (letter == 'A')
		strings_add(args, "alignment");
	else if (!signature_is_size(letter))
		add_word(args, letter, (size_t)same_arg(from, of, arg));
	else if (signature_sizes(of) == 2 && arg == first_size(of))
		strings_add(args, "1");
	else
		strings_add(args, size_of(op));
}

/* @column: where it begins, @start: what stands before the name, @end: behind
 * the list */
static void write_real_call(size_t column, const char *start,
			    const struct signature *s, const char *end,
			    struct strings *args, FILE *out)
{
	column += (size_t)fprintf(out, "%sreal_%s(", start, s->name);
	write_list(args, column, 4, out);
	fputs(end, out);
	strings_free(args);
}

/* Factors and an odd alignment go down as they came, when no layer minds. */
static void write_as_asked(const struct op *op, const struct signature *s,
			   FILE *out)
{
	size_t alignment = strcspn(s->args, "A");
	struct strings args = { 0 };

	if (signature_sizes(s) < 2 && !s->args[alignment])
		return;
	fprintf(out, "if (%s == call->bytes", size_of(op));
	if (s->args[alignment])
		fprintf(out, " &&\n\t\t    "
			"alignment == mh_call_alignment(call->word[%zu])",
			alignment);
	fputs(")\n\t\t\t", out);
	for (size_t i = 0; s->args[i]; i++) {
		if (s->args[i] == 'P')
			strings_add(&args, chunk_of(op));
		else
			add_word(&args, s->args[i], i);
	}
	write_real_call(24, op->before, s, ");\n\t\t", &args, out);
}

/* What stands before the call of the real function. */
static const char *doing_start(const struct op *op, const struct function *f,
			       const struct function *g)
{
	char ret = g->signature.ret;

	if (!op->before)	/* a free: its result waits in the call */
		return f && ret ? "call->result = (uintptr_t)" : "";
	if (op->kinds[0] == FUNCTION_SIZE && f != g && strchr("il", ret))
		return "return mh_call_usable(";
	return op->before;
}

static void write_doing(const struct op *op, const struct function *f,
			const struct function *g, FILE *out)
{
	const struct signature *s = &g->signature;
	const char *start = doing_start(op, f, g);
	struct strings args = { 0 };

	if (f == g && op->before)
		write_as_asked(op, s, out);
	if (signature_count(s, 'I') && op->before)
		fprintf(out, "if (%s > INT_MAX)\n"
			"\t\t\treturn mh_call_none();\n\t\t", size_of(op));
	for (size_t i = 0; s->args[i]; i++)
		add_arg(op, f ? &f->signature : NULL, s, i, &args);
	write_real_call(16, start, s, ends_with(start, "usable(") ? "));\n" :
			");\n", &args, out);
	if (!op->before)
		fputs("\t\treturn;\n", out);
}

/* What an operation does while function @f is under way, NULL: none is.
 * Return: C, to be freed; NULL when it is as when none is. */
static char *doing(const struct family *family, const struct op *op,
		   const struct function *f)
{
	const struct function *g = doer(family, op, f);
	char *text = NULL;
	size_t bytes;
	FILE *out;

	if (f && !g)
		return NULL;
	out = open_memstream(&text, &bytes);
	if (!out)
		die("out of memory");
	if (g)
		write_doing(op, f, g, out);
	else
		fprintf(out, "%s;\n", op->none);
	fclose(out);
	return text;
}

/* Functions that do the same share a case. */
static void write_cases(const struct family *family, char **texts, FILE *out)
{
	for (size_t f = 0; f < family->nr; f++) {
		char *text = texts[f];

		for (size_t i = f; text && i < family->nr; i++) {
			if (!texts[i] || !streq(texts[i], text))
				continue;
			fprintf(out, "\tcase %zu:\t/* %s */\n", i,
				family->function[i].signature.name);
			if (i > f)
				free(texts[i]);
			texts[i] = NULL;
		}
		if (text)
			fprintf(out, "\t\t%s", text);
		free(text);
	}
}

static void write_op(const struct family *family, const struct op *op,
		     FILE *out)
{
	char **texts = xcalloc(family->nr, sizeof(*texts));
	char *otherwise = doing(family, op, NULL);
	size_t nr = 0;

	for (size_t f = 0; f < family->nr; f++) {
		texts[f] = doing(family, op, &family->function[f]);
		if (texts[f] && streq(texts[f], otherwise)) {
			free(texts[f]);
			texts[f] = NULL;
		}
		nr += texts[f] != NULL;
	}
	fprintf(out, "\n%s\n{\n", op->head);
	if (nr) {
		fputs("\tstruct mh_call *call = mh_call_now();\n\n"
		      "\tswitch (mh_call_function(call)) {\n", out);
		write_cases(family, texts, out);
		fprintf(out, "\tdefault:\n\t\t%s\t}\n}\n", otherwise);
	} else {
		fprintf(out, "\t%s}\n", otherwise);
	}
	free(otherwise);
	free(texts);
}

static void write_of_none(const struct signature *s, FILE *out)
{
	char *params = signature_params(s);
	char *args = signature_list(s);

	fprintf(out, "\n%s MH_OF_NONE(%s)(%s)\n{\n\t%sreal_%s(%s);\n}\n",
		signature_type(s->ret), s->name, params, s->ret ? "return " : "",
		s->name, args);
	free(params);
	free(args);
}

void family_write_terminal(const struct family *family, FILE *out)
{
	write_head(out);
	for (size_t f = 0; f < family->nr; f++)
		write_real(&family->function[f].signature, out);
	for (size_t f = 0; f < family->nr; f++)
		if (takes_chunk(family, family->function[f].kind))
			write_of_none(&family->function[f].signature, out);
	fputs("\nvoid HOOK_IDENT(init)(void)\n{\n}\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		write_op(family, &ops[i], out);
}

/* ---- facades ------------------------------------------------------------------------------ */

void family_write_facades(const struct family *family, FILE *out)
{
	write_head(out);
	for (size_t f = 0; f < family->nr; f++) {
		write_real(&family->function[f].signature, out);
		open_macro("FACADE", &family->function[f].signature, out);
		fputs(")\n", out);
	}
	fputs("\nFACADES_START\n", out);
}

void family_write_thunks(const struct family *family, const char *arch,
			 FILE *out)
{
	for (size_t f = 0; f < family->nr; f++) {
		const struct signature *s = &family->function[f].signature;

		fprintf(out, "\tmh_self\t%s, %s, %zu, __mallochooks_inner_%s, "
			"__mallochooks_entry_%s\n",
			s->name, s->ret ? "word" : "void",
			signature_stack(s, arch), s->name, s->name);
	}
}
