/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who looks up a name: the current task, described in a record of the ring, and whether
 * the filters want it. All is read by address: programs on packets may not call what
 * others may, and programs on functions have little stack. The sets of the filters are
 * those of the programs that see attempts.
 */
#pragma once

#include "cgroups.bpf.h"
#include "config.bpf.h"
#include "core.bpf.h"
#include "filters.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "namespaces.bpf.h"
#include "records.bpf.h"
#include "task.bpf.h"

static __noinline int who_read_numbers(struct connection *c)
{
	struct task_struct *task = bpf_get_current_task();
	struct task_struct *parent = 0;
	const struct cred *cred = 0;

	bpf_probe_read_kernel(&c->pid, sizeof(c->pid), &task->tgid);
	bpf_probe_read_kernel(&c->tid, sizeof(c->tid), &task->pid);
	bpf_probe_read_kernel(c->comm, sizeof(c->comm), &task->comm);
	read_kernel(cred, task->cred);
	bpf_probe_read_kernel(&c->uid, sizeof(c->uid), &cred->uid.val);
	read_kernel(parent, task->real_parent);
	bpf_probe_read_kernel(&c->ppid, sizeof(c->ppid), &parent->tgid);
	c->start_ns = current_start();
	return 0;
}

static __noinline int who_read_namespaces(struct connection *c)
{
	struct task_struct *task = bpf_get_current_task();
	struct nsproxy *nsproxy = 0;
	struct mnt_namespace *mnt_ns = 0;
	struct net *net = 0;

	read_kernel(nsproxy, task->nsproxy);
	read_kernel(net, nsproxy->net_ns);
	read_kernel(mnt_ns, nsproxy->mnt_ns);
	bpf_probe_read_kernel(&c->netns, sizeof(c->netns), &net->ns.inum);
	read_netns_key(net, &c->netns_key);
	bpf_probe_read_kernel(&c->mntns, sizeof(c->mntns), &mnt_ns->ns.inum);
	return 0;
}

/* The cgroup of the current task. */
static __always_inline struct kernfs_node *who_cgroup(void)
{
	struct task_struct *task = bpf_get_current_task();
	struct css_set *set = 0;
	struct cgroup *cgroup = 0;
	struct kernfs_node *kn = 0;

	read_kernel(set, task->cgroups);
	read_kernel(cgroup, set->dfl_cgrp);
	read_kernel(kn, cgroup->kn);
	return kn;
}

static __noinline int who_is_one_of(const struct connection *c)
{
	const __u16 filters = config.task_filters;
	char comm[COMM_LEN];
	__u32 number;
	__u64 key;

	number = c->pid;
	if (filters & BY_PID && !bpf_map_lookup_elem(&pids, &number))
		return 0;
	if (filters & BY_NOT_OWN && bpf_map_lookup_elem(&own, &number))
		return 0;
	number = c->uid;
	if (filters & BY_UID && !bpf_map_lookup_elem(&uids, &number))
		return 0;
	key = c->netns_key;
	if (filters & BY_NETNS && !bpf_map_lookup_elem(&netnses, &key))
		return 0;
	key = c->cgroup;
	if (filters & BY_CGROUPMAP && !bpf_map_lookup_elem(&cgroupmap, &key))
		return 0;
	key = c->mntns;
	if (filters & BY_MNTNSMAP && !bpf_map_lookup_elem(&mntnsmap, &key))
		return 0;
	if (!(filters & (BY_COMM | BY_NOT_COMM)))
		return 1;
	__builtin_memset(comm, 0, sizeof(comm));
	bpf_probe_read_kernel_str(comm, sizeof(comm), c->comm);
	if (filters & BY_NOT_COMM && bpf_map_lookup_elem(&not_comms, comm))
		return 0;
	return !(filters & BY_COMM) || bpf_map_lookup_elem(&comms, comm);
}

/* The filters by cgroup and by container. */
static __noinline int who_is_in_place(void)
{
	return passed_wanted(config.task_filters, cgroups_passed_by(who_cgroup()));
}

/* Describe the current task; returns whether the filters want it. */
static __always_inline bool who_describe(struct connection *c)
{
	__builtin_memset(c, 0, sizeof(*c));
	c->result = RESULT_UNKNOWN;
	c->cgroup = kernfs_id(who_cgroup());
	who_read_numbers(c);
	who_read_namespaces(c);
	if (config.task_filters && !who_is_one_of(c))
		return 0;
	return !(config.task_filters & BY_PLACE) || who_is_in_place();
}
