#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_wrap - methods wrap and wrapdl, by every linker: the method, the linker,
# the kind of output and the place of malloc in all combinations, the compiler by
# turns, so that any two of the five meet.  What cannot be linked, or cannot
# work, must say so.
#
# A foreign machine gets a few of them, through RUNNER.

. "$SRCDIR/tests/process/common.sh"

here=$SRCDIR/tests/matrix
limit="timeout -k 5 20"
nr=0 nr_impossible=0

# An object of the matrix: NAME SOURCE FLAGS...
object()
{
	_name=$1 _source=$2
	shift 2
	$compiler -O2 -g -Wall -Wextra -fno-builtin-malloc -fno-builtin-calloc \
		-fno-builtin-realloc -fno-builtin-free -I"$SRCDIR/include" "$@" \
		-DMH_EVENT=mx_event -c "$here/$_source" -o "$_name.o" 2>compile.log || {
		cat compile.log
		echo "$_name.o did not compile"
		exit 1
	}
}

# try_link OUT WORDS...: what the linker says is left in link.log
try_link()
{
	_out=$1
	shift
	$limit $compiler -fuse-ld=$linker -o "$_out" "$@" >link.log 2>&1
}

run()
{
	LD_LIBRARY_PATH=. timeout -k 5 20 $RUNNER ./prog >out 2>err
}

# One stack a method; both compilers and all kinds of output link the same.
for method in wrap wrapdl; do
	compose $method count,event --method=$method --ident=mx \
		--event-ident=mx_event
	sed -n 's/^MALLOCHOOKS_LDFLAGS_mx := //p' $method.mk >$method.words
done

compilers=$cc places="libc object part archive own_dso"
if [ -n "$RUNNER" ]; then
	places="libc object own_dso"
elif command -v clang >/dev/null; then
	compilers="gcc clang"
else
	skip "no clang"
fi
linkers=
echo 'int main(void) { return 0; }' >any.c
for linker in bfd gold lld mold; do
	if $cc -fuse-ld=$linker any.c -o any 2>/dev/null; then
		linkers="$linkers $linker"
	else
		skip "no ld.$linker for $cc"
	fi
done

jemalloc_so=$(ls /usr/lib/*/libjemalloc.so.2 2>/dev/null | head -n 1)
jemalloc_a=$(ls /usr/lib/*/libjemalloc_pic.a 2>/dev/null | head -n 1)
if [ -z "$RUNNER" ]; then
	if [ -n "$jemalloc_so" ]; then places="$places jemalloc_so"; else skip "no libjemalloc2"; fi
	if [ -n "$jemalloc_a" ]; then places="$places jemalloc_a"; else skip "no libjemalloc-dev"; fi
fi

for compiler in $compilers; do
	dir=$compiler
	for pic in no-pie pie pic; do
		case $pic in
		no-pie)	flags=-fno-pie ;;
		pie)	flags=-fPIE ;;
		pic)	flags=-fPIC ;;
		esac
		mkdir -p "$dir/$pic"
		for place in $places; do
			case $place in
			object | archive | own_dso) define=-DWANT_OWN=1 ;;
			part)	define="-DWANT_OWN=1 -DSMALL=1" ;;
			jemalloc*) define="-DWANT_USABLE=112 -DNO_PVALLOC=1" ;;
			*)	define=-DWANT_USABLE=104 ;;
			esac
			# shellcheck disable=SC2086
			object "$dir/$pic/calls-$place" calls.c $flags $define
		done
		object "$dir/$pic/seen" seen.c $flags
		object "$dir/$pic/main" main.c $flags
		object "$dir/$pic/own" own.c $flags
		object "$dir/$pic/own_small" own.c $flags -DOWN_SMALL=1
		ar rcs "$dir/$pic/libown.a" "$dir/$pic/own.o"
	done
	$compiler -shared -o "libown-$dir.so" -Wl,-soname,"libown-$dir.so" "$dir/pic/own.o"
done

