/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/observe_machine.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

#define DETECT_MS 1500 /* for the first answer */
#define LOOK_MS	  5000 /* between looks for a notice; EC2 gives 120 s, others 30 s */

static void add_line(struct str *lines, const char *key, const char *value)
{
	/* A line break in a value would be another line. */
	if (value && *value && !strpbrk(value, "\r\n"))
		str_addf(lines, "%s=%s\n", key, value);
}

static void add_entry(struct str *lines, const struct host_entry *e)
{
	add_line(lines, "provider", e->provider);
	add_line(lines, "type", e->type);
	add_line(lines, "region", e->region);
	add_line(lines, "zone", e->zone);
	add_line(lines, "lifecycle", e->lifecycle);
	add_line(lines, "resource", e->resource);
	add_line(lines, "account", e->account);
	if (e->seen_launch_ns)
		str_addf(lines, "launched_ns=%" PRIu64 "\n", e->seen_launch_ns);
	if (lines->len)
		add_line(lines, "source", e->from);
}

static bool is_given(const struct observe_options *o)
{
	return o->provider || o->type || o->region || o->zone || o->lifecycle || o->resource;
}

int observe_machine_init(struct observe_machine *m, const struct observe_options *o)
{
	struct host_entry given = HOST_ENTRY_NONE;
	enum lifecycle lifecycle;
	char here[HOST_NAME_MAX + 1] = "";

	if (o->lifecycle && lifecycle_parse(o->lifecycle, &lifecycle) < 0) {
		log_error("--lifecycle %s: must be on-demand or spot", o->lifecycle);
		return -EINVAL;
	}
	if (o->metadata && !o->detect) {
		log_error("--metadata goes with --detect");
		return -EINVAL;
	}
	given.provider = o->provider;
	given.type = o->type;
	given.region = o->region;
	given.zone = o->zone;
	given.lifecycle = o->lifecycle;
	given.resource = o->resource;
	given.from = is_given(o) ? "options" : NULL;
	m->entry = (struct host_entry)HOST_ENTRY_NONE;
	if (cost_config_load_hosts(&m->config, NULL))
		log_warning("host.yaml is not used: the command runs without it");
	else if (gethostname(here, sizeof(here) - 1) == 0)
		cost_config_host(&m->config, here, &m->entry);
	host_entry_over(&m->entry, &given);
	add_entry(&m->lines, &m->entry);
	m->service.address = o->metadata ? o->metadata : METADATA_ADDRESS;
	m->service.budget_ms = DETECT_MS;
	m->service.quiet = true;
	return m->lines.failed ? -ENOMEM : 0;
}

void observe_machine_fini(struct observe_machine *m)
{
	str_fini(&m->lines);
	cost_config_fini(&m->config);
}

/* One write, so that the recorder never reads half of a block. */
static bool tell(int fd, const struct str *lines)
{
	return !lines->failed && lines->len <= PIPE_BUF &&
	       write(fd, str_text(lines), lines->len) == (ssize_t)lines->len;
}

/* false: nobody reads it any more. */
static bool wait_for_look(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, LOOK_MS) == 0;
}

static void tell_interruption(int fd)
{
	_cleanup_(str_fini) struct str lines = STR_INIT;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	str_addf(&lines, "interrupted_ns=%lld%09ld\n", (long long)t.tv_sec, t.tv_nsec);
	tell(fd, &lines);
}

void observe_machine_detect(void *ctx, int fd)
{
	_cleanup_(str_fini) struct str lines = STR_INIT;
	struct observe_machine *m = ctx;
	struct host_entry e;
	bool taken;

	alarm(DETECT_MS / 1000 + 1); /* whatever hangs below: SIGALRM ends this process */
	if (cost_detect(&m->service, &e) < 0)
		return;
	taken = e.interrupted;
	host_entry_over(&e, &m->entry); /* who names something knows it better */
	if (m->entry.from && strcmp(m->entry.from, "metadata"))
		e.from = "metadata, options";
	add_entry(&lines, &e);
	if (!tell(fd, &lines) || strcmp(m->service.lifecycle, "spot"))
		return;
	while (!taken) {
		alarm(0);
		if (!wait_for_look(fd))
			return;
		alarm(10);
		taken = cost_detect_taken(&m->service);
	}
	tell_interruption(fd);
}
