"""What a pod belongs to, derived from its name: nobody is asked.

Controllers of Kubernetes make names of pods in a few ways, which can be read back. Not
which kind of controller it was, where two make the same. Pods that somebody named by
hand, with such an end, look the same.
"""

from __future__ import annotations

import re

# What apimachinery's rand.String() makes; and of these, SafeEncodeString() of digits.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]{5}"
_HASH = "[456789bcdf]{6,10}"  # of a template; nine in ten thousand millions are shorter
_MINUTES = "[0-9]{8}"  # when a CronJob's job was due, since 1970
_INDEX = "(?:0|[1-9][0-9]{0,5})"
_NAME = r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?"
_MADE = (
    re.compile(rf"({_NAME})-{_HASH}-{_RANDOM}"),  # of a Deployment
    # Of a CronJob; each pod of a job may have an index.
    re.compile(rf"({_NAME})-{_MINUTES}(?:-{_INDEX})?-{_RANDOM}"),
    re.compile(rf"({_NAME})-{_RANDOM}"),  # of a DaemonSet, Job or ReplicaSet
    re.compile(rf"({_NAME})-{_INDEX}"),  # of a StatefulSet
)
CUT = 63  # a name of this length may have lost its end before the random characters
MAX_NAME = 253


def workload_of(pod: str, host: str = "") -> str | None:
    """Return the name of what made a pod on a host; None if the pod's does not say.

    A pod of a file on the host, such as kube-apiserver, has the host's name behind its
    own, in small letters.
    """
    if not pod or len(pod) > MAX_NAME:
        return None
    if host and pod.endswith(f"-{host.lower()}"):
        own = pod[: -len(host) - 1]
        return own if re.fullmatch(_NAME, own) else None
    if len(pod) == CUT:
        return None
    for pattern in _MADE:
        if found := pattern.fullmatch(pod):
            return found[1]
    return None
