"""The image without a privilege or a path: what is it for, and is it missed aloud."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.image.image_kubernetes import ADDRESS, CONNECT, PORT, in_a_pod
from tests.support.kustomize import FOLDER
from tests.support.places import CRI_ID, POD
from tests.support.pods import until_ready
from tests.support.resolvers import dnsmasq
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.image.conftest import Run

BASE = FOLDER / "base"
COLUMNS = "pod,container,daddr,result,query"
NO_NAMES = "tcpconnect: no names from dns: can't "
FULL = {
    "pod": "prod/web-7d4b9c6f5-x2x4z",
    "container": "nginx",
    "daddr": ADDRESS,
    "result": "ECONNREFUSED",
    "query": "shop.example",
}

pytestmark = pytest.mark.usefixtures("netns")


@pytest.mark.parametrize("capability", ["BPF", "PERFMON"])
def test_nothing_works(run: Run, capability: str) -> None:
    """Without these it ends, with one line that has the name."""
    process = run(BASE, without={f"--cap-add={capability}"})
    out, said = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out) == (1, "")
    assert said.count("\n") == 1
    assert f"CAP_{capability} is missing" in said


@pytest.mark.parametrize(
    ("without", "reason", "missing"),
    [
        ("--cap-add=NET_ADMIN", "CAP_NET_ADMIN is missing", {"query": None}),
        (":/sys/fs/cgroup:ro", "open the cgroup v2 hierarchy", {"query": None}),
        (
            ":/var/log/containers:ro",
            "",
            {"pod": POD, "container": CRI_ID[:12]},
        ),
        ("--cap-add=DAC_READ_SEARCH", "", {}),
        (":/sys/kernel/btf:ro", "", {}),
    ],
    ids=["net-admin", "cgroup", "names", "dac-read-search", "btf"],
)
def test_less(
    run: Run, without: str, reason: str, missing: Mapping[str, str | None]
) -> None:
    """Without these it traces, and what it can't see is said."""
    process = run(
        BASE, "-rdj", "-P", str(PORT), "--columns", COLUMNS, without=[without]
    )
    said = [each for each in until_ready(process) if NO_NAMES in each]
    with (
        dnsmasq(f"--host-record=shop.example,{ADDRESS}", address="127.0.0.1"),
        in_a_pod() as pod,
    ):
        pod("dig", "+short", "@127.0.0.1", "shop.example")
        pod(sys.executable, "-c", CONNECT, ADDRESS, str(PORT))
    assert process.stdout
    found = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT_S)
    assert found == {**FULL, **missing}
    assert len(said) == bool(reason)
    assert all(reason in each for each in said)
