// SPDX-License-Identifier: MIT
/*
 * archive.c - ar files in memory: read, and written with a new symbol table
 *
 * Source: ar(5) of binutils (include/aout/ar.h, bfd/archive.c): members begin
 * at even offsets behind a header of 60 characters; "/" or "/SYM64/" is the
 * symbol table, big-endian, "//" holds the names that are longer than 15.
 */
#define _GNU_SOURCE
#include <ar.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "elfedit.h"
#include "tools.h"

#define THIN_MAGIC	"!<thin>\n"
#define SIZE_MOST	9999999999	/* ten digits */

_Static_assert(sizeof(struct ar_hdr) == 60, "ar_hdr as in the file");

struct reading {
	struct archive *archive;
	const char *path;
	const unsigned char *file;
	size_t bytes, at;
	const char *names;		/* of "//" */
	size_t names_bytes;
	const unsigned char *table;	/* of "/" */
	size_t table_bytes;
	int wide;			/* it is /SYM64/ */
	size_t *offsets;		/* of the members' headers */
};

int archive_is(const void *file, size_t bytes)
{
	return bytes >= SARMAG && (!memcmp(file, ARMAG, SARMAG) ||
				   !memcmp(file, THIN_MAGIC, SARMAG));
}

/* A decimal number in a field filled up with blanks. Return: 0 if it is. */
static int number(const char *field, size_t nr, size_t *value)
{
	size_t i = 0;

	*value = 0;
	for (; i < nr && field[i] >= '0' && field[i] <= '9'; i++)
		*value = *value * 10 + (field[i] - '0');
	if (!i)
		return -1;
	for (; i < nr; i++)
		if (field[i] != ' ')
			return -1;
	return 0;
}

/* "/123": a name in "//", which ends in a slash and a newline. */
static char *long_name(const struct reading *rd, const char *field)
{
	const char *name, *end;
	size_t at;

	if (number(field + 1, sizeof(((struct ar_hdr *)0)->ar_name) - 1, &at) ||
	    at >= rd->names_bytes)
		return NULL;
	name = rd->names + at;
	end = memchr(name, '\n', rd->names_bytes - at);
	if (!end)
		return NULL;
	if (end > name && end[-1] == '/')
		end--;
	return xstrndup(name, end - name);
}

/* BSD's "#1/nr": the name stands before the contents. */
static char *bsd_name(const char *field, struct member *member)
{
	size_t nr;
	char *name;

	/* No thin archive has contents here. */
	if (!member->data ||
	    number(field + 3, sizeof(((struct ar_hdr *)0)->ar_name) - 3, &nr) ||
	    nr > member->bytes)
		return NULL;
	name = xstrndup((const char *)member->data, nr);
	member->data += nr;
	member->bytes -= nr;
	return name;
}

static char *short_name(const char *field)
{
	size_t nr = sizeof(((struct ar_hdr *)0)->ar_name);
	const char *slash = memchr(field, '/', nr);

	if (slash)
		return xstrndup(field, slash - field);
	while (nr && field[nr - 1] == ' ')
		nr--;
	return xstrndup(field, nr);
}

/*
 * A FIFO or a device could keep us for ever, and so can files of /proc: these
 * have no size, or an impossible one (kmsg, kcore).
 */
static char *read_outside(const char *path, struct member *member)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return xasprintf("its member %s is no file", path);
	if ((uint64_t)st.st_size > SIZE_MOST)
		return xasprintf("its member %s is larger than an archive can "
				 "say", path);
	if (!st.st_size)
		return NULL;
	member->owned = (unsigned char *)read_file(path, &member->bytes);
	if (!member->owned)
		return xasprintf("its member %s: %s", path, strerror(errno));
	member->data = member->owned;
	return NULL;
}

/* A member of a thin archive lies beside it, or wherever it says: linkers read
 * any path, too. */
static char *read_thin(const struct reading *rd, struct member *member)
{
	const char *slash = strrchr(rd->path, '/');
	int nr = slash && *member->name != '/' ? (int)(slash + 1 - rd->path)
					       : 0;
	char *path = xasprintf("%.*s%s", nr, rd->path, member->name);
	char *problem = read_outside(path, member);

	free(path);
	return problem;
}

