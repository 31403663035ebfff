"""Tests that start the tool, a part of it, a script or the compiler as a process."""
