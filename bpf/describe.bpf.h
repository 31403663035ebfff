/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who connects, and whether the filters want the attempt. */
#pragma once

#include "config.bpf.h"
#include "core.bpf.h"
#include "filters.bpf.h"
#include "helpers.bpf.h"
#include "loopback.bpf.h"
#include "namespaces.bpf.h"
#include "networks.bpf.h"
#include "process.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"
#include "task.bpf.h"

/*
 * Describe the current task, which connects; returns whether the filters want it.
 * `tp` is null where the verifier does not know `sk` as a TCP socket.
 */
static __always_inline bool task_describe(struct connection *c, struct sock *sk,
					  struct tcp_sock *tp, enum depth depth)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	const __u16 filters = config.task_filters;
	const __u16 details = config.details;

	c->pid = pid_tgid >> 32;
	c->tid = pid_tgid;
	if (details & DETAIL_UID || filters & BY_UID)
		c->uid = bpf_get_current_uid_gid();
	if (depth >= DEPTH_OWNER && details & DETAIL_NETNS)
		read_netns(c, sk, tp);
	if (filters && !task_wanted(c, sk, filters, depth))
		return 0;
	if (details & DETAIL_CGROUP_ID)
		c->cgroup = bpf_get_current_cgroup_id();
	if (depth >= DEPTH_OWNER && details & DETAIL_START)
		c->start_ns = current_start();
	if (details & DETAIL_COMM)
		bpf_get_current_comm(c->comm, sizeof(c->comm));
	if (depth >= DEPTH_IMAGE && details & DETAIL_PPID)
		c->ppid = parent_pid(current_task());
	if (depth >= DEPTH_IMAGE && details & DETAIL_MNTNS)
		c->mntns = current_mntns();
	return 1;
}

/* The port is in network order. */
static __always_inline bool destination_wanted(struct connection *c, __u16 port,
					       enum depth depth)
{
	const __u8 address_filters = config.address_filters;

	/* Whether the attempt is wanted or not. */
	if (depth >= DEPTH_OWNER && config.details & DETAIL_START)
		c->visited_ns = loopback_visit(c);
	if (config.by_port && !ports_wanted(c, port))
		return 0;
	if (config.ip && config.ip != c->ip)
		return 0;
	return !address_filters || addresses_wanted(c, address_filters);
}
