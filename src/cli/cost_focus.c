/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_focus.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"

static const char header[] =
	"AllocatedMethodId,AllocatedResourceId,AllocatedResourceName,AvailabilityZone,BilledCost,"
	"BillingCurrency,BillingPeriodEnd,BillingPeriodStart,ChargeCategory,ChargeDescription,"
	"ChargePeriodEnd,ChargePeriodStart,EffectiveCost,PricingCategory,ProviderName,RegionId,"
	"ResourceId,ResourceType,ServiceCategory,SubAccountId,x_Pipeline,x_Run,x_Task,x_User,"
	"x_Project,x_UsedCost,x_UnusedCost,x_OverheadCost,x_IdleCost\r\n";

void cost_focus_header(FILE *out)
{
	fputs(header, out);
}

/* One cell and its comma; quotes where needed, null is empty. */
static void cell(FILE *out, const char *text, char end)
{
	_cleanup_(str_fini) struct str shown = STR_INIT;
	bool quoted;

	if (text)
		text_visible(&shown, text, strlen(text));
	quoted = strpbrk(str_text(&shown), ",\"\r\n");
	if (quoted)
		fputc('"', out);
	for (const char *p = str_text(&shown); *p; p++) {
		if (*p == '"')
			fputc('"', out);
		fputc(*p, out);
	}
	if (quoted)
		fputc('"', out);
	if (end == '\r')
		fputs("\r\n", out);
	else
		fputc(end, out);
}

static void cell_money(FILE *out, money_sum m, char end)
{
	char buf[MONEY_MAX];

	cell(out, money_text(buf, m), end);
}

static void cell_time(FILE *out, uint64_t ns)
{
	time_t t = (time_t)(ns / 1000000000ULL);
	char buf[40];
	size_t len;
	struct tm tm;

	gmtime_r(&t, &tm);
	len = strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	if (ns % 1000000000ULL)
		snprintf(buf + len, sizeof(buf) - len, ".%09lluZ",
			 (unsigned long long)(ns % 1000000000ULL));
	else
		snprintf(buf + len, sizeof(buf) - len, "Z");
	cell(out, buf, ',');
}

static void cell_month(FILE *out, uint64_t ns, int add)
{
	time_t t = (time_t)(ns / 1000000000ULL);
	struct tm tm, month = { .tm_mday = 1 };

	gmtime_r(&t, &tm);
	month.tm_year = tm.tm_year;
	month.tm_mon = tm.tm_mon + add;
	cell_time(out, (uint64_t)timegm(&month) * 1000000000ULL);
}

static void cells_of_host(const struct cost_focus *f, const struct book_host *h)
{
	cell(f->out, h->lifecycle == LIFECYCLE_SPOT ? "Dynamic" : "Standard", ',');
	cell(f->out, h->id.provider, ',');
	cell(f->out, h->id.region, ',');
	cell(f->out, h->id.resource ? h->id.resource : h->name, ',');
}

static void cells_of_leaf(const struct cost_focus *f, const struct book_leaf *leaf)
{
	const struct book_run *r = leaf ? &f->book->runs[leaf->run] : NULL;
	const struct task_row *t = leaf && leaf->task ? &leaf->task->row : NULL;
	const char *pipeline = t ? snapshot_pipeline(&r->s, t) : r ? r->s.run.pipeline : NULL;

	cell(f->out, pipeline, ',');
	cell(f->out, r ? r->s.run.uid : NULL, ',');
	cell(f->out, t ? t->key && *t->key ? t->key : t->name : NULL, ',');
	cell(f->out, r ? r->s.run.user : NULL, ',');
	cell(f->out, r && r->who ? r->who->owner[WHO_PROJECT] : NULL, ',');
}

int cost_focus_part(void *ctx, const struct book_host *h, const struct cost_line *line,
		    const struct book_leaf *leaf, const money parts[PARTS])
{
	static const char *const categories[] = { "Compute", "Storage", "Networking", "Compute" };
	static const char *const policies[] = { "max", "used", "reserved", "wall" };
	const struct cost_focus *f = ctx;
	money_sum sum = 0;
	char method[32], what[64] = "idle and overhead that nobody caused";

	for (int i = 0; i < PARTS; i++)
		sum += parts[i];
	snprintf(method, sizeof(method), "tracer-%s", policies[f->book->options.policy]);
	if (leaf)
		snprintf(what, sizeof(what), "share of %s, by tracer",
			 line->kind == LINE_COMPUTE ? "an instance" : "a resource");
	cell(f->out, method, ',');
	cell(f->out, leaf ? f->book->runs[leaf->run].s.run.uid : NULL, ',');
	cell(f->out, leaf && leaf->task ? leaf->task->row.name : NULL, ',');
	cell(f->out, h->id.zone, ',');
	cell_money(f->out, sum, ',');
	cell(f->out, "USD", ',');
	cell_month(f->out, line->start_ns, 1);
	cell_month(f->out, line->start_ns, 0);
	cell(f->out, "Usage", ',');
	cell(f->out, what, ',');
	cell_time(f->out, line->end_ns);
	cell_time(f->out, line->start_ns);
	cell_money(f->out, sum, ',');
	cells_of_host(f, h);
	cell(f->out, "instance", ',');
	cell(f->out, categories[line->kind], ',');
	cell(f->out, h->id.account, ',');
	cells_of_leaf(f, leaf);
	for (int i = 0; i < PARTS; i++)
		cell_money(f->out, parts[i], i + 1 < PARTS ? ',' : '\r');
	return ferror(f->out) ? -EIO : 0;
}
