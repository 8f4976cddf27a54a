/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_rows.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/cli/choose.h"
#include "src/cli/process_record.h"

#define OTHER_RUNS "(other runs)"
#define NOBODY	   "(nobody)"
#define UNUSED	   "(reserved, not used)"
#define NO_PROCESS "(no process)"

static struct cost_row *new_row(struct cost_rows *rows, const char *name)
{
	struct cost_row *row = arena_alloc(&rows->book->arena, sizeof(*row));
	struct cost_row **list =
		book_room(rows->list, rows->n, &rows->size, sizeof(struct cost_row *));

	if (list)
		rows->list = list;
	if (!row || !list || !name)
		return NULL;
	row->name = name;
	rows->list[rows->n++] = row;
	return row;
}

static struct cost_row *row_of(struct cost_rows *rows, const char *name)
{
	struct cost_row *row = NULL;
	const char *key = name ? name : "(unknown)";

	HASH_FIND_STR(rows->by_name, key, row);
	if (row)
		return row;
	row = new_row(rows, book_intern(rows->book, key));
	if (row)
		HASH_ADD_KEYPTR(hh, rows->by_name, row->name, strlen(row->name), row);
	return row;
}

static void mark(struct cost_row *row, const struct book_host *h)
{
	bool given = h->id.price >= 0 || rates_given(&h->id.rates);

	row->billed |= h->billed_ns > 0;
	row->priced |= h->priced_ns > 0 && !given;
	row->given |= h->priced_ns > 0 && given;
	row->unpriced |= h->unpriced_ns > 0;
}

static void add_energy(struct cost_row *row, const struct book_host *h, int64_t energy)
{
	row->energy += energy;
	if (h->carbon.grid_g_per_kwh >= 0) {
		row->carbon_g += (double)energy / 1e9 * h->carbon.grid_g_per_kwh;
		row->carbon_known = true;
	} else {
		row->carbon_unknown |= energy != 0;
	}
}

static const char *owner_of(const struct book_run *r, enum who_owner owner)
{
	return r->who && r->who->owner[owner] ? r->who->owner[owner] : NULL;
}

static const char *label_of(const struct cost_book *b, const struct book_run *r, const char *key)
{
	(void)b;
	return json_string_value(json_object_get(r->labels, key));
}

static void look_up(struct cost_book *b, uint32_t uid)
{
	struct passwd *pw;
	struct group *gr;
	char text[24];

	if (b->last.known && b->last.uid == uid)
		return;
	snprintf(text, sizeof(text), "uid %u", uid);
	pw = getpwuid((uid_t)uid);
	b->last.user = book_intern(b, pw ? pw->pw_name : text);
	gr = pw ? getgrgid(pw->pw_gid) : NULL;
	b->last.group = gr ? book_intern(b, gr->gr_name) : NULL;
	b->last.uid = uid;
	b->last.known = true;
}

static const char *group_name(struct cost_book *b, uint32_t uid)
{
	look_up(b, uid);
	return b->last.group;
}

static const char *user_name(struct cost_book *b, const struct book_run *r, uint32_t uid)
{
	if (uid == r->s.run.user_id && r->s.run.user)
		return r->s.run.user;
	look_up(b, uid);
	return b->last.user;
}

struct label_use {
	unsigned n;
	UT_hash_handle hh;
	char text[];
};

/* What people call a task, as `tracer tasks` prints it. */
static void add_label(struct str *text, const struct cost_book *b, const struct book_leaf *leaf)
{
	const struct book_run *r = &b->runs[leaf->run];
	const struct task_row *t = leaf->task ? &leaf->task->row : NULL;

	if (b->n_selected > 1)
		str_addf(text, "%s ", r->s.run.uid);
	if (t)
		task_label(text, t);
	else
		str_add(text, "(outside tasks)");
	if (t && t->attempt > 1)
		str_addf(text, " (attempt %u)", t->attempt);
}

static struct label_use *label_use(struct cost_rows *rows, const struct str *text)
{
	struct label_use *use = NULL;

