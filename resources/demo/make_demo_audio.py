"""Makes the demo audio beside this file: `demo.opus` (music and voice) and `speech.flac` (voice alone).

A tool for development; neither running nor testing Opuscope needs it. It wants Debian's ``espeak-ng``:

    apt-get install espeak-ng
    python resources/demo/make_demo_audio.py
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import cast

import av
import numpy as np
from instruments import SAMPLE_RATE_HZ, Loop, Mono, Stereo, bass, bell, brush, filtered, pad, pluck, reverberated

FOLDER = Path(__file__).parent
DEMO_BITRATE = 160_000
"""bit/s; transparent, so that what the stream's own bit rate does can be heard."""
SPEECH_RATE_HZ = 24_000

BEAT_S = 60 / 72
BAR_S = 4 * BEAT_S
FRAMES = round(8 * BAR_S * SAMPLE_RATE_HZ)

# One bar each: the bass note and the chord above it, as MIDI note numbers. D major, and the last bar leads back.
CHORDS = (
    (38, (57, 61, 64, 66)),  # Dmaj9
    (35, (57, 61, 62, 66)),  # Bm9
    (31, (57, 59, 62, 66)),  # Gmaj9
    (33, (57, 61, 64, 69)),  # A
    (42, (57, 61, 64, 66)),  # F#m7
    (35, (57, 61, 62, 66)),  # Bm9
    (40, (55, 59, 62, 66)),  # Em9
    (33, (55, 59, 62, 64)),  # A9sus4
)
# Bar, beat, note.
MELODY = (
    *((0, 0.0, 78), (0, 1.5, 76), (0, 2.0, 74), (0, 3.0, 69)),
    *((1, 0.0, 71), (1, 2.0, 73)),
    *((2, 0.0, 74), (2, 2.0, 69)),
    *((3, 0.0, 76), (3, 1.5, 74), (3, 2.0, 73), (3, 3.0, 69), (3, 3.5, 71)),
    *((4, 0.0, 73), (4, 1.0, 76), (4, 2.0, 81), (4, 3.5, 78)),
    *((5, 0.0, 78), (5, 2.0, 71)),
    *((6, 0.0, 79), (6, 2.0, 76)),
    *((7, 0.0, 71), (7, 1.0, 73), (7, 2.0, 76), (7, 3.5, 73)),
)
BARS_WITH_VOICE = (1, 2, 5, 6)

VOICE = ("-v", "en-gb+f2", "-s", "150", "-p", "42", "-g", "2")
WELCOME = (
    (1, "Hello, and welcome to Opuscope. You are listening to a live stream, sent as small Opus packets."),
    (5, "If this sounds smooth, the buffer is doing its work. Turn a dial, and hear what changes."),
)
SPEECH = (
    "This is a test of speech. Every few milliseconds, a packet leaves the server, crosses the network,"
    " and waits a moment in a buffer. Too short a wait, and the sound breaks up. Too long, and the talk drags behind."
    " One, two, three, four, five. She sells sea shells by the sea shore."
)


def music() -> Stereo:
    """The piece without the voice, shape (FRAMES, 2), as a ring."""
    dry, far = Loop(FRAMES), Loop(FRAMES)
    for bar, (root, chord) in enumerate(CHORDS):
        start = bar * BAR_S
        for beat, seconds, gain in ((0.0, 2.4, 0.24), (2.5, 1.2, 0.16)):
            dry.add(bass(_hz(root), seconds), start + beat * BEAT_S, gain)
        for voice, note in enumerate(chord):
            for side, detune in ((-0.7, 0.9975), (0.7, 1.0025)):
                # Half a second longer than the bar at either end: chords melt into each other.
                far.add(pad(_hz(note), BAR_S + 1.0, detune), start - 0.5, 0.036, side * (1 - 0.2 * voice))
        steps = (0, 1, 2, 3, 2, 1, 3, 2)
        for eighth, step in enumerate(steps):
            accent = 1.0 if eighth % 4 == 0 else 0.72
            pan = 0.45 * np.sin(1.7 * eighth + bar)
            # A hair off the beat, as fingers are.
            at = start + eighth * BEAT_S / 2 + 0.004 * np.sin(2.3 * eighth + 5 * bar)
            dry.add(pluck(_hz(chord[step] + 12 * (eighth == 6))), at, 0.15 * accent, pan)
            if eighth % 2:
                dry.add(brush(8 * bar + eighth), at, 0.035, -0.25)
    for bar, beat, note in MELODY:
        gain = 0.09 if bar in BARS_WITH_VOICE else 0.15
        far.add(bell(_hz(note)), bar * BAR_S + beat * BEAT_S, gain, 0.15)
    return dry.sound + far.sound + 0.33 * reverberated(0.5 * dry.sound + far.sound)


