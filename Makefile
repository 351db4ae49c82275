# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Every file is named here: to add one, add a word.  V=asan, tsan, clang, cover
# and fuzz build the same into build/$(V).  HACKING.md lists the targets.

VERSION := 0.1.0
SONAME := libmsgport.so.0

HEADERS := types msg port agent exec stat parity name iface iface_table kit kit_tree \
	driver vfs vfs_types vfs_name vfs_file process

# Compiled for user space, freestanding, and for the kernel.
CORE_SRC := core/msg.c core/port.c core/agent.c core/serial.c core/queue.c \
	core/wait.c core/cancel.c core/reply.c core/gate.c core/stat.c \
	core/pool.c core/name.c core/iface.c core/kit.c
BROKER_SRC := broker/parity.c broker/parity_parse.c broker/buf.c
CLASS_SRC := class/vfs.c class/vfs_in.c class/vfs_out.c class/vfs_dirent.c \
	class/vfs_table.c class/driver.c
DRIVER_SRC := driver/vfs_mem/ops.c driver/vfs_mem/node.c \
	driver/vfs_mem/quota.c driver/vfs_mem/attr.c driver/vfs_mem/dir.c \
	driver/vfs_mem/name.c driver/vfs_mem/rename.c driver/vfs_mem/data.c \
	driver/vfs_mem/file.c driver/vfs_mem/xattr.c driver/vfs_mem/acl.c

# User space only.
POSIX_SRC := core/os_posix.c core/kit_posix.c core/kit_mem.c

PROCESS_SRC := broker/memory.c broker/bell.c broker/socket.c broker/watch.c \
	broker/arena.c broker/piece.c broker/fill.c broker/send.c broker/drive.c broker/link.c \
	broker/serve.c broker/pump.c broker/export.c broker/admin.c \
	broker/ask.c broker/trace.c

# The kernel only.
KERNEL_SRC := kernel/kit_linux.c
FRONT_SRC := front/fuse.c front/fuse_call.c front/fuse_name.c \
	front/fuse_file.c front/fuse_buf.c front/fuse_dir.c front/fuse_notify.c
TOOL_SRC := tool/msgport.c tool/mount.c tool/serve.c tool/option.c \
	tool/target.c tool/resolve.c tool/instance.c tool/driver.c \
	tool/supervise.c tool/host.c \
	tool/child.c tool/sandbox.c tool/filter.c tool/behind.c tool/count.c \
	tool/emit.c tool/reach.c tool/ls.c tool/stat.c tool/ping.c \
	tool/show.c tool/value.c tool/parse.c tool/call.c \
	tool/line.c tool/trace.c \
	tool/spy.c
EXAMPLE_SRC := example/seed.c example/echo.c example/notify.c example/cancel.c \
	example/host.c
EXAMPLE_LIB := example/vfs_hello.c
BENCH_SRC := bench/inline.c bench/pingpong.c bench/contend.c bench/oneway.c \
	bench/vfs.c bench/fuse.c bench/count.c
BENCH_LIB := bench/bench.c bench/step.c bench/tree.c bench/fuse_bare.c
FUZZ_SRC := test/fuzz/vfs.c test/fuzz/serve.c test/fuzz/link.c test/fuzz/hello.c

# Tests: TEST_C and TEST_SH run in every variant (but no sandbox under TSan,
# which has threads of its own), TEST_SIM on the simulated os,
# TEST_PLAIN where nothing is instrumented, TEST_HOUSE once.  What TEST_ALONE
# names, as 90-soak, has the machine to itself.
TEST_C := test/00-harness.c test/14-iface.c test/14-wire.c test/40-vfs-class.c \
	test/41-vfs-answer.c test/42-vfs-dirent.c test/43-driver.c test/50-vfs-mem.c test/52-vfs-fail.c test/53-vfs-race.c test/51-fuse-io.c test/51-fuse.c test/51-posix.c test/16-kit-lock.c test/58-vfs-parity.c test/57-vfs-move.c test/55-vfs-node.c test/55-vfs-room.c test/56-vfs-time.c test/54-vfs-size.c test/15-kit.c test/19-direct.c test/19-failure.c test/51-fuse-buf.c \
	test/10-msg.c test/17-name.c test/18-stat.c test/30-process.c test/33-process.c test/34-hostile.c test/11-port.c test/35-buf.c \
	test/12-agent.c test/37-transparent.c test/12-filter.c test/16-history.c test/16-ring.c test/58-vfs-promise.c \
	test/61-port.c test/63-trace.c test/63-spy.c
