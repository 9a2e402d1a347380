#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_check - mallochooks check, and mallochooks options: mistakes with file,
# line and column; values with their origins
#
# needs: native

set -u
cd "$TMPDIR" || exit 1
unset MALLOCHOOKS MALLOCHOOKS_CONF
tool=$MALLOCHOOKS_TOOL
failures=0
fail()
{
	echo "not ok: $*"
	failures=$((failures + 1))
}

"$tool" stack --source-dir="$SRCDIR" --arch="$ARCH" --cc="$CC" --method=preload \
	--layers="count,$SRCDIR/tests/process/conf_types.c" -o unit.o >log 2>&1 || { cat log; exit 1; }
# shellcheck disable=SC2086
$CC -shared -o unit.so unit.o || exit 1
grep -q 'no libconfig.a' log && { echo "no libconfig.a for $CC"; exit 77; }

# check NAME STATUS: what is said of conf is what stands on stdin
check()
{
	cat >wanted
	"$tool" check --preload=unit.so conf >out 2>err
	status=$?
	[ $status = "$2" ] || fail "$1: exit status $status"
	cat out err | diff wanted - || fail "$1"
}

echo 'conf_types: { level = 3; };' >conf
check good 0 <<'END'
conf: no mistakes
END
: >conf
check empty 0 <<'END'
conf: no mistakes
END

cat >conf <<'END'
# five mistakes on three lines
conf_types: { flg = true;  level = 101; levels = 3;
	mode = "non"; };
other: { a = 1; };
only = ( { program = "no-such-program"; count: { report = 7; }; },
	 { program = [ 3 ]; } );
END
check mistakes 1 <<'END'
conf:2:15: conf_types.flg = true: no such option; conf_types has flag level bytes wait mode text words; did you mean flag?
conf:2:28: conf_types.level = 101: takes a whole number from -10 to 100; stays 7
conf:2:41: conf_types.levels = 3: no such option; conf_types has flag level bytes wait mode text words; did you mean level?
conf:3:2: conf_types.mode = non: takes one of off, some, all; stays some
conf:4:1: other: no such layer in this process; there is count conf_types terminal core
conf:5:50: count.report = 7: takes y or n; stays n
conf:6:5: program: takes names of programs in quotes: "ls", or [ "ls", "git*" ]
END

# Every one, however many.
{
	echo 'conf_types: {'
	i=0
	while [ $i -lt 60 ]; do echo " x$i = 1;"; i=$((i + 1)); done
	echo '};'
} >conf
"$tool" check --preload=unit.so conf 2>err
[ "$(grep -c '^conf:[0-9]*:2: conf_types.x' err)" = 60 ] || fail "many: $(cat err)"

# Where a syntax error is.
printf 'conf_types: {\n  flag = true;\n  level = 3 } 4;\n};\n' >conf
check syntax 1 <<'END'
conf:3:15: syntax error; nothing of the file is taken
END
printf 'conf_types: {\n  level = = 3;\n};\n' >conf
check syntax2 1 <<'END'
conf:2:11: syntax error; nothing of the file is taken
END
printf '@include "inner"\n' >conf
printf 'conf_types: {\n\n   level = 200; };\n' >inner
check include 1 <<END
$(pwd -P)/inner:3:4: conf_types.level = 200: takes a whole number from -10 to 100; stays 7
END
printf 'x: {\n\n   3' >inner
check "syntax in include" 1 <<END
$(pwd -P)/inner:3:4: syntax error; nothing of the file is taken
END
rm inner

# And all that is wrong beside it.
cat >conf <<'END'
conf_types: { level = 200; mode = ; flag = "nein"; };
conf_types: { level = 300; };
count: { report = maybe
	};
