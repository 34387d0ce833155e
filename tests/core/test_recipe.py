"""The recipe: frozen, digested, and read again by later schemas."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maquette.core.canonical import digest_of
from maquette.core.geometry import Box, Size
from maquette.core.recipe import (
    MAX_SEED,
    SCHEMA,
    Continue,
    ImageToImage,
    Import,
    Inpaint,
    Lora,
    ModelRef,
    Outpaint,
    PromptText,
    Recipe,
    Sampling,
    Task,
    TextToImage,
    Upscale,
    load_recipe,
    migrate,
)
from maquette.errors import ProjectTooNew, RecipeRefused

A, B = "a" * 64, "0123456789abcdef" * 4

TASKS: dict[str, Task] = {
    "text-to-image": TextToImage(),
    "image-to-image": ImageToImage(image=A, strength=0.35),
    "continue": Continue(trace=A, step=10),
    "inpaint": Inpaint(
        image=A,
        mask=B,
        region=Box(x=10, y=20, width=256, height=256),
        work=Size(width=256, height=256),
        feather=6,
    ),
    "outpaint": Outpaint(image=A, left=64, bottom=32, work=Size(width=288, height=224)),
    "upscale": Upscale(image=A, scale=2.5),
    "import": Import(image=A, original=B, source="a1111"),
}

MODEL = ModelRef(name="postcard", digest=B)
DRESSES: dict[str, dict[str, Any]] = {
    "bare": {},
    "words": {"prompt": PromptText(text="a wolf under a (full moon:1.4)")},
    "full": {
        "prompt": PromptText(text="a wolf", negative="blurry", interpreter="a1111"),
        "model": MODEL,
        "sampling": Sampling(steps=30, seed=7),
    },
    "tuned": {
        "prompt": PromptText(text='ein Boot, 海 🌊 "quoted" \\ back\nline', interpreter="plain"),
        "model": MODEL,
        "sampling": Sampling(sampler="dpm++", steps=1, guidance=7.25, seed=MAX_SEED),
    },
    "adapted": {
        "prompt": PromptText(text="a mug"),
        "model": MODEL,
        "sampling": Sampling(sampler="euler-a", steps=1000, guidance=0, seed=0),
        "conditionings": (Lora(name="ink", digest=A, weight=0.8), Lora(name="wash", digest=B)),
    },
    "wide": {"size": Size(width=1920, height=817), "engine": "comfyui"},
}

GOLDEN: dict[str, list[str]] = {
    "text-to-image": [
        "bf80f7e478033311d854536b3f9c938f7f5f614b2a786f357043495a41ce0542",
        "2df190a1022018b04b881ffceb0ebfd4ce2dbb7848d29d42d3640e33cad43806",
        "254f7f6367932dafc9d8db8cf4f2971436a56818ac8a4f12a9463d9d81a48aa1",
        "d73d28a9969e41f2d114738396042b707423d0b058dd88ea68d395665857a483",
        "09e2dcd5cf4b5df059f2ee5d44a57c461ccee8b0826f9e0cd784a0af609b75e6",
        "c6116b327c0fd3e27c8599fd9269dd7834411e223c8e1d034dcdc87f27f1201d",
    ],
    "image-to-image": [
        "8a9317744485c0374f5979f286425f8c2454c12efd0aad9dc1fdf24882e3fe6f",
        "248625ad3064716305179ef8704557fc603d6936b4fe4eca1c1e2f5f15bf966f",
        "2f47a941d812056b7bb9f55d2e03734412d8541e7ddbe704fa88c8310d1411a1",
        "58957d393318be2ba2f37dbfb116cb33449736c4e6634df20fc400b437696946",
        "1a52530f34bdd629125bc4a4e58f8472cb88f3ce5ca32b1151d284a7300021bb",
        "55e0893e3d08a48f8d75d81505cb86a5f5d8560ab3f2ecea64e6a0d00f6721b1",
    ],
    "continue": [
        "2e3eb1fb8644c898e7d663a20c56707ed198fc9d6895499836c39f6e95105ec1",
        "0fd4e954679572ae932552e9eb46b874547c30aefb110b46acbeed94e390185a",
        "0c407aa0898e1b5388a851a458eae918c42ce5470e92a36a7f48cff02a7ff9ec",
        "9881e22aebc7a6006c09208822c68cf0c72a5ac0530faab422dcb8c55e1bdf06",
        "b43c626dfdae57bf1827327e55d5d7aa0170fc115298a43812eb96dfa92ebdda",
        "0898267a97e53848ba93a6543f3e937e3fdf2fe89c39bee13ff0daf41434374f",
    ],
    "inpaint": [
        "f6330c6e4538b9038e1d24c021cb798b6ef37dbec92ad5ab2bf84710f67aafb6",
        "fea375768b87cc1e805baf7132693bbd4542eb62de9b613faaafb2fc03c40257",
        "e9dfcda3ddc909fe5415600120b1abfaa5fc4a4c7c0919fcf03edb2aac0765ad",
        "6b5e98609e2d4b6468271cf1cdda64e593ec6008192e60795b214e1615bbf16b",
        "522ac7136b5363faca9cfcb78e4071dc1b0d3c21420a0836db4f64589ecb9c80",
        "02c6c1591d69aeec98e1d19d4b737302fad127d73d800bf1f69825f656130782",
    ],
    "outpaint": [
        "b9910939ba93946333c1ce60378662d9d6e6e891ca00244760d617b167b0f878",
        "523fd5fde9e01b94a3160e8b8dc3f055cf2533c595fee95cdddd51ba2b4de1a7",
        "2b0d385c3e62dc671ac5585dbca86c485f221104236b7357813edd207ba67f77",
        "e5edda085e3be1e2a0c784701641f00a039a5b94a847d42e2a4b0d40bb296ebf",
        "0630318f7737b884838d14c3b6afbf015fe6f3871a0b0d020b73cb34bf883f32",
        "24aa3ef4a3717958f24e073aa6cf34fe4e785002f2059404e01ee20dd4f93798",
    ],
    "upscale": [
        "2f02dab9607c756518677e7675f3c6d20e09dfcc95d76490b9b9698ab31668fe",
        "71ebf775fe2b6cf7cf9098acb8426cfba6e98e37ee6ee30d916dc22120a9f23c",
        "488ee846c6a7d4378e77cc96536370480a151b8fa102031df5741cb34acf5e22",
        "9c262587f0cea5a99bd085fa790477ed41ddb05b9fbf4610a32ffaebf2cb8b9a",
        "549d44466df64434c1a1fde8c0c699fc58da28753bd25490b01d8928b6211fdf",
        "4ed5c2d4f5b814632a2b9e29aee591d62ee34de2b881a338501ba8d6241beaae",
    ],
    "import": [
        "f4b420c633491c2ca22cd7ac3092b9b1d89ebdcbc2498510fc9f017bd83086e5",
        "aae49341f9632c474e09dbce71b2c44d06b8cd096dbd0e5db2814047060b4609",
        "b86c8249ce9933c889d4574448c3f3dfa02a995a76db83ac9e1000a5a0c0c064",
        "5a5430ebbc5e433cdae542dd4ec721eb40673a243428888db0077aa4dfee64c2",
        "9efcf7e0f159a5079deca08cea671bae293e5f9fd459cd36f0ce6f41e2c5e26b",
        "5fa4805dba5013e7930cc34caf8acebadb21e6cf076f3bae6907355e9867dd8b",
    ],
}
"""By task, in the order of ``DRESSES``."""


def make(task: str, dress: str) -> Recipe:
    base: dict[str, Any] = {"engine": "diffusers", "size": Size(width=256, height=192)}
    return Recipe(**{**base, "task": TASKS[task], **DRESSES[dress]})


CASES = [(task, dress) for task in TASKS for dress in DRESSES]


@pytest.mark.parametrize(("task", "dress"), CASES)
def test_a_digest_never_changes(task: str, dress: str) -> None:
    """If this fails, every version ever made has lost its name: add a schema instead."""
    assert make(task, dress).digest == GOLDEN[task][list(DRESSES).index(dress)]


@pytest.mark.parametrize(("task", "dress"), CASES)
def test_a_recipe_comes_back_from_json(task: str, dress: str) -> None:
    recipe = make(task, dress)
    assert load_recipe(recipe.model_dump(mode="json")) == recipe
    assert Recipe.model_validate_json(recipe.canonical) == recipe
    assert Recipe.model_validate_json(recipe.canonical).digest == recipe.digest
    assert digest_of(recipe.model_dump(mode="json")) == recipe.digest


def test_all_digests_differ() -> None:
    assert len({make(*case).digest for case in CASES}) == len(CASES)


@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    negative=st.text(st.characters(exclude_categories=["Cs"])),
    seed=st.integers(0, MAX_SEED),
    steps=st.integers(1, 1000),
    guidance=st.floats(0, 50),
    strength=st.floats(0, 1, exclude_min=True),
)
def test_any_recipe_comes_back_from_json(
    *, text: str, negative: str, seed: int, steps: int, guidance: float, strength: float
) -> None:
    recipe = Recipe(
        engine="fake",
        task=ImageToImage(image=A, strength=strength),
        size=Size(width=64, height=64),
        prompt=PromptText(text=text, negative=negative),
        sampling=Sampling(steps=steps, guidance=guidance, seed=seed),
    )
    again = Recipe.model_validate_json(recipe.canonical)
    assert again == recipe and again.digest == recipe.digest


def test_an_integral_strength_is_the_same_request() -> None:
    one = ImageToImage(image=A, strength=1)
    base = make("text-to-image", "full")
    assert (
        base.change(task=one).digest == base.change(task=ImageToImage(image=A, strength=1.0)).digest
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("engine", "fake"),
        ("size", Size(width=256, height=200)),
        ("prompt", PromptText(text="a wolf", negative="blurry", interpreter="attention")),
        ("prompt", PromptText(text="a wolf ", negative="blurry", interpreter="a1111")),
        ("model", ModelRef(name="postcard", digest=A)),
        ("sampling", Sampling(steps=30, seed=8)),
        ("conditionings", (Lora(name="ink", digest=A),)),
    ],
)
def test_whatever_changes_the_picture_changes_the_digest(field: str, value: Any) -> None:
    recipe = make("text-to-image", "full")
    before = recipe.digest
    changed = recipe.change(**{field: value})
    assert changed.digest != before == recipe.digest
    assert getattr(recipe, field) != value, "the recipe itself stays as it was"


def test_a_recipe_is_frozen_and_changes_are_checked() -> None:
    recipe = make("text-to-image", "full")
    with pytest.raises(ValidationError):
        recipe.engine = "other"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError):
        recipe.change(seed=3)
    with pytest.raises(ValidationError):
        recipe.change(size="large")


def test_inputs_are_each_named_once() -> None:
    assert make("text-to-image", "bare").inputs == ()
    assert make("inpaint", "bare").inputs == (A, B)
    assert make("import", "bare").inputs == (A,)
    same = Inpaint(**{**dict(TASKS["inpaint"]), "mask": A})
    assert make("inpaint", "bare").change(task=same).inputs == (A,)


@pytest.mark.parametrize(
    "bad",
    [
        {"engine": "x"},
        {"task": {"kind": "text-to-image"}, "size": {"width": 8, "height": 8}},
        {"task": {"kind": "dance"}},
        {"task": {"kind": "upscale", "image": A, "scale": 1}},
        {"task": {"kind": "upscale", "image": A, "scale": 8.5}},
        {"task": {"kind": "upscale", "image": "A" * 64, "scale": 2}},
        {"task": {"kind": "upscale", "image": A[:63], "scale": 2}},
        {"task": {"kind": "image-to-image", "image": A, "strength": 0}},
        {"task": {"kind": "outpaint", "image": A, "left": -1, "work": {"width": 8, "height": 8}}},
        {"sampling": {"steps": 0, "seed": 1}},
        {"sampling": {"steps": 5, "seed": -1}},
        {"sampling": {"steps": 5, "seed": MAX_SEED + 1}},
        {"sampling": {"steps": 5, "seed": 1, "guidance": float("nan")}},
        {"sampling": {"steps": 5, "seed": 1, "guidance": float("inf")}},
        {"sampling": {"steps": 5, "seed": 1, "noise": "cuda"}},
        {"sampling": {"steps": 5, "seed": 1, "sampler": "magic"}},
        {"prompt": {"text": "x", "interpreter": "reader"}},
        {"surprise": 1},
        {"schema_version": "1"},
        {"schema_version": None},
        {"schema_version": -1},
    ],
)
def test_what_is_no_recipe_is_refused(bad: dict[str, Any]) -> None:
    good = make("text-to-image", "full").model_dump(mode="json")
    raw = bad if "engine" in bad or "size" in bad else {**good, **bad}
    with pytest.raises(RecipeRefused, match="not a recipe"):
        load_recipe(raw)


@pytest.mark.parametrize("schema", [SCHEMA + 1, 99])
def test_a_newer_schema_asks_for_an_upgrade(schema: int) -> None:
    raw = {"schema_version": schema, "something": "new"}
    with pytest.raises(ProjectTooNew, match=f"schema {schema}") as caught:
        load_recipe(raw)
    assert "upgrade" in caught.value.hint


def test_an_old_recipe_is_brought_up_to_date() -> None:
    new = make("inpaint", "full")
    old = new.model_dump(mode="json")
    del old["schema_version"]
    kept = dict(old)
    assert load_recipe(old) == new
    assert load_recipe({**old, "schema_version": 0}) == new
    assert old == kept, "what was given stays as it was"
    assert migrate(new.model_dump(mode="json")) == new.model_dump(mode="json")
