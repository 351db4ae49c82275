/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The options of a driver: from "key=value,key,..." to numbers.
 *
 * Whoever is told of a mistake is told what would have been right, so the
 * sentence is made here, from the table, and cut where the memory ends.
 */

#include <msgport/driver.h>

struct sentence {
	char *at;
	size_t left; /* bytes, the NUL's among them */
};

struct word {
	const char *at;
	uint32_t len;
};

/* What came from outside may hold anything; a terminal is to survive it. */
static void
say_bytes(struct sentence *s, const char *what, size_t len)
{
	for (; len > 0 && s->left > 1; len--, what++) {
		*s->at = *what;
		if (*what < ' ' || *what > '~')
			*s->at = '?';
		s->at++;
		*s->at = '\0';
		s->left--;
	}
}

static void
say(struct sentence *s, const char *what)
{
	say_bytes(s, what, strlen(what));
}

static void
say_number(struct sentence *s, uint64_t n, uint32_t base)
{
	char digits[24];
	uint32_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % base);
		n /= base;
	} while (n != 0);
	say_bytes(s, digits + i, sizeof(digits) - i);
}

static void
say_limit(struct sentence *s, const struct mp_option *o, uint64_t n)
{
	static const char unit[] = "KMGTPE";
	uint32_t i = 0;

	if (o->kind != MP_OPTION_SIZE) {
		say_number(s, n, o->kind == MP_OPTION_OCTAL ? 8 : 10);
		return;
	}
	for (; n != 0 && n % 1024 == 0; n /= 1024)
		i++;
	say_number(s, n, 10);
	if (i > 0)
		say_bytes(s, &unit[i - 1], 1);
}

static void
say_valid(struct sentence *s, const struct mp_option *o)
{
	static const char *const what[] = {
		[MP_OPTION_BOOL] = "yes or no",
		[MP_OPTION_UINT] = "a number",
		[MP_OPTION_SIZE] = "a size (K M G T P E for short)",
		[MP_OPTION_OCTAL] = "an octal number",
		[MP_OPTION_STRING] = "a text of a length",
		[MP_OPTION_ENUM] = "one of ",
	};

	say(s, what[o->kind]);
	if (o->kind == MP_OPTION_ENUM)
		say(s, o->words);
	if (o->kind == MP_OPTION_ENUM || o->kind == MP_OPTION_BOOL)
		return;
	say(s, " from ");
	say_limit(s, o, o->min);
	say(s, o->max != 0 ? " to " : " up");
	if (o->max != 0)
		say_limit(s, o, o->max);
}

static bool
is_word(const struct word *w, const char *s, size_t len)
{
	return w->len == len && memcmp(w->at, s, len) == 0;
}

/* The place of w in "one|two|three", or -1. */
static int
place_of(const struct word *w, const char *words)
{
	for (int place = 0;; place++) {
		const char *bar = memchr(words, '|', strlen(words));
		size_t len =
			bar != NULL ? (size_t)(bar - words) : strlen(words);

		if (is_word(w, words, len))
			return place;
		if (bar == NULL)
			return -1;
		words = bar + 1;
	}
}

/* The bits that a unit shifts by, or 0. */
static uint32_t
unit_of(char c)
{
	static const char units[] = "KMGTPEkmgtpe";
	const char *u = memchr(units, c, sizeof(units) - 1);

	return u != NULL ? 10 + 10 * (uint32_t)((u - units) % 6) : 0;
}

/* Digits, and a unit if one is allowed: all of the word, or false. */
static bool
parse_number(struct word w, uint64_t base, bool unit, uint64_t *out)
{
	uint32_t shift = 0;
	uint64_t n = 0;

	if (unit && w.len > 1)
		shift = unit_of(w.at[w.len - 1]);
	if (shift != 0)
		w.len--;
	for (uint32_t i = 0; i < w.len; i++) {
		uint64_t digit = (unsigned char)w.at[i] - (uint64_t)'0';

		if (digit >= base || n > (UINT64_MAX - digit) / base)
			return false;
		n = n * base + digit;
	}
	*out = n << shift;
	return w.len > 0 && n <= UINT64_MAX >> shift;
}

static bool
parse_value(const struct mp_option *o, const struct word *w,
	    struct mp_option_value *v)
{
	bool octal = o->kind == MP_OPTION_OCTAL;
	int place;

