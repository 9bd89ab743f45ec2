"""Claims about the sound card that other tests listen to."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests.support.attempts import attempts
from tests.support.clips import align, largest_jump, longest_zero_run_ms, mono, read_wav, window_correlations
from tests.support.processes import python
from tests.support.sound_card import SAMPLE_RATE_HZ, SoundCard, SoundCardError
from tests.support.witnesses import witnesses

pytestmark = pytest.mark.sound

_TONE_HZ = 440.0
_TONE_S = 2.0

_PLAY_A_TONE = f"""
import threading
import numpy as np
import sounddevice as sd
tone = 0.5 * np.sin(2 * np.pi * {_TONE_HZ} * np.arange({int(_TONE_S * SAMPLE_RATE_HZ)}) / {SAMPLE_RATE_HZ})
# PortAudio does not wait for what is on its way: silence behind the tone lets all of it be heard.
tone = np.concatenate([tone, np.zeros({SAMPLE_RATE_HZ // 4})]).astype(np.float32)
at, played = 0, threading.Event()
def callback(out, frames, time, status):
    global at
    if status:
        print("status", status, flush=True)
    piece = tone[at : at + frames]
    out[: len(piece)] = piece[:, None]
    out[len(piece) :] = 0
    at += frames
    if at >= len(tone):
        played.set()
with sd.OutputStream(samplerate={SAMPLE_RATE_HZ}, channels=2, dtype="float32", latency=0.06, callback=callback):
    played.wait()
"""

_LISTEN = f"""
import threading
import numpy as np
import sounddevice as sd
heard = threading.Event()
def callback(data, frames, time, status):
    if np.abs(data).max() > 0.1:
        heard.set()
with sd.InputStream(samplerate={SAMPLE_RATE_HZ}, channels=2, dtype="float32", latency=0.06, callback=callback):
    print("listening", flush=True)
    heard.wait()
    print("heard", flush=True)
"""


def _tone() -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * _TONE_HZ * np.arange(_TONE_S * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)).astype(
        np.float32
    )


def _write_wav(path: Path, sound: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(np.repeat((sound * 32767).astype("<i2"), 2).tobytes())


def test_portaudio_plays_a_tone_and_the_recording_is_continuous_to_the_sample(tmp_path: Path) -> None:
    """With the long period, which a stalling machine seldom tears."""
    path = tmp_path / "heard.wav"
    tone = _tone()
    for attempt in attempts():
        with attempt:
            with (
                SoundCard(period=1024) as card,
                card.record("ear", path),
                witnesses(card, path) as seen,
                python("-c", _PLAY_A_TONE, environment=card.environment) as player,
            ):
                code = player.wait(30)
            attempt.disturbances += [*seen, *player.text("stdout").splitlines()]
            assert (code, player.text()) == (0, "")
            heard = read_wav(path)
            assert np.array_equal(heard[:, 0], heard[:, 1])
            first = int(np.flatnonzero(heard[:, 0])[0]) - 1  # the tone's own first sample is zero
            assert np.abs(heard[first : first + len(tone), 0] - tone).max() < 1e-6
            assert abs(align(tone, mono(heard)) - first) < 2
            assert window_correlations(tone, mono(heard), first).min() > 0.999
            assert largest_jump(heard) < 0.03
            assert longest_zero_run_ms(heard[first : first + len(tone)]) < 0.1


def test_portaudio_finds_every_sink_by_name_and_nothing_else(sound_card: SoundCard) -> None:
    names = "import sounddevice as sd; print(*sorted(device['name'] for device in sd.query_devices()))"
    with python("-c", names, environment=sound_card.environment) as child:
        assert child.wait(30) == 0
    assert child.text("stdout").split() == ["default", "ear", "mouth", "pipewire"]


def test_what_is_played_to_the_mouth_comes_in_at_the_default_microphone(sound_card: SoundCard, tmp_path: Path) -> None:
    _write_wav(tmp_path / "tone.wav", _tone())
    with python("-c", _LISTEN, environment=sound_card.environment) as listener:
        listener.wait_for_line("listening", 30)
        with sound_card.play("mouth", tmp_path / "tone.wav"):
            listener.wait_for_line("heard", 10)


def test_two_sinks_side_by_side_are_recorded_apart(sound_card: SoundCard, tmp_path: Path) -> None:
    _write_wav(tmp_path / "tone.wav", _tone())
    with (
        sound_card.record_side_by_side("mouth", "ear", tmp_path / "both.wav"),
        sound_card.play("mouth", tmp_path / "tone.wav") as player,
    ):
        assert player.wait(30) == 0
    both = read_wav(tmp_path / "both.wav")
    assert np.abs(both[:, 0]).max() == pytest.approx(0.5, abs=0.01)
    assert not both[:, 1].any()


def test_links_name_who_listens_to_whom(sound_card: SoundCard, tmp_path: Path) -> None:
    with sound_card.record("ear", tmp_path / "silence.wav"):
        assert "ear:monitor_FL\n  |-> recorder-silence" in sound_card.links()
    assert "recorder-silence" not in sound_card.links()


def test_leaving_the_card_ends_all_it_started(tmp_path: Path) -> None:
    def names() -> list[str]:
        return sorted(child.name() for child in psutil.Process().children())

    before = names()
    with SoundCard(sinks=["only"]) as card:
        folder = Path(card.environment["XDG_RUNTIME_DIR"])
        assert len(names()) == len(before) + 3
    assert names() == before
    assert not folder.exists()


def test_a_part_that_does_not_start_is_named_with_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "wireplumber"
    broken.write_text("#!/bin/sh\necho no policy found >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(SoundCardError, match=r"(?s)wireplumber is not ready since it ended.*no policy found"):
        SoundCard().__enter__()


def test_a_missing_program_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SoundCardError, match=r"pipewire.*system-packages\.sh test"):
        SoundCard().__enter__()


def test_connecting_a_port_that_is_not_there_is_refused(sound_card: SoundCard) -> None:
    with pytest.raises(SoundCardError, match="nobody:output_FL"):
        sound_card.connect("nobody:output_FL", "ear:playback_FL")


@pytest.mark.parametrize(("period", "least", "most"), [(256, 256, 256), (None, 32, 2048)])
def test_the_period_is_as_chosen_or_left_to_the_programs(period: int | None, least: int, most: int) -> None:
    with SoundCard(period=period) as card:
        settings = card._ask("pw-metadata", "-n", "settings")
    assert f"key:'clock.min-quantum' value:'{least}'" in settings
    assert f"key:'clock.max-quantum' value:'{most}'" in settings
