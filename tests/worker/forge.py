"""Forks workers that draw with the fake engine; see tests/storage/forge.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "storage"))

import forge
from PIL import WebPImagePlugin  # noqa: F401  # before the fork

from maquette import Settings
from maquette.engines import pixels  # noqa: F401
from maquette.engines.base import Engine
from maquette.engines.fake import create
from maquette.studio.engines import Engines
from maquette.studio.rooms import Rooms
from maquette.worker import Worker


class Slow(Engines):
    """The fake engine at an unhurried pace."""

    delay = 0.015

    def get(self, name: str | None = None, model: object = None) -> Engine:
        """The same for every recipe."""
        return create(delay=self.delay)


def draw(order: dict[str, Any], say: Callable[[str], object]) -> None:
    """Work until killed; say each job that is done with."""
    settings = Settings(engine="fake", home=Path(order["root"]) / "home")
    with Rooms(Path(order["root"]), settings=settings, engines=Slow(settings)) as rooms:
        Worker(
            [rooms],
            owner=order["seed"],
            lease=order["lease"],
            on_done=lambda done: say(f"{done.job.id} {done.job.status}"),
        ).run(once=order.get("once", False))


if __name__ == "__main__":
    forge.DEEDS["draw"] = draw
    forge.main()
