"""Completion in real shells: what a line becomes when the tab key is pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from share import __main__ as share
from share import bash, fish, zsh
from tcpconnect.options import OPTIONS
from tcpconnect.options.option import Option
from tcpconnect.options.verbs import Verb
from tcpconnect.values import Value
from tests.support.programs import needs
from tests.support.shells import READS, SHELLS, Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.packages

OFTEN = Option(
    ("-L", "--often"),
    "often",
    "how often",
    Value("", words=("always", "never"), completion="words"),
)
FAILED = tuple(option for option in OPTIONS if "--failed" in option.flags)
A_VERB = Verb(
    "watch", "[OPTION ...] [FILE]", "show what happens", (OFTEN,), FAILED, files=1
)


def start(name: str, folder: Path) -> Shell:
    """Start a shell with the completions installed."""
    needs("tmux", name.rsplit(maxsplit=1)[-1], *READS.get(name, ()))
    share.main(str(folder / "share"))
    return Shell(name, folder, folder / "share")


@pytest.fixture(scope="module", params=SHELLS)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A shell that serves several tests, each with a line of its own."""
    with start(request.param, tmp_path_factory.mktemp("shell")) as made:
        yield made


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("--for\tc\t", "--format csv"),
        ("--format=j\t", "--format json"),
        ("--color al\t", "--color always"),
        ("--columns dad\t", "--columns daddr"),
        ("--columns daddr,dp\t", "--columns daddr,dport"),
        ("--columns=comm,latency\t", "--columns comm,latency_ms"),
        ("--columns he\t", "--columns help"),
        ("-c --columns saddr,latency_m\t", "-c --columns saddr,latency_max_ms"),
        ("--names dns,l\t", "--names dns,libc"),
        ("-u roo\t", "-u root"),
        ("-Uu 1000,roo\t", "-Uu 1000,root"),
        ("--uid=roo\t", "--uid root"),
        ("-P 443 --dura\t", "-P 443 --duration"),
        ("-P 1 -- ls --alm\t", "-P 1 -- ls --almost-all"),
        ("-- ech\t", "-- echo"),
    ],
)
def test_completed(shell: Shell, typed: str, expected: str) -> None:
    """The tab key completes options, their values, the last of a list, and commands."""
    if shell.name == "bare bash" and "--almost" in expected:
        expected = typed.rstrip()  # bash itself knows no options of commands
    actual = shell.run(f"tcpconnect {typed}").replace("=", " ")
    assert actual.rstrip(",") == expected


@pytest.mark.parametrize("option", ["-o", "--output", "--cgroupmap", "--mntnsmap"])
def test_file(shell: Shell, tmp_path: Path, option: str) -> None:
    """Where a file is wanted, files are offered."""
    (tmp_path / "events.json").touch()
    typed = f"tcpconnect {option} {tmp_path}/eve\t"
    assert shell.run(typed) == f"{option} {tmp_path}/events.json"


def test_file_of_options(shell: Shell, tmp_path: Path) -> None:
    """Behind @ files are offered, too."""
    (tmp_path / "busy.options").touch()
    typed = f"tcpconnect -r @{tmp_path}/bus\t"
    assert shell.run(typed) == f"-r @{tmp_path}/busy.options"


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ("--format ", ["table", "json", "csv"], ["pid", "--forma"]),
        ("--columns daddr,d", ["dport", "dns_ms"], ["daddr,daddr"]),
        ("-c --columns ", ["connects", "failed", "query"], ["comm", "ppid"]),
        ("--not-", ["--not-port", "--not-to"], ["--netns"]),
    ],
)
def test_offered(
    tmp_path: Path, name: str, typed: str, offered: list[str], not_offered: list[str]
) -> None:
    """Where several are possible, they are listed, and no others."""
    line = f"tcpconnect {typed}"
    with start(name, tmp_path) as shell:
        shell.type(f"{line}\t\t")
        for word in offered:
            shell.wait_for(rf"[\s,]{word}\s")
        below = shell.screen.partition(line)[2]
    assert [word for word in not_offered if word in below.split()] == []


@pytest.mark.parametrize("name", SHELLS)
def test_verb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """A verb is completed as the first word only, and then what it takes is."""
    for module in (bash, zsh, fish):
        monkeypatch.setattr(module, "VERBS", (A_VERB,))
    (tmp_path / "a.jsonl").touch()
    with start(name, tmp_path) as shell:
        for typed, expected in {
            "wat\t": "watch",
            "-r wat\t": "-r wat",
            "watch --oft\t": "watch --often",
            "watch --often ne\t": "watch --often never",
            "watch -L ne\t": "watch -L never",
            "--oft\t": "--oft",
            "watch --fai\t": "watch --failed",
            "watch --dura\t": "watch --dura",
            f"watch {tmp_path}/a.\t": f"watch {tmp_path}/a.jsonl",
            f"watch --failed {tmp_path}/a.\t": f"watch --failed {tmp_path}/a.jsonl",
            f"-r {tmp_path}/a.\t": f"-r {tmp_path}/a.",
        }.items():
            assert shell.run(f"tcpconnect {typed}") == expected
