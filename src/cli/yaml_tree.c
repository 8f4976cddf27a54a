/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/log.h"

#define DEPTH_MAX  16
#define VALUES_MAX 100000
#define BYTES_MAX  (1 << 20)

struct build {
	yaml_parser_t parser;
	const char *path;
	unsigned values;
};

static json_t *wrong(struct build *b, const yaml_mark_t *at, const char *what)
{
	log_error("%s:%zu:%zu: %s", b->path, at->line + 1, at->column + 1, what);
	return NULL;
}

static json_t *value_of(struct build *b, const yaml_event_t *event, unsigned depth);

static bool next(struct build *b, yaml_event_t *event)
{
	if (yaml_parser_parse(&b->parser, event))
		return true;
	wrong(b, &b->parser.problem_mark, b->parser.problem ? b->parser.problem : "not YAML");
	return false;
}

static json_t *sequence_of(struct build *b, unsigned depth)
{
	json_t *array = json_array();
	yaml_event_t event;
	bool ended = false;

	while (array && !ended) {
		json_t *item = NULL;
		bool ok = next(b, &event);

		if (ok) {
			ended = event.type == YAML_SEQUENCE_END_EVENT;
			item = ended ? NULL : value_of(b, &event, depth);
			yaml_event_delete(&event);
		}
		if (!ok || (!ended && json_array_append_new(array, item) < 0)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static bool member(struct build *b, json_t *object, const yaml_event_t *name, unsigned depth)
{
	const char *key = (const char *)name->data.scalar.value;
	yaml_event_t event;
	json_t *value;

	if (name->type != YAML_SCALAR_EVENT)
		return wrong(b, &name->start_mark, "a name was expected") != NULL;
	if (json_object_get(object, key))
		return wrong(b, &name->start_mark, "this name is there twice") != NULL;
	if (!next(b, &event))
		return false;
	value = value_of(b, &event, depth);
	yaml_event_delete(&event);
	return value && json_object_set_new(object, key, value) == 0;
}

static json_t *mapping_of(struct build *b, unsigned depth)
{
	json_t *object = json_object();
	yaml_event_t event;
	bool ended = false;

	while (object && !ended) {
		bool ok = next(b, &event);

		if (ok) {
			ended = event.type == YAML_MAPPING_END_EVENT;
			ok = ended || member(b, object, &event, depth);
			yaml_event_delete(&event);
		}
		if (!ok) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *value_of(struct build *b, const yaml_event_t *event, unsigned depth)
{
	if (depth == DEPTH_MAX || ++b->values > VALUES_MAX)
		return wrong(b, &event->start_mark, "nested too deep, or too long");
	/* The anchor is in the same place of all three. */
	if (event->type != YAML_ALIAS_EVENT && event->data.scalar.anchor)
		return wrong(b, &event->start_mark, "anchors and aliases are not allowed");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return json_stringn((const char *)event->data.scalar.value,
				    event->data.scalar.length);
	case YAML_SEQUENCE_START_EVENT:
		return sequence_of(b, depth + 1);
	case YAML_MAPPING_START_EVENT:
		return mapping_of(b, depth + 1);
	default:
		return wrong(b, &event->start_mark, "anchors and aliases are not allowed");
	}
}

static json_t *document(struct build *b)
{
	yaml_event_t event;
	json_t *value = NULL;
	bool more = true;

	while (more && next(b, &event)) {
		yaml_event_type_t type = event.type;

		if (type == YAML_STREAM_END_EVENT)
			value = json_object(); /* empty file */
		else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT)
			value = value_of(b, &event, 0);
		more = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT;
		yaml_event_delete(&event);
	}
	return value;
}

/* Never waits: a command may be about to run behind this. -E... is said. */
static int read_file(const char *path, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = errno;

		if (error != ENOENT)
			log_error("cannot read %s: %s", path, strerror(error));
		return -error;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("cannot read %s: it is not a regular file", path);
		return -EINVAL;
	}
	text = malloc(BYTES_MAX + 1);
	if (!text)
		return -ENOMEM;
	n = read_full(fd, text, BYTES_MAX + 1);
	if (n < 0)
		log_error("cannot read %s: %s", path, strerror((int)-n));
	else if (n > BYTES_MAX)
		log_error("cannot read %s: it is larger than 1 MiB", path);
	if (n < 0 || n > BYTES_MAX)
		return n < 0 ? (int)n : -EFBIG;
	*ret = text;
	*ret_len = (size_t)n;
	text = NULL;
	return 0;
}

int yaml_tree_load(const char *path, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	struct build b = { .path = path };
	size_t len = 0;
	int r = read_file(path, &text, &len);

	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&b.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);
	*ret = document(&b);
	yaml_parser_delete(&b.parser);
	return *ret ? 0 : -EINVAL;
}
