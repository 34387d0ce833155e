"""Figures for Prometheus: requests by route, how long they took, listeners, workers, jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Measured", "Metrics"]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
Readings = Callable[[], Iterable[tuple[str, str, dict[str, str], float]]]


class Metrics:
    """The figures of one server. ``readings`` gives those that are read when asked for:
    (name, what it says, labels, value)."""

    def __init__(self, readings: Readings) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "maquette_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "maquette_request_seconds",
            "From a request's first byte to its answer's last; event streams aside.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.open = Gauge(
            "maquette_requests_open", "Requests being answered.", registry=self._registry
        )
        self._registry.register(_Read(readings))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Read(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See prometheus_client."""
        families: dict[str, GaugeMetricFamily] = {}
        for name, says, labels, value in self._readings():
            if name not in families:
                families[name] = GaugeMetricFamily(name, says, labels=list(labels))
            families[name].add_metric(list(labels.values()), value)
        return families.values()


class Measured:
    """Counts every request of an app, whatever becomes of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.metrics.open.inc()
        try:
            await self.app(scope, receive, note)
        finally:
            self.metrics.open.dec()
            route = str(getattr(scope.get("route"), "path", "")) or "none"
            self.metrics.requests.labels(scope["method"], route, str(status)).inc()
            if not route.endswith("/events"):
                self.metrics.seconds.labels(route).observe(time.perf_counter() - began)
