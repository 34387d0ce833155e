"""Versions form a graph whose ids vouch for everything before them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from maquette.core.cost import Cost, Money
from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Recipe, TextToImage
from maquette.core.version import SHORT, Version, make_version

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
