/* SPDX-License-Identifier: Apache-2.0 */
/* tracer cost: what runs cost, and who caused it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/cli/cli.h"
#include "src/cli/cost_detect.h"
#include "src/cli/cost_focus.h"
#include "src/cli/cost_print.h"
#include "src/cli/price_files.h"

#define BY_WORDS                                                                                   \
	"pipeline|run|step|task|tool|process|user|group|account|container|label|project|grant|"    \
	"cost-center|host|day|cause"
#define POLICY_WORDS "max|used|reserved|wall"

struct cost_options {
	struct reader_options reader;
	int by, policy, bill_cost;
	bool all, detect, interrupted;
	const char *label, *since, *until;
	const char *provider, *type, *region, *zone, *lifecycle, *resource, *price, *rates;
	const char *hosts, *centers, *focus, *metadata;
	const char *started, *stopped, *minimum, *sustained, *transfer;
	struct option_list prices, bills, volumes;
};

#define AT(member) offsetof(struct cost_options, member)

static const struct option_spec options[] = {
	{ "by", 'b', OPTION_CHOICE, AT(by), BY_WORDS, "a row for each of these (default: task)" },
	{ "label", 0, OPTION_TEXT, AT(label), "KEY", "the label that --by label goes by" },
	{ "policy", 'p', OPTION_CHOICE, AT(policy), POLICY_WORDS,
	  "what a task pays for: the larger of what it\nreserved and used, one of them, or its "
	  "wall "
	  "time" },
	{ "all", 'a', OPTION_FLAG, AT(all), NULL, "all runs of the database" },
	{ "since", 0, OPTION_TEXT, AT(since), "TIME", "with --all: runs that ended after (UTC)" },
	{ "until", 0, OPTION_TEXT, AT(until), "TIME",
	  "with --all: runs that started before (UTC)" },
	{ "provider", 0, OPTION_TEXT, AT(provider), "NAME", "of the hosts: aws, gcp, azure, ..." },
	{ "type", 0, OPTION_TEXT, AT(type), "NAME", "machine type, such as c5.xlarge" },
	{ "region", 0, OPTION_TEXT, AT(region), "NAME", "region" },
	{ "zone", 0, OPTION_TEXT, AT(zone), "NAME", "zone" },
	{ "lifecycle", 0, OPTION_TEXT, AT(lifecycle), "WORD", "on-demand or spot" },
	{ "interrupted", 0, OPTION_FLAG, AT(interrupted), NULL,
	  "the host was taken away: what had not succeeded\nis lost work" },
	{ "resource", 0, OPTION_TEXT, AT(resource), "ID", "the host's id in bills" },
	{ "price", 0, OPTION_TEXT, AT(price), "USD", "price of the host per hour" },
	{ "rates", 0, OPTION_TEXT, AT(rates), "core=USD,...",
	  "rates of owned hosts per hour: core, gib, gpu; and kwh" },
	{ "volume", 0, OPTION_LIST, AT(volumes), "TYPE:GIB[:ID]",
	  "a disk of the hosts, such as gp3:100, and its id in\nbills; may be repeated" },
	{ "transfer-usd-per-gb", 0, OPTION_TEXT, AT(transfer), "USD",
	  "price of what is sent through sockets" },
	{ "host-started", 0, OPTION_TEXT, AT(started), "TIME",
	  "the host is paid for from then on (UTC)" },
	{ "host-stopped", 0, OPTION_TEXT, AT(stopped), "TIME", "and until then" },
	{ "billing-minimum", 0, OPTION_TEXT, AT(minimum), "SECONDS",
	  "that a start of the host is billed for, if it is\nknown how long it ran (default: 60 of "
	  "aws and "
	  "gcp)" },
	{ "sustained-use", 0, OPTION_TEXT, AT(sustained), "PERCENT",
	  "of the month that such machines run (discount of gcp)" },
	{ "hosts", 0, OPTION_TEXT, AT(hosts), "FILE",
	  "what hosts are (default: host.yaml, see\ntracer-cost(1))" },
	{ "cost-centers", 0, OPTION_TEXT, AT(centers), "FILE",
	  "whom runs belong to (default: costcenters.yaml)" },
	{ "prices", 0, OPTION_LIST, AT(prices), "FILE",
	  "a price list, beside those that were imported;\nmay be repeated" },
	{ "bill", 0, OPTION_LIST, AT(bills), "FILE",
	  "a bill (CUR 2.0 or FOCUS, CSV), beside those that are\nkept; later files replace lines "
	  "of earlier ones" },
	{ "bill-cost", 0, OPTION_CHOICE, AT(bill_cost), "billed|effective",
	  "cash, or commitments amortised" },
	{ "focus", 0, OPTION_TEXT, AT(focus), "FILE", "also write the attribution as FOCUS rows" },
	{ "detect", 0, OPTION_FLAG, AT(detect), NULL,
	  "ask the cloud's metadata service what this host is" },
	{ "metadata", 0, OPTION_TEXT, AT(metadata), "URL",
	  "its address (default: " METADATA_ADDRESS ")" },
	READER_OPTIONS(struct cost_options, reader),
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "cost",
	.words = "[RUN]",
	.about = "Shows what a run (default: the latest) cost, and who caused it. What is "
		 "attributed,\n"
		 "overhead and idle add up to the price of the hosts, or to the bill, exactly.\n"
		 "Without a price a host is `unpriced`: nothing is guessed.",
	.options = options,
	.max_words = 1,
};

static const enum field_id all[] = {
	FIELD_NAME,	FIELD_COST_TASKS, FIELD_COST,	FIELD_COST_SHARE, FIELD_DIRECT,
	FIELD_OVERHEAD, FIELD_IDLE,	  FIELD_UNUSED, FIELD_WASTE,	  FIELD_ESTIMATE,
	FIELD_RESIDUAL, FIELD_PRICING,	  FIELD_ENERGY, FIELD_CARBON,	  FIELD_COUNT,
};
static const char *word_at(const char *words, int n, char *buf, size_t size)
{
	size_t len;

	while (n--)
		words = strchr(words, '|') + 1;
	len = strcspn(words, "|");
	str_copy(buf, size, words);
	if (len < size)
		buf[len] = '\0';
	return buf;
}

struct cost_command {
	struct cost_options o;
	struct cost_config config;
	struct cost_book book;
	struct cost_rows rows;
	struct price_table prices;
	struct host_entry over;
	struct cost_detect detect;
	struct cost_focus focus;
	struct cost_selection selection;
	struct bill_files bills; /* that are kept */
	struct arena texts;	 /* of options */
};

