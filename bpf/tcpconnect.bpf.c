// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What kernels load where no task loses its CPU inside of a program. */
#include "core.bpf.h"
#include "maps.bpf.h"
#include "programs.bpf.h"
#include "transition.bpf.h"

static __always_inline void attempt_change(struct transition t, bool deep)
{
	if (attempt_begins(t))
		transition_begin(t, deep, 0);
	else if (config.track)
		transition_end(t);
	mptcp_close(t);
}

/*
 * One of these two is loaded. The second has what looks deep into the task: for each
 * type there libbpf searches all types of the kernel, which takes a third of its time.
 */
SEC("tp_btf/inet_sock_set_state")
int attempt_changes(__u64 *ctx)
{
	attempt_change(transition(ctx), 0);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int attempt_changes_deep(__u64 *ctx)
{
	attempt_change(transition(ctx), 1);
	return 0;
}
