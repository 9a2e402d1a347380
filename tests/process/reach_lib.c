// SPDX-License-Identifier: MIT
/*
 * reach_lib - data of a library that is loaded later
 */
void *reach_lib_kept;
