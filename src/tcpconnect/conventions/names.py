"""NAMES: the table of what others call our columns; docs/fields.md shows it."""

from __future__ import annotations

from typing import NamedTuple


class Names(NamedTuple):
    """What others call a column; "" where they have no word for it.

    ``otel`` are attributes of OpenTelemetry's semantic conventions; ``ecs`` a field of
    the Elastic Common Schema; ``ocsf`` an attribute of OCSF's class 4001, Network
    Activity; ``zeek`` a field of conn.log; ``osquery`` a column of socket_events, or of
    the table that is named.
    """

    otel: str = ""
    ecs: str = ""
    ocsf: str = ""
    zeek: str = ""
    osquery: str = ""


PROCESS = "actor.process"  # in OCSF
NAMES = {
    "time": Names("", "@timestamp", "time", "ts", "time"),
    "uid": Names(
        "process.user.id", "user.id", f"{PROCESS}.user.uid", "", "processes.uid"
    ),
    "pid": Names("process.pid", "process.pid", f"{PROCESS}.pid", "", "pid"),
    "tid": Names("thread.id", "process.thread.id", f"{PROCESS}.tid"),
    "comm": Names("thread.name", "process.thread.name", f"{PROCESS}.name"),
    "ip": Names(
        "network.type", "network.type", "connection_info.protocol_ver_id", "", "family"
    ),
    "saddr": Names(
        "network.local.address",
        "source.ip",
        "src_endpoint.ip",
        "id.orig_h",
        "local_address",
    ),
    "lport": Names(
        "network.local.port",
        "source.port",
        "src_endpoint.port",
        "id.orig_p",
        "local_port",
    ),
    "daddr": Names(
        "network.peer.address",
        "destination.ip",
        "dst_endpoint.ip",
        "id.resp_h",
        "remote_address",
    ),
    "dport": Names(
        "server.port network.peer.port",
        "destination.port",
        "dst_endpoint.port",
        "id.resp_p",
        "remote_port",
    ),
    "netns": Names("", "", "", "", "process_open_sockets.net_namespace"),
    "latency_ms": Names("", "event.duration", "duration"),
    "result": Names("error.type", "error.code", "status_code", "conn_state", "status"),
    "why": Names("", "event.reason", "status_detail"),
    "query": Names(
        "server.address dns.question.name",
        "destination.domain",
        "dst_endpoint.hostname",
    ),
    "ppid": Names(
        "process.parent_pid",
        "process.parent.pid",
        f"{PROCESS}.parent_process.pid",
        "",
        "processes.parent",
    ),
    "exe": Names(
        "process.executable.path",
        "process.executable",
        f"{PROCESS}.file.path",
        "",
        "path",
    ),
    "cmdline": Names(
        "process.command_line",
        "process.command_line",
        f"{PROCESS}.cmd_line",
        "",
        "processes.cmdline",
    ),
    "cgroup": Names("process.linux.cgroup", "", "", "", "processes.cgroup_path"),
    "container": Names("container.name", "container.name", f"{PROCESS}.container.name"),
    "container_id": Names("container.id", "container.id", f"{PROCESS}.container.uid"),
    "runtime": Names(
        "container.runtime.name", "container.runtime", f"{PROCESS}.container.runtime"
    ),
    "unit": Names("", "service.name"),
    "pod": Names("k8s.namespace.name k8s.pod.name", "orchestrator.resource.name"),
    "pod_uid": Names(
        "k8s.pod.uid", "orchestrator.resource.id", f"{PROCESS}.container.pod_uuid"
    ),
    "event": Names("", "event.action", "", "", "action"),
}
