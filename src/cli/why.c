/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer why: one task or process, what held it up, and what is behind that: a wait for a
 * child leads to what the child did, a wait at a pipe to the process at its other end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/failure.h"
#include "src/analysis/pipe_peer.h"
#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/log.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/cli.h"
#include "src/cli/reader.h"
#include "src/cli/tune.h"
#include "src/cli/tune_print.h"
#include "src/cli/where.h"
#include "src/model/fields.h"

#define CHAIN_MAX 16

struct why_options {
	struct reader_options reader;
	const char *run;
};

static const struct option_spec options[] = {
	{ "run", 'r', OPTION_TEXT, offsetof(struct why_options, run), "RUN",
	  "look into this run (default: the latest)" },
	DB_OPTION(struct why_options, reader),
	JSON_OPTION(struct why_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "why",
	.words = "TASK|TOOL|PID",
	.about = "Says why a task or a process took its time, or why it failed: its waits, and "
		 "what\n"
		 "was behind them, step by step. TASK is a name, a key, a sample or\n"
		 "a label like `align [NA01]`; TOOL a name as `tracer tools` prints it: its "
		 "longest\n"
		 "process, of those that failed if any did.",
	.options = options,
	.max_words = 1,
};

struct why {
	const struct judgement *j;
	json_t *array;	  /* NULL: text */
	const char *tool; /* that was asked about, or NULL */
	unsigned n;
	struct findings texts; /* owns sentences made here */
};

static unsigned largest_part(const struct profile *f)
{
	unsigned largest = 0;

	for (unsigned i = 0; i < LEDGER_STATES; i++)
		largest = f->share[i] > f->share[largest] ? i : largest;
	return largest;
}

/* The child that lived longest beside p. */
static const struct fact_process *longest_child(const struct fact_process *p)
{
	const struct fact_process *longest = NULL;

	for (const struct fact_process *c = p->child; c; c = c->next)
		if (!longest || c->end_ns - c->start_ns > longest->end_ns - longest->start_ns)
			longest = c;
	return longest;
}

/* What to look at next, and how it is related, or NULL. */
static const struct fact_process *behind(const struct run_facts *facts,
					 const struct fact_process *p, unsigned part,
					 const char **ret_relation)
{
	const struct fact_process *next = NULL;

	if (part == LEDGER_CHILD) {
		next = longest_child(p);
		*ret_relation = "its child";
	} else if (part == LEDGER_PIPE) {
		struct pipe_peer peer = pipe_peer_find(facts, p);

		next = peer.process;
		*ret_relation = !next		? ""
				: peer.producer ? (peer.known ? "which writes into the pipe"
							      : "which may write into the pipe")
				: peer.known	? "which reads from the pipe"
						: "which may read from the pipe";
	}
	return next;
}

static void print_states(const struct fact_process *p)
{
	char time[HUMAN_MAX], share[HUMAN_MAX];

	if (p->threads_peak > 1 && p->ledger.thread_ns)
		printf("    of %s of time of its threads, each counted:\n",
		       human_duration(time, p->ledger.thread_ns));
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		if (p->ledger.state_ns[i] >= p->ledger.thread_ns / 100 && p->ledger.state_ns[i])
			printf("    %8s  %5s  %s\n", human_duration(time, p->ledger.state_ns[i]),
			       human_percent(share, p->ledger.state_ns[i], p->ledger.thread_ns),
			       where_sentence(i));
}

static json_t *step_object(const struct fact_process *p, const char *relation, unsigned part,
			   const struct profile *f)
{
	json_t *object = json_object(), *states = json_object();

	json_object_set_new(object, "pid", json_integer(p->pid));
	json_object_set_new(object, "name", json_out_text(p->name, strlen(p->name)));
	json_object_set_new(object, "relation", json_string(relation));
	json_object_set_new(object, "wall_ns", json_out_uint(p->end_ns - p->start_ns));
	json_object_set_new(object, "verdict", json_string(verdict_name(verdict_of_part(part))));
	json_object_set_new(object, "share_of_wall_ratio", json_real(f->share[part]));
	for (unsigned i = 0; i < LEDGER_STATES; i++)
		json_object_set_new(states, state_name(i), json_out_uint(p->ledger.state_ns[i]));
	json_object_set_new(object, "states", states);
	return object;
}

static void print_step(struct why *w, const struct fact_process *p, const char *relation,
		       unsigned part, const struct profile *f)
{
	_cleanup_(str_fini) struct str name = STR_INIT;
	char wall[HUMAN_MAX];

	text_visible(&name, p->name, strlen(p->name));
	printf("  %s%s%s (pid %u), %s: %s for %.0f %% of its time%s\n", relation,
	       *relation ? ", " : "", str_text(&name), p->pid,
	       human_duration(wall, p->end_ns - p->start_ns), verdict_words(verdict_of_part(part)),
	       100 * f->share[part], f->contended ? "; its threads contend" : "");
	print_states(p);
}

static void follow(struct why *w, const struct fact_process *p, json_t *chain)
{
	unsigned cpus = w->j->facts.run.cpus;
	const struct fact_process *seen[CHAIN_MAX];
	const char *relation = "";

	for (unsigned n = 0; p && n < CHAIN_MAX; n++) {
		struct profile f;
		unsigned part;

		for (unsigned i = 0; i < n; i++)
			if (seen[i] == p)
				return;
		seen[n] = p;
		profile_make(&f, p, cpus);
		part = largest_part(&f);
		if (chain)
			json_array_append_new(chain, step_object(p, relation, part, &f));
		else
			print_step(w, p, relation, part, &f);
		p = behind(&w->j->facts, p, part, &relation);
	}
}

static bool has_pid(const struct fact_task *t, uint32_t pid)
{
	for (size_t i = 0; i < t->n_processes; i++)
		if (t->processes[i]->pid == pid)
			return true;
	return false;
}

/* A finding of one process is about the task that it was in, not about all of that name. */
static bool concerns(const struct finding *f, const struct fact_task *t, uint32_t pid)
{
	if (t && f->pid)
		return has_pid(t, f->pid);
	return t ? !strcmp(f->name, t->name) : f->pid && f->pid == pid;
}

static bool is_of_tool(const struct why *w, const struct finding *f)
{
	return w->tool && !f->pid && f->subject == SUBJECT_TOOL && !strcmp(f->name, w->tool);
}

/* The findings of the whole run that are about this one. */
static json_t *tell_findings(struct why *w, const struct fact_task *t, uint32_t pid)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < w->j->findings.n; i++) {
		const struct finding *f = &w->j->findings.list[i];

		if (!concerns(f, t, pid) && !is_of_tool(w, f))
			continue;
		json_array_append_new(array, finding_object(f));
		if (w->array)
			continue;
		printf("  %s: ", severity_name(f->severity));
		safe_print(stdout, f->summary);
		fputs(f->cause ? "\n    " : "", stdout);
		safe_print(stdout, f->cause);
		putchar('\n');
	}
	return array;
}

