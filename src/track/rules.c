/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of rules: loading and merging, the index, the search. The format is in
 * rules_yaml.c, predicates in rule_match.c, fields in rule_extract.c. */
#include "src/track/rules.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/str.h"
#include "src/track/rules_internal.h"

#define RULE_FILE_MAX (1024 * 1024)

struct chunk {
	struct chunk *next;
	_Alignas(16) char data[];
};

void *rules_alloc(struct rules *r, size_t size)
{
	struct chunk *c = calloc(1, sizeof(*c) + size);

	if (!c)
		return NULL;
	c->next = r->chunks;
	r->chunks = c;
	return c->data;
}

char *rules_strndup(struct rules *r, const char *text, size_t len)
{
	char *copy = rules_alloc(r, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (struct pattern *p = r->patterns; p; p = p->next)
		tre_regfree(&p->regex);
	while (r->chunks) {
		struct chunk *next = r->chunks->next;

		free(r->chunks);
		r->chunks = next;
	}
	free(r);
}

static int fail(struct rules_error *error, const struct rule *rule, const char *what,
		const char *word)
{
	*error = (struct rules_error){ .line = rule->line, .column = rule->column };
	str_copy(error->file, sizeof(error->file), rule->origin);
	snprintf(error->text, sizeof(error->text), "%s: %s%s%s", rule->id, what, *word ? " " : "",
		 word);
	return -EINVAL;
}

static const struct rule *find_rule(const struct rules *r, const char *id)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!strcmp(r->list[i]->id, id))
			return r->list[i];
	return NULL;
}

static int resolve_predicate(struct rules *r, const struct rule *rule, struct predicate *p,
			     struct rules_error *error)
{
	int rc = 0;

	if (p->n_ids) {
		p->rules = rules_alloc(r, p->n_ids * sizeof(*p->rules));
		if (!p->rules)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < p->n_ids; i++) {
		p->rules[i] = find_rule(r, p->ids[i]);
		if (!p->rules[i])
			return fail(error, rule, "no such rule:", p->ids[i]);
	}
	for (unsigned i = 0; i < p->n_kids && !rc; i++)
		rc = resolve_predicate(r, rule, &p->kids[i], error);
	return rc;
}

static int resolve_rule(struct rules *r, struct rule *rule, struct rules_error *error)
{
	const char *under = rule->traits.only_under_id, *names = rule->traits.names_id;

	if (names) {
		rule->traits.names = find_rule(r, names);
		if (!rule->traits.names)
			return fail(error, rule, "no such rule:", names);
	}
	if (under) {
		rule->traits.only_under = find_rule(r, under);
		if (!rule->traits.only_under)
			return fail(error, rule, "no such rule:", under);
	}
	return resolve_predicate(r, rule, &rule->when, error);
}

static unsigned cost(const struct predicate *p)
{
	unsigned most = 0;

	switch (p->kind) {
	case PRED_PARENT:
	case PRED_RUN_ROOT:
	case PRED_PIDNS_INIT:
		return 0;
	case PRED_EXE:
	case PRED_FILE:
	case PRED_COMM:
	case PRED_ANCESTOR:
		return 1;
	case PRED_ALL:
	case PRED_ANY:
	case PRED_NOT:
		for (unsigned i = 0; i < p->n_kids; i++)
			if (cost(&p->kids[i]) > most)
				most = cost(&p->kids[i]);
		return most;
	case PRED_ARGV_RE:
	case PRED_CMDLINE:
		return 4;
	default:
		return 2;
	}
}

/* Cheap tests first; order does not change what matches. */
static void sort_kids(struct predicate *p)
{
	for (unsigned i = 0; i < p->n_kids; i++)
		sort_kids(&p->kids[i]);
	for (unsigned i = 1; i < p->n_kids; i++)
		for (unsigned k = i; k && cost(&p->kids[k]) < cost(&p->kids[k - 1]); k--) {
			struct predicate swap = p->kids[k];

			p->kids[k] = p->kids[k - 1];
			p->kids[k - 1] = swap;
		}
}

