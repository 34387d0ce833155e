"""The wire under the client: connects to checked addresses only, stops when it is told to, keeps
a deadline for the whole of a request, and knows whether anything was sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import httpcore2
import httpx2

from maquette.errors import Cancelled
from maquette.net.addresses import resolve

__all__ = ["SLICE", "Transport", "Wire"]

SLICE = 0.2
"""Seconds after which a waiting read looks whether it should stop."""


_DAY = 86_400.0


def _never() -> bool:
    return False


class Wire(httpcore2.NetworkBackend):
    """``public`` refuses every address that is not; ``stop`` is asked while waiting.

    ``deadline`` (of ``time.monotonic``) is for the request at hand. ``sent`` says whether a byte
    of it has left.
    """

    def __init__(self, *, public: bool, stop: Callable[[], bool] | None = None) -> None:
        self.public = public
        self.stop = stop or _never
        self.deadline = float("inf")
        self.sent = False
        self._backend = httpcore2.SyncBackend()

    def begin(self, seconds: float) -> None:
        """A request starts, and may take so long."""
        self.deadline, self.sent = time.monotonic() + seconds, False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of the host that answers; TLS still checks its name."""
        self.check()
        failed: Exception | None = None
        for address in resolve(host, port, public=self.public):
            self.check()
            try:
                stream = self._backend.connect_tcp(
                    address, port, self.left(timeout), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return _Stream(stream, self)
        raise failed or httpcore2.ConnectError(f"{host} has no address")

    def check(self) -> None:
        """Raises Cancelled once the person wants to stop."""
        if self.stop():
            raise Cancelled("stopped while waiting for an answer")

    def left(self, timeout: float | None) -> float:
        """Seconds that a single wait may take."""
        rest = min(max(0.001, self.deadline - time.monotonic()), _DAY)
        return rest if timeout is None else min(timeout, rest)


class _Stream(httpcore2.NetworkStream):
    """A connection whose reads wait in slices."""

    def __init__(self, inner: httpcore2.NetworkStream, wire: Wire) -> None:
        self._inner, self._wire = inner, wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes, or ReadTimeout when none came within ``timeout`` or before the deadline."""
        until = time.monotonic() + self._wire.left(timeout)
        while True:
            self._wire.check()
            rest = until - time.monotonic()
            if rest <= 0:
                raise httpcore2.ReadTimeout("no answer in time")
            try:
                return self._inner.read(max_bytes, min(SLICE, rest))
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; from then on the request may have been carried out."""
        self._wire.check()
        if buffer:
            self._wire.sent = True
        self._inner.write(buffer, self._wire.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection under TLS."""
        secure = self._inner.start_tls(ssl_context, server_hostname, self._wire.left(timeout))
        return _Stream(secure, self._wire)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self._inner.get_extra_info(info)


class Transport(httpx2.HTTPTransport):
    """httpx's own transport over a wire of ours. Connections are kept for a moment only, so that
    a request rarely meets one that the other side has just closed."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        self._pool = cast(
            Any,
            httpcore2.ConnectionPool(
                ssl_context=_tls(),
                max_connections=8,
                keepalive_expiry=5.0,
                network_backend=wire,
            ),
        )


_contexts: list[Any] = []


def _tls() -> Any:
    # Reading the certificates takes longer than a handshake.
    if not _contexts:
        _contexts.append(httpx2.create_ssl_context())
    return _contexts[0]
