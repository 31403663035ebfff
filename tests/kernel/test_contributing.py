"""The test that CONTRIBUTING.md shows as an example, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.network import NetNs

DOCUMENT = Path(__file__).parents[2] / "CONTRIBUTING.md"


def test_example(netns: NetNs) -> None:
    """It passes."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(DOCUMENT), "exec"), names)  # noqa: S102 (it is ours)
    names["test_refused"](netns)
