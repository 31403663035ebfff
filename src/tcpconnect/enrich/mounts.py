"""What is mounted here: read once, and again when that has changed."""

from __future__ import annotations

import os
import re
import select

LOCAL = frozenset(
    "bcachefs btrfs ext2 ext3 ext4 f2fs overlay rootfs tmpfs xfs zfs".split()
)
MAX_KNOWN = 1024  # paths
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")  # how mountinfo has a space, among others


class Mounts:
    """The mounts of this process, as proc_pid_mountinfo(5) has them.

    The kernel wakes up who polls that file when something was mounted or unmounted.
    """

    def __init__(self, mountinfo: str = "/proc/self/mountinfo") -> None:
        self._mountinfo = mountinfo
        self._fd = -1
        self._changed = select.poll()
        self._kinds: list[tuple[str, str]] = []  # mount points, and types
        self._known: dict[str, bool] = {}

    def is_local(self, path: str) -> bool:
        """Whether a path is on a disk or in memory, without asking what may block."""
        try:
            self._refresh()
        except OSError:
            self._forget()
            return False
        if path not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[path] = self._look(path)
        return self._known[path]

    def _refresh(self) -> None:
        if self._fd >= 0 and not self._changed.poll(0):
            return
        if self._fd < 0:
            self._fd = os.open(self._mountinfo, os.O_RDONLY | os.O_CLOEXEC)
            self._changed.register(self._fd, select.POLLPRI)
        self._known.clear()
        self._kinds.clear()
        os.lseek(self._fd, 0, os.SEEK_SET)
        with open(
            self._fd, encoding="utf-8", errors="surrogateescape", closefd=False
        ) as lines:
            for line in lines:
                # id, parent, device, root, mount point, ... - type
                mount, _, kind = line.partition(" - ")
                point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), mount.split()[4])
                self._kinds.append((point.rstrip("/"), kind.split()[0]))

    def _forget(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._changed.unregister(fd)
            os.close(fd)

    def _look(self, path: str) -> bool:
        above = [m for m in self._kinds if f"{path}/".startswith(f"{m[0]}/")]
        if not above or "autofs" in {kind for _, kind in above}:
            return False
        # The innermost one counts; of those at one place, the last one, which sort()
        # keeps.
        above.sort(key=lambda mount: len(mount[0]))
        return above[-1][1] in LOCAL
