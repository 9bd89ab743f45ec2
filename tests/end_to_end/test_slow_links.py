"""A stream of 128 kbit/s through links that carry 24, 48 and 96: it fits soon, and stays so."""

from __future__ import annotations

from tests.benchmarks.adaptation import all_links

SECONDS = 25.0


async def test_on_a_slow_link_the_bit_rate_settles_and_nothing_is_dropped_any_more() -> None:
    for link in await all_links(SECONDS):
        assert link.steps, f"nothing changed on a link of {link.kbps} kbit/s"
        assert link.steps[-1][1] < link.kbps * 1000
        # Down at most once more, and up in small steps: no swinging to and fro.
        assert len(link.late_steps) <= 3
        assert sum(after < before for before, after in zip(link.late_steps, link.late_steps[1:], strict=False)) == 0
        assert link.late_dropped == 0
        assert link.used_share > 0.4
