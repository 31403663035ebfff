"""Wrong words get the right ones."""

from __future__ import annotations

import re
import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from tcpconnect import cli, containers
from tcpconnect.errors import UsageError
from tcpconnect.suggestions import BY_OTHER_NAME, FLAGS

HELP = "tcpconnect -h shows the options"
UNKNOWN = {
    "--slowr 9": "--slowr; did you mean --slower?",
    "--res OK": "--res; did you mean --result or --results?",
    "--dur 5": "--dur; did you mean --duration?",
    "--ring-byte 4096": f"--ring-byte; {HELP}",
    "--PORT 443": "--PORT; did you mean -P 443?",
    "--fail": "--fail; did you mean --failed?",
    "--help-al": "--help-al; did you mean --help-all?",
    "--colour always": "--colour; did you mean --color?",
    "-failed": "-failed; did you mean --failed?",
    "-json": "-json; did you mean -j?",
    "-tx": f"-x; {HELP}",
    "-x": f"-x; {HELP}",
    "--dport 443": "--dport; did you mean -P 443?",
    "--dport=443": "--dport; did you mean -P 443?",
    "--dst-port 1\x1b": "--dst-port; did you mean -P PORT?",
    "--sport 40000": "--sport: no option filters by source port; -L shows it",
    "--dst 10.0.0.1": "--dst; did you mean --to 10.0.0.1?",
    "--src 10.0.0.0/8": "--src; did you mean --from 10.0.0.0/8?",
    "--user www-data": "--user; did you mean -u www-data?",
    "--name nginx": "--name; did you mean --comm nginx?",
    "--docker web": "--docker; did you mean --container web?",
    "--timeout 60": "--timeout; did you mean --duration 60?",
    "--no-color": "--no-color; did you mean --color never?",
    "--csv": "--csv; did you mean --format csv?",
    "--once": "--once: it belongs to tcpconnect top; tcpconnect top -h shows what it "
    "takes",
    "-V": "-V; did you mean --version?",
    "-w x.csv": "-w; did you mean -o x.csv?",
    "-n": "-n: addresses are never looked up; omit it",
    "-nn": "-nn: addresses are never looked up; omit it",
}
UNEXPECTED = {
    "port 443": "'port'; did you mean -P 443?",
    "port=443": "'port=443'; did you mean -P 443?",
    "tcp and dst port 443": "'tcp'; did you mean -P 443?",
    "'not port 22'": "'not port 22'; did you mean --not-port 22?",
    "src port 22": "'src': no option filters by source port; -L shows it",
    "host 10.0.0.1": "'host'; did you mean --to 10.0.0.1?",
    "host example.com": "'host'; did you mean --to-name example.com?",
    "https://example.com/": "'https://example.com/'; did you mean --to-name "
    "example.com?",
    "port 443 and host ::1": "'port'; did you mean -P 443 --to ::1?",
    "src host 10.0.0.1": "'src'; did you mean --from 10.0.0.1?",
    "not net 10.0.0.0/8": "'not'; did you mean --not-to 10.0.0.0/8?",
    "pid 181": "'pid'; did you mean -p 181?",
    "443": "'443'; did you mean -P 443 (a port) or -p 443 (a process)?",
    "10.0.0.1": "'10.0.0.1'; did you mean --to 10.0.0.1?",
    "-r [::1]:443": "'[::1]:443'; did you mean --to ::1 -P 443?",
    "-t ls -l /": "'ls'; did you mean -- ls -l /?",
    "ls $'\\e'": "'ls'; did you mean -- ls ARGUMENT ...?",
    "ls": "'ls'; did you mean -- ls (to start it) or --comm ls (to trace those "
    "that run)?",
    "no-such-program": "'no-such-program'; did you mean --comm no-such-program?",
    "tpo": "'tpo'; did you mean top?",
    "TOP -P 443": "'TOP'; did you mean top?",
    "live -P 443": "'live'; did you mean top?",
    "relpay a.jsonl": "'relpay'; did you mean replay?",
    "-r top": "'top'; write it first: tcpconnect top",
    "faild": "'faild'; did you mean --failed?",
    "help": "'help'; did you mean -h?",
    "help top": "'help'; did you mean tcpconnect top -h?",
    "-p 1 2 3": "'2'; did you mean -p 1,2,3?",
    "-P 80 443": "'443'; did you mean -P 80,443?",
    "\u2013P 443": "'\u2013P'; did you mean -P 443?",
    "—failed": "'—failed'; did you mean --failed?",
    "top ls /": "'ls'; did you mean -- ls /?",
    "top port 443": "'port'; did you mean -P 443?",
    "top host ::1": "'host'; did you mean --to ::1?",
    "top /dev/null port 443": "'port'; did you mean -P 443?",
    "'a b\x1b c'": f"'a b\\x1b c'; a command stands after --; {HELP}",
}
VALUES = {
    "-p nginx": "argument -p/--pid: invalid PID 'nginx'; did you mean --comm nginx?",
    "-pid 181": "argument -p/--pid: invalid PID 'id'; did you mean --pid?",
    "-port 443": "argument -p/--pid: invalid PID 'ort'; did you mean --port?",
    "-P '80 443'": "argument -P/--port: invalid port '80 443'; did you mean -P 80,443?",
    "-P 80-": "argument -P/--port: invalid range '80-': expected two ports: 8000-8100; "
    + HELP,
    "-P 80:90": "argument -P/--port: invalid port '80:90'; did you mean -P 80-90?",
    "-P 443/tcp": "argument -P/--port: invalid port '443/tcp'; did you mean -P 443?",
    "-P 10.0.0.1:443": "argument -P/--port: invalid port '10.0.0.1:443'; "
    "did you mean --to 10.0.0.1 -P 443?",
    "--to example.com": "argument --to: invalid address or network 'example.com'; "
    "did you mean --to-name example.com?",
    "--to 10.0.0.1:443": "argument --to: invalid address or network '10.0.0.1:443'; "
    "did you mean --to 10.0.0.1 -P 443?",
    "--to '10.0.*'": "argument --to: invalid address or network '10.0.*'; "
    "did you mean --to 10.0.0.0/16?",
    "--to 10.0.0.1/8": "argument --to: invalid network '10.0.0.1/8': "
    "it has host bits set; did you mean 10.0.0.0/8?",
    "--comm /usr/bin/env": "argument --comm: invalid thread name '/usr/bin/env': "
    "it is a path; did you mean env?",
    "--comm ./a/very-long-program": "argument --comm: invalid thread name "
    "'./a/very-long-program': it is a path; did you mean very-long-progr?",
    "--duration 5min": "argument --duration: invalid time '5min'; did you mean 5m?",
    "--duration 1:30": "argument --duration: invalid time '1:30'; did you mean 1m30s?",
    "--slower '100 msec'": "argument --slower: invalid time '100 msec'; did you mean "
    "100ms?",
    "--result refused": "argument --result: unknown result 'refused'; did you mean "
    "ECONNREFUSED, or REFUSED (by a DNS server)?",
    "--results success": "argument --results: unknown result 'success'; did you mean "
    "OK?",
    "--result sucess": "argument --result: unknown result 'sucess': expected for "
    f"example ECONNREFUSED, ETIMEDOUT, NXDOMAIN or OK; {HELP}",
    "--columns PID": "unknown column 'PID'; did you mean pid? --columns help lists all "
    "columns",
    "--columns 'LAT(ms)'": "unknown column 'LAT(ms)'; did you mean latency_ms? "
    "--columns help lists all columns",
    "-c --by com": "unknown column 'com'; did you mean comm? --columns help lists all "
    "columns",
    "-c --by comm --sort dport": "unknown column 'dport': expected one of comm, "
    "connects, ok, failed, pending, latency_avg_ms, latency_max_ms, resent",
    "-u www-dta": "argument -u/--uid: no user 'www-dta' on this machine; "
    "did you mean www-data?",
    "--format jsn": "argument --format: invalid choice 'jsn': "
    "expected table, json, csv, ecs, ocsf; did you mean json?",
    "-c 5": "-c takes no value; did you mean -c -i 5?",
    "--count 5": "--count takes no value; did you mean -c -i 5?",
    "-c5": "-c takes no value; did you mean -c -i 5?",
    "-i 1": "-i needs -c: it is about its tables; add -c",
    "--failed=yes": "--failed takes no value; omit 'yes'",
}
MISTAKES = {
    **{line: f"unknown option {answer}" for line, answer in UNKNOWN.items()},
    **{line: f"unexpected argument {answer}" for line, answer in UNEXPECTED.items()},
    **VALUES,
}


