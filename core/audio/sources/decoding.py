"""Whatever PyAV opens, as 16-bit PCM of one rate and channel count. Blocking: runs in a worker thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator

import av
import av.container
import numpy as np

from core.audio.sources.pcm import Pcm16, SourceError
from core.log import log_event

logger = logging.getLogger(__name__)

ContainerOpener = Callable[[], av.container.InputContainer]
_LAYOUTS = {1: "mono", 2: "stereo"}


def decode_pcm(
    open_container: ContainerOpener, name: str, sample_rate: int, channels: int, *, loop: bool = False
) -> Generator[Pcm16, None, None]:
    """Blocks of shape (frames, channels) of the container's first audio stream.

    With ``loop`` the container is opened again after its end, and the resampler runs on across that seam: it joins
    the last sample to the first as if they had always been neighbours. Damaged packets are skipped with a warning.

    Raises:
        SourceError: the container cannot be opened, holds no audio, or reading it fails on the way.
    """
    converter = Converter(sample_rate, channels)
    while True:
        decoded_frames = 0
        container = open_audio(open_container, name)
        try:
            for frame in audio_frames(container, name):
                decoded_frames += frame.samples
                yield from converter.convert(frame)
        except av.FFmpegError as error:
            raise SourceError(f"reading {name} failed: {reason(error)}; check the file or its disk") from error
        finally:
            container.close()
        if decoded_frames == 0:
            raise SourceError(f"{name} holds no audio that can be decoded; choose another file")
        if not loop:
            break
    yield from converter.drain()


def open_audio(open_container: ContainerOpener, name: str) -> av.container.InputContainer:
    """A container that holds audio.

    Raises:
        SourceError: it cannot be opened, or holds none.
    """
    try:
        container = open_container()
    except (av.FFmpegError, OSError) as error:
        raise SourceError(
            f"cannot read {name} as audio: {reason(error)}; choose a file that FFmpeg can decode"
        ) from error
    if not container.streams.audio:
        container.close()
        raise SourceError(f"{name} has no audio stream; choose a file with sound")
    return container


def reason(error: Exception) -> str:
    """What FFmpeg or the system says, in its own words."""
    return getattr(error, "strerror", None) or type(error).__name__


def audio_frames(container: av.container.InputContainer, name: str) -> Iterator[av.AudioFrame]:
    """What the first audio stream decodes to; damaged packets are skipped, and counted in a warning.

    Raises:
        av.FFmpegError: reading fails on the way.
    """
    damaged_packets = 0
    for packet in container.demux(container.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            damaged_packets += 1
            continue
        for frame in frames:
            if isinstance(frame, av.AudioFrame) and frame.samples:
                yield frame
    if damaged_packets:
        log_event(logger, logging.WARNING, "damaged packets skipped", source=name, packets=damaged_packets)


class Converter:
    """A resampler that is replaced when the input changes its format on the way (chained Ogg, broadcast streams)."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        """What it makes has ``sample_rate`` and 1 or 2 ``channels``."""
        self._sample_rate = sample_rate
        self._channels = channels
        self._resampler: av.AudioResampler | None = None
        self._input_format: tuple[str, str, int] | None = None

    def convert(self, frame: av.AudioFrame) -> Iterator[Pcm16]:
        """The frame, as far as the resampler's filter gives it out yet."""
        input_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        if input_format != self._input_format or self._resampler is None:
            yield from self.drain()
            self._resampler = av.AudioResampler("s16", _LAYOUTS[self._channels], self._sample_rate)
            self._input_format = input_format
        # Only the order of samples counts here; time stamps that jump (at a loop's seam) must not move any.
        frame.pts = None
        yield from self._pcm(self._resampler.resample(frame))

    def drain(self) -> Iterator[Pcm16]:
        """What the resampler's filter still holds."""
        if self._resampler is not None:
            yield from self._pcm(self._resampler.resample(None))
            self._resampler = None

    def _pcm(self, frames: list[av.AudioFrame]) -> Iterator[Pcm16]:
        for frame in frames:
            if frame.samples:
                yield np.asarray(frame.to_ndarray(), dtype=np.int16).reshape(-1, self._channels)
