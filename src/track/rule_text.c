/* SPDX-License-Identifier: Apache-2.0 */
#include "src/track/rule_text.h"

#include <errno.h>
#include <stdlib.h>

#include "src/base/str.h"
#include "src/track/redact.h"
#include "src/track/rules_internal.h"

/* The marker source of a field, or NULL. */
static const struct source *marker_source(const struct rule_field *f)
{
	for (unsigned i = 0; i < f->n_sources; i++)
		if (f->sources[i].kind == SOURCE_MARKER)
			return &f->sources[i];
	return NULL;
}

int rules_marker(const struct rules *r, const char *path, struct rule_marker *ret)
{
	char buf[RULE_SUBJECT_MAX];
	struct word value;

	for (unsigned i = 0; i < r->n; i++)
		for (unsigned f = 0; f < r->list[i]->n_fields; f++) {
			const struct rule_field *field = &r->list[i]->fields[f];
			const struct source *s = marker_source(field);
			struct rule_result check = { 0 };

			if (!s || !rule_refine(s, word_of(path), buf, sizeof(buf), &value) ||
			    !rule_add_field(&check, field, value))
				continue;
			*ret = (struct rule_marker){ .rule = r->list[i], .field = f };
			str_copy(ret->value, sizeof(ret->value), check.fields[0].value);
			return 0;
		}
	return -ENOENT;
}

static bool is_same(const struct rule_marker *a, const struct rule_marker *b)
{
	return a->rule == b->rule && a->field == b->field && !strcmp(a->value, b->value);
}

static void remove_at(struct rule_markers *m, unsigned i)
{
	memmove(&m->items[i], &m->items[i + 1], (m->n - i - 1) * sizeof(*m->items));
	m->n--;
}

void rule_markers_remove(struct rule_markers *m, const struct rule_marker *marker)
{
	for (unsigned i = 0; i < m->n; i++)
		if (is_same(&m->items[i], marker)) {
			remove_at(m, i);
			return;
		}
}

int rule_markers_add(struct rule_markers *m, const struct rule_marker *marker)
{
	rule_markers_remove(m, marker); /* a retry announces itself anew */
	if (m->n == RULE_MARKERS_MAX) {
		remove_at(m, 0);
		m->dropped++;
	}
	if (!(m->n & (m->n - 1))) { /* grow at powers of two */
		unsigned size = m->n ? 2 * m->n : 4;
		struct rule_marker *items = realloc(m->items, size * sizeof(*items));

		if (!items)
			return -ENOMEM;
		m->items = items;
	}
	m->items[m->n] = *marker;
	m->items[m->n++].claimed = false;
	return 0;
}

void rule_markers_fini(struct rule_markers *m)
{
	free(m->items);
	*m = (struct rule_markers){ 0 };
}

static bool is_path_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       strchr("/._-+~%@", c) != NULL;
}

/* Whether a path occurs as a whole: not as the end or start of a longer one. */
static bool occurs(struct bytes argv, const char *path)
{
	size_t len = strlen(path), at = 0;

	while (argv.data && len && at + len <= argv.len) {
		const char *p = memmem(argv.data + at, argv.len - at, path, len);

		if (!p)
			return false;
		at = (size_t)(p - argv.data);
		if ((!at || !p[-1] || !is_path_char(p[-1])) &&
		    (at + len == argv.len || !p[len] || !is_path_char(p[len])))
			return true;
		at++;
	}
	return false;
}

enum marker_claim rule_markers_claim(struct rule_markers *m, struct bytes argv,
				     struct rule_result *result)
{
	struct rule_marker *exact = NULL, *again = NULL, *free_one = NULL;
	unsigned n_free = 0;

