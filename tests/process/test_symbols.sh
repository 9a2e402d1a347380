#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_symbols - the dynamic symbols, relocations and thread-locals of a unit:
# exactly what tests/process/symbols.list says, and nothing that could allocate
# before main()

. "$SRCDIR/tests/process/common.sh"

command -v readelf >/dev/null || skip_all "no readelf"
list=$here/symbols.list

# What others may bind to; hidden ones, which bfd leaves in the table, are not.
exported()
{
	readelf --dyn-syms -W "$1" | awk '$1 ~ /^[0-9]+:$/ && $7 != "UND" &&
		($5 == "GLOBAL" || $5 == "WEAK" || $5 == "UNIQUE") &&
		($6 == "DEFAULT" || $6 == "PROTECTED") { print $8 }' | sort
}

undefined()
{
	readelf --dyn-syms -W "$1" | awk '$1 ~ /^[0-9]+:$/ && $7 == "UND" &&
		$8 != "" { sub(/@.*/, "", $8); print $8 }' | sort -u
}

# wanted CONFIG: the names that a configuration exports
wanted()
{
	prefix=$(sed -n 's/^CONFIG_SYM_PREFIX="\(.*\)"$/\1/p' "$1")
	while read -r kind name rest; do
		case $kind in
		exports)
			key=CONFIG_SYM_$(echo "$name" | tr 'a-z' 'A-Z')
			! grep -q "^$key=y$" "$1" || echo "$prefix$name" ;;
		cxx)
			! grep -q "^CONFIG_SYM_CXX=y$" "$1" || echo "$name" ;;
		unit)
			echo "$name" ;;
		esac
	done <"$list" | sort
}

# look NAME UNIT CONFIG
look()
{
	wanted "$3" >want
	exported "$2" >got
	cmp -s want got ||
		fail "$1: exports differ from the list: $(diff want got | grep '^[<>]')"
	undefined "$2" >got
	sed -n 's/^needs //p' "$list" | sort >want
	extra=$(comm -13 want got | tr '\n' ' ')
	[ -z "$extra" ] || fail "$1: needs what is not in the list: $extra"

	readelf -dW "$2" >dynamic
	is "$1: needs the libraries" libc.so.6 \
		"$(sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p' dynamic | tr '\n' ' ' |
		   sed 's/ $//')"
	grep -q '(VERDEF)' dynamic && fail "$1: defines symbol versions"
	grep -q 'TEXTREL' dynamic && fail "$1: has relocations in its text"
	readelf --dyn-syms -W "$2" | grep -q ' IFUNC ' &&
		fail "$1: exports an IFUNC"
	readelf -rW "$2" | grep -E 'DTPMOD|DTPREL|DTPOFF|TLSDESC|IRELATIV|COPY' &&
		fail "$1: has a relocation that may allocate, or run code, too early"
	bytes=$(readelf -lW "$2" | awk '$1 == "TLS" { print $6 }')
	bytes=$((${bytes:-0}))
	[ "$bytes" -le 256 ] || fail "$1: has $bytes bytes of static TLS"
}

if [ -n "$MALLOCHOOKS_PRELOAD" ]; then
	look "the build's preload" "$MALLOCHOOKS_PRELOAD" "$BUILDDIR/config"
	readelf -dW "$MALLOCHOOKS_PRELOAD" >dynamic
	grep -q 'NODELETE' dynamic || fail "the preload can be unloaded"
	grep -q 'INITFIRST' dynamic || fail "the preload's constructor is not first"
else
	skip "the method makes no preload"
fi

sed -n -e '/^exports /y/abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMNOPQRSTUVWXYZ/' \
	-e 's/^EXPORTS \(.*\)/CONFIG_SYM_\1=y/p' "$list" >all.config
preload all count,event,log,count --set=CONFIG_SYM_CXX=n
look "composed" all.so all.config
echo CONFIG_SYM_CXX=y >>all.config
for compose in unit separate; do
	preload cxx log,count,event --compose=$compose \
		--sources="$here/early_share.c" --transforming
	look "with operators, $compose" cxx.so all.config
done
echo 'CONFIG_SYM_PREFIX="mi_"' >few.config
echo CONFIG_SYM_MALLOC=y >>few.config
echo CONFIG_SYM_FREE=y >>few.config
preload few count --symbols=malloc,free --prefix=mi_
look "two with a prefix" few.so few.config
is "of the prefix" "mallochooks_unit mi_free mi_malloc" \
	"$(exported few.so | tr '\n' ' ' | sed 's/ $//')"
finish
