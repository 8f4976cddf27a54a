/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks and accessors of wire records. Knows where each type keeps its strings
 * and nothing about what the events mean.
 */
#include "src/model/event.h"

#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"

/* Byte offsets of the wire_string members of a type; 0 ends the list. */
struct layout {
	const char *name;
	uint16_t size;
	uint16_t strings[9];
};

#define AT(type, member) offsetof(struct type, member)

static const struct layout layouts[] = {
	[WIRE_RUN_BEGIN] = { "run_begin",
			     sizeof(struct wire_run_begin),
			     { AT(wire_run_begin, name), AT(wire_run_begin, argv),
			       AT(wire_run_begin, cwd), AT(wire_run_begin, user),
			       AT(wire_run_begin, labels) } },
	[WIRE_HOST] = { "host", sizeof(struct wire_host), { 0 } },
	[WIRE_FORK] = { "fork", sizeof(struct wire_fork), { 0 } },
	[WIRE_EXEC] = { "exec",
			sizeof(struct wire_exec),
			{ AT(wire_exec, file), AT(wire_exec, interp), AT(wire_exec, exe),
			  AT(wire_exec, cwd), AT(wire_exec, argv), AT(wire_exec, env),
			  AT(wire_exec, nodename), AT(wire_exec, cwd_host) } },
	[WIRE_EXIT] = { "exit", sizeof(struct wire_exit), { 0 } },
	[WIRE_RENAME] = { "rename", sizeof(struct wire_rename), { AT(wire_rename, argv) } },
	[WIRE_SAMPLE] = { "sample", sizeof(struct wire_sample), { 0 } },
	[WIRE_FILE] = { "file",
			sizeof(struct wire_file_event),
			{ AT(wire_file_event, path), AT(wire_file_event, path2),
			  AT(wire_file_event, dir), AT(wire_file_event, dir2) } },
	[WIRE_CGROUP] = { "cgroup", sizeof(struct wire_cgroup), { AT(wire_cgroup, path) } },
	[WIRE_OOM] = { "oom", sizeof(struct wire_oom), { 0 } },
	[WIRE_SIGNAL] = { "signal", sizeof(struct wire_signal), { 0 } },
	[WIRE_LOSS] = { "loss", sizeof(struct wire_loss), { 0 } },
	[WIRE_CPU] = { "cpu", sizeof(struct wire_cpu), { 0 } },
	[WIRE_CLOCK] = { "clock", sizeof(struct wire_clock), { 0 } },
	[WIRE_TEXT] = { "text",
			sizeof(struct wire_text),
			{ AT(wire_text, path), AT(wire_text, text) } },
	[WIRE_STALL] = { "stall", sizeof(struct wire_stall), { AT(wire_stall, steps) } },
	[WIRE_RUN_END] = { "run_end", sizeof(struct wire_run_end), { AT(wire_run_end, note) } },
};

static const char *const state_names[LEDGER_STATES] = {
	[LEDGER_CPU] = "cpu",	      [LEDGER_RUNQ] = "runq",	    [LEDGER_DISK] = "disk",
	[LEDGER_NET] = "net",	      [LEDGER_PIPE] = "pipe",	    [LEDGER_LOCK] = "lock",
	[LEDGER_CHILD] = "child",     [LEDGER_SLEEP] = "sleep",	    [LEDGER_POLL] = "poll",
	[LEDGER_RECLAIM] = "reclaim", [LEDGER_STOPPED] = "stopped", [LEDGER_OTHER] = "other",
};

static const char *const loss_names[LOSS_KINDS] = {
	[LOSS_FORK] = "fork",
	[LOSS_EXEC] = "exec",
	[LOSS_EXIT] = "exit",
	[LOSS_RENAME] = "rename",
	[LOSS_FILE] = "file",
	[LOSS_CGROUP] = "cgroup",
	[LOSS_INCIDENT] = "incident",
	[LOSS_THREAD_STATE] = "thread_state",
	[LOSS_GROUP_STATE] = "group_state",
	[LOSS_ARGV] = "argv",
	[LOSS_PATH] = "path",
	[LOSS_CLOCK] = "clock",
};

static const struct layout *layout_of(unsigned type)
{
	if (type >= ARRAY_SIZE(layouts) || !layouts[type].name)
		return NULL;
	return &layouts[type];
}

