/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who takes completions off the links: whoever sleeps.
 *
 * Among the threads that sleep in the library one leads.  He sleeps on his own
 * word and on the bells of all links at once, and takes off what comes; that
 * wakes the others by their words.  When his own word has changed he leaves,
 * and makes one who still sleeps the next leader, by the flag that each of the
 * others sleeps on beside his word.  So there is a leader as long as anybody
 * sleeps, and no thread of the library's own.
 */
#include "link.h"
#include "step.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct follower {
	struct follower *next;
	uint32_t leads;
};

static struct {
	struct mp_lock lock;
	struct mp_link *link; /* all links */
	uint32_t links;
	struct follower *follower;
	bool led;
	uint32_t changed; /* atomic: the leader is to look at the list again */
	uint32_t *alive;  /* 1 in the process that opened links, 0 in a child */
} drive = { .lock = MP_LOCK_INIT };

bool
drive_is_ours(void)
{
	return drive.alive != NULL && os_load(drive.alive) == 1;
}

static int
mark_alive(void)
{
	void *page;

	if (drive.alive != NULL)
		return 0;
	page = mmap(NULL, WIRE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	if (madvise(page, WIRE_PAGE, MADV_WIPEONFORK) != 0) {
		munmap(page, WIRE_PAGE);
		return -errno;
	}
	drive.alive = page;
	return 0;
}

/* In a child, which has one thread: what is here is the parent's. */
static void
forget_parent(void)
{
	os_lock_init(&drive.lock);
	drive.link = NULL;
	drive.links = 0;
	drive.follower = NULL;
	drive.led = false;
}

static void
look_again(void)
{
	os_fetch_add(&drive.changed, 1);
	bell_wake(&drive.changed, false, 1);
}

int
drive_start(struct mp_link *l)
{
	int code;

	if (drive.alive != NULL && !drive_is_ours())
		forget_parent();
	os_lock(&drive.lock);
	code = drive.links < MP_LINKS_MAX ? mark_alive() : -EMFILE;
	if (code == 0) {
		os_store(drive.alive, 1);
		STEP(drive_add);
		l->next = drive.link;
		drive.link = l;
		drive.links++;
		__atomic_store_n(&os_park_hook, drive_park, __ATOMIC_RELEASE);
	}
	os_unlock(&drive.lock);
	STEP(drive_added);
	if (code == 0)
		look_again();
	return code;
}

void
drive_stop(struct mp_link *l)
{
	struct mp_link **at = &drive.link;

	os_lock(&drive.lock);
	while (*at != l)
		at = &(*at)->next;
	STEP(drive_remove);
	*at = l->next;
	drive.links--;
	os_unlock(&drive.lock);
	look_again();
	STEP(drive_pins);
	count_wait(&l->pins);
}

/* The links as they are now, pinned. */
static uint32_t
pin(struct mp_link *link[MP_LINKS_MAX])
{
	uint32_t n = 0;

	os_lock(&drive.lock);
	for (struct mp_link *l = drive.link; l != NULL; l = l->next) {
		os_fetch_add(&l->pins, 1);
		link[n++] = l;
	}
	os_unlock(&drive.lock);
	return n;
}

/* Sleeps once, if there is nothing to take off; word[0] is the leader's own. */
static int
lead_once(struct bell_word *word, uint64_t deadline_ns)
{
	struct mp_link *link[MP_LINKS_MAX];
	struct bell_word *bell = word + 2;
	bool any = false;
	int code = 0;
	uint32_t n;

	word[1].expected = os_load_acquire(word[1].word);
	STEP(lead_pin);
	n = pin(link);
	for (uint32_t i = 0; i < n; i++) {
		bell[i].word = &link[i]->memory.control->client_bell;
		bell[i].shared = true;
		bell[i].expected = bell_sleep(bell[i].word);
	}
	STEP(lead_drain);
	for (uint32_t i = 0; i < n; i++)
		any |= link_drain(link[i]);
	STEP(lead_park);
	if (!any && os_load_acquire(word[0].word) == word[0].expected)
		code = bell_park(word, n + 2, deadline_ns);
	STEP(lead_awake);
	for (uint32_t i = 0; i < n; i++) {
		bell_awake(bell[i].word);
		link_drain(link[i]);
		count_down(&link[i]->pins);
	}
	return code;
}

static void
leave(void)
{
	struct follower *next;

	os_lock(&drive.lock);
	next = drive.follower;
	drive.led = next != NULL;
	if (next != NULL) {
		drive.follower = next->next;
		os_store_release(&next->leads, 1);
	}
	os_unlock(&drive.lock);
	STEP(lead_leave);
	if (next != NULL)
		bell_wake(&next->leads, false, 1);
}

static int
lead(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	struct bell_word w[MP_LINKS_MAX + 2] = {
		{ .word = (uint32_t *)(uintptr_t)word, .expected = expected },
		{ .word = &drive.changed },
	};
	int code = 0;

	while (code == 0 && os_load_acquire(word) == expected)
		code = lead_once(w, deadline_ns);
	leave();
	return code;
}

/* True if this one is to lead, whether he was chosen or nobody did. */
static bool
enter(struct follower *me)
{
	bool leads;

	os_lock(&drive.lock);
	leads = !drive.led;
	drive.led = true;
	if (!leads) {
		me->next = drive.follower;
		drive.follower = me;
	}
	os_unlock(&drive.lock);
	return leads;
}

/* False if he was chosen meanwhile, and has to lead, or to pass it on. */
static bool
unfollow(struct follower *me)
{
	struct follower **at = &drive.follower;

	os_lock(&drive.lock);
	while (*at != NULL && *at != me)
		at = &(*at)->next;
	if (*at != NULL)
		*at = me->next;
	os_unlock(&drive.lock);
	return os_load_acquire(&me->leads) == 0;
}

int
drive_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	struct follower me = { .leads = 0 };
	struct bell_word w[2] = {
		{ .word = (uint32_t *)(uintptr_t)word, .expected = expected },
		{ .word = &me.leads, .expected = 0 },
	};
	int code;

	if (!drive_is_ours())
		return bell_park(w, 1, deadline_ns);
	if (enter(&me))
		return lead(word, expected, deadline_ns);
	STEP(follow);
	code = bell_park(w, 2, deadline_ns);
	STEP(unfollow);
	if (!unfollow(&me))
		return lead(word, expected, deadline_ns);
	return code;
}
