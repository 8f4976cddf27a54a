/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to rules: tables of keys bound to functions. Every mistake is an error
 * with its place; keys that are not known get the nearest one that is. Aliases
 * are refused, depth and size are bounded. Predicates are in rules_yaml_when.c.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/track/rules_yaml.h"

#define DEPTH_MAX  24
#define EVENTS_MAX 200000

int yaml_fail(struct binder *b, const yaml_node_t *node, const char *format, ...)
{
	va_list ap;

	*b->error = (struct rules_error){ 0 };
	str_copy(b->error->file, sizeof(b->error->file), b->origin);
	if (node) {
		b->error->line = (unsigned)node->start_mark.line + 1;
		b->error->column = (unsigned)node->start_mark.column + 1;
	}
	va_start(ap, format);
	vsnprintf(b->error->text, sizeof(b->error->text), format, ap);
	va_end(ap);
	return -EINVAL;
}

yaml_node_t *yaml_at(struct binder *b, int id)
{
	return yaml_document_get_node(b->doc, id);
}

const char *yaml_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static unsigned distance(const char *a, const char *b)
{
	unsigned row[40], size = (unsigned)strlen(b);

	if (strlen(a) >= ARRAY_SIZE(row) || size >= ARRAY_SIZE(row))
		return UINT_MAX;
	for (unsigned k = 0; k <= size; k++)
		row[k] = k;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned k = 1; k <= size; k++) {
			unsigned best = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			best = row[k] + 1 < best ? row[k] + 1 : best;
			row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
		}
	}
	return row[size];
}

const char *yaml_nearest(const char *word, const void *first_name, size_t stride, size_t n)
{
	const char *near = NULL;
	unsigned best = 4;

	for (size_t i = 0; i < n; i++) {
		const char *name = *(const char *const *)((const char *)first_name + i * stride);

		if (distance(word, name) < best) {
			best = distance(word, name);
			near = name;
		}
	}
	return near;
}

static int unknown_key(struct binder *b, const yaml_node_t *node, const struct yaml_key *keys)
{
	const char *word = yaml_text(node), *near;
	size_t n = 0;

	while (keys[n].name)
		n++;
	near = yaml_nearest(word, &keys->name, sizeof(*keys), n);
	if (near)
		return yaml_fail(b, node, "unknown key '%.60s'; did you mean '%s'?", word, near);
	return yaml_fail(b, node, "unknown key '%.60s'", word);
}

static int bind_pair(struct binder *b, const yaml_node_t *node, const yaml_node_pair_t *pair,
		     const struct yaml_key *k, void *target)
{
	yaml_node_t *key = yaml_at(b, pair->key);
	const struct yaml_key *keys = k;

	if (!yaml_text(key))
		return yaml_fail(b, key, "a key must be a word");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < pair; p++) {
		const char *before = yaml_text(yaml_at(b, p->key));

		if (before && !strcmp(before, yaml_text(key)))
			return yaml_fail(b, key, "'%.60s' is given twice", yaml_text(key));
	}
	while (k->name && strcmp(k->name, yaml_text(key)))
		k++;
	if (!k->name)
		return unknown_key(b, key, keys);
	return k->bind(b, yaml_at(b, pair->value), (char *)target + k->offset);
}

int yaml_bind(struct binder *b, yaml_node_t *node, const struct yaml_key *keys, void *target)
{
	yaml_node_pair_t *pair;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return yaml_fail(b, node, "a mapping is expected here");
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && !rc;
	     pair++)
		rc = bind_pair(b, node, pair, keys, target);
	return rc;
}

int yaml_bind_text(struct binder *b, yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);

	if (!text || !*text)
		return yaml_fail(b, node, "a text is expected here");
	if (strlen(text) != node->data.scalar.length || node->data.scalar.length > 65536)
		return yaml_fail(b, node, "text has a NUL or is too long");
	*(const char **)target = rules_strndup(b->rules, text, strlen(text));
	return *(const char **)target ? 0 : -ENOMEM;
}

int yaml_bind_number(struct binder *b, yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);
	char *end;
	unsigned long n;

	if (!text || *text < '0' || *text > '9')
		return yaml_fail(b, node, "a number is expected here");
	n = strtoul(text, &end, 10);
	if (*end || n > 1000000000)
		return yaml_fail(b, node, "'%.40s' is no number or too large", text);
	*(unsigned *)target = (unsigned)n;
	return 0;
}

int yaml_bind_bool(struct binder *b, yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);

	if (!text || (strcmp(text, "true") && strcmp(text, "false")))
		return yaml_fail(b, node, "true or false is expected here");
	*(bool *)target = *text == 't';
	return 0;
}

