"""What a start imports, and what it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.imports import imported
from tests.support.launch import INSTALLED


@pytest.mark.parametrize("start", [[INSTALLED], [sys.executable, "-m", "tcpconnect"]])
def test_no_more_than_needed(start: list[str]) -> None:
    """What takes milliseconds, and does nothing for us, is not imported.

    Msgspec takes typing_extensions where they are, and with them inspect; and all that
    it has itself.
    """
    found = imported(*start, "--version")
    assert "msgspec._utils" in found
    assert not found & {
        "inspect",
        "platform",
        "gettext",
        "locale",
        "uuid",
        "decimal",
        "msgspec.inspect",
        "msgspec._json_schema",
        "msgspec.yaml",
        *(("re",) if sys.version_info >= (3, 13) else ()),  # before, typing has it
    }


LATER = """
import sys, typing
real = typing.ForwardRef
from tcpconnect import start
sys.argv[1:] = ["--version"]
try:
    start.main()
except SystemExit:
    pass
import msgspec, re, uuid, msgspec.inspect
assert typing.ForwardRef is real
assert msgspec.Meta(pattern="x") and re.compile("x")
from typing import Annotated
assert msgspec.convert("x", Annotated[str, msgspec.Meta(pattern="x")]) == "x"
assert uuid.uuid4() and msgspec.inspect.type_info(int)
assert msgspec.json.schema(int) == {"type": "integer"}
"""


def test_others_get_the_real_ones() -> None:
    """What is spared at the start is there for who imports it later."""
    subprocess.run([sys.executable, "-c", LATER], check=True, timeout=60)


@pytest.mark.parametrize("words", ["--version", "-h", "--columns help"])
def test_argparse_is_not_imported(words: str) -> None:
    """It takes longer than what is asked for."""
    code = "import sys\nfrom tcpconnect.start import main\ntry:\n    main()\nfinally:\n"
    code += "    sys.stderr.write(f'{\"argparse\" in sys.modules}')"
    started = [sys.executable, "-c", code, *words.split()]
    ended = subprocess.run(started, check=True, capture_output=True, timeout=60)
    assert ended.stdout
    assert ended.stderr == b"False"
