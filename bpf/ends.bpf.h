/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The two ends of an attempt to which a packet belongs. */
#pragma once

#include <linux/bpf.h>

#include "addresses.bpf.h"
#include "core.bpf.h"
#include "headers.bpf.h"
#include "helpers.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

#define ETH_P_IP __builtin_bswap16(0x0800)
#define ETH_P_IPV6 __builtin_bswap16(0x86dd)

/* As in struct connection. */
struct ends {
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 lport;
	__u16 dport;
};

static __always_inline void ends_of(struct ends *ends, const struct connection *c)
{
	copy_ipv6(ends->saddr, c->saddr);
	copy_ipv6(ends->daddr, c->daddr);
	ends->lport = c->lport;
	ends->dport = c->dport;
}

/* Of a socket in SYN_SENT: its packets may have no headers yet. */
static __always_inline bool ends_by_socket(struct ends *ends, struct sock *sk)
{
	struct connection c = {};

	if (!sk || sk->__sk_common.skc_state != TCP_SYN_SENT ||
	    sk->sk_protocol != IPPROTO_TCP)
		return 0;
	read_addresses(&c, sk);
	c.lport = sk->__sk_common.skc_num;
	c.dport = __builtin_bswap16(sk->__sk_common.skc_dport);
	ends_of(ends, &c);
	return 1;
}

/* Read the addresses of a TCP packet; returns where its TCP header is, or 0. */
static __always_inline const __u8 *read_ip(struct ends *ends, struct sk_buff *skb)
{
	const __u8 *packet = skb->head + skb->network_header;
	__u32 words[IPV6_HEADER / 4];
	const __u8 *header = (const __u8 *)words;

	if (skb->protocol == ETH_P_IP) {
		if (bpf_probe_read_kernel(words, IPV4_HEADER, packet) ||
		    header[IPV4_PROTOCOL] != IPPROTO_TCP)
			return 0;
		map_ipv4(ends->saddr, words[IPV4_SADDR / 4]);
		map_ipv4(ends->daddr, words[IPV4_DADDR / 4]);
		return packet + (header[0] & 15) * 4;
	}
	if (skb->protocol != ETH_P_IPV6 ||
	    bpf_probe_read_kernel(words, IPV6_HEADER, packet) ||
	    header[IPV6_PROTOCOL] != IPPROTO_TCP)
		return 0;
	copy_ipv6(ends->saddr, words + IPV6_SADDR / 4);
	copy_ipv6(ends->daddr, words + IPV6_DADDR / 4);
	return packet + IPV6_HEADER;
}

static __always_inline void swap_ends(struct ends *ends)
{
	struct ends other = *ends;

	copy_ipv6(ends->saddr, other.daddr);
	copy_ipv6(ends->daddr, other.saddr);
	ends->lport = other.dport;
	ends->dport = other.lport;
}

/*
 * Of a packet: a SYN, or what answers one. Others belong to connections that are open.
 */
static __always_inline bool ends_by_headers(struct ends *ends, struct sk_buff *skb)
{
	const __u8 *at = read_ip(ends, skb);
	__u8 tcp[TCP_FLAGS + 1];

	if (!at || bpf_probe_read_kernel(tcp, sizeof(tcp), at) ||
	    !(tcp[TCP_FLAGS] & (TCP_SYN | TCP_RST)))
		return 0;
	ends->lport = tcp[0] << 8 | tcp[1];
	ends->dport = tcp[2] << 8 | tcp[3];
	if (tcp[TCP_FLAGS] & (TCP_ACK | TCP_RST))
		swap_ends(ends);
	return 1;
}
