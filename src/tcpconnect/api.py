"""``trace()``: the Python API, which the command uses, too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from tcpconnect.kernel.ahead import attached
from tcpconnect.places import EVERYWHERE, Targets
from tcpconnect.settings import Settings
from tcpconnect.tracer import Trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, Protocol, overload

    Members = ParamSpec("Members")

    class Tracing(Protocol[Members]):
        """Starts a trace with Settings, with members of Settings, or with both."""

        @overload
        def __call__(self, *args: Members.args, **changes: Members.kwargs) -> Trace: ...
        @overload
        def __call__(
            self, settings: Settings, /, *args: Members.args, **changes: Members.kwargs
        ) -> Trace: ...


def _typed_as(
    _settings: Callable[Members, Settings],
) -> Callable[[Callable[..., Trace]], Tracing[Members]]:
    """Return a decorator that types a function's arguments as members of Settings."""
    return lambda function: cast("Tracing[Members]", function)


@_typed_as(Settings)
def trace(settings: Settings | None = None, /, **changes: Any) -> Trace:
    """Trace the TCP connection attempts of this machine.

    Args:
        settings: what to trace and when to report it; all attempts, when they begin.
        changes: members of Settings to be used instead; ``help(tcpconnect.Settings)``
            explains them.

    Raises:
        PreflightError: this machine can't trace, with all reasons.
        KernelError: the kernel refused a step.
        TcpconnectError: none of ``pids`` is running.
        UsageError: a value is wrong.
    """
    settings = replace(settings or Settings(), **changes)
    return Trace(settings, partial(attached, settings, _targets(settings)))


def _targets(settings: Settings) -> Targets:
    cgroups, containers = settings.cgroups, settings.containers
    if not (cgroups or containers or settings.not_containers):
        return EVERYWHERE
    from tcpconnect.targets import targets_of

    return targets_of(cgroups, containers, settings.not_containers)
