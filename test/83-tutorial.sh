#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The tutorial is gone through as its reader would: the files that it shows are
# written, the commands are run in one shell, and what they print is compared.
# "..." stands for anything within a line.
. test/t.sh

top=$PWD
MSGPORT_DIR=$T/names
t_end_hook=end_servers

# Those that a step which failed has left.
end_servers() {
	for name in $(MSGPORT_DIR=$T/work/names "$top/$B/msgport" ls |
		awk 'NR > 1 { print $5 }'); do
		kill "$name" 2>/dev/null
	done
}

steps() {
	set -- "$T"/step/*.do
	echo $#
}

# FILE: each C file into $T/work, as its first line names it; each command and
# what it prints into $T/step, by number.
take_apart() {
	mkdir -p "$T/work" "$T/step"
	awk -v work="$T/work" -v step="$T/step" '
	/^```c$/ { c = 1; name = ""; next }
	/^```console$/ { console = 1; next }
	/^```$/ { c = console = 0; next }
	c && name == "" { name = $2; sub(/:/, "", name) }
	c { print >(work "/" name) }
	console && /^\$ / { n++; printf "" >(step "/" n ".want") }
	console && /^[$>] / { print substr($0, 3) >(step "/" n ".do"); next }
	console { print >(step "/" n ".want") }' "$1"
	[ "$(steps)" -eq "$(grep -c '^\$ ' "$1")" ]
	[ -e "$T/step/20.do" ]
}

# WANT HAVE: line by line
alike() {
	sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g' "$1" >"$T/pattern"
	[ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ] || return 1
	while IFS= read -r pattern <&3 && IFS= read -r line <&4; do
		case $line in
		$pattern) ;;
		*) return 1 ;;
		esac
	done 3<"$T/pattern" 4<"$2"
}

each_step_prints_what_is_shown() {
	export CPATH="$top/include" LIBRARY_PATH="$top/$B"
	export PATH="$top/$B:$PATH"
	cd "$T/work"
	for n in $(seq "$(steps)"); do
		eval "$(cat "$T/step/$n.do")" >"$T/have" 2>&1 || :
		alike "$T/step/$n.want" "$T/have" && continue
		echo "step $n:"
		cat "$T/step/$n.do"
		diff "$T/step/$n.want" "$T/have" || exit 1
	done
}

programs_have_no_warnings() {
	cc=$(sed 's/ -MMD.*//' "$B/flags")
	for f in "$T"/work/*.c; do
		$cc -c -o "$T/object" "$f"
	done
}

t it_has_steps take_apart doc/tutorial.md
t programs_have_no_warnings programs_have_no_warnings
t each_step_prints_what_is_shown each_step_prints_what_is_shown
t_end
