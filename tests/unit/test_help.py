"""The help: what fits a screen, and everything."""

from __future__ import annotations

import pytest

from tcpconnect import cli
from tcpconnect import help as helps
from tcpconnect.options import OPTIONS, SECTIONS
from tcpconnect.options.examples import EXAMPLES
from tcpconnect.options.option import Option, Section
from tcpconnect.options.verbs import VERBS, Verb
from tcpconnect.values import Value

SHOWN = [option for option in OPTIONS if option.help]
A_VERB = Verb(
    "watch",
    "[OPTION ...] [FILE]",
    "show what happens",
    (
        Option(("--often",), "often", "how often", Value("N")),
        Option(("-d", "--days"), "days", "so many days", Value("N")),
    ),
    tuple(o for o in OPTIONS if {"-p", "--failed", "-d"}.intersection(o.flags)),
    files=1,
    keys=(("q", "quit"),),
)


def test_short_fits_a_screen() -> None:
    """It has at most 45 lines, and no line is wider than 80 columns."""
    lines = helps.short().splitlines()
    assert len(lines) <= 45
    assert [line for line in lines if len(line) > 80] == []


def test_short_names_options() -> None:
    """Every option is there by a name, unless its group has too many for a line."""
    words = helps.short().replace("[", " ").replace("]", " ").split()
    missing = [option.flags[0] for option in SHOWN if option.flags[0] not in words]
    assert not missing or "…" in words


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_short_names_every_group(section: Section) -> None:
    """Each group has its line."""
    assert f"\n  {section.name} " in helps.short()


def test_everything_has_every_option() -> None:
    """Every option is there, with all its names and what it does."""
    words = " ".join(helps.everything().split())
    for option in SHOWN:
        names = [f"{flag} {option.metavar}".strip() for flag in option.flags]
        assert " ".join(f"{', '.join(names)} {option.help}".split()) in words


def test_everything_is_narrow() -> None:
    """No line is wider than 80 columns."""
    wide = [line for line in helps.everything().splitlines() if len(line) > 80]
    assert wide == []


def test_everything_has_groups_and_examples() -> None:
    """Options stand below what they are for; all examples are there."""
    text = helps.everything()
    titles = [f"\n{section.title}:\n" for section in SECTIONS]
    assert sorted(titles, key=text.index) == titles
    assert text.endswith(f"\n{EXAMPLES}")


def test_hidden_option() -> None:
    """What only tests need is in no help."""
    assert "--ring" not in helps.short() + helps.everything()


@pytest.mark.parametrize("verb", [*VERBS, A_VERB], ids=lambda verb: verb.name)
def test_verb(monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    """A verb is in both, and has a help of its own."""
    monkeypatch.setattr(helps, "VERBS", (verb,))
    assert f"\n  verbs    tcpconnect {verb.name}\n" in helps.short()
    assert f"\n       tcpconnect {verb.name} {verb.usage}\n" in helps.everything()
    own, whole = helps.of_verb(verb), helps.everything_of(verb)
    for text in (own, whole):
        assert text.startswith(f"usage: tcpconnect {verb.name} {verb.usage}\n\n")
        assert verb.help[1:] in " ".join(text.split())
        assert [line for line in text.splitlines() if len(line) > 80] == []
    assert verb.help in " ".join(helps.everything().split())
    options = [option for option in verb.taken if option.help]
    flags = own.replace("…", " ".join(o.flags[0] for o in options)).split()
    assert [o.flags for o in options if not {*o.flags}.intersection(flags)] == []
    words = " ".join(whole.split())
    assert [o.flags for o in options if " ".join(o.help.split()) not in words] == []
    assert [key for key, _ in verb.keys if key not in whole] == []


def test_all_verbs_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, none is cut."""
    verbs = [Verb(name, "", "do it") for name in "top record history replay".split()]
    monkeypatch.setattr(helps, "VERBS", verbs)
    assert "\n  verbs    tcpconnect top|record|history|replay\n" in helps.short()


def test_own_option_replaces_one_of_a_trace() -> None:
    """A verb's option of the same name is the one that it takes."""
    taken = [option for option in A_VERB.taken if "-d" in option.flags]
    assert taken == [A_VERB.options[1]]
    assert "likely DNS query" not in helps.everything_of(A_VERB)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_verb_helps(capfd: pytest.CaptureFixture[str], verb: Verb) -> None:
    """Behind a verb, -h and --help-all are about it."""
    for flag, expected in (("-h", helps.of_verb), ("--help-all", helps.everything_of)):
        with pytest.raises(SystemExit) as ended:
            cli.main([verb.name, flag])
        assert ended.value.code == 0
        assert capfd.readouterr() == (expected(verb), "")
