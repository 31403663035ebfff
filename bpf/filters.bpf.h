/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The filters that look at who connects.
 *
 * Their sets are filled by kernel/filters.py before the programs are attached; `pids`
 * by follow.py and follow.bpf.h while they are attached.
 */
#pragma once

#include "cgroups.bpf.h"
#include "config.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "namespaces.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

/* Filters that look at who connects: bits of config.task_filters. */
enum task_filter {
	BY_PID = 1 << 0,
	BY_UID = 1 << 1,
	BY_COMM = 1 << 2,
	BY_NETNS = 1 << 3,
	BY_CGROUP = 1 << 4, /* and all below it */
	BY_CONTAINER = 1 << 5,
	BY_CGROUPMAP = 1 << 6,
	BY_MNTNSMAP = 1 << 7,
	BY_NOT_COMM = 1 << 8,
	BY_NOT_CONTAINER = 1 << 9,
	BY_NOT_OWN = 1 << 10, /* not of the tracer itself */
	BY_PLACE = BY_CGROUP | BY_CONTAINER | BY_NOT_CONTAINER,
};

/* `own` has the tracer's process, if it is not traced. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps"), uids SEC(".maps"), own SEC(".maps");

/* By namespaces.bpf.h: `mntnses` of BY_CONTAINER, `not_mntnses` of BY_NOT_CONTAINER. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} netnses SEC(".maps"), mntnses SEC(".maps"), not_mntnses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, char[COMM_LEN]);
	__type(value, __u8);
} comms SEC(".maps"), not_comms SEC(".maps");

/*
 * IDs of cgroups; the value is BY_CGROUP for --cgroup, BY_CONTAINER for --container,
 * BY_NOT_CONTAINER for --not-container, or several of them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u16);
} cgroups SEC(".maps");

/* Filled by other programs, at any time: kernel/attempts.py puts their pinned maps
 * here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} cgroupmap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} mntnsmap SEC(".maps");

/*
 * Which of BY_PLACE have the cgroup of the current task, or one above it. Only the
 * depths at which the set has cgroups are looked at: the cost does not depend on the
 * size of the set.
 */
static __always_inline __u16 cgroups_passed(void)
{
	__u16 *passes, passed = 0;
	__u64 id;

	for (__u32 i = 0; i < config.level_count && i < MAX_LEVELS; i++) {
		id = current_ancestor(config.levels[i]);
		passes = bpf_map_lookup_elem(&cgroups, &id);
		if (passes)
			passed |= *passes;
	}
	return passed;
}

/*
 * Whether the current task is wanted, by the filters that have its cgroups. Containers
 * that are not in cgroup v2 are identified by their mount namespaces.
 */
static __always_inline bool passed_wanted(__u16 filters, __u16 passed)
{
	__u64 mntns;

	if (filters & BY_CGROUP && !(passed & BY_CGROUP))
		return 0;
	if (passed & BY_NOT_CONTAINER)
		return 0;
	if (!(filters & (BY_CONTAINER | BY_NOT_CONTAINER)))
		return 1;
	mntns = mntns_key(current_mnt_ns());
	if (filters & BY_NOT_CONTAINER && bpf_map_lookup_elem(&not_mntnses, &mntns))
		return 0;
	return !(filters & BY_CONTAINER) || passed & BY_CONTAINER ||
	       bpf_map_lookup_elem(&mntnses, &mntns);
}

static __always_inline bool netns_wanted(struct sock *sk)
{
	struct net *net = 0;
	__u64 netns;

	read_kernel(net, sk->__sk_common.skc_net.net);
	netns = netns_key(net);
	return bpf_map_lookup_elem(&netnses, &netns);
}

/* The filters that look at the user and the network namespace. */
static __always_inline bool owner_wanted(const struct connection *c, struct sock *sk,
					 __u16 filters, enum depth depth)
{
	if (filters & BY_UID && !bpf_map_lookup_elem(&uids, &c->uid))
		return 0;
	return depth < DEPTH_OWNER || !(filters & BY_NETNS) || netns_wanted(sk);
}

/* The filters that look at who connects. */
static __always_inline bool task_wanted(struct connection *c, struct sock *sk,
					__u16 filters, enum depth depth)
{
	__u64 id;

	if (filters & BY_PID && !bpf_map_lookup_elem(&pids, &c->pid))
		return 0;
	if (filters & BY_NOT_OWN && bpf_map_lookup_elem(&own, &c->pid))
		return 0;
	if (!owner_wanted(c, sk, filters, depth))
		return 0;
	if (filters & BY_COMM) {
		bpf_get_current_comm(c->comm, sizeof(c->comm));
		if (!bpf_map_lookup_elem(&comms, c->comm))
			return 0;
	}
	if (filters & BY_NOT_COMM) {
		bpf_get_current_comm(c->comm, sizeof(c->comm));
		if (bpf_map_lookup_elem(&not_comms, c->comm))
			return 0;
	}
	if (depth >= DEPTH_IMAGE && filters & BY_PLACE &&
	    !passed_wanted(filters, cgroups_passed()))
		return 0;
	if (filters & BY_CGROUPMAP) {
		id = bpf_get_current_cgroup_id();
		if (!bpf_map_lookup_elem(&cgroupmap, &id))
			return 0;
	}
	if (depth >= DEPTH_IMAGE && filters & BY_MNTNSMAP) {
		id = current_mntns();
		if (!bpf_map_lookup_elem(&mntnsmap, &id))
			return 0;
	}
	return 1;
}

/* Which of BY_PLACE have a cgroup, or one above it. */
static __always_inline __u16 cgroups_passed_by(struct kernfs_node *kn)
{
	__u16 *passes, passed = 0;
	__u64 id;

	for (int i = 0; kn && i < PATH_NAMES_MOST; i++) {
		id = kernfs_id(kn);
		passes = bpf_map_lookup_elem(&cgroups, &id);
		if (passes)
			passed |= *passes;
		kn = kernfs_parent(kn);
	}
	return passed;
}
