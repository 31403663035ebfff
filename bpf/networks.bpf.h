/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The filters that look at addresses and ports. */
#pragma once

#include "config.bpf.h"
#include "core.bpf.h"
#include "helpers.bpf.h"
#include "maps.bpf.h"
#include "records.bpf.h"

/* Filters that look at addresses: bits of config.address_filters. */
enum address_filter {
	BY_TO = 1 << 0,
	BY_NOT_TO = 1 << 1,
	BY_FROM = 1 << 2,
};

/*
 * A set of addresses of one IP version: the sorted addresses at which membership
 * changes, from out to in and so on. An address is in the set when the number of
 * changes up to it is odd. `before` has, for each value of the first 16 bits, how many
 * changes come before it, so that few are left to search. The number of `changes` is in
 * struct networks.
 */
#define INDEX_LENGTH 65538 /* each value, the end, and one to align */

struct ipv4_set {
	__u32 before[INDEX_LENGTH];
	__u16 changes[1]; /* the last 16 bits */
};

struct ipv6_set {
	__u32 before[INDEX_LENGTH];
	__u64 changes[1][2]; /* host order, the high half first */
};

/*
 * The networks of --to, --not-to and --from: one struct ipv4_set or ipv6_set each.
 * Sized before the load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} to_ipv4 SEC(".maps"), to_ipv6 SEC(".maps"), not_to_ipv4 SEC(".maps"),
	not_to_ipv6 SEC(".maps"), from_ipv4 SEC(".maps"), from_ipv6 SEC(".maps");

/* The port is in network order. */
static __always_inline bool port_wanted(__u16 port)
{
	__u64 word = port / 64;

	/* Before v5.12 the verifier knows no bounds after a byte swap. */
	asm volatile("" : "+r"(word));
	if (word >= PORT_WORDS)
		return 0;
	return config.ports[word] >> (port % 64) & 1;
}

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

/* Where the program asked for another port, either one will do; but see by_port. */
static __always_inline bool ports_wanted(const struct connection *c, __u16 port)
{
	bool wanted = port_wanted(port);

	if (!WITH_CALLS || !config.connecting || !c->asked_ip)
		return wanted;
	if (config.by_port == ONLY_NOT_PORTS)
		return wanted && port_wanted(__builtin_bswap16(c->asked_port));
	return wanted || port_wanted(__builtin_bswap16(c->asked_port));
}

#define IN_NETWORKS(set, c, address)                                                   \
	((c)->ip == 4 ? in_ipv4(&config.set, &set##_ipv4, (c)->address)                \
		      : in_ipv6(&config.set, &set##_ipv6, (c)->address))

/* Whether the destination is in a set of networks, or what the program asked for. */
#define LEADS_TO(set, c)                                                               \
	(IN_NETWORKS(set, c, daddr) ||                                                 \
	 (WITH_CALLS && config.connecting &&                                           \
	  ((c)->asked_ip == 4	? in_ipv4(&config.set, &set##_ipv4, (c)->asked)        \
	   : (c)->asked_ip == 6 ? in_ipv6(&config.set, &set##_ipv6, (c)->asked)        \
				: 0)))

static __always_inline bool addresses_wanted(const struct connection *c, __u8 filters)
{
	/* Otherwise clang reads the addresses before it is known which are needed. */
	asm volatile("" : "+r"(c)::"memory");
	if (filters & BY_TO && !LEADS_TO(to, c))
		return 0;
	if (filters & BY_NOT_TO && LEADS_TO(not_to, c))
		return 0;
	if (filters & BY_FROM && !IN_NETWORKS(from, c, saddr))
		return 0;
	return 1;
}
