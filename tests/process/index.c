// SPDX-License-Identifier: MIT
/*
 * index - a program that asks what its own addresses are, while it changes them
 *
 *	index basics			each operation, one thread
 *	index strangers			chunks that libc allocates or frees past us
 *	index storm THREADS OPERATIONS	threads that allocate, free and ask
 *
 * Asks through the unit that exports ask_query() where there is one, and
 * otherwise by its own copy of the API.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mallochooks/mallochooks.h>

static int (*query)(const void *, struct mallochooks_object *);
static int (*set_tag)(const void *, uint64_t);
static int (*walk)(mallochooks_visit *, void *);

static int failures;

#define CHECK(condition) \
	((condition) ? (void)0 : failed(__LINE__, #condition))

static void failed(int line, const char *what)
{
	if (__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 10)
		dprintf(2, "line %d: %s\n", line, what);
}

extern const char __executable_start[], etext[];

static int is_ours(uint64_t site)
{
	return site >= (uintptr_t)__executable_start && site < (uintptr_t)etext;
}

static size_t usable_or(void *ptr, size_t size)
{
	size_t usable = malloc_usable_size(ptr);

	return usable < size ? size : usable;
}

/* Everything is right at one address of a chunk. */
static int is_right(void *ptr, size_t offset, size_t size)
{
	struct mallochooks_object object;

	return !query((char *)ptr + offset, &object) && object.base == ptr &&
	       object.requested == size && object.usable >= size &&
	       is_ours(object.site);
}

/* ---- one thread --------------------------------------------------------------- */

static void check_chunk(void *ptr, size_t size)
{
	const size_t usable = usable_or(ptr, size);
	struct mallochooks_object object;

	CHECK(ptr);
	for (size_t i = 0; i < usable; i += 1 + usable / 2000)
		CHECK(is_right(ptr, i, size));
	CHECK(is_right(ptr, usable ? usable - 1 : 0, size));
	CHECK(!query(ptr, &object) && object.usable == usable);
	CHECK(object.size == sizeof(object) && !object.flags && !object.tag);
	CHECK(!strcmp(object.ident, "libc"));
	CHECK(query((char *)ptr + usable, &object) || object.base != ptr);
	CHECK(query((char *)ptr - 1, &object) || object.base != ptr);
}

static int is_gone(void *ptr)
{
	struct mallochooks_object object;

	return query(ptr, &object) == -ENOENT;
}

/* In a child, what another thread was reallocating at the fork is pending for good. */
static int is_gone_or_left(void *ptr)
{
	struct mallochooks_object object;
	const int error = query(ptr, &object);

	return error ? error == -ENOENT : (object.flags & MALLOCHOOKS_PENDING) != 0;
}

static void check_realloc(size_t from, size_t to)
{
	char *ptr = malloc(from);
	struct mallochooks_object object;
	uint64_t site;

	CHECK(!query(ptr, &object) && is_ours(object.site));
	site = object.site;
	CHECK(!set_tag(ptr + from / 2, 4711));
	ptr = realloc(ptr, to);
	CHECK(!query(ptr, &object) && object.requested == to);
	CHECK(object.tag == 4711 && object.site == site && !object.flags);
	CHECK(!set_tag(ptr, 0));
	check_chunk(ptr, to);
	CHECK(!realloc(ptr, SIZE_MAX / 2));
	check_chunk(ptr, to);
	free(ptr);
	CHECK(is_gone(ptr));
}

static int count_ours(const struct mallochooks_object *object, void *arg)
{
	*(size_t *)arg += (size_t)is_ours(object->site);
	return 0;
}

static int stop(const struct mallochooks_object *object, void *arg)
{
	(void)object;
	(void)arg;
	return 5;
}