int yaml_bind_regex(struct binder *b, yaml_node_t *node, void *target)
{
	char message[160];
	const char *text = yaml_text(node);
	int rc;

	if (!text || !*text)
		return yaml_fail(b, node, "a regular expression is expected here");
	if (!strncmp(text, "eq:", 3) || !strncmp(text, "glob:", 5))
		return yaml_fail(b, node, "only a regular expression is possible here");
	rc = pattern_new(b->rules, text, false, target, message, sizeof(message));
	return rc == -EINVAL ? yaml_fail(b, node, "%s", message) : rc;
}

/* A list of texts, or one text. */
int yaml_bind_texts(struct binder *b, yaml_node_t *node, struct yaml_texts *ret)
{
	yaml_node_item_t *item;
	int rc = 0;

	ret->n = 0;
	if (node->type == YAML_SCALAR_NODE) {
		ret->items = rules_alloc(b->rules, sizeof(*ret->items));
		ret->n = 1;
		return ret->items ? yaml_bind_text(b, node, ret->items) : -ENOMEM;
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return yaml_fail(b, node, "a text or a list of texts is expected here");
	item = node->data.sequence.items.start;
	ret->items = rules_alloc(b->rules, (size_t)(node->data.sequence.items.top - item + 1) *
						   sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (; item < node->data.sequence.items.top && !rc; item++) {
		yaml_node_t *n = yaml_at(b, *item);

		if (yaml_text(n) && !*yaml_text(n))
			ret->items[ret->n++] = ""; /* an empty argument is one */
		else
			rc = yaml_bind_text(b, n, &ret->items[ret->n++]);
	}
	return rc;
}

static int bind_kind(struct binder *b, yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);

	for (unsigned k = 0; text && k < RULE_KINDS; k++)
		if (!strcmp(text, rule_kind_name(k))) {
			*(enum rule_kind *)target = k;
			return 0;
		}
	return yaml_fail(b, node,
			 "kind must be engine, task, tool, wrapper, noise, alloc, container, "
			 "session or client");
}

static int bind_comms(struct binder *b, yaml_node_t *node, const char ***ret, unsigned *ret_n)
{
	struct yaml_texts texts;
	int rc = yaml_bind_texts(b, node, &texts);

	for (unsigned i = 0; !rc && i < texts.n; i++)
		if (strlen(texts.items[i]) >= WIRE_COMM_LEN)
			return yaml_fail(b, node, "'%.40s' is longer than a comm can be",
					 texts.items[i]);
	*ret = texts.items;
	*ret_n = rc ? 0 : texts.n;
	return rc;
}

static int bind_rescan(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;

	return bind_comms(b, node, &rule->env_rescan, &rule->n_env_rescan);
}

static int bind_asked_by(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;

	return bind_comms(b, node, &rule->asked_by, &rule->n_asked_by);
}

static int bind_adopts(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;

	return bind_comms(b, node, &rule->adopts, &rule->n_adopts);
}

static int bind_served_by(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;

	return bind_comms(b, node, &rule->served_by, &rule->n_served_by);
}

static int bind_announces(struct binder *b, yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);

	if (!text || (strcmp(text, "container") && strcmp(text, "allocation")))
		return yaml_fail(b, node, "a client announces container or allocation");
	*(bool *)target = *text == 'a';
	return 0;
}

static int bind_keys(struct binder *b, yaml_node_t *node, void *target)
{
	struct rule *rule = target;
	struct yaml_texts texts;
	int rc = yaml_bind_texts(b, node, &texts);

	if (rc)
		return rc;
	if (!texts.n || texts.n > RULE_KEYS_MAX)
		return yaml_fail(b, node, "1 to %d keys", RULE_KEYS_MAX);
	memcpy(rule->keys, texts.items, texts.n * sizeof(*texts.items));
	rule->n_keys = texts.n;
	return 0;
}

static int bind_opens(struct binder *b, yaml_node_t *node, void *target)
{
	if (!yaml_text(node) || strcmp(yaml_text(node), "mark"))
		return yaml_fail(b, node, "opens can only be mark: a kind says what it opens");
	*(bool *)target = true;
	return 0;
}

static int bind_pop(struct binder *b, yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = { { "title", yaml_bind_regex, 0 },
						{ NULL, NULL, 0 } };

	return yaml_bind(b, node, keys, target);
}

