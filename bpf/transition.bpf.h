/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A change of the state of a TCP socket, as the tracepoint reports it. */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "sockets.bpf.h"

/* TRACE_EVENT(inet_sock_set_state): sk, oldstate, newstate. */
struct transition {
	struct sock *sk;
	int oldstate;
	int newstate;
};

static __always_inline struct transition transition(__u64 *ctx)
{
	return (struct transition){(struct sock *)ctx[0], ctx[1], ctx[2]};
}

static __always_inline bool is_tcp(struct transition t)
{
	return t.sk->sk_protocol == IPPROTO_TCP;
}

static __always_inline bool is_mptcp(struct transition t)
{
	return t.sk->sk_protocol == IPPROTO_MPTCP;
}

static __always_inline bool attempt_begins(struct transition t)
{
	return t.oldstate == TCP_CLOSE && t.newstate == TCP_SYN_SENT &&
	       (is_tcp(t) || is_mptcp(t));
}

/* Not one that a listener made and accept() has not yet returned. */
static __always_inline bool has_socket(struct sock *sk)
{
	void *socket = 0;

	read_kernel(socket, sk->sk_socket);
	return socket;
}