	HASH_FIND(hh, rows->labels, text->data, text->len, use);
	if (use)
		return use;
	use = arena_alloc(&rows->book->arena, sizeof(*use) + text->len + 1);
	if (!use)
		return NULL;
	memcpy(use->text, text->data, text->len);
	HASH_ADD_KEYPTR(hh, rows->labels, use->text, text->len, use);
	return use;
}

/* Labels that several tasks have need their keys beside them. */
static int count_labels(struct cost_rows *rows)
{
	_cleanup_(str_fini) struct str text = STR_INIT;
	struct cost_book *b = rows->book;

	for (size_t i = 0; i < b->n_leaves; i++) {
		struct label_use *use;

		if (!b->runs[b->leaves[i].run].selected)
			continue;
		str_reset(&text);
		add_label(&text, b, &b->leaves[i]);
		use = text.failed ? NULL : label_use(rows, &text);
		if (!use)
			return -ENOMEM;
		use->n++;
	}
	return 0;
}

static const char *task_key(struct cost_rows *rows, const struct book_leaf *leaf)
{
	_cleanup_(str_fini) struct str text = STR_INIT;
	const struct task_row *t = leaf->task ? &leaf->task->row : NULL;
	struct label_use *use;

	add_label(&text, rows->book, leaf);
	use = text.failed ? NULL : label_use(rows, &text);
	if (!use)
		return NULL;
	if (use->n > 1 && t && t->key)
		str_addf(&text, " (%s)", t->key);
	return text.failed ? NULL : book_intern(rows->book, str_text(&text));
}

static const char *run_key(struct cost_book *b, const struct book_run *r)
{
	char text[200];

	snprintf(text, sizeof(text), "%s %.150s", r->s.run.uid, r->s.run.name ? r->s.run.name : "");
	return book_intern(b, text);
}

/* Views whose rows are leaves, or sums of them. NULL: unknown. */
static const char *leaf_key(struct cost_rows *rows, const struct book_leaf *leaf)
{
	struct cost_book *b = rows->book;
	const struct book_run *r = &b->runs[leaf->run];

	switch (b->options.by) {
	case BY_PIPELINE:
		return leaf->task ? snapshot_pipeline(&r->s, &leaf->task->row) : r->s.run.pipeline;
	case BY_RUN:
		return run_key(b, r);
	case BY_TASK:
		return task_key(rows, leaf);
	case BY_STEP:
		return leaf->task ? leaf->task->row.name : "(outside tasks)";
	case BY_LABEL:
		return label_of(b, r, b->options.label);
	case BY_PROJECT:
		return owner_of(r, WHO_PROJECT);
	case BY_GRANT:
		return owner_of(r, WHO_GRANT);
	case BY_COST_CENTER:
		return owner_of(r, WHO_COST_CENTER);
	case BY_GROUP:
		return *r->group ? r->group : NULL;
	case BY_ACCOUNT:
		return label_of(b, r, "account");
	case BY_HOST:
		return b->hosts[leaf->host]->name;
	case BY_USER:
		return r->s.run.user;
	case BY_CONTAINER:
		return "(no container)";
	default:
		return UNUSED;
	}
}

static const char *process_key(struct cost_rows *rows, const struct book_leaf *leaf,
			       const struct book_process *p)
{
	struct cost_book *b = rows->book;
	const struct book_run *r = &b->runs[leaf->run];

	switch (b->options.by) {
	case BY_TOOL:
		return p->tool ? p->tool : p->comm;
	case BY_USER:
		return user_name(b, r, p->uid);
	case BY_GROUP:
		return group_name(b, p->uid);
	case BY_CONTAINER:
		return p->container ? p->container : "(no container)";
	case BY_ACCOUNT:
		return p->account ? p->account : leaf_key(rows, leaf);
	default:
		return leaf_key(rows, leaf);
	}
}

/* Nobody else has its id: no need to look for another row of that name. */
static struct cost_row *process_row(struct cost_rows *rows, const struct book_run *r,
				    const struct book_process *p)
{
	char text[PROCESS_ID_MAX + 80];
	size_t len;

	process_id(text, &r->s.run, p->pid, p->start_boot_ns);
	len = strlen(text);
	snprintf(text + len, sizeof(text) - len, " %.60s",
		 p->tool   ? p->tool
		 : p->comm ? p->comm
			   : "?");
	return new_row(rows, arena_text(&rows->book->arena, text));
}

