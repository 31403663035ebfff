/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Flows and their outcomes, counted for -c. */
#pragma once

#include <linux/types.h>

#include "config.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"

#define LATENCY_SLOTS 64

/* Key and value of `flows`, for -c. */
struct flow {
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 dport;
	__u16 reserved[3];
	__u64 netns_key; /* 0 when names are not wanted */
};

struct flow_counts {
	__u64 connects;
	__u64 ok;
	__u64 failed;
	__u64 latency_total_ns;
	__u64 latency_max_ns;
	__u64 resent;  /* ended ones that took more than one SYN; counted with --why */
	__u64 refused; /* of those that failed: before SYN_SENT, without a latency */
};

/* Counted by the programs, read by kernel/attempts.py at the end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow);
	__type(value, struct flow_counts);
} flows SEC(".maps");

/* For --histogram: slot n counts latencies of 2^n to 2^(n+1)-1 us. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LATENCY_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} histogram SEC(".maps");

static __always_inline struct flow_counts *flow_of(const struct connection *c)
{
	struct flow key = {.dport = c->dport};
	struct flow_counts zero = {}, *counts;

	__builtin_memcpy(key.saddr, c->saddr, sizeof(key.saddr));
	__builtin_memcpy(key.daddr, c->daddr, sizeof(key.daddr));
	if (config.details & DETAIL_NETNS)
		key.netns_key = c->netns_key;
	counts = bpf_map_lookup_elem(&flows, &key);
	if (counts)
		return counts;
	bpf_map_update_elem(&flows, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, &key);
}

static __always_inline void flow_count_begin(const struct connection *c)
{
	struct flow_counts *counts = flow_of(c);

	if (counts)
		add(&counts->connects, 1);
	else
		add(&progress.lost_flows, 1);
}

/* An attempt that never was SYN_SENT. */
static __always_inline void flow_count_refused(const struct connection *c)
{
	struct flow_counts *counts = flow_of(c);

	if (!counts) {
		add(&progress.lost_flows, 1);
		return;
	}
	add(&counts->connects, 1);
	add(&counts->failed, 1);
	add(&counts->refused, 1);
}

static __always_inline __u32 log2(__u64 v)
{
	__u32 r = 0;

#pragma unroll
	for (int shift = 32; shift; shift /= 2) {
		if (v >> shift) {
			v >>= shift;
			r += shift;
		}
	}
	return r;
}

/* The flow was inserted when the attempt began. If it is missing, it did not fit. */
static __always_inline void flow_count_end(const struct connection *c, bool resent)
{
	struct flow_counts *counts = flow_of(c);
	__u64 *slot;
	__u32 n;

	if (!counts)
		return;
	if (c->result == RESULT_OK)
		add(&counts->ok, 1);
	else
		add(&counts->failed, 1);
	if (config.explain && resent)
		add(&counts->resent, 1);
	add(&counts->latency_total_ns, c->latency_ns);
	/*
	 * Before v5.12 there is no compare-and-exchange: of two CPUs at once, the
	 * smaller value may stay.
	 */
	if (c->latency_ns > counts->latency_max_ns)
		counts->latency_max_ns = c->latency_ns;
	n = log2(c->latency_ns / 1000) & (LATENCY_SLOTS - 1);
	slot = bpf_map_lookup_elem(&histogram, &n);
	if (slot)
		add(slot, 1);
}
