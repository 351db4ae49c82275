/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The conformance suite's own machinery: which test runs against what, and
 * what a client does to send a message and see it through.
 */
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define C_CASES (C_VERBS * C_REPLIES * C_MODES) /* of a kind and a test */

static const char *const verb_name[C_VERBS] = { "call", "send", "raw" };

const char *const c_mode_name[C_MODES] = { "plain", "async", "copy", "poison" };
const char *const c_reply_name[C_REPLIES] = { "none",	  "queue", "recv",
					      "callback", "count", "discard" };
static const uint32_t mode_bits[C_MODES] = {
	0,
	MP_PARITY_ASYNC,
	MP_PARITY_COPY,
	MP_PARITY_ASYNC | MP_PARITY_POISON,
};

#define OP(op_, name_)                                                  \
	{                                                               \
		.name = name_, .op = op_, .size = sizeof(struct c_msg), \
		.in = MP_IFACE_PART(struct c_msg, in),                  \
		.out = MP_IFACE_PART(struct c_msg, out)                 \
	}

static const struct mp_iface_op c_ops[] = {
	OP(C_ECHO, "echo"),	      OP(C_HOLD, "hold"),
	OP(C_GATE, "gate"),	      OP(C_CALL_SELF, "call_self"),
	OP(C_SEND_SELF, "send_self"), OP(C_ANSWER_PORT, "answer_port"),
};

const struct mp_iface c_iface = {
	.name = "conform",
	.version = 1,
	.class_id = C_ECHO >> 16,
	.ops = C_OP_END - C_ECHO,
	.op = c_ops,
};

static uint32_t waiting; /* threads in c_await(), at any gate */

/* The one looks at the gate and then sleeps, the other here and then wakes. */
void
c_post(uint32_t *gate)
{
	os_fetch_add(gate, 1);
	if (os_load(&waiting) == 0)
		return;
	os_wake(gate, C_OWN_WAKE);
}

void
c_await(uint32_t *gate, uint32_t at_least)
{
	uint32_t n;

	if (os_load_acquire(gate) >= at_least)
		return;
	os_fetch_add(&waiting, 1);
	while ((n = os_load_acquire(gate)) < at_least)
		os_park(gate, n, MP_NO_DEADLINE);
	os_fetch_add(&waiting, -1u);
}

void
c_lock(uint32_t *lock)
{
	while (os_xchg(lock, 1) != 0)
		c_yield();
}

void
c_unlock(uint32_t *lock)
{
	os_store_release(lock, 0);
}

bool
c_is_async(const struct conform *c)
{
	return (mode_bits[c->mode] & MP_PARITY_ASYNC) != 0;
}

void
c_control(struct conform *c, enum c_control what, uint32_t n)
{
	c->kind->control(c, what, n);
}

void
c_release(struct conform *c, uint32_t n)
{
	c_control(c, C_RELEASE, n);
}

struct c_item *
c_item(struct conform *c, uint32_t i, uint32_t op)
{
	struct c_item *it = &c->item[i];

	CHECK(i < C_ITEMS);
	/* What was stored here as an atomic comes before what is not. */
	os_fence();
	it->ended = 0;
	mp_msg_init(&it->m.msg, op);
	it->m.in.value = C_VALUE + i;
	it->m.in.result = (int32_t)i + 1;
	it->m.in.spare = 0;
	it->m.out.value = 0;
	return it;
}

int
c_begin(struct c_client *cl, struct c_item *it)
{
	struct mp_port *p = cl->c->port;
	struct mp_msg *m = &it->m.msg;
	int code;

	m->reply = cl->reply;
	os_store(&it->ended, 0);
	switch (cl->c->verb) {
	case C_CALL:
		code = mp_call(p, m);
		CHECK(code != EASYNC);
		return code;
	case C_SEND:
		code = mp_send(p, m);
		return code == 0 ? EASYNC : code;
	default:
		return p->mp_SendMsg(p, m);
	}
}

/* Whatever comes is noted in its item, until this one has come. */
static void
receive(struct c_client *cl, struct c_item *it)
{
	struct mp_msg *m;

	while (it->ended == 0) {
		m = mp_recv(&cl->port);
		CHECK(m != NULL);
		CHECK(mp_msg_is_reply(m));
		((struct c_item *)(void *)m)->ended++;
	}
	CHECK_EQ(it->ended, 1);
}

int
c_end(struct c_client *cl, struct c_item *it)
{
	struct mp_msg *m = &it->m.msg;
	int code;

	switch (cl->c->reply) {
	case C_NONE:
	case C_QUEUE:
		code = mp_wait(m);
		CHECK_EQ(code, m->result);
		return code;
	case C_RECV:
		receive(cl, it);
		break;
	case C_CALLBACK:
		c_await(&it->ended, 1);
		break;
	case C_COUNT:
		CHECK_EQ(mp_count_wait(&cl->port, ++cl->expected, 0), 0);
		break;
	default:
		break;
	}
	while (!mp_done(m))
		c_yield();
	return m->result;
}

