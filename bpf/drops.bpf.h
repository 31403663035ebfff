/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets of pending attempts that this machine drops, for --why: SYNs, and what
 * answers them. They are found by addresses and ports: one that comes back, or that
 * another network namespace forwards, has no socket (decision 30).
 */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"
#include "config.bpf.h"
#include "ends.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

#define SOUGHT_BITS 14

/*
 * How many attempts are pending, by a hash of their destination: of all that the
 * machine drops, what goes elsewhere is none of them. Written when attempts begin and
 * end.
 */
struct sought {
	__u64 counts[1 << SOUGHT_BITS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sought);
} sought SEC(".maps");

struct drop {
	__u64 time_ns;
	__u32 reason; /* enum skb_drop_reason */
	__u32 reserved;
};

/*
 * The last drop of each attempt. Inserted when it happens, read when the attempt ends;
 * the least recently used ones are evicted. Sized before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct ends);
	__type(value, struct drop);
} drops SEC(".maps");

static __always_inline __u64 *sought_of(const __u32 *daddr, __u16 dport)
{
	__u64 hash = (__u64)(daddr[0] ^ daddr[1] ^ daddr[2] ^ daddr[3]) << 16 | dport;
	__u32 zero = 0, index = hash * 0x9e3779b97f4a7c15 >> (64 - SOUGHT_BITS);
	struct sought *all = bpf_map_lookup_elem(&sought, &zero);

	if (!all)
		return 0;
	/* Otherwise clang adds to a pointer that may be 0, which v6.12 rejects. */
	asm volatile("" : "+r"(index));
	return &all->counts[index & ((1 << SOUGHT_BITS) - 1)];
}

/* An attempt begins (1), or ends (-1). */
static __always_inline void sought_add(const struct connection *c, __u64 n)
{
	__u64 *count = WITH_CALLS && config.drops ? sought_of(c->daddr, c->dport) : 0;

	if (count)
		add(count, n);
}

/* Why this machine dropped the last packet of an attempt that it did; 0: none. */
static __always_inline __u32 drop_reason_of(const struct connection *c)
{
	struct ends ends = {};
	struct drop *drop;

	ends_of(&ends, c);
	drop = bpf_map_lookup_elem(&drops, &ends);
	return drop && drop->time_ns >= c->time_ns ? drop->reason : 0;
}
