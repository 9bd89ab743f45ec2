"""Profiles come back as they were saved, from the settings and from files, and a bad file changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opus.encoder import FRAME_SIZES_MS, MAX_BITRATE, MIN_BITRATE, Application
from core.playout.presets import PresetName
from core.playout.settings import PlayoutMode, PlayoutSettings
from core.receiver.options import EncoderWish
from gui.profiles import (
    FORMAT_KEY,
    MAX_NAME_LENGTH,
    Imported,
    Profile,
    ProfileError,
    export_text,
    import_text,
    read_file,
    read_profile,
    read_profiles,
    renamed,
    under_a_free_name,
    with_profile,
    without_profile,
    write_file,
    write_profile,
    write_profiles,
)
from gui.tuning import Tuning, tuning_of

NAMES = (
    st.text(min_size=1, max_size=MAX_NAME_LENGTH).map(str.strip).filter(lambda name: bool(name) and name.isprintable())
)
PLAYOUTS = st.builds(
    lambda low, span, **more: PlayoutSettings(min_target_ms=low, max_target_ms=low + span, **more),
    low=st.floats(0, 1_000),
    span=st.floats(0, 1_000),
    target_delay_ms=st.floats(0, 5_000),
    bias_ms_per_pct=st.floats(1, 5_000),
    live_bound_ms=st.floats(0, 5_000),
    is_adaptive=st.booleans(),
    mode=st.sampled_from(PlayoutMode),
)
TUNINGS = st.builds(Tuning, PLAYOUTS, st.none() | st.floats(0, 2_000, exclude_min=True))
WISHES = st.builds(
    EncoderWish,
    st.none() | st.integers(MIN_BITRATE, MAX_BITRATE),
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(Application),
)
PROFILES = st.builds(
    Profile, NAMES, TUNINGS, st.none() | st.sampled_from(FRAME_SIZES_MS), st.text(min_size=1, max_size=40), WISHES
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
STAGE = Profile("Stage", tuning_of(PresetName.LOWEST_DELAY), 2.5, "Kopfhörer (ALSA)")


@given(PROFILES)
def test_a_profile_comes_back_from_a_file_as_it_was(profile: Profile) -> None:
    imported = import_text(export_text(profile))
    assert imported.profile == profile
    assert imported.remarks == ()


@given(st.lists(PROFILES, max_size=4, unique_by=lambda profile: profile.name))
def test_profiles_come_back_from_the_settings_as_they_were(profiles: list[Profile]) -> None:
    assert read_profiles(json.loads(json.dumps(write_profiles(profiles)))) == tuple(profiles)


@given(
    st.dictionaries(st.sampled_from([FORMAT_KEY, "name", "tuning", "frame_ms", "output", "encoder", "other"]), JSON)
    | JSON
)
def test_whatever_a_file_holds_gives_a_profile_or_one_line(content: Any) -> None:
    try:
        imported = import_text(json.dumps(content))
    except ProfileError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert isinstance(imported.profile, Profile)


@given(st.text(max_size=60))
def test_text_that_is_no_profile_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ProfileError):
        import_text(text)


def test_unknown_keys_are_named_and_the_rest_is_loaded() -> None:
    content = {FORMAT_KEY: 1, **write_profile(STAGE), "colour": "red"}
    content["tuning"]["reverb"] = 3
    content["encoder"]["complexity"] = 3
    imported = import_text(json.dumps(content))
    assert imported.profile == STAGE
    assert imported.remarks == ("not known here, left out: colour, tuning.reverb, encoder.complexity",)


def test_a_profile_from_before_the_encoder_was_in_it_leaves_it_to_the_server() -> None:
    content = {FORMAT_KEY: 1, **write_profile(replace(STAGE, encoder=EncoderWish(fec=True)))}
    del content["encoder"]
    assert import_text(json.dumps(content)) == Imported(STAGE)


def test_of_another_version_everything_readable_is_loaded_and_the_rest_is_named() -> None:
    content = {FORMAT_KEY: 7, **write_profile(STAGE), "frame_ms": "adaptive", "new": 1}
    imported = import_text(json.dumps(content))
    assert imported.profile == replace(STAGE, frame_ms=None)
    assert imported.remarks == (
        "it is of version 7, and 1 is known here",
        "not readable, left as usual: frame_ms",
        "not known here, left out: new",
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "it is no JSON file"),
        ("[" * 100_000, "it is no JSON file"),
        ("[1]", "it is no profile"),
        ('{"name": "x"}', '"opuscope_profile": 1'),
        ('{"opuscope_profile": 1}', "it has no name"),
        ('{"opuscope_profile": 1, "name": "a\\nb"}', "accepted: one line of 1 to 60 characters"),
        ('{"opuscope_profile": 1, "name": "x", "frame_ms": 7}', "frame_ms: expected a frame size"),
        ('{"opuscope_profile": 1, "name": "x", "frame_ms": true}', "frame_ms: expected a frame size"),
        ('{"opuscope_profile": 1, "name": "x", "output": ""}', "output: expected a text"),
        (
            '{"opuscope_profile": 1, "name": "x", "tuning": {"mode": "dead"}}',
            "tuning: mode: 'dead' is not possible; accepted: live, complete",
        ),
        (
            '{"opuscope_profile": 1, "name": "x", "tuning": {"mode": ["live"]}}',
            "tuning: mode: ['live'] is not possible; accepted: live, complete",
        ),
        (
            '{"opuscope_profile": 1, "name": "x", "tuning": {"min_target_ms": "x"}}',
            "tuning: min_target_ms: 'x' is not possible; accepted: a number",
        ),
        ('{"opuscope_profile": 1, "name": "x", "tuning": {"target_delay_ms": -1}}', "accepted: 0 to 5000 ms"),
        ('{"opuscope_profile": 1, "name": "x", "tuning": {"target_delay_ms": 1%s}}' % ("0" * 400), "tuning: "),
        ('{"opuscope_profile": 2, "name": 5}', "its name cannot be read"),
    ],
)
def test_a_broken_file_is_one_line_that_names_it(tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ProfileError) as raised:
        read_file(path)
    assert str(path) in str(raised.value)
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00{", b"{" * 200_000], ids=["no text", "too large"])
def test_a_file_of_another_kind_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match="cannot be used"):
        read_file(path)


def test_a_file_that_cannot_be_read_or_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        read_file(tmp_path / "nowhere.json")
    with pytest.raises(ProfileError, match="cannot be written"):
        write_file(tmp_path / "no" / "where.json", STAGE)
    with pytest.raises(ProfileError, match="cannot be written"):
        write_file(tmp_path, STAGE)


def test_a_written_file_is_read_again_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_file(tmp_path / "stage.json", STAGE)
    assert read_file(tmp_path / "stage.json").profile == STAGE
    assert [path.name for path in tmp_path.iterdir()] == ["stage.json"]


@pytest.mark.parametrize("name", ["", " x", "x ", "a\nb", "\x07", "x" * 61])
def test_a_name_that_no_menu_can_show_is_refused(name: str) -> None:
    with pytest.raises(ProfileError, match="accepted: one line of 1 to 60"):
        Profile(name)


def test_a_name_stands_for_one_profile() -> None:
    other = Profile("Home")
    profiles = with_profile(with_profile((), STAGE), other)
    changed = replace(STAGE, frame_ms=60.0)
    assert with_profile(profiles, changed) == (changed, other)
    assert without_profile(profiles, "Stage") == (other,)
    assert [each.name for each in renamed(profiles, "Stage", "Hall")] == ["Hall", "Home"]
    with pytest.raises(ProfileError, match="there is a profile Home already"):
        renamed(profiles, "Stage", "Home")
    assert renamed(profiles, "Home", "Home") == profiles
    assert under_a_free_name(profiles, changed).name == "Stage (2)"
    assert under_a_free_name(profiles, STAGE) == STAGE
    long = Profile("x" * MAX_NAME_LENGTH)
    assert len(under_a_free_name((long,), replace(long, frame_ms=5.0)).name) == MAX_NAME_LENGTH


@pytest.mark.parametrize("stored", [5, [5], [{"name": 5}], [{}], [{"name": "x", "tuning": 5}]])
def test_a_broken_setting_is_refused(stored: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_profiles(stored)


def test_what_is_missing_has_its_default() -> None:
    assert read_profile({"name": "x"}) == Profile("x")
