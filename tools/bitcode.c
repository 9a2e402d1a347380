// SPDX-License-Identifier: MIT
/*
 * bitcode.c - the symbols of LLVM bitcode, which clang -flto writes
 *
 * Bitcode is a stream of bits in blocks.  Two blocks at its end are for
 * linkers: a table of symbols and one of strings, each a single record, a blob.
 *
 * Source: "LLVM Bitcode File Format"; llvm/Object/IRSymtab.h for the table.
 */
#include <stdint.h>
#include <string.h>

#include "bitcode.h"

enum {
	BLOCK_STRTAB = 23,
	BLOCK_SYMTAB = 25,
	ENTER_BLOCK = 1,	/* kinds of entries */
	DEFINE_RECORD = 2,
	FIRST_RECORD = 4,
	CODING_BLOB = 5,
	TOP_WIDTH = 2,		/* bits of a kind, outside of blocks */
};

/* Of the table: where the header says which symbols there are; a symbol. */
enum {
	HEADER_SYMBOLS = 28,
	SYMBOL_BYTES = 24,
	SYMBOL_FLAGS = 20,
	FLAG_UNDEFINED = 1 << 3,
	FLAG_GLOBAL = 1 << 10,
};

struct bits {
	const unsigned char *data;
	size_t bits, at;
	int bad;
};

struct blob {
	const unsigned char *data;
	size_t bytes;
};

int bitcode_is(const void *file, size_t bytes)
{
	return bytes >= 4 && (!memcmp(file, "BC\xc0\xde", 4) ||
			      !memcmp(file, "\xde\xc0\x17\x0b", 4));
}

static uint64_t take(struct bits *bits, unsigned nr)
{
	uint64_t value = 0;

	if (bits->bits - bits->at < nr) {
		bits->bad = 1;
		bits->at = bits->bits;
		return 0;
	}
	for (unsigned i = 0; i < nr; i++, bits->at++)
		value |= (uint64_t)(bits->data[bits->at / 8] >>
				    bits->at % 8 & 1) << i;
	return value;
}

/* A number in pieces of @nr bits, of which the highest says that more come. */
static uint64_t take_pieces(struct bits *bits, unsigned nr)
{
	uint64_t more = (uint64_t)1 << (nr - 1), value = 0, piece;
	unsigned shift = 0;

	do {
		piece = take(bits, nr);
		if (shift < 64)
			value |= (piece & (more - 1)) << shift;
		shift += nr - 1;
	} while (piece & more && !bits->bad);
	return value;
}

static void align(struct bits *bits)
{
	bits->at = (bits->at + 31) & ~(size_t)31;
	if (bits->at > bits->bits) {
		bits->at = bits->bits;
		bits->bad = 1;
	}
}

/* The form of the record: a code, and a blob. Return: whether it is that. */
static int take_form(struct bits *bits)
{
	if (take_pieces(bits, 5) != 2 || !take(bits, 1))
		return 0;
	take_pieces(bits, 8);
	return !take(bits, 1) && take(bits, 3) == CODING_BLOB;
}

/* A block that holds but that. */
static struct blob take_blob(struct bits block, unsigned width)
{
	struct blob blob = { 0 };
	uint64_t bytes;

	if (take(&block, width) != DEFINE_RECORD || !take_form(&block) ||
	    take(&block, width) != FIRST_RECORD)
		return blob;
	bytes = take_pieces(&block, 6);
	align(&block);
	if (block.bad || bytes > (block.bits - block.at) / 8)
		return blob;
	blob.data = block.data + block.at / 8;
	blob.bytes = bytes;
	return blob;
}

static uint32_t word(const unsigned char *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static int is_name(const struct blob *strings, const unsigned char *symbol,
		   const char *name)
{
	uint32_t at = word(symbol), bytes = word(symbol + 4);

	return bytes == strlen(name) && at <= strings->bytes &&
	       bytes <= strings->bytes - at &&
	       !memcmp(strings->data + at, name, bytes);
}

static int find(const struct blob *table, const struct blob *strings,
		const char *name, int local)
{
	uint32_t at, nr, flags;

	if (table->bytes < HEADER_SYMBOLS + 8)
		return -1;
	at = word(table->data + HEADER_SYMBOLS);
	nr = word(table->data + HEADER_SYMBOLS + 4);
	if (at > table->bytes || nr > (table->bytes - at) / SYMBOL_BYTES)
		return -1;
	for (uint32_t i = 0; i < nr; i++) {
		const unsigned char *symbol = table->data + at +
					      (size_t)i * SYMBOL_BYTES;

		flags = word(symbol + SYMBOL_FLAGS);
		if (is_name(strings, symbol, name) &&
		    !(flags & FLAG_UNDEFINED) &&
		    (local || flags & FLAG_GLOBAL))
			return 1;
	}
	return 0;
}

/* Past the blocks in order, noting the two. */
static void read_blocks(struct bits *bits, struct blob *table,
			struct blob *strings)
{
	while (!bits->bad && bits->bits - bits->at >= 64) {
		unsigned id, width;
		struct bits block;
		uint64_t words;

		if (take(bits, TOP_WIDTH) != ENTER_BLOCK)
			return;
		id = (unsigned)take_pieces(bits, 8);
		width = (unsigned)take_pieces(bits, 4);
		align(bits);
		words = take(bits, 32);
		if (bits->bad || width < 2 || width > 32 ||
		    words > (bits->bits - bits->at) / 32)
			return;
		block = *bits;
		block.bits = bits->at + words * 32;
		if (id == BLOCK_SYMTAB)
			*table = take_blob(block, width);
		else if (id == BLOCK_STRTAB)
			*strings = take_blob(block, width);
		bits->at = block.bits;
	}
}

int bitcode_defines(const void *file, size_t bytes, const char *name,
		    int local)
{
	struct bits bits = { .data = file, .bits = bytes * 8, .at = 32 };
	struct blob table = { 0 }, strings = { 0 };
	uint32_t at, size;

	if (!bitcode_is(file, bytes))
		return -1;
	/* A wrapper says where the stream is. */
	if (bits.data[0] == 0xde) {
		if (bytes < 20)
			return -1;
		at = word(bits.data + 8);
		size = word(bits.data + 12);
		if (at > bytes || size > bytes - at || size < 4)
			return -1;
		bits.data += at;
		bits.bits = (size_t)size * 8;
	}
	read_blocks(&bits, &table, &strings);
	return table.data && strings.data ? find(&table, &strings, name, local)
					  : -1;
}
