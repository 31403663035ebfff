"""Pinned maps of cgroups and mount namespaces, as others make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.support.system import sh

if TYPE_CHECKING:
    from pathlib import Path

VALUE_BYTES = {"cgroup": 8, "mntns": 4}


class IdMap(NamedTuple):
    """A map as the option needs it, and the option."""

    kind: str
    path: Path

    @property
    def option(self) -> tuple[str, Path]:
        """The option of the tool, and its value."""
        return f"--{self.kind}map", self.path

    def add(self, number: int) -> None:
        """Add the ID of a cgroup or the inode of a mount namespace."""
        value = "1 " + "0 " * (VALUE_BYTES[self.kind] - 1)
        self._change("update", f"{_key(number)} value {value}")

    def remove(self, number: int) -> None:
        """Take it out."""
        self._change("delete", _key(number))

    def _change(self, how: str, what: str) -> None:
        sh(f"bpftool map {how} pinned {self.path} {what}")


def _key(number: int) -> str:
    return "key " + " ".join(map(str, number.to_bytes(8, "little")))


def id_map(bpffs: Path, kind: str, flags: int = 0, name: str = "") -> IdMap:
    """Return a new, empty map for the option, pinned by this name."""
    shape = f"type hash key 8 value {VALUE_BYTES[kind]} entries 64 flags {flags}"
    path = bpffs / (name or kind)
    sh(f"bpftool map create {path} {shape} name wanted")
    return IdMap(kind, path)
