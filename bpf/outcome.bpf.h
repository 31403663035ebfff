/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The end of an attempt, and why it failed. */
#pragma once

#include "attempt.bpf.h"
#include "core.bpf.h"
#include "drops.bpf.h"
#include "evidence.bpf.h"
#include "flows.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "pending.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

#define EADDRNOTAVAIL 99

static __always_inline __u16 local_port(struct tcp_sock *tp)
{
	return __builtin_bswap16(tp->inet_conn.icsk_inet.inet_sport);
}

/* TCP_FASTOPEN_CONNECT: the SYN is sent with the first write. */
static __always_inline bool fastopen_connect(struct tcp_sock *tp)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, BIT_FIELD(tp->fastopen_connect, SIZE),
			      (char *)tp + BIT_FIELD(tp->fastopen_connect, OFFSET));
	return bits_of(value, tp->fastopen_connect);
}

/*
 * Why SYN_SENT -> CLOSE: an errno, or enum result. Without an error from the network
 * the program closed the socket first, unless no SYN was ever sent: then connect()
 * found no local port, or the port that the program had bound is in use for this
 * destination. A program that has read an ICMP error (SO_ERROR clears sk_err_soft)
 * closed the socket because of it.
 */
static __always_inline __u16 failure_of(struct sock *sk, struct tcp_sock *tp,
					__u64 before)
{
	int err = sk->sk_err;

	if (!err && !sk->sk_err_soft)
		err = queued_error(sk, before).err;
	if (err)
		return err;
	if (!tp->segs_out && !fastopen_connect(tp))
		return EADDRNOTAVAIL;
	return RESULT_ABORTED;
}

/* The socket leaves SYN_SENT or, in a simultaneous open, SYN_RECV. `c` is room. */
static __always_inline void attempt_end(const struct connection *began, struct sock *sk,
					struct tcp_sock *tp, int newstate,
					struct connection *c)
{
	const __u64 errors_before = began->latency_ns;
	__u16 result;

	*c = *began;
	/* Otherwise the next program finds it again. */
	if (!pending_delete(sk))
		return;
	sought_add(c, -1);
	if (newstate == TCP_ESTABLISHED)
		result = RESULT_OK;
	else if (newstate == TCP_CLOSE)
		result = failure_of(sk, tp, errors_before);
	else
		result = RESULT_ABORTED;
	if (config.wait_end || config.count) {
		c->latency_ns = bpf_ktime_get_ns() - c->time_ns;
		c->result = result;
	}
	/* A socket that is used again keeps its last port until it gets another. */
	if (result != EADDRNOTAVAIL)
		c->lport = local_port(tp);
	if (config.failed && c->result == RESULT_OK)
		return;
	if (c->latency_ns < config.slower_ns)
		return;
	if (WITH_CALLS && config.explain && !config.count)
		emit_explained(c, sk, tp, errors_before);
	else
		emit_or_count(c);
	if (config.count)
		flow_count_end(c, tp->total_retrans);
}
