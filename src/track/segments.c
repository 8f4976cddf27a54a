/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec chains. What a process used between two execs belongs to the program that
 * it was then: the difference of its cumulative ledgers, booked on one tool. A
 * fork that runs no program belongs to its parent's tool.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

/* Texts of one exec record, ended by NUL, in the tracker's scratch memory. */
struct exec_texts {
	const char *file, *exe, *cwd, *cwd_host, *nodename;
	struct bytes argv, env;
	char comm[WIRE_COMM_LEN + 1];
};

/* An earlier total was too high: a program that had a CPU when it ran another one was
 * booked time that the hypervisor took meanwhile. Later totals know better. */
static void give_back(struct tracker *t, struct process *p, const struct wire_ledger *excess)
{
	bool before = p->before && ledger_covers(&p->before->ledger, excess);
	struct tool *tool = before ? p->before : p->tool;
	struct task *task = before ? p->before_task : p->scope->task;

	if (!ledger_covers(&tool->ledger, excess)) {
		p->incomplete = true;
		return;
	}
	tool_unbook(t, task, tool, excess);
	tool->dirty = task->dirty = true;
	ledger_sub(p->settled, excess);
}

int segment_settle(struct tracker *t, struct process *p, const struct wire_ledger *total)
{
	struct wire_ledger piece, excess;

	if (!p->tool && !segment_tool_by_comm(t, p))
		return -ENOMEM;
	if (!p->settled) {
		p->settled = calloc(1, sizeof(*p->settled));
		if (!p->settled)
			return -ENOMEM;
	}
	if (!ledger_advance(p->settled, total, &piece, &excess))
		p->incomplete = true;
	tool_book(t, p->scope->task, p->tool, &piece);
	if (excess.thread_ns)
		give_back(t, p, &excess);
	if (p->tool->end_ns < t->now_ns)
		p->tool->end_ns = t->now_ns;
	return 0;
}

/* The process goes on as `tool`; its row shows the last significant one. */
static void become(struct tracker *t, struct process *p, struct tool *tool, bool significant)
{
	uint64_t start = p->execs > 1 ? t->now_ns : p->id.start_ns;

	p->tool = tool;
	if (!tool->start_ns || start < tool->start_ns)
		tool->start_ns = start;
	tool->dirty = true;
	if (p->named && p->significant && !significant)
		return;
	p->significant = significant;
	if (p->named == tool)
		return;
	if (p->named) {
		p->named->processes--;
		p->named->alive--;
		p->named->dirty = true;
	}
	p->named = tool;
	tool->processes++;
	tool->alive++;
}

struct tool *segment_tool_by_comm(struct tracker *t, struct process *p)
{
	char comm[WIRE_COMM_LEN + 1] = "", text[TOOL_TEXT_MAX];
	struct tool_name name;
	struct tool *tool;

	memcpy(comm, p->comm, sizeof(p->comm));
	tool_name(NULL, comm, (struct bytes){ 0 }, &name);
	tool = tool_get(t, p->scope->task, tool_display(&name, text, sizeof(text)), NULL);
	if (tool)
		become(t, p, tool, true);
	return tool;
}

static size_t keep_text(struct str *s, struct bytes text)
{
	size_t at = s->len;

	if (!text.data)
		return 0;
	str_addn(s, text.data, text.len);
	str_addc(s, '\0');
	return at;
}

static size_t keep_path(struct str *s, struct bytes components, bool truncated)
{
	size_t at = s->len;

	if (!event_path(components, truncated, s))
		return 0;
	str_addc(s, '\0');
	return at;
}

static struct bytes ended_list(struct str *s, size_t at, size_t len)
{
	return at ? (struct bytes){ s->data + at, len } : (struct bytes){ 0 };
}

static size_t keep_list(struct str *s, struct bytes list, size_t *ret_len)
{
	size_t at = s->len;

	if (!list.data)
		return 0;
	str_addn(s, list.data, list.len);
	if (list.data[list.len - 1] != '\0')
		str_addc(s, '\0');
	*ret_len = s->len - at;
	return at;
}

