/* SPDX-License-Identifier: Apache-2.0 */
/* A process as a record, with the texts that are composed for it. */
#ifndef TRACER_CLI_PROCESS_RECORD_H
#define TRACER_CLI_PROCESS_RECORD_H

#include "src/base/str.h"
#include "src/model/fields.h"
#include "src/store/store.h"

/* "<first 8 hex of the boot id>-<pid>-<start in hex>": unique across reboots. */
#define PROCESS_ID_MAX 48

struct process_record {
	struct record record;
	char id[PROCESS_ID_MAX], parent[PROCESS_ID_MAX];
	struct str command, ended_as;
};

void process_record_fini(struct process_record *p);
/* Borrows from view and run; valid until the next fill. 0 or -ENOMEM. */
int process_record_fill(struct process_record *p, const struct process_view *view,
			const struct run_row *run);
void process_id(char *buf, const struct run_row *run, uint32_t pid, uint64_t start_boot_ns);
/* "exit 1", "killed by SIGSEGV", "out of memory" for people. */
void process_ending(struct str *out, const struct process_row *p);
bool process_failed(const struct process_row *p);

/* The fields of DESIGN section 8, in its order: the public form of a process. */
extern const enum field_id process_fields[];
/* These and what else is known. */
extern const enum field_id process_fields_all[];

#endif
