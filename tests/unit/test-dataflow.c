/* SPDX-License-Identifier: Apache-2.0 */
/* src/analysis/flow*: who produced what another consumed. Times are in ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/analysis/flow.h"
#include "src/base/cleanup.h"

#define MS    1000000ULL
#define READ  WIRE_OPEN_READ
#define WRITE WIRE_OPEN_WRITE
#define MAKE  (WIRE_OPEN_WRITE | WIRE_OPEN_CREATED | WIRE_OPEN_TRUNCATED)
#define CWD   "/data"

enum { ENGINE, A, B, C, D, TASKS };

struct world {
	struct flow_input in;
	struct flow flow;
};

static struct world *world_new(bool all)
{
	static struct world w;

	w = (struct world){ 0 };
	assert_int_equal(flow_input_init(&w.in, CWD, all), 0);
	for (int64_t id = A; id < TASKS; id++) {
		const struct task_row row = {
			.id = id, .name = "task", .start_ns = 1, .end_ns = 9
		};

		assert_int_equal(flow_add_task(&w.in, &row), 0);
	}
	return &w;
}

/* A task's process has its number; the engine's head is process 100. */
static void use_row(struct world *w, int task, struct file_row row)
{
	row.process = task == ENGINE ? 100 : task;
	row.first_ns *= MS;
	row.last_ns = row.last_ns ? row.last_ns * MS : row.first_ns;
	assert_int_equal(flow_add_file(&w->in, &row, task), 0);
}

static void use(struct world *w, int task, const char *path, uint64_t inode, unsigned access,
		uint64_t at)
{
	use_row(w, task,
		(struct file_row){ .path = path,
				   .inode = inode,
				   .dev = 1,
				   .opens = 1,
				   .access = (uint16_t)access,
				   .first_ns = at,
				   .size_bytes = inode * 10 });
}

static void name_row(struct world *w, int task, const char *path, uint64_t at, bool renamed)
{
	use_row(w, task,
		(struct file_row){ .path = path,
				   .renamed_to = renamed,
				   .unlinked = !renamed,
				   .first_ns = at });
}

/* All edges as "A>B A>C ", in their order; "~" marks those via the engine. */
static const char *edges(struct world *w)
{
	static char text[1000];
	size_t len = 0;

	text[0] = '\0';
	assert_int_equal(flow_find(&w->in, &w->flow), 0);
	for (size_t i = 0; i < w->flow.n_edges; i++) {
		const struct flow_edge *e = &w->flow.edges[i];

		if (flow_is_task(e->from) && flow_is_task(e->to))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%c%c%c ",
						'A' + (char)e->from, e->via_engine ? '~' : '>',
						'A' + (char)e->to);
	}
	return text;
}

static void world_end(struct world *w)
{
	flow_fini(&w->flow);
	flow_input_fini(&w->in);
}

#define expect(w, wanted)                                                                          \
	do {                                                                                       \
		assert_string_equal(edges(w), wanted);                                             \
		world_end(w);                                                                      \
	} while (0)

static void test_chain(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/a", 1, MAKE, 1);
	use(w, B, "/data/a", 1, READ, 2);
	use(w, B, "/data/b", 2, MAKE, 3);
	use(w, C, "/data/b", 2, READ, 4);
	use(w, C, "/data/a", 1, READ, 5);
	use(w, D, "/data/in", 3, READ, 5);
	assert_string_equal(edges(w), "A>B A>C B>C ");
	assert_int_equal(w->flow.edges[0].bytes, 10);
	assert_int_equal(w->flow.edges[0].sizes, 1);
	assert_int_equal(w->flow.n_inputs, 1);
	assert_string_equal(w->in.paths[w->flow.inputs[0].path], "/data/in");
	assert_int_equal(w->flow.n_shared, 1);
	assert_int_equal(w->flow.shared[0].readers, 2);
	assert_int_equal(w->flow.n_outputs, 0);
	world_end(w);
}

