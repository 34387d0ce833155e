"""Versions as ComfyUI workflows: what each task becomes, and that every wire leads somewhere."""

from __future__ import annotations

from typing import Any

import pytest

from maquette.core.conditioning import Control, Lora, Reference
from maquette.core.geometry import Box, Size
from maquette.core.recipe import (
    Continue,
    ImageToImage,
    Inpaint,
    ModelRef,
    Outpaint,
    PromptText,
    Recipe,
    Sampling,
    TextToImage,
    Upscale,
)
from maquette.core.recipe import Import as Imported
from maquette.engines.comfyui.exporting import Exported, Family, export_graph
from maquette.errors import RecipeRefused

PICTURE, MASK, TRACE = "a" * 64, "b" * 64, "c" * 64
SIZE = Size(width=256, height=192)


def recipe(task: Any = None, text: str = "a red boat", **more: Any) -> Recipe:
    given: dict[str, Any] = {
        "engine": "diffusers",
        "task": task or TextToImage(),
        "size": SIZE,
        "prompt": PromptText(text=text, negative="fog"),
        "model": ModelRef(name="/models/sd15", digest="d" * 64),
        "sampling": Sampling(sampler="euler", steps=20, guidance=6, seed=7),
    }
    return Recipe(**(given | more))


def kinds(found: Exported) -> list[str]:
    return [node["class_type"] for node in found.graph.values()]


def only(found: Exported, kind: str) -> dict[str, Any]:
    [inputs] = [n["inputs"] for n in found.graph.values() if n["class_type"] == kind]
    return inputs


def whole(found: Exported) -> Exported:
    """Every wire leads to a node that is there, and every node is needed."""
    needed = {
        value[0]
        for node in found.graph.values()
        for value in node["inputs"].values()
        if isinstance(value, list)
    }
    ends = {key for key, node in found.graph.items() if node["class_type"] == "SaveImage"}
    assert needed | ends == set(found.graph) and len(ends) == 1
    assert all(key.isdigit() and node["_meta"]["title"] for key, node in found.graph.items())
    return found


def test_words_alone() -> None:
    found = whole(export_graph(recipe(text="a (red:1.5) boat")))
    sampler = only(found, "KSampler")
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (7, 20, 6)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("euler", "ddim_uniform")
    assert found.graph[sampler["positive"][0]]["inputs"]["text"] == "a (red:1.5) boat"
    assert found.graph[sampler["negative"][0]]["inputs"]["text"] == "fog"
    assert only(found, "CheckpointLoaderSimple")["ckpt_name"] == "sd15.safetensors"
    assert found.models == ("checkpoints/sd15.safetensors",)
    assert found.pictures == {} and "(red:1.5)" in found.notes[0]


@pytest.mark.parametrize(
    ("family", "sampler", "scheduler", "latent"),
    [
        (Family("sd", "leading"), "euler", "ddim_uniform", "EmptyLatentImage"),
        (Family("sdxl", "trailing"), "euler", "simple", "EmptyLatentImage"),
        (Family("sd3", ""), "euler", "simple", "EmptySD3LatentImage"),
        (Family("flux", ""), "euler", "simple", "EmptySD3LatentImage"),
    ],
)
def test_families(family: Family, sampler: str, scheduler: str, latent: str) -> None:
    found = whole(export_graph(recipe(), family=lambda _: family))
    drawing = only(found, "KSampler")
    assert (drawing["sampler_name"], drawing["scheduler"]) == (sampler, scheduler)
    assert latent in kinds(found)
    assert ("FluxGuidance" in kinds(found)) is (family.kind == "flux")
    assert drawing["cfg"] == (1 if family.kind == "flux" else 6)


def test_the_work_goes_back_to_the_first_words() -> None:
    first = recipe(text="a wolf")
    near = recipe(ImageToImage(image=PICTURE, strength=0.35))
    found = whole(export_graph(near, made={PICTURE: first}))
    assert "LoadImage" not in kinds(found) and not found.pictures
    drawing = only(found, "KSamplerAdvanced")
    assert (drawing["start_at_step"], drawing["steps"]) == (13, 20)  # the last 7 of 20
    assert only(found, "KSampler")["seed"] == 7
    assert kinds(found).count("CheckpointLoaderSimple") == 1


def test_what_came_from_outside_is_loaded_by_its_digest() -> None:
    photo = recipe(Imported(image=PICTURE), prompt=None, model=None, sampling=None)
    near = recipe(ImageToImage(image=PICTURE, strength=0.5))
    found = whole(export_graph(near, made={PICTURE: photo}))
    assert found.pictures == {f"maquette-{PICTURE[:16]}.png": PICTURE}
    assert only(found, "LoadImage")["image"] in found.pictures
    assert any("loaded" in note for note in found.notes)


REGION = Box(x=16, y=8, width=96, height=64)


def test_a_local_edit_is_cut_out_drawn_and_put_back() -> None:
    task = Inpaint(
        image=PICTURE, mask=MASK, region=REGION, work=Size(width=192, height=128), strength=0.8
    )
    found = whole(export_graph(recipe(task)))
    assert only(found, "ImageCrop") | {"image": 0} == {
        "image": 0, "x": 16, "y": 8, "width": 96, "height": 64,
    }  # fmt: skip
    laid = only(found, "ImageCompositeMasked")
    assert (laid["x"], laid["y"]) == (16, 8)
    assert found.graph[laid["mask"][0]]["class_type"] == "MaskComposite"
    sides = [
        (node["inputs"]["width"], node["inputs"]["height"])
        for node in found.graph.values()
        if node["class_type"] == "ImageScale"
    ]
    assert sides == [(192, 128), (192, 128), (96, 64)]
    assert set(found.pictures.values()) == {PICTURE, MASK}