static bool has_names(const struct predicate *p)
{
	for (unsigned i = 0; i < p->n_patterns; i++)
		if (p->patterns[i]->kind != PATTERN_NAMES)
			return false;
	return p->n_patterns > 0 && (p->kind == PRED_EXE || p->kind == PRED_FILE ||
				     p->kind == PRED_COMM || p->kind == PRED_ARGV0);
}

/* The predicate whose names every match needs, so that the rule can be found by
 * them; NULL: the rule is always a candidate. */
static const struct predicate *index_key(const struct predicate *p)
{
	const struct predicate *found = NULL;

	if (has_names(p))
		return p;
	if (p->kind == PRED_ALL)
		for (unsigned i = 0; i < p->n_kids && !found; i++)
			found = index_key(&p->kids[i]);
	if (p->kind == PRED_ANY && p->n_kids) {
		for (unsigned i = 0; i < p->n_kids; i++)
			if (!index_key(&p->kids[i]))
				return NULL;
		return p;
	}
	return found;
}

static int index_add(struct rules *r, const struct predicate *key, unsigned rule, bool count_only)
{
	if (key->kind == PRED_ANY) {
		for (unsigned i = 0; i < key->n_kids; i++)
			index_add(r, index_key(&key->kids[i]), rule, count_only);
		return 0;
	}
	for (unsigned i = 0; i < key->n_patterns; i++)
		for (unsigned k = 0; k < key->patterns[i]->n_names; k++) {
			if (!count_only)
				r->index[r->n_index] =
					(struct index_entry){ key->patterns[i]->names[k],
							      strlen(key->patterns[i]->names[k]),
							      key->kind, key->patterns[i]->stem,
							      rule };
			r->n_index++;
		}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct index_entry *)a)->name, ((const struct index_entry *)b)->name);
}

static int by_priority(const void *a, const void *b)
{
	const struct rule *x = *(struct rule *const *)a, *y = *(struct rule *const *)b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static unsigned name_hash(struct word name)
{
	unsigned h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h ^ h >> 15;
}

static int build_table(struct rules *r)
{
	unsigned size = 64;

	if (r->n_index >= UINT16_MAX)
		return -E2BIG;
	while (size < 2 * r->n_index)
		size *= 2;
	r->table = rules_alloc(r, size * sizeof(*r->table));
	if (!r->table)
		return -ENOMEM;
	r->table_mask = size - 1;
	for (unsigned i = 0; i < r->n_index; i++) {
		const struct index_entry *e = &r->index[i];
		unsigned slot = name_hash((struct word){ e->name, e->len }) & r->table_mask;

		if (i && !strcmp(r->index[i - 1].name, e->name))
			continue; /* its neighbours are found from the first */
		while (r->table[slot])
			slot = (slot + 1) & r->table_mask;
		r->table[slot] = (uint16_t)(i + 1);
	}
	return 0;
}

int rules_index(struct rules *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (!r->list[i]->disabled)
			r->list[n++] = r->list[i];
	r->n = n;
	qsort(r->list, r->n, sizeof(*r->list), by_priority);
	for (unsigned i = 0; i < r->n; i++)
		r->n_of_kind[r->list[i]->kind]++;
	for (unsigned pass = 0; pass < 2; pass++) {
		r->n_index = 0;
		for (unsigned i = 0; i < r->n; i++) {
			const struct predicate *key = index_key(&r->list[i]->when);

			sort_kids(&r->list[i]->when);
			key = index_key(&r->list[i]->when);
			r->of_kind[r->list[i]->kind][i / 64] |= 1ULL << i % 64;
			if (key)
				index_add(r, key, i, pass == 0);
			else
				r->always[i / 64] |= 1ULL << i % 64;
		}
		if (!pass) {
			r->index = rules_alloc(r, (r->n_index + 1) * sizeof(*r->index));
			if (!r->index)
				return -ENOMEM;
		}
	}
	qsort(r->index, r->n_index, sizeof(*r->index), by_name);
	return build_table(r);
}

/* Environment names and parents that some rule looks at, for the collector. */
static int collect_names(struct rules *r, const struct predicate *p, unsigned *n)
{
	if (p->kind == PRED_ENV && r->env_names && *n < RULES_MAX)
		r->env_names[(*n)++] = p->name;
	for (unsigned i = 0; i < p->n_kids; i++)
		collect_names(r, &p->kids[i], n);
	return 0;
}

static void drop_repeats(const char **list, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		bool seen = false;

		for (unsigned k = 0; k < kept && !seen; k++)
			seen = !strcmp(list[k], list[i]);
		if (!seen)
			list[kept++] = list[i];
	}
	list[kept] = NULL;
}

