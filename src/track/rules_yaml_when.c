/* SPDX-License-Identifier: Apache-2.0 */
/* The nested parts of a rule: predicates, fields and their sources, the content
 * tier, tests. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/track/rules_yaml.h"

#define SEQUENCE_LENGTH(node)                                                                      \
	((size_t)((node)->data.sequence.items.top - (node)->data.sequence.items.start))
#define MAPPING_LENGTH(node)                                                                       \
	((size_t)((node)->data.mapping.pairs.top - (node)->data.mapping.pairs.start))

static int add_pattern(struct binder *b, const yaml_node_t *node, struct predicate *p,
		       const char *text)
{
	bool program = p->kind == PRED_EXE || p->kind == PRED_FILE || p->kind == PRED_COMM ||
		       p->kind == PRED_ARGV0;
	char message[160];
	int rc = pattern_new(b->rules, text, program, &p->patterns[p->n_patterns], message,
			     sizeof(message));

	if (!rc)
		p->n_patterns++;
	return rc == -EINVAL ? yaml_fail(b, node, "%s", message) : rc;
}

static int bind_patterns(struct binder *b, yaml_node_t *node, struct predicate *p, bool literal)
{
	struct yaml_texts texts;
	int rc = yaml_bind_texts(b, node, &texts);

	if (rc)
		return rc;
	if (!texts.n)
		return yaml_fail(b, node, "an empty list matches nothing");
	p->patterns = rules_alloc(b->rules, texts.n * sizeof(struct pattern *));
	if (!p->patterns)
		return -ENOMEM;
	for (unsigned i = 0; i < texts.n && !rc; i++) {
		char text[RULE_PATTERN_MAX + 8];

		if (!literal) {
			rc = add_pattern(b, node, p, texts.items[i]);
			continue;
		}
		if (strlen(texts.items[i]) > RULE_PATTERN_MAX)
			return yaml_fail(b, node, "text is too long");
		snprintf(text, sizeof(text), "eq:%s", texts.items[i]);
		rc = add_pattern(b, node, p, text);
	}
	return rc;
}

/* NAME or NAME=regex */
static int bind_env(struct binder *b, yaml_node_t *node, struct predicate *p)
{
	const char *text = yaml_text(node), *eq = text ? strchr(text, '=') : NULL;
	size_t len = !text ? 0 : eq ? (size_t)(eq - text) : strlen(text);
	int rc;

	if (!len)
		return yaml_fail(b, node, "NAME or NAME=regex is expected here");
	p->name = rules_strndup(b->rules, text, len);
	p->patterns = rules_alloc(b->rules, sizeof(struct pattern *));
	if (!p->name || !p->patterns)
		return -ENOMEM;
	rc = yaml_check_env(b, node, p->name);
	if (rc)
		return rc;
	return eq ? add_pattern(b, node, p, eq + 1) : 0;
}

static int bind_predicate(struct binder *b, yaml_node_t *key, yaml_node_t *value,
			  struct predicate *p);

/* all, any: a list of mappings; a mapping with several keys is an `all`. */
static int bind_kids(struct binder *b, yaml_node_t *node, struct predicate *p)
{
	yaml_node_item_t *item;
	int rc = 0;

	if (node->type != YAML_SEQUENCE_NODE || !SEQUENCE_LENGTH(node))
		return yaml_fail(b, node, "a list of conditions is expected here");
	p->kids = rules_alloc(b->rules, SEQUENCE_LENGTH(node) * sizeof(*p->kids));
	if (!p->kids)
		return -ENOMEM;
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top && !rc;
	     item++)
		rc = yaml_bind_when(b, yaml_at(b, *item), &p->kids[p->n_kids++]);
	return rc;
}