static void test_time(void **state)
{
	struct world *w = world_new(false);

	use(w, B, "/data/a", 1, READ, 1); /* before anybody wrote it */
	use(w, A, "/data/a", 1, WRITE | WIRE_OPEN_TRUNCATED, 2);
	use(w, C, "/data/a", 1, READ, 3);
	use(w, D, "/data/a", 1, WRITE | WIRE_OPEN_TRUNCATED, 4);
	expect(w, "A>C ");
	w = world_new(false); /* the last writer before the read */
	use(w, A, "/data/a", 1, MAKE, 1);
	use(w, B, "/data/a", 1, WRITE | WIRE_OPEN_TRUNCATED, 2);
	use(w, C, "/data/a", 1, READ, 3);
	expect(w, "B>C ");
}

static void test_read_write(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/db", 1, MAKE | READ, 1);
	use(w, B, "/data/db", 1, WRITE | READ, 2); /* uses, and takes over */
	use(w, C, "/data/db", 1, READ, 3);
	expect(w, "A>B B>C ");
	w = world_new(false); /* emptied by the same call: nothing of A is used */
	use(w, A, "/data/db", 1, MAKE, 1);
	use(w, B, "/data/db", 1, WRITE | READ | WIRE_OPEN_TRUNCATED, 2);
	use(w, C, "/data/db", 1, READ, 3);
	expect(w, "B>C ");
}

static void test_append(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/log", 1, WRITE | WIRE_OPEN_CREATED, 1);
	use(w, B, "/data/log", 1, WRITE, 2);
	use(w, C, "/data/log", 1, WRITE, 3);
	expect(w, ""); /* writers of one log are not edges */
	w = world_new(false);
	use(w, A, "/data/log", 1, WRITE | WIRE_OPEN_CREATED, 1);
	use(w, B, "/data/log", 1, WRITE, 2);
	use(w, D, "/data/log", 1, READ, 3); /* but it holds what both wrote */
	use(w, C, "/data/log", 1, WRITE, 4);
	assert_string_equal(edges(w), "A>D B>D ");
	assert_int_equal(w->flow.n_shared, 0); /* two writers, one reader */
	world_end(w);
}

static void test_inode_reuse(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/tmp", 1, MAKE, 1);
	name_row(w, A, "/data/tmp", 2, false);
	use(w, B, "/data/b", 1, MAKE, 3); /* the same inode, another file */
	use(w, C, "/data/b", 1, READ, 4);
	assert_string_equal(edges(w), "B>C ");
	assert_int_equal(w->flow.temporary_unread, 1);
	world_end(w);
	w = world_new(false); /* of one that was read, and never seen to be deleted */
	use(w, A, "/data/x", 1, MAKE, 1);
	use(w, B, "/data/x", 1, READ, 2);
	use(w, C, "/data/y", 1, MAKE, 3);
	use(w, D, "/data/y", 1, READ, 4);
	expect(w, "A>B C>D ");
	w = world_new(false); /* so it is gone: no output */
	use(w, A, "/data/x", 1, MAKE, 1);
	use(w, B, "/data/y", 1, MAKE, 2);
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_outputs, 1);
	assert_string_equal(w->in.paths[w->flow.outputs[0].path], "/data/y");
	world_end(w);
}

static void rename_from(struct world *w, int task, const char *from, const char *path, uint64_t at)
{
	/* the number of a path that was used before */
	uint32_t source = 0;

	while (strcmp(w->in.paths[source], from) != 0)
		source++;
	name_row(w, task, path, at, true);
	w->in.uses[w->in.n_uses - 1].source = source;
}

static void test_rename_source(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/a", 0, MAKE, 1); /* no inode is known: by its former name */
	rename_from(w, B, "/data/a", "/data/b", 2);
	use(w, C, "/data/b", 7, READ, 3);
	use(w, D, "/data/a", 0, READ, 4); /* another file: that name is free again */
	assert_string_equal(edges(w), "A>B B>C ");
	assert_int_equal(w->flow.n_inputs, 1);
	world_end(w);
	w = world_new(false); /* what is removed later is not the renamed file */
	use(w, A, "/data/x.tmp", 1, MAKE, 1);
	name_row(w, A, "/data/x.tmp", 3, false);
	rename_from(w, A, "/data/x.tmp", "/data/x", 2);
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_outputs, 1);
	assert_string_equal(w->in.paths[w->flow.outputs[0].path], "/data/x");
	world_end(w);
}

