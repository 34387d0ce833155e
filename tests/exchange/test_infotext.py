"""A1111's infotext: what is written is read back, and the field's own files are understood."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.geometry import Size
from maquette.core.recipe import ModelRef, PromptText, Recipe, Sampling, TextToImage
from maquette.exchange.infotext import pairs, quote, read_infotext, unquote, write_infotext
from maquette.exchange.parameters import sampling_of

REFERENCE = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')

# Text files know only lines: A1111 strips each, and a line that begins with the marker is one.
lines = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(',:"\\()[]{}<>'), max_size=40
).map(str.strip)
prompts = (
    st.lists(lines, min_size=1, max_size=4)
    .map("\n".join)
    .map(str.strip)
    .filter(lambda text: not any(line.startswith("Negative prompt:") for line in text.split("\n")))
    .filter(lambda text: "\x85" not in text and "\u2028" not in text)
)
recipes = st.builds(
    Recipe,
    engine=st.just("diffusers"),
    task=st.just(TextToImage()),
    size=st.builds(Size, width=st.integers(1, 9999), height=st.integers(1, 9999)),
    prompt=st.builds(PromptText, text=prompts, negative=prompts, interpreter=st.just("a1111")),
    model=st.builds(ModelRef, name=st.text(min_size=1, max_size=30), digest=st.just("ab" * 32)),
    sampling=st.builds(
        Sampling,
        sampler=st.sampled_from(["ddim", "dpm++", "euler", "euler-a", "lcm"]),
        steps=st.integers(1, 1000),
        guidance=st.floats(0, 50),
        seed=st.integers(0, 2**32 - 1),
    ),
)


@given(recipes)
def test_what_is_written_is_read_back(recipe: Recipe) -> None:
    assert recipe.prompt is not None
    assert recipe.model is not None
    found = read_infotext(write_infotext(recipe, "cd" * 32))
    assert (found.prompt, found.negative) == (recipe.prompt.text, recipe.prompt.negative)
    assert sampling_of(found) == (recipe.sampling, ())
    assert (found.model, found.model_hash) == (recipe.model.name, "ab" * 5)
    assert found.size == recipe.size
    assert found.unread == ()


@given(st.text(st.sampled_from('ab1 :,"\\-/\té('), max_size=24))
def test_pairs_are_those_of_the_documented_expression(line: str) -> None:
    assert list(pairs(line)) == REFERENCE.findall(line)


@given(st.text())
def test_a_quoted_value_comes_back(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.text(max_size=300))
def test_reading_never_fails(text: str) -> None:
    read_infotext(text)


@pytest.mark.parametrize("line", ["ab" * 500_000, 'ab: "' * 10_000, " " * 500_000, "a: " * 10_000])
def test_hostile_lines_are_read_in_time(line: str) -> None:
    start = time.perf_counter()
    read_infotext(line)
    list(pairs(line))
    assert time.perf_counter() - start < 2


def test_the_layout_is_the_fields() -> None:
    recipe = Recipe(
        engine="diffusers",
        task=TextToImage(),
        size=Size(width=256, height=256),
        prompt=PromptText(text="a fox,\nat dawn", negative="blurry"),
        model=ModelRef(name="postcard", digest="0123456789abcdef" * 4),
        sampling=Sampling(steps=20, seed=7),
    )
    first, second, third, last = write_infotext(recipe).split("\n")
    assert (first, second, third) == ("a fox,", "at dawn", "Negative prompt: blurry")
    assert last.startswith(
        "Steps: 20, Sampler: DDIM, CFG scale: 5, Seed: 7, Size: 256x256,"
        " Model hash: 0123456789, Model: postcard, Version: maquette "
    )


def test_a_prompt_alone_has_a_settings_line_too() -> None:
    prompt = PromptText(text="a: b, c: d", interpreter="a1111")
    size = Size(width=8, height=8)
    recipe = Recipe(engine="openai", task=TextToImage(), size=size, prompt=prompt)
    found = read_infotext(write_infotext(recipe))
    assert (found.prompt, found.size, found.unread) == ("a: b, c: d", size, ())


def test_brackets_that_nobody_interprets_are_escaped_for_those_who_would() -> None:
    recipe = Recipe(
        engine="openai",
        task=TextToImage(),
        size=Size(width=256, height=256),
        prompt=PromptText(text="a sign (sale) [today]", interpreter="plain"),
    )
    assert write_infotext(recipe).split("\n")[0] == r"a sign \(sale\) \[today\]"


class TestFilesOfTheField:
    def test_a_plain_one(self) -> None:
        found = read_infotext(
            "portrait of a (sailor:1.2), oil painting\n"
            "Negative prompt: lowres, bad hands\n"
            "Steps: 25, Sampler: Euler a, CFG scale: 7, Seed: 3141592653, Size: 512x768, "
            "Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Version: v1.6.0"
        )
        assert found.prompt == "portrait of a (sailor:1.2), oil painting"
        assert found.negative == "lowres, bad hands"
        assert sampling_of(found)[0] == Sampling(
            sampler="euler-a", steps=25, guidance=7, seed=3141592653
        )
        assert found.size == Size(width=512, height=768)
        assert found.model == "v1-5-pruned-emaonly"
        assert found.unread == ()

    def test_with_hires_everything_left_over_is_named(self) -> None:
        found = read_infotext(
            "castle\nSteps: 30, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 11, Size: 512x512, "
            "Model: deliberate_v2, Denoising strength: 0.45, Hires upscale: 2, "
            "Hires steps: 12, Hires upscaler: 4x-UltraSharp, Version: v1.7.0"
        )
        assert found.sampler == "dpm++"
        assert found.strength == 0.45
        assert found.unread == (
            "schedule Karras",
            "Denoising strength: 0.45",
            "Hires upscale: 2",
            "Hires steps: 12",
            "Hires upscaler: 4x-UltraSharp",
        )

    def test_with_adetailer_and_quoted_prompts(self) -> None:
        found = read_infotext(
            "crowd\nNegative prompt: text\nSteps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7, "
            'Seed: 5, Size: 640x640, ADetailer model: face_yolov8n.pt, ADetailer prompt: "a face, '
            '\\"sharp\\": detailed", ADetailer confidence: 0.3, Version: v1.9.4'
        )
        assert found.seed == 5
        assert found.unread == (
            "sampler DPM++ SDE Karras → nearest dpm++",
            "schedule Karras",
            "ADetailer model: face_yolov8n.pt",
            'ADetailer prompt: a face, "sharp": detailed',
            "ADetailer confidence: 0.3",
        )

    def test_with_loras_and_their_quoted_hashes(self) -> None:
        found = read_infotext(
            "knight <lora:armor_v3:0.8> <lora:film:1>\n"
            "Steps: 20, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 7, Seed: 1, "
            'Size: 512x512, Lora hashes: "armor_v3: a1b2c3, film: d4e5f6", Version: v1.10.1'
        )
        assert found.loras == (("armor_v3", 0.8), ("film", 1.0))
        assert found.sampler == "dpm++"
        assert found.unread == ("Lora hashes: armor_v3: a1b2c3, film: d4e5f6",)

    def test_with_an_sdxl_refiner(self) -> None:
        found = read_infotext(
            "lighthouse\nSteps: 30, Sampler: Euler, Schedule type: Karras, CFG scale: 7, Seed: 2, "
            "Size: 1024x1024, Model: sd_xl_base_1.0, Refiner: sd_xl_refiner_1.0 [7440042bbd], "
            "Refiner switch at: 0.8, Version: v1.10.0"
        )
        assert found.size == Size(width=1024, height=1024)
        assert found.unread == (
            "schedule Karras",
            "Refiner: sd_xl_refiner_1.0 [7440042bbd]",
            "Refiner switch at: 0.8",
        )

    def test_an_unknown_sampler_is_named_and_no_sampling_is_made_up(self) -> None:
        found = read_infotext("x\nSteps: 20, Sampler: UniPC, CFG scale: 7, Seed: 2, Size: 64x64")
        assert found.unread == ("sampler UniPC",)
        assert sampling_of(found) == (None, ("sampling: no sampler in the file",))

    def test_a_prompt_of_many_lines_without_settings(self) -> None:
        found = read_infotext("one: two\n\nthree\nNegative prompt: four\nfive")
        assert (found.prompt, found.negative) == ("one: two\n\nthree", "four\nfive")

    def test_a_last_line_with_two_pairs_belongs_to_the_prompt(self) -> None:
        assert read_infotext("a\nMood: dark, Light: low").prompt == "a\nMood: dark, Light: low"

    def test_numbers_that_are_none_are_named(self) -> None:
        found = read_infotext("x\nSteps: many, Sampler: DDIM, CFG scale: nan, Seed: -1, Size: big")
        assert set(found.unread) == {"Steps: many", "CFG scale: nan", "Size: big"}
        assert found.seed == -1
        assert sampling_of(found)[0] is None

    def test_a_seed_beyond_ours_is_named(self) -> None:
        found = read_infotext(
            "x\nSteps: 2, Sampler: DDIM, CFG scale: 3, Seed: 18446744073709551615"
        )
        assert found.seed == 2**64 - 1
        assert sampling_of(found) == (None, (f"seed {2**64 - 1}: larger than {2**32 - 1}",))
