/* SPDX-License-Identifier: Apache-2.0 */
/* From file, comm and argv to a name: the order of decisions. Launchers are in
 * tool_launch.c, interpreters in tool_script.c, sub-commands in tool_subcommand.c,
 * facts in rules/tools/tools.tsv. */
#include "src/track/tool_name.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/track/tool_internal.h"
#include "src/track/tool_launch.h"
#include "src/track/tool_role.h"

#define LAUNCH_DEPTH_MAX 12 /* launchers and interpreters that name each other */

static void set_text(char *out, size_t size, struct word w)
{
	size_t n = w.len < size ? w.len : size - 1;

	while (n && n < w.len && ((unsigned char)w.p[n] & 0xc0) == 0x80)
		n--; /* not within a character of UTF-8 */
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)w.p[i] < ' ' || w.p[i] == 0x7f ? '?' : w.p[i];
	out[n] = '\0';
}

void tool_set_name(struct tool_name *t, struct word w)
{
	set_text(t->name, sizeof(t->name), w);
}

void tool_add_subcommand(struct tool_name *t, struct word w)
{
	size_t len = strlen(t->subcommand);

	if (len && len + 2 < sizeof(t->subcommand)) {
		t->subcommand[len++] = ' ';
		t->subcommand[len] = '\0';
	}
	if (w.len && len + 1 < sizeof(t->subcommand))
		set_text(t->subcommand + len, sizeof(t->subcommand) - len, w);
}

static int compare_key(struct word w, const char *key)
{
	for (size_t i = 0; i < w.len; i++) {
		int c = tolower((unsigned char)w.p[i]) - (unsigned char)key[i];

		if (c || !key[i])
			return c;
	}
	return key[w.len] ? -1 : 0;
}