/* How much of a pool each process of a leaf used. */
static uint64_t process_weight(const struct cost_book *b, const struct book_process *p, int pool)
{
	uint64_t wall = p->end_ns > p->start_ns ? p->end_ns - p->start_ns : 0;

	if (b->options.policy == POLICY_WALL && pool < TIME_POOLS)
		return wall >> 1;
	switch (pool) {
	case POOL_CPU:
		return p->cpu_ns & (UINT64_MAX >> 1);
	case POOL_MEMORY: /* MiB x microseconds: fits for a year of 1 TiB */
		return (uint64_t)((weight_sum)(p->peak_rss_bytes / 4096) * (wall / 1000) / 256);
	case POOL_GPU:
		return (uint64_t)__builtin_popcountll(p->gpus) * (wall >> 8);
	case POOL_STORAGE:
		return p->storage_bytes & (UINT64_MAX >> 1);
	default:
		return p->network_bytes & (UINT64_MAX >> 1);
	}
}

/* Parts of one leaf: n processes, then what no process had, then what is unused. */
struct leaf_split {
	uint64_t *weights;
	money *direct, *shares;
	struct cost_row **to;
	size_t size;
};

static void split_fini(struct leaf_split *s)
{
	free(s->weights);
	free(s->direct);
	free(s->shares);
	free(s->to);
}

static int split_room(struct leaf_split *s, size_t n)
{
	if (n <= s->size)
		return 0;
	split_fini(s);
	s->weights = calloc(n, sizeof(*s->weights));
	s->direct = calloc(n, sizeof(*s->direct));
	s->shares = calloc(n, sizeof(*s->shares));
	s->to = calloc(n, sizeof(struct cost_row *));
	s->size = n;
	return s->weights && s->direct && s->shares && s->to ? 0 : -ENOMEM;
}

static int split_direct(const struct cost_book *b, const struct book_leaf *leaf,
			struct leaf_split *s)
{
	const struct book_process *p = &b->processes[leaf->first_process];
	size_t n = leaf->n_processes;
	int r = split_room(s, n + 2);

	if (r < 0)
		return r;
	memset(s->direct, 0, (n + 2) * sizeof(*s->direct));
	for (int pool = 0; pool < COST_POOLS; pool++) {
		for (size_t i = 0; i < n; i++)
			s->weights[i] = process_weight(b, &p[i], pool);
		r = n ? money_divide(leaf->used[pool], s->weights, n, s->shares) : -EINVAL;
		if (r == -ENOMEM)
			return r;
		for (size_t i = 0; i < n && r == 0; i++)
			s->direct[i] += s->shares[i];
		if (r < 0)
			s->direct[n] += leaf->used[pool];
		s->direct[n + 1] += leaf->unused[pool];
	}
	return 0;
}

/* Divides what the leaf has of `amount` like its direct cost. Shares in s->shares. */
static int split_share(struct leaf_split *s, size_t n, money amount)
{
	for (size_t i = 0; i < n; i++)
		s->weights[i] = (uint64_t)(s->direct[i] < 0 ? -(s->direct[i] + 1) : s->direct[i]);
	if (money_divide(amount, s->weights, n, s->shares) == 0)
		return 0;
	memset(s->shares, 0, n * sizeof(*s->shares));
	s->shares[n - 2] = amount; /* to no process */
	return 0;
}

enum share_of { SHARE_OVERHEAD, SHARE_IDLE, SHARE_ESTIMATE, SHARE_ENERGY, SHARES };

static void add_share(struct cost_row *row, const struct book_host *h, enum share_of of,
		      money amount)
{
	switch (of) {
	case SHARE_OVERHEAD:
		row->overhead += amount;
		break;
	case SHARE_IDLE:
		row->idle += amount;
		break;
	case SHARE_ESTIMATE:
		row->estimate += amount;
		break;
	default:
		add_energy(row, h, amount);
	}
}