static void collect_parents(const struct rules *r, const char **list, unsigned *n)
{
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned k = 0; k < r->list[i]->n_env_rescan && *n < RULES_MAX; k++)
			list[(*n)++] = r->list[i]->env_rescan[k];
}

static void add_asks(struct rules *r, const char **comms, unsigned n, uint32_t bit,
		     enum rule_ask_kind kind)
{
	for (unsigned i = 0; i < n; i++)
		r->asks[r->n_asks++] = (struct rule_ask){ comms[i], bit, kind };
}

static int collect_asks(struct rules *r)
{
	uint32_t bit = 1;

	for (unsigned i = 0; i < r->n; i++)
		r->n_asks +=
			r->list[i]->n_asked_by + r->list[i]->n_adopts + r->list[i]->n_served_by;
	r->asks = rules_alloc(r, (r->n_asks + 1) * sizeof(*r->asks));
	if (!r->asks)
		return -ENOMEM;
	r->n_asks = 0;
	for (unsigned i = 0; i < r->n; i++) {
		const struct rule *rule = r->list[i];

		add_asks(r, rule->asked_by, rule->n_asked_by, bit, RULE_ASKS);
		add_asks(r, rule->adopts, rule->n_adopts, bit, RULE_ADOPTED);
		add_asks(r, rule->served_by, rule->n_served_by, bit, RULE_SERVES);
		if (rule->n_adopts) /* the last bit serves all that there is no other for */
			bit = bit << 1 ? bit << 1 : bit;
	}
	return 0;
}

const char *rules_ask(const struct rules *r, unsigned i, uint32_t *ret_bits,
		      enum rule_ask_kind *ret_kind)
{
	if (i >= r->n_asks)
		return NULL;
	*ret_bits = r->asks[i].bits;
	*ret_kind = r->asks[i].kind;
	return r->asks[i].comm;
}

static bool looks_at_title(const struct predicate *p)
{
	if (p->kind == PRED_TITLE)
		return true;
	for (unsigned i = 0; i < p->n_kids; i++)
		if (looks_at_title(&p->kids[i]))
			return true;
	return false;
}

bool rules_use_titles(const struct rules *r)
{
	return r->use_titles;
}

static int rules_collect(struct rules *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		r->use_titles |= looks_at_title(&r->list[i]->when);

	r->env_names = rules_alloc(r, (RULES_MAX + 1) * sizeof(*r->env_names));
	r->env_parents = rules_alloc(r, (RULES_MAX + 1) * sizeof(*r->env_parents));
	if (!r->env_names || !r->env_parents)
		return -ENOMEM;
	for (unsigned i = 0; i < r->n; i++) {
		collect_names(r, &r->list[i]->when, &n);
		for (unsigned f = 0; f < r->list[i]->n_fields; f++)
			for (unsigned s = 0; s < r->list[i]->fields[f].n_sources; s++)
				if (r->list[i]->fields[f].sources[s].kind == SOURCE_ENV &&
				    n < RULES_MAX)
					r->env_names[n++] = r->list[i]->fields[f].sources[s].name;
	}
	drop_repeats(r->env_names, n);
	n = 0;
	collect_parents(r, r->env_parents, &n);
	drop_repeats(r->env_parents, n);
	return collect_asks(r);
}

static int load_file(struct rules *r, const char *path, struct rules_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	ssize_t len;

	*error = (struct rules_error){ 0 };
	str_copy(error->file, sizeof(error->file), path);
	if (fd < 0 || !(text = malloc(RULE_FILE_MAX + 1))) {
		snprintf(error->text, sizeof(error->text), "cannot read it: %s", strerror(errno));
		return -errno;
	}
	len = read_full(fd, text, RULE_FILE_MAX + 1);
	if (len < 0) {
		snprintf(error->text, sizeof(error->text), "cannot read it: %s",
			 strerror((int)-len));
		return (int)len;
	}
	if (len > RULE_FILE_MAX) {
		str_copy(error->text, sizeof(error->text), "file is larger than 1 MiB");
		return -EINVAL;
	}
	return rules_parse(r, path, text, (size_t)len, error);
}

