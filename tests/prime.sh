# SPDX-License-Identifier: MIT
#
# prime.sh - what make check has built need not be built again by tests that build;
# sourced
#
# The flags files go along, and make compares them: what would come out otherwise
# (another compiler, other flags) it does make again.

# prime OUT: for "make -C TREE O=OUT", where TREE is $SRCDIR or a copy of it
prime()
{
	mkdir -p "$1/build/parts" &&
	(cd "$BUILDDIR" && cp -a tools flags ld ldplugin.so "$1/build" &&
		cp -a parts/runtime parts/runtime.[do] "$1/build/parts") &&
	find "$1/build" -name '*.d' -exec \
		sed -i "1s,^.*build/\(\(tools\|parts\)/[^:]*:\),$1/build/\1," {} +
}
