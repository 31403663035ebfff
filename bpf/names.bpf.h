/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The records of names: of their own lengths on the same ring, so that a name comes
 * before the connect that uses it.
 */
#pragma once

#include <linux/types.h>

#include "records.bpf.h"

#define ANSWER_SMALL 512
#define ANSWER_LARGE 4352 /* 4,096 bytes of an EDNS answer, and some of the next */

/*
 * DNS over UDP: a message. Over TCP: a segment; `seq` is the number of its first byte
 * in the stream, `next_seq` that of the first byte that the socket did not yet have.
 * Packets of more than ANSWER_LARGE bytes are cut.
 */
struct answer {
	__u64 time_ns;	/* CLOCK_MONOTONIC when it arrived */
	__u64 asked_ns; /* when its question was sent; 0: unknown */
	__u64 cgroup;	/* of the socket that received it */
	__u64 socket;	/* cookie */
	__u64 start_ns; /* of the process that asked; as in struct connection */
	__u64 netns_key;
	__u32 pid; /* tgid of that process; 0: unknown */
	__u32 seq;
	__u32 next_seq;
	__u32 length; /* of the payload before it was cut */
	__u8 tcp;
	__u8 reserved[7];
};

struct small_answer {
	struct answer answer;
	__u8 data[ANSWER_SMALL];
};

struct large_answer {
	struct answer answer;
	__u8 data[ANSWER_LARGE];
};

#define LOOKUP_NAME 256
#define LOOKUP_ADDRESSES 192 /* 64, each listed once per socket type */

/* What getaddrinfo() returned to a thread. */
struct lookup {
	__u64 time_ns;	/* when it returned */
	__u64 asked_ns; /* when it was called */
	__u64 cgroup;
	__u64 start_ns; /* as in struct connection */
	__u64 netns_key;
	__u32 pid;   /* tgid */
	__u32 count; /* of addresses */
	__u32 cut;   /* whether there were more */
	__u32 reserved;
	char name[LOOKUP_NAME];
	/* IPv4 is mapped; all ones: it could not be read */
	__u32 addresses[LOOKUP_ADDRESSES][4];
};

/*
 * Where failed lookups are wanted: a question for an address, and what getaddrinfo()
 * returned when it found none. Of `who`, what the destination has is 0.
 */
#define QUESTION_MOST 272 /* header, name, type and class */

struct dns_question {
	struct connection who;
	__u32 length; /* of the message, up to the end of the question */
	__u32 reserved;
	char call[LOOKUP_NAME]; /* what the C library was asked for; empty: not by it */
	__u8 message[QUESTION_MOST];
};

struct failed_lookup {
	struct connection who; /* time_ns: when it was called */
	__s32 code;	       /* EAI_NONAME, ... */
	__u32 reserved;
	char name[LOOKUP_NAME];
};
