#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The installed composer makes a client's stack from the installed sources: a
# layer of the client's own, handlers in the unit, several configurations side
# by side, and everything gone after uninstall.
# takes: 20
# needs: native

. "$SRCDIR/tests/install/tree.sh"
install_tree
cd "$TMPDIR" || exit 1
mkdir "with space" && cd "with space" || exit 1

cat >guard.c <<'X'
/* Eight bytes behind each chunk, checked at its end. */
#include <mallochooks/layer.h>
#define SHARE 16
HOOK_TRANSFORMING
static void *seal(void *ptr)
{
	if (ptr) {
		size_t end = NEXT_IDENT(malloc_usable_size)(ptr) - SHARE;

		((char *)ptr)[end] = 42;
	}
	return ptr;
}
static size_t grown(size_t size)
{
	return size > SIZE_MAX - SHARE ? SIZE_MAX : size + SHARE;
}
void *HOOK_IDENT(malloc)(size_t size, caller_t caller)
{
	return seal(NEXT_IDENT(malloc)(grown(size), caller));
}
void *HOOK_IDENT(memalign)(size_t alignment, size_t size, caller_t caller)
{
	return seal(NEXT_IDENT(memalign)(alignment, grown(size), caller));
}
void *HOOK_IDENT(realloc)(void *old, size_t size, caller_t caller)
{
	if (old && !size)
		return NEXT_IDENT(realloc)(old, 0, caller);
	return seal(NEXT_IDENT(realloc)(old, grown(size), caller));
}
void HOOK_IDENT(free)(void *ptr, caller_t caller)
{
	if (((char *)ptr)[NEXT_IDENT(malloc_usable_size)(ptr) - SHARE] != 42)
		mh_say("guard", "overwritten");
	NEXT_IDENT(free)(ptr, caller);
}
size_t HOOK_IDENT(malloc_usable_size)(void *ptr)
{
	return NEXT_IDENT(malloc_usable_size)(ptr) - SHARE;
}
X
cat >over.c <<'X'
#include <malloc.h>
#include <stdlib.h>
int main(void)
{
	char *volatile ptr = calloc(1, 100);
	size_t usable = malloc_usable_size(ptr);

	if (usable < 100)
		return 1;
	ptr[usable] = 1;
	free(ptr);
	return 0;
}
X
gcc over.c -o over || exit 1
for compose in unit separate; do
	mallochooks stack --ident=my --layers=count,./guard.c,count \
		--compose=$compose --parts=parts -o my.o || { not_ok "$compose builds"; continue; }
	gcc -shared my.o -o my.so || { not_ok "$compose links"; continue; }
	said=$(MALLOCHOOKS=count.report=y,count2.report=y LD_PRELOAD=./my.so ./over 2>&1)
	expect "$compose: overrun seen" "mallochooks: guard: overwritten" \
		"$(echo "$said" | head -1)"
	expect "$compose: above and below" "100 116" "$(echo "$said" |
		sed -n 's/.*tions, \([0-9]*\) bytes.*/\1/p' | tr '\n' ' ' |
		sed 's/ $//')"
	expect "$compose: globals" "malloc mallochooks_unit" "$(nm -g \
		--defined-only my.so | awk '{ print $3 }' | grep -x -e malloc \
		-e 'm[ah].*hook.*' -e 'mh_.*' | sort | tr '\n' ' ' |
		sed 's/ $//')"
done
# my.mk is all that a makefile needs
cat >Makefile <<'X'
include my.mk
mk.so: ; gcc -shared $(MALLOCHOOKS_OBJ) $(MALLOCHOOKS_LDFLAGS) -o $@
X
if make -s mk.so && [ -s mk.so ]; then ok "my.mk"; else not_ok "my.mk"; fi

# handlers in the unit, under a prefix of their own
sed 's/ALLOC_EVENT_IDENT(post_successful_alloc)/my_event_post_successful_alloc/' \
	"$SRCDIR/Documentation/examples/big.c" >handlers.c
