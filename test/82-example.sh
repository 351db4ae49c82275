#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Whatever is shown to people works: the programs of example/ print what stands
# in their .out, those of the README and the manual what is written beside them,
# and what the documents name is there.  The tutorial has a test of its own.
. test/t.sh

doc="README.md $(ls HACKING.md doc/*.md doc/man/* | grep -v tutorial)"
cc=$(sed 's/ -MMD.*//' "$B/flags") # as the library was built, warnings too

# OUT SOURCE...: compile, run, compare; host.c is nothing without its driver.
prints() {
	want=$1
	shift
	case $1 in
	*host.c) set -- "$@" example/vfs_hello.c ;;
	esac
	$cc -o "$T/program" "$@" "$B/libmsgport.a" -lpthread
	timeout "$((20 * ${T_SLOW:-1}))" "$T/program" >"$T/have"
	diff "$want" "$T/have"
}

# Three ports, one client, one answer.
seed_cannot_tell() {
	[ "$(awk '{ print $2 }' example/seed.out | sort -u)" = 13 ]
	[ "$(wc -l <example/seed.out)" -eq 3 ]
}

# DIR FILE...: the block behind each complete program, named as by
# script/examples.
outputs() {
	dir=$1
	shift
	awk -v dir="$dir" '
	function name(f)
	{
		f = FILENAME
		sub(/.*\//, "", f)
		gsub(/[^A-Za-z0-9]/, "_", f)
		return dir "/" f "_" n ".out"
	}
	FNR == 1 { inside = after = 0 }
	!inside && /^```|^\.Bd .*-literal/ { inside = 1; text = ""; next }
	inside && /^(```|\.Ed)$/ {
		inside = 0
		if (text ~ /^(\/\*[^\n]*\n)*#(include|define)/) {
			n++
			after = text ~ /\nmain\(/
		} else if (after) {
			printf "%s", text >name()
			close(name())
			after = 0
		}
		next
	}
	inside { text = text $0 "\n" }' "$@"
}

# The driver of msgport-driver(7) is the one in example/, and is run with it.
driver_is_the_example() {
	sed 1d example/vfs_hello.c | diff - "$1"
}

tree_is_as_told() {
	sed -n '/^## The tree/,/^Includes/s/^    \([a-z/]*\)\/ .*/\1/p' \
		README.md | sort >"$T/told"
	{
		ls -d */ | sed 's|/||;s|^include$|include/msgport|'
	} | grep -vx build | sort | diff "$T/told" -
}

files_are_there() {
	sed -n 's/^| .* | \(`.*\) |$/\1/p' README.md HACKING.md |
		grep -o '`[^`]*`' | tr -d '`' | sort -u >"$T/files"
	[ -s "$T/files" ]
	while read -r f; do
		ls -d $f include/msgport/$f 2>/dev/null | grep -q . ||
			{ echo "no $f"; exit 1; }
	done <"$T/files"
}

targets_are_there() {
	grep -ho '`make [a-z-]*' README.md HACKING.md | sed 's/`make //' |
		sort -u >"$T/targets"
	[ -s "$T/targets" ]
	while read -r target; do
		grep -q "^\([a-z-]* \)*$target\( [a-z-]*\)*:" Makefile ||
			{ echo "no target $target"; exit 1; }
	done <"$T/targets"
}

# Functions and macros are doccheck's; this is for constants and messages.
every_constant_is_told() {
	cat doc/man/* | tr -c 'A-Za-z0-9_' '\n' | sort -u >"$T/told"
	sed 's|/\*.*||;/^ \*/d' include/msgport/*.h |
		grep -oE '\<(MP_[A-Z0-9_]+|struct mp_vfs_[a-z_]+)\>' |
		sed 's/^struct //' |
		grep -v '_$\|^MP_LOCK_INIT$\|^MP_DRIVER_EXPORT$' |
		sort -u >"$T/public"
	[ "$(wc -l <"$T/public")" -gt 100 ]
	! grep -vxFf "$T/told" "$T/public"
}

# Every option that the command prints is in its page.
options_are_told() {
	"$B/msgport" mount --help >"$T/help"
	"$B/msgport" serve --help >"$T/help2"
	{
		sed -n 's/^  *\(-[a-z],\)* *--\([a-z]*\).*/\2/p' "$T/help2"
		sed -n '1,/^drivers and/{
			s/^  *\(-[a-z],\)* *--\([a-z]*\).*/\2/p
			s/^                    \([a-z_]*\)\(=N\)*\( .*\)*$/\1/p
		}' "$T/help"
		sed -n '/^drivers and/,${
			s/^  \([a-z_]*\):.*/\1/p
			s/^    \([a-z_]*\) .*/\1/p
		}' "$T/help"
	} | grep . >"$T/options"
	[ "$(wc -l <"$T/options")" -gt 10 ]
	while read -r o; do
		grep -q "^\.\(It \)*.*\(Cm\|Fl\).*\<$o\>" doc/man/msgport.1 ||
			{ echo "msgport(1) lacks $o"; exit 1; }
	done <"$T/options"
	for tool in ls stat ping call trace; do
		"$B/msgport" $tool --help | sed -n \
			's/^  *-\(-*[a-z]*\).*/\1/p' | grep -v '^h$' |
			sed "s/^/$tool /"
	done >"$T/options"
	[ "$(wc -l <"$T/options")" -eq 10 ]
	while read -r tool o; do
		sed -n "/^\.It Cm $tool\$/,/^\.It Cm/p;/^\.Fl -json\$/p" \
			doc/man/msgport.1 | grep -q "Fl $o\>" ||
			{ echo "msgport(1) lacks $tool -$o"; exit 1; }
	done <"$T/options"
}

for f in example/*.out; do
	t "$(basename "$f" .out)" prints "$f" "${f%.out}.c"
done
t three_outputs_are_equal seed_cannot_tell

programs=$(script/examples "$T/doc" $doc)
outputs "$T/doc" $doc
for f in $programs; do
	name=$(basename "$f" .c)
	if grep -q '^main(' "$f"; then
		t "$name" prints "${f%.c}.out" "$f"
	else
		t "$name" driver_is_the_example "$f"
	fi
done
t tree_is_as_told tree_is_as_told
t files_are_there files_are_there
t targets_are_there targets_are_there
t options_are_told options_are_told
t every_constant_is_told every_constant_is_told
t_end
