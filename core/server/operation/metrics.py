"""The figures as Prometheus reads them. Imported at the first scrape only: prometheus_client is 0.1 s of a start."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from core.server.access.refusals import Reason
from core.server.operation.figures import StreamFigures
from core.server.operation.histogram import Histogram

_COUNTERS: Final[tuple[tuple[str, str, Callable[[StreamFigures], float]], ...]] = (
    ("connections", "Connections since the start", lambda it: it.connections.connections),
    ("broken_connections", "Connections without a closing handshake", lambda it: it.connections.broken_connections),
    ("packets_sent", "Packets given to the system", lambda it: it.connections.packets_sent),
    ("packets_dropped", "Packets that a full queue gave up", lambda it: it.connections.packets_dropped),
    ("sent_bytes", "Opus bytes given to the system", lambda it: it.connections.bytes_sent),
    ("stuck", "Listeners sent away because they did not read", lambda it: it.connections.stuck),
    ("malformed_messages", "Messages of clients that made no sense", lambda it: it.connections.malformed_messages),
    ("adaptations", "Changes of a bit rate because of a link", lambda it: it.stream.adaptations),
    ("idle_periods", "Pauses of the source", lambda it: it.stream.idle_periods),
    ("reanchored", "Deadlines moved after more than a second of lateness", lambda it: it.stream.reanchored),
    ("source_failures", "Sources that could not be opened or broke off", lambda it: it.stream.source_failures),
    (
        "stream_failures",
        "Times the stream was started anew after an error in the server",
        lambda it: it.stream.failures,
    ),
    ("failed_connections", "Connections cut by an error in the server", lambda it: it.connections.failed),
    ("sessions", "Times the source was opened", lambda it: it.stream.sessions),
    ("upstream_attempts", "Connections that a relay tried to open", lambda it: it.stream.upstream_attempts),
    ("upstream_malformed", "Messages of an origin that are no Opus", lambda it: it.stream.upstream_malformed),
)

_GAUGES: Final[tuple[tuple[str, str, Callable[[StreamFigures], float | None]], ...]] = (
    ("listeners", "Who listens now", lambda it: it.listeners),
    ("encoders", "Encoders at work", lambda it: it.encoders),
    ("queued_seconds", "Sound waiting for all listeners", lambda it: sum(it.queued_ms) / 1e3),
    ("queued_seconds_max", "Sound waiting for the slowest listener", lambda it: max(it.queued_ms, default=0) / 1e3),
    ("bitrate_bits_per_second", "Bit rates of all listeners", lambda it: sum(it.bitrates)),
    ("bitrate_bits_per_second_min", "The lowest bit rate of a listener", lambda it: min(it.bitrates, default=0)),
    ("pushing", "1 while somebody pushes sound", lambda it: None if it.inlet is None else it.inlet.is_pushing),
    (
        "pushed_seconds",
        "Pushed sound that waits to be heard",
        lambda it: None if it.inlet is None else it.inlet.buffered_ms / 1e3,
    ),
)

_HISTOGRAMS: Final[tuple[tuple[str, str, Callable[[StreamFigures], Histogram]], ...]] = (
    ("pacing_error_seconds", "How late a block was fed to the encoders", lambda it: it.stream.pacing_error_s),
    ("encode_seconds", "Time to encode one packet", lambda it: it.stream.encode_s),
)


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """The whole server at one moment."""

    streams: Iterable[StreamFigures]
    rejected: Mapping[Reason, int]
    """By reason."""
    is_ready: bool
    tasks: int
    """Of the event loop."""
    version: str


class Metrics(Collector):
    """A registry of one server's own: nothing global, so that two servers in one process do not mix."""

    def __init__(self, figures: Callable[[], ServerFigures]) -> None:
        """``figures`` is asked at each scrape."""
        self._figures = figures
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """All figures now, in the text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        figures = self._figures()
        streams = list(figures.streams)
        for name, documentation, read in _GAUGES:
            gauge = GaugeMetricFamily(f"opuscope_{name}", documentation, labels=["stream"])
            for stream in streams:
                value = read(stream)
                # What a stream has nothing to do with is no 0.
                if value is not None:
                    gauge.add_metric([stream.name], value)
            yield gauge
        for name, documentation, read in _COUNTERS:
            counter = CounterMetricFamily(f"opuscope_{name}", documentation, labels=["stream"])
            for stream in streams:
                counter.add_metric([stream.name], read(stream))
            yield counter
        for name, documentation, histogram_of in _HISTOGRAMS:
            family = HistogramMetricFamily(f"opuscope_{name}", documentation, labels=["stream"])
            for stream in streams:
                histogram = histogram_of(stream)
                family.add_metric([stream.name], buckets=histogram.cumulative(), sum_value=histogram.total)
            yield family
        rejected = CounterMetricFamily("opuscope_rejected", "Refused, by reason", labels=["reason"])
        for reason, count in figures.rejected.items():
            rejected.add_metric([str(reason)], count)
        yield rejected
        yield GaugeMetricFamily("opuscope_ready", "1 while listeners are let in", value=float(figures.is_ready))
        yield GaugeMetricFamily("opuscope_tasks", "Tasks of the event loop", value=figures.tasks)
        build = GaugeMetricFamily("opuscope_build_info", "What runs here", labels=["version", "python"])
        build.add_metric([figures.version, platform.python_version()], 1)
        yield build
