#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_run - "mallochooks run" and "mallochooks options" from outside
#
# MALLOCHOOKS_TOOL names the tool and MALLOCHOOKS_PRELOAD the unit.  Each test
# prints "ok NAME", "ok NAME # skip WHY" or "not ok NAME WHY"; the exit status
# is nonzero when one failed.  CC (default cc) compiles the programs that are
# started.
#
# needs: native

tool=${MALLOCHOOKS_TOOL:?names the mallochooks tool}
unit=${MALLOCHOOKS_PRELOAD?names the preload unit}
[ -n "$unit" ] || { echo "the method makes no preload"; exit 77; }
cc=${CC:-cc}
here=$(cd "$(dirname "$0")" && pwd)
case $tool in /*) ;; *) tool=$PWD/$tool ;; esac
case $unit in /*) ;; *) unit=$PWD/$unit ;; esac

unset LD_PRELOAD MALLOCHOOKS
if ! "$tool" options --preload="$unit" >/dev/null; then
	echo "not ok options --preload=$unit"
	exit 1
fi
if ! "$tool" options --preload="$unit" |
     grep -q '^  count.report  bool  default n'; then
	echo "the unit has no count layer, or one that reports by itself"
	exit 77
fi
dir=$(mktemp -d) || exit 1
open=
trap 'cd /; rm -rf "$dir" ${open:+"$open"}' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
mkdir tmp
TMPDIR=$dir/tmp
export TMPDIR
failures=0

pass() { echo "ok $1"; }
skip() { echo "ok $1 # skip $2"; }
fail()
{
	echo "not ok $1 $2"
	failures=$((failures + 1))
}

# is NAME WANTED GOT
is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "wanted \"$2\", got \"$3\""
	fi
}

# has NAME TEXT FILE
has()
{
	if grep -qF -- "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "no \"$2\" in: $(head -c 600 "$3" | tr '\n' '|')"
	fi
}

run() { "$tool" run --preload="$unit" "$@"; }

# refused NAME TEXT WORDS...: exit 125, one line that holds TEXT, no start
refused()
{
	name=$1 text=$2
	shift 2
	run "$@" >out 2>err
	status=$?
	if [ $status -ne 125 ]; then
		fail "$name" "exit $status: $(tr '\n' '|' <err)"
	elif [ -s out ] || [ "$(wc -l <err)" -ne 1 ]; then
		fail "$name" "not one line: $(cat out err | tr '\n' '|')"
	else
		has "$name" "$text" err
	fi
}

# CC may be a command with options.
compile() { $cc -O1 "$@" 2>cc.log; }

if ! compile -o child "$here/run_child.c"; then
	cat cc.log
	fail compile "run_child.c"
	exit 1
fi
child=$dir/child

# --- exit status and signals ---------------------------------------------

for n in 0 3 125 127 255; do
	run -- sh -c "exit $n" >/dev/null 2>&1
	is "exit_$n" $n $?
done
for n in 1 2 6 9 11 15; do
	got=$("$child" status "$tool" run --preload="$unit" -- \
		sh -c "kill -$n \$\$" 2>err)
	is "dies_by_signal_$n" "signal $n" "$got"
	has "totals_after_signal_$n" "1 process, " err
done

got=$("$child" status "$child" alarm "$tool" run --preload="$unit" -- \
	"$child" signals 2>/dev/null)
is alarm_from_before_exec "ready signal 14" "$(echo $got)"

got=$("$child" status "$child" ignoring "$tool" run --preload="$unit" -- \
	sh -c 'exit 9' 2>/dev/null)
is sigchld_ignored_by_the_parent "exit 9" "$got"
"$child" ignoring grep Sig /proc/self/status | grep -v SigQ >want
"$child" ignoring "$tool" run --quiet --preload="$unit" -- \
	grep Sig /proc/self/status | grep -v SigQ >got
is signal_state_is_inherited "$(cat want)" "$(cat got)"

# wait_for FILE WORD: until WORD stands in FILE
wait_for()
{
	tries=0
	until grep -qs "$2" "$1" || [ $tries -ge 200 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
}

"$tool" run --preload="$unit" -- "$child" signals >out 2>err &
pid=$!
wait_for out ready
for sig in HUP INT QUIT USR1 USR2; do
	kill -$sig $pid
	wait_for out $sig
done
kill -TERM $pid
wait $pid
is relayed_status 0 $?
is relayed_signals "ready HUP INT QUIT USR1 USR2 TERM" "$(echo $(cat out))"

is terminal_stop_and_interrupt "INT 1 stopped stopped exit 0" \
	"$(echo $("$child" tty "$tool" run --preload="$unit" -- \
		"$child" signals))"
is child_stops_itself "INT 0 stopped exit 7" \
	"$(echo $("$child" tty-stops "$tool" run --preload="$unit" -- \
		"$child" stop-self))"

# A SIGSTOP for the child alone: run must not sleep with it, and a SIGCONT must
# reach it by either way.
for whom in child run; do
	rm -f pid
	"$tool" run --preload="$unit" -- \
		sh -c 'echo $$ >pid; kill -STOP $$; exit 4' 2>/dev/null &
	pid=$!
	tries=0
	until [ -s pid ] && grep -q '^State:.*T' "/proc/$(cat pid)/status" ||
	      [ $tries -ge 200 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	case $whom in
	child) kill -CONT "$(cat pid)" ;;
	run) kill -CONT $pid ;;
	esac
	wait $pid
	is "stopped_alone_continued_by_$whom" 4 $?
done

# --- descriptors ----------------------------------------------------------

is stdin_passes "a line" "$(echo "a line" | run -- cat 2>/dev/null)"
run -- sh -c 'echo out; echo err >&2' >out 2>err
is stdout_is_untouched out "$(cat out)"
is stderr_comes_first err "$(head -n 1 err)"
for redirect in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' \
		'<&- >&- 2>&-'; do
	{ eval '"$child" fds' "$redirect"; } 2>err
	want=$?
	{ eval 'run -- "$child" fds' "$redirect"; } 2>err
	is "closed $redirect" $want $?
done
# What run opens must not become the stderr that was closed.
(TMPDIR=$dir/absent run --output=o2 -- true 2>&-)
is output_is_not_stderr "" "$(cat o2)"
(run -- sh -c 'sleep 0.3; exit 5'; echo $? >status) 2>&1 | :
tries=0
until [ -s status ] || [ $tries -ge 100 ]; do
	tries=$((tries + 1))
	sleep 0.1
done
is stderr_is_a_closed_pipe 5 "$(cat status)"

# --- environment ----------------------------------------------------------

is preload_is_set "$unit" "$(run -- sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)"
echo 'int mh_test_nothing;' >empty.c
compile -shared -fPIC -o empty.so empty.c
is preload_comes_first "$unit:$dir/empty.so" \
	"$(LD_PRELOAD=$dir/empty.so run -- \
		sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)"
got=$(MALLOCHOOKS=count.report=n run --options=count.report=n -- \
	sh -c 'echo "$MALLOCHOOKS"' 2>/dev/null)
case $got in
"count.report=n,count.report=n,?count.file=$TMPDIR/"*)
	pass options_in_order ;;
*)
	fail options_in_order "$got" ;;
esac
is options_alone count.report=n \
	"$(run --quiet --options=count.report=n -- \
		sh -c 'echo "$MALLOCHOOKS"' 2>/dev/null)"
is no_empty_variable unset \
	"$(run --quiet -- sh -c 'echo "${MALLOCHOOKS-unset}"' 2>/dev/null)"
is argument_zero prog "$(ln -sf /bin/sh prog && PATH=$dir:$PATH \
	run -- prog -c 'echo $0' 2>/dev/null)"

# --- totals ---------------------------------------------------------------

number='[0-9][0-9]*'
line=", $number allocations*, $number bytes* requested\( ([0-9.]* .iB)\)*, $number failed\$"
run -- sh -c : 2>err
if grep -q "^mallochooks: run: 1 process$line" err; then
	pass totals_line
else
	fail totals_line "$(cat err)"
fi
run --each -- sh -c 'sh -c :; sh -c :; :' 2>err
is each_process 3 "$(sed 's/, no file$//' err |
	grep -c "^mallochooks: run: process $number$line")"
has each_and_sum "mallochooks: run: 3 processes, " err
is sum_is_right \
	"$(sed -n 's/.*: process [0-9]*, \([0-9]*\) .*/\1/p' err |
		{ s=0; while read -r n; do s=$((s + n)); done; echo $s; })" \
	"$(sed -n 's/.* processes, \([0-9]*\) .*/\1/p' err)"
