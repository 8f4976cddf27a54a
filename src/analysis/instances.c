/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/instances.h"

#include <math.h>
#include <string.h>

#define GIB	     (1024.0 * 1024 * 1024)
#define OS_SHARE     0.94 /* of the memory on paper that a kernel has to give away */
#define OS_BYTES     (0.5 * GIB)
#define ALONE_ERROR  0.3 /* of the logarithm of what idle threads give */
#define ROUNDING     1e-9
#define FACTOR_TASKS 500 /* of long lists so many tell what interruptions cost */

double instance_memory_usable(double memory_bytes)
{
	return memory_bytes * OS_SHARE - OS_BYTES;
}

static double whole(double x)
{
	return floor(x + ROUNDING);
}

/* Lowers *k to what a resource has room for; false: for none. unknown: what is at most
 * needed for it not to matter. */
static bool limit(struct instance_outcome *o, double *k, double room, enum instance_binds binds)
{
	if (whole(room) < *k) {
		*k = whole(room);
		o->binds = binds;
	}
	return *k >= 1;
}

static bool bandwidth(struct instance_outcome *o, double *k, double has, double each,
		      enum instance_binds binds)
{
	if (!(each > 0))
		return true;
	if (has > 0)
		return limit(o, k, has / each, binds);
	return limit(o, k, INSTANCE_NETWORK_ANY / each, binds);
}

static bool gpus_fit(const struct instance *i, const struct instance_need *n)
{
	if (!(fabs(n->gpus) > 0))
		return !(fabs(i->gpus) > 0);
	if (n->gpu_model)
		return i->gpu_model && !strcmp(i->gpu_model, n->gpu_model) &&
		       fabs(i->gpus) >= fabs(n->gpus);
	return i->gpus >= n->gpus;
}

static enum instance_reason refuse(const struct instance *i, const struct instance_need *n)
{
	if (!(n->cores > 0) || !(n->memory_bytes > 0) || !isfinite(n->cores) ||
	    !isfinite(n->memory_bytes) || !(i->vcpus > 0) || !(i->memory_bytes > 0) ||
	    !(i->usd_per_hour >= 0) || !isfinite(i->usd_per_hour))
		return INSTANCE_NEED_UNKNOWN;
	if (!n->any_arch && i->arm != n->arm)
		return INSTANCE_ARCH;
	if (!gpus_fit(i, n))
		return INSTANCE_GPUS;
	if (i->burstable)
		return INSTANCE_BURSTABLE;
	if (n->nvme && !(i->nvme_bytes > 0))
		return INSTANCE_NVME;
	if (n->least_network_byte_s > 0 && !(i->network_byte_s >= n->least_network_byte_s))
		return INSTANCE_NETWORK;
	if (n->least_storage_byte_s > 0 && !(i->storage_byte_s >= n->least_storage_byte_s))
		return INSTANCE_STORAGE;
	if (i->spot && !(i->taken >= 0))
		return INSTANCE_TAKEN;
	return INSTANCE_FITS;
}

void instance_fit(const struct instance *i, const struct instance_need *n,
		  struct instance_outcome *ret)
{
	double k = n->at_most > 1 ? (double)n->at_most : 1;
	double usable = instance_memory_usable(i->memory_bytes);
	double each = n->packed_bytes > 0 ? n->packed_bytes : n->memory_bytes;

	*ret = (struct instance_outcome){ .reason = refuse(i, n), .spot_factor = 1, .ratio = 1 };
	if (ret->reason != INSTANCE_FITS)
		return;
	if (!limit(ret, &k, i->vcpus / n->cores, BINDS_CPU))
		ret->reason = INSTANCE_CPUS;
	else if (!(usable >= n->memory_bytes) || !limit(ret, &k, usable / each, BINDS_MEMORY))
		ret->reason = INSTANCE_MEMORY;
	else if (!bandwidth(ret, &k, i->network_byte_s, n->network_byte_s, BINDS_NETWORK))
		ret->reason = INSTANCE_NETWORK;
	else if (!(i->nvme_bytes > 0) &&
		 !bandwidth(ret, &k, i->storage_byte_s, n->storage_byte_s, BINDS_STORAGE))
		ret->reason = INSTANCE_STORAGE;
	else
		ret->at_a_time = (unsigned)fmin(k, 1e6);
}

