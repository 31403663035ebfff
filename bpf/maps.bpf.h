/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all programs share with Python: the settings, the counters, the ring. */
#pragma once

#include <linux/bpf.h>

#include "config.bpf.h"
#include "core.bpf.h"

/* What the programs count. Written by the programs only. */
struct progress {
	__u64 first_ns; /* CLOCK_MONOTONIC of the first attempt */
	/* Not shown, or not shown whole. */
	__u64 lost_ring;      /* records that did not fit the ring buffer */
	__u64 lost_flows;     /* attempts whose flow did not fit `flows` */
	__u64 untracked;      /* attempts that fit neither `slots` nor `overflow` */
	__u64 lost_processes; /* process records that did not fit the ring buffer */
	__u64 missed;	      /* attempts for which the kernel skipped all programs */
	__u64 ends_missed;    /* the same for the ends of attempts */
	__u64 overflowed;     /* attempts in `overflow`, beside those in `slots` */
	__u64 lost_names;     /* answers and lookups that did not fit the ring buffer */
	__u64 pushed_out;     /* open questions that made room for others */
	__u64 crowded;	      /* calls of connect() whose slot another thread had */
};

/* Not in objects that do not use it. */
static const volatile struct config config __attribute__((section(".rodata")));

struct progress progress SEC(".bss");

/*
 * Records for user space. Written by the programs, read by ring.py. Sized, or replaced
 * by that of another object, before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");