static const struct {
	const char *name;
	enum predicate_kind kind;
} predicates[] = {
	{ "all", PRED_ALL },
	{ "any", PRED_ANY },
	{ "not", PRED_NOT },
	{ "exe", PRED_EXE },
	{ "file", PRED_FILE },
	{ "comm", PRED_COMM },
	{ "argv0", PRED_ARGV0 },
	{ "argv_has", PRED_ARGV_HAS },
	{ "argv_re", PRED_ARGV_RE },
	{ "cmdline", PRED_CMDLINE },
	{ "word1", PRED_WORD1 },
	{ "title", PRED_TITLE },
	{ "cwd", PRED_CWD },
	{ "cgroup", PRED_CGROUP },
	{ "nodename", PRED_NODENAME },
	{ "env", PRED_ENV },
	{ "parent", PRED_PARENT },
	{ "ancestor", PRED_ANCESTOR },
	{ "pidns_init", PRED_PIDNS_INIT },
	{ "run_root", PRED_RUN_ROOT },
};

static int predicate_kind(struct binder *b, yaml_node_t *key, struct predicate *p)
{
	const char *name = yaml_text(key), *near;

	if (!name)
		return yaml_fail(b, key, "a condition must be a word");
	for (size_t i = 0; i < ARRAY_SIZE(predicates); i++)
		if (!strcmp(name, predicates[i].name)) {
			p->kind = predicates[i].kind;
			return 0;
		}
	if (!strncmp(name, "argv.", 5) && isdigit((unsigned char)name[5])) {
		char *end;
		unsigned long n = strtoul(name + 5, &end, 10);

		if (!*end && n < ARGV_WORDS_MAX) {
			p->kind = PRED_ARGV_N;
			p->index = (unsigned)n;
			return 0;
		}
	}
	near = yaml_nearest(name, &predicates->name, sizeof(*predicates), ARRAY_SIZE(predicates));
	if (near)
		return yaml_fail(b, key, "unknown condition '%.60s'; did you mean '%s'?", name,
				 near);
	return yaml_fail(b, key, "unknown condition '%.60s' (see docs/rules.md)", name);
}

static int bind_ids(struct binder *b, yaml_node_t *node, struct predicate *p)
{
	struct yaml_texts texts;
	int rc = yaml_bind_texts(b, node, &texts);

	p->ids = texts.items;
	p->n_ids = rc ? 0 : texts.n;
	return rc;
}

static int bind_predicate(struct binder *b, yaml_node_t *key, yaml_node_t *value,
			  struct predicate *p)
{
	int rc = predicate_kind(b, key, p);

	if (rc)
		return rc;
	switch (p->kind) {
	case PRED_ALL:
	case PRED_ANY:
		return bind_kids(b, value, p);
	case PRED_NOT:
		p->kids = rules_alloc(b->rules, sizeof(*p->kids));
		p->n_kids = 1;
		return p->kids ? yaml_bind_when(b, value, p->kids) : -ENOMEM;
	case PRED_ENV:
		return bind_env(b, value, p);
	case PRED_PARENT:
	case PRED_ANCESTOR:
		return bind_ids(b, value, p);
	case PRED_PIDNS_INIT:
	case PRED_RUN_ROOT:
		return yaml_bind_bool(b, value, &p->wanted);
	default:
		return bind_patterns(b, value, p, p->kind == PRED_ARGV_HAS);
	}
}

int yaml_bind_when(struct binder *b, yaml_node_t *node, void *target)
{
	struct predicate *p = target;
	yaml_node_pair_t *pair;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE || !MAPPING_LENGTH(node))
		return yaml_fail(b, node, "a condition is expected here, such as {comm: '^make$'}");
	pair = node->data.mapping.pairs.start;
	if (MAPPING_LENGTH(node) == 1)
		return bind_predicate(b, yaml_at(b, pair->key), yaml_at(b, pair->value), p);
	p->kind = PRED_ALL;
	p->kids = rules_alloc(b->rules, MAPPING_LENGTH(node) * sizeof(*p->kids));
	if (!p->kids)
		return -ENOMEM;
	for (; pair < node->data.mapping.pairs.top && !rc; pair++)
		rc = bind_predicate(b, yaml_at(b, pair->key), yaml_at(b, pair->value),
				    &p->kids[p->n_kids++]);
	return rc;
}

