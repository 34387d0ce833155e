"""ComfyUI's API: graphs of its own nodes become versions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maquette import Settings, Studio
from maquette.core.picture import encode_png
from maquette.core.recipe import ImageToImage, Import, Inpaint, TextToImage, Upscale
from maquette.exchange.imports import read_metadata
from maquette.storage.origin import origins_of

from .comfyui import Client, Graph, node, photo, simple
from .conftest import House


class TestWords:
    def test_a_graph_becomes_a_version(self, house: House, client: Client) -> None:
        entry = client.done(simple("a ((lone:1.5) wolf)"))
        (data,) = client.pictures(entry)
        (version,) = house.studio.log()
        recipe = version.recipe
        assert isinstance(recipe.task, TextToImage) and recipe.prompt is not None
        assert recipe.prompt.text == "a (lone:1.5)( wolf:1.1)" and recipe.prompt.negative == "fog"
        assert recipe.sampling is not None and recipe.sampling.seed == 7
        assert (recipe.sampling.sampler, recipe.sampling.steps) == ("euler", 4)
        assert (recipe.size.width, recipe.size.height) == (64, 96)
        image = Image.open(io.BytesIO(data))
        assert image.tobytes() == house.studio.picture(version).tobytes()
        assert read_metadata(data).version_id == version.id
        assert json.loads(image.text["prompt"])["9"]["class_type"] == "SaveImage"  # type: ignore[attr-defined]
        told = origins_of(house.studio.records, [version.id])[version.id]
        assert told == {"face": "comfyui", "prompt_id": entry["prompt"][1]}

    def test_what_is_drawn_otherwise_is_said(self, house: House, client: Client) -> None:
        seed = 2**32 + 5
        entry = client.done(simple(seed=seed, sampler_name="dpmpp_2m_sde", scheduler="karras"))
        notes = entry["maquette"]["notes"]
        assert any("dpmpp_2m_sde" in note for note in notes)
        assert any("karras" in note for note in notes) and any(str(seed) in n for n in notes)
        (version,) = house.studio.log()
        assert version.recipe.sampling is not None and version.recipe.sampling.seed == 5
        assert origins_of(house.studio.records, [version.id])[version.id]["notes"] == notes

    def test_a_batch(self, house: House, client: Client) -> None:
        graph = simple()
        graph["5"]["inputs"]["batch_size"] = 3
        assert len(client.pictures(client.done(graph))) == 3
        seeds = {v.recipe.sampling.seed for v in house.studio.log() if v.recipe.sampling}
        assert seeds == {7, 8, 9}

    def test_prompts_combined_and_joined(self, house: House, client: Client) -> None:
        graph = simple("a wolf")
        graph["10"] = node("CLIPTextEncode", text="a moon", clip=["4", 1])
        graph["11"] = node(
            "ConditioningConcat", conditioning_to=["6", 0], conditioning_from=["10", 0]
        )
        graph["3"]["inputs"]["positive"] = ["11", 0]
        client.pictures(client.done(graph))
        graph["11"] = node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["10", 0])
        client.pictures(client.done(graph))
        texts = [v.recipe.prompt.text for v in house.studio.log() if v.recipe.prompt]
        assert texts == ["a wolf :0.5 AND a moon :0.5", "a wolf BREAK a moon"]

    def test_samplers_in_parts(self, house: House, client: Client) -> None:
        graph = simple()
        graph["20"] = node("RandomNoise", noise_seed=11)
        graph["21"] = node("KSamplerSelect", sampler_name="ddim")
        graph["22"] = node("BasicScheduler", model=["4", 0], scheduler="simple", steps=6, denoise=1)
        graph["23"] = node(
            "CFGGuider", model=["4", 0], positive=["6", 0], negative=["7", 0], cfg=3.5
        )
        graph["3"] = node(
            "SamplerCustomAdvanced",
            noise=["20", 0], guider=["23", 0], sampler=["21", 0], sigmas=["22", 0],
            latent_image=["5", 0],
        )  # fmt: skip
        client.pictures(client.done(graph))
        (version,) = house.studio.log()
        sampling = version.recipe.sampling
        assert sampling is not None
        assert (sampling.seed, sampling.steps, sampling.guidance) == (11, 6, 3.5)


class TestPictures:
    def start(self, client: Client, image: Image.Image, name: str = "photo.png") -> Graph:
        told = client.upload(name, encode_png(image))
        graph = simple("snow")
        graph["1"] = node("LoadImage", image=told["name"])
        graph["5"] = node("VAEEncode", pixels=["1", 0], vae=["4", 2])
        return graph

    def test_from_a_picture_by_a_share_of_the_way(self, house: House, client: Client) -> None:
        graph = self.start(client, photo())
        graph["3"]["inputs"]["denoise"] = 0.5
        client.pictures(client.done(graph))
        drawn, imported = house.studio.log()
        task, sampling = drawn.recipe.task, drawn.recipe.sampling
        assert isinstance(task, ImageToImage) and isinstance(imported.recipe.task, Import)
        assert drawn.parents == (imported.id,)
        # Four steps over the last half: the last four of eight.
        assert sampling is not None and (sampling.steps, task.strength) == (8, 0.5)

    def test_the_last_steps_of_so_many(self, house: House, client: Client) -> None:
        graph = self.start(client, photo())
        inputs = graph["3"]["inputs"]
        inputs |= {"noise_seed": inputs.pop("seed"), "add_noise": "enable", "steps": 10}
        inputs |= {
            "start_at_step": 7,
            "end_at_step": 10000,
            "return_with_leftover_noise": "disable",
        }
        graph["3"]["class_type"] = "KSamplerAdvanced"
        client.pictures(client.done(graph))
        drawn = house.studio.log()[0]
        assert isinstance(drawn.recipe.task, ImageToImage) and drawn.recipe.sampling is not None
        assert int(drawn.recipe.task.strength * drawn.recipe.sampling.steps) == 3

    def test_a_mask_keeps_every_other_pixel(self, house: House, client: Client) -> None:
        image = photo().convert("RGBA")
        image.putalpha(Image.new("L", image.size, 255))
        image.paste((0, 0, 0, 0), (16, 16, 40, 40))  # painted away: to be drawn
        graph = self.start(client, image)
        graph["5"] = node(
            "VAEEncodeForInpaint", pixels=["1", 0], vae=["4", 2], mask=["1", 1], grow_mask_by=0
        )
        (data,) = client.pictures(client.done(graph))
        drawn = house.studio.log()[0]
        assert isinstance(drawn.recipe.task, Inpaint) and drawn.recipe.task.strength == 1
        before = house.studio.picture(house.studio.log()[1]).convert("RGB")
        after = Image.open(io.BytesIO(data)).convert("RGB")
        for box in ((0, 0, 64, 16), (0, 40, 64, 64), (0, 0, 16, 64), (40, 0, 64, 64)):
            assert before.crop(box).tobytes() == after.crop(box).tobytes()
        assert before.tobytes() != after.tobytes()

    def test_an_empty_mask_draws_nothing(self, house: House, client: Client) -> None:
        graph = self.start(client, photo())
        graph["11"] = node("SetLatentNoiseMask", samples=["5", 0], mask=["1", 1])
        graph["3"]["inputs"]["latent_image"] = ["11", 0]
        entry = client.done(graph)
        (data,) = client.pictures(entry)
        assert entry["maquette"]["notes"] == ["the mask is empty: nothing is drawn"]
        assert Image.open(io.BytesIO(data)).tobytes() == photo().tobytes()
        assert len(house.studio.log()) == 1

    def test_drawn_twice_as_large(self, house: House, client: Client) -> None:
        graph = simple()
        graph["20"] = node(
            "LatentUpscaleBy", samples=["3", 0], upscale_method="bislerp", scale_by=2
        )
        second = json.loads(json.dumps(graph["3"]))
        second["inputs"] |= {"latent_image": ["20", 0], "denoise": 0.5, "seed": 8}
        graph["21"] = second
        graph["8"]["inputs"]["samples"] = ["21", 0]
        (data,) = client.pictures(client.done(graph))
        assert Image.open(io.BytesIO(data)).size == (128, 192)
        drawn, first = house.studio.log()
        assert drawn.parents == (first.id,) and isinstance(drawn.recipe.task, ImageToImage)

    def test_enlarged_and_altered_pictures_are_children(self, house: House, client: Client) -> None:
        graph = simple()
        graph["20"] = node("ImageScaleBy", image=["8", 0], upscale_method="lanczos", scale_by=2)
        graph["21"] = node("ImageInvert", image=["8", 0])
        graph["9"]["inputs"]["images"] = ["20", 0]
        graph["22"] = node("PreviewImage", images=["21", 0])
        client.pictures(client.done(graph))
        by_task = {type(v.recipe.task): v for v in house.studio.log()}
        first = by_task[TextToImage]
        assert by_task[Upscale].parents == by_task[Import].parents == (first.id,)

    @pytest.mark.parametrize("ours", [True, False])
    def test_what_nodes_make_of_an_upload_is_its_child(
        self, house: House, client: Client, ours: bool
    ) -> None:
        """A picture of ours that comes back as a file is known again; a stranger's is taken in."""
        data = encode_png(photo())
        if ours:
            (data,) = client.pictures(client.done(simple()))
        graph = {
            "1": node("LoadImage", image=client.upload("photo.png", data)["name"]),
            "2": node("ImageInvert", image=["1", 0]),
            "9": node("SaveImage", images=["2", 0], filename_prefix="wolf"),
        }
        client.pictures(client.done(graph))
        made, first = house.studio.log()
        assert made.parents == (first.id,) and isinstance(made.recipe.task, Import)
        assert isinstance(first.recipe.task, TextToImage if ours else Import)
        origin = house.studio.origin(made)
        assert (origin["face"], origin["altered"]) == ("comfyui", ["inverted"])
        client.pictures(client.done(graph, prompt_id="again"))
        assert len(house.studio.log()) == 2  # the same picture is taken in once

    def test_an_upload_is_enlarged_like_a_version(self, house: House, client: Client) -> None:
        graph = {
            "1": node("LoadImage", image=client.upload("a.png", encode_png(photo()))["name"]),
            "2": node("ImageScaleBy", image=["1", 0], upscale_method="lanczos", scale_by=2),
            "9": node("SaveImage", images=["2", 0], filename_prefix="wolf"),
        }
        client.pictures(client.done(graph))
        large, first = house.studio.log()
        assert isinstance(large.recipe.task, Upscale) and large.parents == (first.id,)

    def test_names_of_uploads(self, client: Client) -> None:
        red, blue = (encode_png(Image.new("RGB", (8, 8), each)) for each in ("red", "blue"))
        assert client.upload("a.png", red)["name"] == "a.png"
        assert client.upload("a.png", red)["name"] == "a.png"  # the same picture
        assert client.upload("a.png", blue)["name"] == "a (1).png"
        assert client.upload("a.png", blue, overwrite="true")["name"] == "a.png"
        told = client.upload("b.png", red, subfolder="some/where")
        assert told == {"name": "b.png", "subfolder": "some/where", "type": "input"}
        query = {"filename": "b.png", "subfolder": "some/where", "type": "input"}
        assert client.http.get("/view", params=query).content == red
        small = client.http.get("/view", params={**query, "preview": "jpeg;50"})
        assert small.headers["content-type"] == "image/jpeg"

    @pytest.mark.parametrize("name", ["../up.png", "/etc/passwd", "a/../../b.png"])
    def test_no_name_leads_out(self, client: Client, name: str) -> None:
        data = encode_png(Image.new("RGB", (8, 8)))
        kept = client.http.post(
            "/upload/image", files={"image": ("x.png", data)}, data={"subfolder": name}
        )
        assert kept.status_code == 422 and kept.json()["error"]["type"] == "picture_refused"
        assert client.http.get("/view", params={"filename": name}).status_code in {404, 422}

    def test_a_painted_mask(self, client: Client) -> None:
        client.upload("photo.png", encode_png(photo()))
        painted = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        form = {"original_ref": json.dumps({"filename": "photo.png", "type": "input"})}
        files = {"image": ("painted.png", encode_png(painted))}
        told = client.http.post("/upload/mask", files=files, data=form).json()
        seen = client.http.get("/view", params={"filename": told["name"], "type": "input"})
        image = Image.open(io.BytesIO(seen.content))
        assert image.getchannel("A").getextrema() == (0, 0)


