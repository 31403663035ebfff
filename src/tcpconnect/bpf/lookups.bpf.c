// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What getaddrinfo() tells programs: names from hosts files, nss modules, DNS over TLS
 * and all else that never crosses port 53. Uprobes at its entry and return, in every
 * libc that kernel.py finds.
 *
 * Built once for each architecture, since arguments come in registers.
 */
#include "kernel.h"
#include "types.h"

#if defined(TARGET_x86_64)
/* struct pt_regs of arch/x86/include/uapi/asm/ptrace.h: r15 is its first. */
#define REGISTER(ctx, n) (((const volatile __u64 *)(ctx))[n])
#define ARGUMENT_1(ctx) REGISTER(ctx, 14) /* rdi */
#define ARGUMENT_4(ctx) REGISTER(ctx, 11) /* rcx */
#define RETURNED(ctx) REGISTER(ctx, 10)	  /* rax */
#elif defined(TARGET_aarch64)
/* struct user_pt_regs of arch/arm64/include/uapi/asm/ptrace.h: x0 is its first. */
#define REGISTER(ctx, n) (((const volatile __u64 *)(ctx))[n])
#define ARGUMENT_1(ctx) REGISTER(ctx, 0)
#define ARGUMENT_4(ctx) REGISTER(ctx, 3)
#define RETURNED(ctx) REGISTER(ctx, 0)
#else
#error "unknown target"
#endif

#define RECHECK_NS 10000000000ULL

/* struct addrinfo and the socket addresses, the same in glibc and musl. */
struct addrinfo {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	__u32 ai_addrlen;
	void *ai_addr;
	char *ai_canonname;
	struct addrinfo *ai_next;
};

struct sockaddr_in {
	__u16 sin_family;
	__u16 sin_port;
	__u32 sin_addr;
};

struct sockaddr_in6 {
	__u16 sin6_family;
	__u16 sin6_port;
	__u32 sin6_flowinfo;
	__u32 sin6_addr[4];
};

struct {
	__u64 lost; /* lookups that did not fit the ring buffer */
} progress SEC(".bss");

/* The ring of attempts.h, put here before the load. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct call {
	__u64 asked_ns;
	__u64 node;
	__u64 res;
};

/*
 * Calls under way, by thread. Inserted at the entry, deleted at the return; those of
 * threads that died in between are the oldest, and go when it is full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct call);
} calls SEC(".maps");

struct root {
	__u64 dentry;
	__u64 mntns;
};

/*
 * Root directories of programs that started, and when user space was told of them.
 * Written and read by exec().
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct root);
	__type(value, __u64);
} roots SEC(".maps");

SEC("uprobe")
int getaddrinfo_entry(void *ctx)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct call call = {
		.asked_ns = bpf_ktime_get_ns(),
		.node = ARGUMENT_1(ctx),
		.res = ARGUMENT_4(ctx),
	};

	if (call.node)
		bpf_map_update_elem(&calls, &key, &call, BPF_ANY);
	return 0;
}

/*
 * What is read on the way, in the place of the name, which is read last. The stack may
 * have no more than 48 bytes: from Linux commit f4b21ed0b9d6 ("bpf, x86: Support
 * private stack in jit"), v6.13, on a program of this type with more has one stack for
 * each CPU, and a task that loses its CPU inside of it finds there what the next one
 * wrote.
 */
union room {
	struct nsproxy *nsproxy;
	struct net *net;
	struct task_struct *leader;
	struct addrinfo entry;
	struct sockaddr_in address;
};

static __always_inline union room *room_in(struct lookup *l)
{
	return (union room *)l->name;
}

static __always_inline void read_netns(struct lookup *l)
{
	struct task_struct *task = bpf_get_current_task();
	union room *room = room_in(l);

	bpf_probe_read_kernel(&room->nsproxy, sizeof(room->nsproxy), &task->nsproxy);
	bpf_probe_read_kernel(&room->net, sizeof(room->net), &room->nsproxy->net_ns);
	bpf_probe_read_kernel(&l->netns, sizeof(l->netns), &room->net->ns.inum);
}

