// SPDX-License-Identifier: MIT
/*
 * index_ask - hands the API of the unit that it is linked into to the program
 */
#include <mallochooks/mallochooks.h>

#define PUBLIC	__attribute__((visibility("default")))

PUBLIC int ask_query(const void *address, struct mallochooks_object *object)
{
	return mallochooks_query(address, object);
}

PUBLIC int ask_set_tag(const void *address, uint64_t tag)
{
	return mallochooks_set_tag(address, tag);
}

PUBLIC int ask_walk(mallochooks_visit *visit, void *arg)
{
	return mallochooks_walk(visit, arg);
}
