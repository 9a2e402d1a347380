# SPDX-License-Identifier: MIT
#
# config/install-deps between a fake dpkg and a fake apt: it asks once and does
# nothing when all is there, installs exactly what is missing, and ends with a
# clear line where it cannot.
#
# needs: native

. "$SRCDIR/tests/kconfig/lib.sh"

script=$SRCDIR/config/install-deps
bin=$TMPDIR/bin
mkdir "$bin"
for program in sh sed tr id mktemp rm cat head; do
	ln -s "$(command -v $program)" "$bin/$program"
done

fake()
{
	{ echo "#!/bin/sh"; cat; } >"$bin/$1"
	chmod +x "$bin/$1"
}

# What counts as installed stands in $TMPDIR/have, one name a line.
fake dpkg-query <<EOF
echo asked >>"$TMPDIR/asked"
for word; do
	while read -r one; do
		[ "\$one" != "\$word" ] || echo "installed \$one"
	done <"$TMPDIR/have"
done
EOF
fake apt-get <<EOF
echo "\$*" >>"$TMPDIR/apt"
case " \$* " in
*" install "*)	[ -f "$TMPDIR/lists" ] || exit 100 ;;
*" update "*)	[ ! -f "$TMPDIR/online" ] || : >"$TMPDIR/lists" ;;
esac
EOF
# Root of a container or a user: what it does must be the same.
fake sudo <<'EOF'
exec "$@"
EOF

deps()
{
	rm -f "$TMPDIR/apt" "$TMPDIR/asked"
	PATH=$bin sh "$script" "$@" >"$TMPDIR/out" 2>&1
}

build="gcc libc6-dev libelf-dev libdw-dev libconfig-dev kconfig-frontends-nox"

# All there: one question, no word, no apt.
printf '%s\n' $build python3 git >"$TMPDIR/have"
deps demo || fail "all is there, and it fails"
[ ! -s "$TMPDIR/out" ] || fail "all is there, and it says: $(cat "$TMPDIR/out")"
[ ! -f "$TMPDIR/apt" ] || fail "all is there, and it calls apt"
[ "$(wc -l <"$TMPDIR/asked")" -eq 1 ] || fail "it asked more than once"

# The full package serves as well as the small one.
printf '%s\n' gcc libc6-dev libelf-dev libdw-dev libconfig-dev kconfig-frontends >"$TMPDIR/have"
deps build || fail "an alternative does not count"
[ ! -f "$TMPDIR/apt" ] || fail "an alternative does not count"

# Two missing: both named, both installed, nothing else.
printf '%s\n' $build >"$TMPDIR/have"
: >"$TMPDIR/lists"
deps demo || fail "cannot install"
grep -q 'installing with apt-get: python3 git$' "$TMPDIR/out" ||
	{ cat "$TMPDIR/out"; fail "does not say what it installs"; }
grep -q ' install python3 git$' "$TMPDIR/apt" ||
	{ cat "$TMPDIR/apt"; fail "installs something else"; }
! grep -q update "$TMPDIR/apt" || fail "updated lists without need"

# No package lists yet: it updates, and tries again.
rm "$TMPDIR/lists"
: >"$TMPDIR/online"
deps demo || fail "does not update the lists"
grep -q update "$TMPDIR/apt" || fail "does not update the lists"

# No network: one clear line, and failure.
rm -f "$TMPDIR/lists" "$TMPDIR/online"
! deps demo || fail "apt failed, and it did not"
tail -n 1 "$TMPDIR/out" | grep -q 'apt-get failed, see above; needed: python3 git$' ||
	{ cat "$TMPDIR/out"; fail "an apt that fails is not said clearly"; }

# No apt at all; and a system that is not Debian's.
rm "$bin/apt-get"
! deps demo || fail "no apt, and it did not fail"
grep -q 'no apt-get here: install these by hand: python3 git$' "$TMPDIR/out" ||
	fail "no apt is not said"
rm "$bin/dpkg-query"
deps demo || fail "no dpkg, and it gave up"
grep -q 'no dpkg here.*python3' "$TMPDIR/out" || fail "no dpkg is not said"

! deps nonsense || fail "a target that does not exist was taken"

finish
