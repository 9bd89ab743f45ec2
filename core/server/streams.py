"""From what is configured to streams that can run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from core.audio.sources import PcmSource, open_source
from core.server.broadcast import Broadcast
from core.server.clock import ServerClock
from core.server.config import StreamConfig
from core.server.encoder_budget import EncoderBudget
from core.server.ingest import PushPoint
from core.server.inlet import Inlet, InletSource
from core.server.kept_tokens import read_token
from core.server.relay import RelayStream
from core.server.reloading import Part, Take
from core.server.stream import Stream
from core.server.upstream import Upstream


def check_source(stream: StreamConfig) -> None:
    """Find out whether a stream's source will be there when somebody listens; blocks.

    Raises:
        SourceError: it cannot be opened.
        ValueError: a relay's address is none, or a token cannot be read.
    """
    if stream.is_push:
        _ingest_token(stream)
    elif stream.relayed_url is not None:
        _upstream(stream)
    else:
        _open(stream)


class Streams:
    """The streams of a configuration, and where some of them take sound from."""

    def __init__(
        self,
        configured: Iterable[StreamConfig],
        source: Callable[[], PcmSource] | None = None,
        clock: ServerClock | None = None,
        budget: EncoderBudget | None = None,
    ) -> None:
        """``source`` opens the PCM source in place of those configured; ``clock`` is for tests in virtual time;
        ``budget`` is what all of them may encode at once.

        Raises:
            ValueError: as of `check_source`.
        """
        self._source = source
        self._clock = clock or ServerClock()
        self._configured = tuple(configured)
        self._budget = budget or EncoderBudget()
        self.push_points: dict[str, PushPoint] = {}
        self.by_name: dict[str, Broadcast] = {each.name: self._stream(each) for each in self._configured}

    def parts(self) -> Iterator[Part]:
        """What can be read anew: the tokens that stand in files, for pushes and connections from then on."""
        for each in self._configured:
            if each.ingest_token_file is not None:
                yield Part(f"the ingest token of {each.name!r}", functools.partial(self._read_ingest, each))
            if each.upstream_token_file is not None:
                yield Part(f"the upstream token of {each.name!r}", functools.partial(self._read_upstream, each))

    def _read_ingest(self, stream: StreamConfig) -> Take:
        token = _ingest_token(stream)

        def take() -> None:
            self.push_points[stream.name].token = token

        return take

    def _read_upstream(self, stream: StreamConfig) -> Take:
        upstream = _upstream(stream)
        relay = self.by_name[stream.name]

        def take() -> None:
            if isinstance(relay, RelayStream):
                relay.upstream = upstream

        return take

    def _stream(self, stream: StreamConfig) -> Broadcast:
        common = (stream.settings, self._clock, stream.lead_ms, stream.name)
        if self._source is not None:
            return Stream(self._source, *common, self._budget)
        if stream.relayed_url is not None:
            return RelayStream(_upstream(stream), *common)
        if stream.is_push:
            inlet = Inlet(stream.settings.sample_rate, stream.settings.channels, self._clock)
            self.push_points[stream.name] = PushPoint(inlet, _ingest_token(stream))
            return Stream(functools.partial(InletSource, inlet), *common, self._budget)
        return Stream(functools.partial(_open, stream), *common, self._budget)


def _open(stream: StreamConfig) -> PcmSource:
    settings = stream.settings
    return open_source(stream.source, settings.sample_rate, settings.channels, stream.loop)


def _upstream(stream: StreamConfig) -> Upstream:
    token = read_token(stream.upstream_token_file, stream.upstream_token_env, f"relay {stream.name!r}")
    if stream.upstream_ca_file is not None and not stream.upstream_ca_file.is_file():
        raise ValueError(f"relay {stream.name!r}: no file {str(stream.upstream_ca_file)!r}; name an authority as PEM")
    return Upstream(stream.relayed_url or "", token, stream.upstream_ca_file)


def _ingest_token(stream: StreamConfig) -> str | None:
    return read_token(stream.ingest_token_file, stream.ingest_token_env, f"stream {stream.name!r}")
