// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Keeps the set of traced processes for -f: their children come to it before they run,
 * and who ends leaves it, so that nobody is traced for having the number of one who is
 * gone.
 */
#include "kernel.h"
#include "types.h"

struct followed followed SEC(".bss");

/* These two are the maps of attempts.h, put here before the load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

/* Before the child has run. Returns 0, or why it was not added. */
static __always_inline long forks(__u32 pid, __u32 child_pid)
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
 * A thread ends; live counts those that do not. When two end at once both may find none
 * alive, but only one finds the process in the set. Whoever empties it sees that it is
 * empty: the parent of a child that is added is still in it.
 */
static __always_inline void exits(struct task_struct *task)
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
	/* When there is no room, user space is awake, and looks at the numbers. */
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (record) {
		record->time_ns = bpf_ktime_get_ns();
		bpf_ringbuf_submit(record, 0);
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
	err = forks(parent->tgid, child->tgid);
	if (err && err != -EEXIST) /* that it was added by the other program */
		add(&followed.lost, 1);
	return 0;
}

/* TRACE_EVENT(sched_process_exit): the thread that ends. */
SEC("tp_btf/sched_process_exit")
int process_exits(__u64 *ctx)
{
	exits((struct task_struct *)ctx[0]);
	return 0;
}

/*
 * The same on perf's tracepoints, loaded where a task can lose its CPU inside of those
 * above, as preemptible.bpf.c explains: what one is skipped for, the other sees.
 */
struct trace_event_raw_task_newtask {
	int pid;
	unsigned long clone_flags;
} __relocated;

/* TRACE_EVENT(task_newtask), a moment before: the child, and what it shares. */
SEC("tp/task/task_newtask")
int process_forks_perf(struct trace_event_raw_task_newtask *ctx)
{
	if (!(ctx->clone_flags & CLONE_THREAD))
		forks(bpf_get_current_pid_tgid() >> 32, ctx->pid);
	return 1;
}

SEC("tp/sched/sched_process_exit")
int process_exits_perf(void)
{
	exits(bpf_get_current_task_btf());
	return 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";
