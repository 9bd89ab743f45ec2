"""The menu of profiles keeps, renames, deletes and carries them, and says what it could not do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget
from pytestqt.qtbot import QtBot

from gui import settings
from gui.profiles import Profile
from gui.settings import SettingsStore
from gui.widgets.profile_menu import ProfileMenu, make_profile_button
from tests.gui.conftest import Bench
from tests.gui.test_profiles import STAGE


class Menu:
    """A menu with its settings, and what it says."""

    def __init__(self, qtbot: QtBot, path: Path) -> None:
        self.window = QWidget()
        qtbot.addWidget(self.window)
        self.store = SettingsStore(path)
        self.menu = ProfileMenu(self.store, self.window)
        self.chosen: list[Profile] = []
        self.problems: list[str] = []
        self.told: list[str] = []
        self.menu.profile_chosen.connect(self.chosen.append)
        self.menu.problem.connect(self.problems.append)
        self.warned: list[str] = []
        self.menu.warned.connect(self.warned.append)
        self.menu.told.connect(self.told.append)

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return self.store.get(settings.PROFILES)

    def texts(self) -> list[str]:
        self.menu.build()
        return [action.text().replace("&", "") for action in self.menu.actions() if not action.isSeparator()]

    def trigger(self, *way: str) -> None:
        """Choose an entry by its text, through submenus."""
        self.menu.build()
        menu: QMenu = self.menu
        for text in way:
            action = next(each for each in menu.actions() if each.text().replace("&", "") == text)
            inner = action.menu()
            if inner is None:
                action.trigger()
            else:
                menu = inner  # type: ignore[assignment]

    def dialog(self) -> QInputDialog:
        return [each for each in self.window.findChildren(QInputDialog) if each.isVisible()][-1]

    def answer(self, name: str) -> None:
        dialog = self.dialog()
        dialog.setTextValue(name)
        dialog.accept()


@pytest.fixture
def menu(qtbot: QtBot, settings_path: Path) -> Menu:
    return Menu(qtbot, settings_path)


def test_what_is_set_is_saved_under_a_name_and_comes_back(menu: Menu, settings_path: Path) -> None:
    assert menu.texts()[0] == "No profiles yet"
    menu.store.remember_tuning(STAGE.tuning)
    menu.store.set(settings.FRAME_MS, 2.5)
    menu.store.set(settings.OUTPUT, STAGE.output)
    menu.trigger("Save what is set as …")
    menu.answer("  Stage ")
    assert menu.profiles == (STAGE,)
    menu.store.save()
    assert SettingsStore(settings_path).get(settings.PROFILES) == (STAGE,)


def test_choosing_emits_the_profile_and_the_one_in_force_is_marked(menu: Menu) -> None:
    menu.store.set(settings.PROFILES, (STAGE, Profile("R&B")))
    menu.trigger("Stage")
    assert menu.chosen == [STAGE]
    menu.menu.build()
    marks = {action.text(): action.isChecked() for action in menu.menu.actions() if action.isCheckable()}
    assert marks == {"Stage": False, "R&&B": True}


def test_a_name_that_cannot_be_is_told_and_asked_again_with_what_was_typed(menu: Menu, qtbot: QtBot) -> None:
    menu.store.set(settings.PROFILES, (STAGE, Profile("Home")))
    menu.trigger("Rename", "Stage")
    assert menu.dialog().textValue() == "Stage"
    menu.answer("Home")
    assert menu.problems == ["there is a profile Home already; choose another name, or delete that one first"]
    assert [profile.name for profile in menu.profiles] == ["Stage", "Home"]
    qtbot.waitUntil(lambda: any(each.isVisible() for each in menu.window.findChildren(QInputDialog)))
    assert menu.dialog().textValue() == "Home"
    menu.answer("Hall")
    assert [profile.name for profile in menu.profiles] == ["Hall", "Home"]


def test_a_profile_is_deleted_by_name(menu: Menu) -> None:
    menu.store.set(settings.PROFILES, (STAGE, Profile("Home")))
    menu.trigger("Delete", "Stage")
    assert menu.profiles == (Profile("Home"),)
    assert menu.told == ["profile Stage deleted"]


def test_a_profile_travels_in_a_file_and_loses_nothing_that_is_there(menu: Menu, tmp_path: Path) -> None:
    path = str(tmp_path / "stage.json")
    menu.menu.export_file(STAGE, path)
    mine = replace(STAGE, frame_ms=60.0)
    menu.store.set(settings.PROFILES, (mine,))
    menu.menu.import_file(path)
    assert menu.profiles == (mine, replace(STAGE, name="Stage (2)"))
    assert menu.problems == []
    assert menu.chosen == [], "importing alone changes nothing that is heard"


def test_a_broken_file_changes_nothing_and_is_told(menu: Menu, tmp_path: Path) -> None:
    menu.store.set(settings.PROFILES, (STAGE,))
    (tmp_path / "bad.json").write_text("nonsense")
    menu.menu.import_file(str(tmp_path / "bad.json"))
    assert menu.profiles == (STAGE,)
    [line] = menu.problems
    assert "bad.json cannot be used: it is no JSON file" in line


def test_what_a_file_of_the_future_holds_is_told_and_the_rest_is_there(menu: Menu, tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text('{"opuscope_profile": 2, "name": "New", "frame_ms": 10, "shape": 1}')
    menu.menu.import_file(str(tmp_path / "new.json"))
    assert menu.profiles == (Profile("New", frame_ms=10.0),)
    assert menu.problems == []
    [line] = menu.warned
    assert "profile New imported" in line
    assert "version 2" in line
    assert "shape" in line


def test_the_button_has_a_name_a_tooltip_and_a_key(menu: Menu) -> None:
    button = make_profile_button(menu.menu)
    assert button.accessibleName()
    assert button.toolTip()
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert button.menu() is menu.menu


async def test_an_error_of_a_profile_goes_when_the_next_one_works_and_remarks_are_a_warning(
    bench: Bench, tmp_path: Path
) -> None:
    file, menu, banner = tmp_path / "it.json", bench.window.profiles, bench.window.banner
    file.write_text("nonsense")
    menu.import_file(str(file))
    assert banner.property("level") == "bad"
    menu.save_as("Home")
    menu.import_file(str(file))
    menu.rename("Home", "Stage")
    assert banner.text == ""
    file.write_text('{"opuscope_profile": 1, "name": "New", "shape": 1}')
    menu.import_file(str(file))
    assert banner.property("level") == "warning"
    assert "shape" in banner.text
