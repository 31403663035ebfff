"""UndeliveredError: why something was not sent, and whether to try again."""

from __future__ import annotations


class UndeliveredError(Exception):
    """It was not sent; ``again``: a later try may succeed, ``after`` some seconds.

    ``status`` is that of HTTP, 0 where there was none.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = True,
        after: float = 0.0,
        status: int = 0,
    ) -> None:
        super().__init__(reason)
        self.again = again
        self.after = after
        self.status = status
