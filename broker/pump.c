/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pump: serves all clients in turn, and sleeps on all their bells.
 *
 * A client's bell lies in memory that only he shares, so none can silence
 * another's; the pump's own word is private, and rung for new clients, for
 * deaths and by workers.
 */
#include "export.h"
#include "step.h"

struct sleep_on {
	struct bell_word word[MP_LINKS_MAX + 1];
	uint32_t words;
};

/* Others only add, and in front. */
static struct client *
first(struct mp_export *e)
{
	return __atomic_load_n(&e->client, __ATOMIC_ACQUIRE);
}

static void
unlist(struct mp_export *e, struct client *c)
{
	struct client **at = &e->client;

	os_lock(&e->lock);
	while (*at != c)
		at = &(*at)->next;
	STEP(unlist);
	*at = c->next;
	e->clients--;
	/* What it did is counted here or there, and never in neither. */
	admin_leave(c);
	os_unlock(&e->lock);
}

/* Frees the dead of whom nothing is left; true if there was anything. */
static bool
bury(struct mp_export *e)
{
	bool any = false;
	struct client *next;
	uint32_t value;

	for (struct client *c = first(e); c != NULL; c = next) {
		next = c->next;
		if (os_load_acquire(&c->dead) == 0 ||
		    client_drain(c, &value) != NULL)
			continue;
		STEP(bury_settle);
		client_settle(c);
		STEP(bury_unlist);
		unlist(e, c);
		STEP(bury_free);
		client_free(c);
		any = true;
	}
	return any;
}

static bool
serve_all(struct mp_export *e)
{
	bool any = false;

	for (struct client *c = first(e); c != NULL; c = c->next)
		any |= client_serve(c);
	return any;
}

/* Marks the pump asleep for all; false if there is work after all. */
static bool
lie_down(struct mp_export *e, struct sleep_on *s, uint32_t bell)
{
	struct bell_word *w = s->word;
	bool idle = true;

	STEP(pump_lie_down);
	*w++ = (struct bell_word){ .word = &e->bell, .expected = bell };
	for (struct client *c = first(e); c != NULL; c = c->next) {
		if (os_load_acquire(&c->dead) != 0) {
			w->word = (uint32_t *)(uintptr_t)client_drain(
				c, &w->expected);
			idle &= w->word != NULL;
			w->shared = false;
			if (w->word != &c->dead)
				w++;
		} else if (os_load_acquire(&c->open) != 0) {
			set_cpu(&c->memory.control->server_cpu, -1);
			w->word = &c->memory.control->server_bell;
			w->shared = true;
			w->expected = bell_sleep(w->word);
			w++;
			idle &= !client_has_work(c);
		}
	}
	s->words = (uint32_t)(w - s->word);
	return idle;
}

static void
get_up(struct mp_export *e)
{
	int32_t cpu = os_cpu();

	STEP(pump_get_up);
	for (struct client *c = first(e); c != NULL; c = c->next)
		if (os_load_acquire(&c->open) != 0) {
			bell_awake(&c->memory.control->server_bell);
			set_cpu(&c->memory.control->server_cpu, cpu);
		}
}

/* More may come at once while a client runs on another CPU. */
static bool
may_spin(struct mp_export *e)
{
	int32_t cpu = os_cpu();

	if ((e->port->flags & MP_PORT_NO_SPIN) != 0)
		return false;
	for (struct client *c = first(e); c != NULL; c = c->next)
		if (c->peer_cpu >= 0 && c->peer_cpu != cpu)
			return true;
	return false;
}

static void
forget_peers(struct mp_export *e)
{
	for (struct client *c = first(e); c != NULL; c = c->next)
		c->peer_cpu = -1;
}

static bool
spin(struct mp_export *e)
{
	if (!may_spin(e))
		return false;
	for (int i = 0; i < MP_SPIN_MAX; i++) {
		for (struct client *c = first(e); c != NULL; c = c->next)
			if (client_has_work(c))
				return true;
		os_relax();
	}
	forget_peers(e);
	return false;
}

static bool
is_over(struct mp_export *e)
{
	return os_load_acquire(&e->closing) != 0 && first(e) == NULL;
}

void
export_pump(void *arg)
{
	struct mp_export *e = arg;
	struct sleep_on s;
	uint32_t bell;

	for (;;) {
		bell = os_load_acquire(&e->bell);
		STEP(pump_turn);
		while (serve_all(e) || spin(e))
			;
		if (bury(e))
			continue;
		if (is_over(e))
			return;
		if (lie_down(e, &s, bell)) {
			count_one(&e->admin.sleeps);
			STEP(pump_park);
			bell_park(s.word, s.words, MP_NO_DEADLINE);
		}
		get_up(e);
	}
}
