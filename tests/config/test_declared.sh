#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_declared - an option is declared once: what else is said of it comes of
# that, and some code reads it
#
# needs: native

set -u
cd "$TMPDIR" || exit 1
failures=0
fail()
{
	echo "not ok: $*"
	failures=$((failures + 1))
}

# ---- each option is read ------------------------------------------------------

# whole FILE: with the headers of its room that it includes
whole()
{
	cat "$1"
	sed -n 's/^#include "\(.*\)"/\1/p' "$1" | while read -r header; do
		[ ! -f "$SRCDIR/hooks/$header" ] || cat "$SRCDIR/hooks/$header"
	done
}

# unread FILE: options of a layer's source that no code of it reads
unread()
{
	whole "$1" | awk '
	/^HOOK_OPTIONS\(/ { table = 1 }
	match($0, /\[[A-Z_0-9]+\] = MH_OPT_/) {
		name = substr($0, RSTART + 1)
		sub(/\].*/, "", name)
		names[++nr] = name
		buffer[name] = ""
		if (match($0, /MH_OPT_(STRING|LIST)\("[a-z_0-9]+", [a-z_]+/)) {
			split(substr($0, RSTART, RLENGTH), part, ", ")
			buffer[name] = part[2]
		}
	}
	!table { code = code $0 "\n" }
	table && /^\)/ { table = 0 }
	END {
		gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", code)
		# its definition is no use of it
		for (i = 1; i <= nr; i++) {
			name = names[i]
			read = index(code, "HOOK_OPTION(" name ")")
			if (buffer[name] != "") {
				rest = code
				gsub("char " buffer[name] "\\[[^;]*;", "", rest)
				read += match(rest, "[^a-zA-Z_0-9.>]" buffer[name] "[^a-zA-Z_0-9]")
			}
			if (!read)
				print name
		}
		if (!nr)
			print "no option found"
	}'
}

# The table of a file that has one.
for file in "$SRCDIR"/hooks/*.c; do
	grep -q '^HOOK_OPTIONS(' "$file" || continue
	for name in $(unread "$file"); do
		fail "${file##*/}: nothing reads the option $name"
	done
	# And a row more would be found.
	sed 's/^HOOK_OPTIONS(/&\n\t[NOBODY] = MH_OPT_INT("nobody", 0, 0, 1, "", 0, "x"),/' "$file" >more.c
	unread more.c | grep -qx NOBODY || fail "${file##*/}: an unread option is not seen"
	sed 's/^HOOK_OPTIONS(/static char no_reader[8] = "";\n&\n\t[NOBODY] = MH_OPT_STRING("nobody", no_reader, 0, "x"),/' \
		"$file" >more.c
	unread more.c | grep -qx NOBODY || fail "${file##*/}: an unread text is not seen"
done
for name in $(sed -n 's/^\t\[\([A-Z_]*\)\] = MH_OPT_.*/\1/p' "$SRCDIR/config/options.c"); do
	cat "$SRCDIR/config/options.c" "$SRCDIR/hooks/live.c" | grep -v '^	\[MH_CORE_' |
		grep -qw "$name" || fail "options.c: nothing reads the option $name"
done

# ---- what is said of it -------------------------------------------------------

mkdir texts
sh "$SRCDIR/config/option-texts" "$MALLOCHOOKS_TOOL" "$CC" "$ARCH" texts || fail "option-texts"
for file in man/mallochooks.conf.5 examples/mallochooks.conf; do
	diff "$SRCDIR/Documentation/$file" "texts/${file##*/}" >diff || {
		cat diff
		fail "$file is not what the declarations make: make option-texts"
	}
	[ "$(sed -n '/options: begin/,/options: end/p' "texts/${file##*/}" | wc -l)" -gt 30 ] ||
		fail "$file: no options"
done

# The example is a file of options, as it stands and with all of it in force.
example=$SRCDIR/Documentation/examples/mallochooks.conf
sed -n '/options: begin/,/options: end/s/^#//p' "$example" | grep -v 'options: ' >force
for file in "$example" force; do
	"$MALLOCHOOKS_TOOL" check --preload=texts/all.so $file >check 2>&1 ||
		{ cat check; fail "$file has mistakes"; }
done
# And that is not because nobody looks.
sed 's/after = 1000/after = 4097/' force >wrong
! "$MALLOCHOOKS_TOOL" check --preload=texts/all.so wrong >/dev/null 2>&1 ||
	fail "a mistake in the example is not seen"

# ---- the same name in Kconfig -------------------------------------------------

# CONFIG_LOG_MIN_BYTES is log.min_bytes, and its prompt says so.
sed -n '/^menu "Defaults of run-time options"/,/^endmenu/p' "$SRCDIR/config/Kconfig" >menu
sed -n 's/^config //p' menu | while read -r name; do
	option=$(echo "$name" | tr A-Z a-z | sed 's/_/./')
	grep -q "^.It Cm $option\$" texts/mallochooks.conf.5 ||
		echo "Kconfig's $name is no option $option"
	sed -n "/^config $name\$/{n;p;}" menu | grep -q "($option)" ||
		echo "Kconfig's prompt of $name does not name $option"
done >kconfig
[ ! -s kconfig ] || fail "$(cat kconfig)"
[ "$(grep -c '^config ' menu)" -gt 4 ] || fail "no menu"
[ $failures -eq 0 ] || exit 1
