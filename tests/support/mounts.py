"""Mounts that only the test and what it starts see."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tcpconnect.kernel.tracepoints import TRACEFS
from tests.support.system import CLONE_NEWNS, libc, sh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLONE_FS = 0x00000200


@contextmanager
def private_mounts() -> Iterator[None]:
    """Give this thread, and what it starts, mounts of their own."""
    home = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    assert libc.unshare(CLONE_NEWNS) == 0
    try:
        sh("mount --make-rprivate /")
        yield
    finally:
        # A thread that was started here, and has not quite ended, shares our directory.
        assert libc.unshare(CLONE_FS) == 0
        assert libc.setns(home, CLONE_NEWNS) == 0
        os.fchdir(here)
        os.close(here)
        os.close(home)


def mount_tracefs() -> None:
    """Mount it where it is looked for: mount(8) fails where it is there already."""
    if not os.path.exists(f"{TRACEFS}/events"):
        sh(f"mount -t tracefs none {TRACEFS}")


def unmount_cgroups() -> None:
    """Unmount all hierarchies of cgroups, those that other tests have mounted too."""
    sh("umount --lazy /sys/fs/cgroup")
    sh("umount --lazy --all --types cgroup2")


@contextmanager
def etc(folder: Path, hosts: str = "", server: str = "127.0.0.53") -> Iterator[None]:
    """Have C libraries look into this hosts file, then ask this server."""
    files = {
        "hosts": f"127.0.0.1 localhost\n{hosts}",
        "resolv.conf": f"nameserver {server}\n",
        "nsswitch.conf": "hosts: files dns\n",
    }
    with private_mounts():
        for name, text in files.items():
            (folder / name).write_text(text, errors="surrogateescape")
            sh(f"mount --bind {folder / name} /etc/{name}")
        yield