static int read_texts(struct tracker *t, const struct wire_exec *r, struct exec_texts *ret)
{
	struct str *s = &t->scratch;
	bool cut = r->h.flags & WIRE_F_PATH_TRUNCATED;
	size_t file, exe, cwd, host, node, argv, env, argv_len = 0, env_len = 0;

	str_reset(s);
	str_addc(s, '\0'); /* so that no text is at 0 */
	file = keep_text(s, event_text(&r->h, r->file));
	exe = keep_path(s, event_bytes(&r->h, r->exe), cut);
	cwd = keep_path(s, event_bytes(&r->h, r->cwd), cut);
	host = keep_path(s, event_bytes(&r->h, r->cwd_host), cut);
	node = keep_text(s, event_text(&r->h, r->nodename));
	argv = keep_list(s, event_bytes(&r->h, r->argv), &argv_len);
	env = keep_list(s, event_bytes(&r->h, r->env), &env_len);
	if (s->failed)
		return -ENOMEM;
	*ret = (struct exec_texts){
		.file = file ? s->data + file : NULL,
		.exe = exe ? s->data + exe : NULL,
		.cwd = cwd ? s->data + cwd : NULL,
		.cwd_host = host ? s->data + host : NULL,
		.nodename = node ? s->data + node : NULL,
		.argv = ended_list(s, argv, argv_len),
		.env = ended_list(s, env, env_len),
	};
	memcpy(ret->comm, r->comm, sizeof(r->comm));
	return 0;
}

static int send_exec(struct tracker *t, const struct process *p, const struct wire_exec *r,
		     const struct exec_texts *x, const struct tool *tool)
{
	static const char mark[] = "[redacted]";
	struct exec_row row = {
		.process = tracker_row_id(t, p->number),
		.n = p->execs,
		.tool = tool ? tool->id : 0,
		.time_ns = tracker_unix_ns(t, r->h.time_ns),
		.comm = x->comm,
		.file = x->file,
		.exe = x->exe,
		.cwd = x->cwd,
		.cwd_host = x->cwd_host,
		.argv = x->argv,
		.argv_len = r->argv_len,
		.argv_truncated = r->h.flags & WIRE_F_ARGV_TRUNCATED,
		.redacted =
			x->argv.data && memmem(x->argv.data, x->argv.len, mark, sizeof(mark) - 1),
		.env = x->env,
		.cgroup_id = r->cgroup_id,
		.pid_ns = r->pid_ns,
		.mnt_ns = r->mnt_ns,
		.user_ns = r->user_ns,
		.uts_ns = r->uts_ns,
		.nspid = r->nspid,
		.nodename = x->nodename,
		.maxrss_bytes = r->maxrss_bytes,
		.before = r->ledger,
	};

	t->execs++;
	return t->sink.exec(t->sink.ctx, &row);
}

#define WRAPPER_TOOL "(wrapper)"

/* What an engine puts around the script of a task is no tool of anybody. */
static bool is_wrapper_noise(const struct process *p, const struct task *task)
{
	const struct rule *under = task->rule ? rule_traits(task->rule)->only_under : NULL;

	for (const struct scope *s = p->scope; under && s && s->task == task; s = s->up)
		if (s->match.rule == under)
			return false;
	return under != NULL;
}

/* Under a facade (bowtie2, trim_galore) a program is a component of it. */
static struct tool *name_tool(struct tracker *t, struct process *p, struct task *task,
			      const struct tool_name *name)
{
	char text[TOOL_TEXT_MAX], facade[TOOL_TEXT_MAX];
	const char *display = tool_row_name(name, text, sizeof(text));

	if (is_wrapper_noise(p, task))
		display = WRAPPER_TOOL;
	else if (name->kind == TOOL_INHERIT && p->tool)
		display = p->tool->key;
	if (!p->facade || !p->tool || name->kind == TOOL_INHERIT || !strcmp(p->tool->key, display))
		return tool_get(t, task, display, NULL);
	str_copy(facade, sizeof(facade), p->tool->key);
	return tool_get(t, task, facade, display);
}

static bool is_significant(const struct tool_name *name)
{
	return name->kind == TOOL_NATIVE || name->kind == TOOL_SCRIPT || name->kind == TOOL_ENGINE;
}

/* A title: the arguments as one text, without what setproctitle leaves behind it. */
static const char *title_of(struct str *s, struct bytes argv)
{
	struct bytes arg;
	size_t pos = 0;

	str_reset(s);
	while ((arg = event_next(argv, &pos)).data) {
		if (!arg.len)
			continue;
		if (s->len)
			str_addc(s, ' ');
		str_addn(s, arg.data, arg.len);
	}
	while (s->len && s->data[s->len - 1] == ' ')
		s->data[--s->len] = '\0';
	return s->failed || !s->len ? NULL : s->data;
}

