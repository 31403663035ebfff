/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's structs of sockets and packets, with only the members that are read. */
#pragma once

#include "core.bpf.h"
#include "kernel.bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_CLOSE = 7,
};

/* include/uapi/linux/stat.h */
enum { S_IFMT = 0170000, S_IFSOCK = 0140000 };

typedef enum { SS_UNCONNECTED = 1 } socket_state; /* include/uapi/linux/net.h */

typedef struct {
	struct net *net;
} __relocated possible_net_t;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} __relocated;

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
} __relocated;

struct sock;

struct sk_buff {
	struct sock *sk;
	char cb[48];
	unsigned long _nfct;
	__u16 protocol;
	__u16 network_header;
	unsigned char *head;
} __relocated;

struct sk_buff_head {
	struct sk_buff *prev; /* the newest one */
	__u32 qlen;
} __relocated;

/* include/uapi/linux/errqueue.h */
enum { SO_EE_ORIGIN_ICMP = 2, SO_EE_ORIGIN_ICMP6 = 3 };

struct sock_extended_err {
	__u32 ee_errno;
	__u8 ee_origin;
} __relocated;

/* What `cb` holds in a socket's error queue. */
struct sock_exterr_skb {
	struct sock_extended_err ee;
} __relocated;

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	unsigned short skc_family;
	unsigned char skc_state;
	__u16 skc_num;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} __relocated;

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_error_queue;
	__u16 sk_protocol;
	__u32 sk_txhash;
	int sk_err;
	int sk_err_soft;
	kuid_t sk_uid;
	__u8 sk_kern_sock : 1;
	void *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
} __relocated;

struct socket {
	socket_state state;
	struct sock *sk;
} __relocated;

struct inet_sock {
	struct sock sk;
	__u16 inet_sport;
} __relocated;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	void *icsk_ulp_data;
} __relocated;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 segs_in;
	__u32 segs_out;
	__u32 total_retrans;
	__u8 fastopen_connect : 1;
	__u8 repair : 1;
	bool is_mptcp; /* it is a subflow */
} __relocated;

/* What icsk_ulp_data of a subflow points to. */
struct mptcp_subflow_context {
	__u32 request_join : 1; /* not the first subflow */
	struct sock *conn;	/* the MPTCP socket */
} __relocated;
