/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_config.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/paths.h"
#include "src/base/str.h"
#include "src/cli/cli.h"
#include "src/cli/yaml_tree.h"

#define ENTRIES_MAX 10000

enum setting {
	SET_TEXT,
	SET_MONEY,
	SET_MILLI,
	SET_MEMORY,
	SET_REAL,
	SET_TIME,
	SET_BOOL,
	SET_SECONDS,
	SET_PERCENT
};

struct setting_spec {
	const char *name;
	enum setting kind;
	size_t offset;
};

#define HOST(name, kind, member)                                                                   \
	{                                                                                          \
		name, SET_##kind, offsetof(struct host_entry, member)                              \
	}

static const struct setting_spec host_settings[] = {
	HOST("match", TEXT, match),
	HOST("provider", TEXT, provider),
	HOST("type", TEXT, type),
	HOST("region", TEXT, region),
	HOST("zone", TEXT, zone),
	HOST("lifecycle", TEXT, lifecycle),
	HOST("resource", TEXT, resource),
	HOST("account", TEXT, account),
	HOST("usd_per_hour", MONEY, price),
	HOST("core_hour", MONEY, rates.core_hour),
	HOST("gib_hour", MONEY, rates.gib_hour),
	HOST("gpu_hour", MONEY, rates.gpu_hour),
	HOST("kwh", MONEY, rates.kwh),
	HOST("vcpus", MILLI, size.vcpus_milli),
	HOST("gpus", MILLI, size.gpus_milli),
	HOST("memory_gib", MEMORY, size.memory_bytes),
	HOST("min_watts", REAL, carbon.min_watts),
	HOST("max_watts", REAL, carbon.max_watts),
	HOST("pue", REAL, carbon.pue),
	HOST("grid_g_per_kwh", REAL, carbon.grid_g_per_kwh),
	HOST("launched", TIME, launched_ns),
	HOST("stopped", TIME, stopped_ns),
	HOST("interrupted", BOOL, interrupted),
	HOST("transfer_usd_per_gb", MONEY, transfer),
	HOST("billing_minimum_s", SECONDS, minimum_s),
	HOST("sustained_use_percent", PERCENT, sustained_percent),
};

static int bad(const char *where, const char *name, const char *text, const char *want)
{
	log_error("%s: %s: `%s` is not %s", where, name, text, want);
	return EXIT_USAGE;
}

static int set_number(const char *where, const struct setting_spec *s, const char *text, void *at)
{
	int64_t n;

	if (s->kind == SET_MONEY) {
		if (money_parse(text, &n) < 0 || n < 0 || n > 100000 * USD)
			return bad(where, s->name, text, "an amount of USD from 0 to 100,000");
		*(money *)at = n;
	} else if (s->kind == SET_MILLI) {
		if (decimal_parse(text, 3, &n) < 0 || n < 0 || n > 100000000)
			return bad(where, s->name, text, "a number from 0 to 100,000");
		*(uint32_t *)at = (uint32_t)n;
	} else if (s->kind == SET_SECONDS || s->kind == SET_PERCENT) {
		int64_t least = s->kind == SET_PERCENT, most = least ? 100 : 86400;

		if (decimal_parse(text, 0, &n) != 0 || n < least || n > most)
			return bad(where, s->name, text,
				   least ? "a whole number from 1 to 100"
					 : "a whole number of seconds, at most 86400");
		*(int64_t *)at = n;
	} else if (s->kind == SET_MEMORY) {
		if (decimal_parse(text, 3, &n) < 0 || n < 0 || n > 1000000000)
			return bad(where, s->name, text, "a number of GiB");
		*(uint64_t *)at = (uint64_t)((weight_sum)n * GIB / 1000);
	} else {
		if (decimal_parse(text, 9, &n) < 0 || n < 0)
			return bad(where, s->name, text, "a number of 0 or more");
		*(double *)at = (double)n / 1e9;
	}
	return EXIT_OK;
}

static int set(const char *where, const struct setting_spec *s, const char *text, void *base)
{
	void *at = (char *)base + s->offset;

	switch (s->kind) {
	case SET_TEXT:
		*(const char **)at = text;
		return EXIT_OK;
	case SET_TIME:
		if (time_parse(text, at) < 0)
			return bad(where, s->name, text, "a time such as 2026-08-01T10:00:00Z");
		return EXIT_OK;
	case SET_BOOL:
		*(bool *)at = !strcmp(text, "true") || !strcmp(text, "yes");
		if (!*(bool *)at && strcmp(text, "false") && strcmp(text, "no"))
			return bad(where, s->name, text, "true or false");
		return EXIT_OK;
	default:
		return set_number(where, s, text, at);
	}
}

static int bad_shape(const char *where, const char *name, const char *want)
{
	log_error("%s: %s must be %s", where, name, want);
	return EXIT_USAGE;
}

