#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_conf - options from files: types, order of sources, programs, includes,
# files that are none
#
# timeout: 500
# takes: 12

. "$SRCDIR/tests/process/common.sh"

unset MALLOCHOOKS_CONF
system=$work/system.conf
named=$work/named.conf
# The system's file is one of ours: the machine's is read by other tests.
flags="-O2 -g -DMH_SYSTEM_CONF='\"$system\"'"
preload types "$here/conf_types.c,count" --cflags="$flags" --parts=parts
grep -q 'no libconfig.a' compose.log && skip_all "no libconfig.a for $cc"
compile prog "$here/conf_main.c"
built_in='types: flag=0 level=7 bytes=4096 wait=5000000 mode=1 text=<built in> words=<one><two>'

# conf FILE: the lines that follow on stdin
conf() { cat >"$1"; chmod 644 "$1"; }

# run WORDS...: prog with the settings in $env
env=
run()
{
	under types.so ./prog "$@" >out 2>err
	is "$what: exit status" 0 $?
}
under()
{
	_unit=$work/$1
	shift
	with "LD_PRELOAD=$_unit $env" "$@"
}

# wants NAME LINE: that is what the layer read
wants() { is "$1" "$2" "$(grep '^types:' err)"; }
# says NAME LINE: that is all that was said
says() { is "$1" "${2:+mallochooks: options: }$2" "$(grep '^mallochooks: options:' err)"; }

what=none
run
wants none "$built_in"
says none ""

# ---- each type, from each source ---------------------------------------------
#
# option|in the environment|in a file|what the layer reads, or "no"

cat >table <<'END'
flag|y|true|1
flag|on|"on"|1
flag|1|1|1
flag|n|false|0
flag|2|2|no
flag|maybe|"maybe"|no
level|-10|-10|-10
level|100|100|100
level|0|0|0
level|5|5L|5
level|12|0xc|12
level|12|"12"|12
level|101|101|no
level|-11|-11|no
level|4294967300|4294967300L|no
level|1k|"1k"|no
level|y|true|no
bytes|16|16|16
bytes|1G|"1G"|1073741824
bytes|64k|"64K"|65536
bytes|15|15|no
bytes|1025M|"1025M"|no
bytes|1T|"1T"|no
wait|0|0|0
wait|90s|"90s"|90000000000
wait|2h|"2h"|7200000000000
wait|300us|"300us"|300000
wait|7201s|"7201s"|no
wait|5|5|no
wait|-1s|"-1s"|no
mode|off|"off"|0
mode|all|"all"|2
mode|none|"none"|no
mode|0|0|no
text|word|"word"|<word>
text||""|<>
text|5|5|<5>
text|a\,b\\c|"a,b\\c"|<a,b\c>
text|123456789012345|"123456789012345"|<123456789012345>
text|1234567890123456|"1234567890123456"|no
words|a|"a"|<a>
words|a:b:c|["a", "b", "c"]|<a><b><c>
words|a\:b\,c:\\|["a:b,c", "\\"]|<a:b,c><\>
words|1:2|[1, 2]|<1><2>
words||[]|
words|a::b|["a", "", "b"]|no
words|1:2:3:4:5:6:7|[1,2,3,4,5,6,7]|<1><2><3><4><5><6><7>
words|1:2:3:4:5:6:7:8|[1,2,3,4,5,6,7,8]|no
END

# of OPTION: what the line of the layer has for it
of() { sed -n "s/^types: .*$1=\\([^ ]*\\).*/\\1/p" err; }
default() { printf '%s\n' "$built_in" | sed -n "s/^types: .*$1=\\([^ ]*\\).*/\\1/p"; }

# The first rows of all options go into one run, then their second ones, and so
# on; a value that is wrong costs the others nothing.
awk -F'|' '{ print ++n[$1] "|" $0 }' table >rows

# judge SOURCE SAID
judge()
{
	bad=0
	while IFS='|' read -r nr option word value wanted; do
		[ "$nr" = "$round" ] || continue
		what="$option, round $round, $1"
		case $wanted in
		no)	bad=$((bad + 1))
			is "$what: stays" "$(default "$option")" "$(of "$option")"
			grep -q "^mallochooks: options: \"conf_types.$option.*$2.*: takes .*; stays " err ||
				fail "$what: nothing said: $(cat err)" ;;
		*)	is "$what" "$wanted" "$(of "$option")" ;;
		esac
	done <rows
	is "round $round, $1: mistakes" $bad "$(grep -c '^mallochooks: options:' err)"
}

