#!/bin/sh
# SPDX-License-Identifier: MIT
#
# An installed method replace: "pkg-config --libs" or the .mk is all that a link
# needs which defines malloc, by every linker; a link that defines none fails and
# says so.  Two families in one output, and an output together with a preload or
# under mallochooks run: each call is counted once, and one API answers for all.
# takes: 35
# needs: native

. "$SRCDIR/tests/install/tree.sh"
install_tree replace_defconfig
cp "$SRCDIR/Documentation/examples/big.c" "$TMPDIR/big.c"
cd "$TMPDIR" || exit 1

[ ! -e "$prefix/lib/mallochooks/libmallochooks_preload.so" ] ||
	not_ok "a preload was installed"

# An allocator that knows what is its own, of any family.
cat >arena.c <<'X'
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#ifndef FAMILY
#define FAMILY(name) name
#endif
#define ROOM (1 << 24)
static _Alignas(16) char room[ROOM];
static size_t used;
volatile unsigned long FAMILY(births), FAMILY(deaths);
void *FAMILY(malloc)(size_t size)
{
	size_t whole = ((size + 15) & ~(size_t)15) + 16;
	char *chunk = room + used;

	if (whole < size || whole > ROOM - used) {
		errno = ENOMEM;
		return NULL;
	}
	used += whole;
	FAMILY(births)++;
	memcpy(chunk, &size, sizeof(size));
	return chunk + 16;
}
void FAMILY(free)(void *ptr)
{
	if (!ptr)
		return;
	if ((char *)ptr < room || (char *)ptr >= room + used)
		abort();
	FAMILY(deaths)++;
}
void *FAMILY(calloc)(size_t n, size_t size)
{
	return size && n > ROOM / size ? NULL : FAMILY(malloc)(n * size);
}
void *FAMILY(realloc)(void *old, size_t size)
{
	void *ptr = FAMILY(malloc)(size);
	size_t had = 0;

	if (old)
		memcpy(&had, (char *)old - 16, sizeof(had));
	if (ptr && old)
		memcpy(ptr, old, had < size ? had : size);
	FAMILY(free)(old);
	return ptr;
}
X
cat >main.c <<'X'
#include <stdlib.h>
#include <string.h>
extern volatile unsigned long births, deaths;
int main(void)
{
	unsigned long before = births, after = deaths;
	void *volatile small = malloc(1000000);
	void *volatile big = malloc(1000001);
	char *text = strdup("libc calls it too");

	free(small);
	free(big);
	free(text);
	return births - before == 3 && deaths - after == 3 ? 7 : 1;
}
X
cat >none.c <<'X'
#include <stdlib.h>
int main(void) { return !malloc(1); }
X

# speaks NAME COMMAND...: a program that says what big.c sees, and ends with 7
speaks()
{
	name=$1
	shift
	rm -f prog
	if ! timeout 60 "$@" -o prog 2>err || [ -s err ]; then
		not_ok "$name links: $(head -n 5 err)"
		return
	fi
	MALLOCHOOKS=count.report=y timeout 20 ./prog >out 2>err
	expect "$name status" 7 $?
	grep -q '^1000001 bytes at 0x.* from 0x' err ||
		not_ok "$name says $(cat err)"
	case $name in
	*-static*) ;;	# libc.a's own calls are among them
	*)	grep -q 'count: 3 allocations, 2000019 bytes' err ||
			not_ok "$name counts $(cat err)" ;;
	esac
}

