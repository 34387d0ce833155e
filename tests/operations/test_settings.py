"""Refusals: each names the range and the nearest value that fits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from maquette import operations
from maquette.core.capabilities import Capabilities
from maquette.core.recipe import MAX_SEED
from maquette.errors import PromptRefused, RecipeRefused, SettingRefused


@pytest.mark.parametrize(
    ("setting", "says", "hint"),
    [
        ({"seed": -1}, "seed -1 is out of range: 0 to 4294967295", "use 0"),
        ({"seed": 2**32}, "seed 4294967296 is out", f"use {MAX_SEED}"),
        ({"seed": 1.5}, "seed 1.5 is no whole number", "use 2"),
        ({"seed": True}, "seed True is no number", ""),
        ({"seed": "7"}, "seed '7' is no number", ""),
        ({"steps": 0}, "steps 0 is out of range: 1 to 200", "use 1"),
        ({"steps": 201}, "steps 201", "use 200"),
        ({"steps": 10**30}, "steps 1000", "use 200"),
        ({"guidance": -0.1}, "guidance -0.1 is out of range: 0 to 50", "use 0"),
        ({"guidance": 50.1}, "guidance 50.1", "use 50"),
        ({"guidance": math.nan}, "guidance nan is no number", ""),
        ({"guidance": math.inf}, "guidance inf", "use 50"),
        ({"sampler": "magic"}, "no sampler 'magic'", "one of ddim, dpm++"),
        ({"sampler": "euler"}, "no sampler 'euler'", "one of ddim, dpm++"),
        ({"quality": "best"}, "no quality 'best'", "one of draft, final"),
        ({"interpreter": "reader"}, "no interpreter 'reader'", "attention, a1111, plain"),
        ({"size": (250, 256)}, "250x256 cannot be drawn: sides are multiples of 8", "use 248x256"),
        ({"size": (256, 32)}, "from 64 to 512", "use 512x64"),
        ({"size": (1024, 512)}, "from 64 to 512", "use 512x256"),
        ({"size": (0, -5)}, "0x-5", "use 64x64"),
    ],
)
def test_a_setting_out_of_range(
    capabilities: Capabilities, setting: dict[str, Any], says: str, hint: str
) -> None:
    with pytest.raises(SettingRefused) as caught:
        operations.generate("a wolf", capabilities=capabilities, **{"seed": 1, **setting})
    assert says in str(caught.value) and hint in caught.value.hint


@pytest.mark.parametrize(
    "fits",
    [
        {"seed": 0},
        {"seed": MAX_SEED},
        {"steps": 1},
        {"steps": 200},
        {"guidance": 0},
        {"guidance": 50},
        {"size": (64, 512)},
    ],
)
def test_the_ends_of_the_ranges_fit(capabilities: Capabilities, fits: dict[str, Any]) -> None:
    recipe = operations.generate("a wolf", capabilities=capabilities, **{"seed": 1, **fits})
    assert recipe.sampling is not None


@pytest.mark.parametrize(
    ("prompt", "negative", "says"),
    [
        ("", "", "the prompt is empty"),
        (" \n\t ", "", "the prompt is empty"),
        ("x" * 20_001, "", "20,001 characters, more than the 20,000"),
        ("a wolf", "x" * 20_001, "the negative prompt has 20,001"),
        ("a\0wolf", "", "no text"),
        ("a wolf", "\ud800", "the negative prompt holds a character that is no text"),
    ],
)
def test_a_prompt_that_is_none(
    capabilities: Capabilities, prompt: str, negative: str, says: str
) -> None:
    with pytest.raises(PromptRefused, match=says):
        operations.generate(prompt, negative, capabilities=capabilities, seed=1)


def test_the_longest_prompt_and_any_script_are_taken_as_they_stand(
    capabilities: Capabilities,
) -> None:
    for prompt in ("x" * 20_000, "  海の月 🌕 (moon:1.2)\n", "ذئب", "\\(not a weight\\)"):
        recipe = operations.generate(prompt, capabilities=capabilities, seed=1)
        assert recipe.prompt is not None and recipe.prompt.text == prompt
        assert len(recipe.digest) == 64


def test_a_quality_is_a_preset_and_what_is_said_counts_before_it(
    capabilities: Capabilities,
) -> None:
    draft = operations.generate("a", capabilities=capabilities, seed=1, quality="draft").sampling
    assert draft is not None
    assert (draft.sampler, draft.steps, draft.guidance) == ("dpm++", 8, 4.0)
    mixed = operations.generate(
        "a", capabilities=capabilities, seed=1, quality="draft", steps=9, sampler="ddim"
    ).sampling
    assert mixed is not None
    assert (mixed.sampler, mixed.steps, mixed.guidance) == ("ddim", 9, 4.0)


def test_an_engine_without_presets_takes_every_quality(capabilities: Capabilities) -> None:
    bare = capabilities.model_copy(update={"presets": {}, "samplers": ()})
    for quality in ("draft", "final"):
        recipe = operations.generate("a", capabilities=bare, seed=1, quality=quality)
        assert recipe.sampling is not None and recipe.sampling.steps == 30


def test_an_engine_is_asked_only_for_what_it_does(capabilities: Capabilities) -> None:
    blind = capabilities.model_copy(update={"tasks": frozenset({"upscale"})})
    with pytest.raises(RecipeRefused, match="does no text-to-image") as caught:
        operations.generate("a", capabilities=blind, seed=1)
    assert caught.value.hint == "it does upscale"