int rules_go_on(struct rules *r, int rc, const struct rules_error *error)
{
	if (!rc || rc == -ENOMEM || !r->mistake)
		return rc;
	r->n_mistakes++;
	r->mistake(r->mistake_ctx, error);
	return 0;
}

static int load_builtin(struct rules **ret, struct rules_error *error)
{
	struct rules *r = calloc(1, sizeof(*r));
	int rc = 0;

	if (!r)
		return -ENOMEM;
	*ret = r;
	r->list = rules_alloc(r, RULES_MAX * sizeof(struct rule *));
	if (!r->list)
		rc = -ENOMEM;
	for (unsigned i = 0; i < rules_builtin_n && !rc; i++)
		rc = rules_parse(r, rules_builtin[i].name, rules_builtin[i].text,
				 strlen(rules_builtin[i].text), error);
	return rc;
}

static unsigned count_of(const struct rules *r, const char *origin)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n; i++)
		n += !strcmp(r->list[i]->origin, origin);
	return n;
}

static int check_file(struct rules *r, const char *path, unsigned *ret_rules)
{
	struct rules_error error;
	unsigned before = r->n_mistakes;
	int rc = rules_go_on(r, load_file(r, path, &error), &error);

	*ret_rules = rc ? 0 : count_of(r, path);
	if (rc || *ret_rules || r->n_mistakes > before)
		return rc;
	error = (struct rules_error){ .text = "there is no rule in it" };
	str_copy(error.file, sizeof(error.file), path);
	return rules_go_on(r, -EINVAL, &error);
}

int rules_check(const char *const *files, unsigned n, rules_mistake say, void *ctx,
		unsigned *n_rules)
{
	struct rules_error error = { 0 };
	struct rules *r = NULL;
	int rc = load_builtin(&r, &error);

	if (r) {
		r->mistake = say;
		r->mistake_ctx = ctx;
	}
	for (unsigned i = 0; i < n && !rc; i++)
		rc = check_file(r, files[i], &n_rules[i]);
	for (unsigned i = 0; r && i < r->n && !rc; i++)
		if (!r->list[i]->disabled)
			rc = rules_go_on(r, resolve_rule(r, r->list[i], &error), &error);
	if (!rc)
		rc = (int)r->n_mistakes;
	rules_free(r);
	return rc;
}

