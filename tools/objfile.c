// SPDX-License-Identifier: MIT
/*
 * objfile.c - read ELF files, by libelf
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "objfile.h"
#include "tools.h"

int objfile_open(struct objfile *obj, const char *path)
{
	if (elf_version(EV_CURRENT) == EV_NONE) {
		errno = ENOSYS;
		return -1;
	}
	obj->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (obj->fd < 0)
		return -1;
	obj->elf = elf_begin(obj->fd, ELF_C_READ, NULL);
	if (obj->elf && elf_kind(obj->elf) == ELF_K_ELF &&
	    gelf_getehdr(obj->elf, &obj->ehdr))
		return 0;
	objfile_close(obj);
	errno = ENOEXEC;
	return -1;
}

void objfile_close(struct objfile *obj)
{
	elf_end(obj->elf);
	close(obj->fd);
}

int objfile_symbols(const struct objfile *obj, int dynamic,
		    int (*visit)(const char *name, const GElf_Sym *sym,
				 void *arg),
		    void *arg)
{
	GElf_Word wanted = dynamic ? SHT_DYNSYM : SHT_SYMTAB;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Shdr shdr;
	GElf_Sym sym;
	size_t nr;

	while ((scn = elf_nextscn(obj->elf, scn))) {
		if (!gelf_getshdr(scn, &shdr))
			goto broken;
		if (shdr.sh_type == wanted)
			break;
	}
	if (!scn)
		return 0;
	data = elf_getdata(scn, NULL);
	if (!data || !shdr.sh_entsize)
		goto broken;
	nr = shdr.sh_size / shdr.sh_entsize;
	for (size_t i = 1; i < nr; i++) {
		const char *name;
		int result;

		if (!gelf_getsym(data, (int)i, &sym))
			goto broken;
		name = elf_strptr(obj->elf, shdr.sh_link, sym.st_name);
		if (!name)
			goto broken;
		if (!*name)
			continue;
		result = visit(name, &sym, arg);
		if (result)
			return result;
	}
	return 0;
broken:
	errno = ENOEXEC;
	return -1;
}

int object_symbols(const char *path, int dynamic,
		   int (*visit)(const char *name, const GElf_Sym *sym,
				void *arg),
		   void *arg)
{
	struct objfile obj;
	int result = objfile_open(&obj, path);

	if (!result) {
		result = objfile_symbols(&obj, dynamic, visit, arg);
		objfile_close(&obj);
	}
	if (result == -1)
		say("%s: %s", path, errno == ENOEXEC ? "not an ELF file"
						     : strerror(errno));
	return result;
}