static int set_named(const char *where, const char *name, const json_t *value,
		     struct host_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(host_settings); i++)
		if (!strcmp(host_settings[i].name, name)) {
			if (!json_is_string(value))
				return bad_shape(where, name, "one value");
			return set(where, &host_settings[i], json_string_value(value), entry);
		}
	log_error("%s: there is no setting `%s`", where, name);
	return EXIT_USAGE;
}

/* Only these members: a typing error must not be a setting that is not there. */
static int check_members(const char *where, const json_t *object, const char *const *names,
			 size_t n)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		size_t i = 0;

		while (i < n && strcmp(names[i], name) != 0)
			i++;
		if (i == n) {
			log_error("%s: there is no setting `%s`", where, name);
			return EXIT_USAGE;
		}
		if (!json_is_string(value))
			return bad_shape(where, name, "one value");
	}
	return EXIT_OK;
}

static int read_volume(const char *where, const json_t *value, struct host_entry *entry)
{
	static const char *const members[] = { "id", "type", "gib" };
	struct host_volume *v = &entry->volumes[entry->n_volumes];
	const char *gib = json_string_value(json_object_get(value, "gib"));

	if (json_is_object(value) && check_members(where, value, members, ARRAY_SIZE(members)))
		return EXIT_USAGE;
	if (entry->n_volumes == VOLUMES_MAX) {
		log_error("%s: more than %d volumes", where, VOLUMES_MAX);
		return EXIT_USAGE;
	}
	v->id = json_is_string(value) ? json_string_value(value)
				      : json_string_value(json_object_get(value, "id"));
	v->type = json_string_value(json_object_get(value, "type"));
	if (!v->id)
		return bad_shape(where, "volumes",
				 "a list of ids, or of mappings with id, type and gib");
	if (gib && (decimal_parse(gib, 3, &v->gib_milli) < 0 || v->gib_milli < 0))
		return bad(where, "gib", gib, "a number of GiB");
	entry->n_volumes++;
	return EXIT_OK;
}

static int read_host(const char *where, const json_t *tree, struct host_entry *entry)
{
	enum lifecycle lifecycle;
	const char *name;
	json_t *value, *volume;
	size_t i;
	int rc = EXIT_OK;

	*entry = (struct host_entry)HOST_ENTRY_NONE;
	json_object_foreach((json_t *)tree, name, value)
	{
		if (strcmp(name, "volumes")) {
			rc = set_named(where, name, value, entry);
		} else {
			json_array_foreach(value, i, volume) if (!rc) rc =
				read_volume(where, volume, entry);
		}
		if (rc)
			return rc;
	}
	if (entry->lifecycle && lifecycle_parse(entry->lifecycle, &lifecycle) < 0)
		return bad(where, "lifecycle", entry->lifecycle, "on-demand or spot");
	entry->from = "host.yaml";
	return EXIT_OK;
}

/* Who names a file means that it says something. */
static int empty(const char *where, bool given, const char *what)
{
	if (!given)
		return EXIT_OK;
	log_error("%s: the file is empty: it must say %s, see tracer-cost(1)", where, what);
	return EXIT_USAGE;
}

/* "hosts: [...]" or the settings of one host, for all. */
static int read_hosts(struct cost_config *c, const char *where)
{
	json_t *list = json_object_get(c->host_tree, "hosts"), *item;
	size_t i, n = json_is_array(list) ? json_array_size(list) : 1;
	int rc = EXIT_OK;

	if (!json_is_object(c->host_tree) || n > ENTRIES_MAX ||
	    (list && (!json_is_array(list) || json_object_size(c->host_tree) != 1)))
		return bad_shape(where, "hosts", "a list of mappings, and alone at the top");
	if (!json_object_size(c->host_tree) || !n)
		return empty(where, c->hosts_given, "what the hosts are");
	c->hosts = calloc(n, sizeof(*c->hosts));
	if (!c->hosts)
		return EXIT_ERROR;
	c->n_hosts = n;
	if (!list)
		return read_host(where, c->host_tree, &c->hosts[0]);
	json_array_foreach(list, i, item) if (!rc) rc =
		json_is_object(item) ? read_host(where, item, &c->hosts[i])
				     : bad_shape(where, "hosts", "a list of mappings");
	return rc;
}

static const char *const owner_names[WHO_OWNERS] = { "project", "grant", "cost_center" };
static const char *const fact_names[WHO_FACTS] = { "user", "group", "account", "pipeline",
						   "run",  "path",  "host" };

static int index_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static int read_label(const char *where, const json_t *value, struct who_rule *rule)
{
	void *first = json_object_iter((json_t *)value);

	if (json_object_size(value) != 1 || !json_is_string(json_object_iter_value(first)))
		return bad_shape(where, "label", "one KEY: PATTERN");
	rule->label.key = json_object_iter_key(first);
	rule->label.value = json_string_value(json_object_iter_value(first));
	return EXIT_OK;
}

