// SPDX-License-Identifier: MIT
/*
 * debuginfo - look up addresses of an ELF file in its symbols and debug info
 *
 * Runs in a child of symbols.c.  libdwfl finds separate debug files (by build
 * id, by .gnu_debuglink, .gnu_debugdata inside of the file); those of dwz are
 * found by libdw.  The symbol table is read once and sorted.
 *
 * libdw frees nothing before the end, and a line table takes 40 bytes for each
 * of its rows, so the whole is closed and opened anew whenever it has grown by
 * MEMORY_BYTES, or by less where it is large from the start (debug info that
 * is compressed in the file is not in memory).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debuginfo.h"
#include "demangle.h"
#include "tools.h"

#ifndef MEMORY_BYTES
#define MEMORY_BYTES	((size_t)256 << 20)
#endif
#define MEMORY_MOST	((size_t)960 << 20)	/* in all, where that can be */

/* What is farther from the nearest name than this has nothing to do with it. */
#define NEAR_BYTES	(64 * 1024)

/**
 * struct file - the file that is read
 * @fd:		our own descriptor, which each opening gets a copy of
 * @path:	of the file, or of the debug file that stands in for it
 * @dirs:	debuginfo_path of libdwfl
 * @dwarf:	NULL when it has no debug info
 * @bias:	addresses minus this are those in @dwarf
 */
struct file {
	int fd;
	char *path;
	char *dirs;
	Dwfl_Callbacks callbacks;
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf *dwarf;
	Dwarf_Addr bias;
};

/* A symbol; @size 0 when the file does not tell. */
struct symbol {
	uint64_t start;
	uint64_t size;
	const char *name;
	int rank;
};

/* What look-ups in a file share. */
struct lookup {
	const struct request *request;
	struct file file;
	struct names names;
	struct units units;
	struct symbol *symbol;
	size_t nr_symbols;
	int has_symtab;
	int dwarf_broken;
};

/* ---- the file ------------------------------------------------------------ */

/* Never called: modules are reported with their files. */
static int find_no_elf(Dwfl_Module *module, void **data, const char *name,
		       Dwarf_Addr base, char **path, Elf **elf)
{
	(void)module, (void)data, (void)name, (void)base, (void)path, (void)elf;
	return -1;
}

static void close_module(struct file *file)
{
	if (file->dwfl)
		dwfl_end(file->dwfl);
	file->dwfl = NULL;
	file->module = NULL;
	file->dwarf = NULL;
}

static int open_module(struct file *file)
{
	int fd = dup(file->fd);

	file->callbacks = (Dwfl_Callbacks) {
		.find_elf = find_no_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &file->dirs,
	};
	file->dwfl = dwfl_begin(&file->callbacks);
	if (file->dwfl) {
		dwfl_report_begin(file->dwfl);
		file->module = dwfl_report_elf(file->dwfl, "file", file->path,
					       fd, 0, true);
		if (dwfl_report_end(file->dwfl, NULL, NULL))
			file->module = NULL;
	}
	if (file->module)
		return 0;
	close(fd);
	close_module(file);
	return -1;
}

