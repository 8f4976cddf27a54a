/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cost_detect.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/str.h"

#define ANSWER_MAX (64 * 1024)
#define BUDGET_MS  5000
#define ASK_MS	   2000 /* one question */

struct answer {
	struct str body;
	bool google; /* said Metadata-Flavor: Google */
};

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct answer *a = ctx;

	if (a->body.len + size * n > ANSWER_MAX)
		return 0; /* ends the transfer with an error */
	str_addn(&a->body, data, size * n);
	return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	static const char flavor[] = "metadata-flavor: google";
	struct answer *a = ctx;

	if (size * n >= sizeof(flavor) - 1 && !strncasecmp(data, flavor, sizeof(flavor) - 1))
		a->google = true;
	return size * n;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* How long one question may take; 0: the time is up. */
static long time_left_ms(const struct cost_detect *d)
{
	uint64_t now = now_ns();
	uint64_t left = d->deadline_ns > now ? (d->deadline_ns - now) / 1000000 : 0;

	return left < ASK_MS ? (long)left : ASK_MS;
}

static void set_options(CURL *h, const char *url, long timeout_ms, struct answer *a)
{
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms / 2 + 1);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, a);
}

/* The body of a 200, or -EAGAIN (nobody there), -ENOENT (404), -EPERM (401, 403)
 * and -EIO (anything else). */
static int ask(const struct cost_detect *d, const char *method, const char *path,
	       const char *header, struct answer *ret)
{
	struct curl_slist *headers = curl_slist_append(NULL, header);
	CURL *h = curl_easy_init();
	long code = 0, timeout_ms = time_left_ms(d);
	char url[512];
	CURLcode r = CURLE_FAILED_INIT;

	str_reset(&ret->body);
	ret->google = false;
	snprintf(url, sizeof(url), "%s%s", d->address, path);
	if (!timeout_ms) {
		r = CURLE_OPERATION_TIMEDOUT;
	} else if (h && headers) {
		set_options(h, url, timeout_ms, ret);
		curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
		r = curl_easy_perform(h);
		curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &code);
	}
	curl_slist_free_all(headers);
	if (h)
		curl_easy_cleanup(h);
	if (r == CURLE_COULDNT_CONNECT || r == CURLE_OPERATION_TIMEDOUT)
		return -EAGAIN;
	if (r != CURLE_OK || ret->body.failed)
		return -EIO;
	return code == 200 ? 0 : code == 404 ? -ENOENT : code == 401 || code == 403 ? -EPERM : -EIO;
}

static void keep(char *out, size_t size, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	str_copy(out, size, text ? text : "");
}

/* The last part of "projects/123/zones/us-central1-a". */
static void keep_last(char *out, size_t size, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	const char *slash = text ? strrchr(text, '/') : NULL;

	str_copy(out, size, slash ? slash + 1 : text ? text : "");
}

static json_t *parse(const struct answer *a)
{
	/* GCP's ids are larger than an integer may be. */
	json_t *tree = json_loadb(str_text(&a->body), a->body.len, JSON_DECODE_INT_AS_REAL, NULL);

	if (!json_is_object(tree)) {
		json_decref(tree);
		return NULL;
	}
	return tree;
}

