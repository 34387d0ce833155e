"""Faces by a recogniser against diffusers' own pipeline on the same weights, noise and steps."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.engines import nets
from tests.engines.conditions.adapters import ref, state, write_ip, write_lora
from tests.engines.conditions.faces import NUMBERS, FaceKind, encoder, write_faceid
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_families import near as near_of_family
from tests.engines.test_families import stock as stock_of_family
from tests.engines.test_stock import near, stock

from maquette.core.recipe import Lora, Recipe, Reference
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions import Catalogue
from maquette.engines.diffusers.conditions.catalogue import recognise
from maquette.engines.diffusers.samplers import build_scheduler
from maquette.engines.learned.catalogue import find
from maquette.engines.learned.recognise import Recogniser, aligned
from maquette.errors import ModelMissing, ModelRefused, RecipeRefused

WORDS = "a red boat on the sea"
MARKS = ((50.0, 60.0), (90.0, 62.0), (70.0, 80.0), (54.0, 104.0), (86.0, 105.0))
FACE, OTHER = photo(140, 150, seed=21), photo(140, 150, seed=22)
KINDS: tuple[FaceKind, ...] = ("plain", "portrait", "plus", "plusv2", "resampled")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, sd15: Path) -> Path:
    """A model, adapters of faces of each kind, and recognisers."""
    root = tmp_path_factory.mktemp("models")
    model = root / "sd"
    model.symlink_to(sd15)
    for kind in KINDS:
        write_faceid(
            model, root / "ip-adapters" / kind, kind, lora=kind not in {"portrait", "resampled"}
        )
    write_ip(model, root / "ip-adapters" / "likeness")
    nets.face_teller(root / "recognisers" / "arc.onnx", NUMBERS)
    nets.face_teller(root / "recognisers" / "short.onnx", 16)
    return root


@pytest.fixture(scope="module")
def engine(models: Path) -> DiffusersEngine:
    return create(models / "sd", models=models, threads=1)


def path_of(models: Path, kind: str) -> Path:
    return models / "ip-adapters" / (kind if "plus" in kind else f"{kind}.safetensors")


def face(models: Path, kind: str, image: Image.Image = FACE, **more: Any) -> Reference:
    who, by = find("recognisers", "arc", models).ref, ref(path_of(models, kind))
    told = {"recogniser": who, "marks": MARKS, "adapter": by, **more}
    return Reference(role="face", image=digest(image), **told)


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
    models: Path, kind: str, images: list[Image.Image], scale: Any, **more: Any
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


@pytest.mark.parametrize("kind", ["portrait", "plusv2"])
def test_several_pictures_of_a_person_are_read_as_one(
    engine: DiffusersEngine, models: Path, kind: str
) -> None:
    ours = drawn(engine, *(face(models, kind, each, strength=0.6) for each in (FACE, OTHER)))
    near(ours, theirs(models, kind, [FACE, OTHER], 0.6))
    assert np.abs(array(ours) - array(drawn(engine, face(models, kind, strength=0.6)))).mean() > 0.2


def test_two_persons_have_a_place_each(engine: DiffusersEngine, models: Path) -> None:
    from diffusers.image_processor import IPAdapterMaskProcessor

    halves = [Image.new("L", (64, 64)) for _ in range(2)]
    for number, half in enumerate(halves):
        half.paste(255, (32 * number, 0, 32 * number + 32, 64))
    ours = drawn(
        engine,
        *(
            face(models, "portrait", each, strength=0.7, mask=digest(half))
            for each, half in zip((FACE, OTHER), halves, strict=True)
        ),
        inputs={digest(each): each for each in halves},
    )
    masks = IPAdapterMaskProcessor().preprocess(halves, height=64, width=64)
    masks = masks.reshape(1, 2, 64, 64)
    told = theirs(
        models,
        "portrait",
        [FACE, OTHER],
        [[0.7, 0.7]],
        cross_attention_kwargs={"ip_adapter_masks": [masks]},
    )
    near(ours, told)


def test_a_face_a_picture_and_words_go_together(engine: DiffusersEngine, models: Path) -> None:
    picture = photo(seed=12)
    style = Reference(
        role="style", image=digest(picture), adapter=ref(models / "ip-adapters" / "likeness")
    )
    told = (face(models, "plain"), face(models, "plus", OTHER, start=0.5), style)
    inputs = {digest(each): each for each in (FACE, OTHER, picture)}
    before = state(engine)

    def traced(text: str, conditionings: Any = told) -> Any:
        recipe_ = recipe(engine, text, steps=4).change(conditionings=conditionings)
        (made,) = draw(engine, recipe_, inputs, maps=True)
        assert made.trace is not None
        return made

    plain, heavy = traced("a red boat"), traced("a red (boat:3)")
    assert heavy.trace.maps[2].mean() > 1.2 * plain.trace.maps[2].mean()
    whole = traced("a red boat", (told[0], face(models, "plus", OTHER), style))
    assert np.abs(array(whole.image) - array(plain.image)).mean() > 0.2, "it begins half way"
    assert state(engine) == before


def test_a_batch_draws_what_each_alone_would(engine: DiffusersEngine, models: Path) -> None:
    told = (face(models, "plusv2", strength=0.7),)
    recipes = [
        recipe(engine, text, steps=3, seed=seed).change(conditionings=told)
        for text, seed in (("a red boat", 1), ("a cat", 2))
    ]
    together = create(models / "sd", models=models, threads=1, together=2)
    inputs = {digest(FACE): FACE}
    for alone, beside in zip(
        draw(engine, recipes, inputs), draw(together, recipes, inputs), strict=True
    ):
        assert np.abs(array(alone.image) - array(beside.image)).max() <= 1


@pytest.mark.parametrize("kind", ["plusv2", "resampled"])
def test_half_the_digits_draw_nearly_the_same(
    engine: DiffusersEngine, models: Path, kind: str
) -> None:
    half = create(models / "sd", models=models, threads=1, dtype="bfloat16")
    told = asked(half, face(models, kind, strength=0.8))
    (made,) = draw(half, told, {digest(FACE): FACE})
    assert half.parts().dtype == torch.bfloat16
    whole = drawn(engine, face(models, kind, strength=0.8))
    without = np.abs(array(drawn(engine)) - array(whole)).mean()
    assert np.abs(array(made.image) - array(whole)).mean() < 0.5 * without


def test_at_strength_0_nothing_is_left_of_it(engine: DiffusersEngine, models: Path) -> None:
    """Its LoRA goes with it."""
    assert array(drawn(engine, face(models, "plain", strength=0.0))) == pytest.approx(
        array(drawn(engine))
    )


def test_what_it_cannot_be_told_by_is_refused(engine: DiffusersEngine, models: Path) -> None:
    short = find("recognisers", "short", models).ref
    with pytest.raises(RecipeRefused, match="by 16 numbers, 'plain' reads 24"):
        engine.check(asked(engine, face(models, "plain", recogniser=short)))
    with pytest.raises(RecipeRefused, match="recognition network, and none is given"):
        engine.check(asked(engine, face(models, "plus", recogniser=None, marks=())))
    with pytest.raises(ModelMissing, match="'gone'"):
        gone = short.model_copy(update={"name": "gone", "digest": "0" * 64})
        engine.check(asked(engine, face(models, "plain", recogniser=gone)))
    pictures = ref(models / "ip-adapters" / "likeness")
    with pytest.raises(RecipeRefused, match="reads pictures"):
        engine.check(asked(engine, face(models, "plain", adapter=pictures)))


def test_its_own_lora_is_not_given_twice(engine: DiffusersEngine, models: Path) -> None:
    """The published file of it is the same tensors by other names."""
    folder = models / "loras"
    write_lora(models / "sd", folder / "ink.safetensors", text=False)
    layers = list(engine.parts().unet.attn_processors)
    own: dict[str, torch.Tensor] = {}
    for key, value in load_file(path_of(models, "plain")).items():
        if "_lora." in key:
            _, number, rest = key.split(".", 2)
            own[f"unet.{layers[int(number)]}.{rest}"] = value.half()
    save_file(own, folder / "faceid_lora.safetensors")

    def given(name: str, kind: str) -> Recipe:
        lora = Lora(name=name, digest=ref(folder / f"{name}.safetensors").digest, weight=0.6)
        return asked(engine, face(models, kind, strength=0.5)).change(
            conditionings=(lora, face(models, kind, strength=0.5))
        )

    with pytest.raises(RecipeRefused, match="'faceid_lora' is the one that 'plain' brings itself"):
        engine.check(given("faceid_lora", "plain"))
    engine.check(given("ink", "plain"))
    engine.check(given("faceid_lora", "portrait"))  # has none of its own
    engine.check(given("faceid_lora", "plusv2"))  # has another


def test_files_are_known_by_their_tensors(models: Path, tmp_path: Path) -> None:
    known = {each.name: each for each in Catalogue(create(models / "sd").card, models)}
    assert {known[kind].roles for kind in KINDS} == {("face",)}
    assert {known[kind].numbers for kind in KINDS} == {NUMBERS}
    assert known["likeness"].numbers == 0
    # Beside a shared image encoder each file is still what it is.
    shared = tmp_path / "models" / "ip-adapters" / "h94"
    shutil.copytree(path_of(models, "plus"), shared)
    shutil.copy(path_of(models, "resampled"), shared / "ip-adapter-faceid-portrait.safetensors")
    write_ip(models / "sd", tmp_path / "ip")
    shutil.copy(tmp_path / "ip" / "ip-adapter.safetensors", shared / "ip-adapter_sd15.safetensors")
    named = {each.name: each for each in Catalogue(create(models / "sd").card, tmp_path / "models")}
    assert {name for name, each in named.items() if each.roles == ("face",)} == {
        "ip-adapter-faceid-plus_sd15",
        "ip-adapter-faceid-portrait",
    }
    assert named["ip-adapter_sd15"].numbers == 0
    alone = shutil.copy(
        next(path_of(models, "plus").glob("*.safetensors")), tmp_path / "faceid-plus.safetensors"
    )
    with pytest.raises(ModelMissing, match="lacks its image_encoder"):
        recognise(Path(alone))
    cut = tmp_path / "cut.safetensors"
    whole = path_of(models, "plain").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelRefused, match="cut short"):
        recognise(cut)
    pickled = tmp_path / "ip-adapter-faceid_sd15.bin"
    pickled.write_bytes(b"\x80\x02")
    with pytest.raises(ModelRefused, match="pickled"):
        recognise(pickled)


def test_older_spellings_and_wrong_encoders(engine: DiffusersEngine, models: Path) -> None:
    tensors = load_file(path_of(models, "plain"))
    spelt = {key.replace("ip_adapter.", "adapter_modules."): each for key, each in tensors.items()}
    save_file(spelt, models / "ip-adapters" / "older.safetensors")
    older = drawn(engine, face(models, "older"))
    assert array(older) == pytest.approx(array(drawn(engine, face(models, "plain"))))
    folder = models / "ip-adapters" / "mixed-plus"
    shutil.copytree(path_of(models, "plus"), folder)
    encoder(16).save_pretrained(folder / "image_encoder")
    with pytest.raises(ModelRefused, match="the adapter reads 32"):
        drawn(engine, face(models, "mixed-plus"))


def test_on_sdxl(models: Path, sdxl: Path) -> None:
    write_faceid(sdxl, models / "ip-adapters" / "large", lora=True)
    engine = create(sdxl, models=models, threads=1)
    plain = recipe(engine, WORDS, steps=3, sampler="euler", guidance=3.0)
    told = plain.change(conditionings=(face(models, "large", strength=0.8),))
    (made,) = draw(engine, told, {digest(FACE): FACE})
    pipeline = stock_of_family(sdxl, scheduler=build_scheduler("euler", engine.card.scheduler))
    vector = Recogniser(models / "recognisers" / "arc.onnx").vector(aligned(FACE, MARKS))
    unit = torch.from_numpy(vector / np.linalg.norm(vector))[None, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_ip_adapter(
            models / "ip-adapters", "", weight_name="large.safetensors", image_encoder_folder=None
        )
        pipeline.set_ip_adapter_scale(0.8)
        theirs = pipeline(
            WORDS,
            num_inference_steps=3,
            guidance_scale=3.0,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            ip_adapter_image_embeds=[torch.cat([torch.zeros_like(unit), unit])],
        ).images[0]
    near_of_family(made.image, theirs)
    misfits = {each.name: each.misfit for each in engine.adapters()}
    assert not misfits["large"] and "texts of 32 numbers" in misfits["plain"]


def test_not_on_a_transformer(models: Path, sd3: Path) -> None:
    misfits = {each.name: each.misfit for each in create(sd3, models=models).adapters()}
    assert misfits["plain"] == misfits["plusv2"] == "it is for a model with a UNet"
