"""Refine: a draft's words and seed at another quality, from what it kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maquette import operations
from maquette.core.capabilities import Capabilities
from maquette.core.recipe import (
    Anchored,
    Continue,
    ImageToImage,
    Import,
    ModelRef,
    Sampling,
    TextToImage,
)
from maquette.core.trajectory import Kept
from maquette.core.version import Version
from maquette.errors import PromptRefused, RecipeRefused, SettingRefused

from .conftest import MakeVersion

KEPT = tuple(
    Kept(step=step, steps=8, timestep=999 - 125 * step, latents=np.zeros((4, 2, 2), np.float32))
    for step in (2, 4, 6)
)


@pytest.fixture
def able(capabilities: Capabilities) -> Capabilities:
    return capabilities.model_copy(update={"tasks": capabilities.tasks | {"continue"}})


def traced(version: Version) -> Version:
    return version.model_copy(update={"trace": "f" * 64})


def test_a_draft_goes_on_from_what_it_kept(make: MakeVersion, able: Capabilities) -> None:
    draft = traced(make(sampling=Sampling(sampler="dpm++", steps=8, guidance=4, seed=7)))
    recipe = operations.refine(draft, kept=KEPT, capabilities=able)
    assert recipe.task == Continue(trace="f" * 64, step=4)
    assert recipe.sampling == Sampling(sampler="ddim", steps=30, guidance=5.0, seed=7)
    assert recipe.prompt == draft.recipe.prompt and recipe.size == draft.size


@pytest.mark.parametrize(("begin", "step"), [(0, 2), (0.25, 2), (0.6, 4), (1, 6)])
def test_it_begins_where_it_is_asked_to(
    make: MakeVersion, able: Capabilities, begin: float, step: int
) -> None:
    recipe = operations.refine(traced(make()), kept=KEPT, capabilities=able, begin=begin)
    assert recipe.task == Continue(trace="f" * 64, step=step)


def test_without_kept_latents_the_picture_is_the_start(
    make: MakeVersion, able: Capabilities
) -> None:
    draft = make()
    recipe = operations.refine(draft, capabilities=able, strength=0.4)
    assert recipe.task == ImageToImage(image=draft.image, strength=0.4)


@pytest.mark.parametrize(
    "other",
    [
        {"model": ModelRef(name="another", digest="e" * 64)},
        {"engine": "fake"},
        {"task": Import(image="b" * 64)},
    ],
)
def test_what_another_made_is_drawn_from_its_picture(
    make: MakeVersion, able: Capabilities, other: dict[str, Any]
) -> None:
    draft = traced(make(**other))
    recipe = operations.refine(draft, kept=KEPT, capabilities=able)
    assert recipe.task == ImageToImage(image=draft.image, strength=0.5)
    with pytest.raises(RecipeRefused) as told:
        operations.refine(draft, kept=KEPT, capabilities=able, way="continue")
    assert told.value.hint


def test_the_same_noise_again(make: MakeVersion, able: Capabilities) -> None:
    recipe = operations.refine(make(), kept=KEPT, capabilities=able, way="seed")
    assert recipe.task == TextToImage() and recipe.sampling is not None
    assert recipe.sampling.seed == 7
    varied = make(task=ImageToImage(image="b" * 64, strength=0.5))
    with pytest.raises(RecipeRefused, match="noise"):
        operations.refine(varied, capabilities=able, way="seed")


def test_a_larger_size_of_the_same_shape(make: MakeVersion, able: Capabilities) -> None:
    draft = traced(make())
    recipe = operations.refine(draft, kept=KEPT, capabilities=able, size=(512, 512))
    assert isinstance(recipe.task, ImageToImage) and recipe.size.width == 512
    with pytest.raises(SettingRefused) as told:
        operations.refine(draft, kept=KEPT, capabilities=able, size=(512, 256))
    assert "outpaint" in told.value.hint


def test_what_has_no_words_is_refused(make: MakeVersion, able: Capabilities) -> None:
    with pytest.raises(PromptRefused):
        operations.refine(make(prompt=None), capabilities=able)
    with pytest.raises(SettingRefused, match="begin"):
        operations.refine(traced(make()), kept=KEPT, capabilities=able, begin=1.5)


def test_words_weigh_otherwise_from_where_the_drawing_is_taken_up(make: MakeVersion) -> None:
    version = traced(make())
    plain = operations.reweight(version, {"moon": 1.5})
    resumed = operations.reweight(version, {"moon": 1.5}, kept=KEPT)
    assert plain.task == TextToImage()
    assert resumed.task == Continue(trace="f" * 64, step=2)
    half = operations.reweight(version, {"moon": 1.5}, kept=KEPT, begin=0.5)
    assert half.task == Continue(trace="f" * 64, step=4)
    assert operations.reweight(version, {"moon": 1.5}, kept=KEPT, begin=0) == plain
    held = operations.reweight(version, {"moon": 1.5}, kept=KEPT, anchored=True)
    assert held.task == Anchored(trace="f" * 64, step=2)
    assert resumed.prompt == plain.prompt and resumed.sampling == plain.sampling
