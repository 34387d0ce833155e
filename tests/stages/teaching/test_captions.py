"""Captions suggested by looking: what shall stay free is named, the subject's own is not."""

from __future__ import annotations

import pytest

from maquette.core.dataset import Entry
from maquette.core.geometry import Size
from maquette.stages.teaching.captions import Shown, Thing, captioned, words_for

FOREST, MOON = Thing("forest", scenery=True), Thing("moon", scenery=True)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (Shown((FOREST, MOON), "night"), "forest, moon, at night"),
        (Shown((Thing("mug", "red"), Thing("table", scenery=True)), "day"), "a red mug, table"),
        (Shown((Thing("apple", "green", 3),)), "three green apples"),
        (Shown((Thing("wolf", "", 2), Thing("orange")), "night"), "two wolves, an orange"),
        (Shown((Thing("backdrop", scenery=True),), "dawn"), "backdrop"),
        (Shown(time="night"), ""),
    ],
)
def test_what_is_seen_in_words(shown: Shown, words: str) -> None:
    assert words_for(shown) == words
    assert Shown.unpacked(shown.packed()) == shown


def test_the_subject_is_named_without_its_colours() -> None:
    seen = Shown((Thing("wolf", "grey"), Thing("scarf", "red"), FOREST))
    assert words_for(seen, "wolf") == "a wolf, a red scarf, forest"


def entry(told: str = "nobody", caption: str = "") -> Entry:
    return Entry.model_validate(
        {
            "image": "a" * 64,
            "source": "a.png",
            "size": Size(width=64, height=64),
            "told": told,
            "caption": caption,
        }
    )


def test_what_most_pictures_share_is_the_subject() -> None:
    bear = Thing("bear", "purple")
    seen = [Shown((bear, FOREST)), Shown((bear, Thing("mug", "red"))), Shown((bear,)), Shown()]
    found = captioned([entry()] * 4, seen, "mascot")
    assert [each.caption for each in found] == ["forest", "a red mug", "", ""]
    assert [each.told for each in found] == ["seen", "seen", "nobody", "nobody"]


def test_what_somebody_said_is_left_alone_and_suggestions_follow_the_set() -> None:
    entries = [entry("typed"), entry("file", "my words"), entry("seen", "an old suggestion")]
    found = captioned(entries, [Shown((FOREST,))] * 3)
    assert [each.caption for each in found] == ["", "my words", "forest"]
    assert captioned(entries, None) == entries, "nobody looks: nothing changes"


def test_only_what_was_kept_so_is_read() -> None:
    for damaged in ({}, {"things": [{"colour": 1}], "time": ""}, {"things": 3, "time": ""}):
        with pytest.raises(ValueError, match="nothing that was seen"):
            Shown.unpacked(damaged)