run -- "$child" allocate >out 2>err
bytes=$(sed -n 's/.* \([0-9]*\) bytes requested.*/\1/p' err)
if [ "$bytes" -ge 104857600 ] && [ "$bytes" -lt 105906176 ]; then
	pass bytes_are_right
else
	fail bytes_are_right "$(cat err)"
fi
has failures_are_right ", 3 failed" err
run --output=totals -- sh -c : 2>err
has output_file "1 process, " totals
is output_not_stderr "" "$(cat err)"
refused output_unwritable "(--output)" --output=/nonexistent/x -- sh -c :
if [ -c /dev/full ]; then
	run --output=/dev/full -- sh -c 'exit 6' 2>err
	is output_full_status 6 $?
	has output_full "could not be written" err
else
	skip output_full "no /dev/full"
fi
run --quiet -- sh -c : 2>err
is quiet "" "$(cat err)"
refused quiet_and_each "--quiet" --quiet --each -- sh -c :
run --limit=4 -- sh -c 'sh -c :; sh -c :; sh -c :; exit 2' 2>err
is limit_status 2 $?
has limit_said "limit of 4 threads reached" err
run -- sh -c 'i=0; while [ $i -lt 200 ]; do sh -c :; i=$((i + 1)); done' 2>err
has many_processes "run: 201 processes, " err
run --force -- env -i sh -c : 2>err
has cleared_environment "1 process, " err
run -- "$tool" run --preload="$unit" -- sh -c 'exit 8' 2>err
is nested_status 8 $?
is nested_totals 2 "$(grep -c "^mallochooks: run: $number process" err)"
is totals_file_mode 600 "$(run -- sh -c \
	'f=${MALLOCHOOKS#*count.file=}; stat -c %a "${f%%,*}"' 2>/dev/null)"
