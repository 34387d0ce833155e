"""Operations that draw: generate, vary, reweight, inpaint, outpaint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from maquette import operations
from maquette.core.capabilities import Capabilities
from maquette.core.geometry import Size
from maquette.core.recipe import (
    ImageToImage,
    Import,
    Inpaint,
    Outpaint,
    PromptText,
    TextToImage,
    Upscale,
)
from maquette.core.version import Version
from maquette.errors import (
    MaskRefused,
    PromptRefused,
    RecipeRefused,
    SettingRefused,
    WordUnknown,
)

MakeVersion = Callable[..., Version]
BARE: dict[str, Any] = {"prompt": None, "sampling": None, "model": None}


def mask(box: tuple[int, int, int, int] = (100, 100, 40, 60), size: int = 256) -> Image.Image:
    return operations.mask_from_box(Size(width=size, height=size), box)


class TestGenerate:
    def test_it_states_everything(self, capabilities: Capabilities) -> None:
        recipe = operations.generate(
            "a wolf", "blurry", capabilities=capabilities, seed=3, size=(128, 192)
        )
        assert recipe.engine == "diffusers" and recipe.model == capabilities.model
        assert isinstance(recipe.task, TextToImage)
        assert recipe.size == Size(width=128, height=192)
        assert recipe.prompt == PromptText(text="a wolf", negative="blurry")
        assert recipe.sampling is not None and recipe.sampling.seed == 3

    def test_the_best_size_is_the_usual_one(self, capabilities: Capabilities) -> None:
        recipe = operations.generate("a", capabilities=capabilities, seed=3)
        assert recipe.size == capabilities.best_size
        given = operations.generate(
            "a", capabilities=capabilities, seed=3, size=Size(width=256, height=256)
        )
        assert given.digest == recipe.digest


class TestVary:
    def test_it_starts_from_the_picture_and_its_words(
        self, version: Version, capabilities: Capabilities
    ) -> None:
        recipe = operations.vary(version, seed=5, capabilities=capabilities)
        assert recipe.task == ImageToImage(image=version.image, strength=0.5)
        assert recipe.prompt == version.recipe.prompt and recipe.size == version.size
        assert recipe.sampling is not None and recipe.sampling.seed == 5

    def test_another_size(self, version: Version, capabilities: Capabilities) -> None:
        recipe = operations.vary(version, seed=5, size=(128, 192), capabilities=capabilities)
        assert recipe.size == Size(width=128, height=192)
        with pytest.raises(SettingRefused):
            operations.vary(version, seed=5, size=(1, 192), capabilities=capabilities)

    def test_other_words(self, make: MakeVersion, capabilities: Capabilities) -> None:
        version = make(prompt=PromptText(text="a", negative="b", interpreter="a1111"))
        recipe = operations.vary(
            version, seed=5, prompt="a cat", negative="dog", capabilities=capabilities
        )
        assert recipe.prompt == PromptText(text="a cat", negative="dog", interpreter="a1111")
        kept = operations.vary(version, seed=5, negative="dog", capabilities=capabilities)
        assert kept.prompt == PromptText(text="a", negative="dog", interpreter="a1111")

    @pytest.mark.parametrize("strength", [0, -0.5, 1.01])
    def test_strength_has_a_range(
        self, version: Version, capabilities: Capabilities, strength: float
    ) -> None:
        with pytest.raises(SettingRefused, match="above 0 and up to 1"):
            operations.vary(version, strength=strength, seed=1, capabilities=capabilities)

    def test_an_imported_picture_needs_words_and_gets_a_size(
        self, make: MakeVersion, capabilities: Capabilities
    ) -> None:
        photo = make(width=1000, height=701, task=Import(image="a" * 64), **BARE)
        with pytest.raises(PromptRefused, match="has no prompt of its own"):
            operations.vary(photo, seed=1, capabilities=capabilities)
        recipe = operations.vary(photo, seed=1, prompt="a boat", capabilities=capabilities)
        assert recipe.size == Size(width=512, height=360)


class TestReweight:
    def test_only_the_words_change(self, version: Version) -> None:
        recipe = operations.reweight(version, {"moon": 1.4})
        assert recipe.prompt is not None
        assert recipe.prompt.text == "a wolf under a full (moon:1.4)"
        assert recipe.change(prompt=version.recipe.prompt) == version.recipe

    def test_a_phrase(self, version: Version) -> None:
        recipe = operations.reweight(version, {"full moon": 1.3, "wolf": 0.8})
        assert recipe.prompt is not None
        assert recipe.prompt.text == "a (wolf:0.8) under a (full moon:1.3)"

    def test_back_to_neutral_is_the_same_request(self, make: MakeVersion) -> None:
        heavy = make(prompt=PromptText(text="a (moon:1.4)"))
        light = make(prompt=PromptText(text="a moon"))
        assert operations.reweight(heavy, {"moon": 1}).digest == light.recipe.digest

    def test_every_drawing_task_can_be_reweighted(self, make: MakeVersion) -> None:
        tasks = [
            ImageToImage(image="a" * 64, strength=0.5),
            Outpaint(image="a" * 64, left=8, work=Size(width=64, height=64)),
        ]
        for task in tasks:
            assert operations.reweight(make(task=task), {"moon": 2}).task == task

    def test_an_unknown_word_is_answered_with_the_known_ones(self, version: Version) -> None:
        with pytest.raises(WordUnknown, match="a, wolf, under, full, moon"):
            operations.reweight(version, {"sun": 1.4})

    @pytest.mark.parametrize("weight", [-0.1, 10.5, float("nan"), float("inf")])
    def test_a_weight_has_a_range(self, version: Version, weight: float) -> None:
        with pytest.raises(SettingRefused):
            operations.reweight(version, {"moon": weight})

    def test_no_weights_are_a_mistake(self, version: Version) -> None:
        with pytest.raises(SettingRefused, match="no word"):
            operations.reweight(version, {})

    def test_work_on_pixels_has_no_words(self, make: MakeVersion) -> None:
        parent = "1234567890" + "a" * 54
        enlarged = make(
            operation="upscale", parents=(parent,), task=Upscale(image="a" * 64, scale=2), **BARE
        )
        with pytest.raises(RecipeRefused, match="made by 'upscale'") as caught:
            operations.reweight(enlarged, {"moon": 1.4})
        assert caught.value.hint == "reweight the version it came from: 1234567890"

    def test_an_imported_prompt_is_not_run(self, make: MakeVersion) -> None:
        photo = make(operation="import", task=Import(image="a" * 64))
        with pytest.raises(RecipeRefused) as caught:
            operations.reweight(photo, {"moon": 1.4})
        assert "vary it" in caught.value.hint

    def test_a_plain_prompt_has_no_weights(self, make: MakeVersion) -> None:
        plain = make(prompt=PromptText(text="a moon", interpreter="plain"))
        with pytest.raises(RecipeRefused, match="plainly"):
            operations.reweight(plain, {"moon": 1.4})


class TestInpaint:
    def inpaint(self, version: Version, **arguments: Any) -> Any:
        return operations.inpaint(
            version, **{"mask_digest": "b" * 64, "mask": mask(), "seed": 1, **arguments}
        )

    def test_it_states_everything(self, version: Version, capabilities: Capabilities) -> None:
        recipe = self.inpaint(version, prompt="a misty forest", capabilities=capabilities)
        assert recipe.size == version.size
        assert recipe.prompt == PromptText(text="a misty forest")
        task = recipe.task
        assert isinstance(task, Inpaint)
        assert (task.image, task.mask, task.strength) == (version.image, "b" * 64, 1.0)
        assert task.region.corners == (0, 0, 256, 256)
        assert task.work == Size(width=256, height=256)
        assert recipe.inputs == (version.image, "b" * 64)

    @pytest.mark.parametrize("prompt", ["", "  "])
    def test_without_a_prompt_its_own_counts(
        self, version: Version, capabilities: Capabilities, prompt: str
    ) -> None:
        recipe = self.inpaint(version, prompt=prompt, capabilities=capabilities)
        assert recipe.prompt == version.recipe.prompt
        other = self.inpaint(version, prompt=prompt, negative="fog", capabilities=capabilities)
        assert other.prompt.negative == "fog"

    def test_without_any_prompt_it_is_refused(
        self, make: MakeVersion, capabilities: Capabilities
    ) -> None:
        with pytest.raises(PromptRefused, match="no prompt of its own"):
            self.inpaint(make(task=Import(image="a" * 64), **BARE), capabilities=capabilities)

    @pytest.mark.parametrize(
        ("box", "feather"), [((0, 0, 10, 10), 3), ((0, 0, 120, 200), 10), ((0, 0, 256, 256), 21)]
    )
    def test_the_feather_follows_the_mask(
        self,
        version: Version,
        capabilities: Capabilities,
        box: tuple[int, int, int, int],
        feather: int,
    ) -> None:
        recipe = self.inpaint(version, mask=mask(box), capabilities=capabilities)
        assert recipe.task.feather == feather
        own = self.inpaint(version, mask=mask(box), feather=0, capabilities=capabilities)
        assert own.task.feather == 0

    def test_a_bad_mask_is_refused(self, version: Version, capabilities: Capabilities) -> None:
        with pytest.raises(MaskRefused, match=r"128x128 pixels, version \w{10} has 256x256"):
            self.inpaint(version, mask=mask((0, 0, 9, 9), 128), capabilities=capabilities)
        with pytest.raises(MaskRefused, match="empty"):
            self.inpaint(version, mask=Image.new("L", (256, 256)), capabilities=capabilities)

    @pytest.mark.parametrize(
        "bad", [{"strength": 0}, {"strength": 2}, {"feather": -1}, {"feather": 257}, {"seed": -1}]
    )
    def test_numbers_have_ranges(
        self, version: Version, capabilities: Capabilities, bad: dict[str, Any]
    ) -> None:
        with pytest.raises(SettingRefused):
            self.inpaint(version, capabilities=capabilities, **bad)

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.tuples(
            st.integers(0, 900), st.integers(0, 600), st.integers(1, 900), st.integers(1, 600)
        )
    )
    def test_any_mask_gives_a_recipe_that_the_model_can_draw(
        self, make: MakeVersion, capabilities: Capabilities, box: tuple[int, int, int, int]
    ) -> None:
        version = make(width=901, height=601)
        white = operations.mask_from_box(version.size, box)
        task = self.inpaint(version, mask=white, capabilities=capabilities).task
        assert task.region.right <= 901 and task.region.bottom <= 601
        for side in (task.work.width, task.work.height):
            assert side % 8 == 0 and capabilities.min_side <= side <= capabilities.max_side


class TestOutpaint:
    def test_it_states_everything(self, version: Version, capabilities: Capabilities) -> None:
        recipe = operations.outpaint(version, left=64, bottom=32, seed=1, capabilities=capabilities)
        assert recipe.size == Size(width=320, height=288)
        task = recipe.task
        assert isinstance(task, Outpaint)
        assert task.sides == (64, 0, 0, 32)
        assert "overlap" not in task.model_dump()
        again = operations.outpaint(version, left=64, overlap=12, seed=1, capabilities=capabilities)
        assert isinstance(again.task, Outpaint) and again.task.model_dump()["overlap"] == 12
        assert task.work.area <= 256 * 256 and task.work.width % 8 == 0
        assert recipe.prompt == version.recipe.prompt

    @pytest.mark.parametrize(
        ("sides", "says"),
        [
            ({}, "changes nothing"),
            ({"left": -1}, "left -1 is out of range: 0 to 256"),
            ({"top": 257}, "top 257 is out of range: 0 to 256"),
            ({"right": 1.5}, "no whole number"),
            ({"left": 8, "overlap": 65}, "overlap 65 is out of range: 0 to 64"),
        ],
    )
    def test_sides_have_ranges(
        self, version: Version, capabilities: Capabilities, sides: dict[str, Any], says: str
    ) -> None:
        with pytest.raises(SettingRefused, match=says):
            operations.outpaint(version, **sides, seed=1, capabilities=capabilities)

    def test_a_canvas_has_a_limit(self, make: MakeVersion, capabilities: Capabilities) -> None:
        huge = make(width=9000, height=9000)
        with pytest.raises(SettingRefused, match="100 million"):
            operations.outpaint(huge, left=9000, seed=1, capabilities=capabilities)


def test_the_same_arguments_are_the_same_request(
    version: Version, capabilities: Capabilities
) -> None:
    for make_one in (
        lambda: operations.generate("a", capabilities=capabilities, seed=1),
        lambda: operations.vary(version, seed=1, capabilities=capabilities),
        lambda: operations.reweight(version, {"moon": 1.4}),
        lambda: operations.outpaint(version, top=8, seed=1, capabilities=capabilities),
    ):
        assert make_one().digest == make_one().digest