static int check_host(struct cost_command *c)
{
	struct cost_options *o = &c->o;
	enum lifecycle lifecycle;

	c->over = (struct host_entry)HOST_ENTRY_NONE;
	c->over.provider = o->provider;
	c->over.type = o->type;
	c->over.region = o->region;
	c->over.zone = o->zone;
	c->over.lifecycle = o->lifecycle;
	c->over.resource = o->resource;
	c->over.interrupted = o->interrupted;
	if (o->provider || o->type || o->price || o->rates)
		c->over.from = "options";
	if (o->lifecycle && lifecycle_parse(o->lifecycle, &lifecycle) < 0)
		return options_misuse(&spec, "--lifecycle %s: must be on-demand or spot",
				      o->lifecycle);
	if (o->price && (money_parse(o->price, &c->over.price) < 0 || c->over.price < 0 ||
			 c->over.price > 100000 * USD))
		return options_misuse(&spec, "--price %s: must be USD per hour, from 0 to 100,000",
				      o->price);
	return o->rates ? rates_of_text(o->rates, &c->over.rates) : EXIT_OK;
}

static int whole_number(const char *name, const char *text, int64_t least, int64_t most,
			int64_t *ret)
{
	if (!text)
		return EXIT_OK;
	if (decimal_parse(text, 0, ret) != 0 || *ret < least || *ret > most)
		return options_misuse(&spec, "--%s %s: must be a whole number from %d to %d", name,
				      text, (int)least, (int)most);
	return EXIT_OK;
}

static int check_life(struct cost_command *c)
{
	struct host_entry *over = &c->over;
	const struct cost_options *o = &c->o;

	if (o->started && time_parse(o->started, &over->launched_ns) < 0)
		return options_misuse(&spec,
				      "--host-started %s: must be a time such as "
				      "2026-08-01T10:00:00",
				      o->started);
	if (o->stopped && time_parse(o->stopped, &over->stopped_ns) < 0)
		return options_misuse(&spec,
				      "--host-stopped %s: must be a time such as "
				      "2026-08-01T10:00:00",
				      o->stopped);
	if (o->started && o->stopped && over->stopped_ns < over->launched_ns)
		return options_misuse(&spec, "--host-stopped is before --host-started");
	return EXIT_OK;
}

