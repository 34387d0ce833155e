"""What came of a training: figures, and the card that lies beside the adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from maquette.core.canonical import canonical_json, sha256_hex
from maquette.core.training import DreamBooth, Inversion, Training
from maquette.core.value import Digest, ModelRef, Value

__all__ = ["Identity", "Report", "card_of", "mean_losses"]

LOOKED = 0.1
"""The share of the steps at either end whose losses are averaged."""


class Identity(Value):
    """How much pictures show of what the examples share (``core.likeness``): those that the model
    drew before, those that it draws now, and the examples themselves, each against the others."""

    base: float
    trained: float
    examples: float


class Report(Value):
    """A finished training. ``samples`` are versions drawn with the adapter, ``before`` the same
    prompts and seeds without it; ``sheet`` is the picture of both, ``guide`` a page of Markdown."""

    training: Digest
    name: str
    kind: str
    adapter: ModelRef
    trigger: str
    licence: str = ""
    parameters: int = Field(ge=0)
    steps: int
    seconds: float
    loss_first: float
    loss_last: float
    identity: Identity | None = None
    samples: tuple[Digest, ...] = ()
    before: tuple[Digest, ...] = ()
    sheet: Digest | None = None
    guide: str = ""


def mean_losses(losses: Sequence[float]) -> tuple[float, float]:
    """The mean loss of the first and of the last tenth of the steps."""
    if not losses:
        return 0.0, 0.0
    count = max(1, round(len(losses) * LOOKED))
    first, last = losses[:count], losses[-count:]
    return sum(first) / len(first), sum(last) / len(last)


def card_of(training: Training, report: Report, maker: str) -> dict[str, Any]:
    """The card beside an adapter: what it was made of, by what, and under which licence."""
    method = training.method
    subject = method.subject if isinstance(method, DreamBooth) else ""
    how = method.model_dump(mode="json", exclude={"kind"})
    pictures = sorted(example.image for example in training.examples)
    return {
        "kind": report.kind,
        "name": training.name,
        "trigger": training.trigger,
        "subject": method.initial if isinstance(method, Inversion) else subject,
        "licence": training.licence,
        "method": {"name": method.kind, **how},
        "course": training.course.model_dump(mode="json"),
        "model": training.model.model_dump(),
        "training": training.digest,
        "adapter": report.adapter.digest,
        "examples": {
            "count": len(pictures),
            "digest": sha256_hex(canonical_json(pictures).encode()),
        },
        "size": [training.size.width, training.size.height],
        "parameters": report.parameters,
        "seconds": round(report.seconds, 1),
        "loss": {"first": round(report.loss_first, 4), "last": round(report.loss_last, 4)},
        "identity": None if report.identity is None else report.identity.model_dump(),
        "made_with": maker,
    }
