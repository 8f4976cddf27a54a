/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life: load, say READY, drop privileges, drain ring -> pipe until END, then
 * drain until the command's own record has come, sample what survives, close.
 */
#include "src/agent/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "src/agent/channel.h"
#include "src/base/cleanup.h"

#define DRAIN_MS	 100 /* ring is read at least this often */
#define LOSS_MS		 1000
#define END_WAIT_MS	 2000  /* for the command's last switch-out */
#define LAST_WAIT_MS	 20    /* for records in the writing at the end */
#define RECORDER_WAIT_MS 30000 /* for a recorder that is behind */
#define CLOCK_STEP_NS	 50000000LL
/* A walk over all threads takes 0.8-1.5 us each here, and as much again where it is
 * read: it may take one part in so many of a CPU, and comes later on a host of many. */
#define SAMPLE_CPU_PARTS 250

struct collector {
	const struct collector_options *o;
	struct ebpf *ebpf;
	struct stream *stream;
	struct wire_host host;
	uint64_t lost[LOSS_KINDS];
	uint64_t next_sample_ms, next_loss_ms;
	int64_t realtime_offset_ns;
	uint64_t live_cpu_ns; /* whole host: in the last sample */
	uint32_t root_pid;    /* of the command; 0: not seen */
	bool root_ended;
	uint64_t load_cpu_ns;  /* of the process that loaded the programs */
	uint64_t start_cpu_ns; /* of this one when it began */
	uint32_t still_running;
	pid_t last_counted;
	_Alignas(8) unsigned char record[WIRE_RECORD_MAX];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static uint64_t own_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static int take(void *ctx, const struct wire_header *h)
{
	struct collector *c = ctx;

	if (h->type == WIRE_FORK && (h->flags & WIRE_F_ROOT) && !c->root_pid)
		c->root_pid = ((const struct wire_fork *)h)->id.pid;
	else if (h->type == WIRE_EXIT && ((const struct wire_exit *)h)->id.pid == c->root_pid)
		c->root_ended = true;
	return stream_put(c->stream, h);
}

/* Moves records from the ring to the pipe while there is room for them. */
static void drain(struct collector *c)
{
	while (!c->stream->error) {
		stream_push(c->stream);
		if (!stream_has_room(c->stream))
			return;
		if (ebpf_consume(c->ebpf, take, c) != -ENOBUFS) {
			stream_push(c->stream);
			return;
		}
	}
}

/* Walks must not be cut short: wait for the pipe, within reason. */
static int put_waiting(struct collector *c, const struct wire_header *h)
{
	if (!stream_has_room(c->stream))
		stream_drain(c->stream, RECORDER_WAIT_MS);
	if (stream_put(c->stream, h) == -ENOBUFS && c->stream->error)
		return c->stream->error;
	return 0;
}

static int take_sample(void *ctx, const struct wire_header *h)
{
	const struct wire_sample *s = (const void *)h;
	struct collector *c = ctx;

	c->live_cpu_ns += s->ledger.state_ns[LEDGER_CPU];
	if ((h->flags & WIRE_F_LAST) && (pid_t)s->id.pid != c->last_counted) {
		c->still_running++;
		c->last_counted = (pid_t)s->id.pid;
	}
	return put_waiting(c, h);
}

static int take_joined(void *ctx, const struct wire_header *h)
{
	struct collector *c = ctx;
	int r = put_waiting(c, h);

	if (r < 0)
		return r;
	if (h->type != WIRE_FORK ||
	    proc_describe((const struct wire_fork *)h, c->o->collect.env_names, c->record) < 0)
		return 0;
	return put_waiting(c, (const struct wire_header *)c->record);
}

static uint64_t kernel_busy_ns(void)
{
	char text[512];
	const char *p;
	FILE *f = fopen("/sys/fs/cgroup/cpuacct/cpuacct.usage", "re");
	uint64_t ns = 0;

	if (f) {
		if (fgets(text, sizeof(text), f))
			ns = strtoull(text, NULL, 10);
		fclose(f);
		return ns;
	}
	f = fopen("/sys/fs/cgroup/cpu.stat", "re");
	if (!f)
		return 0;
	while (fgets(text, sizeof(text), f)) {
		p = strstr(text, "usage_usec ");
		if (p == text)
			ns = strtoull(text + strlen("usage_usec "), NULL, 10) * 1000;
	}
	fclose(f);
	return ns;
}

/* The machine's books, beside the samples they are made of. */
static void send_cpu(struct collector *c, uint64_t busy_at_start)
{
	struct wire_cpu e = { .h = { sizeof(e), WIRE_CPU, 0, now_ns() } };
	uint64_t busy = kernel_busy_ns();

	if (ebpf_cpu(c->ebpf, &e) < 0)
		return;
	e.live_ns = c->live_cpu_ns;
	e.kernel_busy_ns = busy && busy_at_start ? busy - busy_at_start : 0;
	put_waiting(c, &e.h);
}

static void send_losses(struct collector *c)
{
	struct wire_loss e = { .h = { sizeof(e), WIRE_LOSS, 0, now_ns() } };

	if (ebpf_losses(c->ebpf, e.count) < 0 || !memcmp(e.count, c->lost, sizeof(c->lost)))
		return;
	if (put_waiting(c, &e.h) >= 0)
		memcpy(c->lost, e.count, sizeof(c->lost));
}

static void send_clock(struct collector *c)
{
	int64_t offset = host_realtime_offset();
	struct wire_clock e = { .h = { sizeof(e), WIRE_CLOCK, 0, now_ns() },
				.realtime_offset_ns = offset };

	if (llabs(offset - c->realtime_offset_ns) < CLOCK_STEP_NS)
		return;
	if (put_waiting(c, &e.h) >= 0)
		c->realtime_offset_ns = offset;
}

static void sample(struct collector *c, bool last)
{
	c->live_cpu_ns = 0;
	c->last_counted = 0;
	ebpf_sample(c->ebpf, last, take_sample, c);
}

static void send_end(struct collector *c, const struct message *m)
{
	struct wire_run_end e = { .h = { sizeof(e), WIRE_RUN_END, 0, now_ns() } };

	e.unix_ns = (int64_t)e.h.time_ns + host_realtime_offset();
	e.status = m->status;
	e.reason = m->reason;
	e.still_running = c->still_running;
	e.command_cpu_ns = m->cpu_ns;
	e.collector_cpu_ns = c->load_cpu_ns + own_cpu_ns() - c->start_cpu_ns;
	e.collector_start_ns = c->load_cpu_ns;
	ebpf_cost(c->ebpf, &e.bpf_run_ns, &e.bpf_runs);
	put_waiting(c, &e.h);
}

/* wait4 may return before the command has left its CPU for the last time. */
static void wait_for_root(struct collector *c)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	uint64_t until = now_ns() + END_WAIT_MS * 1000000ULL;

