// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * DNS answers as they arrive: packets from port 53, to any socket of the cgroup v2
 * hierarchy, that answer a question of that socket. Every packet that is received runs
 * answer(), every packet that is sent runs question(): both return as soon as they can.
 */
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"
#include "messages.bpf.h"
#include "names.bpf.h"
#include "netns.bpf.h"
#include "packets.bpf.h"
#include "questions.bpf.h"
#include "records.bpf.h"
#include "room.bpf.h"
#include "sockets.bpf.h"
#include "waits.bpf.h"

#ifdef FAILED_LOOKUPS
#include "asking.bpf.h"
#else
#define emit_question(skb, p, a, m)
#endif

#define PASS 1
#define RESPONSE 0x80
#define TRUNCATED 0x02
#define RCODE 0x0f
#define NXDOMAIN 3

/*
 * The verifier knows the socket as a struct bpf_sock, which has no namespace. As a
 * number it can be read like any other memory of the kernel.
 */
static __always_inline void answer_read_netns(struct __sk_buff *skb, struct answer *a)
{
	volatile __u64 *scratch = &a->netns_key;
	struct net *net = 0;
	struct sock *sk;

	*scratch = (__u64)skb->sk;
	sk = (struct sock *)*scratch;
	bpf_probe_read_kernel(&net, sizeof(net), &sk->__sk_common.skc_net.net);
	read_netns_key(net, &a->netns_key);
}

/* Who asked the question of an answer, and when. */
struct asked {
	__u64 asked_ns;
	__u64 start_ns;
	__u32 pid;
};

static __always_inline void answer_fill(struct __sk_buff *skb, const struct packet *p,
					const struct asked *asked, struct answer *a)
{
	answer_read_netns(skb, a);
	a->time_ns = bpf_ktime_get_ns();
	a->cgroup = bpf_skb_cgroup_id(skb);
	a->socket = bpf_get_socket_cookie(skb);
	a->start_ns = asked->start_ns;
	a->pid = asked->pid;
	a->seq = p->tcp ? p->seq : 0;
	a->next_seq = p->tcp ? p->next_seq : 0;
	a->length = p->length;
	a->tcp = p->tcp;
	a->asked_ns = asked->asked_ns;
	__builtin_memset(a->reserved, 0, sizeof(a->reserved));
}

/* Reserve, fill and submit a record; the verifier needs a constant size. */
#define SEND(skb, p, asked, type)                                                      \
	do {                                                                           \
		struct type *record = 0;                                               \
		__u64 last;                                                            \
                                                                                       \
		if (has_room(&ring, sizeof(*record)))                                  \
			record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);       \
		if (!record) {                                                         \
			add(&progress.lost_names, 1);                                  \
			break;                                                         \
		}                                                                      \
		answer_fill(skb, p, asked, &record->answer);                           \
		/* Linux 5.10 loses the bounds of values on the stack, and does not */ \
		/* learn from a comparison with 0: so it is bounded here, minus 1. */  \
		last = (p)->length - 1;                                                \
		asm volatile("" : "+r"(last));                                         \
		if (last >= sizeof(record->data))                                      \
			last = sizeof(record->data) - 1;                               \
		bpf_skb_load_bytes(skb, (p)->payload, record->data, last + 1);         \
		bpf_ringbuf_submit(record, wakeup(&ring));                             \
	} while (0)

/*
 * Find and remove the question that a message answers; returns whether there was one
 * and the message has records, or user space waits for it.
 */
static __always_inline bool answer_match(struct __sk_buff *skb, const struct packet *p,
					 struct asker *a, struct asked *asked)
{
	__u8 rcode;
	__u32 server[4];
	struct message m;

	if (!read_message(skb, p->payload + 2 * p->tcp, &m) || !(m.flags[0] & RESPONSE))
		return 0;
	if (!load_address(skb, p, server))
		return 0;
	asked->asked_ns = question_take(skb, key_of(&m, server));
	if (!asked->asked_ns && !p->connected) {
		any_address(server);
		asked->asked_ns = question_take(skb, key_of(&m, server));
	}
	if (!asked->asked_ns)
		return 0;
	rcode = m.flags[1] & RCODE;
	/* Truncated answers and server failures are followed by another question. */
	if (!(m.flags[0] & TRUNCATED) && (!rcode || rcode == NXDOMAIN))
		wait_end(a, &m, bpf_ktime_get_ns());
	return m.answers || a->told;
}

/*
 * A TCP segment may hold any part of a message, or several messages: user space puts
 * them together. It is enough that this machine opened the connection.
 */
SEC("cgroup_skb/ingress")
int answer(struct __sk_buff *skb)
{
	struct asked asked = {};
	struct packet p = {};
	struct asker *a;
	bool whole;

	if (likely(!parse(skb, RECEIVED, &p) || p.port != DNS_PORT))
		return PASS;
	if (!parse_payload(skb, &p) || p.syn)
		return PASS;
	a = asker_of(skb, 0);
	if (!a)
		return PASS;
	whole = answer_match(skb, &p, a, &asked);
	if (p.tcp ? !a->opened : !whole)
		return PASS;
	asked.start_ns = a->start_ns;
	asked.pid = a->pid;
	if (p.length <= ANSWER_SMALL)
		SEND(skb, &p, &asked, small_answer);
	else
		SEND(skb, &p, &asked, large_answer);
	return PASS;
}

/* Insert a question, by the server that is expected to answer. */
static __always_inline void question_add(struct __sk_buff *skb, const struct packet *p,
					 struct asker *a)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 server[4];
	struct message m;

	if (!read_message(skb, p->payload + 2 * p->tcp, &m) || m.flags[0] & RESPONSE)
		return;
	asker_read(skb, a);
	if (!p->connected && is_tracked(skb))
		any_address(server);
	else if (!load_address(skb, p, server))
		return;
	question_insert(skb, key_of(&m, server), wait_begin(a, &m, now), now);
	emit_question(skb, p, a, &m);
}

/*
 * Packets that are sent: questions, and the first packet of a TCP connection. Packets
 * to other ports than 53 are questions if a NAT has changed the port.
 */
SEC("cgroup_skb/egress")
int question(struct __sk_buff *skb)
{
	struct packet p = {};
	struct asker *a;

	if (likely(!parse(skb, SENT, &p)))
		return PASS;
	if (likely(p.port != DNS_PORT &&
		   (p.tcp || !is_question(skb, &p) || !is_tracked(skb))))
		return PASS;
	if (!parse_payload(skb, &p))
		return PASS;
	/* On an accepted connection no SYN was sent before. */
	a = asker_of(skb, p.tcp && !p.opens ? 0 : BPF_SK_STORAGE_GET_F_CREATE);
	if (!a)
		return PASS;
	if (p.opens) {
		a->opened = 1;
		asker_read(skb, a);
	} else {
		question_add(skb, &p, a);
	}
	return PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
