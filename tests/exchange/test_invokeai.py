"""InvokeAI's metadata: three ages of it, and Compel's weights."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.geometry import Size
from maquette.core.grammar import parse, runs
from maquette.exchange.compel import read_compel
from maquette.exchange.invokeai import UNREADABLE, read_invokeai
from maquette.exchange.parameters import Parameters

NOW: dict[str, Any] = {
    "generation_mode": "sdxl_img2img",
    "positive_prompt": "a pier, (soft light)1.3, fog--",
    "negative_prompt": "people++ [cars]",
    "width": 1024,
    "height": 768,
    "seed": 12,
    "rand_device": "cpu",
    "steps": 30,
    "cfg_scale": 7.5,
    "cfg_rescale_multiplier": 0,
    "scheduler": "dpmpp_2m_k",
    "clip_skip": 0,
    "model": {"key": "k", "hash": "blake3:x", "name": "juggernaut", "base": "sdxl", "type": "main"},
    "strength": 0.6,
    "init_image": "0c1f.png",
    "vae": {"name": "sdxl-vae-fp16"},
    "loras": [{"model": {"name": "film"}, "weight": 0.5}],
    "controlnets": [{"control_model": {"name": "canny"}, "control_weight": 1, "image": {}}],
    "ipAdapters": [{"ip_adapter_model": {"name": "ip-plus"}, "weight": 0.7}],
    "seamless_x": True,
    "app_version": "5.0.0",
}


def read(key: str, value: Any) -> Parameters:
    found = read_invokeai({key: value if isinstance(value, str) else json.dumps(value)})
    assert found is not None
    return found


class TestFlat:
    def test_what_is_carried_over(self) -> None:
        found = read("invokeai_metadata", NOW)
        assert found.prompt == "a pier, (soft light:1.3), (fog:0.81)"
        assert found.negative == r"(people:1.21) \[cars\]"
        assert (found.sampler, found.steps, found.guidance, found.seed) == ("dpm++", 30, 7.5, 12)
        assert found.size == Size(width=1024, height=768)
        assert (found.model, found.strength, found.loras) == ("juggernaut", 0.6, (("film", 0.5),))

    def test_the_rest_is_named(self) -> None:
        assert set(read("invokeai_metadata", NOW).unread) == {
            "schedule karras",
            "prompt weights: InvokeAI blends where A1111's dialect scales",
            "strength: 0.6",
            "LoRA film: 0.5",
            "the picture that it started from: 0c1f.png",
            "vae: sdxl-vae-fp16",
            "control: canny",
            "reference: ip-plus",
            "seamless_x: True",
        }

    def test_loras_and_models_as_version_3_wrote_them(self) -> None:
        old = {
            "positive_prompt": "a pier",
            "model": {"model_name": "dreamshaper", "base_model": "sd-1"},
            "loras": [{"lora": {"model_name": "ink"}, "weight": 0.75}],
        }
        found = read("invokeai_metadata", old)
        assert (found.model, found.loras) == ("dreamshaper", (("ink", 0.75),))

    def test_distilled_guidance_is_no_guidance(self) -> None:
        found = read("invokeai_metadata", {"positive_prompt": "a pier", "guidance": 3.5})
        assert found.guidance is None and "distilled guidance: 3.5" in found.unread


def test_version_2() -> None:
    document = {
        "model": "stable diffusion",
        "model_weights": "stable-diffusion-1.5",
        "app_id": "invoke-ai/InvokeAI",
        "app_version": "2.2.4",
        "image": {
            "prompt": [{"prompt": "a lighthouse [people, cars] at dusk", "weight": 1}],
            "steps": 50,
            "cfg_scale": 7.5,
            "threshold": 0,
            "perlin": 0.2,
            "width": 512,
            "height": 640,
            "seed": 99,
            "type": "txt2img",
            "sampler": "k_euler_a",
            "postprocessing": [{"type": "gfpgan", "strength": 0.8}],
        },
    }
    found = read("sd-metadata", document)
    assert (found.prompt, found.negative) == ("a lighthouse at dusk", "people, cars")
    assert (found.sampler, found.steps, found.seed) == ("euler-a", 50, 99)
    assert found.size == Size(width=512, height=640) and found.model == "stable-diffusion-1.5"
    assert found.unread == ("perlin: 0.2", "postprocessing: gfpgan")


def test_the_command_of_version_1() -> None:
    found = read("Dream", '"a fox [fog]" -s50 -S 123 -W512 -H 448 -C7.5 -A k_lms -f 0.7')
    assert (found.prompt, found.negative) == ("a fox", "fog")
    assert (found.steps, found.seed, found.guidance) == (50, 123, 7.5)
    assert found.size == Size(width=512, height=448)
    assert found.unread == ("sampler lms", "strength: 0.7")


@pytest.mark.parametrize("key", ["invokeai_metadata", "sd-metadata", "Dream"])
@pytest.mark.parametrize("text", ["{", "[]", "[" * 9_999, '"never closed', "{}", '{"image": 3}'])
def test_damage_is_no_fault(key: str, text: str) -> None:
    found = read(key, text)
    assert found.prompt == "" or key == "Dream"


def test_unreadable_says_so() -> None:
    assert read("invokeai_metadata", "[]").unread == (UNREADABLE,)
    assert read_invokeai({"parameters": "x"}) is None


class TestCompel:
    @pytest.mark.parametrize(
        ("text", "ours"),
        [
            ("a cat", "a cat"),
            ("a cat+", "a (cat:1.1)"),
            ("a cat++ and dog---", "a (cat:1.21) and (dog:0.729)"),
            ("(two words)++", "(two words:1.21)"),
            ("(a (b)1.5 c)0.5", "(a :0.5)(b:0.75)( c:0.5)"),
            ("(only brackets)", "only brackets"),
            (r"\(kept\) [square]", r"\(kept\) \[square\]"),
            ("well-known, t-shirt", "well-known, t-shirt"),
            ("c++, go", "(c:1.21), go"),
            ("never (closed", r"never \(closed"),
            ("never opened)1.2", r"never opened\)1.2"),
        ],
    )
    def test_weights(self, text: str, ours: str) -> None:
        assert read_compel(text)[0] == ours

    @pytest.mark.parametrize("text", ['("a", "b").blend(1, 0.5)', '("a").and()', "a cat.swap(dog)"])
    def test_what_is_no_weight_is_named(self, text: str) -> None:
        assert "is left as text" in read_compel(text)[1][0]

    @given(st.text(alphabet="ab ()+-.1\\[],", max_size=40))
    def test_nothing_fails_and_words_stay(self, text: str) -> None:
        ours, _ = read_compel(text)
        said = "".join(run.text for run in runs(parse(ours)))
        assert said.count("a") == text.count("a") and said.count("b") == text.count("b")
