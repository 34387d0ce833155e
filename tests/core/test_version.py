"""Versions form a graph whose ids vouch for everything before them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maquette.core.cost import Cost, Money
from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Recipe, TextToImage
from maquette.core.version import SHORT, Version, ancestors, make_version

SIZE = Size(width=64, height=64)
RECIPE = Recipe(engine="fake", task=TextToImage(), size=SIZE, prompt=PromptText(text="a boat"))


def make(**changes: Any) -> Version:
    stated: dict[str, Any] = {
        "parents": (),
        "operation": "generate",
        "recipe": RECIPE,
        "image": "a" * 64,
        "size": SIZE,
        "trace": None,
        "build": "fake 1",
        "cost": Cost(seconds=1.5),
        "created_at": datetime(2026, 7, 1, 12, 0, 0, 123456, UTC),
    }
    return make_version(**{**stated, **changes})


def test_the_id_is_that_of_the_content_and_never_changes() -> None:
    version = make()
    assert version.intact
    assert version.id == "3e15e5b9dc1e254190896fa9a533f02d7f4ffbc1f7eb4f7baf3a6e7fb5dbc552"
    assert version.short == version.id[:SHORT]
    assert make() == version


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parents", ("b" * 64,)),
        ("operation", "vary"),
        ("recipe", RECIPE.change(engine="other")),
        ("image", "b" * 64),
        ("size", Size(width=64, height=65)),
        ("trace", "c" * 64),
        ("build", "fake 2"),
        ("cost", Cost(seconds=1.6)),
        ("cost", Cost(seconds=1.5, money=Money(amount="0.04"))),  # pyright: ignore[reportArgumentType]
        ("created_at", datetime(2026, 7, 1, 12, 0, 0, 123457, UTC)),
    ],
)
def test_nothing_stated_can_be_altered_unnoticed(field: str, value: Any) -> None:
    assert make(**{field: value}).id != make().id
    assert not make().model_copy(update={field: value}).intact


def test_a_version_comes_back_from_json() -> None:
    version = make(parents=("b" * 64, "c" * 64))
    again = Version.model_validate_json(version.model_dump_json())
    assert again == version and again.intact


def test_a_version_needs_a_time_zone_and_real_digests() -> None:
    with pytest.raises(ValidationError):
        make(created_at=datetime(2026, 7, 1))
    with pytest.raises(ValidationError):
        make(image="a" * 63)
    with pytest.raises(ValidationError):
        make(parents=("root",))
    east = datetime(2026, 7, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert make(created_at=east).intact


@given(st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=30))
def test_ancestors_are_each_named_once(shape: list[list[int]]) -> None:
    # Node i may only come from nodes before it, as in any history.
    parents = {
        str(node): tuple(str(parent % node) for parent in row) if node else ()
        for node, row in enumerate(shape)
    }
    for node in parents:
        found = ancestors(node, parents)
        assert len(set(found)) == len(found)
        assert node not in found
        for each in found:
            assert set(parents[each]) <= set(found)


def test_ancestors_come_nearest_first() -> None:
    parents = {"d": ("b", "c"), "b": ("a",), "c": ("a",)}
    assert ancestors("d", parents) == ("b", "c", "a")
    assert ancestors("a", parents) == ()
    assert ancestors("unknown", parents) == ()


def test_a_history_without_end_is_walked_without_recursion() -> None:
    parents = {str(n): (str(n - 1),) for n in range(1, 20_000)}
    assert len(ancestors("19999", parents)) == 19_999
