/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules against those who mean harm or make mistakes: rule files with misspelt or
 * misplaced keys, variables that nobody may ask for, programs whose arguments,
 * titles, paths and groups are as long and as odd as the kernel lets them be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/track/rules.h"

#define HUGE_LEN 8192

static int load_text(const char *yaml, struct rules **ret, struct rules_error *error)
{
	char path[] = "/tmp/tracer-rules-XXXXXX";
	const char *files[] = { path };
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	*error = (struct rules_error){ 0 };
	rc = rules_load(files, 1, ret, error);
	unlink(path);
	return rc;
}

static struct rules *builtin(void)
{
	struct rules_error e = { 0 };
	struct rules *r = NULL;

	if (rules_load(NULL, 0, &r, &e) < 0)
		fail_msg("%s:%u:%u: %s", e.file, e.line, e.column, e.text);
	return r;
}

#define TASK   "- id: a\n  kind: task\n  when: {comm: x}\n  "
#define ENGINE "- id: a\n  kind: engine\n  when: {comm: x}\n  "

static void test_mistakes(void **state)
{
	static const struct {
		const char *yaml;
		unsigned line, column;
		const char *text;
	} cases[] = {
		{ TASK "atempt_by: n\n", 4, 3, "did you mean 'attempt_by'" },
		{ TASK "lerns: {}\n", 4, 3, "did you mean 'learn'" },
		{ TASK "opena: mark\n", 4, 3, "did you mean 'opens'" },
		{ TASK "cancel_signal: [INT]\n", 4, 3, "did you mean 'cancel_signals'" },
		{ TASK "tool_only_under: x\n", 4, 3, "did you mean 'tools_only_under'" },
		{ TASK "zzzzzzzzzz: 1\n", 4, 3, "unknown key 'zzzzzzzzzz'" },
		{ TASK "run: {kye: x}\n", 4, 9, "did you mean 'key'" },
		{ TASK "run: {name: x}\n", 4, 8, "run needs a key" },
		{ TASK "pop_when: {titel: x}\n", 4, 14, "did you mean 'title'" },
		{ TASK "extract: {n: {evn: X}}\n", 4, 17, "did you mean 'env'" },
		{ TASK "extract: {n: {titel_re: X}}\n", 4, 17, "did you mean 'title_re'" },
		{ TASK "tests: [{comn: x}]\n", 4, 12, "did you mean 'comm'" },
		{ TASK "attempt_by: nope\n", 1, 3, "'nope' is no field" },
		{ TASK "anchor_dir: nope\n", 1, 3, "'nope' is no field" },
		{ TASK "key: ['${pid}', '${nope}']\n", 1, 3, "${nope} is no field" },
		{ TASK "run: {key: x, name: '${nope}'}\n", 1, 3, "${nope} is no field" },
		{ TASK "tools_only_under: no.such\n", 1, 3, "no such rule: no.such" },
		{ TASK "extract: {n: {from: l}, l: {word: 1}}\n", 1, 3, "no field before" },
		{ TASK "extract: {n: {word: 1, strip: l}, l: {word: 2}}\n", 1, 3,
		  "no field before" },
		{ TASK "names: no.such\n", 1, 3, "no such rule: no.such" },
		{ ENGINE "names: make.head\n", 1, 3, "are for tasks" },
		{ TASK "opens: mark\n", 1, 3, "is for wrappers" },
		{ TASK "owns: '(x)'\n", 1, 3, "owns is for engines" },
		{ ENGINE "leaks: true\n", 1, 3, "leaks is for tasks" },
		{ ENGINE "owns: x\n", 1, 3, "needs a group" },
		{ ENGINE "cancel_signals: [TREM]\n", 4, 19, "no such signal" },
		{ "- {id: a, kind: task, when: {titl: x}}\n", 1, 30, "did you mean 'title'" },
		{ "- {id: a, kind: task, when: {argv.x: x}}\n", 1, 30, "unknown condition" },
		{ "- {id: a, kind: task, when: {any: [{comm: x}, {cmm: y}]}}\n", 1, 48,
		  "did you mean 'comm'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rules *r = NULL;
		struct rules_error e;

		if (load_text(cases[i].yaml, &r, &e) != -22 || e.line != cases[i].line ||
		    e.column != cases[i].column || !strstr(e.text, cases[i].text))
			fail_msg("%s-> %u:%u: %s", cases[i].yaml, e.line, e.column, e.text);
	}
}

static void test_forbidden_variables(void **state)
{
	static const char *const names[] = {
		"PREFECT__CONTROL_TOKEN",
		"PREFECT_API_KEY",
		"PREFECT__",
		"NXF_CLI",
		"ARGO_TEMPLATE",
		"GITHUB_TOKEN",
		"CI_JOB_TOKEN",
		"AWS_SECRET_ACCESS_KEY",
		"AIRFLOW_CTX_DAG_OWNER",
		"DB_PASSWORD",
		"JPY_API_TOKEN",
		"AIRFLOW_CTX_DAG_EMAIL",
		"DAGSTER_COMPRESSED_EXECUTE_STEP_ARGS",
		"A NAME",
		"1ST",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN",
	};
	static const char *const forms[] = {
		"- {id: a, kind: task, when: {env: '%s'}}\n",
		"- {id: a, kind: task, when: {env: '%s=^x$'}}\n",
		"- {id: a, kind: task, when: {comm: x}, extract: {n: {env: '%s'}}}\n",
	};
	char yaml[256];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
			struct rules *r = NULL;
			struct rules_error e;

			snprintf(yaml, sizeof(yaml), forms[k], names[i]);
			if (load_text(yaml, &r, &e) != -22)
				fail_msg("accepted: %s", yaml);
			assert_non_null(strstr(e.text, names[i]));
		}
}