is directory_mode 700 "$(run -- sh -c \
	'f=${MALLOCHOOKS#*count.file=}; stat -c %a "${f%/totals*}"' 2>/dev/null)"

# --- TMPDIR ---------------------------------------------------------------

# without NAME: the last run went on without files, and said so in the one line
# of err
without()
{
	is "${1}_status" 3 $status
	is "${1}_one_line" 1 "$(wc -l <err)"
	has "$1" "mallochooks: run: nothing is recorded: " err
}
TMPDIR=$dir/absent run -- sh -c 'exit 3' 2>err
status=$?
without tmpdir_absent
mkdir -p 'with,co\mma'
TMPDIR=$dir/'with,co\mma' run -- sh -c : 2>err
has tmpdir_comma "1 process, " err
long=$dir/$(printf '%0120d/%0120d' 0 0)
mkdir -p "$long"
TMPDIR=$long run -- sh -c 'exit 3' 2>err
status=$?
without tmpdir_long
(ulimit -f 8 && run -- sh -c 'exit 3') 2>err
status=$?
without file_size_limit
if [ "$(id -u)" -ne 0 ]; then
	mkdir -p locked && chmod 500 locked
	TMPDIR=$dir/locked run -- sh -c 'exit 3' 2>err
	status=$?
	without tmpdir_unwritable
else
	skip tmpdir_unwritable "root writes everywhere"
fi
mkdir -p small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
	TMPDIR=$dir/small run -- sh -c 'exit 3' 2>err
	status=$?
	without tmpdir_full
	is tmpdir_full_is_clean "" "$(ls small)"
	umount small
else
	skip tmpdir_full "cannot mount a small tmpfs"
fi
mkdir -p rel
TMPDIR=rel run -- sh -c 'cd / && sh -c :' 2>err
has tmpdir_relative "2 processes, " err
is tmpdir_clean "" "$(ls -A tmp; ls -A rel)"

# --- words ----------------------------------------------------------------