static __always_inline void read_process(struct lookup *l)
{
	struct task_struct *task = bpf_get_current_task();
	union room *room = room_in(l);

	l->pid = bpf_get_current_pid_tgid() >> 32;
	l->start_ns = 0;
	bpf_probe_read_kernel(&room->leader, sizeof(room->leader), &task->group_leader);
	bpf_probe_read_kernel(&l->start_ns, sizeof(l->start_ns),
			      &room->leader->start_boottime);
}

/* Read the socket address at `from` as 16 bytes, all ones when it is no IP address. */
static __always_inline void read_address(__u32 *to, const struct sockaddr_in6 *from,
					 struct sockaddr_in *address)
{
	to[0] = ~0;
	to[1] = ~0;
	to[2] = ~0;
	to[3] = ~0;
	if (bpf_probe_read_user(address, sizeof(*address), from))
		return;
	if (address->sin_family == AF_INET) {
		to[0] = 0;
		to[1] = 0;
		to[2] = __builtin_bswap32(0xffff);
		to[3] = address->sin_addr;
	} else if (address->sin_family == AF_INET6) {
		bpf_probe_read_user(to, 16, &from->sin6_addr);
	}
}

static __always_inline void read_addresses(struct lookup *l,
					   const struct addrinfo *next)
{
	union room *room = room_in(l);
	const struct sockaddr_in6 *address;
	__u32 i;

	for (i = 0; i < LOOKUP_ADDRESSES && next; i++) {
		if (bpf_probe_read_user(&room->entry, sizeof(room->entry), next))
			break;
		address = room->entry.ai_addr;
		next = room->entry.ai_next;
		read_address(l->addresses[i], address, &room->address);
	}
	l->count = i;
	l->cut = !!next;
}

static __always_inline void tell(struct lookup *l, struct call *call)
{
	const struct addrinfo *first = 0;
	const void *node = (const void *)call->node;

	l->time_ns = bpf_ktime_get_ns();
	l->asked_ns = call->asked_ns;
	bpf_probe_read_user(&first, sizeof(first), (const void *)call->res);
	l->cgroup = bpf_get_current_cgroup_id();
	read_process(l);
	read_netns(l);
	read_addresses(l, first);
	l->name[0] = 0;
	bpf_probe_read_user_str(l->name, sizeof(l->name), node);
}

SEC("uretprobe")
int getaddrinfo_return(void *ctx)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &key);
	struct lookup *l;

	if (!call)
		return 0;
	if (!(int)RETURNED(ctx)) {
		l = bpf_ringbuf_reserve(&ring, sizeof(*l), 0);
		if (l) {
			tell(l, call);
			bpf_ringbuf_submit(l, 0);
		} else {
			add(&progress.lost, 1);
		}
	}
	bpf_map_delete_elem(&calls, &key);
	return 0;
}

/* A program starts: say so where none did of late. */
static __always_inline void starts(struct task_struct *task)
{
	__u64 now = bpf_ktime_get_ns(), *told;
	struct started *record;
	struct root root = {
		.dentry = (__u64)task->fs->root.dentry,
		.mntns = task->nsproxy->mnt_ns->ns.inum,
	};

	told = bpf_map_lookup_elem(&roots, &root);
	if (told && now - *told < RECHECK_NS)
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return;
	bpf_map_update_elem(&roots, &root, &now, BPF_ANY);
	record->time_ns = now;
	record->pid = bpf_get_current_pid_tgid() >> 32;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
}

/* TRACE_EVENT(sched_process_exec): the task, its old pid, the binary. */
SEC("tp_btf/sched_process_exec")
int exec(__u64 *ctx)
{
	starts((struct task_struct *)ctx[0]);
	return 0;
}

/* The same where a task can lose its CPU inside of that: as preemptible.bpf.c tells. */
SEC("tp/sched/sched_process_exec")
int exec_perf(void)
{
	starts(bpf_get_current_task_btf());
	return 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";
