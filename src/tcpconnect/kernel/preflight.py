"""What tracing needs of this machine: reports all problems at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from tcpconnect import messages
from tcpconnect.bpf.libbpf import LIBRARY, load_library
from tcpconnect.errors import PreflightError, TcpconnectError
from tcpconnect.machine import capabilities
from tcpconnect.machine.cgroup import mount_point
from tcpconnect.machine.release import kernel_version

if TYPE_CHECKING:
    import ctypes

USER_NAMESPACE = "/proc/self/ns/user"
BTF = "/sys/kernel/btf/vmlinux"
LOCKDOWN = "/sys/kernel/security/lockdown"

# include/linux/proc_ns.h: PROC_USER_INIT_INO.
INITIAL_USER_NAMESPACE = 0xEFFFFFFD

NEEDED_CAPABILITIES = ("CAP_PERFMON", "CAP_BPF")

# Package managers, and their commands to install the library.
INSTALLERS = {
    "apt-get": "apt-get install libbpf1",
    "dnf": "dnf install libbpf",
    "apk": "apk add libbpf",
    "pacman": "pacman -S libbpf",
    "zypper": "zypper install libbpf1",
}

# Names in the kernel's type information, and the first Linux that has them.
FEATURES = {
    b"btf_trace_inet_sock_set_state": ("tracepoint sock:inet_sock_set_state", "5.5"),
    b"BPF_MAP_TYPE_RINGBUF": ("BPF ring buffer", "5.8"),
    b"BPF_FUNC_skc_to_tcp_sock": ("BPF helper skc_to_tcp_sock", "5.9"),
}
OLDEST = (5, 10)  # of the series that are still maintained


class Check(msgspec.Struct, frozen=True):
    """The result of one check: what was found, or the problem."""

    name: str
    found: str
    problem: TcpconnectError | None = None


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def privileges() -> Check:
    """Check for capabilities in the machine's own user namespace."""
    name = "privileges"
    try:
        namespace = os.stat(USER_NAMESPACE).st_ino
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        return Check(name, "", TcpconnectError(messages.NO_PROC, reason=reason))
    lacking = capabilities.lacking(*NEEDED_CAPABILITIES)
    if lacking:
        who = "not root" if os.geteuid() else "root without its capabilities"
        missing, remedy = capabilities.missing(lacking)
        problem = TcpconnectError(
            messages.NO_PRIVILEGES, who=who, reason=missing, remedy=remedy
        )
        return Check(name, "", problem)
    if namespace != INITIAL_USER_NAMESPACE:
        return Check(name, "", TcpconnectError(messages.USER_NAMESPACE))
    has = ", ".join(sorted(capabilities.effective()))
    return Check(name, has if os.geteuid() else "root")


def btf() -> Check:
    """Check for the kernel's type information."""
    if os.path.exists(BTF):
        return Check("BTF", BTF)
    return Check("BTF", "", TcpconnectError(messages.NO_BTF, path=BTF))


def lockdown() -> Check:
    """Check whether BPF programs may read kernel memory."""
    mode = (
        _read(LOCKDOWN).decode(errors="replace").strip()
        if os.path.exists(LOCKDOWN)
        else "none"
    )
    if "[confidentiality]" not in mode:
        return Check("lockdown", mode)
    return Check("lockdown", "", TcpconnectError(messages.LOCKDOWN))


def library() -> Check:
    """Check whether libbpf can be loaded."""
    try:
        load_library()
    except OSError as error:
        import shutil

        install = [c for tool, c in INSTALLERS.items() if shutil.which(tool)]
        install = install[:1] or list(INSTALLERS.values())
        problem = TcpconnectError(
            messages.NO_LIBBPF,
            library=LIBRARY,
            reason=error,
            commands=", or ".join(install),
        )
        return Check("libbpf", "", problem)
    return Check("libbpf", LIBRARY)


def kernel() -> Check:
    """Check whether the kernel has what the programs use, by its BTF."""
    release = f"Linux {os.uname().release}"
    try:
        names = _read(BTF)
    except OSError as error:
        return _kernel_by_release(release, error.strerror or "")
    lacking = [
        f"{what} (Linux {since})"
        for name, (what, since) in FEATURES.items()
        if b"\0" + name + b"\0" not in names
    ]
    if not lacking:
        return Check("kernel", release)
    reason = f"{release} has no {', no '.join(lacking)}"
    return Check("kernel", "", _too_old(reason))


def _kernel_by_release(release: str, why: str) -> Check:
    """Without BTF only the version shows whether another build of it would do."""
    if (0, 0) < kernel_version() < OLDEST:
        return Check("kernel", "", _too_old(f"it is {release}"))
    return Check("kernel", f"{release} (not examined: {why})")


def _too_old(reason: str) -> TcpconnectError:
    major, minor = OLDEST
    message, oldest = messages.KERNEL_TOO_OLD, f"{major}.{minor}"
    return TcpconnectError(message, reason=reason, oldest=oldest)


def cgroups() -> Check:
    """Report where cgroup v2 is mounted: only --cgroup needs the mount."""
    try:
        path = os.fsdecode(mount_point())
    except OSError:  # no /proc: privileges() reports it
        path = ""
    return Check("cgroup v2", path or "not mounted; --cgroup does not work")


def examine() -> list[Check]:
    """Run all checks."""
    return [privileges(), kernel(), btf(), lockdown(), library(), cgroups()]


def require() -> None:
    """Raise PreflightError with all problems, if there is one."""
    problems = [check.problem for check in examine() if check.problem]
    if problems:
        raise PreflightError(problems)


def ready_library() -> ctypes.CDLL:
    """Return libbpf when the quick checks pass.

    Raises PreflightError with all problems.
    """
    if any(check.problem for check in (privileges(), btf(), lockdown())):
        require()
    try:
        return load_library()
    except OSError:
        require()
        raise