static int bind_signals(struct binder *b, yaml_node_t *node, void *target)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = { { "INT", SIGINT },   { "TERM", SIGTERM }, { "HUP", SIGHUP },
			{ "QUIT", SIGQUIT }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
			{ "KILL", SIGKILL } };
	struct yaml_texts texts;
	uint32_t *bits = target;
	int rc = yaml_bind_texts(b, node, &texts);

	*bits = 0;
	for (unsigned i = 0; !rc && i < texts.n; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(signals) && strcmp(signals[k].name, texts.items[i]))
			k++;
		if (k == ARRAY_SIZE(signals))
			return yaml_fail(b, node, "no such signal here: %.40s", texts.items[i]);
		*bits |= 1u << signals[k].number;
	}
	return rc;
}

static int bind_run_of(struct binder *b, yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "key", yaml_bind_text, offsetof(struct rule, run.key) },
		{ "name", yaml_bind_text, offsetof(struct rule, run.name) },
		{ "pipeline", yaml_bind_text, offsetof(struct rule, run.pipeline) },
		{ "engine", yaml_bind_text, offsetof(struct rule, traits.run_engine) },
		{ NULL, NULL, 0 },
	};
	struct rule *rule = target;
	int rc = yaml_bind(b, node, keys, rule);

	if (!rc && !rule->run.key)
		return yaml_fail(b, node, "run needs a key");
	return rc;
}

static const struct yaml_key rule_keys[] = {
	{ "id", yaml_bind_text, offsetof(struct rule, id) },
	{ "kind", bind_kind, offsetof(struct rule, kind) },
	{ "priority", yaml_bind_number, offsetof(struct rule, priority) },
	{ "confidence", yaml_bind_number, offsetof(struct rule, confidence) },
	{ "when", yaml_bind_when, offsetof(struct rule, when) },
	{ "key", bind_keys, 0 },
	{ "extract", yaml_bind_fields, 0 },
	{ "learn", yaml_bind_learn, 0 },
	{ "head", yaml_bind_heads, 0 },
	{ "owns", yaml_bind_regex, offsetof(struct rule, owns) },
	{ "run", bind_run_of, 0 },
	{ "anchor_dir", yaml_bind_text, offsetof(struct rule, traits.anchor_dir) },
	{ "attempt_by", yaml_bind_text, offsetof(struct rule, traits.attempt_by) },
	{ "names", yaml_bind_text, offsetof(struct rule, traits.names_id) },
	{ "tools_only_under", yaml_bind_text, offsetof(struct rule, traits.only_under_id) },
	{ "opens", bind_opens, offsetof(struct rule, traits.opens_mark) },
	{ "sample_by_files", yaml_bind_bool, offsetof(struct rule, traits.sample_by_files) },
	{ "leaks", yaml_bind_bool, offsetof(struct rule, traits.leaks) },
	{ "answers", yaml_bind_bool, offsetof(struct rule, traits.answers) },
	{ "announces", bind_announces, offsetof(struct rule, traits.announces_allocation) },
	{ "asked_by", bind_asked_by, 0 },
	{ "adopts", bind_adopts, 0 },
	{ "served_by", bind_served_by, 0 },
	{ "cancel_signals", bind_signals, offsetof(struct rule, traits.cancel_signals) },
	{ "pop_when", bind_pop, offsetof(struct rule, pop_title) },
	{ "text", yaml_bind_block, offsetof(struct rule, block) },
	{ "transparent", yaml_bind_bool, offsetof(struct rule, transparent) },
	{ "env_rescan", bind_rescan, 0 },
	{ "disabled", yaml_bind_bool, offsetof(struct rule, disabled) },
	{ "tests", yaml_bind_tests, 0 },
	{ NULL, NULL, 0 },
};

static bool is_field(const struct rule *rule, const char *name, size_t len)
{
	if (len == 3 && (!memcmp(name, "pid", 3) || !memcmp(name, "cwd", 3)))
		return true;
	for (unsigned i = 0; i < rule->n_fields; i++)
		if (strlen(rule->fields[i].name) == len && !memcmp(rule->fields[i].name, name, len))
			return true;
	for (unsigned i = 0; i < rule->n_learn; i++)
		if (strlen(rule->learn[i].name) == len && !memcmp(rule->learn[i].name, name, len))
			return true;
	return false;
}

/* ${x} must name a field of the rule, the pid or the directory. */
static int check_template(struct binder *b, const yaml_node_t *node, const struct rule *rule,
			  const char *template)
{
	for (const char *p = template; p && (p = strstr(p, "${")); p += 2) {
		size_t len = strcspn(p + 2, "}");

		if (p[2 + len] != '}' || !is_field(rule, p + 2, len))
			return yaml_fail(b, node, "%s: ${%.*s} is no field of it", rule->id,
					 (int)len, p + 2);
	}
	return 0;
}

