/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Programs on the functions of the kernel that a call of connect() passes, and
 * sendto(2) with MSG_FASTOPEN, whoever calls them (io_uring, too). They need
 * trampolines; syscalls.bpf.h is for kernels without.
 *
 * Where a task can lose its CPU inside of such a program, the kernel skips the program
 * for those that run there meanwhile: Linux commit ca06f55b9002 ("bpf: Add per-program
 * recursion prevention mechanism"), v5.12. So two see the beginning of a call, and two
 * its end. A refused attempt whose end both were skipped for is counted when the thread
 * connects again.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "outcome.bpf.h"
#include "refused.bpf.h"
#include "sockets.bpf.h"

/* A socket of the kernel itself, such as a subflow of MPTCP. */
static __always_inline bool is_of_kernel(struct sock *sk)
{
	const __u8 *byte = (const __u8 *)sk + BIT_FIELD(sk->sk_kern_sock, OFFSET);

	return bits_of(*byte, sk->sk_kern_sock);
}

/* Insert a call. If one of the thread is still there, no program saw its end. */
static __always_inline void call_insert(struct connecting *to)
{
	__u32 tid = bpf_get_current_pid_tgid();

	if (unlikely(connecting_lookup(tid)))
		add(&progress.missed, 1);
	connecting_insert(to, tid);
}

/* Whether the call that connects a socket was inserted. */
static __always_inline bool call_is_known(struct sock *sk)
{
	struct connecting *call = connecting_lookup(bpf_get_current_pid_tgid());

	return call && call->socket == (__u64)sk;
}

/* Read what a call of connect() asks for; returns whether it may be refused. */
static __always_inline bool call_read(struct connecting *to, struct socket *socket,
				      __u64 *ctx)
{
	struct destination given = {};
	struct sock *sk = socket->sk;

	if (!sk || !may_connect(socket, sk, 1))
		return 0;
	bpf_probe_read_kernel(&given, sizeof(given), (void *)ctx[1]);
	to->socket = (__u64)sk;
	return destination_read(to, &given, ctx[2]);
}

/*
 * Whether a call that failed, and was not inserted, was refused: no program saw it
 * begin. A socket that is connecting has a hash once it has a port.
 */
static __always_inline bool call_was_missed(struct sock *sk, int err)
{
	return err && err != ENOMEM && err != EADDRNOTAVAIL &&
	       sk->sk_protocol == IPPROTO_TCP && !sk->sk_txhash && !is_of_kernel(sk);
}

/* A call returns; the first of two programs that see it does. */
static __always_inline void call_end(__u64 *ctx, int returned, __u32 program)
{
	struct connecting *call = connecting_lookup(bpf_get_current_pid_tgid()),
			  to = {};
	struct socket *socket = (struct socket *)ctx[0];
	struct sock *sk = socket->sk;
	int err = refusal_of(returned);

	if (!sk)
		return;
	if (call) {
		to = *call;
		connecting_delete(call);
	} else if (program != INNER_PROGRAM || !call_was_missed(sk, err) ||
		   !call_read(&to, socket, ctx)) {
		return;
	}
	if (err)
		attempt_refuse(sk, &to, err,
			       err == EPERM ? REFUSED_BY_CGROUP : REFUSED_BY_KERNEL,
			       program);
}

/* security_socket_connect(sock, address, addrlen): a call begins, or is denied. */
SEC("fexit/security_socket_connect")
int connect_permitted(__u64 *ctx)
{
	struct socket *socket = (struct socket *)ctx[0];
	struct connecting to = {};
	int returned = ctx[3];

	if (!call_read(&to, socket, ctx))
		return 0;
	if (!returned)
		call_insert(&to);
	else if (refusal_of(returned))
		attempt_refuse(socket->sk, &to, refusal_of(returned), REFUSED_BY_LSM,
			       LSM_PROGRAM);
	return 0;
}

/*
 * __inet_stream_connect(sock, uaddr, addr_len, flags, is_sendmsg): TCP Fast Open begins
 * here. inet_stream_connect() calls it, too, before programs of cgroups rewrite the
 * address: a call is inserted that the program above was skipped for.
 */
SEC("fentry/__inet_stream_connect")
int connect_begins(__u64 *ctx)
{
	struct socket *socket = (struct socket *)ctx[0];
	struct sock *sk = socket->sk;
	struct connecting to = {};

	if (!sk || (!(__u32)ctx[4] && (is_of_kernel(sk) || call_is_known(sk))))
		return 0;
	if (call_read(&to, socket, ctx))
		call_insert(&to);
	return 0;
}

SEC("fexit/__inet_stream_connect")
int connect_ends(__u64 *ctx)
{
	call_end(ctx, ctx[5], INNER_PROGRAM);
	return 0;
}

/* inet_stream_connect(sock, uaddr, addr_len, flags) */
SEC("fexit/inet_stream_connect")
int connect_returns(__u64 *ctx)
{
	call_end(ctx, ctx[4], CONNECT_PROGRAM);
	return 0;
}