static int ec2_token(const struct cost_detect *d, struct answer *a, char *header, size_t size)
{
	int r = ask(d, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 300", a);

	if (r < 0)
		return r;
	if (a->body.len > 200 || strpbrk(str_text(&a->body), "\r\n"))
		return -EIO;
	snprintf(header, size, "X-aws-ec2-metadata-token: %s", str_text(&a->body));
	return 0;
}

static int ec2(struct cost_detect *d, struct answer *a)
{
	const char *launched;
	char header[300];
	json_t *tree;
	int r = ec2_token(d, a, header, sizeof(header));

	if (r == 0)
		r = ask(d, "GET", "/latest/dynamic/instance-identity/document", header, a);
	if (r == -EPERM) { /* an old token: once more */
		r = ec2_token(d, a, header, sizeof(header));
		if (r == 0)
			r = ask(d, "GET", "/latest/dynamic/instance-identity/document", header, a);
	}
	if (r < 0)
		return r;
	tree = parse(a);
	if (!tree)
		return -EIO;
	keep(d->type, sizeof(d->type), tree, "instanceType");
	keep(d->region, sizeof(d->region), tree, "region");
	keep(d->zone, sizeof(d->zone), tree, "availabilityZone");
	keep(d->resource, sizeof(d->resource), tree, "instanceId");
	keep(d->account, sizeof(d->account), tree, "accountId");
	launched = json_string_value(json_object_get(tree, "pendingTime"));
	if (!launched || time_parse(launched, &d->entry.seen_launch_ns) < 0)
		d->entry.seen_launch_ns = 0;
	json_decref(tree);
	str_copy(d->lifecycle, sizeof(d->lifecycle), "on-demand");
	if (ask(d, "GET", "/latest/meta-data/instance-life-cycle", header, a) == 0 &&
	    !strcmp(str_text(&a->body), "spot"))
		str_copy(d->lifecycle, sizeof(d->lifecycle), "spot");
	/* There only in the last two minutes. */
	d->entry.interrupted =
		!strcmp(d->lifecycle, "spot") &&
		ask(d, "GET", "/latest/meta-data/spot/instance-action", header, a) == 0;
	str_copy(d->provider, sizeof(d->provider), "aws");
	return 0;
}

static int gcp(struct cost_detect *d, struct answer *a)
{
	const char *spot;
	json_t *tree;
	size_t len;
	int r = ask(d, "GET", "/computeMetadata/v1/instance/?recursive=true&alt=json",
		    "Metadata-Flavor: Google", a);

	if (r < 0)
		return r;
	tree = a->google ? parse(a) : NULL;
	if (!tree)
		return -EIO;
	keep_last(d->type, sizeof(d->type), tree, "machineType");
	keep_last(d->zone, sizeof(d->zone), tree, "zone");
	str_copy(d->region, sizeof(d->region), d->zone);
	len = strlen(d->region);
	if (len > 2 && d->region[len - 2] == '-')
		d->region[len - 2] = '\0';
	keep(d->resource, sizeof(d->resource), tree, "name");
	spot = json_string_value(
		json_object_get(json_object_get(tree, "scheduling"), "preemptible"));
	str_copy(d->lifecycle, sizeof(d->lifecycle),
		 spot && !strcasecmp(spot, "TRUE") ? "spot" : "on-demand");
	spot = json_string_value(json_object_get(tree, "preempted"));
	d->entry.interrupted = spot && !strcasecmp(spot, "TRUE");
	json_decref(tree);
	str_copy(d->provider, sizeof(d->provider), "gcp");
	return 0;
}

static int azure(struct cost_detect *d, struct answer *a)
{
	const char *priority;
	json_t *tree, *compute;
	int r = ask(d, "GET", "/metadata/instance?api-version=2021-02-01", "Metadata: true", a);

	if (r < 0)
		return r;
	tree = parse(a);
	compute = json_object_get(tree, "compute");
	if (!json_is_object(compute)) {
		json_decref(tree);
		return -EIO;
	}
	keep(d->type, sizeof(d->type), compute, "vmSize");
	keep(d->region, sizeof(d->region), compute, "location");
	keep(d->zone, sizeof(d->zone), compute, "zone");
	keep(d->resource, sizeof(d->resource), compute, "vmId");
	keep(d->account, sizeof(d->account), compute, "subscriptionId");
	priority = json_string_value(json_object_get(compute, "priority"));
	str_copy(d->lifecycle, sizeof(d->lifecycle),
		 priority && !strcmp(priority, "Spot") ? "spot" : "on-demand");
	json_decref(tree);
	str_copy(d->provider, sizeof(d->provider), "azure");
	return 0;
}

static void fill_entry(struct cost_detect *d)
{
	struct host_entry *e = &d->entry;

	e->provider = d->provider;
	e->type = *d->type ? d->type : NULL;
	e->region = *d->region ? d->region : NULL;
	e->zone = *d->zone ? d->zone : NULL;
	e->lifecycle = d->lifecycle;
	e->resource = *d->resource ? d->resource : NULL;
	e->account = *d->account ? d->account : NULL;
	e->from = "metadata";
}

static int detect(struct cost_detect *d)
{
	static const struct {
		const char *name;
		int (*ask)(struct cost_detect *d, struct answer *a);
	} services[] = { { "EC2", ec2 }, { "GCP", gcp }, { "Azure", azure } };
	struct answer a = { 0 };
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(services) && r < 0; i++) {
		r = services[i].ask(d, &a);
		if (r == -EPERM && !d->quiet)
			log_warning("the metadata service of %s refuses to answer",
				    services[i].name);
		if (r == -EAGAIN) /* nobody at that address: the others share it */
			break;
	}
	str_fini(&a.body);
	return r < 0 ? -ENOENT : 0;
}

