# SPDX-License-Identifier: MIT
#
# libmallochooks: "make help" is the door.
#
# One Makefile, not recursive; lists of files live in the rooms.  Everything
# that is made goes to $(O)/build/, and the configuration to $(O)/.config.


ifeq ($(filter grouped-target,$(.FEATURES)),)
$(error GNU make 4.3 or later is needed, this is $(MAKE_VERSION))
endif

dry-run := $(findstring n,$(filter-out --%,$(firstword -$(MAKEFLAGS))))
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

srctree := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
VERSION := $(shell sed -n 's/^\#define MALLOCHOOKS_VERSION[^"]*"\(.*\)"/\1/p' \
	     $(srctree)/include/mallochooks/mallochooks.h)
O ?= .
B := $(if $(filter .,$(O)),build,$(O)/build)
KCONFIG_CONFIG ?= $(if $(filter .,$(O)),.config,$(O)/.config)

# ---- how it looks -----------------------------------------------------------

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

comma := ,

# A text as one word of the shell.
squote = '$(subst ','\'',$(1))'

# ---- what was asked for -----------------------------------------------------

config-targets := menuconfig nconfig defconfig %_defconfig olddefconfig \
		  savedefconfig allnoconfig allyesconfig randconfig
plain-targets := help clean mrproper
goals := $(or $(MAKECMDGOALS),all)
early-goals := $(filter $(config-targets) $(plain-targets),$(goals))
build-goals := $(filter-out $(config-targets) $(plain-targets),$(goals))

ifneq ($(words $(early-goals)),0)
ifneq ($(words $(goals)),1)
one-by-one := y
endif
endif

.PHONY: FORCE
FORCE:

ifdef one-by-one
# "make defconfig all": the second needs what the first leaves behind.
.PHONY: $(goals) one-by-one
$(goals): one-by-one
	@:
one-by-one:
	$(Q)set -e; for goal in $(goals); do \
		$(MAKE) -f $(srctree)/Makefile $$goal; done
else

# Targets that a stranger types first bring their packages along.
ifneq ($(filter check torture demo bench,$(build-goals)),)
ifeq ($(dry-run),)
ifneq ($(shell $(srctree)/config/install-deps $(filter check torture demo bench, \
	$(build-goals)) $(if $(filter aarch64,$(ARCH)),aarch64) >&2 && echo ok),ok)
$(error packages are missing)
endif
endif
endif

# ---- compilers --------------------------------------------------------------

