/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The eBPF collector's user side: chooses programs by what the kernel has, loads,
 * attaches, drains the ring, walks live threads, adds up loss counters. What is
 * measured and why is in bpf/.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/state.h"
#include "src/base/cleanup.h"
#include "src/base/str.h"
#include "src/collect/collect.h"
#include "src/collect/ebpf_probe.h"
#include "src/collect/file_calls.h"
#include "src/collect/ring.h"
#include <linux/types.h>
#include "tracer.skel.h"

struct ebpf {
	struct tracer_bpf *skel;
	struct ring *ring;
	struct bpf_link *sample_link, *join_link;
	struct file_call_entry calls[FILE_CALLS_MAX];
	struct bpf_link *call_links[FILE_CALLS_MAX];
	unsigned n_calls;
	uint64_t features;
	uint32_t sweeps;
	int cpus; /* possible ones: length of per-CPU values */
};

/* libbpf's own words would go to stderr; ours say what to do. */
static int no_print(enum libbpf_print_level level, const char *format, va_list ap)
{
	return getenv("TRACER_LIBBPF_DEBUG") ? vfprintf(stderr, format, ap) : 0;
}

static void autoload(struct bpf_program *p, bool on)
{
	bpf_program__set_autoload(p, on);
}

static bool tracepoint(const struct ebpf_probe *probe, const char *name)
{
	return ebpf_probe_tracepoint(probe, name) >= 0;
}

static void choose_process_programs(struct tracer_bpf *s, const struct ebpf_probe *probe)
{
	bool prev_state = ebpf_probe_tracepoint(probe, "sched_switch") >= 4;

	autoload(s->progs.on_switch, prev_state);
	autoload(s->progs.on_switch_before_5_18, !prev_state);
}

static uint64_t choose_optional_programs(struct tracer_bpf *s, const struct ebpf_probe *probe)
{
	bool net = tracepoint(probe, "sock_send_length") && tracepoint(probe, "sock_recv_length");
	bool direct = tracepoint(probe, "mm_vmscan_direct_reclaim_begin");
	bool memcg = tracepoint(probe, "mm_vmscan_memcg_reclaim_begin");
	bool victim = ebpf_probe_takes_task(probe, "mark_victim");
	bool signals = ebpf_probe_tracepoint(probe, "signal_generate") >= 5;

	autoload(s->progs.on_send, net);
	autoload(s->progs.on_receive, net);
	autoload(s->progs.on_reclaim_begin, direct);
	autoload(s->progs.on_reclaim_end, direct);
	autoload(s->progs.on_memcg_reclaim_begin, memcg);
	autoload(s->progs.on_memcg_reclaim_end, memcg);
	autoload(s->progs.on_victim, victim);
	autoload(s->progs.on_signal, signals);
	return (net ? FEATURE_NET_BYTES : 0) | (direct ? FEATURE_RECLAIM : 0) |
	       (signals ? FEATURE_SIGNALS : 0);
}

static uint64_t choose_file_programs(struct ebpf *e, const struct ebpf_probe *probe, bool wanted)
{
	bool files = wanted && ebpf_probe_syscall_tracepoint("sys_exit_openat");
	bool rings = files && ebpf_probe_ring_requests(probe);
	struct tracer_bpf *s = e->skel;

	e->n_calls = files ? file_calls_available(e->calls) : 0;
	for (unsigned i = 0; i < e->n_calls; i++)
		s->rodata->cfg_file_call[e->calls[i].number] = e->calls[i].call;
	autoload(s->progs.on_file_open, files);
	autoload(s->progs.on_file_close, files);
	autoload(s->progs.on_file_name, files);
	autoload(s->progs.on_file_full, files);
	autoload(s->progs.on_ring_complete, rings);
	s->rodata->cfg_files = files;
	return (files ? FEATURE_FILES : 0) | (rings ? FEATURE_RING_FILES : 0);
}

/* tp/syscalls needs tracefs. Where nobody has mounted it, mount it for this
 * process alone: a mount namespace of our own leaves the host as it was. */
