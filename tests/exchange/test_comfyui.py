"""ComfyUI's graphs: from the saved image back to sampler, prompts and model; hostile ones too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.geometry import Size
from maquette.core.recipe import Sampling
from maquette.exchange.comfygraph import Node, Wire
from maquette.exchange.comfyui import read_comfyui_graph
from maquette.exchange.parameters import Parameters, sampling_of

Nodes = dict[str, dict[str, Any]]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


def basic() -> Nodes:
    """The graph that ComfyUI starts with."""
    return {
        "3": node(
            "KSampler",
            seed=156680208700286,
            steps=20,
            cfg=8,
            sampler_name="euler",
            scheduler="normal",
            denoise=1,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="v1-5-pruned-emaonly.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a glass bottle, galaxy inside", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="text, watermark", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }


def read(nodes: Nodes) -> Parameters:
    found = read_comfyui_graph(json.dumps(nodes))
    assert found is not None
    return found


class TestApiGraphs:
    def test_the_basic_one(self) -> None:
        found = read(basic())
        assert found.prompt == "a glass bottle, galaxy inside"
        assert found.negative == "text, watermark"
        assert (found.sampler, found.steps, found.guidance) == ("euler", 20, 8)
        assert found.seed == 156680208700286
        assert found.size == Size(width=512, height=768)
        assert found.model == "v1-5-pruned-emaonly"
        assert found.unread == ()

    def test_a_seed_in_our_range_makes_a_sampling(self) -> None:
        nodes = basic()
        nodes["3"]["inputs"]["seed"] = 42
        assert sampling_of(read(nodes))[0] == Sampling(
            sampler="euler", steps=20, guidance=8, seed=42
        )

    def test_a_seed_through_a_primitive(self) -> None:
        nodes = basic()
        nodes["3"]["inputs"]["seed"] = ["20", 0]
        nodes["20"] = node("Reroute", **{"": ["21", 0]})
        nodes["21"] = node("PrimitiveInt", value=99)
        assert read(nodes).seed == 99

    def test_a_prompt_through_text_nodes_and_conditioning(self) -> None:
        nodes = basic()
        nodes["6"]["inputs"]["text"] = ["30", 0]
        nodes["30"] = node("String Literal", string="a red kite")
        nodes["31"] = node("CLIPTextEncode", text="over dunes", clip=["4", 1])
        nodes["32"] = node(
            "ConditioningSetArea", conditioning=["31", 0], width=64, height=64, x=0, y=0, strength=1
        )
        nodes["33"] = node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["32", 0])
        nodes["3"]["inputs"]["positive"] = ["33", 0]
        found = read(nodes)
        assert found.prompt == "a red kite, over dunes"
        assert found.negative == "text, watermark"
        assert found.unread == ("positive prompt: 2 prompts combined, joined with commas",)

    def test_control_nets_keep_positive_and_negative_apart(self) -> None:
        nodes = basic()
        nodes["40"] = node(
            "ControlNetApplyAdvanced",
            positive=["6", 0],
            negative=["7", 0],
            control_net=["41", 0],
            image=["42", 0],
            strength=0.8,
        )
        nodes["3"]["inputs"] |= {"positive": ["40", 0], "negative": ["40", 1]}
        found = read(nodes)
        assert found.prompt == "a glass bottle, galaxy inside"
        assert found.negative == "text, watermark"

    def test_loras_are_named_with_their_weights(self) -> None:
        nodes = basic()
        nodes["50"] = node(
            "LoraLoader",
            lora_name="film.safetensors",
            strength_model=0.6,
            strength_clip=1,
            model=["4", 0],
            clip=["4", 1],
        )
        nodes["3"]["inputs"]["model"] = ["50", 0]
        found = read(nodes)
        assert found.loras == (("film", 0.6),)
        assert found.model == "v1-5-pruned-emaonly"
        assert found.unread == ("LoRA film: 0.6",)

    def test_a_second_pass_is_named_and_the_first_one_read(self) -> None:
        nodes = basic()
        nodes["60"] = node("LatentUpscale", samples=["3", 0], width=1024, height=1536)
        second = dict(nodes["3"]["inputs"]) | {
            "seed": 1,
            "steps": 12,
            "denoise": 0.5,
            "latent_image": ["60", 0],
        }
        nodes["61"] = node("KSampler", **second)
        nodes["8"]["inputs"]["samples"] = ["61", 0]
        found = read(nodes)
        assert (found.steps, found.size) == (20, Size(width=512, height=768))
        assert found.unread == ("second pass: KSampler, steps 12, denoise 0.5",)

    def test_only_the_sampler_behind_the_saved_image_counts(self) -> None:
        nodes = basic()
        stray = dict(nodes["3"]["inputs"]) | {"seed": 5, "positive": ["7", 0]}
        nodes = {"1": node("KSampler", **stray), **nodes}
        assert read(nodes).seed == 156680208700286

    def test_the_advanced_sampler(self) -> None:
        nodes = basic()
        inputs = nodes["3"]["inputs"]
        del inputs["seed"], inputs["denoise"]
        nodes["3"] = node(
            "KSamplerAdvanced",
            **inputs | {"noise_seed": 8, "sampler_name": "dpmpp_2m_sde", "scheduler": "karras"},
        )
        found = read(nodes)
        assert (found.seed, found.sampler) == (8, "dpm++")
        assert found.unread == ("sampler dpmpp_2m_sde → nearest dpm++", "schedule karras")

    def test_the_custom_sampler_with_guider_noise_and_sigmas(self) -> None:
        nodes: Nodes = {
            "1": node("UNETLoader", unet_name="flux1-dev.sft", weight_dtype="default"),
            "2": node("CLIPTextEncode", text="a heron [at dusk]", clip=["9", 0]),
            "3": node("FluxGuidance", guidance=3.5, conditioning=["2", 0]),
            "4": node("BasicGuider", model=["1", 0], conditioning=["3", 0]),
            "5": node("RandomNoise", noise_seed=7),
            "6": node("KSamplerSelect", sampler_name="euler"),
            "7": node("BasicScheduler", scheduler="simple", steps=28, denoise=1, model=["1", 0]),
            "8": node("EmptySD3LatentImage", width=1024, height=1024, batch_size=1),
            "10": node(
                "SamplerCustomAdvanced",
                noise=["5", 0],
                guider=["4", 0],
                sampler=["6", 0],
                sigmas=["7", 0],
                latent_image=["8", 0],
            ),
            "11": node("VAEDecode", samples=["10", 0], vae=["12", 0]),
            "13": node("SaveImage", images=["11", 0], filename_prefix="x"),
        }
        found = read(nodes)
        assert found.prompt == r"a heron \[at dusk\]"
        assert (found.sampler, found.steps, found.seed) == ("euler", 28, 7)
        assert found.guidance is None
        assert found.model == "flux1-dev"
        assert found.size == Size(width=1024, height=1024)
        assert found.unread == ("distilled guidance: 3.5",)

    def test_sdxl_prompts_of_two_encoders(self) -> None:
        nodes = basic()
        nodes["6"] = node(
            "CLIPTextEncodeSDXL", text_g="a harbour", text_l="oil paint", clip=["4", 1], width=1024
        )
        assert read(nodes).prompt == "a harbour, oil paint"

    def test_a_silenced_negative_is_empty_and_nothing_is_missing(self) -> None:
        nodes = basic()
        nodes["70"] = node("ConditioningZeroOut", conditioning=["6", 0])
        nodes["3"]["inputs"]["negative"] = ["70", 0]
        found = read(nodes)
        assert (found.negative, found.unread) == ("", ())

    def test_prompt_weights_are_remarked_on(self) -> None:
        nodes = basic()
        nodes["6"]["inputs"]["text"] = "a (wolf:1.3)"
        found = read(nodes)
        assert found.prompt == "a (wolf:1.3)"
        assert "prompt weights" in found.unread[0]


def workflow() -> dict[str, Any]:
    """The same basic graph as the interface saves it, with the seed on a primitive."""

    def box(key: int, kind: str, widgets: Any, /, **links: int) -> dict[str, Any]:
        sockets = [{"name": name, "type": "*", "link": link} for name, link in links.items()]
        return {"id": key, "type": kind, "mode": 0, "inputs": sockets, "widgets_values": widgets}

    sampler = [3, "randomize", 25, 6.5, "ddim", "ddim_uniform", 1]
    links = {"model": 1, "positive": 2, "negative": 3, "latent_image": 4, "seed": 10}
    return {
        "last_node_id": 10,
        "nodes": [
            box(4, "CheckpointLoaderSimple", ["postcard.safetensors"]),
            box(6, "CLIPTextEncode", ["a mill by a stream"], clip=5),
            box(7, "CLIPTextEncode", ["fog"], clip=6),
            box(5, "EmptyLatentImage", [640, 384, 1]),
            box(3, "KSampler", sampler, **links),
            box(12, "PrimitiveNode", [4711, "fixed"]),
            box(8, "VAEDecode", [], samples=7, vae=8),
            box(9, "SaveImage", ["ComfyUI"], images=9),
        ],
        "links": [
            [1, 4, 0, 3, 0, "MODEL"],
            [2, 6, 0, 3, 1, "CONDITIONING"],
            [3, 7, 0, 3, 2, "CONDITIONING"],
            [4, 5, 0, 3, 3, "LATENT"],
            [5, 4, 1, 6, 0, "CLIP"],
            [6, 4, 1, 7, 0, "CLIP"],
            [7, 3, 0, 8, 0, "LATENT"],
            [8, 4, 2, 8, 1, "VAE"],
            [9, 8, 0, 9, 0, "IMAGE"],
            [10, 12, 0, 3, 4, "INT"],
        ],
    }


def test_the_interfaces_file_serves_where_the_api_graph_is_missing() -> None:
    found = read_comfyui_graph("", json.dumps(workflow()))
    assert found is not None
    assert (found.prompt, found.negative) == ("a mill by a stream", "fog")
    assert sampling_of(found)[0] == Sampling(sampler="ddim", steps=25, guidance=6.5, seed=4711)
    assert (found.size, found.model) == (Size(width=640, height=384), "postcard")
    assert found.unread == ()


def test_the_api_graph_goes_first() -> None:
    found = read_comfyui_graph(json.dumps(basic()), json.dumps(workflow()))
    assert found is not None
    assert found.prompt == "a glass bottle, galaxy inside"


class TestHostileGraphs:
    def test_cycles_end(self) -> None:
        nodes = basic()
        nodes["6"] = node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["14", 0])
        nodes["14"] = node("ConditioningAverage", conditioning_to=["6", 0])
        nodes["3"]["inputs"]["latent_image"] = ["8", 0]
        nodes["3"]["inputs"]["seed"] = ["20", 0]
        nodes["20"] = node("Reroute", value=["21", 0])
        nodes["21"] = node("Reroute", value=["20", 0])
        found = read(nodes)
        assert found.seed is None
        assert found.prompt == ""
        assert "positive prompt: its text could not be found in the graph" in found.unread

    def test_missing_nodes_and_wrong_types_are_missing_values(self) -> None:
        nodes = basic()
        nodes["3"]["inputs"] |= {
            "seed": True,
            "steps": "many",
            "cfg": [1, 2, 3],
            "sampler_name": 7,
            "model": ["404", 0],
            "positive": "text",
            "negative": None,
            "latent_image": {"a": 1},
        }
        found = read(nodes)
        assert (found.seed, found.steps, found.guidance, found.sampler) == (None, None, None, "")
        assert sampling_of(found)[0] is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "null",
            "[]",
            "{}",
            '{"1": 2}',
            '{"1": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}}',
            '{"nodes": [1, null, {"id": 1, "type": []}], "links": {"a": 1}}',
            "[" * 100_000,
            '{"a":' * 50_000,
            '{"1": {"class_type": "KSampler", "inputs": {"seed": ' + "9" * 10_000 + "}}}",
        ],
    )
    def test_other_json_holds_nothing(self, text: str) -> None:
        assert read_comfyui_graph(text) is None
        assert read_comfyui_graph("", text) is None

    def test_numbers_that_are_none(self) -> None:
        text = json.dumps(basic()).replace('"cfg": 8', '"cfg": NaN').replace("512", "1e400")
        found = read_comfyui_graph(text)
        assert found is not None
        assert (found.guidance, found.size) == (None, None)

    def test_thousands_of_samplers_in_a_row_are_walked_a_few_times(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nodes = {
            str(i): node("KSampler", latent_image=[str(i + 1), 0], positive=[str(i + 2), 0])
            for i in range(9_000)
        }
        nodes |= {f"s{i}": node("SaveImage", images=[str(i), 0]) for i in range(9_000)}
        looked = 0
        wires = Node.wires

        def counted(box: Node) -> Iterator[tuple[str, Wire]]:
            nonlocal looked
            looked += 1
            return wires(box)

        monkeypatch.setattr(Node, "wires", counted)
        found = read_comfyui_graph(json.dumps(nodes))
        assert found is not None
        assert looked < 100 * len(nodes)  # every sampler from every end would be 81 million

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["nodes", "links", "id", "type", "inputs", "class_type", "3"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_any_json_is_survived(self, value: Any) -> None:
        read_comfyui_graph(json.dumps(value), json.dumps(value))

    @given(st.data())
    def test_any_damage_to_a_graph_is_survived(self, data: st.DataObject) -> None:
        nodes = basic()
        key = data.draw(st.sampled_from(sorted(nodes)))
        inputs = nodes[key]["inputs"]
        name = data.draw(st.sampled_from(sorted(inputs)))
        inputs[name] = data.draw(
            st.none()
            | st.integers()
            | st.floats()
            | st.text(max_size=3)
            | st.tuples(st.sampled_from(sorted(nodes)), st.integers(0, 2)).map(list)
        )
        read_comfyui_graph(json.dumps(nodes))
