/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Eight bytes of text at once: loops over bytes take the verifier long. */
#pragma once

#include "core.bpf.h"

#define EACH_BYTE(value) ((value) * 0x0101010101010101ULL)
#define HIGHEST_BITS EACH_BYTE(0x80)

/* All bits below the highest bit of the first byte that is 0; 0 when none is. */
static __always_inline __u64 before_nul(__u64 bytes)
{
	__u64 nul = (bytes - EACH_BYTE(1)) & ~bytes & HIGHEST_BITS;

	return nul ? (nul & -nul) - 1 : 0;
}

/* The highest bit of each byte that is this ASCII character. */
static __always_inline __u64 bytes_that_are(char c, __u64 bytes)
{
	__u64 differs = (bytes & EACH_BYTE(0x7f)) ^ EACH_BYTE((__u64)c);

	return ~(bytes | (differs + EACH_BYTE(0x7f))) & HIGHEST_BITS;
}

/* The highest bit of each byte that is neither a digit nor a dot. */
static __always_inline __u64 no_digits_or_dots(__u64 bytes)
{
	__u64 low = bytes & EACH_BYTE(0x7f);
	__u64 from_dot = low + EACH_BYTE(0x80 - '.');
	__u64 beyond_9 = low + EACH_BYTE(0x7f - '9');

	return ((bytes | beyond_9 | ~from_dot) & HIGHEST_BITS) |
	       bytes_that_are('/', bytes);
}
