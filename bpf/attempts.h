/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every active TCP connection attempt, from one tracepoint that fires whenever a
 * TCP socket changes state. An attempt begins with CLOSE -> SYN_SENT, in the task
 * that connects, and ends when the socket leaves SYN_SENT, most often in softirq:
 * there the current task is nobody's, so all that is said about the process is
 * taken at the beginning and kept: pending.h.
 *
 * The programs that call this are in programs.h, for tcpconnect.bpf.c and, where a task
 * can lose its CPU inside of one, preemptible.bpf.c.
 */
#ifndef TCPCONNECT_ATTEMPTS_H
#define TCPCONNECT_ATTEMPTS_H

#include "kernel.h"
#include "types.h"

/* Filters that look at who connects: bits of config.task_filters. */
enum task_filter {
	BY_PID = 1 << 0,
	BY_UID = 1 << 1,
	BY_COMM = 1 << 2,
	BY_NETNS = 1 << 3,
	BY_CGROUP = 1 << 4, /* and all below it */
	BY_CONTAINER = 1 << 5,
	BY_CGROUPMAP = 1 << 6,
	BY_MNTNSMAP = 1 << 7,
};

/* Filters that look at addresses: bits of config.address_filters. */
enum address_filter {
	BY_TO = 1 << 0,
	BY_NOT_TO = 1 << 1,
	BY_FROM = 1 << 2,
};

const volatile struct config config SEC(".rodata");

struct progress progress SEC(".bss");

/*
 * Records for user space. Reserved and committed by the program, consumed by
 * kernel.py, which may make it smaller before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

/* For -c. Counted by the program, read by kernel.py at the end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct flow);
	__type(value, struct flow_counts);
} flows SEC(".maps");

/* For -c --histogram: slot n counts latencies of 2^n to 2^(n+1)-1 us. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LATENCY_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} histogram SEC(".maps");

/*
 * Sets of filters, filled by selection.py before the program is attached; but `pids` by
 * follow.py and follow.h, while it is.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps"), uids SEC(".maps");

/* By their keys of namespaces.h. `mntnses` are those of BY_CONTAINER. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} netnses SEC(".maps"), mntnses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, char[COMM_LEN]);
	__type(value, __u8);
} comms SEC(".maps");

/*
 * IDs of cgroups: of --cgroup with the value BY_CGROUP, of --container with
 * BY_CONTAINER, of both with both.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} cgroups SEC(".maps");

/*
 * Networks of --to, --not-to and --from: one struct ipv4_set or ipv6_set in each. Sized
 * before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} to_ipv4 SEC(".maps"), to_ipv6 SEC(".maps"), not_to_ipv4 SEC(".maps"),
	not_to_ipv6 SEC(".maps"), from_ipv4 SEC(".maps"), from_ipv6 SEC(".maps");

/* Others fill these two, at any time; kernel.py puts their pinned maps here. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} cgroupmap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} mntnsmap SEC(".maps");

#include "namespaces.h"

static __always_inline __u64 current_mntns(void)
{
	struct mnt_namespace *mnt_ns = current_mnt_ns();
	unsigned int inum = 0;

	bpf_probe_read_kernel(&inum, sizeof(inum), &mnt_ns->ns.inum);
	return inum;
}

#include "pending.h"
#include "process.h"

/* In network order: for Linux before v5.12 a number has no bounds after a byte swap. */
static __always_inline bool port_wanted(__u16 port)
{
	return config.ports[port / 64] >> (port % 64) & 1;
}

/*
 * Linux commit 95b861a7935b ("bpf: Allow bpf_get_current_ancestor_cgroup_id for
 * tracing"), v5.15, has the helper; before it, the IDs lie open in the cgroup.
 */
