"""Credentials by server: token, headers and trust; kept in memory, and in the system's keyring where that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal

from core.receiver.options import Headers, ListenOptions
from gui import settings
from gui.job_queue import Job, JobQueue
from gui.known_servers import KnownServer, server_of
from gui.secrets_store import SecretError, SecretsStore
from gui.settings import SettingsStore


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a server is shown, and what it has to show."""

    token: str | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)
    ca_file: Path | None = None
    is_kept: bool = False
    """Whether token and headers shall be (or are) in the system's keyring; else they are gone with the window."""
    accepts_any_certificate: bool = False
    """For one connection; it is never remembered."""

    def applied_to(self, options: ListenOptions) -> ListenOptions:
        """``options`` with these; what the options already say wins, because it was said on the command line.

        Raises:
            SettingError: together they cannot be taken.
        """
        return replace(
            options,
            token=options.token or self.token,
            headers=options.headers or self.headers,
            ca_file=options.ca_file or self.ca_file,
            accepts_any_certificate=options.accepts_any_certificate or self.accepts_any_certificate,
        )


NO_CREDENTIALS: Final = Credentials()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Who wants to hear of a server's credentials as soon as the keyring has answered."""

    server: str
    use: Callable[[Credentials], None]


class CredentialsKeeper(QObject):
    """Knows the credentials of every server, and asks the keyring in a thread of its own.

    One call at a time, in order: a save that overtakes the load before it would be undone by it.

    Give it a parent, for the reason that `JobQueue` tells.
    """

    problem = Signal(str)
    """One line for people."""
    waiting_changed = Signal(bool)
    """Whether a connection waits for the keyring, which may be asking its owner for a password."""

    def __init__(
        self,
        store: SettingsStore,
        secrets: SecretsStore | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``secrets`` are passed in for tests."""
        super().__init__(parent)
        self._store = store
        self._secrets = secrets or SecretsStore()
        self._known: dict[str, Credentials] = {}
        self._once: set[str] = set()
        self._connecting: _Waiting | None = None
        self._looking: _Waiting | None = None
        self._asked: set[str] = set()
        """Servers that the keyring has been asked about, and has not answered."""
        self._jobs = JobQueue(self)

    @property
    def is_waiting(self) -> bool:
        """Whether a connection waits for the keyring."""
        return self._connecting is not None

    def known(self, url: str) -> Credentials | None:
        """What is known without asking the keyring; ``None`` where it has to be asked.

        Raises:
            SettingError: ``url`` is no address.
        """
        server = server_of(url)
        if server in self._known:
            return self._known[server]
        remembered = self.remembered(url)
        return None if remembered.is_kept else remembered

    def remembered(self, url: str) -> Credentials:
        """What the settings say, without the secrets that are in the keyring.

        Raises:
            SettingError: ``url`` is no address.
        """
        remembered = self._remembered(server_of(url))
        return Credentials(ca_file=_path(remembered.ca_file), is_kept=remembered.is_in_keyring)

    def secrets(self) -> list[str]:
        """Tokens and header values known now: what may stand in no report and no log."""
        known = self._known.values()
        values = [value for credentials in known for _, value in credentials.headers]
        return [*values, *(credentials.token for credentials in known if credentials.token)]

    def header_names(self, url: str) -> tuple[str, ...]:
        """Names of the headers that this server was last sent; their values may not have been kept."""
        return self._remembered(server_of(url)).header_names

    def fetch(self, url: str, use: Callable[[Credentials], None]) -> None:
        """Call ``use`` with the credentials for ``url``: at once where they are known, else when the keyring answers.

        Where it refuses, `problem` says so and ``use`` is not called. A newer call or `cancel_fetch` replaces an older
        one; a connection that waits (`fetch_for_connection`) goes on to wait.

        Raises:
            SettingError: ``url`` is no address.
        """
        server, known = server_of(url), self.known(url)
        self.cancel_fetch()
        if known is not None:
            use(known)
            return
        self._looking = _Waiting(server, use)
        self._ask_keyring(server)

    def fetch_for_connection(self, url: str, use: Callable[[Credentials], None]) -> None:
        """`fetch`, with any certificate accepted if that was asked for; the next connection is not so lenient.

        A newer call or `cancel` replaces an older one; who only looks at credentials does not.

        Raises:
            SettingError: ``url`` is no address.
        """
        server, known = server_of(url), self.known(url)

        def use_once(found: Credentials) -> None:
            is_lenient = server in self._once
            self._once.clear()
            use(replace(found, accepts_any_certificate=is_lenient))

        if known is not None:
            self.cancel()
            use_once(known)
            return
        self._connect_after(_Waiting(server, use_once))
        self._ask_keyring(server)

    def cancel(self) -> None:
        """No connection waits any more for what the keyring may yet say."""
        self._connect_after(None)

    def cancel_fetch(self) -> None:
        """Nobody looks any more at what the keyring may yet say."""
        self._looking = None

    def keep(self, url: str, credentials: Credentials) -> None:
        """Use ``credentials`` for the server of ``url`` from now on; keep them where that is wanted, else forget them.

        Raises:
            SettingError: ``url`` is no address.
        """
        server = server_of(url)
        self._once = {server} if credentials.accepts_any_certificate else set()
        was_kept = self._remembered(server).is_in_keyring
        shall_keep = credentials.is_kept and bool(credentials.token or credentials.headers)
        credentials = replace(credentials, accepts_any_certificate=False, is_kept=shall_keep)
        self._known[server] = credentials
        # Before the keyring answers: an entry that nobody knows of would stay in there for ever.
        self._remember(
            server,
            KnownServer(
                str(credentials.ca_file or ""), tuple(name for name, _ in credentials.headers), is_in_keyring=shall_keep
            ),
        )
        if shall_keep:
            self._jobs.add(
                Job(
                    lambda: self._secrets.save(server, credentials.token, credentials.headers),
                    lambda _nothing: None,
                    lambda error: self._on_not_saved(server, credentials, _reason(error)),
                )
            )
        elif was_kept:
            self._jobs.add(
                Job(
                    lambda: self._secrets.delete(server),
                    lambda _nothing: None,
                    lambda error: self._on_not_deleted(server, _reason(error)),
                )
            )

    def keep_trust(self, url: str, credentials: Credentials) -> None:
        """Take over whom to trust, and leave token and headers as they are.

        Raises:
            SettingError: ``url`` is no address.
        """
        server = server_of(url)
        self._once = {server} if credentials.accepts_any_certificate else set()
        if server in self._known:
            self._known[server] = replace(self._known[server], ca_file=credentials.ca_file)
        self._remember(server, replace(self._remembered(server), ca_file=str(credentials.ca_file or "")))

    def _on_loaded(self, server: str, token: str | None, headers: Headers) -> None:
        self._asked.discard(server)
        # What the user has typed meanwhile is newer.
        if server not in self._known:
            ca_file = _path(self._remembered(server).ca_file)
            self._known[server] = Credentials(token, headers, ca_file, is_kept=bool(token or headers))
            if token is None and not headers:
                self._remember(server, replace(self._remembered(server), is_in_keyring=False))
        self._answer(server)
        # Last, because a new connection takes away what is said of the one before.
        if token is None and not headers:
            self.problem.emit(
                self.tr("the system keyring no longer holds a token for {server}; enter it with Ctrl+K").format(
                    server=server
                )
            )

    def _on_not_loaded(self, server: str, reason: str) -> None:
        self._asked.discard(server)
        if server in self._known:
            self._answer(server)
            return
        if self._connecting is not None and self._connecting.server == server:
            self.cancel()
        if self._looking is not None and self._looking.server == server:
            self.cancel_fetch()
        self.problem.emit(
            self.tr("the system keyring did not give the token for {server} ({reason}); enter it with Ctrl+K").format(
                server=server, reason=reason
            )
        )

    def _on_not_saved(self, server: str, credentials: Credentials, reason: str) -> None:
        # Else newer ones are on their way already, and what becomes of them is not known yet.
        if self._known[server] is credentials:
            self._known[server] = replace(credentials, is_kept=False)
            self._remember(server, replace(self._remembered(server), is_in_keyring=False))
        if credentials.token:
            text = self.tr("the system keyring refused the token ({reason}); it is used until this window closes")
        else:
            text = self.tr("the system keyring refused the headers ({reason}); they are used until this window closes")
        self.problem.emit(text.format(reason=reason))

    def _on_not_deleted(self, server: str, reason: str) -> None:
        self.problem.emit(
            self.tr("the system keyring did not delete what it holds for {server} ({reason}); delete it there").format(
                server=server, reason=reason
            )
        )

    def _ask_keyring(self, server: str) -> None:
        # Once is enough for all who wait: each question may open a window that asks for a password.
        if server in self._asked:
            return
        self._asked.add(server)
        self._jobs.add(
            Job(
                lambda: self._secrets.load(server),
                lambda found: self._on_loaded(server, *found),
                lambda error: self._on_not_loaded(server, _reason(error)),
            )
        )

    def _answer(self, server: str) -> None:
        looking, connecting = self._looking, self._connecting
        if looking is not None and looking.server == server:
            self.cancel_fetch()
            looking.use(self._known[server])
        if connecting is not None and connecting.server == server:
            self.cancel()
            connecting.use(self._known[server])

    def _connect_after(self, waiting: _Waiting | None) -> None:
        was_waiting, self._connecting = self.is_waiting, waiting
        if self.is_waiting != was_waiting:
            self.waiting_changed.emit(self.is_waiting)

    def _remembered(self, server: str) -> KnownServer:
        return self._store.get(settings.KNOWN_SERVERS).get(server, KnownServer())

    def _remember(self, server: str, known: KnownServer) -> None:
        before = self._store.get(settings.KNOWN_SERVERS)
        servers = {name: each for name, each in before.items() if name != server}
        if known.is_worth_remembering:
            servers[server] = known
        self._store.set(settings.KNOWN_SERVERS, servers)


def _reason(error: BaseException) -> str:
    """Of what is no `SecretError` the name alone: its words may hold a secret."""
    return str(error) if isinstance(error, SecretError) else type(error).__name__


def _path(text: str) -> Path | None:
    return Path(text) if text else None
