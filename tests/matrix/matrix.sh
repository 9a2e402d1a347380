# SPDX-License-Identifier: MIT
#
# matrix.sh - stacks, objects and libraries of which the cells are linked;
# sourced, behind common.sh
#
# What it finds: $linkers, $compilers, $places.  What it makes: METHOD.o and
# METHOD.words, pre-LINKER.so; COMPILER/PIC/NAME.o and libNAME-COMPILER.so.

here=$SRCDIR/tests/matrix
limit="timeout -k 5 20"
methods="preload wrap wrapdl replace"

# object OUT COMPILER SOURCE FLAGS...
object()
{
	_out=$1 _by=$2 _source=$3
	shift 3
	$_by -O2 -g -Wall -Wextra -fno-builtin-malloc -fno-builtin-calloc \
		-fno-builtin-realloc -fno-builtin-free -fno-builtin-memalign \
		-fno-builtin-aligned_alloc -I"$SRCDIR/include" \
		-DMH_EVENT=mx_event "$@" -c "$here/$_source" -o "$_out.o" \
		2>"$_out.log" || {
		cat "$_out.log"
		echo "$_out.o did not compile"
		exit 1
	}
}

# stack METHOD: all compilers and kinds of output link the same
stack()
{
	compose $1 count,event --method=$1 --ident=mx --event-ident=mx_event
	sed -n -e "s|\$(MALLOCHOOKS_HOOKS_mx)|$work/$1.o|" \
		-e 's/^MALLOCHOOKS_LDFLAGS_mx := //p' $1.mk >$1.words
	# The plugin brings its object by itself.
	[ $1 = replace ] || sed -i "s|^|$work/$1.o |" $1.words
}

# A cross gcc looks for lld and mold not along PATH, but where -B says; our shims
# are told before.
find_linkers()
{
	linkers= behind=
	if [ -n "$RUNNER" ]; then
		behind=-B$work/ld
		mkdir ld
		for linker in lld mold; do
			_path=$(command -v ld.$linker) && ln -s "$_path" ld/ld.$linker
		done
	fi
	echo 'int main(void) { return 0; }' >any.c
	for linker in bfd gold lld mold; do
		if ! $cc -fuse-ld=$linker any.c -o any $behind 2>/dev/null; then
			skip "no ld.$linker for $cc"
			continue
		fi
		linkers="$linkers $linker"
	done
}

find_allocators()
{
	places="libc same object part archive thin own_dso"
	[ -z "$RUNNER" ] || return
	jemalloc_so=$(ls /usr/lib/*/libjemalloc.so.2 2>/dev/null | head -n 1)
	jemalloc_a=$(ls /usr/lib/*/libjemalloc_pic.a 2>/dev/null | head -n 1)
	for _name in jemalloc_so jemalloc_a; do
		eval "_file=\$$_name"
		if [ -n "$_file" ]; then
			places="$places $_name"
		else
			skip "no file for $_name (libjemalloc2, libjemalloc-dev)"
		fi
	done
	export jemalloc_so jemalloc_a
}

find_compilers()
{
	compilers=${CC:-cc}
	[ -z "$RUNNER" ] || return
	if command -v clang >/dev/null; then
		compilers="gcc clang"
	else
		skip "no clang"
	fi
}

# own_objects DIR FLAGS...: of $_compiler, what has the allocator in it
own_objects()
{
	_dir=$1
	shift
	mkdir -p "$_dir"
	object "$_dir/same" $_compiler same.c "$@"
	object "$_dir/own" $_compiler own.c "$@"
	object "$_dir/own_small" $_compiler own.c -DOWN_SMALL "$@"
	ar rcs "$_dir/libown.a" "$_dir/own.o"
	ar rcsT "$_dir/libthin.a" "$_dir/own.o"
}

# objects COMPILER PICS...: each variant once
objects()
{
	_compiler=$1
	shift
	for _pic; do
		_to=$_compiler/$_pic
		own_objects "$_to" -f$_pic
		# lld wraps calls of an object to itself, for which gcc must not
		# trust what it knows of the function.
		case $_compiler in
		*gcc) own_objects "$_to/lld" -f$_pic -fno-ipa-ra \
			-fno-ipa-stack-alignment ;;
		*) ln -s . "$_to/lld" ;;
		esac
		object "$_to/calls" $_compiler calls.c -f$_pic
		object "$_to/calls-small" $_compiler calls.c -f$_pic -DSMALL=1
		object "$_to/calls-least" $_compiler calls.c -f$_pic -DSMALL=1 \
			-DNO_USABLE
		object "$_to/calls-jemalloc" $_compiler calls.c -f$_pic -DNO_PVALLOC
		for _file in seen find main outer; do
			object "$_to/$_file" $_compiler $_file.c -f$_pic
		done
	done
	for _file in own outer; do
		$_compiler -shared -o "lib$_file-$_compiler.so" \
			-Wl,-soname,"lib$_file-$_compiler.so" \
			"$_compiler/PIC/$_file.o" || exit 1
	done
}

# prepare: all of it
prepare()
{
	find_linkers
	find_compilers
	find_allocators
	for compiler in $compilers; do
		objects $compiler no-pie PIE PIC &
	done
	for method in $methods; do
		stack $method
	done
	wait
	for compiler in $compilers; do
		[ -f "libouter-$compiler.so" ] || exit 1
	done
	for linker in $linkers; do
		link "pre-$linker.so" -fuse-ld=$linker -Wl,-z,initfirst preload.o \
			"${compilers%% *}/PIC/seen.o" $behind
	done
}

# cells CHOOSE SEED: into the file cells
cells()
{
	awk -v arch="$ARCH" -v methods="$methods" -v linkers="$linkers" \
		-v places="$places" -v compilers="$compilers" -v choose="$1" -v seed="$2" \
		-f "$here/cells.awk" >cells
}

# run_cells: two at a time; the results are results/NUMBER
run_cells()
{
	export SRCDIR work tool RUNNER limit behind
	mkdir -p results
	cut -f 1 cells | xargs -P 2 -n 1 sh "$here/cell.sh"
	for _nr in $(cut -f 1 cells); do
		if [ ! -f "results/$_nr" ]; then
			fail "cell $_nr came to no end"
		elif [ -s "results/$_nr" ]; then
			failures=$((failures + 1))
			cat "results/$_nr"
		fi
	done
}