round=1
while grep -q "^$round|" rows; do
	words= lines=
	while IFS='|' read -r nr option word value wanted; do
		[ "$nr" = "$round" ] || continue
		words="$words,conf_types.$option=$word"
		lines="$lines $option = $value;"
	done <rows
	what="round $round"
	env="MALLOCHOOKS=$words"
	run
	judge environment MALLOCHOOKS
	printf 'conf_types: { %s };\n' "$lines" | conf "$named"
	env="MALLOCHOOKS_CONF=$named"
	run
	judge "named file" "$named:1"
	mv "$named" "$system"
	env=
	run
	judge "system's file" "$system:1"
	rm "$system"
	round=$((round + 1))
done

# What no option takes, whatever its type.
what=shapes
env="MALLOCHOOKS_CONF=$named"
for value in 1.5 '{ a = 1; }' '( { } )' '( 1, { } )' '[ 1.5 ]'; do
	for option in flag level bytes wait mode text words; do
		echo "$option = $value;"
	done | sed -e '1s/^/conf_types: {/' -e '$s/$/};/' | conf "$named"
	run
	wants "shapes: $value" "$built_in"
	is "shapes: $value" 7 "$(grep -c '^mallochooks: options:' err)"
done
rm -f "$named"

# ---- which source wins --------------------------------------------------------
#
# Each has two places: for all programs, and for this one.  The highest of
# those that are there wins, in every combination of them.

i=0
while [ $i -lt 32 ]; do
	rm -f "$system" "$named"
	env= wanted=7 where='built in'
	[ $((i & 1)) = 0 ] || { echo "conf_types: { level = 1; };" >>"$system"; wanted=1 where=$system:1; }
	[ $((i & 2)) = 0 ] || { printf '%s\n' 'only = ( { program = "prog";' 'conf_types: { level = 2; }; } );' \
		>>"$system"; wanted=2 where=$system:$(wc -l <"$system"); }
	[ $((i & 4)) = 0 ] || { echo "conf_types: { level = 3; };" >>"$named"; wanted=3 where=$named:1; }
	[ $((i & 8)) = 0 ] || { printf '%s\n' 'only = ( { program = "prog";' 'conf_types: { level = 4; }; } );' \
		>>"$named"; wanted=4 where=$named:$(wc -l <"$named"); }
	[ ! -f "$named" ] || env="MALLOCHOOKS_CONF=$named"
	words=core.confirm=y
	[ $((i & 16)) = 0 ] || { words=$words,conf_types.level=5 wanted=5 where=MALLOCHOOKS; }
	env="$env MALLOCHOOKS=$words"
	what="sources $i"
	run
	is "$what" "$wanted" "$(of level)"
	grep -qxF "mallochooks: options: libc:conf_types.level = $wanted ($where)" err ||
		fail "$what: wanted $wanted ($where), got $(grep level err)"
	i=$((i + 1))
done
rm -f "$system" "$named"

# The tool, which runs the same code on the unit's file, says the same.
conf "$system" <<'END'
conf_types: { wait = "3s"; words = [ "a", "b:c" ]; text = "\"x\\y"; };
only = ( { program = "pr*"; conf_types: { mode = "all"; }; },
	 { program = "other"; conf_types: { level = 3; }; } );
core: { confirm = true; };
END
env=MALLOCHOOKS=conf_types.bytes=1m
what=effective
run
sed -n 's/^mallochooks: options: libc:/  /p' err >process
[ "$(wc -l <process)" = 16 ] || fail "effective: $(cat process)"
if [ -z "$RUNNER" ]; then
	# The tool has a system's file of its own: this one is named to it.
	MALLOCHOOKS_CONF=$system MALLOCHOOKS=conf_types.bytes=1m "$tool" options \
		--preload=types.so --effective -- ./prog >tool 2>&1
	sed 1d tool >tool.lines
	same effective process tool.lines
fi
rm -f "$system" "$named"

# ---- for whom -----------------------------------------------------------------

# part CONDITIONS: a file with them
part()
{
	printf 'only = ( { %s conf_types: { level = 50; }; } );\n' "$1" | conf "$named"
	env="MALLOCHOOKS_CONF=$named"
	what="part: $1"
	run
}
for yes in 'program = "prog";' 'program = "p*";' 'program = "*";' 'program = "p?og";' \
	'program = [ "x", "prog" ];' 'program = ( "prog", "x" );' '' 'identity = "libc";' \
	'program = "*o*g"; identity = "libc";' 'optional = true;'; do
	part "$yes"
	is "$what" 50 "$(of level)"
	says "$what" ""
