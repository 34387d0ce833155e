"""A training carried out: learn, keep the adapter, draw with it, measure, write the guide.

Everything that is done is found again after an interruption: the engine's own state, the installed
adapter, the sample versions (whose recipes are known by then). So the same call goes on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from maquette.core.canonical import sha256_hex
from maquette.core.likeness import among, likeness
from maquette.core.picture import decode_picture, encode_png
from maquette.core.raster import side_by_side
from maquette.core.training import Training, without_trigger
from maquette.core.value import ModelRef
from maquette.core.version import Version
from maquette.engines.base import (
    Adapting,
    Cancel,
    Event,
    Learned,
    Lesson,
    Preview,
    Progress,
    Sheet,
    Teachable,
)
from maquette.errors import (
    Cancelled,
    EngineFailed,
    ProjectUnreadable,
    RecipeRefused,
    TrainingRefused,
)
from maquette.stages.hands import Hands
from maquette.stages.order import Order
from maquette.stages.teaching.guide import guide_of
from maquette.stages.teaching.report import (
    Identity,
    Report,
    card_of,
    mean_losses,
)
from maquette.storage.base import Blobs, Queue
from maquette.storage.trainings import Trainings

__all__ = ["ORIGIN", "Teacher", "next_name", "place_for", "study", "taken"]

FOLDERS = {"lora": "loras", "embedding": "embeddings"}
ORIGIN = "training"
"""The key of an origin that names the training that a version is a sample of."""

CARD, GUIDE, SHEET = "ADAPTER.json", "guide.md", "sheet.png"
LOOK = 1.0
"""Seconds between two looks at whether something more urgent waits."""
COMPARED = 16
"""Examples that samples are compared with at most."""


class Teacher(Hands, Protocol):
    """What a training needs of the studio."""

    cancel: Cancel
    on_event: Callable[[Event], None] | None

    @property
    def queue(self) -> Queue:
        """What waits."""
        ...

    @property
    def training_files(self) -> Trainings:
        """Where trainings keep what they have learned."""
        ...

    @property
    def models(self) -> Path:
        """The folder of models, into which adapters go."""
        ...


class _Pictures(Mapping[str, Image.Image]):
    """Pictures by digest, each decoded when it is asked for: a thousand do not fit in memory."""

    def __init__(self, digests: Sequence[str], blobs: Blobs) -> None:
        self._digests, self._blobs = digests, blobs

    def __getitem__(self, digest: str) -> Image.Image:
        return decode_picture(self._blobs.get(digest), name="an example")

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)


def place_for(training: Training, models: Path) -> Path:
    """The folder that the adapter will be in.

    Raises:
        TrainingRefused: another adapter has that name. Recipes know it by its digest, so it is not
            replaced.
    """
    if taken(training, models):
        raise TrainingRefused(
            f"there is an adapter '{training.name}' already, and pictures may depend on it",
            hint="choose another name, such as " + next_name(training.name),
        )
    return models / FOLDERS[training.adapter] / training.name


def taken(training: Training, models: Path) -> bool:
    """Whether another adapter has a training's name; what came of the training itself may."""
    place = models / FOLDERS[training.adapter] / training.name
    if not place.exists() and not place.with_name(f"{place.name}.safetensors").exists():
        return False
    try:
        told = json.loads((place / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    return not isinstance(told, dict) or told.get("training") != training.digest


def next_name(name: str) -> str:
    """The name after this one: ``pim``, ``pim-2``, ``pim-3``."""
    head, _, number = name.rpartition("-")
    return f"{head}-{int(number) + 1}" if head and number.isdigit() else f"{name}-2"


def study(
    training: Training, hands: Teacher, *, priority: int | None = None, maker: str = "maquette"
) -> Report:
    """Carry a training out, or go on with it; what came of it.

    With a ``priority`` it gives way to jobs that are more urgent: it stops like one that is
    cancelled, everything learned kept.

    Raises:
        TrainingRefused: the model cannot be taught so, or the name is taken.
        Cancelled: what was learned is kept; the same call goes on.
        EngineFailed, StorageFull, ProjectUnreadable.
    """
    files, digest = hands.training_files, training.digest
    if (done := files.report(digest)) is not None:
        return Report.model_validate(done)
    engine = hands.engine_of(_sampled(training, hands, "x").recipes[0])
    if not isinstance(engine, Teachable):
        raise TrainingRefused(
            f"the engine '{engine.name}' cannot be taught", hint="the engine 'diffusers' can"
        )
    engine.check_training(training)
    place = place_for(training, hands.models)
    folder = files.begin(digest, training.model_dump(mode="json"))
    learned = _learn(engine, training, hands, folder, priority)
    ref = _install(engine, training, learned, place)
    losses = {
        line["step"]: line["loss"]
        for line in files.lines(digest)
        if isinstance(line.get("loss"), int | float)
    }
    first, last = mean_losses([loss for _, loss in sorted(losses.items())])
    report = Report(
        training=digest,
        name=training.name,
        kind=training.adapter,
        adapter=ref,
        trigger=training.trigger,
        licence=training.licence,
        parameters=learned.parameters,
        steps=training.course.steps,
        seconds=round(learned.seconds, 1),
        loss_first=first,
        loss_last=last,
    )
    report = _shown(engine, training, hands, report)
    guide = guide_of(training, report, engine.capabilities().vocabulary)
    report = report.model_copy(update={"guide": guide})
    _describe(place, training, report, hands, maker)
    files.finish(digest, report.model_dump(mode="json"))
    return report


# --- Learning -----------------------------------------------------------------------------------


def _learn(
    engine: Teachable, training: Training, hands: Teacher, folder: Path, priority: int | None
) -> Learned:
    inputs = _Pictures(training.inputs, hands.blobs)
    urgent = _Urgency(hands.queue, priority)
    learned: Learned | None = None
    for event in engine.teach(training, inputs, folder, cancel=hands.cancel):
        match event:
            case Lesson(step=step, steps=steps, loss=loss):
                line = {"step": step, "loss": round(loss, 6)}
                hands.training_files.note(training.digest, line)
                _tell(hands, Progress(0, step, steps))
                if step < steps and urgent.waits():
                    hands.cancel.set()
            case Sheet(step=step, image=image):
                kept = hands.blobs.put(encode_png(image))
                hands.training_files.note(training.digest, {"step": step, "sheet": kept})
                _tell(hands, Preview(0, step, image))
            case Learned():
                learned = event
    if learned is None:
        raise EngineFailed(f"the engine '{engine.name}' ended without an adapter")
    return learned


def _tell(hands: Teacher, event: Event) -> None:
    if hands.on_event is not None:
        hands.on_event(event)


class _Urgency:
    """Whether something more urgent has been waiting for a while, and nobody else has taken it."""

    def __init__(self, queue: Queue, priority: int | None) -> None:
        self._queue, self._priority = queue, priority
        self._looked = time.monotonic()
        self._before = False

    def waits(self) -> bool:
        now = time.monotonic()
        if self._priority is None or now - self._looked < LOOK:
            return False
        self._looked = now
        found = self._queue.urgency()
        waiting = found is not None and found < self._priority
        again, self._before = waiting and self._before, waiting
        return again


# --- What came of it ----------------------------------------------------------------------------


def _install(engine: Teachable, training: Training, learned: Learned, place: Path) -> ModelRef:
    """Put the adapter into the catalogue, whole or not at all."""
    if not place.is_dir():
        partial = place.with_name(f".{place.name}.{training.digest[:8]}.partial")
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            shutil.copyfile(learned.file, partial / learned.file.name)
            told = {
                "kind": training.adapter,
                "trigger": training.trigger,
                "licence": training.licence,
                "training": training.digest,
            }
            (partial / CARD).write_text(json.dumps(told, indent=1), encoding="utf-8")
            partial.rename(place)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise ProjectUnreadable(
                f"cannot write the adapter to {place}: {error.strerror or error}",
                hint="MAQUETTE_MODELS names the folder that it goes into",
            ) from error
    if isinstance(engine, Adapting):
        return engine.name_adapter(engine.find_adapter(str(place), training.adapter))
    return ModelRef(name=training.name, digest=sha256_hex(learned.file.read_bytes()))


def _shown(engine: Teachable, training: Training, hands: Teacher, report: Report) -> Report:
    """The report with samples, drawn with and without the adapter, and the likeness of both."""
    if not training.samples or not isinstance(engine, Adapting):
        return report
    after, before = (
        [_drawn(training, hands, text, number, taught) for number, text in _numbered(training)]
        for taught in (True, False)
    )
    rows = [[hands.picture(version) for version in each] for each in (before, after)]
    pictures = _Pictures(training.inputs, hands.blobs)
    count = len(pictures)
    picked = sorted({round(n * (count - 1) / (COMPARED - 1)) for n in range(COMPARED)})
    examples = engine.features([pictures[training.inputs[n]].convert("RGB") for n in picked])
    base, trained = (float(likeness(engine.features(row), examples).mean()) for row in rows)
    identity = Identity(
        base=round(base, 4), trained=round(trained, 4), examples=round(among(examples), 4)
    )
    sheet = _stacked([side_by_side(row) for row in rows])
    return report.model_copy(
        update={
            "identity": identity,
            "samples": tuple(version.id for version in after),
            "before": tuple(version.id for version in before),
            "sheet": hands.blobs.put(encode_png(sheet)),
        }
    )


def _numbered(training: Training) -> list[tuple[int, str]]:
    return list(enumerate(training.samples))


def _drawn(training: Training, hands: Teacher, text: str, number: int, taught: bool) -> Version:
    if hands.cancel:
        raise Cancelled("stopped; what was learned is kept")
    order = _sampled(training, hands, text, number, taught=taught)
    told = {"name": training.name, "digest": training.digest, "taught": taught}
    return hands.carry_out(replace(order, origins=({ORIGIN: told},)))[0]


def _sampled(
    training: Training, hands: Teacher, text: str, number: int = 0, *, taught: bool = False
) -> Order:
    """An order for a sample, with the adapter or without."""
    how: dict[str, Any] = {}
    if taught and training.adapter == "lora":
        how = {"lora": {training.name: 1.0}}
    elif taught:
        how = {"embedding": {training.name: training.trigger.lower()}}
    else:
        text = without_trigger(text, training.trigger) or training.trigger
    size = (training.size.width, training.size.height)
    seed = (training.course.seed + number) % 2**32
    try:
        return hands.orders.generate(
            text,
            seed=seed,
            size=size,
            quality="preview",
            maps=False,
            flags="none",
            interpreter="plain",
            **how,
        )
    except RecipeRefused as error:
        raise TrainingRefused(
            f"the sample '{text[:60]}' cannot be drawn: {error}", hint=error.hint
        ) from error


def _stacked(rows: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    width = max(row.width for row in rows)
    height = sum(row.height for row in rows) + gap * (len(rows) - 1)
    whole, top = Image.new("RGB", (width, height), "white"), 0
    for row in rows:
        whole.paste(row.convert("RGB"), (0, top))
        top += row.height + gap
    return whole


def _describe(place: Path, training: Training, report: Report, hands: Teacher, maker: str) -> None:
    """Card, guide and sheet beside the adapter; none of them is part of its digest."""
    try:
        card = json.dumps(card_of(training, report, maker), indent=1, ensure_ascii=False)
        partial = place / f".{CARD}.partial"
        partial.write_text(card, encoding="utf-8")
        partial.replace(place / CARD)
        (place / GUIDE).write_text(report.guide, encoding="utf-8")
        if report.sheet is not None:
            (place / SHEET).write_bytes(hands.blobs.get(report.sheet))
    except OSError as error:
        raise ProjectUnreadable(
            f"cannot write beside the adapter: {error.strerror or error}"
        ) from error
