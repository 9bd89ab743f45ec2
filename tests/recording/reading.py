"""Recorded files as others read them: Debian's `opusinfo`, FFmpeg through PyAV, and page by page."""

from __future__ import annotations

import shutil
import struct
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import av.logging
import numpy as np
import pytest

from core.opus.decoder import OpusDecoder, Pcm


@dataclass(frozen=True)
class Page:
    """One Ogg page with its packets (RFC 3533 §6)."""

    flags: int
    granule: int
    serial: int
    number: int
    packets: tuple[bytes, ...]

    @property
    def is_last(self) -> bool:
        return bool(self.flags & 4)


def pages_of(data: bytes) -> list[Page]:
    """All of them; fails where the file is not one page behind the other."""
    found, at = [], 0
    while at < len(data):
        assert data[at : at + 4] == b"OggS"
        _, flags, granule, serial, number, _, count = struct.unpack_from("<BBqIIIB", data, at + 4)
        lacing, at = data[at + 27 : at + 27 + count], at + 27 + count
        packets, packet = [], b""
        for length in lacing:
            packet, at = packet + data[at : at + length], at + length
            if length < 255:
                packets.append(packet)
                packet = b""
        assert packet == b""
        found.append(Page(flags, granule, serial, number, tuple(packets)))
    return found


def audio_packets(data: bytes) -> list[bytes]:
    """What is neither header."""
    return [packet for page in pages_of(data) for packet in page.packets if packet[:4] != b"Opus"]


def decoded_by_us(data: bytes) -> Pcm:
    """Each logical stream by a decoder of its own, its pre-skip cut, one after the other; shape (frames, 2)."""
    parts: list[Pcm] = []
    decoder, pre_skip, stream = None, 0, []
    for page in [*pages_of(data), None]:
        is_new = page is None or page.flags & 2
        if is_new and stream:
            parts.append(np.concatenate(stream)[pre_skip:])
        if page is None:
            break
        if is_new:
            decoder, stream = OpusDecoder(2), []
            pre_skip = struct.unpack_from("<H", page.packets[0], 10)[0]
            continue
        if page.number > 1:
            assert decoder is not None
            stream += [decoder.decode(packet).copy() for packet in page.packets]
    return np.concatenate(parts)


@dataclass(frozen=True)
class Read:
    """What FFmpeg made of a file."""

    pcm: Pcm
    complaints: tuple[str, ...]


def read_by_ffmpeg(path: Path, decoder: str = "", may_be_damaged: bool = False) -> Read:
    """All audio of a file, shape (frames, 2), and every warning and error on the way; ``decoder`` is another than
    FFmpeg's own. With ``may_be_damaged`` packets are passed over that it cannot decode.
    """
    before = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as logs, av.open(str(path)) as container:
            stream = container.streams.audio[0]
            if decoder:
                context = av.CodecContext.create(decoder, "r")
                context.extradata = stream.codec_context.extradata
                packets = [packet for packet in container.demux(stream) if packet.size]
                frames = [frame for packet in packets for frame in context.decode(packet)]
            else:
                frames = []
                for packet in container.demux(stream):
                    with suppress(*[av.error.InvalidDataError] if may_be_damaged else []):
                        frames += packet.decode()
            blocks = [_floats(frame) for frame in frames]
    finally:
        av.logging.set_level(before)
    complaints = tuple(f"{name}: {text.strip()}" for level, name, text in logs if level <= av.logging.WARNING)
    return Read(np.concatenate(blocks) if blocks else np.zeros((0, 2), np.float32), complaints)


def _floats(frame: av.AudioFrame) -> Pcm:
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.int16:
        samples = samples.astype(np.float32) / 2**15
    elif samples.dtype == np.int32:
        samples = samples.astype(np.float64) / 2**31
    return np.ascontiguousarray(samples.T, dtype=np.float32)


def opusinfo(path: Path) -> tuple[str, list[str]]:
    """What `opusinfo` says, and what of it is a complaint."""
    program = shutil.which("opusinfo")
    if program is None:
        pytest.skip("opusinfo is not installed (package opus-tools)")
    done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=30)
    text = done.stdout + done.stderr
    complaints = [line for line in text.splitlines() if "WARNING" in line or "ERROR" in line or "Error" in line]
    return text, complaints + ([] if done.returncode == 0 else [f"exit status {done.returncode}"])
