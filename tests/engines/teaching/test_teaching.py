"""Every family learns, is as it was afterwards, and reads what it has learned."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tests.engines.making import recipe

from maquette.core.geometry import Size
from maquette.core.recipe import Embedding, Lora
from maquette.core.training import (
    Course,
    DreamBooth,
    Example,
    Inversion,
    LowRank,
    Training,
)
from maquette.engines.base import Cancel, Learned, Lesson, Picture, Sheet, Study
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions.catalogue import digest_of_adapter, recognise
from maquette.errors import Cancelled, TrainingRefused

SIZE = Size(width=64, height=64)
PICTURES: Mapping[str, Image.Image] = {
    f"{number:064x}": Image.fromarray(
        np.random.default_rng(number).integers(0, 256, (80, 64, 3), dtype=np.uint8)
    )
    for number in range(3)
}


def training(engine: DiffusersEngine, method: Any, **how: Any) -> Training:
    """Three pictures, two steps."""
    course = {"steps": 2, "batch": 2, "rate": 0.05, "warmup": 0, **how.pop("course", {})}
    return Training(
        name="pim",
        model=engine.card.ref,
        size=SIZE,
        trigger="pim",
        method=method,
        examples=tuple(Example(image=image, caption="a pim cat") for image in PICTURES),
        course=Course(**course),
        sheet_every=0,
        **how,
    )


def taught(engine: DiffusersEngine, asked: Training, folder: Path) -> list[Study]:
    folder.mkdir(exist_ok=True)
    return list(engine.teach(asked, PICTURES, folder))


def state(engine: DiffusersEngine) -> dict[str, tuple[int, bool, str]]:
    """Where each weight lies, whether it learns, and what it is part of."""
    parts = engine.parts()
    networks = [parts.network, *(each for each in parts.text_encoders if each is not None)]
    return {
        f"{number}.{name}": (weight.data_ptr(), weight.requires_grad, type(weight).__name__)
        for number, network in enumerate(networks)
        for name, weight in network.named_parameters()
    } | {
        f"{number}.{name}": (id(module), module.training, type(module).__name__)
        for number, network in enumerate(networks)
        for name, module in network.named_modules()
    }


def drawn(engine: DiffusersEngine, text: str, *conditionings: Any) -> np.ndarray:
    asked = recipe(engine, text).change(conditionings=conditionings)
    (picture,) = [e for e in engine.run([asked], {}, maps=False) if isinstance(e, Picture)]
    return np.asarray(picture.image)


@pytest.fixture
def engine_of(request: pytest.FixtureRequest) -> Any:
    def find(family: str) -> DiffusersEngine:
        name = "engine" if family == "postcard" else f"{family}_engine"
        return request.getfixturevalue(name)

    return find


@pytest.mark.parametrize(
    ("family", "layers"),
    [
        ("sd15", "attention"),
        ("postcard", "all"),
        ("sdxl", "all"),
        ("sd3", "attention"),
        ("flux", "all"),
    ],
)
def test_a_lora_is_learned_and_read(
    family: str,
    layers: Any,
    engine_of: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = engine_of(family)
    before = state(engine)
    place = tmp_path / "loras" / "pim"
    place.parent.mkdir()
    events = taught(engine, training(engine, LowRank(rank=2, layers=layers)), place)
    assert state(engine) == before, "the very same modules and weights"
    assert [e.step for e in events if isinstance(e, Lesson)] == [1, 2]
    (learned,) = [event for event in events if isinstance(event, Learned)]
    adapter = recognise(place)
    assert adapter is not None and adapter.kind == "lora"
    tensors = load_file(learned.file)
    assert sum(each.numel() for each in tensors.values()) == learned.parameters
    assert any(bool(each.any()) for name, each in tensors.items() if "lora_B" in name)

    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path))
    lora = Lora(name="pim", digest=digest_of_adapter(adapter))
    plain = drawn(engine, "a red boat")
    assert (drawn(engine, "a red boat", lora) != plain).any()
    assert (drawn(engine, "a red boat") == plain).all()


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_word_is_learned_and_read(
    family: str, engine_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(family)
    before = state(engine)
    place = tmp_path / "embeddings" / "pim"
    place.parent.mkdir()
    events = taught(engine, training(engine, Inversion(vectors=2, initial="cat")), place)
    assert state(engine) == before
    (learned,) = [event for event in events if isinstance(event, Learned)]
    tensors = load_file(learned.file)
    assert set(tensors) == ({"pim"} if family == "sd15" else {"clip_l", "clip_g"})
    assert {len(each) for each in tensors.values()} == {2}

    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path))
    adapter = recognise(place)
    assert adapter is not None
    word = Embedding(word="pim", digest=digest_of_adapter(adapter))
    assert (drawn(engine, "a pim boat", word) != drawn(engine, "a pim boat")).any()


def test_the_vectors_really_learn(sd15_engine: DiffusersEngine, tmp_path: Path) -> None:
    found = []
    for steps in (1, 3):
        asked = training(sd15_engine, Inversion(vectors=1, initial="cat"), course={"steps": steps})
        taught(sd15_engine, asked, tmp_path / str(steps))
        found.append(load_file(tmp_path / str(steps) / "learned_embeds.safetensors")["pim"])
    assert not torch.equal(*found)


def test_what_was_interrupted_ends_in_the_same_file(
    engine: DiffusersEngine, tmp_path: Path
) -> None:
    asked = training(engine, DreamBooth(rank=2, subject="cat", prior=1), course={"steps": 5})
    whole = [each for each in taught(engine, asked, tmp_path / "whole") if isinstance(each, Lesson)]
    place, cancel = tmp_path / "parts", Cancel()
    place.mkdir()
    first = engine.teach(asked, PICTURES, place, cancel=cancel)
    began = [next(first), next(first)]
    cancel.set()
    with pytest.raises(Cancelled):
        next(first)
    second = engine.teach(asked, PICTURES, place)
    went_on = [next(second)]
    second.close()  # as a worker that is dropped
    rest = [each for each in taught(engine, asked, place) if isinstance(each, Lesson)]
    assert [*began, *went_on, *rest] == whole
    name = "pytorch_lora_weights.safetensors"
    one, two = (load_file(tmp_path / each / name) for each in ("whole", "parts"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert len(list((place / "prior").glob("*.png"))) == 1
    (done,) = taught(engine, asked, place)
    assert isinstance(done, Learned), "a finished training is not begun again"


def test_a_kill_costs_ten_steps_at_most(engine: DiffusersEngine, tmp_path: Path) -> None:
    asked = training(engine, LowRank(rank=1), course={"steps": 14})
    place, killed = tmp_path / "whole", tmp_path / "killed"
    place.mkdir()
    under_way = engine.teach(asked, PICTURES, place)
    seen = [next(under_way) for _ in range(13)]
    shutil.copytree(place, killed)  # what a kill leaves: no farewell of the generator
    seen += [each for each in under_way if isinstance(each, Lesson)]
    again = [each for each in taught(engine, asked, killed) if isinstance(each, Lesson)]
    assert [each.step for each in again] == [11, 12, 13, 14]
    assert again == seen[10:]
    name = "pytorch_lora_weights.safetensors"
    assert (place / name).read_bytes()[-64:] == (killed / name).read_bytes()[-64:]


def test_sheets_are_drawn_on_the_way(engine: DiffusersEngine, tmp_path: Path) -> None:
    asked = training(engine, LowRank(rank=1), samples=("a pim cat", "a pim boat"))
    asked = Training.model_validate({**asked.model_dump(), "sheet_every": 1})
    sheets = [e for e in taught(engine, asked, tmp_path / "x") if isinstance(e, Sheet)]
    assert [sheet.step for sheet in sheets] == [1, 2]
    assert sheets[0].image.width == 2 * SIZE.width + 8


def test_a_state_of_another_training_is_not_gone_on_with(
    engine: DiffusersEngine, tmp_path: Path
) -> None:
    asked = training(engine, LowRank(rank=1))
    taught(engine, asked, tmp_path / "x")
    other = training(engine, LowRank(rank=1), course={"seed": 5})
    steps = [e.step for e in taught(engine, other, tmp_path / "x") if isinstance(e, Lesson)]
    assert steps == [1, 2]


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("sd3", {"method": Inversion(initial="cat")}, "reads no learned words"),
        ("sd15", {"size": Size(width=60, height=64)}, "does not draw 60x64"),
    ],
)
def test_what_cannot_be_taught_is_refused(
    family: str, change: dict[str, Any], message: str, engine_of: Any
) -> None:
    engine = engine_of(family)
    with pytest.raises(TrainingRefused, match=message):
        engine.check_training(training(engine, LowRank()).model_copy(update=change))


def test_another_model_is_refused_and_doubts_are_told(
    sd15_engine: DiffusersEngine, engine: DiffusersEngine
) -> None:
    asked = training(engine, LowRank())
    with pytest.raises(TrainingRefused, match="is for the model"):
        sd15_engine.check_training(asked)
    told = " ".join(engine.check_training(asked))
    assert "3 pictures are few" in told and "same caption" in told


def test_an_inpainting_model_is_refused(tmp_path: Path) -> None:
    from tests.engines.tiny import build

    engine = create(build(tmp_path / "inpaint", "sd15", channels=9), threads=1)
    with pytest.raises(TrainingRefused, match="made for inpainting"):
        engine.check_training(training(engine, LowRank()))
