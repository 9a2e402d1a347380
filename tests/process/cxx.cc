// SPDX-License-Identifier: MIT
/*
 * cxx - every form of operator new and delete, and who the hooks say called it
 *
 * Each site is a function of its own, so that dladdr() tells whether the caller
 * of the last allocation was the line that it should be.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <new>
#include <string>
#include <vector>
#include "seen.h"

extern "C" {
struct seen seen;
/* Of libraries behind us: test_cxx.sh. */
extern int fail_777 __attribute__((weak));
extern int throw_4242 __attribute__((weak));
}

static int bad;
static const size_t impossible = static_cast<size_t>(1) << 62;

#define MUST(that) do { \
	if (!(that)) { \
		std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #that); \
		bad++; \
	} \
} while (0)

#define SITE	extern "C" __attribute__((noinline, visibility("default")))
#define STAY()	__asm__ volatile("" : : : "memory")	/* no tail call */

static const char *name_of(uintptr_t caller)
{
	Dl_info info;

	if (!dladdr(reinterpret_cast<void *>(caller - 1), &info))
		return "nobody";
	return info.dli_sname ? info.dli_sname : info.dli_fname;
}

static const char *file_of(uintptr_t caller)
{
	Dl_info info;

	if (!dladdr(reinterpret_cast<void *>(caller - 1), &info))
		return "nobody";
	return info.dli_fname;
}

/* Was the last allocation seen to come from @site? */
static void from(const char *site)
{
	const char *name = name_of(seen.caller);

	if (seen.inits && !std::getenv("NO_SITES") && std::strcmp(name, site)) {
		std::fprintf(stderr, "%s: seen as %s\n", site, name);
		bad++;
	}
}

#define MAKE(name, expression) \
	SITE void *name() \
	{ \
		void *volatile ptr = expression; \
		STAY(); \
		return ptr; \
	}

struct alignas(256) wide { char c[512]; };
static const std::align_val_t to_64 = std::align_val_t(64);

MAKE(site_new, ::operator new(10))
MAKE(site_new_array, ::operator new[](20))
MAKE(site_new_nothrow, ::operator new(30, std::nothrow))
MAKE(site_new_array_nothrow, ::operator new[](40, std::nothrow))
MAKE(site_new_aligned, ::operator new(50, to_64))
MAKE(site_new_array_aligned, ::operator new[](60, to_64))
MAKE(site_new_aligned_nothrow, ::operator new(70, to_64, std::nothrow))
MAKE(site_new_array_aligned_nothrow,
     ::operator new[](80, to_64, std::nothrow))
MAKE(site_new_wide, new wide)
MAKE(site_new_wide_array, new wide[3])
MAKE(site_malloc, std::malloc(90))

static void forms()
{
	void *ptr;

#define EACH(name, release) do { \
		unsigned long frees = seen.frees; \
		ptr = name(); \
		MUST(ptr); \
		from(#name); \
		release; \
		MUST(!seen.inits || seen.frees == frees + 1); \
	} while (0)
	EACH(site_new, ::operator delete(ptr));
	EACH(site_new, ::operator delete(ptr, 10));
	EACH(site_new, ::operator delete(ptr, std::nothrow));
	EACH(site_new_array, ::operator delete[](ptr));
	EACH(site_new_array, ::operator delete[](ptr, 20));
	EACH(site_new_array, ::operator delete[](ptr, std::nothrow));
	EACH(site_new_nothrow, ::operator delete(ptr));
	EACH(site_new_array_nothrow, ::operator delete[](ptr));
	EACH(site_new_aligned, ::operator delete(ptr, to_64));
	EACH(site_new_aligned, ::operator delete(ptr, 50, to_64));
	EACH(site_new_aligned, ::operator delete(ptr, to_64, std::nothrow));
	EACH(site_new_array_aligned, ::operator delete[](ptr, to_64));
	EACH(site_new_array_aligned, ::operator delete[](ptr, 60, to_64));
	EACH(site_new_array_aligned, ::operator delete[](ptr, to_64,
							 std::nothrow));
	EACH(site_new_aligned_nothrow, ::operator delete(ptr, to_64));
	EACH(site_new_array_aligned_nothrow, ::operator delete[](ptr, to_64));
	EACH(site_new_wide, delete static_cast<wide *>(ptr));
	EACH(site_new_wide_array, delete[] static_cast<wide *>(ptr));
	EACH(site_malloc, std::free(ptr));
#undef EACH
	ptr = site_new_aligned();
	MUST(reinterpret_cast<uintptr_t>(ptr) % 64 == 0);
	::operator delete(ptr, to_64);
	::operator delete(nullptr);
	::operator delete[](nullptr, 5, to_64);
}

