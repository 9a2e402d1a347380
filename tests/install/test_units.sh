#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Two identities in one output, and an output together with a preload: each
# counts what is its own, nothing twice, and one API answers for all.
# needs: native

. "$SRCDIR/tests/install/tree.sh"
install_tree
cd "$TMPDIR" || exit 1

# A second allocator family, in a library of its own.
cat >pool.c <<'X'
#include <stdlib.h>
static char memory[1 << 20];
static size_t used;
void *pool_malloc(size_t size)
{
	void *ptr = memory + used;

	used += (size + 15) & ~(size_t)15;
	return used > sizeof(memory) ? NULL : ptr;
}
void pool_free(void *ptr) { (void)ptr; }
void *pool_realloc(void *ptr, size_t size) { (void)ptr; return pool_malloc(size); }
X
cat >both.c <<'X'
#include <stdio.h>
#include <stdlib.h>
#include <mallochooks/mallochooks.h>
void *pool_malloc(size_t size);
void pool_free(void *ptr);
static int print(const struct mallochooks_unit *unit,
		 const struct mallochooks_stack *stack, void *arg)
{
	(void)unit;
	++*(int *)arg;
	fprintf(stderr, "stack %s prefix <%s> layers %u\n", stack->ident,
		stack->prefix, stack->nr_layers);
	return 0;
}
int main(void)
{
	int i, nr = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (i = 0; i < 5; i++)
		pool_free(pool_malloc(10));
	for (i = 0; i < 3; i++) {
		void *volatile ptr = malloc(100);

		free(ptr);
	}
	mallochooks_for_each_stack(print, &nr);
	fprintf(stderr, "%d stacks\n", nr);
	fprintf(stderr, "%d layers dumped\n", mallochooks_dump(2));
	return 0;
}
X
gcc -shared -fPIC pool.c -o libpool.so || exit 1
mallochooks stack --ident=pool --prefix=pool_ --layers=count \
	--symbols=malloc,free,realloc --parts=parts -o pool.o 2>pool.err || {
	cat pool.err
	exit 1
}
mallochooks stack --ident=main --layers=count --runtime=parts/runtime.o \
	-o main.o || exit 1

# 1. Two identities in one executable.
gcc $(pkg-config --cflags mallochooks) both.c main.o pool.o -L. \
	-Wl,--no-as-needed -lpool -Wl,-rpath,. -o both || exit 1
./both 2>out
expect "two identities: stacks" "2 stacks" "$(grep stacks out)"
expect "two identities: malloc" "3 allocations, 300 bytes" \
	"$(sed -n 's/.*count: \(3 all.*bytes\) .*/\1/p' out)"
expect "two identities: pool" "5 allocations, 50 bytes" \
	"$(sed -n 's/.*count: \(5 all.*bytes\) .*/\1/p' out)"
expect "two identities: both dump" "2 layers dumped" "$(grep dumped out)"

# Options reach one stack by its identity.
MALLOCHOOKS=pool:count.report=y ./both 2>out
expect "option of one identity" 3 "$(grep -c 'count: ' out)"

# 2. The same as a preload: one unit, two identities.
gcc -shared main.o pool.o -o two.so || exit 1
cat >plain.c <<'X'
#include <stdlib.h>
void *pool_malloc(size_t size);
int main(void)
{
	void *volatile ptr = malloc(20);

	pool_malloc(30);
	pool_malloc(31);
	free(ptr);
	return 0;
}
X
gcc plain.c -L. -lpool -Wl,-rpath,. -o plain || exit 1
MALLOCHOOKS=main:count.report=y,pool:count.report=y LD_PRELOAD=./two.so \
	./plain 2>out
expect "preload of two: malloc" 1 "$(grep -c ' 1 allocations, 20 bytes' out)"
expect "preload of two: pool" 1 "$(grep -c ' 2 allocations, 61 bytes' out)"

# 3. An output and a preload in one process: both see malloc once.
preload=$prefix/lib/mallochooks/libmallochooks_preload.so
gcc $(pkg-config --cflags mallochooks) both.c -L. -lpool -Wl,-rpath,. \
	$(pkg-config --libs mallochooks) -o one || exit 1
LD_PRELOAD=$preload ./one 2>out
expect "output and preload: stacks" "2 stacks" "$(grep stacks out)"
expect "output and preload: each counts once" 2 \
	"$(grep -c 'count: 3 allocations, 300 bytes' out)"
LD_PRELOAD=$preload ./both 2>out
expect "two and a preload: stacks" "3 stacks" "$(grep stacks out)"

# An executable need not export its descriptor: others find it by its note, before
# its constructors have run as well, however it was linked and started.
cat >ask.c <<'X'
#include <stdio.h>
#include <string.h>
#include <mallochooks/mallochooks.h>
static int print(const struct mallochooks_unit *unit,
		 const struct mallochooks_stack *stack, void *arg)
{
	if (!strcmp(stack->ident, "main"))
		fprintf(stderr, "%s: %s, %s\n", (const char *)arg,
			stack->ident, mallochooks_unit_core(unit)->name);
	return 0;
}
__attribute__((constructor)) static void early(void)
{
	mallochooks_for_each_stack(print, (void *)"early");
}
__attribute__((destructor)) static void late(void)
{
	mallochooks_for_each_stack(print, (void *)"late");
}
X
cat >alone.c <<'X'
#include <stdlib.h>
int main(void)
{
	void *volatile ptr = malloc(20);

	free(ptr);
	return 0;
}
X
gcc -shared -fPIC $(pkg-config --cflags mallochooks) ask.c pool.o -L. -lpool \
	-Wl,-rpath,. -o ask.so || exit 1
loader=$(readelf -lW plain | sed -n 's/.*interpreter: \(.*\)]/\1/p')
wanted="early: main, core
late: main, core"
for linker in bfd gold lld mold; do
	for flags in -pie -no-pie "-s -Wl,--gc-sections"; do
		# shellcheck disable=SC2086
		gcc -fuse-ld=$linker $flags alone.c main.o -o alone 2>err || {
			expect "$linker $flags: linked" "" "$(head -n 3 err)"
			continue
		}
		expect "$linker $flags: exported" "" \
			"$(nm -D alone | grep mallochooks_unit)"
		LD_PRELOAD=./ask.so ./alone 2>out
		expect "$linker $flags: found" "$wanted" "$(cat out)"
		LD_PRELOAD=./ask.so $loader ./alone 2>out
		expect "$linker $flags: found, by $loader" "$wanted" "$(cat out)"
		expect "$linker $flags: its file" "stack main" \
			"$(mallochooks options --preload="$PWD/alone" | grep '^stack')"
	done
done

# 4. A tool made from the archive, and our preload: both run.
cp "$SRCDIR/Documentation/examples/big.c" .
gcc -shared -fPIC big.c $(pkg-config --cflags --libs mallochooks) -o big.so
MALLOCHOOKS=count.report=y LD_PRELOAD="$preload ./big.so" ./plain 2>out
expect "two tools of one archive" 2 "$(grep -c 'count: 1 allocations' out)"

# 5. A copy of the very same file counts nothing.
cp "$preload" copy.so
MALLOCHOOKS=count.report=y LD_PRELOAD="$preload ./copy.so" ./plain 2>out
expect "a copy: the first counts" 1 "$(grep -c 'count: 1 allocations' out)"
expect "a copy: the second does not" 1 "$(grep -c 'count: 0 allocations' out)"
exit $failed
