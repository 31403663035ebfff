"""JSON in the shape of another schema, one object per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import defstruct
from msgspec.json import Encoder

from tcpconnect.conventions.shapes import ECS, OCSF, SHAPES, paths
from tcpconnect.formats import STRUCTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import msgspec

    from tcpconnect.fields import Column

# Paths made objects: names lead to expressions, or to other objects.
Tree = dict[str, "str | Tree"]


class Shaped:
    """Objects of a schema; what is not known is left out."""

    left_out = ()

    def __init__(self, schema: str, columns: list[Column]) -> None:
        known: dict[str, Any] = {}
        tree = _tree(schema, columns, known)
        self._rows: Callable[[Iterable[msgspec.Struct]], list[Any]]
        self._rows = STRUCTS.compiled(_made(tree, known), known)
        self._encode = Encoder().encode_lines

    def header(self) -> bytes:
        """Return nothing: the keys are in every object."""
        return b""

    def rows(self, structs: Iterable[msgspec.Struct]) -> bytes:
        """Return an object for each struct."""
        return self._encode(self._rows(structs))


class Ecs(Shaped):
    """Documents of the Elastic Common Schema."""

    def __init__(self, columns: list[Column]) -> None:
        super().__init__(ECS, columns)


class Ocsf(Shaped):
    """Events of OCSF's class Network Activity."""

    def __init__(self, columns: list[Column]) -> None:
        super().__init__(OCSF, columns)


def _tree(schema: str, columns: list[Column], known: dict[str, Any]) -> Tree:
    """Return expressions of a ``struct`` by their paths; ``known`` gets their names."""
    shape, where = SHAPES[schema], paths(schema)
    tree: Tree = {}

    def put(path: str, argument: str, value: Any) -> None:
        name = f"value{len(known)}"
        known[name] = value
        _put(tree, path, f"{name}{argument}")

    for column in columns:
        path = where.get(column.name, f"{shape.others}.{column.name}")
        member = f"struct.{column.path}"
        convert = shape.converted.get(column.name) or column.field.shown
        if convert:
            put(path, f"({member})", convert)
        else:
            _put(tree, path, member)
    for path, value in shape.fixed.items():
        put(path, "", value)
    for path, derive in shape.derived.items():
        put(path, "(struct)", derive)
    return tree


def _put(tree: Tree, path: str, expression: str) -> None:
    *objects, last = path.split(".")
    for name in objects:
        inner = tree.setdefault(name, {})
        if isinstance(inner, str):
            raise TypeError(path)
        tree = inner
    tree[last] = expression


def _made(tree: Tree, known: dict[str, Any]) -> str:
    """Return the expression that makes an object; of those in it none is empty."""
    members = {f"m{n}": name for n, name in enumerate(tree)}
    values = [
        value if isinstance(value, str) else _unless_empty(_made(value, known), known)
        for value in tree.values()
    ]
    kind = f"Object{len(known)}"
    known[kind] = defstruct(
        kind,
        [(member, Any, None) for member in members],
        rename=members,
        omit_defaults=True,
        gc=False,
    )
    return f"{kind}({', '.join(values)})"


def _unless_empty(made: str, known: dict[str, Any]) -> str:
    kind, _, _ = made.partition("(")
    empty, made_name = f"empty{kind}", f"made{kind}"
    known[empty] = known[kind]()
    return f"(None if ({made_name} := {made}) == {empty} else {made_name})"
