#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Faults are found, of each layer one; "make mutants" runs them all.
. test/t.sh

put_back() {
	script/mutants -o "$T/tree" -s 0 "$@"
}

few_faults_are_found() {
	put_back mutant/core-notify-without-fence.patch \
		mutant/vfs-count-unchecked.patch mutant/mem-nsec-lost.patch
}

# What a patch leaves room for is no fault that somebody has looked at.
all_faults_can_be_put_back() {
	for p in mutant/*.patch test/mutant/*.patch; do
		patch -s -p1 -F0 --dry-run <"$p" || return
		for name in $(sed -n 's/^Test: //p' "$p"); do
			ls "test/$name".[cs]* >/dev/null || return
		done
	done
}

# A change that breaks nothing.
harmless() {
	cat <<-END
	Test: 56-vfs-time

	--- a/test/56-vfs-time.c
	+++ b/test/56-vfs-time.c
	@@ -1,1 +1,1 @@
	-$(sed -n 1p test/56-vfs-time.c)
	+$(sed -n 1p test/56-vfs-time.c) /* as before */
	END
}

what_is_no_fault_survives() {
	harmless >"$T/harmless.patch"
	t_fails put_back "$T/harmless.patch" >"$T/out"
	cat "$T/out"
	grep -q '^survived: harmless ' "$T/out"
}

a_patch_of_another_tree_is_broken() {
	harmless | sed 's/^-/-other /' >"$T/stale.patch"
	t_fails put_back "$T/stale.patch" >"$T/out"
	grep -q '^broken: stale ' "$T/out"
}

t all_faults_can_be_put_back all_faults_can_be_put_back
t few_faults_are_found few_faults_are_found
t what_is_no_fault_survives what_is_no_fault_survives
t a_patch_of_another_tree_is_broken a_patch_of_another_tree_is_broken
t_end
