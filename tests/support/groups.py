"""Which tests run beside which: those of a group run one by one, in one process."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePath

CLOCK, ALONE = "clock", "alone"

# Groups of tests/kernel, whose tests look at what the whole machine has. All other
# files are groups of their own.
GROUPS = {
    # What sets the machine's clock, and what has to be there in time: beside nothing.
    CLOCK: "clock delay floods hostile_targets record_clock",
    # What is lost or missed, floods, and who gets the number of a namespace that is
    # gone: beside no other test on the kernel or with root's rights.
    ALONE: "lookups_flood names_again names_order names_unprobed namespaces_again "
    "preempted starvation",
    # Answers and questions that are not read, which tools count for the whole machine.
    "answers": "names_asked names_dns names_tcp",
    # C libraries that are new, are let go, or can't be probed: each tool with -d looks.
    "libraries": "libraries* limits names_containers names_nested names_places "
    "names_sources",
    # Addresses that are not local have names of the whole machine.
    "scopes": "names_scope names_whose",
    # Cgroups and containers, by names and IDs that are the same in several tests.
    "cgroups": "container_owners filter_places maps mptcp place "
    "places process special_filtering",
}

# What is made once for each process: a header that is compiled, a server's tables.
SHARED = {
    "tests/process/test_layout.py": "layouts",
    "tests/process/test_layout_numbers.py": "layouts",
    "tests/process/test_names_layout.py": "layouts",
    "tests/servers/test_postgresql.py": "tests/servers/postgresql",
    "tests/servers/test_postgresql_limits.py": "tests/servers/postgresql",
}

# What begins first: what runs beside no other test, and beside it what takes longest of
# those that need no kernel; then what waits longest.
FIRST = (
    CLOCK,
    ALONE,
    "tests/process/test_names_memory.py",
    "tests/process/test_top_terminal.py",
    "tests/process/test_completion.py",
    "tests/unit/test_many_options.py",
    "tests/unit/test_history_queries.py",
    "tests/process/test_top_crash.py",
    "tests/servers/test_report_statements.py",
    "tests/golden/test_top.py",
    "tests/fuzz/test_lookups.py",
    "libraries",
    "tests/kernel/test_lookups_failed.py",
    "tests/unit/test_remote_output.py",
)

# Folders whose tests take longer than others.
LONG = ("tests/kernel/", "tests/servers/")

# What user space does with events, in every kernel the same, among it which name an
# attempt gets once an answer was read, how the tool ends, whose files it believes and
# who may look into it: CI has these on the host only (the mark user_space),
# `make test-kernels` everywhere.
USER_SPACE = (
    "added_filter bare bench blocked_output color command* container_owners "
    "contributing failing_output hostile_targets job late_imports lifecycle "
    "names_believed names_clients names_nat names_order names_output names_places "
    "names_scope names_sources names_unprobed names_whose other_users prometheus* "
    "record* seccomp slow_output sqlite summary tables terminal top wanted wrong_maps"
)


def group_of(path: str) -> str:
    """Return the group of a test's file, which may have ``::`` and a test behind it."""
    file = PurePath(path.partition("::")[0])
    if file.parent.name == "kernel":
        name = file.stem.removeprefix("test_")
        for group, patterns in GROUPS.items():
            if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
                return group
    return SHARED.get(str(file), str(file))


def is_user_space(path: PurePath) -> bool:
    """Whether a test's file of tests/kernel is one of USER_SPACE."""
    name = path.stem.removeprefix("test_")
    return any(fnmatchcase(name, pattern) for pattern in USER_SPACE.split())


def turn_of(group: str, tests: int) -> tuple[object, ...]:
    """Return what to sort groups by, of so many tests: the longest come first."""
    first = FIRST.index(group) if group in FIRST else len(FIRST)
    is_short = group not in GROUPS and not group.startswith(LONG)
    return first, is_short, -tests, group