static void reach_tracefs(void)
{
	if (ebpf_probe_syscall_tracepoint("sys_exit_openat"))
		return;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return;
	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL))
		return;
}

static uint32_t namespace_inode(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint32_t)st.st_ino;
}

static void configure(struct tracer_bpf *s, const struct collect_options *o)
{
	uint8_t classes[SYSCALL_CLASSES];
	char path[40];

	syscall_classes(classes, sizeof(classes));
	memcpy((void *)s->rodata->cfg_syscall_class, classes, sizeof(classes));
	s->rodata->cfg_all = o->all_processes;
	s->rodata->cfg_host_uts_ns = namespace_inode("/proc/self/ns/uts");
	s->rodata->cfg_host_pid_ns = namespace_inode("/proc/self/ns/pid");
	/* its parent's: reach_tracefs() may have left this process in one of its own */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)getppid());
	s->rodata->cfg_host_mnt_ns = namespace_inode(path);
	s->rodata->cfg_page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	if (o->ring_bytes) {
		bpf_map__set_max_entries(s->maps.events, o->ring_bytes);
		if (s->rodata->cfg_wakeup_bytes > o->ring_bytes / 8)
			s->rodata->cfg_wakeup_bytes = o->ring_bytes / 8;
	}
}

static int fill_names(struct tracer_bpf *s, const struct collect_options *o)
{
	uint8_t one = 1;

	for (const char *const *p = o->env_parents; p && *p; p++) {
		struct comm_key key = { 0 };

		str_copy(key.comm, sizeof(key.comm), *p);
		if (bpf_map__update_elem(s->maps.env_parents, &key, sizeof(key), &one, sizeof(one),
					 BPF_ANY))
			return -errno;
	}
	for (const char *const *p = o->env_names; p && *p; p++) {
		struct env_name key = { 0 };

		str_copy(key.name, sizeof(key.name), *p);
		if (bpf_map__update_elem(s->maps.env_names, &key, sizeof(key), &one, sizeof(one),
					 BPF_ANY))
			return -errno;
	}
	return 0;
}

static int fill_asks(struct tracer_bpf *s, const struct collect_options *o)
{
	for (unsigned i = 0; i < o->n_asks; i++) {
		struct bpf_map *maps[] = { s->maps.client_comms, s->maps.adopt_comms,
					   s->maps.server_comms };
		struct bpf_map *map = maps[o->asks[i].kind];
		struct comm_key key = { 0 };
		uint32_t bits = 0;

		str_copy(key.comm, sizeof(key.comm), o->asks[i].comm);
		bpf_map__lookup_elem(map, &key, sizeof(key), &bits, sizeof(bits), 0);
		bits |= o->asks[i].bits;
		if (bpf_map__update_elem(map, &key, sizeof(key), &bits, sizeof(bits), BPF_ANY))
			return -errno;
	}
	return 0;
}

static int choose_programs(struct ebpf *e, const struct collect_options *o, char *why,
			   size_t why_size)
{
	/* named, libbpf looks at no module's types, which needs CAP_SYS_ADMIN; but it
	 * then holds the kernel's twice, 6 MiB more */
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, opts,
			    .btf_custom_path = feature_capability(CAP_SYS_ADMIN)
						       ? NULL
						       : "/sys/kernel/btf/vmlinux");
	_cleanup_(ebpf_probe_closep) struct ebpf_probe *probe = NULL;
	int r = ebpf_probe_open(&probe, why, why_size);

	if (r < 0)
		return r;
	e->skel = tracer_bpf__open_opts(&opts);
	if (!e->skel) {
		r = -errno;
		snprintf(why, why_size, "the built-in BPF object cannot be opened: %s",
			 strerror(-r));
		return r;
	}
	if (o->files)
		reach_tracefs();
	choose_process_programs(e->skel, probe);
	e->features = choose_optional_programs(e->skel, probe) | ebpf_probe_fields(probe) |
		      choose_file_programs(e, probe, o->files);
	e->skel->rodata->cfg_rdonly_cast = ebpf_probe_kfunc(probe, "bpf_rdonly_cast");
	return 0;
}

