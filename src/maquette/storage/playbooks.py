"""A project's playbooks and datasets: every revision that was ever saved, as it was written.

Files beside the database, ``playbooks/NAME/0001.yaml`` and so on: readable without Maquette, and
added to only. A revision is written under a temporary name, synced, and linked to its number, which
fails when somebody else has taken that; so two writers cannot overwrite each other, and a kill
leaves no half a file.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from maquette.errors import (
    MaquetteError,
    ProjectUnreadable,
    StorageFull,
    TemplateRefused,
    TrainingRefused,
)

__all__ = ["Datasets", "Playbooks", "Revision", "Revisions"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


@dataclass(frozen=True, slots=True)
class Revision:
    """A saved text by name and number; numbers begin with 1."""

    name: str
    number: int


class Revisions:
    """Append-only revisions of texts by name, in a folder.

    ``what`` they are called, how their files end, and what is raised for one that is not there.
    """

    what: ClassVar[str]
    ending: ClassVar[str]
    refused: ClassVar[type[MaquetteError]]

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder; it is made when the first one is saved."""
        self._folder = folder

    def save(self, name: str, text: str) -> Revision:
        """Keep a text as the next revision. Saving the newest one's very text again adds nothing.

        Raises:
            MaquetteError: ``refused``, for a name that is none.
            StorageFull, ProjectUnreadable.
        """
        folder = self._place(name)
        data = text.encode("utf-8")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            while True:
                numbers = self._numbers(folder)
                last = numbers[-1] if numbers else 0
                if last and self._path(folder, last).read_bytes() == data:
                    return Revision(name, last)
                if _written(data, self._path(folder, last + 1)):
                    return Revision(name, last + 1)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull(f"no space left to save {self.what} '{name}'") from error
            raise ProjectUnreadable(
                f"cannot save {self.what} '{name}': {error.strerror}"
            ) from error

    def names(self) -> list[str]:
        """The names of the saved ones, in order."""
        if not self._folder.is_dir():
            return []
        found = [path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(name for name in found if self._numbers(self._folder / name))

    def revisions(self, name: str) -> list[Revision]:
        """The revisions of one, oldest first; none where nothing has that name."""
        return [Revision(name, number) for number in self._numbers(self._place(name))]

    def read(self, name: str, number: int | None = None) -> tuple[str, Revision]:
        """A revision's text, the newest unless a number is given.

        Raises:
            MaquetteError: ``refused``: there is none; with those that there are.
            ProjectUnreadable.
        """
        folder = self._place(name)
        numbers = self._numbers(folder)
        if not numbers:
            known = ", ".join(self.names()) or "none"
            raise self.refused(
                f"no {self.what} '{name}' is saved in this project", hint=f"saved here: {known}"
            )
        number = numbers[-1] if number is None else number
        if number not in numbers:
            raise self.refused(
                f"{self.what} '{name}' has no revision {number}", hint=f"it has 1 to {numbers[-1]}"
            )
        try:
            return self._path(folder, number).read_text(encoding="utf-8"), Revision(name, number)
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectUnreadable(
                f"cannot read {self.what} '{name}', revision {number}"
            ) from error

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise self.refused(
                f"'{name[:60]}' cannot name a {self.what}", hint="use letters, digits, - and _"
            )
        return self._folder / name

    def _numbers(self, folder: Path) -> list[int]:
        if not folder.is_dir():
            return []
        form = re.compile(rf"(\d{{4,6}})\.{self.ending}")
        found = (form.fullmatch(path.name) for path in folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def _path(self, folder: Path, number: int) -> Path:
        return folder / f"{number:04d}.{self.ending}"


class Playbooks(Revisions):
    """Playbooks, as YAML."""

    what = "playbook"
    ending = "yaml"
    refused = TemplateRefused


class Datasets(Revisions):
    """Datasets, as JSON."""

    what = "dataset"
    ending = "json"
    refused = TrainingRefused


def _written(data: bytes, target: Path) -> bool:
    """Write a file that is not there yet, whole or not at all; False when it is there."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, target)
        except FileExistsError:
            return False
        return True
    finally:
        partial.unlink(missing_ok=True)
