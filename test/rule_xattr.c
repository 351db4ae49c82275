/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rules of extended attributes and POSIX ACLs. */
#include "posix.h"
#include "t.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CREATE 1
#define REPLACE 2
#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

static void
xattrs_keep_their_value(void)
{
	static const char *const name[] = { "user.a", "trusted.b",
					    "security.c" };
	char got[16];
	int i;

	px_make("f", 0644);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(px->getxattr("f", name[i], got, 16), -ENODATA);
		CHECK_EQ(px->setxattr("f", name[i], "value", 5, 0), 0);
		CHECK_EQ(px->getxattr("f", name[i], got, 16), 5);
		CHECK(!memcmp(got, "value", 5));
		CHECK_EQ(px->setxattr("f", name[i], "", 0, 0), 0);
		CHECK_EQ(px->getxattr("f", name[i], got, 16), 0);
		CHECK_EQ(px->removexattr("f", name[i]), 0);
		CHECK_EQ(px->removexattr("f", name[i]), -ENODATA);
	}
}

static void
create_and_replace_mean_it(void)
{
	char got[16];

	px_make("f", 0644);
	CHECK_EQ(px->setxattr("f", "user.a", "1", 1, REPLACE), -ENODATA);
	CHECK_EQ(px->setxattr("f", "user.a", "1", 1, CREATE), 0);
	CHECK_EQ(px->setxattr("f", "user.a", "2", 1, CREATE), -EEXIST);
	CHECK_EQ(px->getxattr("f", "user.a", got, 16), 1);
	CHECK_EQ(got[0], '1');
	CHECK_EQ(px->setxattr("f", "user.a", "3", 1, REPLACE), 0);
	CHECK_EQ(px->getxattr("f", "user.a", got, 16), 1);
	CHECK_EQ(got[0], '3');
}

static void
a_small_buffer_is_erange(void)
{
	char got[64];

	px_make("f", 0644);
	CHECK_EQ(px->listxattr("f", got, 64), 0);
	CHECK_EQ(px->setxattr("f", "user.a", "value", 5, 0), 0);
	CHECK_EQ(px->setxattr("f", "user.bb", "value", 5, 0), 0);
	CHECK_EQ(px->getxattr("f", "user.a", got, 0), 5);
	CHECK_EQ(px->getxattr("f", "user.a", got, 4), -ERANGE);
	CHECK_EQ(px->getxattr("f", "user.a", got, 5), 5);
	CHECK_EQ(px->listxattr("f", got, 0), 15);
	CHECK_EQ(px->listxattr("f", got, 14), -ERANGE);
	CHECK_EQ(px->listxattr("f", got, 15), 15);
	CHECK(!memcmp(got, "user.a\0user.bb", 15));
}

static void
values_have_65536_bytes(void)
{
	static char value[65537], got[65536];
	char name[300];

	px_make("f", 0644);
	memset(value, 'v', sizeof(value));
	CHECK_EQ(px->setxattr("f", "user.a", value, 65537, 0), -E2BIG);
	CHECK_EQ(px->setxattr("f", "user.a", value, 65536, 0), 0);
	CHECK_EQ(px->getxattr("f", "user.a", got, 65536), 65536);
	CHECK(!memcmp(value, got, 65536));
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = 0;
	CHECK_EQ(px->setxattr("f", name, "x", 1, 0), -ERANGE);
	name[255] = 0;
	CHECK_EQ(px->setxattr("f", name, "x", 1, 0), 0);
	CHECK_EQ(px->getxattr("f", name, got, 1), 1);
}

static void
a_list_of_names_has_65536_bytes(void)
{
	static char list[65536];
	char name[256];
	unsigned int n;
	int error = 0;

	px_make("f", 0644);
	memset(name, 'n', sizeof(name));
	for (n = 0; n < 300 && !error; n++) {
		(void)snprintf(name, 10, "user.%03u", n);
		name[8] = 'n';
		name[255] = 0;
		error = px->setxattr("f", name, "x", 1, 0);
	}
	CHECK_EQ(n, 257);
	CHECK_EQ(error, -ENOSPC);
	CHECK_EQ(px->listxattr("f", list, sizeof(list)), 65536);
}

static void
unknown_namespaces_are_not_supported(void)
{
	char got[16];

	px_make("f", 0644);
	CHECK_EQ(px->setxattr("f", "other.a", "x", 1, 0), -EOPNOTSUPP);
	CHECK_EQ(px->setxattr("f", "nodot", "x", 1, 0), -EOPNOTSUPP);
	CHECK_EQ(px->setxattr("f", "system.a", "x", 1, 0), -EOPNOTSUPP);
	CHECK_EQ(px->getxattr("f", "other.a", got, 16), -EOPNOTSUPP);
	CHECK_EQ(px->setxattr("f", "user.", "x", 1, 0), -EINVAL);
}