static int open_fd(const char *path, enum why *why)
{
	char magic[SELFMAG];
	struct stat st;
	int fd;

	/* Not to hang on a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		*why = errno == ENOENT || errno == ENOTDIR ? WHY_GONE
							   : WHY_UNREADABLE;
		return -1;
	}
	*why = WHY_NOT_ELF;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    pread(fd, magic, SELFMAG, 0) == SELFMAG &&
	    !memcmp(magic, ELFMAG, SELFMAG))
		return fd;
	close(fd);
	return -1;
}

static int is_program(struct file *file)
{
	GElf_Addr bias;
	GElf_Ehdr ehdr;
	Elf *elf;

	elf = dwfl_module_getelf(file->module, &bias);
	return elf && gelf_getehdr(elf, &ehdr) &&
	       (ehdr.e_type == ET_EXEC || ehdr.e_type == ET_DYN);
}

/* Is the open file the one that ran?  It may have become one without an id. */
static int is_same(struct file *file, const struct request *request)
{
	const unsigned char *bits;
	GElf_Addr at;
	int nr;

	if (!request->build_id_bytes)
		return 1;
	nr = dwfl_module_build_id(file->module, &bits, &at);
	return nr > 0 && (size_t)nr == request->build_id_bytes &&
	       !memcmp(bits, request->build_id, nr);
}

static enum why open_file(struct file *file, const char *path,
			  const struct request *request)
{
	enum why why;

	file->fd = open_fd(path, &why);
	if (file->fd < 0)
		return why;
	free(file->path);
	file->path = xstrdup(path);
	why = WHY_NOTHING;
	if (open_module(file) || !is_program(file))
		why = WHY_BROKEN;
	else if (!is_same(file, request))
		why = WHY_REPLACED;
	if (why == WHY_NOTHING)
		return why;
	close_module(file);
	close(file->fd);
	return why;
}

/* DIR/.build-id/xx/yyyy.debug; to be freed. */
static char *debug_path(const char *dir, const struct request *request)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = xcalloc(2 * request->build_id_bytes + 1, 1);
	char *path;
	size_t i;

	for (i = 0; i < request->build_id_bytes; i++) {
		hex[2 * i] = digits[request->build_id[i] >> 4];
		hex[2 * i + 1] = digits[request->build_id[i] & 15];
	}
	path = xasprintf("%s/.build-id/%.2s/%s.debug", dir, hex, hex + 2);
	free(hex);
	return path;
}

/* The debug file of a program that is no longer there knows all about it. */
static int open_stand_in(struct file *file, const struct request *request)
{
	struct strings dirs = { 0 };
	int found = 0;
	size_t i;

	if (request->build_id_bytes < 2)
		return -1;
	strings_split(&dirs, request->debug_dirs, ':');
	for (i = 0; i < dirs.nr && !found; i++) {
		char *path = debug_path(dirs.item[i], request);

		found = open_file(file, path, request) == WHY_NOTHING;
		free(path);
	}
	strings_free(&dirs);
	return found ? 0 : -1;
}

static void close_file(struct file *file)
{
	close_module(file);
	close(file->fd);
	free(file->path);
	free(file->dirs);
}

/* Bounds of what may be executed. */
static int code_bounds(struct file *file, uint64_t *from, uint64_t *to)
{
	GElf_Addr bias;
	GElf_Phdr phdr;
	size_t i, nr;
	Elf *elf;

	*from = UINT64_MAX;
	*to = 0;
	elf = dwfl_module_getelf(file->module, &bias);
	if (!elf || elf_getphdrnum(elf, &nr))
		return -1;
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			return -1;
		if (phdr.p_type != PT_LOAD || !(phdr.p_flags & PF_X))
			continue;
		if (phdr.p_vaddr < *from)
			*from = phdr.p_vaddr;
		if (phdr.p_vaddr + phdr.p_memsz > *to)
			*to = phdr.p_vaddr + phdr.p_memsz;
	}
	return *from < *to ? 0 : -1;
}

static Elf_Scn *find_section(Elf *elf, uint32_t type, const char *name)
{
	Elf_Scn *scn = NULL;
	const char *its;
	GElf_Shdr shdr;
	size_t table;

	if (elf_getshdrstrndx(elf, &table))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != type)
			continue;
		its = elf_strptr(elf, table, shdr.sh_name);
		if (!name || (its && streq(its, name)))
			return scn;
	}
	return NULL;
}

/* ---- symbols ------------------------------------------------------------- */

/* Of several names of one place: the lowest rank is shown. */
static int rank_of(const char *name, const GElf_Sym *sym)
{
	int rank = (int)strspn(name, "_");

	if (is_mangled(name))
		rank = 0;
	if (GELF_ST_BIND(sym->st_info) == STB_WEAK)
		rank += 16;
	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL)
		rank += 32;
	if (GELF_ST_TYPE(sym->st_info) == STT_NOTYPE)
		rank += 64;
	return rank;
}