static int read_rule(const char *where, const json_t *tree, struct who_rule *rule)
{
	const char *name;
	json_t *value;

	if (!json_is_object(tree))
		return bad_shape(where, "rules", "a list of mappings");
	json_object_foreach((json_t *)tree, name, value)
	{
		int fact = index_of(fact_names, WHO_FACTS, name);
		int owner = index_of(owner_names, WHO_OWNERS, name);

		if (!strcmp(name, "label")) {
			if (read_label(where, value, rule))
				return EXIT_USAGE;
		} else if ((fact < 0 && owner < 0) || !json_is_string(value)) {
			log_error("%s: rules: `%s` is not a condition (user, group, account, "
				  "pipeline, run, path, host, label) or an owner (project, grant, "
				  "cost_center) with one value",
				  where, name);
			return EXIT_USAGE;
		} else if (fact >= 0) {
			rule->pattern[fact] = json_string_value(value);
		} else {
			rule->owner[owner] = json_string_value(value);
		}
	}
	return EXIT_OK;
}

static int read_budget(const char *where, const json_t *tree, struct budget *b)
{
	const char *usd = json_string_value(json_object_get(tree, "usd"));
	const char *warn = json_string_value(json_object_get(tree, "warn_percent"));
	static const char *const members[] = { "project", "grant", "cost_center", "usd",
					       "warn_percent" };
	int64_t percent = 80;

	if (!json_is_object(tree))
		return bad_shape(where, "budgets", "a list of mappings");
	if (check_members(where, tree, members, ARRAY_SIZE(members)))
		return EXIT_USAGE;
	for (int i = 0; i < WHO_OWNERS; i++) {
		const char *name = json_string_value(json_object_get(tree, owner_names[i]));

		if (name)
			*b = (struct budget){ .owner = (enum who_owner)i, .name = name };
	}
	if (!b->name)
		return bad_shape(where, "budgets", "about a project, a grant or a cost_center");
	if (!usd || money_parse(usd, &b->usd) < 0 || b->usd <= 0)
		return bad(where, "usd", usd ? usd : "", "a budget above 0");
	if (warn && (decimal_parse(warn, 0, &percent) < 0 || percent < 0 || percent > 100))
		return bad(where, "warn_percent", warn, "a number from 0 to 100");
	b->warn_percent = (unsigned)percent;
	return EXIT_OK;
}

static int check_top(const struct cost_config *c, const char *where)
{
	const char *name;
	json_t *value;

	if (!json_is_object(c->center_tree))
		return bad_shape(where, "the file",
				 "a mapping: `rules:` and `budgets:`, each a list");
	json_object_foreach(c->center_tree, name, value)
	{
		if (strcmp(name, "rules") != 0 && strcmp(name, "budgets") != 0) {
			log_error("%s: there is no setting `%s`: the file is `rules:` and "
				  "`budgets:`, each a list, see tracer-cost(1)",
				  where, name);
			return EXIT_USAGE;
		}
		if (!json_is_array(value))
			return bad_shape(where, name, "a list of mappings");
	}
	return EXIT_OK;
}

static int read_centers(struct cost_config *c, const char *where)
{
	json_t *rules = json_object_get(c->center_tree, "rules"), *item;
	json_t *budgets = json_object_get(c->center_tree, "budgets");
	size_t i;
	int rc = EXIT_OK;

	c->rules = calloc(json_array_size(rules) + 1, sizeof(*c->rules));
	c->budgets = calloc(json_array_size(budgets) + 1, sizeof(*c->budgets));
	if (!c->rules || !c->budgets || json_array_size(rules) > ENTRIES_MAX ||
	    json_array_size(budgets) > ENTRIES_MAX)
		return EXIT_ERROR;
	rc = check_top(c, where);
	if (!rc && !json_object_size(c->center_tree))
		rc = empty(where, c->centers_given, "whom runs belong to");
	json_array_foreach(rules, i, item) if (!rc) rc =
		read_rule(where, item, &c->rules[c->n_rules++]);
	json_array_foreach(budgets, i, item) if (!rc) rc =
		read_budget(where, item, &c->budgets[c->n_budgets++]);
	return rc;
}

static int load(const char *given, const char *usual, char *path, json_t **ret)
{
	int r;

	if (given)
		str_copy(path, PATH_MAX, given);
	else if (config_path(usual, path, PATH_MAX) < 0)
		return EXIT_OK;
	r = yaml_tree_load(path, ret);
	if (r == -ENOENT && !given)
		return EXIT_OK;
	if (r == -ENOENT)
		log_error("there is no file %s", path);
	return r < 0 ? EXIT_USAGE : EXIT_OK;
}

