"""docs/troubleshooting.md: troubleshooting.md.in with the messages of the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

from share.template import fill
from tcpconnect import loss_messages, messages
from tcpconnect.errors import Message
from tcpconnect.kernel.attempts import MAX_FLOWS
from tcpconnect.kernel.filters import MAX_FOLLOWED
from tcpconnect.kernel.pending import MAX_PENDING
from tcpconnect.kernel.preflight import OLDEST

DOCUMENT = Path(__file__).parents[1] / "docs/troubleshooting.md"
NUMBERS = {
    "MAX_FLOWS": str(MAX_FLOWS),
    "MAX_FOLLOWED": str(MAX_FOLLOWED),
    "MAX_PENDING": str(MAX_PENDING),
    "OLDEST": "{}.{}".format(*OLDEST),
}


def catalogue() -> dict[str, Message]:
    """Return the messages by their names, without those that are a single value."""
    return {
        name: message
        for name, message in (vars(messages) | vars(loss_messages)).items()
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