mallochooks stack --ident=in --event-ident=my_event --layers=event \
	--sources=handlers.c --runtime=parts/runtime.o -o in.o && gcc -shared in.o -o in.so
said=$(LD_PRELOAD=./in.so python3 -c 'b"x" * 2000000' 2>&1)
case $said in
*"bytes at 0x"*) ok "handlers in the unit" ;;
*) not_ok "handlers in the unit: <$said>" ;;
esac

# the runtime apart: of its objects those are taken that would have been made
mallochooks stack --only-runtime --work=rt -o rt/all.o &&
	mallochooks stack --ident=my --layers=count,./guard.c,count --compose=separate \
		--runtime=rt/runtime.list -o listed.o || not_ok "a runtime apart"
expect "a runtime apart: names" "$(nm my.o | awk '{ print $NF }' | sort)" \
	"$(nm listed.o | awk '{ print $NF }' | sort)"

# what is wrong is named
try()
{
	name=$1 word=$2
	shift 2
	said=$(mallochooks stack -o bad.o "$@" 2>&1) && not_ok "$name is taken"
	case $said in
	*"$word"*) ok "$name" ;;
	*) not_ok "$name is not named: <$said>" ;;
	esac
	[ ! -e bad.o ] || not_ok "$name leaves bad.o behind"
}
printf '#include <mallochooks/layer.h>\nHOOK_OBSERVING\nHOOK_PASS(malloc)\nHOOK_PASS(free)\nHOOK_PASS(memalign)\nHOOK_PASS(malloc_usable_size)\n' >lame.c
printf '#include <mallochooks/layer.h>\nHOOK_PASS(malloc)\nHOOK_PASS(free)\nHOOK_PASS(realloc)\nHOOK_PASS(memalign)\nHOOK_PASS(malloc_usable_size)\n' >shy.c
{ cat shy.c; echo HOOK_OBSERVING; } >malloc_only.c
try "missing operation" realloc --layers=./lame.c
try "neither kind" shy --layers=./shy.c
try "no such layer" nosuch --layers=nosuch
try "no such symbol" mallok --symbols=mallok,free
try "no such event" pre_aloc --events=pre_aloc
try "bad identity" 9x --ident=9x
try "macro identity" linux --ident=linux
try "bad calloc" maybe --calloc=maybe
try "incomplete family" posix_memalign --layers=./guard.c --symbols=malloc,free
try "hooked calloc" malloc_only --calloc=hooked --layers=./malloc_only.c
try "no such list" nowhere.list --runtime=nowhere.list
try "runtime of a runtime" only-runtime --only-runtime --runtime=rt/runtime.list
try "unknown key" CONFIG_NOSUCH --set=CONFIG_NOSUCH=y
try "out of range" LOG_FD --layers=log --set=CONFIG_LOG_FD=5000
# what the same refusal does to a family without a transforming layer: it warns
said=$(mallochooks stack --layers=count --symbols=malloc,free --runtime=parts/runtime.o \
	-o half.o 2>&1) ||
	not_ok "half a family is refused: $said"
case $said in
*realloc*) ok "half a family is named" ;;
*) not_ok "half a family is not named: <$said>" ;;
esac

# several configurations side by side
cd "$TMPDIR" || exit 1
cat "$SRCDIR/config/defconfig/defconfig" >build/.config
echo 'CONFIG_NAME="quiet"' >>build/.config
make -s -C "$SRCDIR" O="$TMPDIR/build" CC="$CC" \
	prefix="$prefix" install >log 2>&1 || { cat log; not_ok "second install"; }
for file in lib/libmallochooks.a lib/libmallochooks-quiet.a \
	    lib/pkgconfig/mallochooks-quiet.pc \
	    lib/mallochooks/libmallochooks_preload-quiet.so; do
	if [ -s "$prefix/$file" ]; then ok "$file"; else not_ok "no $file"; fi
done
exit $failed