static int check_templates(struct binder *b, const yaml_node_t *node, const struct rule *rule)
{
	const char *others[] = { rule->run.key, rule->run.name, rule->run.pipeline };
	int rc = 0;

	for (unsigned i = 0; i < rule->n_keys && !rc; i++)
		rc = check_template(b, node, rule, rule->keys[i]);
	for (unsigned i = 0; i < rule->n_heads && !rc; i++)
		rc = check_template(b, node, rule, rule->heads[i].file);
	for (size_t i = 0; i < ARRAY_SIZE(others) && !rc; i++)
		rc = check_template(b, node, rule, others[i]);
	return rc;
}

static bool has_field(const struct rule_field *fields, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(fields[i].name, name))
			return true;
	return false;
}

/* A field that the rule itself, or the file that it reads, tells. */
static int check_named(struct binder *b, const yaml_node_t *node, const struct rule *rule,
		       const char *key, const char *field)
{
	bool known = !field || has_field(rule->fields, rule->n_fields, field);

	for (unsigned i = 0; i < rule->n_heads && !known; i++)
		known = has_field(rule->heads[i].fields, rule->heads[i].n_fields, field);
	return known ? 0
		     : yaml_fail(b, node, "%s: %s: '%.60s' is no field of it", rule->id, key,
				 field);
}

/* `from` sees only what has been found before. */
static int check_order(struct binder *b, const yaml_node_t *node, const struct rule *rule)
{
	for (unsigned i = 0; i < rule->n_fields; i++)
		for (unsigned k = 0; k < rule->fields[i].n_sources; k++) {
			const struct source *s = &rule->fields[i].sources[k];
			const char *from = s->kind == SOURCE_FROM ? s->name : s->strip;

			if (from && !has_field(rule->fields, i, from))
				return yaml_fail(b, node,
						 "%s: %s comes from '%.60s', which is no field "
						 "before it",
						 rule->id, rule->fields[i].name, from);
		}
	return 0;
}

/* What belongs to one kind only is a mistake in another. */
static int check_kind(struct binder *b, const yaml_node_t *node, const struct rule *rule)
{
	bool task = rule->kind == RULE_TASK || rule->kind == RULE_ALLOC;
	const struct rule_traits *t = &rule->traits;
	const struct {
		bool bad;
		const char *what;
	} checks[] = {
		{ rule->owns && rule->kind != RULE_ENGINE, "owns is for engines" },
		{ rule->n_learn && rule->kind != RULE_ENGINE, "learn is for engines" },
		{ t->opens_mark && rule->kind != RULE_WRAPPER, "opens: mark is for wrappers" },
		{ (rule->n_adopts || t->announces_allocation) && rule->kind != RULE_CLIENT,
		  "announces and adopts are for clients" },
		{ !rule->n_adopts != !rule->n_asked_by, "adopts and asked_by go together" },
		{ rule->n_heads && !task, "head is for tasks and allocations" },
		{ rule->run.key && !task, "run is for tasks and allocations" },
		{ t->leaks && !task, "leaks is for tasks and allocations" },
		{ t->answers && rule->kind != RULE_WRAPPER, "answers is for wrappers" },
		{ (t->anchor_dir || t->attempt_by || t->only_under_id || t->names_id ||
		   rule->pop_title) &&
			  !task,
		  "anchor_dir, attempt_by, names, tools_only_under and pop_when are for tasks" },
	};

	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].bad)
			return yaml_fail(b, node, "%s: %s", rule->id, checks[i].what);
	if (rule->owns && !rule->owns->regex.re_nsub)
		return yaml_fail(b, node, "%s: owns needs a group: the directory", rule->id);
	rc = check_named(b, node, rule, "anchor_dir", t->anchor_dir);
	if (!rc)
		rc = check_named(b, node, rule, "attempt_by", t->attempt_by);
	if (!rc)
		rc = check_order(b, node, rule);
	return rc ? rc : check_templates(b, node, rule);
}

static int add_rule(struct binder *b, const yaml_node_t *node, struct rule *rule)
{
	struct rules *r = b->rules;

	for (unsigned i = 0; i < r->n; i++) {
		if (strcmp(r->list[i]->id, rule->id))
			continue;
		if (!strcmp(r->list[i]->origin, b->origin))
			return yaml_fail(b, node, "rule '%s' is given twice (line %u)", rule->id,
					 r->list[i]->line);
		rule->order = r->list[i]->order;
		r->list[i] = rule;
		return 0;
	}
	if (r->n >= RULES_MAX)
		return yaml_fail(b, node, "too many rules (at most %d)", RULES_MAX);
	rule->order = r->n;
	r->list[r->n++] = rule;
	return 0;
}