done
for no in 'program = "prog2";' 'program = "";' 'program = "p";' 'program = "?prog";' \
	'program = [ "x", "y" ];' 'program = [];' 'program = "PROG";' 'identity = "other"; optional = true;' \
	'program = "x"; identity = "libc";'; do
	part "$no"
	is "$what" 7 "$(of level)"
	says "$what" ""
done
for bad in 'program = 3;' 'program = [ 1 ];' 'program = { };' ; do
	part "$bad"
	is "$what" 7 "$(of level)"
	grep -q "^mallochooks: options: \"program\" in $named:1: takes names of programs" err ||
		fail "$what: $(cat err)"
done
for bad in 'identity = 3;' 'identity = "";'; do
	part "$bad"
	is "$what" 7 "$(of level)"
	grep -q 'takes the identity of a stack' err || fail "$what: $(cat err)"
done
part 'identity = "libd";'
is "$what" 7 "$(of level)"
says "$what" "\"conf_types\" in $named:1: no such identity in this process; there is libc; did you mean libc?"
# A slip must not let it in everywhere.
part 'progam = "other";'
is "$what" 7 "$(of level)"
says "$what" "\"progam\" in $named:1: no such condition, so the part is not taken; there is program identity optional; did you mean program?"

# A symlink has two names; a script has its own and its interpreter's.
ln -s prog by-link
for name in prog by-link; do
	printf 'only = ( { program = "%s"; conf_types: { level = 51; }; } );\n' $name | conf "$named"
	under types.so ./by-link >out 2>err
	is "symlink as $name" 51 "$(of level)"
done
printf '#!%s/prog /bin/true\n' "$work" >script.x
chmod 755 script.x
if [ -z "$RUNNER" ]; then
	for name in prog 'script.?'; do
		printf 'only = ( { program = "%s"; conf_types: { level = 52; }; } );\n' "$name" | conf "$named"
		under types.so ./script.x >out 2>err
		is "script as $name: exit status" 0 $?
		is "script as $name" 52 "$(of level | head -n 1)"
	done
fi

# Children have what their parents had, wherever they are started.
echo 'conf_types: { level = 53; };' | conf "$named"
env="MALLOCHOOKS_CONF=$named MALLOCHOOKS=conf_types.mode=all"
under types.so ./prog "$work/by-link" >out 2>err
# the kernel knows of no emulator
twice=2
[ -z "$RUNNER" ] || twice=1
is "child: levels" "$(echo 53 53 | cut -d ' ' -f "-$twice")" "$(of level | tr '\n' ' ' | sed 's/ $//')"
is "child: modes" "$(echo 2 2 | cut -d ' ' -f "-$twice")" "$(of mode | tr '\n' ' ' | sed 's/ $//')"

# Two layers of one source in one stack have sections of their own.
preload twice "$here/conf_types.c,$here/conf_types.c" --cflags="$flags" \
	--runtime=parts/runtime.o
printf 'conf_types: { level = 1; };\nconf_types2: { level = 2; };\n' | conf "$named"
env="MALLOCHOOKS_CONF=$named"
under twice.so ./prog >out 2>err
is twice "2 1" "$(of level | tr '\n' ' ' | sed 's/ $//')"

# ---- mistakes -----------------------------------------------------------------

# mistake NAME FILE-TEXT LINE...: and the right value beside it is taken
mistake()
{
	what=$1
	printf '%s\n' "$2" | conf "$named"
	env="MALLOCHOOKS_CONF=$named"
	run
	is "$what: the rest" 60 "$(of level)"
	says "$what" "$3"
}
mistake option 'conf_types: { level = 60; levl = 3; };' "\"conf_types.levl = 3\" in $named:1: no such option; conf_types has flag level bytes wait mode text words; did you mean level?"
mistake layer 'conf_types: { level = 60; };
cuont: { report = true; x = 2; };' "\"cuont\" in $named:2: no such layer in this process; there is conf_types count terminal core; did you mean count?"
mistake core 'conf_types: { level = 60; }; core: { confrm = true; };' "\"core.confrm = true\" in $named:1: no such option; core has confirm record dump dump_fd reset signal signal_does; did you mean confirm?"
mistake scalar 'count = 3; conf_types: { level = 60; };' "\"count\" in $named:1: wants options in braces: layer: { option = value; };"
for number in 2147483648 4294967396 0x100000064 0xffffffff -4294967196 -2147483648 99999999999999999999; do
	mistake number "conf_types: { level = 60; bytes = $number; };" \
		"\"conf_types.bytes = (more than 31 bits: with an L behind it)\" in $named:1: takes a size from 16 to 1G; stays 4k"
done
mistake large 'conf_types: { level = 60; bytes = 4294967396L; };' \
	"\"conf_types.bytes = 4294967396\" in $named:1: takes a size from 16 to 1G; stays 4k"
