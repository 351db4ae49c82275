#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The msgport command: what it refuses, how it says so, how it exits.
. test/t.sh
export MSGPORT_DIR="$T/names"

mp=$B/msgport
mkdir "$T/dir"
t_end_hook='umount -l "$T/dir" 2>/dev/null'

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

no_command_is_usage() {
	says 2 'usage: msgport' "$mp"
	[ ! -s "$T/out" ]
}

unknown_command_is_named() {
	says 2 "unknown command 'frob'" "$mp" frob
}

help_goes_to_stdout() {
	says 0 '' "$mp" help
	grep -q 'exit status: 0' "$T/out"
	[ ! -s "$T/err" ]
	says 0 '' "$mp" mount --help
	grep -q 'vfs_mem' "$T/out"
	grep -q 'quota_size' "$T/out"
	[ ! -s "$T/err" ]
}

help_to_a_full_disk_fails() {
	got=0
	"$mp" help >/dev/full || got=$?
	[ "$got" -eq 1 ]
}

mount_wants_two_arguments() {
	says 2 'wants a target and a directory' "$mp" mount
	says 2 'wants a target and a directory' "$mp" mount vfs_mem
	says 2 'wants a target and a directory' "$mp" mount vfs_mem a b
	says 2 'option' "$mp" mount --frob vfs_mem "$T/dir"
}

unknown_driver_is_named_and_others_listed() {
	says 2 "unknown driver 'vfs_frob'" "$mp" mount vfs_frob "$T/dir"
	says 2 'vfs_mem' "$mp" mount vfs_frob,size=1 "$T/dir"
	says 2 "unknown driver ''" "$mp" mount '' "$T/dir"
}

unknown_driver_option_is_named_and_others_listed() {
	says 2 'frob' "$mp" mount vfs_mem,frob=1 "$T/dir"
	grep -q 'quota_size' "$T/err"
}

bad_driver_value_is_named_with_what_is_valid() {
	says 2 'frob' "$mp" mount vfs_mem,atime=frob "$T/dir"
	grep -q 'relative' "$T/err"
	says 2 '12x' "$mp" mount vfs_mem,size=12x "$T/dir"
	says 2 'size' "$mp" mount vfs_mem,size=1 "$T/dir"
	says 2 'mode' "$mp" mount vfs_mem,mode=9 "$T/dir"
	says 2 'uid' "$mp" mount -o uid=-1 vfs_mem "$T/dir"
}

bad_mount_option_is_named_and_others_listed() {
	says 2 "bad option 'frob'" "$mp" mount -o ro,frob vfs_mem "$T/dir"
	grep -q 'quota_size' "$T/err"
	grep -q 'allow_other' "$T/err"
	says 2 "bad option 'threads=0'" "$mp" mount -othreads=0 vfs_mem \
		"$T/dir"
	says 2 "bad option 'threads=x'" "$mp" mount -othreads=x vfs_mem \
		"$T/dir"
	says 2 "bad option 'fsname'" "$mp" mount -ofsname vfs_mem "$T/dir"
	says 2 "bad option 'ro=1'" "$mp" mount -oro=1 vfs_mem "$T/dir"
}

ports_elsewhere_are_refused_by_name() {
	says 1 "no port 'frob'" "$mp" mount port:frob "$T/dir"
	says 1 "no port 'frob'" "$mp" mount direct:frob "$T/dir"
	says 1 "no port 'frob'" "$mp" mount process:frob "$T/dir"
	says 2 "'fr/ob' cannot be the name" "$mp" mount process:fr/ob "$T/dir"
	says 2 'the kernel' "$mp" mount kernel:frob "$T/dir"
}

a_bad_domain_is_named_and_others_listed() {
	says 2 "bad domain 'frob'; there are: direct process" \
		"$mp" mount -d frob vfs_mem "$T/dir"
	says 2 "-d is for drivers" "$mp" mount -d process port:x "$T/dir"
}

a_file_without_its_driver_is_named() {
	says 2 "cannot load '$T/none.so'" "$mp" mount "$T/none.so" "$T/dir"
	gcc -shared -o "$T/vfs_none.so" -x c - </dev/null
	says 2 'mp_driver_vfs_none is not in it' "$mp" mount \
		"$T/vfs_none.so" "$T/dir"
}