only = ( { program = sh; conf_types: { levle = 1; }; } );
};
@include "nothing"
count2: { };
END
check "all of it" 1 <<'END'
conf:1:35: syntax error; nothing of the file is taken
conf:2:10: duplicate setting name; nothing of the file is taken
conf:3:19: syntax error; nothing of the file is taken
conf:5:22: syntax error; nothing of the file is taken
conf:6:1: syntax error; nothing of the file is taken
conf:7:1: cannot open include file: it is not there; nothing of the file is taken
conf:1:15: conf_types.level = 200: takes a whole number from -10 to 100; stays 7
conf:1:37: conf_types.flag = nein: takes y or n; stays n
conf:8:1: count2: no such layer in this process; there is count conf_types terminal core; did you mean count?
conf:5:40: conf_types.levle = 1: no such option; conf_types has flag level bytes wait mode text words; did you mean level?
END
printf 'conf_types: { text = "open;\n level = 300; };\ncount: { };\n' >conf
check "an open quote hides what follows" 1 <<'END'
conf:4:1: syntax error; nothing of the file is taken
END
printf '@include "nothing"\n' >conf
check "include of nothing" 1 <<'END'
conf:1:1: cannot open include file: it is not there; nothing of the file is taken
END

# Files that are none, and words that are none.
mkdir dir
"$tool" check --preload=unit.so dir >out 2>&1
[ "$? $(cat out)" = "1 dir: is a directory; nothing of the file is taken" ] || fail "directory: $(cat out)"
"$tool" check --preload=unit.so missing >out 2>&1
[ "$? $(cat out)" = "2 mallochooks: check: missing: No such file or directory" ] || fail "missing: $(cat out)"
"$tool" check --preload=unit.so missing dir >out 2>&1
[ "$? $(tail -n 1 out)" = "2 dir: is a directory; nothing of the file is taken" ] || fail "behind missing: $(cat out)"
"$tool" check --preload=unit.so >out 2>&1
[ $? = 2 ] || fail "no file: $(cat out)"

# The list, the example of it that has no mistakes, and what is in force.
"$tool" options --preload=unit.so >list || fail "options"
grep -qx '  conf_types.wait  duration  default 5ms  0..2h  start-up' list || fail "duration: $(cat list)"
grep -qx '  conf_types.mode  enum  default some  off|some|all  start-up' list || fail "enum: $(cat list)"
grep -qx '  conf_types.words  list  default "one:two"  up to 14 bytes  live' list || fail "list: $(cat list)"
"$tool" options --preload=unit.so --format=conf | sed 's/^#//' >conf
check "all of it" 0 <<'END'
conf: no mistakes
END
MALLOCHOOKS_CONF=$TMPDIR/conf "$tool" options --preload=unit.so --effective >out 2>err ||
	fail "effective"
[ ! -s err ] || fail "effective: $(cat err)"
[ "$(grep -c "($TMPDIR/conf:[0-9]*)$" out)" = 16 ] || fail "effective: $(cat out)"
# Values are what the list said.
sed -n 's/^  \([^ ]*\)  [a-z]*  default \(.*\)/\1 = \2/p' list | sed 's/  .*//' >defaults
sed -n 's/^  \(.*\) (.*/\1/p' out | diff defaults - || fail "effective: other values"
echo 'only = ( { program = "sh"; conf_types: { level = 9; }; } );' >conf
for program in sh /bin/sh; do
	MALLOCHOOKS=conf_types.level=8 "$tool" options --preload=unit.so --effective -- $program |
		grep -qx '  conf_types.level = 8 (MALLOCHOOKS)' || fail "effective: environment"
done
name=$(basename "$(realpath /bin/cat)")
printf 'only = ( { program = "%s"; conf_types: { level = 9; }; } );' "$name" >conf
MALLOCHOOKS_CONF=$TMPDIR/conf "$tool" options --preload=unit.so --effective -- cat |
	grep -qx "  conf_types.level = 9 ($TMPDIR/conf:1)" || fail "effective: program"
MALLOCHOOKS_CONF=$TMPDIR/conf "$tool" options --preload=unit.so --effective |
	grep -qx "  conf_types.level = 7 (built in)" || fail "effective: no program"
"$tool" options --preload=unit.so --effective -- /no/such >out 2>&1 && fail "effective: no such program"
"$tool" options --preload=unit.so --format=xml >out 2>&1
[ $? = 2 ] || fail "format: $(cat out)"
[ $failures -eq 0 ] || exit 1
