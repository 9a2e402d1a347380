// SPDX-License-Identifier: MIT
/*
 * program - look at a program file before it is started
 *
 * LD_PRELOAD fails silently: in a static program, in one that raises
 * privileges, in one whose own malloc comes first.  All of that stands in the
 * file, so it can be said beforehand.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "objfile.h"
#include "program.h"
#include "tools.h"

/* Bytes of a "#!" line that the kernel reads: BINPRM_BUF_SIZE, binfmts.h. */
#define SCRIPT_LINE_BYTES	256
#define SCRIPT_LEVELS		4
#define BLANKS			" \t"

/*
 * read_start() - the first line of a script
 * @line:	what stands behind "#!", cut at the end of the line
 *
 * Return: 0, or -1 when this is no script that we can read.
 */
static int read_start(const char *path, char line[SCRIPT_LINE_BYTES])
{
	char start[SCRIPT_LINE_BYTES];
	ssize_t nr;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -1;
	nr = read(fd, start, sizeof(start) - 1);
	close(fd);
	if (nr < 2 || start[0] != '#' || start[1] != '!')
		return -1;
	start[nr] = '\0';
	start[strcspn(start, "\n")] = '\0';
	strcpy(line, start + 2);
	return 0;
}

/*
 * env_target() - the program that a "#!/usr/bin/env ..." line starts
 * @arg:	the rest of the line; without -S it is one word
 *
 * Return: its path, to be freed, or NULL when env would not find it either.
 */
static char *env_target(const char *arg)
{
	struct strings words = { 0 };
	char *path = NULL;
	size_t i;

	if (starts_with(arg, "--split-string="))
		arg += strlen("--split-string=");
	else if (starts_with(arg, "-S") || starts_with(arg, "-vS"))
		arg = strchr(arg, 'S') + 1;
	else
		return find_program(arg);

	if (strings_split_shell(&words, arg))
		words.nr = 0;
	for (i = 0; i < words.nr; i++) {
		const char *word = words.item[i];

		if (streq(word, "-u") || streq(word, "-C"))
			i++;		/* their value */
		else if (word[0] != '-' && !strchr(word, '=')) {
			path = find_program(word);
			break;
		}
	}
	strings_free(&words);
	return path;
}

/*
 * next_level() - the interpreter of a script
 * Return: its path, to be freed, or NULL when @path is no script.
 */
static char *next_level(const char *path)
{
	char line[SCRIPT_LINE_BYTES];
	char *interp, *arg, *target;
	size_t nr;

	if (read_start(path, line))
		return NULL;
	interp = line + strspn(line, BLANKS);
	nr = strcspn(interp, BLANKS);
	arg = interp + nr + strspn(interp + nr, BLANKS);
	interp[nr] = '\0';
	if (!nr)
		return NULL;
	nr = strlen(arg);
	while (nr && strchr(BLANKS, arg[nr - 1]))
		arg[--nr] = '\0';

	if (nr && streq(base_name(interp), "env")) {
		target = env_target(arg);
		if (target)
			return target;
	}
	return xstrdup(interp);
}

/*
 * look_raised() - would the kernel raise privileges for this file?
 *
 * The conditions are those of the kernel's bprm_fill_uid() (fs/exec.c) and
 * cap_bprm_creds_from_file() (security/commoncap.c): the loader is told
 * AT_SECURE when effective and real ids differ, or when capabilities come in
 * for somebody who is not root.
 */
static enum program_raised look_raised(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st))
		return PROGRAM_RAISED_NOT;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return PROGRAM_RAISED_NOT;
	if (!statvfs(path, &fs) && (fs.f_flag & ST_NOSUID))
		return PROGRAM_RAISED_NOT;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return PROGRAM_RAISED_SETUID;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
	    st.st_gid != getgid())
		return PROGRAM_RAISED_SETGID;
	if (getuid() && getxattr(path, "security.capability", NULL, 0) > 0)
		return PROGRAM_RAISED_CAPABILITIES;
	return PROGRAM_RAISED_NOT;
}

static int find_segment(const struct objfile *obj, uint32_t type, size_t from,
			GElf_Phdr *phdr)
{
	size_t i, nr;

	if (elf_getphdrnum(obj->elf, &nr))
		return -1;
	for (i = from; i < nr; i++) {
		if (gelf_getphdr(obj->elf, i, phdr) && phdr->p_type == type)
			return i;
	}
	return -1;
}

static char *look_interp(const struct objfile *obj)
{
	GElf_Phdr phdr;
	Elf_Data *data;

	if (find_segment(obj, PT_INTERP, 0, &phdr) < 0)
		return NULL;
	data = elf_getdata_rawchunk(obj->elf, phdr.p_offset, phdr.p_filesz,
				    ELF_T_BYTE);
	if (!data)
		return NULL;
	return xstrndup(data->d_buf, data->d_size);
}

