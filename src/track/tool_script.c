/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters: the tool is the script, module, class or jar that they run. */
#include "src/track/tool_internal.h"

#include <ctype.h>
#include <stdio.h>

#include "src/base/cleanup.h"
#include "src/track/tool_launch.h"

struct interpreter {
	const char *names;	    /* version digits at the end are ignored */
	const char *values;	    /* options whose value is the next word */
	const char *inline_options; /* what follows is the program text */
	void (*scan)(struct tool_scan *s, const struct interpreter *i, unsigned at);
};

/* npm/bin/npm-cli.js in a node_modules is npm: its package. */
static struct word package_or_file(struct word path)
{
	static const char modules[] = "/node_modules/";
	const char *end = path.p + path.len, *p = path.p, *slash;
	struct word package = { 0 };

	while (path.len && (p = memmem(p, (size_t)(end - p), modules, sizeof(modules) - 1))) {
		p += sizeof(modules) - 1;
		package = (struct word){ p, (size_t)(end - p) };
	}
	if (word_starts(package, "@")) { /* a scope, then the package */
		slash = memchr(package.p, '/', package.len);
		package.p = slash ? slash + 1 : package.p;
		package.len = (size_t)(end - package.p);
	}
	slash = package.len ? memchr(package.p, '/', package.len) : NULL;
	if (!slash || *package.p == '.') /* .bin/esbuild */
		return word_basename(path);
	return (struct word){ package.p, (size_t)(slash - package.p) };
}

static void named(struct tool_scan *s, struct word path, unsigned at)
{
	struct word name = package_or_file(path);
	struct launch l;

	s->t->kind = TOOL_SCRIPT;
	if (tool_is_task_marker(name) || word_is(name, "script")) /* Cromwell's */
		s->t->kind = TOOL_TASK_MARKER;
	else if (tool_launch(name, &s->argv, at, &l) || tool_is_interpreter(name))
		return tool_resolve(s, name, at); /* a shim: pyenv's python is a script */
	tool_program(s, name, at);
}

static void named_text(struct tool_scan *s, const char *name)
{
	s->t->kind = TOOL_SCRIPT;
	tool_set_name(s->t, word_of(name));
}

static void named_inline(struct tool_scan *s, const struct interpreter *i)
{
	s->t->kind = TOOL_SCRIPT;
	snprintf(s->t->name, sizeof(s->t->name), "%.*s:inline", (int)strcspn(i->names, " "),
		 i->names);
}

/* The interpreter itself: a prompt, a program on stdin, or a question to it. */
static void named_self(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	s->t->kind = TOOL_SCRIPT;
	tool_program(s, (struct word){ i->names, strcspn(i->names, " ") }, at);
}

/* -c, or -c at the end of clustered flags (-uc, perl's -0777ne); not a long option. */
static bool is_option(struct word w, const char *option)
{
	bool number = w.len > 2 && w.p[1] == '0';

	return word_is(w, option) ||
	       (strlen(option) == 2 && w.len > 2 && w.len < (number ? 10 : 6) && w.p[0] == '-' &&
		w.p[w.len - 1] == option[1] && (number || isalpha((unsigned char)w.p[1])));
}

/* -e'print 1': program text that is glued to its option */
static bool is_glued_text(struct word w, const char *option)
{
	if (w.len < 4 || strlen(option) != 2 || !word_starts(w, option))
		return false;
	for (size_t i = 2; i < w.len; i++)
		if (!isalnum((unsigned char)w.p[i]))
			return true;
	return false;
}

static bool is_inline_option(const struct interpreter *i, struct word w)
{
	const char *p = i->inline_options;
	char option[16];

	while (*p) {
		size_t len = strcspn(p, " ");

		snprintf(option, sizeof(option), "%.*s", (int)len, p);
		if (is_option(w, option) || is_glued_text(w, option))
			return true;
		p += len + (p[len] == ' ');
	}
	return false;
}

