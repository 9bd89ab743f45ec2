"""What the server makes of slow links: ``python -m tests.benchmarks.adaptation [--seconds 60]``.

A stream of 128 kbit/s (48 kHz stereo, 20 ms, RTP) through links of 24, 48 and 96 kbit/s at the same time, each a proxy
that holds 4 KiB. Printed for each link: when the rate came within what it carries, what it settled on, how many changes
there were after the first ten seconds, and what was dropped then.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass

from core.opus.encoder import EncoderSettings
from core.server.app import serving
from core.server.config import one_stream
from core.wire.control import Config, Stats, parse_control
from tests.server.helpers import rtp_client
from tests.support.slow_link import slow_link

LINKS_KBPS = (24, 48, 96)
_EARLY_S = 10.0


@dataclass(frozen=True, slots=True)
class OnLink:
    """What one listener had behind one link."""

    kbps: int
    used_share: float
    """Of what the link carries, after the first ten seconds."""
    steps: list[tuple[float, int, float]]
    """When, to how many bit/s, and to which frame size in milliseconds."""
    late_steps: list[int]
    """Of these, the bit rates after the first ten seconds."""
    late_dropped: float
    """Packets dropped then."""

    def line(self) -> str:
        """Of the table."""
        _, bitrate, frame_ms = self.steps[-1] if self.steps else (0.0, 0, 0.0)
        settled = f"{bitrate / 1000:g} kbit/s, {frame_ms:g} ms" if self.steps else "as it was"
        steps = " ".join(f"{at_s:.0f}s:{bitrate / 1000:g}/{frame_ms:g}" for at_s, bitrate, frame_ms in self.steps)
        first_s = self.steps[0][0] if self.steps else 0.0
        return (
            f"{self.kbps:8} {first_s:10.1f} s {settled:>22} {self.used_share:8.0%} {len(self.late_steps):16}"
            f" {self.late_dropped:16.0f}   {steps}"
        )


async def measure(kbps: int, url: str, seconds: float) -> OnLink:
    """One listener behind one link."""
    loop = asyncio.get_running_loop()
    configs: list[tuple[float, Config]] = []
    stats: list[tuple[float, Stats]] = []
    async with slow_link(url, kbps * 1000) as (through, link), rtp_client(through) as client:
        began_s = loop.time()
        early_bytes = 0
        while (now_s := loop.time() - began_s) < seconds:
            message = await client.recv()
            if now_s < _EARLY_S:
                early_bytes = link.bytes_carried
            if isinstance(message, str):
                control = parse_control(message)
                if isinstance(control, Config):
                    configs.append((now_s, control))
                elif isinstance(control, Stats):
                    stats.append((now_s, control))
        used = (link.bytes_carried - early_bytes) * 8 / (seconds - _EARLY_S) / 1000
    early_dropped = max((figures.values["packets_dropped"] for at_s, figures in stats if at_s <= _EARLY_S), default=0)
    dropped = stats[-1][1].values["packets_dropped"] - early_dropped
    steps = [(at_s, config.bitrate or 0, config.frame_ms) for at_s, config in configs]
    return OnLink(kbps, used / kbps, steps, [bitrate for at_s, bitrate, _ in steps if at_s > _EARLY_S], dropped)


async def all_links(seconds: float) -> list[OnLink]:
    """One listener behind each, at the same time."""
    config = one_stream("sweep", port=0, settings=EncoderSettings(48_000, 2, 20.0, bitrate=128_000))
    async with serving(config) as server:
        return await asyncio.gather(*(measure(kbps, server.url, seconds) for kbps in LINKS_KBPS))


def main() -> int:
    """Print the table; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    links = asyncio.run(all_links(parser.parse_args().seconds))
    print(
        f"{'kbit/s':>8} {'first step':>12} {'settled on':>22} {'used':>8} {'changes > 10 s':>16} {'dropped > 10 s':>16}"
    )
    print("\n".join(link.line() for link in links))
    return 0


if __name__ == "__main__":
    sys.exit(main())
