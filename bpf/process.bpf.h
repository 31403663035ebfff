/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a process looks like: read from the current task, and sent in a record of its
 * own before the first connect of each image.
 */
#pragma once

#include "cgroups.bpf.h"
#include "config.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "paths.bpf.h"
#include "records.bpf.h"
#include "room.bpf.h"
#include "sockets.bpf.h"
#include "task.bpf.h"

/* The programs that see attempts begin, that they are refused, and questions. */
enum {
	BTF_PROGRAM,
	PERF_PROGRAM,
	LSM_PROGRAM,
	CONNECT_PROGRAM,
	INNER_PROGRAM,
	QUESTION_PROGRAM,
	PROGRAMS,
};

#define IMAGES 8192
#define PLACE_SHIFT 48

/*
 * The numbers of images that user space knows. Inserted when a record was sent; the
 * least recently used ones are evicted when it is full, and sent again under a new
 * number.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IMAGES);
	__type(key, struct identity);
	__type(value, __u64);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline void identity_read_title(struct identity *id,
						struct mm_struct *mm)
{
	unsigned long start = 0, end = 0, length;

	__builtin_memset(id->title, 0, sizeof(id->title));
	if (!mm)
		return;
	read_task(start, mm->arg_start);
	read_task(end, mm->arg_end);
	length = end - start;
	if (length > sizeof(id->title))
		length = sizeof(id->title);
	bpf_probe_read_user(id->title, length, (void *)start);
}

/* `id` has the process and its cgroup. */
static __always_inline void identity_read(struct identity *id, struct task_struct *task,
					  struct mm_struct *mm,
					  struct kernfs_node *legacy)
{
	struct task_struct *leader = 0;

	read_task(leader, task->group_leader);
	read_task(id->start_ns, leader->start_boottime);
	read_task(id->exec_id, task->self_exec_id);
	id->legacy = 0;
	if (legacy)
		read_task(id->legacy, legacy->id);
	id->reserved = 0;
	if (config.details & DETAIL_CMDLINE)
		identity_read_title(id, mm);
}

static __always_inline bool process_send(struct process *p, __u64 size)
{
	return has_room(&ring, size) &&
	       !bpf_ringbuf_output(&ring, p, size, wakeup(&ring));
}

/* Send the record of an image; returns whether there was room for it. */
static __always_inline bool emit_process(struct scratch *s, __u32 program)
{
	struct process *p = &s->record.process;
	__u64 place = bpf_get_smp_processor_id() * PROGRAMS + program;

	__builtin_memset(p, 0, sizeof(*p));
	p->image = place << PLACE_SHIFT | ++s->images;
	s->at = 0;
	if (config.details & DETAIL_EXE)
		append_exe(s, (struct mm_struct *)s->mm);
	if (!s->unified)
		s->unified = (__u64)unified_cgroup(current_task());
	if (config.details & DETAIL_CGROUP)
		p->cgroup = append_cgroup(s, s->unified, CGROUP_CUT);
	if (config.details & DETAIL_LEGACY)
		p->legacy = append_cgroup(s, s->legacy, LEGACY_CUT);
	if (config.details & DETAIL_CMDLINE)
		append_cmdline(s, (struct mm_struct *)s->mm);
	if (s->at <= PROCESS_SMALL)
		return process_send(p, sizeof(struct small_process));
	return process_send(p, sizeof(struct large_process));
}

/* The current task. Its cgroup of v2 is looked up when a record is sent. */
static __always_inline void scratch_read_task(struct scratch *s, __u32 pid,
					      __u64 cgroup)
{
	struct task_struct *task = current_task();
	struct kernfs_node *legacy = 0;
	struct mm_struct *mm = memory_of(task);

	if (config.details & DETAIL_LEGACY)
		legacy = legacy_cgroup(task);
	s->mm = (__u64)mm;
	s->unified = 0;
	s->legacy = (__u64)legacy;
	s->identity.pid = pid;
	s->identity.cgroup = config.details & DETAIL_CGROUP ? cgroup : 0;
	identity_read(&s->identity, task, mm, legacy);
}

/* What is known of the owner of a socket without its task: a cgroup. */
static __always_inline void scratch_read_socket(struct scratch *s, struct sock *sk)
{
	struct kernfs_node *kn = cgroup_of(sk);

	s->mm = 0;
	s->unified = (__u64)kn;
	s->legacy = 0;
	__builtin_memset(&s->identity, 0, sizeof(s->identity));
	s->identity.cgroup = kernfs_id(kn);
}

/*
 * The number of an image that user space knows: that of what was read. 0 when the
 * record could not be sent.
 */
static __always_inline __u64 scratch_image(struct scratch *s, __u32 program)
{
	__u64 *known;

	known = bpf_map_lookup_elem(&images, &s->identity);
	if (known)
		return *known;
	if (!emit_process(s, program)) {
		add(&progress.lost_processes, 1);
		return 0;
	}
	bpf_map_update_elem(&images, &s->identity, &s->record.process.image, BPF_ANY);
	return s->record.process.image;
}

/* The image of the current process, or of the owner of a socket. */
static __always_inline __u64 image_of(struct sock *sk, __u32 program)
{
	struct scratch *s;
	__u64 cgroup = 0;

	s = bpf_map_lookup_elem(&scratches, &program);
	if (!s)
		return 0;
	if (config.details & DETAIL_CGROUP && !sk)
		cgroup = bpf_get_current_cgroup_id();
	if (sk)
		scratch_read_socket(s, sk);
	else
		scratch_read_task(s, bpf_get_current_pid_tgid() >> 32, cgroup);
	return scratch_image(s, program);
}
