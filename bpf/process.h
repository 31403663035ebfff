/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who connects, beyond what lies open: read from the current task, and told in a
 * record of its own before the first connect of each image.
 *
 * Paths are read without the kernel's locks. A rename or an unmount in the same moment
 * may show a path half old and half new; it can't lead the program astray, since all
 * is read by copying.
 *
 * A part of attempts.h: config, progress and ring are declared there.
 */
#ifndef TCPCONNECT_PROCESS_H
#define TCPCONNECT_PROCESS_H

#include "kernel.h"
#include "room.h"
#include "types.h"

#define IMAGES 8192
#define DEPTH_MOST 64 /* names in a path */
#define TITLE_BYTES 64
#define PROGRAMS 2 /* that see attempts begin, at most */
#define PLACE_SHIFT 48

/* What makes an image: when any of this changes, it is told anew. */
struct identity {
	__u64 start_ns; /* of the process: numbers are used again */
	__u64 exec_id;
	__u64 cgroup;
	__u64 legacy;
	__u32 pid;
	__u32 reserved;
	char title[TITLE_BYTES]; /* the arguments' beginning: daemons write over it */
};

/*
 * Images that user space knows, by their number. Inserted when a record was sent; the
 * ones longest unused go when it is full, and are told again under a new number.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IMAGES);
	__type(key, struct identity);
	__type(value, __u64);
} images SEC(".maps");

/*
 * Room that the stack does not have. A connect begins in a task, and the kernel lets no
 * other into a program that one is inside of on this CPU: each program needs one.
 */
