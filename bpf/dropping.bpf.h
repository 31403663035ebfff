/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The program that sees which packets this machine drops, and why. */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"
#include "drops.bpf.h"
#include "ends.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "sockets.bpf.h"

/*
 * Their numbers depend on the kernel. Linux commit c504e5c2f964 ("net: skb: introduce
 * kfree_skb_reason()"), v5.17.
 */
enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
	SKB_DROP_REASON_NO_SOCKET = 3,
};

/*
 * Whether a reason explains anything. Drivers free packets that they have sent without
 * one, and where no socket is, the answer is an RST.
 */
static __always_inline bool is_reason(__u32 reason)
{
	return reason !=
		       constant_value(skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED) &&
	       reason != constant_value(skb_drop_reason, SKB_DROP_REASON_NO_SOCKET);
}

/* TRACE_EVENT(kfree_skb): skb, location, reason. */
SEC("tp_btf/kfree_skb")
int packet_dropped(__u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct drop drop = {.reason = ctx[2]};
	struct ends ends = {};
	__u64 *count;

	if (!is_reason(drop.reason) ||
	    (!ends_by_socket(&ends, skb->sk) && !ends_by_headers(&ends, skb)))
		return 0;
	count = sought_of(ends.daddr, ends.dport);
	if (!count || !*count)
		return 0;
	drop.time_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&drops, &ends, &drop, BPF_ANY);
	return 0;
}
