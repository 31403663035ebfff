"""Real shells in a real terminal (tmux's), where a test types and reads the screen."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

# What each shell reads first, and how it is called. A function stands for the tool: it
# counts its calls and shows its arguments.
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
BASH = f"""\
PS1='$ '
. {BASH_COMPLETION}
tcpconnect() {{ n=$((n + 1)); echo "$n: $* ;"; }}
"""
ZSH = """\
PS1='$ '
fpath=("$SHARE/zsh/site-functions" $fpath)
autoload -U compinit
compinit -u -D
tcpconnect() { n=$((n + 1)); echo "$n: $* ;"; }
"""
FISH = """\
function fish_prompt; echo '$ '; end
function fish_greeting; end
set -g n 0
function tcpconnect
    set -g n (math $n + 1)
    echo "$n: $argv ;"
end
"""
BARE_BASH = BASH.replace(
    f". {BASH_COMPLETION}",
    '. "$SHARE/bash-completion/completions/tcpconnect"',
)
SHELLS = {
    "bash": (".bashrc", BASH, "bash --noprofile --rcfile {home}/.bashrc -i"),
    "bare bash": (".bashrc", BARE_BASH, "bash --noprofile --rcfile {home}/.bashrc -i"),
    "zsh": (".zshrc", ZSH, "zsh -d -i"),
    "fish": (".config/fish/config.fish", FISH, "fish -i"),
}
READS = {"bash": (BASH_COMPLETION,)}  # what others install, and a shell reads


class Shell:
    """A shell that finds the completions where they would be installed."""

    def __init__(self, name: str, home: Path, share: Path) -> None:
        rc, text, command = SHELLS[name]
        path = home / rc
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        environment = {
            "HOME": str(home),
            "ZDOTDIR": str(home),
            "SHARE": str(share),
            "XDG_DATA_DIRS": f"{share}:/usr/local/share:/usr/share",
            "PATH": os.environ["PATH"],
            "SHELL": "/bin/sh",  # tmux's, since that of a service's user does nothing
            "TERM": "screen",
            "LC_ALL": "C.UTF-8",
        }
        self._tmux = ["tmux", "-S", f"{home}/tmux", "-f", os.devnull]
        self._call(
            *("new-session", "-d", "-x", "150", "-y", "60", command.format(home=home)),
            env=environment,
        )
        self.name = name
        self._ran = 0
        self.wait_for("[$]")

    def _call(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=env,
        )
        return done.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._call("kill-server")

    @property
    def screen(self) -> str:
        """What a person sees."""
        return self._call("capture-pane", "-p", "-J")

    def wait_for(self, pattern: str) -> str:
        """Return what the group of a pattern matches, once that is on the screen."""
        end = time.monotonic() + TIMEOUT_S
        while not (found := re.search(pattern, screen := self.screen)):
            assert time.monotonic() < end, f"no {pattern!r} on the screen:\n{screen}"
            time.sleep(0.02)
        return found[found.lastindex or 0]

    def type(self, text: str) -> None:
        """Type a text; a tab in it is the tab key."""
        for part in text.replace("\t", "\0Tab\0").split("\0"):
            if part:
                self._call("send-keys", *([] if part == "Tab" else ["-l"]), part)

    def run(self, text: str) -> str:
        """Type a text and the enter key; return the arguments that the tool got."""
        self._ran += 1
        self.type(text)
        self._call("send-keys", "Enter")
        return self.wait_for(rf"\n{self._ran}: (.*) ;\n")
