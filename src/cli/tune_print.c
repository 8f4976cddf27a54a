/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/tune_print.h"

#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/base/json_out.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/cli/where.h"
#include "src/model/fields.h"

#define FINDINGS_SHOWN 30
#define UNITS_SHOWN    25
#define PARTS_SHOWN    3
#define PART_MIN       0.05 /* smaller parts say nothing in a table */
#define WAITS_SHOWN    8
#define WAIT_MIN_SHARE 0.05

static json_t *text_or_null(const char *text)
{
	return json_out_text(text, text ? strlen(text) : 0);
}

static json_t *figure_value(const struct figure *g)
{
	switch (g->unit) {
	case FIGURE_RATIO:
		return json_real(g->ratio);
	case FIGURE_TEXT:
		return text_or_null(g->text);
	default:
		return json_out_uint(g->number);
	}
}

json_t *finding_object(const struct finding *f)
{
	json_t *object = json_object(), *subject = json_object(), *figures = json_object();

	json_object_set_new(object, "id", text_or_null(f->id));
	json_object_set_new(object, "severity", json_string(severity_name(f->severity)));
	json_object_set_new(object, "verdict", json_string(verdict_name(f->verdict)));
	json_object_set_new(subject, "kind", json_string(subject_name(f->subject)));
	json_object_set_new(subject, "name", text_or_null(f->name));
	json_object_set_new(subject, "pid", f->pid ? json_integer(f->pid) : json_null());
	json_object_set_new(object, "subject", subject);
	json_object_set_new(object, "summary", text_or_null(f->summary));
	json_object_set_new(object, "cause", text_or_null(f->cause));
	json_object_set_new(object, "advice", text_or_null(f->advice));
	json_object_set_new(object, "check", text_or_null(f->check));
	json_object_set_new(object, "share_of_wall_ratio",
			    f->share >= 0 && f->class != FINDING_SIZE ? json_real(f->share)
								      : json_null());
	json_object_set_new(object, "explained_ns",
			    f->explained_ns ? json_out_uint(f->explained_ns) : json_null());
	json_object_set_new(object, "saving_ns_at_most",
			    f->saving_ns ? json_out_uint(f->saving_ns) : json_null());
	json_object_set_new(object, "confidence", json_integer(f->confidence));
	json_object_set_new(object, "samples", json_integer(f->samples));
	json_object_set_new(object, "runs", json_integer(f->runs));
	for (unsigned i = 0; i < f->n_figures; i++)
		json_object_set_new(figures, f->figures[i].name, figure_value(&f->figures[i]));
	json_object_set_new(object, "evidence", figures);
	return object;
}

json_t *findings_array(const struct findings *f)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < f->n; i++)
		json_array_append_new(array, finding_object(&f->list[i]));
	return array;
}

static const char *part_name(unsigned part)
{
	return part == EXPLAIN_IDLE ? "idle" : state_name(part);
}

json_t *unit_object(const struct unit *u)
{
	json_t *object = json_object(), *parts = json_object();

	json_object_set_new(object, "kind", json_string(subject_name(u->kind)));
	json_object_set_new(object, "name", text_or_null(u->name));
	json_object_set_new(object, "n", json_integer(u->n));
	json_object_set_new(object, "wall_ns", json_out_uint((uint64_t)u->explained.total_ns));
	json_object_set_new(object, "cpu_ns", json_out_uint(u->cpu_ns));
	json_object_set_new(object, "verdict", json_string(verdict_name(u->verdict)));
	json_object_set_new(object, "share_of_wall_ratio", json_real(u->share));
	json_object_set_new(object, "peer", text_or_null(u->peer));
	for (unsigned i = 0; i < EXPLAIN_PARTS; i++)
		json_object_set_new(parts, part_name(i),
				    json_real(explained_share(&u->explained, i)));
	json_object_set_new(object, "shares", parts);
	return object;
}

json_t *units_array(const struct units *u)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < u->n; i++)
		json_array_append_new(array, unit_object(&u->list[i]));
	return array;
}

