"""A1111's API, by the client that most programs use for it, unmodified; and by its raw calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import webuiapi
from PIL import Image, ImageDraw

from maquette import Settings, Studio
from maquette.core.geometry import Size
from maquette.core.job import Status
from maquette.core.picture import encode_png
from maquette.engines.a1111.engine import A1111
from maquette.exchange.infotext import read_infotext
from maquette.server.compat.a1111.units import units_of
from maquette.server.compat.pictures import out_base64
from maquette.storage.origin import origins_of

from .conftest import House

UNIT = {
    "image": out_base64(encode_png(Image.new("RGB", (64, 64), "teal"))),
    "module": "canny",
    "weight": "much",
}
QUICK: dict[str, Any] = {"steps": 2, "width": 256, "height": 256, "sampler_name": "DDIM"}


@pytest.fixture
def api(house: House) -> webuiapi.WebUIApi:
    return webuiapi.WebUIApi(baseurl=f"{house.base}/sdapi/v1")


@pytest.fixture
def raw(house: House) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"{house.base}/sdapi/v1", timeout=30) as client:
        yield client


def test_words_become_versions_with_that_programs_info(
    house: House, api: webuiapi.WebUIApi
) -> None:
    result = api.txt2img(
        prompt="a (moon:1.4)", negative_prompt="fog", seed=7, batch_size=2, cfg_scale=6, **QUICK
    )
    second, first = house.studio.log()
    assert result.info["all_seeds"] == [7, 8] and result.info["seed"] == 7
    assert result.info["maquette"]["versions"] == [first.id, second.id]
    assert (result.info["sampler_name"], result.info["steps"]) == ("DDIM", 2)
    assert first.recipe.prompt is not None
    assert (first.recipe.prompt.interpreter, first.recipe.prompt.negative) == ("a1111", "fog")
    for image, version in zip(result.images, (first, second), strict=True):
        assert image.tobytes() == house.studio.picture(version).tobytes()
        told = read_infotext(image.info["parameters"])
        assert (told.prompt, told.negative, told.guidance) == ("a (moon:1.4)", "fog", 6)
    assert origins_of(house.studio.records, [first.id])[first.id] == {"face": "a1111"}


def test_a_picture_that_comes_back_is_the_version_that_it_is(
    house: House, api: webuiapi.WebUIApi
) -> None:
    first = api.txt2img(prompt="a wolf", seed=1, **QUICK).image
    api.img2img(images=[first], prompt="a wolf at dawn", denoising_strength=0.5, **QUICK)
    vary, wolf = house.studio.log()
    assert vary.parents == (wolf.id,) and vary.operation == "vary"
    painted = first.copy()
    ImageDraw.Draw(painted).rectangle((9, 9, 60, 60), "white")
    api.img2img(images=[painted], prompt="a wolf", **QUICK)
    _, retouched, *_ = house.studio.log()
    assert retouched.operation == "import" and retouched.parents == (wolf.id,)


@pytest.mark.parametrize("invert", [0, 1])
def test_a_mask_is_white_where_it_draws(api: webuiapi.WebUIApi, invert: int) -> None:
    before = Image.effect_noise((256, 256), 60).convert("RGB")
    mask = Image.new("L", (256, 256), 255 if invert else 0)
    ImageDraw.Draw(mask).rectangle((64, 64, 191, 191), 0 if invert else 255)
    after = api.img2img(
        images=[before],
        mask_image=mask,
        inpainting_mask_invert=invert,
        prompt="a moon",
        inpainting_fill=1,
        **QUICK,
    ).image
    inside, above = (64, 64, 192, 192), (0, 0, 256, 64)
    assert before.crop(inside).tobytes() != after.crop(inside).tobytes()
    assert before.crop(above).tobytes() == after.crop(above).tobytes()


def test_a_second_pass_is_a_version_of_its_own(house: House, api: webuiapi.WebUIApi) -> None:
    image = api.txt2img(
        prompt="a boat", seed=3, enable_hr=True, hr_scale=1.5, denoising_strength=0.4, **QUICK
    ).image
    assert image.size == (384, 384)
    large, small = house.studio.log()
    assert (large.operation, small.operation, large.parents) == ("vary", "generate", (small.id,))


def test_what_is_done_otherwise_is_said(house: House, api: webuiapi.WebUIApi) -> None:
    options: dict[str, Any] = {**QUICK, "width": 250, "sampler_name": "DPM++ 2M Karras"}
    result = api.txt2img(
        prompt="a wolf", tiling=True, override_settings={"eta_noise_seed_delta": 31337}, **options
    )
    instead = result.info["maquette"]["instead"]
    assert {"tiling is not done", "250x256 is drawn as 248x256"} <= set(instead)
    assert "the setting eta_noise_seed_delta is not used" in instead
    assert any("karras" in each.lower() for each in instead)
    (version,) = house.studio.log()
    assert "tiling" in origins_of(house.studio.records, [version.id])[version.id]["instead"]


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"sampler_name": "Heun"}, 404, "Sampler not found"),
        ({"script_name": "x/y/z plot"}, 422, "Script 'x/y/z plot' not found"),
        (
            {"alwayson_scripts": {"ADetailer": {"args": [True, {"ad_model": "face.pt"}]}}},
            422,
            "ADe",
        ),
        ({"alwayson_scripts": {"ControlNet": {"args": [UNIT]}}}, 422, "weight is no number"),
        ({"override_settings": {"sd_model_checkpoint": "sdxl"}}, 422, "there is no checkpoint"),
        ({"batch_size": 0}, 422, "greater than or equal to 1"),
        ({"prompt": ""}, 422, "the prompt is empty"),
        ({"steps": 9999}, 422, "steps 9999 is out of range"),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_queued(
    house: House, raw: httpx2.Client, given: dict[str, Any], status: int, says: str
) -> None:
    refused = raw.post("/txt2img", json={"prompt": "a wolf", **QUICK, **given})
    assert refused.status_code == status and says in refused.text
    assert "detail" in refused.json()
    assert house.studio.jobs() == []


def test_scripts_that_are_switched_off_disturb_nobody(raw: httpx2.Client) -> None:
    scripts = {"ADetailer": {"args": [False]}, "ControlNet": {"args": []}, "roop": {"args": [None]}}
    done = raw.post("/txt2img", json={"prompt": "a wolf", **QUICK, "alwayson_scripts": scripts})
    assert done.status_code == 200, done.text


def test_progress_and_interrupt(house: House, api: webuiapi.WebUIApi) -> None:
    idle = api.get_progress()
    assert (idle["progress"], idle["state"]["job_count"]) == (0.0, 0)
    many: dict[str, Any] = {**QUICK, "steps": 900}
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(api.txt2img(prompt="a wolf", n_iter=12, **many))
    )
    thread.start()
    other = webuiapi.WebUIApi(baseurl=f"{house.base}/sdapi/v1")
    until = time.monotonic() + 30
    while other.get_progress()["state"]["job_count"] != 12 and time.monotonic() < until:
        time.sleep(0.02)
    told = other.get_progress()
    assert told["state"]["job_count"] == 12 and 0 < told["progress"] < 1
    other.skip()
    other.interrupt()
    thread.join(30)
    (result,) = found
    assert len(result.images) < 12
    states = [job.status for job in house.studio.jobs()]
    assert states.count(Status.CANCELLED) + states.count(Status.DONE) == 12
    assert Status.CANCELLED in states
    assert other.get_progress()["state"]["job_count"] == 0


def test_extras_enlarge(house: House, api: webuiapi.WebUIApi) -> None:
    small = Image.effect_noise((64, 48), 60).convert("RGB")
    assert api.extra_single_image(small, upscaler_1="Lanczos").image.size == (128, 96)
    fitted = api.extra_batch_images(
        [small, small], upscaler_1="Lanczos", resize_mode=1, upscaling_resize_w=96
    )
    assert [image.size for image in fitted.images] == [(96, 72)] * 2 and "shape" in fitted.info
    operations = [version.operation for version in house.studio.log()]
    assert operations == ["upscale", "upscale", "upscale", "import"]
    with pytest.raises(RuntimeError, match="no upscaler"):
        api.extra_single_image(small, upscaler_1="LDSR")


def test_what_a_file_says(api: webuiapi.WebUIApi) -> None:
    image = api.txt2img(prompt="a wolf, dusk", seed=5, **QUICK).image
    info = api.png_info(image).json
    assert info["info"].startswith("a wolf, dusk\n")
    assert (info["parameters"]["Seed"], info["parameters"]["Prompt"]) == ("5", "a wolf, dusk")
    assert api.interrogate(image).info == "a wolf, dusk"
    with pytest.raises(RuntimeError, match="Model not found"):
        api.interrogate(Image.new("RGB", (64, 64), "teal"))


def test_everything_that_is_listed(api: webuiapi.WebUIApi) -> None:
    (model, *_) = api.get_sd_models()
    assert model["model_name"] == "fake" and model["title"].startswith("fake [")
    assert {"DDIM", "Euler a", "DPM++ 2M"} <= set(api.util_get_sampler_names())
    assert api.util_get_scheduler_names() == ["automatic"]
    assert [each["name"] for each in api.get_upscalers()][:2] == ["None", "Lanczos"]
    assert api.get_embeddings() == {"loaded": {}, "skipped": {}}
    assert api.get_cmd_flags()["api"] is True and api.get_memory()["ram"]["total"] > 0
    for empty in (api.get_loras, api.get_sd_vae, api.get_hypernetworks, api.get_prompt_styles):
        assert empty() == []
    assert api.controlnet_version() == 2 and "canny" in api.controlnet_module_list()
    edges = api.controlnet_detect([Image.new("RGB", (64, 64), "teal")], module="canny")
    assert edges.image.size == (64, 64)
    assert api.refresh_checkpoints() == {}


def test_options_are_kept_and_the_checkpoint_is_chosen_by_them(api: webuiapi.WebUIApi) -> None:
    title = api.util_get_current_model()
    api.set_options({"samples_format": "webp", "inpainting_mask_weight": 0.5})
    assert api.get_options()["inpainting_mask_weight"] == 0.5
    assert api.txt2img(prompt="a wolf", **QUICK).image.format == "WEBP"
    api.util_set_model("fake")
    assert api.util_get_current_model() == title
    api.set_options({"sd_model_checkpoint": "postcard"})
    assert api.util_get_current_model().startswith("postcard [")


def test_our_own_engine_for_such_servers_finds_its_way(house: House) -> None:
    """The other direction meets this one: the same recipe, drawn here and by way of both."""
    there = A1111("", house.base, None)
    assert there.capabilities().model == house.studio.capabilities().model
    settings = Settings(home=house.studio.root / "home", engine="a1111", a1111_url=house.base)
    with Studio(house.studio.root / "other", create=True, settings=settings) as other:
        (far,) = other.generate("a wolf", seed=7, steps=2, size=(256, 256), sampler="ddim")
    (near,) = house.studio.log()
    assert other.blobs.get(far.image) == house.studio.blobs.get(near.image)


def test_raw_calls_of_plugins(raw: httpx2.Client) -> None:
    """What the Photoshop plugins send: null for defaults, a prefix before base64, no body."""
    picture = encode_png(Image.effect_noise((256, 256), 60).convert("RGB"))
    body = {
        "init_images": ["data:image/png;base64," + out_base64(picture)],
        "prompt": "a wolf",
        "mask": None,
        "script_name": None,
        "sampler_index": "DDIM",
        "sampler_name": None,
        "hr_scale": None,
        "steps": 2,
        "width": 256,
        "height": 512,
        "resize_mode": 1,
        "s_tmax": None,
        "unknown_to_all": {"a": 1},
    }
    done = raw.post("/img2img", json=body)
    assert done.status_code == 200, done.text
    assert done.json()["parameters"]["init_images"] is None
    assert raw.post("/interrupt").json() == {}
    missing = raw.post("/img2img", json={"prompt": "a wolf"})
    assert (missing.status_code, missing.json()["detail"]) == (404, "Init image not found")
    assert raw.get("/nothing").json()["detail"] == "Not Found"
    assert raw.post("/txt2img", content=b"{").status_code == 400


BOOK = b"""
playbook: 1
name: shop
version: 1.0
negative: watermark
templates:
  hero:
    purpose: A product by itself.
    template: "a ${product}, <lock:studio light>"
  pair:
    purpose: Two things have no single place for a prompt.
    template: "${one} beside ${other}"
