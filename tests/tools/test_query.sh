#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_query - mallochooks query and objects: the same as the process itself says,
# preloaded, linked in, static and stripped; of one that runs; of a core; in gdb;
# and clear words where nothing can be told
#
# takes: 11
# needs: native
# timeout: 300

. "$SRCDIR/tests/process/common.sh"

here=$SRCDIR/tests/tools
runtime=$BUILDDIR/parts/runtime.o
pid=''
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; cd /; rm -rf "$work"' EXIT

preload index index
preload both sites,index
preload none count
compile main "$here/query_main.c" "$runtime" -pthread -ldl -rdynamic
compile libwithin.so -shared -fPIC "$here/query_within.c"

# start SETTINGS PROGRAM WORDS...: it runs as $pid, and has said what it has to say
start()
{
	_settings=$1
	shift
	: >said
	: >err
	# shellcheck disable=SC2086
	env $_settings "$@" >>said 2>>err &
	pid=$!
	for _ in $(seq 1200); do
		grep -q "^ready $pid$" said && break
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	grep -q "^ready $pid$" said || fail "$*: not ready: $(cat said err)"
	# stopped, not on its way to it
	[ "$2" = churn ] || for _ in $(seq 1200); do
		grep -q '^State:.T' "/proc/$pid/status" && break
		sleep 0.05
	done
}

end()
{
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	pid=''
}

# at NAME [OFFSET]: its address
at()
{
	echo $(($(awk -v name="$1" '$1 == name { print $2; exit }' said) + ${2-0}))
}

usable()
{
	awk -v name="$1" '$1 == name { print $3; exit }' said
}

# answers CASE WANTED WORDS...: "offset requested usable tag ident", or "none"
answers()
{
	_what=$1 _want=$2 _code=0
	[ "$_want" != none ] || _code=1
	shift 2
	"$tool" query "$@" >out 2>err
	_status=$?
	is "$_what" "$_want" "$(awk 'NR == 2 {
		print $3 == "in" ? "none" : $2 " " $4 " " $5 " " $6 " " $7 }' out)"
	is "$_what: status" $_code $_status
	[ ! -s err ] || fail "$_what: $(cat err)"
}

# knows CASE WHO...: WHO is the process, or a core, of what is stopped in "still"
knows()
{
	_case=$1
	shift
	"$tool" objects "$@" >out 2>err
	is "$_case: objects: status" 0 $?
	[ ! -s err ] || fail "$_case: objects: $(cat err)"
	awk 'NR > 1 && /^ *0x/ { print $1, $2, $3, $4, $5 }' out >listed
	sort own >own.sorted
	sort listed >listed.sorted
	cmp -s own.sorted listed.sorted || {
		fail "$_case: objects differ from the process's own walk"
		diff own.sorted listed.sorted | head -n 5
	}
	sort -c -k 1,1 listed 2>/dev/null ||
		awk '{ print length($1), $1 }' listed | sort -c -k 1n -k 2 ||
		fail "$_case: objects are not in order"
	is "$_case: the sum" "$(awk '{ n++; r += $2; u += $3 } END {
		printf "%d objects, %.0f bytes requested, %.0f usable", n, r, u }' own)" \
		"$(tail -n 1 out)"
	for _name in tiny medium large huge moved empty; do
		case $_name in
		tiny) _bytes=1 ;;
		medium) _bytes=5000 ;;
		large) _bytes=300000 ;;
		huge) _bytes=73400320 ;;
		moved) _bytes=20000 ;;
		empty) _bytes=0 ;;
		esac
		_last=$(($(usable $_name) - 1))
		answers "$_case: $_name" "0 $_bytes $(usable $_name) 0 libc" \
			"$@" "$(at $_name)"
		answers "$_case: $_name: last byte" \
			"$_last $_bytes $(usable $_name) 0 libc" \
			"$@" "$(at $_name $_last)"
		# glibc's headers lie between two chunks
		answers "$_case: $_name: one past" none \
			"$@" "$(at $_name "$(usable $_name)")"
		answers "$_case: $_name: one before" none \
			"$@" "$(at $_name -1)"
	done
	answers "$_case: middle of huge" "50000000 73400320 $(usable huge) 0 libc" \
		"$@" "$(at huge 50000000)"
	answers "$_case: tag" "7 40 $(usable tagged) 4711 libc" \
		"$@" "$(at tagged 7)"
	answers "$_case: address 0" none "$@" 0
	answers "$_case: the largest address" none \
		"$@" 0xffffffffffffffff
}

