# SPDX-License-Identifier: MIT
#
# cell.sh NUMBER - link and run one cell of the file cells
#
# Works in a directory of its own, and leaves what is wrong in results/NUMBER,
# which is empty when nothing is.

set -u

nr=$1
cd "$work" || exit 1
tab=$(printf '\t')
IFS=$tab read -r nr method linker compiler output place want words <<END
$(grep "^$nr$tab" cells)
END
mkdir "cell-$nr" && cd "cell-$nr" || exit 1
exec >"$work/cell-$nr/result"
cell="$method $linker $compiler $output malloc in $place ($nr)"

fail()
{
	echo "not ok: $*"
}

. "$SRCDIR/tests/matrix/link.sh"

# Of how main, the calls and malloc are compiled and linked.
case $output in
exe)		pic=no-pie flags=-no-pie ;;
pie)		pic=PIE flags=-pie ;;
static)		pic=no-pie flags=-static ;;
static_pie)	pic=PIE flags=-static-pie ;;
dso)		pic=PIC flags=-shared ;;
esac
objects=$work/$compiler/$pic own=$work/$compiler/$pic
case $method-$linker in
wrap*-lld) own=$objects/lld ;;
esac
calls=$objects/calls.o
case $place in
libc)		malloc= ;;
same)		malloc= calls=$own/same.o ;;
object)		malloc=$own/own.o ;;
part)		malloc=$own/own_small.o calls=$objects/calls-small.o ;;
archive)	malloc=$own/libown.a ;;
thin)		malloc=$own/libthin.a ;;
own_dso)	malloc=-l:libown-$compiler.so ;;
jemalloc_so)	malloc=$jemalloc_so calls=$objects/calls-jemalloc.o ;;
jemalloc_a)	malloc="$jemalloc_a -lm -lpthread -ldl"
		calls=$objects/calls-jemalloc.o ;;
esac
# By these methods what the small family lacks is another's.
case $method-$place in
replace-part | preload-part) calls=$objects/calls-least.o ;;
esac
seen=$objects/seen.o hooks= preloaded=
if [ $method = preload ]; then
	seen=$objects/find.o
	[ "$want" != works ] || preloaded=$work/pre-$linker.so
else
	hooks=$(cat "$work/$method.words")
fi
chosen=-fuse-ld=$linker
outer="-Wl,--no-as-needed -L$work -l:libouter-$compiler.so"
case $output in
static*) outer=-L$work ;;
esac

# build HOOKS...: prog, and libprog.so where that is the output.  Odd ones have the
# hooks first.  A shared malloc must be kept: where the linker is told
# --as-needed, nobody seems to need it before our object comes.
# shellcheck disable=SC2086
build()
{
	rm -f prog libprog.so
	_first= _last=$* _inside=$malloc _beside=
	[ $((nr / 2 % 2)) -eq 0 ] || _first=$* _last=
	case $place in
	*_so | *_dso) _inside= _beside="-Wl,--no-as-needed -L$work $malloc" ;;
	esac
	if [ $output != dso ]; then
		try_link prog $flags $_first $objects/main.o $calls $seen \
			$_inside $_beside $_last $outer
		return
	fi
	# The shared malloc comes ahead of libc, as the loader looks.
	try_link libprog.so $flags $_first $calls $seen $_inside $_last $outer &&
	try_link prog $work/$compiler/PIE/main.o $_beside -L. -l:libprog.so \
		-Wl,--allow-shlib-undefined
}

# It links; is that right, and what does the program do?
# shellcheck disable=SC2086
judge()
{
	case $want in
	works)
		works "$cell" $words ;;
	run:*)
		run $words
		case $? in
		0 | 42 | 124 | 137) fail "$cell: runs, or comes to no end" ;;
		*) says "$cell" "${want#run:}" err ;;
		esac ;;
	refused:*)
		works "$cell" $words
		$limit "$tool" run --preload="$work/pre-$linker.so" -- ./prog \
			>out 2>err && fail "$cell: mallochooks run runs it"
		says "$cell" "${want#refused:}" err ;;
	dies)
		# bound to nothing: a static program has no loader
		run $words && fail "$cell: runs" ;;
	*)
		fail "$cell: links" ;;
	esac
}

# shellcheck disable=SC2086
if build $hooks; then
	judge
else
	case $want in
	link:*)	says "$cell" "${want#link:}" link.log ;;
	alone | dies) ! build || fail "$cell: links without hooks alone" ;;
	*)	fail "$cell: does not link: $(head -n 5 link.log)" ;;
	esac
fi
mv result "$work/results/$nr"
# A good one leaves nothing behind.
[ -s "$work/results/$nr" ] || rm -rf "$work/cell-$nr"
