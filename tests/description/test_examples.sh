#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_examples - every example of Documentation/description.rst, as it stands
#
# takes: 11
# needs: native
# timeout: 600

. "$SRCDIR/tests/process/common.sh"

# Blocks behind "::", each a file: block1, block2, ...
awk '/::$/ { inside = 1; n++; next }
	inside && /^[^ ]/ { inside = 0 }
	inside { sub(/^    /, ""); print >"block" n }' \
	"$SRCDIR/Documentation/description.rst"

# The tool as it is installed; the runtimes are there already.
mkdir bin
cat >bin/mallochooks <<EOF
#!/bin/sh
command=\$1
shift
runtime='$BUILDDIR/tests/runtime/preload/runtime.list'
case " \$*" in
*" --description="*)	runtime='$BUILDDIR/tests/runtime/wrap/runtime.list' ;;
esac
case \$command in
stack)	exec '$tool' stack --runtime="\$runtime" --source-dir='$SRCDIR' --lib-dir='$BUILDDIR' --arch=$ARCH "\$@" ;;
*)	exec '$tool' \$command "\$@" ;;
esac
EOF
chmod +x bin/mallochooks
PATH=$work/bin:$PATH
CC=$cc
export PATH CC

cat >pool.c <<'C'
#include <stdlib.h>
#include <string.h>
static char room[1 << 16];
static size_t used;
struct head { size_t size, unused; };
void *pool_alloc(void *pool, size_t size)
{
	struct head *head = (struct head *)(room + used);

	(void)pool;
	used += sizeof(*head) + ((size + 15) & ~(size_t)15);
	head->size = size;
	return head + 1;
}
void *pool_calloc(void *pool, size_t n, size_t size)
{
	struct head *head = (struct head *)(room + used);

	(void)pool;
	used += sizeof(*head) + ((n * size + 15) & ~(size_t)15);
	head->size = n * size;
	return memset(head + 1, 0, n * size);
}
void pool_free(void *pool, void *ptr) { (void)pool; (void)ptr; }
size_t pool_size(void *pool, void *ptr) { (void)pool; return ((struct head *)ptr)[-1].size; }
C
cat >util.c <<'C'
#include <stdlib.h>
#include <string.h>
void *xmalloc(size_t size) { void *p = malloc(size); if (!p) abort(); return p; }
void *xcalloc(size_t n, size_t size) { void *p = calloc(n, size); if (!p) abort(); return p; }
static __attribute__((noinline)) char *xstrdup(const char *s) { return strcpy(xmalloc(strlen(s) + 1), s); }
char *twice(const char *s);
char *twice(const char *s) { char *one = xstrdup(s); free(one); return xstrdup(s); }
C
cat >main.c <<'C'
#include <stdlib.h>
void *pool_alloc(void *pool, size_t size);
void *pool_calloc(void *pool, size_t n, size_t size);
void pool_free(void *pool, void *ptr);
size_t pool_size(void *pool, void *ptr);
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
char *twice(const char *s);
int main(void)
{
	void *a = pool_alloc(NULL, 100), *b = pool_calloc(NULL, 3, 10);
	size_t size = pool_size(NULL, a);

	pool_free(NULL, a);
	pool_free(NULL, b);
	free(xmalloc(1000));
	free(xcalloc(1, 1000));
	free(twice("text"));
	return size == 100 ? 7 : 1;
}
C
for file in main pool util; do
	$cc -O2 -g -fno-builtin -Wall -Wextra -c $file.c || exit 1
done

# block N WORD: what the N-th is expected to begin with
block()
{
	grep -q -e "$2" "block$1" || fail "block $1 is not that with $2: $(cat block$1)"
}

block 1 'description=prog.conf'
block 2 'include prog-hooks.mk'
block 3 'count.report'
block 4 'allocators = ('
block 5 'ident = "objects"'
block 6 'layers=walk'
block 7 'ident = "slice"'
block 8 'libglib'
block 9 'new_word'
block 10 'MH_EVENT pool_event'
[ ! -e block11 ] || fail "an example that nobody tries: $(cat block11)"

cp block4 prog.conf
mallochooks stack --description=prog.conf --print >out 2>err
is "print: status" 0 $?
is "print: says" "" "$(cat err)"
is "print: stacks" "stack libc, stack pool, inside libc, facades facades" \
	"$(sed -n 's/ (arch .*//p' out | tr '\n' ',' | sed 's/,$//; s/,\([sf]\)/, \1/g')"