# What one cell is to come to: "works", "as without hooks", or the words of its
# diagnostic, by the linker or at run time.
expectation()
{
	case $method-$linker-$output-$place in
	*-gold-static_pie-*)
		echo "link:no-dynamic-linker: unknown option" ;;
	*-mold-static*-own_dso | *-mold-static*-jemalloc_so | *-gold-static-own_dso)
		echo "as without hooks, or dies" ;;
	*-static*-own_dso | *-static*-jemalloc_so | *-lld-static*-part)
		echo "as without hooks" ;;
	wrapdl-mold-static-* | wrapdl-*-static_pie-*)
		echo "run:no loaded object exports it" ;;
	wrapdl-*-static-*)
		echo "link:_DYNAMIC" ;;
	*)
		echo works ;;
	esac
}

# build WORDS...: prog, and libprog.so where that is the output.  Odd turns have
# our words first.  A shared malloc must be kept: where the linker is told
# --as-needed, nobody seems to need it before our object comes.
build()
{
	rm -f prog libprog.so
	first= last=$*
	[ $((turn / 2 % 2)) -eq 0 ] || first=$* last=
	if [ $output = dso ]; then
		case $place in
		*_so | *_dso)
			# ahead of libc, as the loader looks
			inside= beside="-Wl,--no-as-needed $malloc" ;;
		*)
			inside=$malloc beside= ;;
		esac
		try_link libprog.so $flags $first $parts $inside $last &&
		try_link prog $compiler/pie/main.o $beside -L. -l:libprog.so \
			-Wl,--allow-shlib-undefined
	else
		case $place in
		*_so | *_dso)
			beside="-Wl,--no-as-needed $malloc" ;;
		*)
			beside=$malloc ;;
		esac
		try_link prog $flags $first $objects/main.o $parts $beside $last
	fi
}

cell()
{
	name="$method $linker $compiler $output malloc in $place"
	nr=$((nr + 1))
	case $output in
	exe)	pic=no-pie flags=-no-pie ;;
	pie)	pic=pie flags=-pie ;;
	static)	pic=no-pie flags=-static ;;
	static_pie) pic=pie flags=-static-pie ;;
	dso)	pic=pic flags=-shared ;;
	esac
	objects="$compiler/$pic"
	parts="$objects/calls-$place.o $objects/seen.o"
	case $place in
	libc)	malloc= ;;
	object)	malloc="$objects/own.o" ;;
	part)	malloc="$objects/own_small.o" ;;
	archive) malloc="$objects/libown.a" ;;
	own_dso) malloc="-L. -l:libown-$compiler.so" ;;
	jemalloc_so) malloc=$jemalloc_so ;;
	jemalloc_a) malloc="$jemalloc_a -lm -lpthread -ldl" ;;
	esac
	want=$(expectation)
	# shellcheck disable=SC2046
	build $method.o $(cat $method.words)
	linked=$?
	status=link
	[ $linked -ne 0 ] || { run; status=$?; }
	[ "$want" = works ] || nr_impossible=$((nr_impossible + 1))
	case $want-$status in
	works-link)
		fail "$name: does not link: $(head -n 5 link.log)" ;;
	works-*)
		is "$name: status" 42 $status
		is "$name: output" "every call was made" "$(cat out)"
		is "$name: errors" "" "$(head -n 5 err)" ;;
	link:*-link)
		grep -q -e "${want#link:}" link.log ||
			fail "$name: another reason: $(head -n 5 link.log)" ;;
	run:*-[1-9]*)
		grep -q -e "${want#run:}" err ||
			fail "$name: does not say why: $(head -n 5 err)" ;;
	"as without hooks"*-link)
		! build ||
			fail "$name: links without hooks: $(head -n 5 link.log)" ;;
	*"or dies"-139 | *"or dies"-255)
		;;	# bound to nothing: a static program has no loader
	*)
		fail "$name: $want, but status $status" ;;
	esac
}

