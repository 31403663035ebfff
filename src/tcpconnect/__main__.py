"""Where the command begins: before anything that takes time is imported."""

import signal
import sys


def main() -> int:
    """Run the command; return its exit code."""
    # Until the trace has its own handlers there is nothing to clean up. That of Python
    # would raise KeyboardInterrupt anywhere: in an import, or in a callback of libbpf,
    # where it is lost.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tcpconnect import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
