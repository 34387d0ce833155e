"""The brief: what a campaign is to make, as a person writes it down.

Every key is checked before anything is drawn; what is not a key is refused with the nearest that
is. A brief may extend another one (``extends: base.yaml``), whose keys it replaces.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maquette.core.grammar import MAX_LENGTH
from maquette.core.recipe import MAX_SEED
from maquette.errors import BriefRefused

__all__ = [
    "Baseline",
    "BoardItem",
    "Brief",
    "Budget",
    "Deliver",
    "Drafts",
    "Polish",
    "Prices",
    "Refine",
    "Select",
    "Template",
    "make_brief",
    "read_brief",
]

MOST_EXTENDED = 16

Quality = Literal["draft", "preview", "final"]
Pause = Literal["select", "approve"]
Text = Annotated[str, Field(max_length=MAX_LENGTH)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class BoardItem(_Part):
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


class Template(_Part):
    """Where the drafts' words come from instead of ``prompts``: the ``text`` of a template, or the
    ``name`` of one in a ``playbook`` (a file beside the brief, or the name of a saved one).
    ``values`` hold for all; with ``rows`` each row's texts are taken in turn."""

    text: Text = ""
    name: str = Field(default="", max_length=200)
    playbook: str = Field(default="", max_length=1000)
    values: dict[str, str] = Field(default_factory=dict[str, str], max_length=1000)
    rows: tuple[dict[str, str], ...] = Field(default=(), max_length=1000)

    @model_validator(mode="after")
    def _one(self) -> Template:
        if bool(self.text) == bool(self.playbook) or bool(self.name) != bool(self.playbook):
            raise ValueError("give a text, or the name of a template and its playbook")
        return self


class Drafts(_Part):
    """How many drafts, shared evenly among the prompts, and how they are drawn."""

    count: int = Field(default=30, ge=1, le=1000)
    quality: Quality = "draft"
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=50)


class Select(_Part):
    """How many drafts are finished."""

    count: int = Field(default=5, ge=1, le=100)


class Refine(_Part):
    """How the chosen are finished: from the drawing that the draft kept, after the share
    ``begin`` of its steps."""

    quality: Quality = "final"
    begin: float = Field(default=0.5, ge=0, le=1)
    steps: int | None = Field(default=None, ge=1, le=1000)
    guidance: float | None = Field(default=None, ge=0, le=50)


class Polish(_Part):
    """What is done to the finished: faults mended until the score ``until`` with at most ``steps``
    versions each, another shape by outpainting (``4:5``), more pixels, light and colour (the
    arguments of retouch), a logo (its ``file`` beside the brief, or a ``version``, and the
    arguments of logo)."""

    until: float = Field(default=0.8, ge=0, le=1)
    steps: int = Field(default=2, ge=0, le=100)
    aspect: str = Field(default="", pattern=r"^([1-9]\d{0,3}:[1-9]\d{0,3})?$")
    upscale: float | None = Field(default=None, gt=1, le=8)
    retouch: dict[str, Any] = Field(default_factory=dict[str, Any])
    logo: dict[str, Any] = Field(default_factory=dict[str, Any])

    @property
    def files(self) -> list[str]:
        """What it names outside the project."""
        named = [self.logo.get("file"), *(self.retouch.get(key) for key in ("palette", "mask"))]
        return [str(each) for each in named if each is not None]

    @model_validator(mode="after")
    def _one_logo(self) -> Polish:
        if self.logo and (("file" in self.logo) == ("version" in self.logo)):
            raise ValueError("a logo is a file or a version")
        return self


class Deliver(_Part):
    """Where the files go (a folder beside the brief unless absolute), and how they are marked."""

    folder: str = "delivered"
    format: Literal["png", "jpeg", "webp", "avif"] = "png"
    quality: int = Field(default=92, ge=1, le=100)
    sign: bool = True
    prompts: bool = True


class Budget(_Part):
    """The most that may be spent; a stage that would go beyond it is not begun."""

    seconds: float | None = Field(default=None, gt=0)
    money: Decimal | None = Field(default=None, gt=0)


class Prices(_Part):
    """What a second of drawing on this machine costs, for the ledger. Services that bill say so
    themselves."""

    second: Decimal = Field(default=Decimal(0), ge=0)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")


class Baseline(_Part):
    """What the ledger compares with: so many pictures drawn from nothing at a quality. ``count``
    0 means as many as there are drafts."""

    count: int = Field(default=0, ge=0, le=10_000)
    quality: Quality = "final"


