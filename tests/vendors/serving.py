"""A real HTTP server on a socket, for tests: what it answers is a function, how it misbehaves a
list of faults that are used up one by one."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    handler: BaseHTTPRequestHandler

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """``body`` may be JSON, bytes, or pieces that are sent one by one (chunked)."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with the next request that ``where`` names (a part of its path).

    ``before``: the connection breaks before the service has done anything; ``after``: it has done
    it, but nothing is answered; ``cut``: half of the answer comes; ``drip``: the answer comes byte
    by byte; ``hang``: nothing comes at all for ``seconds``; ``reply``: ``answer`` instead. The
    first ``skip`` such requests go well.
    """

    kind: Literal["before", "after", "cut", "drip", "hang", "reply"]
    where: str = ""
    method: str = ""
    answer: Reply | None = None
    seconds: float = 30.0
    carried_out: bool = False
    skip: int = 0


Serve = Callable[[Asked], Reply | None]


class Vendor:
    """A server at ``url``; ``log`` has every request. Subclasses answer in ``serve``; None means
    that it has answered through the handler by itself."""

    def __init__(self, serve: Serve | None = None) -> None:
        self.log: list[Asked] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.on_request: Callable[[Asked], None] | None = None
        if serve is not None:
            self.serve = serve  # type: ignore[method-assign]
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _answer(self) -> None:
                with suppress(ConnectionError, TimeoutError, ValueError):
                    vendor._answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def serve(self, asked: Asked) -> Reply | None:
        raise NotImplementedError

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, part: str, method: str = "") -> list[Asked]:
        """The requests whose path holds ``part``."""
        with self.lock:
            return [a for a in self.log if part in a.path and method in ("", a.method)]

    def _due(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.where in asked.path and fault.method in ("", asked.method):
                if fault.skip == 0:
                    return fault
                fault.skip -= 1
        return None

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("content-length") or 0)
        if handler.headers.get("transfer-encoding") == "chunked":
            body = b"".join(_chunks(handler))
        else:
            body = handler.rfile.read(length)
        asked = Asked(
            handler.command,
            parts.path,
            {key: values[0] for key, values in parse_qs(parts.query).items()},
            {key.lower(): value for key, value in handler.headers.items()},
            body,
            handler,
        )
        with self.lock:
            self.log.append(asked)
            fault = self._due(asked)
            if fault is not None:
                self.faults.remove(fault)
        if self.on_request is not None:
            self.on_request(asked)
        if fault is not None and fault.kind == "before":
            return _reset(handler)
        if fault is not None and fault.kind == "reply" and fault.answer is not None:
            if fault.carried_out:
                self.serve(asked)
            return _send(handler, fault.answer)
        if fault is not None and fault.kind == "hang":
            until = time.monotonic() + fault.seconds
            while time.monotonic() < until:
                time.sleep(0.02)
            return _reset(handler)
        reply = self.serve(asked)
        if reply is None:
            return None
        if fault is not None and fault.kind == "after":
            return _reset(handler)
        return _send(handler, reply, fault.kind if fault is not None else "")


def _chunks(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        yield handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()


def _reset(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    connection = handler.connection
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _send(handler: BaseHTTPRequestHandler, reply: Reply, how: str = "") -> None:
    body, headers = reply.body, dict(reply.headers)
    handler.send_response(reply.status)
    if isinstance(body, list) and body and isinstance(body[0], bytes):
        body = iter(body)
    if isinstance(body, bytes | str | dict | list):
        if isinstance(body, dict | list):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body
        headers.setdefault("Content-Length", str(len(data)))
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.end_headers()
        if how == "cut":
            handler.wfile.write(data[: len(data) // 2])
            handler.wfile.flush()
            return _reset(handler)
        if how == "drip":
            for place in range(len(data)):
                handler.wfile.write(data[place : place + 1])
                time.sleep(0.1)
            return None
        handler.wfile.write(data)
        return None
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    pieces = list(body) if how == "cut" else body
    if how == "cut":
        pieces = pieces[: max(1, len(pieces) // 2)]
    for piece in pieces:
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        handler.wfile.flush()
    if how == "cut":
        return _reset(handler)
    handler.wfile.write(b"0\r\n\r\n")
    return None


@contextmanager
def serving(serve: Serve) -> Iterator[Vendor]:
    vendor = Vendor(serve)
    try:
        yield vendor
    finally:
        vendor.close()
