/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel's structs, with only the members that are read (libbpf relocates
 * the offsets when it loads the object), and the few helpers that are called.
 */
#ifndef TCPCONNECT_KERNEL_H
#define TCPCONNECT_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __relocated __attribute__((preserve_access_index))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define exists(field) __builtin_preserve_field_info(field, 2)
#define __noinline __attribute__((noinline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

typedef _Bool bool;

/* enum bpf_field_info_kind of libbpf's bpf_core_read.h. */
enum { OFFSET = 0, SIZE = 1, SHIFT_LEFT = 4, SHIFT_RIGHT = 5 };
#define BIT_FIELD(member, what) __builtin_preserve_field_info(member, what)

/* The value of a bit field, from what was read at its OFFSET in its SIZE. */
#define bits_of(value, member)                                                         \
	((__u64)(value) << BIT_FIELD(member, SHIFT_LEFT) >>                            \
	 BIT_FIELD(member, SHIFT_RIGHT))

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262
#define EEXIST 17
#define EADDRNOTAVAIL 99
#define CLONE_THREAD 0x00010000
#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_CLOSE = 7,
};

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
	void *i_private;
} __relocated;

struct file {
	struct path f_path;
	struct inode *f_inode;
} __relocated;

struct fdtable {
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

/* Their numbers, and whether they are there, depend on how the kernel was built. */
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

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
} __relocated;

typedef struct {
	struct net *net;
} __relocated possible_net_t;

typedef struct {
	__u32 val;
} __relocated kuid_t;

struct sock_cgroup_data {
	struct cgroup *cgroup;
} __relocated;

/*
 * Before Linux commit 8520e224f547 ("bpf, cgroups: Fix cgroup v2 fallback on v1/v2
 * mixed mode"), v5.15: the cgroup's address, or with the lowest bit set what cgroup v1
 * has.
 */
struct sock_cgroup_data___before {
	__u64 val;
} __relocated;

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
} __relocated;

struct sk_buff {
	char cb[48];
	unsigned long _nfct;
} __relocated;

struct sk_buff_head {
	struct sk_buff *prev; /* the newest one */
	__u32 qlen;
} __relocated;

/* include/uapi/linux/errqueue.h */
enum { SO_EE_ORIGIN_ICMP = 2, SO_EE_ORIGIN_ICMP6 = 3 };

struct sock_extended_err {
	__u32 ee_errno;
	__u8 ee_origin;
} __relocated;

/* What `cb` holds in a socket's error queue. */
struct sock_exterr_skb {
	struct sock_extended_err ee;
} __relocated;

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	unsigned short skc_family;
	unsigned char skc_state;
	__u16 skc_num;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} __relocated;

struct sock {
	struct sock_common __sk_common;
	struct sk_buff_head sk_error_queue;
	__u16 sk_protocol;
	int sk_err;
	int sk_err_soft;
	kuid_t sk_uid;
	void *sk_socket;
	struct sock_cgroup_data sk_cgrp_data;
} __relocated;

struct inet_sock {
	__u16 inet_sport;
} __relocated;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	void *icsk_ulp_data;
} __relocated;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 segs_out;
	__u8 fastopen_connect : 1;
	__u8 repair : 1;
	bool is_mptcp; /* it is a subflow */
} __relocated;

/* What icsk_ulp_data of a subflow points to. */
struct mptcp_subflow_context {
	__u32 request_join : 1; /* not the first subflow */
	struct sock *conn;	/* the MPTCP socket */
} __relocated;

/* Worked out when libbpf loads the object, as exists(): enum bpf_core_relo_kind. */
#define member_offset(type, member)                                                    \
	__builtin_preserve_field_info(((struct type *)0)->member, OFFSET)
#define type_id(type) __builtin_btf_type_id(*(type *)0, 1)
#define constant_exists(type, name) __builtin_preserve_enum_value(*(enum type *)name, 0)
#define constant_value(type, name) __builtin_preserve_enum_value(*(enum type *)name, 1)

static void *(*bpf_map_lookup_elem)(void *map,
				    const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value,
				   __u64 flags) = (void *)BPF_FUNC_map_update_elem;
static long (*bpf_map_delete_elem)(void *map,
				   const void *key) = (void *)BPF_FUNC_map_delete_elem;
