"""Claims about what is tried again, and what is not."""

from __future__ import annotations

import pytest

from tests.support.attempts import attempts


def count_until_it_holds(holds_at: int, *disturbances: str, of: int = 5) -> int:
    """Make attempts that are disturbed, and of which only one holds; how many were made."""
    made = 0
    for attempt in attempts(of):
        with attempt:
            made += 1
            attempt.disturbances += disturbances
            assert made == holds_at
    return made


def test_an_attempt_that_holds_is_the_last_one() -> None:
    assert count_until_it_holds(1) == 1
    assert count_until_it_holds(1, "a stall") == 1


def test_a_disturbed_failure_is_tried_again() -> None:
    assert count_until_it_holds(3, "a stall") == 3


def test_a_failure_that_nobody_saw_disturbed_is_final() -> None:
    with pytest.raises(AssertionError, match="1 == 2") as failure:
        count_until_it_holds(2)
    assert failure.value.__notes__ == ["no witness saw anything disturb this attempt, so it is not made again"]


def test_only_a_claim_is_tried_again_and_no_other_error() -> None:
    attempt = next(attempts())
    attempt.disturbances.append("a stall")
    with pytest.raises(OSError, match="broken"), attempt:
        raise OSError("broken")
    assert not attempt.has_held


def test_when_all_attempts_are_disturbed_the_failure_tells_by_what_and_what_came_of_it() -> None:
    with pytest.raises(AssertionError) as failure:
        count_until_it_holds(9, "a stall", "a lost period", of=3)
    text = str(failure.value)
    assert text.startswith("in none of 3 attempts")
    assert text.count("disturbed by a stall; a lost period\n") == 3
    assert "2 == 9" in text


def test_an_attempt_that_was_never_made_does_not_hold() -> None:
    with pytest.raises(AssertionError, match="in none of 5"):
        list(attempts())
