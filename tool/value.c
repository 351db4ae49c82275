/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Text as the value of a field, and what that may be.
 *
 * Numbers are as in C, and octal where the table says so.  Bytes are text, or
 * hex: and their digits, or of a buffer @ and a file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "show.h"
#include "tool.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
least_of(const struct mp_iface_field *f)
{
	if (f->kind == MP_FIELD_I32)
		return (uint64_t)INT32_MIN;
	if (f->kind == MP_FIELD_I64)
		return (uint64_t)INT64_MIN;
	return f->kind == MP_FIELD_ID;
}

static uint64_t
most_of(const struct mp_iface_field *f)
{
	if (f->kind == MP_FIELD_I32)
		return INT32_MAX;
	if (f->kind == MP_FIELD_I64 || f->kind == MP_FIELD_OFFSET)
		return INT64_MAX;
	if (f->kind == MP_FIELD_NSEC)
		return 999999999;
	return UINT64_MAX >> (64 - 8 * f->size);
}

static void
say_words(char to[VALUE_RANGE_MAX], const char *words)
{
	size_t at = strlen(to);
	size_t n;

	while (words != NULL && *words != '\0') {
		n = strcspn(words, " ");
		if (*words != '-' && at + n + 2 < VALUE_RANGE_MAX)
			at += (size_t)snprintf(to + at, VALUE_RANGE_MAX - at,
					       " %.*s", (int)n, words);
		words += n;
		words += *words == ' ';
	}
}

void
value_range(char to[VALUE_RANGE_MAX], const struct mp_iface_field *f)
{
	if (f->kind == MP_FIELD_OCTAL)
		(void)snprintf(to, VALUE_RANGE_MAX, "octal, bits of 0%" PRIo64,
			       f->known);
	else if (f->kind == MP_FIELD_FLAGS)
		(void)snprintf(
			to, VALUE_RANGE_MAX,
			"bits of 0x%" PRIx64 ", or with | between:", f->known);
	else if (f->kind == MP_FIELD_ENUM)
		(void)snprintf(to, VALUE_RANGE_MAX, "one of:");
	else if (f->kind == MP_FIELD_I32 || f->kind == MP_FIELD_I64)
		(void)snprintf(to, VALUE_RANGE_MAX, "%" PRId64 "..%" PRId64,
			       (int64_t)least_of(f), (int64_t)most_of(f));
	else
		(void)snprintf(to, VALUE_RANGE_MAX, "%" PRIu64 "..%" PRIu64,
			       least_of(f), most_of(f));
	if (f->kind == MP_FIELD_FLAGS || f->kind == MP_FIELD_ENUM)
		say_words(to, f->words);
}

/* Digits, all of the text; a sign only where one may be. */
static bool
read_number(const char *text, size_t len, const struct mp_iface_field *f,
	    uint64_t *out)
{
	bool sign = text[0] == '-' &&
		    (f->kind == MP_FIELD_I32 || f->kind == MP_FIELD_I64);
	char digits[32], *end;
	uint64_t v;

	if (len - sign == 0 || len >= sizeof(digits) || text[sign] < '0' ||
	    text[sign] > '9')
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	errno = 0;
	v = strtoull(digits + sign, &end, f->kind == MP_FIELD_OCTAL ? 8 : 0);
	if (errno != 0 || *end != '\0')
		return false;
	if (sign && v > -least_of(f))
		return false;
	if (!sign && (v > most_of(f) || (v == 0 && least_of(f) == 1)))
		return false;
	*out = sign ? -v : v;
	return true;
}

static bool
read_word(const char *text, size_t len, const struct mp_iface_field *f,
	  uint64_t *out)
{
	const char *word = f->words;
	size_t n;

	for (uint64_t i = 0; word != NULL && *word != '\0'; i++) {
		n = strcspn(word, " ");
		if (n == len && *word != '-' && memcmp(word, text, n) == 0) {
			*out = f->kind == MP_FIELD_FLAGS ? 1ull << i : i;
			return true;
		}
		word += n;
		word += *word == ' ';
	}
	return read_number(text, len, f, out);
}

bool
value_read(const char *text, const struct mp_iface_field *f, uint64_t *out)
{
	uint64_t one, all = 0;
	size_t n;

	if (f->kind != MP_FIELD_FLAGS) {
		if (!read_word(text, strlen(text), f, out))
			return false;
		if (f->kind == MP_FIELD_ENUM)
			return *out < 64 && (f->known >> *out & 1) != 0;
		return f->kind != MP_FIELD_OCTAL || (*out & ~f->known) == 0;
	}
	for (;; text += n + 1) {
		n = strcspn(text, "|");
		if (!read_word(text, n, f, &one))
			return false;
		all |= one;
		if (text[n] == '\0')
			break;
	}
	*out = all;
	return (all & ~f->known) == 0;
}

/* 0..15; 16: it is no digit. */
static uint32_t
digit(char c)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint32_t)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10 : 16;
}

char *
value_bytes(const char *key, const char *text, size_t max, size_t *len)
{
	const char *hex = strncmp(text, "hex:", 4) == 0 ? text + 4 : NULL;
	size_t room = strlen(text) > max ? strlen(text) : max;
	char *to = calloc(1, room + 2);
	FILE *file;

	*len = 0;
	if (to == NULL)
		return NULL;
	if (hex == NULL && text[0] == '@' && strcmp(key, "buf") == 0) {
		file = fopen(text + 1, "re");
		if (file == NULL) {
			tool_error("'%s' of '%s': %s", text + 1, key,
				   strerror(errno));
			free(to);
			return NULL;
		}
		*len = fread(to, 1, max + 1, file);
		(void)fclose(file);
		return to;
	}
	if (hex == NULL) {
		*len = strlen(text);
		memcpy(to, text, *len);
		return to;
	}
	for (; digit(hex[0]) < 16 && digit(hex[1]) < 16; hex += 2)
		to[(*len)++] = (char)(digit(hex[0]) << 4 | digit(hex[1]));
	if (*hex == '\0')
		return to;
	tool_error("bad value '%s' of '%s': hex: and pairs of digits", text,
		   key);
	free(to);
	return NULL;
}
