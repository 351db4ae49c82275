#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The examples do what they are said to: those in example/ print their .out,
# and those in the documentation compile, and end well if they are programs.
. test/t.sh

prints() {
	"$B/example/$1" >"$T/out"
	diff "example/$1.out" "$T/out"
}

builds() {
	set -- "$1" gcc -std=gnu11 -Wall -Wextra -Werror -Iinclude "$1"
	src=$1
	shift
	if grep -q '^main(\|^int main(' "$src"; then
		"$@" -o "${src%.c}" "$B/libhost.a" "$B/libmsgport.a" -lpthread
		timeout 10 "${src%.c}"
	else
		"$@" -c -o "${src%.c}.o"
	fi
}

for f in example/*.out; do
	name=$(basename "$f" .out)
	t "$name" prints "$name"
done
for f in $(script/examples "$T/doc" $(ls README.md HACKING.md \
	doc/*.md doc/man/* 2>/dev/null)); do
	t "$(basename "$f" .c)" builds "$f"
done
t_end