is without_dashes "-x y" "$(run echo -x y 2>/dev/null)"
is program_options "--each" "$(run echo --each 2>/dev/null)"
refused no_program "no program given" --each
refused no_program_dashes "no program given" --
refused unknown_option "unknown option --eahc" --eahc -- sh -c :
refused missing_value "needs a value" --output
for n in 0 1 x 5x -3 99999999999; do
	refused "limit_$n" "--limit=$n" "--limit=$n" -- sh -c :
done
"$tool" run --help >out 2>err
is help_status 0 $?
has help "--output=FILE" out

# ends NAME STATUS TEXT WORDS...: not started, one line
ends()
{
	name=$1 want=$2 text=$3
	shift 3
	run -- "$@" >out 2>err
	is "${name}_status" "$want" $?
	is "${name}_one_line" 1 "$(wc -l <err)"
	has "$name" "$text" err
}
ends not_found 127 "not found" mallochooks-no-such-program
ends not_found_path 127 "not found" ./no-such-program
echo text >plain
chmod 644 plain
ends not_executable 126 "./plain: " ./plain
ends directory 126 "is a directory" ./tmp
printf '#!/nonexistent/interp\n' >lost
chmod 755 lost
ends lost_interpreter 127 "interpreter in its first line" ./lost
compile -Wl,--dynamic-linker=/nonexistent/ld.so -o noloader "$here/run_child.c"
ends lost_loader 127 "/nonexistent/ld.so is missing" ./noloader
is nothing_left "" "$(ls tmp)"

# --- scripts and paths ----------------------------------------------------

# script NAME FIRST-LINE
script()
{
	printf '%s\nexit 11\n' "$2" >"$1"
	chmod 755 "$1"
}
script plain_script '#!/bin/sh'
script spaced_script '#!  /bin/sh   -e  '
script env_script '#!/usr/bin/env sh'
script env_split '#!/usr/bin/env -S A=1 sh -e'
script bare_script ': no first line'
for s in plain_script spaced_script env_script env_split bare_script; do
	run -- "./$s" 2>err
	is "${s}_status" 11 $?
	has "$s" "1 process, " err
done
script nested_script "#!$dir/plain_script"
run -- ./nested_script 2>err
is nested_script 11 $?

mkdir -p 'a b:c' "z$(printf '\303\244')"
cp "$child" 'a b:c/the child'
run -- 'a b:c/the child' status sh -c 'exit 2' >out 2>err
is program_path_with_spaces "exit 2" "$(cat out)"
# The unit's copy must not be resolved away: LD_PRELOAD names this very path.
for bad in 'a b' 'a:b' 'a$b'; do
	mkdir -p "$bad"
	cp "$unit" "$bad/u.so"
	refused "unit_path_$bad" "LD_PRELOAD cannot name" \
		--preload="$bad/u.so" -- sh -c :
done
cp "$unit" "z$(printf '\303\244')/u.so"
run --preload="z$(printf '\303\244')/u.so" -- sh -c : 2>err
has unit_path_non_ascii "1 process, " err
cp "$unit" u.so
run --preload=u.so -- sh -c 'cd / && sh -c :' 2>err
has unit_path_relative "2 processes, " err
refused unit_absent "no such file (--preload)" --preload=absent.so -- sh -c :
refused unit_not_elf "not a shared object" --preload=plain -- sh -c :
run --preload=empty.so -- sh -c : >out 2>err
is unit_not_ours_status 125 $?
has unit_not_ours "cannot be preloaded (--preload)" err

# --- programs that cannot be hooked ---------------------------------------

if compile -static -o static "$here/run_child.c"; then
	refused static "is static" ./static fds
	run --force -- ./static status true >out 2>err
	is static_forced "exit 0" "$(cat out)"
	"$child" fds
	want=$?
	run --force -- ./static fds 2>err
	is static_forced_status $want $?
	has static_forced_totals "no process reported" err
	script static_script "#!$dir/static"
	refused static_script "/static (which ./static_script is run by) is static" \
		./static_script
	script static_nested "#!$dir/static_script"
	refused static_nested "(which ./static_nested is run by) is static" \
		./static_nested
	cp static mh-static
	script static_env '#!/usr/bin/env mh-static'
	PATH=$dir:$PATH refused static_env "is static" ./static_env
	if compile -static-pie -o static_pie "$here/run_child.c"; then
		refused static_pie "is static" ./static_pie fds
	else
		skip static_pie "not linked here"
	fi
