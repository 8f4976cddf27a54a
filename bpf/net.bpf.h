/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Socket payload by thread, for every family but netlink (glibc's chatter). */
#ifndef TRACER_NET_BPF_H
#define TRACER_NET_BPF_H

#include "bpf/common.bpf.h"

#define AF_NETLINK 16
#define MSG_PEEK   2

static __always_inline struct thread *socket_thread(struct sock *sk, int bytes)
{
	struct thread *t;

	if (bytes <= 0)
		return NULL;
	t = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
	if (!t || sk->__sk_common.skc_family == AF_NETLINK)
		return NULL;
	return t;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int bytes, int flags)
{
	struct thread *t = socket_thread(sk, bytes);

	if (t)
		t->net_tx_bytes += bytes;
	return 0;
}

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int bytes, int flags)
{
	struct thread *t = flags & MSG_PEEK ? NULL : socket_thread(sk, bytes);

	if (t)
		t->net_rx_bytes += bytes;
	return 0;
}

#endif
