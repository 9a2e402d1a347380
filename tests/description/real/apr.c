// SPDX-License-Identifier: MIT
/*
 * apr - a table of words in a pool, and a pool for each request that asks it
 */
#include <stdio.h>
#include <apr_general.h>
#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_strings.h>

#define WORDS		200
#define REQUESTS	50

struct word {
	const char *text;
	long number;
};

static apr_hash_t *read_words(apr_pool_t *pool)
{
	apr_hash_t *words = apr_hash_make(pool);

	for (int i = 0; i < WORDS; i++) {
		struct word *word = apr_palloc(pool, sizeof(*word));
		char text[16];

		snprintf(text, sizeof(text), "word%d", i);
		word->text = apr_pstrdup(pool, text);
		word->number = i;
		apr_hash_set(words, word->text, APR_HASH_KEY_STRING, word);
	}
	return words;
}

/* A page, and an answer in it. */
static long answer(apr_pool_t *pool, apr_hash_t *words, const char *text)
{
	long *page = apr_pcalloc(pool, 100000);
	const char *key = apr_pstrdup(pool, text);
	struct word *word = apr_hash_get(words, key, APR_HASH_KEY_STRING);

	page[0] = word ? word->number : -1;
	return page[0];
}

int main(void)
{
	apr_hash_t *words;
	apr_pool_t *pool;
	long sum = 0;

	if (apr_initialize() || apr_pool_create(&pool, NULL))
		return 1;
	words = read_words(pool);
	for (int i = 0; i < REQUESTS; i++) {
		apr_pool_t *request;
		char text[16];

		if (apr_pool_create(&request, pool))
			return 1;
		snprintf(text, sizeof(text), "word%d", i * 5);
		sum += answer(request, words, text);
		apr_pool_destroy(request);
	}
	printf("%u words, sum %ld\n", apr_hash_count(words), sum);
	apr_pool_destroy(pool);
	apr_terminate();
	return 0;
}
