"""The drawn world: same seed, same scene; every noun visible; captions that make sense."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("skia")

from training.data import pack
from training.world import NOUNS, render
from training.world.palette import COLOURS, contrast
from training.world.rooms import WALLS
from training.world.scene import DRAWERS

SEEDS = range(60)
STARTS_OF_NOTHING = ("of on", "of at", "of by", "of in", "of with", " ,", ",,", "a a ", "  ")


def test_same_seed_same_scene() -> None:
    first, second = render(11), render(11)
    assert np.array_equal(first.picture, second.picture)
    assert first.captions == second.captions
    assert all(np.array_equal(first.masks[n], second.masks[n]) for n in first.masks)


def test_other_seed_other_scene() -> None:
    assert not np.array_equal(render(1).picture, render(2).picture)


@pytest.mark.parametrize("noun", sorted(DRAWERS))
def test_every_thing_has_a_visible_mask(noun: str) -> None:
    fixed = {"noun": noun, "mode": "one"}
    if noun in ("wolf", "tree", "house", "boat", "balloon"):
        fixed |= {"outdoor": True, "place": "sea" if noun == "boat" else "hills"}
    else:
        fixed |= {"outdoor": False}
    for seed in range(4):
        scene = render(seed, **fixed)
        assert scene.picture.shape == (256, 256, 3)
        assert scene.picture.dtype == np.uint8
        assert scene.masks[noun].mean() > 0.01


@pytest.mark.parametrize("place", ["forest", "mountains", "sea", "desert", "city", "hills"])
def test_every_place_has_a_mask(place: str) -> None:
    assert render(3, outdoor=True, place=place).masks[place].mean() > 0.05


@pytest.mark.parametrize("size", ["big", "", "small"])
def test_the_moon_grows_with_its_word(size: str) -> None:
    fixed = {
        "outdoor": True,
        "time": "night",
        "light": "full moon",
        "place": "hills",
        "mode": "none",
    }
    areas = {s: render(5, light_size=s, **fixed).masks["moon"].sum() for s in ("big", "", "small")}
    assert areas["big"] > areas[""] > areas["small"]
    assert size in areas


def test_masks_are_of_known_nouns_and_do_not_overlap() -> None:
    for seed in SEEDS:
        masks = render(seed).masks
        assert set(masks) <= set(NOUNS)
        solid = [m.astype(int) for n, m in masks.items() if n != "stars"]
        assert np.sum(solid, axis=0).max() <= 1


def test_captions_have_a_subject_and_true_spans() -> None:
    for seed in SEEDS:
        scene = render(seed)
        for caption in scene.captions:
            assert caption.text
            assert caption.text == caption.text.strip(" ,")
            assert not any(bad in caption.text for bad in STARTS_OF_NOTHING), caption.text
            assert "<" not in caption.text
            assert caption.spans, caption.text
            for start, end, noun in caption.spans:
                assert noun in NOUNS
                assert caption.text[start:end].strip(" ,") == caption.text[start:end]


def test_the_moon_of_a_caption_is_the_moon_of_its_span() -> None:
    scene = render(7, outdoor=True, time="night", light="full moon", phrasings=20)
    said = [c.text[s:e] for c in scene.captions for s, e, noun in c.spans if noun == "moon"]
    assert "moon" in said
    assert set(said) <= {"moon", "full", "big", "small"}


def test_captions_vary() -> None:
    assert len({c.text for c in render(4, phrasings=12).captions}) > 4


def test_things_stand_out_from_what_is_behind_them() -> None:
    for seed in range(12):
        scene = render(
            seed, outdoor=True, time="night", place="forest", noun="wolf", mode="one", style="flat"
        )
        wolf = scene.masks["wolf"]
        inner = scene.picture[wolf].mean(0)
        around = np.zeros_like(wolf)
        rows, columns = np.nonzero(wolf)
        around[
            max(rows.min() - 8, 0) : rows.max() + 8, max(columns.min() - 8, 0) : columns.max() + 8
        ] = True
        outer = scene.picture[around & ~wolf].mean(0)
        assert contrast(tuple(inner), tuple(outer)) > 0.1


def test_named_colours_are_told_apart() -> None:
    names = sorted(COLOURS)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    assert min(contrast(COLOURS[a], COLOURS[b]) for a, b in pairs) > 0.1
    assert set(WALLS) <= set(COLOURS)


def test_packed_masks_keep_every_noun() -> None:
    for seed in range(20):
        masks = render(seed).masks
        packed = pack(masks)
        assert packed.shape == (32, 32)
        for noun in masks:
            assert ((packed >> NOUNS.index(noun)) & 1).any(), noun


def test_fixed_choices_hold() -> None:
    scene = render(
        9,
        outdoor=True,
        time="night",
        place="forest",
        noun="wolf",
        mode="one",
        light="full moon",
        style="flat",
        position="left",
    )
    facts = scene.facts
    assert (facts.time, facts.place, facts.light, facts.style) == (
        "night",
        "forest",
        "full moon",
        "flat",
    )
    assert facts.things[0].noun == "wolf"
    assert facts.things[0].position == "left"