	switch (o->kind) {
	case MP_OPTION_BOOL:
		place = place_of(w, "no|yes|off|on|false|true|0|1");
		v->number = (uint64_t)place & 1;
		return place >= 0;
	case MP_OPTION_ENUM:
		place = place_of(w, o->words);
		v->number = (uint64_t)place;
		return place >= 0;
	case MP_OPTION_STRING:
		v->text = w->at;
		v->text_len = w->len;
		v->number = w->len;
		break;
	default:
		if (!parse_number(*w, octal ? 8 : 10, o->kind == MP_OPTION_SIZE,
				  &v->number))
			return false;
		break;
	}
	return v->number >= o->min && (o->max == 0 || v->number <= o->max);
}

static const struct mp_option *
find_option(const struct mp_driver *d, const struct word *key)
{
	for (uint32_t i = 0; i < d->options; i++) {
		const char *name = d->option[i].name;

		if (is_word(key, name, strlen(name)))
			return &d->option[i];
	}
	return NULL;
}

static int
refuse_key(const struct mp_driver *d, const struct word *key,
	   struct sentence *s)
{
	say(s, d->name);
	say(s, " has no option \"");
	say_bytes(s, key->at, key->len);
	say(s, d->options != 0 ? "\"; it has" : "\"; it has none");
	for (uint32_t i = 0; i < d->options; i++) {
		say(s, i != 0 ? ", " : " ");
		say(s, d->option[i].name);
	}
	return -EINVAL;
}

static int
refuse_value(const struct mp_driver *d, const struct mp_option *o,
	     const struct word *w, struct sentence *s)
{
	say(s, d->name);
	say(s, ": option ");
	say(s, o->name);
	say(s, " cannot be \"");
	say_bytes(s, w->at, w->len);
	say(s, "\"; it is ");
	say_valid(s, o);
	return -EINVAL;
}

/* One "key" or "key=value". */
static int
parse_one(const struct mp_driver *d, const struct word *one,
	  struct mp_option_value *value, struct sentence *s)
{
	const char *is = memchr(one->at, '=', one->len);
	struct word key = *one;
	struct word w = { .at = "", .len = 0 };
	const struct mp_option *o;

	if (is != NULL) {
		key.len = (uint32_t)(is - one->at);
		w.at = is + 1;
		w.len = one->len - key.len - 1;
	}
	o = find_option(d, &key);
	if (o == NULL)
		return refuse_key(d, &key, s);
	value += o - d->option;
	value->given = true;
	if (is == NULL && o->kind == MP_OPTION_BOOL) {
		value->number = 1;
		return 0;
	}
	return parse_value(o, &w, value) ? 0 : refuse_value(d, o, &w, s);
}

static int
set_initial(const struct mp_driver *d, const struct mp_option *o,
	    struct mp_option_value *value, struct sentence *s)
{
	struct word w = { .at = o->initial, .len = 0 };

	memset(value, 0, sizeof(*value));
	value->text = "";
	if (o->initial == NULL)
		return 0;
	w.len = (uint32_t)strlen(o->initial);
	return parse_value(o, &w, value) ? 0 : refuse_value(d, o, &w, s);
}

int
mp_driver_options(const struct mp_driver *d, const char *text,
		  struct mp_option_value *value, char *error, size_t error_size)
{
	struct sentence s = { .at = error, .left = error_size };
	int code = 0;

	if (error_size > 0)
		*error = '\0';
	for (uint32_t i = 0; i < d->options && code == 0; i++)
		code = set_initial(d, &d->option[i], &value[i], &s);
	while (code == 0 && text != NULL && *text != '\0') {
		size_t left = strlen(text);
		const char *comma = memchr(text, ',', left);
		struct word one = { .at = text, .len = (uint32_t)left };

		if (comma != NULL)
			one.len = (uint32_t)(comma - text);
		if (one.len != 0)
			code = parse_one(d, &one, value, &s);
		text = comma != NULL ? comma + 1 : NULL;
	}
	return code;
}

const char *
mp_driver_fault(const struct mp_driver *d)
{
	if (d->size < sizeof(*d) || d->version != MP_DRIVER_VERSION)
		return "it was built for another version of msgport";
	if (d->name == NULL || (d->open == NULL) != (d->close == NULL))
		return "it lacks a name, or one of open and close";
	if (d->options > MP_OPTIONS_MAX)
		return "it has too many options";
	if (d->iface == NULL || d->vfs == NULL)
		return "it lacks its class or the table of that";
	return NULL;
}
