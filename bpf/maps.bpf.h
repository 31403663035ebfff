/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all programs share with Python: the constants, the counters, the ring. */
#pragma once

#include <linux/bpf.h>

#include "config.bpf.h"
#include "core.bpf.h"

/* What the programs count at any time. */
struct progress {
	__u64 first_ns; /* CLOCK_MONOTONIC of the first attempt */
	/* What is not shown, and why. */
	__u64 lost_ring;      /* records that did not fit the ring buffer */
	__u64 lost_flows;     /* attempts whose flow did not fit `flows` */
	__u64 untracked;      /* attempts that did not fit `pending` */
	__u64 lost_processes; /* process records that did not fit the ring buffer */
	__u64 missed;	      /* attempts that the kernel skipped all programs for */
	__u64 ends_missed; /* attempts whose end the kernel skipped all programs for */
	__u64 overflowed;  /* attempts in `overflow`, beside those in `slots` */
	__u64 lost_names;  /* answers and lookups that did not fit the ring buffer */
	__u64 pushed_out;  /* open questions that made room for others */
};

/* Left out of objects that do not use it. */
static const volatile struct config config __attribute__((section(".rodata")));

struct progress progress SEC(".bss");

/*
 * Records for user space. Reserved and committed by the program, consumed by
 * kernel.py, which may make it smaller before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");
