/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kind of machine tasks would run on best: what fits, how long they would take,
 * what that would cost, and within which range the saving lies. From observed use;
 * prices and facts about machines are the caller's. Pure: no I/O.
 *
 * A task of c cores, m bytes and t seconds without waits for a CPU, of which the share
 * s was spent on one (the ledger's), takes on a machine of V vCPUs and M bytes
 *	t (s speed_was / speed_would + 1 - s)
 * k = min(V / c, (0.94 M - 0.5 GiB) / m, bandwidth / rate, tasks seen to be independent)
 * of them run side by side, so each pays for a k-th of that time, and for the empty
 * places of the last round. Speed is CoreMark per vCPU with all of them busy. Where vCPUs
 * are threads of a core, one whose neighbour idles is INSTANCE_ALONE times as fast: what
 * ran on a half-empty machine must not be taken for slow. docs/tune.md has the sources.
 *
 * Money here is a double in USD: predictions, never books.
 */
#ifndef TRACER_ANALYSIS_INSTANCES_H
#define TRACER_ANALYSIS_INSTANCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/whatif.h"

#define INSTANCE_FEW	      3	   /* fewer tasks: nothing is advised */
#define INSTANCE_SPEED_ERROR  0.25 /* sd of log(time / predicted) on another CPU model: measured */
#define INSTANCE_ALONE	      (2 / 1.3) /* two threads of a core do 1.3 times what one does */
#define INSTANCE_NETWORK_ANY  12.5e6	/* bytes/s that every machine has */
#define INSTANCE_NEAR	      0.01	/* costs that differ by less are the same */
#define INSTANCE_FASTER_LEAST 0.1	/* less time: else it is not called faster */
#define INSTANCE_SLOWER_MOST  2		/* times the time: slower ones are not advised */

/* One machine type in one region, bought in one way. Texts are borrowed. */
struct instance {
	const char *type, *region, *family, *cpu; /* cpu NULL: unknown */
	double vcpus, memory_bytes, usd_per_hour;
	double speed;			       /* of a vCPU; 0: unknown */
	double nvme_bytes;		       /* < 0: unknown */
	double network_byte_s, storage_byte_s; /* 0: unknown */
	double gpus;			       /* < 0: accelerators that are none */
	const char *gpu_model;
	/* Spot: times an hour that it is taken away: what is assumed, and its range; < 0: unknown.
	 */
	double taken, taken_low, taken_high;
	bool arm, burstable, spot;
	bool threads; /* its vCPUs are hardware threads, two of a core */
};

struct instance_need {
	double busy_cores;				   /* of one task, in the mean; 0: cores */
	double cores, memory_bytes;			   /* of one task; memory with its margin */
	double network_byte_s, storage_byte_s;		   /* of one task, in the mean */
	double least_network_byte_s, least_storage_byte_s; /* of the machine; 0: any */
	double gpus;
	const char *gpu_model;
	double packed_bytes; /* of each of several side by side, where peaks were seen not to
			      * coincide; 0: memory_bytes */
	bool nvme, arm, any_arch;
	size_t at_most; /* tasks side by side; >= 1 */
};

enum instance_reason { /* why it is not a candidate */
		       INSTANCE_FITS,
		       INSTANCE_NEED_UNKNOWN,
		       INSTANCE_ARCH,
		       INSTANCE_GPUS,
		       INSTANCE_BURSTABLE,
		       INSTANCE_CPUS,
		       INSTANCE_MEMORY,
		       INSTANCE_NVME,
		       INSTANCE_NETWORK,
		       INSTANCE_STORAGE,
		       INSTANCE_SPEED,
		       INSTANCE_TAKEN, /* how often spot machines are taken away is not known */
		       INSTANCE_TIME,  /* its time cannot be predicted */
		       INSTANCE_NOT_TRIED,
		       INSTANCE_REASONS
};

enum instance_binds { BINDS_TASKS, BINDS_CPU, BINDS_MEMORY, BINDS_NETWORK, BINDS_STORAGE };

struct instance_task {
	double seconds;	    /* > 0, without waits for a CPU */
	double cpu_share;   /* of seconds, 0-1 */
	double load;	    /* of the machine's CPUs that were busy meanwhile; 1: all */
	double input_bytes; /* read from outside of it; 0: unknown */
	double usd;	    /* what it cost; NAN: unknown */
};

#define INSTANCE_BINS 64

struct instance_work { /* tasks of one kind, of one or several runs */
	const struct instance_task *tasks;
	size_t n;
	double runs;		      /* >= 1 */
	double restart_hours;	      /* lost at each interruption beside the work */
	double transfer_usd_per_byte; /* to another region; < 0: unknown */
	const struct instance *was;   /* where they ran; NULL: unknown (taken as equally fast) */
	/* by instance_work_sum(): */
	double cpu_s, other_s, input_bytes; /* cpu_s as if all CPUs had been busy */
	double own_cpu_s;		    /* as it was */
	struct {
		double cpu_s, other_s;
		size_t n;
	} bins[INSTANCE_BINS]; /* tasks of about one length, for what interruptions cost */
};

struct instance_outcome { /* of all tasks of one run */
	enum instance_reason reason;
	enum instance_binds binds;
	unsigned at_a_time;
	double ratio;	    /* time on a CPU there / here */
	double speed_error; /* sd of its logarithm: of the speed, and of what idle threads give */
	double time_error;  /* the same of all the time, from how it was predicted */
	double seconds, usd, transfer_usd;
	double spot_factor; /* by which interruptions stretch it; 1: none */
};

/* What fits, and how many tasks side by side: reason, at_a_time, binds. */
void instance_fit(const struct instance *i, const struct instance_need *n,
		  struct instance_outcome *ret);
/* false: not known. was NULL: 1. */
bool instance_ratio(const struct instance *was, const struct instance *i, double *ret_ratio,
		    double *ret_error);
/* Speed of a busy vCPU by that with all of them busy. load: share that is busy. */
double instance_thread_speed(const struct instance *i, double load);
double instance_memory_usable(double memory_bytes);
void instance_work_sum(struct instance_work *w);
/* All of an outcome; with a reason other than INSTANCE_FITS nothing else counts. */
void instance_predict(const struct instance *i, const struct instance_need *n,
		      const struct instance_work *w, struct instance_outcome *ret);
const char *instance_reason_words(enum instance_reason reason);
const char *instance_binds_word(enum instance_binds binds);

/*
 * Interruptions at a rate l an hour, work lost, r hours to begin again:
 * E[T] = (e^(l T) - 1) (1 / l + r). l 0: T. NAN for what is no number or below 0.
 */
double spot_expected_hours(double rate, double hours, double restart_hours);
/* How long a task may take so that spot is still cheaper; INFINITY: any, 0: none. */
double spot_break_even_hours(double on_demand_usd, double spot_usd, double rate,
			     double restart_hours);
/* How often a machine may be taken away an hour so that spot is still cheaper for work of
 * that length; INFINITY, 0: as above. */
double spot_break_even_rate(double on_demand_usd, double spot_usd, double hours,
			    double restart_hours);

struct instance_sample { /* what one task (or run) cost, and would */
	double observed, cpu_part, rest;
};
struct instance_range {
	double low, middle, high;
};
/* The sum of observed - predicted with the range that holds it with 95 %: samples are drawn
 * again and again (above 300 the normal form), the CPU part with the error of the speed, all
 * with another error (sd of logarithms). n 0 or what is no number: -EINVAL; -ENOMEM. */
int instance_saving(const struct instance_sample *s, size_t n, double speed_error,
		    double other_error, struct instance_range *ret);

enum instance_way {
	WAY_CHEAPER, /* in the same region, bought as it was */
	WAY_FASTER,  /* the same, and for no more money */
	WAY_FAMILY,  /* the same, of the same family */
	WAY_REGION,  /* bought as it was, in another region */
	WAY_OTHER,   /* spot instead of on-demand, or the other way round */
	INSTANCE_WAYS
};

struct instance_terms {
	const char *type, *family, *region; /* NULL: unknown, any */
	bool spot;
	double usd, seconds; /* to be less than, half of; NAN: unknown */
	double budget_usd;   /* of what is faster; NAN: any */
	bool cpu_limited;    /* a faster CPU is of use */
};

/* The best of each way that is better than the same machine; SIZE_MAX: none. */
void instance_choose(const struct instance *list, const struct instance_outcome *outcomes, size_t n,
		     const struct instance_terms *terms, size_t ret[INSTANCE_WAYS]);
const char *instance_way_word(enum instance_way way, bool was_spot);

/* A whole run on one machine: the observed tasks run again on paper (whatif.h). */
struct instance_run {
	const struct whatif_task *tasks; /* .faster is not looked at */
	size_t n;
	double seconds, cores; /* of the run; of the machine it ran on */
	double usd;	       /* what it cost; NAN: unknown */
	double cpu_share;      /* of its tasks' time */
	double load;	       /* of the machine's CPUs that were busy while tasks ran */
	double outside_bytes;  /* memory of what ran outside of tasks */
	double input_bytes, transfer_usd_per_byte, restart_hours;
	const struct instance *was; /* not NULL */
	struct instance_need need;  /* memory_bytes: of the largest task */
};

#define INSTANCE_RUN_TASKS_MAX 20000 /* longer ones are not run again on paper */

struct instance_run_peak {
	double memory_bytes, cores; /* of all tasks that ran at the same time */
};

void instance_run_peak(const struct instance_run *r, struct instance_run_peak *ret);
/* An outcome for each of the list; those that cannot be among the best by estimate are
 * INSTANCE_NOT_TRIED. 0 or -ENOMEM. */
int instance_run_predict(const struct instance_run *r, const struct instance *list, size_t n,
			 struct instance_outcome *outcomes);

#endif