/* -o, or -o at the end of clustered flags (bash -euo pipefail) */
static bool takes_value(const struct interpreter *i, struct word w)
{
	char last[3] = { '-', w.len ? w.p[w.len - 1] : 0, '\0' };

	return tool_list_has(i->values, w) ||
	       (is_option(w, last) && tool_list_has(i->values, word_of(last)));
}

static void scan_plain(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	unsigned start = at;

	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];

		if (!w.len || (*w.p != '-' && *w.p != '+')) {
			named(s, w, at + 1);
			return;
		}
		if (word_is(w, "--") || word_is(w, "-")) {
			if (at + 1 < s->argv.n && w.len == 2)
				named(s, s->argv.w[at + 1], at + 2);
			else
				named_self(s, i, s->argv.n);
			return;
		}
		if (is_inline_option(i, w)) {
			named_inline(s, i);
			return;
		}
		if (takes_value(i, w))
			at++;
	}
	named_self(s, i, start);
}

/* `-m module` with the arguments from `at` on */
static void scan_module(struct tool_scan *s, struct word m, unsigned at)
{
	struct launch l;
	const char *dot;

	s->t->kind = TOOL_SCRIPT;
	if (word_has(m, ".loky.") || word_starts(m, "multiprocessing.")) {
		named_text(s, "python:inline");
		s->t->kind = TOOL_INHERIT;
		return;
	}
	if (word_starts(m, "torch.distributed.") || word_starts(m, "deepspeed.launcher"))
		m = word_of(*m.p == 't' ? "torchrun" : "deepspeed");
	if (word_starts(m, "accelerate.commands.launch") || word_starts(m, "horovod.runner"))
		m = word_of("horovodrun");
	if (tool_launch(m, &s->argv, at, &l))
		return tool_resolve(s, m, at);
	dot = m.len ? memchr(m.p, '.', m.len) : NULL;
	if (tool_package(s, m, at))
		return;
	if (dot)
		m.len = (size_t)(dot - m.p);
	tool_program(s, m, at);
}

static void scan_python(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	unsigned n = s->argv.n;

	for (unsigned k = at; k < n; k++) {
		struct word w = s->argv.w[k];

		if (!w.len || *w.p != '-')
			break;
		if (is_option(w, "-m")) {
			if (k + 1 < n)
				return scan_module(s, s->argv.w[k + 1], k + 2);
			break;
		}
		if (word_starts(w, "-m"))
			return scan_module(s, (struct word){ w.p + 2, w.len - 2 }, k + 1);
		if (is_option(w, "-c")) {
			named_inline(s, i);
			if (k + 1 < n &&
			    (word_has(s->argv.w[k + 1], "multiprocessing.spawn") ||
			     word_has(s->argv.w[k + 1], "multiprocessing.forkserver") ||
			     word_has(s->argv.w[k + 1], "resource_tracker") ||
			     word_has(s->argv.w[k + 1], "semaphore_tracker")))
				s->t->kind = TOOL_INHERIT;
			return;
		}
		if (tool_list_has(i->values, w))
			k++;
	}
	scan_plain(s, i, at);
}

/* R and Rscript: --file=X is what Rscript turns its script into. */
static void scan_r(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	unsigned n = s->argv.n;

	for (unsigned k = at; k < n; k++) {
		struct word w = s->argv.w[k];

		if (word_starts(w, "--file=")) {
			named(s, (struct word){ w.p + 7, w.len - 7 }, n);
			return;
		}
		if (word_is(w, "CMD") && k + 2 < n && word_is(s->argv.w[k + 1], "BATCH")) {
			k += 2;
			while (k < n && word_starts(s->argv.w[k], "-"))
				k++;
			if (k < n) {
				named(s, s->argv.w[k], n);
				return;
			}
		}
		if (word_is(w, "-f") && k + 1 < n) {
			named(s, s->argv.w[k + 1], n);
			return;
		}
		if (word_is(w, "--args")) /* what follows is the script's */
			return named_self(s, i, n);
		if (!word_starts(w, "-") || is_inline_option(i, w))
			break;
	}
	scan_plain(s, i, at);
}

