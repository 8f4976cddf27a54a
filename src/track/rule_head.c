/* SPDX-License-Identifier: Apache-2.0 */
/* What files tell: beginnings of files that an engine wrote (content tier), and
 * names of files that it creates. Pure; no I/O. See rule_head.h. */
#include "src/track/rule_head.h"

#include <errno.h>

#include "src/track/redact.h"
#include "src/track/rules_internal.h"

#define LINE_MAX_BYTES 1024 /* a longer line is nobody's header */

unsigned rule_heads(const struct rule *rule)
{
	return rule->n_heads;
}

bool rule_head_path(const struct rule_result *m, unsigned i, uint32_t pid, const char *cwd,
		    struct str *ret)
{
	char path[RULE_VALUE_MAX];

	str_reset(ret);
	if (!rule_expand(m->rule->heads[i].file, m, pid, cwd, path))
		return false;
	if (*path != '/') {
		if (!cwd || *cwd != '/')
			return false;
		str_add(ret, cwd);
		str_addc(ret, '/');
	}
	str_add(ret, path);
	return !ret->failed;
}

bool rule_head_at_exit(const struct rule *rule, unsigned i)
{
	return rule->heads[i].at_exit;
}

size_t rule_head_bytes(const struct rule *rule, unsigned i)
{
	return rule->heads[i].bytes;
}

static struct word next_line(struct bytes *left)
{
	const char *nl = memchr(left->data, '\n', left->len);
	struct word line = { left->data, nl ? (size_t)(nl - left->data) : left->len };
	size_t used = line.len + (nl != NULL);

	left->data += used;
	left->len -= used;
	return line;
}

static bool is_wanted(const struct rule_head *head, struct word line)
{
	char buf[RULE_SUBJECT_MAX];
	struct word value;

	for (unsigned i = 0; i < head->n_fields; i++)
		for (unsigned k = 0; k < head->fields[i].n_sources; k++)
			if (rule_refine(&head->fields[i].sources[k], line, buf, sizeof(buf),
					&value))
				return true;
	return false;
}

int rule_head_filter(const struct rule *rule, unsigned i, struct bytes text, struct str *out)
{
	char kept[2 * LINE_MAX_BYTES];

	while (text.data && text.len) {
		struct word line = next_line(&text);
		bool cut;
		size_t len;

		if (!line.len || line.len > LINE_MAX_BYTES || memchr(line.p, '\0', line.len) ||
		    !is_wanted(&rule->heads[i], line))
			continue;
		redact_text((struct bytes){ line.p, line.len }, kept, sizeof(kept), &len, &cut);
		str_addn(out, kept, len);
		str_addc(out, '\n');
	}
	return out->failed ? -ENOMEM : 0;
}

static bool head_field(const struct rule_field *f, struct bytes text, struct rule_result *ret)
{
	char buf[RULE_SUBJECT_MAX];

	for (unsigned k = 0; k < f->n_sources; k++) {
		struct bytes left = text;

		while (left.len) {
			struct word line = next_line(&left), value;

			if (rule_refine(&f->sources[k], line, buf, sizeof(buf), &value) &&
			    rule_set_field(ret, f, value, FROM_FILE_CONTENT))
				return true;
		}
	}
	return false;
}

unsigned rule_head_fields(const struct rule *rule, unsigned i, struct bytes text,
			  struct rule_result *ret)
{
	const struct rule_head *head = &rule->heads[i];
	unsigned n = 0;

	for (unsigned f = 0; text.data && f < head->n_fields; f++)
		n += head_field(&head->fields[f], text, ret);
	return n;
}

static bool is_content(const struct rule_result *r, const char *name)
{
	for (unsigned i = 0; i < r->n_fields; i++)
		if (!strcmp(r->fields[i].name, name))
			return r->fields[i].from == FROM_FILE_CONTENT;
	return false;
}

/* Fields of `extract` that are made from others, once a file has told those. */
void rule_refresh(const struct rule *rule, struct rule_result *ret)
{
	char buf[RULE_SUBJECT_MAX];

	for (unsigned i = 0; i < rule->n_fields; i++) {
		const struct rule_field *f = &rule->fields[i];

		for (unsigned k = 0; k < f->n_sources; k++) {
			const struct source *s = &f->sources[k];
			struct word value;

			if (s->kind != SOURCE_FROM || !is_content(ret, s->name) ||
			    is_content(ret, f->name))
				continue;
			value = word_of(rule_result_field(ret, s->name));
			if (value.p && rule_refine(s, value, buf, sizeof(buf), &value) &&
			    rule_set_field(ret, f, value, FROM_FILE_CONTENT))
				break;
		}
	}
}

bool rule_owns(const struct rule *engine, const char *path, size_t *ret_off, size_t *ret_len)
{
	regmatch_t groups[RULE_GROUPS_MAX];

	if (!engine->owns || !pattern_groups(engine->owns, word_of(path), groups) ||
	    groups[1].rm_so < 0)
		return false;
	*ret_off = (size_t)groups[1].rm_so;
	*ret_len = (size_t)(groups[1].rm_eo - groups[1].rm_so);
	return *ret_len > 0;
}

unsigned rule_learn(const struct rule *engine, const char *path, struct rule_result *ret)
{
	char buf[RULE_SUBJECT_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < engine->n_learn; i++) {
		const struct rule_field *f = &engine->learn[i];

		for (unsigned k = 0; k < f->n_sources; k++) {
			struct word value;

			if (!rule_refine(&f->sources[k], word_of(path), buf, sizeof(buf), &value) ||
			    !rule_set_field(ret, f, value, FROM_FILE_NAME))
				continue;
			n++;
			break;
		}
	}
	return n;
}

bool rule_learned_key(const struct rule *engine, const struct rule_result *learned,
		      char ret[RULE_VALUE_MAX])
{
	for (unsigned i = 0; i < engine->n_keys; i++)
		if (!strstr(engine->keys[i], "${pid}") &&
		    rule_expand(engine->keys[i], learned, 0, NULL, ret))
			return true;
	return false;
}