class TestRefusals:
    def test_a_node_that_is_not_known(self, desk: Client) -> None:
        graph = simple()
        graph["30"] = node("IPAdapterUnified", image=["8", 0])
        answer = desk.submit(graph)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["type"] == "missing_node_type" and "IPAdapterUnified" in error["message"]
        assert error["extra_info"]["class_type"] == "IPAdapterUnified"

    def test_faults_stand_at_their_nodes(self, desk: Client) -> None:
        graph = simple(sampler_name="magic", steps=0)
        graph["6"]["inputs"].pop("text")
        graph["5"]["inputs"]["width"] = 7
        answer = desk.submit(graph)
        assert answer.status_code == 400
        told = answer.json()
        assert told["error"]["type"] == "prompt_outputs_failed_validation"
        kinds = {
            key: {fault["type"] for fault in found["errors"]}
            for key, found in told["node_errors"].items()
        }
        assert kinds == {
            "3": {"value_not_in_list", "value_smaller_than_min"},
            "5": {"value_smaller_than_min"},
            "6": {"required_input_missing"},
        }
        assert told["node_errors"]["3"]["dependent_outputs"] == ["9"]
        assert told["node_errors"]["3"]["class_type"] == "KSampler"

    def test_a_sound_output_is_carried_out_beside_a_faulty_one(self, desk: Client) -> None:
        graph = simple()
        graph["30"] = node("LoadImage", image="nowhere.png")
        graph["31"] = node("SaveImage", images=["30", 0], filename_prefix="x")
        answer = desk.submit(graph)
        assert answer.status_code == 200 and set(answer.json()["node_errors"]) == {"30"}
        assert set(desk.wait(answer.json()["prompt_id"])["outputs"]) == {"9"}

    @pytest.mark.parametrize(
        ("graph", "kind"),
        [
            ({}, "no_prompt"), ([], "no_prompt"), ({"1": {}}, "invalid_prompt"),
            ({"1": node("PrimitiveInt", value=8)}, "prompt_no_outputs"),
            ({"1": node("SaveImage", images=["1", 0])}, "prompt_outputs_failed_validation"),
            ({"1": node("SaveImage", images=["2", 0])}, "prompt_outputs_failed_validation"),
            (
                {
                    "1": node("SaveImage", images=["2", 0], filename_prefix="x"),
                    "2": node("ImageInvert", image=["3", 0]),
                    "3": node("ImageInvert", image=["2", 0]),
                },
                "prompt_outputs_failed_validation",
            ),
        ],
    )  # fmt: skip
    def test_what_is_no_graph(self, desk: Client, graph: Any, kind: str) -> None:
        answer = desk.submit(graph)
        assert answer.status_code == 400 and answer.json()["error"]["type"] == kind

    def test_what_cannot_be_drawn_ends_with_an_error(self, desk: Client) -> None:
        entry = desk.done(simple(" "))
        assert entry["status"]["status_str"] == "error" and not entry["status"]["completed"]
        kind, told = entry["status"]["messages"][-1]
        assert kind == "execution_error" and "prompt is empty" in told["exception_message"]
        assert (told["node_id"], told["node_type"]) == ("3", "KSampler")

    def test_pictures_without_end(self, desk: Client) -> None:
        graph = {"0": node("EmptyImage", width=8, height=8, batch_size=64, color=0)}
        for place in range(1, 6):
            graph[str(place)] = node("RepeatImageBatch", image=[str(place - 1), 0], amount=64)
        graph["9"] = node("PreviewImage", images=["5", 0])
        told = desk.done(graph)["status"]["messages"][-1][1]
        assert "256 pictures at most" in told["exception_message"] and told["node_id"] == "1"

    def test_no_json(self, desk: Client) -> None:
        answer = desk.http.post("/prompt", content=b"{")
        assert answer.status_code == 422 and "node_errors" in answer.json()

    def test_another_sites_page_is_refused(self, desk: Client) -> None:
        for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = desk.http.post("/prompt", json={"prompt": simple()}, headers=headers)
            assert answer.status_code == 403 and "error" in answer.json()