/* com.acme.Sorter, module/com.acme.Sorter, Sorter.java */
static void named_class(struct tool_scan *s, struct word w, unsigned at)
{
	const char *dot;

	if (word_ends(w, ".java"))
		return named(s, (struct word){ w.p, w.len - 5 }, at);
	w = word_basename(w);
	s->t->kind = TOOL_SCRIPT;
	if (tool_package(s, w, at))
		return;
	dot = w.len ? memrchr(w.p, '.', w.len) : NULL;
	if (dot)
		w = (struct word){ dot + 1, w.len - (size_t)(dot + 1 - w.p) };
	tool_program(s, w, at);
}

static void scan_java(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	unsigned start = at;

	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];
		bool value = at + 1 < s->argv.n;

		if (word_is(w, "-jar") && value)
			return named(s, s->argv.w[at + 1], at + 2);
		if ((word_is(w, "-m") || word_is(w, "--module")) && value)
			return named_class(s, s->argv.w[at + 1], at + 2);
		if (!w.len || (*w.p != '-' && *w.p != '@'))
			return named_class(s, w, at + 1);
		if (tool_list_has(i->values, w))
			at++;
	}
	named_self(s, i, start);
}

/* In a shell's cluster the text of -c is the next word wherever the c is: -ce, -lc */
static bool has_shell_text(const struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	for (; at < s->argv.n; at++) {
		struct word w = s->argv.w[at];

		if (w.len < 2 || (*w.p != '-' && *w.p != '+'))
			return false;
		if (*w.p == '-' && w.p[1] != '-' && memchr(w.p, 'c', w.len))
			return true;
		if (takes_value(i, w))
			at++;
	}
	return false;
}

static void scan_shell(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	if (has_shell_text(s, i, at))
		named_inline(s, i);
	else
		scan_plain(s, i, at);
	if (word_ends(word_of(s->t->name), ":inline")) {
		s->t->kind = TOOL_SHELL;
		s->t->name[strlen(s->t->name) - strlen(":inline")] = '\0';
	} else if (tool_list_has(i->names, word_of(s->t->name))) {
		s->t->kind = TOOL_SHELL;
	}
}

/* dotnet app.dll, dotnet exec app.dll; else a command of its own: dotnet build */
static void scan_dotnet(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	for (unsigned k = at; k < s->argv.n; k++) {
		struct word w = s->argv.w[k];

		if (word_ends(w, ".dll") || word_ends(w, ".exe"))
			return named(s, w, k + 1);
		if (tool_list_has(i->values, w))
			k++;
		else if (!word_starts(w, "-") && !word_is(w, "exec"))
			break;
	}
	named_self(s, i, at);
}

/* deno run -A app.js */
static void scan_deno(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	while (at < s->argv.n && word_starts(s->argv.w[at], "-"))
		at++;
	if (at < s->argv.n && word_is(s->argv.w[at], "run"))
		scan_plain(s, i, at + 1);
	else
		named_self(s, i, at);
}

/* awk is a tool by itself unless its program is in a file. */
static void scan_awk(struct tool_scan *s, const struct interpreter *i, unsigned at)
{
	for (unsigned k = at; k + 1 < s->argv.n; k++) {
		if (word_is(s->argv.w[k], "-f")) {
			named(s, s->argv.w[k + 1], k + 2);
			return;
		}
		if (!word_starts(s->argv.w[k], "-"))
			break;
	}
	tool_program(s, word_of("awk"), at);
}

