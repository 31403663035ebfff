/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What both objects of attempts have. */
#pragma once

#include "attempt.bpf.h"
#include "core.bpf.h"
#include "filters.bpf.h"
#include "follow.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "mptcp.bpf.h"
#include "namespaces.bpf.h"
#include "outcome.bpf.h"
#include "pending.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"
#include "transition.bpf.h"

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
static __always_inline void transition_end(struct transition t)
{
	struct connection *c = attempt_leaving(t);
	struct tcp_sock *tp;

	if (!c)
		return;
	tp = bpf_skc_to_tcp_sock(t.sk);
	if (tp)
		attempt_end(c, t.sk, tp, t.newstate);
}

static __always_inline void transition_begin(struct transition t, bool deep,
					     __u32 program)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(t.sk);

	if (tp || is_mptcp(t))
		attempt_begin(t.sk, tp, deep, program);
}

/* Forget the owner of an MPTCP socket that is closed. */
static __always_inline void mptcp_close(struct transition t)
{
	if (t.newstate == TCP_CLOSE && is_mptcp(t))
		owner_delete(t.sk);
}

/* What a program that adds a namespace to a set returns. */
enum namespace_known {
	NAMESPACE_UNKNOWN = 0,
	NAMESPACE_KNOWN = 1,
	NAMESPACE_KNOWN_WHILE_OPEN = 2, /* another may then get the same key */
};

/* The namespace of a descriptor of the current task. */
static __always_inline void *namespace_of_fd(__u64 fd)
{
	struct task_struct *task = bpf_get_current_task();
	struct files_struct *files = 0;
	struct fdtable *table = 0;
	struct file **open = 0, *file = 0;
	struct inode *inode = 0;
	void *ns = 0;

	bpf_probe_read_kernel(&files, sizeof(files), &task->files);
	bpf_probe_read_kernel(&table, sizeof(table), &files->fdt);
	bpf_probe_read_kernel(&open, sizeof(open), &table->fd);
	bpf_probe_read_kernel(&file, sizeof(file), open + fd);
	bpf_probe_read_kernel(&inode, sizeof(inode), &file->f_inode);
	bpf_probe_read_kernel(&ns, sizeof(ns), &inode->i_private);
	return ns;
}

static __always_inline int namespace_insert(void *set, __u64 key, bool never_again)
{
	__u8 one = 1;

	if (!key || bpf_map_update_elem(set, &key, &one, BPF_ANY))
		return NAMESPACE_UNKNOWN;
	return never_again ? NAMESPACE_KNOWN : NAMESPACE_KNOWN_WHILE_OPEN;
}

/*
 * Run by selection.py with a descriptor of a namespace that is traced: Linux commit
 * 1b4d60ec162f ("bpf: Enable BPF_PROG_TEST_RUN for raw_tracepoint"), v5.10.
 */
SEC("raw_tp")
int trace_netns(__u64 *ctx)
{
	struct net *net = namespace_of_fd(ctx[0]) - member_offset(net, ns);

	return namespace_insert(&netnses, netns_key(net), exists(net->net_cookie));
}

SEC("raw_tp")
int trace_mntns(__u64 *ctx)
{
	struct mnt_namespace *mnt_ns =
		namespace_of_fd(ctx[0]) - member_offset(mnt_namespace, ns);

	return namespace_insert(&mntnses, mntns_key(mnt_ns),
				exists(mnt_ns->seq) || exists(mnt_ns->ns.ns_id));
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
	transition_end(transition(ctx));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
