"""A machine for the preflight, which has all that is needed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from tcpconnect.kernel import preflight
from tcpconnect.machine import capabilities

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Machine:
    """A machine that has all that is needed, and loses it on demand."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.user_namespace = directory / "user"
        self.btf = directory / "vmlinux"
        self.lockdown = directory / "lockdown"
        self.set("USER_NAMESPACE", str(self.user_namespace))
        self.set("BTF", str(self.btf))
        self.set("LOCKDOWN", str(self.lockdown))
        self.user_namespace.touch()
        self.set("INITIAL_USER_NAMESPACE", self.user_namespace.stat().st_ino)
        self.set("load_library", lambda: self)
        self.give(*capabilities.NUMBERS, uid=0)
        self.set("mount_point", lambda: b"/sys/fs/cgroup")
        self.offer(*preflight.FEATURES)
        self.lock("[none] integrity confidentiality\n")
        monkeypatch.setattr("os.uname", lambda: SimpleNamespace(release="6.12.9"))
        self.install("apt-get")

    def set(self, name: str, value: object) -> None:
        """Replace something in the module."""
        self._patch.setattr(preflight, name, value)

    def give(self, *names: str, uid: int = 1000) -> None:
        """Run with these capabilities, as this user."""
        self._patch.setattr(capabilities, "effective", lambda: frozenset(names))
        self._patch.setattr("os.geteuid", lambda: uid)

    def offer(self, *names: bytes) -> None:
        """Have these names in the kernel's type information."""
        self.btf.write_bytes(b"\0".join((b"", *names, b"")))

    def lock(self, modes: str) -> None:
        """Have the kernel locked down."""
        self.lockdown.write_text(modes)

    def install(self, *commands: str) -> None:
        """Have these commands."""
        self._patch.setattr("shutil.which", lambda c: c if c in commands else None)

    def lose_library(self) -> None:
        """Have no libbpf."""

        def fail() -> None:
            raise OSError("libbpf.so.1: cannot open shared object file")

        self.set("load_library", fail)
