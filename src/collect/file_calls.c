/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that file names come from, on this architecture, and the
 * tracepoint of each.
 */
#include <string.h>
#include <sys/syscall.h>

#include "src/base/cleanup.h"
#include "src/collect/ebpf_probe.h"
#include "src/collect/file_calls.h"

static const struct file_call_entry ENTRIES[] = {
	{ SYS_openat, FILE_CALL_OPENAT, "sys_exit_openat" },
	{ 437, FILE_CALL_OPENAT2, "sys_exit_openat2" }, /* since 5.6 */
	{ SYS_open_by_handle_at, FILE_CALL_OPEN_BY_HANDLE, "sys_exit_open_by_handle_at" },
	{ SYS_close, FILE_CALL_CLOSE, "sys_enter_close" },
	{ SYS_dup3, FILE_CALL_DUP2, "sys_enter_dup3" },
	{ SYS_renameat2, FILE_CALL_RENAMEAT2, "sys_exit_renameat2" },
	{ SYS_unlinkat, FILE_CALL_UNLINKAT, "sys_exit_unlinkat" },
	{ SYS_write, FILE_CALL_WRITE, "sys_exit_write" },
	{ SYS_pwrite64, FILE_CALL_WRITE, "sys_exit_pwrite64" },
	{ SYS_writev, FILE_CALL_WRITE, "sys_exit_writev" },
	{ SYS_fallocate, FILE_CALL_WRITE, "sys_exit_fallocate" },
	{ SYS_sendfile, FILE_CALL_WRITE, "sys_exit_sendfile64" },
	{ SYS_fsync, FILE_CALL_WRITE, "sys_exit_fsync" },
	{ SYS_copy_file_range, FILE_CALL_COPY_RANGE, "sys_exit_copy_file_range" },
	{ SYS_linkat, FILE_CALL_LINKAT, "sys_exit_linkat" },
	{ SYS_symlinkat, FILE_CALL_SYMLINKAT, "sys_exit_symlinkat" },
	{ SYS_truncate, FILE_CALL_TRUNCATE, "sys_exit_truncate" },
	{ SYS_mkdirat, FILE_CALL_MKDIRAT, "sys_exit_mkdirat" },
#ifdef SYS_renameat
	{ SYS_renameat, FILE_CALL_RENAMEAT, "sys_exit_renameat" },
#endif
#ifdef __x86_64__ /* calls that newer architectures do without */
	{ SYS_open, FILE_CALL_OPEN, "sys_exit_open" },
	{ SYS_creat, FILE_CALL_CREAT, "sys_exit_creat" },
	{ SYS_dup2, FILE_CALL_DUP2, "sys_enter_dup2" },
	{ SYS_rename, FILE_CALL_RENAME, "sys_exit_rename" },
	{ SYS_unlink, FILE_CALL_UNLINK, "sys_exit_unlink" },
	{ SYS_link, FILE_CALL_LINK, "sys_exit_link" },
	{ SYS_symlink, FILE_CALL_SYMLINK, "sys_exit_symlink" },
	{ SYS_mkdir, FILE_CALL_MKDIR, "sys_exit_mkdir" },
	{ SYS_rmdir, FILE_CALL_RMDIR, "sys_exit_rmdir" },
#endif
};

_Static_assert(ARRAY_SIZE(ENTRIES) <= FILE_CALLS_MAX, "links are kept in an array");

unsigned file_calls_available(struct file_call_entry *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ENTRIES); i++)
		if (ebpf_probe_syscall_tracepoint(ENTRIES[i].tracepoint))
			ret[n++] = ENTRIES[i];
	return n;
}
