/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Programs on the functions of the kernel that a call of connect() passes, and
 * sendto(2) with MSG_FASTOPEN, whoever calls them (io_uring, too). They need
 * trampolines; syscalls.bpf.h is for kernels without.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "refused.bpf.h"
#include "sockets.bpf.h"

/* A call of connect() begins, or is denied already. */
static __always_inline void connect_begin(__u64 *ctx, int returned)
{
	struct socket *socket = (struct socket *)ctx[0];
	struct destination given = {};
	struct connecting to = {};
	struct sock *sk = socket->sk;

	if (!sk || !may_connect(socket, sk, 1))
		return;
	bpf_probe_read_kernel(&given, sizeof(given), (void *)ctx[1]);
	if (!destination_read(&to, &given, ctx[2]))
		return;
	if (!returned)
		connecting_insert(&to, bpf_get_current_pid_tgid());
	else if (refusal_of(returned))
		attempt_refuse(sk, &to, refusal_of(returned), REFUSED_BY_LSM,
			       LSM_PROGRAM);
}

/* It returns. */
static __always_inline void connect_end(__u64 *ctx, int returned, __u32 program)
{
	struct connecting *call = connecting_lookup(bpf_get_current_pid_tgid()), to;
	struct sock *sk = ((struct socket *)ctx[0])->sk;
	int err = refusal_of(returned);

	if (!call)
		return;
	to = *call;
	connecting_delete(call);
	if (err && sk)
		attempt_refuse(sk, &to, err,
			       err == EPERM ? REFUSED_BY_CGROUP : REFUSED_BY_KERNEL,
			       program);
}

/* security_socket_connect(sock, address, addrlen) */
SEC("fexit/security_socket_connect")
int connect_permitted(__u64 *ctx)
{
	connect_begin(ctx, ctx[3]);
	return 0;
}

/* inet_stream_connect(sock, uaddr, addr_len, flags) */
SEC("fexit/inet_stream_connect")
int connect_returns(__u64 *ctx)
{
	connect_end(ctx, ctx[4], CONNECT_PROGRAM);
	return 0;
}

/*
 * __inet_stream_connect(sock, uaddr, addr_len, flags, is_sendmsg): for TCP Fast Open.
 * Others call it, too: inet_stream_connect() and, for subflows, MPTCP.
 */
SEC("fentry/__inet_stream_connect")
int fastopen_begins(__u64 *ctx)
{
	if (ctx[4])
		connect_begin(ctx, 0);
	return 0;
}

SEC("fexit/__inet_stream_connect")
int fastopen_returns(__u64 *ctx)
{
	if (ctx[4])
		connect_end(ctx, ctx[5], FASTOPEN_PROGRAM);
	return 0;
}
