/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "os_sim.h"
#include <msgport/agent.h>


static struct mp_port port;
static struct mp_msg msg;

static void
server(void *arg)
{
	struct mp_msg *m;

	(void)arg;
	m = mp_recv(&port);
	mp_reply(m, 7);
}

static void
root(void *arg)
{
	(void)arg;
	sim_name(&port, sizeof(port), "port");
	sim_name(&msg, sizeof(msg), "msg");
	mp_port_init_queue(&port, NULL);
	sim_start(server, NULL);
	mp_msg_init(&msg, 1);
	SIM_EQ(mp_call(&port, &msg), 7);
	sim_dead(&msg, sizeof(msg));
	sim_join_all();
	mp_port_fini(&port);
	sim_dead(&port, sizeof(port));
}

TEST(call_is_replied)
{
	sim_seeds(root, NULL, 100000);
}
TEST(call_is_replied_always)
{
	CHECK(sim_exhaust(root, NULL, -1) > 1000);
}