/* Each member by itself, so that all that are wrong are told where all are wanted. */
static int bind_members(struct binder *b, yaml_node_t *node, struct rule *rule)
{
	yaml_node_pair_t *pair;
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return yaml_fail(b, node, "a mapping is expected here");
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && !rc;
	     pair++)
		rc = rules_go_on(b->rules, bind_pair(b, node, pair, rule_keys, rule), b->error);
	return rc;
}

static int bind_rule(struct binder *b, yaml_node_t *node)
{
	struct rule *rule = rules_alloc(b->rules, sizeof(*rule));
	unsigned before = b->rules->n_mistakes;
	int rc;

	if (!rule)
		return -ENOMEM;
	rule->priority = 500;
	rule->confidence = 60;
	rule->kind = RULE_KINDS;
	rule->traits.cancel_signals = 1u << SIGINT | 1u << SIGTERM | 1u << SIGHUP;
	rule->line = (unsigned)node->start_mark.line + 1;
	rule->column = (unsigned)node->start_mark.column + 1;
	rc = bind_members(b, node, rule);
	if (rc)
		return rc;
	rule->origin = rules_strndup(b->rules, b->origin, strlen(b->origin));
	if (!rule->origin)
		return -ENOMEM;
	if (b->rules->n_mistakes > before) { /* others may name it, nobody will use it */
		rule->disabled = true;
		return rule->id ? add_rule(b, node, rule) : 0;
	}
	if (!rule->id)
		return yaml_fail(b, node, "a rule needs an 'id'");
	if (!rule->disabled && rule->kind == RULE_KINDS)
		return yaml_fail(b, node, "%s: a rule needs a 'kind'", rule->id);
	if (!rule->disabled && rule->when.kind == PRED_ALL && !rule->when.n_kids)
		return yaml_fail(b, node, "%s: a rule needs a 'when' that is not empty", rule->id);
	if (rule->confidence > 100)
		return yaml_fail(b, node, "%s: confidence is 0 to 100", rule->id);
	rc = check_kind(b, node, rule);
	return rc ? rc : add_rule(b, node, rule);
}

static int parser_error(struct binder *b, const yaml_parser_t *parser)
{
	yaml_node_t place = { .start_mark = parser->problem_mark };

	return yaml_fail(b, &place, "not valid YAML: %s", parser->problem ? parser->problem : "?");
}

/* First pass: bounds, and no aliases, which the document API would hide. */
static int check_events(struct binder *b, const char *text, size_t len)
{
	yaml_parser_t parser;
	unsigned depth = 0, n = 0;
	bool done = false;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!done && !rc) {
		yaml_event_t event;
		yaml_node_t place;

		if (!yaml_parser_parse(&parser, &event)) {
			rc = parser_error(b, &parser);
			break;
		}
		place.start_mark = event.start_mark;
		if (event.type == YAML_ALIAS_EVENT)
			rc = yaml_fail(b, &place, "aliases are not allowed");
		else if (event.type == YAML_SEQUENCE_START_EVENT ||
			 event.type == YAML_MAPPING_START_EVENT)
			rc = ++depth > DEPTH_MAX ? yaml_fail(b, &place, "nested too deeply") : 0;
		else if (event.type == YAML_SEQUENCE_END_EVENT ||
			 event.type == YAML_MAPPING_END_EVENT)
			depth--;
		if (++n > EVENTS_MAX)
			rc = yaml_fail(b, &place, "too large");
		done = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return rc;
}

static int bind_document(struct binder *b)
{
	yaml_node_t *root = yaml_document_get_root_node(b->doc);
	int rc = 0;

	if (!root)
		return 0; /* an empty file has no rules */
	if (root->type != YAML_SEQUENCE_NODE)
		return yaml_fail(b, root, "a list of rules is expected");
	for (yaml_node_item_t *item = root->data.sequence.items.start;
	     item < root->data.sequence.items.top && !rc; item++)
		rc = rules_go_on(b->rules, bind_rule(b, yaml_at(b, *item)), b->error);
	return rc;
}

int rules_parse(struct rules *r, const char *name, const char *text, size_t len,
		struct rules_error *error)
{
	yaml_document_t doc;
	struct binder b = { .rules = r, .origin = name, .error = error, .doc = &doc };
	yaml_parser_t parser;
	int rc = check_events(&b, text, len);

	if (rc)
		return rc;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &doc)) {
		rc = bind_document(&b);
		yaml_document_delete(&doc);
	} else {
		rc = parser_error(&b, &parser);
	}
	yaml_parser_delete(&parser);
	return rc;
}
