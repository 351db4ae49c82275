/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MSGPORT_IFACE_TABLE_H
#define MSGPORT_IFACE_TABLE_H

/*
 * Writing an interface's table: initialisers, for C.
 *
 * T is the type of a message, P is `in' or `out'.  What the compiler can see to
 * be wrong (a count of another size, a tail that is not last, a part that is
 * not a multiple of 8 bytes, a field of a size that its kind has not) is an
 * array of negative size.
 */

#include <msgport/iface.h>

#define MP_IFACE_MUST(x) (0 * sizeof(char[(x) ? 1 : -1]))
#define MP_IFACE_SIZEOF(T, member) sizeof(((T *)0)->member)
#define MP_IFACE_END(T, member) \
	(offsetof(T, member) + MP_IFACE_SIZEOF(T, member))

#define MP_IFACE_KIND_FITS(kind, size)               \
	((kind) >= MP_FIELD_TEXT ? (size) % 4 == 0 : \
	 (kind) >= MP_FIELD_U64	 ? (size) == 8 :     \
	 (kind) >= MP_FIELD_U32	 ? (size) == 4 :     \
				   (size) == (kind)-MP_FIELD_U8 + 1u)

#define MP_IFACE_KNOWN(kind, known)                                      \
	((kind) == MP_FIELD_OFFSET ? (uint64_t)INT64_MAX :               \
	 (kind) == MP_FIELD_ZERO   ? 0 :                                 \
	 (kind) >= MP_FIELD_OCTAL && (kind) <= MP_FIELD_ENUM ? (known) : \
							       UINT64_MAX)

/* known_ counts for OCTAL, FLAGS and ENUM. */
#define MP_IFACE_FIELD(T, P, member, kind_, known_, words_)           \
	{                                                             \
		.name = #member, .words = (words_),                   \
		.known = MP_IFACE_KNOWN(kind_, known_),               \
		.off = offsetof(T, P.member), .kind = (kind_),        \
		.size = MP_IFACE_SIZEOF(T, P.member) +                \
			MP_IFACE_MUST(MP_IFACE_KIND_FITS(             \
				kind_, MP_IFACE_SIZEOF(T, P.member))) \
	}

#define MP_IFACE_TAIL(T, P, count, array, text_, over_)                       \
	{                                                                     \
		.count_off = offsetof(T, P.count) +                           \
			     MP_IFACE_MUST(MP_IFACE_SIZEOF(T, P.count) == 4), \
		.off = offsetof(T, P.array),                                  \
		.max = MP_IFACE_SIZEOF(T, P.array) /                          \
			       MP_IFACE_SIZEOF(T, P.array[0]) -               \
		       (text_),                                               \
		.item = MP_IFACE_SIZEOF(T, P.array[0]) +                      \
			MP_IFACE_MUST(MP_IFACE_SIZEOF(T, P.array[0]) < 256),  \
		.text = (text_), .over = (over_)                              \
	}

#define MP_IFACE_PART_(T, P)                                             \
	.off = offsetof(T, P) + MP_IFACE_MUST(offsetof(T, P) % 8 == 0) + \
	       MP_IFACE_MUST(offsetof(T, msg) == 0),                     \
	.size = MP_IFACE_SIZEOF(T, P) +                                  \
		MP_IFACE_MUST(MP_IFACE_SIZEOF(T, P) % 8 == 0) +          \
		MP_IFACE_MUST(MP_IFACE_END(T, P) < 65536)

/* A part without tails, with one, with two side by side. */
#define MP_IFACE_PART(T, P)                                          \
	{                                                            \
		MP_IFACE_PART_(T, P), .fixed = MP_IFACE_SIZEOF(T, P) \
	}
#define MP_IFACE_PART1(T, P, n, a, text, over)                         \
	{                                                              \
		MP_IFACE_PART_(T, P),                                  \
			.fixed = offsetof(T, P.a) - offsetof(T, P) +   \
				 MP_IFACE_MUST(MP_IFACE_END(T, P.a) == \
					       MP_IFACE_END(T, P)),    \
			.tails = 1, .tail = {                          \
				MP_IFACE_TAIL(T, P, n, a, text, over)  \
			}                                              \
	}
#define MP_IFACE_PART2(T, P, tail1, a, tail2, a2)                       \
	{                                                               \
		MP_IFACE_PART_(T, P),                                   \
			.fixed = offsetof(T, P.a) - offsetof(T, P) +    \
				 MP_IFACE_MUST(MP_IFACE_END(T, P.a) ==  \
					       offsetof(T, P.a2)) +     \
				 MP_IFACE_MUST(MP_IFACE_END(T, P.a2) == \
					       MP_IFACE_END(T, P)),     \
			.tails = 2, .tail = {                           \
				tail1,                                  \
				tail2                                   \
			}                                               \
	}

#endif
