#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_family - over an allocator that lacks some of the family
#
# The whole family comes from the object that has malloc: no chunk of its meets
# another's free, which would end the program with 66.  What it lacks is made of
# what it has; only what it has nothing like comes from the next object.

. "$SRCDIR/tests/process/common.sh"
src=$SRCDIR/tests/hooks

compile family -fno-builtin "$src/family.c"
preload unit count,event

# over NAME WANTED FLAGS
over()
{
	name=$1 wanted=$2
	shift 2
	compile "$name.so" -shared -fPIC "$@" "$src/family_pool.c" -ldl
	got=$(with "LD_PRELOAD=$work/unit.so:$work/$name.so" ./family)
	is "$name: exit status" 0 $?
	is "$name" "$wanted" "$got"
}

over whole "usable 100: malloc calloc realloc memalign memalign-1 \
aligned_alloc aligned_alloc-odd=EINVAL posix_memalign \
posix_memalign-24=EINVAL valloc careless" \
	-DHAVE_MEMALIGN -DHAVE_ALIGNED_ALLOC -DHAVE_POSIX_MEMALIGN -DHAVE_USABLE

# A size that is no multiple of the alignment is for memalign, not for it.
over aligned "usable 0: malloc calloc realloc memalign memalign-1 \
aligned_alloc aligned_alloc-odd=EINVAL posix_memalign \
posix_memalign-24=EINVAL valloc careless=ENOMEM" -DHAVE_ALIGNED_ALLOC

over posix "usable 0: malloc calloc realloc memalign memalign-1 \
aligned_alloc aligned_alloc-odd posix_memalign posix_memalign-24=EINVAL \
valloc careless=EINVAL" -DHAVE_POSIX_MEMALIGN

# An interposer's chunks are the next library's, and so is all that it lacks.
over interposer "usable 0: malloc calloc realloc memalign memalign-1 \
aligned_alloc aligned_alloc-odd posix_memalign posix_memalign-24=EINVAL \
valloc careless=EINVAL" -DINTERPOSER
finish
