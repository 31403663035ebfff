/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The beginning of an attempt, in the context of the task that connects: filters, and
 * who connects.
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

static __always_inline void report(const struct connection *c)
{
	struct connection *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&progress.lost_ring, 1);
		return;
	}
	*record = *c;
	bpf_ringbuf_submit(record, 0);
}

/* Who connects: the current task. Returns whether the filters want it. */
static __always_inline bool describe_task(struct connection *c, struct sock *sk,
					  bool deep)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	const __u16 filters = config.task_filters;
	const __u16 tell = config.tell;

	c->pid = pid_tgid >> 32;
	c->tid = pid_tgid;
	if (tell & TELL_UID || filters & BY_UID)
		c->uid = bpf_get_current_uid_gid();
	if (tell & TELL_NETNS)
		read_netns(c, sk);
	if (filters && !task_wanted(c, sk, filters, deep))
		return 0;
	if (tell & TELL_CGROUP_ID)
		c->cgroup = bpf_get_current_cgroup_id();
	if (tell & TELL_START)
		c->start_ns = current_start();
	if (tell & TELL_COMM)
		bpf_get_current_comm(c->comm, sizeof(c->comm));
	if (deep && tell & TELL_PPID)
		c->ppid = parent_pid(current_task());
	if (deep && tell & TELL_MNTNS)
		c->mntns = current_mntns();
	return 1;
}

/* For -c with what is known at the end only, it is counted then. */
static __always_inline void report_or_count(const struct connection *c)
{
	if (!config.count)
		report(c);
	else if (config.wait_end)
		count_connect(c);
}

/* Report the attempt now, or when it ends. */
static __always_inline void attempt_add(struct sock *sk, struct slot *begun)
{
	struct connection *c = &begun->attempt;

	c->time_ns = bpf_ktime_get_ns();
	if (unlikely(!progress.first_ns))
		progress.first_ns = c->time_ns;
	c->lport = sk->__sk_common.skc_num;
	c->result = RESULT_UNKNOWN;
	if (config.track) /* until it ends: what earlier attempts of the socket left */
		c->latency_ns = sk->sk_error_queue.qlen;
	if (config.count && !config.wait_end)
		count_connect(c);
	if (config.track && (config.wait_end || config.count || !c->lport)) {
		if (pending_insert(sk, begun))
			return;
		add(&progress.untracked, 1);
	}
	report_or_count(c);
}

/* What is pending for a socket that begins another attempt ended, and was not seen. */
static __always_inline void end_missed(struct sock *sk)
{
	const struct connection *pending = pending_lookup(sk);
	struct connection began;

	if (likely(!pending))
		return;
	began = *pending;
	/* Else it is found again: when the address comes again, or tracing stops. */
	if (!pending_delete(sk))
		return;
	mark_missed(&began);
	if (began.latency_ns < config.slower_ns)
		return;
	began.result = RESULT_UNKNOWN;
	report_or_count(&began);
}

/* CRIU connects so, to restore a connection; nothing is sent. Its bits are a byte. */
static __always_inline bool in_repair(struct tcp_sock *tp)
{
	const __u8 *byte = (const __u8 *)tp + BIT_FIELD(tp->repair, OFFSET);

	return bits_of(*byte, tp->repair);
}

static __always_inline bool destination_wanted(struct connection *c, struct sock *sk)
{
	const __u8 address_filters = config.address_filters;

	c->dport = __builtin_bswap16(sk->__sk_common.skc_dport);
	read_addresses(c, sk);
	if (config.tell & TELL_START) /* for a name, whether it is wanted or not */
		c->visited_ns = loopback_visit(c);
	if (config.by_port && !port_wanted(sk->__sk_common.skc_dport))
		return 0;
	if (config.ip && config.ip != c->ip)
		return 0;
	return !address_filters || addresses_wanted(c, address_filters);
}

/* An MPTCP socket has no `tp`, and is no attempt: its subflows are. */
static __always_inline void attempt_describe(struct sock *sk, struct tcp_sock *tp,
					     bool deep, __u32 program)
{
	struct slot begun = {};
	struct connection *c = &begun.attempt;
	struct subflow subflow = {};
	bool wanted;

	if (tp) {
		if (!destination_wanted(c, sk))
			return;
		subflow = subflow_of(tp);
	}
	if (subflow.owner) {
		wanted = owner_copy(c, subflow.owner);
	} else {
		if (subflow.mptcp)
			wanted = describe_socket(c, sk, subflow.mptcp, deep);
		else
			wanted = describe_task(c, sk, deep);
		if (wanted && deep && config.tell & TELL_IMAGE)
			c->image = image_of(subflow.mptcp, program);
	}
	c->wanted = wanted;
	if (!tp)
		owner_insert(sk, c);
	else if (wanted)
		attempt_add(sk, &begun);
}

/* CLOSE -> SYN_SENT, in the context of the task that connects. */
static __always_inline void attempt_begin(struct sock *sk, struct tcp_sock *tp,
					  bool deep, __u32 program)
{
	/* Not in attempt_describe(): the attempt that ended and the new one take turns
	 * on the stack. */
	if (tp && config.track)
		end_missed(sk);
	if (!tp || !in_repair(tp))
		attempt_describe(sk, tp, deep, program);
}
