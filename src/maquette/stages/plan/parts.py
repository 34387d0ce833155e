"""The parts of a brief, each with its keys and what they may hold."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from maquette.core.grammar import MAX_LENGTH
from maquette.core.training import NAME
from maquette.stages.plan.naming import files_in, named_as_files

__all__ = [
    "EDITS",
    "Baseline",
    "BoardItem",
    "Budget",
    "Deliver",
    "Drafts",
    "Part",
    "Pause",
    "Polish",
    "Prices",
    "Refine",
    "Select",
    "Sheet",
    "Start",
    "Steer",
    "Template",
    "Text",
    "Train",
]

EDITS: Mapping[str, str] = {
    "composite": "layers",
    "inpaint": "box or token or mask, prompt, strength",
    "logo": "file or version, on or box or surface, size, shading",
    "outpaint": "left, top, right, bottom",
    "restore": "model, strength, box",
    "retouch": "exposure, temperature, contrast, curves, palette",
    "reweight": "weights",
    "upscale": "scale, method",
}
"""The verbs that a brief may carry out on its finals, with some of their keys."""

Quality = Literal["draft", "preview", "final"]
Pause = Literal["select", "approve"]
Text = Annotated[str, Field(max_length=MAX_LENGTH)]
Arguments = Annotated[dict[str, Any], BeforeValidator(named_as_files)]
Steer = Mapping[str, Any]
Steers = Annotated[tuple[Arguments, ...], Field(max_length=20)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class BoardItem(Part):
    """A reference on the mood board: one of ``file`` (beside the brief), ``link`` (https) and
    ``version`` (of this project), and what is to be taken from it."""

    file: str = ""
    link: str = ""
    version: str = ""
    note: str = Field(default="", max_length=1000)

    @model_validator(mode="after")
    def _one(self) -> BoardItem:
        if sum(map(bool, (self.file, self.link, self.version))) != 1:
            raise ValueError("give one of file, link and version")
        return self

    @property
    def source(self) -> str:
        """What names it."""
        return self.file or self.link or self.version


class Template(Part):
    """Where the drafts' words come from instead of ``prompts``: the ``text`` of a template, or the
    ``name`` of one in a ``playbook`` (a file beside the brief, or the name of a saved one).
    ``values`` hold for all; with ``rows`` each row's texts are taken in turn. ``spare`` are names
    of values that the template's words may leave alone."""

    text: Text = ""
    name: str = Field(default="", max_length=200)
    playbook: str = Field(default="", max_length=1000)
    values: dict[str, str] = Field(default_factory=dict[str, str], max_length=1000)
    rows: tuple[dict[str, str], ...] = Field(default=(), max_length=1000)
    spare: tuple[str, ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _one(self) -> Template:
        if bool(self.text) == bool(self.playbook) or bool(self.name) != bool(self.playbook):
            raise ValueError("give a text, or the name of a template and its playbook")
        return self


class Start(Part):
    """A picture that drafts begin from, by image-to-image: its ``file`` beside the brief or a
    ``version``; ``strength`` (0 keeps it, 1 ignores it), or several that take turns."""

    file: str = ""
    version: str = ""
    strength: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.7,), min_length=1, max_length=100
    )

    @model_validator(mode="before")
    @classmethod
    def _several(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"file": given}
        if isinstance(given, Mapping) and isinstance(given.get("strength"), int | float):
            return {**given, "strength": (given["strength"],)}
        return given

    @model_validator(mode="after")
    def _one(self) -> Start:
        if bool(self.file) == bool(self.version):
            raise ValueError("give a file or a version")
        return self

    @property
    def named(self) -> dict[str, str]:
        """The picture, as ``naming.shown`` reads it."""
        return {"file": self.file} if self.file else {"version": self.version}


class Train(Part):
    """What is learned first: an adapter ``name`` from ``pictures`` (files and folders beside the
    brief, captions in text files of the same names, or ``{version: 3f2a}``), or from a ``dataset``
    that was curated in the project; by ``method``. ``subject`` says in words that the model knows
    what they show, ``trigger`` the word that will stand for it (default: the name). Drafts use it
    by ``drafts.lora`` or ``drafts.embedding``."""

    name: str = Field(pattern=rf"^{NAME.pattern}$")
    pictures: tuple[dict[str, str], ...] = Field(default=(), max_length=1000)
    dataset: str = Field(default="", pattern=rf"^({NAME.pattern})?$")
    subject: str = Field(default="", max_length=200)
    trigger: str = Field(default="", max_length=60)
    method: Literal["lora", "dreambooth", "embedding"] = "lora"
    steps: int | None = Field(default=None, ge=1, le=100_000)
    seed: int = Field(default=0, ge=0)
    licence: str = Field(default="", max_length=200)

    @field_validator("pictures", mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            return given
        return [{"file": each} if isinstance(each, str) else each for each in given]

    @model_validator(mode="after")
    def _one(self) -> Train:
        if bool(self.pictures) == bool(self.dataset):
            raise ValueError("give pictures, or a dataset of the project, and not both")
        if any(set(each) not in ({"file"}, {"version"}) for each in self.pictures):
            raise ValueError("a picture to learn from is a file, a folder or a version")
        return self


class Drafts(Part):
    """How many drafts, shared evenly among the prompts, and how they are drawn: from noise, or
    from a ``picture``; steered by ``control``, ``reference``, ``lora`` and ``embedding`` (the
    arguments of generate, a picture as ``file`` or ``version``)."""

    count: int = Field(default=30, ge=1, le=1000)
    quality: Quality = "draft"
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=50)
    picture: Start | None = None
    control: Steers = ()
    reference: Steers = ()
    lora: dict[str, float] = Field(default_factory=dict[str, float], max_length=20)
    embedding: dict[str, str] = Field(default_factory=dict[str, str], max_length=20)

    @property
    def steered(self) -> bool:
        """Whether anything beside words decides what they show."""
        steers = (self.control, self.reference, self.lora, self.embedding)
        return self.picture is not None or any(steers)

    @property
    def files(self) -> list[str]:
        """What it names outside the project."""
        asked = self.model_dump(include={"control", "reference", "lora", "embedding"})
        start = files_in(self.picture.named) if self.picture is not None else []
        return start + files_in(asked)


