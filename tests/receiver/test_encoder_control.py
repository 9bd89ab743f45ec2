"""What the server's encoder is set to, what may be asked of it, and that asking reaches it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import pytest

from core.monitor.monitor import Monitor
from core.opus.encoder import Application, EncoderSettings
from core.playout.jitter_buffer import JitterBuffer
from core.playout.settings import PlayoutSettings
from core.receiver.facts import StreamObserver
from core.receiver.options import EncoderWish, ListenOptions, SettingError
from core.receiver.reception import Reception
from core.receiver.wishes import Wishes
from core.server.app import serving as serving_audio
from core.server.config import one_stream
from core.wire.control import Config, Hello, Set
from tests.opus.sounds import voice_like
from tests.receiver.harness import Listening, listening
from tests.server.helpers import RATE, ArraySource
from tests.support.processes import opuscope

LIMITS = {"bitrate": {"min": 6_000, "max": 128_000}, "fec": [False, True], "dtx": [False]}


def observer(limits: dict[str, object] | None = None) -> StreamObserver:
    found = StreamObserver()
    found.hello = Hello(
        "opus-rtp.v1", 1, 48_000, 2, 20.0, "voip", bitrate=64_000, fec=True, limits=LIMITS if limits is None else limits
    )
    return found


def test_what_was_declared_is_in_force_until_the_server_says_otherwise() -> None:
    found = observer()
    control = found.encoder(has_control=True, is_connected=True)
    assert (control.bitrate, control.fec, control.dtx, control.application) == (64_000, True, False, "voip")
    assert control.bitrate_limits == (6_000, 128_000)
    assert (control.takes_fec, control.takes_dtx, control.unavailable_because) == (True, False, None)
    found.config = Config(10.0, 24_000, 5, False, True, "audio")
    control = found.encoder(has_control=True, is_connected=True)
    assert (control.bitrate, control.fec, control.dtx, control.application) == (24_000, False, True, "audio")


@pytest.mark.parametrize("limits", [{}, {"bitrate": [1, 2]}, {"bitrate": {"min": 9, "max": 3}}, {"bitrate": "all"}])
def test_limits_that_make_no_sense_offer_nothing(limits: dict[str, object]) -> None:
    control = observer(limits).encoder(has_control=True, is_connected=True)
    assert control.bitrate_limits is None
    assert not control.takes_fec


def test_why_nothing_can_be_asked_is_said() -> None:
    assert observer().encoder(has_control=True, is_connected=False).unavailable_because == "not connected"
    assert "takes no control messages" in str(observer().encoder(False, True).unavailable_because)
    assert "does not offer" in str(observer({}).encoder(True, True).unavailable_because)
    assert StreamObserver().encoder(False, True).bitrate is None


async def test_what_is_asked_of_the_encoder_comes_back_as_in_force_and_in_the_packets() -> None:
    serve = ("serve", "--source", "sweep", "--sample-rate", "48000", "--bitrate", "96000", "--port", "0")
    with opuscope(*serve) as server:
        url = server.wait_for_line(r"listening on (\S+)", 30)[1]
        async with listening(url) as run:
            await run.until(lambda: (facts := run.snapshot.stream) is not None and facts.bitrate_kbps > 80)
            await run.session.request_encoder(bitrate=24_000, dtx=True)
            await run.until(lambda: run.snapshot.encoder.bitrate == 24_000)
            assert run.snapshot.encoder.dtx
            await run.until(lambda: (facts := run.snapshot.stream) is not None and facts.bitrate_kbps < 40)
            assert "change: the server's encoder is now set to 24 kbit/s (was 96 kbit/s), DTX on" in run.log
            with pytest.raises(SettingError, match="accepted: 6000 to 510000"):
                await run.session.request_encoder(bitrate=1_000)
            assert run.snapshot.encoder.bitrate == 24_000


def hello(application: str, *offered: str) -> Hello:
    return Hello("opus-rtp.v1", 1, 48_000, 1, 20.0, application, limits={"application": list(offered)})


def observer_of(said: Hello | None) -> StreamObserver:
    found = StreamObserver()
    found.hello = said
    return found


@pytest.mark.parametrize(
    ("said", "because"),
    [
        (None, "the server has not said what it accepts"),
        (hello("audio"), "the server does not offer another application"),
        (hello("audio", "restricted_silk", "VOIP"), "the server does not offer another application"),
        (Hello("opus-rtp.v1", 1, 48_000, 1, 20.0, "audio"), "the server does not offer another application"),
        (hello("audio", "voip"), None),
    ],
)
def test_why_the_application_cannot_be_changed_is_said(said: Hello | None, because: str | None) -> None:
    assert observer_of(said).application_control(None, True, True).unavailable_because == because
    assert observer_of(said).application_control(None, True, False).unavailable_because == "not connected"


def test_the_application_in_force_is_the_one_last_declared_and_the_codec_s_delay_follows_it() -> None:
    found = observer_of(hello("lowdelay", "voip", "lowdelay", "later"))
    control = found.application_control(Application.VOIP, True, True)
    assert control.accepted == (Application.VOIP, Application.LOWDELAY)
    assert (control.requested, control.in_force) == (Application.VOIP, "lowdelay")
    assert found.application is Application.LOWDELAY
    found.config = Config(20.0, None, None, False, False, "voip")
    assert found.application_control(Application.VOIP, True, True).in_force == "voip"
    assert found.application is Application.VOIP


class RecordingLink:
    """Takes what is sent, in place of a connection."""

    def __init__(self) -> None:
        self.sent: list[Set] = []
        self.dialect = self
        self.has_control = True

    async def send(self, message: Set) -> None:
        self.sent.append(message)


def wishes_at(said: Hello) -> tuple[Wishes, RecordingLink, Reception]:
    reception = Reception(JitterBuffer(PlayoutSettings()), Monitor())
    reception.observer.hello = said
    wishes, link = Wishes(reception, None), RecordingLink()
    wishes.opened(link)  # type: ignore[arg-type]
    return wishes, link, reception


async def test_a_wish_is_asked_of_each_server_that_offers_it_and_of_no_other() -> None:
    wishes, link, reception = wishes_at(hello("audio", "voip", "audio"))
    await wishes.ask_application(Application.VOIP)
    assert link.sent == [Set(application="voip")]
    assert wishes.for_server(hello("audio", "voip", "audio")) == Set(application="voip")
    assert wishes.for_server(hello("voip", "voip", "audio")) is None
    assert wishes.for_server(hello("audio")) is None
    reception.observer.hello = hello("audio")
    assert wishes.complaints == (
        "the application voip was asked for, but the server does not offer another application",
    )
    reception.observer.hello = hello("audio", "audio", "lowdelay")
    assert wishes.complaints == ("the application voip was asked for, but the server offers only audio, lowdelay",)
    reception.observer.hello = hello("voip")
    assert wishes.complaints == ()


async def test_what_the_server_chose_can_be_gone_back_to_and_is_then_no_wish() -> None:
    wishes, link, _ = wishes_at(hello("lowdelay", "voip", "audio", "lowdelay"))
    await wishes.ask_application(Application.VOIP)
    await wishes.ask_application(None)
    assert link.sent == [Set(application="voip"), Set(application="lowdelay")]
    assert wishes.application.requested is None
    assert wishes.for_server(hello("audio", "voip", "audio")) is None


async def test_an_application_that_is_not_offered_is_refused_and_asked_of_nobody() -> None:
    wishes, link, reception = wishes_at(hello("audio", "voip", "audio"))
    with pytest.raises(SettingError, match="the application lowdelay is not possible here; accepted: voip, audio"):
        await wishes.ask_application(Application.LOWDELAY)
    reception.observer.hello = hello("audio")
    with pytest.raises(SettingError, match="cannot be changed: the server does not offer another application"):
        await wishes.ask_application(Application.VOIP)
    assert link.sent == []
    assert wishes.application.requested is None


async def test_what_a_server_has_refused_is_not_asked_for_again() -> None:
    wishes, link, _ = wishes_at(hello("audio", "voip", "audio"))
    in_force = Config(20.0, None, None, False, False, "voip")
    await wishes.ask_application(Application.VOIP)
    wishes.answered(in_force)
    await wishes.ask_application(Application.AUDIO)
    wishes.answered(replace(in_force, refused="not with these listeners"))
    assert wishes.application.requested is Application.VOIP
    assert wishes.for_server(hello("audio", "voip", "audio")) == Set(application="voip")
    assert len(link.sent) == 2


async def test_what_a_session_begins_with_is_asked_of_a_server_as_far_as_it_offers_it() -> None:
    reception = Reception(JitterBuffer(PlayoutSettings()), Monitor())
    wishes = Wishes(reception, 10.0, EncoderWish(32_000, True, True, Application.VOIP))
    offers_all = {"frame_ms": [10, 20], "fec": [False, True], "dtx": [False, True], "application": ["voip"]}
    offers_all["bitrate"] = {"min": 6_000, "max": 64_000}  # type: ignore[assignment]
    said = replace(hello("audio"), limits=offers_all)
    assert wishes.for_server(said) == Set(frame_ms=10.0, bitrate=32_000, fec=True, dtx=True, application="voip")
    few = replace(said, limits={"bitrate": {"min": 6_000, "max": 24_000}, "fec": [False, True], "dtx": [False]})
    assert wishes.for_server(few) == Set(fec=True)
    reception.observer.hello = few
    wishes.opened(RecordingLink())  # type: ignore[arg-type]
    complaints = "; ".join(wishes.complaints)
    assert "frames of 10 ms were asked for, but the server does not offer other frame sizes" in complaints
    assert "32 kbit/s were asked for, but the server does not offer that" in complaints
    assert "DTX on was asked for, but the server does not offer that" in complaints
    assert "FEC" not in complaints
    assert wishes.for_server(replace(said, limits={})) is None
    reception.observer.hello = replace(said, limits={"frame_ms": [20, 40]})
    assert "frames of 10 ms were asked for, but the server offers only 20, 40 ms" in wishes.complaints


async def test_the_encoder_that_a_session_begins_with_comes_into_force() -> None:
    async with serving_audio(one_stream(port=0), voice) as server:
        asked = EncoderWish(24_000, True, True, Application.VOIP)
        async with listening(ListenOptions(server.url, output="null", encoder=asked)) as run:
            await run.until(lambda: run.snapshot.encoder.bitrate == 24_000)
            encoder = run.snapshot.encoder
            assert (encoder.fec, encoder.dtx, encoder.application) == (True, True, "voip")


def test_a_bit_rate_that_opus_cannot_have_is_refused() -> None:
    with pytest.raises(SettingError, match="a bit rate of 5 bit/s is not possible"):
        EncoderWish(bitrate=5)


def voice() -> ArraySource:
    return ArraySource(np.tile(voice_like(RATE, 4.0), (10, 1)))


def is_coded(run: Listening, application: str, *modes: str) -> bool:
    facts = run.snapshot.stream
    return facts is not None and facts.application == application and facts.mode in modes


async def test_an_application_that_is_asked_for_changes_the_packets_and_outlives_the_connection() -> None:
    config = one_stream(port=0, settings=EncoderSettings(bitrate=12_000, application=Application.LOWDELAY))
    async with AsyncExitStack() as first:
        server = await first.enter_async_context(serving_audio(config, voice))
        async with listening(server.url) as run:
            await run.until(lambda: is_coded(run, "lowdelay", "CELT"))
            await run.until(lambda: run.snapshot.latency.codec == 2.5)
            await run.session.request_application(Application.VOIP)
            await run.until(lambda: is_coded(run, "voip", "SILK", "Hybrid"))
            await run.until(lambda: run.snapshot.latency.codec == 6.5)
            control = run.snapshot.application
            assert (control.requested, control.in_force) == (Application.VOIP, "voip")
            assert run.log.count("change: the server's encoder is now set to voip (was lowdelay)") == 1
            assert run.snapshot.packets_lost == 0
            await first.aclose()
            await run.until(lambda: run.snapshot.application.unavailable_because == "not connected")
            async with serving_audio(replace(config, port=urlsplit(server.url).port or 0), voice):
                await run.until(lambda: run.snapshot.connection.reconnects == 1, 15)
                await run.until(lambda: is_coded(run, "voip", "SILK", "Hybrid"))
                assert run.log.count("change: the server's encoder is now set to voip (was lowdelay)") == 2
                await run.session.request_application(None)
                await run.until(lambda: is_coded(run, "lowdelay", "CELT"))
                assert run.snapshot.application.requested is None