# What the shell tests run: no tests themselves.
TEST_HELP := test/export.c
TEST_PLAIN := test/20-fastpath.c
TEST_SIM := test/13-schedule.c test/13-wake.c test/13-agent.c test/13-state.c \
	test/13-ring.c test/13-send.c test/13-machine.c test/18-promise.c test/19-sim.c \
	test/30-promise.c test/31-open.c
# Tests of the library with its points numbered: broker/step.h.
TEST_STEP := test/38-step.c
STEP_LIB := test/step.c test/step_serve.c test/step_call.c
TEST_SH := test/63-tool.sh test/80-tool.sh test/60-mount.sh test/62-serve.sh
TEST_DRIVER := test/vfs_try.c
TEST_HOUSE := test/00-house.sh test/01-build.sh test/02-tidy.sh \
	test/21-count.sh test/82-example.sh test/83-tutorial.sh test/90-san.sh test/92-model.sh \
	test/93-mutant.sh
TEST_ALONE := 90-san
POSIX_LIB := test/posix.c test/posix_port.c test/posix_name.c \
	test/posix_mount.c test/rule_name.c \
	test/rule_rename.c test/rule_dir.c test/rule_data.c test/rule_attr.c \
	test/rule_xattr.c test/rule_limit.c test/rule_model.c
CONFORM_LIB := test/conform.c test/conform_os.c test/conform_kind.c \
	test/conform_serve.c test/conform_life.c test/conform_fast.c \
	test/conform_queue.c test/conform_wake.c test/conform_cancel.c \
	test/conform_close.c test/conform_process.c test/shift.c test/hostile.c test/conform_death.c test/actor.c
TEST_LIB := test/script.c test/ask.c test/ask_name.c test/ask_file.c \
	test/scene.c test/record.c \
	test/watch.c $(POSIX_LIB) test/vfs_mock.c test/t.c $(CONFORM_LIB)
SIM_LIB := test/sim.c test/sim_run.c test/os_sim.c test/conform_sim.c

MODEL := model/state.pml model/wake.pml model/ring.pml model/link.pml
MUTANT := $(addsuffix .patch,$(addprefix mutant/, \
	parity-dead-accepts parity-dies-late parity-kill-forgets-sender \
	parity-kill-twice \
	parity-poison-unused vfs-count-unchecked vfs-name-unchecked \
	vfs-refused-keeps-lookup vfs-refused-keeps-attach \
	vfs-record-past-end vfs-dots-unchecked \
	vfs-range-unchecked vfs-setattr-unchecked vfs-cookie-unchecked \
	vfs-error-unchecked vfs-nsec-unchecked vfs-target-unchecked \
	vfs-type-unchecked core-closed-runs core-may-block-ignored \
	core-cancel-of-replied core-cancel-of-unsent core-deadline-ignored \
	core-drop-frees-no-room core-drop-keeps-count core-drop-of-held \
	core-end-twice core-hook-locks-itself core-ring-unseen \
	core-busy-unchecked core-notify-unguarded core-notify-without-fence \
	core-refusal-leaks-count core-name-without-count \
	core-pool-error-unreplied core-barrier-keeps-epoch \
	core-barrier-returns-early core-close-forgets-receiver \
	core-close-forgets-sender core-close-leaves-queued \
	core-close-leaves-replies core-count-trusts-wake \
	core-fini-forgets-held core-fini-forgets-replies \
	core-wait-trusts-wake core-closed-accepts core-order-lost \
	core-port-after-unlock core-priority-ignored \
	core-publish-before-link core-queue-unbounded \
	core-refused-keeps-lock core-reply-port-after-count \
	core-sleep-after-unlock core-cancel-hook-races \
	core-cancel-lost-in-forward core-cancel-lost-in-send \
	core-count-without-lock core-forward-leaks-count \
	core-message-after-reply core-reply-misses-sleeper \
	core-ring-of-forwarded core-target-after-queued \
	core-wakes-for-nobody core-inbox-misses-sleeper core-inbox-unseen \
	core-inbox-after-close core-inbox-overtaken core-sleepers-forgotten \
	core-count-unsettled \
	core-serial-error-unreplied \
	core-serial-more-unlocked core-serial-never-yields \
	core-serial-overtakes core-serial-passes-queue core-serial-self-call \
	core-result-before-state core-timeout-hides-reply \
	core-wait-loses-flags core-wait-returns-early mem-atime-always \
	mem-nsec-lost mem-hole-not-found mem-punch-leaves-data \
	mem-append-ignored mem-keep-size-ignored mem-link-of-directory \
	mem-mtime-of-parent mem-rmdir-of-full mem-sticky-ignored \
	mem-forget-miscounts mem-ctime-of-rename mem-exchange-parents \
	mem-noreplace-ignored mem-ctime-of-xattr mem-trusted-listed \
	mem-xattr-create-ignored link-empty-refused link-live-short))