/* The row of a leaf's i-th part: a process, what no process had, or what is unused. */
static struct cost_row *row_of_part(struct cost_rows *rows, const struct book_leaf *leaf, size_t i)
{
	struct cost_book *b = rows->book;
	const struct book_process *p = &b->processes[leaf->first_process];

	if (i < leaf->n_processes && b->options.by == BY_PROCESS)
		return process_row(rows, &b->runs[leaf->run], &p[i]);
	if (i < leaf->n_processes)
		return row_of(rows, process_key(rows, leaf, &p[i]));
	if (i == leaf->n_processes && (b->options.by == BY_TOOL || b->options.by == BY_PROCESS))
		return row_of(rows, NO_PROCESS);
	return row_of(rows, leaf_key(rows, leaf));
}

static int fill_direct(struct cost_rows *rows, const struct book_leaf *leaf, struct leaf_split *s)
{
	const struct book_host *h = rows->book->hosts[leaf->host];
	size_t n = leaf->n_processes + 2;
	const char *cause;
	bool waste = leaf_is_waste(rows->book, leaf, &cause);

	for (size_t i = 0; i < n; i++) {
		struct cost_row *to;

		s->to[i] = NULL;
		/* The last two only if there is something for them. */
		if (i + 2 >= n && !s->direct[i] && !(i + 2 == n && n == 2))
			continue;
		to = s->to[i] = row_of_part(rows, leaf, i);
		if (!to)
			return -ENOMEM;
		to->direct += s->direct[i];
		to->unused += i + 1 == n ? s->direct[i] : 0;
		to->waste += waste ? s->direct[i] : 0;
		to->estimated |= h->has_estimate;
		mark(to, h);
	}
	return 0;
}

static int fill_processes(struct cost_rows *rows, const struct book_leaf *leaf,
			  struct leaf_split *s)
{
	const struct book_host *h = rows->book->hosts[leaf->host];
	const money shares[SHARES] = { leaf->overhead, leaf->idle, leaf->estimate, leaf->energy };
	size_t n = leaf->n_processes + 2;
	int r = split_direct(rows->book, leaf, s);

	if (r == 0)
		r = fill_direct(rows, leaf, s);
	for (int k = 0; k < SHARES && r == 0; k++) {
		r = split_share(s, n, shares[k]);
		for (size_t i = 0; i < n && r == 0; i++) {
			if (!s->shares[i])
				continue;
			if (!s->to[i])
				s->to[i] = row_of_part(rows, leaf, i);
			if (!s->to[i])
				return -ENOMEM;
			add_share(s->to[i], h, (enum share_of)k, s->shares[i]);
		}
	}
	return r;
}

static int fill_leaf(struct cost_rows *rows, const struct book_leaf *leaf)
{
	struct cost_book *b = rows->book;
	const struct book_host *h = b->hosts[leaf->host];
	bool selected = b->runs[leaf->run].selected;
	struct cost_row *row = row_of(
		rows, selected || b->options.by == BY_HOST ? leaf_key(rows, leaf) : OTHER_RUNS);
	const char *cause;
	money_sum direct = 0;

	if (!row)
		return -ENOMEM;
	for (int p = 0; p < COST_POOLS; p++) {
		direct += (money_sum)leaf->used[p] + leaf->unused[p];
		row->unused += leaf->unused[p];
	}
	row->tasks += leaf->task != NULL;
	row->direct += direct;
	row->waste += leaf_is_waste(b, leaf, &cause) ? direct : 0;
	row->overhead += leaf->overhead;
	row->idle += leaf->idle;
	row->estimate += leaf->estimate;
	row->estimated |= h->has_estimate;
	add_energy(row, h, leaf->energy);
	mark(row, h);
	return 0;
}

