// SPDX-License-Identifier: MIT
/*
 * talloc - a tree of people, whose branches go with their parents
 */
#include <stdio.h>
#include <string.h>
#include <talloc.h>

#define PEOPLE	60

struct person {
	char *name;
	int *marks;
	int nr_marks;
};

static struct person *new_person(void *parent, int i)
{
	struct person *person = talloc_zero(parent, struct person);
	char name[20];

	snprintf(name, sizeof(name), "person %d", i);
	person->name = talloc_strdup(person, name);
	return person;
}

static void add_marks(struct person *person, int nr)
{
	person->marks = talloc_realloc(person, person->marks, int, nr);
	for (; person->nr_marks < nr; person->nr_marks++)
		person->marks[person->nr_marks] = person->nr_marks;
}

int main(void)
{
	void *root = talloc_named_const(NULL, 0, "people");
	struct person *people[PEOPLE];
	long sum = 0;

	for (int i = 0; i < PEOPLE; i++) {
		people[i] = new_person(root, i);
		add_marks(people[i], 100 + i);
	}
	for (int i = 0; i < PEOPLE; i += 2) {
		sum += people[i]->marks[i] + (long)strlen(people[i]->name);
		if (talloc_free(people[i]))
			return 1;
	}
	printf("%zu blocks, sum %ld\n", talloc_total_blocks(root), sum);
	return talloc_free(root);
}