is "print: functions" "pool_alloc(pZ)p -> mh_pool_count_malloc
pool_calloc(pZZ)p -> mh_pool_count_calloc
pool_free(pP) -> mh_pool_count_free
pool_size(pP)z -> mh_pool_count_malloc_usable_size
xmalloc(Z)p
xcalloc(zZ)p
util.o:xstrdup(p)p" "$(sed -n 's/^  \(entry\|callers noted\|\)  *\([a-z.:_]*([a-zA-Z]*).*\)/\2/p' out)"
sh -e block1 >out 2>&1 || fail "block 1: $(cat out)"
sed 's/^        /	/' block2 >Makefile
make -s CC="$cc" prog >out 2>&1 || fail "block 2: $(cat out)"
sh block3 >out 2>&1
is "block 3: status" 7 $?
is "block 3" "mallochooks: pool:count: 2 allocations, 130 bytes requested, 0 failed" "$(cat out)"
is "libc" "mallochooks: count: 4 allocations, 2010 bytes requested, 0 failed" \
	"$(MALLOCHOOKS=libc:count.report=y ./prog 2>&1)"

# Handlers of the pool alone, of a program that is compiled with -flto.
sed 's/layers = \[ "count", "sites" \];/layers = [ "event" ]; event-ident = "pool_event";/' \
	block4 >seen.conf
cp block10 seen.c
mallochooks stack --description=seen.conf -o seen-hooks.o >out 2>&1 || fail "block 10: $(cat out)"
lto=
echo 'int main(void) { return 0; }' >trial.c
$cc -flto trial.c -o trial 2>/dev/null && lto=-flto
# shellcheck disable=SC2046,SC2086
$cc -O2 $lto -I"$SRCDIR/include" -c seen.c &&
	$cc -O2 $lto seen.o main.o pool.o util.o \
		$(mallochooks stack --description=seen.conf -o seen-hooks.o --link-words) \
		-o seen || fail "block 10 does not link"
is "block 10" "pool: 100 bytes
pool: 30 bytes" "$(./seen 2>&1)"

# Obstacks: the functions are those of block 5.
cat >objects.c <<'C'
#include <obstack.h>
#include <stdlib.h>
#define obstack_chunk_alloc malloc
#define obstack_chunk_free free
void *object_new(struct obstack *stack, size_t size) { return obstack_alloc(stack, size); }
void object_free(struct obstack *stack, void *ptr) { obstack_free(stack, ptr); }
void begin(struct obstack *stack);
void begin(struct obstack *stack) { obstack_init(stack); }
C
cat >user.c <<'C'
#include <obstack.h>
void *object_new(struct obstack *stack, size_t size);
void object_free(struct obstack *stack, void *ptr);
void begin(struct obstack *stack);
int main(void)
{
	struct obstack stack;

	begin(&stack);
	for (int i = 0; i < 10; i++)
		object_new(&stack, 1000);
	object_free(&stack, NULL);
	return 0;
}
C
$cc -O2 -fno-builtin -c objects.c && $cc -O2 -fno-builtin -c user.c || exit 1
cp block5 objects.conf
mallochooks stack --description=objects.conf -o objects-hooks.o >out 2>&1 || fail "block 5: $(cat out)"
# shellcheck disable=SC2046
$cc user.o objects.o $(mallochooks stack --description=objects.conf -o objects-hooks.o --link-words) \
	-o objects || fail "block 5 does not link"
is "block 5" "mallochooks: objects:count: 10 allocations, 10000 bytes requested, 0 failed" \
	"$(MALLOCHOOKS=objects:count.report=y ./objects 2>&1)"
MALLOCHOOKS=libc:count.report=y ./objects 2>&1 | grep -q 'count: [2-9] allocations' ||
	fail "the chunks of obstacks are not malloc's"

# The walk.
$cc main.o pool.o util.o -o plain || exit 1
sh -e block6 >out 2>&1
is "block 6: status" 7 $?
is "block 6: functions" "main 3, twice 1" "$(awk '/ (malloc|calloc) / { n[$(NF - 2)]++ }
	END { printf "main %d, twice %d", n["main"], n["twice"] }' out)"

# Tests that a page names are there.
for name in $(grep -o 'tests/[a-z_/]*' "$SRCDIR/Documentation/seed.rst" | sort -u); do
	[ -d "$SRCDIR/$name" ] || [ -e "$SRCDIR/$name.sh" ] || [ -e "$SRCDIR/$name.c" ] ||
		fail "seed.rst: there is no $name"
done

# A real library.
case $($cc -print-file-name=libglib-2.0.a) in
/*) ;;
*)	skip "no libglib-2.0.a for $cc"
	finish ;;
esac
cp block7 glib.conf
sed '/^#/d' "$SRCDIR/tests/description/real/glib.conf" | diff -B block7 - >differs ||
	fail "block 7 is not real/glib.conf: $(cat differs)"
cp "$SRCDIR/tests/description/real/glib.c" .
sh -e block8 >out 2>&1 || fail "block 8: $(cat out)"
sed -n '/ glib\.c:[0-9]*  \[glib]$/s/^ *//p' out | grep -v '^in ' >got
sed 's/^ *//' block9 | diff -B - got >differs || fail "block 9: $(cat differs)"
finish
