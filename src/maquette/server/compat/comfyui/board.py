"""What the face remembers of a project: its prompts, who listens, and the names of uploads.

Pictures are versions and blobs; only names and prompts live here, as long as the server does. A
prompt that is in neither queue nor history is lost, as clients of ComfyUI know; sent again with its
id, it finds what was drawn already.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["MOST_WAITING", "Board", "Listener", "Prompt"]

MOST_WAITING = 1_000
"""Prompts that may wait or run at once."""

_TOGETHER = 16
"""Prompts that are carried out at once; the workers' queue puts them in order."""

_KEPT = 1_000
_NAMES = 10_000
_BEHIND = 2_000

State = Literal["pending", "running", "done"]


@dataclass(eq=False)
class Prompt:
    """A graph on its way. ``messages`` are what was told of it, for the history."""

    id: str
    number: float
    graph: Mapping[str, Any]
    extra: Mapping[str, Any]
    outputs: Sequence[str]
    client: str = ""
    state: State = "pending"
    ok: bool = False
    messages: list[tuple[str, dict[str, Any]]] = field(
        default_factory=list[tuple[str, dict[str, Any]]]
    )
    made: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    notes: list[str] = field(default_factory=list[str])
    task: asyncio.Task[None] | None = None

    @property
    def row(self) -> list[Any]:
        """As the queue lists it."""
        return [self.number, self.id, self.graph, self.extra, list(self.outputs)]

    @property
    def entry(self) -> dict[str, Any]:
        """As the history tells of it."""
        meta = {
            key: {"node_id": key, "display_node": key, "parent_node": None, "real_node_id": key}
            for key in self.made
        }
        status = {
            "status_str": "success" if self.ok else "error",
            "completed": self.ok,
            "messages": [list(each) for each in self.messages],
        }
        told = {"maquette": {"notes": list(self.notes)}} if self.notes else {}
        return {"prompt": self.row, "outputs": self.made, "status": status, "meta": meta, **told}


class Listener:
    """A web socket's end of the line."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.waiting: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.flags: Mapping[str, Any] = {}

    def put(self, message: str | bytes) -> None:
        """Send a message; one who does not read is let go."""
        self.waiting.put_nowait(message if self.waiting.qsize() < _BEHIND else None)


class Board:
    """One for each project. Lives on the event loop."""

    def __init__(self) -> None:
        self.prompts: OrderedDict[str, Prompt] = OrderedDict()
        self.listeners: dict[str, Listener] = {}
        self.files: OrderedDict[str, str] = OrderedDict()
        self._saved: OrderedDict[str, tuple[Prompt, str]] = OrderedDict()
        self._number = 0
        self.turns = asyncio.Semaphore(_TOGETHER)

    def number(self, given: object, *, front: bool) -> float:
        """The place of a new prompt."""
        if isinstance(given, int | float) and not isinstance(given, bool):
            return float(given)
        self._number += 1
        return -self._number if front else self._number

    def add(self, prompt: Prompt) -> None:
        """Take a prompt in; the oldest that are done are forgotten."""
        self.prompts[prompt.id] = prompt
        done = [each.id for each in self.prompts.values() if each.state == "done"]
        for old in done[: max(0, len(done) - _KEPT)]:
            del self.prompts[old]
        self.tell_status()

    def of(self, *states: State) -> list[Prompt]:
        """Prompts in these states, the first to be drawn first."""
        found = [each for each in self.prompts.values() if each.state in states]
        return sorted(found, key=lambda each: each.number)

    def drop(self, prompt: Prompt) -> None:
        """Take a prompt out as if it had never come."""
        self.prompts.pop(prompt.id, None)
        if prompt.task is not None:
            prompt.task.cancel()
        self.tell_status()

    def saved(
        self, prompt: Prompt, node: str, output: dict[str, Any], versions: Sequence[str]
    ) -> None:
        """A node of a prompt has saved pictures, those of the versions of these ids."""
        prompt.made[node] = output
        for image, version in zip(output["images"], versions, strict=True):
            self._saved[image["filename"]] = prompt, version
            self._saved.move_to_end(image["filename"])
        while len(self._saved) > _NAMES:
            self._saved.popitem(last=False)

    def maker(self, name: str) -> Prompt | None:
        """The prompt that saved a file."""
        return found[0] if (found := self._of_file(name)) is not None else None

    def version(self, name: str) -> str | None:
        """The id of the version that was saved as a file."""
        return found[1] if (found := self._of_file(name)) is not None else None

    def _of_file(self, name: str) -> tuple[Prompt, str] | None:
        return self._saved.get(name.rpartition("/")[2])

    def remember(self, name: str, digest: str) -> None:
        """Keep the name of an upload; the oldest are forgotten."""
        self.files[name] = digest
        self.files.move_to_end(name)
        while len(self.files) > _NAMES:
            self.files.popitem(last=False)

    def listen(self, client: str) -> Listener:
        """A new listener; an earlier one of the same client is let go."""
        earlier = self.listeners.pop(client, None)
        if earlier is not None:
            earlier.waiting.put_nowait(None)
        self.listeners[client] = Listener(client)
        return self.listeners[client]

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        if self.listeners.get(listener.client) is listener:
            del self.listeners[listener.client]

    @property
    def status(self) -> dict[str, Any]:
        """How many prompts wait or run."""
        return {"exec_info": {"queue_remaining": len(self.of("pending", "running"))}}

    def tell_status(self) -> None:
        """Tell everybody."""
        for listener in self.listeners.values():
            listener.put(_message("status", {"status": self.status}))

    def tell(
        self, prompt: Prompt, kind: str, data: Mapping[str, Any], *, note: bool = False
    ) -> None:
        """Tell a prompt's client; with ``note`` it stays in the history."""
        told = {**data, "prompt_id": prompt.id}
        if note:
            told["timestamp"] = int(time.time() * 1000)
            prompt.messages.append((kind, told))
        if (listener := self.listeners.get(prompt.client)) is not None:
            listener.put(_message(kind, told))

    def show(self, prompt: Prompt, plain: bytes, described: bytes) -> None:
        """Send a prompt's client a picture, in the form that it knows."""
        if (listener := self.listeners.get(prompt.client)) is not None:
            knows = listener.flags.get("supports_preview_metadata") is True
            listener.put(described if knows else plain)

    def close(self) -> None:
        """Let every listener go."""
        for listener in self.listeners.values():
            listener.waiting.put_nowait(None)


def _message(kind: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data})