mistake only 'conf_types: { level = 60; };
only = { a = 1; };' "\"only\" in $named:2: wants a list of groups: only = ( { program = \"ls\"; layer: { option = value; }; } )"
mistake terminal 'conf_types: { level = 60; };
text = ( "\e" );

	terminal: { x = "'"$(printf '\033[31m\377')"'"; };' "\"text\" in $named:2: wants options in braces: layer: { option = value; };
mallochooks: options: \"terminal.x = ?[31m?\" in $named:4: no such option; terminal has none"
{
	echo 'conf_types: { level = 60; };'
	i=0
	echo 'count: {'
	while [ $i -lt 100 ]; do echo "x$i = 1;"; i=$((i + 1)); done
	echo '};'
} | conf "$named"
run
is "many: the rest" 60 "$(of level)"
is "many: lines" 9 "$(grep -c '^mallochooks:' err)"
grep -q "^mallochooks: options: $named: and more mistakes: \"mallochooks check\" names them all" err ||
	fail "many: $(tail -n 1 err)"

# ---- files that are none ------------------------------------------------------

# none NAME PATH LINE: one line, nothing taken, and the program goes on
none()
{
	what="none: $1"
	env="MALLOCHOOKS_CONF=$2"
	run
	wants "$what" "$built_in"
	says "$what" "$3"
}
nothing="; nothing of the file is taken"
none missing "$work/missing" "$work/missing: is not there$nothing"
none relative named.conf "named.conf: MALLOCHOOKS_CONF takes an absolute path, which begins with /"
none nothing "" ""
none directory "$work" "$work: is a directory$nothing"
mkfifo fifo
none fifo "$work/fifo" "$work/fifo: is not a regular file$nothing"
none null /dev/null "/dev/null: is not a regular file$nothing"
none zero /dev/zero "/dev/zero: is not a regular file$nothing"
ln -s loop loop
none loop "$work/loop" "$work/loop: cannot be opened (errno 40)$nothing"
truncate -s 100M big
none big "$work/big" "$work/big: is larger than 64 KiB$nothing"
head -c 65537 /dev/zero | tr '\0' '#' >grows
none larger "$work/grows" "$work/grows: is larger than 64 KiB$nothing"
: | conf empty
none empty "$work/empty" ""
head -c 65536 /dev/zero | tr '\0' '#' >full
none "as large as it may be, without a newline" "$work/full" ""
if [ "$(id -u)" != 0 ]; then
	: >unreadable
	chmod 0 unreadable
	none unreadable "$work/unreadable" "$work/unreadable: may not be read$nothing"
fi
# broken NAME LINE-NUMBER TEXT
broken()
{
	printf '%b' "$3" >broken
	none "$1" "$work/broken" "$work/broken:$2: $4$nothing"
}
broken syntax 2 'conf_types: {\nlevel = 3 4;\n};' "syntax error"
broken open 3 'conf_types: {\nlevel = 3;\n' "syntax error"
broken NUL 1 'conf_types: { level = 3; \0000 };' "syntax error"
broken bytes 2 'conf_types: { level = 3; };\n\0377\0376' "syntax error"
broken twice 2 'conf_types: { level = 3;\nlevel = 4; };' "duplicate setting name"
awk 'BEGIN { for (i = 0; i < 12000; i++) printf "a:{" }' >broken
none deep "$work/broken" "$work/broken:1: memory exhausted$nothing"
awk 'BEGIN { printf "a = ("; for (i = 0; i < 32000; i++) printf "1," ; print "1);" }' >broken
none greedy "$work/broken" "$work/broken: more than can be kept of it; the rest of the file is not taken"

# ---- include ------------------------------------------------------------------

mkdir sub
echo 'conf_types: { level = 70; };' | conf sub/inner.conf
echo '@include "sub/inner.conf"' | conf "$named"
env="MALLOCHOOKS_CONF=$named MALLOCHOOKS=core.confirm=y"
what=include
(cd / && with "LD_PRELOAD=$work/types.so $env" "$work/prog") >out 2>err
grep -qxF "mallochooks: options: libc:conf_types.level = 70 ($work/sub/inner.conf:1)" err ||
	fail "include: $(grep level err)"
