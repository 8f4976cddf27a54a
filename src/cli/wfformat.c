/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/wfformat.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "src/base/arena.h"
#include "src/base/cleanup.h"
#include "src/cost/json_split.h"

#define NUMBER_MAX 1e24
#define ID_MAX	   4096 /* bytes; a longer one is none */
#define SHOWN	   40	/* bytes of a value in a message */
#define ELEMENT	   4	/* keys from the top to one task or file; its fields have one more */

struct named {		  /* a file and its size, or a task and what it reads */
	const char *id;	  /* key */
	const char *name; /* NULL: not said */
	double bytes;	  /* NAN: not known */
	UT_hash_handle hh;
};

enum field { RUNTIME, CORES, PERCENT, READ, MEMORY, SIZE, FIELDS };

static const char *const field_names[FIELDS] = {
	[RUNTIME] = "runtimeInSeconds", [CORES] = "coreCount",	    [PERCENT] = "avgCPU",
	[READ] = "readBytes",		[MEMORY] = "memoryInBytes", [SIZE] = "sizeInBytes",
};

struct wfformat {
	struct wfformat_sink sink;
	struct json_split json;
	struct arena arena;
	struct named *files, *tasks;
	enum wfformat_pass pass;
	size_t seen;	 /* tasks, in this pass */
	bool open;	 /* a task or file has begun and is not dealt with */
	char *id, *name; /* of it; NULL: not said */
	double reads;	 /* sizes of its inputs; NAN: not known of all */
	double number[FIELDS];
	char why[TRACE_WHY]; /* not empty: what of it cannot be read */
	int failed;	     /* what the sink said, where the splitter cannot pass it on */
};

static const char *const *place_of(enum wfformat_pass pass)
{
	static const char *const places[WFFORMAT_PASSES][ELEMENT] = {
		[WFFORMAT_FILES] = { "workflow", "specification", "files", "" },
		[WFFORMAT_NAMES] = { "workflow", "specification", "tasks", "" },
		[WFFORMAT_TASKS] = { "workflow", "execution", "tasks", "" },
	};

	return places[pass];
}

static void forget(struct wfformat *w)
{
	free(w->id);
	free(w->name);
	w->id = w->name = NULL;
	w->reads = 0;
	for (unsigned i = 0; i < FIELDS; i++)
		w->number[i] = NAN;
	w->why[0] = '\0';
	w->open = false;
}

