"""The server's encoder: asked once a drag has come to rest, shown as in force, disabled with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings

from core.opus.encoder import Application
from core.receiver.options import EncoderWish
from gui import settings
from gui.settings import SettingsStore
from gui.view_models.encoder import application_name, application_view, encoder_view
from gui.view_models.statistics import statistics_rows
from gui.widgets.encoder_controls import EncoderControls
from gui.widgets.tune_panel import TunePanel
from tests.gui.conftest import Bench, eventually
from tests.gui.fake_session import APPLICATION, ENCODER
from tests.gui.test_main_window import choose


def controls_of(bench: Bench) -> EncoderControls:
    return bench.window.tune_panel.encoder


async def test_a_drag_asks_once_for_where_it_ended(bench: Bench) -> None:
    session = await bench.stream()
    controls = controls_of(bench)
    for kbps in (70, 80, 96):
        controls.slider.setValue(kbps)
        bench.window.show_facts()
        assert controls.spin.value() == kbps, "what is in force must not pull a drag back"
    await eventually(lambda: bool(session.asked and session.asked[-1][0] == "encoder"))
    assert [what for what in session.asked if what[0] == "encoder"] == [("encoder", (96_000, None, None))]
    bench.window.show_facts()
    assert controls.in_force.text() == "In force 96 kbit/s, FEC off, DTX off"


async def test_switches_ask_at_once_and_show_what_is_in_force(bench: Bench) -> None:
    session = await bench.stream()
    controls = controls_of(bench)
    controls.fec.click()
    await eventually(lambda: ("encoder", (None, True, None)) in session.asked)
    bench.window.show_facts()
    assert controls.fec.isChecked()
    session.know(encoder=replace(ENCODER, fec=False, dtx=True))
    bench.window.show_facts()
    assert not controls.fec.isChecked()
    assert controls.dtx.isChecked()


async def test_what_is_in_force_is_told_apart_from_what_the_packets_show_and_is_not_cut(bench: Bench) -> None:
    session = await bench.stream()
    session.know(encoder=replace(ENCODER, bitrate=32_000, fec=True))
    bench.window.show_facts()
    label = controls_of(bench).in_force
    assert label.text() == "In force 32 kbit/s, FEC on, DTX off"
    assert label.wordWrap()
    rows = {row.name: row.value for row in statistics_rows(session.snapshot(), session.playout, bench.monitor)}
    assert (rows["FEC / DTX in force"], rows["FEC / DTX in packets"]) == ("on / off", "off / off")
    panel = TunePanel()
    panel.encoder.show_view(encoder_view(session.snapshot().encoder))
    panel.setFixedWidth(400)
    panel.resize(panel.sizeHint())
    panel.show()
    shown = panel.encoder.in_force
    assert shown.height() >= shown.heightForWidth(shown.width())
    panel.close()


async def test_what_a_server_cannot_do_is_disabled_and_says_why(bench: Bench) -> None:
    session = await bench.stream()
    because = "this server takes no control messages, it sends what it sends"
    session.know(encoder=replace(ENCODER, unavailable_because=because, application=None))
    bench.window.show_facts()
    controls = controls_of(bench)
    for widget in (controls.slider, controls.spin, controls.fec, controls.dtx):
        assert not widget.isEnabled()
        assert because in widget.toolTip()
    assert because in controls.in_force.text()
    session.know(encoder=replace(ENCODER, takes_dtx=False))
    bench.window.show_facts()
    assert controls.fec.isEnabled()
    assert not controls.dtx.isEnabled()


async def test_what_was_asked_of_the_encoder_outlives_disconnecting_and_the_program(
    bench: Bench, settings_path: Path
) -> None:
    await bench.stream()
    controls = controls_of(bench)
    controls.fec.click()
    controls.dtx.click()
    controls.spin.setValue(32)
    choose(controls.application, Application.VOIP)
    asked = EncoderWish(32_000, True, True, Application.VOIP)
    await eventually(lambda: bench.store.get(settings.ENCODER) == asked)
    bench.window.connect_panel.button.click()
    await eventually(lambda: not bench.owner.is_running)
    session = await bench.connect()
    assert session.options.encoder == asked
    bench.store.save()
    assert SettingsStore(settings_path).get(settings.ENCODER) == asked


async def test_what_was_asked_of_the_encoder_can_be_taken_back(bench: Bench) -> None:
    session = await bench.stream()
    controls_of(bench).fec.click()
    choose(controls_of(bench).application, Application.VOIP)
    await eventually(lambda: ("application", Application.VOIP) in session.asked)
    bench.window._tuner.undo()
    await eventually(lambda: session.asked[-1] == ("application", None))
    bench.window._tuner.undo()
    await eventually(lambda: session.asked[-1] == ("encoder", (None, False, None)))
    assert bench.store.get(settings.ENCODER) == EncoderWish()


async def test_what_is_refused_of_the_encoder_is_not_remembered(bench: Bench) -> None:
    session = await bench.stream()
    controls_of(bench).dtx.click()
    session.refuses_application = "not here"
    choose(controls_of(bench).application, Application.VOIP)
    await eventually(lambda: bench.store.get(settings.ENCODER) == EncoderWish(dtx=True))


def test_what_a_newer_version_remembers_of_the_encoder_is_named_and_the_rest_is_used(settings_path: Path) -> None:
    file = QSettings(str(settings_path), QSettings.Format.IniFormat)
    file.setValue("tune/encoder", '{"fec": true, "complexity": 3}')
    file.sync()
    store = SettingsStore(settings_path)
    told: list[str] = []
    store.value_ignored.connect(told.append)
    assert store.get(settings.ENCODER) == EncoderWish(fec=True)
    assert len(told) == 1
    assert "left out: complexity" in told[0]


async def test_a_profile_asks_the_encoder_for_what_was_set_when_it_was_saved(bench: Bench) -> None:
    session = await bench.stream()
    asked = EncoderWish(32_000, True, None, Application.VOIP)
    bench.store.set(settings.ENCODER, asked)
    bench.window.profiles.save_as("Speech")
    bench.store.set(settings.ENCODER, EncoderWish())
    bench.window.profiles.profile_chosen.emit(bench.store.get(settings.PROFILES)[0])
    await eventually(lambda: session.asked[-1] == ("application", Application.VOIP))
    assert ("encoder", (32_000, True, None)) in session.asked
    assert bench.store.get(settings.ENCODER) == asked


def test_without_a_connection_nothing_can_be_asked(bench: Bench) -> None:
    bench.window.show_facts()
    controls = controls_of(bench)
    assert not controls.slider.isEnabled()
    assert not controls.application.isEnabled()
    assert "while connected" in controls.in_force.text()
    assert "while connected" in controls.application_in_force.full_text


async def test_an_application_is_asked_for_and_given_back_to_the_server(bench: Bench) -> None:
    session = await bench.stream()
    controls = controls_of(bench)
    assert controls.application.currentText() == "As the server chose"
    assert controls.application_in_force.full_text == "In force Audio"
    for application, shown in ((Application.LOWDELAY, "Low delay"), (Application.VOIP, "VoIP"), (None, "Audio")):
        choose(controls.application, application)
        await eventually(lambda wish=application: ("application", wish) in session.asked)  # type: ignore[misc]
        bench.window.show_facts()
        assert controls.application.currentData() is application
        assert controls.application_in_force.full_text == f"In force {shown}"


async def test_a_refused_application_is_told_and_the_box_goes_back(bench: Bench) -> None:
    session = await bench.stream()
    session.refuses_application = "the application cannot be changed: the connection is just breaking off"
    told: list[str] = []
    bench.owner.failed.connect(told.append)
    controls = controls_of(bench)
    choose(controls.application, Application.VOIP)
    await eventually(lambda: told == [session.refuses_application])
    bench.window.show_facts()
    assert controls.application.currentData() is None
    assert controls.application_in_force.full_text == "In force Audio"


async def test_a_server_that_offers_no_application_says_so_under_the_box(bench: Bench) -> None:
    session = await bench.stream()
    because = "the server does not offer another application"
    session.know(application=replace(APPLICATION, accepted=(), unavailable_because=because))
    bench.window.show_facts()
    controls = controls_of(bench)
    assert not controls.application.isEnabled()
    assert controls.fec.isEnabled(), "only the application cannot be changed"
    assert because in controls.application.toolTip()
    assert controls.application_note.text() == f"✕ Cannot be changed: {because}"
    assert not controls.application_note.isHidden()
    assert controls.application_in_force.full_text == "In force Audio"
    session.know(application=APPLICATION)
    bench.window.show_facts()
    assert controls.application.isEnabled()
    assert controls.application_note.isHidden()


async def test_only_the_applications_that_are_offered_can_be_chosen(bench: Bench) -> None:
    session = await bench.stream()
    session.know(application=replace(APPLICATION, accepted=(Application.VOIP,)))
    bench.window.show_facts()
    box = controls_of(bench).application
    can = {box.itemText(at): bool(box.model().flags(box.model().index(at, 0)).value & 32) for at in range(box.count())}
    assert can == {"As the server chose": True, "VoIP": True, "Audio": False, "Low delay": False}


def test_a_wish_that_cannot_be_asked_does_not_look_as_if_it_were_in_force() -> None:
    control = replace(APPLICATION, requested=Application.VOIP, unavailable_because="not connected")
    view = application_view(control)
    assert (view.selected, view.is_enabled, view.in_force) == (None, False, "In force Audio")
    assert view.note == "✕ Cannot be changed: not connected"


def test_an_application_of_another_server_is_shown_as_it_says() -> None:
    assert application_view(replace(APPLICATION, in_force="LowDelay")).in_force == "In force Low delay"
    assert application_view(replace(APPLICATION, in_force="restricted_silk")).in_force == "In force restricted_silk"
    assert application_view(replace(APPLICATION, in_force=None)).in_force == ""
    assert len({application_name(each) for each in (None, *Application)}) == 4
