/* SPDX-License-Identifier: Apache-2.0 */
/* tracer replay: an event log into the database, as if it had been seen live. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/recorder.h"
#include "src/base/log.h"
#include "src/base/paths.h"
#include "src/cli/cli.h"
#include "src/cli/options.h"
#include "src/cli/report.h"
#include "src/store/store.h"
#include "src/track/rules.h"

struct replay_options {
	const char *db;
	bool quiet;
	struct option_list rules;
};

static const struct option_spec options[] = {
	{ "db", 0, OPTION_TEXT, offsetof(struct replay_options, db), "PATH", "the database" },
	{ "rules", 0, OPTION_LIST, offsetof(struct replay_options, rules), "FILE",
	  "rules of your own, over the built-in ones" },
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct replay_options, quiet), NULL, "no report" },
	OPTIONS_END,
};

static const struct command_spec spec = {
	.name = "replay",
	.words = "FILE",
	.about = "Reads an event log (`tracer record -o`, `tracer run --record`; - is standard\n"
		 "input) into the database. Gives the same rows as the live run; doing it twice\n"
		 "changes nothing. A log that was cut short is read as far as it is good.",
	.options = options,
	.max_words = 1,
};

static int explain(const char *path, int error)
{
	if (error == -EBADMSG)
		log_error("%s: not an event log of tracer", path);
	else if (error == -EPROTO)
		log_error("%s: written by a newer tracer; use that version to read it", path);
	else
		log_error("%s: %s", path, strerror(-error));
	return error == -ENOENT ? EXIT_NOT_FOUND : error == -EACCES ? EXIT_PERMISSION : EXIT_ERROR;
}

static int report(const char *db)
{
	struct report_options ro = report_options_for(STDOUT_FILENO);
	struct store *store = NULL;
	int64_t id;
	int r = store_open(db, STORE_READ, &store);

	if (r >= 0)
		r = store_find_run(store, "latest", &id);
	if (r >= 0)
		r = report_print(store, id, stdout, &ro);
	store_close(store);
	if (r < 0)
		log_error("%s: %s", db, store_strerror(r));
	return r < 0 ? EXIT_ERROR : EXIT_OK;
}

static int replay(const struct replay_options *o, const char *db, const char *path)
{
	struct recorder_options recorder = { .db = db };
	struct rules_error mistake = { 0 };
	struct recorder_result result;
	struct rules *rules = NULL;
	int r = rules_load(o->rules.items, o->rules.n, &rules, &mistake);

	if (r < 0) {
		log_error("%s:%u:%u: %s", mistake.file, mistake.line, mistake.column,
			  mistake.text[0] ? mistake.text : strerror(-r));
		return EXIT_ERROR;
	}
	recorder.rules = rules;
	r = recorder_replay(&recorder, path, &result);
	rules_free(rules);
	if (r < 0 && result.note[0]) {
		log_error("%s", result.note);
		return EXIT_ERROR;
	}
	if (r < 0)
		return explain(path, r);
	if (result.damaged || !result.clean)
		log_warning("%s: ends early or is damaged: %llu records were good", path,
			    (unsigned long long)result.records);
	if (result.note[0])
		log_warning("%s", result.note);
	return o->quiet ? EXIT_OK : report(db);
}

int cmd_replay(int argc, char **argv)
{
	struct replay_options o = { 0 };
	int rc, first = options_parse(&spec, &o, argc, argv, &rc), r;
	char db[PATH_MAX];

	if (first < 0)
		return rc;
	if (first >= argc)
		return options_misuse(&spec, "which event log?");
	if (o.db)
		return replay(&o, o.db, argv[first]);
	r = db_default_path(db, sizeof(db));
	if (r < 0) {
		log_error("no place for the database: %s (use --db PATH)", strerror(-r));
		return EXIT_ERROR;
	}
	return replay(&o, db, argv[first]);
}