else
	skip static "no static libc"
fi
busybox=$(command -v busybox)
if [ -n "$busybox" ] &&
   ! LC_ALL=C readelf -lW "$busybox" 2>/dev/null | grep -q INTERP; then
	refused busybox "is static" "$busybox" true
else
	skip busybox "no static busybox"
fi

cat >own.c <<'END'
#include <stddef.h>
static char room[65536];
static size_t used;
VISIBLE void *malloc(size_t n)
{
	n = (n + 15) & -16;
	return (used += n) <= sizeof(room) ? room + used - n : NULL;
}
VISIBLE void free(void *p) { (void)p; }
#ifdef NOTE
__asm__(".pushsection .note.mallochooks,\"a\",%note\n"
	".balign 4\n.long 12, 4, 1\n.asciz \"mallochooks\"\n.long 0\n"
	".popsection");
#endif
int main(void) { return malloc(5) ? 13 : 1; }
END
compile -fno-builtin -DVISIBLE= -rdynamic -o own_exported own.c
refused own_malloc "brings its own malloc, " ./own_exported
compile -fno-builtin '-DVISIBLE=__attribute__((visibility("hidden")))' \
	-o own_inside own.c
refused own_malloc_inside "brings its own malloc (not exported)" ./own_inside
compile -fno-builtin -DVISIBLE= -DNOTE -rdynamic -o own_hooked own.c
run -- ./own_hooked 2>/dev/null
is own_malloc_with_our_note 13 $?
run --force -- ./own_exported 2>/dev/null
is own_malloc_forced 13 $?

# A machine that is not the unit's: byte 18 of an ELF header, EM_AARCH64 or
# EM_X86_64; a class: byte 4.
cp "$child" foreign
case $(od -An -tu1 -j18 -N1 "$unit" | tr -d ' ') in
183) code=076 machine=x86_64 ;;
*) code=267 machine=aarch64 ;;
esac
printf "\\$code" | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
refused other_machine "is for $machine and the unit for " ./foreign
cp "$child" narrow
printf '\001' | dd of=narrow bs=1 seek=4 conv=notrunc 2>/dev/null
printf '\003' | dd of=narrow bs=1 seek=18 conv=notrunc 2>/dev/null
refused other_class "is for i386 and the unit for " ./narrow
run --force -- ./narrow >out 2>err
is other_class_forced_status 126 $?
has other_class_forced "cannot be started" err
compile -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 -o musl \
	"$here/run_child.c"
refused musl "is for musl" ./musl fds

# Raised privileges: as root, become somebody else for whom it matters, in a
# directory that he can reach.  Only true(1) is made setuid there.
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
if [ "$(id -u)" -eq 0 ] && $nobody true 2>/dev/null; then
	open=$(mktemp -d /tmp/mh-test-run.XXXXXX)
	chmod 755 "$open"
	mkdir -m 777 "$open/tmp"
	cp "$tool" "$open/tool"
	cp "$unit" "$open/unit.so"
	for f in suid sgid caps; do
		cp /bin/true "$open/$f"
	done
	chmod 4755 "$open/suid"
	chmod 2755 "$open/sgid"
	# as FILE: nobody runs it
	as()
	{
		TMPDIR=$open/tmp $nobody "$open/tool" run \
			--preload="$open/unit.so" -- "$@" >out 2>err
		status=$?
	}
	as true
	is as_nobody 0 $status
	has as_nobody_totals "1 process, " err
	as "$open/suid"
	is setuid_status 125 $status
	has setuid "raised privileges (setuid)" err
	as "$open/sgid"
	is setgid_status 125 $status
	has setgid "raised privileges (setgid)" err
	if setcap cap_net_raw+ep "$open/caps" 2>/dev/null; then
		as "$open/caps"
		is capabilities_status 125 $status
		has capabilities "(file capabilities)" err
	else
		skip capabilities "no setcap"
	fi
	nobody="$nobody --no-new-privs"
	as "$open/suid"
	is setuid_without_effect 0 $status
	has setuid_without_effect_totals "1 process, " err
	run -- "$open/suid" 2>err
	is setuid_for_its_owner 0 $?
	has setuid_for_its_owner_totals "1 process, " err