a_bad_parity_mode_is_named() {
	says 1 'frob' env MSGPORT_PARITY=frob "$mp" mount vfs_mem "$T/dir"
}

a_bad_directory_is_named() {
	says 1 "$T/none" "$mp" mount vfs_mem "$T/none"
	says 1 'No such file' "$mp" mount -f vfs_mem "$T/none"
	: >"$T/file"
	says 1 "$T/file" "$mp" mount vfs_mem "$T/file"
}

nothing_is_mounted_after_a_refusal() {
	! mountpoint -q "$T/dir"
}

needs_fuse() {
	[ "$(id -u)" -eq 0 ] && [ -w /dev/fuse ] && return
	echo 'needs /dev/fuse and root'
	return 77
}

live() {
	for i in $(seq 500); do
		mountpoint -q "$T/dir" && return
		sleep 0.01
	done
	return 1
}

options_reach_the_driver_by_either_way() {
	needs_fuse || return
	"$mp" mount vfs_mem,mode=0711 -o size=1M,ro,fsname=frob "$T/dir"
	[ "$(stat -c %a "$T/dir")" = 711 ]
	[ "$(stat -f -c %b "$T/dir")" = 256 ]
	grep -q "^frob $T/dir fuse.msgport ro," /proc/mounts
	t_fails touch "$T/dir/x"
	umount "$T/dir"
}

stats_are_printed_at_unmount() {
	needs_fuse || return
	"$mp" mount -f --stats vfs_mem "$T/dir" >"$T/stats" &
	live
	mkdir "$T/dir/d" "$T/dir/e"
	umount "$T/dir"
	wait $!
	cat "$T/stats"
	grep -qx 'messages mkdir 2' "$T/stats"
	grep -qx 'messages attach 1' "$T/stats"
	grep -qx 'messages detach 1' "$T/stats"
	grep -qx 'queued 0' "$T/stats"
	all=$(awk '$2 == "total" { print $3 }' "$T/stats")
	grep -qx "inline $all" "$T/stats"
}

parity_counts_as_queued() {
	needs_fuse || return
	MSGPORT_PARITY=async,copy,poison "$mp" mount -f --stats vfs_mem \
		"$T/dir" >"$T/stats" &
	live
	cp -r include "$T/dir/"
	diff -r include "$T/dir/include"
	rm -r "$T/dir/include"
	umount "$T/dir"
	wait $!
	cat "$T/stats"
	awk '$1 == "refused" && $2 == "parity" && $3 > 50 { ok = 1 }
		END { exit !ok }' "$T/stats"
}

t no_command_is_usage no_command_is_usage
t unknown_command_is_named unknown_command_is_named
t help_goes_to_stdout help_goes_to_stdout
t help_to_a_full_disk_fails help_to_a_full_disk_fails
t mount_wants_two_arguments mount_wants_two_arguments
t unknown_driver_is_named_and_others_listed \
	unknown_driver_is_named_and_others_listed
t unknown_driver_option_is_named_and_others_listed \
	unknown_driver_option_is_named_and_others_listed
t bad_driver_value_is_named_with_what_is_valid \
	bad_driver_value_is_named_with_what_is_valid
t bad_mount_option_is_named_and_others_listed \
	bad_mount_option_is_named_and_others_listed
t ports_elsewhere_are_refused_by_name ports_elsewhere_are_refused_by_name
t a_bad_domain_is_named_and_others_listed a_bad_domain_is_named_and_others_listed
t a_file_without_its_driver_is_named a_file_without_its_driver_is_named
t a_bad_parity_mode_is_named a_bad_parity_mode_is_named
t a_bad_directory_is_named a_bad_directory_is_named
t nothing_is_mounted_after_a_refusal nothing_is_mounted_after_a_refusal
t options_reach_the_driver_by_either_way options_reach_the_driver_by_either_way
t stats_are_printed_at_unmount stats_are_printed_at_unmount
t parity_counts_as_queued parity_counts_as_queued
t_end
