/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names: what may be one, and that who finds a port may use it. */
#include <msgport/name.h>
#include "conform.h"

#include <string.h>

static void
count_release(struct mp_port *p)
{
	c_post(p->data);
}

static int
echo(struct mp_port *p, struct mp_msg *m)
{
	CHECK(p->data != NULL);
	return (int)m->op;
}

TEST(what_is_published_is_found_until_it_is_withdrawn)
{
	uint32_t released = 0;
	struct mp_name name;
	struct mp_port p;

	mp_port_init_call(&p, echo, &released);
	p.released = count_release;
	CHECK(mp_name_find("one") == NULL);
	CHECK_EQ(mp_name_publish(&name, "one", &p), 0);
	CHECK_EQ(mp_name_find("one"), &p);
	CHECK(mp_name_find("on") == NULL);
	CHECK(mp_name_find("one1") == NULL);
	CHECK(mp_name_find("") == NULL);
	mp_name_withdraw(&name);
	CHECK(mp_name_find("one") == NULL);
	/* The finder's count is the last. */
	CHECK_EQ(released, 0);
	mp_port_unref(&p);
	CHECK_EQ(released, 1);
	mp_port_fini(&p);
}

TEST(a_name_is_in_use_once)
{
	struct mp_port p, q;
	struct mp_name a, b;
	uint32_t released = 0;

	mp_port_init_call(&p, echo, &released);
	mp_port_init_call(&q, echo, &released);
	CHECK_EQ(mp_name_publish(&a, "same", &p), 0);
	CHECK_EQ(mp_name_publish(&b, "same", &q), -EEXIST);
	CHECK_EQ(mp_name_publish(&b, "other", &p), 0);
	mp_name_withdraw(&a);
	CHECK_EQ(mp_name_publish(&a, "same", &q), 0);
	CHECK_EQ(mp_name_find("same"), &q);
	CHECK_EQ(mp_name_find("other"), &p);
	mp_port_unref(&p);
	mp_port_unref(&q);
	mp_name_withdraw(&a);
	mp_name_withdraw(&b);
	CHECK_ABORTS(mp_name_withdraw(&b));
	CHECK_ABORTS(mp_port_unref(&p));
	mp_port_fini(&p);
	mp_port_fini(&q);
}

TEST(bad_names_are_refused)
{
	static const char *const bad[] = {
		"",    ".",   "..",	  ".hidden", "a/b",
		"a b", "a\n", "\xc3\xa4", "a:b",
	};
	static const char *const good[] = { "a", "A.b_c-9", "9", "-", "_." };
	char name[MP_NAME_MAX + 2];
	uint32_t released = 0;
	struct mp_name entry;
	struct mp_port p;

	mp_port_init_call(&p, echo, &released);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(mp_name_publish(&entry, bad[i], &p), -EINVAL);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_EQ(mp_name_publish(&entry, good[i], &p), 0);
		mp_name_withdraw(&entry);
	}
	memset(name, 'x', sizeof(name));
	name[MP_NAME_MAX + 1] = '\0';
	CHECK_EQ(mp_name_publish(&entry, name, &p), -EINVAL);
	name[MP_NAME_MAX] = '\0';
	CHECK_EQ(mp_name_publish(&entry, name, &p), 0);
	CHECK_EQ(mp_name_find(name), &p);
	mp_port_unref(&p);
	mp_name_withdraw(&entry);
	mp_port_fini(&p);
}

TEST(names_are_listed)
{
	static const char *const names[] = { "x", "y", "z" };
	char name[MP_NAME_MAX + 1];
	struct mp_name entry[3];
	uint32_t released = 0;
	uint32_t seen = 0;
	struct mp_port p;

	mp_port_init_call(&p, echo, &released);
	CHECK_EQ(mp_name_list(0, name), -ENOENT);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(mp_name_publish(&entry[i], names[i], &p), 0);
	for (uint32_t i = 0; mp_name_list(i, name) == 0; i++)
		for (int k = 0; k < 3; k++)
			seen += strcmp(name, names[k]) == 0 ? 1u << (8 * k) : 0;
	CHECK_EQ(seen, 0x010101);
	CHECK_EQ(mp_name_list(3, name), -ENOENT);
	for (int i = 0; i < 3; i++)
		mp_name_withdraw(&entry[i]);
	mp_port_fini(&p);
}

TEST(a_port_that_is_counted_is_not_ended)
{
	uint32_t released = 0;
	struct mp_port *found, p;
	struct mp_name name;

	mp_port_init_call(&p, echo, &released);
	CHECK_EQ(mp_name_publish(&name, "one", &p), 0);
	CHECK_ABORTS(mp_port_fini(&p));
	found = mp_name_find("one");
	mp_name_withdraw(&name);
	CHECK_ABORTS(mp_port_fini(&p));
	mp_port_unref(found);
	mp_port_fini(&p);
}

#define ROUNDS 200

struct race {
	struct mp_thread thread;
	uint32_t stop;
	uint32_t found;
	uint32_t refused;
};

static void
finder_main(void *arg)
{
	struct race *r = arg;
	struct mp_msg m = MP_MSG(5);
	struct mp_port *p;
	int code;

	while (os_load(&r->stop) == 0) {
		p = mp_name_find("fleeting");
		if (p == NULL)
			continue;
		code = mp_call(p, &m);
		CHECK(code == 5 || code == -EPIPE);
		os_fetch_add(code == 5 ? &r->found : &r->refused, 1);
		mp_port_unref(p);
	}
}

/* Each port is on a page of its own, which goes with its last count. */
TEST(find_and_send_are_safe_against_withdrawal)
{
	static struct mp_port *page[ROUNDS];
	struct race race[2] = { { .stop = 0 } };
	struct mp_name name;
	uint32_t gone;

	for (int i = 0; i < 2; i++)
		CHECK_EQ(
			os_thread_start(&race[i].thread, finder_main, &race[i]),
			0);
	for (int i = 0; i < ROUNDS; i++) {
		gone = 0;
		page[i] = c_page_get(sizeof(struct mp_port));
		mp_port_init_serial(page[i], echo, &gone);
		page[i]->released = count_release;
		CHECK_EQ(mp_name_publish(&name, "fleeting", page[i]), 0);
		/* The first one waits for the finders to run at all. */
		while (i == 0 && os_load(&race[0].found) == 0)
			c_yield();
		if (i % 2 != 0)
			mp_port_close(page[i]);
		mp_name_withdraw(&name);
		c_await(&gone, 1);
		mp_port_fini(page[i]);
		c_page_kill(page[i], sizeof(struct mp_port));
	}
	for (int i = 0; i < 2; i++) {
		os_store(&race[i].stop, 1);
		os_thread_join(&race[i].thread);
	}
	for (int i = 0; i < ROUNDS; i++)
		c_page_put(page[i], sizeof(struct mp_port));
}
