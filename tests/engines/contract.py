"""What every engine promises. A class of tests for each kind of engine: subclass it, give it an
``engine`` fixture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.making import array, digest, draw, mask, photo, recipe

from maquette.core.anchors import as_planes
from maquette.core.geometry import Box, Size
from maquette.core.recipe import (
    Anchored,
    Continue,
    ImageToImage,
    Import,
    Inpaint,
    ModelRef,
    Outpaint,
    Recipe,
    Upscale,
)
from maquette.core.trajectory import Kept, as_picture
from maquette.engines.base import Cancel, Engine, Explainer, Picture, Preview, Progress
from maquette.errors import Cancelled, MaquetteError, RecipeRefused, SettingRefused

BOX = Box(x=24, y=8, width=24, height=40)


class AnyEngine:
    """Holds for every engine."""

    def recipe(self, engine: Engine, seed: int = 1) -> tuple[Recipe, dict[str, Any]]:
        """A recipe that the engine can run, and its inputs."""
        return recipe(engine, seed=seed), {}

    def test_it_is_an_engine(self, engine: Engine) -> None:
        assert isinstance(engine, Engine)
        assert engine.build == engine.build
        assert engine.name in engine.build
        assert engine.capabilities().engine == engine.name

    def test_picture_has_the_recipe_s_size(self, engine: Engine) -> None:
        asked, inputs = self.recipe(engine)
        (picture,) = draw(engine, asked, inputs)
        assert picture.image.size == (asked.size.width, asked.size.height)
        assert picture.image.mode in {"RGB", "RGBA"}
        assert picture.seconds >= 0

    def test_same_recipe_same_pixels(self, engine: Engine) -> None:
        asked, inputs = self.recipe(engine)
        first, second = (draw(engine, asked, inputs)[0] for _ in range(2))
        assert first.image.tobytes() == second.image.tobytes()

    def test_each_recipe_yields_its_picture_last(self, engine: Engine) -> None:
        made = [self.recipe(engine, seed) for seed in (1, 2)]
        inputs = {key: value for _, given in made for key, value in given.items()}
        last: dict[int, object] = {}
        steps: dict[int, int] = {}
        for event in engine.run([one for one, _ in made], inputs):
            assert not isinstance(last.get(event.index), Picture)
            last[event.index] = event
            if isinstance(event, Progress):
                assert 0 < event.step <= event.steps
                assert event.step > steps.get(event.index, 0)
                steps[event.index] = event.step
        assert set(last) == {0, 1}
        assert all(isinstance(event, Picture) for event in last.values())

    def test_cancelled_before_it_began(self, engine: Engine) -> None:
        asked, inputs = self.recipe(engine)
        cancel = Cancel()
        cancel.set()
        with pytest.raises(Cancelled):
            list(engine.run([asked], inputs, cancel=cancel))

    def test_no_recipes_no_events(self, engine: Engine) -> None:
        assert list(engine.run([], {})) == []

    def test_a_missing_input_is_a_known_fault(self, engine: Engine) -> None:
        tasks = engine.capabilities().tasks
        task = (
            Import(image="a" * 64)
            if "import" in tasks
            else ImageToImage(image="a" * 64, strength=0.5)
        )
        if task.kind in tasks:
            with pytest.raises(MaquetteError):
                draw(engine, recipe(engine, task=task))

    def test_a_task_it_lacks_is_refused(self, engine: Engine) -> None:
        upscale = Upscale(image="a" * 64, scale=2)
        task = (
            upscale
            if "upscale" not in engine.capabilities().tasks
            else Outpaint(image="a" * 64, left=8, work=Size(width=64, height=64))
        )
        with pytest.raises(RecipeRefused):
            engine.check(recipe(engine, task=task))


class DrawingEngine(AnyEngine):
    """Holds for every engine that draws from words."""

    def test_another_seed_another_picture(self, engine: Engine) -> None:
        one, two = draw(engine, [recipe(engine, seed=1), recipe(engine, seed=2)])
        assert one.image.tobytes() != two.image.tobytes()

    def test_other_words_another_picture(self, engine: Engine) -> None:
        one, two = draw(engine, [recipe(engine, "a red boat"), recipe(engine, "the moon")])
        assert one.image.tobytes() != two.image.tobytes()

    def test_a_batch_equals_singles(self, engine: Engine) -> None:
        asked = [
            recipe(engine, text, seed=seed)
            for seed, text in enumerate(("a boat", "the red (moon:1.4)", "cat on the sea"))
        ]
        for together, one in zip(draw(engine, asked), asked, strict=True):
            (alone,) = draw(engine, one)
            assert np.abs(array(together.image) - array(alone.image)).max() <= 1
            assert together.trace is not None and alone.trace is not None
            np.testing.assert_allclose(together.trace.maps, alone.trace.maps, atol=1e-5)

    def test_recipes_of_many_kinds_keep_their_index(self, engine: Engine) -> None:
        asked = [
            recipe(engine, seed=1),
            recipe(engine, seed=1, size=(96, 64)),
            recipe(engine, seed=2),
            recipe(engine, seed=1, steps=2),
        ]
        pictures = draw(engine, asked)
        assert [picture.index for picture in pictures] == [0, 1, 2, 3]
        assert [picture.image.size for picture in pictures] == [
            (64, 64),
            (96, 64),
            (64, 64),
            (64, 64),
        ]

    def test_maps_and_previews_change_nothing(self, engine: Engine) -> None:
        asked = recipe(engine, "a (red:1.3) boat")
        (told,) = draw(engine, asked, maps=True, previews=True)
        (plain,) = draw(engine, asked, maps=False)
        assert told.image.tobytes() == plain.image.tobytes()
        assert plain.trace is None

    def test_trace(self, engine: Engine) -> None:
        asked = recipe(engine, "a (red:1.5) boat on the sea", size=(64, 96))
        (picture,) = draw(engine, asked)
        trace = picture.trace
        assert trace is not None
        assert [word.text for word in trace.words] == ["a", "red", "boat", "on", "the", "sea"]
        assert [word.weight for word in trace.words] == [1, 1.5, 1, 1, 1, 1]
        source = asked.prompt.text if asked.prompt else ""
        assert all(source[word.start : word.end] == word.text for word in trace.words)
        words, rows, columns = trace.maps.shape
        assert words == 6 and rows * 64 == columns * 96
        assert trace.maps.dtype == np.float32
        assert trace.maps.min() >= 0 and trace.maps.sum(axis=0).max() <= 1 + 1e-3
        assert trace.ran["model"] == engine.capabilities().model.digest  # type: ignore[union-attr]
        assert trace.ran["timesteps"] == 3
        assert trace.timings

    def test_previews_only_when_asked(self, engine: Engine) -> None:
        asked = recipe(engine, steps=9)
        events = list(engine.run([asked], {}, previews=True))
        assert any(isinstance(event, Preview) for event in events)
        assert not any(isinstance(event, Preview) for event in engine.run([asked], {}))

    def test_cancel_between_steps(self, engine: Engine) -> None:
        cancel = Cancel()
        seen = 0
        with pytest.raises(Cancelled):
            for event in engine.run([recipe(engine, steps=6)], {}, cancel=cancel):
                seen = event.step if isinstance(event, Progress) else seen
                if seen == 2:
                    cancel.set()
        assert seen == 2

    def test_strength_counts(self, engine: Engine) -> None:
        start = photo()
        inputs = {digest(start): start}
        asked = [
            recipe(engine, task=ImageToImage(image=digest(start), strength=strength), steps=5)
            for strength in (0.2, 1.0)
        ]
        near, far = draw(engine, asked, inputs)
        assert near.image.size == start.size
        away = [np.abs(array(one.image) - array(start)).mean() for one in (near, far)]
        assert away[0] != away[1]

    def test_a_drawing_is_taken_up_where_it_was_kept(self, engine: Engine) -> None:
        (whole,) = draw(engine, recipe(engine, steps=8))
        assert whole.trace is not None
        kept = whole.trace.kept
        assert [each.step for each in kept] == [1, 2, 4, 6]
        other = recipe(engine, "the moon over the sea", steps=8)
        (scratch,) = draw(engine, other)
        away: list[float] = []
        for each in kept:
            task = Continue(trace="a" * 64, step=each.step)
            inputs = {task.latents: as_picture(each)}
            (resumed,) = draw(engine, other.change(task=task), inputs)
            assert resumed.image.tobytes() != scratch.image.tobytes()
            away.append(float(np.abs(array(resumed.image) - array(whole.image)).mean()))
        assert away == sorted(away, reverse=True), "the later, the nearer to what was kept"

    def test_words_grow_in_their_places(self, engine: Engine) -> None:
        if "anchored" not in engine.capabilities().tasks:
            return  # no skip: what an engine cannot do it does not claim
        (whole,) = draw(engine, recipe(engine, "the moon over the sea", steps=8))
        assert whole.trace is not None
        task = Anchored(trace="a" * 64, step=1)
        kept = {each.step: each for each in whole.trace.kept}
        inputs = {task.latents: as_picture(kept[1]), task.maps: as_planes(whole.trace)}

        def drawn(words: str) -> bytes:
            (picture,) = draw(engine, recipe(engine, words, steps=8, task=task), inputs)
            return picture.image.tobytes()

        assert drawn("the (moon:1.5) over the sea") != drawn("the (moon:2) over the sea")
        assert drawn("a boat over the sea") != drawn("the moon over the sea")

    def test_latents_of_another_shape_are_refused(self, engine: Engine) -> None:
        odd = Kept(step=2, steps=8, timestep=750.0, latents=np.zeros((5, 3, 3), np.float32))
        task = Continue(trace="a" * 64, step=2)
        with pytest.raises(RecipeRefused, match="kept drawing"):
            draw(engine, recipe(engine, task=task), {task.latents: as_picture(odd)})

    def test_inpaint_keeps_every_pixel_outside(self, engine: Engine) -> None:
        start = photo(112, 80)
        hole = mask(112, 80, BOX)
        task = Inpaint(
            image=digest(start),
            mask=digest(hole),
            region=Box(x=8, y=0, width=64, height=64),
            work=Size(width=64, height=64),
        )
        inputs = {digest(start): start, digest(hole): hole}
        (picture,) = draw(engine, recipe(engine, task=task, size=(112, 80)), inputs)
        outside = np.asarray(hole) == 0
        assert np.array_equal(np.asarray(picture.image)[outside], np.asarray(start)[outside])
        assert not np.array_equal(np.asarray(picture.image), np.asarray(start))
        assert 0 <= picture.notes["seam"] <= 1
        assert picture.trace is not None and picture.trace.region == task.region

    @pytest.mark.parametrize(
        "sides",
        [
            {"left": 24}, {"top": 16, "right": 8}, {"bottom": 150},
            {"left": 16, "top": 8, "overlap": 10},
        ],
    )  # fmt: skip
    def test_outpaint_keeps_the_old_picture(self, engine: Engine, sides: dict[str, int]) -> None:
        start = photo(64, 48)
        left, top = sides.get("left", 0), sides.get("top", 0)
        width, height = 64 + left + sides.get("right", 0), 48 + top + sides.get("bottom", 0)
        task = Outpaint(image=digest(start), work=Size(width=64, height=64), **sides)
        asked = recipe(engine, task=task, size=(width, height), steps=2)
        (picture,) = draw(engine, asked, {digest(start): start})
        assert picture.image.size == (width, height)
        over = sides.get("overlap", 0)
        kept = picture.image.crop((left + over, top + over, left + 64, top + 48))
        assert kept.tobytes() == start.crop((over, over, 64, 48)).tobytes()
        edge = picture.image.crop((left, top, left + over, top + 48))
        assert edge.tobytes() != start.crop((0, 0, over, 48)).tobytes() or not over
        assert "seam" in picture.notes

    def test_refusals(self, engine: Engine) -> None:
        able = engine.capabilities()
        good = recipe(engine)
        assert able.model is not None and good.sampling is not None
        other = ModelRef(name=able.model.name, digest="0" * 64)
        with pytest.raises(RecipeRefused, match="model"):
            engine.check(good.change(model=other))
        with pytest.raises(RecipeRefused, match="engine"):
            engine.check(good.change(engine="another"))
        with pytest.raises(RecipeRefused, match="prompt"):
            engine.check(good.change(prompt=None))
        with pytest.raises(RecipeRefused, match="LoRA"):
            engine.check(recipe(engine, "a boat <lora:ink:0.8>"))
        with pytest.raises(SettingRefused) as odd:
            engine.check(recipe(engine, size=(62 + able.multiple, 64)))
        assert f"{64 + able.multiple}x64" in odd.value.hint
        with pytest.raises(SettingRefused) as vast:
            engine.check(recipe(engine, size=(64, 1_000_000)))
        assert f"64x{able.max_side}" in vast.value.hint
        task = Outpaint(image="a" * 64, work=Size(width=64, height=64))
        with pytest.raises(SettingRefused):
            engine.check(recipe(engine, task=task))

    def test_what_is_refused_is_not_run_either(self, engine: Engine) -> None:
        with pytest.raises(SettingRefused):
            draw(engine, [recipe(engine), recipe(engine, size=(70, 64))])

    def test_explain(self, engine: Engine) -> None:
        assert isinstance(engine, Explainer)
        asked = recipe(engine, "a boat on the (sea:1.2)").prompt
        assert asked is not None
        first = engine.explain(photo(150, 90), asked)
        again = engine.explain(photo(150, 90), asked)
        assert [word.text for word in first.words] == ["a", "boat", "on", "the", "sea"]
        assert first.maps.shape[1] < first.maps.shape[2]
        assert np.array_equal(first.maps, again.maps)
