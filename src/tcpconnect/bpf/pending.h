/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The attempts in SYN_SENT, by socket: kept when they begin, forgotten when they end.
 * What is left when tracing stops is read by kernel.py.
 *
 * A socket has one slot of an array, where its attempt is kept if no other's is there,
 * and a hash map for when one is: to insert and delete there takes the kernel several
 * locks, and nearly half of a program's time. Decision 13.
 *
 * A part of attempts.h: config and progress are declared there.
 */
#ifndef TCPCONNECT_PENDING_H
#define TCPCONNECT_PENDING_H

#include "kernel.h"
#include "types.h"

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
	__type(value, struct connection);
} pending SEC(".maps");

/*
 * A number for the socket that leaves CLAIM_BITS free. To the verifier an address is
 * none, but the difference of two is. Addresses of the kernel lie so close to each
 * other that 64 - CLAIM_BITS bits hold it.
 */
static __always_inline __u64 owner_of(struct sock *sk)
{
	__u64 base = (__u64)&progress, number = (__u64)sk;

	/* Else clang shifts the addresses, which are none then, before it subtracts. */
	asm volatile("" : "+r"(base));
	number -= base;
	asm volatile("" : "+r"(number));
	return number << CLAIM_BITS;
}

/* By Knuth's multiplicative hash: addresses of sockets are far apart, evenly. */
static __always_inline struct slot *slot_of(__u64 owner)
{
	__u32 index = (owner * 0x9e3779b97f4a7c15) >> config.slot_shift;

	return bpf_map_lookup_elem(&slots, &index);
}

static __always_inline __u64 owner_in(const struct slot *slot)
{
	return *(const volatile __u64 *)&slot->owner;
}

static __always_inline bool is_owned_by(const struct slot *slot, __u64 owner)
{
	return owner_in(slot) >> CLAIM_BITS == owner >> CLAIM_BITS;
}

/*
 * Take a free slot, against all CPUs, by additions alone: Linux commit 5ffa25502b5a
 * ("bpf: Add instructions for atomic_[cmp]xchg"), v5.12. Each adds 1; who then finds 1
 * is alone, and no other finds it until the slot is free again.
 */
static __always_inline bool claim(struct slot *slot)
{
	if (owner_in(slot))
		return 0;
	add(&slot->owner, 1);
	if (owner_in(slot) == 1)
		return 1;
	add(&slot->owner, -1);
	return 0;
}

/* Whether there was room. */
static __always_inline bool keep(struct sock *sk, const struct connection *c)
{
	__u64 key = (__u64)sk, owner = owner_of(sk);
	struct slot *slot = slot_of(owner);

	if (slot && is_owned_by(slot, owner)) { /* its end was missed */
		slot->attempt = *c;
		return 1;
	}
	if (slot && claim(slot)) {
		slot->attempt = *c;
		add(&slot->owner, owner - 1);
		return 1;
	}
	return !bpf_map_update_elem(&pending, &key, c, BPF_ANY);
}

/* The attempt that is kept for a socket. */
static __always_inline struct connection *kept(struct sock *sk)
{
	__u64 key = (__u64)sk, owner = owner_of(sk);
	struct slot *slot = slot_of(owner);

	if (slot && is_owned_by(slot, owner))
		return &slot->attempt;
	return bpf_map_lookup_elem(&pending, &key);
}

/* Whether that worked: the kernel may refuse, where a program interrupts another. */
static __always_inline bool forget(struct sock *sk)
{
	__u64 key = (__u64)sk, owner = owner_of(sk);
	struct slot *slot = slot_of(owner);

	if (slot && is_owned_by(slot, owner)) {
		add(&slot->owner, -owner);
		return 1;
	}
	return !bpf_map_delete_elem(&pending, &key);
}

#endif
