#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The tools that speak every interface, against a server of their own.
. test/t.sh

mp=$B/msgport
MSGPORT_DIR=$T/port
export MSGPORT_DIR
t_end_hook='kill -9 $(cat "$T"/pid.* 2>/dev/null) 2>/dev/null'

# serve NAME [UID [LINKS]]: starts a server and waits until it can be reached
serve() {
	rm -f "$T/ready" "$T/end.$1"
	mkfifo "$T/ready" "$T/end.$1"
	"$B/test/export" "$@" <>"$T/end.$1" >"$T/ready" &
	echo $! >"$T/pid.$1"
	read -r word <"$T/ready"
	[ "$word" = ready ]
}

# signal NAME SIGNAL
signal() {
	kill "-$2" "$(cat "$T/pid.$1")"
}

# no_more NAME: ends a server of this shell as it likes to end
no_more() {
	echo >"$T/end.$1"
	wait "$(cat "$T/pid.$1")"
	rm "$T/pid.$1"
}

# says STATUS WORDS COMMAND...: exits so, and these words are on stderr
says() {
	want=$1 words=$2
	shift 2
	got=0
	"$@" >"$T/out" 2>"$T/err" || got=$?
	echo "exit $got, wanted $want; it said:"
	cat "$T/err"
	[ "$got" -eq "$want" ]
	[ -z "$words" ] || grep -qF -- "$words" "$T/err"
}

# json EXPRESSION: of `it', what was last printed
json() {
	python3 -c 'import json, sys
it = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$T/out" "$1"
}

# row NAME: its state in the list
row() {
	"$mp" ls >"$T/ls"
	cat "$T/ls" >&2
	awk -v name="$1" '$1 == name { print $NF }' "$T/ls"
}

tools='ls stat ping'

help_tells_usage_and_exit_codes() {
	for tool in $tools; do
		says 0 '' "$mp" "$tool" --help
		grep -q "^usage: msgport $tool" "$T/out"
		grep -q 'exit status: 0' "$T/out"
	done
}

wrong_usage_is_2() {
	says 2 'takes no arguments' "$mp" ls x
	for tool in stat ping; do
		says 2 'wants a name' "$mp" "$tool"
		says 2 'frob' "$mp" "$tool" --frob fs
		says 2 'cannot be the name' "$mp" "$tool" a/b
		says 2 'only ports of other processes' "$mp" "$tool" kernel:x
	done
	says 2 "bad count '0'" "$mp" ping -c 0 fs
	says 2 "bad count '1x'" "$mp" ping -c 1x fs
}

an_unpublished_name_is_said_to_be_so() {
	for tool in stat ping; do
		says 1 "no port 'frob' is published in $MSGPORT_DIR" \
			"$mp" "$tool" frob
	done
}

no_directory_lists_nothing() {
	MSGPORT_DIR=$T/none says 0 '' "$mp" ls
	[ "$(wc -l <"$T/out")" -eq 1 ]
	MSGPORT_DIR=$T/none says 0 '' "$mp" ls --json
	[ "$(json 'it')" = '[]' ]
}

ls_tells_who_serves_what() {
	[ "$(row fs)" = live ]
	grep -q "^fs  *vfs/1  *process  *$(id -un)  *$(cat "$T/pid.fs") live$" \
		"$T/ls"
	says 0 '' "$mp" ls --json
	[ "$(json '[p for p in it if p["name"] == "fs"][0]["pid"]')" = \
		"$(cat "$T/pid.fs")" ]
	[ "$(json '[p for p in it if p["name"] == "fs"][0]["interface"]')" = \
		vfs ]
}

what_is_no_socket_is_not_listed() {
	: >"$MSGPORT_DIR/file"
	[ -z "$(row file)" ]
	rm "$MSGPORT_DIR/file"
}

# state NAME WORD WORDS: it is listed so, and each tool says so
state() {
	[ "$(row "$1")" = "$2" ]
	for tool in stat ping; do
		says 1 "port '$1' is $2" "$mp" "$tool" "$1"
		grep -qF "$3" "$T/err"
	done
	says 0 '' "$mp" ls --json
	[ "$(json "[p for p in it if p['name'] == '$1'][0]['state']")" = "$2" ]
}

