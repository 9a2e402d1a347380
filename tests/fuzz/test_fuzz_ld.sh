#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_fuzz_ld - what the ld shim reads, command lines and scripts, changed
# by libFuzzer until something breaks
#
# timeout: 4000
# takes: 31
# needs: native

. "$SRCDIR/tests/fuzz/fuzz.sh"

fuzz ld
