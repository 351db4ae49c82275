#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#
# The checks of the house, each fed with something that it is to refuse.
. test/t.sh

s=$PWD/script
spdx='/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */'
cd "$T" && mkdir -p include/msgport core class driver front test h || exit

# refuse SCRIPT WHAT FILE: the script complains of the file in these words.
refuse() {
	t_fails "$s/$1" "$3" >out
	grep -F -- "$2" out || { cat out; return 1; }
}

long_function() {
	printf 'int\nf(void)\n{\n'
	yes '	a++;' | head -n "$1"
	echo '}'
}

limits() {
	long_function 68 >core/a.c
	yes '' | head -n 500 >>core/b.c
	printf '\t%072d\n' 0 >core/c.c
	echo 'int mp_f(int a, int b, int c, int d, int (*e)(int, int));' >core/d.c
	printf 'int\nf(void)\n{\n\t\t\tif (a)\n\t\t\t\tb();\n}\n' >core/e.c
	yes '' | head -n 250 >include/msgport/a.h
	"$s/limits" core/[a-e].c include/msgport/a.h
}

limits_refuse() {
	long_function 69 >core/f.c
	refuse limits 'core/f.c:73: lines in f: 71, at most 70' core/f.c
	yes '' | head -n 501 >core/g.c
	refuse limits 'core/g.c:501: lines in a file: 501' core/g.c
	printf '\t%073d\n' 0 >core/h.c
	refuse limits 'core/h.c:1: columns: 81, at most 80' core/h.c
	echo 'int mp_f(int a, int b, int c, int d, int e, int f);' >core/i.c
	refuse limits 'core/i.c:1: parameters of mp_f: 6' core/i.c
	printf 'int\nf(void)\n{\n\t\t\t\tif (a)\n\t\t\t\t\tb();\n}\n' >core/j.c
	refuse limits 'core/j.c:4: nesting: 4, at most 3' core/j.c
	yes '' | head -n 251 >include/msgport/b.h
	refuse limits 'include/msgport/b.h:251: lines' include/msgport/b.h
}

# include FILE LINE...: a file of these lines, named in the Makefile.
include() {
	file=$1
	shift
	printf '%s\n' "$@" >"$file"
	echo "A := $file" >>Makefile
}

layers() {
	include core/k.c '#include "os.h"' '#include <msgport/msg.h>'
	include core/l.c '#include <stdlib.h>'
	printf 'POSIX_SRC := core/m.c \\\n\tcore/l.c\n' >>Makefile
	include driver/n.c '#include <msgport/vfs.h>' '#include "../class/x.h"'
	include front/o.c '#include <fuse.h>' '#include <msgport/driver.h>'
	include test/p.c '#include "../core/state.h"' '#include <errno.h>'
	"$s/layers" core/k.c core/l.c driver/n.c front/o.c test/p.c
}

layers_refuse() {
	include core/q.c '#include <errno.h>'
	refuse layers 'core/q.c:1: a system header: errno.h' core/q.c
	include core/r.c '' '#include <msgport/vfs.h>'
	refuse layers 'core/r.c:2: core does not stand on class' core/r.c
	include class/s.c '#include "../driver/s.h"'
	refuse layers 'class does not stand on driver' class/s.c
	include driver/t.c '#ifdef __KERNEL__'
	refuse layers 'driver/t.c:1: __KERNEL__ outside' driver/t.c
	include include/msgport/msg.h '#include <msgport/driver.h>'
	refuse layers 'core does not stand on class' include/msgport/msg.h
	echo >core/u.c
	refuse layers 'core/u.c:1: not named' core/u.c
}

spdx() {
	echo "$spdx" >core/v.c
	"$s/spdx" core/v.c
	echo >core/w.c
	refuse spdx 'core/w.c:1: no' core/w.c
}

page() {
	printf '.Dd January 1, 2026\n.Dt %s 3\n.Os\n' "$1"
	printf '.Sh NAME\n.Nm %s\n.Nd does it\n' "$1"
	shift
	printf '.Sh DESCRIPTION\n'
	printf '%s\n' "$@"
}

documentation() {
	export H=h
	echo 'void mp_it(int);' >h/it.h
	page mp_it 'It does.' >mp_it.3
	page mp_see '.Xr mp_it 3' >mp_see.3
	echo 'int mp_see(void);' >h/see.h
	"$s/doccheck" ./mp_it.3 ./mp_see.3
	page mp_it '.Xr mp_that 3' >x.3
	refuse doccheck '.Xr mp_that.3 is no page' ./x.3
	page mp_it '.Fn mp_those' >y.3
	refuse doccheck 'mp_those is in no header' ./y.3
	page mp_it '.Zz' >z.3
	refuse doccheck 'unknown macro' ./z.3
	printf '#define MP_TWO(x) x\nint mp_two(int);\n' >h/two.h
	refuse doccheck 'h/two.h:1: MP_TWO is in no' ./mp_it.3
	refuse doccheck 'h/two.h:2: mp_two is in no' ./mp_it.3
}