/* That of a thin one is a path. */
static const char *plain_name(const struct archive *archive, const char *name)
{
	return archive->thin ? base_name(name) : name;
}

static char *add_member(struct reading *rd, const struct ar_hdr *hdr,
			struct member *member, size_t header_at)
{
	struct archive *archive = rd->archive;

	if (!memcmp(hdr->ar_name, "#1/", 3))
		member->name = bsd_name(hdr->ar_name, member);
	else if (hdr->ar_name[0] == '/')
		member->name = long_name(rd, hdr->ar_name);
	else
		member->name = short_name(hdr->ar_name);
	if (!member->name || !*member->name || strchr(member->name, '\n')) {
		free(member->name);
		return xstrdup("has a member without a name");
	}
	/* BSD's table */
	if (starts_with(plain_name(archive, member->name), "__.SYMDEF")) {
		free(member->name);
		return NULL;
	}
	memcpy(member->header, hdr, sizeof(member->header));
	archive->members = xrealloc(archive->members, (archive->nr + 1) *
						      sizeof(*member));
	archive->members[archive->nr] = *member;
	rd->offsets = xrealloc(rd->offsets, (archive->nr + 1) *
					    sizeof(*rd->offsets));
	rd->offsets[archive->nr++] = header_at;
	if (archive->thin)
		return read_thin(rd, &archive->members[archive->nr - 1]);
	return NULL;
}

/* One of those that are no files. Return: whether it was one. */
static int special(struct reading *rd, const struct ar_hdr *hdr,
		   const struct member *member)
{
	if (!memcmp(hdr->ar_name, "//  ", 4)) {
		rd->names = (const char *)member->data;
		rd->names_bytes = member->bytes;
		return 1;
	}
	if (!memcmp(hdr->ar_name, "/   ", 4) ||
	    !memcmp(hdr->ar_name, "/SYM64/ ", 8)) {
		rd->table = member->data;
		rd->table_bytes = member->bytes;
		rd->wide = hdr->ar_name[1] == 'S';
		return 1;
	}
	return 0;
}

static char *read_member(struct reading *rd)
{
	struct member member = { 0 };
	size_t bytes, header_at = rd->at;
	struct ar_hdr hdr;
	int outside;

	if (rd->bytes - rd->at < sizeof(hdr))
		return xstrdup("is cut off within the header of a member");
	memcpy(&hdr, rd->file + rd->at, sizeof(hdr));
	if (memcmp(hdr.ar_fmag, ARFMAG, 2) ||
	    number(hdr.ar_size, sizeof(hdr.ar_size), &bytes))
		return xstrdup("has a damaged header of a member");
	rd->at += sizeof(hdr);
	outside = rd->archive->thin && (hdr.ar_name[0] != '/' ||
		  (hdr.ar_name[1] >= '0' && hdr.ar_name[1] <= '9'));
	if (outside)
		return add_member(rd, &hdr, &member, header_at);
	if (bytes > rd->bytes - rd->at)
		return xstrdup("is cut off within a member");
	member.data = rd->file + rd->at;
	member.bytes = bytes;
	rd->at += bytes;
	if (rd->at < rd->bytes)
		rd->at += bytes & 1;
	if (special(rd, &hdr, &member))
		return NULL;
	return add_member(rd, &hdr, &member, header_at);
}

static uint64_t big_endian(const unsigned char *at, size_t nr)
{
	uint64_t value = 0;

	while (nr--)
		value = value << 8 | *at++;
	return value;
}