bool instance_ratio(const struct instance *was, const struct instance *i, double *ret_ratio,
		    double *ret_error)
{
	bool same = was && ((was->cpu && i->cpu && !strcmp(was->cpu, i->cpu)) ||
			    (was->family && i->family && !strcmp(was->family, i->family)));

	if (!was || same) {
		*ret_ratio = 1;
		*ret_error = was ? 0 : INSTANCE_SPEED_ERROR;
		return true;
	}
	if (!(was->speed > 0) || !(i->speed > 0))
		return false;
	*ret_ratio = was->speed / i->speed;
	*ret_error = INSTANCE_SPEED_ERROR;
	return isfinite(*ret_ratio);
}

double instance_thread_speed(const struct instance *i, double load)
{
	double u = fmin(fmax(load, 0.5), 1);

	if (!i || !i->threads || !(load >= 0))
		return 1;
	/* of u threads, 2 u - 1 share a core, 1 - u have one */
	return ((1 - u) * INSTANCE_ALONE + 2 * u - 1) / u;
}

void instance_work_sum(struct instance_work *w)
{
	double least = INFINITY, most = 0, step;

	w->cpu_s = w->other_s = w->input_bytes = w->own_cpu_s = 0;
	memset(w->bins, 0, sizeof(w->bins));
	for (size_t i = 0; i < w->n; i++) {
		least = fmin(least, w->tasks[i].seconds);
		most = fmax(most, w->tasks[i].seconds);
	}
	step = most > least && least > 0 ? log(most / least) / INSTANCE_BINS : 1;
	for (size_t i = 0; i < w->n; i++) {
		const struct instance_task *t = &w->tasks[i];
		double at = least > 0 ? log(t->seconds / least) / step : 0;
		size_t bin = at > 0 ? (size_t)fmin(at, INSTANCE_BINS - 1) : 0;
		double own = t->seconds * t->cpu_share;
		double cpu = own * instance_thread_speed(w->was, t->load);

		w->bins[bin].cpu_s += cpu;
		w->bins[bin].other_s += t->seconds - own;
		w->bins[bin].n++;
		w->cpu_s += cpu;
		w->own_cpu_s += own;
		w->other_s += t->seconds - own;
		w->input_bytes += t->input_bytes;
	}
}

/* How much longer all tasks take with interruptions. */
static double factor_of(const struct instance *i, const struct instance_work *w, double ratio)
{
	double plain = 0, expected = 0;

	if (!i->spot)
		return 1;
	for (size_t k = 0; k < INSTANCE_BINS; k++) {
		double n = (double)w->bins[k].n;
		double hours = (w->bins[k].cpu_s * ratio + w->bins[k].other_s) / 3600;

		if (!(n > 0))
			continue;
		plain += hours;
		expected += n * spot_expected_hours(i->taken, hours / n, w->restart_hours);
	}
	return plain > 0 ? expected / plain : 1;
}

/* Places that are paid for, by those that are used: the last round may be in part empty. */
static double rounds(double tasks, unsigned at_a_time)
{
	return tasks >= 1 ? ceil(tasks / at_a_time - ROUNDING) * at_a_time / tasks : 1;
}

static bool elsewhere(const struct instance *i, const struct instance_work *w)
{
	return w->was && w->was->region && i->region && strcmp(w->was->region, i->region) != 0;
}

/* From the ratio of full machines to that of the time on a CPU as it was. */
static void apply_load(const struct instance *i, const struct instance_need *n,
		       const struct instance_work *w, struct instance_outcome *ret)
{
	double busy = (n->busy_cores > 0 ? n->busy_cores : n->cores) * ret->at_a_time;
	double there = w->was ? instance_thread_speed(i, busy / i->vcpus) : 1;
	double here = w->own_cpu_s > 0 ? w->cpu_s / w->own_cpu_s : 1;

	ret->speed_error = hypot(ret->speed_error, ALONE_ERROR * log(here / there));
	ret->ratio *= here / there;
}

