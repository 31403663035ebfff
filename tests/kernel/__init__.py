"""Tests on the real kernel: they need root, and trace real connections."""
