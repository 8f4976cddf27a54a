/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See session.h. Three processes: this one (the command's parent), the collector
 * (two capabilities) and the recorder (none). Order matters: both helpers are
 * forked first; when the collector is ready, the next fork of this process is
 * the command, observed from its first nanosecond.
 */
#include "src/agent/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/agent/channel.h"
#include "src/agent/collector.h"
#include "src/agent/command.h"
#include "src/agent/repair.h"
#include "src/agent/stall_helper.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/str.h"

struct session {
	const struct session_options *o;
	struct session_result *result;
	struct run_description run;
	struct command_process command;
	int stream_write;	       /* until the collector has it alone */
	int collector_fd, recorder_fd; /* channels; -1: that helper has gone */
	int stall_fd;		       /* until the recorder has it alone */
	bool collector_ready, recorder_ready, recorder_done, collector_died;
	int machine_fd;	 /* until the recorder has it; -1: nobody asks */
	bool store_open; /* the recorder writes to the database, not to a log instead of it */
	char cwd[1024];
};

static void add_note(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_note(struct session *s, const char *format, ...)
{
	char *note = s->result->note;
	size_t len = strlen(note), size = sizeof(s->result->note);
	va_list ap;

	if (len && len + 2 < size) {
		memcpy(note + len, "; ", 3);
		len += 2;
	}
	va_start(ap, format);
	vsnprintf(note + len, size - len, format, ap);
	va_end(ap);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- helpers ---- */

struct helper_fds {
	int mine, theirs;
};

static int make_channel(struct helper_fds *ret)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	ret->mine = fds[0];
	ret->theirs = fds[1];
	return 0;
}

static void drop_channel(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A helper must not be hit by the terminal's signals, nor hold the command's
 * standard input and output open after it has ended. */
static void begin_helper(const char *name)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	prctl(PR_SET_NAME, name);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!getenv("TRACER_LIBBPF_DEBUG"))
			dup2(null, STDERR_FILENO);
	}
}

/* On a spot machine it outlives its answer: whatever it held open of others, others
 * would wait for. So its one descriptor is the pipe for what it finds out. */
_Noreturn static void detect(const struct session *s, int fd)
{
	begin_helper("tracer-detect");
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0) ||
	    identity_become_recorder(&s->o->identity, NULL) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which clears it */
	s->o->detect(s->o->detect_ctx, 3);
	_exit(0);
}

/* Before all others, and the pipe of events: it inherits nothing of theirs. What it cannot
 * find out stays unknown: nothing waits for it but the recorder, at the run's end. */
static void start_detection(struct session *s)
{
	int fds[2];
	pid_t pid;

	if (!s->o->detect || pipe2(fds, O_CLOEXEC))
		return;
	pid = fork();
	if (!pid)
		detect(s, fds[1]);
	close(fds[1]);
	s->machine_fd = fds[0];
	if (pid < 0)
		drop_channel(&s->machine_fd);
}

/* It closes what it inherits of others. Without it stalls are told without
 * their reason. */
static void start_stall_helper(struct session *s)
{
	struct helper_fds channel = { -1, -1 };
	pid_t pid;

	if (!s->o->recorder.stall_after_s || make_channel(&channel) < 0)
		return;
	pid = fork();
	if (!pid) {
		close(channel.mine);
		begin_helper("tracer-stalls");
		_exit(stall_helper_main(channel.theirs, &s->o->identity, !s->o->argv));
	}
	close(channel.theirs);
	s->stall_fd = channel.mine;
}

static int start_recorder(struct session *s, int stream_read)
{
	struct recorder_options o = s->o->recorder;
	struct helper_fds channel = { -1, -1 };
	pid_t pid;
	int r = make_channel(&channel);

	if (r < 0)
		return r;
	pid = fork();
	if (!pid) {
		close(channel.mine);
		close(s->stream_write);
		begin_helper("tracer-record");
		o.machine_fd = s->machine_fd;
		o.stall_fd = s->stall_fd;
		_exit(recorder_main(&o, &s->o->identity, stream_read, channel.theirs));
	}
	close(channel.theirs);
	s->recorder_fd = channel.mine;
	return pid < 0 ? -errno : 0;
}

static int start_collector(struct session *s)
{
	struct collector_options o = {
		.collect = s->o->collect,
		.identity = s->o->identity,
		.run = s->run,
		.spawner = s->o->argv ? getpid() : 0,
		.stream_fd = s->stream_write,
		.sample_ms = s->o->sample_ms,
	};
	struct helper_fds channel = { -1, -1 };
	pid_t pid;
	int r = make_channel(&channel);

	if (r < 0)
		return r;
	o.control_fd = channel.theirs;
	pid = fork();
	if (!pid) {
		close(channel.mine);
		close(s->recorder_fd);
		begin_helper("tracer-load"); /* its child observes */
		_exit(collector_main(&o));
	}
	close(channel.theirs);
	s->collector_fd = channel.mine;
	return pid < 0 ? -errno : 0;
}