static int remember(struct wfformat *w, struct named **where, double bytes)
{
	struct named *n = NULL;

	if (!w->id)
		return 0;
	HASH_FIND_STR(*where, w->id, n);
	if (n)
		return 0;
	if (HASH_COUNT(*where) >= WFFORMAT_MAX)
		return -E2BIG;
	n = arena_alloc(&w->arena, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->id = arena_text(&w->arena, w->id);
	n->name = arena_text(&w->arena, w->name);
	n->bytes = bytes;
	if (!n->id || (w->name && !n->name))
		return -ENOMEM;
	HASH_ADD_KEYPTR(hh, *where, n->id, strlen(n->id), n);
	return 0;
}

/* "FASTQC_12", "mProject_ID0000001": the number is the task's, not its kind's. */
static void cut_number(char *name)
{
	size_t len = strlen(name), end = len;

	while (end > 0 && isdigit((unsigned char)name[end - 1]))
		end--;
	if (end == len)
		return;
	if (end > 2 && !strncmp(name + end - 2, "ID", 2))
		end -= 2;
	if (end > 1 && name[end - 1] == '_')
		name[end - 1] = '\0';
}

static int give(struct wfformat *w)
{
	struct named *n = NULL;
	struct trace_task t = { .end = TRACE_DONE,
				.cpus = w->number[CORES],
				.memory_bytes = NAN,
				.start_ms = NAN,
				.seconds = w->number[RUNTIME],
				.cores = w->number[PERCENT] / 100,
				.peak_bytes = w->number[MEMORY],
				.input_bytes = w->number[READ] };

	w->seen++;
	if (!w->id || !*w->id)
		return w->sink.task(w->sink.ctx, NULL, "a task without id");
	if (*w->why)
		return w->sink.task(w->sink.ctx, NULL, w->why);
	HASH_FIND_STR(w->tasks, w->id, n);
	if (!(t.input_bytes > 0) && n)
		t.input_bytes = n->bytes;
	if (n && n->name && strcmp(n->name, w->id) != 0) {
		t.process = n->name;
	} else {
		cut_number(w->id);
		t.process = w->id;
	}
	return w->sink.task(w->sink.ctx, &t, NULL);
}

/* What has been read of a task or file is all that there is of it. */
static int finish(struct wfformat *w)
{
	int r = 0;

	if (!w->open)
		return 0;
	if (w->pass == WFFORMAT_FILES)
		r = remember(w, &w->files, w->number[SIZE]);
	else if (w->pass == WFFORMAT_NAMES)
		r = remember(w, &w->tasks, w->reads);
	else
		r = give(w);
	forget(w);
	return r;
}

static enum json_choice choose(void *ctx, const struct json_path *path)
{
	struct wfformat *w = ctx;
	const char *const *place = place_of(w->pass);

	for (unsigned i = 0; i < path->depth && i < ELEMENT; i++)
		if (strcmp(path->key[i], place[i]) != 0)
			return JSON_SKIP;
	if (path->depth > ELEMENT)
		return w->pass == WFFORMAT_NAMES && path->depth == ELEMENT + 1 &&
				       !strcmp(path->key[ELEMENT], "inputFiles")
			       ? JSON_INSIDE
			       : JSON_SKIP;
	return JSON_INSIDE;
}

static int take_text(const char *text, size_t len, char **ret)
{
	json_t *value = len > ID_MAX ? NULL : json_loadb(text, len, JSON_DECODE_ANY, NULL);
	const char *string = json_string_value(value);
	char *copy = string ? strdup(string) : NULL;

	json_decref(value);
	if (string && !copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

static void take_number(struct wfformat *w, enum field field, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (!strcmp(text, "null"))
		return;
	if (end == text || *end || !(value >= 0) || value > NUMBER_MAX)
		snprintf(w->why, sizeof(w->why), "%s is `%.*s`", field_names[field], SHOWN, text);
	else
		w->number[field] = value;
}

static int take_input(struct wfformat *w, const char *text, size_t len)
{
	_cleanup_free_ char *id = NULL;
	struct named *file = NULL;
	int r = take_text(text, len, &id);

	if (r < 0)
		return r;
	if (id)
		HASH_FIND_STR(w->files, id, file);
	w->reads += file ? file->bytes : NAN;
	return 0;
}

static int take_value(void *ctx, const struct json_path *path, const char *text, size_t len)
{
	struct wfformat *w = ctx;
	const char *key;

	if (path->depth < ELEMENT || path->key[ELEMENT - 1][0])
		return 0;
	if (path->depth == ELEMENT + 2)
		return take_input(w, text, len);
	if (path->depth != ELEMENT + 1)
		return 0;
	key = path->key[ELEMENT];
	if (!strcmp(key, "id"))
		return take_text(text, len, &w->id);
	if (!strcmp(key, "name"))
		return take_text(text, len, &w->name);
	for (unsigned i = 0; i < FIELDS; i++)
		if (!strcmp(key, field_names[i]))
			take_number(w, (enum field)i, text);
	return 0;
}

/* choose() sees where an element begins; nobody tells where it ends. */
static enum json_choice choose_and_finish(void *ctx, const struct json_path *path)
{
	struct wfformat *w = ctx;
	enum json_choice choice = choose(ctx, path);

	if (choice == JSON_INSIDE && path->depth == ELEMENT) {
		w->failed = w->failed ? w->failed : finish(w);
		w->open = true;
	}
	return choice;
}

int wfformat_new(const struct wfformat_sink *sink, struct wfformat **ret)
{
	struct wfformat *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->sink = *sink;
	forget(w);
	wfformat_begin(w, WFFORMAT_FILES);
	*ret = w;
	return 0;
}

void wfformat_free(struct wfformat *w)
{
	if (!w)
		return;
	forget(w);
	HASH_CLEAR(hh, w->files);
	HASH_CLEAR(hh, w->tasks);
	json_split_fini(&w->json);
	arena_fini(&w->arena);
	free(w);
}

void wfformat_begin(struct wfformat *w, enum wfformat_pass pass)
{
	struct json_visitor visitor = { w, choose_and_finish, take_value };

	json_split_fini(&w->json);
	json_split_init(&w->json, &visitor);
	forget(w);
	w->pass = pass;
	w->seen = 0;
	w->failed = 0;
}

int wfformat_feed(struct wfformat *w, const char *data, size_t len)
{
	int r = json_split_feed(&w->json, data, len);

	return w->failed ? w->failed : r;
}

int wfformat_end(struct wfformat *w)
{
	int r = json_split_end(&w->json);

	if (r == 0)
		r = finish(w);
	if (r == 0 && w->pass == WFFORMAT_TASKS && !w->seen)
		return -ENODATA;
	return r;
}
