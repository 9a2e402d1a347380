# SPDX-License-Identifier: MIT
#
# make check: every tests/ROOM/test_*.c is built and run, every
# tests/ROOM/test_*.sh is run.  "make check T=tests/ROOM/test_x" runs one alone;
# a part of the name runs all that have it.
#
# A C test is a cmocka program, compiled with the flags of the layers and the
# values of the configuration.  Lines of its head comment say what more it
# needs:
#	test-sources: index/arena.c tests/hooks/fake.c	linked with it
#	test-flags: -DMH_IDENT=t -pthread		for all of its compiles
#
# A script finds in its environment SRCDIR BUILDDIR MALLOCHOOKS_TOOL
# MALLOCHOOKS_PRELOAD (empty when the method makes none) CC CXX ARCH RUNNER, and
# in TMPDIR a directory of its own that is removed after it.  It exits 0, 77
# (skipped; its last line says why), or anything else.  Both kinds may say "timeout: SECONDS" in their heads, the
# default being 300, and "needs: native" when a foreign machine's code, which
# RUNNER has to emulate, is no use to them.  "takes: SECONDS" in the head of a
# long one puts it before the shorter ones; build/tests/times says what each took.
#
# CHECK_UNTIL=SECONDS, since 1970, is for machines whose time is limited: tests that
# have not begun by then are skipped, which is said of each.

test-c := $(sort $(patsubst $(srctree)/%.c,%,$(wildcard $(srctree)/tests/*/test_*.c)))
test-sh := $(sort $(patsubst $(srctree)/%.sh,%,$(wildcard $(srctree)/tests/*/test_*.sh)))
test-all := $(sort $(test-c) $(test-sh))

ifdef T
test-wanted := $(or $(filter $(basename $(T)),$(test-all)), \
	$(strip $(foreach t,$(test-all),$(if $(findstring $(T),$t),$t))))
ifeq ($(test-wanted),)
ifneq ($(filter check,$(build-goals)),)
$(error T=$(T): no test has that in its name)
endif
endif
else
test-wanted := $(test-all)
endif
# Two lanes take them from both ends, the long ones first and the short ones first: so
# neither is idle at the end, and where time is short neither kind is left out.
test-long := $(basename $(patsubst $(srctree)/%,%,$(shell \
	sed -ns '1,60s/^[ *\#]*takes: *\([0-9]*\)$$/\1/;T;F;p' \
	$(foreach t,$(test-wanted),$(wildcard $(srctree)/$t.c $(srctree)/$t.sh)) | \
	paste - - | sort -k 2 -rn | cut -f 1)))
test-order := $(test-long) $(filter-out $(test-long),$(test-wanted))

# $(call test-says,WORD,TEST): what the head comment of a C test says behind it
test-says = $(shell sed -n '1,60s/^[ *]*$(1): *//p' $(srctree)/$(2).c)

# cmocka and libconfig of a foreign machine are Debian's, unpacked into the build
# directory.  Found missing, their tests are skipped one by one, with that reason.
ifdef cross
cross-root := $(B)/cross/$(MACHINE)
cmocka-flags := -isystem $(cross-root)/usr/include
cmocka-libs := -L$(cross-root)/usr/lib/$(triple) -lcmocka \
	-Wl,-rpath,$(abspath $(cross-root)/usr/lib/$(triple))
$(cross-root)/complete: | $(srctree)/config/install-deps
	$(Q)$(srctree)/config/install-deps cross $(@D) $(patsubst aarch64,arm64,$(MACHINE)) || \
		mkdir -p $(@D)
test-cmocka := $(cross-root)/complete
else
cmocka-libs := -lcmocka
test-cmocka :=
endif

test-flags := -std=gnu11 $(CFLAGS) $(warnings) -ftls-model=initial-exec \
	-fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc \
	-fno-builtin-free -fno-builtin-memalign -fno-builtin-aligned_alloc \
	-fno-builtin-posix_memalign \
	-include $(B)/tests/config.h -I$(srctree)/include -I$(srctree)/hooks \
	-I$(srctree)/index -I$(srctree)/config -I$(srctree)/tests -I$(srctree) \
	-I$(srctree)/arch/$(ARCH-in-force) -I$(srctree)/arch/generic \
	-DMALLOCHOOKS_VERSION='"$(VERSION)"' $(cmocka-flags)
flags-tests = $(CC) $(test-flags) $(LDFLAGS) $(cmocka-libs)

$(B)/tests/config.h: $(B)/config
	@mkdir -p $(@D)
	$(Q)sed -n -e 's/^\(CONFIG_[A-Z0-9_]*\)=y$$/#define \1 1/p' -e t \
		-e 's/^\(CONFIG_[A-Z0-9_]*\)=/#define \1 /p' $< > $@

# $(call build-test,TEST): one that does not compile is one test that fails, and
# not the end of all.
define build-test
$(B)/$(1): $(srctree)/$(1).c $(addprefix $(srctree)/,$(call test-says,test-sources,$(1))) \
		$(B)/tests/config.h $(B)/flags/tests $(test-cmocka)
	@mkdir -p $$(@D)
	$$(say) CC $(1)
	$$(Q)$(if $(test-cmocka),test ! -f $(test-cmocka) || )$$(CC) $$(test-flags) \
		$(call test-says,test-flags,$(1)) -MMD -MP -MF $$@.d -MT $$@ \
		$$(LDFLAGS) -o $$@ $$(filter %.c,$$^) $$(cmocka-libs) || rm -f $$@
-include $(B)/$(1).d
test-programs += $(B)/$(1)
endef

