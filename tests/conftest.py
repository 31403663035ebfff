"""How tests share the machine when processes run them in parallel."""

from __future__ import annotations

import gc
import importlib
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.environment import settle
from tests.support.groups import ALONE, CLOCK, group_of, turn_of
from tests.support.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Generator

# At the clock, by which all tests go, and at what else there is once on a machine: what
# runs with root's rights and on the kernel shares that.
TURNS = pytest.StashKey[tuple[Turn, Turn]]()

# Tests are collected in half the time when nobody looks for what could be freed again.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    """Settle the environment; share the turns with the other processes of this run."""
    settle()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = Path(config.option.basetemp).parent
        config.stash[TURNS] = Turn(folder, "clock"), Turn(folder, "machine")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, where it is installed
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Give each group of tests to one process, in their order."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False

    class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return Groups(config, log)


def pytest_collection(session: pytest.Session) -> None:
    """Compile a part of all tests, others of which the other processes compile.

    Each of them imports all, and would compile all in a new clone.
    """
    config = session.config
    worker = getattr(config, "workerinput", None)
    if worker and config.args_source is config.ArgsSource.TESTPATHS:
        begin, step = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
        for path in sorted(config.rootpath.glob("tests/**/test_*.py"))[begin::step]:
            parts = path.relative_to(config.rootpath).with_suffix("").parts
            with suppress(ImportError, SyntaxError):  # it is reported when collected
                importlib.import_module(".".join(parts))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Sort the groups of tests that run in parallel."""
    if TURNS in config.stash:
        tests = Counter(group_of(item.nodeid) for item in items)
        turns = {group: turn_of(group, count) for group, count in tests.items()}
        items.sort(key=lambda item: turns[group_of(item.nodeid)])


def pytest_collection_finish() -> None:
    """Look for garbage from here on, but not among what was collected."""
    gc.freeze()
    gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Without root, skip what needs it."""
    if os.geteuid() and item.get_closest_marker("root"):
        item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Have a test wait for its turns; what is not beside others keeps them."""
    if TURNS not in item.config.stash:
        return (yield)
    clock, machine = item.config.stash[TURNS]
    group = group_of(item.nodeid)
    clock.take(alone=group == CLOCK)
    if any(map(item.get_closest_marker, ("kernel", "root"))):
        machine.take(alone=group == ALONE)
    try:
        return (yield)
    finally:
        is_last = nextitem is None or group_of(nextitem.nodeid) != group
        if is_last or group not in (CLOCK, ALONE):
            machine.give_back()
            clock.give_back()
