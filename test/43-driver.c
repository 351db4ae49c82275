/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Options of drivers: taken as they are meant, or refused with the reason. */
#include "t.h"

#include <string.h>
#include <msgport/driver.h>

enum { SIZE, COUNT, MODE, NAME, HOW, QUIET, ALIGN, OPTIONS };

static const struct mp_option option[] = {
	[SIZE] = { .name = "size",
		   .initial = "64M",
		   .min = 4096,
		   .max = 1ull << 40,
		   .kind = MP_OPTION_SIZE },
	[COUNT] = { .name = "count", .min = 2, .kind = MP_OPTION_UINT },
	[MODE] = { .name = "mode",
		   .initial = "755",
		   .max = 07777,
		   .kind = MP_OPTION_OCTAL },
	[NAME] = { .name = "name",
		   .min = 1,
		   .max = 5,
		   .kind = MP_OPTION_STRING },
	[HOW] = { .name = "how",
		  .initial = "fast",
		  .words = "slow|fast|faster",
		  .kind = MP_OPTION_ENUM },
	[QUIET] = { .name = "quiet", .kind = MP_OPTION_BOOL },
	[ALIGN] = { .name = "align", .min = 1000, .kind = MP_OPTION_SIZE },
};

static int
no_open(const struct mp_option_value *value, void **fs, char *error,
	size_t error_size)
{
	(void)value, (void)fs, (void)error, (void)error_size;
	return -EINVAL;
}

static void
no_close(void *fs)
{
	(void)fs;
}

static const struct mp_vfs_ops ops;

MP_DRIVER(test) = {
	MP_DRIVER_STAMP,   .name = "test",	   .summary = "nothing",
	.option = option,  .options = OPTIONS,	   .open = no_open,
	.close = no_close, .iface = &mp_vfs_iface, .vfs = &ops,
};

static struct mp_option_value value[OPTIONS];
static char error[256];

static int
parse(const char *text)
{
	memset(value, 0xee, sizeof(value));
	memset(error, 0xee, sizeof(error));
	return mp_driver_options(&mp_driver_test, text, value, error,
				 sizeof(error));
}

static void
refused(const char *text, const char *why)
{
	CHECK_EQ(parse(text), -EINVAL);
	CHECK_STR(error, why);
}

TEST(without_options_the_initial_values_count)
{
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(parse(i ? "" : NULL), 0);
		CHECK_EQ(value[SIZE].number, 64 << 20);
		CHECK_EQ(value[COUNT].number, 0);
		CHECK_EQ(value[MODE].number, 0755);
		CHECK_STR(value[NAME].text, "");
		CHECK_EQ(value[NAME].text_len, 0);
		CHECK_EQ(value[HOW].number, 1);
		CHECK_EQ(value[QUIET].number, 0);
		for (int j = 0; j < OPTIONS; j++)
			CHECK_EQ(value[j].given, false);
		CHECK_STR(error, "");
	}
}

TEST(options_are_taken_as_they_are_meant)
{
	CHECK_EQ(parse("size=8K,quiet,count=18446744073709551615,,mode=01777,"
		       "name=a=b,how=faster,align=1e,"),
		 0);
	CHECK_EQ(value[SIZE].number, 8192);
	CHECK_EQ(value[COUNT].number, UINT64_MAX);
	CHECK_EQ(value[MODE].number, 01777);
	CHECK_EQ(value[NAME].text_len, 3);
	CHECK(memcmp(value[NAME].text, "a=b", 3) == 0);
	CHECK_EQ(value[HOW].number, 2);
	CHECK_EQ(value[ALIGN].number, 1ull << 60);
	CHECK_EQ(value[QUIET].number, 1);
	for (int j = 0; j < OPTIONS; j++)
		CHECK_EQ(value[j].given, true);
}

TEST(the_last_of_several_counts)
{
	CHECK_EQ(parse("how=slow,count=5,count=7"), 0);
	CHECK_EQ(value[HOW].number, 0);
	CHECK_EQ(value[COUNT].number, 7);
}

TEST(yes_and_no_have_several_names)
{
	static const char *const no[] = { "no", "off", "false", "0" };
	static const char *const yes[] = { "yes", "on", "true", "1" };
	char text[16];

	for (int i = 0; i < 4; i++) {
		CHECK_EQ(parse(strcat(strcpy(text, "quiet="), no[i])), 0);
		CHECK_EQ(value[QUIET].number, 0);
		CHECK_EQ(parse(strcat(strcpy(text, "quiet="), yes[i])), 0);
		CHECK_EQ(value[QUIET].number, 1);
	}
}

TEST(sizes_have_units)
{
	static const char unit[] = "KMGkmg";
	char text[] = "size=5?";

	for (int i = 0; i < 6; i++) {
		text[6] = unit[i];
		CHECK_EQ(parse(text), 0);
		CHECK_EQ(value[SIZE].number, 5ull << (10 + i % 3 * 10));
	}
	CHECK_EQ(parse("size=1T"), 0);
	CHECK_EQ(parse("size=4096"), 0);
	CHECK_EQ(parse("size=1P"), -EINVAL);
}