MUTANT += $(addsuffix .patch,$(addprefix test/mutant/, \
	fs-acl-chmod fs-atime-rests fs-cookie fs-ghost-quota \
	fs-ghost-room fs-inode-limit fs-lookup-count \
	fs-loop fs-nospace-name fs-open-lives \
	fs-quota-move fs-race-loop fs-race-order fs-reader-limit \
	fs-replace-links fs-setgid fs-setuid fs-short-cache fs-size-limit \
	fs-stale-id fs-tail fs-unlink-ctime fs-write-undone))
MAN := doc/man/msgport.1 doc/man/msgport.7 doc/man/msgport-driver.7 \
	doc/man/mp_agent.3 doc/man/mp_call.3 doc/man/mp_cancel.3 \
	doc/man/mp_exec.3 doc/man/mp_iface.3 doc/man/mp_kit.3 \
	doc/man/mp_name.3 doc/man/mp_parity.3 doc/man/mp_port.3 doc/man/mp_process.3 \
	doc/man/mp_recv.3 doc/man/mp_stat.3 doc/man/mp_vfs.3

# ---- how each variant is compiled

V :=
B := build$(V:%=/%)
PREFIX := /usr/local
S := 60
T :=
N :=

CC.clang := clang
CC.fuzz := clang
CC := $(or $(CC.$V),gcc)
WARN := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Werror
CFLAGS := -O2 -g
FLAGS.asan := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
FLAGS.tsan := -fsanitize=thread -Wno-tsan
FLAGS.cover := -O0 --coverage -fprofile-update=atomic -DT_COVER
FLAGS.fuzz := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
FREE := -ffreestanding -mno-sse -Wframe-larger-than=512
FUSE := $(shell pkg-config --cflags fuse3 2>/dev/null)
LIBS := -Wl,--as-needed -lfuse3 -lseccomp -lpthread
BENCH_LIBS := -lzmq -lurcu-common
COMPILE = $(CC) -std=gnu11 $(WARN) $(CFLAGS) $(FLAGS.$V) -Iinclude -MMD -MP
LINK = $(CC) $(CFLAGS) $(FLAGS.$V)

export B
SLOW.asan := 3
SLOW.tsan := 5
SLOW.cover := 3
export T_SLOW := $(or $(SLOW.$V),1)
export TSAN_OPTIONS := halt_on_error=1
export LSAN_OPTIONS := suppressions=$(CURDIR)/test/lsan.supp:print_suppressions=0

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory -j$(shell nproc)
endif

# ---- what there is to build