class Select(Part):
    """How many drafts are finished."""

    count: int = Field(default=5, ge=1, le=100)


class Refine(Part):
    """How the chosen are finished: from the drawing that the draft kept, after the share
    ``begin`` of its steps."""

    quality: Quality = "final"
    begin: float = Field(default=0.5, ge=0, le=1)
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=50)


class Polish(Part):
    """What is done to the finished: faults mended until the score ``until`` with at most ``steps``
    versions each, another shape by outpainting (``4:5``), light and colour (the arguments of
    retouch), more pixels, a logo (its ``file`` beside the brief, or a ``version``, and the
    arguments of logo); then ``edits``, one after the other, each a verb and its arguments.

    ``${name}`` in them is a value of the template's row that the draft came from. With ``each``
    every final goes out once for each of these rows of values: ten scenes and five garments are
    fifty pictures.
    """

    until: float = Field(default=0.8, ge=0, le=1)
    steps: int = Field(default=2, ge=0, le=100)
    aspect: str = Field(default="", pattern=r"^([1-9]\d{0,3}:[1-9]\d{0,3})?$")
    upscale: float | None = Field(default=None, gt=1, le=8)
    retouch: Arguments = Field(default_factory=dict[str, Any])
    logo: Arguments = Field(default_factory=dict[str, Any])
    edits: tuple[Arguments, ...] = Field(default=(), max_length=40)
    each: tuple[dict[str, str], ...] = Field(default=(), max_length=1000)

    @property
    def files(self) -> list[str]:
        """What it names outside the project."""
        return files_in([self.retouch, self.logo, *self.edits])

    @model_validator(mode="after")
    def _one_logo(self) -> Polish:
        if self.logo and (("file" in self.logo) == ("version" in self.logo)):
            raise ValueError("a logo is a file or a version")
        for number, edit in enumerate(self.edits, start=1):
            if len(edit) != 1 or not isinstance(next(iter(edit.values())), Mapping):
                raise ValueError(f"edit {number} is not one verb with its arguments")
            (verb,) = edit
            if verb not in EDITS:
                near = difflib.get_close_matches(str(verb), EDITS, n=1)
                known = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(EDITS)}"
                raise ValueError(f"edit {number}: no verb '{verb}'; {known}")
        return self


class Sheet(Part):
    """All that is delivered on one page, in the order of a template's rows: so many ``columns``,
    pictures ``cell`` pixels wide (None: as wide as the first), ``gap`` pixels between them, a
    ``name`` below each (with its row's values: ``${product}``), on a ``ground``."""

    columns: int = Field(default=4, ge=1, le=64)
    cell: int | None = Field(default=None, ge=16, le=4096)
    gap: int = Field(default=12, ge=0, le=400)
    ground: str = Field(default="#ffffff", pattern=r"^#[0-9a-fA-F]{6}$")
    name: str = Field(default="", max_length=100)


class Deliver(Part):
    """Where the files go (a folder beside the brief unless absolute), how they are marked, and
    whether a ``sheet`` shows all of them on one page."""

    folder: str = "delivered"
    format: Literal["png", "jpeg", "webp", "avif"] = "png"
    quality: int = Field(default=92, ge=1, le=100)
    sign: bool = True
    prompts: bool = True
    sheet: Sheet | None = None


class Budget(Part):
    """The most that may be spent; a stage that would go beyond it is not begun."""

    seconds: float | None = Field(default=None, gt=0)
    money: Decimal | None = Field(default=None, gt=0)


class Prices(Part):
    """What a second of drawing on this machine costs, for the ledger. Services that bill say so
    themselves."""

    second: Decimal = Field(default=Decimal(0), ge=0)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class Baseline(Part):
    """What the ledger compares with: so many pictures drawn from nothing at a quality. ``count``
    0 means as many as there are drafts."""

    count: int = Field(default=0, ge=0, le=10_000)
    quality: Quality = "final"
