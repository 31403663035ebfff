/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The programs on the BTF tracepoint: changes() is defined by who includes this. */
#ifndef TCPCONNECT_PROGRAMS_H
#define TCPCONNECT_PROGRAMS_H

#include "attempts.h"
#include "follow.h"

/*
 * One of these two is loaded. The second has what looks deep into the task: for each
 * type there libbpf searches all types of the kernel, which takes a third of its time.
 */
SEC("tp_btf/inet_sock_set_state")
int attempt_changes(__u64 *ctx)
{
	changes(transition(ctx), 0);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int attempt_changes_deep(__u64 *ctx)
{
	changes(transition(ctx), 1);
	return 0;
}

/*
 * The kernel skips a program that would interrupt itself on a CPU, Linux commit
 * 05b24ff9b2cf ("bpf: Prevent bpf program recursion for raw tracepoint probes"), v6.1.
 * Transitions in tasks are interrupted by others in softirq, all of which are ends. So
 * ends have a second program: where one is skipped, the other was not running. Where
 * both run, the second finds nothing that is kept.
 */
SEC("tp_btf/inet_sock_set_state")
int attempt_ends(__u64 *ctx)
{
	leaves_syn_sent(transition(ctx));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";

#endif
