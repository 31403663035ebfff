"""Writes the man page and the completions into a folder, as they lie in share/."""

import sys
from pathlib import Path

from share import bash, fish, man, zsh

# Where each goes: the shells and man look there below every prefix that they know.
FILES = {
    "man/man8/tcpconnect.8": man.page,
    "bash-completion/completions/tcpconnect": bash.script,
    "zsh/site-functions/_tcpconnect": zsh.script,
    "fish/vendor_completions.d/tcpconnect.fish": fish.script,
}


def main(folder: str) -> None:
    """Write all of them."""
    for name, make in FILES.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
