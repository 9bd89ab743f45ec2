"""The confusion matrix: each known fault against all findings: ``python -m tests.analysis.matrix``.

Streams of half a minute, in virtual time. `readme_table` is the short form of it that stands in the README.
"""

from __future__ import annotations

import sys
from functools import cache

from core.analysis.analyzer import StreamAnalyzer
from core.analysis.diagnosis import findings_of
from core.analysis.findings import Finding, FindingKind
from tests.peers.faults import CLEAN, FAULTS, Fault, transcript

SECONDS = 30.0
LIGHT_JITTER_MS = 5.0
NOTHING = "nothing"
UNTELLABLE = "–"
"""What a bare stream, which declares nothing and numbers nothing, cannot tell."""


@cache
def findings(name: str, *, bare: bool, jitter_ms: float = 0.5) -> tuple[Finding, ...]:
    """What is found in the stream of a server, the first one first."""
    analyzer = StreamAnalyzer()
    for observation in transcript(name, SECONDS, bare=bare, jitter_ms=jitter_ms):
        analyzer.take(observation)
    found = findings_of(analyzer.result())
    analyzer.close()
    return found


def kinds(name: str, *, bare: bool, jitter_ms: float = 0.5) -> list[FindingKind]:
    """The same by kind."""
    return [finding.kind for finding in findings(name, bare=bare, jitter_ms=jitter_ms)]


def faults() -> list[Fault]:
    """All that are one."""
    return [fault for fault in FAULTS.values() if fault.expected is not None]


def readme_table() -> list[str]:
    """Lines of Markdown: what each fault is called, then what nothing is wrong with."""
    lines = ["| the server | found with `opus-rtp.v1` | found in a bare stream |", "|---|---|---|"]
    for fault in (*faults(), *CLEAN.values()):
        bare = _cell(fault, bare=True) if fault.is_told_bare else UNTELLABLE
        lines.append(f"| {fault.name} | {_cell(fault, bare=False)} | {bare} |")
    return lines


def _cell(fault: Fault, *, bare: bool) -> str:
    return "; then ".join(kind.value for kind in kinds(fault.name, bare=bare)) or NOTHING


def full_matrix() -> str:
    """Every fault (a line with `opus-rtp.v1`, one bare) against every finding; the cell is its place in the list."""
    rows = [
        (fault, bare)
        for fault in (*faults(), *CLEAN.values())
        for bare in (False, True)
        if fault.is_told_bare or not bare
    ]
    seen = {kind for fault, bare in rows for kind in kinds(fault.name, bare=bare)}
    columns = [kind for kind in FindingKind if kind in seen]
    lines = [f"{chr(ord('A') + number)}  {kind.value}" for number, kind in enumerate(columns)]
    heads = " ".join(chr(ord("A") + number) for number in range(len(columns)))
    lines += ["", f"{'fault':40} {'framing':12} {heads}"]
    for fault, bare in rows:
        found = kinds(fault.name, bare=bare)
        cells = " ".join(str(found.index(kind) + 1) if kind in found else "." for kind in columns)
        lines.append(f"{fault.name:40} {'bare' if bare else 'opus-rtp.v1':12} {cells}")
    return "\n".join(lines)


def main() -> None:
    """Print both forms."""
    print(full_matrix())
    print()
    print("\n".join(readme_table()))


if __name__ == "__main__":
    sys.exit(main())