static __always_inline __u64 current_ancestor(int level)
{
	struct task_struct *task;
	struct css_set *cgroups = 0;
	struct cgroup *cgroup = 0;
	__u64 id = 0;

	if (!exists(cgroup->ancestor_ids))
		return bpf_get_current_ancestor_cgroup_id(level);
	task = bpf_get_current_task();
	bpf_probe_read_kernel(&cgroups, sizeof(cgroups), &task->cgroups);
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &cgroups->dfl_cgrp);
	bpf_probe_read_kernel(&id, sizeof(id), &cgroup->ancestor_ids[level]);
	return id;
}

/*
 * Which of BY_CGROUP and BY_CONTAINER the current task passes. Looks at the levels
 * where there are cgroups of the set: what it costs does not depend on how many there
 * are.
 */
static __always_inline __u8 cgroups_passed(void)
{
	__u8 *passes, passed = 0;
	__u64 id;

	for (__u32 i = 0; i < config.level_count && i < MAX_LEVELS; i++) {
		id = current_ancestor(config.levels[i]);
		passes = bpf_map_lookup_elem(&cgroups, &id);
		if (passes)
			passed |= *passes;
	}
	return passed;
}

/* Containers that are not in cgroup v2 are told by their mount namespaces. */
static __always_inline bool place_wanted(__u16 filters)
{
	__u8 passed = cgroups_passed();
	__u64 mntns;

	if (filters & BY_CGROUP && !(passed & BY_CGROUP))
		return 0;
	if (filters & BY_CONTAINER && !(passed & BY_CONTAINER)) {
		mntns = mntns_key(current_mnt_ns());
		return bpf_map_lookup_elem(&mntnses, &mntns);
	}
	return 1;
}

static __always_inline bool netns_wanted(struct sock *sk)
{
	__u64 netns = netns_key(sk->__sk_common.skc_net.net);

	return bpf_map_lookup_elem(&netnses, &netns);
}

/* The filters that look at the user and the network namespace. */
static __always_inline bool owner_wanted(const struct connection *c, struct sock *sk,
					 __u16 filters)
{
	if (filters & BY_UID && !bpf_map_lookup_elem(&uids, &c->uid))
		return 0;
	return !(filters & BY_NETNS) || netns_wanted(sk);
}

/* The filters that look at who connects. */
static __always_inline bool task_wanted(struct connection *c, struct sock *sk,
					__u16 filters, bool deep)
{
	__u64 id;

	if (filters & BY_PID && !bpf_map_lookup_elem(&pids, &c->pid))
		return 0;
	if (!owner_wanted(c, sk, filters))
		return 0;
	if (filters & BY_COMM) {
		bpf_get_current_comm(c->comm, sizeof(c->comm));
		if (!bpf_map_lookup_elem(&comms, c->comm))
			return 0;
	}
	if (deep && filters & (BY_CGROUP | BY_CONTAINER) && !place_wanted(filters))
		return 0;
	if (filters & BY_CGROUPMAP) {
		id = bpf_get_current_cgroup_id();
		if (!bpf_map_lookup_elem(&cgroupmap, &id))
			return 0;
	}
	if (deep && filters & BY_MNTNSMAP) {
		id = current_mntns();
		if (!bpf_map_lookup_elem(&mntnsmap, &id))
			return 0;
	}
	return 1;
}

#include "loopback.h"
#include "mptcp.h"

static __always_inline bool in_ipv4(const volatile struct networks *config, void *map,
				    const __u32 *address)
{
	__u32 key = 0, host = __builtin_bswap32(address[3]), at, end, middle;
	struct ipv4_set *set;

	if (!config->ipv4_changes)
		return 0;
	set = bpf_map_lookup_elem(map, &key);
	if (!set)
		return 0;
	at = set->before[host >> 16];
	end = set->before[(host >> 16) + 1];
	for (__u32 step = 0; step < config->ipv4_steps && at < end; step++) {
		middle = (at + end) / 2;
		if (middle >= config->ipv4_changes)
			break;
		if (set->changes[middle] <= (host & 0xffff))
			at = middle + 1;
		else
			end = middle;
	}
	return at & 1;
}

