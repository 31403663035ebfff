/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Open questions, kept with the socket that asked, where no other socket can push them
 * out (docs/decisions/0016-answers-that-were-asked-for.md).
 */
#pragma once

#include <linux/bpf.h>

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "task.bpf.h"

/* For each socket: struct asker fits into 2 KiB of kernel memory. */
#define QUESTIONS 112

/* No process waits that long, however often it asks again: no answer is expected. */
#define GIVEN_UP_NS 600000000000ULL
/* The longest time until a C library asks again: resolv.conf(5), "timeout". */
#define RETRY_NS 30000000000ULL

struct question {
	__u64 key;	/* hash of ID, question and server, never 0; 0: free */
	__u64 asked_ns; /* when the process first asked for the name */
};

/* What a socket has asked. */
struct asker {
	struct bpf_spin_lock lock; /* of the questions */
	__u32 next;		   /* the place to reuse when none is free */
	__u32 pid;		   /* tgid of the last asker; 0: unknown */
	__u8 opened;		   /* this machine opened the TCP connection */
	__u8 told;		   /* user space knows questions of it */
	__u8 reserved[2];
	__u64 start_ns;
	struct question questions[QUESTIONS];
};

/*
 * Inserted by question(), read by answer(), removed with the socket. The memory is
 * charged to the socket, so that the limit of descriptors bounds it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct asker);
} askers SEC(".maps");

static __always_inline struct asker *asker_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : 0;
	return sk ? bpf_sk_storage_get(&askers, sk, 0, flags) : 0;
}

/*
 * Insert a question in the first free place, or else in turn. After RETRY_NS the
 * process has asked again, or given up.
 */
__noinline int question_insert(struct __sk_buff *skb, __u64 key, __u64 asked_ns,
			       __u64 now)
{
	struct asker *a = asker_of(skb, 0);
	struct question *q;
	bool open = 0;
	__u32 i, at;

	if (!a)
		return 0;
	bpf_spin_lock(&a->lock);
	for (i = 0; i < QUESTIONS; i++) {
		q = &a->questions[i];
		if (!q->key || q->key == key || now - q->asked_ns > GIVEN_UP_NS)
			break;
	}
	if (i == QUESTIONS) {
		at = a->next < QUESTIONS ? a->next : 0;
		a->next = at + 1;
		q = &a->questions[at];
		open = now - q->asked_ns < RETRY_NS;
	}
	q->key = key;
	q->asked_ns = asked_ns;
	bpf_spin_unlock(&a->lock);
	if (open)
		add(&progress.pushed_out, 1);
	return 0;
}

/* Remove a question that is answered; returns when it was asked, 0 if it was not. */
__noinline __u64 question_take(struct __sk_buff *skb, __u64 key)
{
	struct asker *a = asker_of(skb, 0);
	__u64 asked_ns = 0;
	__u32 i;

	if (!a)
		return 0;
	bpf_spin_lock(&a->lock);
	for (i = 0; i < QUESTIONS; i++) {
		if (a->questions[i].key == key) {
			a->questions[i].key = 0;
			asked_ns = a->questions[i].asked_ns;
			break;
		}
	}
	bpf_spin_unlock(&a->lock);
	return asked_ns;
}

static __always_inline void asker_set(struct asker *a, struct task_struct *task)
{
	int tgid = 0;

	bpf_probe_read_kernel(&tgid, sizeof(tgid), &task->tgid);
	a->pid = tgid;
	a->start_ns = current_start();
}

/*
 * Packets are sent in the context of their sender, unless something held them up (a
 * netfilter queue, until a daemon releases them). A task in another cgroup than the
 * socket is not taken for the sender.
 */
static __always_inline void asker_read(struct __sk_buff *skb, struct asker *a)
{
	struct task_struct *task = bpf_get_current_task();
	struct css_set *cgroups = 0;
	struct cgroup *cgroup = 0;
	struct kernfs_node *kn = 0;
	unsigned int flags = 0;
	__u64 id = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags), &task->flags);
	bpf_probe_read_kernel(&cgroups, sizeof(cgroups), &task->cgroups);
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &cgroups->dfl_cgrp);
	bpf_probe_read_kernel(&kn, sizeof(kn), &cgroup->kn);
	bpf_probe_read_kernel(&id, sizeof(id), &kn->id);
	if (flags & PF_KTHREAD || id != bpf_skb_cgroup_id(skb)) {
		a->pid = 0;
		a->start_ns = 0;
	} else {
		asker_set(a, task);
	}
}
