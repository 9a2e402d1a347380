#!/bin/sh
# SPDX-License-Identifier: MIT
#
# An installed method wrap: "pkg-config --libs" or the .mk is all that a link of
# one's own needs, static or not, by every linker; a link in which the hooks did
# not get in fails.
# takes: 12
# needs: native

. "$SRCDIR/tests/install/tree.sh"
install_tree wrap_defconfig
cp "$SRCDIR/Documentation/examples/big.c" "$TMPDIR/big.c"
cd "$TMPDIR" || exit 1

[ ! -e "$prefix/lib/mallochooks/libmallochooks_preload.so" ] ||
	not_ok "a preload was installed"
cat >alloc.c <<'X2'
#include <stdlib.h>
int main(void)
{
	void *volatile small = malloc(1000000);
	void *volatile big = malloc(1000001);

	free(small);
	free(big);
	return 7;
}
X2
cat >rival.cc <<'X2'
#include <memory>
#include <string>
int main(int argc, char **argv)
{
	auto text = std::make_unique<std::string>(1000 + argc, 'x');

	return argv[0] && text->size() == 1001 ? 7 : 1;
}
X2

# speaks NAME COMMAND...: a program that says what big.c sees, and ends with 7
speaks()
{
	name=$1
	shift
	rm -f prog
	if ! timeout 60 "$@" -o prog 2>err; then
		not_ok "$name links: $(head -5 err)"
		return
	fi
	said=$(./prog 2>&1)
	expect "$name status" 7 $?
	case $said in
	"1000001 bytes at 0x"*" from 0x"*) ok "$name speaks" ;;
	*) not_ok "$name says <$said>" ;;
	esac
}

for compiler in gcc clang; do
	command -v $compiler >/dev/null || { echo "# no $compiler"; continue; }
	for linker in bfd gold lld mold; do
		command -v ld.$linker >/dev/null || { echo "# no ld.$linker"; continue; }
		for kind in -no-pie -pie -static -static-pie; do
			[ $linker$kind != gold-static-pie ] || continue
			# shellcheck disable=SC2046
			speaks "$compiler $linker $kind" $compiler -fuse-ld=$linker $kind \
				alloc.c big.c $(pkg-config --cflags --libs mallochooks)
		done
	done
done

for linker in bfd gold lld mold; do
	command -v ld.$linker >/dev/null || continue
	# C++ is left alone: its operators stay what they are.
	for kind in -pie -static; do
		# shellcheck disable=SC2046
		if $CXX -fuse-ld=$linker $kind rival.cc -o prog \
			$(pkg-config --libs mallochooks) 2>err; then
			./prog
			expect "$linker C++ $kind" 7 $?
		else
			not_ok "$linker C++ $kind does not link: $(head -5 err)"
		fi
	done
	printf '!<arch>\n' >libmallochooks.a
	# shellcheck disable=SC2046
	if $CC -fuse-ld=$linker alloc.c big.c -L. $(pkg-config --cflags \
		--libs mallochooks) -o none 2>/dev/null; then
		not_ok "$linker links without the hooks"
	else
		ok "$linker refuses a link without the hooks"
	fi
	rm -f libmallochooks.a
done

cat >Makefile <<'X2'
include $(shell pkg-config --variable=mk mallochooks)
archive: ; $(CC) -static $(MALLOCHOOKS_CFLAGS) alloc.c big.c $(MALLOCHOOKS_LIBS) -o $@
object: ; $(CC) $(MALLOCHOOKS_CFLAGS) alloc.c big.c $(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_LDFLAGS) -o $@
X2
# A library that brings malloc is not dropped when our words come first.
for library in /usr/lib/*/libjemalloc.so.2; do
	[ -e "$library" ] || continue
	# shellcheck disable=SC2046
	speaks "words first" $CC $(pkg-config --cflags --libs mallochooks) alloc.c \
		big.c "$library"
	readelf -d prog | grep -q libjemalloc || not_ok "jemalloc was dropped"
done

for kind in archive object; do
	speaks "by the .mk, $kind" sh -c "make -s $kind && cp $kind \"\$2\"" sh
done

# What can be known before the link is said.
mallochooks stack --transforming --print >said 2>err
grep -q 'transforming, and by --wrap' err || not_ok "a transforming layer is not warned of"
grep -q '__wrap_malloc -> ' said && grep -q '__real_malloc' said ||
	not_ok "the method is not printed"
mallochooks stack --symbols=malloc,free,cxx --print >said 2>err &&
	not_ok "operators of C++ are taken"
grep -q 'SYM_CXX.*METHOD_PRELOAD' err || not_ok "operators: $(cat err)"
expect "link words" "-Wl,--wrap=x_malloc,--wrap=x_free -Wl,-u,x_malloc,-u,x_free" \
	"$(mallochooks stack --symbols=malloc,free --prefix=x_ --link-words |
		sed 's/ -Wl,--defsym.*//')"

# The sites of a static program, which no preload could see.
# shellcheck disable=SC2046
gcc -g -static alloc.c $(pkg-config --libs mallochooks) -o sites &&
	mkdir rec && MALLOCHOOKS=sites.dir=$PWD/rec,sites.after=0 ./sites
mallochooks report rec >said 2>&1
grep -q 'main  *alloc.c:4' said || { cat said; not_ok "report of a static program"; }
exit $failed
