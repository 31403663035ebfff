"""How properties are tested: the same cases each time, and nothing left on disk."""

from hypothesis import settings

steady = settings(derandomize=True, deadline=None, database=None, max_examples=50)