# names CASE WHO...: the place has a name
names()
{
	_case=$1
	shift
	"$tool" query "$@" "$(at medium)" >out
	grep -q "query_make  .*query_main.c:[0-9]*  \[" out ||
		fail "$_case: the site has no name: $(cat out)"
}

# ---- processes ------------------------------------------------------------------------

start "LD_PRELOAD=$work/both.so MALLOCHOOKS=sites.dir=" ./main still own
knows preload "$pid"
names preload "$pid"
"$tool" query --json "$pid" "$(at huge 5)" 16 >out
python3 - out "$pid" <<-'END' || fail "query --json: $(cat out)"
	import json, sys
	all = json.load(open(sys.argv[1]))
	assert all["format"] == "mallochooks-query" and all["pid"] == int(sys.argv[2])
	one, none = all["answers"]
	assert one["offset"] == 5 and one["object"]["requested"] == 70 << 20
	assert one["object"]["ident"] == "libc" and not one["object"]["pending"]
	assert one["object"]["frames"][0]["function"] == "query_make"
	assert one["object"]["module"].endswith("/main")
	assert none["object"] is None and none["error"] == "ENOENT"
END
"$tool" objects --json "$pid" >out
python3 - out own <<-'END' || fail "objects --json is another list"
	import json, sys
	mine = [line.split() for line in open(sys.argv[2])]
	theirs = json.load(open(sys.argv[1]))["objects"]
	assert sorted(int(one["base"], 16) for one in theirs) == \
	    sorted(int(line[0], 16) for line in mine)
END
"$tool" objects --no-symbols "$pid" >out
! grep -q query_make out || fail "--no-symbols has symbols"

# the same one, as a core, and in gdb
have_gdb=''
if command -v gdb >/dev/null && gdb -nx -batch -ex 'python print(1)' 2>/dev/null |
   grep -q 1; then
	have_gdb=y
	script=$SRCDIR/tools/mallochooks-gdb.py
	# in_gdb WORDS...: with the script
	in_gdb()
	{
		timeout 60 gdb -nx -batch -ex "source $script" "$@" >out 2>&1 \
			</dev/null
	}
	# says CASE TEXT: of the last one
	says()
	{
		grep -q -- "$2" out || fail "$1: no \"$2\" in: $(cat out)"
	}
	asks="-ex|mallochooks query huge+50000000|-ex|mallochooks query (char *)tagged+7|-ex|mallochooks query (char *)medium + 5000|-ex|mallochooks query tiny|-ex|mallochooks query empty"
	tells()
	{
		says "$1" "byte 50000000 of $(printf %#x "$(at huge)"), 73400320 bytes requested"
		says "$1" "byte 7 of $(printf %#x "$(at tagged)"), 40 bytes requested, $(usable tagged) usable, tag 4711, libc"
		says "$1" "$(printf %#x "$(at medium 5000)"): in no chunk that is known"
		says "$1" "byte 0 of $(printf %#x "$(at tiny)"), 1 bytes requested"
		says "$1" "byte 0 of $(printf %#x "$(at empty)"), 0 bytes requested"
		says "$1" "allocated at query_make.*query_main.c"
	}
	IFS='|'
	# shellcheck disable=SC2086
	in_gdb -p "$pid" $asks
	unset IFS
	tells "gdb, stopped"
	in_gdb -p "$pid" -ex "mallochooks query nowhere"
	says "gdb, a name that is none" '^nowhere: no address: No symbol "nowhere"'
	! grep -q Python out || fail "gdb, a name that is none: $(cat out)"
	command -v gcore >/dev/null && gcore -o made "$pid" >/dev/null 2>&1 || :
	if [ -f "made.$pid" ]; then
		knows gcore --core="made.$pid"
		names gcore --core="made.$pid"
		IFS='|'
		# shellcheck disable=SC2086
		in_gdb $asks ./main "made.$pid"
		unset IFS
		tells "gdb, core"
		rm -f "made.$pid"
	else
		skip "gcore made no core"
	fi
