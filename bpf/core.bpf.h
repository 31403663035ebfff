/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What C needs for BPF: sections, maps, and facts about the kernel that libbpf fills in
 * at the load.
 */
#pragma once

#include <linux/types.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __relocated __attribute__((preserve_access_index))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define exists(field) __builtin_preserve_field_info(field, 2)
#undef __weak
#define __weak __attribute__((weak))
#define __noinline __attribute__((noinline))
#define __unused __attribute__((unused))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

typedef _Bool bool;

/* enum bpf_field_info_kind of libbpf's bpf_core_read.h. */
enum { OFFSET = 0, SIZE = 1, SHIFT_LEFT = 4, SHIFT_RIGHT = 5 };
#define BIT_FIELD(member, what) __builtin_preserve_field_info(member, what)

/* The value of a bit field, from the SIZE bytes at its OFFSET. */
#define bits_of(value, member)                                                         \
	((__u64)(value) << BIT_FIELD(member, SHIFT_LEFT) >>                            \
	 BIT_FIELD(member, SHIFT_RIGHT))

/* Filled in when libbpf loads the object, like exists(): enum bpf_core_relo_kind. */
#define member_offset(type, member)                                                    \
	__builtin_preserve_field_info(((struct type *)0)->member, OFFSET)
#define constant_exists(type, name) __builtin_preserve_enum_value(*(enum type *)name, 0)
#define constant_value(type, name) __builtin_preserve_enum_value(*(enum type *)name, 1)