void instance_predict(const struct instance *i, const struct instance_need *n,
		      const struct instance_work *w, struct instance_outcome *ret)
{
	double seconds, paid;

	instance_fit(i, n, ret);
	if (ret->reason != INSTANCE_FITS)
		return;
	if (!instance_ratio(w->was, i, &ret->ratio, &ret->speed_error)) {
		ret->reason = INSTANCE_SPEED;
		return;
	}
	apply_load(i, n, w, ret);
	seconds = w->own_cpu_s * ret->ratio + w->other_s;
	ret->spot_factor = factor_of(i, w, w->cpu_s > 0 ? ret->ratio * w->own_cpu_s / w->cpu_s : 1);
	paid = seconds / w->runs / ret->at_a_time * ret->spot_factor *
	       rounds(round((double)w->n / w->runs), ret->at_a_time);
	if (elsewhere(i, w))
		ret->transfer_usd = w->input_bytes / w->runs * w->transfer_usd_per_byte;
	ret->seconds = paid;
	ret->usd = paid / 3600 * i->usd_per_hour + ret->transfer_usd;
	if (!isfinite(ret->usd) || !(seconds > 0) || ret->transfer_usd < 0)
		ret->reason = INSTANCE_TIME;
}

double spot_expected_hours(double rate, double hours, double restart_hours)
{
	if (!(rate >= 0) || !(hours >= 0) || !(restart_hours >= 0))
		return NAN;
	if (rate * hours < 1e-12)
		return hours * (1 + rate * restart_hours);
	return expm1(rate * hours) * (1 / rate + restart_hours);
}

/* The largest x of (0, most) with spot_expected < allowed; both grow with it. */
static double largest(double on_demand_usd, double spot_usd, const double fixed[2], bool of_hours)
{
	double low = 1e-9, high = 1e9;

	for (int i = 0; i < 200; i++) {
		double x = sqrt(low * high);
		double rate = of_hours ? fixed[0] : x, hours = of_hours ? x : fixed[0];
		double cost = spot_usd * spot_expected_hours(rate, hours, fixed[1]);

		if (cost < on_demand_usd * hours)
			low = x;
		else
			high = x;
	}
	return low < 2e-9 ? 0 : low > 5e8 ? INFINITY : low;
}

double spot_break_even_hours(double on_demand_usd, double spot_usd, double rate,
			     double restart_hours)
{
	const double fixed[2] = { rate, restart_hours };

	if (!(on_demand_usd >= 0) || !(spot_usd >= 0) || !(rate >= 0) || !(restart_hours >= 0))
		return NAN;
	return largest(on_demand_usd, spot_usd, fixed, true);
}

double spot_break_even_rate(double on_demand_usd, double spot_usd, double hours,
			    double restart_hours)
{
	const double fixed[2] = { hours, restart_hours };

	if (!(on_demand_usd >= 0) || !(spot_usd >= 0) || !(hours > 0) || !(restart_hours >= 0))
		return NAN;
	return largest(on_demand_usd, spot_usd, fixed, false);
}

const char *instance_reason_words(enum instance_reason reason)
{
	static const char *const words[INSTANCE_REASONS] = {
		[INSTANCE_FITS] = "fits",
		[INSTANCE_NEED_UNKNOWN] = "size not known",
		[INSTANCE_ARCH] = "other architecture",
		[INSTANCE_GPUS] = "other GPUs than needed",
		[INSTANCE_BURSTABLE] = "may not use its CPUs all the time",
		[INSTANCE_CPUS] = "too few CPUs",
		[INSTANCE_MEMORY] = "too little memory",
		[INSTANCE_NVME] = "no local NVMe",
		[INSTANCE_NETWORK] = "too slow a network, or not known",
		[INSTANCE_STORAGE] = "too slow storage, or not known",
		[INSTANCE_SPEED] = "speed not known",
		[INSTANCE_TAKEN] = "interruptions not known",
		[INSTANCE_TIME] = "time not predictable",
		[INSTANCE_NOT_TRIED] = "not among the best by estimate",
	};

	return words[reason];
}

const char *instance_binds_word(enum instance_binds binds)
{
	static const char *const words[] = { "tasks", "CPU", "memory", "network", "storage" };

	return words[binds];
}
