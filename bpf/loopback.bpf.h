/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * When each process last connected to 127.0.0.1 or ::1. A name that a process was given
 * for 0.0.0.0 or :: belongs to its next connect there: the one whose previous visit is
 * older than the name. User space sees attempts when they end, and cannot know.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "records.bpf.h"
#include "task.bpf.h"

struct visitor {
	__u64 start_ns; /* of the process */
	__u32 pid;
	__u32 ip; /* 4 or 6 */
};

/*
 * When each of them began its last attempt. Inserted and read when an attempt begins
 * and names are wanted; the least recently used ones are evicted when it is full. Sized
 * before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct visitor);
	__type(value, __u64);
} visitors SEC(".maps");

static __always_inline bool is_loopback(const struct connection *c)
{
	const __u32 *to = c->daddr;

	if (c->ip == 4)
		return to[3] == __builtin_bswap32(0x7f000001);
	return !to[0] && !to[1] && !to[2] && to[3] == __builtin_bswap32(1);
}

/*
 * Note a connect of the current process; returns when it last connected to this
 * loopback address, or 0 for never, and for all other addresses.
 */
static __always_inline __u64 loopback_visit(const struct connection *c)
{
	struct visitor visitor;
	__u64 now, before = 0, *last;

	if (likely(!is_loopback(c)))
		return 0;
	now = bpf_ktime_get_ns();
	visitor.start_ns = current_start();
	visitor.pid = bpf_get_current_pid_tgid() >> 32;
	visitor.ip = c->ip;
	last = bpf_map_lookup_elem(&visitors, &visitor);
	if (last) {
		before = *last;
		*last = now;
	} else {
		bpf_map_update_elem(&visitors, &visitor, &now, BPF_ANY);
	}
	return before;
}