cat >born.c <<'X'
#include "arena.c"
void *born(void);
void *born(void)
{
	return realloc(malloc(5), 6);
}
X
cat >first.c <<'X'
#include "arena.c"
void *born(void);
int main(void)
{
#ifdef STAYS
	return (size_t)((char *)born() - room) < ROOM;
#else
	free(born());
	return births != 2 || !deaths;
#endif
}
X
words="$(pkg-config --cflags --libs mallochooks)"
linkers=
for linker in bfd gold lld mold; do
	command -v ld.$linker >/dev/null || { echo "# no ld.$linker"; continue; }
	linkers="$linkers $linker"
	for compiler in gcc clang; do
		command -v $compiler >/dev/null || { echo "# no $compiler"; continue; }
		for kind in -no-pie -pie -static -static-pie; do
			[ $linker$kind != gold-static-pie ] || continue
			# shellcheck disable=SC2086
			speaks "$compiler $linker $kind" $compiler \
				-fuse-ld=$linker $kind -O2 -fno-builtin \
				main.c arena.c big.c $words
		done
	done

	# A shared object that brings malloc, for a program that knows nothing.
	# shellcheck disable=SC2086
	$CC -fuse-ld=$linker -shared -fPIC arena.c big.c $words -o libarena.so \
		2>err || not_ok "$linker shared object: $(head -n 5 err)"
	speaks "$linker shared object" $CC -fuse-ld=$linker -fno-builtin main.c -L. -larena \
		-Wl,-rpath,.

	# The program's own malloc comes before it, to its calls of itself as well, as
	# without hooks; but not where the compiler was told that they stay.
	for stays in "" -fno-semantic-interposition; do
		name="$linker another malloc first${stays:+, $stays}"
		case $stays,$($CC --version) in
		-*clang*) continue ;;	# its assembler has no other name for them
		esac
		# shellcheck disable=SC2086
		$CC -fuse-ld=$linker -O2 -fno-builtin -shared -fPIC $stays born.c \
			$words -o libborn.so 2>err ||
			not_ok "$name: $(head -n 5 err)"
		$CC -fuse-ld=$linker -O2 -fno-builtin ${stays:+-DSTAYS} first.c -L. \
			-lborn -Wl,-rpath,. -o first || not_ok "$name: no program"
		timeout 20 ./first
		expect "$name" 0 $?
	done

	# Nothing that could be hooked: one line says so.
	rm -f none
	# shellcheck disable=SC2086
	if $CC -fuse-ld=$linker none.c $words -o none 2>err; then
		not_ok "$linker links without malloc"
	fi
	expect "$linker without malloc" 1 \
		"$(grep -c 'mallochooks.*no object of this link defines malloc' err)"
	[ ! -e none ] || not_ok "$linker leaves an output"
	# shellcheck disable=SC2086
	$CC -fuse-ld=$linker none.c $words -Wl,-plugin-opt,if-absent=ignore \
		-o none 2>err || not_ok "$linker if-absent=ignore: $(head -n 5 err)"
	MALLOCHOOKS=count.report=y ./none >out 2>&1
	expect "$linker if-absent=ignore runs" "0 " "$? $(cat out)"
	# The words got lost on the way, but for the guard.
	# shellcheck disable=SC2086
	if $CC -fuse-ld=$linker main.c arena.c $(echo "$words" | tr ' ' '\n' |
		grep -e --defsym) -o none 2>/dev/null; then
		not_ok "$linker links without the hooks"
	else
		ok "$linker refuses a link without the hooks"
	fi
done

# -flto: a client keeps its handlers, an allocator is refused, also where it would
# be no error that there is none.
gcc -flto -O2 -I"$prefix/include" -c big.c -o big-lto.o &&
	gcc -flto -O2 -fno-builtin -c main.c -o main-lto.o &&
	gcc -flto -O2 -fno-builtin -c arena.c -o arena-lto.o &&
	gcc -O2 -fno-builtin -c arena.c && gcc -O2 -fno-builtin -c main.c || exit 1
ldflags=$(pkg-config --variable=ldflags mallochooks)
for linker in $linkers; do
	# lld 14 cannot read GIMPLE.
	# shellcheck disable=SC2086
	[ $linker = lld ] || speaks "$linker client with -flto" gcc -fuse-ld=$linker \
		-flto -O2 main-lto.o big-lto.o arena.o $words
	gcc -fuse-ld=$linker -flto main.o arena-lto.o "$ldflags" -o none 2>err &&
		not_ok "$linker links an allocator with -flto"
	grep -q 'malloc: is defined in GIMPLE (-flto): compile this object with' err ||
		not_ok "$linker, an allocator with -flto: $(head -n 5 err)"
