"""libbpf through ctypes: the kernel's structs, and errors as exceptions."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING, Any, cast

import pytest

from tcpconnect.bpf import libbpf
from tcpconnect.bpf.step import step
from tcpconnect.errors import KernelError, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("structure", "member", "offset"),
    [
        (libbpf.MapInfo, "type", 0),
        (libbpf.MapInfo, "key_size", 8),
        (libbpf.MapInfo, "value_size", 12),
        (libbpf.MapInfo, "max_entries", 16),
        (libbpf.MapInfo, "map_flags", 20),
        (libbpf.MapInfo, "name", 24),
    ],
)
def test_structs_of_the_kernel(
    structure: type[ctypes.Structure], member: str, offset: int
) -> None:
    """Members are where include/uapi/linux/bpf.h has them: there they never move."""
    assert getattr(structure, member).offset == offset


@pytest.mark.parametrize(
    ("name", "number"),
    [("hash", 1), ("array", 2), ("lru_hash", 9), ("lpm_trie", 11), ("ringbuf", 27)],
)
def test_map_types(name: str, number: int) -> None:
    """Types of maps have the numbers of enum bpf_map_type."""
    assert libbpf.MAP_TYPES.index(name) == number


class Printing:
    """A library that calls the function for its log."""

    def libbpf_set_print(self, log: Callable[[int, bytes, object], int]) -> None:
        """Log two lines; without conversions, the arguments are not used."""
        no_arguments = ctypes.create_string_buffer(64)
        log(1, b"libbpf: a\x1b[2J\nb\n", no_arguments)


def log() -> None:
    """Have libbpf log to stderr."""
    libbpf.set_log(cast("ctypes.CDLL", Printing()), echo=True)


def test_log(capfd: pytest.CaptureFixture[str]) -> None:
    """The log goes to stderr line by line, escaped."""
    log()
    assert capfd.readouterr().err == "libbpf: a\\x1b[2J\nb\n"


@pytest.mark.parametrize("echo", [False, True])
def test_warnings_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, echo: bool
) -> None:
    """A warning is kept with the names in it, whether it is written as well or not."""
    said: list[str] = []
    monkeypatch.setattr(libbpf, "said", said)
    try:
        library = libbpf.load_library()
    except OSError:
        pytest.skip("this machine has no libbpf")
    libbpf.set_log(library, echo=echo)
    library.bpf_object__open_file.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    library.bpf_object__open_file(bytes(tmp_path / "missing.o"), None)
    assert str(tmp_path / "missing.o") in said[0]


def test_log_that_can_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stderr that does not work is no error: ctypes would write a traceback."""
    unraised: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", unraised.append)
    stderr = os.dup(2)
    try:
        with open("/dev/full", "wb") as full:
            os.dup2(full.fileno(), 2)
        log()
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    assert unraised == []


class FakeFunction:
    """A C function with a given result."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.errcheck: Callable[..., Any] | None = None

    def returns(self, result: int | None) -> Any:
        """Return what the caller gets."""
        return self.errcheck(result, self, ()) if self.errcheck else result


class FakeLibrary:
    """A library that has every function."""

    def __init__(self) -> None:
        self._functions: dict[str, FakeFunction] = {}

    def __getattr__(self, name: str) -> FakeFunction:
        return self._functions.setdefault(name, FakeFunction(name))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    """A library of fake functions, with the prototypes of the real one."""
    fake = FakeLibrary()
    with monkeypatch.context() as patch:
        patch.setattr("ctypes.CDLL", lambda *_, **__: fake)
        patch.setattr("ctypes.PyDLL", lambda *_, **__: fake)
        libbpf.load_library.__wrapped__()
    return fake


def test_negative_errno_is_raised(library: FakeLibrary) -> None:
    """A function that returns an error raises it, and says which one it was."""
    with pytest.raises(PermissionError) as caught:
        library.bpf_object__load.returns(-errno.EPERM)
    assert (caught.value.errno, caught.value.filename) == (1, "bpf_object__load")


def test_null_is_raised(library: FakeLibrary) -> None:
    """A null pointer raises the errno that was left."""
    ctypes.set_errno(errno.ENOENT)
    with pytest.raises(FileNotFoundError):
        library.bpf_object__find_map_by_name.returns(None)


@pytest.mark.parametrize(
    ("function", "result"),
    [
        ("bpf_map__fd", 0),
        ("bpf_map__fd", 7),
        ("bpf_program__attach", 4096),
        ("libbpf_set_print", None),  # there was no callback before
        ("bpf_map_lookup_batch", -errno.ENOENT),  # there is no more
        ("bpf_object__close", None),
    ],
)
def test_success_is_returned(
    library: FakeLibrary, function: str, result: int | None
) -> None:
    """A result that is not an error is returned unchanged."""
    assert getattr(library, function).returns(result) == result


@pytest.fixture(autouse=True)
def said() -> Iterator[list[str]]:
    """What libbpf says; forgotten when the test is over."""
    yield libbpf.said
    libbpf.said.clear()


LOAD = Message("can't load", "{reason}", "{remedy}")
REMEDY = "tcpconnect --check examines this machine, -v shows libbpf's log"


def load(*lines: str) -> None:
    """Fail in a step in which libbpf says these lines."""
    with step(LOAD):
        libbpf.said.extend(lines)
        raise OSError(errno.EINVAL, "Invalid argument", "bpf_object__load")


def fail_in_step(*lines: str) -> str:
    """Return the message of a step that failed so."""
    with pytest.raises(KernelError) as caught:
        load(*lines)
    return str(caught.value)


def test_step_names_itself() -> None:
    """The error says which step failed, and why."""
    assert fail_in_step() == f"can't load: Invalid argument; {REMEDY}"


def test_step_quotes_libbpf() -> None:
    """What libbpf said first in this step is the better reason."""
    expected = f"can't load: Invalid argument (no such tracepoint); {REMEDY}"
    assert fail_in_step("no such tracepoint", "failed to load") == expected


def test_step_forgets_what_was_said_before(said: list[str]) -> None:
    """Warnings of an earlier step are not the reason."""
    said.append("something else")
    assert fail_in_step() == f"can't load: Invalid argument; {REMEDY}"


def test_step_lets_others_pass() -> None:
    """Other errors than libbpf's pass unchanged."""
    with pytest.raises(ValueError, match="a bug"), step(LOAD):
        raise ValueError("a bug")


def test_log_is_harmless(capfd: pytest.CaptureFixture[str]) -> None:
    """What libbpf quotes, with -v or in an error, does nothing to a terminal."""
    libbpf.said.clear()
    none = ctypes.create_string_buffer(32)  # a va_list of no arguments
    text = b"libbpf: elf: \x1b]0;TITLE\x07\nagain \x9b2J\n"
    libbpf._echo(0, text, ctypes.addressof(none))  # noqa: SLF001 (what libbpf calls)
    assert libbpf.said == [r"elf: \x1b]0;TITLE\x07", r"again \x9b2J"]
    assert capfd.readouterr().err == "libbpf: " + "\n".join(libbpf.said) + "\n"
    libbpf.said.clear()