static int fill_nobody(struct cost_rows *rows, const struct book_host *h)
{
	struct cost_row *row;

	if (!h->nobody_overhead && !h->nobody_idle && !h->nobody_estimate && !h->nobody_energy)
		return 0;
	row = row_of(rows, rows->book->options.by == BY_HOST ? h->name : NOBODY);
	if (!row)
		return -ENOMEM;
	row->overhead += h->nobody_overhead;
	row->idle += h->nobody_idle;
	row->estimate += h->nobody_estimate;
	row->estimated |= h->has_estimate;
	add_energy(row, h, h->nobody_energy);
	mark(row, h);
	return 0;
}

static const char *cause_of(const struct cost_book *b, const struct book_leaf *leaf)
{
	const char *cause;

	if (!b->runs[leaf->run].selected)
		return OTHER_RUNS;
	return leaf_is_waste(b, leaf, &cause) ? cause : "work";
}

/* By cause a row is a cause: leaves by how they ended, idle by why. */
static int fill_causes(struct cost_rows *rows)
{
	struct cost_book *b = rows->book;

	for (size_t i = 0; i < b->n_leaves; i++) {
		const struct book_leaf *leaf = &b->leaves[i];
		const char *cause = cause_of(b, leaf), *ignored;
		bool waste = leaf_is_waste(b, leaf, &ignored);

		for (int p = 0; p < COST_POOLS; p++) {
			bool apart = !waste && b->runs[leaf->run].selected;
			struct cost_row *used = row_of(rows, cause), *unused;

			unused = apart && leaf->unused[p] ? row_of(rows, "reserved, not used")
							  : used;
			if (!used || !unused)
				return -ENOMEM;
			used->direct += leaf->used[p];
			used->waste += waste ? leaf->used[p] + leaf->unused[p] : 0;
			unused->direct += leaf->unused[p];
			unused->unused += leaf->unused[p];
			mark(used, b->hosts[leaf->host]);
			mark(unused, b->hosts[leaf->host]);
		}
	}
	for (size_t i = 0; i < b->n_hosts; i++) {
		const struct book_host *h = b->hosts[i];

		for (int c = 0; c <= IDLE_CAUSES; c++) {
			money_sum amount = c < IDLE_CAUSES ? h->idle[c] : h->overhead;
			char name[40];
			struct cost_row *row;

			snprintf(name, sizeof(name), c < IDLE_CAUSES ? "idle: %s" : "overhead",
				 c < IDLE_CAUSES ? idle_cause_name((enum idle_cause)c) : "");
			row = amount ? row_of(rows, name) : NULL;
			if (amount && !row)
				return -ENOMEM;
			if (!amount)
				continue;
			*(c < IDLE_CAUSES ? &row->idle : &row->overhead) += amount;
			mark(row, h);
		}
	}
	return 0;
}