class Brief(_Part):
    """A campaign from its words to its files."""

    campaign: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    purpose: Text = ""
    prompts: tuple[Text, ...] = Field(default=(), max_length=1000)
    template: Template | None = None
    negative: Text = ""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    size: tuple[int, int] | None = None
    board: tuple[BoardItem, ...] = Field(default=(), max_length=100)
    drafts: Drafts = Drafts()
    select: Select = Select()
    refine: Refine = Refine()
    polish: Polish = Polish()
    deliver: Deliver = Deliver()
    budget: Budget = Budget()
    prices: Prices = Prices()
    baseline: Baseline = Baseline()
    pause: tuple[Pause, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Brief:
        if self.select.count > self.drafts.count:
            raise ValueError(
                f"select.count: {self.select.count} cannot be chosen of {self.drafts.count} drafts"
            )
        if bool(self.prompts) == (self.template is not None):
            raise ValueError("prompts: give prompts, or a template, and not both")
        if not all(prompt.strip() for prompt in self.prompts):
            raise ValueError("prompts: one of them is empty")
        return self

    @property
    def first_seed(self) -> int:
        """The seed of the first draft: the brief's, or one that its name decides."""
        if self.seed is not None:
            return self.seed
        named = hashlib.sha256(f"campaign {self.campaign}".encode()).digest()
        return int.from_bytes(named[:4], "big")


def make_brief(data: Mapping[str, Any], *, what: str = "the brief") -> Brief:
    """A brief of plain values. ``prompt`` may stand for ``prompts`` with one, and a size may be
    written ``256x256``.

    Raises:
        BriefRefused: an unknown key, a value out of its range, a budget of zero.
    """
    given = dict(data)
    if "prompt" in given:
        if "prompts" in given:
            raise BriefRefused(f"{what} has both 'prompt' and 'prompts'", hint="keep one of them")
        given["prompts"] = [given.pop("prompt")]
    if isinstance(size := given.get("size"), str):
        given["size"] = size.lower().split("x")
    if isinstance(pause := given.get("pause"), str):
        given["pause"] = [pause]
    try:
        return Brief.model_validate(given)
    except ValidationError as error:
        raise _told(error, what) from error


def read_brief(
    path: Path, read: Callable[[bytes, str], Mapping[str, Any]], *, _seen: tuple[Path, ...] = ()
) -> Brief:
    """The brief in a file; ``read`` turns its bytes into plain values.

    Raises:
        BriefRefused: it cannot be read, is no brief, or extends itself in the end.
    """
    return make_brief(_merged(path, read, ()), what=path.name)


def _merged(
    path: Path, read: Callable[[bytes, str], Mapping[str, Any]], seen: tuple[Path, ...]
) -> dict[str, Any]:
    here = path.resolve()
    if here in seen or len(seen) >= MOST_EXTENDED:
        trail = " → ".join(each.name for each in (*seen, here))
        raise BriefRefused(f"briefs that extend one another in a circle: {trail}")
    try:
        own = dict(read(path.read_bytes(), path.name))
    except OSError as error:
        raise BriefRefused(
            f"cannot read {path}: {error.strerror or error}", hint="check the brief's path"
        ) from error
    base = own.pop("extends", None)
    if base is None:
        return own
    if not isinstance(base, str):
        raise BriefRefused(f"{path.name}: extends names a file")
    return _over(_merged(here.parent / base, read, (*seen, here)), own)


def _over(base: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` laid over ``base``; parts are joined key by key, lists are replaced."""
    merged = dict(base)
    for key, value in own.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, Mapping):
            value = _over(under, value)  # noqa: PLW2901
        merged[key] = value
    return merged


def _told(error: ValidationError, what: str) -> BriefRefused:
    """The first fault in one line."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    where = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _keys(place[:-1])
        near = difflib.get_close_matches(place[-1], known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"keys here: {', '.join(known)}"
        return BriefRefused(f"{what}: '{where}' is no key of a brief", hint=hint)
    if first["type"] == "missing":
        return BriefRefused(f"{what}: '{where}' is missing")
    if place[:1] == ["budget"]:
        return BriefRefused(
            f"{what}: {where} {first['input']!r} allows nothing",
            hint="leave the budget out, or give what may be spent",
        )
    said = first["msg"].removeprefix("Value error, ")
    return BriefRefused(f"{what}: {f'{where}: ' if where else ''}{said}")


def _keys(place: list[str]) -> list[str]:
    model: Any = Brief
    for part in place:
        if part.isdigit():
            continue
        kind = model.model_fields[part].annotation if part in model.model_fields else None
        model = {"board": BoardItem, "template": Template}.get(part, kind)
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return sorted(model.model_fields)
