"""``python -m tcpconnect``."""

import sys

from tcpconnect.cli import main

sys.exit(main())
