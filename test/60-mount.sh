#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# A mounted driver and the programs around it: how a mount begins and ends,
# and many at work on it at once.
. test/t.sh

mp=$B/msgport
m=$T/mnt
mkdir "$m"
t_end_hook='umount -l "$m" 2>/dev/null'

if [ "$(id -u)" -ne 0 ] || [ ! -w /dev/fuse ]; then
	needs() { echo 'needs /dev/fuse and root'; return 77; }
	t mounts needs
	t_end
fi

# begin [ARGUMENT...]: in the foreground, its process is $server
begin() {
	"$mp" mount -f --stats "$@" vfs_mem "$m" >"$T/stats" 2>"$T/err" &
	server=$!
	live
}

live() {
	for i in $(seq 500); do
		mountpoint -q "$m" && return
		sleep 0.01
	done
	cat "$T/err"
	return 1
}

# ended [STATUS]: by itself, and says so
ended() {
	code=0
	wait "$server" || code=$?
	cat "$T/err"
	[ "$code" -eq "${1:-0}" ]
	! mountpoint -q "$m"
}

in_the_background_it_is_live_when_the_command_returns() {
	"$mp" mount vfs_mem "$m"
	mountpoint -q "$m"
	echo text >"$m/f"
	umount "$m"
	[ ! -e "$m/f" ]
	"$mp" mount vfs_mem "$m"
	[ ! -e "$m/f" ]
	umount "$m"
}

in_the_background_it_holds_no_terminal() {
	out=$("$mp" mount vfs_mem "$m" 2>&1)
	[ -z "$out" ]
	umount "$m"
}

umount_ends_the_server() {
	begin
	umount "$m"
	ended
	grep -qx 'messages detach 1' "$T/stats"
}

a_busy_mount_is_not_unmounted() {
	begin
	: >"$m/f"
	exec 9<"$m/f"
	t_fails umount "$m"
	echo still >"$m/g"
	exec 9<&-
	umount "$m"
	ended
}

a_lazy_unmount_serves_to_the_last_close() {
	begin
	exec 9>"$m/f"
	umount -l "$m"
	echo text >&9
	kill -0 "$server"
	exec 9>&-
	ended
}

signals_unmount() {
	for s in INT TERM HUP; do
		# A shell's background has INT ignored, which exec inherits.
		setsid env --default-signal=INT "$mp" mount -f vfs_mem "$m" \
			2>"$T/err" &
		server=$!
		live
		echo text >"$m/f"
		kill -$s "$server"
		ended
	done
}

a_signal_ends_a_busy_mount() {
	begin
	exec 9>"$m/f"
	echo text >&9
	kill -TERM "$server"
	ended
	t_fails cat /proc/self/fd/9
	exec 9>&-
}

after_kill_9_the_directory_can_be_used_again() {
	begin
	: >"$m/f"
	kill -9 "$server"
	ended 137 || :
	t_fails ls "$m"
	umount "$m"
	begin
	: >"$m/f"
	umount "$m"
	ended
}

kill_9_in_the_middle_of_work_harms_only_it() {
	begin
	(while echo x >>"$m/f"; do :; done) 2>/dev/null &
	work=$!
	until [ -s "$m/f" ]; do :; done
	kill -9 "$server"
	wait "$work" || :
	umount "$m"
	mountpoint -q "$m" && return 1
	wait "$server" || :
}

a_second_mount_covers_the_first() {
	begin
	echo one >"$m/f"
	"$mp" mount vfs_mem "$m"
	[ ! -e "$m/f" ]
	umount "$m"
	[ "$(cat "$m/f")" = one ]
	umount "$m"
	ended
}

a_covered_mount_ends_and_leaves_its_cover() {
	begin
	"$mp" mount vfs_mem "$m"
	echo two >"$m/f"
	kill -TERM "$server"
	wait "$server" || return 1
	[ "$(cat "$m/f")" = two ]
	umount "$m"
	umount "$m"
	t_fails mountpoint -q "$m"
}

