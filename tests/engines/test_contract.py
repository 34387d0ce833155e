"""The contract, over every engine that is here."""

from __future__ import annotations

from typing import Any

import pytest
from tests.engines.contract import AnyEngine, DrawingEngine
from tests.engines.making import digest, draw, photo, recipe

from maquette.core.geometry import Size
from maquette.core.recipe import Import, Recipe, Upscale
from maquette.engines.base import Engine
from maquette.engines.diffusers import DiffusersEngine
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


class TestDiffusersLikeStableDiffusion(DrawingEngine):
    @pytest.fixture
    def engine(self, sd15_engine: DiffusersEngine) -> Engine:
        return sd15_engine


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