test-programs :=
ifneq ($(filter check,$(build-goals)),)
$(foreach t,$(filter $(test-c),$(test-wanted)),$(eval $(call build-test,$t)))
endif

# What the stacks that tests compose have in common.  wrapdl is as preload, replace
# as wrap.
test-runtimes := $(foreach m,preload wrap,$(B)/tests/runtime/$m/runtime.o)
$(test-runtimes): $(B)/tests/runtime/%/runtime.o: $(runtime)
	@mkdir -p $(@D)
	$(say) STACK $@
	$(Q)$(stack-command) --method=$* --only-runtime --work=$(@D) -o $@ >$(@D)/log 2>&1 || \
		{ cat $(@D)/log; exit 1; }

# ---- fuzzers ------------------------------------------------------------------
#
# tests/fuzz/TARGET.c becomes a program of libFuzzer, whatever compiler makes the
# rest.  Without it, or when it does not compile, the program is missing, and
# tests/fuzz/test_fuzz_TARGET.sh says why.

FUZZ_CC ?= clang
fuzz-dir := $(B)/tests/fuzz
fuzz-flags := -std=gnu11 -O1 -g -fno-omit-frame-pointer -Wall -Wextra \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-I$(srctree)/include -I$(srctree)/tools
flags-fuzz = $(FUZZ_CC) $(fuzz-flags)
fuzz-object := mutate.o mutate-elf.o
fuzz-archive := mutate.o mutate-elf.o mutate-ar.o
fuzz-hooks := $(fuzz-archive)
fuzz-ld :=
# What these would ask the machine, they ask the target.
fuzz-wrap-archive := read_file stat
fuzz-wrap-ld := read_file is_file
fuzz-tools = $(sort $(takeover-y) ldargs.o ldscript.o)

# The count of places seen is that of the tools alone.
$(fuzz-dir)/obj/tools/%.o: $(srctree)/tools/%.c $(B)/flags/fuzz
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(fuzz-flags) -fsanitize=fuzzer-no-link -MMD -MP \
		-c -o $@ $< >$@.log 2>&1 || rm -f $@

$(fuzz-dir)/obj/fuzz/%.o: $(srctree)/tests/fuzz/%.c $(B)/flags/fuzz
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(fuzz-flags) -MMD -MP -c -o $@ $< >$@.log 2>&1 || rm -f $@

define build-fuzzer
$(fuzz-dir)/$(1): $(addprefix $(fuzz-dir)/obj/fuzz/,$(1).o check.o $(fuzz-$(1))) \
		$(addprefix $(fuzz-dir)/obj/tools/,$(fuzz-tools))
	$$(say) FUZZ tests/fuzz/$(1)
	$$(Q)$$(FUZZ_CC) $$(fuzz-flags) -fsanitize=fuzzer \
		$(foreach f,$(fuzz-wrap-$(1)),-Wl,--wrap=$f) -o $$@ $$^ \
		>$$@.log 2>&1 || rm -f $$@
test-programs += $(fuzz-dir)/$(1)
endef

ifndef cross
$(foreach t,$(filter tests/fuzz/test_fuzz_%,$(test-wanted)), \
	$(eval $(call build-fuzzer,$(t:tests/fuzz/test_fuzz_%=%))))
-include $(wildcard $(fuzz-dir)/obj/*/*.d)
endif

# ---- runs ---------------------------------------------------------------------

repeat-words = $(if $(filter .,$(O)),,O=$(O)) $(if $(ARCH),ARCH=$(ARCH))
test-environment = SRCDIR=$(call squote,$(abspath $(srctree))) \
	BUILDDIR=$(call squote,$(abspath $(B))) \
	MALLOCHOOKS_TOOL=$(call squote,$(abspath $(tool))) \
	MALLOCHOOKS_PRELOAD=$(call squote,$(if $(preload-made),$(abspath $(preload)))) \
	CC=$(call squote,$(CC)) CXX=$(call squote,$(CXX)) \
	FUZZ_CC=$(call squote,$(FUZZ_CC)) \
	ARCH=$(ARCH-in-force) RUNNER=$(call squote,$(RUNNER)) \
	MH_CMOCKA=$(call squote,$(if $(test-cmocka),$(abspath $(test-cmocka)))) \
	MH_REPEAT=$(call squote,make check $(strip $(repeat-words))) MH_VERBOSE=$(V)

check: all $(test-programs) $(test-runtimes) $(test-cmocka)
	@rm -rf $(B)/tests/begun && mkdir -p $(B)/tests/begun
	@: > $(B)/tests/results && : > $(B)/tests/times
	@printf '%s\n' $(test-order) >$(B)/tests/down && tac $(B)/tests/down >$(B)/tests/up
	@printf '%s\n' down up | $(test-environment) xargs -P 2 -I LANE sh -c \
		'while read -r test; do "$$SRCDIR/tests/run-test" "$$test" || exit; done \
			<"$$BUILDDIR/tests/LANE"' || :
	@awk -v want=$(words $(test-order)) '{ n[$$1]++ } \
		END { if (NR != want) \
			printf "%d of %d tests came to no end\n", want - NR, want; \
		printf "%d passed, %d failed, %d skipped\n", \
			n["PASS"], n["FAIL"] + want - NR, n["SKIP"]; \
		exit n["FAIL"] > 0 || NR != want || !NR }' $(B)/tests/results

# Every cell of the matrix of which make check takes a choice.
torture: all $(test-runtimes)
	@$(test-environment) $(srctree)/tests/matrix/torture

bench: all
	@$(test-environment) $(srctree)/tests/bench/run

demo: all
	@$(test-environment) $(srctree)/tests/demo/demo.sh
