/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs write and Python reads: records of the ring, values of maps. Python
 * repeats these layouts; tests/unit/test_layout.py compares them.
 */
#pragma once

#include <linux/types.h>

#define COMM_LEN 16

/* Values of connection.result that are not an errno. */
enum result {
	RESULT_OK = 0,
	RESULT_ENDED = 0xfffc,	 /* of a pending attempt: its end was missed */
	RESULT_ABORTED = 0xfffd, /* the program ended the attempt first */
	RESULT_PENDING = 0xfffe, /* still in SYN_SENT when tracing stopped */
	RESULT_UNKNOWN = 0xffff, /* not asked for, not tracked, or its end was missed */
};

/*
 * One attempt: the record of the ring buffer, and what is kept of one that has not
 * ended. What enum detail has is 0 where it was not asked for.
 */
struct connection {
	__u64 time_ns;	  /* CLOCK_MONOTONIC when it began */
	__u64 latency_ns; /* from SYN_SENT to its end; before, what attempt_add() and
			   * mark_missed() say */
	__u64 cgroup;	  /* ID in the cgroup v2 hierarchy */
	__u32 saddr[4];	  /* network order; IPv4 is mapped: ::ffff:a.b.c.d */
	__u32 daddr[4];
	__u32 pid; /* tgid; 0: not known, nor is anything that hangs on it */
	__u32 tid;
	__u32 uid;
	__u32 netns; /* inode number */
	__u16 lport; /* host order; 0: not known yet */
	__u16 dport;
	__u16 result; /* errno or enum result */
	__u8 ip;      /* 4 or 6 */
	__u8 wanted;  /* of who has an MPTCP socket: by the filters on that */
	char comm[COMM_LEN];
	__u64 image;	/* that of a process record before this one; 0: lost, too */
	__u64 start_ns; /* of the process, CLOCK_BOOTTIME: PIDs are used again */
	__u32 ppid;
	__u32 mntns;	  /* inode number */
	__u64 netns_key;  /* what it is told by: netns.bpf.h */
	__u64 visited_ns; /* loopback.bpf.h */
};

/*
 * Room for an attempt that has not ended. In `slots`, the low bits of `tag` count
 * those who want the slot, the others are the socket's that has it.
 */
#define CLAIM_BITS 6

struct slot {
	__u64 tag;    /* 0: free */
	__u64 socket; /* its address */
	struct connection attempt;
};

/* Key and value of `flows`, for -c. */
struct flow {
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 dport;
	__u16 reserved[3];
	__u64 netns_key; /* 0 where names are not sought */
};

struct flow_counts {
	__u64 connects;
	__u64 ok;
	__u64 failed;
	__u64 latency_total_ns;
	__u64 latency_max_ns;
};

/*
 * What a process looks like. Told before the first connect of each image: a process,
 * what it executes, how it calls itself, and its cgroup.
 */
#define NAME_MOST 256	 /* NAME_MAX and a NUL */
#define PATH_MOST 4352	 /* PATH_MAX and a name */
#define PATHS_MOST 13056 /* three of them */
#define CMDLINE_MOST 4096
#define PROCESS_SMALL 744
#define PROCESS_LARGE 17152 /* PATHS_MOST and CMDLINE_MOST */

/* Bits of process.flags. */
enum process_flags {
	EXE_CUT = 1, /* its beginning is missing */
	EXE_DELETED = 2,
	CGROUP_CUT = 4,
	LEGACY_CUT = 8,
	CMDLINE_CUT = 16,   /* its end is missing */
	CMDLINE_TITLE = 32, /* one string, which the program has written itself */
};

/*
 * The lengths of what follows each other in data: three paths as names that end with a
 * NUL, the last name of the path first; then the arguments. 0: unknown, or a root.
 */
struct process {
	__u64 image;
	__u32 flags;
	__u16 exe;
	__u16 cgroup; /* in the cgroup v2 hierarchy */
	__u16 legacy; /* in one of cgroup v1 */
	__u16 cmdline;
	__u32 reserved;
};

struct small_process {
	struct process process;
	__u8 data[PROCESS_SMALL];
};

struct large_process {
	struct process process;
	__u8 data[PROCESS_LARGE];
};

/*
 * Names. Records of their own lengths on the same ring, so that a name comes before
 * the connect that uses it.
 */
#define ANSWER_SMALL 512
#define ANSWER_LARGE 4352 /* 4,096 bytes of an EDNS answer, and some of the next */

/*
 * DNS over UDP: a message; over TCP: a segment, whose first byte is that number `seq`
 * of the stream, when `next_seq` was the first byte that its socket lacked. A packet of
 * more than ANSWER_LARGE bytes is cut.
 */
struct answer {
	__u64 time_ns;	/* CLOCK_MONOTONIC when it arrived */
	__u64 asked_ns; /* when its query left; 0: not known */
	__u64 cgroup;	/* of the socket that got it */
	__u64 socket;	/* cookie */
	__u64 start_ns; /* of the process that asked, as in struct connection */
	__u64 netns_key;
	__u32 pid; /* its tgid; 0: not known */
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
#define LOOKUP_ADDRESSES 192 /* each comes once for every socket type: 64 of them */

/* What getaddrinfo() gave a thread. */
struct lookup {
	__u64 time_ns;	/* when it returned */
	__u64 asked_ns; /* when it was called */
	__u64 cgroup;
	__u64 start_ns; /* of the process, as in struct connection */
	__u64 netns_key;
	__u32 pid;   /* tgid */
	__u32 count; /* of addresses */
	__u32 cut;   /* whether there were more */
	__u32 reserved;
	char name[LOOKUP_NAME];
	__u32 addresses[LOOKUP_ADDRESSES]
		       [4]; /* IPv4 is mapped; all ones: neither IP version */
};

/* The set of followed processes has become empty. */
struct emptied {
	__u64 time_ns;
};

/* A process, as it is listed. */
struct listed {
	__u32 number; /* in the PID namespace of who lists */
	__u32 pid;    /* tgid */
	__u32 ppid;
	__u32 live; /* threads that have not ended */
	__u64 start_ns;
};

/* A program started where no other did of late: its libc may be new to us. */
struct started {
	__u64 time_ns;
	__u32 pid;
	__u32 reserved;
};
