/* SPDX-License-Identifier: Apache-2.0 */
#include "src/model/stall.h"

#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/human.h"
#include "src/model/event.h"

/* before and after the object; alone: where there is none. */
static const struct {
	const char *name, *with, *alone;
} waits[WAITS] = {
	[WAIT_UNKNOWN] = { "unknown", "waits in %s", "waits, nobody can see for what" },
	[WAIT_RUNNING] = { "running", "runs: %s", "runs" },
	[WAIT_PIPE_READ] = { "pipe-read", "reads from %s", "reads from a pipe" },
	[WAIT_PIPE_WRITE] = { "pipe-write", "writes to %s, which is full",
			      "writes to a pipe that is full" },
	[WAIT_FIFO_OPEN] = { "fifo-open", "waits until somebody opens the other end of %s",
			     "waits until somebody opens the other end of a FIFO" },
	[WAIT_FILE] = { "file", "waits for the file system: %s", "waits for a file system" },
	[WAIT_CONNECT] = { "connect", "connects to %s, which does not answer",
			   "connects to an address that does not answer" },
	[WAIT_RECEIVE] = { "receive", "waits for data from %s", "waits for data from a socket" },
	[WAIT_SEND] = { "send", "sends to %s, which takes nothing", "sends to a socket" },
	[WAIT_ACCEPT] = { "accept", "waits for somebody to connect to %s",
			  "waits for somebody to connect" },
	[WAIT_FUTEX] = { "futex", "waits for a lock or a thread of its own (%s)",
			 "waits for a lock or a thread of its own" },
	[WAIT_FILE_LOCK] = { "file-lock", "waits for the lock of %s", "waits for a file lock" },
	[WAIT_CHILD] = { "child", "waits for its child %s", "waits for a child" },
	[WAIT_SLEEP] = { "sleep", "sleeps (%s)", "sleeps" },
	[WAIT_POLL] = { "poll", "waits for an event on %s", "waits for an event" },
	[WAIT_STOPPED] = { "stopped", "is stopped (%s)", "is stopped by a signal" },
	[WAIT_TRACED] = { "traced", "is held by the debugger %s", "is held by a debugger" },
	[WAIT_FROZEN] = { "frozen", "is frozen (%s)", "is frozen by its cgroup" },
	[WAIT_KERNEL] = { "kernel", "is blocked in the kernel, in %s", "is blocked in the kernel" },
	[WAIT_TERMINAL] = { "terminal", "waits for input from the terminal %s",
			    "waits for input from the terminal" },
	[WAIT_SIGNAL] = { "signal", "waits for a signal (%s)", "waits for a signal" },
	[WAIT_DEVICE] = { "device", "waits for the device %s", "waits for a device" },
	[WAIT_IPC] = { "ipc", "waits for a semaphore or a message (%s)",
		       "waits for a semaphore or a message" },
};

unsigned stall_steps(const struct wire_stall *record, struct wire_stall_step *ret, unsigned max)
{
	struct bytes all = event_bytes(&record->h, record->steps);
	unsigned n = (unsigned)(all.len / sizeof(*ret));

	n = n < max ? n : max;
	for (unsigned i = 0; i < n; i++) {
		memcpy(&ret[i], all.data + i * sizeof(*ret), sizeof(*ret));
		ret[i].object[sizeof(ret[i].object) - 1] = '\0';
		if (ret[i].wait >= WAITS)
			ret[i].wait = WAIT_UNKNOWN;
	}
	return n;
}

const char *wait_name(unsigned wait)
{
	return waits[wait < WAITS ? wait : WAIT_UNKNOWN].name;
}

unsigned wait_of_name(const char *name)
{
	for (unsigned i = 0; name && i < WAITS; i++)
		if (!strcmp(waits[i].name, name))
			return i;
	return WAIT_UNKNOWN;
}

bool wait_is_chosen(unsigned wait)
{
	return wait == WAIT_SLEEP || wait == WAIT_TERMINAL;
}

static void add_process(struct str *out, const struct wire_stall_step *s)
{
	struct bytes comm = event_array(s->comm, sizeof(s->comm));

	str_addc(out, '`');
	str_addn(out, comm.data ? comm.data : "?", comm.data ? comm.len : 1);
	str_addf(out, "` (pid %u)", s->pid);
}

static void add_wait(struct str *out, const struct wire_stall_step *s)
{
	const char *with = waits[s->wait].with, *hole = strstr(with, "%s");

	if (!s->object[0]) {
		str_add(out, waits[s->wait].alone);
		return;
	}
	str_addn(out, with, (size_t)(hole - with));
	str_add(out, s->object);
	str_add(out, hole + 2);
}

static void add_flags(struct str *out, const struct wire_stall_step *s)
{
	char time[HUMAN_MAX];

	if (s->flags & STEP_TIMEOUT)
		str_addf(out, " for %s", human_duration(time, s->number));
	if (s->flags & STEP_UNTIL)
		str_addf(out, " until %s", human_time(time, s->number));
	if (s->flags & STEP_NOBODY)
		str_add(out, ", whose other end nobody holds");
	if (s->flags & STEP_ITSELF)
		str_add(out, ", whose other end only it itself holds");
	if (s->flags & STEP_NO_ANSWER)
		str_add(out, " (looking at it hung, too)");
	else if (s->flags & STEP_DENIED)
		str_add(out, " (looking at it is not permitted)");
	else if (s->flags & STEP_SLOW)
		str_add(out, " (looking took too long)");
}

/* How the step before leads to this one. */
static const char *relation(const struct wire_stall_step *before, const struct wire_stall_step *s)
{
	if (s->flags & STEP_BESIDE)
		return "; its child ";
	switch (before->wait) {
	case WAIT_PIPE_WRITE:
	case WAIT_SEND:
		return ", whose reader ";
	case WAIT_PIPE_READ:
	case WAIT_RECEIVE:
	case WAIT_POLL:
		return ", whose writer ";
	case WAIT_FILE_LOCK:
		return ", held by ";
	default:
		return ", which ";
	}
}

void stall_words(const struct wire_stall_step *steps, unsigned n, struct str *out)
{
	for (unsigned i = 0; i < n; i++) {
		const struct wire_stall_step *s = &steps[i];
		bool named = i && steps[i - 1].wait == WAIT_CHILD && !(s->flags & STEP_BESIDE);

		if (i)
			str_add(out, named ? ", which " : relation(&steps[i - 1], s));
		if (i && !named) {
			add_process(out, s);
			str_add(out, steps[i - 1].wait == WAIT_FILE_LOCK ? ", which " : " ");
		}
		add_wait(out, s);
		add_flags(out, s);
		if (s->flags & STEP_CYCLE)
			str_add(out, "; that one waits for it in turn: a deadlock");
	}
}
