/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of every table in the order in which they are bound and read, and
 * the packed form of the ledger that exec segments carry. Does no SQL itself.
 */
#include "src/store/sqlite.h"

#include <errno.h>
#include <string.h>

/* As in struct wire_ledger, so that the struct is bound as an array. */
#define LEDGER_COLUMNS                                                                             \
	"cpu_ns,runq_ns,disk_ns,net_ns,pipe_ns,lock_ns,child_ns,sleep_ns,poll_ns,reclaim_ns,"      \
	"stopped_ns,other_ns,thread_ns,utime_ns,stime_ns,minor_faults,major_faults,"               \
	"switches_voluntary,switches_involuntary,read_bytes,write_bytes,cancelled_write_bytes,"    \
	"rchar_bytes,wchar_bytes,read_calls,write_calls,net_rx_bytes,net_tx_bytes,"                \
	"direct_reclaim_ns,disk_waits"

const char *const sqlite_tables[PUT_KINDS] = {
	[PUT_HOST] = "host", [PUT_RUN] = "run",	      [PUT_PROCESS] = "process",
	[PUT_EXEC] = "exec", [PUT_TASK] = "task",     [PUT_TOOL] = "tool",
	[PUT_FILE] = "file", [PUT_CGROUP] = "cgroup", [PUT_INCIDENT] = "incident",
	[PUT_TEXT] = "text", [PUT_SCOPE] = "scope",
};

const char *const sqlite_columns[PUT_KINDS] = {
	[PUT_HOST] = "boot_id,hostname,kernel,arch,cpus,memory_bytes",
	[PUT_RUN] =
		"id,uid,name,pipeline,engine,argv,cwd,user,labels,user_id,start_ns,end_ns,"
		"status,exit_code,signal,features,collector,replayed,command_cpu_ns,"
		"collector_cpu_ns,collector_start_ns,recorder_cpu_ns,bpf_run_ns,processes,execs,"
		"peak_rss_bytes,"
		"lost_fork,lost_exec,lost_exit,lost_rename,lost_file,lost_cgroup,"
		"lost_incident,lost_thread_state,lost_group_state,lost_argv,lost_path,"
		"lost_clock,processes_lost,joined_late,still_running,without_parent,"
		"rows_lost,files_folded,notes,machine," LEDGER_COLUMNS,
	[PUT_PROCESS] = "id,parent,task,tool,pid,ppid,uid,gid,start_ns,end_ns,start_boot_ns,"
			"exit_code,signal,flags,execs,threads_peak,threads_total,peak_rss_bytes,"
			"program_peak_rss_bytes,cgroup_id,killer_pid,lib_opens,"
			"file_events_dropped,comm,container,scope," LEDGER_COLUMNS,
	[PUT_EXEC] =
		"process,n,tool,time_ns,comm,file,exe,cwd,argv,argv_len,flags,env,cgroup_id,"
		"pid_namespace,mnt_namespace,user_namespace,uts_namespace,nspid,nodename,cwd_host,"
		"maxrss_bytes,before_cpu_ns,before",
	[PUT_TASK] = "id,run,parent,name,key,sample,rule,evidence,attempt,confidence,status,"
		     "exit_code,signal,start_ns,end_ns,requested_cpus,requested_memory_bytes,"
		     "root_process,processes,peak_rss_bytes,busy_ns,kind,scope,of_run,cpus_source,"
		     "memory_source," LEDGER_COLUMNS,
	[PUT_SCOPE] = "id,run,parent,task,kind,key,name,engine,pipeline,rule,evidence,confidence,"
		      "status,exit_code,signal,start_ns,end_ns,root_process,fields",
	[PUT_TOOL] = "id,run,task,name,component,path,processes,failed,start_ns,end_ns,"
		     "peak_rss_bytes," LEDGER_COLUMNS,
	[PUT_FILE] = "process,path,inode,dev,opens,failed,access,flags,error,first_ns,last_ns,"
		     "size_bytes,kind,files,source,descriptors,read_to_bytes,written_to_bytes",
	[PUT_CGROUP] = "run,id,path,memory_limit_bytes,cpu_limit_milli",
	[PUT_INCIDENT] = "run,time_ns,process,kind,detail",
	[PUT_TEXT] = "run,n,time_ns,path,data",
};

unsigned sqlite_count_columns(const char *columns)
{
	unsigned n = 1;

	for (; *columns; columns++)
		n += *columns == ',';
	return n;
}

static unsigned char *put_varint(unsigned char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (unsigned char)(v | 0x80);
	*p++ = (unsigned char)v;
	return p;
}

static int get_varint(const unsigned char **p, const unsigned char *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
		unsigned char c = *(*p)++;

		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

_Static_assert(LEDGER_CPU == 0 && LEDGER_FIELDS <= 32, "bit i of the mask is field i");

size_t ledger_pack(const struct wire_ledger *l, unsigned char out[PACKED_LEDGER_MAX])
{
	uint64_t field[LEDGER_FIELDS], mask = 0;
	unsigned char *p;

	memcpy(field, l, sizeof(field));
	for (unsigned i = 1; i < LEDGER_FIELDS; i++)
		mask |= (uint64_t)(field[i] != 0) << i;
	p = put_varint(out, mask);
	for (unsigned i = 1; i < LEDGER_FIELDS; i++)
		if (field[i])
			p = put_varint(p, field[i]);
	return (size_t)(p - out);
}

int ledger_unpack(const unsigned char *data, size_t len, struct wire_ledger *ret)
{
	const unsigned char *p = data, *end = data + len;
	uint64_t field[LEDGER_FIELDS] = { 0 }, mask;

	if (get_varint(&p, end, &mask) < 0 || mask >> LEDGER_FIELDS || mask & 1)
		return -EBADMSG;
	for (unsigned i = 1; i < LEDGER_FIELDS; i++)
		if (mask >> i & 1 && get_varint(&p, end, &field[i]) < 0)
			return -EBADMSG;
	if (p != end)
		return -EBADMSG;
	memcpy(ret, field, sizeof(*ret));
	return 0;
}
