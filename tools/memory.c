// SPDX-License-Identifier: MIT
/*
 * memory - reading another process or a core file, and what files are mapped there
 *
 * Nothing of what is read can be trusted: it is another program's, and may change
 * from one look to the next.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory.h"
#include "tools.h"

#define MOST_PHDRS	256
#define MOST_NOTES	65536	/* bytes */
#define MOST_STRING	256
#define PAGE		4096u

/* ---- reading --------------------------------------------------------------- */

static int read_process(const struct memory *memory, uint64_t at, void *to,
			size_t bytes)
{
	struct iovec here = { to, bytes }, there = { (void *)at, bytes };
	ssize_t nr = process_vm_readv(memory->pid, &here, 1, &there, 1, 0);

	if (nr == (ssize_t)bytes)
		return 0;
	if (nr >= 0)
		errno = EFAULT;
	return -1;
}

/* A module of another file than was running would be read as if it were it. */
static int read_mapped_file(const struct memory *memory, uint64_t at, void *to,
			    size_t bytes)
{
	const struct mapping *mapping;
	const struct module *module = memory_module(memory, at);
	ssize_t nr;
	int fd;

	for (size_t i = 0; i < memory->nr_mappings; i++) {
		mapping = &memory->mapping[i];
		if (at < mapping->start || bytes > mapping->end - at ||
		    at >= mapping->end || !module || !module->path)
			continue;
		fd = open(module->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -1;
		nr = pread(fd, to, bytes, (off_t)(mapping->offset +
						  (at - mapping->start)));
		close(fd);
		if (nr == (ssize_t)bytes)
			return 0;
		break;
	}
	errno = EFAULT;
	return -1;
}

static const struct core_part *find_part(const struct memory *memory,
					 uint64_t at)
{
	const struct core_part *part;

	for (size_t i = 0; i < memory->nr_parts; i++) {
		part = &memory->part[i];
		if (at >= part->start && at - part->start < part->bytes)
			return part;
	}
	return NULL;
}

/* As much as one part holds, from @at on. */
static size_t read_part(const struct memory *memory, uint64_t at, void *to,
			size_t bytes)
{
	const struct core_part *part = find_part(memory, at);
	ssize_t nr;

	if (!part)
		return 0;
	if (bytes > part->bytes - (at - part->start))
		bytes = part->bytes - (at - part->start);
	nr = pread(memory->fd, to, bytes,
		   (off_t)(part->offset + (at - part->start)));
	return nr > 0 ? (size_t)nr : 0;
}

static int read_core(const struct memory *memory, uint64_t at, void *to,
		     size_t bytes)
{
	char *next = to;
	size_t nr;

	while (bytes) {
		nr = read_part(memory, at, next, bytes);
		/* what a core that is cut short has lost may not be as in the file */
		if (!nr && find_part(memory, at)) {
			errno = EFAULT;
			return -1;
		}
		if (!nr)
			return read_mapped_file(memory, at, next, bytes);
		at += nr;
		next += nr;
		bytes -= nr;
	}
	return 0;
}

int memory_read(const struct memory *memory, uint64_t at, void *to, size_t bytes)
{
	return memory->pid ? read_process(memory, at, to, bytes) :
			     read_core(memory, at, to, bytes);
}

char *memory_string(const struct memory *memory, uint64_t at)
{
	char text[MOST_STRING];

	/* it may end just before a page that is not there */
	for (size_t i = 0; i < sizeof(text); i++) {
		if (memory_read(memory, at + i, &text[i], 1))
			return NULL;
		if (!text[i]) {
			text_clean(text);
			return xstrdup(text);
		}
	}
	return NULL;
}

/* ---- modules ----------------------------------------------------------------- */

const struct module *memory_module(const struct memory *memory, uint64_t at)
{
	for (size_t i = 0; i < memory->nr_modules; i++)
		if (at >= memory->module[i].start && at < memory->module[i].end)
			return &memory->module[i];
	return NULL;
}

static size_t round4(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

static void take_note(struct module *module, const Elf64_Nhdr *note,
		      const char *name, const char *desc)
{
	if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
	    !memcmp(name, "GNU", 4) &&
	    note->n_descsz <= sizeof(module->build_id)) {
		memcpy(module->build_id, desc, note->n_descsz);
		module->build_id_bytes = note->n_descsz;
	}
	if (note->n_namesz == sizeof("mallochooks") &&
	    !memcmp(name, "mallochooks", sizeof("mallochooks")))
		module->is_unit = 1;
}

static void take_notes(struct module *module, const char *notes, size_t bytes)
{
	Elf64_Nhdr note;
	size_t at = 0, name, desc;

	while (at + sizeof(note) <= bytes) {
		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		desc = name + round4(note.n_namesz);
		at = desc + round4(note.n_descsz);
		if (at > bytes || at < desc)
			return;
		take_note(module, &note, notes + name, notes + desc);
	}
}

static void read_notes(const struct memory *memory, struct module *module,
		       const Elf64_Phdr *phdr)
{
	char *notes;

	if (!phdr->p_filesz || phdr->p_filesz > MOST_NOTES)
		return;
	notes = xcalloc(phdr->p_filesz, 1);
	if (!memory_read(memory, module->bias + phdr->p_vaddr, notes,
			 phdr->p_filesz))
		take_notes(module, notes, phdr->p_filesz);
	free(notes);
}

/* From the headers that are mapped at @module->start. */
static void look_into(const struct memory *memory, struct module *module,
		      const Elf64_Phdr *phdr, size_t nr, int fixed)
{
	size_t i;

	for (i = 0; i < nr && phdr[i].p_type != PT_LOAD; i++)
		;
	if (i == nr)
		return;
	module->bias = fixed ? 0 : module->start -
				   (phdr[i].p_vaddr & ~(uint64_t)(PAGE - 1));
	for (i = 0; i < nr; i++) {
		const uint64_t end = module->bias + phdr[i].p_vaddr +
				     phdr[i].p_memsz;

		/* .bss lies in no mapping of the file */
		if (phdr[i].p_type == PT_LOAD && end > module->end)
			module->end = module->file_end = end;
		if (phdr[i].p_type == PT_NOTE)
			read_notes(memory, module, &phdr[i]);
	}
}

/* Is the file still the one that was mapped, as far as its first page tells? */
static int is_same_file(const struct memory *memory, const char *path,
			uint64_t start)
{
	char here[PAGE], there[PAGE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t nr;

	if (fd < 0)
		return 0;
	nr = read(fd, here, sizeof(here));
	close(fd);
	if (nr <= 0)
		return 0;
	return read_part(memory, start, there, (size_t)nr) < (size_t)nr ||
	       !memcmp(here, there, (size_t)nr);
}

static int is_same_inode(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* In the root of the process, which may be another one than ours. */
static char *find_in_process(const struct memory *memory, const char *path)
{
	char *there = xasprintf("/proc/%d/root%s", memory->pid, path);

	if (is_file(there) && !is_same_inode(there, path))
		return there;
	free(there);
	return is_file(path) ? xstrdup(path) : NULL;
}

/* Where a file that was mapped can be opened from here, or NULL. */
static char *find_file(const struct memory *memory, const struct mapping *first,
		       uint64_t end)
{
	const char *path = first->path;

	if (memory->pid)
		return find_in_process(memory, path);
	if (memory->exe && memory->phdr >= first->start && memory->phdr < end)
		path = memory->exe;
	if (!is_file(path))
		return NULL;
	if (is_same_file(memory, path, first->start))
		return xstrdup(path);
	say("%s: is not the file that %s has run: it is not used", path,
	    memory->name);
	return NULL;
}

static void add_module(struct memory *memory, const struct mapping *first,
		       uint64_t end)
{
	struct module *module;
	Elf64_Phdr *phdr;
	Elf64_Ehdr ehdr;

	if (first->path[0] != '/' || first->offset)
		return;
	memory->module = xrealloc(memory->module, (memory->nr_modules + 1) *
						  sizeof(*module));
	module = &memory->module[memory->nr_modules];
	memset(module, 0, sizeof(*module));
	module->start = first->start;
	module->end = end;
	module->name = base_name(first->path);
	module->path = find_file(memory, first, end);
	memory->nr_modules++;
	if (!memory_read(memory, first->start, &ehdr, sizeof(ehdr)) &&
	    !memcmp(ehdr.e_ident, ELFMAG, SELFMAG) &&
	    ehdr.e_ident[EI_CLASS] == ELFCLASS64 &&
	    ehdr.e_phentsize == sizeof(*phdr) && ehdr.e_phnum <= MOST_PHDRS) {
		phdr = xcalloc(ehdr.e_phnum + 1u, sizeof(*phdr));
		if (!memory_read(memory, first->start + ehdr.e_phoff, phdr,
				 ehdr.e_phnum * sizeof(*phdr)))
			look_into(memory, module, phdr, ehdr.e_phnum,
				  ehdr.e_type == ET_EXEC);
		free(phdr);
		return;
	}
	memory->nr_modules--;
	free(module->path);
}

/* Mappings of one file that follow each other are one module. */
static void add_modules(struct memory *memory)
{
	const struct mapping *first = memory->mapping, *end, *next;

	end = first + memory->nr_mappings;
	for (; first < end; first = next) {
		for (next = first + 1; next < end &&
		     streq(next->path, first->path) && next->offset; next++)
			;
		add_module(memory, first, next[-1].end);
	}
}

static void add_mapping(struct memory *memory, const struct mapping *mapping)
{
	memory->mapping = xrealloc(memory->mapping, (memory->nr_mappings + 1) *
						    sizeof(*mapping));
	memory->mapping[memory->nr_mappings++] = *mapping;
}

/* ---- a process ------------------------------------------------------------------ */

static void add_line(struct memory *memory, char *line)
{
	struct mapping mapping;
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n",
		   &mapping.start, &mapping.end, &mapping.offset, &path) != 3 ||
	    !path || line[path] != '/')
		return;
	mapping.path = xstrdup(line + path);
	add_mapping(memory, &mapping);
}

static int may_not(const struct memory *memory)
{
	if (errno == ENOENT || errno == ESRCH)
		say("there is no %s", memory->name);
	else if (errno == EPERM || errno == EACCES)
		say("%s may not be read: be its user, and where "
		    "/proc/sys/kernel/yama/ptrace_scope is not 0, root (or "
		    "have CAP_SYS_PTRACE)", memory->name);
	else
		say("%s: %s", memory->name, strerror(errno));
	return -1;
}

/* A look at something that is there says whether we may look at all. */
static int may_read(const struct memory *memory)
{
	char byte;

	if (!memory->nr_mappings) {
		say("%s has no program: it has ended, or is the kernel's",
		    memory->name);
		return 0;
	}
	for (size_t i = 0; i < memory->nr_mappings; i++) {
		if (!memory_read(memory, memory->mapping[i].start, &byte, 1))
			return 1;
		if (errno != EFAULT)
			break;
	}
	may_not(memory);
	return 0;
}

int memory_open_process(struct memory *memory, pid_t pid)
{
	char *path = xasprintf("/proc/%d/maps", pid), *text, *line, *rest;
	size_t bytes;

	memset(memory, 0, sizeof(*memory));
	memory->fd = -1;
	memory->pid = pid;
	memory->name = xasprintf("process %d", pid);
	text = read_file(path, &bytes);
	free(path);
	if (!text) {
		may_not(memory);
		memory_close(memory);
		return -1;
	}
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		add_line(memory, line);
	free(text);
	if (!may_read(memory)) {
		memory_close(memory);
		return -1;
	}
	add_modules(memory);
	return 0;
}

/* ---- a core ------------------------------------------------------------------------ */

/* Three numbers for each mapping, then their names. */
static void take_files(struct memory *memory, const char *desc, size_t bytes)
{
	const char *name, *end = desc + bytes;
	uint64_t head[2], range[3];
	struct mapping mapping;

	if (bytes < sizeof(head))
		return;
	memcpy(head, desc, sizeof(head));
	if (head[0] > (bytes - sizeof(head)) / sizeof(range))
		return;
	name = desc + sizeof(head) + head[0] * sizeof(range);
	for (uint64_t i = 0; i < head[0]; i++) {
		if (!memchr(name, '\0', (size_t)(end - name)))
			return;
		memcpy(range, desc + sizeof(head) + i * sizeof(range),
		       sizeof(range));
		mapping.start = range[0];
		mapping.end = range[1];
		mapping.offset = range[2] * head[1];
		mapping.path = xstrdup(name);
		add_mapping(memory, &mapping);
		name += strlen(name) + 1;
	}
}

static void take_auxv(struct memory *memory, const char *desc, size_t bytes)
{
	Elf64_auxv_t entry;

	for (; bytes >= sizeof(entry); bytes -= sizeof(entry)) {
		memcpy(&entry, desc, sizeof(entry));
		if (entry.a_type == AT_PHDR)
			memory->phdr = entry.a_un.a_val;
		desc += sizeof(entry);
	}
}

static void take_core_notes(struct memory *memory, Elf *elf,
			    const GElf_Phdr *phdr)
{
	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)phdr->p_offset,
					      phdr->p_filesz, ELF_T_NHDR);
	size_t next = 0, name, desc;
	GElf_Nhdr note;
	const char *text;

	while (data && (next = gelf_getnote(data, next, &note, &name, &desc))) {
		text = (const char *)data->d_buf;
		if (note.n_namesz != 5 || memcmp(text + name, "CORE", 5))
			continue;
		if (note.n_type == NT_FILE)
			take_files(memory, text + desc, note.n_descsz);
		else if (note.n_type == NT_AUXV)
			take_auxv(memory, text + desc, note.n_descsz);
	}
}