static __always_inline bool in_ipv6(const volatile struct networks *config, void *map,
				    const __u32 *address)
{
	__u64 high = __builtin_bswap64((__u64)address[1] << 32 | address[0]);
	__u64 low = __builtin_bswap64((__u64)address[3] << 32 | address[2]);
	__u32 key = 0, at, end, middle;
	struct ipv6_set *set;
	__u64 *change;

	if (!config->ipv6_changes)
		return 0;
	set = bpf_map_lookup_elem(map, &key);
	if (!set)
		return 0;
	at = set->before[high >> 48];
	end = set->before[(high >> 48) + 1];
	for (__u32 step = 0; step < config->ipv6_steps && at < end; step++) {
		middle = (at + end) / 2;
		if (middle >= config->ipv6_changes)
			break;
		change = set->changes[middle];
		if (change[0] < high || (change[0] == high && change[1] <= low))
			at = middle + 1;
		else
			end = middle;
	}
	return at & 1;
}

#define IN_NETWORKS(set, c, address)                                                   \
	((c)->ip == 4 ? in_ipv4(&config.set, &set##_ipv4, (c)->address)                \
		      : in_ipv6(&config.set, &set##_ipv6, (c)->address))

static __always_inline bool addresses_wanted(const struct connection *c, __u8 filters)
{
	/* Else clang begins with the addresses before it is known who wants them. */
	asm volatile("" : "+r"(c)::"memory");
	if (filters & BY_TO && !IN_NETWORKS(to, c, daddr))
		return 0;
	if (filters & BY_NOT_TO && IN_NETWORKS(not_to, c, daddr))
		return 0;
	if (filters & BY_FROM && !IN_NETWORKS(from, c, saddr))
		return 0;
	return 1;
}

static __always_inline void map_ipv4(__u32 *to, __u32 address)
{
	to[0] = 0;
	to[1] = 0;
	to[2] = __builtin_bswap32(0xffff);
	to[3] = address;
}

static __always_inline void copy_ipv6(__u32 *to, const __u32 *from)
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

/*
 * An IPv6 socket that connects to ::ffff:a.b.c.d speaks IPv4, and its IPv4
 * members are the ones that are set by now. All is named from struct sock on, since
 * libbpf searches the whole kernel for each type that a path begins with.
 */
static __always_inline void read_addresses(struct connection *c, struct sock *sk)
{
	__u32 *daddr = c->daddr;

	if (sk->__sk_common.skc_family == AF_INET6) {
		copy_ipv6(daddr, sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32);
		if (daddr[0] || daddr[1] || daddr[2] != __builtin_bswap32(0xffff)) {
			copy_ipv6(c->saddr,
				  sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
			c->ip = 6;
			return;
		}
	}
	map_ipv4(daddr, sk->__sk_common.skc_daddr);
	map_ipv4(c->saddr, sk->__sk_common.skc_rcv_saddr);
	c->ip = 4;
}

static __always_inline __u16 local_port(struct tcp_sock *tp)
{
	return __builtin_bswap16(tp->inet_conn.icsk_inet.inet_sport);
}

static __always_inline void report(const struct connection *c)
{
	struct connection *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		add(&progress.lost_ring, 1);
		return;
	}
	*record = *c;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline struct flow_counts *flow_of(const struct connection *c)
{
	struct flow key = {.dport = c->dport};
	struct flow_counts zero = {}, *counts;

	__builtin_memcpy(key.saddr, c->saddr, sizeof(key.saddr));
	__builtin_memcpy(key.daddr, c->daddr, sizeof(key.daddr));
	if (config.tell & TELL_NETNS)
		key.netns_key = c->netns_key;
	counts = bpf_map_lookup_elem(&flows, &key);
	if (counts)
		return counts;
	bpf_map_update_elem(&flows, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, &key);
}

static __always_inline void count_connect(const struct connection *c)
{
	struct flow_counts *counts = flow_of(c);

	if (counts)
		add(&counts->connects, 1);
	else
		add(&progress.lost_flows, 1);
}

static __always_inline __u32 log2(__u64 v)
{
	__u32 r = 0;

#pragma unroll
	for (int shift = 32; shift; shift /= 2) {
		if (v >> shift) {
			v >>= shift;
			r += shift;
		}
	}
	return r;
}

/* The flow was made when the attempt began: if it is not there, it did not fit. */
static __always_inline void count_end(const struct connection *c)
{
	struct flow_counts *counts = flow_of(c);
	__u64 *slot;
	__u32 n;

	if (!counts)
		return;
	if (c->result == RESULT_OK)
		add(&counts->ok, 1);
	else
		add(&counts->failed, 1);
	add(&counts->latency_total_ns, c->latency_ns);
	/* No compare-and-swap before v5.12: of two at once, the lower one may stay. */
	if (c->latency_ns > counts->latency_max_ns)
		counts->latency_max_ns = c->latency_ns;
	n = log2(c->latency_ns / 1000) & (LATENCY_SLOTS - 1);
	slot = bpf_map_lookup_elem(&histogram, &n);
	if (slot)
		add(slot, 1);
}

/* Who connects: the current task. Returns whether the filters want it. */
static __always_inline bool describe_task(struct connection *c, struct sock *sk,
					  bool deep)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	const __u16 filters = config.task_filters;
	const __u16 tell = config.tell;

	c->pid = pid_tgid >> 32;
	c->tid = pid_tgid;
	if (tell & TELL_UID || filters & BY_UID)
		c->uid = bpf_get_current_uid_gid();
	if (tell & TELL_NETNS)
		read_netns(c, sk);
	if (filters && !task_wanted(c, sk, filters, deep))
		return 0;
	if (tell & TELL_CGROUP_ID)
		c->cgroup = bpf_get_current_cgroup_id();
	if (tell & TELL_START)
		c->start_ns = current_start();
	if (tell & TELL_COMM)
		bpf_get_current_comm(c->comm, sizeof(c->comm));
	if (deep && tell & TELL_PPID)
		c->ppid = parent_pid(current_task());
	if (deep && tell & TELL_MNTNS)
		c->mntns = current_mntns();
	return 1;
}

/* For -c with what is known at the end only, it is counted then. */
static __always_inline void report_or_count(const struct connection *c)
{
	if (!config.count)
		report(c);
	else if (config.wait_end)
		count_connect(c);
}

/* Report the attempt now, or when it ends. */
static __always_inline void attempt_add(struct sock *sk, struct slot *begun)
{
	struct connection *c = &begun->attempt;

	c->time_ns = bpf_ktime_get_ns();
	if (unlikely(!progress.first_ns))
		progress.first_ns = c->time_ns;
	c->lport = sk->__sk_common.skc_num;
	c->result = RESULT_UNKNOWN;
	if (config.track) /* until it ends: what earlier attempts of the socket left */
		c->latency_ns = sk->sk_error_queue.qlen;
	if (config.count && !config.wait_end)
		count_connect(c);
	if (config.track && (config.wait_end || config.count || !c->lport)) {
		if (pending_insert(sk, begun))
			return;
		add(&progress.untracked, 1);
	}
	report_or_count(c);
}

/* What is pending for a socket that begins another attempt ended, and was not seen. */
static __always_inline void end_missed(struct sock *sk)
{
	const struct connection *pending = pending_lookup(sk);
	struct connection began;

	if (likely(!pending))
		return;
	began = *pending;
	/* Else it is found again: when the address comes again, or tracing stops. */
	if (!pending_delete(sk))
		return;
	mark_missed(&began);
	if (began.latency_ns < config.slower_ns)
		return;
	began.result = RESULT_UNKNOWN;
	report_or_count(&began);
}

/* CRIU connects so, to restore a connection; nothing is sent. Its bits are a byte. */
static __always_inline bool in_repair(struct tcp_sock *tp)
{
	const __u8 *byte = (const __u8 *)tp + BIT_FIELD(tp->repair, OFFSET);

	return bits_of(*byte, tp->repair);
}

static __always_inline bool destination_wanted(struct connection *c, struct sock *sk)
{
	const __u8 address_filters = config.address_filters;

	c->dport = __builtin_bswap16(sk->__sk_common.skc_dport);
	read_addresses(c, sk);
	if (config.tell & TELL_START) /* for a name, whether it is wanted or not */
		c->visited_ns = loopback_visit(c);
	if (config.by_port && !port_wanted(sk->__sk_common.skc_dport))
		return 0;
	if (config.ip && config.ip != c->ip)
		return 0;
	return !address_filters || addresses_wanted(c, address_filters);
}

/* An MPTCP socket has no `tp`, and is no attempt: its subflows are. */
static __always_inline void attempt_describe(struct sock *sk, struct tcp_sock *tp,
					     bool deep, __u32 program)
{
	struct slot begun = {};
	struct connection *c = &begun.attempt;
	struct subflow subflow = {};
	bool wanted;

	if (tp) {
		if (!destination_wanted(c, sk))
			return;
		subflow = subflow_of(tp);
	}
	if (subflow.owner) {
		wanted = owner_copy(c, subflow.owner);
	} else {
		if (subflow.mptcp)
			wanted = describe_socket(c, sk, subflow.mptcp, deep);
		else
			wanted = describe_task(c, sk, deep);
		if (wanted && deep && config.tell & TELL_IMAGE)
			c->image = image_of(subflow.mptcp, program);
	}
	c->wanted = wanted;
	if (!tp)
		owner_insert(sk, c);
	else if (wanted)
		attempt_add(sk, &begun);
}

/* CLOSE -> SYN_SENT, in the context of the task that connects. */
static __always_inline void attempt_begin(struct sock *sk, struct tcp_sock *tp,
					  bool deep, __u32 program)
{
	/* Not in attempt_describe(): the attempt that ended and the new one take turns
	 * on the stack. */
	if (tp && config.track)
		end_missed(sk);
	if (!tp || !in_repair(tp))
		attempt_describe(sk, tp, deep, program);
}

/* TCP_FASTOPEN_CONNECT: the SYN leaves with the first write. A bit that CO-RE finds. */
static __always_inline bool fastopen_connect(struct tcp_sock *tp)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, BIT_FIELD(tp->fastopen_connect, SIZE),
			      (char *)tp + BIT_FIELD(tp->fastopen_connect, OFFSET));
	return bits_of(value, tp->fastopen_connect);
}

/*
 * The newest ICMP error of a socket that the user had locked when it came. It is in the
 * error queue since Linux commit 45af29ca761c ("tcp: allow traceroute -Mtcp for unpriv
 * users"), v5.8. Returns an errno, 0 where there are no more than `before`.
 */
static __always_inline int queued_error(struct sock *sk, __u64 before)
{
	struct sock_exterr_skb *queued;
	struct sk_buff *skb = 0;
	__u32 err = 0;
	__u8 origin = 0;

	if (sk->sk_error_queue.qlen <= before)
		return 0;
	read_kernel(skb, sk->sk_error_queue.prev);
	queued = (void *)skb + member_offset(sk_buff, cb);
	read_kernel(origin, queued->ee.ee_origin);
	if (origin == SO_EE_ORIGIN_ICMP || origin == SO_EE_ORIGIN_ICMP6)
		read_kernel(err, queued->ee.ee_errno);
	return err;
}

/*
 * Why SYN_SENT -> CLOSE. Without an error from the network, the program closed the
 * socket first, unless no SYN ever left: then connect() itself found no local port, or
 * the one that the program had bound is taken for this destination. An ICMP error that
 * the program has read (SO_ERROR clears sk_err_soft) is why it closed the socket.
 */
static __always_inline __u16 failure(struct sock *sk, struct tcp_sock *tp, __u64 before)
{
	int err = sk->sk_err;

	if (!err && !sk->sk_err_soft)
		err = queued_error(sk, before);
	if (err)
		return err;
	if (!tp->segs_out && !fastopen_connect(tp))
		return EADDRNOTAVAIL;
	return RESULT_ABORTED;
}

/* The attempt left SYN_SENT (or, in a simultaneous open, SYN_RECV). */
static __always_inline void attempt_end(const struct connection *began, struct sock *sk,
					struct tcp_sock *tp, int newstate)
{
	struct connection c = *began;
	__u16 result;

	/* Else the next look finds it again. */
	if (!pending_delete(sk))
		return;
	if (newstate == TCP_ESTABLISHED)
		result = RESULT_OK;
	else if (newstate == TCP_CLOSE)
		result = failure(sk, tp, c.latency_ns);
	else
		result = RESULT_ABORTED;
	if (config.wait_end || config.count) {
		c.latency_ns = bpf_ktime_get_ns() - c.time_ns;
		c.result = result;
	}
	/* A socket that is used again still has its last port, if it gets none now. */
	if (result != EADDRNOTAVAIL)
		c.lport = local_port(tp);
	if (config.failed && c.result == RESULT_OK)
		return;
	if (c.latency_ns < config.slower_ns)
		return;
	report_or_count(&c);
	if (config.count)
		count_end(&c);
}

/* TRACE_EVENT(inet_sock_set_state): sk, oldstate, newstate. */
struct transition {
	struct sock *sk;
	int oldstate;
	int newstate;
};

static __always_inline struct transition transition(__u64 *ctx)
{
	return (struct transition){(struct sock *)ctx[0], ctx[1], ctx[2]};
}

static __always_inline bool is_tcp(struct transition t)
{
	return t.sk->sk_protocol == IPPROTO_TCP;
}

static __always_inline bool is_mptcp(struct transition t)
{
	return t.sk->sk_protocol == IPPROTO_MPTCP;
}

static __always_inline bool begins(struct transition t)
{
	return t.oldstate == TCP_CLOSE && t.newstate == TCP_SYN_SENT &&
	       (is_tcp(t) || is_mptcp(t));
}

/* Not so one that a listener made, and accept() has not yet taken. */
static __always_inline bool has_socket(struct sock *sk)
{
	void *socket = 0;

	read_kernel(socket, sk->sk_socket);
	return socket;
}

/* The attempt that the socket leaves SYN_SENT with; SYN_RECV is a simultaneous open's.
 */
static __always_inline struct connection *pending_ended(struct transition t)
{
	if ((t.oldstate != TCP_SYN_SENT && t.oldstate != TCP_SYN_RECV) ||
	    t.newstate == TCP_SYN_RECV)
		return 0;
	if (t.oldstate == TCP_SYN_RECV && !has_socket(t.sk))
		return 0;
	return pending_lookup(t.sk);
}

/* For programs that get the kernel's own pointer to the socket. */
static __always_inline void leaves_syn_sent(struct transition t)
{
	struct connection *c = pending_ended(t);
	struct tcp_sock *tp;

	if (!c)
		return;
	tp = bpf_skc_to_tcp_sock(t.sk);
	if (tp)
		attempt_end(c, t.sk, tp, t.newstate);
}

static __always_inline void enters_syn_sent(struct transition t, bool deep,
					    __u32 program)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(t.sk);

	if (tp || is_mptcp(t))
		attempt_begin(t.sk, tp, deep, program);
}

/* What is kept of an MPTCP socket goes with it. */
static __always_inline void mptcp_closes(struct transition t)
{
	if (t.newstate == TCP_CLOSE && is_mptcp(t))
		owner_delete(t.sk);
}

#endif