int
c_do(struct c_client *cl, struct c_item *it)
{
	int code = c_begin(cl, it);

	return code == EASYNC ? c_end(cl, it) : code;
}

#define PAST_NS 1	     /* an instant that has passed */
#define FIRST_NS 1000000u    /* from now to the first deadline that is tried */
#define LAST_NS (1ull << 40) /* ... and to the latest; a clock may leap */

void
c_no_more(struct c_client *cl, struct c_item *it)
{
	CHECK(mp_done(&it->m.msg));
	if (cl->c->reply == C_QUEUE || cl->c->reply == C_RECV)
		CHECK(mp_tryrecv(&cl->port) == NULL);
	if (cl->c->reply == C_CALLBACK)
		CHECK(os_load(&it->ended) <= (cl->c->verb != C_CALL));
	if (cl->c->reply == C_COUNT)
		CHECK_EQ(mp_count_wait(&cl->port, cl->expected + 1, PAST_NS),
			 -ETIMEDOUT);
}

void
c_begun(struct c_client *cl)
{
	os_store(&cl->tid, c_thread_id());
	c_post(&cl->begun);
}

static void
client_main(void *arg)
{
	struct c_client *cl = arg;

	c_begun(cl);
	cl->code = c_do(cl, cl->item);
	c_post(&cl->ended);
}

void
c_start(struct c_client *cl, struct c_item *it)
{
	cl->item = it;
	os_store(&cl->begun, 0);
	os_store(&cl->ended, 0);
	CHECK_EQ(os_thread_start(&cl->thread, client_main, cl), 0);
	c_await(&cl->begun, 1);
}

int
c_join(struct c_client *cl)
{
	os_thread_join(&cl->thread);
	return cl->code;
}

/* What is discarded can only be looked at, which is no sleep. */
void
c_await_asleep(struct c_client *cl)
{
	if (cl->c->reply == C_DISCARD && cl->c->verb != C_CALL) {
		CHECK(!mp_done(&cl->item->m.msg));
		return;
	}
	CHECK(c_sleeps(os_load(&cl->tid), &cl->ended));
}

/* Never so late that it does not come. */
uint64_t
c_later(uint64_t ns)
{
	return ns < LAST_NS / 4 ? ns * 4 : LAST_NS;
}

/* Whatever keeps the thread from its sleep, a later deadline outlasts it. */
void
c_expire(struct c_client *cl, struct c_item *it)
{
	bool slept = false;

	for (uint64_t ns = FIRST_NS; !slept; ns = c_later(ns)) {
		it->m.msg.deadline_ns = os_now_ns() + ns;
		c_start(cl, it);
		slept = c_sleeps(os_load(&cl->tid), &cl->ended);
		CHECK_EQ(c_join(cl), -ETIME);
		CHECK(os_now_ns() >= it->m.msg.deadline_ns);
	}
}

static void
note_end(struct mp_port *p, struct mp_msg *m)
{
	(void)p;
	c_post(&((struct c_item *)(void *)m)->ended);
}

void
c_client_init(struct conform *c, struct c_client *cl)
{
	cl->c = c;
	cl->reply = &cl->port;
	switch (c->reply) {
	case C_CALLBACK:
		mp_port_init_callback(&cl->port, note_end, c);
		break;
	case C_COUNT:
		mp_port_init_count(&cl->port);
		break;
	case C_DISCARD:
		mp_port_init_discard(&cl->port);
		break;
	case C_NONE:
		cl->reply = NULL;
		/* fall through */
	default:
		mp_port_init_queue(&cl->port, c);
		break;
	}
}

static uint32_t
can(const struct c_kind *kind, uint32_t mode)
{
	uint32_t lost = 0;

	if (mode != 0)
		lost |= C_INLINE | C_LOCKFREE | C_DROPS | C_COUNTS;
	if ((mode_bits[mode] & MP_PARITY_ASYNC) != 0)
		lost |= C_BARRIER;
	/* Its two queues in a row are full by chance only. */
	if (mode_bits[mode] == MP_PARITY_ASYNC)
		lost |= C_BOUNDED;
	if ((mode_bits[mode] & ~(uint32_t)MP_PARITY_ASYNC) != 0)
		lost |= C_LOCAL;
	/* A handler's call of itself is found by who owns the queue. */
	if ((lost & C_LOCAL) != 0 && (kind->can & C_COUNTS) == 0 &&
	    ((kind->can & C_LOCKFREE) == 0 ||
	     (mode_bits[mode] & MP_PARITY_ASYNC) != 0))
		lost |= C_FINDS_SELF;
	return (kind->can & ~lost) |
	       ((kind->dies >> mode & 1) != 0 ? C_DIES : 0);
}

