/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is read of the current task at each connect. */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"

/*
 * Linux commit 3ca1032ab7ab ("bpf: Implement get_current_task_btf and
 * RET_PTR_TO_BTF_ID"), v5.11: members of the current task are read without a call for
 * each.
 */
#define have_btf() constant_exists(bpf_func_id, BPF_FUNC_get_current_task_btf)
#define read_task(to, from)                                                            \
	do {                                                                           \
		if (have_btf()) {                                                      \
			typeof(from) value = (from);                                   \
			/* Loaded here, not after the branches have joined. */         \
			asm volatile("" : "+r"(value));                                \
			(to) = value;                                                  \
		} else {                                                               \
			read_kernel(to, from);                                         \
		}                                                                      \
	} while (0)

static __always_inline struct task_struct *current_task(void)
{
	if (have_btf())
		return bpf_get_current_task_btf();
	return bpf_get_current_task();
}

static __always_inline __u32 parent_pid(struct task_struct *task)
{
	struct task_struct *parent = 0;
	__u32 pid = 0;

	read_task(parent, task->real_parent);
	read_task(pid, parent->tgid);
	return pid;
}

/*
 * The memory of the user's program. A kernel thread has none, though it may borrow one.
 */
static __always_inline struct mm_struct *memory_of(struct task_struct *task)
{
	struct mm_struct *mm = 0;
	unsigned int flags = 0;

	read_task(flags, task->flags);
	if (!(flags & PF_KTHREAD))
		read_task(mm, task->mm);
	return mm;
}

/* When the current process began: CLOCK_BOOTTIME, as in /proc/PID/stat. */
static __always_inline __u64 current_start(void)
{
	struct task_struct *task = bpf_get_current_task();
	struct task_struct *leader = 0;
	__u64 start_ns = 0;

	bpf_probe_read_kernel(&leader, sizeof(leader), &task->group_leader);
	bpf_probe_read_kernel(&start_ns, sizeof(start_ns), &leader->start_boottime);
	return start_ns;
}
