/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel's structs of tasks, files, cgroups and namespaces, with only the members
 * that are read: libbpf relocates the offsets when it loads the object.
 */
#pragma once

#include "core.bpf.h"

#define CLONE_THREAD 0x00010000
#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

struct ns_common {
	unsigned int inum;
	__u64 ns_id;
} __relocated;

struct net {
	struct ns_common ns;
	__u64 net_cookie;
} __relocated;

struct mnt_namespace {
	struct ns_common ns;
	__u64 seq;
} __relocated;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
} __relocated;

struct vfsmount {
	struct dentry *mnt_root;
} __relocated;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} __relocated;

struct qstr {
	const char *name;
} __relocated;

struct hlist_bl_node {
	void *pprev;
} __relocated;

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
} __relocated;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} __relocated;

struct inode {
	__u16 i_mode;
	void *i_private;
} __relocated;

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
} __relocated;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} __relocated;

struct files_struct {
	struct fdtable *fdt;
} __relocated;

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
} __relocated;

struct kernfs_node {
	struct kernfs_node *__parent;
	const char *name;
	__u64 id;
} __relocated;

/*
 * Before Linux commit 633488947ef6 ("kernfs: Use RCU to access kernfs_node::parent."),
 * v6.15.
 */
struct kernfs_node___before {
	struct kernfs_node *parent;
} __relocated;

struct cgroup_root {
	int hierarchy_id;
} __relocated;

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	__u64 ancestor_ids[1]; /* until v6.0 */
} __relocated;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} __relocated;

/* Their numbers, and whether they exist, depend on the configuration of the kernel. */
enum cgroup_subsys_id {
	cpu_cgrp_id = 1,
	memory_cgrp_id = 4,
	pids_cgrp_id = 11,
};

struct css_set {
	struct cgroup_subsys_state *subsys[12];
	struct cgroup *dfl_cgrp;
} __relocated;

struct fs_struct {
	struct path root;
} __relocated;

typedef struct {
	int counter;
} __relocated atomic_t;

struct signal_struct {
	atomic_t live;
} __relocated;

struct upid { /* as every kernel has it */
	int nr;
	void *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
} __relocated;

typedef struct {
	__u32 val;
} __relocated kuid_t;

struct cred {
	kuid_t uid;
} __relocated;

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	__u64 self_exec_id;
	const struct cred *cred;
	char comm[16];
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
} __relocated;