static int is_function(const char *name, const GElf_Sym *sym)
{
	if (!*name || sym->st_shndx == SHN_UNDEF)
		return 0;
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return 1;
	case STT_NOTYPE:
		/* Assembler's; not the marks of code and data on some. */
		return sym->st_shndx != SHN_ABS && *name != '$';
	}
	return 0;
}

static int compare_symbols(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return strcmp(y->name, x->name);
}

/* The linker's names for a function that is hooked, and for what stands before it. */
static const char *const hooks_prefixes[] = {
	"__real_", "__wrap_", "__mallochooks_entry_", "__mallochooks_inner_",
	"__mallochooks_self_", "__mallochooks_call_", "__mallochooks_back_",
	"__mallochooks_absent_",
};

/* Were hooks linked into this file?  A program may have a __wrap_ of its own. */
static int has_hooks(const struct lookup *look)
{
	int nr = dwfl_module_getsymtab(look->file.module);
	const char *name;
	GElf_Sym sym;

	for (int i = 0; i < nr; i++) {
		name = dwfl_module_getsym(look->file.module, i, &sym, NULL);
		if (name && starts_with(name, "__mallochooks_"))
			return 1;
	}
	return 0;
}

/* As its author calls it. */
static const char *true_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks_prefixes); i++)
		if (starts_with(name, hooks_prefixes[i]) &&
		    name[strlen(hooks_prefixes[i])])
			return name + strlen(hooks_prefixes[i]);
	return name;
}

static void read_symbols(struct lookup *look, uint64_t from, uint64_t to)
{
	int i, nr = dwfl_module_getsymtab(look->file.module);
	const int hooked = has_hooks(look);
	struct symbol *symbol;
	GElf_Addr start, bias;
	const char *name;
	Elf *elf = NULL;
	GElf_Word shndx;
	GElf_Sym sym;

	if (nr <= 0)
		return;
	look->symbol = xcalloc(nr, sizeof(*look->symbol));
	for (i = 0; i < nr; i++) {
		name = dwfl_module_getsym_info(look->file.module, i, &sym,
					       &start, &shndx, &elf, &bias);
		if (!name || !is_function(name, &sym) || start < from ||
		    start >= to)
			continue;
		symbol = &look->symbol[look->nr_symbols++];
		symbol->start = start;
		symbol->size = sym.st_size;
		symbol->name = hooked ? true_name(name) : name;
		symbol->rank = rank_of(symbol->name, &sym);
	}
	qsort(look->symbol, look->nr_symbols, sizeof(*look->symbol),
	      compare_symbols);
	if (elf && find_section(elf, SHT_SYMTAB, NULL))
		look->has_symtab = 1;
}

/*
 * find_symbol() - the symbol that an address belongs to
 * @exact:	it does; if not, it is the nearest below
 */
