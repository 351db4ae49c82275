#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Drivers in processes of their own: how they are served, mounted and ended,
# what becomes of their clients, and what they cannot do.
. test/t.sh

mp=$B/msgport
m=$T/mnt
export MSGPORT_DIR="$T/names"
mkdir "$m" "$MSGPORT_DIR"
chmod 755 "$T" "$MSGPORT_DIR"
server=
t_end_hook='umount -l "$m" 2>/dev/null'

# says STATUS WORDS COMMAND...: exits so, and these words are on stderr
says() {
	want=$1 words=$2
	shift 2
	got=0
	"$@" >"$T/out" 2>"$T/err" || got=$?
	echo "exit $got, wanted $want; it said:"
	cat "$T/err"
	[ "$got" -eq "$want" ]
	grep -qF -- "$words" "$T/err"
}

# begin ARGUMENT...: in the foreground, as "x"; returns when it serves
begin() {
	rm -f "$T/said"
	mkfifo "$T/said"
	trap '[ -z "$server" ] || kill "$server"' EXIT
	"$mp" serve -f --name x "$@" >"$T/said" 2>"$T/err" &
	server=$!
	line=
	read -r line <"$T/said" || :
	echo "$line"
	cat "$T/err"
	[ -n "$line" ]
}

# The process that has the driver.
host() {
	pgrep -P "$server"
}

# ended STATUS [WORDS]: it does so by itself, says this, and leaves no name
ended() {
	code=0
	wait "$server" || code=$?
	server=
	cat "$T/err"
	[ "$code" -eq "$1" ]
	[ -z "${2:-}" ] || grep -qF -- "$2" "$T/err"
	[ ! -e "$MSGPORT_DIR/x" ]
}

end() {
	kill "$server"
	ended 0
}

# gone PID: it ends, with all its threads, though nobody here can wait for it
gone() {
	for i in $(seq 500); do
		case $(ps -o stat= -p "$1") in
		'') return ;;
		Z*) [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -gt 1 ] ||
			return 0 ;;
		esac
		sleep 0.01
	done
	return 1
}

mounted() {
	for i in $(seq 500); do
		mountpoint -q "$m" && return
		sleep 0.01
	done
	return 1
}

# mount_apart [OPTION]: in the foreground, with a host of its own
mount_apart() {
	trap '[ -z "$server" ] || kill "$server"' EXIT
	"$mp" mount -f -d process "vfs_mem${1:-}" "$m" 2>"$T/err" &
	server=$!
	mounted
}

# unusable FILE: it fails, at once, and says that the server is gone
unusable() {
	t_fails timeout 10 cat "$1" 2>"$T/why"
	cat "$T/why"
	grep -qE 'not connected|Input/output|connection abort' "$T/why"
}

list() {
	(cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# ---- without a mount

bad_usage_is_named() {
	says 2 'serve wants a target' "$mp" serve
	says 2 'serve wants a target' "$mp" serve a b
	says 2 "unknown driver 'vfs_frob'" "$mp" serve vfs_frob
	says 2 'frob' "$mp" serve vfs_mem,frob=1
	says 2 "bad mode '9'" "$mp" serve --mode 9 vfs_mem
	says 2 "bad mode '1777'" "$mp" serve --mode 1777 vfs_mem
	says 2 "bad sandbox 'frob'; there are: strict none" \
		"$mp" serve --sandbox=frob vfs_mem
	says 2 "bad name 'a/b'" "$mp" serve --name a/b vfs_mem
	says 2 'serve wants a driver' "$mp" serve process:x
	says 2 'option' "$mp" serve --frob vfs_mem
	says 2 'cannot load' "$mp" serve ./none.so
}

help_lists_drivers() {
	"$mp" serve --help | grep -q quota_size
}

what_is_in_force_is_said() {
	begin vfs_mem
	case $line in
	'msgport: serving vfs_mem as x; sandbox: '*) ;;
	*) return 1 ;;
	esac
	for word in no_new_privs caps seccomp rlimits landlock \
		mount_namespace network_namespace ipc_namespace; do
		echo "$line" | grep -q "$word"
	done
	grep -qx 'Seccomp:	2' "/proc/$(host)/status"
	grep -qx 'NoNewPrivs:	1' "/proc/$(host)/status"
	grep -qx 'CapBnd:	0000000000000000' "/proc/$(host)/status"
	end
}

