/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a session, and from its end to the report. */
#include "src/cli/observe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/paths.h"
#include "src/cli/cli.h"
#include "src/cli/observe_machine.h"
#include "src/cli/report.h"
#include "src/store/store.h"
#include "src/track/rules.h"

#define EXIT_OURS     125
#define SAMPLE_MS     2000
#define STALL_AFTER_S 60
#define STALL_SAMPLES 4 /* at least, in the time after which something counts as stalled */

#define ASKS_MAX 64

struct observation {
	char db[PATH_MAX], fallback[PATH_MAX + 64];
	struct rules *rules;
	struct collect_ask asks[ASKS_MAX];
	struct observe_machine machine;
};

static void collect_asks(struct observation *ob, struct collect_options *ret)
{
	static const enum ask_kind kinds[] = {
		[RULE_ASKS] = ASK_CLIENT, [RULE_ADOPTED] = ASK_ADOPTED, [RULE_SERVES] = ASK_SERVER
	};
	enum rule_ask_kind kind;
	struct collect_ask a;

	ret->asks = ob->asks;
	while (ret->n_asks < ASKS_MAX &&
	       (a.comm = rules_ask(ob->rules, ret->n_asks, &a.bits, &kind))) {
		a.kind = kinds[kind];
		ob->asks[ret->n_asks++] = a;
	}
}

static int load_rules(const struct observe_options *o, struct rules **ret)
{
	struct rules_error error = { 0 };
	int r = rules_load(o->rules.items, o->rules.n, ret, &error);

	if (r >= 0)
		return 0;
	if (error.text[0])
		log_error("%s:%u:%u: %s", error.file, error.line, error.column, error.text);
	else
		log_error("cannot load the rules: %s", strerror(-r));
	return r;
}

static int choose_db(const struct observe_options *o, const struct identity *id,
		     struct observation *ob)
{
	int r = 0;

	if (o->db && strlen(o->db) >= sizeof(ob->db))
		r = -ENAMETOOLONG;
	else if (o->db)
		memcpy(ob->db, o->db, strlen(o->db) + 1);
	else if (o->user && id->changed && !getenv("TRACER_DB"))
		snprintf(ob->db, sizeof(ob->db), "%s/.local/share/tracer/tracer.db", id->home);
	else
		r = db_default_path(ob->db, sizeof(ob->db));
	if (r < 0) {
		log_error("no place for the database: %s (use --db PATH)", strerror(-r));
		return r;
	}
	snprintf(ob->fallback, sizeof(ob->fallback), "%s.%d.tlog", ob->db, (int)getpid());
	return 0;
}

static int check_labels(const struct option_list *labels)
{
	for (unsigned i = 0; i < labels->n; i++) {
		const char *equals = strchr(labels->items[i], '=');

		if (!equals || equals == labels->items[i]) {
			log_error("--label %s: must be KEY=VALUE", labels->items[i]);
			return -EINVAL;
		}
	}
	return 0;
}

/* Refused before the command runs, not found out after it. */
static int check_log(const char *path)
{
	if (!path || access(path, F_OK))
		return 0;
	log_error("%s: exists already; an event log is not overwritten", path);
	return -EEXIST;
}

static int parse_stall_after(const char *text, unsigned *ret_s)
{
	char *end;
	unsigned long value;

	*ret_s = STALL_AFTER_S;
	if (!text)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || text[0] == '-' || value > 86400) {
		log_error("--stall-after %s: must be whole seconds, at most a day (0: never)",
			  text);
		return -EINVAL;
	}
	*ret_s = (unsigned)value;
	return 0;
}

static bool is_power_of_two(unsigned n)
{
	return n && !(n & (n - 1));
}

static void print_report(const struct observation *ob, const struct session_result *result)
{
	struct report_options options = report_options_for(STDERR_FILENO);
	struct store *store = NULL;
	int64_t id;
	int r = store_open(ob->db, STORE_READ, &store);

	if (r >= 0)
		r = store_find_run(store, result->run_uid, &id);
	if (r >= 0)
		r = report_print(store, id, stderr, &options);
	if (r < 0)
		log_error("cannot read the run back: %s: %s", ob->db, store_strerror(r));
	store_close(store);
}

static int configure(const struct observe_options *o, struct observation *ob,
		     struct session_options *ret)
{
	int r = identity_find(o->user, &ret->identity);

	if (r < 0) {
		log_error("user %s: %s", o->user ? o->user : "",
			  r == -ENOENT ? "there is no such user" : strerror(-r));
		return r;
	}
	if (o->ring_kib && !is_power_of_two(o->ring_kib)) {
		log_error("--ring %u: must be a power of two", o->ring_kib);
		return -EINVAL;
	}
	if (check_labels(&o->labels) < 0 || check_log(o->log) < 0 ||
	    parse_stall_after(o->stall_after, &ret->recorder.stall_after_s) < 0 ||
	    observe_machine_init(&ob->machine, o) < 0)
		return -EINVAL;
	ret->name = o->name;
	ret->labels = (const char *const *)o->labels.items;
	ret->n_labels = o->labels.n;
	ret->recorder.log = o->log;
	ret->recorder.rules = ob->rules;
	ret->recorder.read_engine_files = !o->no_engine_files;
	ret->recorder.machine = ob->machine.lines.len ? str_text(&ob->machine.lines) : NULL;
	ret->detect = o->detect ? observe_machine_detect : NULL;
	ret->detect_ctx = &ob->machine;
	if (!o->log || o->db || !o->log_only) {
		r = choose_db(o, &ret->identity, ob);
		if (r < 0)
			return r;
		ret->recorder.db = ob->db;
		ret->recorder.fallback_log = ob->fallback;
	}
	ret->collect.all_processes = o->all;
	ret->collect.files = o->all ? o->files : !o->no_files;
	ret->collect.ring_bytes = o->ring_kib * 1024;
	ret->collect.env_parents = rules_env_parents(ob->rules);
	ret->collect.env_names = rules_env_names(ob->rules);
	collect_asks(ob, &ret->collect);
	ret->sample_ms = o->sample_ms ? o->sample_ms : SAMPLE_MS;
	if (ret->recorder.stall_after_s &&
	    ret->sample_ms > ret->recorder.stall_after_s * 1000 / STALL_SAMPLES)
		ret->sample_ms = ret->recorder.stall_after_s * 1000 / STALL_SAMPLES;
	ret->tell_stalls = !o->quiet;
	ret->duration_s = o->duration_s;
	ret->strict = o->strict;
	ret->announce = o->verbose || o->all;
	return 0;
}

int observe(const struct observe_options *o, char *const *argv)
{
	struct session_options options = { .argv = argv };
	struct observation ob = { 0 };
	struct session_result result;
	int r;

	if (load_rules(o, &ob.rules) < 0 || configure(o, &ob, &options) < 0) {
		rules_free(ob.rules);
		observe_machine_fini(&ob.machine);
		return EXIT_OURS;
	}
	r = session_run(&options, &result);
	rules_free(ob.rules);
	observe_machine_fini(&ob.machine);
	if (r < 0) {
		log_error("%s%s", result.note[0] ? result.note : strerror(-r),
			  r == -ENOTSUP && argv ? " (--strict: the command was not run)" : "");
		return EXIT_OURS;
	}
	if (result.stored && !o->quiet)
		print_report(&ob, &result);
	if (result.note[result.told]) /* what came after "the command runs unobserved" */
		log_warning("%s", result.note + result.told + (result.told ? strlen("; ") : 0));
	return result.exit_code;
}
