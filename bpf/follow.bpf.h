/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The set of traced processes, for -p. A process that ends leaves it, so that the next
 * one with its PID is not traced. With -f, children are added before they run.
 */
#pragma once

#include "core.bpf.h"
#include "filters.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"
#include "room.bpf.h"

#define EEXIST 17

/* How many processes were added to the set of -p, and removed. */
struct followed {
	__u64 initial; /* at the start; written by follow.py */
	__u64 added;   /* by the programs, as are those below */
	__u64 removed;
	__u64 lost; /* children that did not fit, and were not followed */
};

struct followed followed SEC(".data.followed");

/* Add a child, before it runs. Returns 0, or the error. */
static __always_inline long followed_add(__u32 pid, __u32 child_pid)
{
	__u8 one = 1;
	long err;

	if (!bpf_map_lookup_elem(&pids, &pid))
		return 0;
	err = bpf_map_update_elem(&pids, &child_pid, &one, BPF_NOEXIST);
	if (!err)
		add(&followed.added, 1);
	return err;
}

/*
 * A thread ends; `live` counts those that have not. When two end at once, both may find
 * none alive, but only one finds the process in the set. The one that empties the set
 * sees that it is empty: the parent of a child that is added is still in it.
 */
static __always_inline void followed_remove(struct task_struct *task)
{
	__u32 pid = task->tgid;
	struct emptied *record;

	if (task->signal->live.counter)
		return;
	if (!bpf_map_lookup_elem(&pids, &pid) || bpf_map_delete_elem(&pids, &pid))
		return;
	add(&followed.removed, 1);
	if (followed.removed != followed.initial + followed.added)
		return;
	/* Without room, user space is awake, and looks at the numbers. */
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (record) {
		record->time_ns = bpf_ktime_get_ns();
		bpf_ringbuf_submit(record, wakeup(&ring));
	}
}

/* TRACE_EVENT(sched_process_fork): the parent, and the child. */
SEC("tp_btf/sched_process_fork")
int process_forks(__u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];
	long err;

	if (parent->tgid == child->tgid) /* a thread */
		return 0;
	err = followed_add(parent->tgid, child->tgid);
	if (err && err != -EEXIST) /* added by the other program */
		add(&followed.lost, 1);
	return 0;
}

/* TRACE_EVENT(sched_process_exit): the thread that ends. */
SEC("tp_btf/sched_process_exit")
int process_exits(__u64 *ctx)
{
	followed_remove((struct task_struct *)ctx[0]);
	return 0;
}

/*
 * The same on perf's tracepoints (decision 11): each sees what the other is skipped
 * for. TRACE_EVENT(task_newtask), a moment before: the child, and what it shares.
 */
struct trace_event_raw_task_newtask {
	int pid;
	unsigned long clone_flags;
} __relocated;

SEC("tp/task/task_newtask")
int process_forks_perf(struct trace_event_raw_task_newtask *ctx)
{
	if (!(ctx->clone_flags & CLONE_THREAD))
		followed_add(bpf_get_current_pid_tgid() >> 32, ctx->pid);
	return 1;
}

SEC("tp/sched/sched_process_exit")
int process_exits_perf(void)
{
	followed_remove(bpf_get_current_task_btf());
	return 1;
}

/* The PID of a task in the PID namespace of the current task, which reads it. */
static __always_inline __u32 number_for_reader(struct task_struct *task)
{
	struct task_struct *reader = bpf_get_current_task();
	struct pid *pid = 0;
	unsigned int level = 0;
	struct upid upid = {};

	bpf_probe_read_kernel(&pid, sizeof(pid), &reader->thread_pid);
	bpf_probe_read_kernel(&level, sizeof(level), &pid->level);
	bpf_probe_read_kernel(&pid, sizeof(pid), &task->thread_pid);
	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + member_offset(pid, numbers) +
				      level * sizeof(upid));
	return upid.nr;
}

/*
 * struct bpf_iter__task and bpf_iter_meta, the same in every kernel. Not relocated:
 * libbpf searches all types of the kernel for each type that is.
 */
struct task_iteration {
	void **seq;
	struct task_struct *task;
};

/*
 * Lists the processes of the PID namespace of the reader, with a struct listed for
 * each. /proc may belong to another namespace, and does not have the PIDs of those
 * above it.
 */
SEC("iter/task")
int list_processes(struct task_iteration *ctx)
{
	struct task_struct *task = ctx->task;
	struct listed listed = {};

	if (!task || task->pid != task->tgid)
		return 0;
	listed.number = number_for_reader(task);
	listed.pid = task->tgid;
	listed.ppid = task->real_parent->tgid;
	listed.live = task->signal->live.counter;
	listed.start_ns = task->start_boottime;
	bpf_seq_write(*ctx->seq, &listed, sizeof(listed));
	return 0;
}
