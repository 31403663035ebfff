"""What the installed tool says of itself, and wrong usage."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import preloaded

TOOL = Path(sys.executable).with_name("tcpconnect")

# The usage message of bcc's tool: its options, and its examples line by line.
OPTIONS = """\
-h, --help
-t, --timestamp
-p PID, --pid PID
-P PORT, --port PORT
-U, --print-uid
-u UID, --uid UID
-c, --count
--cgroupmap CGROUPMAP
--mntnsmap MNTNSMAP
-d, --dns
""".splitlines()
EXAMPLES = """\
examples:
    ./tcpconnect           # trace all TCP connect()s
    ./tcpconnect -t        # include timestamps
    ./tcpconnect -p 181    # only trace PID 181
    ./tcpconnect -P 80     # only trace port 80
    ./tcpconnect -P 80,81  # only trace port 80 and 81
    ./tcpconnect -U        # include UID
    ./tcpconnect -u 1000   # only trace UID 1000
    ./tcpconnect -c        # count connects per src ip and dest ip/port
    ./tcpconnect --cgroupmap mappath  # only trace cgroups in this BPF map
    ./tcpconnect --mntnsmap mappath   # only trace mount namespaces in the map
""".splitlines()


def run_tool(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end."""
    return preloaded.run(*options)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(option: str) -> None:
    """It has the options and the examples of bcc's tool, and more."""
    result = run_tool(option)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line for line in EXAMPLES if line not in lines] == []
    starts = {re.split("  +", line.strip())[0] for line in lines}
    # Since Python 3.13 argparse writes "-p, --pid PID".
    starts |= {re.sub(r"^(-\w), (\S+ (\S+))$", r"\1 \3, \2", start) for start in starts}
    assert [name for name in OPTIONS if name not in starts] == []
    assert "Trace TCP connects" in lines


def test_help_into_head() -> None:
    """``-h | head -1`` ends quietly."""
    script = f"{TOOL} -h | head -1; echo ${{PIPESTATUS[*]}} >&2"
    result = subprocess.run(["bash", "-c", script], check=True, capture_output=True)
    assert result.stdout.startswith(b"usage: tcpconnect ")
    assert (result.stdout.count(b"\n"), result.stderr) == (1, b"0 0\n")


def test_version() -> None:
    """One line: name and number."""
    result = subprocess.run(
        [TOOL, "--version"], check=True, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"tcpconnect \d+\.\d+\.\d+\S*\n", result.stdout)


@pytest.mark.parametrize("option", ["-h", "--version", "--check", "--columns=help"])
def test_output_that_fails(option: str) -> None:
    """Reports without tracing also fail when the output does."""
    with open("/dev/full", "wb") as full:
        result = preloaded.run(option, stdout=full)
    assert result.returncode == 1
    expected = "tcpconnect: can't write the output: No space left on device; "
    assert result.stderr.startswith(expected)
    assert result.stderr.count("\n") == 1


WRONG = """\
-p 0
-p 1,,2
-P 65536
-P 80-79
-u no-such-user
-4 -6
--duration 0
--limit 0
--slower nan
--format xml
-j --format csv
--columns
--columns dprot
-t -c
--histogram
--no-such-option
8.8.8.8
""".splitlines()


@pytest.mark.parametrize("options", WRONG)
def test_wrong_usage(options: str) -> None:
    """Exit code 2, and one line that names what is wrong."""
    result = run_tool(*options.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch("tcpconnect: .+\n", result.stderr)


def test_exclusive_versions() -> None:
    """-4 and -6 are named when both are given."""
    expected = "argument -6/--ipv6: not allowed with argument -4/--ipv4"
    assert run_tool("-4", "-6").stderr.startswith(f"tcpconnect: {expected}; ")


@pytest.mark.parametrize("option", ["-p", "-P", "-u", "--columns", "--format"])
def test_empty_value(option: str) -> None:
    """An empty value, of a variable that is not set, is wrong: it is not "all"."""
    result = run_tool(option, "", "--duration", "0.01")
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch("tcpconnect: .+\n", result.stderr)


@pytest.mark.parametrize("option", ["-p", "-u", "--columns", "--\x1b[5m"])
def test_hostile_value(option: str) -> None:
    """What a script passes on may be anything: the error is one harmless line."""
    result = run_tool(option, "\x1b[31m\n\x9b0m\u202e")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.removesuffix("\n").isprintable()
