/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The cgroups of tasks and sockets. */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "sockets.bpf.h"
#include "task.bpf.h"

#define PATH_NAMES_MOST 64 /* names in a path */

/* A cgroup of v1, if the controller is there and the cgroup is not the root. */
static __always_inline struct kernfs_node *legacy_of(struct css_set *set, __u32 subsys)
{
	void *all = (void *)set + member_offset(css_set, subsys);
	struct cgroup_subsys_state *css = 0;
	struct cgroup *cgroup = 0;
	struct cgroup_root *root = 0;
	struct kernfs_node *kn = 0;
	int hierarchy = 0, level = 0;

	read_task(css, ((struct cgroup_subsys_state **)all)[subsys]);
	read_task(cgroup, css->cgroup);
	read_task(root, cgroup->root);
	read_task(hierarchy, root->hierarchy_id);
	read_task(level, cgroup->level);
	if (hierarchy && level)
		read_task(kn, cgroup->kn);
	return kn;
}

/*
 * The cgroup of v1 of a task, by the controllers that container runtimes and systemd
 * use for every process.
 */
static __always_inline struct kernfs_node *legacy_cgroup(struct task_struct *task)
{
	struct css_set *set = 0;
	struct kernfs_node *kn = 0;

	read_task(set, task->cgroups);
	if (constant_exists(cgroup_subsys_id, pids_cgrp_id))
		kn = legacy_of(set, constant_value(cgroup_subsys_id, pids_cgrp_id));
	if (!kn && constant_exists(cgroup_subsys_id, memory_cgrp_id))
		kn = legacy_of(set, constant_value(cgroup_subsys_id, memory_cgrp_id));
	if (!kn && constant_exists(cgroup_subsys_id, cpu_cgrp_id))
		kn = legacy_of(set, constant_value(cgroup_subsys_id, cpu_cgrp_id));
	return kn;
}

static __always_inline struct kernfs_node *unified_cgroup(struct task_struct *task)
{
	struct css_set *set = 0;
	struct cgroup *cgroup = 0;
	struct kernfs_node *kn = 0;

	read_task(set, task->cgroups);
	read_task(cgroup, set->dfl_cgrp);
	read_task(kn, cgroup->kn);
	return kn;
}

/*
 * The cgroup of v2 in which a socket was made. Before Linux commit 8520e224f547 ("bpf,
 * cgroups: Fix cgroup v2 fallback on v1/v2 mixed mode"), v5.15, all 8 bytes are its
 * address, or with the lowest bit set something of cgroup v1.
 */
static __always_inline struct kernfs_node *cgroup_of(struct sock *sk)
{
	struct cgroup *cgroup = 0;
	struct kernfs_node *kn = 0;

	if (exists(sk->sk_cgrp_data.cgroup))
		read_kernel(cgroup, sk->sk_cgrp_data.cgroup);
	else
		bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &sk->sk_cgrp_data);
	read_kernel(kn, cgroup->kn);
	return kn;
}

static __always_inline __u64 kernfs_id(struct kernfs_node *kn)
{
	__u64 id = 0;

	read_kernel(id, kn->id);
	return id;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___before *before = (void *)kn;
	struct kernfs_node *parent = 0;

	if (exists(kn->__parent))
		read_kernel(parent, kn->__parent);
	else
		read_kernel(parent, before->parent);
	return parent;
}

/*
 * Linux commit 95b861a7935b ("bpf: Allow bpf_get_current_ancestor_cgroup_id for
 * tracing"), v5.15, added the helper. Before, the IDs are in struct cgroup.
 */
static __always_inline __u64 current_ancestor(int level)
{
	struct task_struct *task;
	struct css_set *cgroups = 0;
	struct cgroup *cgroup = 0;
	__u64 id = 0;

	if (!exists(cgroup->ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id(level);
	task = bpf_get_current_task();
	bpf_probe_read_kernel(&cgroups, sizeof(cgroups), &task->cgroups);
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &cgroups->dfl_cgrp);
	bpf_probe_read_kernel(&id, sizeof(id), &cgroup->ancestor_ids[level]);
	return id;
}