/* What ran before the recording may have set its title long ago: /proc then has it in
 * the place of its arguments. */
static struct scope *match_joined(struct tracker *t, struct process *p, struct rule_input *in,
				  uint64_t now_ns, struct scope *scope)
{
	_cleanup_(str_fini) struct str text = STR_INIT; /* the scratch holds what is in `in` */
	struct rule_input titled = { .comm = in->comm,
				     .title = title_of(&text, in->argv),
				     .cgroup = in->cgroup,
				     .cache = in->cache,
				     .pid = in->pid,
				     .parent_rule = in->parent_rule,
				     .scope = in->scope };
	struct scope *next = NULL;

	if (!titled.title || !t->options.rules || !rules_use_titles(t->options.rules))
		return scope;
	if (scope_match_title(t, p, &titled, now_ns, &next) < 0) {
		scope_unref(t, scope);
		return NULL;
	}
	if (!next)
		return scope;
	scope_unref(t, scope);
	return next;
}

static struct scope *match(struct tracker *t, struct process *p, const struct wire_exec *r,
			   const struct exec_texts *x)
{
	struct scope *next;
	struct rule_input in = {
		.file = x->file,
		.exe = x->exe,
		.comm = x->comm,
		.cwd = x->cwd,
		.cwd_host = x->cwd_host,
		.argv = x->argv,
		.env = x->env,
		.cgroup = cgroup_find(t, r->cgroup_id),
		.cache = &t->cgroup_cache,
		.nodename = x->nodename,
		.pid = r->id.pid,
		.nspid = r->nspid,
		.run_root = p->root,
		.parent_rule = p->parent_rule,
		.scope = p->scope == t->top ? NULL : &p->scope->match,
	};

	p->rule = NULL;
	next = scope_match(t, p, &in, r->h.time_ns);
	if (next == p->scope && (r->h.flags & WIRE_F_JOINED))
		return match_joined(t, p, &in, r->h.time_ns, next);
	return next;
}

/* What its new place calls what it was: only a fork of its launcher until now. */
static int become_launcher(struct tracker *t, struct process *p, struct task *task)
{
	struct tool *launcher = tool_get(t, task, p->tool->key, NULL);

	if (!launcher)
		return -ENOMEM;
	become(t, p, launcher, false);
	return 0;
}

/* What it used up to a title: not known where it was stored without its totals. */
static int settle_known(struct tracker *t, struct process *p, const struct wire_ledger *total)
{
	return total->thread_ns ? segment_settle(t, p, total) : 0;
}

int segment_move(struct tracker *t, struct process *p, struct scope *next,
		 const struct wire_ledger *total, uint64_t now_ns)
{
	bool fresh = !p->settled && p->tool, other = next->task != p->scope->task;
	int err = 0;

	if (!fresh && p->tool)
		err = settle_known(t, p, total);
	if (err)
		return err;
	err = scope_enter(t, p, next, fresh ? p->id.start_ns : now_ns);
	if (err)
		return err;
	if (!other)
		return fresh ? settle_known(t, p, total) : 0;
	p->significant = false; /* its name must be a tool of the new task */
	if (!p->tool)
		return 0;
	err = become_launcher(t, p, next->task);
	return err || !fresh ? err : settle_known(t, p, total);
}

/* What it was until now. The first program's launch (fork to exec) goes with the
 * task that it opens, so that a task is the sum of its processes. */
static int settle_before(struct tracker *t, struct process *p, const struct wire_exec *r,
			 struct scope *next)
{
	int err;

	if (next == p->scope)
		return p->tool ? segment_settle(t, p, &r->ledger) : 0;
	if (p->execs == 1 && p->tool && next->task != p->scope->task) {
		err = scope_enter(t, p, next, p->id.start_ns);
		if (!err)
			err = become_launcher(t, p, next->task);
		return err ? err : segment_settle(t, p, &r->ledger);
	}
	err = p->tool ? segment_settle(t, p, &r->ledger) : 0;
	if (err)
		return err;
	if (next->task != p->scope->task)
		p->significant = false; /* its name must be a tool of the new task */
	return scope_enter(t, p, next, r->h.time_ns);
}

