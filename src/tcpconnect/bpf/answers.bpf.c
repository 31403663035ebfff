// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * DNS answers as they arrive: packets from port 53, on every socket of the cgroup v2
 * hierarchy. Every received packet runs through answer(), so it gives up as soon as
 * it can.
 */
#include "kernel.h"
#include "types.h"

#define PASS 1
#define DNS_PORT __builtin_bswap16(53)
#define DNS_HEADER 12
#define PORTS_AT_LEAST 28 /* IPv4 header and UDP header */
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define UDP_HEADER 8
#define TCP_FLAGS 13
#define TCP_SYN 2
#define RETRY_NS 60000000000ULL /* a query with the ID of an older one is another */

/* Set before the load. */
const volatile struct {
	__u64 latency; /* whether query() is attached */
} config SEC(".rodata");

struct {
	__u64 lost; /* answers that did not fit the ring buffer */
} progress SEC(".bss");

/* The ring of attempts.h, put here before the load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct asked {
	__u64 socket; /* cookie */
	__u64 id;     /* of the DNS message */
};

/*
 * When queries left, for --dns-latency. Inserted by query(), read and deleted by
 * answer(); the oldest go when it is full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct asked);
	__type(value, __u64);
} queries SEC(".maps");

/* Where the payload of a packet lies. */
struct packet {
	__u32 payload;
	__u32 length;
	__u32 seq;
	__u32 next_seq;
	__u8 tcp;
};

/*
 * Fill in what only TCP has. Bytes before next_seq were here already, since it is read
 * before the record gets its place in the ring. Linux does not take the data of a SYN.
 */
static __always_inline bool parse_tcp(struct __sk_buff *skb, __u32 at, struct packet *p)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tp;
	__u8 tcp[TCP_HEADER];

	if (bpf_skb_load_bytes(skb, at, tcp, sizeof(tcp)) || tcp[TCP_FLAGS] & TCP_SYN)
		return 0;
	tp = sk ? bpf_tcp_sock(sk) : 0;
	if (!tp)
		return 0;
	p->payload = at + (tcp[12] >> 4) * 4;
	p->seq = (__u32)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];
	p->next_seq = tp->rcv_nxt;
	return 1;
}

/*
 * The port that a socket is connected to, 0 for none; behind a NAT of this machine (so
 * Docker has its 127.0.0.11) it is not that of the packet. Before v5.18 it is to be
 * read as four bytes.
 */
static __always_inline __u16 connected_to(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? *(volatile __u32 *)&sk->dst_port : 0;
}

/*
 * Returns whether the packet is TCP or UDP to or from this port. Where the socket does
 * not say, the port is at `port_at` of the packet's header; the kernel has headers in
 * one piece of memory before it knows the socket.
 */
static __always_inline bool parse(struct __sk_buff *skb, __u32 port_at,
				  struct packet *p)
{
	__u8 *head = (__u8 *)(long)skb->data, *end = (__u8 *)(long)skb->data_end;
	__u16 port = connected_to(skb);
	__u32 transport;
	__u8 protocol;

	if (likely(port && port != DNS_PORT))
		return 0;
	if (head + PORTS_AT_LEAST > end)
		return 0;
	if (head[0] >> 4 == 4) {
		transport = (head[0] & 0xf) * 4;
		protocol = head[9];
	} else {
		transport = IPV6_HEADER;
		protocol = head[6];
	}
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	if (!port) {
		if (head + transport + port_at + sizeof(port) > end)
			return 0;
		port = *(__u16 *)(head + transport + port_at);
	}
	if (likely(port != DNS_PORT))
		return 0;
	p->tcp = protocol == IPPROTO_TCP;
	p->payload = transport + UDP_HEADER;
	if (p->tcp && !parse_tcp(skb, transport, p))
		return 0;
	if (skb->len <= p->payload)
		return 0;
	p->length = skb->len - p->payload;
	return 1;
}

/*
 * The socket is a kernel pointer, but the verifier knows it as a bpf_sock, which has no
 * namespace: made a number, its memory is read as any other.
 */
