// SPDX-License-Identifier: MIT
/*
 * handlers_client - handlers that do what handlers should not have to avoid
 *
 *	-DPRINTF	printf to stdout, to stderr and into memory
 *	-DDLOPEN	dlopen, a dlsym that fails, dlclose
 *	-DALLOCATE	malloc, realloc, calloc and free, one birth each but free
 *	-DLONGJMP	longjmp out, when the program has set handlers_jump
 *
 * Each event is counted in the program's handlers_events, at its beginning; an
 * event inside of another one in handlers_nested.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <mallochooks/eventapi.h>

static unsigned long *events, *nested;
static jmp_buf **jump;
static __thread int inside __attribute__((tls_model("initial-exec")));

void ALLOC_EVENT_IDENT(post_init)(void)
{
	events = dlsym(RTLD_DEFAULT, "handlers_events");
	nested = dlsym(RTLD_DEFAULT, "handlers_nested");
	jump = dlsym(RTLD_DEFAULT, "handlers_jump");
}

#ifdef PRINTF
static void act(const char *event, const void *ptr)
{
	char text[200], *made;

	snprintf(text, sizeof(text), "%s %p %f\n", event, ptr, 1.0 / 3);
	fprintf(stderr, "event: %s", text);
	printf("event: %s", text);
	if (asprintf(&made, "%s %1000d", event, 7) > 0)
		free(made);
}
#endif

#ifdef DLOPEN
static void act(const char *event, const void *ptr)
{
	void *handle = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
	double (*cosine)(double);

	(void)event;
	(void)ptr;
	if (!handle)
		abort();
	cosine = (double (*)(double))dlsym(handle, "cos");
	if (!cosine || cosine(0) != 1.0)
		abort();
	if (dlsym(handle, "no_such_function") || !dlerror())
		abort();
	dlclose(handle);
}
#endif

#ifdef ALLOCATE
static void act(const char *event, const void *ptr)
{
	char *volatile mine = malloc(10);

	(void)event;
	(void)ptr;
	mine = realloc(mine, 100);
	if (!mine)
		abort();
	free(mine);
	mine = calloc(10, 10);
	if (!mine || mine[99])
		abort();
	free(mine);
}
#endif

#ifdef LONGJMP
static void act(const char *event, const void *ptr)
{
	jmp_buf *to = jump ? *jump : NULL;

	(void)event;
	(void)ptr;
	inside = 0;
	if (!to)
		return;
	*jump = NULL;
	longjmp(*to, 1);
}
#endif

static void event(const char *name, const void *ptr)
{
	if (!events)
		return;
	__atomic_fetch_add(events, 1, __ATOMIC_RELAXED);
	if (inside)
		__atomic_fetch_add(nested, 1, __ATOMIC_RELAXED);
	inside = 1;
	act(name, ptr);
	errno = 4711;
	inside = 0;
}

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t alignment,
				    caller_t caller)
{
	(void)alignment;
	(void)caller;
	event("pre_alloc", NULL);
	return size;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t modified_size,
					      size_t requested_size,
					      size_t alignment, caller_t caller)
{
	(void)modified_size;
	(void)requested_size;
	(void)alignment;
	(void)caller;
	event("post_successful_alloc", ptr);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t caller)
{
	(void)caller;
	event("pre_nonnull_free", ptr);
	return 0;
}

void ALLOC_EVENT_IDENT(post_nonnull_free)(void *ptr, caller_t caller)
{
	(void)caller;
	event("post_nonnull_free", ptr);
}

size_t ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(void *old_ptr, size_t size,
						      caller_t caller)
{
	(void)caller;
	event("pre_nonnull_nonzero_realloc", old_ptr);
	return size;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old_ptr,
						     size_t modified_size,
						     caller_t caller,
						     void *new_ptr)
{
	(void)modified_size;
	(void)caller;
	(void)old_ptr;
	event("post_nonnull_nonzero_realloc", new_ptr);
}