static void test_name_anew(void **state)
{
	struct world *w = world_new(false);

	name_row(w, B, "/data/x", 1, true);
	use(w, A, "/data/x", 1, MAKE, 2); /* not what B had put there */
	use(w, C, "/data/x", 1, READ, 3);
	expect(w, "A>C ");
	w = world_new(false);
	name_row(w, B, "/data/x", 1, true);
	name_row(w, B, "/data/x", 2, false);
	use(w, C, "/data/x", 1, READ, 3);
	expect(w, "");
	w = world_new(false); /* replaced by something that nobody saw */
	use(w, A, "/data/a", 1, MAKE, 1);
	use(w, B, "/data/a", 9, READ, 2);
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_inputs, 1);
	world_end(w);
}

static void test_rename(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/x.tmp", 1, MAKE, 1);
	name_row(w, A, "/data/x", 2, true);
	use(w, B, "/data/x", 1, READ, 3);
	expect(w, "A>B "); /* by the inode, whatever its name */
	w = world_new(false);
	use(w, A, "/data/x.tmp", 1, MAKE, 1);
	name_row(w, B, "/data/x", 2, true); /* another task moved it there */
	use(w, C, "/data/x", 1, READ, 3);
	expect(w, "A>B B>C ");
	w = world_new(false); /* of what was renamed nothing is known: who put it there */
	name_row(w, B, "/data/x", 2, true);
	use(w, C, "/data/x", 1, READ, 3);
	expect(w, "B>C ");
	w = world_new(false); /* over another file, whose reader came before */
	use(w, A, "/data/x", 1, MAKE, 1);
	use(w, D, "/data/x", 1, READ, 2);
	use(w, B, "/data/x.tmp", 2, MAKE, 3);
	name_row(w, B, "/data/x", 4, true);
	use(w, C, "/data/x", 2, READ, 5);
	expect(w, "A>D B>C ");
	w = world_new(false); /* what was there is gone: one output */
	use(w, A, "/data/x", 1, MAKE, 1);
	name_row(w, B, "/data/x", 2, true);
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_outputs, 1);
	assert_int_equal(w->flow.outputs[0].task, 1);
	world_end(w);
}

/* sed -i: the old file is read, a new one takes its name; the row has one inode. */
static void test_in_place(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/x", 1, MAKE, 1);
	use(w, B, "/data/sed1", 2, MAKE, 3);
	use_row(w, B,
		(struct file_row){ .path = "/data/x",
				   .inode = 2,
				   .dev = 1,
				   .opens = 1,
				   .access = READ,
				   .renamed_to = true,
				   .first_ns = 2,
				   .last_ns = 4 });
	use(w, C, "/data/x", 2, READ, 5);
	expect(w, "A>B B>C ");
	w = world_new(false); /* moved here, read and deleted: nothing of before the run */
	use(w, A, "/tmp/a/x", 1, MAKE, 1);
	use_row(w, A,
		(struct file_row){ .path = "/tmp/b/x",
				   .opens = 1,
				   .access = READ,
				   .renamed_to = true,
				   .unlinked = true,
				   .first_ns = 2,
				   .last_ns = 4 });
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_inputs, 0);
	world_end(w);
}

static void test_path_alone(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/a", 0, MAKE, 1);
	use(w, B, "/data/a", 7, READ, 2);
	use(w, C, "/data/a", 7, READ, 3);
	expect(w, "A>B A>C ");
	w = world_new(false); /* neither side knows the inode */
	use(w, A, "/data/a", 0, MAKE, 1);
	use(w, B, "/data/a", 0, READ, 2);
	expect(w, "A>B ");
}