class TestAbout:
    def test_nodes_describe_themselves(self, desk: Client) -> None:
        every = desk.http.get("/object_info").json()
        loader = every["CheckpointLoaderSimple"]
        assert loader["input"]["required"]["ckpt_name"][0][0] == "fake.safetensors"
        assert loader["output"] == ["MODEL", "CLIP", "VAE"]
        sampler = desk.http.get("/api/object_info/KSampler").json()["KSampler"]
        names = sampler["input"]["required"]["sampler_name"][0]
        assert {"euler", "dpmpp_2m"} <= set(names)
        assert sampler["input_order"]["required"][0] == "seed"
        assert desk.http.get("/object_info/Nonsense").json() == {}

    def test_nothing_of_the_machine_is_told(self, desk: Client) -> None:
        system = desk.http.get("/system_stats").json()["system"]
        assert system["argv"] == [] and system["ram_total"] > 0

    def test_lists(self, desk: Client) -> None:
        assert "loras" in desk.http.get("/models").json()
        assert desk.http.get("/models/checkpoints").json()[0] == "fake.safetensors"
        assert desk.http.get("/models/nonsense").status_code == 404
        assert desk.http.get("/embeddings").json() == []

    def test_the_history_is_cut_as_asked(self, client: Client) -> None:
        for seed in (1, 2, 3):
            client.done(simple(seed=seed), prompt_id=f"p{seed}")
        assert list(client.http.get("/history").json()) == ["p1", "p2", "p3"]
        assert list(client.http.get("/history?max_items=2").json()) == ["p2", "p3"]
        assert list(client.http.get("/history?max_items=1&offset=1").json()) == ["p2"]
        client.http.post("/history", json={"delete": ["p2"]})
        assert list(client.http.get("/history").json()) == ["p1", "p3"]


def test_our_own_engine_for_such_servers(house: House, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", comfyui_url=house.base)
    with Studio(tmp_path / "p", create=True, engine="comfyui", settings=settings) as studio:
        (first,) = studio.generate("a (lone:1.4) wolf", seed=7, quality="draft", size=(64, 64))
        (near,) = studio.vary(first, strength=0.5, seed=8, quality="draft")
        edit = studio.inpaint(first, studio.mask(first, box=(8, 8, 24, 24)), "a moon", seed=9)
        there = house.studio.log()[::-1]
        drawn = [v for v in there if not isinstance(v.recipe.task, Import)]
        assert [type(v.recipe.task) for v in drawn] == [TextToImage, ImageToImage, Inpaint]
        for own, other in zip((first, near, edit), drawn, strict=True):
            assert own.recipe.sampling == other.recipe.sampling
            assert own.recipe.prompt is not None and other.recipe.prompt is not None
            assert own.recipe.prompt.text == other.recipe.prompt.text
        assert studio.picture(first).tobytes() == house.studio.picture(drawn[0]).tobytes()
        task = drawn[1].recipe.task
        assert isinstance(task, ImageToImage) and task.strength == 0.5
