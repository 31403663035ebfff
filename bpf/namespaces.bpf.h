/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What identifies a namespace: not its inode number, which is reused, when there is
 * something better.
 */
#pragma once

#include "cast.bpf.h"
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

/* The network namespace of a socket: the inode number, which is shown, and the key. */
static __always_inline void read_netns(struct connection *c, struct sock *sk)
{
	struct net *net = untrusted(struct sock, sk)->__sk_common.skc_net.net;

	c->netns = net->ns.inum;
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
