"""Attributes of OpenTelemetry, as pieces of JSON that are made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.image import Place

_encoder = json.Encoder()


def quoted(text: str) -> str:
    """Return a text as JSON."""
    return _encoder.encode(text).decode()


def string(key: str, value: str) -> str:
    """Return an attribute that is a text."""
    return f'{{"key":"{key}","value":{{"stringValue":{quoted(value)}}}}}'


def integer(key: str, value: int) -> str:
    """Return one that is a whole number; of 64 bits, which JSON has as text."""
    return f'{{"key":"{key}","value":{{"intValue":"{value}"}}}}'


def decimal(key: str, value: float) -> str:
    """Return one that is a number with a fraction."""
    return f'{{"key":"{key}","value":{{"doubleValue":{value!r}}}}}'


def numbers(key: str, values: Iterable[int]) -> str:
    """Return one that is an array of whole numbers."""
    members = ",".join(f'{{"intValue":"{value}"}}' for value in values)
    return f'{{"key":"{key}","value":{{"arrayValue":{{"values":[{members}]}}}}}}'


def strings(named: dict[str, str | None]) -> list[str]:
    """Return attributes for all texts that there are."""
    return [string(key, value) for key, value in named.items() if value]


def of_place(place: Place) -> list[str]:
    """Return what identifies a container and a pod, as collectors join them."""
    container, pod = place.container, place.pod
    whole = place.container_id
    namespace, slash, name = (pod or "").partition("/")
    named = None if (whole or "").startswith(container or "-") else container
    # Of a pod of Kubernetes it is the name that the pod gives it; podman has its own.
    is_pods = bool(pod) and place.runtime != "podman"
    return strings(
        {
            "container.id": whole,
            "container.name": None if is_pods else named,
            "k8s.container.name": named if is_pods else None,
            "container.runtime.name": place.runtime,
            "k8s.namespace.name": namespace if slash else None,
            "k8s.pod.name": name if slash else None,
            "k8s.pod.uid": place.pod_uid or (None if slash else pod),
        }
    )