static void note_exec(struct process *p, const struct wire_exec *r)
{
	p->execs++;
	p->uid = r->uid;
	p->gid = r->gid;
	p->cgroup_id = r->cgroup_id;
	memcpy(p->comm, r->comm, sizeof(p->comm));
	if (r->h.flags & WIRE_F_THREAD_EXEC)
		p->thread_exec = true;
	if (r->h.flags & WIRE_F_INCOMPLETE)
		p->incomplete = true;
}

/* An enclosing task lasts as long as those inside. */
static void keep_before(struct process *p, struct task *old)
{
	p->before_task = tool_is_of(p->scope->task, p->tool) ? p->scope->task : old;
	p->before = task_is_inside(p->scope->task, p->before_task) ? p->tool : NULL;
}

int segment_exec(struct tracker *t, struct process *p, const struct wire_exec *r)
{
	struct exec_texts x;
	struct tool_name name;
	struct scope *next, *old;
	struct tool *tool;
	bool foreign = p->foreign;
	int err = read_texts(t, r, &x);

	if (err)
		return err;
	note_exec(p, r);
	tool_name(x.file, x.comm, x.argv, &name);
	next = match(t, p, r, &x);
	if (!next)
		return -ENOMEM;
	if (p->foreign) {
		scope_unref(t, next);
		return 0;
	}
	if (!p->rule && name.kind == TOOL_WRAPPER)
		p->rule = p->parent_rule;
	/* the mark never falls and begins with the image of whoever forked: only what
	 * this program has added to it is known to be its own */
	if (p->execs > 1 && p->tool && r->maxrss_bytes > p->exec_maxrss_bytes) {
		tool_peak(p->scope->task, p->tool, r->maxrss_bytes);
		if (t->run.peak_rss_bytes < r->maxrss_bytes)
			t->run.peak_rss_bytes = r->maxrss_bytes;
	}
	p->exec_maxrss_bytes = r->maxrss_bytes;
	old = scope_ref(p->scope);
	if (foreign) { /* its launch by the daemon goes with what it is now */
		p->execs_before = p->execs - 1;
		p->execs = 1;
	}
	err = settle_before(t, p, r, next);
	scope_unref(t, next);
	tool = err ? NULL : name_tool(t, p, p->scope->task, &name);
	if (!tool) {
		scope_unref(t, old);
		return err ? err : -ENOMEM;
	}
	if (is_significant(&name))
		task_guess_sample(p->scope->task, x.argv);
	if (!tool->path && x.exe)
		tool->path = strdup(x.exe);
	p->facade = name.facade || (p->facade && tool->key_len > tool->name_len);
	keep_before(p, old->task);
	become(t, p, tool, is_significant(&name));
	err = scope_close_idle(t, old); /* only now: its tools have been left */
	scope_unref(t, old);
	return err ? err : send_exec(t, p, r, &x, tool);
}

int segment_late_exec(struct tracker *t, struct process *p, const struct wire_exec *r)
{
	struct exec_texts x;
	int err = read_texts(t, r, &x);

	return err ? err : send_exec(t, p, r, &x, NULL);
}

int segment_title(struct tracker *t, struct process *p, const struct wire_rename *r)
{
	char comm[WIRE_COMM_LEN + 1] = "";
	const char *title = title_of(&t->scratch, event_bytes(&r->h, r->argv));
	struct rule_input in = {
		.comm = comm,
		.title = title,
		.cgroup = cgroup_find(t, p->cgroup_id),
		.cache = &t->cgroup_cache,
		.pid = p->id.pid,
		.parent_rule = p->parent_rule,
		.scope = p->scope == t->top ? NULL : &p->scope->match,
	};
	struct scope *next = NULL, *old;
	int err;

	if (!title || !t->options.rules || !rules_use_titles(t->options.rules))
		return 0;
	memcpy(comm, p->comm, sizeof(p->comm));
	err = scope_match_title(t, p, &in, r->h.time_ns, &next);
	if (err || !next)
		return err;
	old = scope_ref(p->scope);
	err = segment_move(t, p, next, &r->ledger, r->h.time_ns);
	scope_unref(t, next);
	if (!err)
		err = scope_close_idle(t, old);
	scope_unref(t, old);
	return err ? err : incident_title(t, p, r, title);
}
