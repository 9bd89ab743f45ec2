"""What the server makes of slow links: ``python -m tests.benchmarks.adaptation [--seconds 60]``.

A stream of 128 kbit/s (48 kHz stereo, 20 ms, RTP) through links of 24, 48 and 96 kbit/s at the same time, each a proxy
that holds 4 KiB. Printed for each link: when the rate came within what it carries, what it settled on, how many changes
there were after the first ten seconds, and what was dropped then.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from core.opus.encoder import EncoderSettings
from core.server.app import serving
from core.server.config import one_stream
from core.wire.control import Config, Stats, parse_control
from tests.server.helpers import rtp_client
from tests.support.slow_link import slow_link

LINKS_KBPS = (24, 48, 96)
_EARLY_S = 10.0


async def measure(kbps: int, url: str, seconds: float) -> str:
    """One listener behind one link: a line of the table."""
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
    late = [config for at_s, config in configs if at_s > _EARLY_S]
    early_dropped = max((figures.values["packets_dropped"] for at_s, figures in stats if at_s <= _EARLY_S), default=0)
    dropped = stats[-1][1].values["packets_dropped"] - early_dropped
    last = configs[-1][1] if configs else None
    settled = f"{(last.bitrate or 0) / 1000:g} kbit/s, {last.frame_ms:g} ms" if last else "as it was"
    first_s = configs[0][0] if configs else 0.0
    steps = " ".join(f"{at_s:.0f}s:{(config.bitrate or 0) / 1000:g}/{config.frame_ms:g}" for at_s, config in configs)
    return f"{kbps:8} {first_s:10.1f} s {settled:>22} {used / kbps:8.0%} {len(late):9} {dropped:9}   {steps}"


async def run(seconds: float) -> None:
    """All links at once."""
    config = one_stream("sweep", port=0, settings=EncoderSettings(48_000, 2, 20.0, bitrate=128_000))
    async with serving(config) as server:
        lines = await asyncio.gather(*(measure(kbps, server.url, seconds) for kbps in LINKS_KBPS))
    print(
        f"{'kbit/s':>8} {'first step':>12} {'settled on':>22} {'used':>8} {'changes > 10 s':>16} {'dropped > 10 s':>16}"
    )
    print("\n".join(lines))


def main() -> int:
    """Print the table; exit status 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    asyncio.run(run(parser.parse_args().seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