/* Each of these is exported by a scheduler, an engine or a CI system to say what runs
 * (docs/rules.md); another one needs a reason as good. */
static void test_listed_variables(void **state)
{
	static const char allowed[] =
		" TRACER_TRACE_ID TRACER_RUN_ID TRACER_PIPELINE_NAME"
		" SLURM_JOB_ID SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID SLURM_STEP_ID SLURM_PROCID"
		" SLURM_JOB_NAME SLURM_RESTART_COUNT SLURM_CPUS_PER_TASK SLURM_MEM_PER_NODE"
		" SLURM_MEM_PER_CPU SLURM_JOB_CPUS_PER_NODE SLURM_CLUSTER_NAME SLURM_JOB_SLUID"
		" SLURM_SUBMIT_DIR SLURM_JOB_USER SLURM_JOB_ACCOUNT SLURM_JOB_PARTITION"
		" PBS_JOBID PBS_JOBNAME PBS_ARRAY_INDEX PBS_ARRAYID PBS_ARRAY_ID PBS_NODENUM NCPUS"
		" PBS_O_WORKDIR PBS_QUEUE PBS_NP"
		" LSB_JOBID LSB_JOBINDEX LSB_JOBNAME LSB_RESTART LSB_DJOB_NUMPROC LSB_QUEUE "
		"LS_SUBCWD"
		" JOB_ID JOB_NAME SGE_TASK_ID RESTARTED NSLOTS QUEUE SGE_CELL SGE_O_WORKDIR"
		" _CONDOR_JOB_AD _CONDOR_SCRATCH_DIR"
		" AWS_BATCH_JOB_ID AWS_BATCH_JOB_ATTEMPT AWS_BATCH_JOB_ARRAY_INDEX "
		"AWS_BATCH_JQ_NAME"
		" AWS_BATCH_CE_NAME AWS_BATCH_JOB_NODE_INDEX AWS_BATCH_JOB_NUM_NODES"
		" BATCH_TASK_INDEX BATCH_TASK_COUNT BATCH_TASK_RETRY_ATTEMPT BATCH_JOB_UID"
		" AZ_BATCH_JOB_ID AZ_BATCH_TASK_ID AZ_BATCH_POOL_ID"
		" FLUX_JOB_ID HQ_JOB_ID HQ_TASK_ID HQ_INSTANCE_ID FLUX_TASK_RANK"
		" NXF_TASK_WORKDIR NXF_UUID TOWER_WORKFLOW_ID OMP_NUM_THREADS"
		" AIRFLOW_CTX_DAG_ID AIRFLOW_CTX_TASK_ID AIRFLOW_CTX_DAG_RUN_ID"
		" AIRFLOW_CTX_TRY_NUMBER AIRFLOW_CTX_EXECUTION_DATE"
		" PREFECT__FLOW_RUN_ID PREFECT__FLOW_NAME PREFECT__DEPLOYMENT_NAME"
		" PREFECT__FLOW_ENTRYPOINT"
		" DAGSTER_RUN_JOB_NAME DAGSTER_RUN_STEP_KEY"
		" FLYTE_INTERNAL_EXECUTION_ID FLYTE_INTERNAL_EXECUTION_PROJECT"
		" FLYTE_INTERNAL_EXECUTION_DOMAIN FLYTE_INTERNAL_EXECUTION_WORKFLOW"
		" FLYTE_INTERNAL_TASK_NAME FLYTE_ATTEMPT_NUMBER _F_PN"
		" ARGO_WORKFLOW_NAME ARGO_NODE_ID ARGO_CONTAINER_NAME ARGO_POD_UID KFP_POD_NAME"
		" KFP_RETRY_INDEX METAFLOW_RUN_ID METAFLOW_STEP_NAME METAFLOW_RETRY_COUNT"
		" CYLC_WORKFLOW_ID CYLC_TASK_JOB CYLC_TASK_NAME CYLC_TASK_CYCLE_POINT"
		" CYLC_TASK_TRY_NUMBER PEGASUS_WF_UUID PEGASUS_WF_LABEL PEGASUS_DAG_JOB_ID"
		" PARSL_WORKER_BLOCK_ID PARSL_WORKER_RANK MAKELEVEL PARALLEL_SEQ PARALLEL_PID"
		" PARALLEL_JOBSLOT JPY_SESSION_NAME JPY_PARENT_PID TORCHELASTIC_RUN_ID RANK"
		" LOCAL_RANK WORLD_SIZE MLFLOW_RUN_ID WANDB_RUN_ID GITHUB_RUN_ID"
		" GITHUB_RUN_ATTEMPT GITHUB_WORKFLOW GITHUB_JOB CI_PIPELINE_ID CI_JOB_ID BUILD_TAG"
		" CONDA_DEFAULT_ENV APPTAINER_NAME SINGULARITY_NAME ";
	struct rules *r = builtin();
	unsigned unlisted = 0;

	for (const char *const *n = rules_env_names(r); *n; n++) {
		char word[64];

		snprintf(word, sizeof(word), " %.60s ", *n);
		if (strstr(allowed, word))
			continue;
		fprintf(stderr, "%s is not on the list\n", *n);
		unlisted++;
	}
	assert_int_equal(unlisted, 0);
	rules_free(r);
}

