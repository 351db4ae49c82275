/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A server for the shell tests: an empty vfs_mem under a name.
 *
 *	export NAME [UID [LINKS]]	only that user may come, so many at once
 *	export NAME odd			its interface is one that nobody knows
 *
 * It says "ready" on standard output, and ends once it can read anything.
 */
#include <msgport/agent.h>
#include <msgport/driver.h>
#include <msgport/process.h>
#include <msgport/vfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mp_iface odd = { .name = "odd",
				     .version = 7,
				     .class_id = 999 };

extern const struct mp_driver mp_driver_vfs_mem;

static int
serve(const char *name, const struct mp_export_conf *conf, struct mp_port *p)
{
	struct mp_export *export;
	int code = mp_export_open(name, p, conf, &export);

	if (code != 0) {
		fprintf(stderr, "export: %s: %s\n", name, strerror(-code));
		return 1;
	}
	mp_export_note(export, "none: this is a test");
	puts("ready");
	fflush(stdout);
	(void)getchar();
	mp_export_close(export);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct mp_option_value value[MP_OPTIONS_MAX];
	struct mp_vfs vfs = { .ops = mp_driver_vfs_mem.vfs };
	struct mp_export_conf conf = { .links_max = 0 };
	char error[256] = "";
	struct mp_port port;
	uint32_t uid;
	int code;

	if (argc < 2 ||
	    mp_driver_options(&mp_driver_vfs_mem, "size=16M", value, error,
			      sizeof(error)) != 0 ||
	    mp_driver_vfs_mem.open(value, &vfs.fs, error, sizeof(error)) != 0) {
		fprintf(stderr, "export: %s\n", error);
		return 2;
	}
	mp_port_init_call(&port, mp_vfs_handle, &vfs);
	port.iface = mp_driver_vfs_mem.iface;
	if (argc > 2 && strcmp(argv[2], "odd") == 0) {
		port.iface = &odd;
	} else if (argc > 2) {
		uid = (uint32_t)atoi(argv[2]);
		conf.uid = &uid;
		conf.uids = 1;
	}
	if (argc > 3)
		conf.links_max = (uint32_t)atoi(argv[3]);
	code = serve(argv[1], &conf, &port);
	mp_port_fini(&port);
	mp_driver_vfs_mem.close(vfs.fs);
	return code;
}
