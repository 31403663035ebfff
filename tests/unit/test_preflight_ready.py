"""What is examined before a trace: quick checks, and all of them where one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import PreflightError
from tcpconnect.kernel import preflight
from tests.support.preflights import Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that can trace."""
    return Machine(tmp_path, monkeypatch)


def problems() -> list[str]:
    """Return all problems that are found."""
    return [str(check.problem) for check in preflight.examine() if check.problem]


def break_all(machine: Machine) -> None:
    """Let the machine have every problem that can be there at once."""
    machine.give()
    machine.offer(b"nothing")
    machine.lock("none integrity [confidentiality]")
    machine.lose_library()


def test_all_at_once(machine: Machine) -> None:
    """One error has every problem."""
    break_all(machine)
    with pytest.raises(PreflightError) as caught:
        preflight.require()
    sentences = [problem.sentence for problem in caught.value.problems]
    assert sentences == [
        "no privileges",
        "kernel too old",
        "kernel lockdown",
        "no libbpf.so.1",
    ]


def test_all_have_a_remedy(machine: Machine) -> None:
    """Every problem says what to do."""
    break_all(machine)
    checks = [check.problem for check in preflight.examine() if check.problem]
    assert [problem.sentence for problem in checks if not problem.remedy] == []


def test_ready(machine: Machine) -> None:
    """On a good machine the library is returned."""
    actual: object = preflight.ready_library()
    assert actual is machine


@pytest.mark.parametrize("trouble", ["privileges", "btf", "lockdown", "library"])
def test_not_ready(machine: Machine, trouble: str) -> None:
    """Each quick check is enough to have all problems reported."""
    troubles: dict[str, Callable[[], object]] = {
        "privileges": machine.give,
        "btf": machine.btf.unlink,
        "lockdown": lambda: machine.lock("none integrity [confidentiality]"),
        "library": machine.lose_library,
    }
    troubles[trouble]()
    with pytest.raises(PreflightError) as caught:
        preflight.ready_library()
    assert len(caught.value.problems) == 1


def test_ready_tells_all(machine: Machine) -> None:
    """When one quick check fails the slow ones are made, too."""
    break_all(machine)
    with pytest.raises(PreflightError) as caught:
        preflight.ready_library()
    assert [str(problem) for problem in caught.value.problems] == problems()