static int is_whole_allocator(const struct mallochooks_allocator *allocator,
			      void *arg)
{
	CHECK(allocator->size == sizeof(*allocator));
	if (strcmp(allocator->ident, "libc"))
		return 0;
	CHECK(allocator->flags == MALLOCHOOKS_INDEXED);
	CHECK(!strcmp(allocator->method, "preload") && !*allocator->prefix);
	CHECK(strstr(allocator->symbols, "malloc") &&
	      strstr(allocator->symbols, "realloc"));
	CHECK(allocator->stack->ident == allocator->ident);
	CHECK(allocator->unit->magic == MALLOCHOOKS_MAGIC);
	++*(int *)arg;
	return 0;
}

static int stop_at_once(const struct mallochooks_allocator *allocator, void *arg)
{
	(void)allocator;
	++*(int *)arg;
	return 5;
}

static void check_allocators(void)
{
	int nr = 0;

	CHECK(!mallochooks_for_each_allocator(is_whole_allocator, &nr));
	CHECK(nr == 1);
	CHECK(mallochooks_for_each_allocator(stop_at_once, &nr) == 5);
	CHECK(nr == 2);
}

static size_t nr_ours(void)
{
	size_t nr = 0;

	CHECK(!walk(count_ours, &nr));
	return nr;
}

static void basics(void)
{
	static const size_t sizes[] = { 0, 1, 8, 24, 25, 100, 1000, 1024, 1025,
					4000, 16376, 16400, 100000, 140000,
					5000000, 70000000 };
	const size_t before = nr_ours();
	int local, nr = sizeof(sizes) / sizeof(sizes[0]);
	void *ptr;

	for (int i = 0; i < nr; i++) {
		ptr = malloc(sizes[i]);
		check_chunk(ptr, sizes[i]);
		CHECK(nr_ours() == before + 1);
		free(ptr);
		CHECK(is_gone(ptr));
		ptr = calloc(1, sizes[i]);
		check_chunk(ptr, sizes[i]);
		free(ptr);
		for (size_t a = 16; a <= 65536; a *= 16) {
			ptr = memalign(a, sizes[i]);
			check_chunk(ptr, sizes[i]);
			free(ptr);
			CHECK(is_gone(ptr));
		}
		for (int k = 1; k < nr; k++)
			if (i)
				check_realloc(sizes[i], sizes[k]);
	}
	check_allocators();
	ptr = realloc(NULL, 10);
	check_chunk(ptr, 10);
	ptr = realloc(ptr, 0);		/* frees, or gives another chunk */
	if (ptr)
		check_chunk(ptr, 0);
	free(ptr);
	ptr = malloc(1);
	CHECK(walk(stop, NULL) == 5);
	free(ptr);
	CHECK(nr_ours() == before);
	CHECK(is_gone(&local) && is_gone(&failures) && is_gone((void *)basics));
	CHECK(is_gone(NULL) && is_gone((void *)UINTPTR_MAX));
	CHECK(set_tag(&local, 1) == -ENOENT);
}

/* Address space and no more; where that is short there is nothing to be seen. */
static void check_very_large(int grow)
{
	const size_t gib = (size_t)1 << 30;
	const size_t sizes[] = { gib - 1, gib, 4 * gib - 1, 4 * gib, 4 * gib + 1 };
	char *ptr, *other;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ptr = malloc(sizes[i]);
		if (!ptr)
			continue;
		check_chunk(ptr, sizes[i]);
		/* most allocators copy, which touches all of it */
		if (grow && (other = realloc(ptr, sizes[i] + 8 * gib))) {
			ptr = other;
			check_chunk(ptr, sizes[i] + 8 * gib);
		}
		free(ptr);
		CHECK(is_gone(ptr) && is_gone(ptr + sizes[i] - 1));
	}
}

extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void __libc_free(void *ptr);