	for (unsigned i = 0; i < m->n; i++) {
		struct rule_marker *marker = &m->items[i];

		if (marker->rule != result->rule)
			continue;
		if (marker->claimed) {
			if (!again && occurs(argv, marker->value))
				again = marker; /* another command of the same job */
			continue;
		}
		n_free++;
		free_one = marker;
		if (!occurs(argv, marker->value))
			continue;
		marker->claimed = true; /* every output that argv names is this task's */
		if (!exact)
			exact = marker;
	}
	if (!exact)
		exact = again;
	if (!exact && n_free != 1)
		return MARKER_NONE;
	if (!exact)
		free_one->claimed = true;
	else
		free_one = exact;
	if (!rule_add_field(result, &result->rule->fields[free_one->field],
			    word_of(free_one->value)))
		return MARKER_NONE;
	return exact ? MARKER_EXACT : MARKER_SOLE;
}

unsigned rule_markers_free(const struct rule_markers *m, const struct rule *rule,
			   const struct rule_marker **ret, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n; i++) {
		if (m->items[i].rule != rule || m->items[i].claimed)
			continue;
		if (n == max)
			return 0;
		ret[n++] = &m->items[i];
	}
	return n;
}

const char *rule_marker_name(const struct rule_marker *m)
{
	return m->rule->fields[m->field].name;
}

bool rules_wants_text(const struct rules *r, const char *path, size_t *ret_bytes)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->list[i]->block && pattern_matches(r->list[i]->block->file, word_of(path))) {
			*ret_bytes = r->list[i]->block->bytes;
			return true;
		}
	return false;
}

static bool starts_block(const struct rule_block *b, struct word line,
			 regmatch_t groups[RULE_GROUPS_MAX])
{
	return line.len && line.len <= 512 && *line.p != ' ' && line.p[line.len - 1] == ':' &&
	       pattern_groups(b->start, line, groups);
}

static struct word next_line(const char **p, const char *end)
{
	const char *start = *p, *nl = memchr(start, '\n', (size_t)(end - start));

	*p = nl ? nl + 1 : end;
	return (struct word){ start, (size_t)((nl ? nl : end) - start) };
}

/* "    output: a, b" -> "a, b" if the line has that name. */
static bool line_value(struct word line, const char *name, struct word *ret)
{
	size_t len = strlen(name), indent = 0;

	while (indent < line.len && (line.p[indent] == ' ' || line.p[indent] == '\t'))
		indent++;
	if (!indent || line.len < indent + len + 2 || memcmp(line.p + indent, name, len) ||
	    memcmp(line.p + indent + len, ": ", 2))
		return false;
	*ret = (struct word){ line.p + indent + len + 2, line.len - indent - len - 2 };
	return true;
}

static bool has_item(struct word list, const char *item)
{
	while (list.len) {
		const char *comma = memmem(list.p, list.len, ", ", 2);
		size_t len = comma ? (size_t)(comma - list.p) : list.len;

		if (word_is((struct word){ list.p, len }, item))
			return true;
		len += comma ? 2 : 0;
		list.p += len;
		list.len -= len;
	}
	return false;
}

/* Lines that neither `match` nor any `line:` names are nobody's business. */
static bool names_line(const struct rule_block *b, struct word line)
{
	struct word value;

	if (line_value(line, b->match, &value))
		return true;
	for (unsigned i = 0; i < b->n_fields; i++)
		for (unsigned s = 0; s < b->fields[i].n_sources; s++)
			if (line_value(line, b->fields[i].sources[s].name, &value))
				return true;
	return false;
}

static void keep_line(struct word line, struct str *out)
{
	char text[2 * RULE_LINE_MAX];
	bool cut;
	size_t len;

	while (line.len > RULE_LINE_MAX) { /* whole items only: ", " separates them */
		const char *comma = memrchr(line.p, ',', RULE_LINE_MAX);

		line.len = comma ? (size_t)(comma - line.p) : 0;
	}
	redact_text((struct bytes){ line.p, line.len }, text, sizeof(text), &len, &cut);
	str_addn(out, text, len);
	str_addc(out, '\n');
}

