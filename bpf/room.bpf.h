/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How the ring is shared: attempts may use all of it, other records one half. */
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