/* ---- subjects ---- */

static void check_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			fail_msg("a control character in what a rule found");
}

static int check_result(void *ctx, struct rule_result *m)
{
	unsigned *n = ctx;

	check_text(m->key);
	check_text(m->run_key);
	assert_true(m->n_fields <= RULE_FIELDS_MAX);
	for (unsigned i = 0; i < m->n_fields; i++) {
		check_text(m->fields[i].value);
		assert_true(strlen(m->fields[i].value) < RULE_VALUE_MAX);
	}
	++*n;
	return 0;
}

static unsigned ask(const struct rules *r, const struct rule_input *in)
{
	enum rule_kind kinds[RULE_KINDS];
	unsigned n = 0;

	for (unsigned k = 0; k < RULE_KINDS; k++)
		kinds[k] = k;
	rules_match_each(r, kinds, RULE_KINDS, in, check_result, &n);
	return n;
}

/* What the built-in patterns are about, over and over, and never quite right. */
static const char *const fills[] = {
	"a",
	"/",
	"\n",
	"\x01",
	"\x7f",
	"\xff",
	"\xc3",
	"\xe2\x82",
	"0",
	"=",
	" ",
	"-",
	"''",
	"\\",
	"/kubepods-pod",
	"/cylc-run/a/log/job/1/b/01/jo",
	"A=b ",
	"\"run_id\": \"0123",
	"airflow task runner: a b ",
	"/job_working_directory/000/1/",
	"kernel-a.jso",
	"/fork0/chnk",
	"ray::a",
	"Apptainer runtime parent: ",
	"/runinfo/003/",
	"%s%n",
	"${pid}",
	"/.snakemake/incomplete/",
	"/01/0123456789abcdef0123456789abcd/.command",
	"--run-id=",
};

static const char *const programs[] = { "python3.11", "java", "bash", "argoexec", "launch", "mrp",
					"ch-run",     "x",    "perl", "node",	  "make" };

static void fill(char *buf, size_t size, const char *with)
{
	size_t len = strlen(with);

	for (size_t i = 0; i < size; i++)
		buf[i] = with[i % len];
}

/* program, then as many hostile words of that length as go into 8 KiB */
static struct bytes make_argv(char *buf, const char *program, const char *with, size_t word)
{
	size_t at = (size_t)snprintf(buf, 64, "%s", program) + 1;

	fill(buf + at, HUGE_LEN - at, with);
	for (size_t i = at + word; i < HUGE_LEN; i += word + 1)
		buf[i] = '\0';
	return (struct bytes){ buf, HUGE_LEN };
}

static void test_hostile_subjects(void **state)
{
	static const size_t lengths[] = { HUGE_LEN, 4096, 300, 7 };
	static char argv[HUGE_LEN + 64], text[HUGE_LEN + 1], env[HUGE_LEN], comm[16];
	struct rules *r = builtin();

	for (size_t f = 0; f < ARRAY_SIZE(fills); f++) {
		fill(text, HUGE_LEN, fills[f]);
		fill(env, sizeof(env), fills[f]);
		memcpy(env, "PREFECT__FLOW_RUN_ID=", 21);
		memcpy(comm, text, 15);
		for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
			struct rule_input in = { .file = text,
						 .exe = programs[p],
						 .comm = comm,
						 .cwd = text,
						 .cgroup = text,
						 .nodename = text,
						 .env = { env, sizeof(env) },
						 .pid = UINT32_MAX,
						 .nspid = 1 };

			for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
				in.argv = make_argv(argv, programs[p], fills[f], lengths[l]);
				ask(r, &in);
			}
		}
		ask(r, &(struct rule_input){ .title = text, .comm = comm, .pid = 1 });
	}
	rules_free(r);
}

