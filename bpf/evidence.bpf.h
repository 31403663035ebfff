/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a socket that leaves SYN_SENT shows of why its attempt failed, for --why. */
#pragma once

#include <linux/bpf.h>

#include "addresses.bpf.h"
#include "core.bpf.h"
#include "drops.bpf.h"
#include "explained.bpf.h"
#include "headers.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"
#include "room.bpf.h"
#include "sockets.bpf.h"

/* An ICMP error in the error queue of a socket. */
struct icmp_error {
	struct sk_buff *skb;
	__u32 err; /* 0: there is none */
	__u8 origin;
};

/*
 * The newest ICMP error that came for an attempt. It is in the error queue since Linux
 * commit 45af29ca761c ("tcp: allow traceroute -Mtcp for unpriv users"), v5.8; `before`
 * is how many errors the queue had when the attempt began.
 */
static __always_inline struct icmp_error queued_error(struct sock *sk, __u64 before)
{
	struct icmp_error found = {};
	struct sock_exterr_skb *queued;

	if (sk->sk_error_queue.qlen <= before)
		return found;
	read_kernel(found.skb, sk->sk_error_queue.prev);
	queued = (void *)found.skb + member_offset(sk_buff, cb);
	read_kernel(found.origin, queued->ee.ee_origin);
	if (found.origin == SO_EE_ORIGIN_ICMP || found.origin == SO_EE_ORIGIN_ICMP6)
		read_kernel(found.err, queued->ee.ee_errno);
	return found;
}

/* Who sent it: the source in the header of the IP packet. */
static __always_inline void icmp_sender(__u32 *address, struct icmp_error icmp)
{
	unsigned char *head = 0;
	__u16 header = 0;
	__u32 ipv4 = 0;

	read_kernel(head, icmp.skb->head);
	read_kernel(header, icmp.skb->network_header);
	head += header;
	if (icmp.origin == SO_EE_ORIGIN_ICMP6) {
		bpf_probe_read_kernel(address, 16, head + IPV6_SADDR);
		return;
	}
	bpf_probe_read_kernel(&ipv4, sizeof(ipv4), head + IPV4_SADDR);
	map_ipv4(address, ipv4);
}

static __always_inline void read_evidence(struct evidence *e,
					  const struct connection *c, struct sock *sk,
					  struct tcp_sock *tp, __u64 before)
{
	struct icmp_error icmp;

	__builtin_memset(e, 0, sizeof(*e));
	e->syns = tp->segs_out ? tp->total_retrans + 1 : 0;
	if (c->result == RESULT_OK)
		return;
	if (tp->segs_in)
		e->seen |= SEEN_ANSWER;
	icmp = queued_error(sk, before);
	if (icmp.err) {
		e->seen |= SEEN_ICMP;
		icmp_sender(e->icmp_from, icmp);
	}
	if (config.drops)
		e->drop_reason = drop_reason_of(c);
}

/* A function of its own: for its stack. */
static __noinline __unused void emit_explained(const struct connection *c,
					       struct sock *sk, struct tcp_sock *tp,
					       __u64 before)
{
	struct explained *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&progress.lost_ring, 1);
		return;
	}
	record->attempt = *c;
	read_evidence(&record->evidence, c, sk, tp, before);
	bpf_ringbuf_submit(record, wakeup(&ring));
}
