/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which of several programs on a tracepoint has seen an attempt begin (decision 11). */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "sockets.bpf.h"

#define MAX_TIDS (4 << 20) /* PID_MAX_LIMIT of include/linux/threads.h */

/*
 * Which program has seen the current attempt of a thread: a byte for each thread ID.
 * Written by each program that sees an attempt begin, cleared by the last.
 */
struct seen {
	__u8 threads[MAX_TIDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} seen SEC(".maps");

enum { SEEN_BY_NONE, SEEN_BY_PERF, SEEN_BY_BTF };

/* The byte of the current thread. */
static __always_inline __u8 *seen_by(void)
{
	__u32 zero = 0, tid = bpf_get_current_pid_tgid();
	struct seen *all = bpf_map_lookup_elem(&seen, &zero);

	if (!all)
		return 0;
	/* Otherwise clang adds to a pointer that may be 0, which v6.12 rejects. */
	asm volatile("" : "+r"(tid));
	return &all->threads[tid % MAX_TIDS];
}

/*
 * The mark of the programs on the BTF tracepoint. It depends on the socket, so that a
 * mark that is left, since the last program was skipped, hides no other attempt.
 */
static __always_inline __u8 mark_of(struct sock *sk)
{
	return SEEN_BY_BTF + bpf_get_socket_cookie(sk) % (256 - SEEN_BY_BTF);
}
