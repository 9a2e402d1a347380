/* SPDX-License-Identifier: MIT */
/*
 * ldplugin-api.h - what ld.bfd and ld.gold agree upon with their plugins
 *
 * The part that we use.  The linker dlopens a plugin and calls its onload() with
 * an array of tagged values, which ends with LINKER_END: its own functions and
 * the words of -plugin-opt.
 *
 * Source: gcc's wiki, "whopr/driver"; the numbers are those of its version 1, to
 * which later ones only add.
 */
#ifndef MALLOCHOOKS_LDPLUGIN_API_H
#define MALLOCHOOKS_LDPLUGIN_API_H

#include <stdint.h>
#include <sys/types.h>

enum linker_status {
	LINKER_OK,
	LINKER_NO_SYMBOLS,	/* the file did not become part of the link */
	LINKER_BAD_HANDLE,
	LINKER_FAILED,
};

enum linker_tag {
	LINKER_END			= 0,
	LINKER_OUTPUT_TYPE		= 3,	/* number */
	LINKER_OPTION			= 4,	/* string, one each */
	LINKER_REGISTER_CLAIM_FILE	= 5,
	LINKER_REGISTER_SYMBOLS_READ	= 6,
	LINKER_REGISTER_CLEANUP		= 7,
	LINKER_ADD_SYMBOLS		= 8,
	LINKER_GET_SYMBOLS		= 9,
	LINKER_ADD_INPUT_FILE		= 10,
	LINKER_MESSAGE			= 11,
	LINKER_GET_SYMBOLS_V2		= 25,
	LINKER_GET_SYMBOLS_V3		= 28,	/* the first to say NO_SYMBOLS */
};

enum linker_output {
	LINKER_OUTPUT_RELOCATABLE,		/* -r */
	LINKER_OUTPUT_EXECUTABLE,
	LINKER_OUTPUT_SHARED,
	LINKER_OUTPUT_PIE,
};

enum linker_level {
	LINKER_INFO,
	LINKER_WARNING,
	LINKER_ERROR,		/* the link goes on, and fails */
	LINKER_FATAL,		/* it ends */
};

/**
 * struct linker_file - a file that the linker shows
 * @name:	of the archive when it is a member of one, but of a thin one
 * @fd:		descriptor, open during the call
 * @offset:	where the file begins there, @bytes long
 * @handle:	the linker's own name of it
 */
struct linker_file {
	const char *name;
	int fd;
	off_t offset;
	off_t bytes;
	void *handle;
};

enum linker_kind {
	LINKER_DEFINED,
	LINKER_WEAK,
	LINKER_UNDEFINED,
	LINKER_WEAK_UNDEFINED,
	LINKER_COMMON,
};

enum { LINKER_RESOLVED_BY_PLUGIN = 6 };	/* of resolutions, what we ask for */

enum linker_visibility {
	LINKER_DEFAULT,
	LINKER_PROTECTED,
	LINKER_INTERNAL,
	LINKER_HIDDEN,
};

/**
 * struct linker_symbol - a symbol of a file that a plugin claims
 * @kind:	enum linker_kind; the bytes behind it, and @version, stay 0
 * @comdat:	signature of the group that it is in, or NULL
 * @resolution:	the linker's answer
 *
 * Linkers keep pointers to it, and to its strings.
 */
struct linker_symbol {
	char *name;
	char *version;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	char unused[3];
	char kind;
#else
	char kind;
	char unused[3];
#endif
	int visibility;
	uint64_t size;
	char *comdat;
	int resolution;
};

typedef enum linker_status linker_claim_t(const struct linker_file *file,
					  int *claimed);
typedef enum linker_status linker_handler_t(void);

/**
 * struct linker_value - one of the array
 * @tag:	enum linker_tag: which of them it is
 */
struct linker_value {
	int tag;
	union {
		int number;
		const char *string;
		enum linker_status (*register_claim)(linker_claim_t *handler);
		enum linker_status (*register_handler)(
			linker_handler_t *handler);
		enum linker_status (*add_symbols)(
			void *handle, int nr,
			const struct linker_symbol *symbols);
		enum linker_status (*get_symbols)(
			const void *handle, int nr,
			struct linker_symbol *symbols);
		enum linker_status (*add_input_file)(const char *path);
		enum linker_status (*message)(int level, const char *fmt, ...)
			__attribute__((format(printf, 2, 3)));
	} u;
};

/* What the linker calls first. */
enum linker_status onload(struct linker_value *values);

#endif
