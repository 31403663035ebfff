/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The record of an attempt with what shows why it failed, for --why. */
#pragma once

#include <linux/types.h>

#include "records.bpf.h"

/* What was seen of an attempt: bits of evidence.seen. */
enum seen_of_attempt {
	SEEN_ANSWER = 1, /* a packet from the other end */
	SEEN_ICMP = 2,
};

/* What shows why an attempt failed. */
struct evidence {
	__u32 icmp_from[4]; /* who sent the last ICMP error; as in struct connection */
	__u32 drop_reason;  /* enum skb_drop_reason of this machine's last drop; 0: none
			     */
	__u32 syns;	    /* how many were sent */
	__u8 seen;	    /* enum seen_of_attempt */
	__u8 reserved[7];
};

/* An attempt that has ended, with --why. */
struct explained {
	struct connection attempt;
	struct evidence evidence;
};