static const struct tool_alias *lookup(struct word w)
{
	unsigned low = 0, high = tool_aliases_n;

	while (low < high && w.len) {
		unsigned mid = (low + high) / 2;
		int c = compare_key(w, tool_aliases[mid].key);

		if (!c)
			return &tool_aliases[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static bool cut_suffix(struct word *w, const char *const *suffixes)
{
	for (; *suffixes; suffixes++)
		if (w->len > strlen(*suffixes) && word_ends(*w, *suffixes)) {
			w->len -= strlen(*suffixes);
			return true;
		}
	return false;
}

enum extension { EXT_NONE, EXT_SCRIPT, EXT_JAR };

static bool has_dotted_number(struct word w)
{
	for (size_t i = 1; i + 1 < w.len; i++)
		if (w.p[i] == '.' && isdigit((unsigned char)w.p[i - 1]) &&
		    isdigit((unsigned char)w.p[i + 1]))
			return true;
	return false;
}

/* Where -1.19, _v2.5, -4.2.0-local or a jar's .v2.4 begins; 0: nowhere. step_1.py and
 * step_2.py are two scripts: theirs must have a dot. */
static size_t find_version(struct word w, enum extension extension)
{
	for (size_t i = 1; i + 1 < w.len; i++) {
		bool v = (w.p[i + 1] == 'v' || w.p[i + 1] == 'V') && i + 2 < w.len;

		if (!isdigit((unsigned char)w.p[i + 1 + v]))
			continue;
		if (w.p[i] == '.' && extension == EXT_JAR)
			return i;
		if ((w.p[i] == '-' || w.p[i] == '_') &&
		    (extension != EXT_SCRIPT ||
		     has_dotted_number((struct word){ w.p + i, w.len - i })))
			return i;
	}
	return 0;
}

/* A single digit that is glued to the name (bowtie2, gatk3) belongs to it; 3.11
 * does not. */
static void cut_version(struct word *w, enum extension extension)
{
	size_t start = find_version(*w, extension), i = w->len;

	while (!start && i && (isdigit((unsigned char)w->p[i - 1]) || w->p[i - 1] == '.'))
		i--;
	if (!start && i && i < w->len && memchr(w->p + i, '.', w->len - i))
		start = i;
	if (start)
		w->len = start;
}

/* tmpi84ljsk0.plot.py: what Snakemake calls the copy of a script that it runs */
static struct word without_temporary(struct word w)
{
	if (w.len > 12 && word_starts(w, "tmp") && w.p[11] == '.') {
		w.p += 12;
		w.len -= 12;
	}
	return w;
}

struct word tool_normal(struct word w)
{
	static const char *const builds[] = { ".avx2",	  ".avx512bw", ".avx512", ".avx",
					      ".sse41",	  ".sse42",    "-x86_64", "_x86_64",
					      "_linux64", "-linux64",  "-wlm",	  NULL };
	static const char *const kinds[] = { ".py", ".R",  ".r",   ".pl",  ".sh",  ".exe", ".js",
					     ".rb", ".jl", ".dll", ".lua", ".php", ".m",   NULL };
	static const char *const jar[] = { ".jar", NULL };
	enum extension extension;

	w = without_temporary(w);
	cut_suffix(&w, builds);
	if (cut_suffix(&w, jar))
		extension = EXT_JAR;
	else
		extension = cut_suffix(&w, kinds) ? EXT_SCRIPT : EXT_NONE;
	if (extension == EXT_NONE || w.len > 2)
		cut_version(&w, extension);
	return w;
}

/* Lookup from exact to loose: whole name, without build and extension, without
 * version; NULL if no form is in the table. */
const struct tool_alias *tool_find(struct word w)
{
	const struct tool_alias *a = lookup(w);

	if (!a) {
		w = tool_normal(w);
		a = lookup(w);
	}
	return a;
}

static const struct tool_alias *find_prefix(struct word w, struct word *ret_rest)
{
	for (unsigned i = 0; i < tool_prefixes_n; i++) {
		size_t len = strlen(tool_prefixes[i].key);

		if (w.len > len && !strncasecmp(w.p, tool_prefixes[i].key, len)) {
			*ret_rest = (struct word){ w.p + len, w.len - len };
			return &tool_prefixes[i];
		}
	}
	return NULL;
}

static bool is_probe_word(struct word w)
{
	return tool_list_has("--version -version -v version --help -h help -help", w);
}

/* -v and -h alone are verbose and human-readable in what works on its input. */
static bool is_filter(const struct tool_name *t)
{
	return !strcmp(t->area, "core") || !strcmp(t->area, "compress") || tool_is_glue(t->name);
}

/* Only a question about the tool: --version alone, or after the sub-command. */
static bool is_probe(const struct tool_scan *s, unsigned at)
{
	unsigned left = s->argv.n > at ? s->argv.n - at : 0;
	struct word last = left ? s->argv.w[at + left - 1] : word_of("");

	if (left == 2 && (strchr(s->t->subcommand, ' ') || !*s->t->subcommand ||
			  !word_is(s->argv.w[at], s->t->subcommand)))
		return false;
	if ((left != 1 && left != 2) || !is_probe_word(last))
		return false;
	return !(is_filter(s->t) && (*last.p != '-' || last.len == 2));
}

static void set_known(struct tool_scan *s, const struct tool_alias *a, struct word rest,
		      unsigned at)
{
	const struct tool_entry *e = &tool_entries[a->entry];
	struct tool_name *t = s->t;

	tool_set_name(t, word_of(e->name));
	str_copy(t->area, sizeof(t->area), e->area);
	t->known = true;
	t->facade = e->flags & TOOL_IS_FACADE;
	if (e->flags & TOOL_IS_ENGINE)
		t->kind = TOOL_ENGINE;
	if (!strcmp(a->sub, "*")) {
		const char *dot = memrchr(rest.p, '.', rest.len);

		if (dot)
			rest = (struct word){ dot + 1, rest.len - (size_t)(dot + 1 - rest.p) };
		tool_add_subcommand(t, rest);
	} else if (*a->sub) {
		tool_add_subcommand(t, word_of(a->sub));
	} else {
		tool_set_subcommand(s, e, at);
	}
	t->probe = is_probe(s, at);
	if (t->probe && s->argv.n == at + 1 && !*a->sub)
		t->subcommand[0] = '\0';
}

void tool_program(struct tool_scan *s, struct word name, unsigned at)
{
	const struct tool_alias *a = tool_find(name);

	if (a) {
		set_known(s, a, (struct word){ 0 }, at);
		return;
	}
	tool_set_name(s->t, tool_normal(name));
	s->t->probe = is_probe(s, at);
}

bool tool_package(struct tool_scan *s, struct word name, unsigned at)
{
	struct word rest = { 0 };
	const struct tool_alias *a = tool_find(name);

	if (!a)
		a = find_prefix(name, &rest);
	if (a)
		set_known(s, a, rest, at);
	return a != NULL;
}

/* Copies of job scripts in a scheduler's spool: 77.head.SC (PBS), 1700000000.77 and
 * 1700000000.77.shell (LSF). */
static bool is_job_copy(struct word name)
{
	size_t n = 0, digits;

	if (name.len > 3 && isdigit((unsigned char)*name.p) &&
	    !memcmp(name.p + name.len - 3, ".SC", 3))
		return true;
	while (n < name.len && isdigit((unsigned char)name.p[n]))
		n++;
	if (n != 10 || n == name.len || name.p[n] != '.')
		return false;
	for (digits = ++n; n < name.len && isdigit((unsigned char)name.p[n]); n++)
		;
	return n > digits &&
	       (n == name.len || word_is((struct word){ name.p + n, name.len - n }, ".shell"));
}

bool tool_is_task_marker(struct word name)
{
	if (is_job_copy(name))
		return true;
	return tool_list_has(".command.sh .command.run .command.stub script.background "
			     "script.submit slurm_script run_job.bash tool_script.sh",
			     name) ||
	       word_starts(name, "snakejob.");
}

/* The launcher's own name, where it goes on as the parent of what it runs. */
static void set_launcher(struct tool_scan *s, struct word name, const struct launch *l)
{
	const struct tool_alias *a = tool_find(name);
	char *out = s->t->launcher;
	size_t size = sizeof(s->t->launcher);

	s->t->facade = false; /* what it runs may be one */
	set_text(out, size, a ? word_of(tool_entries[a->entry].name) : name);
	if (l->word.len && strlen(out) + 2 < size) {
		size_t len = strlen(out);

		out[len++] = ' ';
		set_text(out + len, size - len, l->word);
	}
}

static void launched(struct tool_scan *s, struct word name, unsigned at, const struct launch *l)
{
	if (l->inner < s->argv.n && s->depth < LAUNCH_DEPTH_MAX) {
		s->depth++; /* so that no chain of them has no end */
		tool_resolve(s, s->argv.w[l->inner], l->inner + 1);
		if (l->stays) /* the outermost one counts */
			set_launcher(s, name, l);
	} else {
		tool_program(s, name, at);
	}
	if (!tool_list_has("busybox toybox coreutils", name))
		s->t->kind = TOOL_WRAPPER;
}

void tool_resolve(struct tool_scan *s, struct word path, unsigned at)
{
	struct word name = word_basename(path);
	struct launch l;

	if (name.len > 1 && *name.p == '-') { /* a login shell */
		name.p++;
		name.len--;
	}
	if (word_starts(name, "coreutils") && at < s->argv.n &&
	    word_starts(s->argv.w[at], "--coreutils-prog=")) {
		struct word w = s->argv.w[at];

		tool_program(s, (struct word){ w.p + 17, w.len - 17 }, at + 1);
		return;
	}
	if (tool_launch(name, &s->argv, at, &l)) {
		launched(s, name, at, &l);
		return;
	}
	if (s->depth < LAUNCH_DEPTH_MAX) {
		s->depth++;
		if (tool_script(s, name, at))
			return;
	}
	if (tool_is_task_marker(name))
		s->t->kind = TOOL_TASK_MARKER;
	if (!word_starts(name, "ray::") || !tool_package(s, name, s->argv.n))
		tool_program(s, name, at);
}

/* Where the arguments of the program start: after the script for `#!` files,
 * whose argv is "interpreter [option] script arguments". */
static unsigned first_argument(const struct tool_scan *s, struct word name)
{
	for (unsigned i = 1; i < s->argv.n && i <= 4; i++) {
		struct word w = word_basename(s->argv.w[i]);

		if (w.len == name.len && !memcmp(w.p, name.p, w.len))
			return i + 1;
	}
	return 1;
}

void tool_name(const char *file, const char *comm, struct bytes argv, struct tool_name *ret)
{
	struct tool_scan s;
	struct word path = word_of(file ? file : ""), argv0 = { "", 0 };
	unsigned at = 1;

	*ret = (struct tool_name){ .kind = TOOL_NATIVE };
	s.t = ret;
	s.depth = 0;
	argv_split(argv, &s.argv);
	if (s.argv.n)
		argv0 = word_basename(s.argv.w[0]);
	/* fexecve and memfd_create leave no name in the path: /dev/fd/N, /proc/self/fd/N */
	if (word_has(path, "/fd/") || !word_basename(path).len)
		path = argv0.len ? argv0 : word_of(comm ? comm : "");
	if (!word_basename(path).len)
		path = word_of(comm && *comm ? comm : "unknown");
	if (tool_is_interpreter(argv0) || word_is(argv0, "env")) {
		struct word name = word_basename(path);

		if (!tool_is_interpreter(name) && !word_is(name, "env")) {
			ret->kind = TOOL_SCRIPT;
			at = first_argument(&s, name);
		} else if (name.len != argv0.len || memcmp(name.p, argv0.p, name.len)) {
			at = first_argument(&s, name); /* a shim: script named as a program */
		}
	} else if (word_is(word_basename(path), "busybox") && argv0.len) {
		path = argv0; /* its applets are links to it */
	}
	tool_resolve(&s, path, at);
	if (!*ret->name)
		str_copy(ret->name, sizeof(ret->name), "unknown");
}

const char *tool_display(const struct tool_name *t, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", t->name, *t->subcommand ? " " : "", t->subcommand);
	return buf;
}

const char *tool_row_name(const struct tool_name *t, char *buf, size_t size)
{
	if (*t->launcher)
		snprintf(buf, size, "%s", t->launcher);
	else
		snprintf(buf, size, "%s%s%s%s", t->name, *t->subcommand ? " " : "", t->subcommand,
			 t->probe ? TOOL_PROBE_SUFFIX : "");
	return buf;
}