#define SIZE_IS "\"; it is a size (K M G T P E for short) from 4K to 1T"
#define IT_HAS "\"; it has size, count, mode, name, how, quiet, align"

TEST(an_unknown_option_is_named_and_the_valid_ones_are_listed)
{
	refused("siz=1", "test has no option \"siz" IT_HAS);
	refused("sizes=1", "test has no option \"sizes" IT_HAS);
	refused("=1", "test has no option \"" IT_HAS);
	refused("a\033[31m", "test has no option \"a?[31m" IT_HAS);
}

TEST(a_bad_value_is_named_with_what_is_valid)
{
	refused("size=12q", "test: option size cannot be \"12q" SIZE_IS);
	refused("size=", "test: option size cannot be \"" SIZE_IS);
	refused("size", "test: option size cannot be \"" SIZE_IS);
	refused("size=K", "test: option size cannot be \"K" SIZE_IS);
	refused("size=-1", "test: option size cannot be \"-1" SIZE_IS);
	refused("size=4095", "test: option size cannot be \"4095" SIZE_IS);
	refused("size=16E", "test: option size cannot be \"16E" SIZE_IS);
	refused("size=2T", "test: option size cannot be \"2T" SIZE_IS);
	refused("count=18446744073709551616",
		"test: option count cannot be \"18446744073709551616\"; it is "
		"a number from 2 up");
	refused("count=4K",
		"test: option count cannot be \"4K\"; it is a number from 2 "
		"up");
	refused("mode=8", "test: option mode cannot be \"8\"; it is an octal "
			  "number from 0 to 7777");
	refused("mode=10000", "test: option mode cannot be \"10000\"; it is an "
			      "octal number from 0 to 7777");
	refused("mode=", "test: option mode cannot be \"\"; it is an octal "
			 "number from 0 to 7777");
	refused("align=17E", "test: option align cannot be \"17E\"; it is a "
			     "size (K M G T P E for short) from 1000 up");
	refused("name=", "test: option name cannot be \"\"; it is a text of a "
			 "length from 1 to 5");
	refused("name=abcdef", "test: option name cannot be \"abcdef\"; it is "
			       "a text of a length from 1 to 5");
	refused("how=fas", "test: option how cannot be \"fas\"; it is one of "
			   "slow|fast|faster");
	refused("quiet=maybe", "test: option quiet cannot be \"maybe\"; it is "
			       "yes or no");
}

TEST(a_sentence_is_cut_where_its_memory_ends)
{
	char small[8] = "1234567";

	CHECK_EQ(mp_driver_options(&mp_driver_test, "x", value, small, 5),
		 -EINVAL);
	CHECK_STR(small, "test");
	CHECK_EQ(small[5], '6');
	CHECK_EQ(mp_driver_options(&mp_driver_test, "x", value, small, 1),
		 -EINVAL);
	CHECK_STR(small, "");
	CHECK_EQ(mp_driver_options(&mp_driver_test, "x", value, NULL, 0),
		 -EINVAL);
}

TEST(an_initial_value_out_of_bounds_is_a_mistake_too)
{
	static const struct mp_option bad[] = {
		{ .name = "n", .initial = "x", .kind = MP_OPTION_UINT },
	};
	struct mp_driver d = mp_driver_test;

	d.option = bad;
	d.options = 1;
	CHECK_EQ(mp_driver_options(&d, "", value, error, sizeof(error)),
		 -EINVAL);
	d.options = 0;
	CHECK_EQ(mp_driver_options(&d, "", value, error, sizeof(error)), 0);
	CHECK_EQ(mp_driver_options(&d, "n", value, error, sizeof(error)),
		 -EINVAL);
	CHECK_STR(error, "test has no option \"n\"; it has none");
}

#define FAULT(...)                                  \
	do {                                        \
		struct mp_driver d;                 \
		d = mp_driver_test;                 \
		__VA_ARGS__;                        \
		CHECK(mp_driver_fault(&d) != NULL); \
	} while (0)

TEST(a_driver_that_cannot_be_hosted_is_found)
{
	struct mp_driver full = mp_driver_test;

	CHECK(mp_driver_fault(&mp_driver_test) == NULL);
	full.options = MP_OPTIONS_MAX;
	CHECK(mp_driver_fault(&full) == NULL);
	full.open = NULL;
	full.close = NULL;
	CHECK(mp_driver_fault(&full) == NULL);
	FAULT(d.size--);
	FAULT(d.version++);
	FAULT(d.name = NULL);
	FAULT(d.open = NULL);
	FAULT(d.close = NULL);
	FAULT(d.options = MP_OPTIONS_MAX + 1);
	FAULT(d.iface = NULL);
	FAULT(d.vfs = NULL);
}
