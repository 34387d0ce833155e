"""A model, and versions to work on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.cost import Cost
from maquette.core.geometry import Size
from maquette.core.recipe import ModelRef, PromptText, Recipe, Sampling, TextToImage
from maquette.core.version import Version, make_version

MakeVersion = Callable[..., Version]


@pytest.fixture
def capabilities() -> Capabilities:
    return Capabilities(
        engine="diffusers",
        tasks=frozenset({"text-to-image", "image-to-image", "inpaint", "outpaint"}),
        model=ModelRef(name="postcard", digest="d" * 64),
        best_size=Size(width=256, height=256),
        multiple=8,
        min_side=64,
        max_side=512,
        max_steps=200,
        interpreters=frozenset({"attention", "a1111", "plain"}),
        samplers=("ddim", "dpm++"),
        presets={
            "draft": Preset(sampler="dpm++", steps=8, guidance=4.0),
            "final": Preset(sampler="ddim", steps=30, guidance=5.0),
        },
    )


@pytest.fixture
def make() -> MakeVersion:
    """Make a version; without arguments one that was generated from words."""

    def build(
        *,
        operation: str = "generate",
        parents: tuple[str, ...] = (),
        width: int = 256,
        height: int = 256,
        **recipe: Any,
    ) -> Version:
        size = Size(width=width, height=height)
        stated: dict[str, Any] = {
            "engine": "diffusers",
            "task": TextToImage(),
            "size": size,
            "prompt": PromptText(text="a wolf under a full moon", negative="blurry"),
            "model": ModelRef(name="postcard", digest="d" * 64),
            "sampling": Sampling(steps=30, seed=7),
        }
        return make_version(
            parents=parents,
            operation=operation,
            recipe=Recipe(**{**stated, **recipe}),
            image="a" * 64,
            size=size,
            trace=None,
            build="test",
            cost=Cost(),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    return build


@pytest.fixture
def version(make: MakeVersion) -> Version:
    return make()
