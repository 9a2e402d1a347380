/* SPDX-License-Identifier: MIT */
/*
 * self_thunks.S - one thunk of each kind
 */
#include "self.S"
	mh_self	nothing, void
	mh_self	word, word
	mh_self	two, pair
	mh_self	number, float
	mh_self	many, word, 40
