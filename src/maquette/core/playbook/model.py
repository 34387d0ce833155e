"""What a playbook is: a brand's documented, versioned collection of templates, as a frozen value.

It is written by people (YAML, read by ``exchange/playbooks.py``), so whatever is not known in it is
refused with its place and the nearest word that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from maquette.core.canonical import digest_of
from maquette.core.template import MAX_TEMPLATE, is_name
from maquette.errors import TemplateRefused

__all__ = [
    "Card",
    "Chain",
    "Example",
    "FromStep",
    "Playbook",
    "Quality",
    "ReferenceNote",
    "Step",
    "VariableCard",
    "load_playbook",
]

Quality = Literal["draft", "preview", "final"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")]
"""Names that fit in a command, an address and a file."""

Prose = Annotated[str, Field(max_length=4_000)]
Words = Annotated[str, Field(max_length=MAX_TEMPLATE)]


class Part(BaseModel):
    """Part of a playbook: frozen, refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VariableCard(Part):
    """What a variable of a template is for, what it is when nothing is given, and what it may be
    (None: anything)."""

    about: Prose = ""
    default: str | None = None
    one_of: tuple[str, ...] | None = None


class Example(Part):
    """Values, and the texts that the template must give for them.

    ``expect`` is the text of this ``seed``, or all texts where it is a list. ``holds`` and
    ``lacks`` are words that every text must or must not hold.
    """

    about: Prose = ""
    values: dict[str, str] = Field(default_factory=dict[str, str])
    seed: int = Field(default=0, ge=0)
    expect: str | tuple[str, ...] | None = None
    count: int | None = Field(default=None, ge=1)
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


class ReferenceNote(Part):
    """A picture that the brand's pictures are to be like: where it is, and what to take from it."""

    role: Literal["style", "character", "object", "face", "mood"] = "style"
    picture: str = Field(max_length=500)
    note: Prose = ""


class Card(Part):
    """A template with what people need to know of it. Empty settings are the playbook's."""

    template: Words
    purpose: Prose = ""
    when: Prose = ""
    variables: dict[str, VariableCard] = Field(default_factory=dict[str, VariableCard])
    locked: tuple[str, ...] = ()
    negative: Words = ""
    quality: Quality | None = None
    size: tuple[int, int] | None = None
    examples: tuple[Example, ...] = ()

    @field_validator("variables")
    @classmethod
    def _named(cls, given: dict[str, VariableCard]) -> dict[str, VariableCard]:
        for name in given:
            if not is_name(name):
                raise ValueError(f"'{name[:60]}' is no name for a variable")
        return given


class FromStep(Part):
    """A value that comes from what an earlier step of a chain has picked: its whole prompt, or
    the value that a variable had there."""

    step: Name
    take: str = Field(default="prompt", max_length=100)


class Step(Part):
    """One step of a chain: fill a template, or take an earlier step's words with some phrases
    replaced; draw ``n`` pictures; pick one to go on from."""

    name: Name
    template: Name | None = None
    words_of: Name | None = None
    replace: dict[str, str] = Field(default_factory=dict[str, str])
    values: dict[str, str | FromStep] = Field(default_factory=dict[str, str | FromStep])
    n: int = Field(default=1, ge=1, le=100)
    quality: Quality = "draft"
    same_seed: bool = False
    pick: Literal["best", "first"] = "best"


class Chain(Part):
    """Prompts that are made from the results of earlier ones."""

    purpose: Prose = ""
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]


class Playbook(Part):
    """Templates, words and rules of one brand. ``playbook`` is the version of this format."""

    playbook: Literal[1]
    name: Name
    version: str = Field(min_length=1, max_length=40)
    purpose: Prose = ""
    when: Prose = ""
    locked: tuple[str, ...] = ()
    negative: Words = ""
    quality: Quality = "final"
    size: tuple[int, int] | None = None
    wildcards: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    references: tuple[ReferenceNote, ...] = ()
    templates: Annotated[dict[Name, Card], Field(min_length=1, max_length=500)]
    chains: dict[Name, Chain] = Field(default_factory=dict[str, Chain])

    @field_validator("version", mode="before")
    @classmethod
    def _as_text(cls, given: object) -> object:
        # 'version: 1.2' is a number to YAML and a version to everybody else.
        plain = isinstance(given, int | float) and not isinstance(given, bool)
        return str(given) if plain else given

    @field_validator("wildcards", mode="before")
    @classmethod
    def _flat(cls, given: object) -> object:
        """Lists in lists of names: ``colours: {warm: [red]}`` is the wildcard ``colours/warm``."""
        return dict(_flattened(given, "", 0)) if isinstance(given, dict) else given  # pyright: ignore[reportUnknownArgumentType]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its canonical JSON."""
        return digest_of(self.model_dump(mode="json"))

    def card(self, name: str) -> Card:
        """A template by name.

        Raises:
            TemplateRefused: naming those that there are.
        """
        if name not in self.templates:
            near = get_close_matches(name, self.templates, n=1)
            raise TemplateRefused(
                f"playbook '{self.name}' has no template '{name[:60]}'",
                hint=f"did you mean '{near[0]}'?"
                if near
                else f"it has {', '.join(self.templates)}"[:500],
            )
        return self.templates[name]


def _flattened(given: Mapping[Any, Any], before: str, depth: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in given.items():
        inside: Any = value
        if isinstance(value, dict) and depth < 8:
            found += _flattened(inside, f"{before}{key}/", depth + 1)
        else:
            found.append((f"{before}{key}", inside))
    return found


def load_playbook(data: Mapping[str, Any], what: str = "the playbook") -> Playbook:
    """A playbook from plain values.

    Raises:
        TemplateRefused: the first thing that is not as it should be, with its place.
    """
    try:
        return Playbook.model_validate(dict(data))
    except ValidationError as error:
        raise TemplateRefused(
            f"{what}, {_fault(error)}", hint="docs/prompts.md shows a whole playbook"
        ) from error


def _fault(error: ValidationError) -> str:
    faults = error.errors()
    # A value may be of two kinds: the key that is not known says more than 'this is no text'.
    first = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
    # Sides of a choice between types are no place in the file.
    path = [str(part) for part in first["loc"] if "[" not in str(part) and part not in _SIDES]
    where = ".".join(path) or "top"
    if first["type"] == "extra_forbidden":
        near = get_close_matches(path[-1], _KEYS, n=1)
        return f"{where}: unknown key" + (f"; did you mean '{near[0]}'?" if near else "")
    if first["type"] == "missing":
        return f"{where}: missing"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


_SIDES = frozenset({"str", "FromStep", "function-before", "constrained-str"})
_KEYS = sorted(
    {
        name
        for part in (Playbook, Card, Chain, Step, FromStep, Example, VariableCard, ReferenceNote)
        for name in part.model_fields
    }
)