static json_t *waits_array(const struct contention *c, enum contention_resource resource)
{
	json_t *waits = json_array();

	for (unsigned v = 0; v < c->n; v++) {
		for (unsigned by = 0; by <= c->n; by++) {
			double ns = c->wait_ns[resource][v][by];
			json_t *wait;

			if (ns < 1e6)
				continue;
			wait = json_object();
			json_object_set_new(wait, "victim", text_or_null(c->names[v]));
			json_object_set_new(wait, "culprit", text_or_null(c->names[by]));
			json_object_set_new(wait, "wait_ns", json_out_uint((uint64_t)ns));
			json_array_append_new(waits, wait);
		}
	}
	return waits;
}

/* `resource` and `waits` are of the time when there was the CPU's matrix only. */
json_t *contention_object(const struct contention *c)
{
	json_t *object = json_object();

	json_object_set_new(object, "resource", json_string("cpu"));
	json_object_set_new(object, "estimate", json_true());
	json_object_set_new(object, "waits", waits_array(c, CONTENTION_CPU));
	for (unsigned r = 0; r < CONTENTIONS; r++)
		json_object_set_new(object, contention_name(r), waits_array(c, r));
	return object;
}

void safe_print(FILE *out, const char *text)
{
	_cleanup_(str_fini) struct str safe = STR_INIT;

	text_visible(&safe, text ? text : "", text ? strlen(text) : 0);
	fputs(str_text(&safe), out);
}

static void print_line(const struct tune_print *p, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(p->out, "          %-8s ", label);
	safe_print(p->out, text);
	fputc('\n', p->out);
}

static void print_books(const struct tune_print *p, const struct finding *f)
{
	char saving[HUMAN_MAX];

	fprintf(p->out, "          %-8s confidence %u of 100", "", f->confidence);
	if (f->samples > 1)
		fprintf(p->out, ", %u samples", f->samples);
	if (f->runs > 1)
		fprintf(p->out, ", %u runs", f->runs);
	if (f->saving_ns && f->severity > SEVERITY_INFO)
		fprintf(p->out, ", saves at most %s", human_duration(saving, f->saving_ns));
	fputs(", id ", p->out);
	safe_print(p->out, f->id);
	fputc('\n', p->out);
}

static void print_finding(const struct tune_print *p, const struct finding *f)
{
	fprintf(p->out, "%-9s %-8s ", severity_name(f->severity), verdict_name(f->verdict));
	safe_print(p->out, f->summary);
	fputc('\n', p->out);
	print_line(p, "cause", f->cause);
	for (unsigned i = 0; i < f->n_figures; i++)
		if (!strcmp(f->figures[i].name, "who_was_there"))
			print_line(p, "present", f->figures[i].text);
	print_line(p, "advice", f->advice);
	print_line(p, "check", f->check);
	print_books(p, f);
}

unsigned findings_print(const struct tune_print *p, const struct findings *f)
{
	bool quiet = !p->all && f->n && f->list[0].severity > SEVERITY_INFO;
	unsigned printed = 0;

	for (unsigned i = 0; i < f->n && (p->all || printed < FINDINGS_SHOWN); i++) {
		if (quiet && f->list[i].severity == SEVERITY_INFO)
			break;
		print_finding(p, &f->list[i]);
		printed++;
	}
	if (printed < f->n)
		fprintf(p->out, "and %u more: --all\n", f->n - printed);
	if (f->dropped)
		fprintf(p->out, "%u findings beyond the limit were not kept\n", f->dropped);
	return printed;
}

static const char *part_word(unsigned part)
{
	return where_word(part == EXPLAIN_IDLE ? WHERE_IDLE : part);
}

void explained_short(struct str *out, const struct explained *e, unsigned max_parts)
{
	bool done[EXPLAIN_PARTS] = { 0 };

	for (unsigned n = 0; n < max_parts; n++) {
		unsigned best = EXPLAIN_PARTS;

		for (unsigned i = 0; i < EXPLAIN_PARTS; i++)
			if (!done[i] && (best == EXPLAIN_PARTS || e->ns[i] > e->ns[best]))
				best = i;
		if (n && explained_share(e, best) < PART_MIN)
			return;
		done[best] = true;
		str_addf(out, "%s%s %.0f %%", n ? ", " : "", part_word(best),
			 100 * explained_share(e, best));
	}
}

