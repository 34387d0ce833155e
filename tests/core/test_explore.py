"""Nearby and far styles, and what a prompt leaves open."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.explore import restyle, style_of, styles, suggestions
from maquette.core.grammar import parse, words
from maquette.core.wordbook import SLOTS, STYLES, distance, sayable

_SMALL = (
    "a wolf under full moon misty forest at night sunset flat illustration watercolour painting ink"
    " drawing pixel art red mug on wooden table soft light left the"
)
SMALL = frozenset(_SMALL.split())


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("a wolf, watercolour painting", "watercolour painting"),
        ("Flat Vector Illustration of a boat", "flat vector illustration"),
        ("a (pixel art:1.3) cat", "pixel art"),
        ("pixel, art", None),
        ("a wolf", None),
        ("", None),
    ],
)
def test_the_style_of_a_prompt(text: str, style: str | None) -> None:
    found = style_of(text)
    assert (found.phrase if found else None) == style


@pytest.mark.parametrize(
    ("text", "phrase", "restyled"),
    [
        ("a wolf", "pixel art", "a wolf, pixel art"),
        ("a wolf, ", "pixel art", "a wolf, pixel art"),
        ("watercolour painting of a (wolf:1.4)", "ink drawing", "ink drawing of a (wolf:1.4)"),
        ("a wolf, (pixel art:1.2), night", "oil painting", "a wolf, (oil painting:1.2), night"),
        ("", "oil painting", "oil painting"),
    ],
)
def test_a_prompt_in_another_style(text: str, phrase: str, restyled: str) -> None:
    assert restyle(text, phrase) == restyled
    assert style_of(restyled) is not None


def test_near_styles_come_nearest_first() -> None:
    here = style_of("flat illustration")
    assert here is not None
    by_phrase = {style.phrase: style for style in STYLES}
    found = styles("a wolf, flat illustration", reach="near", count=4)
    far = [distance(here, by_phrase[each.adds]) for each in found]
    assert far == sorted(far) and len(found) == 4
    assert all(each.slot == "style" and here.phrase not in each.text for each in found)


def test_far_styles_are_far_from_each_other_too() -> None:
    by_phrase = {style.phrase: style for style in STYLES}
    near, far = (
        [by_phrase[each.adds] for each in styles("a wolf", reach=reach, count=4)]
        for reach in ("near", "far")
    )

    def apart(found: list) -> float:
        return min(distance(a, b) for a in found for b in found if a is not b)

    assert apart(far) > 2 * apart(near)


def test_only_words_that_the_model_knows_are_proposed() -> None:
    for found in (
        styles("a wolf", reach="far", count=20, vocabulary=SMALL),
        styles("a wolf", reach="near", count=20, vocabulary=SMALL),
        suggestions("a wolf", count=20, vocabulary=SMALL),
    ):
        assert found
        assert all(sayable(each.adds, SMALL) for each in found)


def test_a_landscape_and_a_still_life_leave_other_things_open() -> None:
    wolf = {each.slot for each in suggestions("a wolf", count=20)}
    mug = {each.slot for each in suggestions("a red mug", count=20)}
    assert {"time", "light", "place", "style"} <= wolf and not {"surface", "background"} & wolf
    assert {"surface", "background", "lighting"} <= mug and not {"time", "weather"} & mug
    assert "time" in {each.slot for each in suggestions("a red bag on the hills", count=20)}


def test_what_is_said_already_is_not_proposed() -> None:
    slots = {each.slot for each in suggestions("a wolf under a (full moon:1.3) at night", count=20)}
    assert not {"time", "light"} & slots


def test_each_open_slot_is_proposed_once_before_any_twice() -> None:
    found = [each.slot for each in suggestions("a wolf", count=20) if each.slot != "style"]
    firsts = found[: len(set(found))]
    assert len(set(firsts)) == len(firsts)


@given(
    text=st.text(max_size=60)
    | st.lists(st.sampled_from([*SMALL, "(", ")", ":1.3", ",", "[", "|", "]"]), max_size=9).map(
        " ".join
    ),
    count=st.integers(-2, 9),
)
def test_any_prompt_keeps_its_words_in_every_proposal(text: str, count: int) -> None:
    said = [word.text for word in words(parse(text))]
    for each in suggestions(text, count=count):
        assert [word.text for word in words(parse(each.text))][: len(said)] == said or not said
    assert len(styles(text, count=count)) <= max(0, count)


def test_the_book_is_in_order() -> None:
    assert len({style.phrase for style in STYLES}) == len(STYLES)
    assert all(0 <= axis <= 1 for s in STYLES for axis in (s.realism, s.line, s.softness))
    assert len({slot.name for slot in SLOTS}) == len(SLOTS)
    for slot in SLOTS:
        for phrase in slot.phrases:
            assert set(phrase.split()) & slot.marks, f"'{phrase}' does not fill {slot.name}"
    assert all(a.phrase != b.phrase for a, b in pairwise(STYLES))


def test_flags_stay_at_the_end() -> None:
    text = "a wolf, watercolour painting --ar 3:2 --no night"
    assert restyle(text, "ink drawing") == "a wolf, ink drawing --ar 3:2 --no night"
    assert restyle("a wolf --ar 3:2", "ink drawing") == "a wolf, ink drawing --ar 3:2"
    for found in suggestions("a wolf --no moon", count=4):
        assert found.text.endswith(" --no moon") and found.text.startswith("a wolf")
    assert {found.slot for found in suggestions("a wolf --no moon", count=20)} >= {"light"}