done

cat >Makefile <<'X'
include $(shell pkg-config --variable=mk mallochooks)
CFLAGS = -O2 -fno-builtin $(MALLOCHOOKS_CFLAGS)
default: ; $(CC) $(CFLAGS) main.c arena.c big.c $(MALLOCHOOKS_LIBS) -o $@
own.o: ; $(MALLOCHOOKS) stack --method=replace --ident=own --event-ident=own_event \
	--layers=count,event --cc='$(CC)' -o $@
-include own.mk
own: own.o ; $(CC) $(CFLAGS) -DMH_EVENT=own_event main.c arena.c big.c \
	$(MALLOCHOOKS_OBJ_own) $(MALLOCHOOKS_LDFLAGS_own) -o $@
tailored: own.o
	$(CC) $(CFLAGS) -c arena.c -o plain.o
	$(MALLOCHOOKS) rewrite --hooks=own.o --tailor=tailored.o plain.o hooked.o
	$(CC) $(CFLAGS) -DMH_EVENT=own_event main.c big.c hooked.o tailored.o -o $@
X
make -s own.o >log 2>&1 || { cat log; not_ok "a stack of one's own"; }
for kind in default own tailored; do
	speaks "by the .mk, $kind" sh -c "make -s $kind && cp $kind \"\$2\"" sh
done

# ---- two families in one output ------------------------------------------------------
#
# Each with its own identity, each counted once, under its own name, and what one
# gave goes home to it.

cat >both.c <<'X'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mallochooks/mallochooks.h>
void *pool_malloc(size_t size);
void *pool_realloc(void *old, size_t size);
void pool_free(void *ptr);
extern volatile unsigned long births, deaths, pool_births, pool_deaths;

static int print(const struct mallochooks_unit *unit,
		 const struct mallochooks_stack *stack, void *arg)
{
	(void)unit;
	++*(int *)arg;
	fprintf(stderr, "stack %s prefix <%s>\n", stack->ident, stack->prefix);
	return 0;
}

static void ask(const char *what, void *ptr, size_t size)
{
	struct mallochooks_object object = { .size = sizeof(object) };
	int error = mallochooks_query((char *)ptr + size / 2, &object);

	fprintf(stderr, "%s: %s\n", what, error ? strerror(-error) :
		object.base == ptr && object.requested == size ? object.ident :
		"another one");
}

int main(void)
{
	void *ours = malloc(100), *pools = pool_malloc(2000);
	char *copy = strdup("libc");
	int nr = 0;

	pools = pool_realloc(pools, 3000);
	ask("malloc", ours, 100);
	ask("strdup", copy, 5);
	ask("pool", pools, 3000);
	pool_free(pools);
	free(copy);
	free(ours);
	ask("freed", ours, 100);
	mallochooks_for_each_stack(print, &nr);
	fprintf(stderr, "%d stacks\n", nr);
	fprintf(stderr, "home: %lu %lu %lu %lu\n", births, deaths, pool_births,
		pool_deaths);
	return 0;
}
X
sed -n '/^#define FAMILY/!p' arena.c >pool.c
sed -i '1i #define FAMILY(name) pool_##name' pool.c
$CC -O2 -fno-builtin -c arena.c && $CC -O2 -fno-builtin -c pool.c &&
	$CC -O2 -fno-builtin -I"$prefix/include" -c both.c || exit 1
mallochooks stack --method=replace --ident=main --layers=count,index --parts=parts \
		-o first.o &&
	mallochooks stack --method=replace --ident=pool --prefix=pool_ \
		--layers=count,index --runtime=parts/runtime.o -o second.o &&
	mallochooks stack --method=preload --ident=pre --layers=count,index \
		--parts=parts-pre -o pre.o || exit 1
$CC -shared -Wl,-z,nodelete -o pre.so pre.o || exit 1
words_of()
{
	mallochooks stack --method=replace --lib-dir="$prefix/lib/mallochooks" \
		"$@" --link-words
}
first=$(words_of --ident=main -o "$PWD/first.o")
second=$(words_of --ident=pool --prefix=pool_ -o "$PWD/second.o")