/* Whom the hooks should name is the one who asked for the new chunk. */
SITE size_t site_vector(int n)
{
	std::vector<int> numbers;

	for (int i = 0; i < n; i++) {
		numbers.push_back(i);
		STAY();
	}
	return numbers.size();
}

static int handler_calls;
static void *reserve;

static void handler()
{
	if (++handler_calls < 3)
		return;
	std::free(reserve);
	reserve = nullptr;
	std::set_new_handler(nullptr);
}

SITE void *site_impossible()
{
	void *volatile ptr = ::operator new(impossible);

	STAY();
	return ptr;
}

/*
 * The frame is as large as those that an exception has left, and full of what
 * they left, old return addresses among it.
 */
SITE void *site_in_old_frames()
{
	char old[4096];
	void *volatile ptr;

	__asm__ volatile("" : : "r"(old) : "memory");
	ptr = std::malloc(17);
	STAY();
	return ptr;
}

SITE void *site_deep_below()
{
	char frame[1024];
	void *volatile ptr;

	__asm__ volatile("" : : "r"(frame) : "memory");
	ptr = site_impossible();
	STAY();
	return ptr;
}

SITE bool site_throws()
{
	try {
		::operator delete(site_deep_below());
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

static void failures()
{
	void *ptr;

	reserve = std::malloc(100);
	std::set_new_handler(handler);
	MUST(site_throws());
	MUST(handler_calls == 3 && !reserve);
	ptr = site_malloc();
	from("site_malloc");
	std::free(ptr);

	for (int i = 0; i < 3; i++) {
		MUST(site_throws());
		ptr = i & 1 ? site_in_old_frames() : site_malloc();
		from(i & 1 ? "site_in_old_frames" : "site_malloc");
		std::free(ptr);
		MUST(site_throws());
		ptr = site_new();
		from("site_new");
		::operator delete(ptr);
	}
	/* Straight out of the catching frame. */
	try {
		::operator delete(::operator new(impossible));
		MUST(false);
	} catch (const std::bad_alloc &) {
		ptr = site_malloc();
		from("site_malloc");
		std::free(ptr);
	}
	try {
		::operator delete(site_deep_below());
	} catch (const std::bad_alloc &) {
		ptr = site_in_old_frames();
		from("site_in_old_frames");
		std::free(ptr);
	}
	MUST(!::operator new(impossible, std::nothrow));
	MUST(!::operator new[](impossible, to_64, std::nothrow));
	ptr = site_malloc();
	from("site_malloc");
	std::free(ptr);
}

SITE void *site_retried()
{
	void *volatile ptr = ::operator new(777);

	STAY();
	return ptr;
}

/* What the handler takes is its own; what the second try gives is the site's. */
static void make_room()
{
	void *ptr = site_malloc();

	from("site_malloc");
	std::free(ptr);
	ptr = site_new();
	from("site_new");
	::operator delete(ptr);
	fail_777 = 0;
}

static void retry()
{
	void *ptr;

	fail_777 = 1;
	std::set_new_handler(make_room);
	ptr = site_retried();
	from("site_retried");
	::operator delete(ptr);
	std::set_new_handler(nullptr);
}

/* An operator that throws without having asked for memory. */
static void unasked()
{
	void *ptr;

	try {
		::operator delete(::operator new(4242));
		MUST(false);
	} catch (const std::bad_alloc &) {
	}
	ptr = site_malloc();
	from("site_malloc");
	std::free(ptr);
	ptr = site_new();
	from("site_new");
	::operator delete(ptr);
}

#ifdef OWN
static int own_news, own_deletes;

void *operator new(size_t size)
{
	own_news++;
	return std::malloc(size ? size : 1);
}

void operator delete(void *ptr) noexcept
{
	own_deletes++;
	std::free(ptr);
}

void operator delete(void *ptr, size_t) noexcept
{
	own_deletes++;
	std::free(ptr);
}
#endif

int main()
{
#ifdef OWN
	delete new int;
	delete new std::string("long enough to live on the heap, surely");
	MUST(own_news >= 2 && own_news == own_deletes);
	int before = own_news;
	std::string text(1000, 'x');
	MUST(own_news == before + 1);
	std::printf("own: %d\n", own_news - before);
#else
	forms();
	if (&throw_4242)	/* and that asks no new_handler */
		unasked();
	else
		failures();
	if (&fail_777)
		retry();
	MUST(site_vector(100) == 100);
	std::printf("a vector's caller: %s\n", file_of(seen.caller));
#endif
	return bad != 0;
}