static long (*bpf_probe_read_kernel)(void *dst, __u32 size, const void *src) = (void *)
	BPF_FUNC_probe_read_kernel;
static long (*bpf_probe_read_kernel_str)(void *dst, __u32 size, const void *src) =
	(void *)BPF_FUNC_probe_read_kernel_str;
static long (*bpf_probe_read_user)(void *dst, __u32 size,
				   const void *src) = (void *)BPF_FUNC_probe_read_user;
static long (*bpf_probe_read_user_str)(void *dst, __u32 size, const void *src) =
	(void *)BPF_FUNC_probe_read_user_str;
static long (*bpf_skb_load_bytes)(struct __sk_buff *skb, __u32 offset, void *to,
				  __u32 size) = (void *)BPF_FUNC_skb_load_bytes;
static __u64 (*bpf_skb_cgroup_id)(struct __sk_buff *skb) = (void *)
	BPF_FUNC_skb_cgroup_id;
static struct bpf_tcp_sock *(*bpf_tcp_sock)(void *sk) = (void *)BPF_FUNC_tcp_sock;
static __u64 (*bpf_get_socket_cookie)(void *ctx) = (void *)BPF_FUNC_get_socket_cookie;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)BPF_FUNC_ktime_get_ns;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)BPF_FUNC_get_current_pid_tgid;
static __u64 (*bpf_get_current_uid_gid)(void) = (void *)BPF_FUNC_get_current_uid_gid;
static long (*bpf_get_current_comm)(void *buf,
				    __u32 size) = (void *)BPF_FUNC_get_current_comm;
static __u64 (*bpf_get_current_cgroup_id)(void) = (void *)
	BPF_FUNC_get_current_cgroup_id;
static __u64 (*bpf_get_current_ancestor_cgroup_id)(int level) = (void *)
	BPF_FUNC_get_current_ancestor_cgroup_id;
static struct task_struct *(*bpf_get_current_task)(void) = (void *)
	BPF_FUNC_get_current_task;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)
	BPF_FUNC_get_current_task_btf;
static void *(*bpf_ringbuf_reserve)(void *ring, __u64 size,
				    __u64 flags) = (void *)BPF_FUNC_ringbuf_reserve;
static void (*bpf_ringbuf_submit)(void *record,
				  __u64 flags) = (void *)BPF_FUNC_ringbuf_submit;
static __u64 (*bpf_ringbuf_query)(void *ring,
				  __u64 flags) = (void *)BPF_FUNC_ringbuf_query;
static long (*bpf_ringbuf_output)(void *ring, void *data, __u64 size,
				  __u64 flags) = (void *)BPF_FUNC_ringbuf_output;
static long (*bpf_seq_write)(void *seq, const void *data,
			     __u32 length) = (void *)BPF_FUNC_seq_write;
static __u32 (*bpf_get_smp_processor_id)(void) = (void *)BPF_FUNC_get_smp_processor_id;
static struct bpf_sock *(*bpf_sk_fullsock)(struct bpf_sock *sk) = (void *)
	BPF_FUNC_sk_fullsock;
static void *(*bpf_sk_storage_get)(void *map, void *sk, void *value,
				   __u64 flags) = (void *)BPF_FUNC_sk_storage_get;
static long (*bpf_spin_lock)(struct bpf_spin_lock *lock) = (void *)BPF_FUNC_spin_lock;
static long (*bpf_spin_unlock)(struct bpf_spin_lock *lock) = (void *)
	BPF_FUNC_spin_unlock;
static struct tcp_sock *(*bpf_skc_to_tcp_sock)(void *sk) = (void *)
	BPF_FUNC_skc_to_tcp_sock;

/* For a pointer that is loaded instead, the verifier searches all types, in 2 ms. */
#define read_kernel(to, from) bpf_probe_read_kernel(&(to), sizeof(to), &(from))

/*
 * Not __sync_fetch_and_add: for that, clang uses an instruction that fetches, too,
 * Linux commit 5ca419f2864a ("bpf: Add BPF_FETCH field / create atomic_fetch_add
 * instruction"), v5.12.
 */
static __always_inline void add(__u64 *counter, __u64 n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
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

#endif