"""


def test_styles_are_the_projects_templates(house: House, api: webuiapi.WebUIApi) -> None:
    house.studio.save_playbook(BOOK)
    (style,) = api.get_prompt_styles()
    assert style["name"] == "shop/hero" and style["prompt"] == "a {prompt}, studio light"
    names = ["shop/hero", "nobody's"]
    result = api.txt2img(prompt="red mug", negative_prompt="fog", styles=names, **QUICK)
    (version,) = house.studio.log()
    prompt = version.recipe.prompt
    assert prompt is not None and prompt.text == "a red mug, studio light"
    assert prompt.negative == "fog, watermark"
    assert result.info["maquette"]["instead"] == ["styles are not known: nobody's"]
    origin = house.studio.origin(version)
    assert (origin["playbook"], origin["template"]) == ("shop", "hero")
    assert house.studio.locked(version) == ("studio light",)
    asked = {"prompt": "vase", "negative_prompt": "studio light", "styles": ["shop/hero"]}
    refused = httpx2.post(f"{house.base}/sdapi/v1/txt2img", json=asked)
    assert refused.status_code == 409 and refused.json()["error"] == "word-locked"


def test_the_calls_of_open_webui(house: House, raw: httpx2.Client) -> None:
    """As its sources make them (routers/images.py of July 2026): settings are read and sent back
    whole with the chosen model, and a picture is asked for by its words and size alone."""
    empty = {"Authorization": "Basic Og=="}  # a login that says nothing
    options = raw.get("/options", headers=empty).json()
    models = [(each["title"], each["model_name"]) for each in raw.get("/sd-models").json()]
    assert options["sd_model_checkpoint"] in [title for title, _ in models]
    answer = raw.post("/options", json=options, headers=empty)
    assert answer.status_code == 200
    asked = {"prompt": "a wolf", "batch_size": 2, "width": 256, "height": 256, "steps": 2}
    told = raw.post("/txt2img", json=asked, headers=empty).json()
    assert len(told["images"]) == 2 == len(house.studio.log())


@pytest.mark.parametrize(
    ("module", "model", "asked"),
    [
        ("reference_only", "None", ("style", None)),
        ("ip-adapter_clip_sd15", "ip-adapter_sd15 [6a3f6166]", ("character", "ip-adapter_sd15")),
        ("ip-adapter-auto", "None", ("character", None)),
        (
            "InsightFace+CLIP-H (IPAdapter)",
            "ip-adapter-faceid-plusv2_sd15 [6e14fc1a]",
            ("face", "ip-adapter-faceid-plusv2_sd15"),
        ),
        ("ip-adapter_face_id", "None", ("face", None)),
    ],
)
def test_units_that_refer_become_references(
    module: str, model: str, asked: tuple[str, str | None]
) -> None:
    unit = {"image": UNIT["image"], "module": module, "model": model, "weight": 0.7}
    control, [found] = units_of({"ControlNet": {"args": [unit]}}, Size(width=64, height=64), None)
    assert control == [] and (found["role"], found.get("adapter")) == asked
    assert found["strength"] == 0.7


def test_a_unit_that_fills_holes_brings_no_picture() -> None:
    unit = {
        "module": "inpaint_only",
        "model": "control_v11p_sd15_inpaint [ebff9138]",
        "weight": 0.7,
    }
    [found], reference = units_of({"ControlNet": {"args": [unit]}}, Size(width=64, height=64), None)
    how = {"strength": 0.7, "start": 0.0, "end": 1.0}
    assert reference == []
    assert found == {"condition": "inpaint", "adapter": "control_v11p_sd15_inpaint", **how}