static void test_failed_opens(void **state)
{
	struct world *w = world_new(false);

	/* B looked for it before A made it, and got it later */
	use_row(w, B,
		(struct file_row){ .path = "/data/a",
				   .inode = 1,
				   .dev = 1,
				   .opens = 4,
				   .failed = 3,
				   .access = READ,
				   .first_ns = 1,
				   .last_ns = 5 });
	use(w, A, "/data/a", 1, MAKE, 3);
	use_row(w, C,
		(struct file_row){ .path = "/data/b",
				   .opens = 1,
				   .failed = 1,
				   .access = READ,
				   .first_ns = 6 });
	assert_string_equal(edges(w), "A>B ");
	assert_int_equal(w->flow.n_inputs, 0);
	world_end(w);
	w = world_new(false); /* C made it only when its inode was free again */
	use_row(w, C,
		(struct file_row){ .path = "/data/c",
				   .inode = 2,
				   .dev = 1,
				   .opens = 2,
				   .failed = 1,
				   .access = MAKE,
				   .first_ns = 1,
				   .last_ns = 5 });
	use(w, A, "/data/t", 2, MAKE, 2);
	use(w, B, "/data/t", 2, READ, 3);
	use(w, D, "/data/c", 2, READ, 6);
	expect(w, "A>B C>D ");
}

static void test_opened_twice(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/a", 1, MAKE, 1);
	use_row(w, C,
		(struct file_row){ .path = "/data/a",
				   .inode = 1,
				   .dev = 1,
				   .opens = 2,
				   .access = READ,
				   .first_ns = 2,
				   .last_ns = 4 });
	use(w, B, "/data/a", 1, WRITE | WIRE_OPEN_TRUNCATED, 3);
	expect(w, "A>C B>C ");
	w = world_new(false); /* opened once: the later time is that of its closing */
	use(w, A, "/data/a", 1, MAKE, 1);
	use_row(w, C,
		(struct file_row){ .path = "/data/a",
				   .inode = 1,
				   .dev = 1,
				   .opens = 1,
				   .access = READ,
				   .first_ns = 2,
				   .last_ns = 4 });
	use(w, B, "/data/a", 1, WRITE | WIRE_OPEN_TRUNCATED, 3);
	expect(w, "A>C ");
}

static void test_engine(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/tmp/out1/x.bam", 1, MAKE, 1); /* renamed by the engine: the inode stays */
	name_row(w, ENGINE, "/data/x.bam", 2, true);
	use(w, B, "/data/x.bam", 1, READ, 3);
	assert_string_equal(edges(w), "A~B ");
	assert_int_equal(w->flow.n_staging, 1);
	world_end(w);
	w = world_new(false); /* copied: read, then made, with the same base name */
	use(w, A, "/tmp/out1/x.bam", 1, MAKE, 1);
	use(w, ENGINE, "/tmp/out1/x.bam", 1, READ, 2);
	use(w, ENGINE, "/data/x.bam", 2, MAKE, 3);
	use(w, B, "/data/x.bam", 2, READ, 4);
	assert_string_equal(edges(w), "A~B ");
	assert_int_equal(w->flow.n_outputs, 0); /* the original has been used */
	world_end(w);
	w = world_new(false); /* another name: the engine's own file */
	use(w, A, "/tmp/out1/x.bam", 1, MAKE, 1);
	use(w, ENGINE, "/tmp/out1/x.bam", 1, READ, 2);
	use(w, ENGINE, "/data/list.txt", 2, MAKE, 3);
	use(w, B, "/data/list.txt", 2, READ, 4);
	expect(w, "");
	w = world_new(false); /* the same name, but much later */
	use(w, A, "/tmp/out1/x.bam", 1, MAKE, 1);
	use(w, ENGINE, "/tmp/out1/x.bam", 1, READ, 2);
	use(w, ENGINE, "/data/x.bam", 2, MAKE, 60000);
	use(w, B, "/data/x.bam", 2, READ, 60001);
	expect(w, "");
}

