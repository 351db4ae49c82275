# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The harness of the shell tests, to be sourced.  Tests run from the top of the
# tree; $B is the folder of the build under test, $T a folder that goes away.
#
#	t NAME COMMAND...	passes if the command, which may be a function
#				(under set -e), returns 0; 77 skips, and the
#				last line it printed is the reason
#	t_fails COMMAND...	returns 0 if the command does not
#	t_end			prints the counts and exits

B=${B:-build}
T=$(mktemp -d)
t_end_hook=:
trap 'eval "$t_end_hook"; rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
t_passed=0 t_failed=0 t_skipped=0

t() {
	t_name=$1
	shift
	(set -e; "$@") >"$T/t_out" 2>&1
	t_rc=$?
	case $t_rc in
	0)	echo "ok $t_name"
		t_passed=$((t_passed + 1)) ;;
	77)	echo "ok $t_name # SKIP $(tail -n 1 "$T/t_out")"
		t_skipped=$((t_skipped + 1)) ;;
	*)	tail -n 100 "$T/t_out" | sed 's/^/    /'
		echo "not ok $t_name # exit $t_rc"
		t_failed=$((t_failed + 1)) ;;
	esac
}

t_fails() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}

t_end() {
	echo "$t_passed passed, $t_failed failed, $t_skipped skipped"
	[ "$t_failed" -eq 0 ]
	exit
}
