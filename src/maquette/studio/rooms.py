"""Rooms: many projects under one roof, by short names that fit in an address."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from maquette.errors import ProjectMissing, SettingRefused
from maquette.settings import Settings
from maquette.storage.project import FOLDER, Project
from maquette.studio import Studio
from maquette.studio.engines import Engines

__all__ = ["Place", "Rooms", "slug_of"]

_LONGEST = 60


@dataclass(frozen=True)
class Place:
    """Where a project is. ``id`` is its slug, unique among its neighbours."""

    id: str
    root: Path


def slug_of(name: str) -> str:
    """A name as lower-case letters, digits and hyphens; empty where nothing of it is left.

    Letters lose their accents, everything else becomes a hyphen.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-")


class Rooms:
    """The projects in the sub-folders of ``root``, and those of ``extra`` wherever they are.

    A folder counts when it holds a project. Ids come from the folders' names; where two would be
    the same the later one gets a number. Each project is opened once; threads may share it, and all
    share ``engines``.
    """

    def __init__(
        self,
        root: str | Path | None,
        extra: Iterable[str | Path] = (),
        *,
        settings: Settings | None = None,
        engines: Engines | None = None,
    ) -> None:
        self.root = Path(root).absolute() if root is not None else None
        self.settings = settings or Settings()
        self.engines = engines or Engines(self.settings)
        self._extra = [Path(folder).absolute() for folder in extra]
        self._open: dict[Path, Studio] = {}
        self._lock = threading.Lock()
        self._making = threading.Lock()

    def list(self) -> list[Place]:
        """Every project: those given explicitly first, then the root's by name."""
        found: dict[str, Place] = {}
        for folder in dict.fromkeys((*self._extra, *self._below())):
            if (folder / FOLDER).is_dir():
                slug = _free(slug_of(folder.name) or "project", found)
                found[slug] = Place(slug, folder)
        return [*found.values()]

    def open(self, project: str) -> Studio:
        """The project of this id.

        Raises:
            ProjectMissing: there is none.
            ProjectUnreadable, ProjectTooNew, StorageFull.
        """
        for place in self.list():
            if place.id == project:
                return self._studio(place.root)
        known = ", ".join(place.id for place in self.list()) or "none"
        raise ProjectMissing(f"no project '{project}'", hint=f"there are: {known}")

    def create(self, name: str) -> Place:
        """A new project in a folder of its own below the root.

        Raises:
            SettingRefused: there is nothing in the name that a folder could be called by, or no
                root to put it in.
            ProjectUnreadable, StorageFull.
        """
        if self.root is None:
            raise SettingRefused("there is no folder for new projects", hint="give --projects DIR")
        slug = slug_of(name)
        if not slug:
            raise SettingRefused(
                f"'{name}' holds no letter that an address can have", hint="use a to z and 0 to 9"
            )
        with self._lock:
            taken = {place.id: place for place in self.list()}
            number, chosen = 1, slug
            while chosen in taken or (self.root / chosen).exists():
                number += 1
                chosen = f"{slug}-{number}"
            Project.create(self.root / chosen, name.strip()).close()
        return Place(chosen, self.root / chosen)

    def home(self, name: str) -> Place:
        """The project that is meant where none is named: the first one given explicitly, else the
        root's that goes by ``name``, made when it is not there.

        Raises:
            SettingRefused, ProjectUnreadable, StorageFull.
        """
        with self._making:
            known = self.list()
            if self._extra and known and known[0].root in self._extra:
                return known[0]
            return next((place for place in known if place.id == name), None) or self.create(name)

    def close(self) -> None:
        """Let go of every project. A second call does nothing."""
        with self._lock:
            for studio in self._open.values():
                studio.close()
            self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def _below(self) -> list[Path]:
        if self.root is None or not self.root.is_dir():
            return []
        return sorted(path for path in self.root.iterdir() if not path.name.startswith("."))

    def _studio(self, root: Path) -> Studio:
        with self._lock:
            if root not in self._open:
                self._open[root] = Studio(root, settings=self.settings, engines=self.engines)
            return self._open[root]


def _free(slug: str, taken: dict[str, Place]) -> str:
    number, chosen = 1, slug
    while chosen in taken:
        number += 1
        chosen = f"{slug}-{number}"
    return chosen
