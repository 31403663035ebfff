"""NAMES: the table of what others call our columns; docs/fields.md shows it."""

from __future__ import annotations

from typing import NamedTuple


class Theirs(NamedTuple):
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
    "time": Theirs("", "@timestamp", "time", "ts", "time"),
    "uid": Theirs(
        "process.user.id", "user.id", f"{PROCESS}.user.uid", "", "processes.uid"
    ),
    "pid": Theirs("process.pid", "process.pid", f"{PROCESS}.pid", "", "pid"),
    "tid": Theirs("thread.id", "process.thread.id", f"{PROCESS}.tid"),
    "comm": Theirs("thread.name", "process.thread.name", f"{PROCESS}.name"),
    "ip": Theirs(
        "network.type", "network.type", "connection_info.protocol_ver_id", "", "family"
    ),
    "saddr": Theirs(
        "network.local.address",
        "source.ip",
        "src_endpoint.ip",
        "id.orig_h",
        "local_address",
    ),
    "lport": Theirs(
        "network.local.port",
        "source.port",
        "src_endpoint.port",
        "id.orig_p",
        "local_port",
    ),
    "daddr": Theirs(
        "network.peer.address",
        "destination.ip",
        "dst_endpoint.ip",
        "id.resp_h",
        "remote_address",
    ),
    "dport": Theirs(
        "server.port network.peer.port",
        "destination.port",
        "dst_endpoint.port",
        "id.resp_p",
        "remote_port",
    ),
    "netns": Theirs("", "", "", "", "process_open_sockets.net_namespace"),
    "latency_ms": Theirs("", "event.duration", "duration"),
    "result": Theirs("error.type", "error.code", "status_code", "conn_state", "status"),
    "why": Theirs("", "event.reason", "status_detail"),
    "query": Theirs(
        "server.address dns.question.name",
        "destination.domain",
        "dst_endpoint.hostname",
    ),
    "ppid": Theirs(
        "process.parent_pid",
        "process.parent.pid",
        f"{PROCESS}.parent_process.pid",
        "",
        "processes.parent",
    ),
    "exe": Theirs(
        "process.executable.path",
        "process.executable",
        f"{PROCESS}.file",
        "",
        "path",
    ),
    "cmdline": Theirs(
        "process.command_line",
        "process.command_line",
        f"{PROCESS}.cmd_line",
        "",
        "processes.cmdline",
    ),
    "cgroup": Theirs("process.linux.cgroup", "", "", "", "processes.cgroup_path"),
    "container": Theirs(
        "container.name k8s.container.name",
        "container.name",
        f"{PROCESS}.container.name",
    ),
    "container_id": Theirs("container.id", "container.id", f"{PROCESS}.container.uid"),
    "runtime": Theirs(
        "container.runtime.name", "container.runtime", f"{PROCESS}.container.runtime"
    ),
    "unit": Theirs("", "service.name"),
    "pod": Theirs("k8s.namespace.name k8s.pod.name", "orchestrator.resource.name"),
    "pod_uid": Theirs(
        "k8s.pod.uid", "orchestrator.resource.id", f"{PROCESS}.container.pod_uuid"
    ),
    "workload": Theirs(),
    "event": Theirs("", "event.action", "", "", "action"),
}
