"""The contract, over every engine that is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.engines.contract import AnyEngine, DrawingEngine
from tests.engines.making import digest, draw, photo, recipe

from maquette.core.geometry import Size
from maquette.core.recipe import Import, Recipe, Upscale
from maquette.engines.base import Engine
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.registry import load_engine
from maquette.errors import EngineFailed


class TestFake(DrawingEngine):
    @pytest.fixture
    def engine(self) -> Engine:
        return load_engine("fake")

    def test_breaks_down_on_demand(self) -> None:
        engine = load_engine("fake", fail="griffin")
        assert draw(engine, recipe(engine, "a boat"))
        with pytest.raises(EngineFailed, match="griffin"):
            draw(engine, recipe(engine, "a griffin"))

    def test_says_which_words_it_does_not_know(self) -> None:
        engine = load_engine("fake", vocabulary=["a", "boat"])
        (said,) = engine.check(recipe(engine, "a (griffin:1.2), a boat, 3", negative="A boat"))
        assert (said.asked, said.given) == ("griffin", "(nothing)")


class TestDiffusers(DrawingEngine):
    @pytest.fixture
    def engine(self, engine: DiffusersEngine) -> Engine:
        return engine

    def test_on_a_processor_company_changes_no_bit(self, engine: Engine) -> None:
        asked = [recipe(engine, text, seed=2) for text in ("a boat", "the (moon:1.4)")]
        for one, beside in zip(asked, draw(engine, asked), strict=True):
            (alone,) = draw(engine, one)
            assert alone.image.tobytes() == beside.image.tobytes()


class TestDiffusersLikeStableDiffusion(DrawingEngine):
    @pytest.fixture
    def engine(self, sd15_engine: DiffusersEngine) -> Engine:
        return sd15_engine


class TestDiffusersTogether(DrawingEngine):
    """The same, with batches as an accelerator draws them."""

    @pytest.fixture
    def engine(self, postcard: Path, engine: DiffusersEngine) -> Engine:
        return create(postcard, threads=1, together=8)

    def test_three_at_once(self, engine: Engine) -> None:
        pictures = draw(engine, [recipe(engine, seed=seed) for seed in range(3)])
        assert [picture.trace.ran["batch"] for picture in pictures if picture.trace] == [3, 3, 3]


class TestPixels(AnyEngine):
    @pytest.fixture
    def engine(self) -> Engine:
        return load_engine("pixels")

    def recipe(self, engine: Engine, seed: int = 1) -> tuple[Recipe, dict[str, Any]]:
        image = photo(seed=seed)
        task = Upscale(image=digest(image), scale=2) if seed > 1 else Import(image=digest(image))
        side = 64 * seed
        asked = Recipe(engine="pixels", task=task, size=Size(width=side, height=side))
        return asked, {digest(image): image}
