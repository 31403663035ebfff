"""Drops: what the kernel calls its reasons for dropping packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.bpf.btf import enum_names
from tcpconnect.why import NETFILTER_DROP

if TYPE_CHECKING:
    from tcpconnect.batch import Warnings

DROPPED = "packet_dropped"  # the program
MAX_DROPS = 16384  # attempts whose packets this machine has dropped
PREFIX = "SKB_DROP_REASON_"


def drop_reasons(warnings: Warnings) -> dict[int, str]:
    """Return the names of enum skb_drop_reason by their numbers.

    None, with a warning, where the kernel has no reason for what netfilter drops: Linux
    commit 2df3041ba3be ("net: netfilter: use kfree_drop_reason() for NF_DROP"), v5.18.
    """
    names = enum_names("skb_drop_reason").items()
    reasons = {number: name.removeprefix(PREFIX) for number, name in names}
    if NETFILTER_DROP in reasons.values():
        return reasons
    warnings.add(
        messages.NO_DROP_REASONS,
        reason="this kernel gives no reason when it drops a packet",
        remedy="Linux 5.18 and newer do",
    )
    return {}
