"""Versions, jobs and findings to store. No torch, no engine: storage does not care."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count

from maquette.core.cost import Cost, Money
from maquette.core.finding import Finding, Severity
from maquette.core.geometry import Size
from maquette.core.job import Job, Status
from maquette.core.recipe import ModelRef, PromptText, Recipe, Sampling, TextToImage
from maquette.core.version import Version, make_version

DAWN = datetime(2026, 3, 1, 6, 30, 0, 123456, tzinfo=UTC)


def digest(seed: object) -> str:
    """Sixty-four hexadecimal digits that the seed decides."""
    return f"{random.Random(str(seed)).getrandbits(256):064x}"


def recipe(seed: int = 1, text: str = "a red boat") -> Recipe:
    """A text-to-image recipe of this seed."""
    return Recipe(
        engine="fake",
        task=TextToImage(),
        size=Size(width=256, height=192),
        prompt=PromptText(text=text),
        model=ModelRef(name="postcard", digest=digest("model")),
        sampling=Sampling(steps=20, seed=seed),
    )


def version(
    seed: int = 1,
    parents: Iterable[Version] = (),
    *,
    text: str = "a red boat",
    build: str = "fake 1",
    image: str | None = None,
    trace: str | None = None,
    created_at: datetime | None = None,
) -> Version:
    """A version; another seed makes another id."""
    return make_version(
        parents=[parent.id for parent in parents],
        operation="generate",
        recipe=recipe(seed, text),
        image=image or digest(f"image {seed}"),
        size=Size(width=256, height=192),
        trace=trace,
        build=build,
        cost=Cost(seconds=1.25, money=Money(amount=Decimal("0.0400"), currency="EUR")),
        created_at=created_at or DAWN + timedelta(seconds=seed),
    )


@cache
def twins(length: int = 4) -> tuple[Version, Version]:
    """Two versions whose ids begin with the same digits."""
    seen: dict[str, Version] = {}
    for seed in count():
        made = version(seed)
        if (prefix := made.id[:length]) in seen:
            return seen[prefix], made
        seen[prefix] = made
    raise AssertionError


def job(name: str = "job-1", status: Status = Status.QUEUED, seed: int = 1) -> Job:
    """A job in this state."""
    return Job(id=name, operation="generate", recipe=recipe(seed), status=status, created_at=DAWN)


def finding(
    name: str = "weak:moon",
    score: float = 0.5,
    *,
    critic: str = "attention",
    message: str = "hardly any attention",
    severity: Severity = "warning",
) -> Finding:
    """One remark."""
    return Finding(
        critic=critic, name=name, message=message, severity=severity, score=score, words=("moon",)
    )
