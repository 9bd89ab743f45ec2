"""Configuration files of any content."""

from __future__ import annotations

import dataclasses
from typing import Final

from hypothesis import strategies as st

from core.opus.encoder import EncoderSettings
from core.server.access.settings import AccessSettings, LimitSettings, TlsSettings
from core.server.adaptation import AdaptationSettings
from core.server.config import ServerConfig, StreamConfig
from core.server.operation.settings import OperationSettings

_SCALARS: Final = (
    st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 0, 1, 20, 48_000])
    | st.floats()
    | st.text()
    | st.sampled_from(["audio", "push", "relay:ws://x", "relay:", "tone", "microphone:x", "a.wav", "a\0b"])
    | st.datetimes()
    | st.dates()
    | st.times()
)
VALUES: Final = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_KINDS: Final = (
    *(ServerConfig, StreamConfig, EncoderSettings, AccessSettings, LimitSettings, TlsSettings),
    *(AdaptationSettings, OperationSettings),
)
_KEYS: Final = sorted({each.name for kind in _KINDS for each in dataclasses.fields(kind)})
_TABLES: Final = st.dictionaries(st.sampled_from(_KEYS) | st.text(), VALUES, max_size=6)
_NAMES: Final = ("server", "streams", "access", "limits", "tls", "adaptation", "operation")

DOCUMENTS: Final = st.dictionaries(st.sampled_from(_NAMES) | st.text(), _TABLES | VALUES, max_size=3)
STREAMS: Final = st.none() | st.lists(_TABLES, max_size=3) | VALUES
"""Of the key ``stream``, where it is there."""

TEXTS: Final = st.text() | st.sampled_from(
    ["a = " + "[" * 5_000, "a = " + "9" * 5_000, "\0", "a = 1\na = 2", "[server]\r\n"]
)
