"""Following a prompt on a ComfyUI server: its web socket for progress and previews, its history
and queue for the truth."""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Literal
from urllib.parse import quote, urlencode

from PIL import Image

from maquette.engines.base import Preview, Progress
from maquette.engines.services.service import Call, Drawn, NotThere, Step, picture_from
from maquette.errors import Cancelled, EngineFailed, MaquetteError, ServiceFailed

__all__ = ["follow", "listening", "stage"]

EVERY = 0.5
"""Seconds between two looks at the history, while nothing is heard."""

PATIENCE = 3600.0
"""Seconds that a prompt may wait and run."""

LOST = 3
"""How many looks in a row must find a prompt in neither place: it may be just between them."""

_ENDS = frozenset({"execution_success", "execution_error", "execution_interrupted"})

Receive = Callable[[float], str | bytes | None]


def stage(call: Call, prompt: str) -> Literal["done", "waiting", "gone"]:
    """Where a prompt stands. It goes from the queue into the history, so the queue is asked first:
    one that was not there any more is in the history by then."""
    queue = _object(call.caller.get("/queue").json())
    waiting = [row for part in ("queue_running", "queue_pending") for row in queue.get(part) or ()]
    if any(isinstance(row, list) and len(row) > 1 and row[1] == prompt for row in waiting):
        return "waiting"
    past = _object(call.caller.get(f"/history/{quote(prompt)}").json())
    return "done" if prompt in past else "gone"


def follow(call: Call, prompt: str, receive: Receive | None) -> Iterator[Step]:
    """Wait for a prompt that the server has taken, and fetch its picture.

    Raises:
        NotThere: the server does not know it (any more): it was restarted.
        EngineFailed: a node broke down, or somebody interrupted it.
    """
    ear = _Ear(call, prompt, receive)
    until, looked, missed = time.monotonic() + PATIENCE, 0.0, 0
    while time.monotonic() < until:
        call.caller.wire.check()
        yield from ear.hear()
        pause = EVERY if ear.deaf else 4 * EVERY
        if not ear.ended and time.monotonic() - looked < pause:
            continue
        looked = time.monotonic()
        place = stage(call, prompt)
        if place == "done":
            if ear.step == 0:
                yield Progress(call.index, 1, 1)
            yield _result(call, prompt)
            return
        missed = missed + 1 if place == "gone" else 0
        if missed >= LOST:
            raise NotThere
    raise ServiceFailed("ComfyUI took longer than an hour", hint="order again to look for it")


class _Ear:
    """What the web socket tells of one prompt. ``deaf`` once it is gone."""

    def __init__(self, call: Call, prompt: str, receive: Receive | None) -> None:
        self._call, self._prompt, self._receive = call, prompt, receive
        self.step, self.ended = 0, False

    @property
    def deaf(self) -> bool:
        return self._receive is None

    def hear(self) -> Iterator[Step]:
        """Wait for a moment, and tell what was heard."""
        message = self._next()
        if isinstance(message, bytes):
            image = _preview(message) if self._call.previews else None
            if image is not None:
                yield Preview(self._call.index, self.step, image)
        elif isinstance(message, str):
            kind, data = _message(message)
            if data.get("prompt_id") != self._prompt:
                return
            self.ended = self.ended or kind in _ENDS
            if kind == "progress" and int(data.get("value", 0)) > self.step:
                self.step = int(data["value"])
                steps = max(self.step, int(data.get("max", self.step)))
                yield Progress(self._call.index, self.step, steps)

    def _next(self) -> str | bytes | None:
        if self._receive is None:
            time.sleep(0.1)
            return None
        try:
            return self._receive(0.1)
        except Cancelled:
            raise
        except Exception:  # the library has many names for a line that is gone
            self._receive = None
            return None


def _result(call: Call, prompt: str) -> Drawn:
    entry = _object(_object(call.caller.get(f"/history/{quote(prompt)}").json()).get(prompt))
    status = _object(entry.get("status"))
    if status.get("status_str") == "error":
        raise EngineFailed(f"ComfyUI: {call.caller.clean(_why(status))}")
    for output in _object(entry.get("outputs")).values():
        for image in _object(output).get("images") or ():
            if _object(image).get("type") in {"output", "temp"}:
                names = ("filename", "subfolder", "type")
                query = urlencode({name: str(image.get(name, "")) for name in names})
                return Drawn(picture_from(call.caller.get(f"/view?{query}").body, "ComfyUI"))
    raise EngineFailed("ComfyUI: the graph ended without a picture")


def _why(status: dict[str, Any]) -> str:
    for message in status.get("messages") or ():
        if isinstance(message, list) and len(message) == 2:
            if message[0] == "execution_error":
                told = _object(message[1])
                return f"{told.get('node_type', 'a node')}: {told.get('exception_message', '')}"
            if message[0] == "execution_interrupted":
                return "somebody interrupted it"
    return "the graph broke down"


def _preview(message: bytes) -> Image.Image | None:
    """Binary messages: kind 1 is a preview, followed by its format (1 JPEG, 2 PNG) and bytes."""
    if len(message) < 9 or struct.unpack(">I", message[:4])[0] != 1:
        return None
    try:
        image = Image.open(io.BytesIO(message[8:]), formats=("JPEG", "PNG"))
        if image.width * image.height > 4_000_000:
            return None
        image.thumbnail((256, 256))
        return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _message(text: str) -> tuple[str, dict[str, Any]]:
    try:
        told = _object(json.loads(text))
    except (ValueError, RecursionError):
        return "", {}
    return str(told.get("type", "")), _object(told.get("data"))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def listening(stack: ExitStack, call: Call, client: str) -> Receive | None:
    """The server's web socket, or None: it is a comfort, not a need."""
    try:
        return stack.enter_context(call.caller.listen(f"/ws?clientId={client}"))
    except MaquetteError:
        return None
