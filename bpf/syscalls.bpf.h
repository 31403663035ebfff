/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * For kernels without trampolines: the begin and the end of connect(2), and between
 * them the programs of cgroups, which run when LSMs have permitted it. Tracepoints of
 * system calls make every system call of the machine slower.
 */
#pragma once

#include <linux/bpf.h>

#include "addresses.bpf.h"
#include "config.bpf.h"
#include "connecting.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"
#include "refused.bpf.h"
#include "sockets.bpf.h"

#define EACCES 13
#define PROCEED 1

/* The socket of a descriptor of the current task. */
static __always_inline struct socket *socket_of_fd(__u64 fd)
{
	struct task_struct *task = bpf_get_current_task();
	struct files_struct *files = 0;
	struct file **open = 0, *file = 0;
	struct fdtable *table = 0;
	struct inode *inode = 0;
	struct socket *socket = 0;
	unsigned int count = 0;
	__u16 mode = 0;

	read_kernel(files, task->files);
	read_kernel(table, files->fdt);
	read_kernel(count, table->max_fds);
	if (fd >= count)
		return 0;
	read_kernel(open, table->fd);
	bpf_probe_read_kernel(&file, sizeof(file), open + fd);
	read_kernel(inode, file->f_inode);
	read_kernel(mode, inode->i_mode);
	if ((mode & S_IFMT) == S_IFSOCK)
		read_kernel(socket, file->private_data);
	return socket;
}

/* TRACE_EVENT of system calls: an entry of perf, the number, then the arguments. */
SEC("tp/syscalls/sys_enter_connect")
int connect_enters(__u64 *ctx)
{
	struct socket *socket = socket_of_fd((__u32)ctx[2]);
	struct destination given = {};
	struct connecting to = {};
	struct sock *sk = 0;

	read_kernel(sk, socket->sk);
	if (!sk || !may_connect(socket, sk, 0))
		return 1;
	bpf_probe_read_user(&given, sizeof(given), (void *)ctx[3]);
	if (!destination_read(&to, &given, ctx[4]))
		return 1;
	to.socket = (__u64)sk;
	connecting_insert(&to, bpf_get_current_pid_tgid());
	return 1;
}

/* Who refused an attempt, by its errno. An MPTCP socket runs no program of cgroups. */
static __always_inline enum refused_by refuser_of(const struct connecting *call,
						  struct sock *sk, int err)
{
	__u16 protocol = 0;

	read_kernel(protocol, sk->sk_protocol);
	if (!call->permitted && protocol == IPPROTO_TCP &&
	    (err == EPERM || err == EACCES))
		return REFUSED_BY_LSM;
	return err == EPERM ? REFUSED_BY_CGROUP : REFUSED_BY_KERNEL;
}

SEC("tp/syscalls/sys_exit_connect")
int connect_exits(__u64 *ctx)
{
	struct connecting *call = connecting_lookup(bpf_get_current_pid_tgid()), to;
	int err = refusal_of(ctx[2]);
	struct sock *sk;

	if (!call)
		return 1;
	to = *call;
	connecting_delete(call);
	sk = (struct sock *)to.socket;
	if (err)
		attempt_refuse(sk, &to, err, refuser_of(&to, sk, err), CONNECT_PROGRAM);
	return 1;
}

static __always_inline int connect_permit(void)
{
	struct connecting *call = connecting_lookup(current_tid());

	if (call)
		call->permitted = 1;
	return PROCEED;
}

SEC("cgroup/connect4")
int connect_permitted_ipv4(struct bpf_sock_addr *ctx __attribute__((unused)))
{
	return connect_permit();
}

SEC("cgroup/connect6")
int connect_permitted_ipv6(struct bpf_sock_addr *ctx __attribute__((unused)))
{
	return connect_permit();
}

/*
 * Without these tracepoints: what the program asked for, before other programs of
 * cgroups rewrite it. Datagram sockets come here, too.
 */
SEC("cgroup/connect4")
int connect_asks_ipv4(struct bpf_sock_addr *ctx)
{
	struct connecting to = {.dport = __builtin_bswap16(ctx->user_port), .ip = 4};

	if (ctx->protocol != IPPROTO_TCP)
		return PROCEED;
	map_ipv4(to.daddr, ctx->user_ip4);
	connecting_insert(&to, current_tid());
	return PROCEED;
}

SEC("cgroup/connect6")
int connect_asks_ipv6(struct bpf_sock_addr *ctx)
{
	struct connecting to = {.dport = __builtin_bswap16(ctx->user_port), .ip = 6};

	if (ctx->protocol != IPPROTO_TCP)
		return PROCEED;
	to.daddr[0] = ctx->user_ip6[0];
	to.daddr[1] = ctx->user_ip6[1];
	to.daddr[2] = ctx->user_ip6[2];
	to.daddr[3] = ctx->user_ip6[3];
	if (!to.daddr[0] && !to.daddr[1] && to.daddr[2] == __builtin_bswap32(0xffff))
		to.ip = 4;
	connecting_insert(&to, current_tid());
	return PROCEED;
}
