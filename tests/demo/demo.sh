#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make demo: real programs, once as they are and once hooked.  What they print
# must be the same, byte for byte; what they allocated, and where, is shown.

set -u
LC_ALL=C.UTF-8
export LC_ALL

if [ -n "${RUNNER-}" ]; then
	echo "make demo runs the programs of this machine: leave ARCH= out" >&2
	exit 1
fi

if [ -z "$MALLOCHOOKS_PRELOAD" ]; then
	echo "make demo preloads the hooks: choose METHOD_PRELOAD" >&2
	exit 1
fi

demo=$SRCDIR/tests/demo
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work" || exit 1

if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold= plain=
fi
different=0
# Not the wrapper script that some machines put in front of it.
python=$(PATH=/usr/bin:$PATH command -v python3)
silent=0

# The same for both runs: no hash seeds, no clock, no configuration of yours.
PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_PAGER=cat
GIT_AUTHOR_NAME=Demo GIT_AUTHOR_EMAIL=demo@example.org
GIT_COMMITTER_NAME=Demo GIT_COMMITTER_EMAIL=demo@example.org
GIT_AUTHOR_DATE='2024-05-01T12:00:00Z' GIT_COMMITTER_DATE='2024-05-01T12:00:00Z'
export PYTHONHASHSEED PYTHONDONTWRITEBYTECODE
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_PAGER
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE

# table ROWS: the table of the report, without what is around it
table()
{
	[ "$1" -ne 0 ] || return
	sed -n '/^ *bytes  *%/,/^$/s/^/  /p' totals | sed '/^ *$/d' | cut -c 1-98
}

# show ROWS TITLE COMMAND...: run it both ways and compare; so many rows of the
# report.  A file named "product", if the command makes one, is compared too.
show()
{
	rows=$1 title=$2
	shift 2
	echo "$bold$title$plain"
	echo "  \$ $(echo "$*" | sed "s|$demo/||g; s|$SRCDIR/||g; s|$work/||g")"

	rm -f product
	"$@" >plain.out 2>plain.err </dev/null
	plain_status=$?
	[ ! -f product ] || mv product product.plain
	"$MALLOCHOOKS_TOOL" run --preload="$MALLOCHOOKS_PRELOAD" \
		--output=totals --top="$rows" -- "$@" >hooked.out 2>hooked.err </dev/null
	hooked_status=$?

	sed 's/^/    /' hooked.out | cut -c 1-78 | head -n 6
	lines=$(wc -l <hooked.out)
	[ "$lines" -le 6 ] || echo "    ... ($lines lines)"
	if [ "$plain_status" = "$hooked_status" ] &&
	   cmp -s plain.out hooked.out && cmp -s plain.err hooked.err &&
	   { [ ! -f product ] || cmp -s product product.plain; }; then
		echo "  unharmed: output and exit status ($hooked_status) as without hooks"
	else
		echo "  DIFFERENT from the run without hooks:"
		echo "    exit status $plain_status, hooked $hooked_status"
		diff plain.out hooked.out | head -n 10 | sed 's/^/    /'
		diff plain.err hooked.err | head -n 10 | sed 's/^/    /'
		different=$((different + 1))
	fi
	if grep -q '[1-9][0-9]* allocation' totals; then
		sed -n 's/^mallochooks: run: /  seen:     /p' totals | head -n 1
		table "$rows"
	else
		echo "  seen:     nothing; $(cat totals)"
		silent=$((silent + 1))
	fi
	echo
	rm -f totals product product.plain
}

# ---- something to work on ---------------------------------------------------

cat "$SRCDIR"/Documentation/*.rst "$SRCDIR"/*/Kconfig "$SRCDIR"/hooks/*.c \
	>text 2>/dev/null
mkdir repo
(
	cd repo || exit 1
	git init -q -b main .
	for file in count event log; do
		cp "$SRCDIR/hooks/$file.c" .
		git add .
		git commit -q -m "hooks: add $file"
	done
	for turn in 1 2 3 4 5 6 7 8; do
		sed -i "s/static/static  /$turn; $((turn * 7))d" ./*.c
		git commit -q -a -m "hooks: turn $turn"
	done
	sed -i '1,5d' count.c
	cp count.c new.c
) || exit 1

echo
echo "Each program below runs twice: as it is, and with every malloc, free and so"
echo "on going through the stack of this build."
echo

show 5 "python3 counts words" "$python" "$demo/words.py" text
show 5 "git reads a history" git -C repo log --stat --patch
show 0 "git looks at the work tree" git -C repo status
show 0 "git compares" git -C repo diff --word-diff HEAD~4
show 0 "gcc compiles, assembles and links (several processes, all hooked)" \
	gcc -O2 -Wall -o product "$demo/primes.c"

if [ "$different" -ne 0 ]; then
	echo "$different of 5 went differently when hooked."
	exit 1
fi
if [ "$silent" -ne 0 ]; then
	echo "$silent of 5 reported nothing: is HOOK_COUNT off in the configuration?"
	exit 1
fi

tool=${MALLOCHOOKS_TOOL#"$SRCDIR"/}
cat <<EOF
All five came out as without hooks.

${bold}What next$plain
  $tool run -- ls -l
                    hook a program of yours: what it allocates, and where
  make stack        what stood between the programs and their malloc
  make menuconfig   another stack: log each call, other layers, your own
  make check        the tests
EOF