/* The block that starts here, as its index + 1; 0: none. */
static unsigned block_start(const struct rules *r, const char *path, struct word line)
{
	regmatch_t groups[RULE_GROUPS_MAX];

	for (unsigned i = 0; i < r->n; i++) {
		const struct rule_block *b = r->list[i]->block;

		if (b && starts_block(b, line, groups) && pattern_matches(b->file, word_of(path)))
			return i + 1;
	}
	return 0;
}

int rules_filter_text(const struct rules *r, const char *path, struct bytes lines, unsigned *state,
		      struct str *out)
{
	const char *p = lines.data, *end = p ? p + lines.len : NULL;

	while (p < end) {
		struct word line = next_line(&p, end);

		if (line.len && memchr(line.p, '\0', line.len))
			continue;
		if (line.len && (*line.p == ' ' || *line.p == '\t')) {
			if (*state && *state <= r->n &&
			    names_line(r->list[*state - 1]->block, line))
				keep_line(line, out);
			continue;
		}
		if (*state)
			str_addc(out, '\n');
		*state = block_start(r, path, line);
		if (*state)
			keep_line(line, out);
	}
	return out->failed ? -ENOMEM : 0;
}

/* A block lasts until a line that is not indented. */
static bool block_matches(const struct rule_block *b, const char *p, const char *end,
			  const char *wanted)
{
	struct word line, value;

	while (p < end) {
		line = next_line(&p, end);
		if (!line.len || (*line.p != ' ' && *line.p != '\t'))
			return false;
		if (line_value(line, b->match, &value))
			return has_item(value, wanted);
	}
	return false;
}

static void set_field(struct rule_result *r, const struct rule_field *f, struct word value)
{
	struct rule_result one = { 0 };

	if (!rule_add_field(&one, f, value))
		return;
	for (unsigned i = 0; i < r->n_fields; i++)
		if (!strcmp(r->fields[i].name, f->name)) {
			str_copy(r->fields[i].value, sizeof(r->fields[i].value),
				 one.fields[0].value);
			return;
		}
	rule_add_field(r, f, value);
}

static bool block_field(const struct rule_field *f, const char *p, const char *end,
			struct rule_result *result)
{
	char buf[RULE_SUBJECT_MAX];

	for (unsigned s = 0; s < f->n_sources; s++) {
		const char *at = p;

		while (at < end) {
			struct word line = next_line(&at, end), value;

			if (!line.len || (*line.p != ' ' && *line.p != '\t'))
				break;
			if (line_value(line, f->sources[s].name, &value) &&
			    rule_refine(&f->sources[s], value, buf, sizeof(buf), &value)) {
				set_field(result, f, value);
				return true;
			}
		}
	}
	return false;
}

int rule_text_find(struct bytes text, struct rule_result *result)
{
	static const struct rule_field name_field = { .name = "name", .max = RULE_VALUE_MAX - 1 };
	const struct rule_block *b = result->rule->block;
	const char *wanted = b ? rule_result_field(result, b->by) : NULL, *body = NULL;
	const char *p = text.data, *end = p ? p + text.len : NULL;
	struct word line, name = { NULL, 0 };
	regmatch_t groups[RULE_GROUPS_MAX];

	if (!wanted)
		return -ENOENT;
	while (p < end) {
		line = next_line(&p, end);
		if (!starts_block(b, line, groups) || !block_matches(b, p, end, wanted))
			continue;
		body = p; /* a retry is a later block of the same output */
		name = (struct word){ line.p + groups[b->name_group].rm_so,
				      (size_t)(groups[b->name_group].rm_eo -
					       groups[b->name_group].rm_so) };
	}
	if (!body)
		return -ENOENT;
	set_field(result, &name_field, name);
	result->name_guessed = false;
	for (unsigned i = 0; i < b->n_fields; i++)
		block_field(&b->fields[i], body, end, result);
	return 0;
}