static void test_bookkeeping(void **state)
{
	static const char *const hidden[] = {
		"/data/.snakemake/log/1",
		"/data/__pycache__/m.pyc",
		"/home/user/.cache/fonts",
		"/dev/null",
		"/data/store/jobs/kind-x/instance-y/job",
		"/data/w/ab/12/.exitcode",
		"/home/user/.hidden/x",
	};
	static const char *const data[] = {
		"/data/.snakemake/shadow/tmp1/out", "/data/.parts/1", "/dev/shm/x", "/tmp/x",
		"/data/jobs/kind-x/list",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct world *w = world_new(false);

		use(w, A, hidden[i], 1, MAKE, 1);
		use(w, B, hidden[i], 1, READ, 2);
		expect(w, "");
		w = world_new(true);
		use(w, A, hidden[i], 1, MAKE, 1);
		use(w, B, hidden[i], 1, READ, 2);
		expect(w, "A>B ");
	}
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		struct world *w = world_new(false);

		use(w, A, data[i], 1, MAKE, 1);
		use(w, B, data[i], 1, READ, 2);
		expect(w, "A>B ");
	}
}

static void test_software(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/usr/share/genomes/x", 1, READ, 1);
	use(w, A, "/opt/r/lib/python3/os.py", 2, READ, 1);
	use(w, A, "/ref/x.fa", 3, READ, 1);
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_inputs, 1);
	assert_string_equal(w->in.paths[w->flow.inputs[0].path], "/ref/x.fa");
	world_end(w);
}

static void test_outputs(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/z", 1, MAKE, 1); /* read by nobody */
	use(w, A, "/data/used", 2, MAKE, 1);
	use(w, B, "/data/used", 2, READ, 2);
	use(w, A, "/data/own", 3, MAKE, 1); /* read by itself only */
	use(w, A, "/data/own", 3, READ, 2);
	use(w, A, "/data/gone", 4, MAKE, 1);
	name_row(w, ENGINE, "/data/gone", 3, false);
	name_row(w, A, "/data/moved", 3, true); /* under its last name */
	assert_string_equal(edges(w), "A>B ");
	assert_int_equal(w->flow.n_outputs, 3);
	assert_string_equal(w->in.paths[w->flow.outputs[0].path], "/data/moved");
	assert_string_equal(w->in.paths[w->flow.outputs[1].path], "/data/own");
	assert_string_equal(w->in.paths[w->flow.outputs[2].path], "/data/z");
	assert_int_equal(w->flow.outputs[2].task, 0);
	assert_int_equal(w->flow.temporary_unread, 1);
	world_end(w);
}

static void add_stream(struct world *w, int task, unsigned access, uint64_t at)
{
	use(w, task, "/data/fifo", 5, access, at);
	w->in.uses[w->in.n_uses - 1].stream = true;
}

static void test_stream(void **state)
{
	struct world *w = world_new(false);

	add_stream(w, A, WRITE, 2);
	add_stream(w, B, READ, 3);
	assert_string_equal(edges(w), "A>B ");
	assert_true(w->flow.edges[0].stream);
	assert_int_equal(w->flow.edges[0].sizes, 0);
	world_end(w);
	w = world_new(false); /* the reader's open came back first */
	add_stream(w, B, READ, 1);
	add_stream(w, A, WRITE, 2);
	expect(w, "A>B ");
}

/* The number of a pipe comes again, and steps of a script inherit the same one. */
static void test_stream_apart(void **state)
{
	struct world *w = world_new(false);

	w->in.tasks[A - 1].start_ns = 1 * MS;
	w->in.tasks[A - 1].end_ns = 4 * MS;
	w->in.tasks[B - 1].start_ns = 3 * MS;
	w->in.tasks[B - 1].end_ns = 5 * MS;
	w->in.tasks[C - 1].start_ns = 6 * MS;
	w->in.tasks[C - 1].end_ns = 9 * MS;
	w->in.tasks[D - 1].start_ns = 8 * MS;
	w->in.tasks[D - 1].end_ns = 0; /* alive at the end */
	add_stream(w, A, WRITE, 2);
	add_stream(w, B, READ, 3);
	add_stream(w, C, WRITE, 7);
	add_stream(w, D, READ, 8);
	expect(w, "A>B C>D ");
}

