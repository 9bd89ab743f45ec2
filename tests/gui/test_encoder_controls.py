"""Bit rate, FEC and DTX: asked once a drag has come to rest, shown as in force, disabled with the reason."""

from __future__ import annotations

from dataclasses import replace

from gui.widgets.encoder_controls import EncoderControls
from tests.gui.conftest import Bench, eventually
from tests.gui.fake_session import ENCODER


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
    assert controls.in_force.full_text == "In force 96 kbit/s, tuned for audio"


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


async def test_what_a_server_cannot_do_is_disabled_and_says_why(bench: Bench) -> None:
    session = await bench.stream()
    because = "this server takes no control messages, it sends what it sends"
    session.know(encoder=replace(ENCODER, unavailable_because=because, application=None))
    bench.window.show_facts()
    controls = controls_of(bench)
    for widget in (controls.slider, controls.spin, controls.fec, controls.dtx):
        assert not widget.isEnabled()
        assert because in widget.toolTip()
    assert because in controls.in_force.full_text
    session.know(encoder=replace(ENCODER, takes_dtx=False))
    bench.window.show_facts()
    assert controls.fec.isEnabled()
    assert not controls.dtx.isEnabled()


def test_without_a_connection_nothing_can_be_asked(bench: Bench) -> None:
    bench.window.show_facts()
    assert not controls_of(bench).slider.isEnabled()
    assert "while connected" in controls_of(bench).in_force.full_text
