"""What the wheel installs below share/: made from the parser and the field table."""

import sys
from pathlib import Path

# They describe the package in this tree, whichever is installed.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
