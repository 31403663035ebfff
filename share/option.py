"""The options, as the man page and the completions need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.fields import Column
    from tcpconnect.options.option import Option
    from tcpconnect.options.verbs import Verb


def shown(verb: Verb | None = None) -> list[Option]:
    """Return what shells and the man page know of a trace or a verb: not the hidden."""
    return [option for option in (verb.taken if verb else OPTIONS) if option.help]


SHOWN = shown()


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


def rivals(option: Option, options: Iterable[Option]) -> list[str]:
    """Return the flags that one of the options excludes, its own among them."""
    return [
        f for other in options if other.member == option.member for f in other.flags
    ]