static int set_kind(struct binder *b, yaml_node_t *node, struct source *s, enum source_kind kind)
{
	if (s->kind != SOURCE_NONE)
		return yaml_fail(b, node, "a source names one place to look at, not two");
	s->kind = kind;
	return 0;
}

#define NAMED_SOURCE(function, source_kind)                                                        \
	static int function(struct binder *b, yaml_node_t *node, void *target)                     \
	{                                                                                          \
		struct source *s = target;                                                         \
		int rc = set_kind(b, node, s, source_kind);                                        \
                                                                                                   \
		return rc ? rc : yaml_bind_text(b, node, &s->name);                                \
	}
#define REGEX_SOURCE(function, source_kind)                                                        \
	static int function(struct binder *b, yaml_node_t *node, void *target)                     \
	{                                                                                          \
		struct source *s = target;                                                         \
		int rc = set_kind(b, node, s, source_kind);                                        \
                                                                                                   \
		return rc ? rc : yaml_bind_regex(b, node, &s->re);                                 \
	}
#define NUMBER_SOURCE(function, source_kind)                                                       \
	static int function(struct binder *b, yaml_node_t *node, void *target)                     \
	{                                                                                          \
		struct source *s = target;                                                         \
		int rc = set_kind(b, node, s, source_kind);                                        \
                                                                                                   \
		return rc ? rc : yaml_bind_number(b, node, &s->index);                             \
	}

NAMED_SOURCE(source_argv_after, SOURCE_ARGV_AFTER)
NAMED_SOURCE(source_const, SOURCE_CONST)
NAMED_SOURCE(source_from, SOURCE_FROM)
NAMED_SOURCE(source_line, SOURCE_TEXT)
REGEX_SOURCE(source_file_re, SOURCE_FILE_RE)
REGEX_SOURCE(source_exe_re, SOURCE_EXE_RE)
REGEX_SOURCE(source_path_re, SOURCE_PATH)
REGEX_SOURCE(source_argv_re, SOURCE_ARGV_RE)
REGEX_SOURCE(source_cwd_re, SOURCE_CWD_RE)
REGEX_SOURCE(source_title_re, SOURCE_TITLE_RE)
REGEX_SOURCE(source_cgroup_re, SOURCE_CGROUP_RE)
REGEX_SOURCE(source_nodename_re, SOURCE_NODENAME_RE)
REGEX_SOURCE(source_marker, SOURCE_MARKER)
NUMBER_SOURCE(source_word, SOURCE_WORD)
NUMBER_SOURCE(source_shell_tool, SOURCE_SHELL_TOOL)

static int source_env(struct binder *b, yaml_node_t *node, void *target)
{
	struct source *s = target;
	int rc = set_kind(b, node, s, SOURCE_ENV);

	if (!rc)
		rc = yaml_bind_text(b, node, &s->name);
	return rc ? rc : yaml_check_env(b, node, s->name);
}

static int bind_skip(struct binder *b, yaml_node_t *node, void *target)
{
	struct source *s = target;
	struct yaml_texts texts;
	int rc = yaml_bind_texts(b, node, &texts);

	s->skip_options = texts.items;
	s->n_skip = rc ? 0 : texts.n;
	return rc;
}

static int bind_decode(struct binder *b, yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);

	if (!text || (strcmp(text, "b64url") && strcmp(text, "basename")))
		return yaml_fail(b, node, "decode is b64url or basename");
	((struct source *)target)->base64 = !strcmp(text, "b64url");
	((struct source *)target)->basename = !strcmp(text, "basename");
	return 0;
}

static int bind_in_argv(struct binder *b, yaml_node_t *node, void *target)
{
	if (!yaml_text(node) || strcmp(yaml_text(node), "argv"))
		return yaml_fail(b, node, "must_appear_in can only be argv");
	((struct source *)target)->in_argv = true;
	return 0;
}

