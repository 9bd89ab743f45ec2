"""Claims that hold on an undisturbed machine, made on one that stalls now and then.

Nothing is excused by having failed: an attempt is made again only if a witness other than the claim itself saw that
something was wrong. Without such a witness the first failure is final.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

ATTEMPTS = 5


class Attempt:
    """One attempt: its body, run in a ``with`` block, notes `disturbances` first and then asserts the claim."""

    def __init__(self) -> None:
        """Not made yet."""
        self.disturbances: list[str] = []
        """What witnesses saw, one line each."""
        self.has_held = False
        self.fault = ""
        """What was not as claimed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.has_held = error is None
        if not isinstance(error, AssertionError):
            return False
        if not self.disturbances:
            error.add_note("no witness saw anything disturb this attempt, so it is not made again")
            return False
        self.fault = str(error)
        return True


def attempts(count: int = ATTEMPTS) -> Iterator[Attempt]:
    """Attempts until one holds; ``for attempt in attempts():`` and in it ``with attempt:``.

    Raises:
        AssertionError: each of ``count`` attempts was disturbed, and failed; the message says by what, and how.
    """
    made = []
    for _ in range(count):
        attempt = Attempt()
        yield attempt
        if attempt.has_held:
            return
        made.append(attempt)
    told = "\n".join(
        f"{number}. disturbed by {'; '.join(attempt.disturbances)}\n   and so: {attempt.fault}"
        for number, attempt in enumerate(made, 1)
    )
    raise AssertionError(f"in none of {count} attempts was the machine undisturbed and the claim true:\n{told}")
