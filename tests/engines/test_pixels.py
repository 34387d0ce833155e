"""The engine without a model: exact, early in refusing, stoppable."""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from maquette.core.geometry import Size
from maquette.core.recipe import Import, Lora, Recipe, Task, TextToImage, Upscale
from maquette.engines.base import Cancel, Engine, Event, Picture, Progress
from maquette.engines.pixels import create
from maquette.errors import Cancelled, EngineFailed, RecipeRefused

A, B = "a" * 64, "b" * 64
LANCZOS = Image.Resampling.LANCZOS


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    random = np.random.default_rng(0)
    values = random.integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    return Image.fromarray(values)


def recipe(task: Task, width: int, height: int, **more: Any) -> Recipe:
    return Recipe(engine="pixels", task=task, size=Size(width=width, height=height), **more)


def enlarge(source: Image.Image, scale: float, tile: int = 64) -> Image.Image:
    width, height = round(source.width * scale), round(source.height * scale)
    task = Upscale(image=A, scale=scale, tile=tile)
    return drawn(list(create().run([recipe(task, width, height)], {A: source})))


def drawn(events: list[Event]) -> Image.Image:
    last = events[-1]
    assert isinstance(last, Picture)
    return last.image


def in_one_piece(source: Image.Image, size: tuple[int, int]) -> Image.Image:
    ground = source.convert("RGBa") if source.mode == "RGBA" else source
    rows = ground.resize((size[0], source.height), LANCZOS)
    return rows.resize(size, LANCZOS).convert(source.mode)


def test_it_is_an_engine_and_says_what_it_is() -> None:
    engine = create()
    assert isinstance(engine, Engine) and engine.name == "pixels"
    assert PIL.__version__ in engine.build
    assert engine.capabilities().tasks == {"upscale", "import", "retouch", "composite"}
    assert engine.capabilities().model is None


@settings(max_examples=25)
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    scale=st.floats(1.02, 4),
    tile=st.sampled_from([64, 100, 512]),
)
def test_tiles_give_what_one_piece_gives(width: int, height: int, scale: float, tile: int) -> None:
    source = picture(width, height)
    if round(width * scale) * round(height * scale) > 200_000:
        scale = 1.5
    large = enlarge(source, scale, tile)
    expected = in_one_piece(source, large.size)
    apart = np.abs(np.asarray(large).astype(int) - np.asarray(expected))
    assert apart.max() <= 2 and (apart > 0).mean() < 0.01, "one rounding a pass"


def test_a_smooth_picture_is_what_pillow_makes_of_it() -> None:
    source = picture(9, 12).resize((150, 200), LANCZOS)
    expected = source.resize((495, 660), LANCZOS)
    apart = np.abs(np.asarray(enlarge(source, 3.3)).astype(int) - np.asarray(expected))
    assert apart.max() <= 2


def test_colours_of_transparent_places_do_not_bleed() -> None:
    source = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    source.paste((0, 0, 255, 255), (0, 0, 50, 100))
    values = np.asarray(enlarge(source, 2))
    seen = values[values[..., 3] > 8]
    assert values.shape == (200, 200, 4) and (seen[:, 0] < 40).all()


def test_progress_comes_before_the_picture() -> None:
    task = Upscale(image=A, scale=2, tile=64)
    *steps, last = create().run([recipe(task, 400, 200)], {A: picture(200, 100)})
    assert [step for step in steps if not isinstance(step, Progress)] == []
    assert [(s.step, s.steps) for s in steps if isinstance(s, Progress)] == [
        (n, 8) for n in range(1, 9)
    ]
    assert isinstance(last, Picture) and last.seconds > 0 and last.trace is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_import_keeps_every_byte(mode: str) -> None:
    source = picture(30, 20, mode)
    result = drawn(list(create().run([recipe(Import(image=A), 30, 20)], {A: source})))
    assert result.mode == mode and np.array_equal(np.asarray(result), np.asarray(source))


def test_many_recipes_are_told_apart() -> None:
    tasks = [recipe(Import(image=A), 30, 20), recipe(Upscale(image=B, scale=2), 20, 20)]
    inputs = {A: picture(30, 20), B: picture(10, 10)}
    found = [e for e in create().run(tasks, inputs) if isinstance(e, Picture)]
    assert [(event.index, event.image.size) for event in found] == [(0, (30, 20)), (1, (20, 20))]


def test_what_needs_a_model_is_refused_early() -> None:
    engine = create()
    for bad in (
        recipe(TextToImage(), 8, 8),
        recipe(Import(image=A), 8, 8, conditionings=(Lora(name="ink", digest=B),)),
    ):
        with pytest.raises(RecipeRefused):
            engine.check(bad)
        with pytest.raises(RecipeRefused):
            list(engine.run([bad], {A: picture(8, 8)}))
    assert engine.check(recipe(Import(image=A), 8, 8)) == ()


def test_a_picture_that_is_missing_or_of_another_size_is_a_failure() -> None:
    for bad, inputs in (
        (recipe(Import(image=A), 8, 8), {}),
        (recipe(Import(image=A), 8, 8), {A: picture(8, 9)}),
        (recipe(Upscale(image=A, scale=2), 16, 16), {A: picture(8, 9)}),
    ):
        with pytest.raises(EngineFailed):
            list(create().run([bad], inputs))


def test_it_stops_between_tiles() -> None:
    cancel = Cancel()
    task = Upscale(image=A, scale=2, tile=64)
    events = create().run([recipe(task, 400, 200)], {A: picture(200, 100)}, cancel=cancel)
    next(events)
    cancel.set()
    with pytest.raises(Cancelled):
        next(events)