struct field_binding { /* max and charset belong to the field, not to a source */
	struct source source;
	unsigned max;
	const char *charset;
};

static const struct yaml_key source_keys[] = {
	{ "argv_after", source_argv_after, 0 },
	{ "argv_re", source_argv_re, 0 },
	{ "word", source_word, 0 },
	{ "cwd_re", source_cwd_re, 0 },
	{ "title_re", source_title_re, 0 },
	{ "cgroup_re", source_cgroup_re, 0 },
	{ "nodename_re", source_nodename_re, 0 },
	{ "env", source_env, 0 },
	{ "const", source_const, 0 },
	{ "from", source_from, 0 },
	{ "shell_tool", source_shell_tool, 0 },
	{ "pending_marker", source_marker, 0 },
	{ "line", source_line, 0 },
	{ "file_re", source_file_re, 0 },
	{ "exe_re", source_exe_re, 0 },
	{ "path_re", source_path_re, 0 },
	{ "add", yaml_bind_number, offsetof(struct source, add) },
	{ "strip", yaml_bind_text, offsetof(struct source, strip) },
	{ "re", yaml_bind_regex, offsetof(struct source, re) },
	{ "group", yaml_bind_number, offsetof(struct source, group) },
	{ "skip_opts", bind_skip, 0 },
	{ "decode", bind_decode, 0 },
	{ "must_appear_in", bind_in_argv, 0 },
	{ "max", yaml_bind_number, offsetof(struct field_binding, max) },
	{ "charset", yaml_bind_text, offsetof(struct field_binding, charset) },
	{ NULL, NULL, 0 },
};

static int bind_source(struct binder *b, yaml_node_t *node, struct rule_field *f)
{
	struct field_binding x = { .source.group = 99, .max = RULE_VALUE_MAX - 1 };
	struct source *s = &x.source;
	int rc = yaml_bind(b, node, source_keys, &x);

	if (rc)
		return rc;
	if (s->kind == SOURCE_NONE && s->re)
		s->kind = SOURCE_HEAD; /* a line of the file that `head` names */
	if (s->kind == SOURCE_NONE)
		return yaml_fail(b, node, "a source is missing, such as argv_after or env");
	if (s->re && s->group == 99)
		s->group = s->re->regex.re_nsub ? 1 : 0;
	if (s->re && (s->group > s->re->regex.re_nsub || s->group >= RULE_GROUPS_MAX))
		return yaml_fail(b, node, "the regular expression has no group %u", s->group);
	if (!s->re && s->group != 99)
		return yaml_fail(b, node, "a group needs a regular expression");
	if (!x.max || x.max >= RULE_VALUE_MAX)
		return yaml_fail(b, node, "max is 1 to %d", RULE_VALUE_MAX - 1);
	f->max = x.max < f->max ? x.max : f->max;
	if (x.charset)
		f->charset = x.charset;
	f->sources[f->n_sources++] = *s;
	return 0;
}

static int bind_field(struct binder *b, yaml_node_t *key, yaml_node_t *node, struct rule_field *f)
{
	size_t n = node->type == YAML_SEQUENCE_NODE ? SEQUENCE_LENGTH(node) : 1;
	int rc = yaml_bind_text(b, key, &f->name);

	f->max = RULE_VALUE_MAX - 1;
	f->sources = rules_alloc(b->rules, n * sizeof(*f->sources) + 1);
	if (rc || !f->sources)
		return rc ? rc : -ENOMEM;
	if (node->type != YAML_SEQUENCE_NODE)
		return bind_source(b, node, f);
	for (size_t i = 0; i < n && !rc; i++)
		rc = bind_source(b, yaml_at(b, node->data.sequence.items.start[i]), f);
	return rc;
}