FREE_SRC := $(CORE_SRC) $(BROKER_SRC) $(CLASS_SRC) $(DRIVER_SRC)
LIB_SRC := $(CORE_SRC) $(BROKER_SRC) $(POSIX_SRC) $(PROCESS_SRC) $(CLASS_SRC)
HOST_SRC := $(DRIVER_SRC) $(FRONT_SRC) $(EXAMPLE_LIB)
SIM_SRC := $(filter-out core/os_posix.c $(PROCESS_SRC),$(LIB_SRC)) \
	$(DRIVER_SRC) $(SIM_LIB) $(filter-out test/conform_os.c,$(TEST_LIB))
PROGRAM_SRC := $(TEST_C) $(TEST_HELP) $(TEST_PLAIN) $(EXAMPLE_SRC)

LIB := $(B)/libmsgport.a
HOST := $(B)/libhost.a
TOOL := $(B)/libtool.a
SIM := $(B)/sim/libsim.a
TESTER := $(B)/test/libt.a
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
PIC_OBJ := $(LIB_SRC:%.c=$(B)/pic/%.o)
FREE_OBJ := $(FREE_SRC:%.c=$(B)/free/%.o)
SIM_OBJ := $(SIM_SRC:%.c=$(B)/sim/%.o)
SIM_BIN := $(TEST_SIM:%.c=$(B)/sim/%)
STEP := $(B)/step/libstep.a
STEP_OBJ := $(PROCESS_SRC:%.c=$(B)/step/%.o) $(STEP_LIB:%.c=$(B)/step/%.o)
STEP_BIN := $(TEST_STEP:%.c=$(B)/step/%)
PROGRAM := $(PROGRAM_SRC:%.c=$(B)/%)
BENCH := $(BENCH_SRC:%.c=$(B)/%)
FUZZER := $(FUZZ_SRC:%.c=build/fuzz/%)
COMMAND := $(TOOL_SRC:tool/msgport.c=$(B)/msgport)
COMMAND := $(filter $(B)/msgport,$(COMMAND))
TESTS := $(TEST_C:%.c=$(B)/%) $(if $(filter tsan,$V),,$(SIM_BIN) $(STEP_BIN)) \
	$(filter-out $(if $(filter tsan,$V),test/62-serve.sh),$(TEST_SH)) \
	$(if $V,,$(TEST_PLAIN:%.c=$(B)/%))
DEP := $(LIB_OBJ) $(PIC_OBJ) $(FREE_OBJ) $(SIM_OBJ) $(HOST_SRC:%.c=$(B)/%.o) \
	$(TOOL_SRC:%.c=$(B)/%.o) $(TEST_LIB:%.c=$(B)/%.o) \
	$(BENCH_LIB:%.c=$(B)/%.o) $(PROGRAM:%=%.o) $(BENCH:%=%.o) \
	$(SIM_BIN:%=%.o) $(STEP_OBJ) $(STEP_BIN:%=%.o) $(FUZZER:%=%.o)

.PHONY: all everything ready free header clang kernel-objects demo check \
	check-here san tidy analyse format doccheck fix fuzz fuzz-here bench \
	bench-count bench-count-update cover wc size install models mutants soak \
	soak-hostile clean FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(LIB) $(B)/$(SONAME) $(COMMAND)
everything: all $(PROGRAM) $(BENCH) $(SIM_BIN) $(STEP_BIN)
free: $(B)/free.o
header: $(HEADERS:%=$(B)/header/%.ok)
clang:
	@$(MAKE) V=clang everything

$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(COMPILE) $(FREE)' | cmp -s - $@ || \
		echo '$(COMPILE) $(FREE)' >$@

$(B)/%.o: %.c $(B)/flags
	@echo "  CC      $@"
	@mkdir -p $(@D)
	@$(COMPILE) $(if $(filter front/% tool/%,$<),$(FUSE)) -c -o $@ $<

$(B)/pic/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -fPIC -c -o $@ $<

$(B)/free/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILE) $(FREE) -c -o $@ $<

$(B)/sim/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -DMP_OS_SIM -c -o $@ $<

$(B)/step/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -DMP_STEP -c -o $@ $<

%.a:
	@rm -f $@
	@ar rcs $@ $^

