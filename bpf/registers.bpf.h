/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Arguments of functions, in the registers of the architecture for which it is
 * compiled.
 */
#pragma once

#include <linux/types.h>

#if defined(TARGET_x86_64)
/* struct pt_regs of arch/x86/include/uapi/asm/ptrace.h: r15 is its first. */
#define REGISTER(ctx, n) (((const volatile __u64 *)(ctx))[n])
#define ARGUMENT_1(ctx) REGISTER(ctx, 14) /* rdi */
#define ARGUMENT_3(ctx) REGISTER(ctx, 12) /* rdx */
#define ARGUMENT_4(ctx) REGISTER(ctx, 11) /* rcx */
#define ARGUMENT_5(ctx) REGISTER(ctx, 9)  /* r8 */
#define ARGUMENT_6(ctx) REGISTER(ctx, 8)  /* r9 */
#define RETURNED(ctx) REGISTER(ctx, 10)	  /* rax */
#define STACK(ctx) REGISTER(ctx, 19)	  /* rsp */
#define STACK_POPPED 8			  /* by a return: its address */
#elif defined(TARGET_aarch64)
/* struct user_pt_regs of arch/arm64/include/uapi/asm/ptrace.h: x0 is its first. */
#define REGISTER(ctx, n) (((const volatile __u64 *)(ctx))[n])
#define ARGUMENT_1(ctx) REGISTER(ctx, 0)
#define ARGUMENT_3(ctx) REGISTER(ctx, 2)
#define ARGUMENT_4(ctx) REGISTER(ctx, 3)
#define ARGUMENT_5(ctx) REGISTER(ctx, 4)
#define ARGUMENT_6(ctx) REGISTER(ctx, 5)
#define RETURNED(ctx) REGISTER(ctx, 0)
#define STACK(ctx) REGISTER(ctx, 31) /* sp */
#define STACK_POPPED 0		     /* the address is in a register */
#else
#error "unknown target"
#endif
