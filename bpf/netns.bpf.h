/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What identifies a network namespace. Its inode number is given to the next namespace
 * as soon as it is gone; its cookie is never reused. Before Linux commit 3d368ab87cf6
 * ("net: initialize net->net_cookie at netns setup"), v5.12, there is only the inode
 * number.
 */
#pragma once

#include "core.bpf.h"
#include "helpers.bpf.h"
#include "kernel.bpf.h"

/* By address, since programs on functions have little stack. */
static __always_inline void read_netns_key(const struct net *net, __u64 *key)
{
	*key = 0;
	if (exists(net->net_cookie))
		bpf_probe_read_kernel(key, sizeof(*key), &net->net_cookie);
	else
		bpf_probe_read_kernel(key, sizeof(net->ns.inum), &net->ns.inum);
}