echo "@include \"$work/sub/inner.conf\"" | conf "$named"
env="MALLOCHOOKS_CONF=$named"
run
is "absolute include" 70 "$(of level)"
echo 'conf_types: { level = 700; };' | conf sub/inner.conf
run
says "mistake in include" "\"conf_types.level = 700\" in $work/sub/inner.conf:1: takes a whole number from -10 to 100; stays 7"
broken "include of nothing" 1 '@include "not.there"\n' "cannot open include file: it is not there"
broken "include of a directory" 1 '@include "sub"\n' "cannot open include file: it is a directory"
broken "include of a FIFO" 1 '@include "fifo"\n' "cannot open include file: it is not a regular file"
broken "include of itself" 1 '@include "broken"\n' "include file nesting too deep"
printf '@include "b.conf"\n' | conf a.conf
printf '@include "a.conf"\n' | conf b.conf
none "include in a circle" "$work/a.conf" "$work/a.conf:1: include file nesting too deep$nothing"

# ---- what the program sees of it ----------------------------------------------

# Not one allocation more, no descriptor, no mapping.
echo 'conf_types: { level = 1; words = [ "a", "b" ]; };' | conf "$named"
env=MALLOCHOOKS=count.report=y
what=quiet
run
grep '^mallochooks: count:' err >without
[ -s without ] || fail "quiet: no report"
env="MALLOCHOOKS=count.report=y MALLOCHOOKS_CONF=$named"
run
grep '^mallochooks: count:' err >with
same "allocations" without with
cat >look.c <<'END'
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
	char line[512];
	int fd, nr = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		nr += !strchr(line, '/') && !strchr(line, '[');
	for (fd = 3; fd < 20; fd++)
		if (fd != fileno(maps) && fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d\n", fd);
	printf("%d anonymous mappings\n", nr);
	return 0;
}
END
compile look look.c
if [ -z "$RUNNER" ]; then
	env=
	under types.so ./look >without 2>err
	env="MALLOCHOOKS_CONF=$named"
	under types.so ./look >with 2>err
	is "mappings: level" 1 "$(of level)"
	# The name of the file is kept, in memory of our own.
	[ $(($(sed -n 's/ anon.*//p' with) - $(sed -n 's/ anon.*//p' without))) -le 1 ] ||
		fail "mappings: $(cat without), then $(cat with)"
	is descriptors "$(grep descriptor without)" "$(grep descriptor with)"
fi

# ---- linked in, and static ----------------------------------------------------

linked()
{
	"$tool" stack --source-dir="$SRCDIR" --arch="$ARCH" --cc="$cc" --method=wrap \
		--cflags="$flags" --compose=separate --layers="$here/conf_types.c" -o wrap.o >compose.log 2>&1 ||
		{ cat compose.log; fail "wrap was not composed"; return; }
	words=$("$tool" stack --source-dir="$SRCDIR" --arch="$ARCH" --cc="$cc" --method=wrap \
		--layers="$here/conf_types.c" --link-words 2>/dev/null)
	echo 'conf_types: { level = 80; };' | conf "$system"
	echo 'conf_types: { mode = "all"; };' | conf "$named"
	for how in "" -static; do
		# shellcheck disable=SC2086
		$cc $how "$here/conf_main.c" wrap.o $words -o linked >compile.log 2>&1 ||
			{ cat compile.log; fail "wrap $how was not linked"; continue; }
		with "MALLOCHOOKS_CONF=$named" ./linked >out 2>err
		is "wrap $how: exit status" 0 $?
		is "wrap $how: system's file" 80 "$(of level)"
		is "wrap $how: named file" 2 "$(of mode)"
		with "MALLOCHOOKS_CONF=$work" ./linked >out 2>err
		says "wrap $how: directory" "$work: is a directory$nothing"
	done
	rm -f "$system"
}
linked

# ---- without libconfig --------------------------------------------------------

cat >poor-cc <<END
#!/bin/sh
case " \$* " in
*" -print-file-name=libconfig.a "*) echo libconfig.a; exit ;;
esac
exec $cc "\$@"
END
chmod 755 poor-cc
"$tool" stack --source-dir="$SRCDIR" --arch="$ARCH" --cc="$work/poor-cc" --method=preload \
	--cflags="$flags" --compose=separate --layers="$here/conf_types.c" -o poor.o >compose.log 2>&1 ||
	fail "without libconfig: $(cat compose.log)"
is "without libconfig: the composer" 1 "$(grep -c 'no libconfig.a' compose.log)"
link poor.so -Wl,-z,initfirst poor.o
env="MALLOCHOOKS=conf_types.level=90 MALLOCHOOKS_CONF=$named"
under poor.so ./prog >out 2>err
is "without libconfig: exit status" 0 $?
is "without libconfig: environment" 90 "$(of level)"
says "without libconfig" "$named: not read: libconfig was missing where this stack was composed; MALLOCHOOKS=... works without it"
env=
under poor.so ./prog >out 2>err
says "without libconfig, no file" ""
finish