static int load(struct ebpf *e, const struct collect_options *o, const char **why)
{
	int r;

	configure(e->skel, o);
	*why = "the kernel refuses the BPF programs (run as root, or with CAP_BPF and CAP_PERFMON)";
	r = tracer_bpf__load(e->skel);
	if (r)
		return r;
	*why = "the tables of names cannot be filled";
	r = fill_names(e->skel, o);
	return r < 0 ? r : fill_asks(e->skel, o);
}

static struct bpf_program *program_of(struct tracer_bpf *s, enum file_call call)
{
	if (call <= FILE_CALL_OPEN_BY_HANDLE)
		return s->progs.on_file_open;
	if (call >= FILE_CALL_WRITE)
		return s->progs.on_file_full;
	return call <= FILE_CALL_DUP2 ? s->progs.on_file_close : s->progs.on_file_name;
}

static int attach_calls(struct ebpf *e)
{
	struct tracer_bpf *s = e->skel;

	bpf_program__set_autoattach(s->progs.on_file_open, false);
	bpf_program__set_autoattach(s->progs.on_file_close, false);
	bpf_program__set_autoattach(s->progs.on_file_name, false);
	bpf_program__set_autoattach(s->progs.on_file_full, false);
	for (unsigned i = 0; i < e->n_calls; i++) {
		e->call_links[i] = bpf_program__attach_tracepoint(
			program_of(s, e->calls[i].call), "syscalls", e->calls[i].tracepoint);
		if (!e->call_links[i])
			return -errno;
	}
	return 0;
}

static int attach(struct ebpf *e, const char **why)
{
	int r;

	struct tracer_bpf *s = e->skel;

	*why = "the BPF programs cannot be attached";
	/* iterators are links of their own: each read() makes a new walk */
	e->sample_link = bpf_program__attach_iter(s->progs.on_sample, NULL);
	e->join_link = bpf_program__attach_iter(s->progs.on_join, NULL);
	if (!e->sample_link || !e->join_link)
		return -errno;
	bpf_program__set_autoattach(s->progs.on_sample, false);
	bpf_program__set_autoattach(s->progs.on_join, false);
	r = attach_calls(e);
	return r ? r : tracer_bpf__attach(s);
}

static int wait_for_clock(struct ebpf *e)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < 1000 && e->skel->bss && e->skel->data->clock_sync; i++)
		nanosleep(&ms, NULL);
	return e->skel->data->clock_sync ? -ETIMEDOUT : 0;
}

int ebpf_new(const struct collect_options *o, struct ebpf **ret, char *why, size_t why_size)
{
	struct ebpf *e = NULL;
	const char *step = "";
	int r;

	libbpf_set_print(no_print);
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->cpus = libbpf_num_possible_cpus();
	r = choose_programs(e, o, why, why_size);
	if (r < 0) {
		ebpf_free(e);
		return r;
	}
	r = load(e, o, &step);
	if (r >= 0)
		r = attach(e, &step);
	if (r >= 0) {
		step = "the ring buffer cannot be mapped";
		r = ring_new(bpf_map__fd(e->skel->maps.events),
			     bpf_map__max_entries(e->skel->maps.events), &e->ring);
	}
	if (r >= 0) {
		step = "no context switch was seen within a second";
		r = wait_for_clock(e);
	}
	if (r < 0) {
		snprintf(why, why_size, "%s: %s", step, strerror(-r));
		ebpf_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void ebpf_free(struct ebpf *e)
{
	if (!e)
		return;
	ring_free(e->ring);
	bpf_link__destroy(e->sample_link);
	bpf_link__destroy(e->join_link);
	for (unsigned i = 0; i < e->n_calls; i++)
		bpf_link__destroy(e->call_links[i]);
	tracer_bpf__destroy(e->skel);
	free(e);
}

uint64_t ebpf_features(const struct ebpf *e)
{
	return e->features;
}

int ebpf_fd(const struct ebpf *e)
{
	return bpf_map__fd(e->skel->maps.events);
}

int ebpf_watch_children(struct ebpf *e, pid_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct thread value = { .flags = THREAD_SPAWNER };

	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(bpf_map__fd(e->skel->maps.threads), &fd, &value, BPF_NOEXIST))
		return -errno;
	return 0;
}

int ebpf_consume(struct ebpf *e, collect_fn fn, void *ctx)
{
	e->skel->data->clock_sync = 1;
	return ring_consume(e->ring, fn, ctx);
}

bool ebpf_pending(const struct ebpf *e)
{
	return ring_pending(e->ring);
}

/* Reads one walk of an iterator; records are whole in the stream, not in reads. */
static int walk(struct bpf_link *link, collect_fn fn, void *ctx)
{
	_cleanup_close_ int fd = bpf_iter_create(bpf_link__fd(link));
	_Alignas(8) char buf[64 * 1024];
	size_t have = 0, at;
	int count = 0, r;
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		n = read(fd, buf + have, sizeof(buf) - have);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return count;
		have += (size_t)n;
		for (at = 0; have - at >= sizeof(struct wire_header);) {
			const struct wire_header *h = (const void *)(buf + at);

			if (h->size < sizeof(*h) || h->size > have - at)
				break;
			r = fn(ctx, h);
			if (r < 0)
				return r;
			at += h->size;
			count++;
		}
		have -= at;
		memmove(buf, buf + at, have);
	}
}

