#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each installed header alone, in C11 and C++11, pedantic, without a warning.

set -u
failed=0
cd "$TMPDIR" || exit 1
for header in "$SRCDIR"/include/mallochooks/*.h; do
	name=${header##*/}
	tokens=
	# what only layers include may use what only layers are compiled with
	case $name in
	layer.h) continue ;;
	esac
	for tokens in "" "-DMH_IDENT=a -DMH_LAYER=b -DMH_NEXT=c"; do
		printf '#include <mallochooks/%s>\n#include <mallochooks/%s>\nint one;\n' \
			"$name" "$name" >one.c
		cp one.c one.cc
		for try in "$CC -std=c11" "$CXX -std=c++11" "clang -std=c11" \
			   "clang++ -std=c++11"; do
			command -v ${try%% *} >/dev/null || continue
			case $try in *++*) source=one.cc ;; *) source=one.c ;; esac
			if $try -pedantic -Wall -Wextra -Werror $tokens \
				-I"$SRCDIR/include" -c $source -o one.o; then
				echo "ok $name $try $tokens"
			else
				echo "not ok $name $try $tokens"
				failed=1
			fi
		done
	done
done
cat >layer.c <<'X'
#include <mallochooks/layer.h>
HOOK_OBSERVING
X
for try in "$CC -std=gnu11" "clang -std=gnu11"; do
	command -v ${try%% *} >/dev/null || continue
	if $try -Wall -Wextra -Werror -DMH_IDENT=a -DMH_LAYER=b -DMH_NEXT=c \
		-I"$SRCDIR/include" -c layer.c -o one.o; then
		echo "ok layer.h $try"
	else
		echo "not ok layer.h $try"
		failed=1
	fi
done
exit $failed
