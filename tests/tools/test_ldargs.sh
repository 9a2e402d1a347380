#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_ldargs - how the ld shim reads the command line of ld.lld and ld.mold
#
# needs: native

. "$SRCDIR/tests/process/common.sh"
here=$SRCDIR/tests/tools
tools=$SRCDIR/tools

# shellcheck disable=SC2086
$cc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-D_GNU_SOURCE -I"$tools" -o print "$here/ldargs_print.c" "$tools/ldargs.c" \
	"$tools/util.c" "$tools/spawn.c" >compile.log 2>&1 || {
	cat compile.log
	skip_all "no sanitizers: see above"
}

# reads LINKERS "FACT;FACT..." WORDS...
reads()
{
	_linkers=$1 _wanted=$2
	shift 2
	for _linker in $_linkers; do
		is "$_linker $*" "$_wanted" \
			"$(./print "$_linker" "$@" 2>&1 | tr '\n' ';')"
	done
}
both="lld mold"

reads "$both" "input a.o;input b.a;" a.o b.a
reads "$both" "library c;library c;library :libd.a;library c;" -lc -l c -l:libd.a -l c
reads lld "library c;library c;" --library=c -library c
reads mold "library ibrary=c;" -library=c
reads "$both" "option -L;option x;option -Ly;option --library-path=z;option --library-path;option w;path x;path y;path z;path w;" \
	-L x -Ly --library-path=z --library-path w
reads "$both" "option -L=/a;option -L\$SYSROOT/b;option --sysroot;option /s;path /s/a;path /s/b;" \
	-L=/a "-L\$SYSROOT/b" --sysroot /s
# values that look like files
for option in -o -rpath -soname -z -m -dynamic-linker -h -e -u \
	--version-script --wrap -f -F -y --hash-style --init -fini \
	--unresolved-symbols --exclude-libs -O --section-start --image-base \
	--oformat --output -rpath-link -mllvm --compress-debug-sections \
	--export-dynamic-symbol --entry --undefined; do
	reads "$both" "option $option;option a.o;input b.o;" $option a.o b.o
done
for option in -entry -undefined -export-dynamic-symbol; do
	reads lld "option $option;option a.o;" $option a.o
	reads mold "option $option;input a.o;" $option a.o
done
reads mold "option --unique;option a.o;option --icf;option b.o;" --unique a.o --icf b.o
reads lld "option --unique;input a.o;" --unique a.o
reads lld "option --threads;option 4;" --threads 4
reads mold "option --threads;input 4;" --threads 4
for option in --build-id --gc-sections -shared --eh-frame-hdr -pie -v -t -s \
	--as-needed -omagic -Bsymbolic --color-diagnostics -q; do
	reads "$both" "option $option;input a.o;" $option a.o
done
reads "$both" "option -o;option x;" -o x
reads "$both" "option -o;" -o
reads "$both" "option -l;" -l
# what changes how inputs are read
reads "$both" "input a;option -Bstatic;library b static;option -Bdynamic;library c;option -dn;library d static;option -dy;library e;" \
	a -Bstatic -lb -Bdynamic -lc -dn -ld -dy -le
reads "$both" "option --push-state;option -static;option --whole-archive;input a static whole;option --pop-state;input b;option --pop-state;input c;" \
	--push-state -static --whole-archive a --pop-state b --pop-state c
reads "$both" "option --start-lib;input a lazy;option --end-lib;input b;" --start-lib a --end-lib b
reads lld "option -b;option binary;input a raw;option --format=elf;input b;" -b binary a --format=elf b
reads lld "option -N;library a static;" -N -la
reads mold "option -N;library a;" -N -la
reads "$both" "script x;script y;script z;option -Ttext;option 4;option -Tdata=5;" -T x -Ty --script=z -Ttext 4 -Tdata=5
# kinds of runs
reads "$both" "option -r;input a;partial;" -r a
reads "$both" "option --relocatable;input a;partial;" --relocatable a
reads "$both" "option --version;query;" --version
reads "$both" "option --help;query;" --help
reads mold "input a;directory /d;" -C /d a
reads "$both" "option -Map=m;option --dependency-file;option d;map m;depfile d;" -Map=m --dependency-file d
# the words for our plugin, and those of others
ours="-plugin /x/ldplugin.so -plugin-opt"
# shellcheck disable=SC2086
{
reads "$both" "hooks h.o;ours;" $ours hooks=h.o
reads "$both" "hooks h.o;hooks i.o;symbol f;symbol a.o:g;self real;ours;aliases;debug;may lack;" \
	--plugin=/x/ldplugin.so --plugin-opt=hooks=h.o -plugin-opt=hooks=i.o \
	-plugin-opt symbol=f --plugin-opt symbol=a.o:g -plugin-opt aliases \
	-plugin-opt if-absent=ignore -plugin-opt self=real -plugin-opt debug
./print lld -plugin /x/ldplugin.so | grep -q '^problem no hooks: say -plugin-opt,hooks=FILE' ||
	fail "nothing said about no hooks"
reads "$both" "option -plugin;option /y/liblto_plugin.so;option -plugin-opt=-pass-through=-lc;hooks h.o;ours;" \
	-plugin /y/liblto_plugin.so -plugin-opt=-pass-through=-lc $ours hooks=h.o
reads "$both" "option -plugin;option /y/other.so;option -plugin-opt;option hooks=i.o;hooks h.o;ours;" \
	$ours hooks=h.o -plugin /y/other.so -plugin-opt hooks=i.o
reads lld "option -plugin-opt=O3;hooks h.o;ours;" $ours hooks=h.o -plugin-opt=O3
for wrong in nothing hooks= symbol= if-absent=no; do
	case $wrong in
	if*) wrong_for=$both ;;
	*) wrong_for=mold ;;
	esac
	for linker in $wrong_for; do
		./print "$linker" $ours $wrong | grep -q "^problem -plugin-opt $wrong: unknown" ||
			fail "$linker: no word about $wrong"
	done
done
reads "$both" "option -plugin-opt;option hooks=h.o;" -plugin-opt hooks=h.o
reads "$both" "option --chroot;option d;hooks h.o;problem --chroot: cannot be had together with ldplugin.so: use --sysroot;ours;" \
	--chroot d $ours hooks=h.o
}
reads "$both" "guard __mallochooks_present_a=b;guard __mallochooks_present_c=d;defsym e=f;" \
	--defsym=__mallochooks_present_a=b --defsym __mallochooks_present_c=d --defsym=e=f
# files of words
printf '%s\n' 'a.o "b c.o" '"'d\"e.o'" 'f\ g.o h\\i.o "j\"k.o" @two' >one
printf ' \t-l\nm ""x' >two
reads "$both" "input a.o;input b c.o;input d\"e.o;input f g.o;input h\\i.o;input j\"k.o;library m;input x;input z;" \
	@one z
reads "$both" "input @none;" @none
reads "$both" "input @.;" @.
echo '@loop a.o @loop' >loop
is "a file that names itself" 2000 "$(timeout 60 ./print lld @loop | grep -c '^input a.o')"
printf '"open a.o' >open
reads "$both" "input open a.o;" @open
printf 'a\0b' >nul
./print lld @nul >/dev/null || fail "a NUL"
finish