int event_check(const struct wire_header *record, size_t available)
{
	const struct layout *layout;
	struct wire_string s;
	unsigned i;

	if (available < sizeof(*record) || (uintptr_t)record % 8)
		return -EBADMSG;
	if (record->size < sizeof(*record) || record->size > WIRE_RECORD_MAX || record->size % 8 ||
	    record->size > available)
		return -EBADMSG;
	layout = layout_of(record->type);
	if (!layout)
		return 0;
	if (record->size < layout->size)
		return -EBADMSG;
	for (i = 0; i < ARRAY_SIZE(layout->strings) && layout->strings[i]; i++) {
		memcpy(&s, (const char *)record + layout->strings[i], sizeof(s));
		if (s.len && (s.off < layout->size || s.off + s.len > record->size))
			return -EBADMSG;
	}
	return 0;
}

int event_check_file(const struct wire_file *head, size_t available)
{
	if (available < sizeof(*head) || head->magic != WIRE_MAGIC)
		return -EBADMSG;
	if (head->version != WIRE_VERSION || head->header_size != sizeof(*head))
		return -EPROTO;
	return 0;
}

const char *event_type_name(unsigned type)
{
	const struct layout *layout = layout_of(type);

	return layout ? layout->name : "unknown";
}

const char *ledger_state_name(unsigned state)
{
	return state < LEDGER_STATES ? state_names[state] : "unknown";
}

const char *loss_kind_name(unsigned kind)
{
	return kind < LOSS_KINDS ? loss_names[kind] : "unknown";
}

struct bytes event_bytes(const struct wire_header *record, struct wire_string s)
{
	if (!s.len)
		return (struct bytes){ 0 };
	return (struct bytes){ (const char *)record + s.off, s.len };
}

struct bytes event_text(const struct wire_header *record, struct wire_string s)
{
	struct bytes text = event_bytes(record, s);

	if (text.data)
		text.len = strnlen(text.data, text.len);
	return text.len ? text : (struct bytes){ 0 };
}

struct bytes event_array(const char *array, size_t size)
{
	size_t len = strnlen(array, size);

	return len ? (struct bytes){ array, len } : (struct bytes){ 0 };
}

struct bytes event_next(struct bytes list, size_t *pos)
{
	struct bytes item;

	if (!list.data || *pos >= list.len)
		return (struct bytes){ 0 };
	item.data = list.data + *pos;
	item.len = strnlen(item.data, list.len - *pos);
	*pos += item.len + 1;
	return item;
}

unsigned event_count(struct bytes list)
{
	size_t pos = 0;
	unsigned n = 0;

	while (event_next(list, &pos).data)
		n++;
	return n;
}

/* The start of the component that ends before `end`. */
static size_t component_start(struct bytes components, size_t end)
{
	while (end > 0 && components.data[end - 1] != '\0')
		end--;
	return end;
}

bool event_path(struct bytes components, bool truncated, struct str *out)
{
	size_t end = components.len, start;
	bool any = false;

	if (!components.data || !components.len)
		return false;
	if (truncated)
		str_add(out, "...");
	if (components.data[end - 1] == '\0')
		end--;
	for (;;) {
		start = component_start(components, end);
		if (end > start) {
			str_addc(out, '/');
			str_addn(out, components.data + start, end - start);
			any = true;
		}
		if (start == 0)
			break;
		end = start - 1;
	}
	if (!any)
		str_addc(out, '/');
	return true;
}

static void drop_last_component(struct str *out, size_t base)
{
	while (out->len > base && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len > base)
		out->len--;
	if (out->data)
		out->data[out->len] = '\0';
}

static void add_normal(struct str *out, size_t base, struct bytes text)
{
	const char *p = text.data, *end = text.data + text.len, *slash;
	size_t len;

	for (; p < end; p = slash + 1) {
		slash = memchr(p, '/', (size_t)(end - p));
		if (!slash)
			slash = end;
		len = (size_t)(slash - p);
		if (!len || (len == 1 && p[0] == '.'))
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			drop_last_component(out, base);
			continue;
		}
		str_addc(out, '/');
		str_addn(out, p, len);
	}
}

bool event_resolve(struct bytes text, struct bytes directory, bool truncated, struct str *out)
{
	size_t begin = out->len, base = begin;

	if (text.data)
		text.len = strnlen(text.data, text.len);
	if (!text.data || !text.len)
		return false;
	if (text.data[0] != '/') {
		if (!event_path(directory, truncated, out))
			str_add(out, "...");
		if (out->len == begin + 1) /* "/" itself */
			out->len = begin;
		if (!out->failed && out->len >= begin + 3 && !memcmp(out->data + begin, "...", 3))
			base = begin + 3;
	}
	add_normal(out, base, text);
	if (out->len == begin)
		str_addc(out, '/');
	return true;
}