static struct member *member_at(const struct reading *rd, uint64_t offset)
{
	size_t low = 0, high = rd->archive->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rd->offsets[middle] == offset)
			return &rd->archive->members[middle];
		if (rd->offsets[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void add_symbol(struct member *member, const char *name)
{
	/* grown in powers of two */
	if (!(member->nr_symbols & (member->nr_symbols - 1)))
		member->symbols = xrealloc(member->symbols,
			(member->nr_symbols * 2 + 1) *
			sizeof(*member->symbols));
	member->symbols[member->nr_symbols++] = name;
}

/* Number, so many offsets of members, so many names. */
static char *read_table(struct reading *rd)
{
	size_t word = rd->wide ? 8 : 4;
	char *name, *end;
	uint64_t nr;

	if (!rd->table || rd->table_bytes < word)
		return rd->table ? xstrdup("has a damaged symbol table") : NULL;
	nr = big_endian(rd->table, word);
	if (nr > (rd->table_bytes - word) / (word + 1))
		return xstrdup("has a damaged symbol table");
	rd->archive->has_table = 1;
	rd->table_bytes -= word * (nr + 1);
	rd->archive->table = xcalloc(rd->table_bytes + 1, 1);
	memcpy(rd->archive->table, rd->table + word * (nr + 1),
	       rd->table_bytes);
	name = rd->archive->table;
	end = name + rd->table_bytes;
	for (uint64_t i = 0; i < nr && name < end; i++) {
		struct member *member = member_at(rd,
			big_endian(rd->table + word * (i + 1), word));

		if (member)
			add_symbol(member, name);
		name += strlen(name) + 1;
	}
	return NULL;
}

char *archive_open(struct archive *archive, const char *path,
		   const void *file, size_t bytes)
{
	struct reading rd = { .archive = archive, .path = path, .file = file,
			      .bytes = bytes, .at = SARMAG };
	char *problem = NULL;

	memset(archive, 0, sizeof(*archive));
	archive->thin = !memcmp(file, THIN_MAGIC, SARMAG);
	while (!problem && rd.at < bytes)
		problem = read_member(&rd);
	if (!problem)
		problem = read_table(&rd);
	free(rd.offsets);
	return problem;
}

void archive_close(struct archive *archive)
{
	for (size_t i = 0; i < archive->nr; i++) {
		free(archive->members[i].name);
		free(archive->members[i].owned);
		free(archive->members[i].symbols);
	}
	free(archive->members);
	free(archive->table);
}

void archive_replace(struct archive *archive, size_t i, unsigned char *data,
		     size_t bytes)
{
	struct member *member = &archive->members[i];

	free(member->owned);
	member->owned = data;
	member->data = data;
	member->bytes = bytes;
	member->changed = 1;
}

/* ---- writing ------------------------------------------------------------------- */

struct bytes {
	unsigned char *data;
	size_t nr, room;
};

static void put(struct bytes *out, const void *data, size_t nr)
{
	if (out->room - out->nr < nr) {
		out->room = (out->nr + nr) * 2;
		out->data = xrealloc(out->data, out->room);
	}
	if (nr)
		memcpy(out->data + out->nr, data, nr);
	out->nr += nr;
}

static void put_number(struct bytes *out, uint64_t value, size_t nr)
{
	while (nr--) {
		unsigned char byte = (unsigned char)(value >> (8 * nr));

		put(out, &byte, 1);
	}
}

/* Of the table: no date and nobody's, as binutils' ar -D writes it. */
static const char no_header[60] =
	"                0           0     0     0       ";

static void put_header(struct bytes *out, const char *name, const char *rest,
		       size_t bytes)
{
	struct ar_hdr hdr;
	char text[24];

	if (bytes > SIZE_MOST)
		die("a member is larger than an archive can say");
	memset(&hdr, ' ', sizeof(hdr));
	if (rest)
		memcpy(&hdr, rest, sizeof(hdr));
	memset(hdr.ar_name, ' ', sizeof(hdr.ar_name));
	memcpy(hdr.ar_name, name, strlen(name));
	memset(hdr.ar_size, ' ', sizeof(hdr.ar_size));
	memcpy(hdr.ar_size, text,
	       snprintf(text, sizeof(text), "%zu", bytes));
	memcpy(hdr.ar_fmag, ARFMAG, 2);
	put(out, &hdr, sizeof(hdr));
}

/* Does it fit into a header?  "#1/" begins a long name of BSD's. */
static int is_short(const char *name)
{
	return strlen(name) <= 15 && !strchr(name, '/') && !streq(name, "#1");
}

/* The table of long names, and each member's name as its header shows it. */
static void name_members(const struct archive *archive, struct bytes *names,
			 struct strings *shown)
{
	for (size_t i = 0; i < archive->nr; i++) {
		const char *name = plain_name(archive,
					      archive->members[i].name);

		if (is_short(name)) {
			strings_addf(shown, "%s/", name);
			continue;
		}
		strings_addf(shown, "/%zu", names->nr);
		put(names, name, strlen(name));
		put(names, "/\n", 2);
	}
	if (names->nr & 1)
		put(names, "\n", 1);
}

/* What a linker looks for in a member that has no entries of the old table. */
static void put_own(struct elf_edit *elf, struct bytes *names, uint64_t *nr)
{
	for (size_t i = 1; i < elf_nr_symbols(elf); i++) {
		const Elf64_Sym *sym = elf_symbol(elf, i);
		const char *name = elf_symbol_name(elf, i);

		if (ELF64_ST_BIND(sym->st_info) == STB_LOCAL ||
		    sym->st_shndx == SHN_UNDEF || !*name)
			continue;
		put(names, name, strlen(name) + 1);
		++*nr;
	}
}

static void put_symbols(const struct archive *archive,
			const struct member *member, struct bytes *names,
			uint64_t *nr)
{
	struct elf_edit elf;

	if (archive->has_table && !member->changed) {
		for (size_t i = 0; i < member->nr_symbols; i++)
			put(names, member->symbols[i],
			    strlen(member->symbols[i]) + 1);
		*nr += member->nr_symbols;
		return;
	}
	if (elf_is(member->data, member->bytes)) {
		if (!elf_open(&elf, member->data, member->bytes))
			put_own(&elf, names, nr);
		elf_close(&elf);
	}
}

static uint64_t place_of(const struct archive *archive, size_t nr)
{
	uint64_t at = 0;

	for (size_t i = 0; i < nr; i++)
		at += sizeof(struct ar_hdr) +
		      ((archive->members[i].bytes + 1) & ~(size_t)1);
	return at;
}

/* @before:	bytes between the table and the first member */
static void put_table(const struct archive *archive, struct bytes *out,
		      size_t before)
{
	uint64_t *counts = xcalloc(archive->nr, sizeof(*counts)), nr = 0, at;
	struct bytes names = { 0 };
	size_t word, bytes;

	for (size_t i = 0; i < archive->nr; i++) {
		put_symbols(archive, &archive->members[i], &names, &counts[i]);
		nr += counts[i];
	}
	/* Large offsets need another form, as in binutils. */
	at = place_of(archive, archive->nr) + names.nr + nr * 8 + before + 4096;
	word = at > UINT32_MAX ? 8 : 4;
	if ((names.nr + word * (nr + 1)) & 1)
		put(&names, "", 1);
	bytes = word * (nr + 1) + names.nr;
	put_header(out, word == 8 ? "/SYM64/" : "/", no_header, bytes);
	put_number(out, nr, word);
	at = out->nr + bytes - word + before;
	for (size_t i = 0; i < archive->nr; i++) {
		for (uint64_t k = 0; k < counts[i]; k++)
			put_number(out, at, word);
		at += sizeof(struct ar_hdr) +
		      ((archive->members[i].bytes + 1) & ~(size_t)1);
	}
	put(out, names.data, names.nr);
	free(names.data);
	free(counts);
}

unsigned char *archive_write(const struct archive *archive, size_t *bytes)
{
	struct bytes out = { 0 }, names = { 0 };
	struct strings shown = { 0 };

	name_members(archive, &names, &shown);
	put(&out, ARMAG, SARMAG);
	put_table(archive, &out,
		  names.nr ? sizeof(struct ar_hdr) + names.nr : 0);
	if (names.nr) {
		put_header(&out, "//", NULL, names.nr);
		put(&out, names.data, names.nr);
	}
	for (size_t i = 0; i < archive->nr; i++) {
		const struct member *member = &archive->members[i];

		put_header(&out, shown.item[i], member->header, member->bytes);
		put(&out, member->data, member->bytes);
		if (member->bytes & 1)
			put(&out, "\n", 1);
	}
	free(names.data);
	strings_free(&shown);
	*bytes = out.nr;
	return out.data;
}