int cost_rows_part(void *ctx, const struct book_host *host, const struct cost_line *line,
		   const struct book_leaf *leaf, const money parts[PARTS])
{
	struct cost_rows *rows = ctx;
	time_t t = (time_t)(line->start_ns / 1000000000ULL);
	struct cost_row *row;
	struct tm tm;
	const char *cause;
	char day[16];

	gmtime_r(&t, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	row = row_of(rows, day);
	if (!row)
		return -ENOMEM;
	row->direct += (money_sum)parts[PART_USED] + parts[PART_UNUSED];
	row->unused += parts[PART_UNUSED];
	row->overhead += parts[PART_OVERHEAD];
	row->idle += parts[PART_IDLE];
	if (leaf && leaf_is_waste(rows->book, leaf, &cause))
		row->waste += (money_sum)parts[PART_USED] + parts[PART_UNUSED];
	mark(row, host);
	return 0;
}

static money_sum total_of(const struct cost_row *row)
{
	return row->direct + row->overhead + row->idle;
}

/* Hosts that cannot be priced still have a row. */
static bool shows_processes(const struct cost_book *b, const struct book_leaf *leaf)
{
	return b->options.processes && b->runs[leaf->run].selected;
}

/* Runs that were near, but have no part of what is shown. */
static void drop_idle_others(struct cost_rows *rows)
{
	struct cost_row *row = NULL;
	size_t n = 0;

	HASH_FIND_STR(rows->by_name, OTHER_RUNS, row);
	if (!row || row->unpriced || total_of(row) || row->direct || row->idle || row->estimate ||
	    row->energy)
		return;
	for (size_t i = 0; i < rows->n; i++)
		if (rows->list[i] != row)
			rows->list[n++] = rows->list[i];
	rows->n = n;
}

int cost_rows_fill(struct cost_rows *rows)
{
	struct cost_book *b = rows->book;
	struct leaf_split split = { 0 };
	int r = 0;

	if (b->options.by == BY_DAY)
		return 0;
	if (b->options.by == BY_CAUSE)
		return fill_causes(rows);
	if (b->options.by == BY_TASK)
		r = count_labels(rows);
	for (size_t i = 0; i < b->n_leaves && r == 0; i++)
		r = shows_processes(b, &b->leaves[i]) ? fill_processes(rows, &b->leaves[i], &split)
						      : fill_leaf(rows, &b->leaves[i]);
	split_fini(&split);
	for (size_t i = 0; i < b->n_hosts && r == 0; i++)
		r = fill_nobody(rows, b->hosts[i]);
	drop_idle_others(rows);
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct cost_row *x = *(struct cost_row *const *)a, *y = *(struct cost_row *const *)b;

	return strcmp(x->name, y->name);
}

static int dearest_first(const void *a, const void *b)
{
	const struct cost_row *x = *(struct cost_row *const *)a, *y = *(struct cost_row *const *)b;
	money_sum left = total_of(x), right = total_of(y);

	if (left != right)
		return left > right ? -1 : 1;
	return by_name(a, b);
}

void cost_rows_sort(struct cost_rows *rows)
{
	rows->total = 0;
	for (size_t i = 0; i < rows->n; i++)
		rows->total += total_of(rows->list[i]);
	if (rows->n)
		qsort(rows->list, rows->n, sizeof(struct cost_row *),
		      rows->book->options.by == BY_DAY ? by_name : dearest_first);
}

void cost_rows_fini(struct cost_rows *rows)
{
	HASH_CLEAR(hh, rows->by_name);
	HASH_CLEAR(hh, rows->labels);
	free(rows->list);
}

bool cost_row_known(const struct cost_row *row)
{
	return row->billed || row->priced || row->given;
}

const char *cost_row_pricing(const struct cost_row *row)
{
	if (row->billed + row->priced + row->given + row->unpriced > 1)
		return "mixed";
	return row->billed ? "billed" : row->priced ? "priced" : row->given ? "given" : "unpriced";
}

static int set_money(struct record *r, enum field_id id, money_sum m)
{
	if (m > INT64_MAX || m < INT64_MIN)
		return -ERANGE;
	record_money(r, id, (int64_t)m);
	return 0;
}

int cost_row_record(const struct cost_rows *rows, const struct cost_row *row, struct record *ret)
{
	int r = 0;

	record_text(ret, FIELD_NAME, row->name);
	record_text(ret, FIELD_PRICING, cost_row_pricing(row));
	if (row->tasks)
		record_number(ret, FIELD_COST_TASKS, row->tasks);
	if (row->energy)
		record_ratio(ret, FIELD_ENERGY, (double)row->energy / 1e9);
	if (row->carbon_known && !row->carbon_unknown)
		record_ratio(ret, FIELD_CARBON, row->carbon_g);
	if (!cost_row_known(row))
		return 0;
	r |= set_money(ret, FIELD_DIRECT, row->direct);
	r |= set_money(ret, FIELD_UNUSED, row->unused);
	r |= set_money(ret, FIELD_WASTE, row->waste);
	r |= set_money(ret, FIELD_OVERHEAD, row->overhead);
	r |= set_money(ret, FIELD_IDLE, row->idle);
	r |= set_money(ret, FIELD_COST, total_of(row));
	if (rows->total > 0)
		record_ratio(ret, FIELD_COST_SHARE, (double)total_of(row) / (double)rows->total);
	if (row->estimated)
		r |= set_money(ret, FIELD_ESTIMATE, row->estimate);
	if (row->estimated && book_is_billed(rows->book))
		r |= set_money(ret, FIELD_RESIDUAL, total_of(row) - row->estimate);
	return r ? -ERANGE : 0;
}
