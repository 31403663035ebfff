/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Questions for addresses, sent to user space where failed lookups are wanted. */
#pragma once

#include <linux/bpf.h>

#include "calls.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "messages.bpf.h"
#include "names.bpf.h"
#include "packets.bpf.h"
#include "process.bpf.h"
#include "questions.bpf.h"
#include "room.bpf.h"
#include "waits.bpf.h"
#include "who.bpf.h"

#define CLASS_IN __builtin_bswap16(1)

/* The name for which the thread has called getaddrinfo(), if it is inside of it. */
static __always_inline void question_read_call(struct dns_question *q)
{
	struct frame frame = {(__u64)q->who.pid << 32 | q->who.tid, INNERMOST};
	struct call *call = bpf_map_lookup_elem(&calls, &frame);

	q->call[0] = 0;
	if (call)
		bpf_probe_read_user_str(q->call, sizeof(q->call),
					(const void *)call->name);
}

/*
 * The image of the process that asks. Another task may run here while one that lost its
 * CPU is inside: it does without.
 */
static __noinline __u64 question_image(const struct connection *who)
{
	__u32 only = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &only);
	__u64 image;

	if (!s)
		return 0;
	if (s->busy) {
		add(&progress.lost_processes, 1);
		return 0;
	}
	s->busy = 1;
	scratch_read_task(s, who->pid, who->cgroup);
	image = scratch_image(s, QUESTION_PROGRAM);
	s->busy = 0;
	return image;
}

/* Send a question, if the filters want the process, which is known. */
static __always_inline void emit_question(struct __sk_buff *skb, const struct packet *p,
					  struct asker *a, const struct message *m)
{
	struct dns_question *q = 0;
	__u64 last = DNS_HEADER + (m->name & 0xff) + 4;

	if (!a->pid || m->class != CLASS_IN || kind_of(m) == ASKED_OTHER)
		return;
	if (has_room(&ring, sizeof(*q)))
		q = bpf_ringbuf_reserve(&ring, sizeof(*q), 0);
	if (!q) {
		add(&progress.lost_names, 1);
		return;
	}
	if (!who_describe(&q->who)) {
		bpf_ringbuf_discard(q, 0);
		return;
	}
	if (config.details & DETAIL_IMAGE)
		q->who.image = question_image(&q->who);
	q->who.time_ns = bpf_ktime_get_ns();
	q->length = last + 1;
	q->reserved = 0;
	question_read_call(q);
	/* As in SEND of answers.bpf.c. */
	asm volatile("" : "+r"(last));
	if (last >= sizeof(q->message))
		last = sizeof(q->message) - 1;
	bpf_skb_load_bytes(skb, p->payload + 2 * p->tcp, q->message, last + 1);
	bpf_ringbuf_submit(q, wakeup(&ring));
	a->told = 1;
}
