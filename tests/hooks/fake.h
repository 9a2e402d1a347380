/* SPDX-License-Identifier: MIT */
/*
 * fake.h - what a layer under test stands on
 *
 * fake.c is the next layer: it writes each call into a journal, hands out
 * memory that it never reuses, and fails when told to.  The journal names
 * chunks p0, p1, ... in the order in which they were handed out.
 *
 * A test's body runs in a child of its own, since a layer has state that only
 * a new process can reset: no cmocka assertions there, but the ones below.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <mallochooks/layer.h>

/* ---- the next layer -------------------------------------------------------- */

enum fake_realloc_zero {	/* what realloc(p, 0) does */
	FAKE_FREES,		/* NULL, errno untouched: glibc */
	FAKE_GIVES,		/* a new chunk: jemalloc, C17's other choice */
	FAKE_KEEPS,		/* NULL with ENOMEM: the chunk lives */
};

struct fake {
	int error;		/* the next allocation fails with this errno */
	int leaves_errno;	/* errno behind every other call, or 0 */
	int zeroed;		/* answer of zeroed() */
	enum fake_realloc_zero realloc_zero;
	void (*on_wake)(void);	/* called by mh_wake(), which then goes live */
	int wake_fails;		/* mh_wake() answers no */
	void (*on_call)(void);	/* called first thing in each operation */
	int quiet;		/* nothing is written down: for threads */
};
extern struct fake fake;

/* Bytes that chunk @ptr was asked for when it was handed out. */
size_t fake_size(const void *ptr);

/* ---- the journal ----------------------------------------------------------- */

void journal(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *chunk_name(const void *ptr);
const char *journal_text(void);
void journal_clear(void);

/* ---- tests ----------------------------------------------------------------- */

/* Rows of ops.h (or of MH_EVENTS) that were called in any test so far. */
enum {
#define MH_X(op) FAKE_OP_##op,
	MH_OPS(MH_X)
#undef MH_X
	FAKE_NR_OPS
};
extern unsigned int *fake_seen;		/* shared by all children */
extern unsigned int *fake_events_seen;
void fake_assert_every_op_was_seen(void **state);

int fake_start(void **state);		/* group setup */
void fake_run(void **state);		/* runs one body in a child */

#define BODY(body)	{ #body, fake_run, NULL, NULL, (void *)(body) }

void check_failed(const char *file, int line, const char *what)
	__attribute__((noreturn));
#define CHECK(condition) \
	((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

/* The journal says exactly this; it is empty afterwards. */
#define EXPECT(want)	check_journal(__FILE__, __LINE__, want)
void check_journal(const char *file, int line, const char *want);

/* Runs @body in a child and wants it to end well. */
#define CHILD(body)	CHECK(fake_child(body) == 0)
int fake_child(void (*body)(void));

/* @body writes exactly this to descriptor 2. */
#define HEAR(body, want)	check_said(__FILE__, __LINE__, body, want)
void check_said(const char *file, int line, void (*body)(void),
		const char *want);

#endif
