"""What is taught to a model: a frozen value with everything that decides an adapter.

As a recipe decides a picture. Its canonical JSON has a digest, which names the training: the same
value on the same build ends in the same file, whether or not it was interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from maquette.core.geometry import Box, Size
from maquette.core.value import Digest, ModelRef, Stated, Value
from maquette.errors import TrainingRefused

__all__ = [
    "FEWEST",
    "MOST",
    "NAME",
    "Course",
    "DreamBooth",
    "Example",
    "Inversion",
    "Layers",
    "LowRank",
    "Method",
    "Training",
    "load_training",
    "refusal",
    "spoken",
    "without_trigger",
]

FEWEST, MOST = 3, 1000
"""Pictures that a training needs at least, and takes at most."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
"""How trainings, datasets and their adapters may be called."""

Layers = Literal["attention", "all"]
"""Which of a network's layers a LoRA changes."""


class Example(Value):
    """A picture to learn from, what it shows in words, and the part of it that counts."""

    image: Digest
    caption: str = Field(max_length=4_000)
    box: Box | None = None


class LowRank(Value):
    """A LoRA (arXiv 2106.09685): changes of low ``rank`` to the network's attention, or to ``all``
    its linear and convolutional layers."""

    kind: Literal["lora"] = "lora"
    rank: int = Field(default=16, ge=1, le=256)
    layers: Layers = "attention"


class DreamBooth(Value):
    """A LoRA learned with prior preservation (arXiv 2208.12242): beside each example the network
    sees one of ``prior`` pictures of its own, of ``subject`` and of the examples' captions without
    the trigger, which it shall go on drawing so; their loss counts ``prior_weight``."""

    kind: Literal["dreambooth"] = "dreambooth"
    rank: int = Field(default=16, ge=1, le=256)
    layers: Layers = "attention"
    subject: str = Field(min_length=1, max_length=200)
    prior: int = Field(default=16, ge=1, le=1000)
    prior_weight: float = Field(default=1.0, ge=0, le=10)


class Inversion(Value):
    """Textual inversion (arXiv 2208.01618): nothing of the model changes; so many ``vectors`` are
    found that, as a word, bring the examples about. They begin as the vectors of ``initial``."""

    kind: Literal["embedding"] = "embedding"
    vectors: int = Field(default=4, ge=1, le=32)
    initial: str = Field(min_length=1, max_length=200)


Method = Annotated[LowRank | DreamBooth | Inversion, Field(discriminator="kind")]


class Course(Value):
    """How it is learned.

    ``rate`` is that of AdamW (arXiv 1711.05101) after ``warmup`` steps; from ``hold`` of the steps
    on it falls in a line to a twentieth. ``silent`` is the share of examples shown without words,
    so that guidance goes on working; ``mirror`` shows half of them the other way round. Every step
    draws its chance from ``seed`` and its own number.
    """

    steps: int = Field(default=400, ge=1, le=100_000)
    rate: float = Field(default=1e-3, gt=0, le=1)
    batch: int = Field(default=4, ge=1, le=256)
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    warmup: int = Field(default=20, ge=0)
    hold: float = Field(default=0.6, ge=0, le=1)
    silent: float = Field(default=0.1, ge=0, le=1)
    mirror: bool = True

    def rate_at(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        left = (self.steps - step) / max(1.0, self.steps * (1 - self.hold))
        return self.rate * rise * max(0.05, min(1.0, left))


class Training(Stated):
    """What is taught to a model.

    ``trigger`` is the word that the adapter answers to, ``samples`` the prompts of its sheets, one
    sheet every ``sheet_every`` steps (0: none on the way). ``size`` is what the examples are
    brought to. ``licence`` is that of the adapter, as an SPDX name or in words; "" is not said.
    """

    schema_version: Literal[1] = 1
    name: str = Field(pattern=rf"^{NAME.pattern}$")
    model: ModelRef
    size: Size
    trigger: str = Field(min_length=1, max_length=60)
    method: Method
    examples: tuple[Example, ...] = Field(min_length=FEWEST, max_length=MOST)
    course: Course = Course()
    samples: tuple[str, ...] = Field(default=(), max_length=12)
    sheet_every: int = Field(default=100, ge=0)
    licence: str = Field(default="", max_length=200)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Digests of the pictures that it needs, without repeats."""
        return tuple(dict.fromkeys(example.image for example in self.examples))

    @property
    def adapter(self) -> Literal["lora", "embedding"]:
        """What kind of adapter comes of it."""
        return "embedding" if self.method.kind == "embedding" else "lora"


def load_training(data: Mapping[str, Any]) -> Training:
    """Read a training.

    Raises:
        TrainingRefused: the first thing in it that cannot be.
    """
    try:
        return Training.model_validate(data)
    except ValidationError as error:
        raise refusal(error, "a training") from error


def refusal(error: ValidationError, what: str) -> TrainingRefused:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return TrainingRefused(f"not {what}: {where}: {first['msg'].lower()}")


def spoken(caption: str, trigger: str, subject: str = "") -> str:
    """A caption that says the trigger: as it stands where it does already; else before the first
    word of ``subject`` that it says; else at its beginning, with the subject."""
    words = caption.strip()
    if re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", words, re.IGNORECASE):
        return words
    if subject:
        found = re.search(rf"(?<!\w){re.escape(subject)}(?!\w)", words, re.IGNORECASE)
        if found is not None:
            return f"{words[: found.start()]}{trigger} {words[found.start() :]}"
    named = f"{trigger} {subject}".strip()
    return f"{named}, {words}" if words else named


def without_trigger(words: str, trigger: str) -> str:
    """A caption or prompt as it is put to a model that was not taught: the trigger left out."""
    own = set(trigger.lower().split())
    return " ".join(word for word in words.split() if word.strip(",.;:").lower() not in own)
