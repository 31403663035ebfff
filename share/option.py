"""The options, as the man page and the completions need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.options import OPTIONS
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from tcpconnect.fields import Column
    from tcpconnect.options.option import Option

# Those that shells and the man page know: not the hidden ones.
SHOWN = [option for option in OPTIONS if option.help]
OF_VERBS = [option for verb in VERBS for option in verb.options]


def column_words(table: dict[str, Column]) -> dict[str, str]:
    """Return the values of --columns with their meanings."""
    meanings = {name: column.field.meaning for name, column in table.items()}
    return {**meanings, "help": "list all columns"}


def completion(option: Option, kinds: dict[str, str]) -> str:
    """Return what completes an option's value: ``kinds`` has it for each kind."""
    if not option.value:
        return ""
    words = " ".join(option.value.words)
    return kinds[option.value.completion].format(words=words)


def rivals(option: Option) -> list[str]:
    """Return the flags that an option excludes, its own among them."""
    return [
        f for other in OPTIONS if other.member == option.member for f in other.flags
    ]
