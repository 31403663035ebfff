"""docs/troubleshooting.md: troubleshooting.md.in with the messages of the catalogue."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import tcpconnect
from share.template import fill
from tcpconnect.errors import Message
from tcpconnect.kernel.capacities import MAX_FLOWS
from tcpconnect.kernel.filters import MAX_FOLLOWED
from tcpconnect.kernel.pending import MAX_PENDING
from tcpconnect.kernel.preflight import OLDEST

if TYPE_CHECKING:
    from types import ModuleType

DOCUMENT = Path(__file__).parents[1] / "docs/troubleshooting.md"
PACKAGE = Path(tcpconnect.__path__[0])
NUMBERS = {
    "MAX_FLOWS": str(MAX_FLOWS),
    "MAX_FOLLOWED": str(MAX_FOLLOWED),
    "MAX_PENDING": str(MAX_PENDING),
    "OLDEST": "{}.{}".format(*OLDEST),
}


def catalogues() -> list[ModuleType]:
    """Return the modules that have messages: messages.py, and those named like it."""
    names = sorted(path.stem for path in PACKAGE.glob("*messages.py"))
    return [import_module(f"{tcpconnect.__name__}.{name}") for name in names]


def catalogue() -> dict[str, Message]:
    """Return the messages by their names, without those that are a single value."""
    return {
        name: message
        for module in catalogues()
        for name, message in vars(module).items()
        if isinstance(message, Message) and message.sentence != "{text}"
    }


def page() -> str:
    """Return the document."""
    shown = {name: f"`{text(message)}`" for name, message in catalogue().items()}
    return fill("troubleshooting.md.in", shown | NUMBERS)


def text(message: Message) -> str:
    """Return a message as the document has it, without a remedy or varying reason."""
    fixed = re.sub("{.*?}", "", message.reason).strip(": ")
    sentence = f"{message.sentence}: {message.reason}" if fixed else message.sentence
    return re.sub(r"{(\w+)(!r)?}", _place, sentence)


def _place(found: re.Match[str]) -> str:
    name = found[1].upper()
    return f"'{name}'" if found[2] else name


if __name__ == "__main__":
    DOCUMENT.write_text(page(), encoding="utf-8")
