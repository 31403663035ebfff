"""The help: that of bcc's tool with what came since, and all options."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tcpconnect.options import SECTIONS
from tcpconnect.options.examples import EXAMPLES, OF_PAGE
from tcpconnect.options.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.options.option import Option, Section
    from tcpconnect.options.verbs import Verb

WIDTH = 80
INDENT = 24  # of what an option does
# As bcc's tool prints it.
USAGE = """\
usage: tcpconnect [-h] [-t] [-p PID] [-P PORT] [-U] [-u UID] [-c]
                  [--cgroupmap CGROUPMAP] [--mntnsmap MNTNSMAP] [-d]
"""
ARGUMENTS = """\
Trace TCP connects

optional arguments:
  -h, --help            show this help message and exit
  -t, --timestamp       include timestamp on output
  -p PID, --pid PID     trace this PID only
  -P PORT, --port PORT  comma-separated list of destination ports to trace.
  -U, --print-uid       include UID on output
  -u UID, --uid UID     trace this UID only
  -c, --count           count connects per src ip and dest ip/port
  --cgroupmap CGROUPMAP
                        trace cgroups in this BPF map only
  --mntnsmap MNTNSMAP   trace mount namespaces in this BPF map only
  -d, --dns             include likely DNS query associated with each connect
"""


def short() -> str:
    """Return what fits a screen: options and examples of bcc's tool; groups of more."""
    more = [_row(section.name, _since(section)) for section in SECTIONS]
    if VERBS:
        names = "|".join(verb.name for verb in VERBS)
        more.append(_row("verbs", [f"tcpconnect {names}"]))
    return (
        f"{USAGE}{' ' * 18}[OPTION ...] [-- COMMAND [ARGUMENT ...]]\n\n{ARGUMENTS}\n"
        f"examples:\n{OF_PAGE}\nmore, which --help-all explains:\n{''.join(more)}"
    )


def everything() -> str:
    """Return all options, by what they are for."""
    usages = ["usage: tcpconnect [OPTION ...] [-- COMMAND [ARGUMENT ...]]\n"]
    usages += [f"       tcpconnect {verb.name} {verb.usage}\n" for verb in VERBS]
    parts = ["".join(usages), "Trace TCP connects\n"]
    parts += [_group(s.title, (*_entries(s.options), *s.words)) for s in SECTIONS]
    if VERBS:
        parts.append(_group("Verbs", ((verb.name, verb.help) for verb in VERBS)))
    return "\n".join([*parts, f"Examples:\n{EXAMPLES}"])


def of_verb(verb: Verb) -> str:
    """Return what a verb does, its own options, and the names of the others."""
    parts = _about(verb)
    rows = [_row(section.name, _first(options)) for section, options in _shared(verb)]
    if rows:
        parts.append(f"Those of a trace, which --help-all explains:\n{''.join(rows)}")
    return "\n".join(parts)


def everything_of(verb: Verb) -> str:
    """Return what a verb does, all that it takes, and its keys."""
    groups = [_group(s.title, _entries(options)) for s, options in _shared(verb)]
    keys = [_group("Keys", verb.keys)] if verb.keys else []
    return "\n".join([*_about(verb), *groups, *keys])


def _about(verb: Verb) -> list[str]:
    usage = f"usage: tcpconnect {verb.name} {verb.usage}\n"
    does = textwrap.fill(f"{verb.help[0].upper()}{verb.help[1:]}", WIDTH)
    own = [_group("Its own options", _entries(verb.options))] if verb.options else []
    return [usage, f"{does}\n", *own]


def _shared(verb: Verb) -> Iterator[tuple[Section, list[Option]]]:
    """Yield the options of a trace that a verb takes, too, with their sections."""
    for section in SECTIONS:
        shared = set(section.options).intersection(verb.taken) - set(verb.options)
        if options := [o for o in section.options if o in shared and o.help]:
            yield section, options


def _first(options: Iterable[Option]) -> list[str]:
    """Return the first names of options."""
    return [option.flags[0] for option in options if option.help]


def _since(section: Section) -> Iterator[str]:
    """Yield the shortest names of what bcc's tool does not have."""
    for word, _ in section.words:
        yield word.partition(" [")[0]
    of_page = USAGE.replace("]", " ").split()
    yield from (flag for flag in _first(section.options) if f"[{flag}" not in of_page)


def _row(name: str, words: Iterable[str]) -> str:
    head = f"  {name:8} "
    shown = textwrap.shorten(" ".join(words), WIDTH - len(head), placeholder=" …")
    return f"{head}{shown}\n"


def _group(title: str, entries: Iterable[tuple[str, str]]) -> str:
    return f"{title}:\n{''.join(_entry(*entry) for entry in entries)}"


def _entries(options: Iterable[Option]) -> Iterator[tuple[str, str]]:
    """Yield names with values, and what they do, of options that are not hidden."""
    for option in options:
        if option.help:
            names = [f"{flag} {option.metavar}".rstrip() for flag in option.flags]
            yield ", ".join(names), option.help


def _entry(names: str, text: str) -> str:
    """Return them side by side, or below each other, as argparse does."""
    margin = f"\n{' ' * INDENT}"
    head = f"  {names}"
    head = f"{head:{INDENT}}" if len(head) <= INDENT - 2 else f"{head}{margin}"
    lines = textwrap.wrap(text, WIDTH - INDENT, break_on_hyphens=False)
    return f"{head}{margin.join(lines)}\n"