all_threads_are_in_it() {
	begin vfs_mem
	if grep -q tsan_ "$mp"; then
		echo 'the sanitizer has a thread of its own'
		return 77
	fi
	[ "$(cat "/proc/$(host)/task"/*/status | grep '^CapEff' | sort -u |
		wc -l)" -eq 1 ]
	t_fails grep -q '^Seccomp:	0' "/proc/$(host)/task"/*/status
	end
}

a_driver_with_threads_is_not_locked_in() {
	says 1 'its driver has started threads' "$mp" serve --name x \
		"$T/vfs_try.so,thread"
	begin --sandbox=none "$T/vfs_try.so,thread"
	end
}

without_a_sandbox_that_is_said() {
	begin --sandbox=none vfs_mem
	[ "$line" = 'msgport: serving vfs_mem as x; sandbox: none' ]
	end
}

in_the_background_it_serves_when_the_command_returns() {
	line=$("$mp" serve --name "b$$" --restart vfs_mem 2>&1)
	[ "${line%%;*}" = "msgport: serving vfs_mem as b$$" ]
	[ "$(stat -c %a "$MSGPORT_DIR/b$$")" = 600 ]
	server=$(pgrep -o -f "serve --name b$$ ")
	kill "$server"
	gone "$server"
	[ ! -e "$MSGPORT_DIR/b$$" ]
}

two_cannot_have_one_name() {
	begin vfs_mem
	says 1 'a live server has the name' "$mp" serve --name x vfs_mem
	end
}

a_dead_servers_name_is_taken() {
	begin vfs_mem
	host=$(host)
	kill -9 "$server"
	wait "$server" || :
	gone "$host"
	[ -e "$MSGPORT_DIR/x" ]
	says 1 "no port 'x'" "$mp" mount process:x "$m"
	begin vfs_mem
	end
}

a_driver_that_does_not_begin_is_told() {
	says 1 'as it was told' "$mp" serve --restart --name x \
		"$T/vfs_try.so,fail"
	[ ! -e "$MSGPORT_DIR/x" ]
}

who_may_not_connect_is_told() {
	begin --mode 0640 vfs_mem
	[ "$(stat -c %a "$MSGPORT_DIR/x")" = 640 ]
	says 1 "port 'x': Permission denied" setpriv --reuid=65534 \
		--regid=65534 --clear-groups "$mp" mount process:x "$m"
	end
}

the_cause_of_an_end_is_told() {
	begin vfs_mem
	kill -9 "$(host)"
	ended 1 "the host of 'x' was killed by signal 9"
}

signals_end_it() {
	for s in INT TERM HUP; do
		begin vfs_mem
		kill -$s "$server"
		ended 0
	done
}

a_restart_comes_later_each_time() {
	begin --restart vfs_mem
	for delay in 100 200; do
		until host=$(host); do :; done
		kill -9 "$host"
		until grep -q "again in $delay ms" "$T/err"; do
			kill -0 "$server"
		done
	done
	end
}

# ---- with one

a_tree_is_the_same_on_the_other_side() {
	begin vfs_mem
	"$mp" mount process:x "$m"
	cp -r include core "$m/"
	list include >"$T/want"
	list "$m/include" >"$T/have"
	cmp "$T/want" "$T/have"
	diff -r core "$m/core"
	umount "$m"
	# It is the server's, and still there.
	"$mp" mount port:x "$m"
	diff -r core "$m/core"
	umount "$m"
	end
}

kill_9_of_the_host_leaves_errors_and_a_way_out() {
	begin vfs_mem
	"$mp" mount process:x "$m"
	echo text >"$m/f"
	exec 9<"$m/f"
	(while echo x >>"$m/g"; do :; done) 2>/dev/null &
	work=$!
	until [ -s "$m/g" ]; do kill -0 "$work"; done
	kill -9 "$(host)"
	unusable "$m/none"
	wait "$work" || :
	t_fails timeout 10 cat "$m/h"
	exec 9<&-
	timeout 10 umount "$m"
	ended 1 'killed by signal 9'
}

after_a_restart_a_new_mount_works() {
	begin --restart vfs_mem
	"$mp" mount process:x "$m"
	: >"$m/f"
	kill -9 "$(host)"
	unusable "$m/f"
	umount "$m"
	# In the name's queue until somebody serves again.
	"$mp" mount process:x "$m"
	[ ! -e "$m/f" ]
	echo text >"$m/g"
	[ "$(cat "$m/g")" = text ]
	umount "$m"
	end
}

a_mount_may_have_its_own_host() {
	mkdir "$T/tmp"
	TMPDIR=$T/tmp mount_apart ,size=8M
	host=$(host)
	grep -qx 'Seccomp:	2' "/proc/$host/status"
	[ -z "$(ls -A "$T/tmp")" ]
	[ -z "$(ls -A "$MSGPORT_DIR")" ]
	[ "$(stat -f -c %b "$m")" = 2048 ]
	cp -r core "$m/"
	diff -r core "$m/core"
	umount "$m"
	ended 0
	gone "$host"
}

the_host_of_a_mount_ends_with_it() {
	mount_apart
	host=$(host)
	kill -9 "$server"
	wait "$server" || :
	server=
	gone "$host"
	umount "$m"
}

a_mount_tells_how_its_host_ended() {
	mount_apart
	kill -9 "$(host)"
	unusable "$m/f"
	umount "$m"
	ended 0 'the host was killed by signal 9'
}

a_driver_of_a_file_is_mounted_in_either_way() {
	for d in direct process; do
		"$mp" mount -d "$d" "$T/vfs_hello.so" "$m"
		[ "$(cat "$m/hello")" = 'hello, world' ]
		umount "$m"
	done
}

# ---- what a driver tries

# tries SANDBOX WHAT...: $said is the error that the driver got
tries() {
	begin --sandbox="$1" "$T/vfs_try.so"
	"$mp" mount -f process:x "$m" &
	client=$!
	mounted
	said=$(LC_ALL=C timeout 10 stat "$m/$2.$client" 2>&1 || :)
	echo "$2: $said"
	umount "$m"
	wait "$client"
}

what_it_tries_would_work() {
	for what in open create memory socket connect signal fork exec \
		ptrace peek code uring limit; do
		tries none "$what"
		echo "$said" | grep -q 'Invalid cross-device link'
		end
	done
}

what_a_library_may_try_is_refused() {
	for what in open create memory socket connect limit; do
		tries strict "$what"
		echo "$said" | grep -q 'Operation not permitted'
		end
	done
}

what_only_an_attack_tries_kills() {
	for what in signal fork exec ptrace peek code uring; do
		tries strict "$what"
		ended 1 'was killed by its sandbox (SIGSYS)'
	done
}

for d in vfs_try=test vfs_hello=example; do
	"${CC:-gcc}" -shared -fPIC -O1 -Iinclude -o "$T/${d%=*}.so" \
		"${d#*=}/${d%=*}.c" || exit
done

run() {
	for name; do
		t "$name" "$name"
		umount -l "$m" 2>/dev/null
	done
}

run bad_usage_is_named help_lists_drivers
if [ "$(id -u)" -ne 0 ] || [ ! -w /dev/fuse ]; then
	needs() { echo 'needs /dev/fuse and root'; return 77; }
	t serves needs
	t_end
fi
run what_is_in_force_is_said all_threads_are_in_it \
	a_driver_with_threads_is_not_locked_in without_a_sandbox_that_is_said \
	in_the_background_it_serves_when_the_command_returns \
	two_cannot_have_one_name a_dead_servers_name_is_taken \
	a_driver_that_does_not_begin_is_told who_may_not_connect_is_told \
	the_cause_of_an_end_is_told signals_end_it \
	a_restart_comes_later_each_time \
	a_tree_is_the_same_on_the_other_side \
	kill_9_of_the_host_leaves_errors_and_a_way_out \
	after_a_restart_a_new_mount_works a_mount_may_have_its_own_host \
	the_host_of_a_mount_ends_with_it a_mount_tells_how_its_host_ended \
	a_driver_of_a_file_is_mounted_in_either_way \
	what_it_tries_would_work what_a_library_may_try_is_refused \
	what_only_an_attack_tries_kills
t_end
