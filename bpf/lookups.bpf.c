// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What getaddrinfo() and gethostbyname() return: names from hosts files, NSS modules,
 * DNS over TLS and everything else that never uses port 53. Uprobes at their entry and
 * return, in every C library that libraries.py finds.
 *
 * Compiled once for each architecture, since arguments are in registers.
 */
#include "bytes.bpf.h"
#include "calls.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "libc.bpf.h"
#include "maps.bpf.h"
#include "names.bpf.h"
#include "netns.bpf.h"
#include "records.bpf.h"
#include "registers.bpf.h"
#include "room.bpf.h"
#include "sockets.bpf.h"

#ifdef FAILED_LOOKUPS
#include "failing.bpf.h"
#else
#define is_trial(ctx) 0
#define emit_failure(call, code)
#endif

#define RECHECK_NS 10000000000ULL
#define HOST_ADDRESSES 64
#define IPV4_CHARS 16		    /* at most, with the NUL */
#define FIRST_GROUP 0xffffffffffULL /* of IPv6, with a colon: five characters */

struct root {
	__u64 dentry;
	__u64 mntns;
};

/*
 * The root directories in which programs started, and when user space was last
 * notified. Written and read by exec().
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct root);
	__type(value, __u64);
} roots SEC(".maps");

static __always_inline struct call call_of(void *ctx, __u64 result)
{
	return (struct call){
		.asked_ns = bpf_ktime_get_ns(),
		.name = ARGUMENT_1(ctx),
		.result = result,
	};
}

/*
 * Whether an address is looked up, and not a name: IPv6 has a colon among its first
 * five characters, IPv4 only digits and dots. User space ignores the rare other
 * spellings.
 */
static __always_inline bool is_address(void *ctx)
{
	__u64 text[IPV4_CHARS / 8] = {}, before;

	if (bpf_probe_read_user_str(text, sizeof(text),
				    (const void *)ARGUMENT_1(ctx)) <= 0)
		return 0;
	before = before_nul(text[0]);
	if (before) /* it is shorter than that */
		return bytes_that_are(':', text[0]) & before & FIRST_GROUP ||
		       !(no_digits_or_dots(text[0]) & before);
	if (bytes_that_are(':', text[0]) & FIRST_GROUP)
		return 1;
	return !no_digits_or_dots(text[0]) &&
	       !(no_digits_or_dots(text[1]) & before_nul(text[1]));
}

/* getaddrinfo(node, service, hints, res) */
SEC("uprobe")
int getaddrinfo_entry(void *ctx)
{
	struct frame frame;
	struct call call;

	if (is_address(ctx) || is_trial(ctx))
		return 0;
	frame = (struct frame){bpf_get_current_pid_tgid(), STACK(ctx)};
	call = call_of(ctx, ARGUMENT_4(ctx));
	bpf_map_update_elem(&calls, &frame, &call, BPF_ANY);
	frame.stack = INNERMOST;
	bpf_map_update_elem(&calls, &frame, &call, BPF_ANY);
	return 0;
}

/*
 * When only IPv4 is asked for, getaddrinfo() of glibc calls gethostbyname2_r() with the
 * same name: it is reported once, for the outer call.
 */
static __always_inline int gethostbyname_begin(void *ctx, __u64 result)
{
	struct call call, *outer;
	struct frame frame;

	if (is_address(ctx))
		return 0;
	frame = (struct frame){bpf_get_current_pid_tgid(), INNERMOST};
	call = call_of(ctx, result);
	outer = bpf_map_lookup_elem(&calls, &frame);
	frame.stack = STACK(ctx);
	if (outer && outer->name == call.name)
		bpf_map_delete_elem(&calls, &frame); /* one that never returned */
	else
		bpf_map_update_elem(&calls, &frame, &call, BPF_ANY);
	return 0;
}

/* gethostbyname_r(name, ret, buf, buflen, result, h_errnop); gethostbyname() calls it
 */
SEC("uprobe")
int gethostbyname_r_entry(void *ctx)
{
	return gethostbyname_begin(ctx, ARGUMENT_5(ctx));
}

/*
 * gethostbyname2_r(name, af, ret, buf, buflen, result, h_errnop); gethostbyname2()
 * calls it. In musl gethostbyname_r() jumps to it: both are one call.
 */
