"""The model that ships: whole, stock, within its budget, and able to draw what its card says."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import maquette
from maquette import operations
from maquette.core.heat import statistics
from maquette.core.picture import size_of
from maquette.core.raster import luminance, ssim
from maquette.core.recipe import PromptText
from maquette.engines.base import Picture
from maquette.engines.diffusers import DiffusersEngine, create

pytestmark = pytest.mark.model

FOLDER = Path(maquette.__file__).parent / "models" / "postcard"
MIB = 2**20


@pytest.fixture(scope="module")
def engine() -> DiffusersEngine:
    return create("postcard")


@cache
def draw(engine: DiffusersEngine, prompt: str, seeds: int = 3) -> tuple[Picture, ...]:
    recipes = [
        operations.generate(
            prompt, capabilities=engine.capabilities(), seed=seed, quality="preview"
        )
        for seed in range(seeds)
    ]
    return tuple(event for event in engine.run(recipes, {}) if isinstance(event, Picture))


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(picture.image.convert("RGB"))


def colour(pictures: tuple[Picture, ...], rows: slice) -> np.ndarray:
    """The mean colour (red, green, blue) of some rows over all pictures."""
    return np.mean([pixels(picture)[rows].reshape(-1, 3).mean(0) for picture in pictures], axis=0)


SKY, GROUND = slice(0, 80), slice(200, 256)


def test_every_file_has_the_digest_that_the_card_names() -> None:
    card = json.loads((FOLDER / "MODEL.json").read_text())
    listed: dict[str, str] = card["files"] | card.get("beside", {})
    there = {
        str(path.relative_to(FOLDER))
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != "MODEL.json"
    }
    assert there == set(listed)
    for path, digest in listed.items():
        assert hashlib.sha256((FOLDER / path).read_bytes()).hexdigest() == digest, path


def test_it_stays_within_its_budget() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert max(sizes) <= 16 * MIB
    assert sum(sizes) <= 64 * MIB


def test_nothing_of_it_is_pickled() -> None:
    kinds = {path.suffix for path in FOLDER.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors", ".txt"}


def test_stock_pipelines_load_it_unmodified() -> None:
    from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

    for kind in (StableDiffusionPipeline, StableDiffusionImg2ImgPipeline):
        loaded = kind.from_pretrained(FOLDER, safety_checker=None, local_files_only=True)
        assert loaded.unet.config.in_channels == loaded.vae.config.latent_channels


def test_every_word_of_the_demo_is_known(engine: DiffusersEngine) -> None:
    from demo.run import PROMPT, REPLACEMENT

    for text in (PROMPT, REPLACEMENT):
        assert engine.unknown_words(PromptText(text=text)) == ()
    assert engine.unknown_words(PromptText(text="a griffin")) == ("griffin",)


def test_night_is_darker_than_day(engine: DiffusersEngine) -> None:
    night = draw(engine, "a wolf in the mountains at night")
    day = draw(engine, "a wolf in the mountains, day")
    dark, light = (np.mean([luminance(pixels(p)).mean() for p in each]) for each in (night, day))
    assert dark + 40 < light


def test_sunset_skies_are_warmer_than_day_skies(engine: DiffusersEngine) -> None:
    sunset = colour(draw(engine, "a boat on the sea at sunset"), SKY)
    day = colour(draw(engine, "a boat on the sea, day"), SKY)
    assert sunset[0] - sunset[2] > day[0] - day[2] + 40


def test_places_have_their_colours(engine: DiffusersEngine) -> None:
    sea = colour(draw(engine, "a boat on the sea, day"), GROUND)
    desert = colour(draw(engine, "a cat in the desert, day"), GROUND)
    hills = colour(draw(engine, "a house on green hills, day"), GROUND)
    assert sea.argmax() == 2
    assert desert.argmax() == 0
    assert hills.argmax() == 1


def test_a_full_moon_is_a_bright_place_in_the_upper_half(engine: DiffusersEngine) -> None:
    found = 0
    for picture in draw(engine, "a lone wolf under a full moon, misty forest", 4):
        assert picture.trace is not None
        (moon,) = statistics(picture.trace, size_of(picture.image), "moon")
        x, y = moon.peak
        light = luminance(pixels(picture))
        found += y < 128 and light[max(0, y - 12) : y + 12, max(0, x - 12) : x + 12].max() > 150
    assert found >= 3


@pytest.mark.parametrize(("word", "channel"), [("red", 0), ("blue", 2)])
def test_objects_take_their_colour(engine: DiffusersEngine, word: str, channel: int) -> None:
    pictures = draw(engine, f"a {word} mug on a wooden table, white studio backdrop")
    middle = np.mean([pixels(p)[110:210, 70:186].reshape(-1, 3).mean(0) for p in pictures], axis=0)
    other = draw(engine, "a white mug on a wooden table, white studio backdrop")
    plain = np.mean([pixels(p)[110:210, 70:186].reshape(-1, 3).mean(0) for p in other], axis=0)
    rest = [c for c in range(3) if c != channel]
    shift = (middle - plain)[channel] - (middle - plain)[rest].mean()
    assert shift > 10


def test_drafts_take_four_single_passes(engine: DiffusersEngine) -> None:
    preset = engine.capabilities().presets["draft"]
    assert (preset.sampler, preset.steps, preset.guidance) == ("dpm++", 4, 1.0)
    assert [lora.name for lora in preset.loras] == ["draft"]


def test_a_draft_is_composed_as_its_final_is(engine: DiffusersEngine) -> None:
    able, text = engine.capabilities(), "a blue boat on the sea at sunset"
    recipes = [
        operations.generate(text, capabilities=able, seed=seed, quality=quality)
        for quality in ("draft", "preview")
        for seed in range(3)
    ]
    made = [each for each in engine.run(recipes, {}) if isinstance(each, Picture)]
    small = [np.asarray(each.image.convert("RGB").resize((64, 64))) for each in made]
    alike = [ssim(small[k], small[3 + k]) for k in range(3)]
    others = [ssim(small[k], small[3 + (k + 1) % 3]) for k in range(3)]
    assert np.mean(alike) > 0.75
    assert np.mean(alike) > np.mean(others)


def test_its_judge_sees_what_it_draws(engine: DiffusersEngine) -> None:
    from maquette.critics.judge.network import load_sight

    sight = load_sight(FOLDER / "judge")
    seen = [sight.see(picture.image)["boat"] for picture in draw(engine, "a boat on the sea, day")]
    assert np.mean([each.present for each in seen]) > 0.8
