/* SPDX-License-Identifier: MIT */
/*
 * settings.h - words for a stack, the same on the command line and in a
 * description: method, symbols, layers, ...
 */
#ifndef MALLOCHOOKS_SETTINGS_H
#define MALLOCHOOKS_SETTINGS_H

#include "model.h"

/**
 * settings_apply() - give the model what a word says
 * @name:	of the word, as "layers"
 * @value:	its value, lists separated by commas
 * @where:	for messages: "--layers", or file and line
 *
 * Return: 0, or -1 with a line said.
 */
int settings_apply(struct model *model, const char *name, const char *value,
		   const char *where);

/* Is there such a word? */
int settings_has(const char *name);

#endif
