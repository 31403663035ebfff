"""Workloads, from the names of pods."""

from __future__ import annotations

import pytest

from tcpconnect.enrich.workload import workload_of

HOST = "ip-10-0-0-1.internal"


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ("web-7d4b9c6f5-x2x4z", "web"),
        ("my-web-app-66b6c48dd5-8w7xl", "my-web-app"),
        ("coredns-5d78c9869d-7s4bt", "coredns"),
        ("v1.2-api-bcdf4567-bcdfg", "v1.2-api"),
        ("fluentd-z7k2p", "fluentd"),
        ("backup-29012345-kx9vw", "backup"),
        ("backup-29012345-0-kx9vw", "backup"),
        ("backup-29012345-99999-kx9vw", "backup"),
        ("backup-2901234-kx9vw", "backup-2901234"),
        ("migrate-kx9vw", "migrate"),
        ("db-0", "db"),
        ("db-17", "db"),
        ("web-0-8w7xl", "web-0"),  # of a job by index, or a DaemonSet of that name
        ("cache-12345-0", "cache-12345"),
        (f"kube-apiserver-{HOST}", "kube-apiserver"),
        (f"etcd-0-{HOST}", "etcd-0"),
    ],
)
def test_workload(pod: str, expected: str) -> None:
    """What controllers put behind a name is taken away."""
    assert workload_of(pod, HOST) == expected


@pytest.mark.parametrize(
    "pod",
    [
        "debug",
        "",
        "-",
        "-0",
        "0",
        "web-",
        "web-00",
        "web-01",
        "web-9999999",
        "x2x4z",
        "-x2x4z",
        "web-abcde",  # controllers leave vowels out, so that nothing is a word
        "web-X2X4Z",
        "web-x2x4z\n",
        "web-x2x4",
        "web--\u0662",  # a digit, but none of ASCII
        "w\xe9b-x2x4z",
        "a" * 57 + "-x2x4z",  # 63: its end may have been cut off
        "a" * 300 + "-0",
        f"-{HOST}",
        f"we/b-{HOST}",
        HOST,
    ],
)
def test_no_workload(pod: str) -> None:
    """A name that no controller makes, or that may not be whole, says nothing."""
    assert workload_of(pod, HOST) is None


def test_unknown_host() -> None:
    """Without the host's name, a pod of a file on it may look like another kind."""
    assert workload_of("etcd-master-0") == "etcd-master"
    assert workload_of("etcd-master-0", "master-0") == "etcd"
    assert workload_of("etcd-master-0", "Master-0") == "etcd"


def test_long_names() -> None:
    """They are read in linear time, however they are made."""
    assert workload_of("-".join(["b2"] * 84)) is None