static void unit_row(struct table *t, const struct unit *u)
{
	_cleanup_(str_fini) struct str parts = STR_INIT;
	char n[HUMAN_MAX], wall[HUMAN_MAX], cpu[HUMAN_MAX], cores[HUMAN_MAX];
	const char *cells[] = { subject_name(u->kind),	  u->name, n,	wall, cpu, cores,
				verdict_name(u->verdict), u->peer, NULL };

	human_count(n, u->n);
	human_duration(wall, (uint64_t)u->explained.total_ns);
	human_duration(cpu, u->cpu_ns);
	snprintf(cores, sizeof(cores), "%.1f",
		 u->explained.total_ns > 0 ? u->explained.cores_ns / u->explained.total_ns : 0);
	explained_short(&parts, &u->explained, PARTS_SHOWN);
	cells[8] = str_text(&parts);
	table_row(t, cells);
}

int units_print(const struct tune_print *p, const struct units *u)
{
	static const struct table_column columns[] = {
		{ "WHAT", false, true },    { "NAME", false, false }, { "N", true, true },
		{ "WALL", true, true },	    { "CPU", true, true },    { "CORES", true, true },
		{ "VERDICT", false, true }, { "PEER", false, true },  { "TIME WENT", false, false },
	};
	struct table_options o = { .width = p->width };
	double least = u->n ? u->list[0].explained.total_ns / 100 : 0;
	unsigned printed = 0;
	struct table *t;

	if (table_new(p->out, columns, ARRAY_SIZE(columns), &o, &t) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < u->n; i++) {
		if (!p->all && (printed == UNITS_SHOWN || (u->list[i].kind == SUBJECT_TOOL &&
							   u->list[i].explained.total_ns < least)))
			continue;
		unit_row(t, &u->list[i]);
		printed++;
	}
	table_end(t);
	table_free(t);
	if (printed < u->n)
		fprintf(p->out, "and %u more: --all\n", u->n - printed);
	fputs("WALL: of tasks summed, of a tool while any of it ran; CORES: used or waited for\n"
	      "TIME WENT: shares of WALL; a wait counts only while nothing else of it worked\n",
	      p->out);
	return 0;
}

/* The largest wait that was not printed yet; not of one process for itself, unless it
 * is for a CPU: many threads. */
static double next_wait(const struct contention *c, unsigned r,
			bool done[CONTENTION_GROUPS + 1][CONTENTION_GROUPS + 2], unsigned ret[2])
{
	double most = 0;

	for (unsigned v = 0; v < c->n; v++)
		for (unsigned by = 0; by <= c->n; by++) {
			bool alone = v == by && c->one[v] && r != CONTENTION_CPU;

			if (done[v][by] || alone || c->wait_ns[r][v][by] <= most)
				continue;
			most = c->wait_ns[r][v][by];
			ret[0] = v;
			ret[1] = by;
		}
	if (most > 0)
		done[ret[0]][ret[1]] = true;
	return most;
}

static void print_waits(const struct tune_print *p, const struct contention *c, unsigned r,
			double wall_ns)
{
	static const char *const heads[CONTENTIONS] = {
		"Who waited for a CPU while whom ran (an estimate)",
		"Who waited for the disk while whom transferred (an estimate, all disks together)",
		"Who waited for memory while whom held it (an estimate, by peaks)",
	};
	bool done[CONTENTION_GROUPS + 1][CONTENTION_GROUPS + 2] = { 0 };
	char wait[HUMAN_MAX];

	for (unsigned n = 0; n < WAITS_SHOWN; n++) {
		unsigned at[2] = { 0, 0 };
		double most = next_wait(c, r, done, at);

		if (most < WAIT_MIN_SHARE * wall_ns || most <= 0)
			return;
		if (!n)
			fprintf(p->out, "\n%s\n", heads[r]);
		fprintf(p->out, "  %7s  ", human_duration(wait, (uint64_t)most));
		safe_print(p->out, c->names[at[0]]);
		fputs(" waited for ", p->out);
		safe_print(p->out, at[1] == at[0] ? "its like" : c->names[at[1]]);
		fputc('\n', p->out);
	}
}

void contention_print(const struct tune_print *p, const struct contention *c, double wall_ns)
{
	for (unsigned r = 0; r < CONTENTIONS; r++)
		print_waits(p, c, r, wall_ns);
}
