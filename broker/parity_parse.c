/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Parity modes in words, as in the environment variable MSGPORT_PARITY. */
#include <msgport/parity.h>

/* What stands at *at up to a comma or the end, if it is `word'. */
static bool
skip_word(const char **at, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i < n; i++)
		if ((*at)[i] != word[i])
			return false;
	if (word[n - 1] != '=' && (*at)[n] != '\0' && (*at)[n] != ',')
		return false;
	*at += n;
	return true;
}

static bool
skip_number(const char **at, uint32_t *number)
{
	uint64_t n = 0;
	const char *start = *at;

	for (; **at >= '0' && **at <= '9' && n <= UINT32_MAX; ++*at)
		n = n * 10 + (uint64_t)(**at - '0');
	*number = (uint32_t)n;
	return *at != start && n != 0 && n <= UINT32_MAX;
}

int
mp_parity_parse(const char *at, struct mp_parity_conf *conf)
{
	uint32_t modes = 0;
	uint32_t kill_at = 0;

	while (*at != '\0') {
		if (skip_word(&at, "async"))
			modes |= MP_PARITY_ASYNC;
		else if (skip_word(&at, "copy"))
			modes |= MP_PARITY_COPY;
		else if (skip_word(&at, "poison"))
			modes |= MP_PARITY_POISON;
		else if (skip_word(&at, "kill=") && skip_number(&at, &kill_at))
			modes |= MP_PARITY_KILL;
		else if (modes != 0 || !skip_word(&at, "none"))
			return -EINVAL;
		if (*at != '\0' && *at++ != ',')
			return -EINVAL;
	}
	conf->modes = modes;
	conf->kill_at = kill_at;
	return 0;
}
