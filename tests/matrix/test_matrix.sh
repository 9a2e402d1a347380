#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_matrix - methods, linkers, compilers, kinds of output and places of malloc:
# of all their combinations, which "make torture" links and runs, a choice in
# which any two meet.  Each program makes calls of all kinds from everywhere.
#
# MATRIX_SEED makes another choice of as many.  A foreign machine gets fewer.
#
# takes: 25

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/matrix/matrix.sh"
prepare

seed=${MATRIX_SEED-1}
if [ -n "$RUNNER" ]; then
	cells 1 "$seed"
else
	cells 120 "$seed"
fi
impossible=$(grep -vc "$(printf '\tworks\t')" cells)
echo "$(wc -l <cells) cells, $impossible of them impossible; MATRIX_SEED=$seed"
run_cells
finish