examples() {
	printf '%s\n' 'Text' '```c' '#include <a.h>' '\n' '```' '```c' 'int x;' \
		'```' >a.md
	printf '%s\n' '.Bd -literal' '#include <a.h>' 'x = \(aq\en\(aq;' \
		'.Ed' >b.3
	"$s/examples" ex a.md b.3 >out
	printf '%s\n' ex/a_md_1.c ex/b_3_2.c | diff - out
	printf '%s\n' '#include <a.h>' '\n' | diff - ex/a_md_1.c
	printf '%s\n' '#include <a.h>' "x = '\\n';" | diff - ex/b_3_2.c
}

model() {
	cat >a.pml <<-'END'
	/* broken: NOLOCK */
	byte n, done;
	bool locked;
	active [2] proctype add()
	{
		byte t;
	#ifndef NOLOCK
		atomic { !locked -> locked = 1 };
	#endif
		t = n;
		n = t + 1;
		locked = 0;
		done++
	}
	active proctype check() { done == 2 -> assert(n == 2) }
	END
	B=. "$s/models" a.pml
	sed 's/ifndef NOLOCK/if 1/' a.pml >b.pml
	t_fails env B=. "$s/models" b.pml | grep 'NOLOCK is not found'
	sed 's/ifndef NOLOCK/if 0/' a.pml >c.pml
	t_fails env B=. "$s/models" c.pml | grep '1 errors'
	sed 1d a.pml >d.pml
	t_fails env B=. "$s/models" d.pml | grep 'names no fault'
}

# file NAME LINE...: a file of tests that prints these lines.
file() {
	name=$1
	shift
	{ echo '#!/bin/sh'; printf 'echo "%s"\n' "$@"; } >"$name"
	chmod +x "$name"
}

runner() {
	file 1-good 'ok a' '1 passed, 0 failed, 0 skipped'
	file 2-bad 'not ok b' 'ok c' '1 passed, 1 failed, 0 skipped'
	file 3-crash 'ok d' 'Segmentation fault'
	file 4-skip 'ok e # SKIP no e' '0 passed, 0 failed, 1 skipped'
	run="env B=b $s/../test/run"
	$run ./1-good | tail -n 1 | grep -x '1 passed, 0 failed, 0 skipped'
	$run ./1-good >out
	t_fails $run -j2 ./1-good ./2-bad ./3-crash >out
	grep 'failed: 2-bad/b' out
	grep 'failed: 3-crash/the_whole_file' out
	tail -n 1 out | grep -x '2 passed, 2 failed, 0 skipped'
	[ "$(id -u)" -ne 0 ] || t_fails $run ./1-good ./4-skip >out
	t_fails $run ./no-such-file >out
	t_fails $run >out
}

shell_harness() {
	cat >t <<-END
	. $s/../test/t.sh
	yes() { :; }
	no() { false; :; }
	why() { echo reason; exit 77; }
	t yes yes
	t no no
	t why why
	t_end
	END
	t_fails sh t >out
	printf '%s\n' 'ok yes' 'not ok no # exit 1' 'ok why # SKIP reason' \
		'1 passed, 1 failed, 1 skipped' | diff - out
}

# With nothing missing nothing is run; without root it says what to run.
setup() {
	mkdir bin
	printf '#!/bin/sh\necho touched >>log\n' >bin/apt-get
	printf '#!/bin/sh\necho 1000\n' >bin/id
	chmod +x bin/*
	PATH=$T/bin:$PATH "$s/setup" check
	printf '#!/bin/sh\necho gcc=installed\n' >bin/dpkg-query
	chmod +x bin/dpkg-query
	t_fails env PATH="$T/bin:$PATH" "$s/setup" build 2>out
	grep "apt-get install .* libfuse3-dev" out
	[ ! -e log ]
	printf '#!/bin/sh\necho 0\n' >bin/id
	PATH=$T/bin:$PATH "$s/setup" build
	grep -c touched log | grep -x 2
}

t limits_accept_what_fits limits
t limits_refuse_what_does_not limits_refuse
t layers_accept_the_right_way layers
t layers_refuse_the_wrong_way layers_refuse
t spdx_line_is_required spdx
t documentation_is_checked documentation
t examples_are_extracted examples
t models_must_find_their_faults model
t runner_reports_every_failure runner
t shell_harness_reports_every_failure shell_harness
t setup_touches_nothing_without_need setup
t_end
