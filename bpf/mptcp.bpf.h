/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The subflows of MPTCP sockets. The first is opened by the task that connects, others
 * by a worker of the kernel or by a daemon that manages paths: they all belong to the
 * owner of the MPTCP socket.
 */
#pragma once

#include "cgroups.bpf.h"
#include "config.bpf.h"
#include "core.bpf.h"
#include "filters.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "namespaces.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

#define MPTCP_SOCKETS 4096

/*
 * The owner of each MPTCP socket, as task_describe() describes it, by the address of
 * the socket. Inserted when the socket connects, deleted when it is closed; the least
 * recently used ones are evicted when it is full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MPTCP_SOCKETS);
	__type(key, __u64);
	__type(value, struct connection);
} owners SEC(".maps");

/* What MPTCP knows of a TCP socket: nothing, or one of these two. */
struct subflow {
	struct connection *owner; /* of its MPTCP socket */
	struct sock *mptcp;	  /* the MPTCP socket, when its owner is unknown */
};

static __always_inline struct subflow subflow_of(struct tcp_sock *tp)
{
	struct subflow found = {};
	struct mptcp_subflow_context *context;
	struct sock *mptcp = 0;
	__u64 key, join = 0;

	if (!exists(tp->is_mptcp) || likely(!tp->is_mptcp))
		return found;
	context = tp->inet_conn.icsk_ulp_data;
	bpf_probe_read_kernel(&mptcp, sizeof(mptcp), &context->conn);
	key = (__u64)mptcp;
	found.owner = bpf_map_lookup_elem(&owners, &key);
	bpf_probe_read_kernel(&join, BIT_FIELD(context->request_join, SIZE),
			      (char *)context +
				      BIT_FIELD(context->request_join, OFFSET));
	if (!found.owner && bits_of(join, context->request_join))
		found.mptcp = mptcp;
	return found;
}

/* Remember the owner of an MPTCP socket, wanted or not. */
static __always_inline void owner_insert(struct sock *mptcp, const struct connection *c)
{
	__u64 key = (__u64)mptcp;

	bpf_map_update_elem(&owners, &key, c, BPF_ANY);
}

static __always_inline void owner_delete(struct sock *mptcp)
{
	__u64 key = (__u64)mptcp;

	bpf_map_delete_elem(&owners, &key);
}

/* Copy what identifies the owner; returns whether the filters want it. */
static __always_inline bool owner_copy(struct connection *to,
				       const struct connection *who)
{
	to->cgroup = who->cgroup;
	to->pid = who->pid;
	to->tid = who->tid;
	to->uid = who->uid;
	to->netns = who->netns;
	__builtin_memcpy(to->comm, who->comm, sizeof(to->comm));
	to->image = who->image;
	to->start_ns = who->start_ns;
	to->ppid = who->ppid;
	to->mntns = who->mntns;
	to->netns_key = who->netns_key;
	return who->wanted;
}

/*
 * Describe the owner of an MPTCP socket that connected, or was accepted, before the
 * programs were loaded: its user and its cgroup are known, the process is not. Returns
 * whether the filters want it.
 */
static __always_inline bool socket_describe(struct connection *c, struct sock *sk,
					    struct tcp_sock *tp, struct sock *mptcp,
					    enum depth depth)
{
	const __u16 filters = config.task_filters;
	struct kernfs_node *kn;
	__u16 passed;

	if (filters & (BY_PID | BY_COMM | BY_MNTNSMAP))
		return 0;
	read_kernel(c->uid, mptcp->sk_uid.val);
	if (!owner_wanted(c, sk, filters, depth))
		return 0;
	if (depth < DEPTH_OWNER)
		return 1;
	read_netns(c, sk, tp);
	kn = cgroup_of(mptcp);
	c->cgroup = kernfs_id(kn);
	if (filters & BY_CGROUPMAP && !bpf_map_lookup_elem(&cgroupmap, &c->cgroup))
		return 0;
	if (depth < DEPTH_IMAGE || !(filters & BY_PLACE))
		return 1;
	passed = cgroups_passed_by(kn) & filters;
	return passed == (filters & (BY_CGROUP | BY_CONTAINER));
}
