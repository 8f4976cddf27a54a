/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What machine the run is on, as whoever records was told: by options, settings or
 * a metadata service. Lines of KEY=VALUE in a TEXT record of MACHINE_TEXT, which no
 * file can be called; later ones replace what they name.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/track/tracker.h"

#define VALUE_MAX 200

static const char *const keys[] = {
	"provider", "type",    "region", "zone",	"lifecycle",
	"resource", "account", "source", "launched_ns", "interrupted_ns"
};

static bool is_key(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i]) == len && !memcmp(keys[i], name, len))
			return true;
	return false;
}

/* 1: the line says that the machine is being taken away, for the first time. */
static int take_line(json_t *machine, const char *line, size_t len)
{
	static const char taken[] = "interrupted_ns";
	const char *equals = memchr(line, '=', len);
	size_t name = equals ? (size_t)(equals - line) : 0;
	size_t value = equals ? len - name - 1 : 0;
	bool first = false;
	char key[20];

	if (!value || value > VALUE_MAX || !is_key(line, name))
		return 0;
	memcpy(key, line, name);
	key[name] = '\0';
	if (!strcmp(key, taken))
		first = !json_object_get(machine, taken);
	/* jansson refuses what is not UTF-8: such a value is none */
	if (json_object_set_new(machine, key, json_stringn(equals + 1, value)) < 0)
		return 0;
	return first;
}

int run_machine(struct tracker *t, uint64_t time_ns, struct bytes lines)
{
	struct run_facts *f = &t->facts;
	json_t *machine = f->machine ? json_loads(f->machine, 0, NULL) : json_object();
	const char *at = lines.data, *end = lines.data + lines.len;
	bool taken = false;
	char *text;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = nl ? (size_t)(nl - at) : (size_t)(end - at);

		taken |= take_line(machine, at, len);
		at += len + 1;
	}
	text = json_object_size(machine) ? json_dumps(machine, JSON_COMPACT | JSON_SORT_KEYS)
					 : NULL;
	json_decref(machine);
	if (text) {
		free(f->machine);
		f->machine = text;
	}
	return taken ? incident_interruption(t, time_ns) : 0;
}
