"""What the server's encoder is set to, what may be asked of it, and that asking reaches it."""

from __future__ import annotations

import pytest

from core.receiver.facts import StreamObserver
from core.receiver.options import SettingError
from core.wire.control import Config, Hello
from tests.receiver.harness import listening
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
