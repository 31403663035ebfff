/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Attempts that were refused before SYN_SENT: what the program asked for, who asked,
 * and which errno it got.
 */
#pragma once

#include "addresses.bpf.h"
#include "attempt.bpf.h"
#include "config.bpf.h"
#include "connecting.bpf.h"
#include "core.bpf.h"
#include "flows.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "process.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

#define EPERM 1
#define ENOMEM 12
#define EISCONN 106
#define EALREADY 114
#define EINPROGRESS 115
#define ERESTARTSYS 512 /* this and what follows never gets to a program */
#define SIN_BYTES 16
#define SIN6_BYTES 24 /* SIN6_LEN_RFC2133 of the kernel */

/* struct sockaddr_in and sockaddr_in6, as far as they are read. */
struct destination {
	__u16 family;
	__u16 port; /* network order */
	__u32 ipv4;
	__u32 ipv6[4];
};

/* What an address of that length says; returns whether it has a destination. */
static __always_inline bool
destination_read(struct connecting *to, const struct destination *given, int length)
{
	to->dport = __builtin_bswap16(given->port);
	to->ip = 4;
	if (given->family == AF_INET && length >= SIN_BYTES) {
		map_ipv4(to->daddr, given->ipv4);
		return 1;
	}
	if (given->family != AF_INET6 || length < SIN6_BYTES)
		return 0;
	copy_ipv6(to->daddr, given->ipv6);
	if (to->daddr[0] || to->daddr[1] || to->daddr[2] != __builtin_bswap32(0xffff))
		to->ip = 6;
	return 1;
}

/* Whether a call of connect() failed, and how: 0 or an errno. */
static __always_inline int refusal_of(int returned)
{
	int err = -returned;

	if (err <= 0 || err >= ERESTARTSYS)
		return 0;
	if (err == EINPROGRESS || err == EALREADY || err == EISCONN)
		return 0;
	return err;
}

static __always_inline void source_read(struct connection *c, struct sock *sk)
{
	read_kernel(c->lport, sk->__sk_common.skc_num);
	if (c->ip == 6) {
		read_kernel(c->saddr, sk->__sk_common.skc_v6_rcv_saddr);
	} else {
		map_ipv4(c->saddr, 0);
		read_kernel(c->saddr[3], sk->__sk_common.skc_rcv_saddr);
	}
}

/* Emit or count an attempt to connect `sk` that was refused, in its task. */
static __always_inline void attempt_refuse(struct sock *sk, const struct connecting *to,
					   int err, enum refused_by by, __u32 program)
{
	struct connection c = {};

	if (!config.refusals)
		return;
	copy_ipv6(c.daddr, to->daddr);
	c.dport = to->dport;
	c.ip = to->ip;
	asked_copy(&c, to);
	source_read(&c, sk);
	if (!destination_wanted(&c, __builtin_bswap16(c.dport), DEPTH_IMAGE))
		return;
	if (!task_describe(&c, sk, 0, DEPTH_IMAGE))
		return;
	if (config.details & DETAIL_IMAGE)
		c.image = image_of(0, program);
	c.time_ns = bpf_ktime_get_ns();
	if (unlikely(!progress.first_ns))
		progress.first_ns = c.time_ns;
	c.result = err;
	c.refused_by = by;
	if (config.count)
		flow_count_refused(&c);
	else
		emit_connection(&c);
}

/* Whether it is a socket of TCP or MPTCP, not connected, nor about to be. */
static __always_inline bool may_connect(struct socket *socket, struct sock *sk,
					bool typed)
{
	unsigned char skc_state = 0;
	__u16 protocol = 0;
	socket_state state = 0;

	if (typed) {
		protocol = sk->sk_protocol;
		skc_state = sk->__sk_common.skc_state;
		state = socket->state;
	} else {
		read_kernel(protocol, sk->sk_protocol);
		read_kernel(skc_state, sk->__sk_common.skc_state);
		read_kernel(state, socket->state);
	}
	return (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
	       state == SS_UNCONNECTED && skc_state == TCP_CLOSE;
}
