/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What identifies a namespace: not its inode number, which is reused, when there is
 * something better.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "netns.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

static __always_inline __u64 netns_key(struct net *net)
{
	__u64 key;

	read_netns_key(net, &key);
	return key;
}

/*
 * The network namespace of a socket: the inode number, which is shown, and the key.
 * `tp` is the socket, too, or null. The verifier does not trust it as it does `sk`, so
 * a pointer may be loaded by way of it: read_kernel() has the reason.
 */
static __always_inline void read_netns(struct connection *c, struct sock *sk,
				       struct tcp_sock *tp)
{
	struct net *net = 0;

	if (tp) {
		net = tp->inet_conn.icsk_inet.sk.__sk_common.skc_net.net;
		c->netns = net->ns.inum;
	} else {
		read_kernel(net, sk->__sk_common.skc_net.net);
		read_kernel(c->netns, net->ns.inum);
	}
	read_netns_key(net, &c->netns_key);
}

/* The unique number of a mount namespace, in ns_common since v6.18. */
static __always_inline __u64 mntns_key(struct mnt_namespace *mnt_ns)
{
	__u64 number = 0;
	unsigned int inum = 0;

	if (exists(mnt_ns->seq)) {
		bpf_probe_read_kernel(&number, sizeof(number), &mnt_ns->seq);
		return number;
	}
	if (exists(mnt_ns->ns.ns_id)) {
		bpf_probe_read_kernel(&number, sizeof(number), &mnt_ns->ns.ns_id);
		return number;
	}
	bpf_probe_read_kernel(&inum, sizeof(inum), &mnt_ns->ns.inum);
	return inum;
}

static __always_inline struct mnt_namespace *current_mnt_ns(void)
{
	struct task_struct *task = bpf_get_current_task();
	struct nsproxy *nsproxy = 0;
	struct mnt_namespace *mnt_ns = 0;

	bpf_probe_read_kernel(&nsproxy, sizeof(nsproxy), &task->nsproxy);
	bpf_probe_read_kernel(&mnt_ns, sizeof(mnt_ns), &nsproxy->mnt_ns);
	return mnt_ns;
}

static __always_inline __u64 current_mntns(void)
{
	struct mnt_namespace *mnt_ns = current_mnt_ns();
	unsigned int inum = 0;

	bpf_probe_read_kernel(&inum, sizeof(inum), &mnt_ns->ns.inum);
	return inum;
}
