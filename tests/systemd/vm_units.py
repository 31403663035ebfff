"""Connects of systemd's units: which one it was."""

from __future__ import annotations

import pytest

from tests.support.tracing import CONNECTING, PORT, event, sh, tracing

COLUMNS = "unit,cgroup,container,runtime,pod"


@pytest.mark.parametrize(
    ("options", "unit", "cgroup"),
    [
        ("--unit=tcpc-a", "tcpc-a.service", "/system.slice/tcpc-a.service"),
        (
            "--unit=tcpc-b --slice=tcpc-x.slice",
            "tcpc-b.service",
            "/tcpc.slice/tcpc-x.slice/tcpc-b.service",
        ),
        (
            r"--unit=tcpc@a\x2db.service",
            "tcpc@a-b.service",
            r"/system.slice/system-tcpc.slice/tcpc@a\x2db.service",
        ),
        ("--scope --unit=tcpc-c", "tcpc-c.scope", "/system.slice/tcpc-c.scope"),
    ],
)
def test_transient_unit(options: str, unit: str, cgroup: str) -> None:
    """A unit that was made to connect once, and is gone then."""
    command = ["tcpconnect", "-j", "-P", str(PORT), "--columns", COLUMNS]
    with tracing(*command) as tool:
        sh("systemd-run", "--collect", *options.split(), "--", *CONNECTING)
        assert event(tool) == {
            "unit": unit,
            "cgroup": cgroup,
            "container": None,
            "runtime": None,
            "pod": None,
        }


def test_filter_by_unit() -> None:
    """--cgroup passes a slice with the units that come into it later."""
    sh("systemd-run", "--slice=tcpc-y.slice", "--unit=tcpc-sleep", "sleep", "600")
    command = ["tcpconnect", "-j", "-P", str(PORT), "--columns", "unit"]
    with tracing(*command, "--cgroup", "tcpc.slice/tcpc-y.slice") as tool:
        for slice_ in ("system.slice", "tcpc-y.slice"):
            unit = f"--unit=in-{slice_.removesuffix('.slice')}"
            sh("systemd-run", "--wait", f"--slice={slice_}", unit, "--", *CONNECTING)
        assert event(tool) == {"unit": "in-tcpc-y.service"}
    sh("systemctl", "stop", "tcpc-sleep")
