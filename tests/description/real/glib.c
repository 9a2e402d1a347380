// SPDX-License-Identifier: MIT
/*
 * glib - words counted in a hash table, the most frequent ones in a list
 */
#include <stdio.h>
#include <string.h>
#include <glib.h>

#define WORDS	400
#define KINDS	40
#define BIG	5000		/* a slice is smaller; malloc is asked for these */

struct word {
	char *text;
	int times;
};

static void free_word(gpointer data)
{
	struct word *word = data;

	g_free(word->text);
	g_slice_free(struct word, word);
}

static struct word *new_word(const char *text)
{
	struct word *word = g_slice_new0(struct word);

	word->text = g_strdup(text);
	return word;
}

static GHashTable *read_words(void)
{
	GHashTable *words = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
						  free_word);

	for (int i = 0; i < WORDS; i++) {
		char *text = g_strdup_printf("word%d", i * i % KINDS);
		struct word *word = g_hash_table_lookup(words, text);

		if (!word) {
			word = new_word(text);
			g_hash_table_insert(words, word->text, word);
		}
		word->times++;
		g_free(text);
	}
	return words;
}

static gint more_often(gconstpointer a, gconstpointer b)
{
	const struct word *one = a, *other = b;
	int more = other->times - one->times;

	return more ? more : strcmp(one->text, other->text);
}

static GList *sort_words(GHashTable *words)
{
	GHashTableIter iter;
	gpointer word;
	GList *list = NULL;

	g_hash_table_iter_init(&iter, words);
	while (g_hash_table_iter_next(&iter, NULL, &word))
		list = g_list_prepend(list, word);
	return g_list_sort(list, more_often);
}

static char *big_page(void)
{
	char *page = g_slice_alloc(BIG);

	memset(page, 'x', BIG);
	return page;
}

int main(void)
{
	GHashTable *words = read_words();
	GList *list = sort_words(words);
	char *lines = g_new0(char, 100);
	char *page = big_page();

	for (GList *at = list; at; at = at->next) {
		const struct word *word = at->data;

		g_snprintf(lines, 100, "%s %d", word->text, word->times);
		puts(lines);
	}
	printf("%c\n", page[BIG - 1]);
	g_slice_free1(BIG, page);
	g_free(lines);
	g_list_free(list);
	g_hash_table_destroy(words);
	return 0;
}
