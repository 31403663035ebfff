/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Calls of functions of C libraries that look up names. */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"

/*
 * A call is identified by its thread and the stack at its entry: a call inside of it,
 * by an NSS module, is further down.
 */
struct frame {
	__u64 thread;
	__u64 stack;
};

/* The key of a thread's innermost getaddrinfo(): no stack is there. */
#define INNERMOST 0

struct call {
	__u64 asked_ns;
	__u64 name;
	__u64 result; /* where the function puts its result; then the result */
};

/*
 * Calls under way. Inserted at the entry, deleted at the return. A call that never
 * returns, because of longjmp() or the death of its thread, is overwritten by the next
 * call from the same place of the stack; others are evicted as least recently used when
 * it is full. Where failed lookups are wanted, the programs that see DNS share it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct frame);
	__type(value, struct call);
} calls SEC(".maps");
