// SPDX-License-Identifier: MIT
/*
 * suppress - leaks that nobody wants to hear of
 *
 * The files are those that LeakSanitizer and heaptrack take.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suppress.h"

#define KIND	"leak:"

/* What is wrong with a line, or NULL: then it is empty, or @patterns has it. */
static const char *take_line(struct strings *patterns, const char *line)
{
	const char *pattern = line + strlen(KIND);

	if (!*line || *line == '#')
		return NULL;
	if (!starts_with(line, KIND))
		return "\"leak:PATTERN\" is wanted, or \"#\" before a comment";
	if (!pattern[strspn(pattern, "*^$")])
		return "a pattern is wanted that does not match everything";
	strings_add(patterns, pattern);
	return NULL;
}

static char *trim(char *line)
{
	static const char blanks[] = " \t\r\n\v\f";
	size_t nr;

	line += strspn(line, blanks);
	for (nr = strlen(line); nr && strchr(blanks, line[nr - 1]); nr--)
		;
	line[nr] = '\0';
	return line;
}

int suppressions_read(struct strings *patterns, const char *path)
{
	char *line = NULL;
	unsigned long nr = 0;
	const char *wrong;
	size_t room = 0;
	ssize_t bytes;
	int result = 0;
	FILE *in = fopen(path, "re");

	while (in && (bytes = getline(&line, &room, in)) > 0) {
		nr++;
		wrong = strlen(line) != (size_t)bytes ? "there is a NUL in it" :
			take_line(patterns, trim(line));
		if (!wrong)
			continue;
		say("%s:%lu: %s", path, nr, wrong);
		result = -1;
	}
	if (!in || ferror(in)) {
		say("%s: %s (--suppressions)", path, strerror(errno));
		result = -1;
	}
	if (in)
		fclose(in);
	free(line);
	return result;
}

/* @nr characters of @part, somewhere in @text. */
static const char *find(const char *text, const char *part, size_t nr)
{
	for (; *text; text++)
		if (!strncmp(text, part, nr))
			return text;
	return nr ? NULL : text;
}

/* Its last part has to be the end of what is left. */
static int ends_here(const char *text, const char *part, size_t nr, int anchored)
{
	const size_t left = strlen(text);

	return left >= nr && !strncmp(text + left - nr, part, nr) &&
	       (!anchored || left == nr);
}

int suppression_matches(const char *pattern, const char *text)
{
	int anchored = *pattern == '^';
	size_t nr;

	for (pattern += anchored; *pattern; anchored = 0) {
		nr = strcspn(pattern, "*");
		if (nr && !pattern[nr] && pattern[nr - 1] == '$')
			return ends_here(text, pattern, nr - 1, anchored);
		if (anchored && strncmp(text, pattern, nr))
			return 0;
		text = find(text, pattern, nr);
		if (!text)
			return 0;
		text += nr;
		pattern += nr;
		pattern += strspn(pattern, "*");
	}
	return 1;
}
