/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The addresses of a socket's ends, as they are on the wire. */
#pragma once

#include "core.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

static __always_inline void map_ipv4(__u32 *to, __u32 address)
{
	to[0] = 0;
	to[1] = 0;
	to[2] = __builtin_bswap32(0xffff);
	to[3] = address;
}

static __always_inline void copy_ipv6(__u32 *to, const __u32 *from)
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

/*
 * An IPv6 socket that connects to ::ffff:a.b.c.d speaks IPv4, and its IPv4
 * members are the ones that are set by now. All is named from struct sock on, since
 * libbpf searches the whole kernel for each type that a path begins with.
 */
static __always_inline void read_addresses(struct connection *c, struct sock *sk)
{
	__u32 *daddr = c->daddr;

	if (sk->__sk_common.skc_family == AF_INET6) {
		copy_ipv6(daddr, sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32);
		if (daddr[0] || daddr[1] || daddr[2] != __builtin_bswap32(0xffff)) {
			copy_ipv6(c->saddr,
				  sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
			c->ip = 6;
			return;
		}
	}
	map_ipv4(daddr, sk->__sk_common.skc_daddr);
	map_ipv4(c->saddr, sk->__sk_common.skc_rcv_saddr);
	c->ip = 4;
}
