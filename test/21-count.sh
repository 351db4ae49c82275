#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The fast paths execute as many instructions as is written in bench/counts,
# and a worse or unknown count is noticed; and so is a benchmark that is short
# of its goal.
. test/t.sh
make -s "$B/bench/count" || exit

fast_paths_are_no_longer_than_written() {
	bench/count check
}

# The check against counts that are 3 % lower.
a_longer_path_fails() {
	mkdir -p "$T/bench"
	cp bench/count "$T/bench"
	bench/count | awk '{ $3 = int($3 / 1.03); print }' >"$T/bench/counts"
	t_fails "$T/bench/count" check >"$T/said"
	grep -q 'worse' "$T/said"
}

a_path_that_is_not_written_down_fails() {
	mkdir -p "$T/bench"
	cp bench/count "$T/bench"
	bench/count | grep -v 'serial-call' >"$T/bench/counts"
	t_fails "$T/bench/count" check >"$T/said"
	grep -q 'not in bench/counts' "$T/said"
}

# bench/run with a benchmark of one row, and a goal; what it says is in said.
row() {
	mkdir -p "$T/bench"
	cp bench/run "$T/bench"
	echo "$2" >"$T/bench/goals"
	printf '#!/bin/sh\necho "%s"\nexit %s\n' "$1" "${3:-0}" >"$T/one"
	chmod +x "$T/one"
	"$T/bench/run" "$T/one" >"$T/said"
}

a_short_row_without_a_reason_fails() {
	row 'row x 1.04 1.03 1.07' 'x <=1.05'
	grep -q '^ratio x 1.04 \[1.03-1.07\] <=1.05 ok$' "$T/said"
	t_fails row 'row x 1.06 1.05 1.07' 'x <=1.05'
	t_fails row 'row x 0.94 0.9 1.2' 'x >=1'
	grep -q '^ratio x 0.94 .* short$' "$T/said"
	row 'row x 0.94 0.9 1.2' 'x >=1 the other has no bound'
	grep -q 'short # the other has no bound$' "$T/said"
}

a_row_without_a_goal_fails() {
	t_fails row 'row y 1 1 1' 'x <=1'
}

a_benchmark_that_fails_is_noticed() {
	t_fails row 'row x 1 1 1' 'x <=1' 1
}

t fast_paths_are_no_longer_than_written fast_paths_are_no_longer_than_written
t a_longer_path_fails a_longer_path_fails
t a_path_that_is_not_written_down_fails a_path_that_is_not_written_down_fails
t a_short_row_without_a_reason_fails a_short_row_without_a_reason_fails
t a_row_without_a_goal_fails a_row_without_a_goal_fails
t a_benchmark_that_fails_is_noticed a_benchmark_that_fails_is_noticed
t_end
