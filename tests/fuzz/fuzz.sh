# SPDX-License-Identifier: MIT
#
# fuzz.sh - what the fuzz tests share; sourced, not run
#
# A target is searched for MH_FUZZ_SECONDS (30; at most 3600; 0: the kept corpus
# is run, and no more), from the kept corpus, from seeds that the compilers make
# here, and from what earlier runs in this build directory grew.  "make check
# T=tests/fuzz MH_FUZZ_SECONDS=600" searches longer; with MH_FUZZ_KEEP=1 the
# fewest inputs that reach all that was reached become the kept corpus.

. "$SRCDIR/tests/process/common.sh"

here=$SRCDIR/tests/fuzz
built=$BUILDDIR/tests/fuzz
seconds=${MH_FUZZ_SECONDS:-30}
fuzz_cc=${FUZZ_CC:-clang}
KEEP_BYTES=65536

# ---- seeds -------------------------------------------------------------------

# seed CHOICE FILE...: the file with that last byte, in octal
seed()
{
	_choice=$1
	shift
	for _file; do
		{
			cat "$_file"
			printf "\\$_choice"
		} >"seeds/$(basename "$_file")-$_choice"
	done
}

# object NAME COMPILER FLAGS...: NAME.o, where there is such a compiler
object()
{
	_name=$1 _compiler=$2
	shift 2
	command -v "$_compiler" >/dev/null || return 0
	"$_compiler" -O2 -w -fno-builtin -fno-ident "$@" -c "$here/seed.c" \
		-o "$_name.o" 2>/dev/null ||
		skip "$_compiler $*: makes no seed"
}

# Both machines, and what differs between compilers and models of code.
objects()
{
	for _cc in gcc aarch64-linux-gnu-gcc; do
		_n=${_cc%gcc}
		object "${_n}plain" $_cc -fno-asynchronous-unwind-tables
		object "${_n}pic" $_cc -fPIC
		object "${_n}sections" $_cc -fPIC -ffunction-sections \
			-fno-semantic-interposition
		object "${_n}ifunc" $_cc -DIFUNC
		object "${_n}comdat" $_cc -DCOMDAT
		object "${_n}version" $_cc -DVERSION
		object "${_n}lto" $_cc -flto -DVERSION
		object "${_n}indices" $_cc -DVERSION -DINDICES
		object "${_n}large" $_cc -mcmodel=large -fno-pic
	done
	object clang "$fuzz_cc" -fPIC -ffunction-sections
	object bitcode "$fuzz_cc" -DVERSION -flto
}

seeds_object()
{
	objects
	seed 000 ./*.o
	seed 005 ./*.o
	seed 042 ./*.o
}

seeds_archive()
{
	objects
	mv comdat.o f.o
	cp version.o g.o
	cp ifunc.o a_name_that_does_not_fit_in.o
	ar rcD small.a f.o g.o
	ar rcDS bare.a f.o
	ar rcD names.a a_name_that_does_not_fit_in.o g.o "$here/test_fuzz_ld.sh"
	ar rcDT thin.a f.o a_name_that_does_not_fit_in.o
	# BSD's: the name before the contents
	{
		printf '!<arch>\n%-16s%-12s%-6s%-6s%-8s%-10s`\n' '#1/4' 0 0 0 \
			100644 $(($(wc -c <f.o) + 4))
		printf 'f.o\000'
		cat f.o
	} >bsd.a
	seed 000 ./*.a
	seed 005 ./*.a
}

seeds_hooks()
{
	for _cc in gcc aarch64-linux-gnu-gcc; do
		_n=${_cc%gcc}
		object h1 $_cc -DHOOKS -fno-asynchronous-unwind-tables
		object h2 $_cc -DHOOKS -DNAME=free -fPIC
		object f $_cc -DCOMDAT
		object g $_cc -fno-asynchronous-unwind-tables
		object lto $_cc -flto -DVERSION
		[ -f h1.o ] && [ -f h2.o ] || continue
		ar rcD "${_n}one.a" h1.o f.o
		ar rcD "${_n}two.a" h1.o h2.o g.o
		ar rcD "${_n}lto.a" h1.o h2.o lto.o
		ar rcD "${_n}absent.a" h2.o f.o
		ar rcD "${_n}static.a" h1.o g.o
		rm -f h1.o h2.o f.o g.o lto.o
	done
	seed 000 ./*.a
	seed 015 ./*.a
}

seeds_ld()
{
	cat >line <<-'END'
	-o
	out
	--sysroot=/root
	-L=lib
	-L
	$SYSROOT/x
	-plugin
	/d/ldplugin.so
	-plugin-opt=hooks=h.o
	-plugin-opt=symbol=f.o:inc
	-plugin-opt=self=direct
	-plugin-opt=aliases
	-plugin-opt=if-absent=ignore
	--defsym=__mallochooks_present_malloc=1
	--push-state
	-Bstatic
	--whole-archive
	-la
	--pop-state
	--start-lib
	f.o
	--end-lib
	-l:a.a
	--format=binary
	b.o
	-T
	script
	@rsp
	-Map=m
	-r
	END
	printf '\000"a b" -lc\\ d '\''q"\\'\'' -e start' >>line
	cat >script <<-'END'
	/* GNU ld script */ OUTPUT_FORMAT(elf64-x86-64)
	GROUP ( /lib/libc.so.6 "a b.a" AS_NEEDED ( -lm, x.so ) )
	SECTIONS { .text : { *(.text) } }
	# more
	INPUT(f.o;g.o)
	END
	seed 000 line
	seed 002 line
	seed 006 line
	seed 001 script
}

