"""The main promise, with nothing replaced: a server process, a socket, the client, PortAudio, a sound card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.audio.sources.spec import open_source
from core.opus.decoder import OpusDecoder, Pcm
from core.opus.encoder import EncoderSettings, OpusEncoder
from tests.support.attempts import ATTEMPTS, attempts
from tests.support.clips import align, largest_jump, longest_zero_run_ms, mono, read_wav, window_correlations
from tests.support.processes import REPOSITORY, ChildProcess, opuscope
from tests.support.sound_card import SoundCard
from tests.support.witnesses import witnesses

SOURCE = REPOSITORY / "resources" / "demo" / "demo.opus"
SETTINGS = EncoderSettings(sample_rate=48_000, channels=2, bitrate=96_000)
COMPARED_S = 15
SETTLED = 5 * 48_000
"""In five seconds a device's way of asking is known, and the delay is what was asked for."""
ADAPTED_MS = 60.0
"""By so much a window may be sooner or later than at first: a device that lost a period is caught up with."""

MOST_S_AN_ATTEMPT = 60


@pytest.fixture
def steady_card() -> Iterator[SoundCard]:
    """A card with a period of 43 ms: shorter ones tear by themselves on a busy machine without realtime rights."""
    with SoundCard(period=2048) as card:
        yield card


async def expected_sound() -> Pcm:
    """What a decoder gives for the packets of the source, shape (frames, 2)."""
    source = open_source(str(SOURCE), SETTINGS.sample_rate, SETTINGS.channels, loop=False)
    encoder, decoder = OpusEncoder(SETTINGS), OpusDecoder()
    pieces = []
    try:
        while (block := await source.read(SETTINGS.frame_samples)) is not None:
            if len(block.pcm) < SETTINGS.frame_samples:
                break
            pieces.append(decoder.decode(encoder.encode(block.pcm)).copy())
    finally:
        await source.close()
        encoder.close()
        decoder.close()
    return np.concatenate(pieces)


def serve() -> ChildProcess:
    return opuscope(
        *("serve", "--source", str(SOURCE), "--port", "0"),
        *("--sample-rate", "48000", "--channels", "2", "--bitrate", "96000"),
    )


def listen(card: SoundCard, wav: Path, dialect: str) -> tuple[dict[str, Any], list[str]]:
    """Play for as long as is compared and some more, record what is heard; the probe's report, what witnesses saw."""
    with serve() as server:
        url = server.wait_for_line(r"listening on (\S+)", 15)[1]
        with (
            card.record("ear", wav),
            witnesses(card, wav) as seen,
            opuscope(
                *("probe", url, "--duration", str(COMPARED_S + 9), "--dialect", dialect),
                *("--output", "default", "--device-latency", "120", "--buffer", "fixed:150", "--json", "-"),
                environment=card.environment,
            ) as probe,
        ):
            assert probe.wait(COMPARED_S + 30) == 0, probe.text()
    report: dict[str, Any] = json.loads(probe.text("stdout"))
    return report, seen


def admitted(figures: dict[str, Any]) -> list[str]:
    """What the client itself says was missing: the listener knows, whoever is to blame."""
    words = {
        "underruns": figures["underruns"]["episodes"],
        "skipped samples": figures["skipped_samples"],
        "device xruns": figures["device_xruns"],
        "output problem": figures["output_problem"],
    }
    return [f"{word} by the client's own figures: {value}" for word, value in words.items() if value]


@pytest.mark.sound
@pytest.mark.timeout(ATTEMPTS * MOST_S_AN_ATTEMPT)
@pytest.mark.parametrize("dialect", ["auto", "bare"])
async def test_what_is_heard_equals_the_decoded_source_without_gap_repeat_or_click(
    steady_card: SoundCard, tmp_path: Path, dialect: str
) -> None:
    """A virtual machine that stands still for longer than all buffers leaves a gap that nobody can help: seen by a
    witness or admitted by the client, it lets the attempt be made again. All else has to be perfect.
    """
    expected = await expected_sound()
    reference = expected[SETTLED : SETTLED + COMPARED_S * 48_000]
    wav = tmp_path / "heard.wav"
    for attempt in attempts():
        with attempt:
            figures, seen = listen(steady_card, wav, dialect)
            attempt.disturbances += [*seen, *admitted(figures)]
            assert figures["underruns"]["episodes"] == 0
            assert figures["skipped_samples"] == 0
            heard = read_wav(wav)
            offset = align(mono(reference), mono(heard))
            compared = heard[offset : offset + len(reference)]
            for channel in (0, 1):
                correlations = window_correlations(reference[:, channel], compared[:, channel], 0, slack_ms=ADAPTED_MS)
                assert len(correlations) == COMPARED_S * 10
                # Where playout had to come back to its delay a window holds a splice, or is 0.3 % longer or shorter.
                assert np.mean(correlations > 0.99) >= 0.9
                assert correlations.min() > 0.5
            assert longest_zero_run_ms(compared) <= longest_zero_run_ms(reference) + 0.1
            assert largest_jump(compared) <= largest_jump(reference) * 1.02 + 1e-4