def words_of(line: str) -> list[str]:
    """Return the words of a line; an escape is one byte."""
    return shlex.split(line.replace("$'\\e'", "'\x1b'"))


@pytest.mark.parametrize("line", MISTAKES)
def test_answer(capfd: pytest.CaptureFixture[str], line: str) -> None:
    """Each mistake has its answer: one line, and exit code 2."""
    assert cli.main(words_of(line)) == 2
    assert capfd.readouterr() == ("", f"tcpconnect: {MISTAKES[line]}\n")


HOSTILE: tuple[str, ...] = (
    "\x1b[31m",
    "a\nb",
    "\u202e",
    "\udcff",
    "'",
    "`id`",
    "x" * 9999,
    "1" + ":1" * 5000,
)
HOSTILE += "$(id)", " ", "ftp://" * 2000 + "a"
PLACES = (
    """\
{}|-{}|--{}|port {}|host {}|--dport {}|--dport={}|-c{}|-p {}|-P {}|--to {}|-u {}|ls {}
--format {}|--failed={}|--comm a {}|--comm {} b|-p 1 {}
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text)[:9])
def test_harmless(capfd: pytest.CaptureFixture[str], hostile: str) -> None:
    """Whatever is wrong, the line is printable, and suggests nothing that is not."""
    for place in PLACES:
        words = [word.replace("{}", hostile) for word in place.split()]
        assert cli.main(words) == 2, place
        out, err = capfd.readouterr()
        assert (out, err[-1:]) == ("", "\n")
        assert err[:-1].isprintable()
        if len(hostile) < 99:
            assert len(err) < 400
        suggested = "".join(re.findall("did you mean (.*)", err))
        assert "\\" not in suggested
        assert hostile.strip() == "" or hostile not in suggested


def test_suggested_options_exist() -> None:
    """What is suggested for other names exists, and these names do not."""
    suggested = {flag.partition(" ")[0] for flag in BY_OTHER_NAME.values()}
    assert suggested - set(FLAGS) == set()
    assert [name for name in BY_OTHER_NAME if f"--{name}" in FLAGS] == []


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "no container 'nope': no running container was found"),
        (2, "no container 'nope'; these run: a0, a1"),
        (9, "no container 'nope'; these run: a0, a1, a2, a3, a4, a5, a6, a7, …"),
    ],
)
def test_container(monkeypatch: pytest.MonkeyPatch, count: int, expected: str) -> None:
    """A container that does not run: those that do are listed, but for users'."""

    def running(name: str, owner: int) -> Any:
        more = {"begins_with": lambda _text: False}
        return SimpleNamespace(short=name, name=name, id=name * 32, owner=owner, **more)

    every = [running(f"a{i}", 0) for i in range(count)]
    every += [running("hostile", 1000)] if count else []
    monkeypatch.setattr(containers, "find_all", lambda: every)
    monkeypatch.setattr(containers, "unreadable", list)
    with pytest.raises(UsageError) as caught:
        containers.select(["nope"])
    assert caught.value.line == expected