# ---- runs --------------------------------------------------------------------

# A clean run; ASan keeps little of what was freed, so that memory is the
# program's.
run_fuzzer()
{
	ASAN_OPTIONS=quarantine_size_mb=16 "$program" -timeout=25 \
		-rss_limit_mb=1024 -malloc_limit_mb=1024 "$@"
}

# found FILE WHAT
found()
{
	fail "$2: $1"
	echo "    again: $program $1"
	[ "$(dirname "$1")" = "$kept" ] ||
		echo "    once mended: cp $1 $kept/NAME-OF-WHAT-IT-IS"
}

# The words, and which of our functions were at work.
explain()
{
	sed -n -e 's/ (BuildId: .*//' -e '/^broken: /p' -e '/runtime error: /p' \
		-e '/^==.*ERROR: /p' \
		-e 's|^ *#[0-9]* 0x[0-9a-f]* in \(.* \)/.*/\(t[a-z/]*/[^/]*\)$|    \1\2|p' \
		"$1" | cut -c 1-160 | head -n 20
}

# What was found once, and is mended.
run_kept()
{
	[ -n "$(ls "$kept" 2>/dev/null)" ] || return 0
	run_fuzzer "$kept"/* >kept.log 2>&1 && return
	explain kept.log
	found "$(sed -n 's/^Running: //p' kept.log | tail -n 1)" "a kept input"
	finish
}

# libFuzzer looks at the clock of the wall, on a machine that may be busy; who
# is slow when it is alone has used two seconds of a processor.
check_slow()
{
	for _unit in "$finds/$target-slow-unit-"*; do
		[ -f "$_unit" ] || continue
		if (ulimit -t 2; run_fuzzer "$_unit" >slow.log 2>&1); then
			rm "$_unit"
		else
			found "$_unit" "takes more than 2 s of a processor"
		fi
	done
}

search()
{
	if ! run_fuzzer -max_total_time="$seconds" -report_slow_units=2 \
	   -max_len=16384 -print_final_stats=1 ${SEED:+-seed="$SEED"} \
	   -artifact_prefix="$finds/$target-" "$grown" "$kept" seeds \
	   >log 2>&1; then
		explain log
		_find=$(sed -n 's/.*Test unit written to //p' log | tail -n 1)
		if [ -n "$_find" ]; then
			found "$_find" "a find"
		else
			tail -n 5 log
			fail "the fuzzer ended with an error"
		fi
	fi
	check_slow
	echo "$(sed -n 's/.*Seed: /seed /p' log), $(sed -n \
		's/^stat::number_of_executed_units: *//p' log) inputs:" \
		"$(grep -o 'cov: .* exec/s: [0-9]*' log | tail -n 1)"
}

# Inputs with names are of defects that were mended, and stay; the others have
# 40 digits.  What the seeds reach by themselves needs none; of the rest the
# smallest are kept, KEEP_BYTES of them.
keep()
{
	mkdir least
	for _input in "$kept"/*; do
		case ${_input##*/} in
		*[!0-9a-f]*) cp "$_input" least/ ;;
		esac
	done
	cp seeds/* least/
	run_fuzzer -merge=1 -use_counters=0 least "$kept" "$grown" \
		>keep.log 2>&1 || {
		tail -n 5 keep.log
		fail "the corpus cannot be merged"
		return
	}
	for _input in "$kept"/*; do
		case ${_input##*/} in
		*[!0-9a-f]*) ;;
		*) rm "$_input" ;;
		esac
	done
	_sum=0
	for _input in $(ls -Sr least); do
		case $_input in
		*[!0-9a-f]*) continue ;;
		esac
		_sum=$((_sum + $(wc -c <"least/$_input")))
		[ $_sum -le $KEEP_BYTES ] || break
		cp "least/$_input" "$kept/"
	done
	echo "kept: $(ls "$kept" | wc -l) inputs, $(cat "$kept"/* | wc -c) bytes"
}

# fuzz TARGET: one of the programs of tests/fuzz
fuzz()
{
	target=$1
	program=$built/$target
	kept=$here/corpus/$target
	grown=$built/grown/$target
	finds=$built/finds

	echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return 0; }' \
		>probe.c
	"$fuzz_cc" -fsanitize=fuzzer,address,undefined probe.c -o probe \
		>probe.log 2>&1 ||
		skip_all "$fuzz_cc has no libFuzzer (Debian: libclang-rt-dev)"
	if [ ! -x "$program" ]; then
		cat "$built"/obj/*/*.log "$program.log" 2>/dev/null
		echo "$target did not build"
		exit 1
	fi
	mkdir -p "$grown" "$finds" "$kept" seeds
	"seeds_$target"
	run_kept
	[ "$seconds" = 0 ] || search
	[ "${MH_FUZZ_KEEP-0}" != 1 ] || [ "$failures" -gt 0 ] || keep
	finish
}
