#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_real - libraries that have facades and pools of their own, from Debian's
# archives, hooked by a description and the words of its link
#
# Each program of real/ is built twice.  What malloc's stack has counted is what
# a preload that is nothing of ours counts in the other; the sites in the program
# are those that its source says; what was freed was known before.
#
# takes: 20
# needs: native

. "$SRCDIR/tests/process/common.sh"
. "$SRCDIR/tests/description/common.sh"

src=$SRCDIR/tests/description/real
$cc -O2 -fPIC -fno-builtin -shared -o reference.so \
	"$SRCDIR/tests/projects/reference.c" -ldl || exit 1
some=

# count_of IDENT: allocations that its stack counted in ./prog
count_of()
{
	MALLOCHOOKS=$1:count.report=y timeout 60 ./prog 2>&1 >/dev/null |
		sed -n 's/^mallochooks: .*count: \([0-9]*\) allocations,.*, 0 failed$/\1/p'
}

# report_of IDENT WORDS...: of d/*.sites
report_of()
{
	_ident=$1
	shift
	for _file in d/*.sites; do
		_found=$("$tool" report "$_file" |
			sed -n '2s/.*, allocator \([^,]*\).*/\1/p')
		[ "${_found:-libc}" = "$_ident" ] || continue
		"$tool" report "$@" "$_file"
	done
}

# sites_of IDENT NAME: "CALLS FUNCTION what its line calls" for those in NAME.c
sites_of()
{
	report_of "$1" --collapsed --sort=calls |
		sed -n "s/.*;\\([^;]*\\);$2\\.c:\\([0-9]*\\) \\([0-9]*\\)\$/\\3 \\1 \\2/p" |
	while read -r _calls _function _line; do
		echo "$_calls $_function $(sed -n -e "${_line}s/^[^=]*= *//" \
			-e "${_line}s/[	 ]*\\([a-z0-9_]*\\)(.*/\\1/p" "$src/$2.c")"
	done | sort
}

# real NAME PACKAGE IDENT LIBRARIES...: the sites that are expected of NAME.c on stdin,
# "IDENT CALLS FUNCTION CALLED"; prog, and d with what it recorded
real()
{
	_real=$1 _package=$2 _pool=$3
	shift 3
	cat >expected
	case $($cc -print-file-name="${1#-l:}") in
	/*) ;;
	*)	skip "no ${1#-l:} for $cc"
		return 1 ;;
	esac
	# shellcheck disable=SC2046
	object "$_real.o" -c $(pkg-config --cflags "$_package") "$src/$_real.c"
	$cc -o plain "$_real.o" "$@" || exit 1
	LD_PRELOAD=./reference.so ./plain >plain.out 2>plain.err
	is "$_real: plain: status" 0 $?
	_own=$(sed -n 's/^reference: .* \([0-9]*\) of them.*/\1/p' plain.err)
	make_hooks "$_real-hooks" "$src/$_real.conf"
	for linker in $linkers; do
		link_prog "$_real, $linker" -fuse-ld="$linker" "$_real.o" "$@" || continue
		rm -rf d
		mkdir d
		MALLOCHOOKS=sites.dir=d,sites.after=0 timeout 60 ./prog >out 2>err
		is "$_real, $linker: status" 0 $?
		same "$_real, $linker" plain.out out
		is "$_real, $linker: says" "" "$(cat err)"
		is "$_real, $linker: malloc" "$_own" "$(count_of libc)"
		for ident in libc $_pool; do
			sites_of "$ident" "$_real" >got
			sed -n "s/^$ident //p" expected | sort >want
			cmp -s want got || fail "$_real, $linker: $ident: $(diff want got)"
			is "$_real, $linker: $ident: sum of the sites" \
				"$(count_of "$ident")" \
				"$(report_of "$ident" --collapsed --sort=calls |
					awk '{ n += $NF } END { print n + 0 }')"
		done
		# One linker does for the others.
		[ "$_real" = glib ] || break
	done
	some=y
}

# alive IDENT CHUNKS: were never freed
alive()
{
	is "$_real: alive in $1" "$2" "$(report_of "$1" --leaks |
		sed -n 's/^alive: \([0-9,]*\) chunk.*/\1/p')"
}

real glib glib-2.0 slice -l:libglib-2.0.a -l:libpcre2-8.a -pthread -lm <<'E'
slice 9 new_word g_slice_new0
slice 1 big_page g_slice_alloc
libc 9 new_word g_strdup
libc 1 main g_new0
E

# No function frees an object of a pool's.
real apr apr-1 apr -l:libapr-1.a -luuid -lcrypt -pthread <<'E'
apr 2 read_words apr_hash_make
apr 200 read_words apr_palloc
apr 200 read_words apr_pstrdup
apr 50 answer apr_pcalloc
apr 50 answer apr_pstrdup
E

# Every chunk of these is one of malloc's.
real sqlite sqlite3 sqlite -l:libsqlite3.a -lm -lz -pthread -ldl <<'E' &&
sqlite 25 take_notes sqlite3_malloc
sqlite 25 take_notes sqlite3_realloc
sqlite 50 take_notes sqlite3_realloc
E
	is "sqlite: chunks" "$(count_of libc)" "$(count_of sqlite)" &&
	alive libc 0 && alive sqlite 0

# Children go with their parents: those of 30 people, and the other 30 with theirs.
real talloc talloc talloc -l:libtalloc.a <<'E' &&
talloc 1 main talloc_named_const
talloc 60 new_person talloc_zero
talloc 60 new_person talloc_strdup
talloc 60 add_marks talloc_realloc
E
	is "talloc: chunks" "$(count_of libc)" "$(count_of talloc)" &&
	alive libc 0 && alive talloc 0

real lua lua5.4 lua -l:liblua5.4.a -lm -ldl <<'E' &&
lua 2 make_blocks lua_createtable
lua 30 make_blocks lua_newuserdatauv
E
	is "lua: chunks" "$(count_of libc)" "$(count_of lua)" &&
	alive libc 0 && alive lua 0

[ -n "$some" ] || skip_all "none of the libraries is here"
finish
