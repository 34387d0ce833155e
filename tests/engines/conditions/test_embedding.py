"""Words learned by textual inversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.engines.conditions.adapters import ref, state
from tests.engines.making import array, draw, recipe
from tests.engines.test_stock import near, stock
from tests.engines.tiny import build

from maquette.core.recipe import Embedding
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions.embedding import Speller
from maquette.errors import RecipeRefused


def vectors(count: int, width: int = 32, seed: int = 5) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed)) * 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build(tmp_path_factory.mktemp("models") / "sd15", "sd15")
    own = model / "adapters"
    own.mkdir()
    save_file({"<mug>": vectors(1)[0]}, own / "mug.safetensors")
    save_file({"emb_params": vectors(3)}, own / "team-style.safetensors")
    save_file({"emb_params": vectors(1, 48)}, own / "wide.safetensors")
    return model


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


def embedding(folder: Path, name: str, word: str) -> Embedding:
    return Embedding(word=word, digest=ref(folder / "adapters" / f"{name}.safetensors").digest)


def drawn(engine: DiffusersEngine, text: str, *told: Any, **how: Any) -> Any:
    before = state(engine)
    asked = recipe(engine, text, steps=4, **how).change(conditionings=told)
    (picture,) = draw(engine, asked)
    assert state(engine) == before
    return picture


@pytest.mark.parametrize(("name", "word"), [("mug", "mug"), ("team-style", "team-style")])
def test_as_the_stock_pipeline_draws_it(
    engine: DiffusersEngine, folder: Path, name: str, word: str
) -> None:
    text = f"a red {word} on the sea"
    ours = drawn(engine, text, embedding(folder, name, word)).image
    pipeline = stock(folder, "ddim")
    pipeline.load_textual_inversion(folder / "adapters" / f"{name}.safetensors", token=word)
    theirs = pipeline(
        text,
        num_inference_steps=4,
        guidance_scale=4.0,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(ours, theirs)
    assert np.abs(array(ours) - array(drawn(engine, text).image)).mean() > 0.5


def test_its_weight_and_its_map_count(engine: DiffusersEngine, folder: Path) -> None:
    told = embedding(folder, "team-style", "team-style")
    plain = drawn(engine, "a boat, team-style", told)
    heavy = drawn(engine, "a boat, (team-style:4)", told)
    word = next(i for i, w in enumerate(plain.trace.words) if w.text == "team-style")
    assert heavy.trace.maps[word].sum() > 1.2 * plain.trace.maps[word].sum() > 0


def test_a_word_of_several_vectors_is_as_many_tokens_at_one_place(engine: DiffusersEngine) -> None:
    tokenizer = engine.parts().tokenizer
    speller = Speller(tokenizer, {"zog": [900, 901, 902]})
    answer = speller("a zog boat", add_special_tokens=False, return_offsets_mapping=True)
    plain = tokenizer("a boat", add_special_tokens=False)["input_ids"]
    assert answer["input_ids"] == [plain[0], 900, 901, 902, plain[1]]
    assert len(set(answer["offset_mapping"][1:4])) == 1
    start, end = answer["offset_mapping"][1]
    assert "a zog boat"[start:end].strip() == "zog"
    inside = speller("zogs", add_special_tokens=False, return_offsets_mapping=True)
    assert 900 not in inside["input_ids"]


def test_another_models_vectors_are_refused_before_anything_is_loaded(folder: Path) -> None:
    engine = create(folder)
    asked = recipe(engine, "a wide boat")
    asked = asked.change(conditionings=(embedding(folder, "wide", "wide"),))
    with pytest.raises(RecipeRefused, match="48 numbers, this model's words 32"):
        engine.check(asked)
    assert engine._parts is None