static void test_inherited(void **state)
{
	struct world *w = world_new(false);

	use(w, ENGINE, "/data/out", 1, MAKE, 1); /* the engine opens a task's output for it */
	use_row(w, A,
		(struct file_row){ .path = "/data/out",
				   .inode = 1,
				   .dev = 1,
				   .renamed_to = true,
				   .access = WRITE,
				   .first_ns = 2 });
	w->in.uses[w->in.n_uses - 1].renamed_to = false;
	w->in.uses[w->in.n_uses - 1].inherited = true;
	use(w, B, "/data/out", 1, READ, 3);
	expect(w, "A>B ");
}

static void test_hard_link(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/a", 1, MAKE, 1);
	name_row(w, C, "/stage/a", 2, true);
	w->in.uses[w->in.n_uses - 1].renamed_to = false;
	w->in.uses[w->in.n_uses - 1].linked = true;
	w->in.uses[w->in.n_uses - 1].inode = 1;
	w->in.uses[w->in.n_uses - 1].dev = 1;
	name_row(w, ENGINE, "/data/a", 3, false);
	use(w, B, "/stage/a", 1, READ, 4);
	expect(w, "A>B A>C C>B ");
	w = world_new(false); /* without its first name it is still there */
	use(w, A, "/data/a", 1, MAKE, 1);
	use(w, ENGINE, "/out/a", 1, READ, 2);
	name_row(w, ENGINE, "/data/a", 3, false);
	assert_string_equal(edges(w), "");
	assert_int_equal(w->flow.n_outputs, 1);
	world_end(w);
}

/* Rows for what is beyond a limit in one directory. */
static void test_many(void **state)
{
	struct world *w = world_new(false);

	use(w, A, "/data/parts/1", 1, MAKE, 1);
	use(w, B, "/data/parts/2", 2, MAKE, 1);
	use(w, C, "/data/other/3", 3, MAKE, 1);
	use(w, D, "/data/parts/*", 9, READ, 5);
	w->in.uses[w->in.n_uses - 1].many = true;
	w->in.directories = 1;
	assert_string_equal(edges(w), "A>D B>D ");
	assert_true(w->flow.edges[0].assumed);
	world_end(w);
	w = world_new(false);
	use(w, A, "/data/parts/*", 9, MAKE, 1);
	w->in.uses[w->in.n_uses - 1].many = true;
	w->in.directories = 1;
	use(w, B, "/data/parts/77", 77, READ, 2);
	use(w, C, "/data/other/77", 78, READ, 2);
	assert_string_equal(edges(w), "A>B ");
	assert_true(w->flow.edges[0].assumed);
	assert_int_equal(w->flow.n_inputs, 1);
	world_end(w);
}

/* More files times readers of a directory than there is place for: links are dropped, but
 * what was written when they were full is still known to be read. */
static void test_many_full(void **state)
{
	struct world *w = world_new(false);
	enum { FILES = 1500, READERS = FLOW_LINKS_MAX / FILES + 100 };
	char path[64];

	for (unsigned i = 1; i <= FILES; i++) {
		snprintf(path, sizeof(path), "/data/parts/%u", i);
		use(w, A, path, i, MAKE, 1);
	}
	for (unsigned i = 0; i < READERS; i++) {
		const struct task_row row = { .id = 1000 + i, .name = "many" };

		assert_int_equal(flow_add_task(&w->in, &row), 0);
		use(w, 1000 + (int)i, "/data/parts/*", FILES + 1, READ, 2);
		w->in.uses[w->in.n_uses - 1].many = true;
	}
	use(w, B, "/data/parts/late", FILES + 2, MAKE, 3);
	use(w, B, "/data/parts/later", FILES + 3, MAKE, 3);
	use(w, D, "/data/parts/*", FILES + 1, READ, 4);
	w->in.uses[w->in.n_uses - 1].many = true;
	w->in.directories = 1;
	use(w, B, "/data/other/unread", FILES + 4, MAKE, 3);
	name_row(w, B, "/data/parts/late", 5, false);
	name_row(w, B, "/data/parts/later", 5, false);
	name_row(w, B, "/data/other/unread", 5, false);
	assert_int_equal(flow_find(&w->in, &w->flow), 0);
	assert_int_equal(w->flow.n_links, FLOW_LINKS_MAX);
	assert_true(w->flow.links_dropped > 0);
	assert_int_equal(w->flow.temporary_unread, 1);
	world_end(w);
}

