#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The tutorial is gone through as its reader would: the files that it shows are
# written, the commands are run in one shell, and what they print is compared.
# "..." stands for anything within a line.  So are the examples of msgport(1)
# that mount nothing.
. test/t.sh

top=$PWD
export MSGPORT_DIR="$T/work/names"
t_end_hook=end_servers

# Those that a step which failed has left.
end_servers() {
	for name in $("$top/$B/msgport" ls |
		awk 'NR > 1 { print $5 }'); do
		kill "$name" 2>/dev/null
	done
}

steps() {
	set -- "$T"/step/*.do
	echo $#
}

# FILE STEPS: each C file into $T/work, as its first line names it; each command and
# what it prints into $T/step, by number.
take_apart() {
	end_servers
	rm -rf "$T/work" "$T/step"
	mkdir "$T/work" "$T/step"
	awk -v work="$T/work" -v step="$T/step" '
	/^```c$/ { c = 1; name = ""; next }
	/^```console$/ { console = 1; next }
	/^```$/ { c = console = 0; next }
	c && name == "" { name = $2; sub(/:/, "", name) }
	c { print >(work "/" name) }
	console && /^\$ / { n++; printf "" >(step "/" n ".want") }
	console && /^[$>] / { print substr($0, 3) >(step "/" n ".do"); next }
	console { print >(step "/" n ".want") }' "$1"
	[ "$(steps)" -eq "$2" ]
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

# As the tutorial has it.
examples() {
	sed -n '/^A file system without a mount/,/^\.Sh/{
		s/^\.Bd .*/```console/
		s/^\.Ed/```/
		s/^\\&//
		p
	}' doc/man/msgport.1
}

t the_tutorial_has_steps take_apart doc/tutorial.md 27
t programs_have_no_warnings programs_have_no_warnings
t each_step_prints_what_is_shown each_step_prints_what_is_shown
examples >"$T/examples"
t the_manual_has_examples take_apart "$T/examples" 11
mkdir "$MSGPORT_DIR"
t each_example_prints_what_is_shown each_step_prints_what_is_shown
t_end