else
	skip "no gdb with Python"
fi

# A core of the kernel's, where it leaves them in the directory.
end
case $(cat /proc/sys/kernel/core_pattern 2>/dev/null) in
core | core.%p)
	(
		ulimit -c unlimited
		start "LD_PRELOAD=$work/index.so" ./main still own
		kill -ABRT "$pid"
		kill -CONT "$pid"
		wait "$pid" 2>/dev/null
		pid=''
		exit $failures
	) || failures=$((failures + 1))
	core=$(ls core* 2>/dev/null | head -n 1)
	if [ -n "$core" ]; then
		knows core --core="$core"
		names core --core="$core"
		mv main elsewhere
		"$tool" query --core="$core" "$(at medium)" >out
		! grep -q query_make out || fail "a file that is gone has names"
		grep -q "^note: main: the file is gone (1 site)" out ||
			fail "nothing is said of a file that is gone: $(cat out)"
		"$tool" objects --core="$core" >out
		is "objects: a file that is gone" 1 \
			"$(grep -c "^note: main: the file is gone ([0-9]* sites*)" out)"
		names "core, --exe" --core="$core" --exe=elsewhere
		cp index.so main
		"$tool" query --core="$core" "$(at medium)" >out 2>err
		grep -q "is not the file" err || fail "another file: $(cat err)"
		mv elsewhere main
		dd if="$core" of=short bs=4096 count=2 2>/dev/null
		"$tool" objects --core=short >out 2>err
		is "half a core" 2 $?
		grep -q "core short is cut short: 8192 of its [0-9]* bytes" err ||
			fail "half a core: $(cat err)"
		# all but the end, where the stack and the mappings are
		dd if="$core" of=short bs=4096 count=$(($(wc -c <"$core") / 8192)) \
			2>/dev/null
		"$tool" query --core=short "$(at medium)" >out 2>err
		grep -q "core short is cut short" err || fail "a longer half: $(cat err)"
		rm -f core* short
	else
		skip "the kernel made no core"
	fi ;;
*)	skip "cores go elsewhere (kernel.core_pattern)" ;;
esac

# ---- linked in --------------------------------------------------------------------------

"$tool" stack --runtime="$BUILDDIR/tests/runtime/wrap/runtime.list" --source-dir="$SRCDIR" \
	--cc="$cc" --method=wrap --layers=index \
	-o wrap.o >compose.log 2>&1 || fail "wrap: $(cat compose.log)"
words=$("$tool" stack --source-dir="$SRCDIR" --cc="$cc" --method=wrap \
	--layers=index -o wrap.o --link-words 2>compose.log) || cat compose.log
for kind in -pie -static -static-pie; do
	# shellcheck disable=SC2086
	compile linked$kind $kind -fPIE "$here/query_main.c" wrap.o $words -pthread
	start "" ./linked$kind still own
	knows "linked $kind" "$pid"
	names "linked $kind" "$pid"
	end
	strip -o stripped$kind linked$kind
	start "" ./stripped$kind still own
	knows "stripped $kind" "$pid"
	end
done

# Chunks that begin in each other's 32 bytes.
for library in libjemalloc.so.2 libmimalloc.so.2; do
	LD_PRELOAD=$library true 2>err
	if [ -s err ]; then
		skip "$library is not here: $(cat err)"
		continue
	fi
	start "LD_PRELOAD=$work/index.so:$library" ./main still own
	"$tool" objects "$pid" >out 2>err || fail "$library: $(cat err)"
	awk 'NR > 1 && /^ *0x/ { print $1, $2, $3, $4, $5 }' out | sort >listed
	sort own >own.sorted
	same "$library" own.sorted listed
	end
done

