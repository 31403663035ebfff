/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs that add to a filter what the kernel knows, run by kernel/filters.py. */
#pragma once

#include "core.bpf.h"
#include "filters.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "namespaces.bpf.h"

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
 * All are run with a descriptor of a namespace that is traced, or is not: Linux commit
 * 1b4d60ec162f ("bpf: Enable BPF_PROG_TEST_RUN for raw_tracepoint"), v5.10.
 */
SEC("raw_tp")
int trace_netns(__u64 *ctx)
{
	struct net *net = namespace_of_fd(ctx[0]) - member_offset(net, ns);

	return namespace_insert(&netnses, netns_key(net), exists(net->net_cookie));
}

static __always_inline int mntns_insert(void *set, __u64 fd)
{
	struct mnt_namespace *mnt_ns =
		namespace_of_fd(fd) - member_offset(mnt_namespace, ns);

	return namespace_insert(set, mntns_key(mnt_ns),
				exists(mnt_ns->seq) || exists(mnt_ns->ns.ns_id));
}

SEC("raw_tp")
int trace_mntns(__u64 *ctx)
{
	return mntns_insert(&mntnses, ctx[0]);
}

SEC("raw_tp")
int exclude_mntns(__u64 *ctx)
{
	return mntns_insert(&not_mntnses, ctx[0]);
}

/* Run by the tracer, whose number in the initial PID namespace may be another. */
SEC("raw_tp")
int exclude_own(void *ctx __attribute__((unused)))
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u8 one = 1;

	return !bpf_map_update_elem(&own, &pid, &one, BPF_ANY);
}
