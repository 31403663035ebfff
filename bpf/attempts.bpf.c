// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Every active TCP connection attempt, from a tracepoint that runs whenever a TCP
 * socket changes its state. An attempt begins with CLOSE -> SYN_SENT, in the task that
 * connects. It ends when the socket leaves SYN_SENT, most often in softirq, where the
 * current task is any: so all that is reported of the process is read at the beginning,
 * and kept (pending.bpf.h).
 *
 * Where a task can lose its CPU inside of a program on a BTF tracepoint, the kernel
 * skips that program for other tasks that run there meanwhile: then config.preemptible
 * is set. A program on perf's tracepoint has the CPU to itself. But the kernel skips
 * it, as all of its kind, when it interrupts one of them, or a system call that reads
 * or writes a map. So it comes first, and the programs on the BTF tracepoint see what
 * it was skipped for. On other kernels, the programs with _perf in their names, and
 * attempt_missed(), are not loaded (decisions 11 and 26).
 */
#include "attempt.bpf.h"
#include "cast.bpf.h"
#include "core.bpf.h"
#include "follow.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "mptcp.bpf.h"
#include "outcome.bpf.h"
#include "pending.bpf.h"
#include "process.bpf.h"
#include "records.bpf.h"
#include "resolve.bpf.h"
#include "seen.bpf.h"
#include "sockets.bpf.h"
#include "transition.bpf.h"

#if WITH_CALLS
#include "connects.bpf.h"
#include "dropping.bpf.h"
#include "syscalls.bpf.h"
#endif

/*
 * The attempt with which the socket leaves SYN_SENT (SYN_RECV in a simultaneous open).
 */
static __always_inline struct connection *attempt_leaving(struct transition t)
{
	if ((t.oldstate != TCP_SYN_SENT && t.oldstate != TCP_SYN_RECV) ||
	    t.newstate == TCP_SYN_RECV)
		return 0;
	if (t.oldstate == TCP_SYN_RECV && !has_socket(t.sk))
		return 0;
	return pending_lookup(t.sk);
}

/* For programs to which the verifier gives a pointer to a socket. */
static __always_inline void transition_end(struct transition t, struct slot *room)
{
	struct connection *c = attempt_leaving(t);
	struct tcp_sock *tp;

	if (!c)
		return;
	tp = bpf_skc_to_tcp_sock(t.sk);
	if (tp)
		attempt_end(c, t.sk, tp, t.newstate, &room->attempt);
}

static __always_inline void transition_begin(struct transition t, enum depth depth,
					     struct slot *room)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(t.sk);

	if (tp || is_mptcp(t))
		attempt_begin(t.sk, tp, depth, BTF_PROGRAM, room);
}

/* Whether perf's program has seen the attempt that begins; it is marked as seen. */
static __always_inline bool seen_by_perf(struct transition t)
{
	__u8 *by = seen_by(), before;

	if (!by)
		return 0;
	before = *by;
	*by = mark_of(t.sk);
	return before == SEEN_BY_PERF;
}

/* Forget the owner of an MPTCP socket that is closed. */
static __always_inline void mptcp_close(struct transition t)
{
	if (t.newstate == TCP_CLOSE && is_mptcp(t))
		owner_delete(t.sk);
}

static __always_inline void attempt_change(struct transition t, enum depth depth)
{
	struct slot room;

	if (!attempt_begins(t)) {
		if (config.track)
			transition_end(t, &room);
	} else if (!config.preemptible || !seen_by_perf(t)) {
		transition_begin(t, depth, &room);
	}
	mptcp_close(t);
}

/* One of these is loaded: enum depth. */
SEC("tp_btf/inet_sock_set_state")
int attempt_changes_socket(__u64 *ctx)
{
	attempt_change(transition(ctx), DEPTH_SOCKET);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int attempt_changes_owner(__u64 *ctx)
{
	attempt_change(transition(ctx), DEPTH_OWNER);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int attempt_changes_image(__u64 *ctx)
{
	attempt_change(transition(ctx), DEPTH_IMAGE);
	return 0;
}

/*
 * The kernel skips a program that would interrupt itself on a CPU: Linux commit
 * 05b24ff9b2cf ("bpf: Prevent bpf program recursion for raw tracepoint probes"), v6.1.
 * Transitions in tasks are interrupted by transitions in softirq, all of which are
 * ends. So ends have a second program: when one is skipped, the other is not running.
 * When both run, the second finds nothing pending.
 */
SEC("tp_btf/inet_sock_set_state")
int attempt_ends(__u64 *ctx)
{
	struct slot room;

	transition_end(transition(ctx), &room);
	return 0;
}

/* TRACE_EVENT(inet_sock_set_state), as perf has it. */
struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
} __relocated;

/* Returns 1: with 0, perf would drop the event for its other users. */
static __always_inline int
attempt_change_perf(struct trace_event_raw_inet_sock_set_state *ctx, enum depth depth)
{
	struct sock *sk = cast(struct sock, ctx->skaddr, config.sock_type);
	struct transition t = {sk, ctx->oldstate, ctx->newstate};
	struct tcp_sock *tp = 0;
	struct connection *c;
	struct slot room;
	__u8 *by;

	if (is_tcp(t))
		tp = cast(struct tcp_sock, sk, config.tcp_sock_type);
	if (attempt_begins(t)) {
		by = seen_by();
		if (by)
			*by = SEEN_BY_PERF;
		attempt_begin(sk, tp, depth, PERF_PROGRAM, &room);
		return 1;
	}
	c = config.track ? attempt_leaving(t) : 0;
	if (c && tp)
		attempt_end(c, sk, tp, t.newstate, &room.attempt);
	mptcp_close(t);
	return 1;
}

/* One of these is loaded, if any. */
SEC("tp/sock/inet_sock_set_state")
int attempt_changes_perf_socket(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return attempt_change_perf(ctx, DEPTH_SOCKET);
}

SEC("tp/sock/inet_sock_set_state")
int attempt_changes_perf_owner(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return attempt_change_perf(ctx, DEPTH_OWNER);
}

SEC("tp/sock/inet_sock_set_state")
int attempt_changes_perf_image(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return attempt_change_perf(ctx, DEPTH_IMAGE);
}

/*
 * The last program: counts the attempts that no other saw, except those for which it is
 * skipped itself.
 */
SEC("tp_btf/inet_sock_set_state")
int attempt_missed(__u64 *ctx)
{
	struct transition t = transition(ctx);
	struct slot room;
	__u8 *by;

	if (!attempt_begins(t)) {
		if (config.track)
			transition_end(t, &room);
		return 0;
	}
	by = seen_by();
	if (is_tcp(t) && (!by || (*by != SEEN_BY_PERF && *by != mark_of(t.sk))))
		add(&progress.missed, 1);
	if (by)
		*by = SEEN_BY_NONE;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
