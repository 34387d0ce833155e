"""A dataset: pictures to learn from, curated. A frozen value, kept in revisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from maquette.core.geometry import Box, Size
from maquette.core.training import NAME, Example, refusal, spoken
from maquette.core.value import Digest, Value

__all__ = ["Dataset", "Entry", "Remark", "load_dataset"]

Told = Literal["typed", "prompt", "file", "seen", "nobody"]
"""Where a caption comes from: a person, the picture's own prompt, a file beside it, a judge that
looked at it, or nowhere."""


class Remark(Value):
    """What is amiss with a picture. ``fatal``: it is left out unless a person keeps it."""

    name: Literal["duplicate", "mirrored", "blur", "small", "blank", "crop", "caption"]
    message: str
    fatal: bool = False


class Entry(Value):
    """A picture of a dataset.

    ``source`` is the file's name or the version's id. ``box`` is the part that is learned from.
    ``kept`` is a person's word, None where nobody has said: then the remarks decide. ``sharpness``
    is the variance of the picture's Laplacian.
    """

    image: Digest
    source: str
    size: Size
    caption: str = Field(default="", max_length=4_000)
    told: Told = "nobody"
    box: Box | None = None
    kept: bool | None = None
    sharpness: float = 0.0
    remarks: tuple[Remark, ...] = ()

    @property
    def used(self) -> bool:
        """Whether a training learns from it."""
        return self.kept if self.kept is not None else not any(r.fatal for r in self.remarks)


class Dataset(Value):
    """Pictures of one subject. ``trigger`` is the word that it will answer to, ``subject`` what it
    is in words that the model knows (``mascot``), ``licence`` that of the pictures."""

    name: str = Field(pattern=rf"^{NAME.pattern}$")
    trigger: str = Field(default="", max_length=60)
    subject: str = Field(default="", max_length=200)
    licence: str = Field(default="", max_length=200)
    entries: tuple[Entry, ...] = ()

    @property
    def used(self) -> tuple[Entry, ...]:
        """Those that a training learns from."""
        return tuple(entry for entry in self.entries if entry.used)

    def caption_of(self, entry: Entry) -> str:
        """An entry's caption with the trigger in it, as a training says it."""
        return spoken(entry.caption, self.trigger or self.name, self.subject)

    @property
    def examples(self) -> tuple[Example, ...]:
        """What a training is given."""
        return tuple(
            Example(image=entry.image, caption=self.caption_of(entry), box=entry.box)
            for entry in self.used
        )


def load_dataset(data: Mapping[str, Any]) -> Dataset:
    """Read a dataset.

    Raises:
        TrainingRefused: the first thing in it that cannot be.
    """
    try:
        return Dataset.model_validate(data)
    except ValidationError as error:
        raise refusal(error, "a dataset") from error
