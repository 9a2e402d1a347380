// SPDX-License-Identifier: MIT
/*
 * handlers_cxx - handlers in C++: streams, containers, exceptions caught inside
 */
#include <dlfcn.h>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <mallochooks/eventapi.h>

static unsigned long *events, *nested;
static __thread int inside __attribute__((tls_model("initial-exec")));
static std::map<void *, size_t> *live;

/* Never destroyed: calls come until the last instruction of the process. */
void ALLOC_EVENT_IDENT(post_init)()
{
	events = static_cast<unsigned long *>(
		dlsym(RTLD_DEFAULT, "handlers_events"));
	nested = static_cast<unsigned long *>(
		dlsym(RTLD_DEFAULT, "handlers_nested"));
}

static void event(void *ptr, size_t size, bool birth)
{
	if (!events)
		return;
	__atomic_fetch_add(events, 1, __ATOMIC_RELAXED);
	if (inside)
		__atomic_fetch_add(nested, 1, __ATOMIC_RELAXED);
	inside = 1;
	static std::recursive_mutex *mutex = new std::recursive_mutex;
	std::lock_guard<std::recursive_mutex> locked(*mutex);

	if (!live)
		live = new std::map<void *, size_t>;
	if (birth)
		(*live)[ptr] = size;
	else
		live->erase(ptr);
	std::ostringstream text;
	text << "event: " << ptr << ' ' << size << ' ' << std::string(100, 'x');
	try {
		if (text.str().size() > 50)
			throw std::runtime_error(text.str());
		std::cerr << "not thrown\n";
	} catch (const std::exception &e) {
		std::cerr << e.what() << '\n';
	}
	inside = 0;
}

size_t ALLOC_EVENT_IDENT(pre_alloc)(size_t size, size_t, caller_t)
{
	event(nullptr, size, false);
	return size;
}

void ALLOC_EVENT_IDENT(post_successful_alloc)(void *ptr, size_t,
					      size_t requested_size, size_t,
					      caller_t)
{
	event(ptr, requested_size, true);
}

int ALLOC_EVENT_IDENT(pre_nonnull_free)(void *ptr, caller_t)
{
	event(ptr, 0, false);
	return 0;
}

void ALLOC_EVENT_IDENT(post_nonnull_free)(void *ptr, caller_t)
{
	event(ptr, 0, false);
}

size_t ALLOC_EVENT_IDENT(pre_nonnull_nonzero_realloc)(void *old_ptr, size_t size,
						      caller_t)
{
	event(old_ptr, size, false);
	return size;
}

void ALLOC_EVENT_IDENT(post_nonnull_nonzero_realloc)(void *old_ptr,
						     size_t modified_size,
						     caller_t, void *new_ptr)
{
	event(new_ptr ? new_ptr : old_ptr, modified_size, true);
}
