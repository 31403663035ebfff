/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Paths of files and cgroups, and arguments, written into a process record.
 *
 * Paths are read without the kernel's locks. A rename or an unmount at the same moment
 * may give a path that is half old and half new. It cannot lead the program astray,
 * since all is read by copying.
 */
#pragma once

#include "cgroups.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "records.bpf.h"

#define NAME_MOST 256	 /* NAME_MAX and a NUL */
#define PATH_MOST 4352	 /* PATH_MAX and a name */
#define PATHS_MOST 13056 /* three of them */
#define CMDLINE_MOST 4096
#define TITLE_BYTES 64

/* What identifies an image: when any of it changes, a new record is sent. */
struct identity {
	__u64 start_ns; /* of the process: PIDs are reused */
	__u64 exec_id;
	__u64 cgroup;
	__u64 legacy;
	__u32 pid;
	__u32 reserved;
	char title[TITLE_BYTES]; /* the first arguments: daemons overwrite them */
};

/*
 * Memory that does not fit the stack. A connect begins in a task, and the kernel lets
 * no other task into a program that one is in on this CPU: so each program needs one.
 */
struct scratch {
	__u64 images; /* images sent by this program on this CPU */
	/*
	 * Pointers, kept in memory as numbers, so that the verifier does not follow
	 * each path that led to them.
	 */
	__u64 mm;
	__u64 unified;
	__u64 legacy;
	__u32 at;    /* the end of the data written so far */
	__u32 start; /* the beginning of the path being written */
	__u64 busy;  /* a task that lost its CPU in the program is still using it */
	struct identity identity;
	struct large_process record;
};

/*
 * Append a name to the path; returns 0 when there is no room. The position is in
 * memory, so that the verifier does not follow every length that the names before it
 * may have.
 */
static __always_inline bool append_name(struct scratch *s, const char *name)
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
 * Append the path from a file up to the root of its mount namespace, across mounts, as
 * d_path() does, which only some programs may call. A file without a directory, such as
 * a memfd, is its own parent. Returns 0 when names are missing.
 */
static __always_inline bool append_file(struct scratch *s, struct dentry *dentry,
					struct mount *mount)
{
	struct dentry *root, *parent;
	struct mount *above;
	const char *name;

	for (int i = 0; i < PATH_NAMES_MOST; i++) {
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
		if (!parent || !append_name(s, name))
			return 0;
		if (parent == dentry)
			return 1;
		dentry = parent;
	}
	return 0;
}

static __always_inline void append_exe(struct scratch *s, struct mm_struct *mm)
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
	if (!append_file(s, dentry, (void *)mnt - member_offset(mount, mnt)))
		p->flags |= EXE_CUT;
	p->exe = s->at - s->start;
}

/* Append the path of a cgroup up to the root of its hierarchy; returns its length. */
static __always_inline __u32 append_cgroup(struct scratch *s, __u64 cgroup, __u32 cut)
{
	struct kernfs_node *kn = (struct kernfs_node *)cgroup, *parent;
	const char *name;

	s->start = s->at;
	for (int i = 0; kn && i < PATH_NAMES_MOST; i++) {
		parent = kernfs_parent(kn);
		if (!parent)
			return s->at - s->start;
		read_kernel(name, kn->name);
		if (!append_name(s, name))
			break;
		kn = parent;
	}
	if (kn)
		s->record.process.flags |= cut;
	return s->at - s->start;
}

/*
 * Append the arguments as /proc/PID/cmdline shows them. A program that has overwritten
 * the NUL at their end may have gone on into the environment.
 */
static __always_inline void append_cmdline(struct scratch *s, struct mm_struct *mm)
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
