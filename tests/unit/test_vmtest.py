"""The runner of tests on other kernels: what it reads, and what it calls a failure."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import pytest

from vmtest import peers, suites, systemd
from vmtest.boot import Outcome
from vmtest.console import Console
from vmtest.errors import VmError
from vmtest.kernels import Kernel, KernelFiles, needed
from vmtest.report import Run, problems, read_run, table

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.kernel.test_a" name="test_one[1]"/>
<testcase classname="tests.kernel.test_a" name="test_two">
<failure message="assert 1 == 2&#10;more">long</failure></testcase>
<testcase classname="tests.kernel.test_b" name="test_three">
<skipped message="{skip}"/></testcase>
</testsuite></testsuites>"""


def send(data: bytes) -> list[str]:
    """Return the lines with which /init sends a file."""
    return [
        "@vm file x.xml;",
        *base64.encodebytes(gzip.compress(data)).decode().split(),
    ]


def listen(*lines: str) -> tuple[Console, list[str]]:
    """Return a console that has read lines, and what it showed of them."""
    shown: list[str] = []
    console = Console(shown.append)
    for line in lines:
        console.read(f"{line}\r\n")
    return console, shown


def run_of(skip: str, kernel: str = "5.10", **changes: object) -> Run:
    """Return a run with one test that passed, one that failed and one skipped."""
    files = KernelFiles(Kernel(kernel, "suite"), f"{kernel}.1", Path(), Path())
    report = {"junit.xml": JUNIT.format(skip=skip).encode()}
    outcome = Outcome(1.0, 2.0, 1, "", report)
    return read_run(files, outcome._replace(**changes))  # type: ignore[arg-type]


def test_console_of_a_whole_run() -> None:
    """Only what the script printed is shown, as it stands at the end of each line."""
    data = bytes(range(256)) * 50
    console, shown = listen(
        *("firmware", "@vm ready 7.83;", "collecting\rcollected 2 items", ""),
        *("no newline@vm file x.xml;", *send(data)[1:], "@vm end;"),
        *("@vm exit 3;[ 9.1] sysrq: Power Off", "[ 9.2] reboot: Power down"),
    )
    assert shown == ["collected 2 items", "", "no newline"]
    assert (console.up_s, console.exit_status) == (7.83, 3)
    assert console.out == {"x.xml": data}


@pytest.mark.parametrize("noise", ["[ 7.1] oops", "AAAA"])
def test_file_with_noise_in_it(noise: str) -> None:
    """A file that the kernel wrote into is as good as none."""
    first, *rest = send(b"x" * 100000)
    console, _ = listen("@vm ready 1;", first, noise, *rest, "@vm end;", "@vm exit 0;")
    assert (console.exit_status, console.out) == (0, {})


def test_problems_of_a_run() -> None:
    """A failed test is one; a skipped one only when no property explains it."""
    failed = "test_a::test_two failed: assert 1 == 2"
    assert list(problems(run_of("this kernel has no MPTCP"))) == [failed]
    skipped = (
        "test_b::test_three skipped: this kernel has no MPTCP "
        "(no such property in vmtest/properties.py)"
    )
    on_newer = problems(run_of("this kernel has no MPTCP", "6.1"))
    assert list(on_newer) == [failed, skipped]


def test_problems_of_a_machine() -> None:
    """Neither a machine that gives up nor a suite without tests is a success."""
    none = run_of("", exit_status=None, complaint="did not boot", out={})
    assert list(problems(none)) == ["did not boot"]
    empty = run_of("", exit_status=5, out={})
    assert list(problems(empty)) == ["no test ran: pytest's exit status is 5"]


def test_status_that_no_test_explains() -> None:
    """A failure of pytest itself counts, too."""
    run = run_of("no MPTCP", exit_status=3)
    (passed, *_) = run.cases
    told = "pytest's exit status is 3, though no test failed"
    assert list(problems(run._replace(cases=[passed]))) == [told]


def test_table() -> None:
    """A column for each kernel, a row for each module."""
    lines = list(table([run_of("x"), run_of("y", "6.1", up_s=None)]))
    assert [line.split() for line in lines] == [
        ["passed/failed/skipped", "5.10", "6.1"],
        ["test_a", "1/1/0", "1/1/0"],
        ["test_b", "0/0/1", "0/0/1"],
        ["all", "1/1/1", "1/1/1"],
        ["boot", "1", "s", "never"],
        ["time", "2", "s", "2", "s"],
        ["kernel", "5.10.1", "6.1.1"],
    ]


def test_modules_come_with_what_they_need() -> None:
    """The index of depmod names all that a module depends on, itself or not."""
    index = (
        "kernel/a.ko: kernel/b.ko kernel/c.ko\nkernel/b.ko:\nkernel/net/veth.ko.xz:\n"
    )
    assert list(needed(index, ("a",))) == ["kernel/a.ko", "kernel/b.ko", "kernel/c.ko"]
    assert list(needed(index, ("veth",))) == ["kernel/net/veth.ko.xz"]


def test_no_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps a machine from being made is a line, whoever wants one."""

    def no_mirror() -> str:
        raise VmError("no mirror")

    monkeypatch.setattr(suites, "host_mirror", no_mirror)
    monkeypatch.setattr(suites, "CACHE", tmp_path)
    monkeypatch.setattr("sys.argv", ["vmtest"])
    assert (peers.main(), suites.run_suite(systemd.SUITE, None)) == (1, 1)
    assert capsys.readouterr().out == "peers: no mirror\nsystemd: no mirror\n"
