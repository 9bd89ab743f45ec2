"""The verdict in one sentence: yes or no, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.receiver.verdict import LEAST_S, Answer, Verdict
from gui.translation import translate
from gui.view_models.text import count, decimal, plain_milliseconds, span_of

_ROLES: Final = {Answer.UNKNOWN: "muted", Answer.GOOD: "good", Answer.ALMOST: "warning", Answer.BAD: "bad"}


@dataclass(frozen=True, slots=True)
class VerdictView:
    """``role`` names a colour of the theme."""

    word: str
    sentence: str
    role: str


def verdict_view(verdict: Verdict | None, is_running: bool) -> VerdictView:
    """``None`` means that there has been no session yet."""
    if verdict is None or (verdict.answer is Answer.UNKNOWN and not is_running):
        text = translate("Verdict", "Connect, and the answer comes after ten seconds of audio.")
        return VerdictView("", text, "muted")
    if verdict.answer is Answer.UNKNOWN:
        if not verdict.has_audio:
            return VerdictView("…", translate("Verdict", "No audio has come yet."), "muted")
        rest = max(1, round(LEAST_S - verdict.seconds))
        waiting = translate("Verdict", "Listening for another {seconds} s before there is an answer.")
        return VerdictView("…", waiting.format(seconds=count(rest)), "muted")
    sentences = [_lateness(verdict), *_troubles(verdict)]
    if verdict.has_lab:
        sentences.append(translate("Verdict", "The network lab is part of this."))
    return VerdictView(_word(verdict.answer), " ".join(sentences), _ROLES[verdict.answer])


def _word(answer: Answer) -> str:
    return {
        Answer.GOOD: translate("Verdict", "✓ Yes"),
        Answer.ALMOST: translate("Verdict", "▲ Almost"),
        Answer.BAD: translate("Verdict", "✕ No"),
    }[answer]


def _lateness(verdict: Verdict) -> str:
    """What came late, and which depth would have been enough."""
    span = span_of(verdict.seconds)
    latest = (
        translate("Verdict", "more than 2 s") if verdict.latest_ms is None else plain_milliseconds(verdict.latest_ms)
    )
    if verdict.dropouts == 0:
        return translate("Verdict", "In {span} no packet came more than {latest} late.").format(
            span=span, latest=latest
        )
    late = translate("Verdict", "Late {times} times in {span}, by up to {latest}").format(
        times=count(verdict.dropouts), span=span, latest=latest
    )
    if verdict.dropouts == 1:
        late = translate("Verdict", "Late once in {span}, by up to {latest}").format(span=span, latest=latest)
    if verdict.latest_ms is None:
        return translate("Verdict", "{late}: no buffer is enough.").format(late=late)
    return translate("Verdict", "{late}: a buffer of {depth} would have been enough.").format(late=late, depth=latest)


def _troubles(verdict: Verdict) -> list[str]:
    """What no buffer helps against."""
    found = []
    if verdict.lost_packets:
        text = translate("Verdict", "{lost} packets ({share} %) never came.")
        found.append(text.format(lost=count(verdict.lost_packets), share=decimal(verdict.lost_pct)))
    if verdict.outages:
        found.append(translate("Verdict", "The connection broke {times}×.").format(times=count(verdict.outages)))
    if verdict.pace_ppm:
        text = (
            translate("Verdict", "The server sends {share} % too slowly.")
            if verdict.pace_ppm > 0
            else translate("Verdict", "The server sends {share} % too fast.")
        )
        found.append(text.format(share=decimal(abs(verdict.pace_ppm) / 10_000)))
    if verdict.stalls:
        text = translate("Verdict", "This computer itself paused {times}×, by up to {longest}; that is not counted.")
        longest = plain_milliseconds(float(round(verdict.longest_stall_ms)))
        found.append(text.format(times=count(verdict.stalls), longest=longest))
    if verdict.underruns_here:
        text = translate("Verdict", "Of {all} underruns this computer made {here}, not the server.")
        found.append(text.format(all=count(verdict.underruns), here=count(verdict.underruns_here)))
    return found
