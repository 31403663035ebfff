/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The helpers of the kernel that are called. */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"

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
static void (*bpf_ringbuf_discard)(void *record,
				   __u64 flags) = (void *)BPF_FUNC_ringbuf_discard;
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

/*
 * Not a load: for each pointer that is loaded the verifier searches all types, in 2 ms.
 */
#define read_kernel(to, from) bpf_probe_read_kernel(&(to), sizeof(to), &(from))

/*
 * Not __sync_fetch_and_add: clang compiles that to an instruction that also fetches,
 * from Linux commit 5ca419f2864a ("bpf: Add BPF_FETCH field / create atomic_fetch_add
 * instruction"), v5.12.
 */
static __always_inline void add(__u64 *counter, __u64 n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}
