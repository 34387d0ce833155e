"""What that program keeps for all who speak to it: its options, and what it is at.

It does one thing at a time and has no names for them, so progress, interrupt and skip mean
whatever is being drawn. Here that is, project by project, the oldest request that is not answered.
"""

from __future__ import annotations

import base64
import io
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PIL import Image

from maquette.server.compat.asking import News
from maquette.server.compat.pictures import out_base64

if TYPE_CHECKING:
    from maquette.core.job import Job
    from maquette.server.context import Room

__all__ = ["State", "Work", "png_of", "state_of"]


@dataclass
class Work:
    """A request that is being answered. ``rounds`` is how often each picture is drawn."""

    count: int
    rounds: int = 1
    began: float = field(default_factory=time.time)
    waiting: list[str] = field(default_factory=list[str])
    done: int = 0
    current: str = ""
    step: int = 0
    steps: int = 0
    preview: str = ""
    interrupted: bool = False
    skipped: bool = False

    def queued(self, jobs: list[Job]) -> list[str]:
        """These jobs were queued for it; those that are to be cancelled at once, since somebody
        interrupted before there were any."""
        self.waiting += [job.id for job in jobs if not job.ended]
        return list(self.waiting) if self.interrupted else []

    def hear(self, news: News) -> None:
        """What the journal tells of one of its jobs."""
        match news.kind:
            case "progress":
                self.current = news.job
                self.step, self.steps = int(news.data["step"]), int(news.data["steps"])
            case "preview":
                self.preview = str(news.data["image"])
            case _ if news.data.get("status") in {"done", "failed", "cancelled"}:
                if news.job in self.waiting:
                    self.waiting.remove(news.job)
                    self.done += 1
                self.step = 0

    @property
    def total(self) -> int:
        """How many pictures are drawn for it."""
        return self.count * self.rounds

    @property
    def progress(self) -> float:
        """From just above 0 to 1."""
        share = self.step / self.steps if self.steps else 0.0
        return min(1.0, max(0.01, (self.done + share) / self.total))


class State:
    """One project's."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.options: dict[str, Any] = {}

    @property
    def current(self) -> Work | None:
        """What is being drawn."""
        return self.works[0] if self.works else None

    def told(self, *, shown: bool) -> dict[str, Any]:
        """The answer of ``GET /progress``."""
        work = self.current
        if work is None:
            return {
                "progress": 0.0,
                "eta_relative": 0.0,
                "state": _state(Work(0)),
                "current_image": None,
                "textinfo": None,
            }
        took = time.time() - work.began
        return {
            "progress": work.progress,
            "eta_relative": took / work.progress - took,
            "state": _state(work),
            "current_image": png_of(work.preview) if shown and work.preview else None,
            "textinfo": None,
        }


def _state(work: Work) -> dict[str, Any]:
    batch = f"Batch {work.done + 1} out of {work.total}" if work.total > 1 else "scripts_txt2img"
    return {
        "skipped": work.skipped,
        "interrupted": work.interrupted,
        "stopping_generation": work.interrupted,
        "job": batch if work.total else "",
        "job_count": work.total,
        "job_timestamp": time.strftime("%Y%m%d%H%M%S", time.localtime(work.began)),
        "job_no": work.done,
        "sampling_step": work.step,
        "sampling_steps": work.steps,
    }


def png_of(preview: str) -> str:
    """A preview (a data URL) as a PNG in base64. Blocks."""
    image = Image.open(io.BytesIO(base64.b64decode(preview.partition(",")[2])))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return out_base64(buffer.getvalue())


_STATES: WeakKeyDictionary[Room, State] = WeakKeyDictionary()


def state_of(room: Room) -> State:
    """A project's state; forgotten when the server ends."""
    return _STATES.setdefault(room, State())