def voice() -> tuple[Mono, Mono]:
    """The spoken welcome as a ring, and how far the music steps back for it (0 to 1); each of shape (FRAMES,)."""
    spoken = np.zeros(FRAMES)
    for bar, text in WELCOME:
        words = _clean(_spoken(text, SAMPLE_RATE_HZ))
        at = round((bar * BAR_S + 0.1) * SAMPLE_RATE_HZ)
        if at + len(words) > FRAMES:
            raise SystemExit(f"the voice is too long for its place: {text}")
        spoken[at : at + len(words)] += words
    # Its presence, smoothed over half a second by a ring of a raised cosine.
    width = SAMPLE_RATE_HZ // 2
    window = np.zeros(FRAMES)
    window[:width] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    window = np.roll(window, -width // 2)
    presence = (np.abs(spoken) > 0.02).astype(float)
    smooth = np.fft.irfft(np.fft.rfft(presence) * np.fft.rfft(window / window.sum()), FRAMES)
    return spoken, np.clip(4 * smooth, 0, 1)


def demo() -> Stereo:
    """Music and voice, shape (FRAMES, 2), peak -3 dBFS."""
    spoken, presence = voice()
    stepped_back = music() * (1 - 0.55 * presence)[:, None]
    centre = np.stack([spoken, spoken], axis=1)
    mix = stepped_back / np.abs(stepped_back).max() * 0.7 + 0.72 * centre + 0.06 * reverberated(centre, 0.9)
    mix -= mix.mean(axis=0)
    # Rounds off the few highest peaks, which makes everything else 1-2 dB louder.
    rounded = np.tanh(1.3 * mix / np.abs(mix).max())
    return rounded / np.abs(rounded).max() * 10 ** (-3 / 20)


def _hz(note: int) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


def _spoken(text: str, sample_rate: int) -> Mono:
    """What espeak-ng makes of ``text``, resampled to ``sample_rate``, without the silence around it."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise SystemExit("espeak-ng is missing: apt-get install espeak-ng")
    result = subprocess.run([program, *VOICE, "--stdout", text], capture_output=True, check=True)
    # It cannot know the length when it writes the header to a pipe; the samples begin behind 44 bytes.
    with wave.open(io.BytesIO(result.stdout)) as header:
        own_rate = header.getframerate()
    sound = np.frombuffer(result.stdout[44 : len(result.stdout) // 2 * 2], "<i2") / 32768
    audible = np.flatnonzero(np.abs(sound) > 0.003)
    sound = np.concatenate([np.zeros(400), sound[audible[0] : audible[-1]], np.zeros(2_000)])
    frames = round(len(sound) * sample_rate / own_rate)
    # Exact for a sound that begins and ends in silence.
    spectrum = np.zeros(frames // 2 + 1, complex)
    own_spectrum = np.fft.rfft(sound)
    kept = min(len(spectrum), len(own_spectrum))
    spectrum[:kept] = own_spectrum[:kept]
    return np.fft.irfft(spectrum, frames) * frames / len(sound)


def _clean(words: Mono) -> Mono:
    """Takes rumble and the synthesiser's edge away, and evens out loud and soft syllables; peak 1."""
    words = filtered(words, 110, 6_500)
    width = SAMPLE_RATE_HZ // 12
    level = np.sqrt(np.convolve(words**2, np.ones(width) / width, mode="same") + 1e-4)
    words = words / level**0.35
    return words / np.abs(words).max()


def write_audio(path: Path, sound: Mono | Stereo, sample_rate: int, codec: str, bitrate: int | None = None) -> None:
    """Encode float sound, mono or stereo, through PyAV; the file's ending chooses the container."""
    samples = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
    with av.open(str(path), "w", format="ogg" if path.suffix == ".opus" else None) as container:
        layout = "mono" if sound.ndim == 1 else "stereo"
        stream = cast(av.AudioStream, container.add_stream(codec, rate=sample_rate, layout=layout))
        stream.format = "s16"
        if bitrate is not None:
            stream.bit_rate = bitrate
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate = sample_rate
        container.mux([*stream.encode(frame), *stream.encode(None)])


def read_audio(path: Path) -> Stereo:
    """What a player decodes from the file, float of shape (frames, channels)."""
    with av.open(str(path)) as container:
        pieces = [frame.to_ndarray() for frame in container.decode(audio=0)]
        channels = container.streams.audio[0].channels
    whole = np.concatenate([piece.reshape(-1, channels) if piece.shape[0] == 1 else piece.T for piece in pieces])
    return whole / 32768 if whole.dtype == np.int16 else whole.astype(np.float64)


def describe(path: Path) -> None:
    """Print the figures that tell a sound from a spoilt one, and refuse a spoilt one."""
    sound = read_audio(path)
    jumps = np.abs(np.diff(sound, axis=0))
    seam = np.abs(sound[0] - sound[-1]).max()
    peak, rms, offset = np.abs(sound).max(), np.sqrt(np.mean(sound**2)), np.abs(sound.mean(axis=0)).max()
    sys.stdout.write(
        f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {len(sound)} frames x {sound.shape[1]},"
        f" peak {20 * np.log10(peak):.1f} dBFS, RMS {20 * np.log10(rms):.1f} dBFS, DC {offset:.1e},"
        f" jump at the seam {seam:.4f} (elsewhere: 99 % below {np.percentile(jumps, 99):.4f})\n"
    )
    if peak >= 0.98 or offset > 1e-3 or seam > np.percentile(jumps, 99):
        raise SystemExit(f"{path.name} clips, has an offset or clicks where it is repeated")


def main() -> None:
    demo_path, speech_path = FOLDER / "demo.opus", FOLDER / "speech.flac"
    write_audio(demo_path, demo(), SAMPLE_RATE_HZ, "libopus", DEMO_BITRATE)
    describe(demo_path)
    speech = _spoken(SPEECH, SPEECH_RATE_HZ)
    write_audio(speech_path, speech / np.abs(speech).max() * 0.7, SPEECH_RATE_HZ, "flac")
    describe(speech_path)


if __name__ == "__main__":
    main()
