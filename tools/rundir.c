// SPDX-License-Identifier: MIT
/*
 * rundir - the directory of a run: its totals and the files of its processes
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rundir.h"
#include "sitefile.h"
#include "tools.h"

static int is_entry(const struct dirent *entry)
{
	return !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
}

static int is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int empty = dir != NULL;

	while (empty && (entry = readdir(dir)))
		empty = !is_entry(entry);
	if (dir)
		closedir(dir);
	return empty;
}

static int make_wanted(const char *wanted)
{
	if (!mkdir(wanted, 0700))
		return 0;
	if (errno != EEXIST)
		return errno;
	if (!is_dir(wanted))
		return ENOTDIR;
	return is_empty(wanted) ? 0 : ENOTEMPTY;
}

int rundir_make(const char *wanted, char **path)
{
	const char *tmp = getenv("TMPDIR");
	char *whole;
	int err = 0;

	*path = NULL;
	if (wanted) {
		err = make_wanted(wanted);
		if (!err)
			*path = realpath(wanted, NULL);
		return err ? err : *path ? 0 : errno;
	}
	whole = realpath(tmp && *tmp ? tmp : "/tmp", NULL);
	if (!whole)
		return errno;
	*path = xasprintf("%s/mallochooks-XXXXXX", whole);
	free(whole);
	if (mkdtemp(*path))
		return 0;
	err = errno;
	free(*path);
	*path = NULL;
	return err;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

size_t rundir_pids(const char *path, size_t *files, uint32_t **pids)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t nr = 0, last = 0;
	uint32_t pid;

	*files = 0;
	*pids = NULL;
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (!ends_with(entry->d_name, MH_SITES_SUFFIX) ||
		    sscanf(entry->d_name, "mallochooks.%" SCNu32 ".", &pid) != 1)
			continue;
		if (!(nr & (nr - 1)))
			*pids = xrealloc(*pids, (nr ? 2 * nr : 1) *
					 sizeof(**pids));
		(*pids)[nr++] = pid;
	}
	closedir(dir);
	*files = nr;
	if (!nr)
		return 0;
	qsort(*pids, nr, sizeof(**pids), by_number);
	for (size_t i = 1; i < nr; i++)
		if ((*pids)[i] != (*pids)[last])
			(*pids)[++last] = (*pids)[i];
	return last + 1;
}

void rundir_trim(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *file;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!ends_with(entry->d_name, MH_SITES_SUFFIX))
			continue;
		file = xasprintf("%s/%s", path, entry->d_name);
		site_file_cut(file);
		free(file);
	}
	closedir(dir);
}

/*
 * Once more when a process has added a file meanwhile.  Not through a symlink
 * that the program may have put there.
 */
void rundir_remove(const char *path)
{
	struct dirent *entry;
	DIR *dir;
	int fd;

	for (int i = 0; i < 10 && rmdir(path); i++) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		dir = fd < 0 ? NULL : fdopendir(fd);
		if (!dir)
			return;
		while ((entry = readdir(dir)))
			if (is_entry(entry))
				unlinkat(fd, entry->d_name, 0);
		closedir(dir);
	}
}