static void add_part(struct memory *memory, const GElf_Phdr *phdr)
{
	struct core_part *part;

	memory->part = xrealloc(memory->part, (memory->nr_parts + 1) *
					      sizeof(*part));
	part = &memory->part[memory->nr_parts++];
	part->start = phdr->p_vaddr;
	part->bytes = phdr->p_filesz;
	part->offset = phdr->p_offset;
}

/* As a full disk or a limit leaves one. */
static void look_whether_whole(const struct memory *memory)
{
	uint64_t whole = 0, end;
	struct stat status;

	for (size_t i = 0; i < memory->nr_parts; i++) {
		end = memory->part[i].offset + memory->part[i].bytes;
		if (end > whole)
			whole = end;
	}
	if (!fstat(memory->fd, &status) && (uint64_t)status.st_size < whole)
		say("%s is cut short: %" PRIu64 " of its %" PRIu64 " bytes are "
		    "there", memory->name, (uint64_t)status.st_size, whole);
}

static int read_headers(struct memory *memory, Elf *elf)
{
	GElf_Ehdr ehdr;
	GElf_Phdr phdr;
	size_t nr;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr) ||
	    ehdr.e_type != ET_CORE || elf_getphdrnum(elf, &nr)) {
		say("%s: not a core file", memory->name);
		return -1;
	}
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64) {
		say("%s: not of a 64-bit process", memory->name);
		return -1;
	}
	for (size_t i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			continue;
		if (phdr.p_type == PT_LOAD)
			add_part(memory, &phdr);
		else if (phdr.p_type == PT_NOTE)
			take_core_notes(memory, elf, &phdr);
	}
	look_whether_whole(memory);
	if (memory->nr_mappings)
		return 0;
	say("%s: does not tell which files were mapped (no NT_FILE note)",
	    memory->name);
	return -1;
}

int memory_open_core(struct memory *memory, const char *path, const char *exe)
{
	Elf *elf;
	int error;

	memset(memory, 0, sizeof(*memory));
	memory->name = xasprintf("core %s", path);
	memory->exe = exe;
	memory->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (memory->fd < 0) {
		say("%s: %s", path, strerror(errno));
		memory_close(memory);
		return -1;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(memory->fd, ELF_C_READ_MMAP, NULL);
	error = read_headers(memory, elf);
	elf_end(elf);
	if (error)
		memory_close(memory);
	else
		add_modules(memory);
	return error;
}

void memory_close(struct memory *memory)
{
	for (size_t i = 0; i < memory->nr_mappings; i++)
		free(memory->mapping[i].path);
	for (size_t i = 0; i < memory->nr_modules; i++)
		free(memory->module[i].path);
	free(memory->mapping);
	free(memory->module);
	free(memory->part);
	free(memory->name);
	if (memory->fd >= 0)
		close(memory->fd);
	memset(memory, 0, sizeof(*memory));
	memory->fd = -1;
}
