"""What runs along the wires of a graph while it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

from PIL import Image

from maquette.core.version import Version
from maquette.errors import RecipeRefused

__all__ = [
    "Control",
    "Guider",
    "Latent",
    "Model",
    "Net",
    "Part",
    "Schedule",
    "Shot",
    "Shots",
    "Words",
]


@dataclass(frozen=True)
class Shot:
    """A picture (RGB): of a ``version``, or altered since and ``of`` one, by ``how``; ``data`` is
    the file that was uploaded, where it began with one. Most that are drawn are saved as they are,
    so a version's may be given as a function, which opens it when somebody looks."""

    picture: Image.Image | Callable[[], Image.Image]
    version: Version | None = None
    of: Version | None = None
    how: tuple[str, ...] = ()
    data: bytes | None = None

    @cached_property
    def image(self) -> Image.Image:
        """Its pixels. May block."""
        return self.picture if isinstance(self.picture, Image.Image) else self.picture()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        size = None if self.version is None else self.version.size
        return self.image.size if size is None else (size.width, size.height)

    def altered(self, image: Image.Image, how: str) -> Shot:
        """This picture after something was done to its pixels."""
        of = self.version or self.of
        return Shot(image.convert("RGB"), None, of, (*self.how, how), self.data)


Shots: TypeAlias = tuple[Shot, ...]


@dataclass(frozen=True)
class Model:
    """A model by name (None: the default), with the LoRAs on its network and on its words."""

    name: str | None
    loras: tuple[tuple[str, float], ...] = ()
    told: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Part:
    """Words at a weight of their own, beside others (``AND``)."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Net:
    """A control network by name, and of a union what it is told that its map is."""

    name: str
    type: str = ""


@dataclass(frozen=True)
class Control:
    """A structure to obey: which network, its map, how strongly and when."""

    network: Net
    shot: Shot
    strength: float
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Words:
    """A conditioning: words, learned words, controls, distilled guidance."""

    parts: tuple[Part, ...]
    model: Model
    embeddings: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    guidance: float | None = None

    @property
    def text(self) -> str:
        """As one prompt of the dialect."""
        if len(self.parts) == 1:
            return self.parts[0].text
        return " AND ".join(f"{part.text} :{part.weight:g}" for part in self.parts)

    def with_(self, *controls: Control) -> Words:
        """The same under more controls."""
        return replace(self, controls=(*self.controls, *controls))

    def beside(self, other: Words) -> Words:
        """Both together, each counting as much as the number of its parts."""
        parts = (*self.parts, *other.parts)
        even = tuple(Part(part.text, round(1 / len(parts), 4)) for part in parts)
        return self._joined(other, even)

    def after(self, other: Words) -> Words:
        """Both one after the other."""
        if len(self.parts) != 1 or len(other.parts) != 1:
            raise RecipeRefused("combined conditionings cannot be put one after the other")
        return self._joined(other, (Part(f"{self.text} BREAK {other.text}"),))

    def _joined(self, other: Words, parts: tuple[Part, ...]) -> Words:
        names = tuple(dict.fromkeys((*self.embeddings, *other.embeddings)))
        controls = (*self.controls, *(each for each in other.controls if each not in self.controls))
        guidance = self.guidance if self.guidance is not None else other.guidance
        return Words(parts, self.model, names, controls, guidance)


@dataclass(frozen=True)
class Latent:
    """What a drawing starts from: an empty canvas of a size, ``count`` times; or pictures, with a
    ``mask`` (white = draw here) and, where they were enlarged as latents, the ``size`` to draw.

    ``fresh`` means that nothing of what the mask covers is to be kept.
    """

    size: tuple[int, int]
    count: int = 1
    shots: Shots = ()
    mask: Image.Image | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Schedule:
    """How a drawing goes: ``strength`` is the share of the way that it takes."""

    scheduler: str
    steps: int
    strength: float = 1.0
    sampler: str = ""
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Guider:
    """A model with its words and how closely they are followed."""

    model: Model
    positive: Words
    negative: Words | None
    guidance: float
