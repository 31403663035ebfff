"""A tool that says when it gives up rights, who it is then, and what it imports."""

from __future__ import annotations

# Whoever asks for a module that is not there yet asks this finder first; what stands
# behind it says when. Run with python -c; all is said on stderr, or on ``log``.
FINDER = """
import os, sys
log = 2
class Finder:
    def find_spec(self, name, *_):
        os.write(log, f"{name} is imported late\\n".encode())
"""
WATCH = f"""{FINDER}
from tcpconnect.machine import capabilities
give_up = capabilities.keep_only
def keep_only(*given):
    give_up(*given)
    os.write(log, f"given up, root: {{not os.getuid()}}\\n".encode())
    sys.meta_path.insert(0, Finder())
capabilities.keep_only = keep_only
from tcpconnect.cli import main
sys.exit(main())
"""
