"""Captures of other programs: what is Opus in them is found, what is not is said."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from core.analysis.observation import Received
from core.opus.media import MediaPacket
from core.recording.capture_frames import CaptureError
from core.recording.capture_reader import open_capture
from core.recording.rtp_streams import MAX_CANDIDATES, StreamFinder
from core.wire.dialect import NewStream
from core.wire.rtp import RtpPacket, pack_rtp
from tests.receiver.harness import opus_packets
from tests.recording.foreign import (
    BEGAN_NS,
    FORMATS,
    LAYERS,
    STEP_NS,
    frames,
    pcap,
    pcapng,
    rtp_packets,
    save,
    tcp,
)


def packets_in(path: Path, ssrc: int | None = None) -> list[MediaPacket]:
    events = [seen.event for seen in open_capture(path, ssrc).observations() if isinstance(seen, Received)]
    return [event for event in events if isinstance(event, MediaPacket)]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_format_gives_packets_and_times(tmp_path: Path, kind: str) -> None:
    packets = packets_in(save(tmp_path / "a", FORMATS[kind]()))
    assert tuple(packet.payload for packet in packets) == opus_packets(30)
    assert [packet.arrival_ns for packet in packets] == [BEGAN_NS + i * STEP_NS for i in range(30)]
    assert [packet.sequence_number for packet in packets] == list(range(65_520, 65_550))
    assert [packet.media_timestamp for packet in packets] == [4_294_960_000 + 960 * i for i in range(30)]
    assert packets[0].marker


@pytest.mark.parametrize("layer", LAYERS)
def test_every_link_layer_is_seen_through(tmp_path: Path, layer: str) -> None:
    packets = packets_in(save(tmp_path / "a.pcap", pcap(frames(rtp_packets(), layer))))
    assert tuple(packet.payload for packet in packets) == opus_packets(30)


def test_a_websocket_capture_says_what_to_do_instead(tmp_path: Path) -> None:
    seen = [frame for frame in frames(rtp_packets()) for _ in range(2)]
    over_tcp = [type(frame)(frame.at_ns, 101, tcp(b"x" * 100)) for frame in seen]
    with pytest.raises(
        CaptureError, match="60 TCP; WebSocket over TCP cannot be read from a capture: use 'opuscope cap"
    ):
        open_capture(save(tmp_path / "a.pcap", pcap(over_tcp)))


def test_of_several_streams_one_has_to_be_chosen(tmp_path: Path) -> None:
    both = [*frames(rtp_packets(20, ssrc=7)), *frames(rtp_packets(30, ssrc=8))]
    path = save(tmp_path / "a.pcap", pcap(both))
    with pytest.raises(CaptureError, match=r"--ssrc: 0x00000008 \(.*30 packets.* -> 10.0.0.2:5004\), 0x00000007"):
        open_capture(path)
    assert len(packets_in(path, ssrc=7)) == 20
    assert len(packets_in(path, ssrc=8)) == 30


def test_other_media_beside_opus_is_left_alone(tmp_path: Path) -> None:
    video = [pack_rtp(RtpPacket(96, i, 90 * i, 5, False, b"\xff\xff\xff" * 40)) for i in range(50)]
    path = save(tmp_path / "a.pcap", pcap([*frames(video), *frames(rtp_packets(20))]))
    assert len(packets_in(path)) == 20


@pytest.mark.parametrize("payload_type", [96, 97, 120])
def test_opus_of_any_dynamic_payload_type_is_known_by_its_times(tmp_path: Path, payload_type: int) -> None:
    path = save(tmp_path / "a.pcap", pcap(frames(rtp_packets(30, payload_type))))
    assert len(packets_in(path)) == 30


def test_opus_with_another_clock_is_taken_only_when_named(tmp_path: Path) -> None:
    odd = [pack_rtp(RtpPacket(96, i, 160 * i, 5, False, payload)) for i, payload in enumerate(opus_packets(30))]
    path = save(tmp_path / "a.pcap", pcap(frames(odd)))
    with pytest.raises(CaptureError, match=r"RTP that is not taken for Opus: 0x00000005 .*--ssrc takes one"):
        open_capture(path)
    assert len(packets_in(path, ssrc=5)) == 30


def test_a_sender_that_starts_anew_is_another_stream(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pcap", pcap(frames([*rtp_packets(20), *rtp_packets(20, first=30_000)])))
    events = [seen.event for seen in open_capture(path).observations() if isinstance(seen, Received)]
    assert sum(isinstance(event, NewStream) for event in events) == 1
    assert sum(isinstance(event, MediaPacket) for event in events) == 40


def test_times_that_run_back_stand_still(tmp_path: Path) -> None:
    jumpy = frames(rtp_packets(30))
    jumpy[10] = type(jumpy[10])(BEGAN_NS, jumpy[10].link_type, jumpy[10].data)
    at_ns = [packet.arrival_ns for packet in packets_in(save(tmp_path / "a.pcap", pcap(jumpy)))]
    assert at_ns[10] == at_ns[9]
    assert at_ns == sorted(at_ns)


def test_times_that_span_centuries_are_refused(tmp_path: Path) -> None:
    far = frames(rtp_packets(30))
    far[-1] = type(far[-1])(BEGAN_NS + 10**18, far[-1].link_type, far[-1].data)
    with pytest.raises(CaptureError, match=r"claims to span 11574\.1 days"):
        open_capture(save(tmp_path / "a.pcap", pcap(far)))


def test_what_is_no_capture_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such file"):
        open_capture(tmp_path / "missing.pcap")
    with pytest.raises(CaptureError, match="is no regular file"):
        open_capture(tmp_path)
    with pytest.raises(CaptureError, match="is no capture; expected pcapng, pcap or rtpdump"):
        open_capture(save(tmp_path / "a", b"RIFF...."))
    with pytest.raises(CaptureError, match="gunzip"):
        open_capture(save(tmp_path / "a", gzip.compress(pcap(frames(rtp_packets(3))))))
    with pytest.raises(CaptureError, match="is cut off at offset 100; what comes after is missing"):
        open_capture(save(tmp_path / "a", pcapng(frames(rtp_packets(1)))[:100]))
    with pytest.raises(CaptureError, match="holds no Opus in RTP: it holds no packets at all"):
        open_capture(save(tmp_path / "a", pcap(frames(rtp_packets(1)))[:24]))


def test_a_capture_on_a_busy_network_takes_no_more_memory_than_a_quiet_one() -> None:
    finder = StreamFinder()
    for number in range(3 * MAX_CANDIDATES):
        noise = pack_rtp(RtpPacket(96, 0, 0, number, False, b"noise"))
        for frame in frames([noise]):
            finder.add(frame)
    for frame in frames(rtp_packets(30)):
        finder.add(frame)
    assert len(finder._candidates) <= MAX_CANDIDATES
    assert [stream.packets for stream in finder.streams()] == [30]
