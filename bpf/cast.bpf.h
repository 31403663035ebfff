/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pointers of a type that the verifier does not know. */
#pragma once

#include "core.bpf.h"

/*
 * Linux commit a35b9af4ec2c ("bpf: Add a kfunc for generic type cast"), v6.2. The
 * number is no helper's: before the load, the function's takes its place
 * (src/tcpconnect/bpf/tracing.py). For an extern, libbpf would read all types of the
 * kernel, whichever programs are loaded.
 */
static void *(*bpf_rdonly_cast)(const void *from, __u32 type) = (void *)0x7fff0001;

/* `number` is that of the type in the kernel: a constant of config. */
#define cast(type, from, number) ((type *)bpf_rdonly_cast(from, number))
