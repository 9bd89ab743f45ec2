"""The gate of a real server: origins, attempts, tokens, and how many are inside, asked in this order."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from core.log import log_event
from core.server.access.addresses import Addresses, is_forwarded, site_of
from core.server.access.bearer import SeveralTokensError, challenge, token_of
from core.server.access.origins import is_allowed
from core.server.access.refusals import Reason, Refusals
from core.server.access.settings import AccessSettings, Limit, LimitSettings
from core.server.gate import CLIENT, SUBJECT, Grant, MessageLimit, RefusedError

if TYPE_CHECKING:
    # Imported where they are needed: without them the server starts 0.2 s sooner.
    from core.server.access.tokens import Claims, TokenVerifier
    from core.server.access.windows import Window

logger = logging.getLogger(__name__)

RETRY_WHEN_FULL_S: Final = 10.0
"""Nobody knows when a listener will leave."""


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Whoever a request comes from, after the checks that hold for every stream."""

    site: str
    claims: Claims | None

    @property
    def subject(self) -> str:
        return self.claims.subject if self.claims is not None else ""


class Gatekeeper:
    """Decides by settings. Implements `Gate`."""

    def __init__(self, access: AccessSettings, limits: LimitSettings, refusals: Refusals) -> None:
        """Read the keys, if there are to be tokens; ``refusals`` are counted there.

        Raises:
            AccessError: the keys cannot be had.
        """
        self._access = access
        self._limits = limits
        self._refusals = refusals
        self._addresses = Addresses(access.trusted_proxies, access.proxy_header)
        self._verifier: TokenVerifier | None = None
        self._has_warned = False
        """Of a proxy that is not trusted."""
        self._inside: dict[Grant, _Visitor] = {}
        self._at_site: Counter[str] = Counter()
        self._of_subject: Counter[str] = Counter()
        self.read_keys()()
        self._site_window = _per_minute(limits.attempts_per_minute_per_address)
        self._subject_window = _per_minute(limits.attempts_per_minute_per_subject)
        # One of its own: a token's subject may be called as a stream is.
        self._pusher_window = _per_minute(limits.attempts_per_minute_per_subject)

    def read_keys(self) -> Callable[[], None]:
        """Read the keys anew; what is returned puts them in force. Who is inside stays.

        Raises:
            AccessError: they cannot be had.
        """
        verifier: TokenVerifier | None = None
        if self._access.has_tokens:
            from core.server.access.keys import load_keys
            from core.server.access.tokens import TokenVerifier

            verifier = TokenVerifier(load_keys(self._access), self._access)

        def take() -> None:
            self._verifier = verifier

        return take

    def admit(self, request: web.Request, stream: str) -> Grant:
        """As of `Gate`."""
        visitor = self._visitor(request)
        claims = visitor.claims
        if claims is not None and not claims.allows(stream):
            # Said of each name that the token does not hold, so it tells nothing of the streams that there are; and a
            # listener with the wrong token is told what is wrong, for good (RFC 6750 §3.1), where 404 might pass.
            raise self._refusal(
                Reason.STREAM,
                403,
                "the token is not for this stream",
                headers=challenge("insufficient_scope", "the token is not for this stream"),
            )
        self._check_room(visitor)
        if claims is None:
            grant = Grant(messages=self._message_limit())
        else:
            grant = Grant(claims.subject, claims.may_set, claims.expires_unix_s, self._message_limit())
        self._inside[grant] = visitor
        self._at_site[visitor.site] += 1
        self._of_subject[visitor.subject] += 1
        return grant

    def knock(self, request: web.Request) -> None:
        """As of `Gate`."""
        self._check_site(self._site(request))

    def knock_again(self, stream: str) -> None:
        """As of `Gate`."""
        self._check_attempts(self._pusher_window, stream, Reason.ATTEMPTS_OF_SUBJECT, "the holder of this token")

    def is_local(self, request: web.Request) -> bool:
        """As of `Gate`."""
        return self._addresses.is_local(request.remote, request.headers)

    def leave(self, grant: Grant) -> None:
        """As of `Gate`."""
        visitor = self._inside.pop(grant)
        for counter, key in ((self._at_site, visitor.site), (self._of_subject, visitor.subject)):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]

    def visible(self, request: web.Request, streams: Iterable[str]) -> list[str]:
        """As of `Gate`."""
        claims = self._visitor(request).claims
        return [stream for stream in streams if claims is None or claims.allows(stream)]

    def _visitor(self, request: web.Request) -> _Visitor:
        site = self._site(request)
        self._check_origin(request)
        # Before the token is looked at: who guesses shall not have many guesses.
        self._check_site(site)
        visitor = _Visitor(site, self._claims(request))
        if visitor.subject:
            reason = Reason.ATTEMPTS_OF_SUBJECT
            self._check_attempts(self._subject_window, visitor.subject, reason, "this token's subject")
        return visitor

    def _site(self, request: web.Request) -> str:
        if not self._has_warned and not self._access.trusted_proxies and is_forwarded(request.headers):
            self._has_warned = True
            words = (
                "a request came with X-Forwarded-For or Forwarded, but no proxy is trusted: if one of yours sent it,"
                " all its clients count as one address; name it with --trusted-proxy"
            )
            log_event(logger, logging.WARNING, "proxy not trusted", why=words)
        address = self._addresses.client(request.remote, request.headers)
        site = site_of(address)
        if address is not None:
            request[CLIENT] = str(address)
        return site

    def _check_site(self, site: str) -> None:
        self._check_attempts(self._site_window, site, Reason.ATTEMPTS_OF_ADDRESS, "this address")

    def _check_origin(self, request: web.Request) -> None:
        """RFC 6455 §10.2: browsers say which page asks, and let every page ask for everything."""
        origins = request.headers.getall("Origin", [])
        allowed = self._access.allowed_origins
        if not origins and self._access.requires_origin:
            raise self._refusal(Reason.ORIGIN, 403, "only web pages may listen here, and this request names none")
        if not all(is_allowed(origin, allowed) for origin in origins):
            raise self._refusal(Reason.ORIGIN, 403, "web pages of this origin may not listen here")

    def _check_attempts(self, window: Window | None, key: str, reason: Reason, whose: str) -> None:
        wait_s = window.hit(key) if window is not None else 0.0
        if wait_s:
            raise self._refusal(reason, 429, f"too many attempts from {whose}", retry_after_s=wait_s)

    def _claims(self, request: web.Request) -> Claims | None:
        if self._verifier is None:
            return None
        from core.server.access.tokens import ExpiredTokenError, TokenError

        try:
            token = token_of(request)
        except SeveralTokensError:
            words = "the request holds several tokens; send one"
            header = challenge("invalid_request", words)
            raise self._refusal(Reason.BAD_TOKEN, 401, words, headers=header) from None
        if token is None:
            # RFC 6750 §3.1: no error code for who did not know that it takes a token.
            raise self._refusal(Reason.NO_TOKEN, 401, "a token is needed", headers=challenge())
        try:
            claims = self._verifier.verify(token)
        except TokenError as error:
            reason = Reason.EXPIRED_TOKEN if isinstance(error, ExpiredTokenError) else Reason.BAD_TOKEN
            header = challenge("invalid_token", str(error))
            raise self._refusal(reason, 401, str(error), headers=header) from None
        if claims.subject:
            request[SUBJECT] = claims.subject
        return claims

    def _check_room(self, visitor: _Visitor) -> None:
        limits, wait_s = self._limits, RETRY_WHEN_FULL_S
        if _is_reached(limits.max_listeners, len(self._inside)):
            words = "all places are taken"
            raise self._refusal(Reason.FULL, 503, words, retry_after_s=wait_s)
        if _is_reached(limits.max_listeners_per_address, self._at_site[visitor.site]):
            words = "too many listeners at this address"
            raise self._refusal(Reason.FULL_FOR_ADDRESS, 429, words, retry_after_s=wait_s)
        if visitor.subject and _is_reached(limits.max_listeners_per_subject, self._of_subject[visitor.subject]):
            words = "too many listeners with this token's subject"
            raise self._refusal(Reason.FULL_FOR_SUBJECT, 429, words, retry_after_s=wait_s)

    def _message_limit(self) -> MessageLimit | None:
        messages_per_s = self._limits.messages_per_s
        if not isinstance(messages_per_s, int):
            return None
        from core.server.access.windows import MessageQuota

        return MessageQuota(messages_per_s, self._limits.flood_messages)

    def _refusal(
        self,
        reason: Reason,
        status: int,
        words: str,
        *,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> RefusedError:
        """Count it, and make the error; ``words`` hold nothing that the client sent."""
        self._refusals.count(reason)
        return RefusedError(status, words, retry_after_s, headers or {})


def _is_reached(limit: Limit, count: int) -> bool:
    return isinstance(limit, int) and count >= limit


def _per_minute(amount: Limit) -> Window | None:
    if not isinstance(amount, int):
        return None
    from core.server.access.windows import Window

    return Window(amount, 60)
