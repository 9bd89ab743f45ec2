"""Whatever comes over a connection: no exception, and a file that others read."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.observation import Connected, Observation
from core.opus.packet import MalformedPacketError, parse_packet
from core.recording.rotation import NO_ROTATION, Rotation
from core.recording.stand_ins import stand_ins
from tests.receiver.harness import opus_packets
from tests.recording.making import received, record
from tests.recording.reading import opusinfo, pages_of, read_by_ffmpeg

REAL = tuple(packet for ms in (2.5, 20.0, 60.0) for ch in (1, 2) for packet in opus_packets(8, ms, ch))

payloads = st.one_of(
    st.sampled_from(REAL),
    st.sampled_from(REAL),
    st.binary(max_size=40),
    # Any mode and packing, with frames that may be empty.
    st.builds(
        lambda toc, rest: bytes((toc,)) + rest, st.integers(0, 255), st.sampled_from([b"", b"\x01", b"\x43\x00"])
    ),
)
numbers = st.one_of(st.none(), st.integers(0, 40))
timestamps = st.one_of(st.none(), st.integers(0, 40_000), st.integers(0, 400_000), st.integers(0, 2**40))


def packet(payload: bytes, at_ms: int, number: int | None, timestamp: int | None) -> Observation:
    return received(payload, at_ms * 1_000_000, number, timestamp)


observations = st.lists(
    st.one_of(
        st.builds(packet, payloads, st.integers(0, 10_000), numbers, timestamps),
        st.just(Connected(0, None)),
    ),
    max_size=40,
)
rotations = st.sampled_from([NO_ROTATION, Rotation(samples=480_000), Rotation(size_bytes=8_000)])


@settings(max_examples=100, deadline=None)
@given(observations, rotations)
def test_no_sequence_of_packets_makes_a_file_that_others_refuse(came: list[Observation], rotation: Rotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sink = record(Path(folder) / "a.opus", came, rotation)
        status = sink.status()
        seconds = 0.0
        for path in sorted(Path(folder).iterdir()):
            pages = pages_of(path.read_bytes())
            pre_skip = int.from_bytes(pages[0].packets[0][10:12], "little")
            seconds += (pages[-1].granule - pre_skip) / 48_000
            samples = sum(parse_packet(each).duration_samples for page in pages[2:] for each in page.packets)
            assert (samples, pages[-1].is_last) == (pages[-1].granule, True)
            read_by_ffmpeg(path, may_be_damaged=True)
        assert abs(status.seconds - seconds) < 312 / 48_000 + 1e-9
        taken = status.packets + status.malformed + status.out_of_order
        assert taken == sum(not isinstance(each, Connected) for each in came)


@settings(max_examples=40, deadline=None)
@given(observations)
def test_opusinfo_reads_what_any_sequence_of_packets_makes(came: list[Observation]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.opus"
        if record(path, came).status().packets:
            text, complaints = opusinfo(path)
            assert complaints == [], text


@given(st.integers(0, 60_000 * 48), payloads)
def test_stand_ins_never_fail_for_a_packet_that_could_be_read(samples: int, payload: bytes) -> None:
    try:
        parse_packet(payload)
    except MalformedPacketError:
        return
    assert sum(duration for _, duration in stand_ins(samples, payload)) == samples - samples % 120
