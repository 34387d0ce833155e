"""Running the server: a free port, an address to open, a clean end."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from maquette.errors import SettingRefused

__all__ = ["PORT", "Server", "address_of", "bind"]

PORT = 7860
_NEXT = 50
"""How many ports after the first are tried."""


def bind(host: str, port: int | None = None) -> socket.socket:
    """A listening socket at ``port``, or without one at the first free port from PORT on.

    Raises:
        SettingRefused: the address is not this machine's, or the port is taken.
    """
    choices = [port] if port is not None else range(PORT, PORT + _NEXT)
    for choice in choices:
        try:
            return _listening(host, choice)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and choice != choices[-1]:
                continue
            reason = error.strerror or str(error)
            hint = "choose another --port" if error.errno == errno.EADDRINUSE else "check --host"
            raise SettingRefused(
                f"cannot listen at {host}:{choice}: {reason}", hint=hint
            ) from error
    raise SettingRefused("no free port", hint="give one with --port")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: else asyncio leaves Nagle's algorithm on, and every small answer
    # waits 40 ms for an acknowledgement.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host.strip("[]"), port))
        found.listen(512)
        found.set_inheritable(False)
    except BaseException:
        found.close()
        raise
    return found


def address_of(listening: socket.socket, host: str) -> str:
    """The address to open in a browser."""
    port = listening.getsockname()[1]
    name = host.strip("[]")
    if name in {"0.0.0.0", "::"}:  # noqa: S104 (compared, not bound)
        name = socket.gethostname()
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


class Server(uvicorn.Server):
    """uvicorn with its event streams told when the end has come, so that none holds it up."""

    def __init__(self, app: FastAPI) -> None:
        self._context = app.state.context
        # A thread that computes lets others answer after 1 ms, not 5.
        sys.setswitchinterval(0.001)
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",  # bounds what comes before a body, unlike httptools
                loop="asyncio",
                ws="wsproto",
                ws_max_size=64 * 1024,
                ws_ping_interval=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=5,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn; called from the signal handler. Unlike there the signal is not raised once
        more at the end: Ctrl-C is how the studio is closed, and no fault. A second one does not
        wait for answers that are under way."""
        _ = frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        self._context.feeds.close()