static void tell_failure(struct why *w, const struct fact_process *p, json_t *object)
{
	const struct fact_process *origin = p->failed ? failure_origin(p) : NULL;
	enum verdict verdict;
	const char *cause;

	if (!origin)
		return;
	verdict = failure_verdict(&w->j->facts, origin, &w->texts, &cause);
	if (object) {
		json_t *failure = json_object();

		json_object_set_new(failure, "pid", json_integer(origin->pid));
		json_object_set_new(failure, "name",
				    json_out_text(origin->name, strlen(origin->name)));
		json_object_set_new(failure, "verdict", json_string(verdict_name(verdict)));
		json_object_set_new(failure, "cause",
				    json_out_text(cause, cause ? strlen(cause) : 0));
		json_object_set_new(object, "failure", failure);
		return;
	}
	printf("  it %s\n", ending_words(&w->texts, p));
	if (origin != p) {
		fputs("  because ", stdout);
		safe_print(stdout, origin->name);
		printf(" (pid %u) %s\n", origin->pid, ending_words(&w->texts, origin));
	}
	printf("  %s%s", verdict_words(verdict), cause ? ": " : "");
	safe_print(stdout, cause);
	putchar('\n');
}

static void tell_process(struct why *w, const struct fact_process *p)
{
	json_t *chain = w->array ? json_array() : NULL, *object = w->array ? json_object() : NULL;
	json_t *findings;

	if (!w->array) {
		printf("%sprocess %u  ", w->n ? "\n" : "", p->pid);
		safe_print(stdout, p->name);
		putchar('\n');
	}
	w->n++;
	follow(w, p, chain);
	tell_failure(w, p, object);
	findings = tell_findings(w, NULL, p->pid);
	if (!object) {
		json_decref(findings);
		return;
	}
	json_object_set_new(object, "process", json_integer(p->pid));
	json_object_set_new(object, "chain", chain);
	json_object_set_new(object, "findings", findings);
	json_array_append_new(w->array, object);
}

/* The process of a task that explains most: the longest that is no supervisor. */
static const struct fact_process *main_process(const struct fact_task *t, unsigned cpus)
{
	const struct fact_process *best = t->root;
	uint64_t most = 0;

	for (size_t i = 0; i < t->n_processes; i++) {
		const struct fact_process *p = t->processes[i];
		struct profile f;

		profile_make(&f, p, cpus);
		if (!f.supervisor && p->end_ns - p->start_ns > most) {
			most = p->end_ns - p->start_ns;
			best = p;
		}
	}
	return best;
}

static void head_of_task(const struct why *w, const struct fact_task *t, const char *parts)
{
	char wall[HUMAN_MAX];

	fputs(w->n ? "\ntask " : "task ", stdout);
	safe_print(stdout, t->name);
	fputs(t->detail ? " " : "", stdout);
	safe_print(stdout, t->detail);
	printf("  %s: %s\n", human_duration(wall, t->end_ns - t->start_ns), parts);
}

