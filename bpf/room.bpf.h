/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How the ring is shared: attempts may use all of it, other records one half. And when
 * user space is woken: for the first record after it has read all and given the room
 * back (the kernel does that by itself; a record that is discarded is one, too), and
 * when a quarter is full, since it pauses before it reads again.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"

/*
 * Whether a record that is not an attempt may be sent. Any process can have names and
 * process records sent at a high rate: they must not crowd out attempts.
 */
static __always_inline bool has_room(void *ring, __u64 size)
{
	__u64 half = bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 2;

	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) + size <= half;
}

/*
 * The flags with which a record is submitted. Not for each record after a quarter:
 * where user space does not keep up, that would cost an interrupt each. (A record that
 * is larger than a sixteenth, in a ring for tests, may step over it.)
 */
static __always_inline __u64 wakeup(void *ring)
{
	__u64 part = bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 16;
	__u64 above = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) - 4 * part;

	return above < part ? BPF_RB_FORCE_WAKEUP : 0;
}
