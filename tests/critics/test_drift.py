"""Drift: colours that have left their reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maquette.core.finding import Finding
from maquette.core.geometry import Box, Size
from maquette.core.recipe import Inpaint, PromptText, Recipe, Reference
from maquette.core.value import ModelRef
from maquette.core.version import Version
from maquette.critics.drift import Drift, apart, missed
from maquette.critics.faces import SeenFace
from maquette.critics.judge.network import Seen

MakeVersion = Callable[..., Version]


def ground(colour: tuple[int, int, int]) -> Image.Image:
    ramp = np.linspace(0.5, 1.0, 64)[:, None, None] * np.array(colour)
    return Image.fromarray(np.broadcast_to(ramp, (64, 64, 3)).astype(np.uint8))


NIGHT, SUNSET = ground((40, 50, 110)), ground((240, 140, 60))


def test_where_colours_stand_does_not_matter() -> None:
    assert apart(NIGHT, NIGHT) == 0
    assert apart(NIGHT, NIGHT.transpose(Image.Transpose.ROTATE_90)) == pytest.approx(0, abs=1)
    assert apart(NIGHT, SUNSET) > 60


def test_styles_are_held_to_their_colours(make: MakeVersion) -> None:
    critic = Drift(lambda digest: {"a" * 64: NIGHT, "b" * 64: SUNSET}[digest])

    def names(shown: Image.Image, *roles: str, image: str = "a") -> list[str]:
        told = tuple(Reference(role=role, image=image * 64) for role in roles)  # pyright: ignore[reportArgumentType]
        version = make()
        recipe: Recipe = version.recipe.change(conditionings=told)
        asked = version.model_copy(update={"recipe": recipe})
        return [each.name for each in critic.look(asked, shown, None)]

    assert names(SUNSET, "style") == ["drift"]
    assert names(NIGHT, "style") == []
    assert names(SUNSET, "character") == [] and names(SUNSET) == []


def mug(colour: str, wall: str = "beige", x: int = 20) -> Image.Image:
    picture = Image.new("RGB", (64, 64), wall)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 48, 64, 64), fill="saddlebrown")
    draw.rectangle((x, 20, x + 22, 52), fill=colour)
    return picture


def test_a_subjects_colours_are_looked_for_wherever_it_stands() -> None:
    near = missed(mug("crimson"), mug("crimson", "lightblue", 34))
    far = missed(mug("crimson"), mug("royalblue"))
    assert near is not None and far is not None and near < 10 and far > 40
    assert missed(Image.new("RGB", (64, 64), "beige"), mug("crimson")) is None


def looked(make: MakeVersion, shown: Image.Image, prompt: str = "", **how: Any) -> list[Finding]:
    told = Reference(role="object", image="a" * 64)
    recipe = make().recipe.change(
        conditionings=(told,), prompt=PromptText(text=prompt) if prompt else None
    )
    version = make().model_copy(update={"recipe": recipe})
    return Drift(lambda _: mug("crimson"), **how).look(version, shown, None)


def test_an_object_of_other_colours_has_drifted(make: MakeVersion) -> None:
    (found,) = looked(make, mug("royalblue"))
    assert found.name == "drift" and found.severity == "warning" and found.score > 0.4
    assert looked(make, mug("crimson", x=8)) == []


def seen(present: float, colour: str = "red") -> Seen:
    return Seen(present, {"red": 0.05, "blue": 0.05, colour: 0.9}, {1: 1.0})


@pytest.mark.parametrize(
    ("shown", "prompt", "named"),
    [
        ({"mug": seen(0.9)}, "", []),
        ({"mug": seen(0.9, "blue")}, "", ["drift:mug"]),
        ({"mug": seen(0.9, "blue")}, "a blue mug", []),
        ({"mug": seen(0.1)}, "", ["drift:mug"]),
        ({"mug": seen(0.1)}, "a mug by the sea", []),
    ],
    ids=["kept", "recoloured", "as asked", "gone", "the judge's to miss"],
)
def test_a_judge_says_what_became_of_it(
    make: MakeVersion, shown: dict[str, Seen], prompt: str, named: list[str]
) -> None:
    places = {"sea": seen(0.9, "blue"), "bolt": seen(0.2)}
    reference, own = mug("crimson"), mug("royalblue")
    answers = {reference.tobytes(): {"mug": seen(0.95), **places}, own.tobytes(): shown | places}
    sight = SimpleNamespace(
        nouns=("mug", "sea", "bolt"), see=lambda picture: answers[picture.tobytes()]
    )
    found = looked(make, own, prompt, judge=Path("judge"), load=lambda _: sight)
    assert [each.name for each in found] == named


def test_where_the_judge_knows_nothing_colours_are_asked(make: MakeVersion) -> None:
    sight = SimpleNamespace(nouns=("mug",), see=lambda _: {"mug": seen(0.1)})
    (found,) = looked(make, mug("royalblue"), judge=Path("judge"), load=lambda _: sight)
    assert found.name == "drift"


def told(*angles: float) -> list[SeenFace]:
    """Faces in a row, told by directions in a plane: the difference of angles is unlikeness."""
    return [
        SeenFace(
            Box(x=64 * number, y=8, width=40, height=40),
            np.array([np.cos(angle), np.sin(angle)], np.float32),
        )
        for number, angle in enumerate(angles)
    ]


@pytest.mark.parametrize(
    ("references", "shown", "names"),
    [
        ([0.0], [1.5, 0.3], []),
        ([0.0], [1.5, 1.4], ["drift:face"]),
        ([0.0], [], ["drift:face"]),
        ([0.0, 2.0], [2.1, 0.2], []),
        ([0.0, 2.0], [0.2, -0.2], ["drift:face-2"]),
    ],
    ids=["is there", "a stranger", "nobody", "both", "the second is lacking"],
)
def test_a_face_is_held_to_be_the_same_persons(
    make: MakeVersion, references: list[float], shown: list[float], names: list[str]
) -> None:
    pictures = {f"{number:x}" * 64: angle for number, angle in enumerate(references, 1)}
    answers: dict[int, list[SeenFace]] = {}
    faces = [ground((number, 90, 90)) for number in range(len(references))]
    for face, angle in zip(faces, references, strict=True):
        answers[id(face)] = told(angle)
    brought = dict(zip(pictures, faces, strict=True))
    mask = "e" * 64
    asked = tuple(Reference(role="face", image=digest, mask=mask) for digest in pictures)
    version = make()
    side = Size(width=64, height=64)
    edit = Inpaint(image="a" * 64, mask=mask, region=Box(x=0, y=0, width=64, height=64), work=side)
    recipe = version.recipe.change(conditionings=asked, task=edit)
    version = version.model_copy(update={"recipe": recipe})
    answers[id(SUNSET)] = told(*shown)
    critic = Drift(brought.__getitem__, faces=lambda picture: answers[id(picture)])
    found = critic.look(version, SUNSET, None)
    assert [each.name for each in found] == names
    if names and shown:
        assert found[0].region is not None and found[0].score > 0.4
        assert "likeness" in found[0].message
    assert Drift(brought.__getitem__, faces=lambda _: None).look(version, SUNSET, None) == []


def test_pictures_of_one_person_are_held_together(make: MakeVersion) -> None:
    """Their middle counts, not the one that is farthest off."""
    who = ModelRef(name="arc", digest="f" * 64)
    marks = tuple((float(n), 1.0) for n in range(5))
    near, far = ground((1, 90, 90)), ground((2, 90, 90))
    asked = tuple(
        Reference(role="face", image=each * 64, adapter=who, recogniser=who, marks=marks)
        for each in "12"
    )
    version = make()
    version = version.model_copy(update={"recipe": version.recipe.change(conditionings=asked)})
    answers = {id(near): told(0.0), id(far): told(1.2), id(SUNSET): told(-0.3)}
    critic = Drift({"1" * 64: near, "2" * 64: far}.__getitem__, faces=lambda p: answers[id(p)])
    assert critic.look(version, SUNSET, None) == []
