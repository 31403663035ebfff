/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The attempts in SYN_SENT, by socket: inserted when they begin, deleted when they end.
 * kernel/attempts.py reads what is left when tracing stops.
 *
 * Each socket has one slot of an array. When the slot is free, the attempt is kept
 * there, otherwise in a hash map: an insertion and a deletion in that take several
 * locks of the kernel, nearly half of the time of a program (decision 13).
 */
#pragma once

#include "claims.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"
#include "sockets.bpf.h"

#define STATE_NS 10000000ULL

/* Both sized before the load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct slot);
} overflow SEC(".maps");

/*
 * A number for the socket that leaves CLAIM_BITS free. The verifier rejects arithmetic
 * on pointers; subtracting two gives a scalar, which it accepts. 64 - CLAIM_BITS bits
 * are enough for the distance between two addresses of the kernel.
 */
static __always_inline __u64 tag_of(struct sock *sk)
{
	__u64 base = (__u64)&progress, number = (__u64)sk;

	/* Otherwise clang shifts the pointers before it subtracts them. */
	asm volatile("" : "+r"(base));
	number -= base;
	asm volatile("" : "+r"(number));
	return number << CLAIM_BITS;
}

/* Knuth's multiplicative hash: the addresses of sockets are far apart, evenly. */
static __always_inline struct slot *slot_of(__u64 tag)
{
	__u32 index = (tag * 0x9e3779b97f4a7c15) >> config.slot_shift;

	return bpf_map_lookup_elem(&slots, &index);
}

/*
 * Insert an attempt; returns whether there was room. An attempt that could not be
 * deleted is not overwritten. `begun` is what `overflow` takes: the stack has no room
 * for a copy.
 */
static __always_inline bool pending_insert(struct sock *sk, struct slot *begun)
{
	__u64 key = (__u64)sk, tag = tag_of(sk);
	struct slot *slot = slot_of(tag);

	if (slot && tag_claim(&slot->tag)) {
		slot->socket = key;
		slot->attempt = begun->attempt;
		add(&slot->tag, tag - 1);
		return 1;
	}
	begun->tag = tag;
	begun->socket = key;
	add(&progress.overflowed, 1);
	if (!bpf_map_update_elem(&overflow, &key, begun, BPF_NOEXIST))
		return 1;
	add(&progress.overflowed, -1);
	return 0;
}

/* The attempt that is pending for a socket. */
static __always_inline struct connection *pending_lookup(struct sock *sk)
{
	__u64 key = (__u64)sk, tag = tag_of(sk);
	struct slot *slot = slot_of(tag);

	if (!slot || !has_tag(&slot->tag, tag)) {
		if (!*(const volatile __u64 *)&progress.overflowed)
			return 0;
		slot = bpf_map_lookup_elem(&overflow, &key);
	}
	return slot ? &slot->attempt : 0;
}

/*
 * Returns whether it was deleted: the kernel may refuse when one program interrupts
 * another.
 */
static __always_inline bool pending_delete(struct sock *sk)
{
	__u64 key = (__u64)sk, tag = tag_of(sk);
	struct slot *slot = slot_of(tag);

	if (slot && has_tag(&slot->tag, tag)) {
		add(&slot->tag, -tag);
		return 1;
	}
	if (bpf_map_delete_elem(&overflow, &key))
		return 0;
	add(&progress.overflowed, -1);
	return 1;
}

/*
 * Whether the socket of a pending attempt has left SYN_SENT: then no program saw it.
 * (The tracepoint runs a moment before the state changes.)
 */
static __always_inline bool slot_has_ended(const struct slot *slot)
{
	struct sock *sk = (struct sock *)slot->socket;
	unsigned char state = 0;
	__u16 dport = 0;

	if (bpf_ktime_get_ns() - slot->attempt.time_ns < STATE_NS)
		return 0;
	read_kernel(state, sk->__sk_common.skc_state);
	read_kernel(dport, sk->__sk_common.skc_dport);
	return (state != TCP_SYN_SENT && state != TCP_SYN_RECV) ||
	       dport != __builtin_bswap16(slot->attempt.dport);
}

/*
 * No program saw the end of a pending attempt. How long it took is unknown, but it is
 * at most the time until now. It is counted, once, unless that is too short for
 * --slower.
 */
static __always_inline void attempt_mark_missed(struct connection *c)
{
	if (c->result == RESULT_ENDED)
		return;
	c->result = RESULT_ENDED;
	c->latency_ns = bpf_ktime_get_ns() - c->time_ns;
	if (c->latency_ns >= config.slower_ns)
		add(&progress.ends_missed, 1);
}

/* Runs for each element of `slots` and `overflow` when tracing stops. */
struct bpf_iter__bpf_map_elem {
	void *meta;
	void *map;
	void *key;
	struct slot *value;
};

SEC("iter/bpf_map_elem")
int attempt_sweep(struct bpf_iter__bpf_map_elem *ctx)
{
	struct slot *slot = ctx->value;
	__u64 tag;

	if (!slot)
		return 0;
	tag = tag_in(&slot->tag);
	/* A program that sees an end frees the slot before the state changes. */
	if (tag >> CLAIM_BITS && slot_has_ended(slot) && has_tag(&slot->tag, tag))
		attempt_mark_missed(&slot->attempt);
	return 0;
}