static int check_terms(struct cost_command *c)
{
	struct host_entry *over = &c->over;
	const struct cost_options *o = &c->o;
	int rc = check_life(c);

	if (!rc)
		rc = whole_number("billing-minimum", o->minimum, 0, 86400, &over->minimum_s);
	if (!rc)
		rc = whole_number("sustained-use", o->sustained, 1, 100, &over->sustained_percent);
	if (!rc && o->transfer &&
	    (money_parse(o->transfer, &over->transfer) < 0 || over->transfer < 0 ||
	     over->transfer > 1000 * USD))
		rc = options_misuse(&spec, "--transfer-usd-per-gb %s: must be USD, from 0 to 1,000",
				    o->transfer);
	for (unsigned i = 0; i < o->volumes.n && !rc; i++) {
		char *copy = arena_text(&c->texts, o->volumes.items[i]);

		rc = copy ? volume_of_text(o->volumes.items[i], copy, over) : EXIT_ERROR;
	}
	return rc;
}

static int check_options(struct cost_command *c, const char *run)
{
	struct cost_options *o = &c->o;
	int rc;

	c->selection = (struct cost_selection){ .all = o->all, .until_ns = UINT64_MAX };
	if (o->all && run)
		return options_misuse(&spec, "--all and a run say different things");
	if ((o->since || o->until) && !o->all)
		return options_misuse(&spec, "--since and --until go with --all");
	if (o->since && time_parse(o->since, &c->selection.since_ns) < 0)
		return options_misuse(&spec, "--since %s: must be a time such as 2026-08-01",
				      o->since);
	if (o->until && time_parse(o->until, &c->selection.until_ns) < 0)
		return options_misuse(&spec, "--until %s: must be a time such as 2026-08-01",
				      o->until);
	if (o->by == BY_LABEL && !o->label)
		return options_misuse(&spec, "--by label needs --label KEY");
	if (o->metadata && !o->detect)
		return options_misuse(&spec, "--metadata goes with --detect");
	rc = check_host(c);
	return rc ? rc : check_terms(c);
}

static int load_prices(struct cost_command *c)
{
	int rc = price_file_load_own(&c->prices);

	for (unsigned i = 0; i < c->o.prices.n && !rc; i++)
		rc = price_file_load(c->o.prices.items[i], &c->prices);
	price_table_sort(&c->prices);
	return rc;
}

/* Those that are kept, then those that are given: later ones replace lines. */
static int load_bills(struct cost_command *c)
{
	struct cost_book *b = &c->book;
	enum bill_view view = c->o.bill_cost ? BILL_EFFECTIVE : BILL_BILLED;
	size_t kept = c->bills.n;
	int rc = book_resources(b) < 0 ? EXIT_ERROR : EXIT_OK;

	for (size_t i = 0; i < kept + c->o.bills.n && !rc; i++) {
		b->bills.file = (uint32_t)i;
		rc = bill_file_load(i < kept ? c->bills.paths[i] : c->o.bills.items[i - kept], view,
				    &b->bills);
	}
	bill_book_sort(&b->bills);
	book_find_charged(b);
	return rc;
}

static int failed(int error)
{
	if (error == -E2BIG)
		log_error("too many tasks or processes for one report: choose fewer runs");
	else if (error == -ERANGE)
		log_error("a sum is beyond 9.2 million USD");
	else if (error == -EINVAL)
		log_error("the host's CPUs and memory are not known: see host.yaml");
	else if (error == -EIO)
		log_error("cannot write the FOCUS rows");
	else
		return reader_result(error);
	return EXIT_ERROR;
}

/* One id cannot be that of several hosts. */
static int check_resource(const struct cost_command *c)
{
	size_t hosts = 0;

	for (size_t i = 0; i < c->book.n_hosts; i++)
		hosts += c->book.hosts[i]->n_windows > 0;
	if (c->o.resource && hosts > 1)
		return options_misuse(&spec,
				      "--resource is the id of one host, and %zu take part: "
				      "give each its own in host.yaml",
				      hosts);
	return EXIT_OK;
}

static int load(struct cost_command *c, struct store *store)
{
	int r = book_load_runs(&c->book, store, &c->selection);

	int rc;

	if (r < 0)
		return failed(r);
	if (!c->book.n_selected) {
		log_error("no runs in that time: `tracer runs` lists them");
		return EXIT_NOT_FOUND;
	}
	rc = check_resource(c);
	if (!rc)
		rc = load_bills(c); /* before the leaves: bills have whole hours */
	if (rc)
		return rc;
	r = book_load_leaves(&c->book, store);
	return r < 0 ? failed(r) : EXIT_OK;
}

