/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS messages in packets, found by their port. All other packets cost a few
 * instructions.
 */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"
#include "headers.bpf.h"
#include "helpers.bpf.h"
#include "sockets.bpf.h"

#define DNS_PORT __builtin_bswap16(53)
#define DNS_HEADER 12
#define PORTS_AT_LEAST 28 /* IPv4 header and UDP header */
#define TCP_HEADER 20
#define UDP_HEADER 8

/* Where the port and the address of the other end are in a packet. */
struct direction {
	__u8 port;
	__u8 ipv4;
	__u8 ipv6;
};

#define RECEIVED ((struct direction){0, IPV4_SADDR, IPV6_SADDR})
#define SENT ((struct direction){2, IPV4_DADDR, IPV6_DADDR})

/* A TCP or UDP packet. Its length is that of its payload. */
struct packet {
	__u32 payload;
	__u32 length;
	__u32 seq;
	__u32 next_seq;
	__u32 address; /* offset of that of the other end */
	__u16 port;    /* of the other end; network order */
	__u8 ip;
	__u8 tcp;
	__u8 syn;
	__u8 opens;	/* the first packet of a connection */
	__u8 connected; /* the socket accepts packets of its peer only */
};

/*
 * Fill in what only TCP has. `next_seq` is read before the record gets its place in the
 * ring: bytes before it have been received earlier.
 */
static __always_inline bool parse_tcp(struct __sk_buff *skb, __u32 at, struct packet *p)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tp;
	__u8 tcp[TCP_HEADER];

	if (bpf_skb_load_bytes(skb, at, tcp, sizeof(tcp)))
		return 0;
	tp = sk ? bpf_tcp_sock(sk) : 0;
	if (!tp)
		return 0;
	p->payload = at + (tcp[12] >> 4) * 4;
	p->seq = (__u32)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];
	p->next_seq = tp->rcv_nxt;
	p->syn = !!(tcp[TCP_FLAGS] & TCP_SYN);
	p->opens = p->syn && !(tcp[TCP_FLAGS] & TCP_ACK);
	return 1;
}

/*
 * The port to which a socket is connected, 0 for none. Behind a NAT of this machine, as
 * at Docker's 127.0.0.11, the packet has another port. Before v5.18 it has to be read
 * as four bytes.
 */
static __always_inline __u16 connected_to(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? *(volatile __u32 *)&sk->dst_port : 0;
}

/*
 * Whether the packet is TCP or UDP, and its socket is not connected to a port other
 * than that of DNS. The kernel has the headers in one piece of memory before it looks
 * for the socket.
 */
static __always_inline bool parse(struct __sk_buff *skb, struct direction way,
				  struct packet *p)
{
	__u8 *head = (__u8 *)(long)skb->data, *end = (__u8 *)(long)skb->data_end;
	__u16 port = connected_to(skb);
	__u32 transport;
	__u8 protocol;

	if (likely(port && port != DNS_PORT))
		return 0;
	if (head + PORTS_AT_LEAST > end)
		return 0;
	p->ip = head[0] >> 4;
	if (p->ip == 4) {
		transport = (head[0] & 0xf) * 4;
		protocol = head[9];
		p->address = way.ipv4;
	} else {
		transport = IPV6_HEADER;
		protocol = head[6];
		p->address = way.ipv6;
	}
	p->tcp = protocol == IPPROTO_TCP;
	if (!p->tcp && protocol != IPPROTO_UDP)
		return 0;
	p->connected = !!port;
	if (!port) {
		if (head + transport + way.port + sizeof(port) > end)
			return 0;
		port = *(__u16 *)(head + transport + way.port);
	}
	p->port = port;
	p->payload = transport + UDP_HEADER;
	return 1;
}

/*
 * Whether netfilter has tracked the connection of a packet that is sent, and may have
 * translated its address. Packets that are received no longer have that.
 */
static __always_inline bool is_tracked(struct __sk_buff *skb)
{
	unsigned long nfct = 0;

	if (exists(((struct sk_buff *)skb)->_nfct))
		bpf_probe_read_kernel(&nfct, sizeof(nfct),
				      &((struct sk_buff *)skb)->_nfct);
	return nfct;
}

/* Find the payload; returns whether there is any, or a connection opens. */
static __always_inline bool parse_payload(struct __sk_buff *skb, struct packet *p)
{
	if (p->tcp && !parse_tcp(skb, p->payload - UDP_HEADER, p))
		return 0;
	p->length = skb->len > p->payload ? skb->len - p->payload : 0;
	return p->length || p->opens;
}

/*
 * The address of the other end, IPv4 mapped; 0 when the socket is connected, and so has
 * only one.
 */
static __always_inline bool load_address(struct __sk_buff *skb, const struct packet *p,
					 __u32 *address)
{
	address[0] = 0;
	address[1] = 0;
	address[2] = 0;
	address[3] = 0;
	if (p->connected)
		return 1;
	if (p->ip == 4) {
		address[2] = __builtin_bswap32(0xffff);
		return !bpf_skb_load_bytes(skb, p->address, address + 3, 4);
	}
	return !bpf_skb_load_bytes(skb, p->address, address, 16);
}

/* Instead of the address of a server that a NAT may have replaced. */
static __always_inline void any_address(__u32 *address)
{
	address[0] = ~0;
	address[1] = ~0;
	address[2] = ~0;
	address[3] = ~0;
}
