#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The command that the README gives for an event client, word for word, with
# every linker and compiler, against an installed tree.
# needs: native

. "$SRCDIR/tests/install/tree.sh"
install_tree
cp "$SRCDIR/Documentation/examples/big.c" "$TMPDIR/big.c"
cd "$TMPDIR" || exit 1

cat >alloc.c <<'X'
#include <stdlib.h>
int main(void)
{
	void *volatile small = malloc(1000000);
	void *volatile big = malloc(1000001);

	free(small);
	free(big);
	return 7;
}
X
$CC alloc.c -o alloc || exit 1

# The README's command must be the one that is tried here.
command='cc -shared -fPIC big.c $(pkg-config --cflags --libs mallochooks) -o big.so'
if grep -Fq "$command" "$SRCDIR/README.md"; then
	ok "README has the command"
else
	not_ok "README does not have: $command"
fi

for compiler in gcc clang; do
	command -v $compiler >/dev/null || { echo "# no $compiler"; continue; }
	for linker in bfd gold lld mold; do
		command -v ld.$linker >/dev/null ||
			{ echo "# no ld.$linker"; continue; }
		name="$compiler $linker"
		rm -f big.so
		cc() { $compiler -fuse-ld=$linker "$@"; }
		if ! eval "$command" 2>err || [ -s err ]; then
			not_ok "$name links: $(cat err)"
			continue
		fi
		said=$(LD_PRELOAD=./big.so ./alloc 2>&1)
		expect "$name status" 7 $?
		case $said in
		"1000001 bytes at 0x"*" from 0x"*) ok "$name speaks" ;;
		*) not_ok "$name says <$said>" ;;
		esac
		[ "$(printf '%s\n' "$said" | wc -l)" -eq 1 ] ||
			not_ok "$name says more than one line: $said"
		# what else the client exports is the linker's doing, not ours;
		# gold lists local thread-locals, in small letters
		expect "$name exports" "malloc mallochooks_unit" "$(nm -D \
			--defined-only big.so | awk '$2 ~ /[A-Z]/ { print $3 }' |
			grep -x -e malloc -e 'mallochooks.*' -e 'mh_.*' |
			sort | tr '\n' ' ' | sed 's/ $//')"
	done
done

# -flto of the client must not lose its handlers.
if gcc -flto -O2 -shared -fPIC big.c $(pkg-config --cflags --libs mallochooks) -o big.so; then
	said=$(LD_PRELOAD=./big.so ./alloc 2>&1)
	case $said in
	*1000001*) ok "client with -flto" ;;
	*) not_ok "client with -flto says <$said>" ;;
	esac
else
	not_ok "client with -flto does not link"
fi

# --gc-sections must not lose the stack or its registration.
gcc -ffunction-sections -Wl,--gc-sections -shared -fPIC big.c \
	$(pkg-config --cflags --libs mallochooks) -o big.so
said=$(MALLOCHOOKS=count.report=y LD_PRELOAD=./big.so ./alloc 2>&1)
case $said in
*1000001*"2 allocations, 2000001 bytes"*) ok "--gc-sections" ;;
*) not_ok "--gc-sections says <$said>" ;;
esac

# A program that only asks has no stack of its own: Documentation/layers.rst.
cat >asks.c <<'X'
#include <mallochooks/mallochooks.h>
#include <stdio.h>
#include <stdlib.h>

static int visit(const struct mallochooks_allocator *allocator, void *arg)
{
	printf("%s %s\n", allocator->ident, allocator->method);
	*(int *)arg += 1;
	return 0;
}

int main(void)
{
	char *volatile ptr = malloc(100);
	struct mallochooks_object object;
	int nr = 0;

	mallochooks_for_each_allocator(visit, &nr);
	printf("%d %d\n", nr, mallochooks_query(ptr, &object));
	free(ptr);
	return 0;
}
X
words="$(pkg-config --cflags mallochooks) -L$prefix/lib -lc -lmallochooks"
grep -Fq -e '-lc -lmallochooks' "$SRCDIR/Documentation/layers.rst" ||
	not_ok "layers.rst does not have: -lc -lmallochooks"
for linker in bfd gold lld mold; do
	command -v ld.$linker >/dev/null || continue
	# shellcheck disable=SC2086
	gcc -fuse-ld=$linker asks.c $words -o asks
	expect "$linker, asks alone" "0 -2" "$(./asks)"
	expect "$linker, asks a preload" "libc preload 1 -2" "$(
		LD_PRELOAD=$prefix/lib/mallochooks/libmallochooks_preload.so \
			./asks | tr '\n' ' ' | sed 's/ $//')"
done

# A link in which the hooks did not get in fails, in every linker.
for linker in bfd gold lld mold; do
	command -v ld.$linker >/dev/null || continue
	printf '!<arch>\n' >libmallochooks.a
	if gcc -fuse-ld=$linker -shared -fPIC big.c -L. $(pkg-config --cflags \
		--libs mallochooks) -o none.so 2>/dev/null; then
		not_ok "$linker links without the hooks"
	else
		ok "$linker refuses a link without the hooks"
	fi
	rm -f libmallochooks.a
done

# The uninstalled .pc, and the drop-in object.
gcc -shared -fPIC big.c $(pkg-config --cflags mallochooks) \
	"$prefix/lib/mallochooks/mallochooks.o" -o dropin.so
case $(LD_PRELOAD=./dropin.so ./alloc 2>&1) in
1000001*) ok "drop-in object" ;;
*) not_ok "drop-in object" ;;
esac
PKG_CONFIG_PATH=$TMPDIR/build/build
gcc -shared -fPIC big.c $(pkg-config --cflags --libs mallochooks-uninstalled) \
	-o uninstalled.so
case $(LD_PRELOAD=./uninstalled.so ./alloc 2>&1) in
1000001*) ok "uninstalled .pc" ;;
*) not_ok "uninstalled .pc" ;;
esac
exit $failed
