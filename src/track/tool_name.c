/* SPDX-License-Identifier: Apache-2.0 */
/* From file, comm and argv to a name: the order of decisions. Launchers are in
 * tool_launch.c, interpreters in tool_script.c, facts in rules/tools/tools.tsv. */
#include "src/track/tool_name.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/track/tool_internal.h"
#include "src/track/tool_launch.h"

#define LAUNCH_DEPTH_MAX 6

static void set_text(char *out, size_t size, struct word w)
{
	size_t n = w.len < size ? w.len : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)w.p[i] < ' ' || w.p[i] == 0x7f ? '?' : w.p[i];
	out[n] = '\0';
}

void tool_set_name(struct tool_name *t, struct word w)
{
	set_text(t->name, sizeof(t->name), w);
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

/* -1.19, _v2.5, 3.11, -4.2.0-local: a version at the end. A single digit that
 * is glued to the name (bowtie2, gatk3) belongs to the name. */
static bool cut_version(struct word *w)
{
	size_t start = 0;

	for (size_t i = 1; i + 1 < w->len && !start; i++) {
		bool v = (w->p[i + 1] == 'v' || w->p[i + 1] == 'V') && i + 2 < w->len;

		if ((w->p[i] == '-' || w->p[i] == '_') && isdigit((unsigned char)w->p[i + 1 + v]))
			start = i;
	}
	if (!start) {
		size_t i = w->len;

		while (i && (isdigit((unsigned char)w->p[i - 1]) || w->p[i - 1] == '.'))
			i--;
		if (i && i < w->len && memchr(w->p + i, '.', w->len - i))
			start = i;
	}
	if (!start)
		return false;
	w->len = start;
	return true;
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
	static const char *const kinds[] = { ".py",  ".R",  ".r",  ".pl", ".sh", ".jar",
					     ".exe", ".js", ".rb", ".jl", NULL };

	w = without_temporary(w);
	cut_suffix(&w, builds);
	if (!cut_suffix(&w, kinds) || w.len > 2)
		cut_version(&w);
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

static bool is_data_file(struct word w)
{
	static const char *const ends[] = { ".bam",   ".sam", ".cram", ".fq",  ".fastq", ".fa",
					    ".fasta", ".gz",  ".vcf",  ".bcf", ".bed",	 ".gtf",
					    ".gff",   ".txt", ".tsv",  ".csv", ".json",	 ".yaml",
					    ".html",  ".zip", ".fna",  ".bai", ".idx" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (word_ends(w, ends[i]))
			return true;
	return false;
}

static bool is_subcommand(struct word w)
{
	size_t i = w.len > 1 && *w.p == '+'; /* bcftools +fill-tags */

	if (!w.len || w.len > 48 || !isalpha((unsigned char)w.p[i]) || is_data_file(w))
		return false;
	for (; i < w.len; i++)
		if (!isalnum((unsigned char)w.p[i]) && !strchr("_.-", w.p[i]))
			return false;
	return true;
}

static bool is_operand_of_option(struct word w)
{
	return w.len && (isdigit((unsigned char)*w.p) || memchr(w.p, '=', w.len));
}

/* First word that can be a sub-command; s->argv.n if there is none. */
static unsigned find_word(const struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];

		if (w.len && *w.p == '-') {
			if (tool_list_has(e->values, w))
				at++;
		} else if (is_subcommand(w)) {
			return at;
		} else if (!is_operand_of_option(w)) {
			break;
		}
	}
	return s->argv.n;
}

static struct word flag_value(const struct tool_scan *s, const char *option, unsigned at)
{
	size_t len = strcspn(option, "=");

	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];

		if (w.len < len || memcmp(w.p, option, len))
			continue;
		if (w.len == len && at + 1 < s->argv.n)
			return s->argv.w[at + 1];
		if (w.len > len && w.p[len] == '=')
			return (struct word){ w.p + len + 1, w.len - len - 1 };
	}
	return word_of(option[len] ? option + len + 1 : "");
}