/* Only where libc's is the allocator below. */
static void strangers(void)
{
	struct mallochooks_object object;
	const size_t before = nr_ours();
	char *ptr, *other;

	ptr = __libc_malloc(100);	/* never seen by us */
	CHECK(is_gone(ptr) && is_gone(ptr + 99));
	CHECK(set_tag(ptr, 1) == -ENOENT);
	free(ptr);
	ptr = __libc_malloc(100);
	ptr = realloc(ptr, 5000);	/* known from here on */
	check_chunk(ptr, 5000);
	free(ptr);
	CHECK(is_gone(ptr));
	CHECK(nr_ours() == before);
	/* freed behind our back: what takes its place is not mistaken for it */
	for (size_t size = 24; size < 2000; size *= 3) {
		ptr = malloc(size);
		CHECK(!set_tag(ptr, 9));
		__libc_free(ptr);
		CHECK(!query(ptr, &object) && object.tag == 9);
		other = malloc(size - 1);
		CHECK(other == ptr);
		check_chunk(other, size - 1);
		free(other);
		CHECK(is_gone(other));
		/* moved behind our back, and larger there */
		ptr = malloc(size);
		ptr = __libc_realloc(ptr, size + 3000);
		free(ptr);
		CHECK(is_gone(ptr));
	}
}

/* ---- many threads --------------------------------------------------------------- */

enum { SLOTS = 64, MAX_THREADS = 8, FREE = 0, LIVE, READ, CHANGING };

static struct slot {
	int state;
	size_t size;
	char *ptr;
} slots[MAX_THREADS][SLOTS];
static int nr_threads, ended;
static unsigned long nr_operations;
static char *alarm_chunk;
static unsigned long nr_alarms, nr_read;

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static size_t draw_size(uint64_t *state)
{
	const uint32_t kind = draw(state) % 100;

	return draw(state) % (kind < 80 ? 300 : kind < 98 ? 9000 : 300000);
}

