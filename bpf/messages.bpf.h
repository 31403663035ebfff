/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What identifies the question of a DNS message. */
#pragma once

#include <linux/bpf.h>

#include "bytes.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "packets.bpf.h"

#define DNS_NAME_MOST 256 /* 255: RFC 1035, 2.3.4 */

/*
 * The flags of a DNS message and three of its counts. In a question all bits are 0,
 * except RD, AD and CD (RFC 1035, 4.1.1; RFC 4035, 3.1.6) and the number of questions,
 * which is 1.
 */
#define FLAGS_AND_COUNTS 2
#define MAY_DIFFER 0x0000000000003001ULL
#define ONE_QUESTION 0x0000000001000000ULL

/* Whether a UDP packet has the header of a question, to any port. */
static __always_inline bool is_question(struct __sk_buff *skb, const struct packet *p)
{
	__u8 *at = (__u8 *)(long)skb->data + p->payload + FLAGS_AND_COUNTS;
	__u64 header;

	if (at + sizeof(header) <= (__u8 *)(long)skb->data_end)
		header = *(__u64 *)at;
	else if (bpf_skb_load_bytes(skb, p->payload + FLAGS_AND_COUNTS, &header,
				    sizeof(header)))
		return 0;
	return (header & ~MAY_DIFFER) == ONE_QUESTION;
}

/* A DNS message with one question. Numbers are in host order, except the class. */
struct message {
	__u64 name; /* hash of the name in lower case */
	__u16 type;
	__u16 class;
	__u16 id;
	__u16 answers;
	__u8 flags[2];
};

/* FNV-1a. */
#define HASH_START 0xcbf29ce484222325ULL
#define HASH(hash, value) (((hash) ^ (value)) * 0x100000001b3ULL)

/* Convert the ASCII letters of eight bytes to lower case. */
static __always_inline __u64 lower(__u64 bytes)
{
	__u64 low = bytes & EACH_BYTE(0x7f);
	__u64 from_a = low + EACH_BYTE(0x80 - 'A');
	__u64 beyond_z = low + EACH_BYTE(0x7f - 'Z');

	return bytes | (~bytes & EACH_BYTE(0x80) & (from_a ^ beyond_z)) >> 2;
}

/*
 * Hash the name at `at`, in lower case. The last byte of the hash is the length of the
 * name without its final 0; the hash is 0 when there is no name. Walking along the
 * labels, byte by byte, takes the verifier a quarter of a second. So a name with a 0
 * inside a label, which no host has, ends there. Not static, so that it is verified
 * once, and not for each path that leads to it.
 */
__noinline __u64 hash_name(struct __sk_buff *skb, __u32 at)
{
	__u64 words[DNS_NAME_MOST / 8] = {}, last = skb->len - at - 1, before;
	__u64 hash = HASH_START, length;
	__u32 i;

	/* As in SEND of answers.bpf.c. When the message ends here this is huge. */
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
 * Read the message at `at`. The hash need not withstand those who see the question,
 * since they can answer it. All others have to guess the ID, which is a part of the
 * key.
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

/* The key of a question to a server. */
static __always_inline __u64 key_of(const struct message *m, const __u32 *server)
{
	__u64 key = HASH(HASH(HASH(m->name, m->type), m->class), m->id);

	key = HASH(HASH(key, server[0]), server[1]);
	key = HASH(HASH(key, server[2]), server[3]);
	return key ? key : 1;
}