$(LIB): $(LIB_OBJ)
$(HOST): $(HOST_SRC:%.c=$(B)/%.o)
$(TOOL): $(filter-out %/msgport.o,$(TOOL_SRC:%.c=$(B)/%.o))
$(TESTER): $(TEST_LIB:%.c=$(B)/%.o)
$(B)/bench/libbench.a: $(BENCH_LIB:%.c=$(B)/%.o)
$(SIM): $(SIM_OBJ)
$(STEP): $(STEP_OBJ)

$(B)/$(SONAME): $(PIC_OBJ)
	@echo "  LINK    $@"
	@echo '{ global: mp_*; local: *; };' >$(B)/msgport.map
	@$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs \
		-Wl,--version-script,$(B)/msgport.map -o $@ $^ -lpthread

# Nothing but these may be left for the surroundings to provide.
$(B)/free.o: $(FREE_OBJ)
	@ld -r -o $@ $^
	@! nm -u $@ | awk '{ print $$2 }' | \
		grep -vE '^(mp|os|__rseq)_|^mem(cpy|set|move|cmp|chr)$$|^str(len|cmp)$$|^_GLOBAL_'

# Drivers that it loads find all of the library in it.
$(B)/msgport: $(B)/tool/msgport.o $(TOOL) $(HOST) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $(filter-out $(LIB),$^) -Wl,--whole-archive $(LIB) \
		-Wl,--no-whole-archive -Wl,--export-dynamic-symbol='mp_*' $(LIBS)

$(PROGRAM): %: %.o $(TESTER) $(TOOL) $(HOST) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ $(LIBS)

$(B)/test/20-fastpath: $(B)/bench/step.o
$(BENCH): %: %.o $(B)/bench/libbench.a $(HOST) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ $(LIBS) $(BENCH_LIBS)

$(SIM_BIN): %: %.o $(SIM)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ -lpthread

$(STEP_BIN): %: %.o $(STEP) $(TESTER) $(HOST) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $< -Wl,--whole-archive $(STEP) \
		-Wl,--no-whole-archive $(filter-out $< $(STEP),$^) $(LIBS)

# A header alone, for C and for C++.
$(B)/header/%.ok: $(HEADERS:%=include/msgport/%.h)
	@mkdir -p $(@D)
	@echo '#include <msgport/$*.h>' >$(B)/header/$*.c
	@gcc -std=c11 -pedantic $(WARN) -Iinclude -fsyntax-only $(B)/header/$*.c
	@clang -x c++ -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only \
		$(B)/header/$*.c
	@touch $@

