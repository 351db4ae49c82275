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

tools='ls stat ping call trace'

help_tells_usage_and_exit_codes() {
	for tool in $tools; do
		says 0 '' "$mp" "$tool" --help
		grep -q "^usage: msgport $tool" "$T/out"
		grep -q 'exit status: 0' "$T/out"
	done
}

wrong_usage_is_2() {
	says 2 'takes no arguments' "$mp" ls x
	for tool in stat ping call trace; do
		says 2 'wants a name' "$mp" "$tool"
		says 2 'frob' "$mp" "$tool" --frob fs
		says 2 'cannot be the name' "$mp" "$tool" a/b
		says 2 'only ports of other processes' "$mp" "$tool" kernel:x
	done
	says 2 "bad count '0'" "$mp" ping -c 0 fs
	says 2 "bad count 'x'" "$mp" trace -c x fs
	says 2 "vfs has no operation 'frob'" "$mp" trace -e lookup,frob fs
	says 2 "vfs has no operation ''" "$mp" trace -e lookup, fs
	says 2 "bad count '1x'" "$mp" ping -c 1x fs
}

an_unpublished_name_is_said_to_be_so() {
	for tool in stat ping call trace; do
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
	for tool in stat ping call trace; do
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

a_server_with_enough_clients_is_full() {
	serve few "$(id -u)" 1
	rm -f "$T/began"
	mkfifo "$T/began"
	"$mp" trace few 2>"$T/began" &
	tracer=$!
	read -r line <"$T/began"
	state few full 'as many clients as it takes'
	no_more few
	wait "$tracer"
}

an_unknown_interface_can_be_asked_and_timed() {
	serve odd odd
	[ "$(row odd)" = live ]
	grep -q '^odd  *odd/7 ' "$T/ls"
	says 0 '' "$mp" stat --json odd
	[ "$(json 'it["interface"], it["version"]')" = "('odd', 7)" ]
	says 0 '' "$mp" ping odd
	says 1 "port 'odd' speaks odd, which this program does not" \
		"$mp" call odd frob
	says 2 "odd has no operation 'frob'" "$mp" trace -e frob odd
	no_more odd
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
	[ "$(json 'it["server_pid"]')" = "$(cat "$T/pid.fs")" ]
	[ "$(json 'it["sandbox"]')" = 'none: this is a test' ]
	[ "$(json 'it["port"]["kind"], it["port"]["not_inline"]["busy"]')" = \
		"('call', 0)" ]
	[ "$(json 'it["peers"]')" = '[]' ]
	says 0 '' "$mp" stat port:fs
	grep -qx 'name fs' "$T/out"
	grep -qx 'interface vfs' "$T/out"
}

# call WORD...: at the server of all, as JSON, which is then `it'
call() {
	says 0 '' "$mp" call --json fs "$@"
}

call_reaches_every_kind_of_field() {
	call mkdir parent=1 name=dir mode=0750 cred.uid=7 cred.gid=0x8
	dir=$(json 'it["out"]["entry.id"]')
	[ "$(json 'it["out"]["entry.attr.mode"]')" = 040750 ]
	[ "$(json 'it["out"]["entry.attr.uid"], it["out"]["entry.attr.gid"]')" = \
		'(7, 8)' ]
	call setattr node="$dir" 'valid=uid|mtime' uid=9 mtime.sec=-5 \
		mtime.nsec=999999999
	[ "$(json 'it["out"]["attr.mtime.sec"]')" = -5 ]
	[ "$(json 'it["out"]["attr.uid"]')" = 9 ]
	call rename parent=1 name=dir new_parent=1 new_name=hex:64e96C \
		flags=noreplace
	call lookup parent=1 name=hex:64e96c
	[ "$(json 'it["out"]["entry.id"]')" = "$dir" ]
	call forget item=hex:"$(printf '%02x' "$dir")00000000000000"0100000000000000
	says 0 '' "$mp" call fs access node=1 'mask=x|r'
	says 0 '' "$mp" call fs access node=1 mask=5
}

call_moves_buffers() {
	call create parent=1 name=file mode=644 flags=rdwr
	file=$(json 'it["out"]["entry.id"]')
	fh=$(json 'it["out"]["fh"]')
	head -c 70000 /dev/urandom >"$T/data"
	call write node="$file" fh="$fh" buf=@"$T/data"
	[ "$(json 'it["out"]["count"]')" = 70000 ]
	says 0 '' "$mp" call -o "$T/copy" fs read node="$file" fh="$fh" \
		buf=100000
	grep -qx '  buf_bytes 70000' "$T/out"
	cmp "$T/data" "$T/copy"
	call write node="$file" fh="$fh" 'buf=a "quoted" text'
	call write node="$file" fh="$fh" offset=1 buf=hex:00ff
	call read node="$file" fh="$fh" buf=6
	[ "$(json 'it["out"]["buf"]')" = hex:6100ff71756f ]
	says 0 '' "$mp" call fs read node="$file" fh="$fh" buf=6
	grep -qxF '  buf "a\000\377quo"' "$T/out"
	says 1 "$T/none" "$mp" call -o "$T/none/x" fs read node="$file" \
		fh="$fh"
	call release node="$file" fh="$fh"
}

an_answer_that_is_an_error_is_1() {
	says 1 "lookup at 'fs': No such file" "$mp" call --json fs lookup \
		parent=1 name=frob
	[ "$(json 'it["result"], it["error"]')" = "(-2, 'ENOENT')" ]
}

# bad WORDS WORD...: the arguments are refused so, and nothing is sent
bad() {
	words=$1
	shift
	says 2 "$words" "$mp" call fs "$@"
	[ ! -s "$T/out" ]
}

bad_arguments_are_refused_by_name_and_range() {
	bad "vfs has no operation 'frob'" frob
	bad "bad argument 'frob=1'" getattr node=1 frob=1
	bad "bad argument 'node'" getattr node
	bad "bad argument 'out.attr'" getattr out.attr
	bad "bad argument 'name_len=1'" lookup parent=1 name_len=1
	bad "bad argument 'reserved=1'" open node=1 reserved=1
	bad "'node' comes twice" getattr node=1 node=1
	bad "'parent' is missing: 1..18446744073709551615" lookup name=x
	bad "'0' of 'node': 1..18446744073709551615" getattr node=0
	bad "'18446744073709551616' of 'node'" getattr node=18446744073709551616
	bad "'-1' of 'node'" getattr node=-1
	bad "'1x' of 'node'" getattr node=1x
	bad "'' of 'node'" getattr node=
	bad "' 1' of 'node'" getattr 'node= 1'
	bad "'4294967296' of 'uid': 0..4294967295" setattr node=1 uid=4294967296
	bad "'1000000000' of 'mtime.nsec': 0..999999999" setattr node=1 \
		mtime.nsec=1000000000
	bad "'9223372036854775808' of 'offset': 0..9223372036854775807" \
		read node=1 offset=9223372036854775808
	bad "'9223372036854775808' of 'mtime.sec': -9223372036854775808..9" \
		setattr node=1 mtime.sec=9223372036854775808
	bad "'8' of 'mode': octal, bits of 07777" mkdir parent=1 mode=8
	bad "'10000' of 'mode'" mkdir parent=1 name=x mode=10000
	bad "'frob' of 'flags': bits of 0x3, or with | between: noreplace exch" \
		rename parent=1 new_parent=1 flags=frob
	bad "'4' of 'flags'" rename parent=1 new_parent=1 flags=4
	bad "'-' of 'whence': one of: data hole" lseek node=1 whence=-
	bad "'0' of 'whence'" lseek node=1 whence=0
	bad "'whence' is missing: one of: data hole" lseek node=1
	bad "length of 'name': 256 bytes, 0..255" lookup parent=1 \
		name="$(printf %256s x)"
	bad "length of 'item': 3 bytes, 0..256 in units of 16" \
		forget item=hex:123456
	bad "'hex:123' of 'name': hex: and pairs" lookup parent=1 name=hex:123
	bad "'hex:1g' of 'name'" lookup parent=1 name=hex:1g
	bad "bad buffer 'x': 432.." readdir node=1 buf=x
	bad "bad buffer '1': 4095.." readlink node=1 buf=1
	bad "$T/none" write node=1 buf=@"$T/none"
	head -c 5000 /dev/zero >"$T/data"
	bad '0..4095 bytes' symlink parent=1 name=x buf=@"$T/data"
	says 2 "bad seconds '0'" "$mp" call -t 0 fs statfs node=1
}

what_the_server_refuses_is_no_other_error() {
	says 1 'Message too long' "$mp" call fs read node=1 buf=1000000000
	says 1 'Invalid argument' "$mp" call fs readlink node=1
}

call_lists_operations_and_their_keys() {
	says 0 '' "$mp" call fs
	grep -qx '  unlink cred.uid cred.gid cred.pid cred.umask parent name' \
		"$T/out"
	grep -qx '  read node fh offset buf' "$T/out"
}

# trace OPTION...: begins to trace, into $T/trace; its process is $tracer
trace() {
	rm -f "$T/began"
	mkfifo "$T/began"
	"$mp" trace "$@" fs >"$T/trace" 2>"$T/began" &
	tracer=$!
	exec 8<"$T/began"
	read -r line <&8
	[ "$line" = "msgport: tracing 'fs' of process $(cat "$T/pid.fs")" ]
}

a_trace_has_a_line_for_each_message() {
	trace -c 203
	says 1 '' "$mp" call fs lookup parent=1 name=none
	call create parent=1 name=traced mode=600 flags=rdwr
	file=$(json 'it["out"]["entry.id"]')
	fh=$(json 'it["out"]["fh"]')
	head -c 1000 /dev/zero | tr '\0' y >"$T/data"
	call write node="$file" fh="$fh" offset=4 buf=@"$T/data"
	"$mp" ping -c 1000 fs
	for i in $(seq 200); do
		"$mp" call fs read node="$file" fh="$fh" offset="$i" buf=2 \
			>/dev/null
	done
	wait "$tracer"
	head -n 4 "$T/trace"
	[ "$(wc -l <"$T/trace")" -eq 203 ]
	sed -n 1p "$T/trace" | grep -q '^[0-9:]*\.[0-9]* process [0-9]* lookup(parent=1, name="none") = -2 ENOENT <[0-9]*\.[0-9]*>$'
	sed -n 2p "$T/trace" | grep -q ' create(parent=1, mode=0600, flags=rdwr, name="traced") = 0 {entry.id='
	sed -n 3p "$T/trace" | grep -q ' write(.*offset=4, buf_bytes=1000, buf="yyyy*"\.\.\.) = 0 {count=1000}'
	sed -n '4,$p' "$T/trace" | sed 's/.*offset=\([0-9]*\),.*buf_len=2) = 0 {count=2, .*/\1/' >"$T/seen"
	seq 200 | cmp - "$T/seen"
}

a_trace_can_be_of_some_operations_and_json() {
	trace --json -c 2 -e statfs,lookup
	call getattr node=1
	call statfs node=1
	call getattr node=1
	says 1 '' "$mp" call fs lookup parent=1 name=hex:ff22
	wait "$tracer"
	head -n 1 "$T/trace" >"$T/out"
	[ "$(json 'it["operation"], it["result"], it["in"], it["domain"]')" = \
		"('statfs', 0, {'node': 1}, 'process')" ]
	[ "$(json 'it["out"]["info.bsize"], it["took_ns"] > 0')" = \
		'(4096, True)' ]
	tail -n 1 "$T/trace" >"$T/out"
	[ "$(json 'it["in"]["name"] == "\udcff\x22", it["error"]')" = \
		"(True, 'ENOENT')" ]
}

a_signal_ends_a_trace_that_is_whole() {
	trace
	call getattr node=1
	[ "$("$mp" stat fs | awk '$1 == "tracers" { print $2 }')" -eq 1 ]
	kill -INT "$tracer"
	wait "$tracer"
	grep -q 'getattr(node=1) = 0' "$T/trace"
}

the_end_of_a_server_ends_its_trace() {
	serve short
	rm -f "$T/began"
	mkfifo "$T/began"
	"$mp" trace short >"$T/trace" 2>"$T/began" &
	tracer=$!
	read -r line <"$T/began"
	"$mp" call short getattr node=1
	no_more short
	wait "$tracer"
	[ "$(wc -l <"$T/trace")" -eq 1 ]
}

stat_has_counted_all_that() {
	says 0 '' "$mp" stat --json fs
	[ "$(json 'it["messages"]["inline"] >= 10')" = True ]
	[ "$(json 'it["messages"]["queued"]')" = 0 ]
	[ "$(json 'sum(b["timed"] for b in it["latency"]) == it["messages"]["total"]')" = True ]
}

output_to_a_full_disk_fails() {
	for tool in 'ls' 'stat fs' 'ping fs' 'call fs' 'call fs statfs node=1'; do
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
t a_server_with_enough_clients_is_full a_server_with_enough_clients_is_full
t an_unknown_interface_can_be_asked_and_timed \
	an_unknown_interface_can_be_asked_and_timed
t a_stopped_server_is_silent_and_stops_nobody \
	a_stopped_server_is_silent_and_stops_nobody
t what_is_no_port_is_foreign what_is_no_port_is_foreign
t ping_reaches_the_server_and_not_the_driver \
	ping_reaches_the_server_and_not_the_driver
t stat_tells_of_port_and_peers stat_tells_of_port_and_peers
t call_reaches_every_kind_of_field call_reaches_every_kind_of_field
t call_moves_buffers call_moves_buffers
t an_answer_that_is_an_error_is_1 an_answer_that_is_an_error_is_1
t bad_arguments_are_refused_by_name_and_range \
	bad_arguments_are_refused_by_name_and_range
t what_the_server_refuses_is_no_other_error \
	what_the_server_refuses_is_no_other_error
t call_lists_operations_and_their_keys call_lists_operations_and_their_keys
t a_trace_has_a_line_for_each_message a_trace_has_a_line_for_each_message
t a_trace_can_be_of_some_operations_and_json \
	a_trace_can_be_of_some_operations_and_json
t a_signal_ends_a_trace_that_is_whole a_signal_ends_a_trace_that_is_whole
t the_end_of_a_server_ends_its_trace the_end_of_a_server_ends_its_trace
t stat_has_counted_all_that stat_has_counted_all_that
t output_to_a_full_disk_fails output_to_a_full_disk_fails
no_more fs
t_end
