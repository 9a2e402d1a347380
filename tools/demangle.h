/* SPDX-License-Identifier: MIT */
/*
 * demangle.h - names of C++ and Rust as their source has them
 */
#ifndef MALLOCHOOKS_DEMANGLE_H
#define MALLOCHOOKS_DEMANGLE_H

/**
 * demangle() - the readable name behind a symbol
 *
 * C++ needs the C++ library at run time; without it, names stay as they are.
 *
 * Return: to be freed, or NULL when @name is to be shown as it is.
 */
char *demangle(const char *name);

/* The same for Rust's own scheme alone, names that start with "_R". */
char *demangle_rust(const char *name);

/* Is it a name of C++ or Rust? */
int is_mangled(const char *name);

#endif