/* Values with control characters are dropped, and with them what needs them. */
static void test_control_characters(void **state)
{
	static const char argv[] = "python3\0/x/airflow\0tasks\0run\0d\0t\n2\0r\x1b[2J";
	struct rules *r = builtin();
	struct rule_result m;
	struct rule_input in = { .exe = "/usr/bin/python3.11", .argv = { argv, sizeof(argv) } };

	assert_int_equal(rules_match(r, RULE_TASK, &in, &m), 0);
	assert_string_equal(rule_id(m.rule), "airflow.run");
	assert_string_equal(rule_result_field(&m, "dag"), "d");
	assert_null(rule_result_field(&m, "task"));
	assert_null(rule_result_field(&m, "dag_run"));
	assert_string_equal(m.key, "");
	assert_string_equal(m.run_key, "");
	in = (struct rule_input){ .title = "airflow task runner: a\tb c d 1" };
	assert_int_equal(rules_match(r, RULE_TASK, &in, &m), 0);
	assert_string_equal(m.key, "");
	rules_free(r);
}

/* Patterns that a library which starts anew at each byte needs 30 to 150 ms for, each
 * time; the test's time limit is what it would not keep. */
static void test_patterns_are_linear(void **state)
{
	static const char *const patterns[] = {
		"(a*)*b",
		"(a|aa)*b",
		"(a|b|ab)*c",
		"(x+x+)+y",
		"(.*)(.*)(.*)(.*)x",
		"(.*/)*x$",
		"(.*)/cylc-run/(.+)/log/job/([^/]+)/([^/]+)/([0-9]+)/job$",
	};
	static char text[HUGE_LEN + 1];
	struct rule_result m;
	char yaml[512];

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct rules *r = NULL;
		struct rules_error e;

		snprintf(yaml, sizeof(yaml), "- {id: a, kind: tool, when: {cwd: '%s'}}\n",
			 patterns[i]);
		if (load_text(yaml, &r, &e) < 0)
			fail_msg("%s: %s", patterns[i], e.text);
		for (size_t f = 0; f < ARRAY_SIZE(fills); f++) {
			fill(text, HUGE_LEN, fills[f]);
			for (unsigned n = 0; n < 10; n++)
				rules_match(r, RULE_TOOL, &(struct rule_input){ .cwd = text }, &m);
		}
		rules_free(r);
	}
}

/* What would take long whatever the library does is refused. */
static void test_patterns_refused(void **state)
{
	static const char *const patterns[] = {
		"(a)\\\\1",
		"a{255}{255}",
		"((a{0,30}){0,30})b",
		"(a?){64}b",
		"(.{1,100}){1,10}b",
		"(((a*)*b)*c){9}(a*b*c*d*e*f*g*h*){20}",
		"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a",
	};
	char yaml[512];

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct rules *r = NULL;
		struct rules_error e;

		snprintf(yaml, sizeof(yaml), "- {id: a, kind: tool, when: {cwd: \"%s\"}}\n",
			 patterns[i]);
		if (load_text(yaml, &r, &e) != -22)
			fail_msg("accepted: %s", patterns[i]);
	}
}

/* A thousand containers in 512 places: what is remembered is what is true. */
static void test_cgroup_cache(void **state)
{
	static struct rule_cache cache;
	static char paths[1000][128];
	struct rules *r = builtin();
	struct rule_result with, without;

	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++)
		snprintf(paths[i], sizeof(paths[0]), "/%s/burstable/pod%08x-0-0-0-0/%064x",
			 i % 3 ? "kubepods" : "other", i, i);
	for (unsigned i = 0; i < 5 * ARRAY_SIZE(paths); i++) {
		struct rule_input in = { .cgroup = paths[i * 7 % 1000], .pid = 7 };
		int rc = rules_match(r, RULE_CONTAINER, &in, &without);

		in.cache = &cache;
		assert_int_equal(rules_match(r, RULE_CONTAINER, &in, &with), rc);
		if (rc)
			continue;
		assert_string_equal(with.key, without.key);
		assert_int_equal(with.n_fields, without.n_fields);
		for (unsigned k = 0; k < with.n_fields; k++)
			assert_string_equal(with.fields[k].value, without.fields[k].value);
	}
	rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_forbidden_variables),
		cmocka_unit_test(test_listed_variables),
		cmocka_unit_test(test_hostile_subjects),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_patterns_are_linear),
		cmocka_unit_test(test_patterns_refused),
		cmocka_unit_test(test_cgroup_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
