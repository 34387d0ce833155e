"""The desk: an open project, its engines, and how references are read."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.picture import MAX_BYTES, decode_mask, decode_picture, encode_png
from maquette.core.recipe import MAX_SEED, Recipe
from maquette.core.version import Version
from maquette.critics.base import Critic
from maquette.critics.faces import Look
from maquette.engines.base import Cancel, Engine, Event
from maquette.errors import (
    MaquetteError,
    ModelMissing,
    PictureRefused,
    ProjectMissing,
    SettingRefused,
)
from maquette.settings import Settings
from maquette.stages.billing import Books
from maquette.storage.project import Project
from maquette.studio.apart import Apart
from maquette.studio.engines import Engines

__all__ = ["Desk", "read_file", "seeds_from"]

MAX_PICTURES = 1000


class Desk:
    """What every part of the studio stands on; see ``Studio`` for the arguments."""

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        create: bool = False,
        engine: str | None = None,
        model: str | Path | None = None,
        settings: Settings | None = None,
        on_event: Callable[[Event], None] | None = None,
        previews: bool = False,
        engines: Engines | None = None,
    ) -> None:
        self.settings = settings or Settings()
        root = Path(folder) if folder is not None else self.settings.project
        self.created = False
        try:
            self._project = Project.open(root)
        except ProjectMissing:
            if not create:
                raise
            self._project = Project.create(root)
            self.created = True
        self.records = self._project.records
        self.queue = self._project.queue
        self.shelf = self._project.shelf
        self.blobs = self._project.blobs
        self.playbooks = self._project.playbooks
        self.datasets = self._project.datasets
        self.training_files = self._project.trainings
        self.looks = self._project.looks
        self.intents = self._project.intents
        self.replies = self._project.replies
        self.books = Books(self.intents, self.queue.get, self.settings.most_money)
        self.engines = engines or Engines(self.settings, engine, model)
        self.on_event = on_event
        self.on_version: Callable[[Version], None] | None = None
        self.apart: Apart | None = None
        self.previews = previews
        self.cancel = Cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the project's files. A second call does nothing."""
        self._project.close()

    def drawing_with(self, engine: str | None, model: str | Path | None) -> Self:
        """This very project, whose orders are drawn with another engine or model."""
        other = copy.copy(self)
        for cached in ("orders", "_beside"):  # they belong to the engine
            other.__dict__.pop(cached, None)
        other.engines = Engines(self.settings, engine, model)
        return other

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._project.root

    @property
    def models(self) -> Path:
        """The folder of more models, into which what is trained goes."""
        return self.settings.models

    def engine(self, name: str | None = None, model: str | Path | None = None) -> Engine:
        """An engine by name, loaded once (default: this studio's own)."""
        return self.engines.get(name, model)

    def engine_of(self, recipe: Recipe) -> Engine:
        """The engine that a recipe asks for, with the recipe's own model."""
        return self.engines.of(recipe)

    def capabilities(self) -> Capabilities:
        """What this studio's engine and model can do."""
        return self.engine().capabilities()

    def version(self, reference: Version | str) -> Version:
        """The version that a reference names.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        return reference if isinstance(reference, Version) else self.records.resolve(reference)

    def critics(self) -> list[Critic]:
        """Every critic that looks at new pictures, with those that the model brings."""
        from maquette.studio.faces import Faces

        return self._critics(self._beside, self.judge, Faces(self.settings.models).told)

    def light_critics(self) -> list[Critic]:
        """Those of them that need no network."""
        return self._critics(None, None, None)

    def _critics(self, model: Path | None, judge: Path | None, faces: Look | None) -> list[Critic]:
        from maquette.critics.registry import load_critics

        return load_critics(
            model,
            lambda digest: decode_picture(self.blobs.get(digest)).convert("RGB"),
            judge,
            faces,
        )

    @property
    def judge(self) -> Path | None:
        """The folder of the judge: the model's own, else that of the settings; None without one.

        Raises:
            ModelMissing: the settings name one that is not there.
        """
        from maquette.critics.judge import has_judge

        own, named = self._beside, self.settings.judge
        if own is not None and has_judge(own / "judge"):
            return own / "judge"
        if named is not None and not has_judge(named):
            raise ModelMissing(
                f"there is no judge in {named}",
                hint="MAQUETTE_JUDGE names a folder with judge.json and judge.safetensors",
            )
        return named

    @cached_property
    def _beside(self) -> Path | None:
        """The folder of this desk's model, which may bring critics; None without one."""
        with suppress(MaquetteError):  # told when something is to be drawn
            folder = getattr(getattr(self.engine(), "card", None), "folder", None)
            return folder if isinstance(folder, Path) else None
        return None

    def read_mask(self, mask: Image.Image | bytes | str | Path, version: Version) -> Image.Image:
        """A mask for this version: greyscale, of its size, white = edit.

        Raises:
            MaskRefused, PictureRefused.
        """
        if isinstance(mask, Image.Image):
            data, name = encode_png(mask), "the mask"
        else:
            data, name = read_file(mask)
        return decode_mask(data, size=version.size, name=name)


def seeds_from(seed: int | None, n: int) -> list[int]:
    """``n`` seeds that follow each other, from ``seed`` or from anywhere.

    Raises:
        SettingRefused: for a seed or a count out of range.
    """
    if not 1 <= n <= MAX_PICTURES:
        raise SettingRefused(f"cannot make {n} pictures at once", hint=f"1 to {MAX_PICTURES}")
    first = secrets.randbelow(MAX_SEED + 1) if seed is None else seed
    if not 0 <= first <= MAX_SEED:
        raise SettingRefused(f"seed {seed} is out of range", hint=f"0 to {MAX_SEED}")
    return [(first + step) % (MAX_SEED + 1) for step in range(n)]


def read_file(source: str | Path | bytes) -> tuple[bytes, str]:
    """A file's bytes and name; bytes go through as they are.

    Raises:
        PictureRefused: it cannot be read, is no regular file, or is too large for a picture.
    """
    if isinstance(source, bytes):
        return source, ""
    path = Path(source)
    try:
        if path.exists() and not path.is_file():
            raise PictureRefused(f"{path} is not a file", hint="check the file's path")
        if path.stat().st_size > MAX_BYTES:
            raise PictureRefused(
                f"{path} is larger than {MAX_BYTES // 2**20} MB", hint="export it smaller"
            )
        return path.read_bytes(), path.name
    except OSError as error:
        raise PictureRefused(
            f"cannot read {path}: {error.strerror or error}", hint="check the file's path"
        ) from error
