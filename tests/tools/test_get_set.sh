#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_get_set - get and set: tables of other ages, every kind of program, every
# reason why not; thousands of changed tables
#
# timeout: 500
# needs: native

. "$SRCDIR/tests/process/common.sh"

tools=$SRCDIR/tools
forge=$SRCDIR/tests/tools/abi_forge.c

get() { "$tool" get "$@" 2>&1; }
set_() { "$tool" set "$@" 2>&1; }

# hold COMMAND...: started, with its stdin open; its pid in $pid
hold()
{
	rm -f in out
	mkfifo in
	"$@" <in >out 2>err &
	pid=$!
	exec 7>in
	tries=0
	while [ ! -s out ] && [ $tries -lt 2000 ]; do
		tries=$((tries + 1))
		sleep 0.01
	done
	[ -s out ] || fail "$*: says nothing: $(cat err)"
}
drop()
{
	exec 7>&-
	wait "$pid"
	is "exit status of $pid" 0 $?
}

# ---- tables of other ages -----------------------------------------------------
#
# kind|get: its lines, "+" in between, pid left out|set thing.level=5|what was written

sed 's/  */ /g' >table <<'END'
same|stack forged in FORGE+core.record = y (built in), live+thing.level = 4 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)||flip=1 bell=1 level=5
newer-size|stack forged in FORGE+core.record = y (built in), live+thing.level = 4 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)||flip=1 bell=1 level=5
newer-version|get: stack forged has a table of version 2, this tool knows 1: values as at the start, and nothing can be set+stack forged in FORGE+core.record = y (built in), live+thing.level = 3 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)|set: stack forged has a table of version 2, this tool knows 1: values as at the start, and nothing can be set|flip=0 bell=0 level=4
older-version|get: stack forged has a table of version 0, this tool knows 1: values as at the start, and nothing can be set+stack forged in FORGE+core.record = y (built in), live+thing.level = 3 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)|set: stack forged has a table of version 0, this tool knows 1: values as at the start, and nothing can be set|flip=0 bell=0 level=4
older-size|get: stack forged has a table of 624 bytes, this tool knows 1648: values as at the start, and nothing can be set+stack forged in FORGE+core.record = y (built in), live+thing.level = 3 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)|set: stack forged has a table of 624 bytes, this tool knows 1648: values as at the start, and nothing can be set|flip=0 bell=0 level=4
newer-unit|get: stack forged in FORGE: unit of another release (ABI 2, this tool reads 1): use the tool that came with it+stack forged in FORGE|set: stack forged in FORGE: unit of another release (ABI 2, this tool reads 1): use the tool that came with it|flip=0 bell=0 level=4
older-unit|stack forged in FORGE+thing.level = 4 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)||flip=1 bell=1 level=5
older-option|stack forged in FORGE+core.record = y (built in), live|set: thing.level=5: no such option; thing has|flip=0 bell=0 level=4
older-layer|get: stack forged in FORGE: the option tables cannot be read+stack forged in FORGE|set: stack forged in FORGE: the option tables cannot be read|flip=0 bell=0 level=4
not-started|get: stack forged in FORGE: has not started: its constructor has not run+stack forged in FORGE|set: stack forged in FORGE: has not started: its constructor has not run|flip=0 bell=0 level=4
no-magic|get: process PID has no stack of ours in it: start it by "mallochooks run", or link it with one|set: process PID has no stack of ours in it: start it by "mallochooks run", or link it with one|flip=0 bell=0 level=4
moved|get: process PID has no stack of ours in it: start it by "mallochooks run", or link it with one|set: process PID has no stack of ours in it: start it by "mallochooks run", or link it with one|flip=0 bell=0 level=4
wild|get: stack forged in FORGE: unit of another release (ABI 0, this tool reads 1): use the tool that came with it+stack forged in FORGE|set: stack forged in FORGE: unit of another release (ABI 0, this tool reads 1): use the tool that came with it|flip=0 bell=0 level=4
deaf|stack forged in FORGE+core.record = y (built in), live+thing.level = 4 (built in), live+thing.kind = c (built in)+thing.text = "some text" (built in)|set: stack forged has no layer that could do anything about it|flip=0 bell=0 level=4
unknown-unit|get: stack forged in FORGE: its unit does not know it+stack forged in FORGE|set: stack forged in FORGE: its unit does not know it|flip=0 bell=0 level=4
END
compile forge "$forge"
compile old -DFORGE_OLD_NOTE "$forge"
# plain LINES: as the table has them
plain() { sed -e "s/process $pid /process PID /" -e "s|$work/forge|FORGE|g" -e 's/^mallochooks: //' -e 's/^  //' | paste -sd+ -; }
while IFS='|' read -r kind shown refused written; do
	hold ./forge "$kind"
	is "$kind: get" "$shown" "$("$tool" get "$pid" 2>messages >values; cat messages values | plain)"
	set_ "$pid" thing.level=5 >messages
	is "$kind: set: exit status" $((${#refused} > 0)) $?
	is "$kind: set" "$refused" "$(plain <messages)"
	drop
	is "$kind: written" "$written" "$(tail -n 1 out)"
done <table
hold ./old
is "a note without a table" "mallochooks: get: stack forged in $work/old: made by a release that can't be reached while it runs: link it anew" \
	"$(get "$pid" 2>&1 >/dev/null | head -n 1)$("$tool" get "$pid" 2>&1 >/dev/null)"
drop

# ---- every kind of program ----------------------------------------------------

"$tool" stack --runtime="$BUILDDIR/tests/runtime/wrap/runtime.list" --source-dir="$SRCDIR" \
	--arch="$ARCH" --cc="$cc" --method=wrap \
	--layers=count --ident=own -o own.o >log 2>&1 || { cat log; fail "own.o"; }
words=$(sed -n 's/^MALLOCHOOKS_LDFLAGS_own := //p' own.mk)
# kind FLAGS: linked so, stripped, and asked
kind()
{
	what=$1
	shift
	# shellcheck disable=SC2086
	$cc -O2 -fno-builtin -pthread -o prog "$@" "$here/abi_work.c" own.o $words \
		>log 2>&1 || { cat log; skip "$what: does not link"; return; }
	strip prog
	hold ./prog
	is "$what" "stack own in $work/prog" "$(get "$pid" | head -n 1)"
	set_ "$pid" core.dump=+1
	echo 'a 1' >&7
	tries=0
	while ! grep -q 'dump: own' err && [ $tries -lt 500 ]; do
		tries=$((tries + 1))
		sleep 0.01
	done
	is "$what: dumps" "mallochooks: dump: own in process $pid" "$(grep dump: err)"
	drop
}
kind "static" -static
kind "static PIE" -static-pie
kind "PIE" -pie
kind "no PIE" -no-pie
kind "collected sections" -ffunction-sections -Wl,--gc-sections
for linker in gold lld mold; do
	kind "$linker" -fuse-ld=$linker
done
# Two stacks in one process, and a file that has gone meanwhile.
cp prog here
hold env "LD_PRELOAD=$MALLOCHOOKS_PRELOAD" ./here
rm here
if [ -n "$MALLOCHOOKS_PRELOAD" ]; then
	is "two stacks" 2 "$(get "$pid" | grep -c '^stack ')"
	is "one value of each" "$(printf '%s\n' 'own:core.record = y' 'libc:core.record = y' | sort)" \
		"$(get "$pid" core.record | sort)"
	is "one of the two" y "$(get "$pid" own:core.record)"
	set_ "$pid" own:core.record=n
	echo 'a 1' >&7
	sleep 0.1
	is "set one of the two" "$(printf '%s\n' 'own:core.record = n' 'libc:core.record = y' | sort)" \
		"$(get "$pid" core.record | sort)"
else
	skip "two stacks: no preload"
fi
drop

# ---- reasons why not ----------------------------------------------------------

hold cat /proc/self/comm -
drop
is "gone" "mallochooks: get: there is no process $pid" "$(get "$pid")"
is "no number" "mallochooks: get: x1: not the number of a process" "$(get x1)"
"$tool" get x1 2>/dev/null
is "no number: exit status" 2 $?
hold sh -c 'echo; cat'
is "no stack" "mallochooks: get: process $pid has no stack of ours in it: start it by \"mallochooks run\", or link it with one" \
	"$(get "$pid")"
drop
sh -c 'sleep 0.3 & echo $!; exec sleep 2' >zombie &
sleep 0.6
is "ended, and not waited for" "mallochooks: get: process $(cat zombie) has no memory: it has ended, or is the kernel's" \
	"$(get "$(cat zombie)" | sed 's/there is no process \([0-9]*\)/process \1 has no memory: it has ended, or is the kernel'"'"'s/')"
cat >bits.c <<'END'
void _start(void)
{
	for (;;)
		__asm__ volatile("int $0x80" : : "a"(29));
}
END
if $cc -m32 -nostdlib -static -fno-pie -no-pie -fno-stack-protector -o bits bits.c >/dev/null 2>&1; then
	./bits 2>/dev/null & bits=$!
	sleep 0.1
	if kill -0 $bits 2>/dev/null; then
		is "32 bits" "mallochooks: get: process $bits is a 32-bit program, which no stack of ours is for" "$(get $bits)"
		kill $bits
	else
		skip "32 bits: this kernel runs none"
	fi
else
	skip "32 bits: $cc makes none"
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	hold ./forge same
	chmod 755 "$work" "$TMPDIR"
	is "no permission" "mallochooks: get: no permission to look into process $pid" \
		"$(setpriv --reuid=65534 --clear-groups "$tool" get "$pid" 2>&1 | sed 's/: be .*//')"
	drop
else
	skip "no permission: needs root and setpriv"
fi

# ---- changed tables -----------------------------------------------------------

# shellcheck disable=SC2086
$cc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-I"$SRCDIR/include" -I"$tools" -I"$SRCDIR/index" -I"$SRCDIR/config" -I"$SRCDIR/arch/generic" \
	-DMALLOCHOOKS_VERSION='"0"' -o fuzz "$SRCDIR/tests/tools/abi_fuzz.c" "$tools/live.c" \
	"$tools/target.c" "$tools/tables.c" "$tools/unit.c" "$tools/objfile.c" "$tools/effective.c" \
	"$tools/util.c" "$tools/spawn.c" "$SRCDIR/config/options.c" "$SRCDIR/config/value.c" \
	"$SRCDIR/config/say.c" "$SRCDIR/config/nofile.c" "$SRCDIR/index/arena.c" -lelf >compile.log 2>&1 || {
	cat compile.log
	skip "fuzzing: no sanitizers: see above"
	finish
}
seed=${SEED-$(date +%s)}
timeout 300 ./fuzz "$seed" "${TURNS-400}" >/dev/null 2>err
is "seed $seed: exit status" 0 $?
grep -q '^all well' err || { grep -v '^mallochooks: ' err | head -n 30; fail "seed $seed"; }
echo "seed $seed: $(tail -n 1 err)"
finish
