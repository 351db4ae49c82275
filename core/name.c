/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The process's own names: a list of the publishers' entries under a lock. */
#include <msgport/name.h>
#include "state.h"

static struct mp_lock lock = MP_LOCK_INIT;
static struct mp_name *names;

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Its length, or 0 if it is no name. */
static size_t
check(const char *name)
{
	size_t n = 0;

	while (n <= MP_NAME_MAX && is_name_char(name[n]))
		n++;
	if (n > MP_NAME_MAX || name[n] != '\0' || name[0] == '.')
		return 0;
	return n;
}

/* Under the lock: what points to the entry, or to the end of the list. */
static struct mp_name **
look_up(const char *name)
{
	struct mp_name **at = &names;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

bool
mp_name_ok(const char *name)
{
	return check(name) != 0;
}

int
mp_name_publish(struct mp_name *n, const char *name, struct mp_port *p)
{
	size_t len = check(name);
	struct mp_name **at;
	int code = 0;

	if (len == 0)
		return -EINVAL;
	os_lock(&lock);
	at = look_up(name);
	if (*at != NULL) {
		code = -EEXIST;
	} else {
		memcpy(n->name, name, len + 1);
		n->port = mp_port_ref(p);
		n->next = NULL;
		*at = n;
	}
	os_unlock(&lock);
	return code;
}

void
mp_name_withdraw(struct mp_name *n)
{
	struct mp_name **at = &names;

	os_lock(&lock);
	while (*at != n) {
		mp_assert(*at != NULL, n);
		at = &(*at)->next;
	}
	*at = n->next;
	os_unlock(&lock);
	mp_port_unref(n->port);
}

struct mp_port *
mp_name_find(const char *name)
{
	struct mp_port *p = NULL;
	struct mp_name *n;

	os_lock(&lock);
	n = *look_up(name);
	if (n != NULL)
		p = mp_port_ref(n->port);
	os_unlock(&lock);
	return p;
}

int
mp_name_list(uint32_t n, char name[MP_NAME_MAX + 1])
{
	struct mp_name *at;
	int code = -ENOENT;

	os_lock(&lock);
	for (at = names; at != NULL && n != 0; n--)
		at = at->next;
	if (at != NULL) {
		memcpy(name, at->name, strlen(at->name) + 1);
		code = 0;
	}
	os_unlock(&lock);
	return code;
}
