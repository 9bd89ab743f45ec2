"""Left against right, on the way to the device."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.audio.output import Pcm
from core.audio.volume import Volume, VolumeError

BLOCK = 240


def ones(out: Pcm, now_ns: int) -> None:
    out.fill(1.0)


def pull(volume: Volume) -> Pcm:
    out = np.zeros((BLOCK, 2), dtype=np.float32)
    volume.pull(out, 0)
    return out


@pytest.mark.parametrize(
    ("balance", "left", "right"),
    [(-1.0, 1.0, 0.0), (-0.25, 1.0, 0.75), (0.0, 1.0, 1.0), (0.5, 0.5, 1.0), (1.0, 0.0, 1.0)],
)
def test_one_side_gets_softer_and_the_other_stays_as_it_is(balance: float, left: float, right: float) -> None:
    volume = Volume(ones)
    volume.set_balance(balance)
    pull(volume)
    assert pull(volume)[0] == pytest.approx((left, right))


def test_a_change_of_balance_does_not_click() -> None:
    volume = Volume(ones)
    volume.set_db(-6.0)
    blocks = [pull(volume)]
    for balance in (-1.0, 1.0, 0.0, 0.0):
        volume.set_balance(balance)
        blocks.append(pull(volume))
    heard = np.concatenate(blocks[1:])
    assert np.abs(np.diff(heard, axis=0)).max() < 1.5 / BLOCK
    assert heard[-1] == pytest.approx((10 ** (-6 / 20),) * 2)


def test_volume_and_mute_work_on_both_sides_of_an_uneven_balance() -> None:
    volume = Volume(ones)
    volume.set_balance(0.5)
    volume.set_db(-20.0)
    pull(volume)
    assert pull(volume)[0] == pytest.approx((0.05, 0.1))
    volume.set_muted(True)
    fading = pull(volume)
    assert fading[-1] == pytest.approx((0.0, 0.0))
    assert np.abs(np.diff(fading, axis=0)).max() < 1.5 / BLOCK
    assert not pull(volume).any()


def test_even_and_at_full_volume_nothing_is_touched() -> None:
    noise = np.random.default_rng(1).standard_normal((BLOCK, 2)).astype(np.float32)

    def source(out: Pcm, now_ns: int) -> None:
        out[:] = noise

    volume = Volume(source)
    volume.set_balance(0.0)
    np.testing.assert_array_equal(pull(volume), noise)


@pytest.mark.parametrize("balance", [-1.01, 2.0, math.nan])
def test_what_is_no_balance_is_refused_and_changes_nothing(balance: float) -> None:
    volume = Volume(ones)
    with pytest.raises(VolumeError, match="accepted: -1"):
        volume.set_balance(balance)
    assert np.all(pull(volume) == 1.0)
