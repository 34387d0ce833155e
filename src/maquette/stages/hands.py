"""What a stage that goes on by itself needs of the studio: orders, and somebody to carry them out.

The façade fits it, and so does a double in a test. A stage never knows which.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.finding import Finding
from maquette.core.recipe import Recipe
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.engines.base import Engine
from maquette.stages.order import Order
from maquette.stages.select import Pick
from maquette.storage.base import Blobs, Records

__all__ = ["Hands", "Producer"]


class Hands(Protocol):
    """An open project with an engine."""

    @property
    def blobs(self) -> Blobs:
        """Its bytes."""
        ...

    @property
    def records(self) -> Records:
        """Its memory."""
        ...

    @property
    def orders(self) -> Any:
        """The verbs as orders, with the arguments of ``studio.orders``."""
        ...

    def carry_out(self, order: Order) -> list[Version]:
        """Make what an order asks for, now."""
        ...

    def capabilities(self) -> Capabilities:
        """What the engine can do."""
        ...

    def engine_of(self, recipe: Recipe) -> Engine:
        """The engine that a recipe asks for."""
        ...

    def version(self, reference: Version | str) -> Version:
        """The version that a reference names."""
        ...

    def picture(self, version: Version | str) -> Image.Image:
        """Its picture."""
        ...

    def trace(self, version: Version | str) -> Trace | None:
        """Its token maps."""
        ...

    def findings(self, version: Version | str) -> list[Finding]:
        """What was said of it."""
        ...

    def select(self, versions: Sequence[Version | str], count: int = 5) -> list[Pick]:
        """Drafts ranked, some of them suggested."""
        ...


class Producer(Hands, Protocol):
    """Hands that also take pictures in and let them out."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        ...

    def import_picture(self, source: str | Path | bytes, *, caption: str | None = None) -> Any:
        """A picture from outside: (version, what its file told)."""
        ...

    @property
    def datasets(self) -> Any:
        """Datasets by name, in revisions."""
        ...

    def curate(
        self,
        name: str,
        pictures: Sequence[Any] = (),
        *,
        trigger: str | None = None,
        subject: str | None = None,
        licence: str | None = None,
        exactly: bool = False,
    ) -> Any:
        """Make a dataset, add to it, or make it hold exactly these pictures."""
        ...

    def dataset(self, name: str) -> Any:
        """A dataset as it stands."""
        ...

    @property
    def training_files(self) -> Any:
        """What was learned so far."""
        ...

    def go_on(self, training: str) -> Any:
        """Carry a training out by its digest, or go on with it: a report."""
        ...

    def export(
        self,
        version: Version | str,
        path: str | Path,
        *,
        format: str | None = None,
        quality: int = 92,
        prompts: bool = True,
        sign: bool = True,
    ) -> Any:
        """A version as a file for the world."""
        ...
