/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where what is read stands in the headers of IP and TCP. */
#pragma once

#define IPV4_HEADER 20 /* without options */
#define IPV4_PROTOCOL 9
#define IPV4_SADDR 12
#define IPV4_DADDR 16
#define IPV6_HEADER 40
#define IPV6_PROTOCOL 6
#define IPV6_SADDR 8
#define IPV6_DADDR 24
#define TCP_FLAGS 13
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16