static int look_notes(const struct objfile *obj)
{
	size_t next, name, desc, at;
	GElf_Phdr phdr;
	GElf_Nhdr note;
	Elf_Data *data;
	int i = -1;

	while ((i = find_segment(obj, PT_NOTE, i + 1, &phdr)) >= 0) {
		data = elf_getdata_rawchunk(obj->elf, phdr.p_offset,
					    phdr.p_filesz,
					    phdr.p_align == 8 ? ELF_T_NHDR8 :
								ELF_T_NHDR);
		for (at = 0; data; at = next) {
			next = gelf_getnote(data, at, &note, &name, &desc);
			if (!next)
				break;
			if (note.n_namesz == sizeof("mallochooks") &&
			    streq((char *)data->d_buf + name, "mallochooks"))
				return 1;
		}
	}
	return 0;
}

/* A string of the dynamic section, whose table stands at an address. */
static const char *dynamic_string(const struct objfile *obj, uint64_t table,
				  uint64_t offset)
{
	GElf_Phdr phdr;
	size_t bytes;
	char *file;
	uint64_t at;
	int i = -1;

	file = elf_rawfile(obj->elf, &bytes);
	while (file && (i = find_segment(obj, PT_LOAD, i + 1, &phdr)) >= 0) {
		if (table < phdr.p_vaddr ||
		    table - phdr.p_vaddr >= phdr.p_filesz)
			continue;
		at = phdr.p_offset + (table - phdr.p_vaddr) + offset;
		if (at < bytes && memchr(file + at, 0, bytes - at))
			return file + at;
	}
	return "";
}

static void look_dynamic(const struct objfile *obj, struct program *prog)
{
	uint64_t table = 0;
	GElf_Phdr phdr;
	Elf_Data *data;
	GElf_Dyn dyn;
	const char *name;
	int i;

	if (find_segment(obj, PT_DYNAMIC, 0, &phdr) < 0)
		return;
	data = elf_getdata_rawchunk(obj->elf, phdr.p_offset, phdr.p_filesz,
				    ELF_T_DYN);
	if (!data)
		return;
	for (i = 0; gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag == DT_STRTAB)
			table = dyn.d_un.d_ptr;
	}
	for (i = 0; gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		name = dynamic_string(obj, table, dyn.d_un.d_val);
		if (dyn.d_tag == DT_NEEDED && streq(name, "libc.so.6"))
			prog->needs_glibc = 1;
		/* Other platforms' loaders are called ld64.so.1, ld.so.1. */
		if (dyn.d_tag == DT_SONAME &&
		    (starts_with(name, "ld-") || starts_with(name, "ld64.") ||
		     starts_with(name, "ld.so")))
			prog->loader = !prog->interp;
	}
}

/* An undefined malloc may have a value too: the address of its PLT slot. */
static int is_own_malloc(const char *name, const GElf_Sym *sym, void *arg)
{
	int type = GELF_ST_TYPE(sym->st_info);

	(void)arg;
	return sym->st_shndx != SHN_UNDEF && streq(name, "malloc") &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC ||
		type == STT_NOTYPE);
}

static void look_elf(struct program *prog)
{
	struct objfile obj;

	if (objfile_open(&obj, prog->file))
		return;
	if (obj.ehdr.e_type == ET_EXEC || obj.ehdr.e_type == ET_DYN) {
		prog->elf = 1;
		prog->class = obj.ehdr.e_ident[EI_CLASS];
		prog->machine = obj.ehdr.e_machine;
		prog->interp = look_interp(&obj);
		prog->note = look_notes(&obj);
		look_dynamic(&obj, prog);
		if (objfile_symbols(&obj, 1, is_own_malloc, NULL) > 0)
			prog->own_malloc = PROGRAM_MALLOC_EXPORTED;
		else if (objfile_symbols(&obj, 0, is_own_malloc, NULL) > 0)
			prog->own_malloc = PROGRAM_MALLOC_INSIDE;
	}
	objfile_close(&obj);
}

void program_look(struct program *prog, const char *path)
{
	char *next;
	int level;

	memset(prog, 0, sizeof(*prog));
	prog->path = xstrdup(path);
	prog->file = xstrdup(path);
	for (level = 0; level < SCRIPT_LEVELS; level++) {
		next = next_level(prog->file);
		if (!next)
			break;
		free(prog->file);
		prog->file = next;
	}
	prog->raised = look_raised(prog->file);
	look_elf(prog);
}

void program_free(struct program *prog)
{
	free(prog->path);
	free(prog->file);
	free(prog->interp);
	memset(prog, 0, sizeof(*prog));
}

const char *program_machine(const struct program *prog)
{
	static const struct {
		uint16_t machine;
		unsigned char class;
		const char *name;
	} names[] = {
		{ EM_X86_64, ELFCLASS64, "x86_64" },
		{ EM_X86_64, ELFCLASS32, "x32" },
		{ EM_386, ELFCLASS32, "i386" },
		{ EM_AARCH64, ELFCLASS64, "aarch64" },
		{ EM_ARM, ELFCLASS32, "arm" },
		{ EM_RISCV, ELFCLASS64, "riscv64" },
		{ EM_PPC64, ELFCLASS64, "powerpc64" },
		{ EM_S390, ELFCLASS64, "s390x" },
	};
	static char buf[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].machine == prog->machine &&
		    names[i].class == prog->class)
			return names[i].name;
	}
	snprintf(buf, sizeof(buf), "ELF machine %u", prog->machine);
	return buf;
}