static const struct symbol *find_symbol(const struct lookup *look,
					uint64_t address, int *exact)
{
	size_t low = 0, high = look->nr_symbols, mid, i, tries;
	const struct symbol *symbol;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (look->symbol[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	*exact = 0;
	/* Labels without size, and short parts, may stand in a function. */
	for (i = low, tries = 0; i-- > 0 && tries < 32; tries++) {
		symbol = &look->symbol[i];
		if (address - symbol->start < symbol->size) {
			*exact = 1;
			return symbol;
		}
	}
	if (!low)
		return NULL;
	symbol = &look->symbol[low - 1];
	*exact = !symbol->size && look->has_symtab;
	return symbol;
}

static void name_symbol(struct lookup *look, struct sought *sought)
{
	const struct symbol *symbol;
	const char *shown;
	uint64_t offset;
	char *text;

	symbol = find_symbol(look, sought->address, &sought->exact);
	if (!symbol)
		return;
	offset = sought->address - symbol->start;
	if (!sought->exact && offset > NEAR_BYTES)
		return;
	/* "name@@VERSION" is for the linker. */
	text = xstrndup(symbol->name, strcspn(symbol->name, "@"));
	sought->symbol = names_add(&look->names, text);
	sought->mangled = is_mangled(text);
	free(text);
	if (sought->exact)
		return;
	shown = look->names.texts.text[sought->symbol];
	text = xasprintf("%s+0x%llx", shown, (unsigned long long)offset);
	sought->symbol = texts_add(&look->names.texts, text);
	free(text);
}

/* ---- answers ------------------------------------------------------------- */

/* As a sought one has them, but innermost first, and with lines moved to where
 * the function that they lie in is. */
static uint32_t turn_frames(const struct sought *sought,
			    struct numbered_frame *frame)
{
	uint32_t i, nr = sought->nr;

	for (i = 0; i < nr; i++)
		frame[i].function = sought->frame[nr - 1 - i].function;
	for (i = 1; i < nr; i++) {
		frame[i].file = sought->frame[nr - i].file;
		frame[i].line = sought->frame[nr - i].line;
	}
	/* A C++ function may have its full name only for the linker. */
	if (sought->exact && (!frame[nr - 1].function ||
			      (sought->mangled && !sought->has_linkage)))
		frame[nr - 1].function = sought->symbol;
	return nr;
}

static enum why why_of(const struct lookup *look, const struct sought *sought)
{
	if (look->request->plain[sought->index])
		return WHY_DEBUG_BROKEN;
	if (sought->line)
		return WHY_NOTHING;
	if (sought->nr || sought->file)
		return WHY_NO_LINE;
	if (look->dwarf_broken || look->units.broken)
		return WHY_DEBUG_BROKEN;
	if (look->units.nr)
		return WHY_NO_DEBUG_PART;
	return look->has_symtab ? WHY_NO_DEBUG : WHY_STRIPPED;
}

static void answer(struct lookup *look, struct sought *sought)
{
	const struct request *request = look->request;
	struct numbered_frame *frame;
	uint32_t nr = 1;

	frame = xcalloc(sought->nr + 1, sizeof(*frame));
	if (sought->nr)
		nr = turn_frames(sought, frame);
	else
		frame[0].function = sought->symbol;
	frame[0].file = sought->file;
	frame[0].line = sought->line;
	if (nr == 1 && !frame[0].function && !frame[0].file)
		nr = 0;
	request->found(request->arg, sought->index, why_of(look, sought),
		       &look->names.texts, frame, nr);
	free(frame);
	free(sought->frame);
	sought->frame = NULL;
}

static void answer_all(const struct request *request, enum why why)
{
	struct texts none = { 0 };
	uint32_t i;

	for (i = 0; i < request->nr; i++)
		request->found(request->arg, i, why, &none, NULL, 0);
}

/* ---- debug info ---------------------------------------------------------- */

/* Resident bytes of this process. */
static size_t memory_bytes(void)
{
	char line[64] = "";
	unsigned long all, resident = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, line, sizeof(line) - 1) <= 0 ||
	    sscanf(line, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	close(fd);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void open_dwarf(struct lookup *look)
{
	struct file *file = &look->file;
	GElf_Addr bias;
	Elf *elf;

	file->dwarf = dwfl_module_getdwarf(file->module, &file->bias);
	if (file->dwarf)
		return;
	/* None is no fault; but there may be some that cannot be read. */
	elf = dwfl_module_getelf(file->module, &bias);
	if (elf && (find_section(elf, SHT_PROGBITS, ".debug_info") ||
		    find_section(elf, SHT_PROGBITS, ".zdebug_info")))
		look->dwarf_broken = 1;
}

/* Memory is given back by closing all: see above. */
static int reopen(struct lookup *look)
{
	close_module(&look->file);
	malloc_trim(0);
	if (open_module(&look->file))
		return -1;
	open_dwarf(look);
	return look->file.dwarf ? 0 : -1;
}

static void find_in_unit(struct lookup *look, struct sought *sought, size_t nr)
{
	const struct request *request = look->request;
	uint32_t *index = xcalloc(nr, sizeof(*index));
	size_t i;

	for (i = 0; i < nr; i++)
		index[i] = sought[i].index;
	request->begin(request->arg, index, (uint32_t)nr);
	free(index);
	if (look->file.dwarf)
		dwarf_places(look->file.dwarf, look->file.bias, &look->names,
			     sought, nr);
}

static int compare_sought(const void *a, const void *b)
{
	const struct sought *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* How large it may grow until all is closed and opened anew. */
static size_t memory_limit(void)
{
	size_t base = memory_bytes();

	if (base + MEMORY_BYTES <= MEMORY_MOST)
		return base + MEMORY_BYTES;
	/* Opening costs time, too. */
	if (base + MEMORY_BYTES / 2 >= MEMORY_MOST)
		return base + MEMORY_BYTES / 2;
	return MEMORY_MOST;
}

/* @sought is sorted; those without a unit come last. */
static void find_by_units(struct lookup *look, struct sought *sought,
			  size_t nr)
{
	size_t limit = memory_limit();
	size_t i, next, j;

	for (i = 0; i < nr; i = next) {
		for (next = i + 1; next < nr; next++) {
			if (sought[next].unit != sought[i].unit)
				break;
		}
		if (sought[i].unit != NO_UNIT)
			find_in_unit(look, sought + i, next - i);
		for (j = i; j < next; j++)
			answer(look, &sought[j]);
		if (next < nr && sought[next].unit != NO_UNIT &&
		    memory_bytes() > limit) {
			if (reopen(look))
				look->dwarf_broken = 1;
			limit = memory_limit();
		}
	}
}

static int wants_dwarf(const struct request *request)
{
	size_t i;

	for (i = 0; i < request->nr; i++) {
		if (!request->plain[i])
			return 1;
	}
	return 0;
}

static void read_units(struct lookup *look, uint64_t from, uint64_t to)
{
	if (!wants_dwarf(look->request))
		return;
	open_dwarf(look);
	if (!look->file.dwarf)
		return;
	dwarf_units(look->file.dwarf, from - look->file.bias,
		    to - look->file.bias, &look->units);
}

static void find_sought(struct lookup *look, uint64_t from, uint64_t to)
{
	const struct request *request = look->request;
	struct sought *sought = xcalloc(request->nr + 1, sizeof(*sought));
	struct texts none = { 0 };
	size_t i, nr = 0;

	for (i = 0; i < request->nr; i++) {
		struct sought *one = &sought[nr];

		if (request->address[i] < from || request->address[i] >= to) {
			request->found(request->arg, (uint32_t)i, WHY_NO_CODE,
				       &none, NULL, 0);
			continue;
		}
		one->address = request->address[i];
		one->index = (uint32_t)i;
		one->unit = one->owner = NO_UNIT;
		name_symbol(look, one);
		if (!request->plain[i])
			one->unit = dwarf_unit_of(&look->units, one->address -
						  look->file.bias);
		nr++;
	}
	qsort(sought, nr, sizeof(*sought), compare_sought);
	find_by_units(look, sought, nr);
	free(sought);
}

static void lookup_free(struct lookup *look)
{
	texts_free(&look->names.texts);
	texts_free(&look->names.raw);
	free(look->names.shown);
	free(look->units.range);
	free(look->symbol);
	close_file(&look->file);
}

void debuginfo_find(const struct request *request)
{
	struct lookup look = { .request = request };
	struct file *file = &look.file;
	uint64_t from, to;
	enum why why;

	/* libdwfl would ask the servers that this names. */
	unsetenv("DEBUGINFOD_URLS");
	file->dirs = xasprintf(":.debug:%s", request->debug_dirs);
	why = open_file(file, request->path, request);
	if (why != WHY_NOTHING && !open_stand_in(file, request))
		why = WHY_NOTHING;
	if (why == WHY_NOTHING && code_bounds(file, &from, &to)) {
		close_module(file);
		close(file->fd);
		why = WHY_BROKEN;
	}
	if (why != WHY_NOTHING) {
		free(file->path);
		free(file->dirs);
		answer_all(request, why);
		return;
	}
	read_units(&look, from, to);
	read_symbols(&look, from, to);
	find_sought(&look, from, to);
	lookup_free(&look);
}
