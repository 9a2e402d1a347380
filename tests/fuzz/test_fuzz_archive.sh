#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_fuzz_archive - an archive, its members rewritten, written and
# read again: changed by libFuzzer until something breaks
#
# timeout: 4000
# takes: 31
# needs: native

. "$SRCDIR/tests/fuzz/fuzz.sh"

fuzz archive
