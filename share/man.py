"""The man page: tcpconnect.8.in with the options and the field tables."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from share.template import fill
from tcpconnect import __version__
from tcpconnect.connection import CONNECTION
from tcpconnect.flow import FLOW
from tcpconnect.options import SECTIONS
from tcpconnect.options.examples import EXAMPLES
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from tcpconnect.fields import Column
    from tcpconnect.options.option import Option, Section
    from tcpconnect.options.verbs import Verb

WIDTH = 72


def page() -> str:
    """Return the page in roff, with the macros of man(7)."""
    parts = {
        "VERSION": __version__,
        "VERBS": "".join(f"\n{_synopsis(verb)}" for verb in VERBS),
        "OPTIONS": "\n".join(map(_section, SECTIONS)),
        "PARTS": "\n".join(map(_verb, VERBS)),
        "FIELDS": _fields(CONNECTION),
        "FLOWS": _fields(FLOW),
        "EXAMPLES": roff(_examples()),
    }
    return fill("tcpconnect.8.in", parts)


def roff(text: str) -> str:
    """Return a text that troff prints unchanged, with ``-`` that can be typed."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    lines = escaped.splitlines()
    return "\n".join(f"\\&{line}" if line[:1] in {".", "'"} else line for line in lines)


def _synopsis(verb: Verb) -> str:
    return f".br\n.B tcpconnect {roff(verb.name)}\n{roff(verb.usage)}"


def _section(section: Section) -> str:
    """Return a group of options, and of other words."""
    options = [_option(option) for option in section.options if option.help]
    words = [
        f".TP\n.B {roff(word)}\n{_paragraph(text)}" for word, text in section.words
    ]
    return "\n".join([f".SS {roff(section.title)}", *options, *words])


def _verb(verb: Verb) -> str:
    """Return what a verb does, what it takes, and its keys."""
    title = f".SS {roff(f'tcpconnect {verb.name} {verb.usage}')}"
    own = [_option(option) for option in verb.options if option.help]
    shared = [o.flags[0] for o in verb.taken if o.help and o not in verb.options]
    also = f"it also takes these options of a trace: {', '.join(shared)}"
    others = [f".PP\n{_paragraph(also)}"]
    keys = [f".TP\n.B {roff(key)}\n{_paragraph(does)}" for key, does in verb.keys]
    if keys:
        keys.insert(0, ".PP\nKeys:")
    return "\n".join([title, _paragraph(verb.help), *own, *others, *keys])


def _option(option: Option) -> str:
    names = [f"\\fB{roff(name)}\\fR" for name in option.flags]
    value = f" \\fI{roff(option.metavar)}\\fR" if option.value else ""
    again = " May be given again, for more values." if option.repeats else ""
    return f".TP\n{', '.join(names)}{value}\n{_paragraph(option.help, again)}"


def _fields(table: dict[str, Column]) -> str:
    return "\n".join(
        f'.TP\n.BR {name} " ({roff(column.field.header)})"\n'
        f"{_paragraph(column.field.meaning)}"
        for name, column in table.items()
    )


def _paragraph(text: str, more: str = "") -> str:
    """Make a sentence of a text, in lines as short as roff is written in."""
    sentence = f"{text[0].upper()}{text[1:].rstrip('.')}.{more}"
    return roff("\n".join(textwrap.wrap(sentence, WIDTH, break_on_hyphens=False)))


def _examples() -> str:
    lines = EXAMPLES.splitlines()
    return "\n".join(line.strip().replace("./", "# ", 1) for line in lines)
