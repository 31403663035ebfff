/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the user asked for. Written by Python before the load. */
#pragma once

#include <linux/types.h>

#define PORT_WORDS 1024 /* 65,536 ports, one bit each */
#define MAX_LEVELS 64
#define CONNECTING_SLOTS 8192

/* What to report of who connects, each at a price: bits of config.details. */
enum detail {
	DETAIL_PPID = 1 << 0,
	DETAIL_MNTNS = 1 << 1,
	DETAIL_EXE = 1 << 2,
	DETAIL_CMDLINE = 1 << 3,
	DETAIL_CGROUP = 1 << 4,
	DETAIL_LEGACY = 1 << 5, /* the cgroup of cgroup v1 as well */
	DETAIL_COMM = 1 << 6,
	DETAIL_UID = 1 << 7,
	DETAIL_NETNS = 1 << 8,
	DETAIL_CGROUP_ID = 1 << 9,
	DETAIL_START = 1 << 10,
	DETAIL_IMAGE = DETAIL_EXE | DETAIL_CMDLINE | DETAIL_CGROUP | DETAIL_LEGACY,
};

/*
 * How far a program looks into the kernel. There is one program for each depth, of
 * which one is loaded: each type in a program has to be found among those of the
 * kernel.
 */
enum depth {
	DEPTH_SOCKET, /* at sockets, and what helpers return */
	DEPTH_OWNER,  /* also at what identifies process, cgroup and namespaces */
	DEPTH_IMAGE,  /* also at all else: parent, paths, arguments, mounts */
};

/*
 * The object for attempts is compiled twice: what looks at calls of connect(), and at
 * why attempts fail, is only in the one that is loaded where that is wanted (decision
 * 34).
 */
#ifndef WITH_CALLS
#define WITH_CALLS 0
#endif

/* How many changes a set has (0: it is empty), and how many steps a search takes. */
struct networks {
	__u32 ipv4_changes;
	__u32 ipv4_steps;
	__u32 ipv6_changes;
	__u32 ipv6_steps;
};

/* What config.ports is made of: only of ports that are not wanted, or of others. */
enum by_port { SOME_PORTS = 1, ONLY_NOT_PORTS = 2 };

/*
 * Read-only data, set before the load: the verifier knows the values, and removes the
 * code of all that is off.
 */
struct config {
	__u64 slower_ns; /* report only attempts that took at least that long; 0: all */
	__u8 track;	 /* follow each attempt to its end */
	__u8 wait_end;	 /* report at the end, with the result */
	__u8 count;	 /* count flows instead of reporting attempts */
	__u8 failed;	 /* report only attempts that did not end OK */
	__u8 ip;	 /* 4 or 6; 0: both */
	__u8 by_port;	 /* 0, or enum by_port */
	__u16 task_filters;   /* enum task_filter */
	__u16 details;	      /* enum detail */
	__u8 address_filters; /* enum address_filter */
	__u8 slot_shift;      /* turns a hash of 64 bits into an index of `slots` */
	__u8 preemptible;     /* tasks can lose their CPU inside of programs */
	__u8 explain;	      /* report why attempts failed, or count SYNs sent again */
	__u8 drops;	      /* see which packets this machine drops */
	__u8 connecting;      /* calls of connect() are kept until SYN_SENT */
	__u8 refusals;	      /* report what is refused before SYN_SENT */
	__u8 reserved[7];
	__u32 sock_type; /* numbers of types of the kernel, where preemptible */
	__u32 tcp_sock_type;
	__u64 level_count;
	__u8 levels[MAX_LEVELS]; /* depths of the keys of `cgroups` below the root */
	__u64 ports[PORT_WORDS]; /* a bit each, by number in network order */
	struct networks to;
	struct networks not_to;
	struct networks from;
};
