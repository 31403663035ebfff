/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The beginning of an attempt, in the task that connects. */
#pragma once

#include "addresses.bpf.h"
#include "config.bpf.h"
#include "connecting.bpf.h"
#include "core.bpf.h"
#include "describe.bpf.h"
#include "drops.bpf.h"
#include "filters.bpf.h"
#include "flows.bpf.h"
#include "helpers.bpf.h"
#include "loopback.bpf.h"
#include "maps.bpf.h"
#include "mptcp.bpf.h"
#include "namespaces.bpf.h"
#include "networks.bpf.h"
#include "pending.bpf.h"
#include "process.bpf.h"
#include "records.bpf.h"
#include "room.bpf.h"
#include "sockets.bpf.h"
#include "task.bpf.h"

static __always_inline void emit_connection(const struct connection *c)
{
	struct connection *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&progress.lost_ring, 1);
		return;
	}
	*record = *c;
	bpf_ringbuf_submit(record, wakeup(&ring));
}

/* With -c, count here only what is counted at the end. */
static __always_inline void emit_or_count(const struct connection *c)
{
	if (!config.count)
		emit_connection(c);
	else if (config.wait_end)
		flow_count_begin(c);
}

/* Emit the attempt now, or keep it until it ends. */
static __always_inline void attempt_add(struct sock *sk, struct slot *begun)
{
	struct connection *c = &begun->attempt;

	c->time_ns = bpf_ktime_get_ns();
	if (unlikely(!progress.first_ns))
		progress.first_ns = c->time_ns;
	c->lport = sk->__sk_common.skc_num;
	c->result = RESULT_UNKNOWN;
	if (config.track) /* until it ends: how many errors earlier attempts left */
		c->latency_ns = sk->sk_error_queue.qlen;
	if (config.count && !config.wait_end)
		flow_count_begin(c);
	if (config.track && (config.wait_end || config.count || !c->lport)) {
		if (pending_insert(sk, begun)) {
			sought_add(c, 1);
			return;
		}
		add(&progress.untracked, 1);
	}
	emit_or_count(c);
}

/*
 * An attempt that is pending for a socket that begins another one: its end was missed.
 */
static __always_inline void attempt_end_missed(struct sock *sk,
					       struct connection *began)
{
	const struct connection *pending = pending_lookup(sk);

	if (likely(!pending))
		return;
	*began = *pending;
	/*
	 * Otherwise it is found again: when the socket begins another one, or when
	 * tracing stops.
	 */
	if (!pending_delete(sk))
		return;
	sought_add(began, -1);
	attempt_mark_missed(began);
	if (began->latency_ns < config.slower_ns)
		return;
	began->result = RESULT_UNKNOWN;
	emit_or_count(began);
}

/* CRIU restores connections so: nothing is sent. The bit is read in its byte. */
static __always_inline bool in_repair(struct tcp_sock *tp)
{
	const __u8 *byte = (const __u8 *)tp + BIT_FIELD(tp->repair, OFFSET);

	return bits_of(*byte, tp->repair);
}

/* An MPTCP socket has no `tp`. It is not an attempt; its subflows are. */
static __always_inline void attempt_describe(struct sock *sk, struct tcp_sock *tp,
					     enum depth depth, __u32 program,
					     struct slot *begun)
{
	struct connection *c = &begun->attempt;
	struct subflow subflow = {};
	bool wanted;

	__builtin_memset(begun, 0, sizeof(*begun));
	if (tp) {
		if (WITH_CALLS && config.connecting)
			connecting_end(c);
		c->dport = __builtin_bswap16(sk->__sk_common.skc_dport);
		read_addresses(c, sk);
		if (!destination_wanted(c, sk->__sk_common.skc_dport, depth))
			return;
		subflow = subflow_of(tp);
	}
	if (subflow.owner) {
		wanted = owner_copy(c, subflow.owner);
	} else {
		if (subflow.mptcp)
			wanted = socket_describe(c, sk, tp, subflow.mptcp, depth);
		else
			wanted = task_describe(c, sk, tp, depth);
		if (wanted && depth >= DEPTH_IMAGE && config.details & DETAIL_IMAGE)
			c->image = image_of(subflow.mptcp, program);
	}
	c->wanted = wanted;
	/*
	 * Not !tp: the verifier would follow image_of() once for each type of `tp`,
	 * which took a third of the time of a load.
	 */
	if (!c->ip)
		owner_insert(sk, c);
	else if (wanted)
		attempt_add(sk, begun);
}

/*
 * CLOSE -> SYN_SENT, in the task that connects. An old attempt and the new one take
 * turns in `room`: the stack has no room for both.
 */
static __always_inline void attempt_begin(struct sock *sk, struct tcp_sock *tp,
					  enum depth depth, __u32 program,
					  struct slot *room)
{
	if (tp && config.track)
		attempt_end_missed(sk, &room->attempt);
	if (!tp || !in_repair(tp))
		attempt_describe(sk, tp, depth, program, room);
}