turn=0
for method in wrap wrapdl; do
	for linker in $linkers; do
		for output in exe pie static static_pie dso; do
			for place in $places; do
				turn=$((turn + 1))
				# shellcheck disable=SC2086
				set -- $compilers
				[ $((turn % $#)) -eq 0 ] || shift $((turn % $#))
				compiler=$1
				cell
			done
		done
	done
done
echo "$nr cells, $nr_impossible of them impossible"

# ---- beside the matrix ------------------------------------------------------

set -- $compilers
compiler=$1

# works NAME: prog, just linked by try_link
works()
{
	if [ $? -ne 0 ]; then
		fail "$1: does not link: $(head -n 5 link.log)"
		return
	fi
	run
	is "$1: status" 42 $?
	is "$1: errors" "${2-}" "$(head -n 5 err)"
}

for linker in $linkers; do
	# What a static program's own family lacks fails with ENOMEM.  lld would
	# fetch libc.a's for the calls, as without hooks.
	if [ $linker != lld ]; then
		object stub calls.c -fno-pie -DWANT_OWN=1 -DSMALL=1 -DSTUB=1
		# shellcheck disable=SC2046
		try_link prog -static $compiler/no-pie/main.o stub.o $compiler/no-pie/seen.o \
			$compiler/no-pie/own_small.o wrap.o $(cat wrap.words)
		works "$linker: stubs"
	fi

	# Options come from the environment, and the constructor reads them.
	object counted calls.c -fno-pie
	# shellcheck disable=SC2046
	try_link prog -static $compiler/no-pie/main.o counted.o $compiler/no-pie/seen.o \
		wrap.o $(cat wrap.words) || fail "$linker: static does not link"
	with MALLOCHOOKS=count.report=y ./prog >out 2>err
	grep -q '^mallochooks: count: [1-9][0-9]* allocations' err ||
		fail "$linker: static: no report: $(cat err)"

	# A late plug-in's chunks are those of the host's allocator.
	if [ -n "$jemalloc_so" ] && [ -z "$RUNNER" ]; then
		for method in wrap wrapdl; do
			# shellcheck disable=SC2046
			try_link libprog.so -shared $compiler/pic/calls-jemalloc_so.o \
				$compiler/pic/seen.o $method.o $(cat $method.words) &&
			try_link prog "$here/host.c" -Wl,--no-as-needed $jemalloc_so -ldl
			works "$linker $method: plug-in"
		done
		# Told first, our words keep the library that has the real malloc.
		# shellcheck disable=SC2046
		try_link prog -Wl,--as-needed wrap.o $(cat wrap.words) $compiler/pie/main.o \
			$compiler/pie/calls-jemalloc_so.o $compiler/pie/seen.o $jemalloc_so
		works "$linker: words first, as needed"
	fi

	# A client with -flto.
	for lto in $compilers; do
		case $lto-$linker in
		clang-bfd | clang-gold | clang-mold | *gcc-lld)
			continue ;;	# want LLVMgold.so; cannot read GIMPLE
		esac
		compiler=$lto
		object lto calls.c -flto -fPIE -DWANT_USABLE=104
		object lto-main main.c -flto -fPIE
		object lto-seen seen.c -flto -fPIE
		# shellcheck disable=SC2046
		try_link prog -flto -O2 -pie lto-main.o lto.o lto-seen.o wrap.o $(cat wrap.words)
		works "$linker $lto: -flto"
		set -- $compilers
		compiler=$1
	done

	# A wrapper of the client's own for the same function is told by name.
	echo 'void *__wrap_malloc(unsigned long n) { return (void *)n; }' >rival.c
	# shellcheck disable=SC2046
	if try_link prog rival.c $compiler/pie/main.o $compiler/pie/calls-libc.o \
		$compiler/pie/seen.o wrap.o $(cat wrap.words); then
		fail "$linker: two __wrap_malloc were not refused"
	else
		grep -q '__wrap_malloc' link.log ||
			fail "$linker: two __wrap_malloc: $(head -n 5 link.log)"
	fi
done
finish