static void begin(struct cost_detect *d)
{
	unsigned budget_ms = d->budget_ms ? d->budget_ms : BUDGET_MS;

	d->deadline_ns = now_ns() + budget_ms * 1000000ULL;
}

/* 200 on a path that is only there when the machine is to be taken away. */
static bool ec2_taken(struct cost_detect *d, struct answer *a)
{
	char header[300];

	return ec2_token(d, a, header, sizeof(header)) == 0 &&
	       ask(d, "GET", "/latest/meta-data/spot/instance-action", header, a) == 0;
}

static bool gcp_taken(struct cost_detect *d, struct answer *a)
{
	return ask(d, "GET", "/computeMetadata/v1/instance/preempted", "Metadata-Flavor: Google",
		   a) == 0 &&
	       a->google && !strncasecmp(str_text(&a->body), "TRUE", 4);
}

static bool azure_taken(struct cost_detect *d, struct answer *a)
{
	json_t *tree, *event;
	bool taken = false;
	size_t i;

	if (ask(d, "GET", "/metadata/scheduledevents?api-version=2020-07-01", "Metadata: true", a) <
	    0)
		return false;
	tree = parse(a);
	json_array_foreach(json_object_get(tree, "Events"), i, event)
	{
		const char *type = json_string_value(json_object_get(event, "EventType"));

		taken |= type && !strcmp(type, "Preempt");
	}
	json_decref(tree);
	return taken;
}

bool cost_detect_taken(struct cost_detect *d)
{
	struct answer a = { 0 };
	bool taken = false;

	if (d->result < 0 || curl_global_init(CURL_GLOBAL_DEFAULT))
		return false;
	begin(d);
	if (!strcmp(d->provider, "aws"))
		taken = ec2_taken(d, &a);
	else if (!strcmp(d->provider, "gcp"))
		taken = gcp_taken(d, &a);
	else
		taken = azure_taken(d, &a);
	str_fini(&a.body);
	curl_global_cleanup();
	return taken;
}

int cost_detect(void *ctx, struct host_entry *ret)
{
	struct cost_detect *d = ctx;

	if (!d->done) {
		d->done = true;
		d->entry = (struct host_entry)HOST_ENTRY_NONE;
		begin(d);
		if (curl_global_init(CURL_GLOBAL_DEFAULT))
			return -ENOENT;
		d->result = detect(d);
		curl_global_cleanup();
		if (d->result < 0 && !d->quiet)
			log_warning("--detect: no metadata service answers at %s", d->address);
		else if (d->result == 0)
			fill_entry(d);
	}
	if (d->result == 0)
		*ret = d->entry;
	return d->result;
}
