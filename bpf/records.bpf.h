/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs write and Python reads: records of the ring, values of maps. Python
 * repeats these layouts; tests/process/test_layout.py compares them.
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

/* Who refused an attempt before it was SYN_SENT: values of connection.refused_by. */
enum refused_by {
	REFUSED_BY_NOBODY = 0,
	REFUSED_BY_CGROUP = 1, /* a BPF program of a cgroup */
	REFUSED_BY_LSM = 2,
	REFUSED_BY_KERNEL = 3, /* it found no route, or the address is invalid */
};

/*
 * An attempt: the record of the ring buffer, and what is kept of one that has not
 * ended. Members of enum detail are 0 when they are not asked for.
 */
struct connection {
	__u64 time_ns;	  /* CLOCK_MONOTONIC when it began */
	__u64 latency_ns; /* from SYN_SENT to its end; before: see attempt_add() */
	__u64 cgroup;	  /* ID in the cgroup v2 hierarchy */
	__u32 saddr[4];	  /* network order; IPv4 is mapped: ::ffff:a.b.c.d */
	__u32 daddr[4];
	__u32 pid; /* tgid; 0: unknown, as is all that is read by it */
	__u32 tid;
	__u32 uid;
	__u32 netns; /* inode number */
	__u16 lport; /* host order; 0: not yet known */
	__u16 dport;
	__u16 result; /* errno or enum result */
	__u8 ip;      /* 4 or 6 */
	__u8 wanted;  /* of the owner of an MPTCP socket: whether the filters want it */
	char comm[COMM_LEN];
	__u64 image;	/* number of a process record before this one; 0: none */
	__u64 start_ns; /* when the process began, CLOCK_BOOTTIME: PIDs are reused */
	__u32 ppid;
	__u32 mntns;	  /* inode number */
	__u64 netns_key;  /* what identifies the namespace: netns.bpf.h */
	__u64 visited_ns; /* the last visit before this one: loopback.bpf.h */
	__u32 asked[4];	  /* the destination that the program gave */
	__u16 asked_port;
	__u8 asked_ip;	 /* 4 or 6; 0: it is unknown */
	__u8 refused_by; /* enum refused_by */
	__u32 reserved;
};

/*
 * Room for an attempt that has not ended. In `slots`, the low bits of `tag` count the
 * programs that want the slot, the other bits identify the socket that has it.
 */
#define CLAIM_BITS 6

struct slot {
	__u64 tag;    /* 0: free */
	__u64 socket; /* its address */
	struct connection attempt;
};

/*
 * What a process looks like. Sent before the first connect of each image: a process,
 * its executable, its title, and its cgroup.
 */
#define PROCESS_SMALL 744
#define PROCESS_LARGE 17152 /* PATHS_MOST and CMDLINE_MOST */

/* Bits of process.flags. */
enum process_flags {
	EXE_CUT = 1, /* the beginning is missing */
	EXE_DELETED = 2,
	CGROUP_CUT = 4,
	LEGACY_CUT = 8,
	CMDLINE_CUT = 16,   /* the end is missing */
	CMDLINE_TITLE = 32, /* one string, written by the program itself */
};

/*
 * The lengths of the parts of data, one behind the other: three paths, as names that
 * end with a NUL, the last name of each path first; then the arguments. 0: unknown, or
 * a root.
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

/* The set of followed processes has become empty. */
struct emptied {
	__u64 time_ns;
};

/* A process, as the iterator lists it. */
struct listed {
	__u32 number; /* in the PID namespace of the reader */
	__u32 pid;    /* tgid */
	__u32 ppid;
	__u32 live; /* threads that have not ended */
	__u64 start_ns;
};

/*
 * A program started, in a root directory where none started lately: its C library may
 * be new to us.
 */
struct started {
	__u64 time_ns;
	__u32 pid;
	__u32 reserved;
};
