/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the user asked for: written by Python before the load. */
#pragma once

#include <linux/types.h>

#define PORT_WORDS 1024 /* 65,536 ports, one bit each */
#define MAX_LEVELS 64

/* What to tell of who connects, each at a price: bits of config.tell. */
enum detail {
	TELL_PPID = 1 << 0,
	TELL_MNTNS = 1 << 1,
	TELL_EXE = 1 << 2,
	TELL_CMDLINE = 1 << 3,
	TELL_CGROUP = 1 << 4,
	TELL_LEGACY = 1 << 5, /* the cgroup in cgroup v1, too, which this machine has */
	TELL_COMM = 1 << 6,
	TELL_UID = 1 << 7,
	TELL_NETNS = 1 << 8,
	TELL_CGROUP_ID = 1 << 9,
	TELL_START = 1 << 10,
	TELL_IMAGE = TELL_EXE | TELL_CMDLINE | TELL_CGROUP | TELL_LEGACY,
};

/* How many changes a set has, 0 when it is empty, and how many steps a search takes. */
struct networks {
	__u32 ipv4_changes;
	__u32 ipv4_steps;
	__u32 ipv6_changes;
	__u32 ipv6_steps;
};

/*
 * What the user asked for. In read-only data, set before the load: the verifier
 * knows the values and removes the code of every filter that is off.
 */
struct config {
	__u64 slower_ns; /* report only attempts that took as long; 0: all */
	__u8 track;	 /* follow each attempt to its end */
	__u8 wait_end;	 /* report at the end, with the result */
	__u8 count;	 /* count flows instead of reporting attempts */
	__u8 failed;	 /* report only attempts that did not end OK */
	__u8 ip;	 /* 4 or 6 only; 0: both */
	__u8 by_port;
	__u16 task_filters;   /* enum task_filter */
	__u16 tell;	      /* enum detail */
	__u8 address_filters; /* enum address_filter */
	__u8 slot_shift;      /* of a hash of 64 bits, to be an index of `slots` */
	__u8 reserved[4];
	__u64 level_count;
	__u8 levels[MAX_LEVELS]; /* of the keys of `cgroups`: how far below the root */
	__u64 ports[PORT_WORDS]; /* a bit each, by number in network order */
	struct networks to;
	struct networks not_to;
	struct networks from;
};