	drain(c);
	while (!c->root_ended && c->o->spawner && now_ns() < until && !c->stream->error) {
		nanosleep(&ms, NULL);
		drain(c);
	}
}

/* A process that ends while the last sample is taken is in the one or the other: its
 * record may still be in the writing. */
static void drain_last(struct collector *c)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	uint64_t until = now_ns() + LAST_WAIT_MS * 1000000ULL;

	do {
		nanosleep(&ms, NULL);
		drain(c);
		if (!stream_has_room(c->stream))
			stream_drain(c->stream, RECORDER_WAIT_MS);
	} while (ebpf_pending(c->ebpf) && now_ns() < until && !c->stream->error);
}

static int finish(struct collector *c, const struct message *m, uint64_t busy_at_start)
{
	wait_for_root(c);
	if (stream_drain(c->stream, RECORDER_WAIT_MS) < 0)
		return 1;
	drain(c);
	sample(c, true);
	drain_last(c);
	if (c->o->collect.all_processes)
		send_cpu(c, busy_at_start);
	send_losses(c);
	send_end(c, m);
	return stream_drain(c->stream, RECORDER_WAIT_MS) < 0;
}

/* Periodic work; the times are of the loop's own clock. */
static void tick(struct collector *c)
{
	uint64_t now = now_ns() / 1000000, cost_ms, before;

	if (now >= c->next_sample_ms) {
		before = own_cpu_ns();
		if (stream_has_room(c->stream))
			sample(c, false);
		cost_ms = (own_cpu_ns() - before) * SAMPLE_CPU_PARTS / 1000000;
		c->next_sample_ms = now + (cost_ms > c->o->sample_ms ? cost_ms : c->o->sample_ms);
	}
	if (now >= c->next_loss_ms) {
		c->next_loss_ms = now + LOSS_MS;
		send_losses(c);
		send_clock(c);
	}
}

