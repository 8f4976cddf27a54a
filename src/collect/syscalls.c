/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread waits for when it blocks inside a system call, by number on
 * this architecture. Calls that are not named block only on the file system
 * (caught by in_iowait) or not at all.
 */
#include <string.h>
#include <sys/syscall.h>

#include "bpf/state.h"
#include "src/base/cleanup.h"
#include "src/collect/collect.h"

struct syscall_entry {
	uint16_t number;
	uint8_t class;
};

static const struct syscall_entry ENTRIES[] = {
	{ SYS_read, SYSCALL_FD },
	{ SYS_write, SYSCALL_FD },
	{ SYS_readv, SYSCALL_FD },
	{ SYS_writev, SYSCALL_FD },
	{ SYS_pread64, SYSCALL_FD },
	{ SYS_pwrite64, SYSCALL_FD },
	{ SYS_preadv, SYSCALL_FD },
	{ SYS_pwritev, SYSCALL_FD },
	{ SYS_preadv2, SYSCALL_FD },
	{ SYS_pwritev2, SYSCALL_FD },
	{ SYS_ioctl, SYSCALL_FD },
	{ SYS_sendfile, SYSCALL_FD },
	{ SYS_copy_file_range, SYSCALL_FD },
	{ SYS_fallocate, SYSCALL_FD },
	{ SYS_getdents64, SYSCALL_FD },
	{ SYS_close, SYSCALL_FD },
	{ SYS_splice, SYSCALL_PIPE },
	{ SYS_tee, SYSCALL_PIPE },
	{ SYS_vmsplice, SYSCALL_PIPE },
	{ SYS_msgrcv, SYSCALL_PIPE },
	{ SYS_msgsnd, SYSCALL_PIPE },
	{ SYS_mq_timedreceive, SYSCALL_PIPE },
	{ SYS_mq_timedsend, SYSCALL_PIPE },
	{ SYS_connect, SYSCALL_NET },
	{ SYS_accept, SYSCALL_NET },
	{ SYS_accept4, SYSCALL_NET },
	{ SYS_sendto, SYSCALL_NET },
	{ SYS_recvfrom, SYSCALL_NET },
	{ SYS_sendmsg, SYSCALL_NET },
	{ SYS_recvmsg, SYSCALL_NET },
	{ SYS_sendmmsg, SYSCALL_NET },
	{ SYS_recvmmsg, SYSCALL_NET },
	{ SYS_futex, SYSCALL_LOCK },
#ifdef SYS_futex_waitv
	{ SYS_futex_waitv, SYSCALL_LOCK },
#endif
	{ 455, SYSCALL_LOCK }, /* futex_wait, since 6.7 */
	{ 456, SYSCALL_LOCK }, /* futex_requeue */
	{ SYS_flock, SYSCALL_LOCK },
	{ SYS_fcntl, SYSCALL_LOCK },
	{ SYS_semop, SYSCALL_LOCK },
	{ SYS_semtimedop, SYSCALL_LOCK },
	{ SYS_wait4, SYSCALL_CHILD },
	{ SYS_waitid, SYSCALL_CHILD },
	{ SYS_clone, SYSCALL_CHILD },
	{ SYS_clone3, SYSCALL_CHILD },
	{ SYS_nanosleep, SYSCALL_SLEEP },
	{ SYS_clock_nanosleep, SYSCALL_SLEEP },
	{ SYS_rt_sigtimedwait, SYSCALL_SLEEP },
	{ SYS_rt_sigsuspend, SYSCALL_SUSPEND },
	{ SYS_ppoll, SYSCALL_POLL },
	{ SYS_pselect6, SYSCALL_SELECT },
	{ SYS_epoll_pwait, SYSCALL_EPOLL },
	{ 441, SYSCALL_EPOLL }, /* epoll_pwait2, since 5.11 */
	{ SYS_openat, SYSCALL_OPEN },
	{ SYS_openat2, SYSCALL_OPEN },
	{ SYS_fsync, SYSCALL_PATH },
	{ SYS_fdatasync, SYSCALL_PATH },
	{ SYS_sync, SYSCALL_PATH },
	{ SYS_syncfs, SYSCALL_PATH },
	{ SYS_sync_file_range, SYSCALL_PATH },
	{ SYS_msync, SYSCALL_PATH },
	{ SYS_newfstatat, SYSCALL_PATH },
	{ SYS_fstat, SYSCALL_PATH },
	{ SYS_statx, SYSCALL_PATH },
	{ SYS_statfs, SYSCALL_PATH },
	{ SYS_fstatfs, SYSCALL_PATH },
	{ SYS_faccessat, SYSCALL_PATH },
	{ 439, SYSCALL_PATH }, /* faccessat2, since 5.8 */
	{ SYS_unlinkat, SYSCALL_PATH },
	{ SYS_mkdirat, SYSCALL_PATH },
	{ SYS_mknodat, SYSCALL_PATH },
	{ SYS_linkat, SYSCALL_PATH },
	{ SYS_symlinkat, SYSCALL_PATH },
	{ SYS_readlinkat, SYSCALL_PATH },
	{ SYS_renameat2, SYSCALL_PATH },
	{ SYS_truncate, SYSCALL_PATH },
	{ SYS_ftruncate, SYSCALL_PATH },
	{ SYS_chdir, SYSCALL_PATH },
	{ SYS_fchmodat, SYSCALL_PATH },
	{ SYS_fchownat, SYSCALL_PATH },
	{ SYS_utimensat, SYSCALL_PATH },
	{ SYS_getxattr, SYSCALL_PATH },
	{ SYS_setxattr, SYSCALL_PATH },
	{ SYS_mount, SYSCALL_PATH },
	{ SYS_umount2, SYSCALL_PATH },
	{ SYS_restart_syscall, SYSCALL_RESTART },
	{ SYS_execve, SYSCALL_EXEC },
	{ SYS_execveat, SYSCALL_EXEC },
	{ SYS_io_uring_enter, SYSCALL_POLL_RING },
#ifdef __x86_64__ /* calls that newer architectures do without */
	{ SYS_vfork, SYSCALL_CHILD },
	{ SYS_fork, SYSCALL_CHILD },
	{ SYS_pause, SYSCALL_SUSPEND },
	{ SYS_poll, SYSCALL_POLL },
	{ SYS_select, SYSCALL_SELECT },
	{ SYS_epoll_wait, SYSCALL_EPOLL },
	{ SYS_open, SYSCALL_OPEN },
	{ SYS_creat, SYSCALL_OPEN },
	{ SYS_stat, SYSCALL_PATH },
	{ SYS_lstat, SYSCALL_PATH },
	{ SYS_access, SYSCALL_PATH },
	{ SYS_getdents, SYSCALL_FD },
	{ SYS_unlink, SYSCALL_PATH },
	{ SYS_rmdir, SYSCALL_PATH },
	{ SYS_mkdir, SYSCALL_PATH },
	{ SYS_mknod, SYSCALL_PATH },
	{ SYS_link, SYSCALL_PATH },
	{ SYS_symlink, SYSCALL_PATH },
	{ SYS_readlink, SYSCALL_PATH },
	{ SYS_rename, SYSCALL_PATH },
	{ SYS_renameat, SYSCALL_PATH },
	{ SYS_chmod, SYSCALL_PATH },
	{ SYS_chown, SYSCALL_PATH },
	{ SYS_lchown, SYSCALL_PATH },
#endif
};

void syscall_classes(uint8_t *ret, size_t n)
{
	memset(ret, SYSCALL_UNKNOWN, n);
	for (size_t i = 0; i < ARRAY_SIZE(ENTRIES); i++)
		if (ENTRIES[i].number < n)
			ret[ENTRIES[i].number] = ENTRIES[i].class;
}