static int bind_field_list(struct binder *b, yaml_node_t *node, struct rule_field **ret,
			   unsigned *ret_n)
{
	yaml_node_pair_t *pair;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return yaml_fail(b, node, "fields are expected here");
	if (MAPPING_LENGTH(node) > RULE_FIELDS_MAX)
		return yaml_fail(b, node, "at most %d fields", RULE_FIELDS_MAX);
	*ret_n = 0;
	*ret = rules_alloc(b->rules, (MAPPING_LENGTH(node) + 1) * sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && !rc;
	     pair++)
		rc = bind_field(b, yaml_at(b, pair->key), yaml_at(b, pair->value),
				&(*ret)[(*ret_n)++]);
	return rc;
}

int yaml_bind_fields(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;

	return bind_field_list(b, node, &rule->fields, &rule->n_fields);
}

int yaml_bind_learn(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;
	int rc = bind_field_list(b, node, &rule->learn, &rule->n_learn);

	for (unsigned i = 0; !rc && i < rule->n_learn; i++)
		for (unsigned k = 0; k < rule->learn[i].n_sources; k++)
			if (rule->learn[i].sources[k].kind != SOURCE_PATH)
				return yaml_fail(b, node, "learn takes path_re only");
	return rc;
}

static int bind_head_fields(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule_head *head = target;

	return bind_field_list(b, node, &head->fields, &head->n_fields);
}

static const struct yaml_key head_keys[] = {
	{ "file", yaml_bind_text, offsetof(struct rule_head, file) },
	{ "bytes", yaml_bind_number, offsetof(struct rule_head, bytes) },
	{ "extract", bind_head_fields, 0 },
	{ "at_exit", yaml_bind_bool, offsetof(struct rule_head, at_exit) },
	{ NULL, NULL, 0 },
};

static int bind_head(struct binder *b, yaml_node_t *node, struct rule *rule)
{
	struct rule_head *head = &rule->heads[rule->n_heads];
	int rc;

	if (rule->n_heads == RULE_HEADS_MAX)
		return yaml_fail(b, node, "at most %d files", RULE_HEADS_MAX);
	rc = yaml_bind(b, node, head_keys, head);
	if (rc)
		return rc;
	if (!head->file || !head->n_fields || !head->bytes || head->bytes > RULE_HEAD_BYTES_MAX)
		return yaml_fail(b, node, "head needs file, extract, and bytes of 1 to %d",
				 RULE_HEAD_BYTES_MAX);
	for (unsigned i = 0; i < head->n_fields; i++)
		for (unsigned k = 0; k < head->fields[i].n_sources; k++)
			if (head->fields[i].sources[k].kind != SOURCE_HEAD)
				return yaml_fail(b, node,
						 "head takes `re` only: a line of the file");
	rule->n_heads++;
	return 0;
}

int yaml_bind_heads(struct binder *b, yaml_node_t *node, void *target)
{
	int rc = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return bind_head(b, node, target);
	for (size_t i = 0; i < SEQUENCE_LENGTH(node) && !rc; i++)
		rc = bind_head(b, yaml_at(b, node->data.sequence.items.start[i]), target);
	return rc;
}

static int bind_block_fields(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule_block *block = target;

	return bind_field_list(b, node, &block->fields, &block->n_fields);
}

static const struct yaml_key block_keys[] = {
	{ "file", yaml_bind_regex, offsetof(struct rule_block, file) },
	{ "bytes", yaml_bind_number, offsetof(struct rule_block, bytes) },
	{ "block", yaml_bind_regex, offsetof(struct rule_block, start) },
	{ "name_group", yaml_bind_number, offsetof(struct rule_block, name_group) },
	{ "match", yaml_bind_text, offsetof(struct rule_block, match) },
	{ "by", yaml_bind_text, offsetof(struct rule_block, by) },
	{ "extract", bind_block_fields, 0 },
	{ NULL, NULL, 0 },
};

