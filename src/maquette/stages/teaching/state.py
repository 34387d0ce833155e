"""Where a training stands, by what its folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maquette.core.training import Training, load_training
from maquette.stages.teaching.report import Report
from maquette.storage.trainings import Trainings

__all__ = ["Progressed", "state_of"]

CURVE = 200
"""Points of a curve at most."""


@dataclass(frozen=True)
class Progressed:
    """A training: what is learned, how far it is (``step`` of its course's), the ``losses`` as
    (step, mean loss since the point before), the ``sheets`` as (step, picture's digest), and the
    ``report`` once it is done."""

    training: Training
    step: int
    losses: tuple[tuple[int, float], ...]
    sheets: tuple[tuple[int, str], ...]
    report: Report | None


def state_of(trainings: Trainings, digest: str) -> Progressed:
    """Read a training's folder. Steps that were taken twice, since a kill came before they were
    stored, count once, as they were the second time.

    Raises:
        ProjectUnreadable, TrainingRefused: it is damaged.
    """
    training = load_training(trainings.training(digest))
    found = trainings.report(digest)
    losses: dict[int, float] = {}
    sheets: dict[int, str] = {}
    for line in trainings.lines(digest):
        _read(line, losses, sheets)
    return Progressed(
        training=training,
        step=max(losses, default=0),
        losses=_curve(sorted(losses.items())),
        sheets=tuple(sorted(sheets.items())),
        report=None if found is None else Report.model_validate(found),
    )


def _read(line: dict[str, Any], losses: dict[int, float], sheets: dict[int, str]) -> None:
    step, loss, sheet = line.get("step"), line.get("loss"), line.get("sheet")
    if isinstance(step, int) and isinstance(loss, int | float):
        losses[step] = float(loss)
    if isinstance(step, int) and isinstance(sheet, str):
        sheets[step] = sheet


def _curve(losses: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    width = max(1, -(-len(losses) // CURVE))
    groups = [losses[at : at + width] for at in range(0, len(losses), width)]
    return tuple(
        (group[-1][0], round(sum(loss for _, loss in group) / len(group), 5)) for group in groups
    )
