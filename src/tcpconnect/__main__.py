"""``python -m tcpconnect``: the same as bin/tcpconnect, which explains the order."""

import signal
import sys


def main() -> int:
    """Run the command; return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tcpconnect import start

    return start.main()


if __name__ == "__main__":
    sys.exit(main())
