"""No option takes quadratic time, however often it is given and however long it is."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tcpconnect import containers, targets
from tcpconnect.errors import TcpconnectError
from tcpconnect.machine.processes import descendants
from tcpconnect.parsing import parse as parse_words
from tcpconnect.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.containers import Running

MANY = 350
FACTOR = 8
# Of linear time it takes 8 times as long, of quadratic time 64 times.
LONGEST = 24
NOISE_S = 0.02
RUNS = 3


def seconds(work: Callable[[int], object], size: int) -> float:
    """Return the CPU time that the work takes."""
    began = time.thread_time()
    with suppress(TcpconnectError):  # an answer is all that is wanted
        work(size)
    return time.thread_time() - began


def check_linear(work: Callable[[int], object]) -> None:
    """Check that the time grows with the size, not with its square.

    Of three runs the shortest counts: so the first large one that is short is enough.
    """
    small = min(seconds(work, MANY) for _ in range(RUNS))
    longest = LONGEST * small + NOISE_S
    assert any(seconds(work, FACTOR * MANY) < longest for _ in range(RUNS))


def parse(words: list[str]) -> None:
    """Parse options, and choose the columns by them."""
    View(parse_words(words))


AGAIN = ["-p 7", "-u 7", "-P 1-99", "--not-port 7", "--comm x", "--to 10.0.0.0/8"]
AGAIN += ["--container x", "--cgroup x", "--netns 4026531840", "-t", "-4", "-r", "-v"]


@pytest.mark.parametrize("option", AGAIN)
def test_given_again(option: str) -> None:
    """An option that is given so many times."""
    check_linear(lambda count: parse(option.split() * count))


@pytest.mark.parametrize("option", AGAIN)
def test_given_again_with_others(option: str) -> None:
    """The same with other options in between, and words that are not options."""
    check_linear(lambda count: parse([*option.split(), "-U", "x"] * count))


@pytest.mark.parametrize("option", ["-p", "-u", "-P", "--comm", "--to", "--columns"])
def test_long_list(option: str) -> None:
    """A list of so many numbers."""
    numbers = ",".join(str(number % 65536) for number in range(1, FACTOR * MANY))
    check_linear(lambda count: parse([option, numbers[:count]]))


WORDS = {
    "one letter": lambda size: size * "a",
    "folders": lambda size: (size // 2) * "a/",
    "folders above": lambda size: (size // 3) * "../",
    "absolute": lambda size: (size // 2) * "/a",
}


@pytest.fixture(scope="module")
def there() -> list[Running]:
    """Return the containers of this machine, which may have thousands of cgroups."""
    return containers.find_all()


@pytest.mark.parametrize("word", WORDS)
def test_long_cgroup(word: str) -> None:
    """A path that no cgroup can have."""
    check_linear(lambda size: targets.find(WORDS[word](40 * size)))


@pytest.mark.parametrize("word", WORDS)
def test_long_container(
    monkeypatch: pytest.MonkeyPatch, there: list[Running], word: str
) -> None:
    """A name that no container can have."""
    monkeypatch.setattr(containers, "find_all", lambda: there)
    check_linear(lambda size: containers.select([WORDS[word](40 * size)]))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("option", ["-p", "-u", "-P", "--to", "--netns", "--columns"])
def test_long_word(option: str, word: str) -> None:
    """A word that means nothing."""
    check_linear(lambda size: parse([option, WORDS[word](40 * size)]))


def test_descendants() -> None:
    """So many processes are followed, each with a child."""

    def work(count: int) -> None:
        numbers = range(1, 2 * count)
        every = {pid: pid - count for pid in numbers}
        assert len(descendants(every, range(1, count))) == count - 1

    check_linear(work)


def test_ports_are_united() -> None:
    """Ranges that overlap are what each of them is."""
    changes = parse_words(["-P", "80,70-90,85-100,1,200-210"]).changes
    expected = {1, *range(70, 101), *range(200, 211)}
    assert changes == {"ports": expected}


@pytest.mark.parametrize("between", [[], 150 * ["-t"]])
def test_ip_versions_exclude_each_other(between: list[str]) -> None:
    """-4 and -6 do, however far from each other."""
    message = "argument -6/--ipv6: not allowed with argument -4/--ipv4"
    with pytest.raises(TcpconnectError, match=message):
        parse_words(["-4", *between, "-6"])
    assert parse_words(["-4", *between, "-4"]).changes == {"ip": 4}


def test_first_unknown_word_is_named() -> None:
    """However many words there are before and behind it."""
    words = [*(150 * ["-t"]), "a", *(150 * ["-t"]), "b", "--wrong"]
    with pytest.raises(TcpconnectError, match=r"^unexpected argument 'a'; "):
        parse_words(words)
