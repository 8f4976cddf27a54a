/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a matched rule: where their values come from, what is cut and what
 * is refused. Also the key template. */
#include <ctype.h>
#include <stdio.h>

#include "src/base/str.h"
#include "src/track/rules_internal.h"
#include "src/track/tool_name.h"

static int base64_digit(char c)
{
	if (isupper((unsigned char)c))
		return c - 'A';
	if (islower((unsigned char)c))
		return c - 'a' + 26;
	if (isdigit((unsigned char)c))
		return c - '0' + 52;
	return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;
}

/* URL-safe base64. Snakemake splits names that are too long for a file name into
 * directories led by '@'. */
static bool decode_base64(struct word in, char *buf, size_t size, struct word *ret)
{
	unsigned bits = 0, n_bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < in.len && in.p[i] != '='; i++) {
		int digit = base64_digit(in.p[i]);

		if (in.p[i] == '@' || in.p[i] == '/')
			continue;
		if (digit < 0 || n + 1 >= size)
			return false;
		bits = bits << 6 | (unsigned)digit;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			buf[n++] = (char)(bits >> n_bits & 0xff);
		}
	}
	*ret = (struct word){ buf, n };
	return n > 0;
}

static bool decode(const struct source *s, struct word text, char *buf, size_t size,
		   struct word *ret)
{
	if (s->basename)
		text = word_basename(text);
	if (s->base64)
		return decode_base64(text, buf, size, ret);
	*ret = text;
	return text.len > 0;
}

bool rule_refine(const struct source *s, struct word text, char *buf, size_t size, struct word *ret)
{
	regmatch_t groups[RULE_GROUPS_MAX];

	if (!text.p)
		return false;
	if (s->re) {
		if (!pattern_groups(s->re, text, groups) || groups[s->group].rm_so < 0)
			return false;
		text = (struct word){ text.p + groups[s->group].rm_so,
				      (size_t)(groups[s->group].rm_eo - groups[s->group].rm_so) };
	}
	return decode(s, text, buf, size, ret);
}

static bool in_charset(char c, const char *set)
{
	for (; *set; set++) {
		if (set[1] == '-' && set[2]) {
			if (c >= set[0] && c <= set[2])
				return true;
			set += 2;
		} else if (*set == c) {
			return true;
		}
	}
	return false;
}

