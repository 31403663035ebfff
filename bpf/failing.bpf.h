/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Calls of getaddrinfo() that return an error. */
#pragma once

#include <linux/bpf.h>

#include "calls.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "libc.bpf.h"
#include "maps.bpf.h"
#include "names.bpf.h"
#include "registers.bpf.h"
#include "room.bpf.h"
#include "who.bpf.h"

/* Whether the caller allows an address only: it tries whether the name is one. */
static __always_inline bool is_trial(void *ctx)
{
	const struct addrinfo *hints = (const void *)ARGUMENT_3(ctx);
	int flags = 0;

	bpf_probe_read_user(&flags, sizeof(flags), &hints->ai_flags);
	return flags & AI_NUMERICHOST;
}

/*
 * getaddrinfo() returns an error: report it, if the filters want the process. A
 * function of its own, for the limit of the stack.
 */
static __noinline int failure_send(struct call *call, int code)
{
	struct failed_lookup *failed = 0;
	const void *name = (const void *)call->name;

	if (has_room(&ring, sizeof(*failed)))
		failed = bpf_ringbuf_reserve(&ring, sizeof(*failed), 0);
	if (!failed) {
		add(&progress.lost_names, 1);
		return 0;
	}
	if (!who_describe(&failed->who)) {
		bpf_ringbuf_discard(failed, 0);
		return 0;
	}
	failed->who.time_ns = call->asked_ns;
	failed->who.latency_ns = bpf_ktime_get_ns() - call->asked_ns;
	failed->code = code;
	failed->reserved = 0;
	failed->name[0] = 0;
	bpf_probe_read_user_str(failed->name, sizeof(failed->name), name);
	bpf_ringbuf_submit(failed, wakeup(&ring));
	return 0;
}

static __always_inline void emit_failure(struct call *call, int code)
{
	failure_send(call, code);
}