static uint64_t scheduler_clock(const struct ebpf *e)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec +
	       (uint64_t)e->skel->bss->clock_offset;
}

int ebpf_sample(struct ebpf *e, bool last, collect_fn fn, void *ctx)
{
	e->skel->bss->sweep = ++e->sweeps;
	e->skel->bss->sweep_last = last;
	return walk(e->sample_link, fn, ctx);
}

int ebpf_join(struct ebpf *e, collect_fn fn, void *ctx)
{
	e->skel->bss->begin_clock = scheduler_clock(e);
	return walk(e->join_link, fn, ctx);
}

int ebpf_losses(struct ebpf *e, uint64_t ret_count[LOSS_KINDS])
{
	_cleanup_free_ uint64_t *values = calloc((size_t)e->cpus, sizeof(uint64_t));
	uint64_t sums[LOSS_KINDS] = { 0 };

	if (!values)
		return -ENOMEM;
	for (uint32_t kind = 0; kind < LOSS_KINDS; kind++) {
		if (bpf_map_lookup_elem(bpf_map__fd(e->skel->maps.losses), &kind, values))
			return -errno;
		for (int cpu = 0; cpu < e->cpus; cpu++)
			sums[kind] += values[cpu];
	}
	memcpy(ret_count, sums, sizeof(sums));
	return 0;
}

/* A CPU that never switched was idle or busy all the time: nobody knows which,
 * and it stays in what is not attributed. */
int ebpf_cpu(struct ebpf *e, struct wire_cpu *ret)
{
	_cleanup_free_ struct cpu_time *times = calloc((size_t)e->cpus, sizeof(*times));
	uint64_t clock = scheduler_clock(e);
	uint32_t zero = 0;

	if (!times)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(e->skel->maps.cpu_times), &zero, times))
		return -errno;
	ret->elapsed_ns = clock - e->skel->bss->begin_clock;
	ret->cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	ret->idle_ns = ret->process_ns = ret->stolen_ns = 0;
	for (int cpu = 0; cpu < e->cpus; cpu++) {
		const struct cpu_time *c = &times[cpu];

		if (!c->switched)
			continue;
		ret->idle_ns += c->idle_ns;
		if (c->idle_since && clock > c->idle_since)
			ret->idle_ns += clock - c->idle_since;
		ret->process_ns += c->ended_cpu_ns;
		ret->stolen_ns += c->stolen_ns - c->stolen_before;
	}
	return 0;
}

int ebpf_cost(struct ebpf *e, uint64_t *ret_run_ns, uint64_t *ret_runs)
{
	uint64_t ns = 0, runs = 0;
	struct bpf_program *p;

	bpf_object__for_each_program(p, e->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_program__fd(p) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size))
			continue;
		ns += info.run_time_ns;
		runs += info.run_cnt;
	}
	*ret_run_ns = ns;
	*ret_runs = runs;
	return 0;
}