int rules_load(const char *const *files, unsigned n, struct rules **ret, struct rules_error *error)
{
	struct rules *r = NULL;
	int rc = load_builtin(&r, error);

	for (unsigned i = 0; i < n && !rc; i++)
		rc = load_file(r, files[i], error);
	for (unsigned i = 0; i < r->n && !rc; i++)
		if (!r->list[i]->disabled)
			rc = resolve_rule(r, r->list[i], error);
	if (!rc)
		rc = rules_index(r);
	if (!rc)
		rc = rules_collect(r);
	if (rc < 0) {
		rules_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

static void find_name(const struct rules *r, struct word name, unsigned subject, bool stem,
		      uint64_t found[RULE_WORDS])
{
	const struct index_entry *e;
	unsigned slot = name_hash(name) & r->table_mask;

	for (; r->table[slot]; slot = (slot + 1) & r->table_mask) {
		e = &r->index[r->table[slot] - 1];
		if (e->len != name.len || memcmp(e->name, name.p, name.len))
			continue;
		for (; e < r->index + r->n_index && e->len == name.len &&
		       !memcmp(e->name, name.p, name.len);
		     e++)
			if (e->subject == subject && (!stem || e->stem))
				found[e->rule / 64] |= 1ULL << e->rule % 64;
		return;
	}
}

static void find_subject(const struct rules *r, struct word text, unsigned subject,
			 uint64_t found[RULE_WORDS])
{
	size_t len;

	text = word_basename(text);
	if (!text.len)
		return;
	find_name(r, text, subject, false, found);
	len = text.len;
	while (text.len > 1 &&
	       (isdigit((unsigned char)text.p[text.len - 1]) || text.p[text.len - 1] == '.'))
		text.len--;
	if (text.len < len)
		find_name(r, text, subject, true, found);
}

static void find_candidates(const struct rules *r, const struct rule_input *in,
			    uint64_t found[RULE_WORDS])
{
	memcpy(found, r->always, (r->n + 63) / 64 * sizeof(*found));
	find_subject(r, word_of(in->exe), PRED_EXE, found);
	find_subject(r, word_of(in->file), PRED_FILE, found);
	find_subject(r, word_of(in->comm), PRED_COMM, found);
	if (in->argv.data && in->argv.len) {
		const char *nul = memchr(in->argv.data, '\0', in->argv.len);
		size_t len = nul ? (size_t)(nul - in->argv.data) : in->argv.len;

		find_subject(r, (struct word){ in->argv.data, len }, PRED_ARGV0, found);
	}
}

static const struct rule *first_match(const struct rules *r, enum rule_kind kind,
				      struct rule_view *view, const uint64_t found[RULE_WORDS])
{
	for (unsigned w = 0; w < (r->n + 63) / 64; w++) {
		uint64_t bits = found[w] & r->of_kind[kind][w];

		for (; bits; bits &= bits - 1) {
			const struct rule *rule = r->list[w * 64 + (unsigned)__builtin_ctzll(bits)];

			if (rule_predicate(view, &rule->when))
				return rule;
		}
	}
	return NULL;
}

int rules_match_each(const struct rules *r, const enum rule_kind *kinds, unsigned n,
		     const struct rule_input *in, rule_take take, void *ctx)
{
	uint64_t found[RULE_WORDS];
	struct rule_result match;
	struct rule_view view;
	int rc = 0;

	view.in = in;
	view.split = view.joined = false;
	view.line_len = 0;
	find_candidates(r, in, found);
	for (unsigned i = 0; i < n && !rc; i++) {
		const struct rule *rule =
			r->n_of_kind[kinds[i]] ? first_match(r, kinds[i], &view, found) : NULL;

		if (!rule)
			continue;
		rule_extract(&view, rule, &match);
		rc = take(ctx, &match);
	}
	return rc;
}

static int copy_match(void *ctx, struct rule_result *match)
{
	*(struct rule_result *)ctx = *match;
	return 1;
}

int rules_match(const struct rules *r, enum rule_kind kind, const struct rule_input *in,
		struct rule_result *ret)
{
	return rules_match_each(r, &kind, 1, in, copy_match, ret) ? 0 : -ENOENT;
}

const char *rule_result_field(const struct rule_result *r, const char *name)
{
	for (unsigned i = 0; i < r->n_fields; i++)
		if (!strcmp(r->fields[i].name, name))
			return r->fields[i].value;
	return NULL;
}

const char *rule_id(const struct rule *r)
{
	return r->id;
}

enum rule_kind rule_kind_of(const struct rule *r)
{
	return r->kind;
}

unsigned rule_confidence(const struct rule *r)
{
	return r->confidence;
}

bool rule_is_transparent(const struct rule *r)
{
	return r->transparent;
}

const struct rule_traits *rule_traits(const struct rule *r)
{
	return &r->traits;
}

bool rule_pops(const struct rule *r, const char *title)
{
	return r->pop_title && pattern_matches(r->pop_title, word_of(title));
}

const struct rule *rules_at(const struct rules *r, unsigned i)
{
	return i < r->n ? r->list[i] : NULL;
}

const char *rule_origin(const struct rule *r, unsigned *ret_line)
{
	*ret_line = r->line;
	return r->origin;
}

const char *rule_kind_name(enum rule_kind kind)
{
	static const char *const names[] = { "engine", "task",	    "tool",    "wrapper", "noise",
					     "alloc",  "container", "session", "client" };

	return kind < RULE_KINDS ? names[kind] : "?";
}

const char *const *rules_env_parents(const struct rules *r)
{
	return r->env_parents;
}

const char *const *rules_env_names(const struct rules *r)
{
	return r->env_names;
}
