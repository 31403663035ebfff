"""``python -m tcpconnect``: the same as bin/tcpconnect, which explains the order."""

import gc
import signal
import sys


def main() -> int:
    """Run the command; return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(3000)
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    from tcpconnect import cli

    del sys.modules["typing_extensions"]
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