static void
user_xattrs_are_for_files_and_directories(void)
{
	char got[16];

	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->setxattr("d", "user.a", "x", 1, 0), 0);
	CHECK_EQ(px->symlink("x", "l"), 0);
	CHECK_EQ(px->setxattr("l", "user.a", "x", 1, 0), -EPERM);
	CHECK_EQ(px->getxattr("l", "user.a", got, 16), -ENODATA);
	CHECK_EQ(px->setxattr("l", "trusted.a", "x", 1, 0), 0);
	CHECK_EQ(px->getxattr("l", "trusted.a", got, 16), 1);
	CHECK_EQ(px->mknod("p", S_IFIFO | 0666, 0, 0), 0);
	CHECK_EQ(px->setxattr("p", "user.a", "x", 1, 0), -EPERM);
}

static void
trusted_names_are_shown_to_root(void)
{
	char list[64];

	px_make("f", 0644);
	CHECK_EQ(px->setxattr("f", "trusted.a", "x", 1, 0), 0);
	CHECK_EQ(px->setxattr("f", "user.b", "x", 1, 0), 0);
	CHECK_EQ(px->listxattr("f", list, sizeof(list)), 17);
	px->who(1001, 1001);
	CHECK_EQ(px->listxattr("f", list, sizeof(list)), 7);
	CHECK_STR(list, "user.b");
	px->who(0, 0);
}

static void
xattrs_change_ctime_only(void)
{
	struct px_stat was, is;

	px_make("f", 0644);
	was = px_get("f");
	px->tick();
	CHECK_EQ(px->setxattr("f", "user.a", "x", 1, 0), 0);
	is = px_get("f");
	CHECK(px_before(was.ctime, is.ctime));
	CHECK(px_same(was.mtime, is.mtime));
	px->tick();
	CHECK_EQ(px->removexattr("f", "user.a"), 0);
	CHECK(px_before(is.ctime, px_get("f").ctime));
}

/* An ACL as Linux passes it: so many entries of tag, permissions, id. */
struct acl {
	uint32_t version;
	struct {
		uint16_t tag;
		uint16_t perm;
		uint32_t id;
	} item[8];
};

#define NOBODY 0xffffffffu
#define SIZE(n) (4 + 8 * (n))
#define BASIC(u, g, o)                                      \
	{                                                   \
		2,                                          \
		{                                           \
			{ 1, u, NOBODY }, { 4, g, NOBODY }, \
			{                                   \
				0x20, o, NOBODY             \
			}                                   \
		}                                           \
	}
#define NAMED(u, n, g, m, o)                                                \
	{                                                                   \
		2,                                                          \
		{                                                           \
			{ 1, u, NOBODY }, { 2, n, 1001 }, { 4, g, NOBODY }, \
				{ 0x10, m, NOBODY },                        \
			{                                                   \
				0x20, o, NOBODY                             \
			}                                                   \
		}                                                           \
	}

static void
an_access_acl_and_the_mode_are_one(void)
{
	struct acl acl = NAMED(7, 5, 4, 5, 0), got;

	px_make("f", 0644);
	CHECK_EQ(px->getxattr("f", ACCESS, &got, sizeof(got)), -ENODATA);
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(5), 0), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0750);
	CHECK_EQ(px->getxattr("f", ACCESS, &got, sizeof(got)), SIZE(5));
	CHECK(!memcmp(&acl, &got, SIZE(5)));
	CHECK_EQ(px->chmod("f", 0624), 0);
	CHECK_EQ(px->getxattr("f", ACCESS, &got, sizeof(got)), SIZE(5));
	CHECK_EQ(got.item[0].perm, 6);
	CHECK_EQ(got.item[1].perm, 5);
	CHECK_EQ(got.item[2].perm, 4);
	CHECK_EQ(got.item[3].perm, 2);
	CHECK_EQ(got.item[4].perm, 4);
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(0), 0), 0);
	CHECK_EQ(px->getxattr("f", ACCESS, &got, sizeof(got)), -ENODATA);
	CHECK_EQ(px_get("f").mode & 07777, 0624);
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(5), 0), 0);
	CHECK_EQ(px->removexattr("f", ACCESS), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0750);
}