ARCH ?=
arch-folders := $(patsubst $(srctree)/arch/%/,%,$(wildcard $(srctree)/arch/*/))
ifneq ($(filter-out $(arch-folders),$(ARCH))$(word 2,$(ARCH)),)
$(error ARCH=$(ARCH): say one of $(arch-folders))
endif

host-machine := $(shell uname -m)
ifeq ($(ARCH)$(filter aarch64,$(host-machine)),aarch64)
CROSS_COMPILE ?= aarch64-linux-gnu-
endif
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(CROSS_COMPILE),$(CROSS_COMPILE)gcc,cc)
endif
ifneq ($(filter default undefined,$(origin CXX)),)
CXX := $(if $(CROSS_COMPILE),$(CROSS_COMPILE)g++,c++)
endif

ifneq ($(build-goals)$(filter $(config-targets),$(early-goals)),)
triple := $(shell $(CC) -dumpmachine 2>/dev/null)
ifneq ($(build-goals),)
ifeq ($(triple),)
$(error CC=$(CC) does not work; Debian: apt-get install \
	$(if $(CROSS_COMPILE),gcc-$(patsubst %-,%,$(CROSS_COMPILE)),gcc libc6-dev))
endif
endif
endif
triple := $(or $(triple),$(host-machine))
MACHINE := $(or $(filter $(arch-folders),$(firstword $(subst -, ,$(triple)))),other)
cross := $(if $(filter $(host-machine),$(firstword $(subst -, ,$(triple)))),,y)
ifneq ($(filter-out generic $(MACHINE),$(ARCH)),)
$(error ARCH=$(ARCH), but $(CC) makes code for $(triple): give CC= or CROSS_COMPILE=)
endif

HOSTCC ?= $(if $(cross),cc,$(CC))
CFLAGS ?= -O2 -g
HOSTCFLAGS ?= $(if $(cross),-O2 -g,$(CFLAGS))
AR := $(if $(filter default undefined,$(origin AR)),$(CROSS_COMPILE)ar,$(AR))

warnings := -Wall -Wextra
ifeq ($(W),1)
warnings += -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
	    -Wold-style-definition -Wvla
endif

# Where the tests of a foreign machine run.
RUNNER ?= $(if $(cross),qemu-$(MACHINE) -L /usr/$(triple))

# ---- places -----------------------------------------------------------------

prefix ?= /usr/local
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
# The tool looks for its sources in ../share, seen from its own place.
bindir := $(prefix)/bin
sharedir := $(prefix)/share/mallochooks

# ---- configuration ----------------------------------------------------------

KCONFIG_CONF ?= kconfig-conf
KCONFIG_MCONF ?= kconfig-mconf
KCONFIG_NCONF ?= kconfig-nconf
kconfig-files := $(addprefix $(srctree)/,Kconfig arch/Kconfig hooks/Kconfig \
		   config/Kconfig)
kconfig-env = MH_ARCH=$(call squote,$(ARCH)) MH_MACHINE=$(MACHINE) \
	      srctree=$(call squote,$(srctree)) \
	      KCONFIG_CONFIG=$(call squote,$(KCONFIG_CONFIG)) \
	      KCONFIG_CONF=$(call squote,$(KCONFIG_CONF))
check-config = $(kconfig-env) $(srctree)/config/check-config
need-kconfig = @command -v $(KCONFIG_CONF) >/dev/null || { echo \
	"mallochooks: make: no $(KCONFIG_CONF):" \
	"config/install-deps build, or apt-get install kconfig-frontends-nox" \
	>&2; exit 1; }

# $(call take,TEXT,OPTION): have kconfig write a configuration
define take
	$(need-kconfig)
	@mkdir -p $(call squote,$(dir $(KCONFIG_CONFIG)))
	$(say) KCONFIG $(call squote,$(KCONFIG_CONFIG) ($(1)))
	$(Q)said=$$($(kconfig-env) $(KCONFIG_CONF) $(2) $(srctree)/Kconfig 2>&1) || \
		{ printf '%s\n' "$$said" >&2; exit 1; }; \
		printf '%s\n' "$$said" | grep KCONFIG_SEED || :
endef

.PHONY: $(filter-out %_defconfig,$(config-targets)) $(plain-targets)

menuconfig nconfig:
	$(need-kconfig)
	@test -t 0 || { echo "mallochooks: make: $@ needs a terminal:" \
		"edit $(KCONFIG_CONFIG), or make NAME_defconfig" >&2; exit 1; }
	@mkdir -p $(call squote,$(dir $(KCONFIG_CONFIG)))
	$(Q)$(kconfig-env) $(if $(filter menuconfig,$@),$(KCONFIG_MCONF),$(KCONFIG_NCONF)) \
		$(srctree)/Kconfig

define take-defconfig
	@test -f $(srctree)/config/defconfig/$@ || { echo \
		"mallochooks: make: there is no $@, only:" \
		$(notdir $(wildcard $(srctree)/config/defconfig/*defconfig)) >&2; \
		exit 1; }
	$(Q)$(check-config) $(srctree)/config/defconfig/$@
	$(call take,config/defconfig/$@,--defconfig=$(srctree)/config/defconfig/$@)
endef

defconfig:
	$(take-defconfig)

%_defconfig: FORCE
	$(take-defconfig)

olddefconfig:
	@test ! -f $(call squote,$(KCONFIG_CONFIG)) || \
		$(check-config) --note $(call squote,$(KCONFIG_CONFIG))
	$(call take,what kconfig makes of it,$(if $(wildcard \
		$(KCONFIG_CONFIG)),--olddefconfig,--alldefconfig))

allnoconfig allyesconfig randconfig:
	$(call take,$@,--$@)

# The shortest text that gives the same configuration, for config/defconfig/.
savedefconfig:
	@test -f $(call squote,$(KCONFIG_CONFIG)) || { echo \
		"mallochooks: make: no $(KCONFIG_CONFIG) to save" >&2; exit 1; }
	$(call take,saved as $(O)/defconfig,--savedefconfig=$(O)/defconfig)

ifneq ($(build-goals),)

# Nobody chose: the default is taken, and said.
$(KCONFIG_CONFIG):
	@echo "*** No $@ yet: taking config/defconfig/defconfig (make menuconfig)"
	$(call take,config/defconfig/defconfig,--defconfig=$(srctree)/config/defconfig/defconfig)

# build/config is .config, checked and completed; it is what all else reads,
# and it changes only when a value does.
$(B)/config.mk: $(KCONFIG_CONFIG) $(kconfig-files) \
		$(srctree)/config/check-config $(B)/flags/kconfig \
		$(if $(wildcard $(B)/config),,FORCE)
	$(need-kconfig)
	$(Q)$(check-config) --out=$(B)/config $(call squote,$(KCONFIG_CONFIG))
	$(Q)sed -n -e '/^CONFIG_/!d' -e 's/\$$/$$$$/g' -e 's/#/\\#/g' \
		-e 's/="\(.*\)"$$/=\1/' -e 's/\\\([\\"]\)/\1/g' \
		-e 's/=/ := /p' $(B)/config > $@

include $(B)/config.mk

endif

# ---- command files ----------------------------------------------------------
#
# build/flags/NAME holds what $(flags-NAME) says and is written when that
# changes, so that whatever depends on it is made again.

flags-kconfig = $(ARCH) $(MACHINE) $(KCONFIG_CONF)
flags-host = $(host-compile) $(HOSTLDFLAGS)
flags-place = $(lib-from-bin)
flags-target = $(CC) $(CFLAGS) $(LDFLAGS) $(AR) $(ARCH-in-force)
flags-runtime = $(CC) | $(stack-cflags) | $(OBJCOPY) | $(CURDIR) | $(ARCH-in-force) \
	$(filter wrap replace,$(method)) $(CONFIG_CALLER_FRAMES)
flags-stack = $(CC) | $(stack-cflags) | $(OBJCOPY) | $(CURDIR)
flags-source = $(abspath $(srctree))
flags-install = $(prefix) $(bindir) $(libdir) $(includedir) $(sharedir) $(VERSION)

.PRECIOUS: $(B)/flags/%
$(B)/flags/%: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call squote,$(flags-$*)) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

ifneq ($(build-goals),)

# ---- what the configuration decides here ------------------------------------

ARCH-in-force := $(strip $(foreach a,$(arch-folders), \
	$(if $(CONFIG_ARCH_$(shell echo $a | tr a-z A-Z)),$a)))
dash-name := $(addprefix -,$(CONFIG_NAME))
method := $(strip $(foreach m,PRELOAD WRAP WRAPDL REPLACE, \
	$(if $(CONFIG_METHOD_$m),$(shell echo $m | tr A-Z a-z))))

archive := $(B)/libmallochooks$(dash-name).a
dropin := $(B)/mallochooks$(dash-name).o
preload := $(B)/libmallochooks_preload$(dash-name).so
pc := $(B)/mallochooks$(dash-name).pc
pc-uninstalled := $(B)/mallochooks$(dash-name)-uninstalled.pc
mk := $(B)/mallochooks$(dash-name).mk
ldflags := $(B)/mallochooks$(dash-name).ldflags
tool := $(B)/tools/mallochooks
plugin := $(B)/ldplugin.so
shims := $(B)/ld/ld.lld $(B)/ld/ld.mold
share := $(B)/share/mallochooks

# What a link brings in has no use for a preload.
preload-made := $(if $(CONFIG_METHOD_PRELOAD),$(preload))

.PHONY: all check torture bench demo install uninstall stack
all: $(tool) $(plugin) $(shims) $(archive) $(dropin) $(preload-made) $(pc) $(pc-uninstalled) $(ldflags) \
	$(share)/mallochooks$(dash-name).mk $(share)/mallochooks$(dash-name).ldflags $(share)/src

# ---- the tool ---------------------------------------------------------------

include $(srctree)/tools/Makefile

lib-from-bin := $(shell realpath -m --relative-to=$(bindir) $(libdir))
tool-flags := -std=gnu11 -fPIC $(warnings) -I$(srctree)/include -I$(srctree)/index \
	-I$(srctree)/tools -I$(srctree)/config -DMALLOCHOOKS_VERSION='"$(VERSION)"'
host-compile = $(HOSTCC) $(HOSTCFLAGS) $(tool-flags)

# These know where the rest is installed: for another place they are made again.
place-objects := $(foreach d,tools target,$(B)/$d/stack.o $(B)/$d/unit.o)
$(place-objects): $(B)/flags/place
$(place-objects): place-flags := -DMALLOCHOOKS_LIBDIR_FROM_BIN='"$(lib-from-bin)"'

$(B)/tools/%.o: $(srctree)/tools/%.c $(B)/flags/host
	@mkdir -p $(@D)
	$(say) $(if $(cross),HOSTCC,CC) tools/$*.o
	$(Q)$(host-compile) $(place-flags) -MMD -MP -c -o $@ $<

# Rooms of the stack that the tool shares.
define compile-shared
	@mkdir -p $(@D)
	$(say) $(if $(cross),HOSTCC,CC) $(patsubst $(B)/%,%,$@)
	$(Q)$(1) -I$(srctree)/config -I$(srctree)/arch/generic -MMD -MP -c -o $@ $<
endef
$(B)/tools/config/%.o: $(srctree)/config/%.c $(B)/flags/host
	$(call compile-shared,$(host-compile))
$(B)/tools/index/%.o: $(srctree)/index/%.c $(B)/flags/host
	$(call compile-shared,$(host-compile))

# $(call from-file,DIR,LIBCONFIG.A,OBJCOPY,CC): libconfig contained, if it is there
define from-file
$(1)/config/from-file.o: $(if $(2),$(addprefix $(1)/config/,file.o contain.o) \
		$(addprefix $(srctree)/config/,libconfig-object libconfig.syms), \
		$(1)/config/nofile.o)
	$$(Q)$(if $(2),sh $(srctree)/config/libconfig-object $$@ $(2) $(3) \
		$(1)/config/file.o $(1)/config/contain.o $(4),cp $$< $$@)
endef
libconfig-of = $(filter /%,$(shell $(1) -print-file-name=libconfig.a))
$(eval $(call from-file,$(B)/tools,$(call libconfig-of,$(HOSTCC)),objcopy,$(HOSTCC)))

$(tool): $(addprefix $(B)/tools/,$(tool-y))
	$(say) $(if $(cross),HOSTLD,LD) $@
	$(Q)$(HOSTCC) $(HOSTCFLAGS) $(HOSTLDFLAGS) -o $@ $^ $(tool-libs)

# The two front ends that linkers call: no library but libc.
$(plugin): $(addprefix $(B)/tools/,$(plugin-y)) $(srctree)/tools/ldplugin.map
	$(say) $(if $(cross),HOSTLD,LD) $@
	$(Q)$(HOSTCC) $(HOSTCFLAGS) $(HOSTLDFLAGS) -shared -Wl,-z,defs \
		-Wl,--version-script=$(srctree)/tools/ldplugin.map -o $@ \
		$(filter %.o,$^)

$(B)/ld/ldshim: $(addprefix $(B)/tools/,$(shim-y))
	@mkdir -p $(@D)
	$(say) $(if $(cross),HOSTLD,LD) $@
	$(Q)$(HOSTCC) $(HOSTCFLAGS) $(HOSTLDFLAGS) -o $@ $^

$(shims): $(B)/ld/ldshim
	@ln -sf ldshim $@

-include $(patsubst %.o,$(B)/tools/%.d,$(sort $(tool-y) $(plugin-y) $(shim-y)))

# The build directory looks to the tool as an installation does.
$(share)/src: $(B)/flags/source
	@mkdir -p $(@D)
	@ln -snf $(abspath $(srctree)) $@
	@ln -snf ../../config $(@D)/config

# A tool for the target machine too, where its libelf and libdw can be linked.
target-tool := $(tool)
ifdef cross
target-tool := $(shell mkdir -p $(B)/target; echo 'int main(void){return 0;}' | \
	$(CC) $(CFLAGS) $(LDFLAGS) -x c -include gelf.h -include elfutils/libdwfl.h \
	-o $(B)/target/probe - $(tool-libs) 2>/dev/null && echo $(B)/target/mallochooks)
ifneq ($(target-tool),)
all: $(target-tool)

$(B)/target/%.o: $(srctree)/tools/%.c $(B)/flags/target $(B)/flags/host
	@mkdir -p $(@D)
	$(say) CC target/$*.o
	$(Q)$(CC) $(CFLAGS) $(tool-flags) $(place-flags) -MMD -MP -c -o $@ $<

$(B)/target/config/%.o: $(srctree)/config/%.c $(B)/flags/target $(B)/flags/host
	$(call compile-shared,$(CC) $(CFLAGS) $(tool-flags))
$(B)/target/index/%.o: $(srctree)/index/%.c $(B)/flags/target $(B)/flags/host
	$(call compile-shared,$(CC) $(CFLAGS) $(tool-flags))
$(eval $(call from-file,$(B)/target,$(call libconfig-of,$(CC)),$(CROSS_COMPILE)objcopy,$(CC)))

$(target-tool): $(addprefix $(B)/target/,$(tool-y))
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(tool-libs)

-include $(patsubst %.o,$(B)/target/%.d,$(tool-y))
endif
endif

# ---- the default stack ------------------------------------------------------

stack-cflags := $(CFLAGS) $(warnings)
stack-command = $(tool) stack --config=$(B)/config --source-dir=$(srctree) \
	--cc=$(call squote,$(CC)) --cflags=$(call squote,$(stack-cflags)) \
	$(if $(OBJCOPY),--objcopy=$(call squote,$(OBJCOPY)))

# What a configuration of another name left here is none of ours any more.
products := $(archive) $(dropin) $(preload-made) $(pc) $(pc-uninstalled) $(mk) $(ldflags) \
	$(share)/mallochooks$(dash-name).mk $(share)/mallochooks$(dash-name).ldflags
other-names := $(addprefix $(B)/,libmallochooks*.a mallochooks*.o \
	mallochooks*.mk mallochooks*.pc libmallochooks_preload*.so \
	mallochooks*.ldflags share/mallochooks/mallochooks*.mk \
	share/mallochooks/mallochooks*.ldflags)

# What all stacks have in common takes as long as one of them, and another
# configuration seldom needs another one.
runtime := $(B)/parts/runtime.o
$(runtime): $(tool) $(B)/flags/runtime
	@mkdir -p $(@D)
	$(say) STACK $@
	$(Q)$(stack-command) $(if $(filter 1,$(V)),-v) --only-runtime \
		--work=$(B)/parts/runtime --depfile=$(B)/parts/runtime.d -o $@

-include $(B)/parts/runtime.d

# The composer writes mallochooks.o and mallochooks.mk, and the half that the
# archive and the shared object are made of beside the runtime.
$(dropin): $(tool) $(B)/config $(B)/flags/stack $(runtime)
	@rm -f $(filter-out $(products),$(wildcard $(other-names)))
	$(say) STACK $(call squote,$@ ($(CONFIG_IDENT)))
	$(Q)$(stack-command) $(if $(filter 1,$(V)),-v) --parts=$(B)/parts \
		--runtime=$(B)/parts/runtime/runtime.list --depfile=$(B)/parts/stack.d -o $@
ifndef CONFIG_METHOD_PRELOAD
	@echo "*** Method $(method): no preload is made; link with pkg-config --libs" \
		"mallochooks$(dash-name) (Documentation/linking.rst)"
endif

-include $(B)/parts/stack.d

$(archive): $(dropin) $(B)/flags/target
	$(say) AR $@
	@rm -f $@
	$(Q)$(AR) rcsD $@ $(B)/parts/stack.o $(runtime)

# nodelete: a thread that ends after dlclose() would run code that is gone.
# initfirst: our constructor before all others, which may allocate already.
$(preload): $(dropin) $(B)/flags/target $(srctree)/hooks/preload.map
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,nodelete -Wl,-z,initfirst \
		-Wl,-z,defs -Wl,--version-script=$(srctree)/hooks/preload.map \
		-Wl,-soname,$(@F) -o $@ \
		$(B)/parts/stack.o $(runtime)

stack: $(tool)
	$(Q)$(stack-command) --print

# What the documentation says of each option, anew.
.PHONY: option-texts
option-texts: $(tool)
	@mkdir -p $(B)/option-texts
	$(Q)sh $(srctree)/config/option-texts $(tool) $(call squote,$(CC)) \
		$(ARCH-in-force) $(B)/option-texts
	$(Q)cp $(B)/option-texts/mallochooks.conf.5 $(srctree)/Documentation/man/
	$(Q)cp $(B)/option-texts/mallochooks.conf $(srctree)/Documentation/examples/

# ---- what clients read ------------------------------------------------------

event-flag := $(if $(filter-out mh_event,$(CONFIG_EVENT_IDENT)), \
	-DMH_EVENT=$(CONFIG_EVENT_IDENT))
ident := $(CONFIG_IDENT)
# The composer knows what its method asks of a link.
link-words = $(shell $(stack-command) --lib-dir=@libdir@/mallochooks \
	-o @libdir@/mallochooks/$(notdir $(dropin)) --link-words)
# By method replace the plugin among them names the object, which the link then
# tailors; otherwise the archive is searched.
library-words = $(if $(CONFIG_METHOD_REPLACE),,-L@libdir@ \
	-Wl,-u,__mallochooks_entry_$(ident) -lmallochooks$(dash-name))
# Of a whole build not every output has something to hook.
absent-words = $(if $(CONFIG_METHOD_REPLACE),-Wl$(comma)-plugin-opt$(comma)if-absent=ignore)
object-path = $(if $(CONFIG_METHOD_REPLACE),,@libdir@/mallochooks/$(notdir $(dropin)))
preload-path = $(if $(preload-made),$(libdir)/mallochooks/$(notdir $(preload)))
subst-names := library-words link-words absent-words object-path VERSION prefix includedir libdir bindir sharedir ident \
	dash-name event-flag preload-path
# Each @name@ of a template becomes the value of that variable.
substitute = sed $(foreach n,$(subst-names),-e 's|@$(n)@|$(strip $($(n)))|g')

$(pc): $(srctree)/mallochooks.pc.in $(B)/config $(B)/flags/install | $(tool)
	$(say) GEN $@
	$(Q)$(substitute) $< > $@

$(share)/mallochooks$(dash-name).%: $(srctree)/mallochooks.%.in $(B)/config \
		$(B)/flags/install | $(tool)
	@mkdir -p $(@D)
	$(say) GEN $@
	$(Q)$(substitute) $< > $@

# The same for the build directory, as places of its own.
$(pc-uninstalled): $(srctree)/mallochooks.pc.in
$(ldflags): $(srctree)/mallochooks.ldflags.in
$(pc-uninstalled) $(ldflags): $(B)/config $(B)/flags/install | $(tool)
	$(say) GEN $@
	$(Q)sed -e 's|@library-words@|$(library-words)|' \
		-e 's|@link-words@|$(link-words)|' \
		-e 's|@libdir@/mallochooks/|$(abspath $(B))/|g' \
		-e 's|@includedir@|$(abspath $(srctree))/include|' \
		-e 's|@bindir@|$(abspath $(B))/tools|' \
		-e 's|@sharedir@|$(abspath $(share))|' \
		-e 's|@prefix@|$(abspath $(B))|' -e 's|@libdir@|$(abspath $(B))|' \
		$(filter %.in,$^) | $(substitute) > $@

# ---- installation -----------------------------------------------------------

# What the composer compiles, with the headers that it needs for that.
source-files = $(patsubst $(srctree)/%,%,$(wildcard $(addprefix $(srctree)/, \
	arch/*/*.[chS] hooks/*.c hooks/*.h index/*.c index/*.h config/*.c config/*.h \
	config/libconfig* \
	include/mallochooks/*.h)))
header-files = $(filter include/%,$(source-files))
man-files = $(patsubst $(srctree)/%,%,$(wildcard $(srctree)/Documentation/man/*.[1-8]))

# Lines "MODE FROM TO" for config/install-files.
install-list = \
	$(if $(target-tool),$(call put,755,$(target-tool),$(bindir)/mallochooks)) \
	$(call put,644,$(archive),$(libdir)/libmallochooks$(dash-name).a) \
	$(call put,644,$(dropin),$(libdir)/mallochooks/$(notdir $(dropin))) \
	$(call put,755,$(plugin),$(libdir)/mallochooks/$(notdir $(plugin))) \
	$(foreach f,$(shims),$(call put,755,$f,$(libdir)/mallochooks/ld/$(notdir $f))) \
	$(if $(preload-made),$(call put,755,$(preload),$(preload-path))) \
	$(call put,644,$(pc),$(libdir)/pkgconfig/mallochooks$(dash-name).pc) \
	$(call put,644,$(B)/config,$(sharedir)/config$(dash-name)) \
	$(call put,644,$(srctree)/Documentation/examples/mallochooks.conf,$(sharedir)/mallochooks.conf) \
	$(call put,644,$(srctree)/tools/mallochooks-gdb.py,$(sharedir)/mallochooks-gdb.py) \
	$(call put,644,$(share)/mallochooks$(dash-name).mk,$(sharedir)/mallochooks$(dash-name).mk) \
	$(call put,644,$(share)/$(notdir $(ldflags)),$(libdir)/mallochooks/$(notdir $(ldflags))) \
	$(foreach f,$(header-files),$(call put,644,$(srctree)/$f, \
		$(includedir)/mallochooks/$(notdir $f))) \
	$(foreach f,$(source-files),$(call put,644,$(srctree)/$f,$(sharedir)/src/$f)) \
	$(foreach f,$(man-files),$(call put,644,$(srctree)/$f, \
		$(mandir)/man$(subst .,,$(suffix $f))/$(notdir $f)))
put = $(call squote,$(1) $(2) $(strip $(3)))
manifest = $(sharedir)/installed$(dash-name)

install: all
	$(say) INSTALL $(DESTDIR)$(prefix)
ifeq ($(target-tool),)
	@echo "mallochooks: make: no libelf and libdw for $(triple) here: bin/mallochooks" \
		"is left out of this installation"
endif
	$(Q)printf '%s\n' $(install-list) | \
		$(srctree)/config/install-files put $(call squote,$(DESTDIR)) $(manifest)

uninstall:
	$(say) REMOVE $(DESTDIR)$(prefix)
	$(Q)$(srctree)/config/install-files remove $(call squote,$(DESTDIR)) $(manifest)

# ---- tests ------------------------------------------------------------------

include $(srctree)/tests/rules.mk

endif # build-goals

# ---- the rest ---------------------------------------------------------------

clean:
	$(say) CLEAN $(B)
	$(Q)if test -d $(B); then find $(B) -mindepth 1 -maxdepth 1 ! -name cross \
		-exec rm -rf {} +; rmdir $(B) 2>/dev/null || :; fi

mrproper:
	$(say) CLEAN $(call squote,$(B) and $(KCONFIG_CONFIG))
	$(Q)rm -rf $(B) $(call squote,$(KCONFIG_CONFIG)) \
		$(call squote,$(KCONFIG_CONFIG).old) $(O)/defconfig

help:
	@sed -e 1d -e 's/@defconfigs@/$(notdir $(wildcard $(srctree)/config/defconfig/*_defconfig))/' \
		$(srctree)/config/help.txt

endif # one-by-one
