"""A collector of OpenTelemetry on this machine, and what it reads."""

from __future__ import annotations

from typing import Any

from tcpconnect.image import Place
from tcpconnect.remote.otlp import Otlp

PLACE = Place(
    cgroup="/a",
    container="web",
    container_id="0123456789ab" + "0" * 52,
    runtime="containerd",
    unit="b.scope",
    pod="shop/web-1",
    pod_uid="1f",
)


def place(port: int = 4318, options: str = "") -> Otlp:
    """Return a collector on this machine."""
    made = Otlp(f"otlp+http://127.0.0.1:{port}{options}")
    made.open()
    return made


def plain(value: Any) -> Any:
    """Return a value of an attribute."""
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [plain(v) for v in found.values] if kind == "array_value" else found


def attributes(holder: Any) -> dict[str, Any]:
    """Return the attributes of a record, or a resource."""
    return {each.key: plain(each.value) for each in holder.attributes}
