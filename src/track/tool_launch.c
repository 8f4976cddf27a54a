/* SPDX-License-Identifier: Apache-2.0 */
#include "src/track/tool_launch.h"

#include "src/track/tool_table.h"

bool tool_list_has(const char *list, struct word w)
{
	while (*list && w.len) {
		if (*list == *w.p && !strncmp(list, w.p, w.len) &&
		    (list[w.len] == ' ' || !list[w.len]))
			return !memchr(w.p, ' ', w.len);
		list = strchrnul(list, ' ');
		list += *list == ' ';
	}
	return false;
}

static bool is_assignment(struct word w)
{
	const char *eq = w.len ? memchr(w.p, '=', w.len) : NULL;

	return eq && eq != w.p && *w.p != '-' && !memchr(w.p, '/', (size_t)(eq - w.p));
}

/* Skips options, their values and K=V words; argv->n if nothing is left. */
static unsigned skip_options(const struct tool_launcher *l, const struct argv_words *argv,
			     unsigned at)
{
	while (at < argv->n) {
		struct word w = argv->w[at];

		if (word_is(w, "--"))
			return at + 1 < argv->n ? at + 1 : argv->n;
		if (word_is(w, "--mca") || word_is(w, "-mca"))
			at += 3;
		else if (w.len && *w.p == '-')
			at += tool_list_has(l->values, w) ? 2 : 1;
		else if (is_assignment(w))
			at++;
		else
			break;
	}
	return at < argv->n ? at : argv->n;
}

static const struct tool_launcher *find_launcher(struct word program)
{
	unsigned low = 0, high = tool_launchers_n;

	while (low < high) {
		unsigned mid = (low + high) / 2;
		int c = word_compare(program, tool_launchers[mid].name);

		if (!c)
			return &tool_launchers[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

bool tool_launch(struct word program, const struct argv_words *argv, unsigned at,
		 struct launch *ret)
{
	const struct tool_launcher *l = find_launcher(program);
	struct word word = { 0 };

	if (!l)
		return false;
	at = skip_options(l, argv, at);
	if (*l->words) {
		if (at >= argv->n || !tool_list_has(l->words, argv->w[at]))
			return false;
		word = argv->w[at];
		at = skip_options(l, argv, at + 1);
	}
	for (unsigned i = 0; i < l->positional && at < argv->n; i++)
		at = skip_options(l, argv, at + 1);
	*ret = (struct launch){ at < argv->n ? at : argv->n, word, l->stays };
	return true;
}

bool tool_is_launcher(struct word program, struct word word)
{
	const struct tool_launcher *l = find_launcher(program);

	return l && (!*l->words || tool_list_has(l->words, word));
}