void
conform_run(const struct c_case *k)
{
	static struct conform c;

	memset(&c, 0, sizeof(c));
	c.kind = k->kind;
	c.verb = k->verb;
	c.reply = k->reply;
	c.mode = k->mode;
	c.can = can(k->kind, k->mode);
	for (uint32_t i = 0; i < C_CLIENTS; i++)
		c_client_init(&c, &c.client[i]);
	k->kind->start(&c, mode_bits[k->mode]);
	k->test->fn(&c);
	k->kind->stop(&c);
	for (uint32_t i = 0; i < C_CLIENTS; i++)
		mp_port_fini(&c.client[i].port);
}

static bool
verb_fits(uint32_t vary, enum c_verb verb)
{
	if ((vary & V_CALL) != 0)
		return verb == C_CALL;
	if ((vary & V_SEND) != 0)
		return verb == C_SEND;
	if ((vary & V_ASYNC) != 0)
		return verb == C_SEND || (verb == C_RAW && (vary & V_VERB));
	return verb == C_CALL || (vary & V_VERB) != 0;
}

static bool
reply_fits(uint32_t vary, enum c_verb verb, enum c_reply reply)
{
	if (verb == C_SEND && reply == C_NONE)
		return false;
	if ((vary & V_QUEUE) != 0)
		return reply == C_QUEUE;
	if ((vary & V_REPLY) == 0)
		return reply == (verb == C_CALL ? C_NONE : C_QUEUE);
	if ((vary & V_WAITABLE) != 0 && verb != C_CALL)
		return reply == C_NONE || reply == C_QUEUE;
	/* To a call they are the same port. */
	return verb != C_CALL || reply != C_RECV;
}

static bool
fits(const struct c_case *k)
{
	uint32_t vary = k->test->vary;

	if ((k->kind->modes & 1u << k->mode) == 0 ||
	    (k->mode != 0 && (vary & V_MODE) == 0))
		return false;
	if ((k->test->need & ~can(k->kind, k->mode)) != 0)
		return false;
	return verb_fits(vary, k->verb) && reply_fits(vary, k->verb, k->reply);
}

void
conform_name(const struct c_case *k, char *name, size_t size)
{
	uint32_t vary = k->test->vary;

	snprintf(name, size, "%s/%s%s%s%s%s%s%s", k->test->name, k->kind->name,
		 vary & V_VERB ? "/" : "",
		 vary & V_VERB ? verb_name[k->verb] : "",
		 vary & V_REPLY ? "/" : "",
		 vary & V_REPLY ? c_reply_name[k->reply] : "",
		 vary & V_MODE ? "/" : "",
		 vary & V_MODE ? c_mode_name[k->mode] : "");
}

static void
run(const void *arg)
{
	conform_run(arg);
}

static void
add(const struct c_case *k)
{
	struct t_test *t = calloc(1, sizeof(*t));
	struct c_case *copy = malloc(sizeof(*copy));
	char name[C_NAME];

	if (t == NULL || copy == NULL)
		abort();
	*copy = *k;
	conform_name(k, name, sizeof(name));
	t->name = strdup(name);
	t->fn = run;
	t->arg = copy;
	t->group = k->kind->name;
	t->timeout_s = 8;
	t_add(t);
}

/* The short run takes one case in so many, spread over all that varies. */
#define SHORT 23

static bool
is_wanted(void)
{
	static uint32_t n;

	return getenv("T_SHORT") == NULL || n++ % SHORT == 0;
}

uint32_t
conform_cases(const struct c_kind *kind, const struct c_test *test,
	      struct c_case *to, uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < C_CASES; i++) {
		struct c_case k = {
			.kind = kind,
			.test = test,
			.mode = i % C_MODES,
			.verb = i / C_MODES % C_VERBS,
			.reply = i / C_MODES / C_VERBS,
		};

		if (!fits(&k))
			continue;
		CHECK(n < max);
		to[n++] = k;
	}
	return n;
}

const struct c_test *const c_tables[] = { c_life,   c_fast,  c_queue, c_wake,
					  c_cancel, c_close, c_death, NULL };

static void
add_test(const struct c_kind *kind, const struct c_test *test)
{
	struct c_case k[C_CASES];
	uint32_t n = conform_cases(kind, test, k, C_CASES);

	for (uint32_t i = 0; i < n; i++)
		if (is_wanted())
			add(&k[i]);
}

void
conform_add(const struct c_kind *kind)
{
	for (uint32_t i = 0; c_tables[i] != NULL; i++)
		for (const struct c_test *t = c_tables[i]; t->name; t++)
			add_test(kind, t);
}
