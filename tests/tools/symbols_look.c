// SPDX-License-Identifier: MIT
/*
 * symbols_look - look addresses up by tools/symbols.c, for test_symbols.sh
 *
 *	symbols_look [options] FILE OFFSET...	offsets from the start of the
 *						file as it is mapped
 *	-b HEX		build id of the file that ran; default: the file's own
 *	-d DIRS		directories with separate debug files
 *	-r NR		NR addresses spread over the file's code instead
 *	-f NR		look up the offsets in NR copies of the file with some
 *			bytes changed; says how many still had a line
 *	-q		only sums: addresses, those with a function, a line, and
 *			the greatest memory (MiB) and the time (s) it took
 *
 * One line an address: "OFFSET function file:line < function file:line (why)".
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "symbols.h"
#include "tools.h"

struct code {
	uint64_t start;		/* lowest address */
	uint64_t from;		/* of what can be executed */
	uint64_t to;
	unsigned char id[64];
	size_t id_bytes;
};

static void look_note(Elf *elf, const GElf_Phdr *phdr, struct code *code)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, phdr->p_offset,
					      phdr->p_filesz, ELF_T_NHDR);
	size_t next, name, desc, at;
	GElf_Nhdr note;

	for (at = 0; data; at = next) {
		next = gelf_getnote(data, at, &note, &name, &desc);
		if (!next)
			break;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    note.n_descsz > sizeof(code->id))
			continue;
		memcpy(code->id, (char *)data->d_buf + desc, note.n_descsz);
		code->id_bytes = note.n_descsz;
	}
}

/* What the recorder would know of the file. */
static void look_at(const char *path, struct code *code)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	GElf_Phdr phdr;
	size_t i, nr;
	Elf *elf;

	memset(code, 0, sizeof(*code));
	code->start = code->from = UINT64_MAX;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && !elf_getphdrnum(elf, &nr)) {
		for (i = 0; i < nr; i++) {
			if (!gelf_getphdr(elf, (int)i, &phdr))
				break;
			if (phdr.p_type == PT_NOTE)
				look_note(elf, &phdr, code);
			if (phdr.p_type != PT_LOAD)
				continue;
			if (phdr.p_vaddr < code->start)
				code->start = phdr.p_vaddr;
			if (!(phdr.p_flags & PF_X))
				continue;
			if (phdr.p_vaddr < code->from)
				code->from = phdr.p_vaddr;
			code->to = phdr.p_vaddr + phdr.p_memsz;
		}
	}
	if (code->start == UINT64_MAX)
		code->start = 0;
	elf_end(elf);
	if (fd >= 0)
		close(fd);
}

static void read_id(struct code *code, const char *hex)
{
	unsigned int byte;

	code->id_bytes = 0;
	while (code->id_bytes < sizeof(code->id) &&
	       sscanf(hex, "%2x", &byte) == 1) {
		code->id[code->id_bytes++] = (unsigned char)byte;
		hex += 2;
	}
}

static void show(uint64_t offset, const struct place *place)
{
	size_t i;

	printf("%llx", (unsigned long long)offset);
	for (i = 0; i < place->nr; i++) {
		const struct frame *frame = &place->frame[i];

		printf("%s %s %s:%d", i ? " <" : "",
		       frame->function ? frame->function : "?",
		       frame->file ? frame->file : "?", frame->line);
	}
	if (place->why)
		printf(" (%s)", place->why);
	printf("\n");
}

static void show_sums(const struct place *place, size_t nr, double seconds)
{
	size_t i, functions = 0, lines = 0, frames = 0;
	struct rusage usage;

	for (i = 0; i < nr; i++) {
		frames += place[i].nr;
		functions += place[i].nr && place[i].frame[0].function;
		lines += place[i].nr && place[i].frame[0].line;
	}
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("%zu %zu %zu %zu %ld %.2f\n", nr, functions, lines, frames,
	       usage.ru_maxrss / 1024, seconds);
}

/* Does not come back if a look-up crashes us; does not end if one hangs. */
static void fuzz(const char *path, const uint64_t *address, size_t nr,
		 unsigned int copies)
{
	struct place *place = xcalloc(nr + 1, sizeof(*place));
	unsigned int i, j, lines = 0, broken = 0;
	char *copy, *file;
	size_t bytes;
	FILE *out;

	for (i = 0; i < copies; i++) {
		struct symbols *sym;

		copy = read_file(path, &bytes);
		for (j = 0; j < 1u << i % 8; j++)
			copy[random() % bytes] = (char)random();
		memcpy(copy, "\177ELF", 4);
		file = xasprintf("%s.fuzz", path);
		out = fopen(file, "w");
		if (!out || fwrite(copy, bytes, 1, out) != 1 || fclose(out))
			die("%s: cannot write", file);
		sym = symbols_open(file, NULL, 0);
		symbols_find_all(sym, address, nr, place);
		for (j = 0; j < nr; j++) {
			lines += place[j].nr && place[j].frame[0].line;
			broken += !place[j].nr && place[j].why;
		}
		symbols_close(sym);
		unlink(file);
		free(file);
		free(copy);
	}
	printf("%u copies, %u lines, %u unknown\n", copies, lines, broken);
	free(place);
}

int main(int argc, char **argv)
{
	const char *id = NULL;
	struct symbols *sym;
	struct timespec a, b;
	struct place *place;
	uint64_t *address;
	int option, quiet = 0, copies = 0;
	size_t nr = 0, i;
	struct code code;

	elf_version(EV_CURRENT);
	while ((option = getopt(argc, argv, "b:d:f:r:q")) > 0) {
		if (option == 'b')
			id = optarg;
		else if (option == 'd')
			symbols_debug_dirs(optarg);
		else if (option == 'r')
			nr = strtoul(optarg, NULL, 10);
		else if (option == 'f')
			copies = atoi(optarg);
		else if (option == 'q')
			quiet = 1;
		else
			return 2;
	}
	if (optind == argc)
		return 2;
	look_at(argv[optind], &code);
	if (id)
		read_id(&code, id);
	if (!nr)
		nr = argc - optind - 1;
	address = xcalloc(nr + 1, sizeof(*address));
	place = xcalloc(nr + 1, sizeof(*place));
	srandom(1);
	for (i = 0; i < nr; i++) {
		if ((int)nr == argc - optind - 1)
			address[i] = code.start +
				strtoull(argv[optind + 1 + i], NULL, 16);
		else
			address[i] = code.from + (((uint64_t)random() << 24) ^
					random()) % (code.to - code.from + 1);
	}
	if (copies) {
		fuzz(argv[optind], address, nr, copies);
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	sym = symbols_open(argv[optind], code.id, code.id_bytes);
	symbols_find_all(sym, address, nr, place);
	clock_gettime(CLOCK_MONOTONIC, &b);
	for (i = 0; i < nr && !quiet; i++)
		show(address[i] - code.start, &place[i]);
	if (quiet)
		show_sums(place, nr, b.tv_sec - a.tv_sec +
			  (b.tv_nsec - a.tv_nsec) / 1e9);
	symbols_close(sym);
	free(address);
	free(place);
	return 0;
}
