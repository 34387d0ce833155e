"""The brief: what a campaign is to make, as a person writes it down.

Every key is checked before anything is drawn; what is not a key is refused with the nearest that
is. A brief may extend another one (``extends: base.yaml``), whose keys it replaces.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from maquette.core.recipe import MAX_SEED
from maquette.errors import BriefRefused
from maquette.stages.plan.naming import files_in, names_in
from maquette.stages.plan.parts import (
    Baseline,
    BoardItem,
    Budget,
    Deliver,
    Drafts,
    Part,
    Pause,
    Polish,
    Prices,
    Refine,
    Select,
    Steer,
    Template,
    Text,
    Train,
)

__all__ = ["Brief", "make_brief", "read_brief"]

MOST_EXTENDED = 16
OTHERWISE = frozenset(
    {"prompt", "prompts", "template", "negative", "drafts", "select", "refine", "polish"}
)
"""The keys that ``otherwise`` may replace: what is drawn and how, not where it goes."""


class Brief(Part):
    """A campaign from its words to its files.

    ``otherwise`` holds keys that replace its own where the model has no network for a control or
    reference of ``drafts``: those are left out then, and the rest of the brief stays. Without it
    such a brief is refused.
    """

    campaign: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    purpose: Text = ""
    prompts: tuple[Text, ...] = Field(default=(), max_length=1000)
    template: Template | None = None
    negative: Text = ""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    size: tuple[int, int] | None = None
    board: tuple[BoardItem, ...] = Field(default=(), max_length=100)
    train: Train | None = None
    drafts: Drafts = Drafts()
    select: Select = Select()
    refine: Refine = Refine()
    polish: Polish = Polish()
    deliver: Deliver = Deliver()
    budget: Budget = Budget()
    prices: Prices = Prices()
    baseline: Baseline = Baseline()
    pause: tuple[Pause, ...] = ()
    otherwise: dict[str, Any] | None = None

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
        for key in self.otherwise or ():
            if key not in OTHERWISE:
                raise ValueError(f"otherwise: '{key}' is none of {', '.join(sorted(OTHERWISE))}")
        learned = self.train
        if learned is not None:
            word = learned.method == "embedding"
            wrong, right = ("lora", "embedding") if word else ("embedding", "lora")
            if learned.name in getattr(self.drafts, wrong):
                kind = "a word" if word else "a LoRA"
                raise ValueError(
                    f"drafts.{wrong}: '{learned.name}' is learned as {kind}:"
                    f" name it in drafts.{right}"
                )
        return self

    @property
    def files(self) -> list[str]:
        """What it names outside the project, beside its playbook."""
        board = [item.file for item in self.board if item.file]
        taught = files_in(self.train.pictures) if self.train is not None else []
        own = board + taught + self.drafts.files + self.polish.files
        return own if self.otherwise is None else own + self.instead().files

    def instead(self, control: Sequence[Steer] = (), reference: Sequence[Steer] = ()) -> Brief:
        """The brief as ``otherwise`` has it, of its drafts' controls and references only these.

        Raises:
            BriefRefused: the two make no brief together.
        """
        told = self.model_dump(mode="json", exclude={"otherwise"})
        told["drafts"] |= {"control": list(control), "reference": list(reference)}
        if self.template is not None:  # rows keep what the maps would have taken
            told["template"]["spare"] = sorted(self.beside)
        return make_brief(_over(told, self.otherwise or {}), what="the brief with 'otherwise'")

    @property
    def beside(self) -> set[str]:
        """The values of rows that pictures, maps and edits take, beside the template's own."""
        start, steers = self.drafts.picture, (self.drafts.control, self.drafts.reference)
        begun = start.named if start is not None else ""
        spare = self.template.spare if self.template is not None else ()
        return names_in([self.polish.model_dump(), begun, steers]) | set(spare)

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
        brief = Brief.model_validate(given)
    except ValidationError as error:
        raise _told(error, what) from error
    if brief.otherwise is not None:
        brief.instead()  # whatever the model will be, the brief can be read
    return brief


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
