"""Versions to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from maquette.core.cost import Cost
from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Recipe, Sampling, TextToImage
from maquette.core.version import Version, make_version


@pytest.fixture
def make() -> Callable[..., Version]:
    """Make a version; without arguments one that was generated from words."""

    def build(*, parents: tuple[str, ...] = (), text: str = "a wolf", **recipe: Any) -> Version:
        size = Size(width=256, height=256)
        stated: dict[str, Any] = {
            "engine": "diffusers",
            "task": TextToImage(),
            "size": size,
            "prompt": PromptText(text=text),
            "sampling": Sampling(steps=30, seed=7),
        }
        return make_version(
            parents=parents,
            operation="generate",
            recipe=Recipe(**{**stated, **recipe}),
            image="a" * 64,
            size=size,
            trace=None,
            build="test",
            cost=Cost(),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    return build
