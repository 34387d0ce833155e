"""The drawn world: same seed, same scene; every noun visible; captions that make sense."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("skia")

from training.data import pack
from training.world import NOUNS, render, unseen
from training.world.facts import (
    INDOOR_PLACES,
    LOGOS,
    OUTDOOR_PLACES,
    POSES,
    SPECIES,
    STYLES,
    UNSEEN_COLOURS,
    UNSEEN_PLACES,
)
from training.world.palette import COLOURS, contrast
from training.world.phrases import SIDE_WORDS
from training.world.rooms import WALLS
from training.world.scene import BREADTHS, DRAWERS, HEIGHTS

from maquette.core.figure import JOINTS

SEEDS = range(60)
STARTS_OF_NOTHING = (
    *(" of on ", " of at ", " of by ", " of in ", " of with ", " ,", ",,", " a a ", " an an "),
    *(" a an ", " the a ", " in in ", " on on ", " with with ", " at at ", "  "),
)


def test_same_seed_same_scene() -> None:
    first, second = render(11), render(11)
    assert np.array_equal(first.picture, second.picture)
    assert first.captions == second.captions
    assert all(np.array_equal(first.masks[n], second.masks[n]) for n in first.masks)


def test_other_seed_other_scene() -> None:
    assert not np.array_equal(render(1).picture, render(2).picture)


@pytest.mark.parametrize("noun", sorted(DRAWERS))
def test_every_thing_has_a_visible_mask(noun: str) -> None:
    for seed in range(4):
        scene = render(seed, noun=noun, mode="one")
        assert [t.noun for t in scene.facts.things] == [noun]
        assert scene.picture.shape == (256, 256, 3)
        assert scene.picture.dtype == np.uint8
        assert scene.masks[noun].mean() > 0.01
        (left, top, right, bottom) = scene.facts.things[0].boxes[0]
        assert -4 <= left < right <= 260
        assert bottom - top > 50


@pytest.mark.parametrize("place", [*OUTDOOR_PLACES, *INDOOR_PLACES])
def test_every_place_has_a_mask(place: str) -> None:
    assert render(3, place=place).masks[place].mean() > 0.05


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
            assert not any(bad in f"^{caption.text} " for bad in STARTS_OF_NOTHING), caption.text
            assert "<" not in caption.text
            assert caption.spans, caption.text
            for start, end, noun in caption.spans:
                assert noun in NOUNS
                assert caption.text[start:end].strip(" ,") == caption.text[start:end]


def test_the_moon_of_a_caption_is_the_moon_of_its_span() -> None:
    scene = render(7, outdoor=True, time="night", light="full moon", phrasings=20)
    said = [c.text[s:e] for c in scene.captions for s, e, noun in c.spans if noun == "moon"]
    assert "moon" in said
    assert set(said) <= {"moon", "full", "big", "small", *SIDE_WORDS}
    assert "full" in said


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


@pytest.mark.parametrize("style", STYLES)
def test_styles_change_the_picture_and_keep_its_masks(style: str) -> None:
    fixed = {"noun": "apple", "mode": "one", "colour": "red", "lighting": "", "size": ""}
    flat, styled = (render(12, style=s, **fixed) for s in ("flat", style))
    masks = flat.masks["apple"], styled.masks["apple"]
    assert (masks[0] & masks[1]).sum() > 0.9 * (masks[0] | masks[1]).sum()
    assert np.array_equal(flat.picture, styled.picture) == (style == "flat")
    red, green, blue = styled.picture[styled.masks["apple"]].mean(0)
    assert red > green + 30
    assert red > blue + 30


def test_pixel_art_is_made_of_few_colours_in_blocks() -> None:
    picture = render(2, style="pixel").picture
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 20
    assert np.array_equal(picture[::4, ::4].repeat(4, 0).repeat(4, 1), picture)


@pytest.mark.parametrize("species", SPECIES)
def test_every_pose_has_a_skeleton_of_its_own(species: str) -> None:
    found = {}
    for pose in POSES:
        fixed = {"noun": species, "pose": pose, "mode": "one", "style": "flat", "size": ""}
        thing = render(21, position="centre", garment="", **fixed).facts.things[0]
        assert thing.pose == pose
        (skeleton,) = thing.skeletons
        assert tuple(skeleton) == JOINTS
        assert skeleton["nose"][2]
        assert sum(visible for _, _, visible in skeleton.values()) > 12
        found[pose] = [xy[:2] for xy in skeleton.values()]
    assert len({tuple(places) for places in found.values()}) == len(POSES)


def test_a_hand_is_raised_in_waving() -> None:
    for seed in range(6):
        thing = render(seed, noun="fox", pose="waving", mode="one").facts.things[0]
        (skeleton,) = thing.skeletons
        hands = [skeleton[f"{side}_hand"][1] for side in ("left", "right")]
        assert min(hands) < skeleton["left_shoulder"][1] < max(hands)


@pytest.mark.parametrize("garment", ["scarf", "hat", "shirt"])
def test_clothes_have_masks_and_their_colour(garment: str) -> None:
    fixed = {"noun": "bear", "colour": "brown", "mode": "one", "style": "flat", "size": "big"}
    scene = render(5, garment=garment, garment_colour="red", outdoor=False, **fixed)
    red, green, blue = scene.picture[scene.masks[garment]].mean(0)
    assert red > max(green, blue) + 60
    assert any(noun == garment for c in scene.captions for _, _, noun in c.spans)


@pytest.mark.parametrize("logo", LOGOS)
def test_logos_are_nouns_on_things(logo: str) -> None:
    scene = render(8, noun="mug", logo=logo, mode="one")
    box = np.argwhere(scene.masks[logo])
    left, top, right, bottom = scene.facts.things[0].boxes[0]
    assert box[:, 0].min() > top
    assert box[:, 0].max() < bottom
    assert left < box[:, 1].mean() < right


def test_depth_and_line_art_are_drawn_when_asked_for() -> None:
    plain = render(31, noun="wolf", time="night", light="full moon", mode="one", style="flat")
    assert plain.depth is None
    assert plain.line is None
    scene = render(
        31,
        noun="wolf",
        time="night",
        light="full moon",
        mode="one",
        style="flat",
        layers=("depth", "line"),
    )
    assert np.array_equal(scene.picture, plain.picture)
    assert scene.depth is not None
    assert scene.line is not None
    near = {noun: scene.depth[mask].mean() for noun, mask in scene.masks.items()}
    assert near["wolf"] > 1.5 * max(near["moon"], near["sky"]) + 40
    edge = scene.masks["wolf"] ^ np.roll(scene.masks["wolf"], 1, 1)
    assert scene.line[edge].mean() > 5 * scene.line.mean()
    assert 0.005 < (scene.line > 128).mean() < 0.25


def test_training_never_shows_reserved_pairs() -> None:
    assert not any(unseen(render(seed, phrasings=1).facts) for seed in range(3000, 3200))


def test_reserved_pairs_are_shown_when_asked_for() -> None:
    shown = [unseen(render(seed, unseen=True, phrasings=1).facts) for seed in range(40)]
    assert all(shown)
    pairs = {pair for found in shown for pair in found}
    assert pairs & UNSEEN_COLOURS
    assert pairs & UNSEEN_PLACES


def test_captions_use_more_than_120_words_and_fit() -> None:
    words, longest = set(), 0
    for seed in range(250):
        for caption in render(seed).captions:
            plain = caption.text.replace(",", " ")
            words |= set(plain.split())
            longest = max(longest, len(caption.text.replace(",", " ,").split()))
    assert len(words) >= 120
    assert longest <= 36


def test_a_short_caption_of_a_place_shows_nothing_else() -> None:
    for seed in range(300):
        scene = render(seed, phrasings=6)
        if any(c.text in ("misty forest", "calm sea", "snowy mountains") for c in scene.captions):
            assert not scene.facts.things
            assert scene.facts.time == "day"


def test_tables_of_sizes_know_every_thing() -> None:
    assert set(HEIGHTS) == set(DRAWERS)
    assert set(BREADTHS) <= set(DRAWERS)
    assert set(DRAWERS) <= set(NOUNS)
    assert len(NOUNS) == len(set(NOUNS)) <= 63


def test_packed_masks_keep_every_noun() -> None:
    for seed in range(20):
        masks = render(seed).masks
        packed = pack(masks)
        assert packed.shape == (32, 32)
        for noun in masks:
            assert ((packed >> np.uint64(NOUNS.index(noun))) & np.uint64(1)).any(), noun


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


def test_sided_captions_say_where_things_are_more_often() -> None:
    def share(sided: bool) -> float:
        texts = [
            c.text for seed in range(60) for c in render(seed, phrasings=4, sided=sided).captions
        ]
        return sum(any(w in SIDE_WORDS for w in t.replace(",", "").split()) for t in texts) / len(
            texts
        )

    assert share(True) > 0.55 > share(False)


def test_a_side_speaks_of_what_stands_there() -> None:
    scene = render(7, outdoor=True, noun="wolf", mode="one", position="left", phrasings=30)
    said = {(c.text[s:e], noun) for c in scene.captions for s, e, noun in c.spans}
    assert ("left", "wolf") in said
    assert ("on", "wolf") not in said
