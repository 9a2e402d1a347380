// SPDX-License-Identifier: MIT
/*
 * test_nextsym - our symbol lookup, out of an executable
 *
 * What preloaded, dlopened and foreign-namespace objects see is in
 * test_resolver.sh.
 *
 * test-sources: hooks/nextsym.c
 */
#include "compare_symbols.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void every_name_is_what_dlsym_says(void **state)
{
	struct comparison result = compare_symbols(0);

	(void)state;
	assert_true(result.nr_names > 2000);
	assert_true(result.nr_found > 1500);
	assert_int_equal(result.nr_differ, 0);
}

static void what_nobody_has_is_null(void **state)
{
	static const char *const names[] = {
		"", "a", "no_such_symbol_anywhere", "mallo", "mallocc",
		"GLIBC_2.2.5x", "_DYNAMIC_",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(mh_next_symbol(names[i]));
}

/* The executable's own definition is not "next". */
int cmocka_unit_test_of_ours(void);
int cmocka_unit_test_of_ours(void)
{
	return 1;
}

static void our_own_names_are_left_out(void **state)
{
	(void)state;
	assert_null(mh_next_symbol("cmocka_unit_test_of_ours"));
	assert_null(mh_next_symbol("main"));
	assert_non_null(mh_next_symbol("_cmocka_run_group_tests"));
}

static void the_list_starts_with_us(void **state)
{
	const struct link_map *own = mh_own_map(), *map = NULL, *before = own;
	int nr = 0;

	(void)state;
	assert_non_null(own);
	assert_ptr_equal(own, mh_own_map());
	assert_null(own->l_prev);
	while ((map = mh_next_object(map))) {
		assert_ptr_equal(map, before->l_next);
		before = map;
		nr++;
	}
	assert_null(before->l_next);
	assert_true(nr >= 2);
}

static void an_object_is_decoded(void **state)
{
	const struct link_map *map = NULL;
	struct mh_object object;
	void *handle;

	(void)state;
	while ((map = mh_next_object(map)))
		if (mh_object_open(&object, map) && object.soname &&
		    mh_same(object.soname, "libc.so.6"))
			break;
	assert_non_null(map);
	assert_non_null(object.versym);
	handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	assert_ptr_equal(mh_object_find(&object, "malloc"),
			 dlsym(handle, "malloc"));
	/* two versions: memcpy@GLIBC_2.2.5 is hidden and no IFUNC of today */
	assert_ptr_equal(mh_object_find(&object, "memcpy"),
			 dlsym(handle, "memcpy"));
	assert_ptr_not_equal(mh_object_find(&object, "memcpy"), NULL);
	assert_null(mh_object_find(&object, "cmocka_run_group_tests"));
}

static void strings_are_compared_whole(void **state)
{
	(void)state;
	assert_true(mh_same("", ""));
	assert_true(mh_same("abc", "abc"));
	assert_false(mh_same("abc", "abcd"));
	assert_false(mh_same("abcd", "abc"));
	assert_false(mh_same("", "a"));
	assert_false(mh_same("a", ""));
	assert_false(mh_same("abc", "abd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_what_dlsym_says),
		cmocka_unit_test(what_nobody_has_is_null),
		cmocka_unit_test(our_own_names_are_left_out),
		cmocka_unit_test(the_list_starts_with_us),
		cmocka_unit_test(an_object_is_decoded),
		cmocka_unit_test(strings_are_compared_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