static void tell_task(struct why *w, const struct fact_task *t)
{
	json_t *chain = w->array ? json_array() : NULL, *object = w->array ? json_object() : NULL;
	const struct fact_process *p = main_process(t, w->j->facts.run.cpus);
	_cleanup_(str_fini) struct str parts = STR_INIT;
	struct explained e = { 0 };
	uint64_t span[2] = { t->start_ns, t->end_ns };
	json_t *findings;

	explain_add(&e, t->processes, t->n_processes, span, w->j->facts.run.cpus);
	explained_short(&parts, &e, LEDGER_STATES);
	if (!w->array)
		head_of_task(w, t, str_text(&parts));
	w->n++;
	if (p)
		follow(w, p, chain);
	if (t->root && (t->status == TASK_STATUS_FAILED || t->status == TASK_STATUS_OOM))
		tell_failure(w, t->root, object);
	findings = tell_findings(w, t, 0);
	if (!object) {
		json_decref(findings);
		return;
	}
	json_object_set_new(object, "task", json_out_text(t->name, strlen(t->name)));
	json_object_set_new(object, "key", json_out_text(t->key, t->key ? strlen(t->key) : 0));
	json_object_set_new(object, "time", json_string(str_text(&parts)));
	json_object_set_new(object, "chain", chain);
	json_object_set_new(object, "findings", findings);
	json_array_append_new(w->array, object);
}

/* By its name, key or what tells it apart; or by its label, "align [NA01]". */
static bool is_called(const struct fact_task *t, const char *what)
{
	size_t name = strlen(t->name), detail = t->detail ? strlen(t->detail) : 0;

	if (!strcmp(t->name, what) || (t->key && !strcmp(t->key, what)) ||
	    (t->detail && !strcmp(t->detail, what)))
		return true;
	return t->detail && strlen(what) == name + detail + 3 && !strncmp(what, t->name, name) &&
	       !strncmp(what + name, " [", 2) && !strncmp(what + name + 2, t->detail, detail) &&
	       what[name + detail + 2] == ']';
}

/* Of a tool's processes the longest that failed, else the longest. */
static const struct fact_process *of_tool(const struct run_facts *f, const char *name, size_t *ret)
{
	const struct fact_process *best = NULL;

	*ret = 0;
	for (size_t i = 0; i < f->n_processes; i++) {
		const struct fact_process *p = &f->processes[i];

		if (strcmp(p->name, name) != 0)
			continue;
		(*ret)++;
		if (!best || p->failed > best->failed ||
		    (p->failed == best->failed &&
		     p->end_ns - p->start_ns > best->end_ns - best->start_ns))
			best = p;
	}
	return best;
}

static void tell_tool(struct why *w, const char *name)
{
	size_t n;
	const struct fact_process *p = of_tool(&w->j->facts, name, &n);

	if (!p)
		return;
	if (n > 1 && !w->array) {
		fputs("tool ", stdout);
		safe_print(stdout, name);
		printf(": of its %zu processes the %s one\n", n,
		       p->failed ? "longest failed" : "longest");
	}
	w->tool = name;
	tell_process(w, p);
}

static void tell(struct why *w, const char *what)
{
	const struct run_facts *f = &w->j->facts;
	char *end;
	unsigned long pid = strtoul(what, &end, 10);

	for (size_t i = 0; i < f->n_tasks; i++)
		if (is_called(&f->tasks[i], what))
			tell_task(w, &f->tasks[i]);
	for (size_t i = 0; i < f->n_processes && !w->n && !*end && *what; i++)
		if (f->processes[i].pid == pid)
			tell_process(w, &f->processes[i]);
	if (!w->n)
		tell_tool(w, what);
}

static int why(struct reader *r, const char *what, bool json)
{
	struct judgement j;
	struct why w = { .j = &j, .array = json ? json_array() : NULL };
	int error = judgement_make(&j, r->store, r->run.id);

	if (error >= 0) {
		if (run_facts_missing(&j.facts) && !json)
			printf("what follows is not complete: %s\n", run_facts_missing(&j.facts));
		tell(&w, what);
		if (json && w.n)
			error = json_out_write(w.array, stdout, JSON_PRETTY);
	}
	json_decref(w.array);
	findings_fini(&w.texts);
	judgement_fini(&j);
	if (error < 0)
		return reader_result(error);
	if (!w.n)
		log_error(
			"run %s has no task, tool or process `%s` (see `tracer tasks %s`, `tracer "
			"tools %s`)",
			r->run.uid, what, r->run.uid, r->run.uid);
	return w.n ? EXIT_OK : EXIT_NOT_FOUND;
}

int cmd_why(int argc, char **argv)
{
	struct why_options o = { 0 };
	_cleanup_(reader_close) struct reader r = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc);

	if (first < 0)
		return rc;
	if (!argv[first])
		return options_misuse(&spec, "which task or process? give its name or its pid");
	rc = reader_open_run(&r, o.reader.db, o.run);
	return rc ? rc : why(&r, argv[first], o.reader.json);
}
