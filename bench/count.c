/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The fast paths, to be counted by callgrind: bench/count runs this under
 * valgrind.  Each row is warmed up, run TIMES times, and dumped under its
 * name; what the dump itself takes is lost in the division by TIMES.
 */
#include "tree.h"

#include <valgrind/callgrind.h>

#include <string.h>
#include <sys/random.h>

enum { WARM = 10, TIMES = 1000 }; /* bench/count knows TIMES */

static struct mp_port bare, call, filter, serial, queue;
static struct mp_port reply, discard, callback, counting;
static uint32_t hits;

static int
handle(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	hits += m->op;
	return 0;
}

static int
look(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	(void)m;
	return 0;
}

static void
called_back(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	hits += m->op;
}

static void
call_bare(struct mp_port *p, struct mp_msg *m)
{
	p->handler(p, m);
}

static void
call_port(struct mp_port *p, struct mp_msg *m)
{
	mp_call(p, m);
}

/* Done inline, and still the completion comes through the reply port. */
static void
send_fetch(struct mp_port *p, struct mp_msg *m)
{
	mp_send(p, m);
	mp_tryrecv(&reply);
}

/* A whole request through a queue port, in one thread. */
static void
queue_reply(struct mp_port *p, struct mp_msg *m)
{
	mp_send(p, m);
	mp_reply(mp_tryrecv(p), 0);
}

static void
queue_reply_fetch(struct mp_port *p, struct mp_msg *m)
{
	queue_reply(p, m);
	mp_tryrecv(&reply);
}

/* The raw send; the sender waits on the message itself. */
static void
queue_wait(struct mp_port *p, struct mp_msg *m)
{
	p->mp_SendMsg(p, m);
	mp_reply(mp_tryrecv(p), 0);
	mp_wait(m);
}

static void
queue_cancel(struct mp_port *p, struct mp_msg *m)
{
	mp_send(p, m);
	mp_cancel(m);
}

static void
queue_drop(struct mp_port *p, struct mp_msg *m)
{
	mp_send(p, m);
	mp_drop(m);
}

static void
queue_forward(struct mp_port *p, struct mp_msg *m)
{
	mp_send(p, m);
	mp_forward(&call, mp_tryrecv(p));
}

static const struct row {
	const char *name;
	void (*run)(struct mp_port *, struct mp_msg *);
	struct mp_port *port;
	struct mp_port *reply;
} rows[] = {
	{ "bare", call_bare, &bare, NULL },
	{ "call", call_port, &call, NULL },
	{ "filter-call", call_port, &filter, NULL },
	{ "serial-call", call_port, &serial, NULL },
	{ "call-send-fetch", send_fetch, &call, &reply },
	{ "queue-send-discard", queue_reply, &queue, &discard },
	{ "queue-send-callback", queue_reply, &queue, &callback },
	{ "queue-send-count", queue_reply, &queue, &counting },
	{ "queue-send-fetch", queue_reply_fetch, &queue, &reply },
	{ "queue-send-wait", queue_wait, &queue, NULL },
	{ "queue-send-cancel", queue_cancel, &queue, &discard },
	{ "queue-send-drop", queue_drop, &queue, &discard },
	{ "queue-send-forward", queue_forward, &queue, &discard },
};

/* In place of the C library's: the driver's hash is the same each time. */
ssize_t
getrandom(void *to, size_t size, unsigned flags)
{
	(void)flags;
	memset(to, 'r', size);
	return (ssize_t)size;
}

static struct tree tree;
static char data[TREE_IO];

static void
lookup_few(uint64_t i)
{
	tree_lookup(&tree, tree.few, i);
}

static void
lookup_many(uint64_t i)
{
	tree_lookup(&tree, tree.many, i);
}

static void
getattr(uint64_t i)
{
	(void)i;
	tree_getattr(&tree);
}

static void
read_4k(uint64_t i)
{
	tree_read(&tree, data, i);
}

static void
write_4k(uint64_t i)
{
	tree_write(&tree, data, i);
}

static void
create_unlink(uint64_t i)
{
	(void)i;
	tree_create(&tree);
}

static const struct file_row {
	const char *name;
	void (*run)(uint64_t i);
} file_rows[] = {
	{ "vfs-lookup-10", lookup_few }, { "vfs-lookup-1000", lookup_many },
	{ "vfs-getattr", getattr },	 { "vfs-read-4k", read_4k },
	{ "vfs-write-4k", write_4k },	 { "vfs-create-unlink", create_unlink },
};

static void
count_files(void)
{
	const struct file_row *row = file_rows;

	tree_init(&tree);
	for (; row < file_rows + sizeof(file_rows) / sizeof(*row); row++) {
		for (uint64_t i = 0; i < WARM; i++)
			row->run(i);
		CALLGRIND_ZERO_STATS;
		for (uint64_t i = 0; i < TIMES; i++)
			row->run(i);
		CALLGRIND_DUMP_STATS_AT(row->name);
	}
	tree_fini(&tree);
}

static void
repeat(const struct row *row, int n)
{
	struct mp_msg m = MP_MSG(1);

	m.reply = row->reply;
	for (int i = 0; i < n; i++)
		row->run(row->port, &m);
}

int
main(void)
{
	mp_port_init_call(&bare, handle, NULL);
	mp_port_init_call(&call, handle, NULL);
	mp_port_init_filter(&filter, look, &call);
	mp_port_init_serial(&serial, handle, NULL);
	mp_port_init_queue(&queue, NULL);
	mp_port_init_queue(&reply, NULL);
	mp_port_init_discard(&discard);
	mp_port_init_callback(&callback, called_back, NULL);
	mp_port_init_count(&counting);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		repeat(&rows[i], WARM);
		CALLGRIND_ZERO_STATS;
		repeat(&rows[i], TIMES);
		CALLGRIND_DUMP_STATS_AT(rows[i].name);
	}
	count_files();
	return 0;
}
