#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# Everything is built in every way that is promised, and can be installed.
. test/t.sh

exports() {
	nm -D --defined-only build/libmsgport.so.0 | awk '{ print $3 }' >"$T/all"
	grep -q '^mp_call$' "$T/all"
	t_fails grep -v '^mp_' "$T/all"
	objdump -p build/libmsgport.so.0 | grep 'SONAME *libmsgport.so.0'
}

core_is_small() {
	make -s size | awk '{ print; exit $1 < 1024 || $1 > 16384 }'
}

install() {
	make -s install DESTDIR="$T" PREFIX=/usr
	cat >"$T/a.c" <<-'END'
	#include <msgport/msg.h>
	#include <msgport/port.h>

	int main(void)
	{
		struct mp_msg m = MP_MSG(1);

		return mp_done(&m) != 1;
	}
	END
	export PKG_CONFIG_PATH=$T/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$T
	gcc "$T/a.c" -o "$T/shared" $(pkg-config --cflags --libs msgport)
	LD_LIBRARY_PATH=$T/usr/lib "$T/shared"
	gcc -static "$T/a.c" -o "$T/static" \
		$(pkg-config --static --cflags --libs msgport)
	"$T/static"
	test -z "$(nm -g --defined-only "$T/usr/lib/libmsgport.a" |
		awk 'NF == 3 && $3 !~ /^mp_/')"
	for h in include/msgport/*.h; do
		cmp "$h" "$T/usr/$h"
	done
}

t clang make -s clang
t header_compiles_alone make -s header
t freestanding make -s free
t kernel_objects make -s kernel-objects
t only_mp_is_exported exports
t core_is_16_kib_at_most core_is_small
t what_is_installed_works install
t_end