int cost_config_load_hosts(struct cost_config *c, const char *host_path)
{
	char path[PATH_MAX];
	int rc;

	*c = (struct cost_config){ .hosts_given = host_path };
	rc = load(host_path, "host.yaml", path, &c->host_tree);
	return !rc && c->host_tree ? read_hosts(c, path) : rc;
}

int cost_config_load(struct cost_config *c, const char *host_path, const char *center_path)
{
	char path[PATH_MAX];
	int rc = cost_config_load_hosts(c, host_path);

	c->centers_given = center_path;

	if (!rc)
		rc = load(center_path, "costcenters.yaml", path, &c->center_tree);
	if (!rc && c->center_tree)
		rc = read_centers(c, path);
	return rc;
}

void cost_config_fini(struct cost_config *c)
{
	free(c->hosts);
	free(c->rules);
	free(c->budgets);
	json_decref(c->host_tree);
	json_decref(c->center_tree);
}

static void over_text(const char **to, const char *from)
{
	if (from)
		*to = from;
}

static void over_number(void *to, const void *from, size_t size, bool given)
{
	if (given)
		memcpy(to, from, size);
}

void host_entry_over(struct host_entry *to, const struct host_entry *o)
{
	over_text(&to->provider, o->provider);
	over_text(&to->type, o->type);
	over_text(&to->region, o->region);
	over_text(&to->zone, o->zone);
	over_text(&to->lifecycle, o->lifecycle);
	over_text(&to->resource, o->resource);
	over_text(&to->account, o->account);
	over_text(&to->from, o->from);
	over_number(&to->price, &o->price, sizeof(to->price), o->price >= 0);
	over_number(&to->transfer, &o->transfer, sizeof(to->transfer), o->transfer >= 0);
	over_number(&to->minimum_s, &o->minimum_s, sizeof(to->minimum_s), o->minimum_s >= 0);
	over_number(&to->sustained_percent, &o->sustained_percent, sizeof(to->sustained_percent),
		    o->sustained_percent >= 0);
	if (o->n_volumes) {
		memcpy(to->volumes, o->volumes, sizeof(to->volumes));
		to->n_volumes = o->n_volumes;
	}
	over_number(&to->rates, &o->rates, sizeof(to->rates), rates_given(&o->rates));
	over_number(&to->launched_ns, &o->launched_ns, sizeof(to->launched_ns), o->launched_ns);
	over_number(&to->stopped_ns, &o->stopped_ns, sizeof(to->stopped_ns), o->stopped_ns);
	over_number(&to->seen_launch_ns, &o->seen_launch_ns, sizeof(to->seen_launch_ns),
		    o->seen_launch_ns);
	to->interrupted |= o->interrupted;
}

void cost_config_host(const struct cost_config *c, const char *name, struct host_entry *ret)
{
	*ret = (struct host_entry)HOST_ENTRY_NONE;
	for (size_t i = 0; i < c->n_hosts; i++)
		if (!c->hosts[i].match || fnmatch(c->hosts[i].match, name, 0) == 0) {
			*ret = c->hosts[i];
			break;
		}
}

/* "TYPE:GIB" or "TYPE:GIB:ID". */
int volume_of_text(const char *text, char *copy, struct host_entry *ret)
{
	struct host_volume *v = &ret->volumes[ret->n_volumes];
	char *gib = strchr(copy, ':'), *id = gib ? strchr(gib + 1, ':') : NULL;

	if (ret->n_volumes == VOLUMES_MAX)
		return bad("--volume", text, "...", "one of the first 16");
	if (id)
		*id++ = '\0';
	if (gib)
		*gib++ = '\0';
	if (!gib || !*copy || decimal_parse(gib, 3, &v->gib_milli) < 0 || v->gib_milli <= 0)
		return bad("--volume", "TYPE:GIB", text, "a type and a size, such as gp3:100");
	v->type = copy;
	v->id = id && *id ? id : "";
	ret->n_volumes++;
	return EXIT_OK;
}

int rates_of_text(const char *text, struct rates *ret)
{
	static const char *const names[] = { "core", "gib", "gpu", "kwh" };
	_cleanup_free_ char *copy = strdup(text);
	money *const at[] = { &ret->core_hour, &ret->gib_hour, &ret->gpu_hour, &ret->kwh };
	char *rest = copy, *word;

	while (rest && (word = strsep(&rest, ","))) {
		char *equal = strchr(word, '=');
		int i;

		if (equal)
			*equal = '\0';
		i = index_of(names, 4, word);
		if (i < 0 || !equal || money_parse(equal + 1, at[i]) < 0 || *at[i] < 0)
			return bad("--rates", word, equal ? equal + 1 : "",
				   "a rate (core, gib, gpu or kwh) in USD");
	}
	return copy ? EXIT_OK : EXIT_ERROR;
}