static void
an_acl_that_says_no_more_is_the_mode(void)
{
	struct acl acl = BASIC(6, 4, 2);
	char list[64];

	px_make("f", 0777);
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(3), 0), 0);
	CHECK_EQ(px_get("f").mode & 07777, 0642);
	CHECK_EQ(px->listxattr("f", list, sizeof(list)), 0);
}

static void
a_default_acl_is_inherited(void)
{
	struct acl acl = NAMED(7, 7, 5, 7, 1), got;

	CHECK_EQ(px->mkdir("d", 0755), 0);
	CHECK_EQ(px->setxattr("d", DEFAULT, &acl, SIZE(5), 0), 0);
	CHECK_EQ(px_get("d").mode & 07777, 0755);
	px->umask(077);
	px_make("d/f", 0664);
	CHECK_EQ(px->mkdir("d/e", 0777), 0);
	CHECK_EQ(px->symlink("x", "d/l"), 0);
	px->umask(0);
	CHECK_EQ(px_get("d/f").mode & 07777, 0660);
	CHECK_EQ(px->getxattr("d/f", ACCESS, &got, sizeof(got)), SIZE(5));
	CHECK_EQ(got.item[1].perm, 7);
	CHECK_EQ(got.item[2].perm, 5);
	CHECK_EQ(got.item[3].perm, 6);
	CHECK_EQ(got.item[4].perm, 0);
	CHECK_EQ(px->getxattr("d/f", DEFAULT, &got, sizeof(got)), -ENODATA);
	CHECK_EQ(px_get("d/e").mode & 07777, 0771);
	CHECK_EQ(px->getxattr("d/e", DEFAULT, &got, sizeof(got)), SIZE(5));
	CHECK(!memcmp(&acl, &got, SIZE(5)));
	CHECK_EQ(px_get("d/l").mode & 07777, 0777);
	CHECK_EQ(px->removexattr("d", DEFAULT), 0);
	px_make("d/g", 0664);
	CHECK_EQ(px_get("d/g").mode & 07777, 0664);
}

static void
a_broken_acl_is_refused(void)
{
	struct acl no_mask = NAMED(7, 5, 4, 5, 0), order = BASIC(7, 5, 5);
	struct acl acl = BASIC(7, 5, 5);

	px_make("f", 0644);
	no_mask.item[3] = no_mask.item[4];
	CHECK_EQ(px->setxattr("f", ACCESS, &no_mask, SIZE(4), 0), -EINVAL);
	order.item[0].tag = 4;
	order.item[1].tag = 1;
	CHECK_EQ(px->setxattr("f", ACCESS, &order, SIZE(3), 0), -EINVAL);
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(2), 0), -EINVAL);
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(3) - 1, 0), -EINVAL);
	acl.version = 1;
	CHECK_EQ(px->setxattr("f", ACCESS, &acl, SIZE(3), 0), -EOPNOTSUPP);
	acl.version = 2;
	CHECK_EQ(px->setxattr("f", DEFAULT, &acl, SIZE(3), 0), -EACCES);
	CHECK_EQ(px_get("f").mode & 07777, 0644);
}

static const struct px_rule rule[] = {
	{ "xattrs_keep_their_value", xattrs_keep_their_value, 0, false },
	{ "create_and_replace_mean_it", create_and_replace_mean_it, 0, false },
	{ "a_small_buffer_is_erange", a_small_buffer_is_erange, 0, false },
	{ "values_have_65536_bytes", values_have_65536_bytes, 0, false },
	{ "a_list_of_names_has_65536_bytes", a_list_of_names_has_65536_bytes, 0,
	  false },
	{ "unknown_namespaces_are_not_supported",
	  unknown_namespaces_are_not_supported, 0, false },
	{ "user_xattrs_are_for_files_and_directories",
	  user_xattrs_are_for_files_and_directories, 0, false },
	{ "trusted_names_are_shown_to_root", trusted_names_are_shown_to_root, 0,
	  false },
	{ "xattrs_change_ctime_only", xattrs_change_ctime_only, 0, false },
	{ "an_access_acl_and_the_mode_are_one",
	  an_access_acl_and_the_mode_are_one, 0, false },
	{ "an_acl_that_says_no_more_is_the_mode",
	  an_acl_that_says_no_more_is_the_mode, 0, false },
	{ "a_default_acl_is_inherited", a_default_acl_is_inherited, 0, false },
	{ "a_broken_acl_is_refused", a_broken_acl_is_refused, 0, false },
};

void
px_xattr_rules(void)
{
	PX_RULES(rule);
}
