/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How long processes have waited for names. */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "messages.bpf.h"
#include "questions.bpf.h"

#define TYPE_A 1
#define TYPE_AAAA 28

/* How soon after an answer the other IP version is asked for, of one lookup. */
#define TOGETHER_NS 1000000000ULL

/* A process that asks for a name. */
struct waiting {
	__u64 name; /* its hash */
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};

/* Questions for a name, by what they ask for. */
enum kind { ASKED_A, ASKED_AAAA, ASKED_OTHER };

struct wait {
	__u64 first_ns;	  /* when the first question left */
	__u64 last_ns;	  /* when the last question left, or an answer came */
	__u8 answered[8]; /* enum kind */
};

/*
 * Since when processes wait for names. Inserted by question(), changed by answer(); the
 * oldest go when it is full.
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

/* Return when the process asked first, which is now when nothing came before. */
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

/* Note that the process has an answer, after which it may ask anew. */
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
