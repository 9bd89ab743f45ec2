"""The jitter buffer of libspeexdsp (`libspeexdsp1`, through ctypes), run as its manual says and as Mumble runs it.

The step is 10 ms. What it answers is followed to the letter: JITTER_BUFFER_OK is a packet to play, MISSING and
INSERTION are concealment.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import cache

from tests.benchmarks.playout_comparison.driver import Decoded, Span

_LIBRARY = "libspeexdsp.so.1"
_STEP_MS = 10.0
_SPEEX_UNITS, _MUMBLE_UNITS = 8, 48
"""Timestamp units per ms. The library keeps lateness in 16 bits: with 48 to a ms (samples at 48 kHz) it cannot tell
more than 683 ms, and a delay above that is never taken back."""
_OK, _MISSING, _INSERTION = 0, 1, 2
_SET_MARGIN, _GET_AVAILABLE_COUNT = 0, 3


class _Packet(ctypes.Structure):
    """JitterBufferPacket of speex_jitter.h."""

    _fields_ = (
        ("data", ctypes.c_char_p),
        ("len", ctypes.c_uint32),
        ("timestamp", ctypes.c_uint32),
        ("span", ctypes.c_uint32),
        ("sequence", ctypes.c_uint16),
        ("user_data", ctypes.c_uint32),
    )


@cache
def library() -> ctypes.CDLL | None:
    """The library with its signatures, None where it isn't installed."""
    try:
        loaded = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    state, packet, number = ctypes.c_void_p, ctypes.POINTER(_Packet), ctypes.POINTER(ctypes.c_int32)
    for name, result, arguments in (
        ("init", state, (ctypes.c_int,)),
        ("destroy", None, (state,)),
        ("put", None, (state, packet)),
        ("get", ctypes.c_int, (state, packet, ctypes.c_int32, number)),
        ("tick", None, (state,)),
        ("update_delay", ctypes.c_int, (state, packet, number)),
        ("get_pointer_timestamp", ctypes.c_int, (state,)),
        ("ctl", ctypes.c_int, (state, ctypes.c_int, ctypes.c_void_p)),
    ):
        function = getattr(loaded, f"jitter_buffer_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded


class _Handle:
    """One `JitterBuffer` of the library, spoken to in milliseconds; freed with this object.

    Raises `OSError` where the library isn't installed.
    """

    def __init__(self, units_per_ms: int, margin_ms: float) -> None:
        loaded = library()
        if loaded is None:
            raise OSError(f"{_LIBRARY} is not installed")
        self._library, self._units_per_ms = loaded, units_per_ms
        self._state = loaded.jitter_buffer_init(self._units(_STEP_MS))
        self._room = ctypes.create_string_buffer(16)
        margin = ctypes.c_int32(self._units(margin_ms))
        loaded.jitter_buffer_ctl(self._state, _SET_MARGIN, ctypes.byref(margin))

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.jitter_buffer_destroy(self._state)

    def put(self, media_ms: float, span_ms: float) -> None:
        packet = _Packet(b"opus", 4, self._units(media_ms), self._units(span_ms), 0, 0)
        self._library.jitter_buffer_put(self._state, ctypes.byref(packet))

    def get(self, wanted_ms: float) -> tuple[int, float, float, float]:
        """What it says, and timestamp, span and start offset (all ms) of what it gives."""
        packet = _Packet(ctypes.cast(self._room, ctypes.c_char_p), len(self._room), 0, 0, 0, 0)
        offset = ctypes.c_int32(0)
        answer = self._library.jitter_buffer_get(
            self._state, ctypes.byref(packet), self._units(wanted_ms), ctypes.byref(offset)
        )
        return answer, *(value / self._units_per_ms for value in (packet.timestamp, packet.span, offset.value))

    def tick(self) -> None:
        self._library.jitter_buffer_tick(self._state)

    def update_delay(self) -> None:
        self._library.jitter_buffer_update_delay(self._state, None, None)

    def started(self) -> bool:
        return bool(self._library.jitter_buffer_get_pointer_timestamp(self._state))

    def available(self) -> int:
        count = ctypes.c_int32(0)
        self._library.jitter_buffer_ctl(self._state, _GET_AVAILABLE_COUNT, ctypes.byref(count))
        return count.value

    def _units(self, ms: float) -> int:
        return round(ms * self._units_per_ms)


class SpeexBuffer:
    """As the library's manual has it: default settings, delay adjusted at every tick, offsets and spans honoured."""

    def __init__(self, frame_ms: float) -> None:
        self._frame_ms = frame_ms
        self._handle = _Handle(_SPEEX_UNITS, margin_ms=0.0)
        self._decoded = Decoded()

    def push(self, number: int, now_ms: float) -> None:
        """Put a packet."""
        self._handle.put(number * self._frame_ms, self._frame_ms)

    def pull(self, now_ms: float, duration_ms: float) -> Iterator[Span]:
        """Get what is missing, then one tick for each step played."""
        yield from self._decoded.take(duration_ms, self._get)
        self._handle.tick()

    def _get(self) -> None:
        answer, media_ms, span_ms, offset_ms = self._handle.get(min(self._frame_ms, _STEP_MS))
        if answer == _OK:
            self._decoded.add(Span(None, max(offset_ms, 0.0)))
            cut_ms = max(-offset_ms, 0.0)
            self._decoded.add(Span(media_ms + cut_ms, span_ms - cut_ms))
        else:
            self._decoded.add(Span(None, span_ms))


def talk_and_pause(media_ms: float) -> bool:
    """Whether a stand-in for speech pauses then: half a second in every two and a half."""
    return media_ms % 2500.0 >= 2000.0


class MumbleBuffer:
    """The way Mumble (AudioOutputSpeech) runs the same library on speech.

    A margin of 10 ms; the delay is adjusted after a concealed step and while the speaker pauses (the library does it at
    every tick as well until it is first asked to); offsets are not looked at. After more than ten concealed steps the
    speaker counts as gone, and the next packet begins with a new buffer, filled at first with as many packets as were
    usually there. Mumble itself sends no packets shorter than 10 ms.
    """

    _PREFILL_STEPS, _GONE_STEPS = 20, 10

    def __init__(self, frame_ms: float, *, pauses: Callable[[float], bool] = talk_and_pause) -> None:
        self._frame_ms, self._pauses = frame_ms, pauses
        self._handle: _Handle | None = None
        self._decoded = Decoded()
        self._missed, self._alive = 0, True
        self._usually_there = 0.0

    def push(self, number: int, now_ms: float) -> None:
        """Put a packet; the first one after the speaker was gone begins anew."""
        if self._handle is None:
            self._handle, self._missed, self._alive = _Handle(_MUMBLE_UNITS, margin_ms=_STEP_MS), 0, True
        self._handle.put(number * self._frame_ms, self._frame_ms)

    def pull(self, now_ms: float, duration_ms: float) -> Iterator[Span]:
        """What it plays; silence while nobody speaks."""
        return self._decoded.take(duration_ms, self._step)

    def _step(self) -> None:
        if self._handle is None:
            return
        if not self._alive:
            # What has come since is thrown away with the speaker.
            self._handle = None
            return
        there = self._handle.available()
        if not self._handle.started() and there < round(self._usually_there):
            self._missed += 1
            if self._missed < self._PREFILL_STEPS:
                self._decoded.add(Span(None, _STEP_MS))
                return
        answer, media_ms, span_ms, _ = self._handle.get(min(self._frame_ms, _STEP_MS))
        if answer == _OK:
            self._missed = 0
            self._usually_there = there if there >= self._usually_there else self._usually_there * 0.99
            self._decoded.add(Span(media_ms, span_ms))
            if self._pauses(media_ms):
                self._handle.update_delay()
        else:
            span_ms = _STEP_MS
            self._handle.update_delay()
            self._missed += 1
            self._alive = self._missed <= self._GONE_STEPS
            self._decoded.add(Span(None, span_ms))
        for _ in range(max(int(span_ms / _STEP_MS), 1)):
            self._handle.tick()