a_dead_server_is_said_to_be_dead() {
	serve gone
	signal gone KILL
	wait "$(cat "$T/pid.gone")" || :
	state gone dead 'its server has ended'
	serve gone
	[ "$(row gone)" = live ]
	no_more gone
	[ -z "$(row gone)" ]
}

one_who_is_not_let_in_is_told() {
	serve closed 12345
	state closed forbidden 'to you'
	no_more closed
}

a_stopped_server_is_silent_and_stops_nobody() {
	serve stopped
	signal stopped STOP
	[ "$(row stopped)" = silent ]
	says 1 "'stopped' is silent: process $(cat "$T/pid.stopped")" \
		"$mp" stat stopped
	signal stopped CONT
	[ "$(row stopped)" = live ]
	no_more stopped
}

what_is_no_port_is_foreign() {
	mkfifo "$T/up"
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
s.listen()
print(flush=True)
while True:
    c = s.accept()[0]
    c.recv(9999)
    c.send(b"hello")' "$MSGPORT_DIR/other" >"$T/up" &
	echo $! >"$T/pid.other"
	read -r word <"$T/up"
	state other foreign "process $(cat "$T/pid.other")"
	signal other KILL
	rm "$MSGPORT_DIR/other"
}

ping_reaches_the_server_and_not_the_driver() {
	before=$("$mp" stat fs | awk '/^  total/ { print $2 }')
	says 0 '' "$mp" ping -c 100 process:fs
	grep -qx 'count 100' "$T/out"
	says 0 '' "$mp" ping -c 5 --json fs
	[ "$(json 'it["count"] == 5 and 0 < it["min_ns"] <= it["mean_ns"] <= it["max_ns"]')" = True ]
	[ "$("$mp" stat fs | awk '/^  total/ { print $2 }')" = "$before" ]
}

stat_tells_of_port_and_peers() {
	says 0 '' "$mp" stat --json fs
	[ "$(json 'it["interface"], it["version"], it["pid"]')" = \
		"('vfs', 1, $(cat "$T/pid.fs"))" ]
	[ "$(json 'it["sandbox"]')" = 'none: this is a test' ]
	[ "$(json 'it["port"]["kind"], it["port"]["not_inline"]["busy"]')" = \
		"('call', 0)" ]
	[ "$(json 'it["peers"]')" = '[]' ]
	says 0 '' "$mp" stat port:fs
	grep -qx 'name fs' "$T/out"
	grep -qx 'interface vfs' "$T/out"
}

output_to_a_full_disk_fails() {
	for tool in 'ls' 'stat fs' 'ping fs'; do
		got=0
		"$mp" $tool >/dev/full || got=$?
		[ "$got" -eq 1 ]
	done
}

serve fs
t help_tells_usage_and_exit_codes help_tells_usage_and_exit_codes
t wrong_usage_is_2 wrong_usage_is_2
t an_unpublished_name_is_said_to_be_so an_unpublished_name_is_said_to_be_so
t no_directory_lists_nothing no_directory_lists_nothing
t ls_tells_who_serves_what ls_tells_who_serves_what
t what_is_no_socket_is_not_listed what_is_no_socket_is_not_listed
t a_dead_server_is_said_to_be_dead a_dead_server_is_said_to_be_dead
t one_who_is_not_let_in_is_told one_who_is_not_let_in_is_told
t a_stopped_server_is_silent_and_stops_nobody \
	a_stopped_server_is_silent_and_stops_nobody
t what_is_no_port_is_foreign what_is_no_port_is_foreign
t ping_reaches_the_server_and_not_the_driver \
	ping_reaches_the_server_and_not_the_driver
t stat_tells_of_port_and_peers stat_tells_of_port_and_peers
t output_to_a_full_disk_fails output_to_a_full_disk_fails
no_more fs
t_end