static void set_subcommand(struct tool_scan *s, const struct tool_entry *e, unsigned at)
{
	struct tool_name *t = s->t;
	unsigned n = s->argv.n, first;

	if (e->style == TOOL_STYLE_NONE)
		return;
	if (e->style == TOOL_STYLE_FLAG) {
		struct word w = flag_value(s, e->option, at);

		if (is_subcommand(w))
			set_text(t->subcommand, sizeof(t->subcommand), w);
		return;
	}
	first = find_word(s, e, at);
	if (e->style == TOOL_STYLE_LISTED) {
		if (first < n && tool_list_has(e->words, s->argv.w[first]))
			set_text(t->subcommand, sizeof(t->subcommand), s->argv.w[first]);
		else if (at < n)
			str_copy(t->subcommand, sizeof(t->subcommand), e->option);
		return;
	}
	if (first >= n)
		return;
	set_text(t->subcommand, sizeof(t->subcommand), s->argv.w[first]);
	if (e->style == TOOL_STYLE_WORD2) {
		unsigned next = find_word(s, e, first + 1);
		size_t len = strlen(t->subcommand);

		if (next == first + 1 && next < n && len + 2 < sizeof(t->subcommand)) {
			t->subcommand[len] = ' ';
			set_text(t->subcommand + len + 1, sizeof(t->subcommand) - len - 1,
				 s->argv.w[next]);
		}
	}
}

static bool is_probe_word(struct word w)
{
	return tool_list_has("--version -version -v version --help -h help -help", w);
}

/* Only a question about the tool: --version alone, or after the sub-command. */
static bool is_probe(const struct tool_scan *s, unsigned at)
{
	unsigned left = s->argv.n > at ? s->argv.n - at : 0;

	if (left == 2 && !strchr(s->t->subcommand, ' ') && *s->t->subcommand &&
	    word_is(s->argv.w[at], s->t->subcommand))
		return is_probe_word(s->argv.w[at + 1]);
	return left == 1 && is_probe_word(s->argv.w[at]);
}

void tool_program(struct tool_scan *s, struct word name, unsigned at)
{
	const struct tool_alias *a = tool_find(name);
	const struct tool_entry *e;

	if (a) {
		e = &tool_entries[a->entry];
		tool_set_name(s->t, word_of(e->name));
		str_copy(s->t->area, sizeof(s->t->area), e->area);
		s->t->known = true;
		s->t->facade = e->flags & TOOL_IS_FACADE;
		if (e->flags & TOOL_IS_ENGINE)
			s->t->kind = TOOL_ENGINE;
		if (*a->sub)
			str_copy(s->t->subcommand, sizeof(s->t->subcommand), a->sub);
		else
			set_subcommand(s, e, at);
	} else {
		tool_set_name(s->t, tool_normal(name));
	}
	s->t->probe = is_probe(s, at);
	if (s->t->probe && is_probe_word(word_of(s->t->subcommand)))
		s->t->subcommand[0] = '\0';
}

bool tool_is_task_marker(struct word name)
{
	return tool_list_has(".command.sh .command.run .command.stub script.background "
			     "script.submit slurm_script run_job.bash tool_script.sh",
			     name) ||
	       word_starts(name, "snakejob.");
}

static void resolve(struct tool_scan *s, struct word path, unsigned at, unsigned depth)
{
	struct word name = word_basename(path);
	unsigned inner;

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
	if (tool_launch(name, &s->argv, at, &inner)) {
		if (inner < s->argv.n && depth < LAUNCH_DEPTH_MAX)
			resolve(s, s->argv.w[inner], inner + 1, depth + 1);
		else
			tool_program(s, name, s->argv.n);
		if (!tool_list_has("busybox toybox coreutils", name))
			s->t->kind = TOOL_WRAPPER;
		return;
	}
	if (tool_script(s, name, at))
		return;
	if (tool_is_task_marker(name))
		s->t->kind = TOOL_TASK_MARKER;
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
	struct tool_scan s = { .t = ret };
	struct word path = word_of(file ? file : ""), argv0 = { "", 0 };
	unsigned at = 1;

	*ret = (struct tool_name){ .kind = TOOL_NATIVE };
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
	resolve(&s, path, at, 0);
	if (!*ret->name)
		str_copy(ret->name, sizeof(ret->name), "unknown");
}

const char *tool_display(const struct tool_name *t, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", t->name, *t->subcommand ? " " : "", t->subcommand);
	return buf;
}
