"""Datasets read from what people have: folders of pictures with captions beside, files, versions.

Captions come from a person first, then from a file beside the picture (``NAME.txt``, or a line of
the folder's ``metadata.jsonl`` with ``file_name`` and ``text``), then from the picture's own
prompt: a version's, or one that the file tells of. Where none of them says one and there is a
judge, it suggests one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from pydantic import ValidationError

from maquette.core.dataset import Dataset, Entry, load_dataset
from maquette.core.geometry import Box
from maquette.core.grammar import parse, runs
from maquette.core.picture import decode_picture, encode_png, size_of
from maquette.core.recipe import PromptText
from maquette.core.training import MOST, NAME
from maquette.core.version import Version
from maquette.errors import SettingRefused, TrainingRefused, VersionUnknown
from maquette.stages.teaching import crop_for, curate
from maquette.studio.desk import read_file
from maquette.studio.seeing import glances, shown_in

if TYPE_CHECKING:
    from maquette.core.dataset import Told
    from maquette.studio.desk import Desk

__all__ = ["Source", "added", "edited", "gathered", "matched", "open_dataset", "saved"]

Source = Version | bytes | str | Path
"""A version, a picture's bytes or file, or a folder of pictures. Text is a file or folder where
there is one, else a version."""

ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".gif", ".psd"}
)
LINES = "metadata.jsonl"


def open_dataset(desk: Desk, source: str | Path | Dataset) -> Dataset:
    """A dataset by name, the pictures of a folder, or the value itself.

    Raises:
        TrainingRefused: there is none of that name.
        PictureRefused, ProjectUnreadable.
    """
    if isinstance(source, Dataset):
        return source
    path = Path(source)
    if isinstance(source, str) and NAME.fullmatch(source) and desk.datasets.revisions(source):
        return saved(desk, source)
    if path.is_dir():
        return added(desk, Dataset(name=_slug(path.resolve().name)), [path])
    if isinstance(source, str) and NAME.fullmatch(source):
        return saved(desk, source)  # says which there are
    raise TrainingRefused(
        f"there is no dataset and no folder '{source}'",
        hint="'maquette curate NAME PICTURE …' makes one",
    )


def saved(desk: Desk, name: str) -> Dataset:
    """A dataset of the project, its newest revision.

    Raises:
        TrainingRefused, ProjectUnreadable.
    """
    text, _ = desk.datasets.read(name)
    return load_dataset(json.loads(text))


def added(desk: Desk, dataset: Dataset, sources: Sequence[Source]) -> Dataset:
    """The dataset with more pictures, curated anew. One that is there already from the same place
    is not added twice.

    Raises:
        TrainingRefused: more than a training takes; none was read then.
        PictureRefused, VersionUnknown: the first that cannot be read.
    """
    found = list(gathered(desk, sources))
    _bounded(len(dataset.entries) + len(found))
    there = {(entry.image, entry.source) for entry in dataset.entries}
    size = desk.capabilities().best_size
    new: list[Entry] = []
    for each in found:
        entry, image = each.read(desk)
        if (entry.image, entry.source) not in there:
            new.append(entry.model_copy(update={"box": crop_for(image, size)}))
    return _curated(desk, dataset, (*dataset.entries, *new))


def matched(desk: Desk, dataset: Dataset, sources: Sequence[Source]) -> Dataset:
    """The dataset with exactly these pictures: new ones are added, those that are gone or were
    painted over leave it, and the others keep what a person said of them.

    Raises:
        TrainingRefused: more than a training takes; none was read then.
        PictureRefused, VersionUnknown: the first that cannot be read.
    """
    found = list(gathered(desk, sources))
    _bounded(len(found))
    there = {(entry.image, entry.source): entry for entry in dataset.entries}
    size = desk.capabilities().best_size
    entries: dict[tuple[str, str], Entry] = {}
    for each in found:
        entry, image = each.read(desk)
        key = entry.image, entry.source
        known = there.get(key)
        if known is None:
            entries[key] = entry.model_copy(update={"box": crop_for(image, size)})
        elif known.told == "typed" or entry.told == "nobody":
            entries[key] = known
        else:
            told = {"caption": entry.caption, "told": entry.told}
            entries[key] = known.model_copy(update=told)
    wanted = tuple(entries.values())
    return dataset if wanted == dataset.entries else _curated(desk, dataset, wanted)


def _bounded(count: int) -> None:
    if count > MOST:
        raise TrainingRefused(
            f"{count} pictures are too many: a dataset takes {MOST}",
            hint="15 to 40 good ones teach a subject, 50 to 200 a style",
        )


def edited(
    desk: Desk,
    dataset: Dataset,
    *,
    captions: Mapping[int, str] | None = None,
    keep: Iterable[int] = (),
    drop: Iterable[int] = (),
    crops: Mapping[int, Box | None] | None = None,
) -> Dataset:
    """The dataset as a person wants it; entries are counted from 1.

    Raises:
        SettingRefused: a number that no entry has, or a crop that leaves its picture.
    """
    entries = list(dataset.entries)

    def change(number: int, **fields: object) -> None:
        if not 1 <= number <= len(entries):
            raise SettingRefused(
                f"the dataset '{dataset.name}' has no picture {number}",
                hint=f"it has 1 to {len(entries)}",
            )
        told = {**entries[number - 1].model_dump(), **fields}
        try:
            entries[number - 1] = Entry.model_validate(told)
        except ValidationError as error:
            raise SettingRefused(f"picture {number}: {error.errors()[0]['msg'].lower()}") from error

    for number, caption in (captions or {}).items():
        change(number, caption=caption.strip(), told="typed")
    for number in keep:
        change(number, kept=True)
    for number in drop:
        change(number, kept=False)
    for number, box in (crops or {}).items():
        change(number, box=box.model_dump() if box is not None else None)
        whole = entries[number - 1].size
        if box is not None and (box.right > whole.width or box.bottom > whole.height):
            raise SettingRefused(f"the crop {box.corners} leaves picture {number} ({whole})")
    return _curated(desk, dataset, entries)


def _curated(desk: Desk, dataset: Dataset, entries: Sequence[Entry]) -> Dataset:
    digests = [entry.image for entry in entries]
    silent = any(entry.told in {"nobody", "seen"} for entry in entries)
    shown = shown_in(desk, digests) if silent else None
    size = desk.capabilities().best_size
    remarked = curate(entries, glances(desk, digests), size, shown, dataset.subject)
    return dataset.model_copy(update={"entries": remarked})


@dataclass(frozen=True)
class _Found:
    """A picture that was named: a version, bytes, or a file with what lies beside it."""

    what: Version | bytes | Path
    caption: str = ""

    def read(self, desk: Desk) -> tuple[Entry, Image.Image]:
        """Keep it, and say what it is.

        Raises:
            PictureRefused.
        """
        if isinstance(self.what, Version):
            image = decode_picture(desk.blobs.get(self.what.image))
            words = _plain(self.what.recipe.prompt)
            told: Told = "prompt" if words else "nobody"
            digest, source = self.what.image, self.what.id
        else:
            data, name = read_file(self.what)
            image = decode_picture(data, name=name)
            words, told = self.caption, "file"
            if not words:
                words, told = _told_by(data, name)
            digest, source = desk.blobs.put(encode_png(image)), name or "a picture"
        entry = Entry(
            image=digest, source=source[:200], size=size_of(image), caption=words[:4000], told=told
        )
        return entry, image


def gathered(desk: Desk, sources: Sequence[Source]) -> Iterator[_Found]:
    """What was named, folders opened; nothing is read but captions.

    Raises:
        VersionUnknown: text that is neither a file, a folder nor a version.
        TrainingRefused: a folder without pictures.
    """
    for source in sources:
        if isinstance(source, Version | bytes):
            yield _Found(source)
            continue
        path = Path(source)
        if path.is_dir():
            yield from _folder(path)
        elif path.is_file():
            yield _Found(path, _beside(path, _lines(path.parent)))
        else:
            try:
                yield _Found(desk.version(str(source)))
            except VersionUnknown as error:
                raise VersionUnknown(
                    f"'{source}' is no file, no folder and no version of this project",
                    hint="give a picture's path, or a version as 'maquette log' lists it",
                ) from error


def _folder(folder: Path) -> Iterator[_Found]:
    files = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file()
    )
    if not files:
        raise TrainingRefused(
            f"there are no pictures in {folder}", hint=f"they end in {', '.join(sorted(ENDINGS))}"
        )
    if len(files) > MOST:
        raise TrainingRefused(
            f"{folder} holds {len(files)} pictures: a dataset takes {MOST}",
            hint="15 to 40 good ones teach a subject, 50 to 200 a style",
        )
    lines = _lines(folder)
    for file in files:
        yield _Found(file, _beside(file, lines))


def _lines(folder: Path) -> Mapping[str, str]:
    """Captions by file name, as data sets of the field keep them."""
    file = folder / LINES
    if not file.is_file():
        return {}
    found: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            told = json.loads(line)
            found[str(told["file_name"])] = str(told["text"])
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _beside(file: Path, lines: Mapping[str, str]) -> str:
    for ending in (".txt", ".caption"):
        beside = file.with_suffix(ending)
        if beside.is_file():
            text = beside.read_text(encoding="utf-8-sig", errors="replace")
            return " ".join(text.split())[:4000]
    return lines.get(file.name, "")


def _told_by(data: bytes, name: str) -> tuple[str, Told]:
    """What a file's own metadata says was drawn."""
    from maquette.exchange.imports import read_metadata

    words = _plain(read_metadata(data, name=name).prompt)
    return words, "prompt" if words else "nobody"


def _plain(prompt: PromptText | None) -> str:
    """A prompt's words without its brackets."""
    if prompt is None:
        return ""
    if prompt.interpreter == "plain":
        return prompt.text.strip()
    tree = parse(prompt.text)
    parts = [runs(tree, part=number) for number in range(len(tree.parts))]
    text = ", ".join("".join(run.text for run in each if run.kind == "text") for each in parts)
    return " ".join(text.split())


def _slug(name: str) -> str:
    found = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:60]
    return found or "dataset"
