"""Runs the tests of tests/kernel on other kernels, in virtual machines.

``python -m vmtest --help`` lists the options; ``make test-kernels`` sets up what it
needs. One module does one job: ``kernels`` finds Debian's kernels, ``debian`` is apt
with a configuration of its own, ``roots`` makes the file systems, ``project`` puts the
tool and its tests into them, ``boot`` runs QEMU, ``init`` is the first process in the
machine, ``console`` reads what it says, ``properties`` lists what a kernel can't do,
and ``report`` tells how the tests went. ``suites`` makes one machine, for ``peers``
and for tests that change it: those of ``systemd``, ``packages`` and ``ansible``.

Nothing is installed on the host, or changed in its /etc. All files are in .cache/vm.
"""