# The same sources as objects of Debian's kernel, whichever is installed.
KERNEL := $(lastword $(sort $(wildcard /lib/modules/*-amd64/build)))
kernel-objects: $(FREE_SRC) $(KERNEL_SRC)
	@[ -n "$(KERNEL)" ] || { echo "linux-headers-amd64 is missing"; exit 1; }
	@script/kbuild build/kernel $(FREE_SRC) $(KERNEL_SRC)
	@$(MAKE) -s -C $(KERNEL) M=$(CURDIR)/build/kernel objects.o

# ---- what can be done with it

# Those whose names match the shell's pattern T.
WANTED = $(shell for t in $(TESTS) $(TEST_HOUSE); do \
	case $$t in (*/$T|*/$T.sh) echo $$t ;; esac; done)

demo:
	@script/setup demo
	@$(MAKE) all
	@script/demo $(CURDIR)/$(B)

check:
	@script/setup check
ifneq ($N,)
	@$(MAKE) $(filter $(TESTS),$(WANTED))
	@$(filter $(TESTS),$(WANTED)) '$N'
else ifneq ($T,)
	@$(MAKE) ready
	@+test/run $(WANTED)
else
	@$(MAKE) everything
	@+test/run -j2 -a '$(TEST_ALONE)' $(sort $(TESTS) $(TEST_HOUSE))
endif

# What "make check T=" is going to run.
ready: all $(TEST_HELP:%.c=$(B)/%) $(filter $(B)/%,$(WANTED))

check-here: $(COMMAND) $(TEST_HELP:%.c=$(B)/%) $(filter $(B)/%,$(TESTS))
	@+test/run -j2 -a '$(TEST_ALONE)' $(sort $(TESTS))

san:
	@$(MAKE) V=asan check-here
	@$(MAKE) V=tsan check-here

TIDY_SRC := $(sort $(LIB_SRC) $(HOST_SRC) $(TOOL_SRC))
tidy: format analyse doccheck
	@script/limits
	@script/layers
	@script/spdx
doccheck:
	@script/doccheck $(MAN)
format:
	@script/files | xargs clang-format --dry-run -Werror
analyse: $(TIDY_SRC:%=build/tidy/%.ok)

build/tidy/%.ok: % .clang-tidy $(HEADERS:%=include/msgport/%.h)
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- -std=gnu11 -Iinclude $(FUSE) >$@.log 2>&1 || \
		{ cat $@.log; false; }
	@touch $@

fix:
	@script/files | xargs clang-format -i

# Each harness from its seeds, S seconds.
fuzz:
	@$(MAKE) V=fuzz fuzz-here
ifeq ($V,fuzz)
fuzz-here: $(FUZZER:%=%.run)
$(FUZZER): %: %.o $(HOST) $(LIB)
	@echo "  LINK    $@"
	@$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(FUZZER:%=%.run): %.run: % FORCE
	@mkdir -p $<.corpus
	@$< -max_total_time=$(S) -timeout=10 -artifact_prefix=$<. $<.corpus \
		$(wildcard $(patsubst build/fuzz/%,%,$(<D))/seed/$(<F)) \
		>$<.log 2>&1 || { tail -n 40 $<.log; false; }
	@tail -n 1 $<.log | sed 's|^|$(<F): |'
endif

bench: $(BENCH)
	@bench/run $(BENCH)

bench-count: $(B)/bench/count
	@bench/count

bench-count-update: $(B)/bench/count
	@bench/count update

cover:
	@find build/cover -name '*.gcda' -delete 2>/dev/null || :
	@$(MAKE) V=cover check-here
	@script/cover

models:
	@script/models $(MODEL)

mutants:
	@script/mutants $(MUTANT)

# All tests again and again, S seconds; each time a million messages with a
# hostile peer under ASan too.
soak: everything
	@end=$$(($$(date +%s) + $(S))); while [ $$(date +%s) -lt $$end ]; do \
		T_SOAK=1 test/run -j2 $(sort $(TESTS)) && \
		$(MAKE) V=asan soak-hostile || exit; done
soak-hostile: $(B)/test/34-hostile
	@T_SOAK=1 test/run $<

wc:
	@script/wc

size: $(LIB)
	@size -A $(patsubst %.c,$(B)/%.o,$(filter-out core/kit.c,$(CORE_SRC))) | \
		awk '/^\.text/ { n += $$2 } END { print n, "bytes of text in core" }'

# The library in one object, which keeps its private names to itself.
$(B)/public/libmsgport.a: $(LIB_OBJ)
	@mkdir -p $(@D)
	@ld -r -o $(@D)/msgport.o $^
	@objcopy --wildcard --keep-global-symbol='mp_*' $(@D)/msgport.o
	@rm -f $@
	@ar rcs $@ $(@D)/msgport.o

install: all $(B)/public/libmsgport.a
	install -d $(DESTDIR)$(PREFIX)/include/msgport \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(HEADERS:%=include/msgport/%.h) \
		$(DESTDIR)$(PREFIX)/include/msgport
	install -m 644 $(B)/public/libmsgport.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(B)/$(SONAME) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libmsgport.so
	printf '%s\n' 'Name: msgport' 'Description: message ports' \
		'Version: $(VERSION)' 'Cflags: -I$(PREFIX)/include' \
		'Libs: -L$(PREFIX)/lib -lmsgport' 'Libs.private: -lpthread' \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/msgport.pc
	$(if $(COMMAND),install $(COMMAND) $(DESTDIR)$(PREFIX)/bin)
	script/man $(DESTDIR)$(PREFIX)/share/man $(MAN)

clean:
	rm -rf build

-include $(DEP:.o=.d)