int yaml_bind_block(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule_block *block = rules_alloc(b->rules, sizeof(*block));
	int rc = block ? yaml_bind(b, node, block_keys, block) : -ENOMEM;

	if (rc)
		return rc;
	if (!block->file || !block->start || !block->match || !block->by || !block->bytes)
		return yaml_fail(b, node, "text needs file, bytes, block, match and by");
	if (block->name_group > block->start->regex.re_nsub)
		return yaml_fail(b, node, "block has no group %u", block->name_group);
	*(struct rule_block **)target = block;
	return 0;
}

#define TEXTS_OF(function, member)                                                                 \
	static int function(struct binder *b, yaml_node_t *node, void *target)                     \
	{                                                                                          \
		struct rule_test *t = target;                                                      \
		struct yaml_texts texts;                                                           \
		int rc = yaml_bind_texts(b, node, &texts);                                         \
                                                                                                   \
		t->member = texts.items;                                                           \
		t->n_##member = rc ? 0 : texts.n;                                                  \
		return rc;                                                                         \
	}

TEXTS_OF(test_argv, argv)
TEXTS_OF(test_env, env)
TEXTS_OF(test_ancestors, ancestors)

static int test_match(struct binder *b, yaml_node_t *node, void *target)
{
	bool match;
	int rc = yaml_bind_bool(b, node, &match);

	((struct rule_test *)target)->no_match = !rc && !match;
	return rc;
}

static int test_expect(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule_test *t = target;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return yaml_fail(b, node, "fields and their values are expected here");
	t->expect = rules_alloc(b->rules, (MAPPING_LENGTH(node) + 1) * sizeof(*t->expect));
	if (!t->expect)
		return -ENOMEM;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && !rc; pair++) {
		struct rule_pair *e = &t->expect[t->n_expect++];
		yaml_node_t *value = yaml_at(b, pair->value);

		rc = yaml_bind_text(b, yaml_at(b, pair->key), &e->name);
		if (!rc && yaml_text(value) && strcmp(yaml_text(value), "null"))
			rc = yaml_bind_text(b, value, &e->value);
	}
	return rc;
}

static const struct yaml_key test_keys[] = {
	{ "argv", test_argv, 0 },
	{ "env", test_env, 0 },
	{ "ancestors", test_ancestors, 0 },
	{ "file", yaml_bind_text, offsetof(struct rule_test, file) },
	{ "exe", yaml_bind_text, offsetof(struct rule_test, exe) },
	{ "comm", yaml_bind_text, offsetof(struct rule_test, comm) },
	{ "cwd", yaml_bind_text, offsetof(struct rule_test, cwd) },
	{ "cwd_host", yaml_bind_text, offsetof(struct rule_test, cwd_host) },
	{ "title", yaml_bind_text, offsetof(struct rule_test, title) },
	{ "cgroup", yaml_bind_text, offsetof(struct rule_test, cgroup) },
	{ "nodename", yaml_bind_text, offsetof(struct rule_test, nodename) },
	{ "parent", yaml_bind_text, offsetof(struct rule_test, parent) },
	{ "pid", yaml_bind_number, offsetof(struct rule_test, pid) },
	{ "nspid", yaml_bind_number, offsetof(struct rule_test, nspid) },
	{ "run_root", yaml_bind_bool, offsetof(struct rule_test, run_root) },
	{ "match", test_match, 0 },
	{ "expect", test_expect, 0 },
	{ NULL, NULL, 0 },
};

int yaml_bind_tests(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;
	int rc = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return yaml_fail(b, node, "a list of tests is expected here");
	rule->tests = rules_alloc(b->rules, (SEQUENCE_LENGTH(node) + 1) * sizeof(*rule->tests));
	if (!rule->tests)
		return -ENOMEM;
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && !rc; item++) {
		struct rule_test *t = &rule->tests[rule->n_tests++];

		t->pid = 4242;
		t->line = (unsigned)yaml_at(b, *item)->start_mark.line + 1;
		rc = yaml_bind(b, yaml_at(b, *item), test_keys, t);
	}
	return rc;
}
