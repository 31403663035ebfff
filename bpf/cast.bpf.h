/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Pointers of a type that the verifier does not know. */
#pragma once

#include "core.bpf.h"

/* Linux commit a35b9af4ec2c ("bpf: Add a kfunc for generic type cast"), v6.2. */
extern void *bpf_rdonly_cast(const void *from, __u32 type) __weak SEC(".ksyms");

#define cast(type, from) ((type *)bpf_rdonly_cast(from, type_id(type)))