bool rule_add_field(struct rule_result *ret, const struct rule_field *f, struct word value)
{
	char *out;

	if (ret->n_fields >= RULE_FIELDS_MAX || !value.len || value.len > f->max)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (f->charset ? !in_charset(value.p[i], f->charset)
			       : (unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return false;
	ret->fields[ret->n_fields].name = f->name;
	ret->fields[ret->n_fields].from = FROM_RULE;
	out = ret->fields[ret->n_fields++].value;
	memcpy(out, value.p, value.len);
	out[value.len] = '\0';
	return true;
}

bool rule_set_field(struct rule_result *ret, const struct rule_field *f, struct word value,
		    enum rule_origin_kind from)
{
	struct rule_result one = { 0 };

	return rule_add_field(&one, f, value) &&
	       rule_result_set(ret, f->name, one.fields[0].value, from);
}

bool rule_result_set(struct rule_result *r, const char *name, const char *value,
		     enum rule_origin_kind from)
{
	unsigned i = 0;

	while (i < r->n_fields && strcmp(r->fields[i].name, name))
		i++;
	if (i == RULE_FIELDS_MAX)
		return false;
	if (i == r->n_fields)
		r->n_fields++;
	r->fields[i].name = name;
	r->fields[i].from = from;
	str_copy(r->fields[i].value, sizeof(r->fields[i].value), value);
	return true;
}

static bool lists(const char **list, unsigned n, struct word w)
{
	for (unsigned i = 0; i < n; i++)
		if (word_is(w, list[i]))
			return true;
	return false;
}

/* The value of `--name value` or `--name=value`; for a word that is no option
 * the first one after it that is none either (`run [options] main.nf`). */
static struct word argv_after(struct rule_view *v, const struct source *s)
{
	const struct argv_words *a = view_argv(v);
	size_t len = strlen(s->name);

	for (unsigned i = 1; i < a->n; i++) {
		if (word_starts(a->w[i], s->name) && a->w[i].len > len && a->w[i].p[len] == '=' &&
		    *s->name == '-')
			return (struct word){ a->w[i].p + len + 1, a->w[i].len - len - 1 };
		if (!word_is(a->w[i], s->name))
			continue;
		for (i++; *s->name != '-' && i < a->n && word_starts(a->w[i], "-"); i++)
			if (lists(s->skip_options, s->n_skip, a->w[i]))
				i++;
		return i < a->n ? a->w[i] : (struct word){ NULL, 0 };
	}
	return (struct word){ NULL, 0 };
}

static bool argv_re(struct rule_view *v, const struct source *s, char *buf, size_t size,
		    struct word *ret)
{
	const struct argv_words *a = view_argv(v);

	for (unsigned i = 0; i < a->n; i++)
		if (rule_refine(s, a->w[i], buf, size, ret))
			return true;
	return false;
}

/* Splits one simple command of a script into words; quotes only group. */
static size_t pack_command(struct word command, char *out, size_t size)
{
	char quote = 0;
	size_t n = 0;

	for (size_t i = 0; i < command.len && n + 2 < size; i++) {
		char c = command.p[i];

		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else if (!quote && isspace((unsigned char)c))
			n += n && out[n - 1] ? (out[n] = '\0', 1) : 0;
		else if (c)
			out[n++] = c;
	}
	if (n && out[n - 1])
		out[n++] = '\0';
	return n;
}

/* Of these none says what a script is for; those of the second list at least what it does. */
static bool is_in(struct word w, const char *const *list)
{
	for (; *list; list++)
		if (word_is(w, *list))
			return true;
	return false;
}

static const char *const syntax[] = { "set",   "source", "cd",	 "export", "trap",   "ulimit",
				      "umask", "true",	 "if",	 "then",   "else",   "fi",
				      "for",   "do",	 "done", "while",  "unset",  "local",
				      "eval",  "exit",	 "test", "[",	   "module", "return",
				      ".",     "sleep",	 "wait", "{",	   "}",	     "!",
				      "shopt", "esac",	 NULL };
static const char *const helpers[] = { "mkdir",	 "rm",	  "cp",	  "mv",	  "ln",	  "echo",
				       "printf", "touch", "cat",  "tee",  "date", "gzip",
				       "zcat",	 "head",  "tail", "grep", "sed",  "cut",
				       "tr",	 "wc",	  "uniq", "awk",  NULL };

enum weight { WEIGHT_NONE, WEIGHT_HELPER, WEIGHT_TOOL, WEIGHT_KNOWN };

/* Display name of one command and how much it says, WEIGHT_KNOWN: it is in the table. */
static enum weight command_tool(struct word command, char *buf, size_t size)
{
	char packed[1024];
	size_t len = pack_command(command, packed, sizeof(packed));
	struct argv_words a;
	struct tool_name t;
	unsigned i = 0;

	argv_split((struct bytes){ packed, len }, &a);
	while (i < a.n && ((memchr(a.w[i].p, '=', a.w[i].len) && *a.w[i].p != '-') ||
			   word_is(a.w[i], "then") || word_is(a.w[i], "do") ||
			   word_is(a.w[i], "if") || word_is(a.w[i], "!")))
		i++;
	if (i >= a.n || is_in(a.w[i], syntax) || *a.w[i].p == '#' || *a.w[i].p == '$')
		return WEIGHT_NONE;
	if (is_in(a.w[i], helpers)) {
		snprintf(buf, size, "%.*s", (int)a.w[i].len, a.w[i].p);
		return WEIGHT_HELPER;
	}
	tool_name(a.w[i].p, NULL, (struct bytes){ a.w[i].p, len - (size_t)(a.w[i].p - packed) },
		  &t);
	tool_display(&t, buf, size);
	if (!*buf)
		return WEIGHT_NONE;
	return t.known && !t.probe && strcmp(t.area, "core") && strcmp(t.area, "compress")
		       ? WEIGHT_KNOWN
		       : WEIGHT_TOOL;
}

/* The tool that a script in one argument mainly runs: the first known one, else the
 * first command that is no helper, else the first helper. */
static bool shell_tool(struct rule_view *v, const struct source *s, char *buf, size_t size,
		       struct word *ret)
{
	const struct argv_words *a = view_argv(v);
	struct word script = { NULL, 0 };
	enum weight found = WEIGHT_NONE;
	size_t start = 0;
	char name[160], quote = 0;

	/* only what follows the -c (-ec, -euc) of a shell is a script */
	if (size < sizeof(name) || !s->index || s->index >= a->n || !word_ends(a->w[0], "sh") ||
	    !word_starts(a->w[s->index - 1], "-") || !word_ends(a->w[s->index - 1], "c"))
		return false;
	script = a->w[s->index];
	for (size_t i = 0; i <= script.len; i++) {
		char c = i < script.len ? script.p[i] : ';';
		enum weight weight;

		if (quote && i < script.len) {
			quote = c == quote ? 0 : quote;
			continue;
		}
		if (c == '"' || c == '\'') {
			quote = c;
			continue;
		}
		if (!strchr(";|&\n()", c))
			continue;
		weight = command_tool((struct word){ script.p + start, i - start }, name,
				      sizeof(name));
		start = i + 1;
		if (weight > found) {
			str_copy(buf, size, name);
			found = weight;
		}
		if (weight == WEIGHT_KNOWN)
			break;
	}
	*ret = (struct word){ buf, found ? strlen(buf) : 0 };
	return found != WEIGHT_NONE;
}

static struct word result_field(const struct rule_result *r, const char *name)
{
	return word_of(rule_result_field(r, name));
}

static enum rule_origin_kind source_from(const struct source *s, const struct rule_result *r)
{
	switch (s->kind) {
	case SOURCE_CWD_RE:
		return FROM_CWD;
	case SOURCE_ENV:
		return FROM_ENV;
	case SOURCE_CGROUP_RE:
		return FROM_CGROUP;
	case SOURCE_TITLE_RE:
		return FROM_TITLE;
	case SOURCE_NODENAME_RE:
		return FROM_NODENAME;
	case SOURCE_CONST:
		return FROM_RULE;
	case SOURCE_MARKER:
	case SOURCE_PATH:
		return FROM_FILE_NAME;
	case SOURCE_TEXT:
	case SOURCE_HEAD:
		return FROM_FILE_CONTENT;
	case SOURCE_FROM:
		for (unsigned i = 0; i < r->n_fields; i++)
			if (!strcmp(r->fields[i].name, s->name))
				return r->fields[i].from;
		return FROM_ARGV;
	default:
		return FROM_ARGV;
	}
}

const char *rule_from_name(enum rule_origin_kind from)
{
	static const char *const names[] = { "argv",	  "cwd",	  "env",
					     "cgroup",	  "title",	  "nodename",
					     "file name", "file content", "rule" };

	return names[from];
}

/* Engines that count attempts from 0. */
static bool add_number(const struct source *s, struct word *value, char *buf, size_t size)
{
	unsigned long n = 0;

	if (!s->add)
		return true;
	for (size_t i = 0; i < value->len; i++) {
		if (!isdigit((unsigned char)value->p[i]) || i > 8)
			return false;
		n = n * 10 + (unsigned long)(value->p[i] - '0');
	}
	value->len = (size_t)snprintf(buf, size, "%lu", n + s->add);
	value->p = buf;
	return true;
}

static bool source_value(struct rule_view *v, const struct source *s, const struct rule_result *r,
			 char buf[RULE_SUBJECT_MAX], struct word *ret)
{
	const struct argv_words *a;
	struct word text = { NULL, 0 };

	switch (s->kind) {
	case SOURCE_ARGV_AFTER:
		text = argv_after(v, s);
		break;
	case SOURCE_ARGV_RE:
		return argv_re(v, s, buf, RULE_SUBJECT_MAX, ret);
	case SOURCE_WORD:
		a = view_argv(v);
		if (s->index < a->n)
			text = a->w[s->index];
		break;
	case SOURCE_FILE_RE:
		text = word_of(v->in->file);
		break;
	case SOURCE_EXE_RE:
		text = word_of(v->in->exe);
		break;
	case SOURCE_CWD_RE:
		text = word_of(v->in->cwd);
		if (text.p && rule_refine(s, text, buf, RULE_SUBJECT_MAX, ret))
			return true;
		text = word_of(v->in->cwd_host); /* the same directory, outside the container */
		break;
	case SOURCE_TITLE_RE:
		text = word_of(v->in->title);
		break;
	case SOURCE_CGROUP_RE:
		return rule_cgroup_matches(v->in, s->re, s->group, &text) &&
		       decode(s, text, buf, RULE_SUBJECT_MAX, ret);
	case SOURCE_NODENAME_RE:
		text = word_of(v->in->nodename);
		break;
	case SOURCE_ENV:
		text = rule_env(v->in, s->name);
		break;
	case SOURCE_CONST:
		text = word_of(s->name);
		break;
	case SOURCE_FROM:
		text = result_field(r, s->name);
		break;
	case SOURCE_SHELL_TOOL:
		return shell_tool(v, s, buf, RULE_SUBJECT_MAX, ret);
	default: /* known only later: rule_text.h */
		return false;
	}
	return rule_refine(s, text, buf, RULE_SUBJECT_MAX, ret);
}

bool rule_expand(const char *template, const struct rule_result *r, uint32_t pid, const char *cwd,
		 char ret[RULE_VALUE_MAX])
{
	const char *p = template;
	size_t n = 0;

	ret[0] = '\0';
	while (*p && n + 1 < RULE_VALUE_MAX) {
		const char *close = !strncmp(p, "${", 2) ? strchr(p, '}') : NULL, *value;
		char name[64], number[16];

		if (!close) {
			ret[n++] = *p++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(close - p - 2), p + 2);
		snprintf(number, sizeof(number), "%u", pid);
		value = !strcmp(name, "pid")   ? number
			: !strcmp(name, "cwd") ? cwd
					       : rule_result_field(r, name);
		/* a key with a hole, or cut, would join what is apart */
		if (!value || n + strlen(value) >= RULE_VALUE_MAX) {
			ret[0] = '\0';
			return false;
		}
		memcpy(ret + n, value, strlen(value));
		n += strlen(value);
		p = close + 1;
	}
	ret[n] = '\0';
	return n > 0 && !*p;
}

bool rule_run_text(const struct rule_result *r, uint32_t pid, const char *what,
		   char ret[RULE_VALUE_MAX])
{
	const char *template = !strcmp(what, "name") ? r->rule->run.name : r->rule->run.pipeline;

	return template && rule_expand(template, r, pid, NULL, ret);
}

static void expand_keys(const struct rule *rule, const struct rule_input *in,
			struct rule_result *ret)
{
	ret->key[0] = ret->run_key[0] = '\0';
	for (unsigned i = 0; i < rule->n_keys; i++)
		if (rule_expand(rule->keys[i], ret, in->pid, in->cwd, ret->key))
			break;
	if (rule->run.key)
		rule_expand(rule->run.key, ret, in->pid, in->cwd, ret->run_key);
}

/* "train-x7k2p-fit" without what field `strip` has, and what joins it to the rest. */
static bool strip(const struct source *s, const struct rule_result *ret, struct word *value)
{
	const char *prefix = s->strip ? rule_result_field(ret, s->strip) : NULL;
	size_t len = prefix ? strlen(prefix) : 0;

	if (!len || !word_starts(*value, prefix))
		return !s->strip;
	value->p += len;
	value->len -= len;
	if (value->len && strchr("-._:/", *value->p)) {
		value->p++;
		value->len--;
	}
	return value->len > 0;
}

static bool extract_from(struct rule_view *v, const struct rule_field *f, const struct source *s,
			 struct rule_result *ret)
{
	char buf[RULE_SUBJECT_MAX], number[32];
	struct word value;

	if (!source_value(v, s, ret, buf, &value) || !add_number(s, &value, number, sizeof(number)))
		return false;
	if (!strip(s, ret, &value) || !rule_add_field(ret, f, value))
		return false;
	ret->fields[ret->n_fields - 1].from = source_from(s, ret);
	if (!strcmp(f->name, "name"))
		ret->name_guessed = s->kind == SOURCE_SHELL_TOOL;
	return true;
}

void rule_extract(struct rule_view *v, const struct rule *rule, struct rule_result *ret)
{
	ret->rule = rule;
	ret->n_fields = 0;
	ret->name_guessed = false;
	for (unsigned i = 0; i < rule->n_fields; i++) {
		const struct rule_field *f = &rule->fields[i];

		for (unsigned k = 0; k < f->n_sources; k++)
			if (extract_from(v, f, &f->sources[k], ret))
				break;
	}
	expand_keys(rule, v->in, ret);
}