static int loop(struct collector *c, uint64_t busy_at_start)
{
	struct message end = { .kind = MESSAGE_END, .reason = END_INTERRUPTED };
	struct pollfd fds[3] = {
		{ .fd = c->o->control_fd, .events = POLLIN },
		{ .fd = ebpf_fd(c->ebpf), .events = POLLIN },
		{ .fd = c->stream->fd },
	};

	while (!c->stream->error) {
		fds[1].events = stream_has_room(c->stream) ? POLLIN : 0;
		fds[2].events = c->stream->len ? POLLOUT : 0;
		if (poll(fds, 3, DRAIN_MS) < 0 && errno != EINTR)
			return 1;
		drain(c);
		if (fds[0].revents) {
			if (channel_receive(c->o->control_fd, &end) < 0)
				end.reason = END_INTERRUPTED;
			return finish(c, &end, busy_at_start);
		}
		tick(c);
	}
	return 1;
}

static int begin(struct collector *c)
{
	const struct collector_options *o = c->o;
	int r;

	if (o->spawner) {
		r = ebpf_watch_children(c->ebpf, o->spawner);
		if (r < 0)
			return r;
	}
	r = identity_become_collector(&o->identity, o->collect.all_processes);
	if (r < 0)
		return r;
	fcntl(o->stream_fd, F_SETFL, O_NONBLOCK);
	fcntl(o->stream_fd, F_SETPIPE_SZ, 1 << 20);
	c->stream = stream_new(o->stream_fd);
	if (!c->stream)
		return -ENOMEM;
	r = host_describe(&c->host, ebpf_features(c->ebpf), o->collect.all_processes,
			  COLLECTOR_EBPF);
	if (r < 0)
		return r;
	c->realtime_offset_ns = c->host.realtime_offset_ns;
	stream_run_begin(&o->run, c->record);
	put_waiting(c, (const struct wire_header *)c->record);
	put_waiting(c, &c->host.h);
	return o->collect.all_processes ? ebpf_join(c->ebpf, take_joined, c) : 0;
}

/* Loading takes 15 MiB for the kernel's type information, which malloc does not
 * all give back: the process that goes on observing is a child that never had it. */
static int continue_in_child(struct collector *c)
{
	pid_t pid = fork();

	if (pid > 0)
		_exit(0);
	prctl(PR_SET_NAME, "tracer-collect");
	c->start_cpu_ns = own_cpu_ns();
	return pid < 0 ? -errno : 0;
}

int collector_main(const struct collector_options *o)
{
	struct collector *c = calloc(1, sizeof(*c));
	struct message m = { .kind = MESSAGE_FAILED };
	uint64_t busy = 0;
	int r;

	if (!c)
		return 1;
	c->o = o;
	r = ebpf_new(&o->collect, &c->ebpf, m.text, sizeof(m.text));
	if (r >= 0) {
		c->load_cpu_ns = own_cpu_ns();
		r = continue_in_child(c);
		if (r >= 0)
			r = begin(c);
		busy = kernel_busy_ns();
		if (r < 0)
			snprintf(m.text, sizeof(m.text), "observation cannot begin: %s",
				 strerror(-r));
	}
	if (r < 0) {
		channel_send(o->control_fd, &m);
		return 1;
	}
	m.kind = MESSAGE_READY;
	if (channel_send(o->control_fd, &m) < 0)
		return 1;
	r = loop(c, busy);
	close(o->stream_fd);
	m.kind = MESSAGE_DONE;
	channel_send(o->control_fd, &m);
	ebpf_free(c->ebpf);
	stream_free(c->stream);
	free(c);
	return r;
}
