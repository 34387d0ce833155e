"""Faces by a recogniser against diffusers' own pipeline on the same weights, noise and steps."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engines import nets
from tests.engines.conditions.adapters import ref, state
from tests.engines.conditions.faces import NUMBERS, FaceKind, write_faceid
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_stock import near, stock
from tests.engines.tiny import build

from maquette.core.recipe import Recipe, Reference
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.learned.catalogue import find
from maquette.engines.learned.recognise import Recogniser, aligned

WORDS = "a red boat on the sea"
MARKS = ((50.0, 60.0), (90.0, 62.0), (70.0, 80.0), (54.0, 104.0), (86.0, 105.0))
FACE, OTHER = photo(140, 150, seed=21), photo(140, 150, seed=22)
KINDS: tuple[FaceKind, ...] = ("plain", "portrait", "plus", "plusv2", "resampled")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, adapters of faces of each kind, and recognisers."""
    root = tmp_path_factory.mktemp("models")
    model = build(root / "sd", "sd15")
    for kind in KINDS:
        write_faceid(
            model, root / "ip-adapters" / kind, kind, lora=kind not in {"portrait", "resampled"}
        )
    nets.face_teller(root / "recognisers" / "arc.onnx", NUMBERS)
    nets.face_teller(root / "recognisers" / "short.onnx", 16)
    return root


@pytest.fixture(scope="module")
def engine(models: Path) -> DiffusersEngine:
    return create(models / "sd", models=models, threads=1)


def path_of(models: Path, kind: str) -> Path:
    return models / "ip-adapters" / (kind if "plus" in kind else f"{kind}.safetensors")


def face(models: Path, kind: str, image: Image.Image = FACE, **more: Any) -> Reference:
    told = {"recogniser": find("recognisers", "arc", models).ref, "marks": MARKS, **more}
    return Reference(role="face", image=digest(image), adapter=ref(path_of(models, kind)), **told)


def asked(engine: DiffusersEngine, *references: Reference) -> Recipe:
    plain = recipe(engine, WORDS, negative="the moon", steps=4, size=(64, 64))
    return plain.change(conditionings=references)


def drawn(engine: DiffusersEngine, *references: Reference, inputs: Any = None) -> Image.Image:
    """Our picture; the model is as it was afterwards."""
    before = state(engine)
    given = {digest(each): each for each in (FACE, OTHER)} | (inputs or {})
    (picture,) = draw(engine, asked(engine, *references), given)
    assert state(engine) == before
    return picture.image


def theirs(
    models: Path, kind: str, images: list[Image.Image], scale: float, **more: Any
) -> np.ndarray:
    """The stock pipeline's picture, as its guide feeds it with a recogniser's vectors."""
    pipeline = stock(models / "sd", "ddim")
    path = path_of(models, kind)
    plus = "plus" in kind
    where = {"subfolder": "", "image_encoder_folder": "image_encoder" if plus else None}
    file = next(path.glob("*.safetensors")) if plus else path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_ip_adapter(file.parent, weight_name=file.name, **where)
    pipeline.set_ip_adapter_scale(scale)
    network = Recogniser(models / "recognisers" / "arc.onnx")
    vectors = [network.vector(aligned(each, MARKS)) for each in images]
    if kind != "resampled":
        vectors = [each / np.linalg.norm(each) for each in vectors]
    told = torch.from_numpy(np.stack(vectors))[None]  # (1, pictures, numbers)
    if kind == "resampled":
        told = told[:, :, None]
    if plus:
        seen = pipeline.prepare_ip_adapter_image_embeds(
            [[aligned(each, MARKS, 224) for each in images]], None, torch.device("cpu"), 1, True
        )[0]
        layer = pipeline.unet.encoder_hid_proj.image_projection_layers[0]
        layer.clip_embeds, layer.shortcut = seen, kind == "plusv2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline(
            WORDS,
            negative_prompt="the moon",
            num_inference_steps=4,
            guidance_scale=4.0,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            ip_adapter_image_embeds=[torch.cat([torch.zeros_like(told), told])],
            **more,
        ).images[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_face_is_drawn_as_the_stock_pipeline_draws_it(
    engine: DiffusersEngine, models: Path, kind: str
) -> None:
    ours = drawn(engine, face(models, kind, strength=0.8))
    near(ours, theirs(models, kind, [FACE], 0.8))
    assert np.abs(array(ours) - array(drawn(engine))).mean() > 0.5
    assert np.abs(array(ours) - array(drawn(engine, face(models, kind, OTHER)))).mean() > 0.5
