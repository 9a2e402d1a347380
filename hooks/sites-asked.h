/* SPDX-License-Identifier: MIT */
/*
 * sites-asked.h - what a file is told while the process runs: the values of the
 * options, and that counting begins anew
 *
 * Included by sites.c.
 */
#ifndef MH_SITES_ASKED_H
#define MH_SITES_ASKED_H

static struct mh_sites_page *page_at(uint32_t number)
{
	return (struct mh_sites_page *)file.head + number;
}

static uint32_t number_of(const struct mh_sites_page *page)
{
	return (uint32_t)(page - (struct mh_sites_page *)file.head);
}

/* ---- the options ------------------------------------------------------------- */

/* One of the two texts, being written; its pages are claimed when needed first. */
struct text {
	uint32_t *number;	/* of its pages */
	uint32_t used;
};

#define TEXT_PART	((uint32_t)sizeof(((struct mh_sites_page *)0)->module))

static unsigned char *text_at(const struct text *text, uint32_t at)
{
	return &page_at(text->number[at / TEXT_PART])->module[at % TEXT_PART];
}

/* Return: 0 when there is no place up to @end. */
static int has_room(const struct text *text, uint32_t end)
{
	struct mh_sites_page *page;
	uint32_t *number;

	if (end > MH_SITES_TEXT_PAGES * TEXT_PART)
		return 0;
	number = &text->number[(end - 1) / TEXT_PART];
	page = *number ? page_at(*number) : mh_sitefile_page(&file);
	if (page)
		*number = number_of(page);
	return page != NULL;
}

static void put_text(const char *line, unsigned int nr, void *arg)
{
	struct text *text = arg;

	if (!has_room(text, text->used + 1) ||
	    !has_room(text, text->used + nr + 1))
		return;
	for (unsigned int i = 0; i <= nr; i++, text->used++)
		*text_at(text, text->used) = i < nr ? (unsigned char)line[i] :
						      '\n';
}

/* Into the text that does not count, which then does. */
static void write_options(void)
{
	struct mh_sites_header *head = file.head;
	const uint32_t which = head->options == 1;
	struct text text = { head->options_page[which], 0 };

	mh_options_each(&MH_PHASE, put_text, &text);
	head->options_bytes[which] = text.used;
	__atomic_store_n(&head->options, which + 1, __ATOMIC_RELEASE);
}

/* ---- counting anew ----------------------------------------------------------- */

/*
 * Records belong to their threads, which go on.  What they hold now is copied
 * into a page beside each, for readers to take off.
 */
static int copy_page(struct mh_sites_page *page)
{
	const uint64_t *from = (const uint64_t *)page->record;
	struct mh_sites_page *base;
	uint64_t *to;

	if (!page->base) {
		base = mh_sitefile_page(&file);
		if (!base)
			return 0;
		__atomic_store_n(&page->base, number_of(base),
				 __ATOMIC_RELEASE);
	}
	to = (uint64_t *)page_at(page->base)->record;
	for (size_t i = 0; i < sizeof(page->record) / (sizeof(*to)); i++)
		__atomic_store_n(to + i,
				 __atomic_load_n(from + i, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
	return 1;
}

static int copy_pages(void)
{
	const uint32_t used = __atomic_load_n(&file.head->pages_used,
					      __ATOMIC_RELAXED);
	struct mh_sites_page *page;

	for (uint32_t i = 1; i < used && i < file.pages; i++) {
		if (i >= __atomic_load_n(&file.populated, __ATOMIC_RELAXED))
			continue;
		page = page_at(i);
		/* acquire: pairs with the release of who took it into use */
		if (__atomic_load_n(&page->kind, __ATOMIC_ACQUIRE) ==
		    MH_SITES_PAGE_RECORDS && !copy_page(page))
			return 0;
	}
	return 1;
}

static void begin_anew(void)
{
	struct mh_sites_header *head = file.head;

	__atomic_store_n(&head->resets, head->resets + 1, __ATOMIC_RELEASE);
	if (!copy_pages())
		mh_say("sites", "core.reset: no room in the file: some sites "
		       "go on with what they had (sites.size)");
	head->base_lost[0] = head->lost_calls;
	head->base_lost[1] = head->lost_bytes;
	head->base_lost[2] = head->lost_frees;
	head->base_lost[3] = head->lost_failed;
	__atomic_store_n(&head->resets, head->resets + 1, __ATOMIC_RELEASE);
}

#endif