# Three that are reallocated: in a list; where the thread notes that; and, as that is taken,
# where all do.
start "LD_PRELOAD=$work/index.so:$work/libwithin.so" ./main moving
for name in outermost outer inner; do
	case $name in
	outermost) bytes=3000 ;;
	outer)	bytes=104 ;;
	inner)	bytes=200 ;;
	esac
	"$tool" query "$pid" "$(at $name 50)" >out 2>err
	is "moving: $name" "50 $bytes libc pending" \
		"$(awk 'NR == 2 { print $2, $4, $7, $8 }' out)"
	"$tool" objects "$pid" >out 2>err
	is "moving: $name: objects" "$bytes pending" \
		"$(awk -v base="$(printf %#x "$(at $name)")" '$1 == base { print $2, $6 }' out)"
	[ -z "$have_gdb" ] || {
		in_gdb -p "$pid" -ex "mallochooks query (char *)$name+50"
		says "moving: $name: gdb" "byte 50 of $(printf %#x "$(at $name)"), $bytes bytes requested.*in realloc"
	}
done
end

# ---- one that runs ---------------------------------------------------------------------

start "LD_PRELOAD=$work/index.so" ./main churn
for turn in $(seq 15); do
	"$tool" objects --no-symbols "$pid" >out 2>err
	is "churn: status" 0 $?
	awk '$2 == 777 { print $1 }' out | sort >listed
	awk '$1 == "stay" { print $2 }' said | sort >stay
	is "churn: $turn: chunks that stay" "" "$(comm -23 stay listed)"
	is "churn: $turn: twice" "" "$(awk '/^ *0x/ { print $1 }' out | sort | uniq -d)"
	awk '/^ *0x/ && ($2 + 0 > $3 + 0 || ($4 != 0 && $4 != 3) || $5 != "libc") { bad = 1; print } END { exit bad }' \
		out >bad || fail "churn: no whole answers: $(head -n 3 bad)"
	answers "churn: one that stays" "776 777 $(usable stay) 0 libc" "$pid" "$(at stay 776)"
done
end

# ---- refusals ---------------------------------------------------------------------------

# refused CASE TEXT WORDS...: by objects and by query
refused()
{
	_case=$1 _text=$2
	shift 2
	"$tool" objects "$@" >out 2>err
	is "$_case: objects: status" 2 $?
	grep -q -- "$_text" err || fail "$_case: objects: $(cat err)"
	is "$_case: lines" 1 "$(wc -l <err)"
	[ ! -s out ] || fail "$_case: objects: something on stdout"
	"$tool" query "$@" 0x1000 >out 2>err
	is "$_case: query: status" 2 $?
	grep -q -- "$_text" err || fail "$_case: query: $(cat err)"
}

refused "nobody" "there is no process 4194305" 4194305
refused "a word" "is no process number" me
refused "no unit" "has no unit of libmallochooks" $$
refused "no core" "not a core file" --core=main
refused "no file" "No such file" --core=nowhere
start "LD_PRELOAD=$work/none.so" ./main churn
refused "no index" "has no layer index" "$pid"
end

# patch FROM TO: index.so with other numbers in it, as patched.so
patch()
{
	python3 - "$@" <<-'END'
		import struct, sys
		data = open("index.so", "rb").read()
		old, new = (struct.pack("<" + "I" * len(words.split()),
		                        *map(int, words.split()))
		            for words in sys.argv[1:3])
		assert data.count(old), "not there"
		open("patched.so", "wb").write(data.replace(old, new))
	END
}
if patch "24 6 419200 0" "24 7 419200 0"; then
	start "LD_PRELOAD=$work/patched.so" ./main churn
	refused "another layout" "an index of another release" "$pid"
	end
else
	fail "no root in the preload"
fi
if patch "1802005809 1" "1802005809 99"; then
	start "LD_PRELOAD=$work/patched.so" ./main churn
	refused "another release" "a unit of another release" "$pid"
	end
else
	fail "no descriptor in the preload"
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	start "LD_PRELOAD=$work/index.so" ./main churn
	cp "$tool" mine
	chmod 755 . mine
	setpriv --reuid=65534 --regid=65534 --clear-groups ./mine objects "$pid" \
		>out 2>err
	is "no permission: status" 2 $?
	grep -q "may not be read: be its user" err || fail "no permission: $(cat err)"
	end
else
	skip "not root: no other user"
fi

"$tool" query >out 2>err
is "no words" 2 $?
"$tool" query $$ 12x >out 2>err
is "no address" 2 $?
"$tool" objects --exe=main $$ >out 2>err
is "--exe alone" 2 $?
[ -n "$have_gdb" ] || [ $failures -gt 0 ] || skip_all "all but gdb is right; no gdb"
finish