else
	skip setuid_made_here "not root, or no setpriv"
fi
if [ -u /usr/bin/passwd ] && [ "$(id -u)" -ne 0 ]; then
	refused passwd "raised privileges (setuid)" /usr/bin/passwd --help
else
	skip passwd "root, or it is not setuid"
fi

# An undefined malloc with a value (a PLT slot) is not an own malloc.
node=$(command -v node)
if [ -n "$node" ]; then
	is node 42 "$(run -- "$node" -e 'console.log(6 * 7)' 2>err)"
	has node_totals "1 process, " err
else
	skip node "not installed"
fi

# --- a unit without count, and the options --------------------------------

cat >bare.c <<'END'
#include <mallochooks/mallochooks.h>
static char text[64] = "as built";
static struct mallochooks_option options[] = {
	{ .size = sizeof(options[0]), .type = MALLOCHOOKS_INT, .name = "depth",
	  .unit = "frames", .help = "how deep", .max = 32, .builtin = 5 },
	{ .size = sizeof(options[0]), .type = MALLOCHOOKS_SIZE, .flags = 1,
	  .name = "min", .unit = "bytes", .help = "how small", .min = 1,
	  .max = 1 << 20, .builtin = 8192 },
	{ .size = sizeof(options[0]), .type = MALLOCHOOKS_STRING,
	  .name = "text", .unit = "", .help = "what", .str = text,
	  .str_bytes = sizeof(text) },
	{ .size = 0 }
};
static const struct mallochooks_layer layers[] = {
	{ .size = sizeof(layers[0]), .name = "bare", .options = options },
	{ .size = sizeof(layers[0]), .name = "terminal" },
};
static const struct mallochooks_stack stack = {
	.size = sizeof(stack), .nr_layers = 2, .ident = "test",
	.layers = layers,
};
static const struct mallochooks_stack *const stacks[] = { &stack };
const struct mallochooks_unit mallochooks_unit = {
	.magic = MALLOCHOOKS_MAGIC, .abi = MALLOCHOOKS_ABI,
	.size = sizeof(mallochooks_unit), .stacks = stacks,
	.stacks_end = stacks + 1,
};
END
bare() { compile -shared -fPIC -I"$here/../../include" "$@" bare.c; }
if bare -o bare.so; then
	run --preload=bare.so -- sh -c 'exit 3' 2>err
	status=$?
	without unit_without_count
	# Linkers differ in what they leave to the relocations.
	for ld in '' bfd gold lld mold; do
		if ! bare -o bare.so ${ld:+-fuse-ld=$ld}; then
			skip "options_$ld" "no $ld"
			continue
		fi
		"$tool" options --preload=bare.so >out 2>err
		is "options_status_$ld" 0 $?
		has "options_stack_$ld" "stack test" out
		has "options_int_$ld" \
			"bare.depth  int  default 5  0..32 frames  start-up" out
		has "options_size_$ld" \
			"bare.min  size  default 8k  1..1M bytes  live" out
		has "options_string_$ld" \
			'bare.text  string  default "as built"' out
		has "options_help_$ld" "how deep" out
	done
else
	fail bare_unit "$(head -n 3 cc.log)"
fi
MALLOCHOOKS=count.report=y "$tool" options --preload="$unit" >out 2>err
has options_of_the_unit "count.report  bool  default n  start-up" out
is options_run_no_code "" "$(cat err)"
"$tool" options --preload=empty.so >out 2>err
is options_not_ours_status 1 $?
has options_not_ours "not a unit of libmallochooks" err
head -c 3000 "$unit" >torn.so
"$tool" options --preload=torn.so >out 2>err
is options_torn_status 1 $?
"$tool" options word >out 2>err
is options_word_status 2 $?
"$tool" options --help >out 2>err
has options_usage "usage: mallochooks options" out

if [ $failures -ne 0 ]; then
	echo "test_run: $failures failed"
	exit 1
fi
echo "test_run: all passed"