/* The rows' own order must not matter: only times do. */
static void test_any_order(void **state)
{
	struct world *w = world_new(false);

	use(w, C, "/data/b", 2, READ, 4);
	use(w, B, "/data/b", 2, MAKE, 3);
	use(w, B, "/data/a", 1, READ, 2);
	use(w, A, "/data/a", 1, MAKE, 1);
	expect(w, "A>B B>C ");
}

static void test_nested(void **state)
{
	struct world *w = world_new(false);
	const struct task_row inner = { .id = 50, .parent = A, .name = "inner" };

	assert_int_equal(flow_add_task(&w->in, &inner), 0);
	use(w, A, "/data/a", 1, MAKE, 1);
	assert_int_equal(flow_add_file(&w->in,
				       &(struct file_row){ .process = 50,
							   .path = "/data/a",
							   .inode = 1,
							   .dev = 1,
							   .opens = 1,
							   .access = READ,
							   .first_ns = 2 * MS,
							   .last_ns = 2 * MS },
				       50),
			 0);
	assert_true(w->in.tasks[0].encloses);
	expect(w, ""); /* what a task and one inside of it share is its own matter */
}

static void test_many_writers(void **state)
{
	struct world *w = world_new(false);

	for (int64_t id = 1000; id < 1000 + 2 * FLOW_WRITERS; id++) {
		const struct task_row row = { .id = id, .name = "many" };
		const struct file_row file = { .process = id,
					       .path = "/data/log",
					       .inode = 1,
					       .dev = 1,
					       .opens = 1,
					       .access = WRITE,
					       .first_ns = (uint64_t)id,
					       .last_ns = (uint64_t)id };

		assert_int_equal(flow_add_task(&w->in, &row), 0);
		assert_int_equal(flow_add_file(&w->in, &file, id), 0);
	}
	use(w, A, "/data/log", 1, READ, 1);
	assert_int_equal(flow_find(&w->in, &w->flow), 0);
	assert_int_equal(w->flow.writers_dropped, FLOW_WRITERS);
	assert_int_equal(w->flow.n_edges, FLOW_WRITERS);
	world_end(w);
}

static void test_collapse(void **state)
{
	struct world *w = world_new(false);
	const uint32_t group[] = { 0, 1, 1, 2 };
	struct flow by_name = { 0 };

	use(w, A, "/data/a", 1, MAKE, 1);
	use(w, B, "/data/a", 1, READ, 2);
	use(w, C, "/data/a", 1, READ, 2);
	use(w, B, "/data/b", 2, MAKE, 3);
	use(w, C, "/data/b", 2, READ, 4);
	assert_string_equal(edges(w), "A>B A>C B>C ");
	assert_int_equal(flow_collapse(&w->flow, group, &by_name), 0);
	assert_int_equal(by_name.n_edges, 2);
	assert_int_equal(by_name.edges[0].n, 1); /* one file, though two tasks read it */
	assert_int_equal(by_name.edges[1].from, by_name.edges[1].to);
	flow_fini(&by_name);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),	     cmocka_unit_test(test_time),
		cmocka_unit_test(test_read_write),   cmocka_unit_test(test_append),
		cmocka_unit_test(test_inode_reuse),  cmocka_unit_test(test_rename),
		cmocka_unit_test(test_in_place),     cmocka_unit_test(test_rename_source),
		cmocka_unit_test(test_name_anew),    cmocka_unit_test(test_path_alone),
		cmocka_unit_test(test_failed_opens), cmocka_unit_test(test_opened_twice),
		cmocka_unit_test(test_engine),	     cmocka_unit_test(test_bookkeeping),
		cmocka_unit_test(test_software),     cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_stream),	     cmocka_unit_test(test_stream_apart),
		cmocka_unit_test(test_inherited),    cmocka_unit_test(test_hard_link),
		cmocka_unit_test(test_any_order),    cmocka_unit_test(test_many),
		cmocka_unit_test(test_nested),	     cmocka_unit_test(test_many_full),
		cmocka_unit_test(test_many_writers), cmocka_unit_test(test_collapse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