/* A reader may hold it for a moment. */
static int take(struct slot *slot, int from, int to)
{
	int state = from;

	return __atomic_compare_exchange_n(&slot->state, &state, to, 0,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void give(struct slot *slot, int state)
{
	__atomic_store_n(&slot->state, state, __ATOMIC_RELEASE);
}

static void *allocate(size_t size, uint64_t *state)
{
	switch (draw(state) % 8) {
	case 0:	return calloc(1, size);
	case 1:	return memalign((size_t)16 << draw(state) % 9, size);
	default: return malloc(size);
	}
}

static void change(struct slot *slot, uint64_t *state)
{
	char *ptr;
	size_t size;

	if (take(slot, FREE, CHANGING)) {
		slot->size = draw_size(state);
		slot->ptr = allocate(slot->size, state);
		CHECK(!slot->ptr || is_right(slot->ptr, 0, slot->size));
		give(slot, slot->ptr ? LIVE : FREE);
	} else if (take(slot, LIVE, CHANGING)) {
		if (slot->size)
			CHECK(is_right(slot->ptr, draw(state) % slot->size,
				       slot->size));
		if (draw(state) % 3) {
			free(slot->ptr);
			give(slot, FREE);
			return;
		}
		size = 1 + draw_size(state);
		ptr = realloc(slot->ptr, size);
		if (ptr) {
			slot->ptr = ptr;
			slot->size = size;
		}
		CHECK(is_right(slot->ptr, 0, slot->size));
		if (!(draw(state) % 8))
			CHECK(!set_tag(slot->ptr, slot->size * 3));
		give(slot, LIVE);
	}
}

static void *work(void *arg)
{
	const size_t nr = (size_t)arg;
	uint64_t state = nr + 1;

	for (unsigned long i = 0; i < nr_operations; i++)
		change(&slots[nr][draw(&state) % SLOTS], &state);
	return NULL;
}

/* A tag was of the size that the chunk had then, which realloc may have changed. */
static int is_whole(const struct mallochooks_object *object, const char *at)
{
	return (const char *)object->base <= at &&
	       (uint64_t)(at - (const char *)object->base) <
	       (object->usable ? object->usable : 1) &&
	       object->requested <= object->usable && object->tag % 3 == 0;
}

/* Chunks of others: held, so certain; or not, and then whole at least. */
static void *read_others(void *arg)
{
	uint64_t state = (uintptr_t)arg + 100;
	struct mallochooks_object object;
	struct slot *slot;
	const char *at;
	size_t offset;

	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		slot = &slots[draw(&state) % (uint32_t)nr_threads]
			     [draw(&state) % SLOTS];
		if (take(slot, LIVE, READ)) {
			offset = slot->size ? draw(&state) % slot->size : 0;
			CHECK(is_right(slot->ptr, offset, slot->size));
			give(slot, LIVE);
			__atomic_fetch_add(&nr_read, 1, __ATOMIC_RELAXED);
		}
		at = __atomic_load_n(&slot->ptr, __ATOMIC_RELAXED) +
		     draw(&state) % 4096;
		if (!query(at, &object))
			CHECK(is_whole(&object, at));
	}
	return NULL;
}

static void on_alarm(int signal)
{
	int error = errno;

	(void)signal;
	CHECK(is_right(alarm_chunk, 99, 100));
	nr_alarms++;
	errno = error;
}

static int check_whole(const struct mallochooks_object *object, void *arg)
{
	(void)arg;
	CHECK(is_whole(object, object->base));
	return 0;
}

/* While other threads are at work. */
static void fork_in_the_middle(void)
{
	char *mine = malloc(777), *big = malloc(300000), *child;
	int status;
	pid_t pid = fork();

	if (!pid) {
		CHECK(is_right(mine, 776, 777) && is_right(big, 1, 300000));
		CHECK(!walk(check_whole, NULL));
		child = malloc(55);
		CHECK(is_right(child, 54, 55));
		mine = realloc(mine, 9000);
		CHECK(is_right(mine, 8999, 9000));
		free(big);
		CHECK(is_gone_or_left(big));
		_exit(failures != 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && !status);
	CHECK(is_right(mine, 776, 777) && is_right(big, 299999, 300000));
	free(mine);
	free(big);
}

static void start_alarms(void)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction action = { .sa_handler = on_alarm,
				    .sa_flags = SA_RESTART };

	alarm_chunk = malloc(100);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static void end_alarms(void)
{
	const struct itimerval never = { .it_value = { 0, 0 } };

	setitimer(ITIMER_REAL, &never, NULL);
	/* valgrind delivers one that was raised before, later */
	signal(SIGALRM, SIG_IGN);
	free(alarm_chunk);
}

static void storm(void)
{
	pthread_t threads[MAX_THREADS], readers[2];
	size_t before, i;

	before = nr_ours();
	start_alarms();
	for (i = 0; i < 2; i++)
		pthread_create(&readers[i], NULL, read_others, (void *)i);
	for (i = 0; i < (size_t)nr_threads; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (i = 0; i < 10; i++)
		fork_in_the_middle();
	for (i = 0; i < (size_t)nr_threads; i++)
		pthread_join(threads[i], NULL);
	CHECK(!walk(check_whole, NULL));
	__atomic_store_n(&ended, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
	end_alarms();
	for (i = 0; i < (size_t)nr_threads; i++)
		for (size_t k = 0; k < SLOTS; k++)
			if (slots[i][k].state == LIVE)
				free(slots[i][k].ptr);
	CHECK(nr_ours() == before);
	printf("%lu %lu\n", nr_read, nr_alarms);
}

int main(int argc, char **argv)
{
	*(void **)&query = dlsym(RTLD_DEFAULT, "ask_query");
	*(void **)&set_tag = dlsym(RTLD_DEFAULT, "ask_set_tag");
	*(void **)&walk = dlsym(RTLD_DEFAULT, "ask_walk");
	if (!query) {
		query = mallochooks_query;
		set_tag = mallochooks_set_tag;
		walk = mallochooks_walk;
	}
	if (argc == 4 && !strcmp(argv[1], "storm")) {
		nr_threads = atoi(argv[2]);
		nr_operations = strtoul(argv[3], NULL, 10);
		if (nr_threads < 1 || nr_threads > MAX_THREADS)
			return 2;
		storm();
	} else if (argc == 2 && !strcmp(argv[1], "strangers")) {
		strangers();
		check_very_large(1);
	} else {
		basics();
		check_very_large(0);
	}
	if (failures)
		fprintf(stderr, "%d failures\n", failures);
	return failures != 0;
}
