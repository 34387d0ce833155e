"""A training is a value with a digest; a caption says its trigger."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from maquette.core.dataset import Dataset, Entry, Remark
from maquette.core.geometry import Size
from maquette.core.training import (
    Course,
    Example,
    Inversion,
    LowRank,
    Training,
    load_training,
    spoken,
)
from maquette.core.value import ModelRef
from maquette.errors import TrainingRefused

EXAMPLES = tuple(Example(image=f"{number:064x}", caption="a pim") for number in range(3))
TRAINING = Training(
    name="pim",
    model=ModelRef(name="postcard", digest="a" * 64),
    size=Size(width=256, height=256),
    trigger="pim",
    method=LowRank(),
    examples=EXAMPLES,
)
GOLDEN = "f8a03f6c31d52da59abfd23485b630551cc3b7cd793d9de3e702a8f9ce41ac44"
"""Trainings that were begun go on under this name: it must not change by accident."""


def test_the_digest_names_what_decides_the_adapter() -> None:
    assert TRAINING.digest == GOLDEN
    assert load_training(TRAINING.model_dump(mode="json")).digest == TRAINING.digest
    faster = TRAINING.model_copy(update={"course": Course(rate=1e-4)})
    assert Training.model_validate(faster.model_dump()).digest != TRAINING.digest
    assert TRAINING.adapter == "lora"
    word = TRAINING.model_copy(update={"method": Inversion(initial="mascot")})
    assert word.adapter == "embedding"


def test_two_pictures_are_too_few() -> None:
    told = TRAINING.model_dump(mode="json")
    with pytest.raises(TrainingRefused, match="examples"):
        load_training({**told, "examples": told["examples"][:2]})
    with pytest.raises(TrainingRefused, match="name"):
        load_training({**told, "name": "../pim"})


def test_the_rate_rises_holds_and_falls() -> None:
    course = Course(steps=100, rate=1.0, warmup=9, hold=0.5)
    rates = [course.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:51] == [1.0] * 42
    assert rates[75] == pytest.approx(0.5) and rates[99] == pytest.approx(0.05)
    with pytest.raises(ValidationError):
        Course(rate=float("nan"))


@pytest.mark.parametrize(
    ("caption", "subject", "said"),
    [
        ("a mascot by the sea", "mascot", "a pim mascot by the sea"),
        ("a Pim by the sea", "mascot", "a Pim by the sea"),
        ("by the sea", "mascot", "pim mascot, by the sea"),
        ("pimples by the sea", "", "pim, pimples by the sea"),
        ("", "mascot", "pim mascot"),
        ("", "", "pim"),
    ],
)
def test_a_caption_says_the_trigger(caption: str, subject: str, said: str) -> None:
    assert spoken(caption, "pim", subject) == said
    assert spoken(said, "pim", subject) == said


def test_a_person_counts_before_the_remarks() -> None:
    entry = Entry(image="b" * 64, source="1.png", size=Size(width=9, height=9))
    blurred = entry.model_copy(
        update={"remarks": (Remark(name="blur", message="blurred", fatal=True),)}
    )
    kept = blurred.model_copy(update={"kept": True})
    dropped = entry.model_copy(update={"kept": False})
    dataset = Dataset(name="pim", entries=(entry, blurred, kept, dropped))
    assert dataset.used == (entry, kept)
    assert [example.caption for example in dataset.examples] == ["pim", "pim"]