#define SHELL_VALUES "-o +o -O +O --rcfile --init-file"
#define JAVA_VALUES                                                                                \
	"-cp -classpath --class-path -p --module-path --add-opens --add-exports --add-modules "    \
	"--add-reads --upgrade-module-path --source --limit-modules"

static const struct interpreter interpreters[] = {
	{ "python pypy", "-W -X", "-c", scan_python },
	{ "perl", "-I", "-e -E", scan_plain },
	{ "bash rbash", SHELL_VALUES, "-c", scan_shell },
	{ "sh ash posh", SHELL_VALUES, "-c", scan_shell },
	{ "dash", SHELL_VALUES, "-c", scan_shell },
	{ "zsh", SHELL_VALUES, "-c", scan_shell },
	{ "ksh mksh", SHELL_VALUES, "-c", scan_shell },
	{ "fish tcsh csh", "", "-c", scan_shell },
	{ "java", JAVA_VALUES, "", scan_java },
	{ "Rscript", "", "-e", scan_r },
	{ "R", "", "-e", scan_r },
	{ "awk gawk mawk nawk", "-F -v", "", scan_awk },
	{ "ruby", "-I -r", "-e", scan_plain },
	{ "julia", "-t -p -J -H -L --threads --project", "-e -E --eval", scan_plain },
	{ "node nodejs", "-r --require", "-e -p --eval", scan_plain },
	{ "lua luajit", "-l", "-e", scan_plain },
	{ "php", "-d -c", "-r", scan_plain },
	{ "tclsh wish", "", "", scan_plain },
	{ "octave octave-cli octave-gui", "", "--eval", scan_plain },
	{ "dotnet",
	  "--runtimeconfig --depsfile --fx-version --additionalprobingpath --roll-forward", "",
	  scan_dotnet },
	{ "mono", "", "", scan_plain },
	{ "deno bun", "", "", scan_deno },
};

/* Sorted, bytewise. */
static const struct {
	const char *name;
	unsigned char interpreter;
} interpreter_names[] = {
	{ "R", 10 },	      { "Rscript", 9 },	    { "ash", 3 },     { "awk", 11 },
	{ "bash", 2 },	      { "bun", 21 },	    { "csh", 7 },     { "dash", 4 },
	{ "deno", 21 },	      { "dotnet", 19 },	    { "fish", 7 },    { "gawk", 11 },
	{ "java", 8 },	      { "julia", 13 },	    { "ksh", 6 },     { "lua", 15 },
	{ "luajit", 15 },     { "mawk", 11 },	    { "mksh", 6 },    { "mono", 20 },
	{ "nawk", 11 },	      { "node", 14 },	    { "nodejs", 14 }, { "octave", 18 },
	{ "octave-cli", 18 }, { "octave-gui", 18 }, { "perl", 1 },    { "php", 16 },
	{ "posh", 3 },	      { "pypy", 0 },	    { "python", 0 },  { "rbash", 2 },
	{ "ruby", 12 },	      { "sh", 3 },	    { "tclsh", 17 },  { "tcsh", 7 },
	{ "wish", 17 },	      { "zsh", 5 },
};

static const struct interpreter *interpreter_of(struct word name)
{
	unsigned low = 0, high = ARRAY_SIZE(interpreter_names);

	while (name.len > 1 &&
	       (isdigit((unsigned char)name.p[name.len - 1]) || name.p[name.len - 1] == '.'))
		name.len--;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		int c = word_compare(name, interpreter_names[mid].name);

		if (!c)
			return &interpreters[interpreter_names[mid].interpreter];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

bool tool_is_interpreter(struct word name)
{
	if (name.len > 1 && *name.p == '-')
		return interpreter_of((struct word){ name.p + 1, name.len - 1 }) != NULL;
	return interpreter_of(name) != NULL;
}

bool tool_script(struct tool_scan *s, struct word name, unsigned at)
{
	const struct interpreter *i = interpreter_of(name);

	if (i)
		i->scan(s, i, at);
	return i != NULL;
}
