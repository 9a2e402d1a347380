/* SPDX-License-Identifier: MIT */
/*
 * store - words and how often they came, in a database in memory
 */
#ifndef STORE_H
#define STORE_H

struct store;

/* Once, before there are threads. */
void store_init(void);
struct store *store_open(void);
void store_add(struct store *store, const char *word);

/* Return: a number that depends on every word and its count. */
unsigned long store_sum(struct store *store);

void store_close(struct store *store);

#endif