static void await_recorder(struct session *s)
{
	struct message m;

	if (channel_receive(s->recorder_fd, &m) < 0) {
		add_note(s, "the recorder ended at once");
		drop_channel(&s->recorder_fd);
		return;
	}
	s->recorder_ready = m.kind == MESSAGE_READY;
	s->store_open = m.value;
	if (m.text[0])
		add_note(s, "%s", m.text);
	if (!s->recorder_ready)
		drop_channel(&s->recorder_fd);
}

static void await_collector(struct session *s)
{
	struct message m;

	if (channel_receive(s->collector_fd, &m) < 0)
		add_note(s, "the collector ended at once");
	else if (m.kind == MESSAGE_READY)
		s->collector_ready = true;
	else
		add_note(s, "%s", m.text);
	if (!s->collector_ready)
		drop_channel(&s->collector_fd);
}

/* ---- without a collector the run is still known, with all measures unknown ---- */

static void tell_unobserved(struct session *s, bool end)
{
	unsigned char record[WIRE_RECORD_MAX] __attribute__((aligned(8)));
	const struct wire_file head = { WIRE_MAGIC, WIRE_VERSION, sizeof(head) };
	struct wire_run_end e = { .h = { sizeof(e), WIRE_RUN_END, 0, 0 } };
	struct wire_host host;
	size_t size;

	if (s->stream_write < 0 || host_describe(&host, 0, !s->o->argv, COLLECTOR_NONE) < 0)
		return;
	if (!end) {
		size = stream_run_begin(&s->run, record);
		if (write(s->stream_write, &head, sizeof(head)) < 0 ||
		    write(s->stream_write, record, size) < 0 ||
		    write(s->stream_write, &host, sizeof(host)) < 0)
			return;
		return;
	}
	e.h.time_ns = host.h.time_ns;
	e.unix_ns = (int64_t)host.h.time_ns + host.realtime_offset_ns;
	e.status = (uint32_t)s->command.status;
	e.command_cpu_ns = s->command.cpu_ns;
	size = stream_run_end(&e, s->result->note, record);
	if (write(s->stream_write, record, size) < 0)
		return;
}

/* ---- the middle ---- */

/* True: it was a word about a stall, and there may be more. */
static bool told_stall(const struct session *s, const struct message *m)
{
	if (m->kind != MESSAGE_STALL)
		return false;
	if (s->o->tell_stalls)
		log_error("%s", m->text);
	return true;
}

static void notice_helpers(struct session *s, const struct pollfd *collector,
			   const struct pollfd *recorder)
{
	struct message m;

	if (collector->revents && s->collector_fd >= 0) {
		drop_channel(&s->collector_fd);
		s->collector_died = true;
		add_note(s, "the collector ended early: what came after is not observed");
	}
	if (recorder->revents && s->recorder_fd >= 0) {
		int r = channel_receive(s->recorder_fd, &m);

		if (r >= 0 && told_stall(s, &m))
			return;
		if (r < 0)
			add_note(s, "the recorder was killed: the run is readable up to its last "
				    "second");
		else if (m.text[0])
			add_note(s, "%s", m.text);
		s->recorder_done = true;
		drop_channel(&s->recorder_fd);
	}
}

