/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Tags of slots that programs on all CPUs compete for. The low CLAIM_BITS count the
 * programs that want the slot, the other bits identify who has it; 0: it is free.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "records.bpf.h"

static __always_inline __u64 tag_in(const __u64 *tag)
{
	return *(const volatile __u64 *)tag;
}

static __always_inline bool has_tag(const __u64 *tag, __u64 wanted)
{
	return tag_in(tag) >> CLAIM_BITS == wanted >> CLAIM_BITS;
}

/*
 * Take a free slot, in competition with other CPUs, by additions alone: compare-and-
 * exchange came with Linux commit 5ffa25502b5a ("bpf: Add instructions for
 * atomic_[cmp]xchg"), v5.12. Each program adds 1; one that then reads 1 is alone, and
 * no other reads 1 until the slot is free again.
 */
static __always_inline bool tag_claim(__u64 *tag)
{
	if (tag_in(tag))
		return 0;
	add(tag, 1);
	if (tag_in(tag) == 1)
		return 1;
	add(tag, -1);
	return 0;
}
