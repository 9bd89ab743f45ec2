"""Encryption: a certificate that can be exchanged while listeners stay."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from core.server.access.settings import AccessError, TlsSettings


class TlsKeeper:
    """Holds the context that the server listens with.

    Each handshake is handed on to a context that was loaded as a whole: one whose certificate is exchanged in place
    would, if the new key does not fit, be left with half of both.
    """

    def __init__(self, settings: TlsSettings) -> None:
        """Load the pair.

        Raises:
            AccessError: it cannot be read, or certificate and key are no pair.
        """
        self._settings = settings
        self._current = _load(settings)
        self.context = _load(settings)
        """For the listening socket."""
        self.context.sni_callback = self._hand_on

    def read(self) -> Callable[[], None]:
        """Read the files as they are now; what is returned puts them in force, for connections from then on.

        Raises:
            AccessError: as at first.
        """
        context = _load(self._settings)

        def take() -> None:
            self._current = context

        return take

    def _hand_on(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in each handshake, also where the client says no name (`SSL_CTX_set_tlsext_servername_callback`)."""
        connection.context = self._current


def _load(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9325 §3.1.1
    for path in (settings.certificate, settings.key):
        try:
            path.open("rb").close()
        except OSError as error:
            raise AccessError(f"the TLS file {path} cannot be read: {error.strerror}") from error
    try:
        # A function, or OpenSSL would ask the terminal for the password of an encrypted key.
        context.load_cert_chain(settings.certificate, settings.key, _no_password)
    except (ssl.SSLError, OSError) as error:
        raise AccessError(_complaint(settings, error)) from error
    return context


def _complaint(settings: TlsSettings, error: OSError) -> str:
    pair = f"the certificate {settings.certificate} and the key {settings.key}"
    reason = getattr(error, "reason", None) or "they are no PEM"
    if reason == "KEY_VALUES_MISMATCH":
        return f"{pair} do not belong together"
    words = reason.lower().replace("_", " ") if reason.isupper() else reason
    return f"{pair} cannot be used ({words}); accepted: PEM files, the key unencrypted"


def _no_password() -> str:
    return ""
