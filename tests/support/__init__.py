"""Helpers of tests; each test imports them as ``from tests.support.x import y``."""
