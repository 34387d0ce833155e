"""Flags in a prompt, where words came from, and locked words, through the façade."""

from __future__ import annotations

import pytest
from PIL import Image

from maquette import Studio, Version
from maquette.errors import (
    AddressRefused,
    RecipeRefused,
    SettingRefused,
    VersionUnknown,
    WordLocked,
)
from maquette.stages.order import Order

LOCKED = {"locked": ["Acme red"]}


def locked_mug(studio: Studio) -> Version:
    order = studio.orders.generate("an Acme red mug, studio light", seed=3, quality="draft")
    (mug,) = studio.carry_out(Order("generate", order.recipes, origins=(LOCKED,)))
    return mug


def test_flags_become_settings_and_the_origin_tells_of_them(studio: Studio) -> None:
    typed = "a wolf --ar 3:2 --no fog --seed 12 --draft --tile"
    (wolf,) = studio.generate(typed, negative="text")
    recipe = wolf.recipe
    assert recipe.prompt and recipe.sampling
    assert (recipe.prompt.text, recipe.prompt.negative) == ("a wolf", "text, fog")
    assert recipe.sampling.seed == 12
    assert recipe.size.width / recipe.size.height == pytest.approx(1.5, rel=0.03)
    (plain,) = studio.generate("a wolf", negative="text, fog", seed=12, quality="draft")
    assert recipe.sampling == plain.recipe.sampling
    told = studio.origin(wolf)
    assert told["typed"] == typed
    assert [flag for flag, _ in told["left"]] == ["--tile"]
    assert studio.origin(plain) == {}


def test_what_is_given_by_name_counts_before_a_flag(studio: Studio) -> None:
    (wolf,) = studio.generate("a wolf --seed 12 --ar 3:2", seed=4, size=(256, 256))
    assert wolf.recipe.sampling and wolf.recipe.sampling.seed == 4
    assert (wolf.size.width, wolf.size.height) == (256, 256)


def test_how_flags_are_read_can_be_said(studio: Studio) -> None:
    (wolf,) = studio.generate("a wolf --ar 3:2", flags="none", seed=1)
    assert wolf.recipe.prompt and wolf.recipe.prompt.text == "a wolf --ar 3:2"
    (dog,) = studio.generate("a dog --unknown", seed=1)
    assert dog.recipe.prompt and dog.recipe.prompt.text == "a dog --unknown"
    with pytest.raises(SettingRefused, match="--unknown is no flag"):
        studio.generate("a dog --unknown", flags="midjourney")
    with pytest.raises(SettingRefused, match="not read as 'dalle'"):
        studio.generate("a dog", flags="dalle")
    (both,) = studio.generate("moon:: wolf::2", flags="midjourney", seed=1)
    assert both.recipe.prompt and both.recipe.prompt.text == "moon :1 AND wolf :2"


def test_references_among_the_flags_are_drawn_or_refused_never_ignored(studio: Studio) -> None:
    studio.generate("a wolf", seed=1, quality="draft")
    with pytest.raises(RecipeRefused, match="takes no LoRAs, controls or references"):
        studio.generate("a fox --sref @")
    with pytest.raises(VersionUnknown):
        studio.generate("a fox --oref @~7")
    for address in ("http://127.0.0.1/x.png", "https://10.0.0.1/x.png"):
        with pytest.raises(AddressRefused):
            studio.generate(f"a fox --sref {address}")
    (fox,) = studio.generate("a fox --sref /etc/passwd", seed=1, quality="draft")
    assert studio.origin(fox)["left"][0][1].startswith("a prompt names no files")


def test_styles_are_explored_under_the_same_flags(studio: Studio) -> None:
    made = studio.explore("a wolf --ar 3:2 --seed 9", n=2)
    for version in made:
        prompt, sampling = version.recipe.prompt, version.recipe.sampling
        assert prompt and prompt.text.startswith("a wolf, ") and "--" not in prompt.text
        assert sampling and sampling.seed == 9 and version.size.width > version.size.height


def test_a_reference_hands_no_locks_on(studio: Studio) -> None:
    mug = locked_mug(studio)
    order = studio.orders.generate("a wolf", seed=3, quality="draft")
    (wolf,) = studio.carry_out(Order("generate", order.recipes, (mug.id,)))
    assert studio.locked(wolf) == ()
    (again,) = studio.carry_out(Order("generate", (mug.recipe,), (mug.id,)))
    assert studio.locked(again) == ("Acme red",)


def test_several_pictures_by_a_flag(studio: Studio) -> None:
    assert len(studio.generate("a wolf --repeat 3 --seed 5")) == 3
    assert len(studio.generate("a wolf --repeat 3 --seed 5", n=2)) == 2


def test_the_origin_comes_by_the_queue_too(studio: Studio) -> None:
    (job,) = studio.submit(studio.orders.generate("a wolf --draft --seed 1"))
    assert job.arguments["origin"]["typed"] == "a wolf --draft --seed 1"


def test_locked_words_cannot_be_weakened_in_any_later_version(studio: Studio) -> None:
    mug = locked_mug(studio)
    assert studio.locked(mug) == ("Acme red",)
    louder = studio.reweight(mug, {"Acme red": 1.4})
    again = studio.rollback(mug)
    for version in (mug, louder, again):
        with pytest.raises(WordLocked, match=r"weighs 0\.5"):
            studio.reweight(version, {"red": 0.5})
        with pytest.raises(WordLocked, match="is missing"):
            studio.vary(version, prompt="a blue mug")
        with pytest.raises(WordLocked, match="negative"):
            studio.vary(version, negative="acme red")
        with pytest.raises(WordLocked):
            studio.submit(studio.orders.reweight(version, {"Acme": 0.9}))
    assert studio.locked(studio.upscale(louder)) == ("Acme red",)


def test_a_part_of_the_picture_need_not_hold_them(studio: Studio) -> None:
    mug = locked_mug(studio)
    mask = Image.new("L", (mug.size.width, mug.size.height), 0)
    mask.paste(255, (10, 10, 80, 80))
    (edited) = studio.inpaint(mug, mask, "a green leaf")
    assert studio.locked(edited) == ("Acme red",)
    with pytest.raises(WordLocked, match="negative"):
        studio.inpaint(mug, mask, "a green leaf", negative="Acme red")


def test_what_is_refused_leaves_nothing_behind(studio: Studio) -> None:
    mug = locked_mug(studio)
    with pytest.raises(WordLocked):
        studio.reweight(mug, {"red": 0.5})
    assert len(studio.log()) == 1 and len(studio.jobs()) == 1
