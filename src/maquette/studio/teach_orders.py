"""The order of a training: a dataset and how it is learned, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from maquette.core.dataset import Dataset
from maquette.core.training import (
    FEWEST,
    MOST,
    Course,
    DreamBooth,
    Inversion,
    Layers,
    LowRank,
    Method,
    Training,
    spoken,
)
from maquette.engines.base import Teachable
from maquette.errors import SettingRefused, TrainingRefused
from maquette.operations.settings import drawable_size
from maquette.stages.order import Order
from maquette.stages.teaching import next_name, place_for, taken
from maquette.studio.datasets import open_dataset

if TYPE_CHECKING:
    from maquette.studio.desk import Desk

__all__ = ["TeachOrders"]

SAMPLES = 4
"""Prompts of a sheet, where none are given."""


class TeachOrders:
    """The verb that teaches."""

    _desk: Desk

    def train(
        self,
        dataset: str | Path | Dataset,
        *,
        name: str | None = None,
        method: Literal["lora", "dreambooth", "embedding"] = "lora",
        trigger: str | None = None,
        subject: str | None = None,
        steps: int | None = None,
        rate: float | None = None,
        batch: int | None = None,
        rank: int = 16,
        layers: Layers | None = None,
        prior: int = 16,
        prior_weight: float = 1.0,
        vectors: int = 4,
        seed: int = 0,
        mirror: bool = True,
        size: tuple[int, int] | None = None,
        samples: Sequence[str] | None = None,
        sheet_every: int | None = None,
        licence: str | None = None,
        numbered: bool = False,
    ) -> Order:
        """Teach the model what the pictures of a dataset share.

        ``dataset`` is one by name, a folder of pictures, or the value itself. ``method`` is
        ``lora``; ``dreambooth``, which shows the model ``prior`` pictures of its own beside, of the
        subject (they count ``prior_weight``), so that it forgets less; or ``embedding``,
        a word of so many ``vectors`` that begins as ``subject``. ``rank`` and ``layers`` say how
        much of the network a LoRA changes. What is not given is as usual for the model.
        ``samples`` are prompts of the sheets, with the trigger; a sheet is drawn every
        ``sheet_every`` steps (0: only at the end). With ``numbered`` a name that another adapter
        has gets the next number that is free (``pim-2``). The job's result: ``{training, name,
        kind, adapter, identity, samples, sheet}``.

        Raises:
            TrainingRefused: too few pictures or too many, another adapter of that name, or a model
                that cannot be taught so.
            SettingRefused: for a number out of its range.
            PictureRefused, VersionUnknown: for a folder whose pictures cannot be read.
        """
        desk = self._desk
        engine, able = desk.engine(), desk.capabilities()
        if not isinstance(engine, Teachable) or able.model is None:
            raise TrainingRefused(
                f"the engine '{engine.name}' cannot be taught", hint="the engine 'diffusers' can"
            )
        found = open_dataset(desk, dataset)
        given = {"trigger": trigger, "subject": subject, "licence": licence}
        told = {key: value for key, value in given.items() if value is not None}
        found = Dataset.model_validate({**found.model_dump(), **told})
        enough(found)
        usual = engine.usual(method, len(found.used))
        course = _checked(
            Course,
            **usual.course.model_dump(exclude={"steps", "rate", "batch", "seed", "mirror"}),
            steps=steps if steps is not None else usual.course.steps,
            rate=rate if rate is not None else usual.course.rate,
            batch=batch if batch is not None else usual.course.batch,
            seed=seed,
            mirror=mirror,
        )
        word = found.trigger or found.name
        training = _checked(
            Training,
            name=name or found.name,
            model=able.model,
            size=drawable_size(able, size),
            trigger=word,
            method=_method(
                method,
                subject=found.subject,
                rank=rank,
                layers=layers or usual.layers,
                prior=prior,
                prior_weight=prior_weight,
                vectors=vectors,
            ),
            examples=found.examples,
            course=course,
            samples=_samples(found, word) if samples is None else tuple(samples),
            sheet_every=max(1, course.steps // 4) if sheet_every is None else sheet_every,
            licence=found.licence,
        )
        remarks = engine.check_training(training)
        while numbered and taken(training, desk.models):
            other = {**training.model_dump(), "name": next_name(training.name)}
            training = _checked(Training, **other)
        place_for(training, desk.models)
        digest = desk.blobs.put(training.canonical.encode("utf-8", "surrogatepass"))
        first = training.samples[0] if training.samples else word
        recipes = self.generate(  # type: ignore[attr-defined]
            first,
            seed=seed,
            size=size,
            quality="preview",
            maps=False,
            flags="none",
            interpreter="plain",
        ).recipes
        teaches = (
            f"{training.name}, {_KINDS[training.method.kind]} of {len(training.examples)} pictures"
        )
        asked = {"training": digest, "remarks": list(remarks), "teaches": teaches}
        return Order("train", recipes[:1], arguments=asked)


_KINDS = {"lora": "a LoRA", "dreambooth": "a LoRA by DreamBooth", "embedding": "a word"}


def enough(dataset: Dataset) -> None:
    """Refuse a dataset of too few pictures, or too many.

    Raises:
        TrainingRefused: with what was left out, and why.
    """
    used, every = len(dataset.used), len(dataset.entries)
    if used > MOST:
        raise TrainingRefused(
            f"{used} pictures are too many: a training takes {MOST}",
            hint="15 to 40 good ones teach a subject, 50 to 200 a style",
        )
    if used >= FEWEST:
        return
    left: dict[str, int] = {}
    for entry in dataset.entries:
        if not entry.used:
            why = next((r.name for r in entry.remarks if r.fatal), "left out by hand")
            left[why] = left.get(why, 0) + 1
    told = ", ".join(f"{count} {_SPELT.get(why, why)}" for why, count in sorted(left.items()))
    about = f" ({told})" if told else ""
    raise TrainingRefused(
        f"{used} of {every} pictures can be learned from{about}; at least {FEWEST} are needed",
        hint="15 to 40 that show it from other sides, in other places and light, are good",
    )


_SPELT = {
    "duplicate": "the same as another",
    "mirrored": "another one mirrored",
    "blur": "blurred",
    "small": "too small",
    "blank": "with nothing on them",
}


def _method(kind: str, *, subject: str, vectors: int, **how: Any) -> Method:
    if kind not in {"lora", "dreambooth", "embedding"}:
        raise SettingRefused(
            f"there is no method '{kind}'", hint="one of lora, dreambooth, embedding"
        )
    if kind != "lora" and not subject:
        raise TrainingRefused(
            f"{kind} begins from what the model knows, and nothing says what that is",
            hint="say what it is in one or two of the model's words: --subject mascot",
        )
    if kind == "embedding":
        return _checked(Inversion, vectors=vectors, initial=subject)
    if kind == "dreambooth":
        return _checked(DreamBooth, subject=subject, **how)
    return _checked(LowRank, rank=how["rank"], layers=how["layers"])


def _samples(dataset: Dataset, trigger: str) -> tuple[str, ...]:
    """Captions of the dataset, evenly picked."""
    captions = list(dict.fromkeys(dataset.caption_of(entry) for entry in dataset.used))
    count = min(SAMPLES, len(captions))
    picked = [captions[number * len(captions) // count] for number in range(count)]
    return tuple(spoken(text, trigger) for text in picked)


def _checked(kind: Any, **values: Any) -> Any:
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or kind.__name__.lower()
        raise SettingRefused(
            f"{where} {first.get('input', '')!r:.60} is refused: {first['msg'].lower()}"
        ) from error
