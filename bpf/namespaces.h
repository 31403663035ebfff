/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a namespace is told by: never its inode number where there is something better
 * (netns.h).
 *
 * A part of attempts.h: netnses and mntnses are declared there.
 */
#ifndef TCPCONNECT_NAMESPACES_H
#define TCPCONNECT_NAMESPACES_H

#include "kernel.h"
#include "netns.h"
#include "types.h"

static __always_inline __u64 netns_key(struct net *net)
{
	__u64 key;

	read_netns_key(net, &key);
	return key;
}

/* Where a socket is: the number that is shown, and what is never used again. */
static __always_inline void read_netns(struct connection *c, struct sock *sk)
{
	struct net *net = sk->__sk_common.skc_net.net;

	c->netns = net->ns.inum;
	read_netns_key(net, &c->netns_key);
}

/* Its number, which has been in ns_common since v6.18. */
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

/* The namespace that a descriptor of the current task refers to. */
static __always_inline void *namespace_at(__u64 fd)
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

static __always_inline int add_key(void *set, __u64 key, bool never_again)
{
	__u8 one = 1;

	if (!key || bpf_map_update_elem(set, &key, &one, BPF_ANY))
		return NAMESPACE_UNKNOWN;
	return never_again ? NAMESPACE_KNOWN : NAMESPACE_KNOWN_WHILE_OPEN;
}

/*
 * These two are run by selection.py, with a descriptor of a namespace that is traced:
 * Linux commit 1b4d60ec162f ("bpf: Enable BPF_PROG_TEST_RUN for raw_tracepoint"),
 * v5.10.
 */
SEC("raw_tp")
int trace_netns(__u64 *ctx)
{
	struct net *net = namespace_at(ctx[0]) - member_offset(net, ns);

	return add_key(&netnses, netns_key(net), exists(net->net_cookie));
}

SEC("raw_tp")
int trace_mntns(__u64 *ctx)
{
	struct mnt_namespace *mnt_ns =
		namespace_at(ctx[0]) - member_offset(mnt_namespace, ns);

	return add_key(&mntnses, mntns_key(mnt_ns),
		       exists(mnt_ns->seq) || exists(mnt_ns->ns.ns_id));
}

#endif
