"""A project: the folder that a brand's or a campaign's pictures live in."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from maquette.errors import ProjectMissing, ProjectUnreadable
from maquette.storage.disk import make_folder, told
from maquette.storage.files import FileBlobs
from maquette.storage.looks import Looks
from maquette.storage.playbooks import Datasets, Playbooks
from maquette.storage.replies import Replies
from maquette.storage.sql import SqlRecords
from maquette.storage.sql_intents import SqlIntents
from maquette.storage.sql_queue import SqlQueue
from maquette.storage.sql_shelf import SqlShelf
from maquette.storage.trainings import Trainings

__all__ = ["FOLDER", "Project"]

FOLDER = ".maquette"
"""Where a project keeps its records and blobs, inside its own folder."""


class Project:
    """An open project: ``records``, ``queue``, ``shelf``, ``intents``, ``replies`` and ``blobs`` in
    ``DIR/.maquette``. Use it in a ``with``."""

    def __init__(self, root: Path, records: SqlRecords, blobs: FileBlobs) -> None:
        """For ``create`` and ``open``, and for tests with parts of their own."""
        self.root = root
        self.records = records
        self.queue = SqlQueue(records.database)
        self.shelf = SqlShelf(records.database)
        self.intents = SqlIntents(records.database)
        self.replies = Replies(records.database)
        self.blobs = blobs
        self.playbooks = Playbooks(root / FOLDER / "playbooks")
        self.datasets = Datasets(root / FOLDER / "datasets")
        self.trainings = Trainings(root / FOLDER / "trainings")
        self.looks = Looks(root / FOLDER / "looks")

    @classmethod
    def create(cls, folder: str | Path, name: str | None = None) -> Self:
        """A new project in this folder, which is made when it is not there. A project that is
        there already is opened and keeps its name. ``name`` is the folder's unless given.

        Raises:
            ProjectUnreadable: when the folder is a file or cannot be written.
            ProjectTooNew, StorageFull.
        """
        root = Path(folder).absolute()
        _check_folder(root)
        with told(root):
            make_folder(root / FOLDER / "blobs")
        chosen = (name or "").strip() or root.resolve().name or "project"
        return cls(root, SqlRecords.create(_records(root), chosen), _blobs(root))

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The project in exactly this folder.

        Raises:
            ProjectMissing: when there is none.
            ProjectUnreadable, ProjectTooNew, StorageFull.
        """
        root = Path(folder).absolute()
        _check_folder(root)
        try:
            records = SqlRecords(_records(root))
        except ProjectMissing:
            raise ProjectMissing(f"no project in {root}") from None
        return cls(root, records, _blobs(root))

    @property
    def name(self) -> str:
        """What the project is called."""
        return self.records.name

    def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        self.records.close()

    def __enter__(self) -> Self:
        """The project itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _records(root: Path) -> Path:
    return root / FOLDER / "records.sqlite"


def _blobs(root: Path) -> FileBlobs:
    return FileBlobs(root / FOLDER / "blobs")


def _check_folder(root: Path) -> None:
    with told(root):
        if root.exists() and not root.is_dir():
            hint = "a project lives in a folder; name that"
            raise ProjectUnreadable(f"{root} is a file", hint=hint)