struct scratch {
	__u64 images; /* told from here */
	/*
	 * What is told, kept in memory as numbers: so the verifier does not follow
	 * every way that led to them.
	 */
	__u64 mm;
	__u64 unified;
	__u64 legacy;
	__u32 at;    /* end of what is in record.data */
	__u32 start; /* of the path that is being written */
	struct identity identity;
	struct large_process record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/*
 * Linux commit 3ca1032ab7ab ("bpf: Implement get_current_task_btf and
 * RET_PTR_TO_BTF_ID"), v5.11: what hangs on the current task can be read without a call
 * each. This matters on the way of every connect.
 */
#define have_btf() constant_exists(bpf_func_id, BPF_FUNC_get_current_task_btf)
#define read_task(to, from)                                                            \
	do {                                                                           \
		if (have_btf()) {                                                      \
			typeof(from) value = (from);                                   \
			/* Loaded here, not where both ways have met again. */         \
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

/* The user's memory; a thread of the kernel has none, though it may borrow one. */
static __always_inline struct mm_struct *memory_of(struct task_struct *task)
{
	struct mm_struct *mm = 0;
	unsigned int flags = 0;

	read_task(flags, task->flags);
	if (!(flags & PF_KTHREAD))
		read_task(mm, task->mm);
	return mm;
}

/* A cgroup of v1, when that is where the controller is and it is not the root. */
static __always_inline struct kernfs_node *legacy_of(struct css_set *set, __u32 subsys)
{
	void *all = (void *)set + member_offset(css_set, subsys);
	struct cgroup_subsys_state *css = 0;
	struct cgroup *cgroup = 0;
	struct cgroup_root *root = 0;
	struct kernfs_node *kn = 0;
	int hierarchy = 0, level = 0;

	read_task(css, ((struct cgroup_subsys_state **)all)[subsys]);
	read_task(cgroup, css->cgroup);
	read_task(root, cgroup->root);
	read_task(hierarchy, root->hierarchy_id);
	read_task(level, cgroup->level);
	if (hierarchy && level)
		read_task(kn, cgroup->kn);
	return kn;
}

/*
 * Where the process is in cgroup v1: by the controllers that container runtimes and
 * systemd put every process under.
 */
static __always_inline struct kernfs_node *legacy_cgroup(struct task_struct *task)
{
	struct css_set *set = 0;
	struct kernfs_node *kn = 0;

	read_task(set, task->cgroups);
	if (constant_exists(cgroup_subsys_id, pids_cgrp_id))
		kn = legacy_of(set, constant_value(cgroup_subsys_id, pids_cgrp_id));
	if (!kn && constant_exists(cgroup_subsys_id, memory_cgrp_id))
		kn = legacy_of(set, constant_value(cgroup_subsys_id, memory_cgrp_id));
	if (!kn && constant_exists(cgroup_subsys_id, cpu_cgrp_id))
		kn = legacy_of(set, constant_value(cgroup_subsys_id, cpu_cgrp_id));
	return kn;
}

static __always_inline struct kernfs_node *unified_cgroup(struct task_struct *task)
{
	struct css_set *set = 0;
	struct cgroup *cgroup = 0;
	struct kernfs_node *kn = 0;

	read_task(set, task->cgroups);
	read_task(cgroup, set->dfl_cgrp);
	read_task(kn, cgroup->kn);
	return kn;
}

/* The cgroup of v2 that a socket was made in. */
static __always_inline struct kernfs_node *cgroup_of(struct sock *sk)
{
	struct sock_cgroup_data___before *before = (void *)&sk->sk_cgrp_data;
	struct cgroup *cgroup = 0;
	struct kernfs_node *kn = 0;

	if (exists(sk->sk_cgrp_data.cgroup))
		read_kernel(cgroup, sk->sk_cgrp_data.cgroup);
	else
		read_kernel(cgroup, before->val);
	read_kernel(kn, cgroup->kn);
	return kn;
}

static __always_inline __u64 kernfs_id(struct kernfs_node *kn)
{
	__u64 id = 0;

	read_kernel(id, kn->id);
	return id;
}

static __always_inline void read_title(struct identity *id, struct mm_struct *mm)
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

static __always_inline void identify(struct identity *id, struct task_struct *task,
				     struct mm_struct *mm, struct kernfs_node *legacy)
{
	struct task_struct *leader = 0;

	read_task(leader, task->group_leader);
	read_task(id->start_ns, leader->start_boottime);
	read_task(id->exec_id, task->self_exec_id);
	id->cgroup = 0;
	if (config.tell & TELL_CGROUP)
		id->cgroup = bpf_get_current_cgroup_id();
	id->legacy = 0;
	if (legacy)
		read_task(id->legacy, legacy->id);
	id->pid = bpf_get_current_pid_tgid() >> 32;
	id->reserved = 0;
	if (config.tell & TELL_CMDLINE)
		read_title(id, mm);
}

/*
 * Append a name to the path; returns 0 when there is no room. The position is in
 * memory, so that the verifier does not follow every length that the names before it
 * may have.
 */
static __always_inline bool add_name(struct scratch *s, const char *name)
{
	__u32 at = s->at;
	long length;

	if (at > PATHS_MOST - NAME_MOST || at - s->start > PATH_MOST - NAME_MOST)
		return 0;
	length = bpf_probe_read_kernel_str(s->record.data + at, NAME_MOST, name);
	if (length < 0)
		return 0;
	s->at = at + length;
	return 1;
}

/*
 * The path from a file up to the root of its mount namespace, across mounts; as
 * d_path() has it, which only some programs may call. A file that has no directory,
 * such as a memfd, is its own parent. Returns 0 when names are missing.
 */
static __always_inline bool add_file(struct scratch *s, struct dentry *dentry,
				     struct mount *mount)
{
	struct dentry *root, *parent;
	struct mount *above;
	const char *name;

	for (int i = 0; i < DEPTH_MOST; i++) {
		read_kernel(root, mount->mnt.mnt_root);
		if (dentry == root) {
			read_kernel(above, mount->mnt_parent);
			if (!above || above == mount)
				return 1;
			read_kernel(dentry, mount->mnt_mountpoint);
			mount = above;
			continue;
		}
		read_kernel(parent, dentry->d_parent);
		read_kernel(name, dentry->d_name.name);
		if (!parent || !add_name(s, name))
			return 0;
		if (parent == dentry)
			return 1;
		dentry = parent;
	}
	return 0;
}

static __always_inline void tell_exe(struct scratch *s, struct mm_struct *mm)
{
	struct process *p = &s->record.process;
	struct file *file = 0;
	struct vfsmount *mnt = 0;
	struct dentry *dentry = 0, *root = 0;
	void *hashed = 0;

	read_kernel(file, mm->exe_file);
	if (!file)
		return;
	read_kernel(mnt, file->f_path.mnt);
	read_kernel(dentry, file->f_path.dentry);
	read_kernel(root, mnt->mnt_root);
	read_kernel(hashed, dentry->d_hash.pprev);
	if (!hashed && dentry != root)
		p->flags |= EXE_DELETED;
	s->start = s->at;
	if (!add_file(s, dentry, (void *)mnt - member_offset(mount, mnt)))
		p->flags |= EXE_CUT;
	p->exe = s->at - s->start;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___before *before = (void *)kn;
	struct kernfs_node *parent = 0;

	if (exists(kn->__parent))
		read_kernel(parent, kn->__parent);
	else
		read_kernel(parent, before->parent);
	return parent;
}

/* Append the path of a cgroup from its hierarchy's root; returns its length. */
static __always_inline __u32 tell_cgroup(struct scratch *s, __u64 cgroup, __u32 cut)
{
	struct kernfs_node *kn = (struct kernfs_node *)cgroup, *parent;
	const char *name;

	s->start = s->at;
	for (int i = 0; kn && i < DEPTH_MOST; i++) {
		parent = kernfs_parent(kn);
		if (!parent)
			return s->at - s->start;
		read_kernel(name, kn->name);
		if (!add_name(s, name))
			break;
		kn = parent;
	}
	if (kn)
		s->record.process.flags |= cut;
	return s->at - s->start;
}

/*
 * The arguments as /proc/PID/cmdline has them. A program that has written over the NUL
 * at their end may have gone on into the environment.
 */
static __always_inline void tell_cmdline(struct scratch *s, struct mm_struct *mm)
{
	struct process *p = &s->record.process;
	unsigned long start = 0, end = 0, environment = 0, env_end = 0, length;
	__u32 at = s->at;
	char last = 0;

	read_kernel(start, mm->arg_start);
	read_kernel(end, mm->arg_end);
	if (end <= start || at > PATHS_MOST)
		return;
	bpf_probe_read_user(&last, sizeof(last), (void *)(end - 1));
	if (last) {
		p->flags |= CMDLINE_TITLE;
		read_kernel(environment, mm->env_start);
		read_kernel(env_end, mm->env_end);
		if (environment == end && env_end > end)
			end = env_end;
	}
	length = end - start;
	if (length > CMDLINE_MOST) {
		length = CMDLINE_MOST;
		p->flags |= CMDLINE_CUT;
	}
	if (bpf_probe_read_user(s->record.data + at, length, (void *)start))
		return;
	p->cmdline = length;
	s->at = at + length;
}

static __always_inline bool send_process(struct process *p, __u64 size)
{
	return has_room(&ring, size) && !bpf_ringbuf_output(&ring, p, size, 0);
}

/* Send the record; returns whether there was room for it. */
static __always_inline bool tell(struct scratch *s, __u32 program)
{
	struct process *p = &s->record.process;
	__u64 place = bpf_get_smp_processor_id() * PROGRAMS + program;

	__builtin_memset(p, 0, sizeof(*p));
	p->image = place << PLACE_SHIFT | ++s->images;
	s->at = 0;
	if (config.tell & TELL_EXE)
		tell_exe(s, (struct mm_struct *)s->mm);
	if (!s->unified)
		s->unified = (__u64)unified_cgroup(current_task());
	if (config.tell & TELL_CGROUP)
		p->cgroup = tell_cgroup(s, s->unified, CGROUP_CUT);
	if (config.tell & TELL_LEGACY)
		p->legacy = tell_cgroup(s, s->legacy, LEGACY_CUT);
	if (config.tell & TELL_CMDLINE)
		tell_cmdline(s, (struct mm_struct *)s->mm);
	if (s->at <= PROCESS_SMALL)
		return send_process(p, sizeof(struct small_process));
	return send_process(p, sizeof(struct large_process));
}

/* The current task, as it is told; its cgroup of v2 is looked for when it is. */
static __always_inline void see_task(struct scratch *s)
{
	struct task_struct *task = current_task();
	struct kernfs_node *legacy = 0;
	struct mm_struct *mm = memory_of(task);

	if (config.tell & TELL_LEGACY)
		legacy = legacy_cgroup(task);
	s->mm = (__u64)mm;
	s->unified = 0;
	s->legacy = (__u64)legacy;
	identify(&s->identity, task, mm, legacy);
}

/* What is known of who has a socket without its task: a cgroup. */
static __always_inline void see_socket(struct scratch *s, struct sock *sk)
{
	struct kernfs_node *kn = cgroup_of(sk);

	s->mm = 0;
	s->unified = (__u64)kn;
	s->legacy = 0;
	__builtin_memset(&s->identity, 0, sizeof(s->identity));
	s->identity.cgroup = kernfs_id(kn);
}

/*
 * The number of an image, told to user space: the current process's, or for a socket
 * what is known of it. 0 when that fails.
 */
static __always_inline __u64 image_of(struct sock *sk, __u32 program)
{
	struct scratch *s;
	__u64 *known;

	s = bpf_map_lookup_elem(&scratches, &program);
	if (!s)
		return 0;
	if (sk)
		see_socket(s, sk);
	else
		see_task(s);
	known = bpf_map_lookup_elem(&images, &s->identity);
	if (known)
		return *known;
	if (!tell(s, program)) {
		add(&progress.lost_processes, 1);
		return 0;
	}
	bpf_map_update_elem(&images, &s->identity, &s->record.process.image, BPF_ANY);
	return s->record.process.image;
}

#endif
