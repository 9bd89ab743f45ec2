"""The bar that answers whether a buffer is enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.receiver.verdict import Answer
from gui import settings
from gui.view_models.verdict import verdict_view
from tests.gui.conftest import Bench, eventually
from tests.gui.fake_session import NO_VERDICT

GOOD = replace(NO_VERDICT, answer=Answer.GOOD, seconds=48.0, latest_ms=35.0)
BAD = replace(NO_VERDICT, answer=Answer.BAD, seconds=60.0, dropouts=12, latest_ms=150.0)


@pytest.mark.parametrize(
    ("verdict", "word", "sentence"),
    [
        (replace(NO_VERDICT, seconds=4.0), "…", "Listening for another 6 s before there is an answer."),
        (replace(NO_VERDICT, has_audio=False), "…", "No audio has come yet."),
        (GOOD, "✓ Yes", "In 48 s no packet came more than 35 ms late."),
        (BAD, "✕ No", "Late 12 times in 60 s, by up to 150 ms: a buffer of 150 ms would have been enough."),
        (
            replace(BAD, seconds=300.0, dropouts=1, answer=Answer.ALMOST),
            "▲ Almost",
            "Late once in 5 min, by up to 150 ms: a buffer of 150 ms would have been enough.",
        ),
        (replace(BAD, latest_ms=None), "✕ No", "Late 12 times in 60 s, by up to more than 2 s: no buffer is enough."),
        (
            replace(GOOD, answer=Answer.BAD, lost_packets=1_234, lost_pct=2.04),
            "✕ No",
            "In 48 s no packet came more than 35 ms late. 1,234 packets (2 %) never came.",
        ),
        (
            replace(GOOD, answer=Answer.ALMOST, outages=2, pace_ppm=-21_400.0),
            "▲ Almost",
            "In 48 s no packet came more than 35 ms late. The connection broke 2×. The server sends 2.1 % too fast.",
        ),
        (
            replace(GOOD, stalls=3, longest_stall_ms=210.4),
            "✓ Yes",
            "In 48 s no packet came more than 35 ms late."
            " This computer itself paused 3×, by up to 210 ms; that is not counted.",
        ),
        (
            replace(GOOD, underruns=5, underruns_here=4, has_lab=True),
            "✓ Yes",
            "In 48 s no packet came more than 35 ms late. Of 5 underruns this computer made 4, not the server."
            " The network lab is part of this.",
        ),
    ],
)
def test_the_answer_is_a_word_and_why(verdict: object, word: str, sentence: str) -> None:
    view = verdict_view(verdict, True)  # type: ignore[arg-type]
    assert (view.word, view.sentence) == (word, sentence)


def test_before_the_first_session_it_says_how_to_get_an_answer(bench: Bench) -> None:
    assert bench.window.verdict.bar.sentence.full_text == "Connect, and the answer comes after ten seconds of audio."


async def test_the_depth_in_question_is_answered_and_remembered_and_changes_nothing_that_plays(bench: Bench) -> None:
    session = await bench.stream()
    session.judged = BAD
    bar = bench.window.verdict.bar
    bar.buffer.setValue(90)
    assert (bar.word.text(), bar.word.property("role")) == ("✕ No", "bad")
    assert bench.store.get(settings.VERDICT_DEPTH_MS) == 90
    assert not [asked for asked in session.asked if asked[0] == "playout"]


async def test_the_answer_stays_when_the_stream_has_ended(bench: Bench) -> None:
    session = await bench.stream()
    session.judged = GOOD
    session.end()
    await eventually(lambda: not bench.owner.is_running)
    bench.window.show_facts()
    assert bench.window.verdict.bar.word.text() == "✓ Yes"


async def test_starting_over_forgets_what_was_seen(bench: Bench) -> None:
    session = await bench.stream()
    session.judged = BAD
    bench.window.show_facts()
    bench.window.verdict.bar.anew.click()
    assert ("judge anew", None) in session.asked
    assert bench.window.verdict.bar.word.text() == "…"
