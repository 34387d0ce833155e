"""A project's trainings: what each has learned so far, how it went, and what came of it.

A folder for each, named by the training's digest: ``training.json``; ``log.jsonl`` with a line for
each step and sheet; ``report.json`` when it is done; and whatever the engine keeps there to go on
from. Files beside the database, since nothing else depends on them.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maquette.errors import ProjectUnreadable, StorageFull, TrainingRefused

__all__ = ["Trainings"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Trainings:
    """Trainings in a folder, by their digests."""

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder; it is made when the first one begins."""
        self._folder = folder

    def begin(self, digest: str, training: Mapping[str, Any]) -> Path:
        """The folder of a training, made if it is not there.

        Raises:
            StorageFull, ProjectUnreadable.
        """
        folder = self._folder / digest
        with _told(digest):
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / "training.json").is_file():
                _write(folder / "training.json", training)
        return folder

    def note(self, digest: str, line: Mapping[str, Any]) -> None:
        """Add a line to a training's log.

        Raises:
            StorageFull, ProjectUnreadable.
        """
        with _told(digest), (self._folder / digest / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def finish(self, digest: str, report: Mapping[str, Any]) -> None:
        """Keep what came of a training.

        Raises:
            StorageFull, ProjectUnreadable.
        """
        with _told(digest):
            _write(self._folder / digest / "report.json", report)

    def all(self) -> list[str]:
        """The digests of all trainings that were begun, the latest first."""
        if not self._folder.is_dir():
            return []
        found = [
            path
            for path in self._folder.iterdir()
            if _DIGEST.fullmatch(path.name) and (path / "training.json").is_file()
        ]
        found.sort(key=lambda path: ((path / "training.json").stat().st_mtime_ns, path.name))
        return [path.name for path in reversed(found)]

    def find(self, reference: str) -> str:
        """The digest that begins so.

        Raises:
            TrainingRefused: none does, or several do.
        """
        found = [digest for digest in self.all() if reference and digest.startswith(reference)]
        if len(found) != 1:
            how = "several trainings begin" if found else "no training begins"
            raise TrainingRefused(
                f"{how} with '{reference[:64]}'", hint="'maquette trainings' lists them"
            )
        return found[0]

    def training(self, digest: str) -> dict[str, Any]:
        """What was to be learned, in raw form.

        Raises:
            ProjectUnreadable.
        """
        return _read(self._folder / digest / "training.json")

    def report(self, digest: str) -> dict[str, Any] | None:
        """What came of it, in raw form; None while it is not done.

        Raises:
            ProjectUnreadable.
        """
        file = self._folder / digest / "report.json"
        return _read(file) if file.is_file() else None

    def lines(self, digest: str) -> list[dict[str, Any]]:
        """The log, oldest first. A line that a kill has cut is left out."""
        file = self._folder / digest / "log.jsonl"
        found: list[dict[str, Any]] = []
        if file.is_file():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    told = json.loads(line)
                except ValueError:
                    continue
                if isinstance(told, dict):
                    found.append(told)
        return found


def _write(file: Path, value: Mapping[str, Any]) -> None:
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(value, stream, ensure_ascii=False, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProjectUnreadable(f"cannot read {file.name} of a training") from error
    if not isinstance(value, dict):
        raise ProjectUnreadable(f"{file.name} of a training is no JSON object")
    return value


@contextmanager
def _told(digest: str) -> Iterator[None]:
    """Say plainly what is wrong with the disk."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no space left for the training {digest[:12]}") from error
        raise ProjectUnreadable(
            f"cannot write the training {digest[:12]}: {error.strerror or error}"
        ) from error
