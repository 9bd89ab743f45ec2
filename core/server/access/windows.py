"""How often something may happen: moving windows of the `limits` library, on the monotonic clock.

The library's own storage in memory starts a thread with nearly every hit, keeps each key for ever and follows the wall
clock when somebody sets it; ours does none of that. Import this only where something is limited: `limits` takes 0.1 s.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

MAX_KEYS: Final = 65_536
"""Of one window; then the one unused for longest is forgotten. An attacker may have more addresses than we memory."""


class MonotonicStorage(Storage, MovingWindowSupport):
    """Moments of hits in seconds of a clock that is passed in; all keys have to have the same window."""

    STORAGE_SCHEME = None

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Nothing has happened."""
        super().__init__()
        self._now_s = now_s
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()
        """The key that was hit last is the last one."""

    @property
    def base_exceptions(self) -> type[Exception]:
        """Memory does not fail."""
        return MemoryError

    @property
    def keys(self) -> int:
        """How many are remembered."""
        return len(self._hits)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` hits, if with them there are no more than ``limit`` within ``expiry`` seconds."""
        now_s = self._now_s()
        self._forget_old(now_s - expiry)
        hits = self._hits.get(key)
        if hits is None:
            hits = deque()
        while hits and hits[0] <= now_s - expiry:
            hits.popleft()
        if len(hits) + amount > limit:
            return False
        hits.extend([now_s] * amount)
        self._hits[key] = hits
        self._hits.move_to_end(key)
        if len(self._hits) > MAX_KEYS:
            self._hits.popitem(last=False)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The oldest hit of the last ``expiry`` seconds, or now; and how many there are."""
        now_s = self._now_s()
        recent = [hit for hit in self._hits.get(key, ()) if hit > now_s - expiry]
        return (recent[0] if recent else now_s), len(recent)

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._hits.pop(key, None)

    def reset(self) -> int:
        """Forget all; says how many keys there were."""
        count = len(self._hits)
        self._hits.clear()
        return count

    def check(self) -> bool:
        """It works."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Of fixed windows, which there are none of here."""
        raise NotImplementedError

    get = get_expiry = incr  # type: ignore[assignment]

    def _forget_old(self, before_s: float) -> None:
        """The keys whose last hit is so old; each is looked at once."""
        while self._hits:
            key = next(iter(self._hits))
            if self._hits[key][-1] > before_s:
                return
            del self._hits[key]


class Window:
    """At most ``amount`` times in any ``seconds``, for each key."""

    def __init__(self, amount: int, seconds: int, now_s: Callable[[], float] = time.monotonic) -> None:
        """Nothing has happened. ``now_s`` gives monotonic seconds."""
        self._now_s = now_s
        self._item = RateLimitItemPerSecond(amount, seconds)
        self._limiter = MovingWindowRateLimiter(MonotonicStorage(now_s))

    def hit(self, key: str) -> float:
        """Count one; gives 0, or, if it is one too many and not counted, after how many seconds another one may be."""
        if self._limiter.hit(self._item, key):
            return 0.0
        stats = self._limiter.get_window_stats(self._item, key)
        return max(0.001, stats.reset_time - self._now_s())


class Allowance:
    """So many units a second on average, and so many at once: a bucket that leaks (ITU-T I.371, GCRA)."""

    __slots__ = ("_at_once", "_filled", "_now_s", "_per_s", "_since_s")

    def __init__(self, per_s: float, at_once: float, now_s: Callable[[], float] = time.monotonic) -> None:
        """Nothing has been taken."""
        self._per_s, self._at_once, self._now_s = per_s, at_once, now_s
        self._filled, self._since_s = 0.0, now_s()

    def take(self, amount: float) -> bool:
        """Take so many units; tells whether there were so many. If not, they count all the same."""
        now_s = self._now_s()
        self._filled = max(0.0, self._filled - (now_s - self._since_s) * self._per_s) + amount
        self._since_s = now_s
        return self._filled <= self._at_once


class MessageQuota:
    """What one connection may send."""

    BYTES_PER_MESSAGE: Final = 512
    """A `stats` has some 300, with all its fields."""

    MIN_BYTES_AT_ONCE: Final = 64 * 1024
    """A few of the longest messages there may be."""

    FLOOD_WINDOW_S: Final = 10

    def __init__(self, messages_per_s: int, flood_messages: int, now_s: Callable[[], float] = time.monotonic) -> None:
        """As of `LimitSettings`."""
        self._answered = Window(messages_per_s, 1, now_s)
        self._ignored = Window(flood_messages, self.FLOOD_WINDOW_S, now_s)
        self._bytes = Allowance(
            messages_per_s * self.BYTES_PER_MESSAGE,
            max((messages_per_s + flood_messages) * self.BYTES_PER_MESSAGE, self.MIN_BYTES_AT_ONCE),
            now_s,
        )

    def is_too_many(self) -> bool:
        """Count a message; tells whether it is to be ignored."""
        return self._answered.hit("") > 0

    def is_too_much(self, received_bytes: int) -> bool:
        """Count what came, whether it is a message or not: empty fragments (RFC 6455 §5.4) are none, and cost time."""
        return not self._bytes.take(received_bytes)

    def is_flood(self) -> bool:
        """Count an ignored message; tells whether that was enough."""
        return self._ignored.hit("") > 0