attributes_come_with_names() {
	begin -o cache=1
	mkdir "$m/d"
	(cd "$m/d" && seq 500 | xargs touch)
	sleep 1.1
	ls -l "$m/d" >"$T/ls"
	[ "$(wc -l <"$T/ls")" -eq 501 ]
	umount "$m"
	ended
	cat "$T/stats"
	# One lookup a file when it was made, and none to list it.
	awk '$2 == "readdirplus" { n = $3 } $2 == "lookup" { l = $3 }
		END { exit !(n > 0 && l < 600) }' "$T/stats"
}

without_readdirplus_there_are_none() {
	begin -o no_readdirplus,no_writeback,threads=1
	: >"$m/f"
	ls -l "$m" | grep -q f
	umount "$m"
	ended
	grep -q '^messages readdir ' "$T/stats"
	t_fails grep -q readdirplus "$T/stats"
}

mapped_files_are_files() {
	begin
	dd if=/dev/urandom of="$m/a" bs=4k count=64 status=none
	fio --minimal --filename="$m/a" --ioengine=mmap --verify_state_save=0 --rw=randrw \
		--bs=4k --size=1m --verify=crc32c --name=map >"$T/fio"
	cp "$m/a" "$T/a"
	umount "$m"
	ended
}

many_at_once_lose_nothing() {
	begin -o "clone_fd${1:+,$1}"
	for w in 1 2 3 4; do
		(
			set -e
			mkdir "$m/w$w"
			cd "$m/w$w"
			for i in $(seq 40); do
				echo "$w $i" >"f$i"
				ln "f$i" "$m/l$w.$i"
				mv "f$i" "g$i"
				mkdir "d$i"
				mv "g$i" "d$i/h"
			done
			cat d*/h | sort >"$m/sum$w"
			rm -r d*
			[ -z "$(ls)" ]
		) &
		eval "p$w=$!"
	done
	wait "$p1"; wait "$p2"; wait "$p3"; wait "$p4"
	[ "$(cat "$m"/sum* | sort -u | wc -l)" -eq 160 ]
	[ "$(cat "$m"/l* | sort -u | wc -l)" -eq 160 ]
	[ "$(stat -c %h "$m"/l* | sort -u)" = 1 ]
	rm -r "$m"/*
	umount "$m"
	ended
}

space_comes_back() {
	begin -o size=8M
	for i in 1 2 3; do
		head -c 6M /dev/zero >"$m/f"
		sync -f "$m"
		rm "$m/f"
	done
	for i in $(seq 1000); do
		[ "$(stat -f -c %f "$m")" != "$(stat -f -c %b "$m")" ] || break
		sleep 0.01
	done
	[ "$(stat -f -c %f "$m")" = "$(stat -f -c %b "$m")" ]
	umount "$m"
	ended
}

over_a_boundary_it_is_the_same() {
	export MSGPORT_PARITY=async,copy,poison
	many_at_once_lose_nothing threads=8
	unset MSGPORT_PARITY
}

a_peer_that_dies_leaves_errors_and_a_way_out() {
	MSGPORT_PARITY=kill=40 "$mp" mount -f vfs_mem "$m" 2>"$T/err" &
	server=$!
	live
	t_fails sh -c 'set -e; for i in $(seq 100); do : >"$0/f$i"; done' "$m"
	t_fails ls "$m"
	umount "$m"
	ended
}

for name in \
	in_the_background_it_is_live_when_the_command_returns \
	in_the_background_it_holds_no_terminal \
	umount_ends_the_server \
	a_busy_mount_is_not_unmounted \
	a_lazy_unmount_serves_to_the_last_close \
	signals_unmount \
	a_signal_ends_a_busy_mount \
	after_kill_9_the_directory_can_be_used_again \
	kill_9_in_the_middle_of_work_harms_only_it \
	a_second_mount_covers_the_first \
	a_covered_mount_ends_and_leaves_its_cover \
	attributes_come_with_names \
	without_readdirplus_there_are_none \
	mapped_files_are_files \
	many_at_once_lose_nothing \
	space_comes_back \
	over_a_boundary_it_is_the_same \
	a_peer_that_dies_leaves_errors_and_a_way_out
do
	t "$name" "$name"
	umount -l "$m" 2>/dev/null
done
t_end
