"""-d with systemd-resolved between programs and a nameserver."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.tracing import CONNECT, PORT, event, sh, tracing

if TYPE_CHECKING:
    from collections.abc import Iterator

UPSTREAM, ADDRESS = "127.0.0.60", "127.1.2.3"
DNSMASQ = (
    "dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= "
    f"--user=root --group= --bind-interfaces --listen-address={UPSTREAM} "
    f"--host-record=www.example,{ADDRESS}"
).split()
CONFIG = Path("/etc/systemd/resolved.conf.d/tests.conf")
SETTINGS = f"[Resolve]\nDNS={UPSTREAM}\nDomains=~.\nDNSSEC=no\nLLMNR=no\n"
STUB = "nameserver 127.0.0.53\n"
# Its global servers are asked only while some link besides lo has an address.
LINK = "up0"


@pytest.fixture(scope="module", autouse=True)
def resolved() -> Iterator[None]:
    """The service, asking a dnsmasq; programs ask its stub."""
    CONFIG.parent.mkdir(parents=True, exist_ok=True)
    CONFIG.write_text(SETTINGS)
    resolv_conf = Path("/etc/resolv.conf")
    resolv_conf.unlink(missing_ok=True)
    resolv_conf.write_text(STUB)
    sh("ip", "link", "add", LINK, "type", "dummy")
    sh("ip", "address", "add", "10.2.0.1/24", "dev", LINK)
    sh("ip", "link", "set", LINK, "up")
    with subprocess.Popen(DNSMASQ, stderr=subprocess.PIPE) as dnsmasq:
        assert dnsmasq.stderr
        assert any(b" started" in line for line in dnsmasq.stderr)
        sh("systemctl", "restart", "systemd-resolved")
        yield
        sh("systemctl", "stop", "systemd-resolved")
        dnsmasq.kill()
    sh("ip", "link", "delete", LINK)


@pytest.mark.parametrize("source", ["dns", "libc"])
def test_name(source: str) -> None:
    """The name is the program's own, whether its answer or its call is seen."""
    columns = "daddr,query,query_source,query_scope"
    options = ["-dj", "-P", str(PORT), "--names", source, "--columns", columns]
    with tracing("tcpconnect", *options) as tool:
        subprocess.run([sys.executable, "-c", CONNECT, "www.example"], check=True)
        assert event(tool) == {
            "daddr": ADDRESS,
            "query": "www.example",
            "query_source": source,
            "query_scope": "process",
        }
