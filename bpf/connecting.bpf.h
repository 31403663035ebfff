/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The calls of connect() in which no socket has reached SYN_SENT yet: one for each
 * thread, inserted when the call begins, deleted when its socket reaches SYN_SENT or
 * the call returns. A call that fails while it is here was refused.
 *
 * Most threads have a slot of an array to themselves for the microseconds that it
 * takes. Others are in a hash map, as pending attempts are (decision 13).
 */
#pragma once

#include "claims.bpf.h"
#include "config.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"

struct connecting {
	__u64 tag;	/* as in struct slot; of a thread */
	__u64 socket;	/* its struct sock, if it is known */
	__u32 daddr[4]; /* what the program asked for; as in struct connection */
	__u16 dport;	/* host order */
	__u8 ip;	/* 4 or 6 */
	__u8 permitted; /* by LSMs, as far as is known */
	__u32 reserved;
};

/* Both sized before the load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connecting);
} connecting SEC(".maps");

/*
 * The least recently used ones are evicted when it is full: those of threads that died
 * in a call whose end no program saw.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connecting);
} connecting_more SEC(".maps");

static __always_inline struct connecting *connecting_slot(__u32 tid)
{
	__u32 index = tid % CONNECTING_SLOTS;

	return bpf_map_lookup_elem(&connecting, &index);
}

/* Programs of cgroups can't call bpf_get_current_pid_tgid() on every kernel. */
static __always_inline __u32 current_tid(void)
{
	struct task_struct *task = bpf_get_current_task();
	int tid = 0;

	read_kernel(tid, task->pid);
	return tid;
}

static __always_inline __u64 tag_of_thread(__u32 tid)
{
	return (__u64)tid << CLAIM_BITS;
}

/* Insert a call of a thread, in place of one whose end was not seen. */
static __always_inline void connecting_insert(struct connecting *begun, __u32 tid)
{
	struct connecting *slot = connecting_slot(tid);
	__u64 tag = tag_of_thread(tid);

	if (slot && (has_tag(&slot->tag, tag) || tag_claim(&slot->tag))) {
		__builtin_memcpy(slot->daddr, begun->daddr, sizeof(slot->daddr));
		slot->socket = begun->socket;
		slot->dport = begun->dport;
		slot->ip = begun->ip;
		slot->permitted = begun->permitted;
		if (!has_tag(&slot->tag, tag))
			add(&slot->tag, tag - 1);
		return;
	}
	add(&progress.crowded, 1);
	bpf_map_update_elem(&connecting_more, &tid, begun, BPF_ANY);
}

/* The call of a thread. */
static __always_inline struct connecting *connecting_lookup(__u32 tid)
{
	struct connecting *slot = connecting_slot(tid);

	if (slot && has_tag(&slot->tag, tag_of_thread(tid)))
		return slot;
	if (likely(!*(const volatile __u64 *)&progress.crowded))
		return 0;
	return bpf_map_lookup_elem(&connecting_more, &tid);
}

/* Delete the call of the current thread, which was looked up. */
static __always_inline void connecting_delete(struct connecting *call)
{
	__u32 tid = bpf_get_current_pid_tgid();

	if (call->tag)
		add(&call->tag, -tag_of_thread(tid));
	else
		bpf_map_delete_elem(&connecting_more, &tid);
}

/* Note what a program asked for. */
static __always_inline void asked_copy(struct connection *c,
				       const struct connecting *call)
{
	__builtin_memcpy(c->asked, call->daddr, sizeof(c->asked));
	c->asked_port = call->dport;
	c->asked_ip = call->ip;
}

/* The call that connects a socket was not refused. */
static __always_inline void connecting_end(struct connection *c)
{
	struct connecting *call = connecting_lookup(bpf_get_current_pid_tgid());

	if (!call)
		return;
	asked_copy(c, call);
	connecting_delete(call);
}
