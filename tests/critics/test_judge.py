"""The judge: what a prompt claims, what the network sees, and what is said of the difference."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maquette.core.cost import Cost
from maquette.core.geometry import Size
from maquette.core.recipe import PromptText, Recipe, TextToImage
from maquette.core.version import Version, make_version
from maquette.critics.judge import Judge, has_judge
from maquette.critics.judge.claims import COLOURS, COUNTS, Claim, claims_of, noun_of
from maquette.critics.judge.network import Seen, load_sight
from maquette.critics.registry import load_critics
from maquette.errors import ModelRefused

NOUNS = ("moon", "wolf", "boat", "apple", "lemon", "orange", "tshirt", "scarf", "house", "mug")


@pytest.mark.parametrize(
    ("word", "noun"),
    [
        ("moon", "moon"),
        ("Wolves", "wolf"),
        ("sailboats", "boat"),
        ("scarves", "scarf"),
        ("t-shirt", "tshirt"),
        ("cottages", "house"),
        ("the", None),
        ("mist", None),
        ("", None),
    ],
)
def test_words_for_nouns(word: str, noun: str | None) -> None:
    assert noun_of(word, NOUNS) == noun


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("a lone wolf under a full moon", [("wolf", None, None), ("moon", None, None)]),
        ("a red mug", [("mug", "red", None)]),
        ("two red apples and a green lemon", [("apple", "red", 2), ("lemon", "green", None)]),
        ("a mug and a boat, blue sky", [("mug", None, None), ("boat", None, None)]),
        ("an orange mug", [("mug", "orange", None)]),
        ("three oranges", [("orange", None, 3)]),
        ("watercolour at dawn", []),
        ("a wolf, another wolf", [("wolf", None, None)]),
    ],
)
def test_claims(text: str, claims: list[tuple[str, str | None, int | None]]) -> None:
    found = claims_of(text, NOUNS)
    assert [(each.noun, each.colour, each.count) for each in found] == claims


def test_weights_come_along() -> None:
    assert claims_of("a (red mug:1.4) and a (boat:0.5)", NOUNS) == [
        Claim("mug", "mug", "red", None, 1.4),
        Claim("boat", "boat", None, None, 0.5),
    ]


@given(st.text(max_size=300))
def test_any_text_has_claims_or_none(text: str) -> None:
    assert all(each.noun in NOUNS for each in claims_of(text, NOUNS))


class Eyes:
    """Sees what it is told to."""

    nouns = NOUNS

    def __init__(self, **seen: Seen) -> None:
        self.seen = seen

    def see(self, picture: Image.Image) -> dict[str, Seen]:
        nothing = Seen(0.02, dict.fromkeys(COLOURS, 1 / 12), dict.fromkeys(COUNTS, 1 / 3))
        return {noun: self.seen.get(noun, nothing) for noun in NOUNS}


def seen(colour: str = "red", count: int = 1, present: float = 0.98) -> Seen:
    colours = {each: 0.9 if each == colour else 0.009 for each in COLOURS}
    return Seen(present, colours, {each: 0.9 if each == count else 0.05 for each in COUNTS})


def version(text: str, **task: Any) -> Version:
    size = Size(width=64, height=64)
    recipe = Recipe(engine="fake", task=TextToImage(), size=size, prompt=PromptText(text=text))
    return make_version(
        parents=(), operation="generate", recipe=recipe, image="a" * 64, size=size, trace=None,
        build="fake 1", cost=Cost(), created_at=datetime.now(UTC),
    )  # fmt: skip


def said(text: str, **eyes: Seen) -> list[tuple[str, str, tuple[str, ...]]]:
    judge = Judge(Path(), load=lambda _: Eyes(**eyes))  # type: ignore[arg-type,return-value]
    found = judge.look(version(text), Image.new("RGB", (64, 64)), None)
    return [(each.name, each.severity, each.words) for each in found]


def test_what_is_amiss() -> None:
    assert said("a red mug", mug=seen("red")) == []
    assert said("a red mug") == [("missing:mug", "fault", ("mug",))]
    assert said("a red mug", mug=seen("blue")) == [("colour:mug", "warning", ("red",))]
    assert said("two red apples", apple=seen("red", 3)) == [
        ("count:apples", "warning", ("apples",))
    ]
    assert said("two red apples", apple=seen("red", 2)) == []
    assert said("a red (mug:0.4)") == [], "somebody turned it down"
    assert said("a sky at dawn") == []


def test_a_doubt_is_no_finding() -> None:
    unsure = Seen(0.9, {**dict.fromkeys(COLOURS, 0.0), "red": 0.4, "blue": 0.6}, {1: 0.5, 2: 0.5})
    assert said("a red mug", mug=unsure) == []


def test_only_a_folder_with_a_judge_gives_one(tmp_path: Path) -> None:
    folder = tmp_path / "judge"
    assert not has_judge(folder)
    assert all(critic.name != "judge" for critic in load_critics(tmp_path))
    folder.mkdir()
    (folder / "judge.json").write_text("{}")
    (folder / "judge.safetensors").write_bytes(b"x")
    assert load_critics(tmp_path)[-1].name == "judge"
    with pytest.raises(ModelRefused, match="cannot be read"):
        load_sight(folder)


def test_the_network_is_the_one_that_is_trained(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    trained = pytest.importorskip("training.judge.network")
    from safetensors.torch import save_file

    torch.manual_seed(3)
    network = trained.Judge().eval()
    save_file(network.state_dict(), tmp_path / "judge.safetensors")
    facts = pytest.importorskip("training.world.facts")
    card = {"side": trained.SIDE, "cells": trained.CELLS, "nouns": list(facts.NOUNS)}
    (tmp_path / "judge.json").write_text(json.dumps(card))
    noise = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    mine = load_sight(tmp_path).see(Image.fromarray(noise))
    with torch.inference_mode():
        whole = torch.from_numpy(noise.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        small = torch.nn.functional.interpolate(whole, size=(trained.SIDE,) * 2, mode="area")
        theirs = network(small)
    for place, noun in enumerate(facts.NOUNS):
        assert mine[noun].present == pytest.approx(
            float(theirs.present[0, place].sigmoid()), abs=1e-5
        )
        colours = theirs.colour[0, place].softmax(0).tolist()
        assert list(mine[noun].colours.values()) == pytest.approx(colours, abs=1e-5)
