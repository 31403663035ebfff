/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The beginning of an attempt, in the task that connects: who connects, and whether the
 * filters want it.
 */
#pragma once

#include "addresses.bpf.h"
#include "config.bpf.h"
#include "core.bpf.h"
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
	bpf_ringbuf_submit(record, 0);
}

/* Describe the current task, which connects; returns whether the filters want it. */
static __always_inline bool task_describe(struct connection *c, struct sock *sk,
					  struct tcp_sock *tp, enum depth depth)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	const __u16 filters = config.task_filters;
	const __u16 details = config.details;

	c->pid = pid_tgid >> 32;
	c->tid = pid_tgid;
	if (details & DETAIL_UID || filters & BY_UID)
		c->uid = bpf_get_current_uid_gid();
	if (depth >= DEPTH_OWNER && details & DETAIL_NETNS)
		read_netns(c, sk, tp);
	if (filters && !task_wanted(c, sk, filters, depth))
		return 0;
	if (details & DETAIL_CGROUP_ID)
		c->cgroup = bpf_get_current_cgroup_id();
	if (depth >= DEPTH_OWNER && details & DETAIL_START)
		c->start_ns = current_start();
	if (details & DETAIL_COMM)
		bpf_get_current_comm(c->comm, sizeof(c->comm));
	if (depth >= DEPTH_IMAGE && details & DETAIL_PPID)
		c->ppid = parent_pid(current_task());
	if (depth >= DEPTH_IMAGE && details & DETAIL_MNTNS)
		c->mntns = current_mntns();
	return 1;
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
		if (pending_insert(sk, begun))
			return;
		add(&progress.untracked, 1);
	}
	emit_or_count(c);
}

/*
 * An attempt that is pending for a socket that begins another one: its end was missed.
 */
static __always_inline void attempt_end_missed(struct sock *sk)
{
	const struct connection *pending = pending_lookup(sk);
	struct connection began;

	if (likely(!pending))
		return;
	began = *pending;
	/*
	 * Otherwise it is found again: when the socket begins another one, or when
	 * tracing stops.
	 */
	if (!pending_delete(sk))
		return;
	attempt_mark_missed(&began);
	if (began.latency_ns < config.slower_ns)
		return;
	began.result = RESULT_UNKNOWN;
	emit_or_count(&began);
}

/* CRIU restores connections so: nothing is sent. The bit is read in its byte. */
static __always_inline bool in_repair(struct tcp_sock *tp)
{
	const __u8 *byte = (const __u8 *)tp + BIT_FIELD(tp->repair, OFFSET);

	return bits_of(*byte, tp->repair);
}

static __always_inline bool destination_wanted(struct connection *c, struct sock *sk,
					       enum depth depth)
{
	const __u8 address_filters = config.address_filters;

	c->dport = __builtin_bswap16(sk->__sk_common.skc_dport);
	read_addresses(c, sk);
	/* Whether the attempt is wanted or not. */
	if (depth >= DEPTH_OWNER && config.details & DETAIL_START)
		c->visited_ns = loopback_visit(c);
	if (config.by_port && !port_wanted(sk->__sk_common.skc_dport))
		return 0;
	if (config.ip && config.ip != c->ip)
		return 0;
	return !address_filters || addresses_wanted(c, address_filters);
}

/* An MPTCP socket has no `tp`. It is not an attempt; its subflows are. */
static __always_inline void attempt_describe(struct sock *sk, struct tcp_sock *tp,
					     enum depth depth, __u32 program)
{
	struct slot begun = {};
	struct connection *c = &begun.attempt;
	struct subflow subflow = {};
	bool wanted;

	if (tp) {
		if (!destination_wanted(c, sk, depth))
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
		attempt_add(sk, &begun);
}

/* CLOSE -> SYN_SENT, in the task that connects. */
static __always_inline void attempt_begin(struct sock *sk, struct tcp_sock *tp,
					  enum depth depth, __u32 program)
{
	/*
	 * Not in attempt_describe(), so that the old attempt and the new one take turns
	 * on the stack.
	 */
	if (tp && config.track)
		attempt_end_missed(sk);
	if (!tp || !in_repair(tp))
		attempt_describe(sk, tp, depth, program);
}
