/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Since when processes wait for names. */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "messages.bpf.h"
#include "questions.bpf.h"

#define TYPE_A 1
#define TYPE_AAAA 28

/* How soon after an answer a lookup asks for the other IP version. */
#define TOGETHER_NS 1000000000ULL

/* A process that waits for a name. */
struct waiting {
	__u64 name; /* hash of the name */
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};

/* Questions for a name, by the type of record. */
enum kind { ASKED_A, ASKED_AAAA, ASKED_OTHER };

struct wait {
	__u64 first_ns;	  /* when the first question was sent */
	__u64 last_ns;	  /* when the last question was sent, or an answer came */
	__u8 answered[8]; /* enum kind */
};

/*
 * Inserted by question(), changed by answer(); the least recently used ones are evicted
 * when it is full. Sized before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct waiting);
	__type(value, struct wait);
} waits SEC(".maps");

static __always_inline __u32 kind_of(const struct message *m)
{
	if (m->type == TYPE_A)
		return ASKED_A;
	return m->type == TYPE_AAAA ? ASKED_AAAA : ASKED_OTHER;
}

static __always_inline struct waiting waiting_for(const struct asker *a,
						  const struct message *m)
{
	return (struct waiting){m->name, a->start_ns, a->pid, 0};
}

/*
 * Note a question; returns when the process first asked, which is now if it did not ask
 * before.
 */
static __always_inline __u64 wait_begin(const struct asker *a, const struct message *m,
					__u64 now)
{
	struct waiting key = waiting_for(a, m);
	struct wait fresh = {now, now, {}}, *known;
	bool answered;

	if (!a->pid)
		return now;
	known = bpf_map_lookup_elem(&waits, &key);
	if (known && !known->answered[kind_of(m)]) {
		answered = known->answered[ASKED_A] || known->answered[ASKED_AAAA] ||
			   known->answered[ASKED_OTHER];
		if (now - known->last_ns < (answered ? TOGETHER_NS : RETRY_NS)) {
			known->last_ns = now;
			return known->first_ns;
		}
	}
	bpf_map_update_elem(&waits, &key, &fresh, BPF_ANY);
	return now;
}

/* Note an answer, after which the process may ask anew. */
static __always_inline void wait_end(const struct asker *a, const struct message *m,
				     __u64 now)
{
	struct waiting key = waiting_for(a, m);
	struct wait *known = bpf_map_lookup_elem(&waits, &key);

	if (known) {
		known->answered[kind_of(m)] = 1;
		known->last_ns = now;
	}
}
