"""Boots a machine whose first process is systemd, and runs tests/systemd in it."""

import sys

from .suites import Suite, run_suite

SUITE = Suite(
    name="systemd",
    tests="tests/systemd",
    packages=(
        *("systemd", "systemd-resolved", "dbus", "libcap2-bin", "passwd", "podman"),
        "procps",
    ),
)

if __name__ == "__main__":
    sys.exit(run_suite(SUITE, __doc__))