SEC("uprobe")
int gethostbyname2_r_entry(void *ctx)
{
	return gethostbyname_begin(ctx, ARGUMENT_6(ctx));
}

/*
 * Pointers on the way to the result, in the place of the name, which is read last. The
 * stack may take at most 48 bytes: from Linux commit f4b21ed0b9d6 ("bpf, x86: Support
 * private stack in jit"), v6.13, on, a program of this type that takes more has one
 * stack for each CPU, which a task that loses its CPU inside of the program shares with
 * the next one.
 */
struct room {
	union {
		struct nsproxy *nsproxy;
		struct net *net;
		struct task_struct *leader;
		struct addrinfo entry;
		struct hostent host;
	};
	__u64 address[2];
};

static __always_inline struct room *room_in(struct lookup *l)
{
	return (struct room *)l->name;
}

static __always_inline void lookup_read_netns(struct lookup *l)
{
	struct task_struct *task = bpf_get_current_task();
	struct room *room = room_in(l);

	bpf_probe_read_kernel(&room->nsproxy, sizeof(room->nsproxy), &task->nsproxy);
	bpf_probe_read_kernel(&room->net, sizeof(room->net), &room->nsproxy->net_ns);
	read_netns_key(room->net, &l->netns_key);
}

static __always_inline void lookup_read_process(struct lookup *l)
{
	struct task_struct *task = bpf_get_current_task();
	struct room *room = room_in(l);

	l->pid = bpf_get_current_pid_tgid() >> 32;
	l->start_ns = 0;
	bpf_probe_read_kernel(&room->leader, sizeof(room->leader), &task->group_leader);
	bpf_probe_read_kernel(&l->start_ns, sizeof(l->start_ns),
			      &room->leader->start_boottime);
}

/* 1 for IPv4, 0 for IPv6, which are all that there is. */
static __always_inline __u64 is_ipv4(int family)
{
	__u64 is = (__u32)((family ^ AF_INET) - 1) >> 31;

	asm volatile("" : "+r"(is)); /* the compiler may not make it a branch */
	return is;
}

/*
 * Read an address as 16 bytes: all ones when it can't be read. Without a branch: the
 * verifier would follow both ways of each in all of the iterations, which took a tenth
 * of the start.
 */
static __always_inline void read_address(__u32 *to, struct room *room, __u64 ipv4,
					 const void *from)
{
	__u64 *words = (__u64 *)to;
	long failed;

	room->address[0] = 0;
	((__u32 *)room->address)[2] = __builtin_bswap32(0xffff);
	failed = bpf_probe_read_user((char *)room->address + 12 * ipv4, 16 - 12 * ipv4,
				     from);
	failed >>= 63; /* all ones if it is negative */
	words[0] = room->address[0] | failed;
	words[1] = room->address[1] | failed;
}

/*
 * What getaddrinfo() found: a list. An entry that can't be read is all zeros, and thus
 * the last one.
 */
static __always_inline void lookup_read_list(struct lookup *l,
					     const struct addrinfo *next)
{
	struct room *room = room_in(l);
	const struct sockaddr_in6 *ipv6;
	__u64 ipv4;
	__u32 i;

	for (i = 0; i < LOOKUP_ADDRESSES && next; i++) {
		bpf_probe_read_user(&room->entry, sizeof(room->entry), next);
		next = room->entry.ai_next;
		ipv4 = is_ipv4(room->entry.ai_family);
		/* IPv4 has its address where IPv6 has flow information. */
		ipv6 = room->entry.ai_addr;
		read_address(l->addresses[i], room, ipv4,
			     (const char *)&ipv6->sin6_addr -
				     ipv4 * sizeof(ipv6->sin6_flowinfo));
	}
	l->count = i;
	l->cut = !!next;
}

/* What gethostbyname() found: an array of pointers, up to a null pointer. */
static __always_inline void lookup_read_host(struct lookup *l,
					     const struct hostent *found)
{
	struct room *room = room_in(l);
	struct hostent *host = &room->host;
	const void *address;
	__u32 i;

	l->count = 0;
	l->cut = 0;
	if (bpf_probe_read_user(host, sizeof(*host), found) ||
	    (host->h_addrtype != AF_INET && host->h_addrtype != AF_INET6))
		return;
	for (i = 0; i < HOST_ADDRESSES; i++) {
		bpf_probe_read_user(room->address, sizeof(address),
				    host->h_addr_list + i);
		address = (const void *)room->address[0];
		if (!address)
			break;
		read_address(l->addresses[i], room, is_ipv4(host->h_addrtype), address);
	}
	l->count = i;
	l->cut = i == HOST_ADDRESSES;
}

