#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The fast paths execute as many instructions as is written in bench/counts,
# and a worse or unknown count is noticed.
. test/t.sh
make -s "$B/bench/count" || exit

fast_paths_are_no_longer_than_written() {
	bench/count check
}

# The check against counts that are 3 % lower.
a_longer_path_fails() {
	mkdir "$T/bench"
	cp bench/count "$T/bench"
	awk '$1 == "count" && $3 > 200 { $3 = int($3 / 1.03) } { print }' \
		bench/counts >"$T/bench/counts"
	t_fails "$T/bench/count" check >"$T/said"
	grep -q 'worse' "$T/said"
}

a_path_that_is_not_written_down_fails() {
	mkdir -p "$T/bench"
	cp bench/count "$T/bench"
	grep -v 'serial-call' bench/counts >"$T/bench/counts"
	t_fails "$T/bench/count" check >"$T/said"
	grep -q 'not in bench/counts' "$T/said"
}

t fast_paths_are_no_longer_than_written fast_paths_are_no_longer_than_written
t a_longer_path_fails a_longer_path_fails
t a_path_that_is_not_written_down_fails a_path_that_is_not_written_down_fails
t_end