# counts IDENT: what its count layer says at the end
counts()
{
	MALLOCHOOKS=$1:count.report=y LD_PRELOAD=${2-} ./both 2>&1 |
		sed -n "s/^mallochooks: $1:count: \\(.*\\) requested.*/\\1/p"
}

for linker in $linkers; do
	# shellcheck disable=SC2086
	if ! $CC -fuse-ld=$linker both.o arena.o pool.o $first $second -o both 2>err; then
		not_ok "$linker two families: $(head -n 5 err)"
		continue
	fi
	./both >out 2>err
	expect "$linker two families: status" 0 $?
	expect "$linker two families: what is whose" \
		"malloc: main strdup: main pool: pool freed: $(perl -e '$! = 2; print $!') " \
		"$(grep '^[a-z]*: [mpN]' err | tr '\n' ' ')"
	expect "$linker two families: stacks" "2 stacks" "$(grep stacks err)"
	expect "$linker two families: home" "home: 2 2 2 2" "$(grep home err)"
	expect "$linker two families: malloc" "2 allocations, 105 bytes" "$(counts main)"
	# pool_realloc calls the pool_malloc of its own file: hooked as well.
	expect "$linker two families: pool" "3 allocations, 8000 bytes" "$(counts pool)"

	# With a preload of ours: nothing comes to it, and it is asked as well.
	LD_PRELOAD=./pre.so ./both >out 2>err
	expect "$linker and a preload: stacks" "3 stacks" "$(grep stacks err)"
	expect "$linker and a preload: what is whose" "malloc: main strdup: main pool: pool" \
		"$(grep '^[a-z]*: [mp]' err | tr '\n' ' ' | sed 's/ $//')"
	expect "$linker and a preload: malloc" "2 allocations, 105 bytes" \
		"$(counts main ./pre.so)"
	expect "$linker and a preload: its own" "0 allocations, 0 bytes" \
		"$(counts pre ./pre.so)"
done

# Two hooks of one function are told apart by nobody.
# shellcheck disable=SC2086
$CC both.o arena.o pool.o $first $words -o none 2>err &&
	not_ok "two stacks of one function are linked"
grep -q 'is hooked by both .*first.o and .*mallochooks.o' err ||
	not_ok "two stacks of one function: $(head -n 5 err)"

# ---- mallochooks run ------------------------------------------------------------------

# reported COMMAND...: what run has counted
reported()
{
	mallochooks run --preload="$PWD/pre-sites.so" -- "$@" 2>&1 >out |
		sed -n 's/^mallochooks: run: \(1 process, [0-9]* allocations\).*/\1/p'
}

for method in preload wrap replace; do
	case $method in
	preload) runtime=parts-pre/runtime.o ;;
	*)	runtime=parts/runtime.o ;;
	esac
	mallochooks stack --method=$method --layers=count,sites --runtime=$runtime \
		-o $method-sites.o || exit 1
done
$CC -shared -Wl,-z,nodelete -o pre-sites.so preload-sites.o || exit 1
cat >three.c <<'X'
#include <stdlib.h>
int main(void)
{
	for (int i = 0; i < 3; i++)
		free(malloc(100));
	return 0;
}
X
$CC -O2 -fno-builtin -c three.c || exit 1
# shellcheck disable=SC2046
$CC three.o wrap-sites.o $(mallochooks stack --method=wrap --link-words) -o wrapped &&
	$CC three.o arena.o $(words_of -o "$PWD/replace-sites.o") -o replaced &&
	$CC three.o -o plain || exit 1
for program in plain wrapped replaced; do
	expect "run $program" "1 process, 3 allocations" "$(reported ./$program)"
done

# ---- and away with it ---------------------------------------------------------------------

make -s -C "$SRCDIR" O="$TMPDIR/build" CC="$CC" \
	prefix="$prefix" uninstall >log 2>&1 || not_ok "uninstall: $(cat log)"
expect "uninstall leaves nothing" "" "$(find "$prefix" 2>/dev/null)"
exit $failed
