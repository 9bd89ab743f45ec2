"""The menu of profiles: save what is tuned under a name, choose, rename, delete, carry to another computer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QToolButton, QWidget

from gui import settings
from gui.profiles import (
    Profile,
    ProfileError,
    read_file,
    renamed,
    under_a_free_name,
    with_profile,
    without_profile,
    write_file,
)
from gui.settings import SettingsStore
from gui.widgets.labels import describe


class ProfileMenu(QMenu):
    """Holds the profiles in the settings; putting one into force is for whoever listens to `profile_chosen`."""

    profile_chosen = Signal(object)
    """A `Profile` that the user wants in force."""
    problem = Signal(str)
    """One line for people: something did not work."""
    warned = Signal(str)
    """One line for people: something was done, but not all of a file could be used."""
    went_well = Signal()
    """Something was done: what did not work before is history."""
    told = Signal(str)
    """One line for people: something was done that cannot be seen in the window."""

    def __init__(self, store: SettingsStore, parent: QWidget) -> None:
        """``parent`` is the window that the dialogs belong to."""
        super().__init__(parent)
        self._store = store
        self._parent = parent
        self.setTitle(self.tr("Pro&files"))
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.build)
        self.build()

    def build(self) -> None:
        """Offer what there is now."""
        self.clear()
        profiles = self._store.get(settings.PROFILES)
        for profile in profiles:
            action = self.addAction(_shown(profile.name))
            action.setCheckable(True)
            action.setChecked(_is_same(profile, present_profile(self._store, profile.name)))
            action.triggered.connect(lambda _checked=False, chosen=profile: self.profile_chosen.emit(chosen))
        if not profiles:
            self.addAction(self.tr("No profiles yet")).setEnabled(False)
        self.addSeparator()
        save = self.addAction(self.tr("&Save what is set as …"), self._on_save)
        save.setToolTip(self.tr("Keep preset or own values, frame size, encoder and output under a name"))
        self._add_choice(self.tr("&Rename"), profiles, self._on_rename)
        self._add_choice(self.tr("&Delete"), profiles, self._on_delete)
        self.addSeparator()
        self._add_choice(self.tr("&Export"), profiles, self._on_export)
        self.addAction(self.tr("&Import …"), self._on_import)

    def save_as(self, name: str) -> None:
        """Keep what is set under ``name``; a profile of that name is replaced.

        Raises:
            ProfileError: no profile can have that name.
        """
        profile = present_profile(self._store, name.strip())
        self._set(with_profile(self._store.get(settings.PROFILES), profile))
        self.told.emit(self.tr("profile {name} saved").format(name=profile.name))

    def rename(self, name: str, new_name: str) -> None:
        """Give a profile another name.

        Raises:
            ProfileError: another one has it, or no profile can have it.
        """
        self._set(renamed(self._store.get(settings.PROFILES), name, new_name.strip()))

    def import_file(self, path: str) -> None:
        """Take a profile from a file. It is not put into force; one of the same name stays beside it."""
        try:
            imported = read_file(Path(path))
        except ProfileError as error:
            self.problem.emit(str(error))
            return
        profiles = self._store.get(settings.PROFILES)
        profile = under_a_free_name(profiles, imported.profile)
        self._set(with_profile(profiles, profile))
        text = self.tr("profile {name} imported from {path}").format(name=profile.name, path=path)
        if imported.remarks:
            self.warned.emit("; ".join((text, *imported.remarks)))
        else:
            self.told.emit(text)

    def export_file(self, profile: Profile, path: str) -> None:
        """Write a profile to a file."""
        try:
            write_file(Path(path), profile)
        except ProfileError as error:
            self.problem.emit(str(error))
        else:
            self.went_well.emit()
            self.told.emit(self.tr("profile {name} exported to {path}").format(name=profile.name, path=path))

    def _set(self, profiles: tuple[Profile, ...]) -> None:
        self._store.set(settings.PROFILES, profiles)
        self.went_well.emit()

    def _add_choice(self, title: str, profiles: tuple[Profile, ...], use: Callable[[Profile], None]) -> None:
        menu = QMenu(title, self)
        menu.setEnabled(bool(profiles))
        for profile in profiles:
            action = menu.addAction(_shown(profile.name))
            action.triggered.connect(lambda _checked=False, chosen=profile: use(chosen))
        self.addMenu(menu)

    def _on_save(self) -> None:
        self._ask_name(self.tr("Name of the profile (one of the same name is replaced)"), "", self.save_as)

    def _on_rename(self, profile: Profile) -> None:
        label = self.tr("New name of {name}").format(name=profile.name)
        self._ask_name(label, profile.name, lambda name: self.rename(profile.name, name))

    def _on_delete(self, profile: Profile) -> None:
        self._set(without_profile(self._store.get(settings.PROFILES), profile.name))
        self.told.emit(self.tr("profile {name} deleted").format(name=profile.name))

    def _on_export(self, profile: Profile) -> None:
        dialog = self._file_dialog(self.tr("Export profile"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile(f"{_file_name(profile.name)}.json")
        dialog.fileSelected.connect(lambda path: self.export_file(profile, path))
        dialog.open()

    def _on_import(self) -> None:
        dialog = self._file_dialog(self.tr("Import profile"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.import_file)
        dialog.open()

    def _ask_name(self, label: str, text: str, use: Callable[[str], None]) -> None:
        dialog = QInputDialog(self._parent)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.tr("Profile"))
        dialog.setLabelText(label)
        dialog.setTextValue(text)

        def take(name: str) -> None:
            try:
                use(name)
            except ProfileError as error:
                self.problem.emit(str(error))
                # Again with what was typed, once this dialog is closed.
                QTimer.singleShot(0, self, lambda: self._ask_name(label, name, use))

        dialog.textValueSelected.connect(take)
        dialog.open()

    def _file_dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._parent, title)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setNameFilters([self.tr("Profiles (*.json)"), self.tr("All files (*)")])
        return dialog


def make_profile_button(menu: ProfileMenu) -> QToolButton:
    """A button that opens ``menu``, to stand beside the presets."""
    button = QToolButton()
    button.setText(menu.tr("Profiles"))
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    describe(button, menu.tr("Profiles"), menu.tr("Save, choose and carry around what is set here, under a name"))
    return button


def present_profile(store: SettingsStore, name: str) -> Profile:
    """What is set now.

    Raises:
        ProfileError: no profile can have that name.
    """
    encoder = store.get(settings.ENCODER)
    return Profile(name, store.tuning, store.get(settings.FRAME_MS), store.get(settings.OUTPUT), encoder)


def _is_same(one: Profile, other: Profile) -> bool:
    """Whether both set the same. Where an adaptive target starts makes no difference."""
    if one.tuning.playout.is_adaptive:
        start_ms = one.tuning.playout.target_delay_ms
        playout = replace(other.tuning.playout, target_delay_ms=start_ms)
        other = replace(other, tuning=replace(other.tuning, playout=playout))
    return one == other


def _shown(name: str) -> str:
    """A name in a menu, where ``&`` marks a key."""
    return name.replace("&", "&&")


def _file_name(name: str) -> str:
    """``name`` without what a file's name cannot hold on every system."""
    return "".join(letter if letter.isalnum() or letter in " -_()" else "_" for letter in name).strip() or "profile"
