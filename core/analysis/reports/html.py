"""A report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

Whatever a server says is escaped, and a content security policy forbids everything but the page's own style.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib import resources
from typing import Final

from core.analysis.checks import CheckResult, Outcome
from core.analysis.findings import Finding, Severity
from core.analysis.reports.plots import Figure, figures
from core.analysis.reports.report import Report, place
from core.analysis.reports.summary import Row, needs_lines, rows
from core.analysis.results import Analysis, Evidence

EVIDENCE_SHOWN: Final = 8
"""Of each finding and check, the newest."""

_OUTCOMES: Final = {
    Outcome.PASS: ("good", "✓", "passed"),
    Outcome.FAIL: ("bad", "✗", "failed"),
    Outcome.NOT_MEASURABLE: ("doubt", "?", "not measurable"),
}
_VERDICTS: Final = {Outcome.PASS: "Passed", Outcome.FAIL: "Failed", Outcome.NOT_MEASURABLE: "No verdict"}
_SEVERITIES: Final = {
    Severity.ERROR: ("bad", "✗"),
    Severity.WARNING: ("doubt", "!"),
    Severity.NOTE: ("note", "i"),
}

_FOOTER: Final = "Made by Opuscope. Times are seconds since the beginning; packets are counted from 0 as they came."
_TOLD_IN_WORDS: Final = ("fail_on", "max_buffer_ms")
"""Checks of which the figure alone does not say what is wrong."""


def html_page(report: Report, more: Iterable[tuple[str, list[Row]]] = ()) -> str:
    """The page; ``more`` are further groups of figures, each with its heading."""
    style = resources.files("resources.reports").joinpath("report.css").read_text(encoding="utf-8")
    analysis = report.analysis
    parts = [_header(report), _tiles(analysis), _findings(report), _checks(report.checks)]
    if analysis.completeness.packets:
        items = "".join(f"<li>{escape(_capital(line))}</li>" for line in needs_lines(analysis.needs))
        parts.append(_section("What a listener needs", f"<ul>{items}</ul>"))
    shown = figures(report)
    if shown:
        parts.append(_section("How it went", "".join(_figure(each) for each in shown)))
    groups = [("What was measured", rows(analysis)), *more]
    parts.append("".join(_section(heading, _table(group)) for heading, group in groups if group))
    title = f"{_verdict(report)}: {report.url}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + f"\n</main>\n<footer>{_FOOTER}</footer>\n</body>\n</html>\n"
    )


def _header(report: Report) -> str:
    kind, sign, _ = _OUTCOMES[report.outcome] if report.is_checked else ("note", "i", "")
    _, _, rest = report.verdict.partition(":")
    began = "" if report.began_at is None else f"{report.began_at.strftime('%Y-%m-%d %H:%M:%S %Z')} · "
    what = "capture" if report.is_capture else "live"
    return (
        f'<header class="{kind}"><p class="sign" aria-hidden="true">{sign}</p><div>'
        f"<h1>{_verdict(report)}</h1><p>{escape(_capital(rest.strip()))}</p>"
        f'<p class="quiet"><span class="url">{escape(report.url)}</span><br>'
        f"{began}{report.analysis.observed_s:.1f} s · {what}</p></div></header>"
    )


def _verdict(report: Report) -> str:
    return _VERDICTS[report.outcome] if report.is_checked else "Not checked"


def _tiles(analysis: Analysis) -> str:
    """The few figures that everybody asks for first."""
    needs, pacing, complete, content, sound = (
        analysis.needs,
        analysis.pacing,
        analysis.completeness,
        analysis.content,
        analysis.sound,
    )
    if not complete.packets:
        return ""
    tiles: list[tuple[str, str]] = []
    if needs is not None:
        size_ms = needs.buffer_ms_for_0_1_pct
        tiles.append(("> 2000 ms" if size_ms is None else f"{size_ms:.0f} ms", "buffer for 0.1 % late"))
    if complete.missing_pct is not None:
        tiles.append((f"{complete.missing_pct:.2f} %", "packets missing"))
    if pacing is not None:
        longest = "" if pacing.longest_stall_ms is None else f", up to {pacing.longest_stall_ms:.0f} ms"
        tiles.append((str(pacing.stalls), f"{'stall' if pacing.stalls == 1 else 'stalls'}{longest}"))
        if pacing.skew_ppm is not None:
            tiles.append((f"{pacing.skew_ppm:+.0f} ppm", "clock skew"))
    if content is not None and content.bitrate_kbps is not None:
        tiles.append((f"{content.bitrate_kbps:.1f} kbit/s", "bit rate"))
    if sound is not None and sound.loudness_lufs is not None:
        tiles.append((f"{sound.loudness_lufs:.1f} LUFS", "loudness"))
    items = "".join(f"<div><dt>{escape(words)}</dt><dd>{escape(figure)}</dd></div>" for figure, words in tiles)
    return f'<dl class="tiles">{items}</dl>'


def _findings(report: Report) -> str:
    if not report.findings:
        seen = report.analysis.completeness.packets
        return _section("Findings", f"<p>{'Nothing is wrong with what came.' if seen else 'None.'}</p>")
    return _section("Findings", f'<ul class="findings">{"".join(_finding(each) for each in report.findings)}</ul>')


def _finding(finding: Finding) -> str:
    kind, sign = _SEVERITIES[finding.severity]
    tag = f'<span class="tag"><span aria-hidden="true">{sign}</span> {finding.severity.value}</span>'
    return (
        f'<li class="{kind}"><p>{tag}'
        f" <strong>{escape(_capital(finding.kind.value))}</strong>"
        f' <span class="quiet">({escape(finding.side.value)})</span></p>'
        f"<p>{escape(_capital(finding.sentence))}.</p>{_evidence(finding.evidence)}</li>"
    )


def _checks(checks: tuple[CheckResult, ...]) -> str:
    if not checks:
        return _section("Checks", "<p>No limits were given, so nothing was checked.</p>")
    lines = "".join(_check(each) for each in checks)
    head = "<thead><tr><th>Result<th>Check<th>Measured<th>Limit</tr></thead>"
    return _section("Checks", f'<table class="checks">{head}<tbody>{lines}</tbody></table>')


def _check(check: CheckResult) -> str:
    kind, sign, word = _OUTCOMES[check.outcome]
    what, _, _ = check.text.partition(":")
    why = ""
    if check.outcome is Outcome.NOT_MEASURABLE or (check.outcome is Outcome.FAIL and check.name in _TOLD_IN_WORDS):
        why = f'<p class="quiet">{escape(_capital(check.text))}</p>'
    # The findings stand above, with theirs.
    evidence = "" if check.name == "fail_on" else _evidence(check.evidence)
    return (
        f'<tr class="{kind}"><td><span class="tag"><span aria-hidden="true">{sign}</span> {word}</span>'
        f"<td>{escape(_capital(what))} <code>{escape(check.name)}</code>{why}{evidence}"
        f"<td>{_value(check.measured, check.unit)}<td>{_limit(check)}</tr>"
    )


def _limit(check: CheckResult) -> str:
    if isinstance(check.limit, str):
        return escape(check.limit)
    direction = {"max_": "at most ", "min_": "at least "}.get(check.name[:4], "")
    return direction + _value(check.limit, check.unit)


def _value(value: float | str | None, unit: str) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else f"{value:.4g}"
    return escape(f"{text} {unit}".rstrip())


def _evidence(evidence: tuple[Evidence, ...]) -> str:
    if not evidence:
        return ""
    left_out = len(evidence) - EVIDENCE_SHOWN
    items = [escape(place(each)) for each in evidence[-EVIDENCE_SHOWN:]]
    if left_out > 0:
        items.append(f"and {left_out} earlier")
    return f'<ul class="evidence">{"".join(f"<li>{item}</li>" for item in items)}</ul>'


def _figure(figure: Figure) -> str:
    return (
        f"<figure><h3>{escape(figure.heading)}</h3>{figure.svg}"
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def _table(group: list[Row]) -> str:
    lines = "".join(f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>' for label, text in group)
    return f'<table class="figures"><tbody>{lines}</tbody></table>'


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{content}</section>"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
