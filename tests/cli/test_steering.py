"""Options for what steers a picture beside its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from tests.engines.making import photo

from maquette.cli.steering import read_steering_options, steered_by
from maquette.core.recipe import Control, Embedding, Lora, ModelRef, Reference


def read(**given: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {"control": None, "reference": None, "lora": None, "embedding": None}
    return read_steering_options(**{**options, **given})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("canny=a.png", {"condition": "canny", "image": "a.png", "make": False}),
        ("canny=from:@~2", {"image": "@~2", "make": True}),
        ("depth@my-net=a.png:0.8", {"adapter": "my-net", "strength": 0.8}),
        ("pose=C:/maps/a.png:1:.2-0.9", {"image": "C:/maps/a.png", "start": 0.2, "end": 0.9}),
        ("inpaint", {"condition": "inpaint", "adapter": None}),
        ("inpaint@fill-net:0.8:0-0.5", {"adapter": "fill-net", "strength": 0.8, "end": 0.5}),
        ("tile=maps/a=b.png:2", {"condition": "tile", "image": "maps/a=b.png", "strength": 2.0}),
    ],
)
def test_controls(text: str, expected: dict[str, Any]) -> None:
    [found] = read(control=[text])["control"]
    assert {key: found[key] for key in expected} == expected
    assert "strength" in found or "strength" not in expected


def test_references_loras_and_words() -> None:
    found = read(
        reference=["style=@", "character@ip=a b.png:0.7", "object=c.png:1.2:0.1-.5"],
        lora=["ink", "wash:-0.5", "dir/x.safetensors:1.25"],
        embedding=["team", "mug=<mug>"],
    )
    assert [(each["role"], each["image"]) for each in found["reference"]] == [
        ("style", "@"),
        ("character", "a b.png"),
        ("object", "c.png"),
    ]
    assert found["reference"][1]["adapter"] == "ip" and found["reference"][1]["strength"] == 0.7
    assert "start" not in found["reference"][1]
    assert [found["reference"][2][name] for name in ("strength", "start", "end")] == [1.2, 0.1, 0.5]
    [second] = read(reference=["face#2@who=us.png:0.5"])["reference"]
    assert (second["face"], second["adapter"], second["strength"]) == (2, "who", 0.5)
    assert found["lora"] == {"ink": 1.0, "wash": -0.5, "dir/x.safetensors": 1.25}
    assert found["embedding"] == {"team": "team", "mug": "<mug>"}


@pytest.mark.parametrize(
    "given",
    [
        {"control": ["canny"]},
        {"control": ["=a.png"]},
        {"control": ["canny="]},
        {"reference": ["style"]},
        {"reference": ["face#=a.png"]},
        {"control": ["pose#2=a.png"]},
        {"lora": [""]},
        {"lora": ["ink", "ink:0.4"]},
        {"embedding": ["=word"]},
    ],
)
def test_other_forms_are_usage_errors(given: dict[str, list[str]]) -> None:
    with pytest.raises(typer.BadParameter):
        read(**given)


def test_a_map_of_a_file_needs_no_project(maquette: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    photo(90, 60).save(source)
    done = maquette("control", str(source), "--kind", "tile", "-o", str(target), "--size", "64x64")
    assert done.code == 0, done.err
    assert "64x64" in done.out
    with Image.open(target) as made:
        assert made.size == (64, 64)
        assert np.asarray(made).std() > 1


def test_an_engine_that_takes_none_says_so(maquette: Any) -> None:
    done = maquette("generate", "a boat", "--lora", "ink", "--size", "64x64")
    assert done.code != 0
    assert "takes no LoRAs" in done.err


def test_each_conditioning_in_a_line() -> None:
    digest = "ab" * 32
    net = ModelRef(name="net", digest=digest)
    assert steered_by(Lora(name="ink", digest=digest, weight=0.5)) == "LoRA ink at 0.5"
    assert "0.1 on the words" in steered_by(Lora(name="ink", digest=digest, text_weight=0.1))
    assert "'team'" in steered_by(Embedding(word="team", digest=digest))
    control = Control(condition="depth", image=digest, adapter=net, end=0.5)
    assert steered_by(control) == "depth ababababab, by net at 1, 0 to 0.5"
    filling = control.model_copy(update={"condition": "inpaint"})
    assert steered_by(filling) == "what surrounds the hole, by net at 1, 0 to 0.5"
    reference = Reference(role="style", image=digest, mask=digest)
    told = "style of ababababab, by attention to the picture at 1, in a part"
    assert steered_by(reference) == told
