"""A drawing that is taken up again: the same bits, whatever the sampler scales its latents by."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines.making import array, draw, recipe

from maquette.core.anchors import as_planes
from maquette.core.recipe import Anchored, Continue
from maquette.core.trajectory import as_picture
from maquette.engines.diffusers import DiffusersEngine


@pytest.mark.parametrize("sampler", ["ddim", "euler"])
def test_to_the_same_bits_where_a_step_needs_no_memory(
    engine: DiffusersEngine, sampler: str
) -> None:
    asked = recipe(engine, "a (red:1.3) boat", steps=8, sampler=sampler)
    (whole,) = draw(engine, asked)
    assert whole.trace is not None and len(whole.trace.kept) == 4
    for kept in whole.trace.kept:
        task = Continue(trace="a" * 64, step=kept.step)
        (again,) = draw(engine, asked.change(task=task), {task.latents: as_picture(kept)})
        away = abs(array(again.image) - array(whole.image)).max()
        assert away == 0 if sampler == "ddim" else away <= 1
        assert again.trace is not None and again.trace.ran["timesteps"] == 8 - kept.step


def test_anchored_words_are_heavier_in_their_places_alone(engine: DiffusersEngine) -> None:
    asked = recipe(engine, "a (red:1.3) boat", steps=8)
    (whole,) = draw(engine, asked)
    assert whole.trace is not None
    kept, task = whole.trace.kept[0], Anchored(trace="a" * 64, step=whole.trace.kept[0].step)
    maps = np.zeros_like(whole.trace.maps)
    maps[1, : maps.shape[1] // 4, : maps.shape[2] // 4] = 1
    trace = whole.trace.model_copy(update={"maps": maps})
    inputs = {task.latents: as_picture(kept), task.maps: as_planes(trace)}

    def drawn(words: str) -> np.ndarray:
        asked = recipe(engine, words, steps=8, task=task)
        return array(draw(engine, asked, inputs)[0].image)

    same = drawn("a (red:1.3) boat")
    assert np.array_equal(same, array(whole.image)), "what weighs as before is drawn as before"
    everywhere = asked.change(task=Continue(trace="a" * 64, step=task.step))
    (less,) = draw(engine, recipe(engine, "a red boat", steps=8, task=everywhere.task), inputs)
    assert np.array_equal(drawn("a red boat"), array(less.image)), "less is less everywhere"
    assert not np.array_equal(drawn("a (red:2) boat"), same)


def test_a_draft_goes_on_with_another_sampler_and_more_steps(engine: DiffusersEngine) -> None:
    (draft,) = draw(engine, recipe(engine, steps=4, sampler="dpm++"))
    assert draft.trace is not None
    kept = draft.trace.kept[0]
    task = Continue(trace="a" * 64, step=kept.step)
    final = recipe(engine, steps=16, sampler="ddim", task=task)
    (done,) = draw(engine, final, {task.latents: as_picture(kept)})
    assert done.trace is not None and done.trace.ran["timesteps"] == 12


def test_without_maps_nothing_is_kept(engine: DiffusersEngine) -> None:
    (plain,) = draw(engine, recipe(engine, steps=8), maps=False)
    assert plain.trace is None
