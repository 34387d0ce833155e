"""The local engine: recipes in, pictures out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from maquette import __version__
from maquette.core.capabilities import Capabilities, Preset
from maquette.core.recipe import PromptText, Recipe
from maquette.core.trace import Trace
from maquette.engines.base import Cancel, Event, Inputs, Substitution
from maquette.engines.checks import check_recipe, substitutions, unknown_among
from maquette.engines.diffusers.models import ModelCard, find_model, read_model
from maquette.engines.diffusers.prompts import check_prompt, prompt_words
from maquette.errors import EngineFailed, MaquetteError, SettingRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.weights import Parts

__all__ = ["DiffusersEngine", "create"]

TASKS = frozenset({"text-to-image", "image-to-image", "inpaint", "outpaint"})
PRESETS = {
    "draft": Preset(sampler="dpm++", steps=8, guidance=4.0),
    "preview": Preset(sampler="dpm++", steps=16, guidance=5.0),
    "final": Preset(sampler="ddim", steps=40, guidance=5.0),
}


def create(
    model: str | Path | None = None, device: str = "cpu", dtype: str = "auto"
) -> DiffusersEngine:
    """The local engine with a model: the shipped one, a name, or a folder.

    Raises:
        ModelMissing, ModelRefused: when the model is not there or is not to be loaded.
    """
    return DiffusersEngine(read_model(find_model(model)), device=device, dtype=dtype)


class DiffusersEngine:
    """Draws with a UNet of the Stable Diffusion family. Loads torch and the weights on first use.

    Not for two threads at once: a UNet has one set of attention processors.
    """

    name = "diffusers"

    def __init__(self, card: ModelCard, *, device: str = "cpu", dtype: str = "auto") -> None:
        self.card = card
        self.device = device
        self.dtype = dtype
        self._parts: Parts | None = None

    @property
    def build(self) -> str:
        """Engine, model, libraries, device and number type."""
        from importlib.metadata import version

        libraries = " ".join(f"{name}/{version(name)}" for name in ("torch", "diffusers"))
        return (
            f"maquette-diffusers/{__version__} {self.card.ref.name}@{self.card.ref.digest[:12]}"
            f" {libraries} {self.device} {self.dtype}"
        )

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``."""
        card = self.card
        own = card.about.get("presets") or {}
        longest = max(card.native.width, card.native.height)
        return Capabilities(
            engine=self.name,
            tasks=TASKS,
            model=card.ref,
            best_size=card.native,
            multiple=card.scale,
            min_side=card.scale * 2 ** (card.levels - 1),
            max_side=min(2048, 4 * longest),
            max_steps=1000,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=("ddim", "dpm++", "euler", "euler-a", "lcm"),
            presets={**PRESETS, **{key: Preset(**value) for key, value in own.items()}},
            token_maps=True,
            vocabulary=card.vocabulary,
        )

    def unknown_words(self, prompt: PromptText) -> tuple[str, ...]:
        """Words of a prompt and its negative that the model never saw, in order."""
        words = [word.text for word in prompt_words(prompt)]
        words += [word.text for word in prompt_words(prompt, negative=True)]
        return unknown_among(tuple(words), self.capabilities())

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        check_recipe(recipe, self.capabilities())
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101
        if recipe.sampling.sampler == "lcm" and recipe.sampling.steps > 50:
            raise SettingRefused(
                f"the sampler lcm takes at most 50 steps, not {recipe.sampling.steps}",
                hint="2 to 8 are usual",
            )
        check_prompt(recipe)
        return substitutions(self.unknown_words(recipe.prompt))

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,
        previews: bool = False,
        cancel: Cancel | None = None,
    ) -> Iterator[Event]:
        """See ``Engine.run``. Recipes that agree in all but prompt and seed are drawn together."""
        for recipe in recipes:
            self.check(recipe)
        from maquette.engines.diffusers.tasks import draw_all

        try:
            yield from draw_all(
                self.parts(), recipes, inputs, maps=maps, previews=previews, cancel=cancel
            )
        except (MaquetteError, GeneratorExit):
            raise
        except MemoryError as error:
            raise EngineFailed("out of memory", hint="draw smaller or fewer at a time") from error
        except Exception as error:
            first = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise EngineFailed(f"drawing failed: {first}") from error

    def explain(self, image: Image.Image, prompt: PromptText) -> Trace:
        """See ``Explainer.explain``."""
        from maquette.engines.diffusers.explain import explain

        return explain(self.parts(), image, prompt, self.capabilities())

    def parts(self) -> Parts:
        """The loaded model; loads it the first time."""
        if self._parts is None:
            from maquette.engines.diffusers.weights import load_parts

            self._parts = load_parts(self.card, self.device, self.dtype)
        return self._parts