static int wait_for_command(struct session *s)
{
	struct pollfd fds[3] = { { .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };
	uint64_t until = s->o->duration_s ? now_ms() + s->o->duration_s * 1000ULL : 0;
	int deadly;

	for (;;) {
		fds[0].fd = s->command.signal_fd;
		fds[1].fd = s->collector_fd;
		fds[2].fd = s->recorder_fd;
		if (poll(fds, 3, until ? 50 : -1) < 0 && errno != EINTR)
			return -errno;
		notice_helpers(s, &fds[1], &fds[2]);
		deadly = command_handle(&s->command);
		if (s->o->argv ? s->command.ended : (deadly || s->collector_fd < 0))
			return 0;
		if (until && now_ms() >= until)
			return 0;
	}
}

/* ---- the end ---- */

static void end_collector(struct session *s)
{
	struct message m = {
		.kind = MESSAGE_END,
		.status = (uint32_t)s->command.status,
		.reason = END_COMPLETE,
		.run_pid = s->command.pid,
		.cpu_ns = s->command.cpu_ns,
	};

	if (s->collector_fd >= 0)
		channel_send(s->collector_fd, &m);
	else if (!s->collector_ready)
		tell_unobserved(s, true);
	drop_channel(&s->stream_write);
}

/* A recorder that is behind may take a while; the user may stop waiting. */
static void end_recorder(struct session *s)
{
	struct pollfd fds[2] = { { .fd = s->recorder_fd, .events = POLLIN },
				 { .fd = s->command.signal_fd, .events = POLLIN } };
	struct message m;
	int waited = 0, r;

	while (s->recorder_fd >= 0) {
		fds[0].fd = s->recorder_fd;
		if (poll(fds, 2, 1000) == 0 && ++waited == 2)
			log_info("storing what was seen; Ctrl-C stops waiting");
		if (fds[1].revents && command_handle(&s->command)) {
			add_note(s, "not waited for: the recorder is still storing");
			return;
		}
		if (!fds[0].revents)
			continue;
		r = channel_receive(s->recorder_fd, &m);
		if (r >= 0 && told_stall(s, &m))
			continue;
		if (r < 0)
			add_note(s, "the recorder was killed: the run is readable up to its last "
				    "second");
		else {
			s->recorder_done = m.kind == MESSAGE_DONE;
			s->store_open = m.reason;
			if (m.text[0] && !strstr(s->result->note, m.text))
				add_note(s, "%s", m.text);
		}
		drop_channel(&s->recorder_fd);
	}
}

static int describe_run(struct session *s)
{
	unsigned char random[4];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	snprintf(s->result->run_uid, sizeof(s->result->run_uid), "%02x%02x%02x%02x", random[0],
		 random[1], random[2], random[3]);
	if (!getcwd(s->cwd, sizeof(s->cwd)))
		s->cwd[0] = '\0';
	s->run = (struct run_description){
		.uid = s->result->run_uid,
		.name = s->o->name,
		.cwd = s->cwd[0] ? s->cwd : NULL,
		.user = s->o->identity.name,
		.argv = s->o->argv,
		.labels = s->o->labels,
		.n_labels = s->o->n_labels,
		.user_id = s->o->identity.uid,
		.group_id = s->o->identity.gid,
	};
	return 0;
}

static int start_helpers(struct session *s)
{
	int stream[2], r;

	start_detection(s);
	if (pipe2(stream, O_CLOEXEC))
		return -errno;
	s->stream_write = stream[1];
	start_stall_helper(s);
	r = start_recorder(s, stream[0]);
	drop_channel(&s->machine_fd);
	close(stream[0]);
	drop_channel(&s->stall_fd);
	if (r < 0)
		return r;
	r = start_collector(s);
	if (r < 0)
		return r;
	await_recorder(s);
	await_collector(s);
	if (s->collector_ready)
		drop_channel(&s->stream_write);
	else if (s->recorder_ready && !s->o->strict)
		tell_unobserved(s, false);
	if (!s->recorder_ready)
		drop_channel(&s->collector_fd); /* nobody would take its events */
	return 0;
}

static int run_command(struct session *s)
{
	int r;

	if (!s->o->argv)
		return s->collector_ready ? wait_for_command(s) : -ENOTSUP;
	r = command_start(&s->command, s->o->argv, &s->o->identity);
	/* from here on this process needs no privilege either */
	if (r >= 0)
		r = identity_become(&s->o->identity);
	return r < 0 ? r : wait_for_command(s);
}

static void say_unobserved(struct session *s)
{
	const struct identity *id = &s->o->identity;

	if (id->changed)
		log_warning("the command runs unobserved (tracer works as user %s): %s", id->name,
			    s->result->note);
	else
		log_warning("the command runs unobserved: %s", s->result->note);
	s->result->told = strlen(s->result->note);
}

int session_run(const struct session_options *o, struct session_result *ret)
{
	struct session s = { .o = o,
			     .result = ret,
			     .stream_write = -1,
			     .collector_fd = -1,
			     .recorder_fd = -1,
			     .machine_fd = -1,
			     .stall_fd = -1 };
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->exit_code = 125;
	r = command_signals(&s.command);
	if (r >= 0)
		r = describe_run(&s);
	if (r >= 0)
		r = start_helpers(&s);
	if (r < 0) {
		add_note(&s, "cannot start: %s", strerror(-r));
		return r;
	}
	ret->observed = s.collector_ready && s.recorder_ready;
	if (!ret->observed && (o->strict || !o->argv))
		return -ENOTSUP;
	if (!ret->observed)
		say_unobserved(&s);
	else if (o->announce)
		log_error("ready: observing %s as run %s", o->argv ? o->argv[0] : "the whole host",
			  ret->run_uid);
	r = run_command(&s);
	if (r < 0) {
		add_note(&s, "the command could not be run: %s", strerror(-r));
		return r;
	}
	ret->exit_code = o->argv ? command_exit_code(&s.command) : 0;
	if (s.command.exec_error)
		log_error("cannot run %s: %s", o->argv[0], strerror(s.command.exec_error));
	end_collector(&s);
	end_recorder(&s);
	ret->observed = ret->observed && !s.collector_died;
	ret->stored = s.store_open;
	if (ret->stored && !s.recorder_done)
		repair_interrupted(o->recorder.db, ret->run_uid, &s.command);
	return 0;
}
