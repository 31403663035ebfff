/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What has been asked, and by whom: kept with the socket that asked, where no other
 * can push it out (docs/decisions/0016-answers-that-were-asked-for.md).
 */
#ifndef TCPCONNECT_QUESTIONS_H
#define TCPCONNECT_QUESTIONS_H

#include "packets.h"

/* Of a socket: all of struct asker fits 2 KiB of the kernel's. */
#define QUESTIONS 112
#define DNS_NAME_MOST 256 /* 255: RFC 1035, 2.3.4 */
#define TYPE_A 1
#define TYPE_AAAA 28

/* No process waits that long, whatever it asked again: no answer is to come. */
#define GIVEN_UP_NS 600000000000ULL
/* The longest time before a C library asks again: resolv.conf(5), "timeout". */
#define RETRY_NS 30000000000ULL
/* How soon after an answer the other IP version is asked for, of one lookup. */
#define TOGETHER_NS 1000000000ULL

struct question {
	__u64 key;	/* a hash, never 0, of its ID, section and server; 0: free */
	__u64 asked_ns; /* when the process asked first for the name */
};

/* Of a socket. */
struct asker {
	struct bpf_spin_lock lock; /* of the questions */
	__u32 next;		   /* whose place is used when none is free */
	__u32 pid;		   /* who asked last: tgid; 0: not known */
	__u8 opened;		   /* a TCP connection that this machine opened */
	__u8 reserved[3];
	__u64 start_ns;
	struct question questions[QUESTIONS];
};

struct {
	__u64 lost;	  /* answers that did not fit the ring buffer */
	__u64 pushed_out; /* questions that were still open */
} progress SEC(".bss");

/*
 * Inserted by question(), read by answer(); gone with the socket.
 * What it takes is charged to the socket, so that nobody has more than descriptors
 * allow.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct asker);
} askers SEC(".maps");

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

/* A DNS message with one question; numbers in host order, but the class. */
struct message {
	__u64 name; /* its hash, whatever the case */
	__u16 type;
	__u16 class;
	__u16 id;
	__u16 answers;
	__u8 flags[2];
};

/* FNV-1a. */
#define HASH_START 0xcbf29ce484222325ULL
#define HASH(hash, value) (((hash) ^ (value)) * 0x100000001b3ULL)

#define EACH_BYTE(value) ((value) * 0x0101010101010101ULL)

/* Eight bytes, with the letters of ASCII among them in lower case. */
static __always_inline __u64 lower(__u64 bytes)
{
	__u64 low = bytes & EACH_BYTE(0x7f);
	__u64 from_a = low + EACH_BYTE(0x80 - 'A');
	__u64 beyond_z = low + EACH_BYTE(0x7f - 'Z');

	return bytes | (~bytes & EACH_BYTE(0x80) & (from_a ^ beyond_z)) >> 2;
}

/* All bits below the highest one of the first byte that is 0; 0 where none is. */
static __always_inline __u64 before_nul(__u64 bytes)
{
	__u64 nul = (bytes - EACH_BYTE(1)) & ~bytes & EACH_BYTE(0x80);

	return nul ? (nul & -nul) - 1 : 0;
}

/*
 * Hash the name at `at`, in whatever case. The last byte of the hash is the length of
 * the name without the 0 at its end; all is 0 where no name is found. To walk along the
 * labels, byte by byte, takes the verifier a quarter of a second; so a name with a 0 in
 * a label, which no host has, ends there. Not static, so that it is verified once, and
 * not for each way that leads to it.
 */
__noinline __u64 hash_name(struct __sk_buff *skb, __u32 at)
{
	__u64 words[DNS_NAME_MOST / 8] = {}, last = skb->len - at - 1, before;
	__u64 hash = HASH_START, length;
	__u32 i;

	/* As in SEND of answers.bpf.c; of a message that ends here this is huge. */
	asm volatile("" : "+r"(last));
	if (last >= sizeof(words))
		last = sizeof(words) - 1;
	if (bpf_skb_load_bytes(skb, at, words, last + 1))
		return 0;
	for (i = 0; i < DNS_NAME_MOST / 8; i++) {
		before = before_nul(words[i]);
		if (before) {
			hash = HASH(hash, lower(words[i] & before));
			length = 8 * i + (EACH_BYTE(before & EACH_BYTE(1)) >> 56) - 1;
			return (hash ^ hash >> 56) << 8 | length;
		}
		hash = HASH(hash, lower(words[i]));
	}
	return 0;
}

/*
 * Read the message at `at`. The hash need not stand up to those who see the question:
 * they can answer it. All others have to guess the ID, which is in the key, whatever
 * the question is.
 */
static __always_inline bool read_message(struct __sk_buff *skb, __u32 at,
					 struct message *m)
{
	__u8 header[DNS_HEADER];
	__u16 type_class[2];

	if (bpf_skb_load_bytes(skb, at, header, sizeof(header)))
		return 0;
	if (header[4] || header[5] != 1)
		return 0;
	at += sizeof(header);
	m->name = hash_name(skb, at);
	at += (m->name & 0xff) + 1;
	if (!m->name || bpf_skb_load_bytes(skb, at, type_class, 4))
		return 0;
	m->type = __builtin_bswap16(type_class[0]);
	m->class = type_class[1];
	m->id = header[0] << 8 | header[1];
	m->flags[0] = header[2];
	m->flags[1] = header[3];
	m->answers = header[6] << 8 | header[7];
	return 1;
}

static __always_inline __u32 kind_of(const struct message *m)
{
	if (m->type == TYPE_A)
		return ASKED_A;
	return m->type == TYPE_AAAA ? ASKED_AAAA : ASKED_OTHER;
}

/* The key of a question to a server. */
static __always_inline __u64 key_of(const struct message *m, const __u32 *server)
{
	__u64 key = HASH(HASH(HASH(m->name, m->type), m->class), m->id);

	key = HASH(HASH(key, server[0]), server[1]);
	key = HASH(HASH(key, server[2]), server[3]);
	return key ? key : 1;
}

static __always_inline struct asker *asker_of(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = skb->sk;

	sk = sk ? bpf_sk_fullsock(sk) : 0;
	return sk ? bpf_sk_storage_get(&askers, sk, 0, flags) : 0;
}

/*
 * Keep a question in the first place that is free, or in turn. By then the process has
 * asked again, or given up, what it has waited for as long as RETRY_NS.
 */
__noinline int insert(struct __sk_buff *skb, __u64 key, __u64 asked_ns, __u64 now)
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

/* Take a question that is answered; returns when it was asked, 0 if it was not. */
__noinline __u64 take(struct __sk_buff *skb, __u64 key)
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

static __always_inline void set_asker(struct asker *a, struct task_struct *task)
{
	int tgid = 0;

	bpf_probe_read_kernel(&tgid, sizeof(tgid), &task->tgid);
	a->pid = tgid;
	a->start_ns = current_start();
}

/*
 * A packet leaves in the context of its sender, but where something held it up (a queue
 * of netfilter, for one, until a daemon lets it go). Another task is not taken for the
 * sender unless it is in the same cgroup.
 */
static __always_inline void find_asker(struct __sk_buff *skb, struct asker *a)
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
		set_asker(a, task);
	}
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

#endif