def test_larger_canvas_and_more_pixels() -> None:
    wider = recipe(Outpaint(image=PICTURE, left=64, work=SIZE), size=SIZE)
    found = whole(export_graph(wider))
    assert only(found, "ImagePadForOutpaint")["left"] == 64
    network = ModelRef(name="x4.safetensors", digest="e" * 64)
    up = recipe(Upscale(image=PICTURE, scale=2, method="learned"), prompt=None, sampling=None)
    found = whole(export_graph(up.change(model=network, size=Size(width=512, height=384))))
    assert only(found, "UpscaleModelLoader")["model_name"] == "x4.safetensors"
    assert only(found, "ImageScale")["width"] == 512


def test_a_finished_draft_goes_on_from_its_latents() -> None:
    draft = recipe(sampling=Sampling(sampler="lcm", steps=8, guidance=1, seed=3))
    done = recipe(Continue(trace=TRACE, step=4))
    found = whole(export_graph(done, traces={TRACE: draft}))
    first, then = [
        node["inputs"] for node in found.graph.values() if node["class_type"] == "KSamplerAdvanced"
    ]
    assert (first["noise_seed"], first["end_at_step"]) == (3, 4)
    assert first["return_with_leftover_noise"] == "enable"
    assert (then["add_noise"], then["start_at_step"], then["steps"]) == ("disable", 10, 20)
    with pytest.raises(RecipeRefused, match="not known"):
        export_graph(done)


def test_what_steers_a_picture() -> None:
    ink = Lora(name="styles/ink", digest="1" * 64, weight=0.7, text_weight=0.5)
    edges = Control(
        condition="canny",
        image=PICTURE,
        adapter=ModelRef(name="canny-net", digest="2" * 64),
        strength=0.8,
        end=0.6,
    )
    like = Reference(role="style", image=MASK)
    found = whole(
        export_graph(recipe(text="a boat <lora:styles/ink:0.7>", conditionings=(ink, edges, like)))
    )
    lora, control = only(found, "LoraLoader"), only(found, "ControlNetApplyAdvanced")
    assert (lora["lora_name"], lora["strength_model"], lora["strength_clip"]) == (
        "styles/ink.safetensors", 0.7, 0.5,
    )  # fmt: skip
    assert (control["strength"], control["end_percent"]) == (0.8, 0.6)
    assert found.graph[control["vae"][0]]["class_type"] == "CheckpointLoaderSimple"
    assert only(found, "KSampler")["model"] == control["positive"][:0] + [
        key for key, node in found.graph.items() if node["class_type"] == "LoraLoader"
    ] + [0]
    texts = [n["inputs"]["text"] for n in found.graph.values() if "text" in n["inputs"]]
    assert texts == ["a boat ", "fog"]
    assert set(found.models) == {
        "checkpoints/sd15.safetensors", "loras/styles/ink.safetensors",
        "controlnet/canny-net.safetensors",
    }  # fmt: skip
    assert any("style reference" in note for note in found.notes)

    mine = Lora(name="/home/me/ink.safetensors", digest="3" * 64)
    part = Inpaint(image=PICTURE, mask=MASK, region=REGION, work=Size(width=192, height=128))
    found = whole(
        export_graph(
            recipe(part, conditionings=(mine, edges)),
            files=lambda _, digest: "nets/edges.pth" if digest == "2" * 64 else "",
        )
    )
    assert only(found, "LoraLoader")["lora_name"] == "ink.safetensors", "no path of this machine"
    assert only(found, "ControlNetLoader")["control_net_name"] == "nets/edges.pth"
    [scaled, _] = only(found, "ControlNetApplyAdvanced")["image"]
    resized = found.graph[scaled]["inputs"]
    assert (resized["width"], resized["height"]) == (192, 128)
    crop = found.graph[resized["image"][0]]["inputs"]
    assert (crop["x"], crop["y"], crop["width"], crop["height"]) == (16, 8, 96, 64)


@pytest.mark.parametrize(
    ("kind", "condition", "mode"),
    [("flux", "depth", "hed/pidi/scribble/ted"), ("flux", "lineart", ""), ("sdxl", "depth", "")],
)
def test_the_mode_of_a_union_of_flux(kind: str, condition: Any, mode: str) -> None:
    """By number: ComfyUI names the modes as SDXL's unions have them."""
    union = ModelRef(name="Union-Pro", digest="2" * 64)
    told = Control(condition=condition, image=PICTURE, adapter=union)
    found = whole(export_graph(recipe(conditionings=(told,)), family=lambda _: Family(kind)))
    asked = [n for n in found.graph.values() if n["class_type"] == "SetUnionControlNetType"]
    assert [node["inputs"]["type"] for node in asked] == ([mode] if mode else [])


@pytest.mark.parametrize("text", ["a [cat:dog:0.5]", "a [cat|dog]", "cat AND dog"])
def test_words_that_cannot_be_said_there(text: str) -> None:
    with pytest.raises(RecipeRefused):
        export_graph(recipe(text=text))


def test_no_nodes_for_it() -> None:
    imported = recipe(Imported(image=PICTURE), prompt=None, model=None, sampling=None)
    with pytest.raises(RecipeRefused, match="import"):
        export_graph(imported)