enum found {
	LIST, /* struct addrinfo */
	HOST, /* struct hostent */
};

static __always_inline void lookup_fill(struct lookup *l, struct call *call,
					enum found kind)
{
	const void *found = (const void *)call->result;
	const void *name = (const void *)call->name;

	l->time_ns = bpf_ktime_get_ns();
	l->asked_ns = call->asked_ns;
	l->cgroup = bpf_get_current_cgroup_id();
	lookup_read_process(l);
	lookup_read_netns(l);
	if (kind == LIST)
		lookup_read_list(l, found);
	else
		lookup_read_host(l, found);
	l->name[0] = 0;
	bpf_probe_read_user_str(l->name, sizeof(l->name), name);
}

static __always_inline void emit_lookup(struct call *call, enum found kind)
{
	struct lookup *l = 0;

	bpf_probe_read_user(&call->result, sizeof(call->result),
			    (const void *)call->result);
	if (!call->result)
		return; /* gethostbyname_r() also returns 0 when it found nothing */
	if (has_room(&ring, sizeof(*l)))
		l = bpf_ringbuf_reserve(&ring, sizeof(*l), 0);
	if (!l) {
		add(&progress.lost_names, 1);
		return;
	}
	lookup_fill(l, call, kind);
	bpf_ringbuf_submit(l, wakeup(&ring));
}

static __always_inline int call_end(void *ctx, enum found kind)
{
	struct frame frame = {bpf_get_current_pid_tgid(), STACK(ctx) - STACK_POPPED};
	struct call *call = bpf_map_lookup_elem(&calls, &frame);

	if (!call)
		return 0;
	if (call->name && !(int)RETURNED(ctx)) {
		emit_lookup(call, kind);
	} else if (call->name && kind == LIST) {
		emit_failure(call, RETURNED(ctx));
	}
	bpf_map_delete_elem(&calls, &frame);
	if (kind == LIST) {
		frame.stack = INNERMOST;
		bpf_map_delete_elem(&calls, &frame);
	}
	return 0;
}

SEC("uretprobe")
int getaddrinfo_return(void *ctx)
{
	return call_end(ctx, LIST);
}

SEC("uretprobe")
int gethostbyname_return(void *ctx)
{
	return call_end(ctx, HOST);
}

/* A program starts: notify user space if none started in this root directory lately. */
static __always_inline void emit_started(void)
{
	struct task_struct *task = bpf_get_current_task();
	__u64 now = bpf_ktime_get_ns(), *notified;
	struct started *record;
	struct root root = {};
	union {
		struct fs_struct *fs;
		struct nsproxy *nsproxy;
		struct mnt_namespace *mntns;
	} room = {};

	read_kernel(room.fs, task->fs);
	read_kernel(root.dentry, room.fs->root.dentry);
	read_kernel(room.nsproxy, task->nsproxy);
	read_kernel(room.mntns, room.nsproxy->mnt_ns);
	bpf_probe_read_kernel(&root.mntns, sizeof(room.mntns->ns.inum),
			      &room.mntns->ns.inum);
	notified = bpf_map_lookup_elem(&roots, &root);
	if (notified && now - *notified < RECHECK_NS)
		return;
	if (!has_room(&ring, sizeof(*record)))
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return;
	bpf_map_update_elem(&roots, &root, &now, BPF_ANY);
	record->time_ns = now;
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->reserved = 0;
	bpf_ringbuf_submit(record, wakeup(&ring));
}

/*
 * A task is about to run another program. Not on tp_btf, for which libbpf would read
 * all types of the kernel (few_types.py): that takes it longer than all else of this
 * object.
 */
SEC("raw_tp/sched_process_exec")
int exec(void)
{
	emit_started();
	return 0;
}

/* The same where tasks lose their CPU inside of programs (decision 11). */
SEC("tp/sched/sched_process_exec")
int exec_perf(void)
{
	emit_started();
	return 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";
