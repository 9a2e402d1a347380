// SPDX-License-Identifier: MIT
/*
 * mutate.c - how libFuzzer changes inputs that have a structure
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most,
			       unsigned int seed);

static uint64_t state;

/* splitmix64, by Sebastiano Vigna */
uint64_t draw(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t draw_below(size_t end)
{
	return end ? draw() % end : 0;
}

uint64_t odd_number(uint64_t about)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 4, 7, 8, 24, 63, 64, 0xff00, 0xfff1, 0xffff, 0x10000,
		INT32_MAX, UINT32_MAX, 1ull << 32, INT64_MAX, 1ull << 63,
		UINT64_MAX - 7, UINT64_MAX,
	};

	switch (draw_below(4)) {
	case 0:
		return numbers[draw_below(ARRAY_SIZE(numbers))];
	case 1:
		return draw_below(64);
	case 2:
		return draw_below(about);
	default:
		return about + draw_below(33) - 16;
	}
}

int edit_insert(struct edit *edit, size_t at, size_t nr)
{
	if (at > edit->bytes || nr > edit->most - edit->bytes)
		return -1;
	memmove(edit->data + at + nr, edit->data + at, edit->bytes - at);
	memset(edit->data + at, 0, nr);
	edit->bytes += nr;
	return 0;
}

void edit_erase(struct edit *edit, size_t at, size_t nr)
{
	memmove(edit->data + at, edit->data + at + nr, edit->bytes - at - nr);
	edit->bytes -= nr;
}

void mutate_bytes(uint8_t *data, size_t bytes)
{
	if (bytes)
		LLVMFuzzerMutate(data, bytes, bytes);
}

void mutate_raw(struct edit *edit)
{
	edit->bytes = LLVMFuzzerMutate(edit->data, edit->bytes, edit->most);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most,
			       unsigned int seed)
{
	uint8_t choice = bytes ? data[bytes - 1] : 0;
	struct edit edit = { data, bytes ? bytes - 1 : 0, most - 1 };

	state = seed;
	if (!draw_below(16))
		choice = (uint8_t)draw();
	for (size_t nr = 1 + draw_below(3); nr; nr--)
		mutate_file(&edit);
	data[edit.bytes] = choice;
	return edit.bytes + 1;
}
