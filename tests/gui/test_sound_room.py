"""Waveform and spectrogram show what was played, seldom, and only where they can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from core.audio.output import SAMPLE_RATE_HZ, Pcm
from core.monitor.monitor import PAINT_MS, Monitor
from core.receiver.options import ListenOptions
from gui.plots.measures import WAVEFORM_POINTS, WAVEFORM_SPANS_MS
from gui.plots.palette import STEPS, lightness, loudness_palette
from gui.plots.spectrogram_plot import COLUMN_S, ColumnRing, share_of
from gui.settings import ThemeChoice
from gui.sound_room import SoundRoom
from gui.theme import DARK, LIGHT, Colors, Theme
from tests.gui.conftest import URL
from tests.gui.fake_session import FakeSession


def tone(frequency_hz: float, amplitude: float = 1.0, seconds: float = 1.0) -> Pcm:
    """Right half as loud as left."""
    times_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * times_s)
    return np.stack((wave, wave / 2), axis=1).astype(np.float32)


class Owner:
    """As much of `SessionOwner` as the room needs."""

    session: FakeSession | None = None


class Listening(FakeSession):
    """Counts how often it is asked for sound."""

    looks = 0

    def last_played(self, frames: int) -> Pcm:
        self.looks += 1
        return super().last_played(frames)


class Bench:
    """The room in a window of its own, with a clock that only the test moves."""

    def __init__(self, qtbot: QtBot) -> None:
        self.now_s = 1_000.0
        self.is_frozen = False
        self.monitor = Monitor(lambda: round(self.now_s * 1e9), lambda: 0.0)
        self.theme = Theme(ThemeChoice.DARK)
        self.theme.apply()
        self.owner = Owner()
        owner: Any = self.owner
        self.room = SoundRoom(owner, self.monitor, self.theme, lambda: self.is_frozen, clock=lambda: self.now_s)
        self.room.furnish()
        self.window = QWidget()
        column = QVBoxLayout(self.window)
        for dock in self.room.docks:
            column.addWidget(dock)
        self.window.resize(700, 500)
        qtbot.addWidget(self.window)

    def play(self, sound: Pcm) -> Listening:
        self.owner.session = session = Listening(ListenOptions(URL), self.monitor)
        session.played = sound
        return session

    def refresh(self, times: int = 4, every_s: float = 0.04) -> None:
        for _ in range(times):
            self.now_s += every_s
            self.room.refresh()


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot)


def brightest_row(ring: ColumnRing) -> float:
    """Where the loudest band stands in the newest column, from 0 at the bottom to 1."""
    newest = ring.steps()[:, -1]
    return 1 - int(np.argmax(newest)) / (len(newest) - 1)


def test_closed_docks_never_ask_for_sound(bench: Bench) -> None:
    session = bench.play(tone(1_000))
    for dock in bench.room.docks:
        dock.close()
    bench.window.show()
    bench.refresh(50)
    assert session.looks == 0


def test_frozen_pictures_never_ask_for_sound(bench: Bench) -> None:
    session = bench.play(tone(1_000))
    bench.window.show()
    bench.is_frozen = True
    bench.refresh(50)
    assert session.looks == 0


def test_each_picture_is_refreshed_at_most_fourteen_times_a_second_and_never_both_at_once(bench: Bench) -> None:
    session = bench.play(tone(1_000))
    bench.window.show()
    before = 0
    for _ in range(1_000):
        bench.refresh(1, 0.005)
        assert session.looks - before <= 1
        before = session.looks
    assert 5 * 2 * 10 <= session.looks <= 5 * 2 * 14


def test_between_two_ticks_a_picture_is_refreshed_and_none_while_closed(bench: Bench, qtbot: QtBot) -> None:
    session = bench.play(tone(1_000))
    bench.room.refresh_soon()
    qtbot.wait(40)
    assert session.looks == 0
    bench.window.show()
    bench.room.refresh_soon()
    assert session.looks == 0
    qtbot.waitUntil(lambda: session.looks == 1)


def test_without_a_session_both_say_why_they_are_empty(bench: Bench) -> None:
    bench.window.show()
    bench.refresh()
    for plot in (bench.room.waveform, bench.room.spectrogram):
        assert plot.empty_text == "Nothing was played yet: connect to a stream"
    bench.play(tone(1_000))
    bench.refresh()
    assert bench.room.waveform.empty_text == bench.room.spectrogram.empty_text == ""


def test_when_the_session_ends_what_was_heard_last_stands_still(bench: Bench) -> None:
    bench.play(tone(1_000))
    bench.window.show()
    bench.refresh()
    seen = bench.room.spectrogram.picture.steps()
    bench.owner.session = None
    bench.refresh(20)
    np.testing.assert_array_equal(bench.room.spectrogram.picture.steps(), seen)
    assert bench.room.spectrogram.empty_text == bench.room.waveform.empty_text == ""
    assert len(bench.room.waveform.lanes[0].tops) == WAVEFORM_POINTS


def test_the_waveform_reaches_as_far_as_the_samples_do(bench: Bench) -> None:
    bench.play(tone(1_000, 0.5))
    bench.window.show()
    bench.refresh()
    left, right = bench.room.waveform.lanes
    assert left.tops.max() == pytest.approx(1 + 0.5 * 0.96, abs=0.02)
    assert right.tops.max() == pytest.approx(-1 + 0.25 * 0.96, abs=0.02)


@pytest.mark.parametrize("span_ms", WAVEFORM_SPANS_MS)
def test_every_span_has_as_many_points_as_can_be_afforded(bench: Bench, span_ms: int) -> None:
    bench.play(tone(1_000))
    bench.window.show()
    span = bench.room.span
    span.setCurrentIndex(span.findData(span_ms))
    span.activated.emit(span.currentIndex())
    bench.refresh()
    waveform = bench.room.waveform
    assert len(waveform.lanes[0].tops) == WAVEFORM_POINTS
    assert waveform.frames % WAVEFORM_POINTS == 0
    assert waveform.getViewBox().viewRange()[0] == [-span_ms, 0]


def test_less_sound_than_the_span_stands_at_the_right_edge(bench: Bench) -> None:
    bench.play(tone(1_000, seconds=0.03))
    bench.window.show()
    bench.refresh()
    assert len(bench.room.waveform.lanes[0].tops) == WAVEFORM_POINTS // 10


def test_more_than_full_scale_stays_in_its_lane(bench: Bench) -> None:
    bench.play(tone(1_000, 4.0))
    bench.window.show()
    bench.refresh()
    assert bench.room.waveform.lanes[0].tops.max() < 2.0


@pytest.mark.parametrize("frequency_hz", [200.0, 1_000.0, 8_000.0])
def test_a_tone_is_a_line_at_its_frequency(bench: Bench, frequency_hz: float) -> None:
    bench.play(tone(frequency_hz))
    bench.window.show()
    bench.refresh()
    assert brightest_row(bench.room.spectrogram.picture) == pytest.approx(share_of(frequency_hz), abs=0.03)


def test_time_goes_on_by_a_column_every_20_ms(bench: Bench) -> None:
    session = bench.play(tone(1_000))
    bench.window.show()
    bench.refresh(40)
    picture = bench.room.spectrogram.picture
    before = np.count_nonzero(picture.steps().any(axis=0))
    session.played = tone(5_000)
    bench.refresh(25)
    grown = np.count_nonzero(picture.steps().any(axis=0)) - before
    assert grown == pytest.approx(1.0 / COLUMN_S, abs=3)


def test_what_nobody_looked_at_is_blank_and_not_made_up(bench: Bench) -> None:
    bench.play(tone(1_000))
    bench.window.show()
    bench.refresh(100)
    bench.is_frozen = True
    bench.refresh(1, 4.0)
    bench.is_frozen = False
    bench.refresh()
    heard = bench.room.spectrogram.picture.steps().any(axis=0)
    blank = np.flatnonzero(~heard[np.argmax(heard) :])
    assert len(blank) * COLUMN_S == pytest.approx(3.0, abs=0.2)


def test_another_size_keeps_what_was_drawn(bench: Bench, qtbot: QtBot) -> None:
    bench.play(tone(1_000))
    bench.window.show()
    bench.refresh(100)
    picture = bench.room.spectrogram.picture
    columns = np.count_nonzero(picture.steps().any(axis=0))
    bench.window.resize(900, 700)
    qtbot.waitUntil(lambda: picture.columns == picture.width())
    assert np.count_nonzero(picture.steps().any(axis=0)) == columns
    assert brightest_row(picture) == pytest.approx(share_of(1_000), abs=0.03)


def test_the_picture_is_painted_as_it_stands_in_the_ring(bench: Bench) -> None:
    bench.play(tone(1_000))
    bench.window.show()
    bench.refresh(60)
    picture = bench.room.spectrogram.picture
    image = picture.grab().toImage()
    steps, palette = picture.steps(), loudness_palette(DARK)
    assert image.width() == picture.columns
    for x in (0, picture.columns // 2, picture.columns - 1):
        for y in range(0, image.height(), 7):
            assert image.pixelColor(x, y).rgb() == int(palette[steps[y, x]])
    assert bench.monitor.history is not None
    assert PAINT_MS in bench.monitor.series


def test_another_theme_colours_what_was_drawn_already(bench: Bench) -> None:
    bench.play(tone(1_000))
    bench.window.show()
    bench.refresh(20)
    steps = bench.room.spectrogram.picture.steps()
    bench.theme.choose(ThemeChoice.LIGHT)
    np.testing.assert_array_equal(bench.room.spectrogram.picture.steps(), steps)
    pixel = bench.room.spectrogram.picture.grab().toImage().pixelColor(0, 0)
    assert pixel.name() == LIGHT.plot


@pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])
def test_lightness_grows_evenly_and_silence_is_the_plot_itself(colors: Colors) -> None:
    palette = loudness_palette(colors)
    assert f"#{int(palette[0]) & 0xFFFFFF:06x}" == colors.plot
    assert np.all(palette >> 24 == 0xFF)
    parts = np.stack([(palette >> shift) & 0xFF for shift in (16, 8, 0)], axis=1) / 255
    step = np.diff(lightness(parts)) * (1 if colors.is_dark else -1)
    assert len(palette) == STEPS
    # Rounding to 8 bits moves a colour by a quarter of a step at most.
    np.testing.assert_allclose(step, step.mean(), atol=0.35)
    assert step.sum() > 75


def test_every_control_has_a_name_and_a_tooltip_with_its_unit(bench: Bench) -> None:
    assert bench.room.span.accessibleName() == "Time of the waveform"
    assert "milliseconds" in bench.room.span.toolTip()
    assert [dock.objectName() for dock in bench.room.docks] == ["waveform", "spectrogram"]
    assert bench.room.spectrogram.accessibleName() == "Spectrogram, kHz"
    assert "dB" in bench.room.spectrogram.accessibleDescription()
