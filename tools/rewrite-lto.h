/* SPDX-License-Identifier: MIT */
/*
 * rewrite-lto.h - objects of link-time optimisation, which hold no code yet
 */
#ifndef MALLOCHOOKS_REWRITE_LTO_H
#define MALLOCHOOKS_REWRITE_LTO_H

#include "elfedit.h"
#include "rewrite.h"

/**
 * rewrite_lto() - refuse GIMPLE that defines one of the symbols
 * @errors:	gets a line for each
 */
void rewrite_lto(const struct elf_edit *elf,
		 const struct rewrite_options *options, struct strings *errors);

/* Refuses LLVM's bitcode that defines, or could define, one of them. */
void rewrite_bitcode(const void *file, size_t bytes,
		     const struct rewrite_options *options,
		     struct strings *errors);

#endif