static __always_inline __u32 netns_of(struct __sk_buff *skb, volatile __u64 *scratch)
{
	struct sock *sk;
	struct net *net = 0;
	__u32 inum = 0;

	*scratch = (__u64)skb->sk;
	sk = (struct sock *)*scratch;
	bpf_probe_read_kernel(&net, sizeof(net), &sk->__sk_common.skc_net.net);
	bpf_probe_read_kernel(&inum, sizeof(inum), &net->ns.inum);
	return inum;
}

static __always_inline void fill(struct __sk_buff *skb, const struct packet *p,
				 struct answer *a)
{
	struct asked key = {};
	__u64 *asked_ns;
	__u16 id;

	a->netns = netns_of(skb, &a->time_ns);
	a->time_ns = bpf_ktime_get_ns();
	a->cgroup = bpf_skb_cgroup_id(skb);
	a->socket = bpf_get_socket_cookie(skb);
	a->start_ns = 0;
	a->pid = 0;
	a->seq = p->tcp ? p->seq : 0;
	a->next_seq = p->tcp ? p->next_seq : 0;
	a->length = p->length;
	a->tcp = p->tcp;
	a->asked_ns = 0;
	__builtin_memset(a->reserved, 0, sizeof(a->reserved));
	if (!config.latency)
		return;
	key.socket = a->socket;
	if (!bpf_skb_load_bytes(skb, p->payload + 2 * p->tcp, &id, sizeof(id))) {
		key.id = id;
		asked_ns = bpf_map_lookup_elem(&queries, &key);
		if (asked_ns) {
			a->asked_ns = *asked_ns;
			bpf_map_delete_elem(&queries, &key);
		}
	}
}

/* Whether a UDP payload is a DNS message that answers something. */
static __always_inline bool answers(struct __sk_buff *skb, const struct packet *p)
{
	__u8 header[DNS_HEADER];

	if (bpf_skb_load_bytes(skb, p->payload, header, sizeof(header)))
		return 0;
	return header[2] & 0x80 && (header[6] || header[7]);
}

/* Reserve, fill and submit a record; the size must be a constant for the verifier. */
#define SEND(skb, p, type)                                                             \
	do {                                                                           \
		struct type *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);  \
		__u64 last;                                                            \
                                                                                       \
		if (!record) {                                                         \
			__atomic_fetch_add(&progress.lost, 1, __ATOMIC_RELAXED);       \
			break;                                                         \
		}                                                                      \
		fill(skb, p, &record->answer);                                         \
		/* Linux 5.10 forgets bounds of what was on the stack, and does not */ \
		/* learn from a test for 0: so this is bounded here, and less by 1. */ \
		last = (p)->length - 1;                                                \
		asm volatile("" : "+r"(last));                                         \
		if (last >= sizeof(record->data))                                      \
			last = sizeof(record->data) - 1;                               \
		bpf_skb_load_bytes(skb, (p)->payload, record->data, last + 1);         \
		bpf_ringbuf_submit(record, 0);                                         \
	} while (0)

SEC("cgroup_skb/ingress")
int answer(struct __sk_buff *skb)
{
	struct packet p = {};

	if (likely(!parse(skb, 0, &p)))
		return PASS;
	if (!p.tcp && !answers(skb, &p))
		return PASS;
	if (p.length <= ANSWER_SMALL)
		SEND(skb, &p, small_answer);
	else
		SEND(skb, &p, large_answer);
	return PASS;
}

/* Attached for --dns-latency only: remembers when a query left first. */
SEC("cgroup_skb/egress")
int query(struct __sk_buff *skb)
{
	struct asked key = {};
	struct packet p = {};
	__u64 now, *sent;
	__u16 id;

	if (likely(!parse(skb, 2, &p)))
		return PASS;
	if (bpf_skb_load_bytes(skb, p.payload + 2 * p.tcp, &id, sizeof(id)))
		return PASS;
	key.socket = bpf_get_socket_cookie(skb);
	key.id = id;
	now = bpf_ktime_get_ns();
	sent = bpf_map_lookup_elem(&queries, &key);
	if (sent && now - *sent < RETRY_NS)
		return PASS;
	bpf_map_update_elem(&queries, &key, &now, BPF_ANY);
	return PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
