// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What kernels load where a task can lose its CPU inside of a program on a BTF
 * tracepoint: from Linux commit a46023d5616e ("tracing: Guard __DECLARE_TRACE() use of
 * __DO_TRACE_CALL() with SRCU-fast"), v7.0, on. The kernel skips that program for
 * those that run there meanwhile.
 *
 * A program on perf's tracepoint has the CPU to itself. The kernel skips it, and all
 * others of its kind, where it interrupts one of them, or a system call that reads or
 * writes a map. So it comes first, and programs on the BTF tracepoint see what it was
 * skipped for. Those on perf's return 1: others who use perf get nothing otherwise.
 */
#include "attempt.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "outcome.bpf.h"
#include "programs.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"
#include "transition.bpf.h"

#define MAX_TIDS (4 << 20) /* PID_MAX_LIMIT of include/linux/threads.h */

/* TRACE_EVENT(inet_sock_set_state), as perf has it. */
struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
} __relocated;

extern void *bpf_rdonly_cast(const void *from, __u32 type) SEC(".ksyms");

#define cast(type, from) ((type *)bpf_rdonly_cast(from, type_id(type)))

/*
 * Who has seen the current attempt of a thread: a byte for each number that a thread
 * may have. Written by each program that sees one begin, cleared by the last.
 */
struct seen {
	__u8 threads[MAX_TIDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

enum { BY_NONE, BY_PERF, BY_OTHERS };

/* The byte of the current thread. */
static __always_inline __u8 *seen_by(void)
{
	__u32 zero = 0, tid = bpf_get_current_pid_tgid();
	struct seen *all = bpf_map_lookup_elem(&seen, &zero);

	if (!all)
		return 0;
	/* Else clang adds to what may be 0, which the verifier of v6.12 rejects. */
	asm volatile("" : "+r"(tid));
	return &all->threads[tid % MAX_TIDS];
}

/*
 * What the others leave: not that of the socket before, so that it hides nothing where
 * the last program is skipped.
 */
static __always_inline __u8 mark_of(struct sock *sk)
{
	return BY_OTHERS + bpf_get_socket_cookie(sk) % (256 - BY_OTHERS);
}

static __always_inline int
attempt_change_perf(struct trace_event_raw_inet_sock_set_state *ctx, bool deep)
{
	struct sock *sk = cast(struct sock, ctx->skaddr);
	struct transition t = {sk, ctx->oldstate, ctx->newstate};
	struct tcp_sock *tp = is_tcp(t) ? cast(struct tcp_sock, sk) : 0;
	struct connection *c;
	__u8 *by;

	if (attempt_begins(t)) {
		by = seen_by();
		if (by)
			*by = BY_PERF;
		attempt_begin(sk, tp, deep, 0);
		return 1;
	}
	c = config.track ? attempt_leaving(t) : 0;
	if (c && tp)
		attempt_end(c, sk, tp, t.newstate);
	mptcp_close(t);
	return 1;
}

/* One of these two is loaded. */
SEC("tp/sock/inet_sock_set_state")
int attempt_changes_perf(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return attempt_change_perf(ctx, 0);
}

SEC("tp/sock/inet_sock_set_state")
int attempt_changes_perf_deep(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return attempt_change_perf(ctx, 1);
}

static __always_inline void attempt_change(struct transition t, bool deep)
{
	__u8 *by, before;

	if (!attempt_begins(t)) {
		if (config.track)
			transition_end(t);
		mptcp_close(t);
		return;
	}
	by = seen_by();
	if (!by)
		return;
	before = *by;
	*by = mark_of(t.sk);
	if (before != BY_PERF)
		transition_begin(t, deep, 1);
}

/*
 * One of these two is loaded. The second has what looks deep into the task: for each
 * type there libbpf searches all types of the kernel, which takes a third of its time.
 */
SEC("tp_btf/inet_sock_set_state")
int attempt_changes(__u64 *ctx)
{
	attempt_change(transition(ctx), 0);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int attempt_changes_deep(__u64 *ctx)
{
	attempt_change(transition(ctx), 1);
	return 0;
}

/* The last: counts what no other saw. What it is skipped for itself is not counted. */
SEC("tp_btf/inet_sock_set_state")
int attempt_missed(__u64 *ctx)
{
	struct transition t = transition(ctx);
	__u8 *by;

	if (!attempt_begins(t)) {
		if (config.track)
			transition_end(t);
		return 0;
	}
	by = seen_by();
	if (is_tcp(t) && (!by || (*by != BY_PERF && *by != mark_of(t.sk))))
		add(&progress.missed, 1);
	if (by)
		*by = BY_NONE;
	return 0;
}

/* The programs of follow.bpf.h on perf's tracepoints: what one is skipped for, the
 * other sees. */
struct trace_event_raw_task_newtask {
	int pid;
	unsigned long clone_flags;
} __relocated;

/* TRACE_EVENT(task_newtask), a moment before: the child, and what it shares. */
SEC("tp/task/task_newtask")
int process_forks_perf(struct trace_event_raw_task_newtask *ctx)
{
	if (!(ctx->clone_flags & CLONE_THREAD))
		followed_add(bpf_get_current_pid_tgid() >> 32, ctx->pid);
	return 1;
}

SEC("tp/sched/sched_process_exit")
int process_exits_perf(void)
{
	followed_remove(bpf_get_current_task_btf());
	return 1;
}
