"""Details of processes: learned from the kernel, stored by image, added."""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from tcpconnect.batch import Losses, Part, lost
from tcpconnect.decode import Added
from tcpconnect.enrich import cmdline
from tcpconnect.enrich.allowance import LateWork
from tcpconnect.enrich.files import READ_FILES
from tcpconnect.enrich.place import MAX_UNNAMED, Places
from tcpconnect.image import UNKNOWN, Image, Place
from tcpconnect.kernel.records import (
    CGROUP_CUT,
    CMDLINE_CUT,
    CMDLINE_TITLE,
    EXE_CUT,
    EXE_DELETED,
    KINDS,
    LARGE_PROCESS,
    LEGACY_CUT,
    SMALL_PROCESS,
    Members,
)
from tcpconnect.kernel.records import UNKNOWN as NO_RESULT
from tcpconnect.output import harmless

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.bpf.ring import Run

# Room for what is known: more than 100,000 processes, unless they have long arguments.
MAX_BYTES = 64 << 20
IMAGE_BYTES = 400  # of an image besides its texts
_NEEDED = Members(["time_ns", "latency_ns", "result", "image"])


class Unread(NamedTuple):
    """The record of an image that no connection has needed yet."""

    flags: int
    exe: int
    cgroup: int
    legacy: int
    arguments: int
    data: bytes


class Processes(Part):
    """The images that the kernel has sent; the ones longest unused go first.

    To read one can take 10 ms, and anyone can have others read with every connect:
    where lines are late, that is done for so many seconds of each, and connections
    that are without are counted. ``now_ns`` returns the time by the kernel's clock.
    """

    kinds = (SMALL_PROCESS, LARGE_PROCESS)

    def __init__(
        self,
        details: frozenset[str],
        places: Places | None = None,
        max_bytes: int = MAX_BYTES,
        now_ns: Callable[[], int] = int,
        *,
        names_containers: bool = False,
    ) -> None:
        super().__init__()
        numbers: list[str] = sorted({"ppid", "mntns"} & details)
        values = {name: f"{name} if pid else None" for name in numbers}
        self.added = Added(
            {**values, "image": "process"}, name="process", find=self.find
        )
        self._places = places or Places()
        self._placed = "cgroup" in details
        self._names_containers = names_containers
        self._late = LateWork(now_ns)
        self._images: OrderedDict[int, Image | Unread] = OrderedDict()
        self._unnamed: dict[int, tuple[str, str]] = {}  # those in unnamed places
        self._bytes = 0
        self._max_bytes = max_bytes

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs to read the files of runtimes."""
        return frozenset({READ_FILES} if self._names_containers else ())

    @property
    def losses(self) -> Losses:
        """How many attempts lack details that there was no time to read."""
        return lost(processes=self._late.skipped)

    def learn(self, run: Run) -> None:
        """Store a run of process records."""
        for image, *record in KINDS[run.length].unpack(run):
            unread = Unread._make(record)
            used = unread.exe + unread.cgroup + unread.legacy + unread.arguments
            self._keep(image, unread._replace(data=unread.data[:used]))

    def _read(self, number: int, record: Unread) -> Image:
        flags, exe, cgroup, legacy, arguments, data = record
        cgroup_from = exe
        legacy_from = cgroup_from + cgroup
        cmdline_from = legacy_from + legacy
        place = Place()
        if self._placed:
            paths = (
                _path(data[cgroup_from:legacy_from], cut=flags & CGROUP_CUT),
                _path(data[legacy_from:cmdline_from], cut=flags & LEGACY_CUT),
            )
            place = self._places.find(*paths)
            if place.unnamed and len(self._unnamed) < MAX_UNNAMED:
                self._unnamed[number] = paths
        return Image(
            _exe(data[:exe], flags & (EXE_CUT | EXE_DELETED)) if exe else None,
            cmdline.text(
                data[cmdline_from : cmdline_from + arguments],
                cut=bool(flags & CMDLINE_CUT),
                title=bool(flags & CMDLINE_TITLE),
            ),
            place,
        )

    def _keep(self, number: int, image: Image | Unread) -> None:
        if before := self._images.pop(number, None):
            self._bytes -= _size(before)
        self._images[number] = image
        self._bytes += _size(image)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(self._images.popitem(last=False)[1])

    def find(self, run: Run) -> list[Image]:
        """Return the images of the processes that attempts are of."""
        if self._unnamed and self._places.look_again():
            self._name()
        images, used = self._images, self._images.move_to_end
        found = []
        # Its line is due when it begins, with -r when it has ended.
        for began_ns, latency_ns, result, number in _NEEDED.of(run):
            image = images.get(number)
            if isinstance(image, Unread):
                due_ns = began_ns + (0 if result == NO_RESULT else latency_ns)
                image = self._read_in_time(number, image, due_ns)
            elif image:
                used(number)
            found.append(image or UNKNOWN)
        return found

    def _name(self) -> None:
        """Give those in unnamed places the names that have come, or forget them."""
        for number, paths in list(self._unnamed.items()):
            image, place = self._images.get(number), self._places.find(*paths)
            if isinstance(image, Image) and not place.unnamed:
                self._images[number] = replace(image, place=place)
            if not (isinstance(image, Image) and place.unnamed):
                del self._unnamed[number]

    def _read_in_time(self, number: int, record: Unread, due_ns: int) -> Image | None:
        """Read a record for a line that is due then, if there is time for it."""
        image = self._late.do(due_ns, self._read, number, record)
        if image:
            self._keep(number, image)
        return image


def _size(image: Image | Unread) -> int:
    """Return about how much memory an image takes; others share its place."""
    if isinstance(image, Unread):
        return IMAGE_BYTES + len(image.data)
    return IMAGE_BYTES + 2 * (len(image.exe or "") + len(image.cmdline or ""))


def _path(names: bytes, *, cut: int) -> str:
    """Return the path of names that end with NUL, the last one first."""
    parts = names.decode(errors="backslashreplace").split("\0")[:-1]
    return ("…/" if cut else "/") + "/".join(reversed(parts))


@lru_cache(maxsize=2048)
def _exe(names: bytes, flags: int) -> str:
    text = harmless(_path(names, cut=flags & EXE_CUT))
    return f"{text} (deleted)" if flags & EXE_DELETED else text