/* Both who wants parts of lines. */
static int on_part(void *ctx, const struct book_host *host, const struct cost_line *line,
		   const struct book_leaf *leaf, const money parts[PARTS])
{
	struct cost_command *c = ctx;
	int r = 0;

	if (c->o.by == BY_DAY)
		r = cost_rows_part(&c->rows, host, line, leaf, parts);
	if (r == 0 && c->focus.out)
		r = cost_focus_part(&c->focus, host, line, leaf, parts);
	return r;
}

static int open_focus(struct cost_command *c)
{
	if (!c->o.focus)
		return EXIT_OK;
	c->focus.book = &c->book;
	c->focus.out = fopen(c->o.focus, "we");
	if (!c->focus.out) {
		log_error("cannot write %s: %s", c->o.focus, strerror(errno));
		return EXIT_ERROR;
	}
	cost_focus_header(c->focus.out);
	return EXIT_OK;
}

static int divide(struct cost_command *c)
{
	struct part_sink sink = { .part = on_part, .ctx = c };
	int rc = open_focus(c), r;

	if (rc)
		return rc;
	r = book_price(&c->book);
	if (r == 0)
		r = book_divide(&c->book, c->o.by == BY_DAY || c->focus.out ? &sink : NULL);
	if (c->focus.out && fclose(c->focus.out) && r == 0)
		r = -EIO;
	if (r == 0)
		r = cost_rows_fill(&c->rows);
	if (r < 0)
		return failed(r);
	if (!book_balances(&c->book)) { /* a bug: never print books that do not balance */
		log_error("the books do not balance; please report this");
		return EXIT_ERROR;
	}
	cost_rows_sort(&c->rows);
	return EXIT_OK;
}

static int report(struct cost_command *c, struct store *store)
{
	struct sheet_spec sheet = { &spec, all, NULL, all };
	char by[20], policy[20];
	struct cost_report r = { &c->book, &c->rows, &sheet, &c->o.reader, NULL, NULL };
	int rc = load(c, store);

	if (!rc)
		rc = divide(c);
	r.by = word_at(BY_WORDS, c->o.by, by, sizeof(by));
	r.policy = word_at(POLICY_WORDS, c->o.policy, policy, sizeof(policy));
	return rc ? rc : cost_print(&r);
}

static void set_book(struct cost_command *c)
{
	c->detect.address = c->o.metadata ? c->o.metadata : METADATA_ADDRESS;
	c->rows.book = &c->book;
	c->book.has_bills = c->o.bills.n + c->bills.n > 0;
	c->book.config = &c->config;
	c->book.prices = &c->prices;
	c->book.options = (struct book_options){
		.by = (enum cost_by)c->o.by,
		.policy = (enum cost_policy)c->o.policy,
		.label = c->o.label,
		.over = &c->over,
		.detect = c->o.detect ? cost_detect : NULL,
		.detect_ctx = &c->detect,
	};
	c->book.options.processes = c->o.by == BY_TOOL || c->o.by == BY_PROCESS ||
				    c->o.by == BY_USER || c->o.by == BY_GROUP ||
				    c->o.by == BY_ACCOUNT || c->o.by == BY_CONTAINER;
}

int cmd_cost(int argc, char **argv)
{
	_cleanup_(reader_close) struct reader r = { 0 };
	struct cost_command c = { .o = { .by = BY_TASK } };
	int rc, first = options_parse(&spec, &c.o, argc, argv, &rc);

	if (first < 0)
		return rc;
	rc = check_options(&c, argv[first]);
	if (!rc)
		rc = cost_config_load(&c.config, c.o.hosts, c.o.centers);
	if (!rc)
		rc = load_prices(&c);
	if (!rc)
		rc = c.o.all ? reader_open(&r, c.o.reader.db)
			     : reader_open_run(&r, c.o.reader.db, argv[first]);
	c.selection.run_id = r.run.id;
	if (!rc)
		rc = bill_files_find(&c.bills);
	set_book(&c);
	if (!rc)
		rc = report(&c, r.store);
	cost_rows_fini(&c.rows);
	book_fini(&c.book);
	bill_files_free(&c.bills);
	price_table_fini(&c.prices);
	cost_config_fini(&c.config);
	arena_fini(&c.texts);
	return rc;
}
