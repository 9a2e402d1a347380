/* SPDX-License-Identifier: MIT */
/*
 * live.h - what other processes and signals ask of a stack
 *
 * struct mallochooks_table is how they ask; Documentation/abi.rst has the rules.
 */
#ifndef MH_LIVE_H
#define MH_LIVE_H

#include <mallochooks/mallochooks.h>
#include <mallochooks/runtime.h>

#pragma GCC visibility push(hidden)

/**
 * mh_live_start() - let a stack be found, with the values that it starts with
 * @phase:	its phase page, not live yet
 *
 * Context: constructor, behind mh_options_load().
 * Return: the phase word to go live with.
 */
unsigned int mh_live_start(const struct mallochooks_stack *stack,
			   struct mh_phase *phase);

/**
 * mh_live_signal() - install the handler of core.signal, unless the program has
 * one
 * Context: constructor.
 */
void mh_live_signal(void);

/**
 * mh_live_fork() - this process is a child, and the stack has just gone live
 *
 * Values stay as they are; what the parent was asked for, and had not begun, is
 * its own business.
 */
void mh_live_fork(const struct mallochooks_stack *stack,
		  struct mh_phase *phase);

/**
 * mh_live_take() - do what is asked for, if it is
 * Context: an entry of the stack, live.
 */
void mh_live_take(const struct mallochooks_stack *stack,
		  struct mh_phase *phase);

/* The descriptor of this unit. */
extern const struct mallochooks_unit mh_own_unit;

/**
 * mh_started() - stacks of this unit that have started, in unit.c
 * @i:		from 0
 * @phase:	filled in
 * Return: the stack, or NULL behind the last.
 */
const struct mallochooks_stack *mh_started(unsigned int i,
					   struct mh_phase **phase);

const struct mallochooks_stack *mh_stack_of(const struct mh_phase *phase);

#pragma GCC visibility pop

#endif
