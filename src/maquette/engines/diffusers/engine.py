"""The local engine: recipes in, pictures out."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import Image

from maquette.core.adapter import Adapter, AdapterKind
from maquette.core.capabilities import Capabilities, Preset
from maquette.core.recipe import Embedding, ModelRef, PromptText, Recipe
from maquette.core.trace import Trace
from maquette.core.training import Training
from maquette.engines.base import Cancel, Event, Inputs, Study, Substitution, Usual
from maquette.engines.checks import check_recipe
from maquette.engines.diffusers.conditions import (
    Catalogue,
    draft_preset,
    fitting,
    triggers,
)
from maquette.engines.diffusers.conditions import check as check_conditionings
from maquette.engines.diffusers.conditions.catalogue import weights_of
from maquette.engines.diffusers.fitting import Fit, Wish, fit
from maquette.engines.diffusers.imports import patient_threads, uncollected
from maquette.engines.diffusers.models import ModelCard, find_model, read_model
from maquette.engines.diffusers.prompts import check_prompt
from maquette.engines.diffusers.samplers import LCM_STEPS
from maquette.engines.wording import substitutions, unknown_words
from maquette.errors import EngineFailed, ExportRefused, MaquetteError, SettingRefused

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from maquette.engines.diffusers.weights import Parts

__all__ = ["DiffusersEngine", "create"]

VERSION = 4
"""Raised when a change alters any picture that this engine draws; tests/engines/test_noted.py
notices some such changes. 2: outpainted sides take the tones beside them. 3: the end of a small
decoder is one convolution, which rounds otherwise; 4: so are its enlargements."""

TASKS = frozenset({"text-to-image", "image-to-image", "continue", "inpaint", "outpaint"})
ANCHORED = frozenset({"anchored"})
"""Where weights act in places: on the attention of UNets."""
INPAINTING = frozenset({"inpaint", "outpaint"})
"""All that a UNet with channels for a mask was trained to do."""


def create(
    model: str | Path | None = None,
    device: str = "cpu",
    dtype: str = "auto",
    *,
    models: Path | None = None,
    threads: int = 0,
    together: int = 0,
    offload: str = "auto",
    tiles: str = "auto",
    compiled: bool = False,
    notes: Path | None = None,
) -> DiffusersEngine:
    """The local engine with a model: the shipped one, a name, or a folder.

    ``device`` and ``dtype`` may be ``auto``; ``models`` is a folder of more models (default: the
    environment's ``MAQUETTE_MODELS``); ``threads`` above 0 sets torch's when the model is loaded;
    ``together`` is the largest batch (0: one picture on a processor, eight elsewhere). Pictures of
    a larger batch may differ by a rounding from those drawn alone. ``offload`` (``none``,
    ``parts``, ``layers``), ``tiles`` (``on``, ``off``) and ``compiled`` go before the rule of
    ``fitting``. ``notes`` is a folder where it is noted which adapters were given by a path.

    Raises:
        ModelMissing, ModelRefused: when the model is not there or is not to be loaded.
    """
    card = replace(read_model(find_model(model, models), models), models=models, notes=notes)
    wish = Wish(dtype=dtype, offload=offload, tiles=tiles, compiled=compiled)
    return DiffusersEngine(card, device=device, wish=wish, threads=threads, together=together)


class DiffusersEngine:
    """Draws with a UNet of the Stable Diffusion family. Loads torch and the weights on first use.

    Not for two threads at once: a UNet has one set of attention processors.
    """

    name = "diffusers"

    def __init__(
        self,
        card: ModelCard,
        *,
        device: str = "cpu",
        wish: Wish | None = None,
        threads: int = 0,
        together: int = 0,
    ) -> None:
        patient_threads()
        self.card = card
        self.device = device
        self.wish = wish or Wish()
        self.dtype = self.wish.dtype
        self.threads = threads
        self.together = together
        self._parts: Parts | None = None
        self._fitted: Fit | None = None

    @property
    def build(self) -> str:
        """Engine, model, libraries, kind of machine, device and number type. Not the threads."""
        device, free = self.device, None
        if device != "cpu":
            from maquette.engines.diffusers.weights import device_of, free_memory

            if self._fitted is None:
                free = free_memory(device_of(device))
            device = str(device_of(device))
        if self._fitted is None:  # once: what is free changes as soon as the model is there
            self._fitted = fit(self.card, device.partition(":")[0], free, self.wish)
        fitted = self._fitted
        libraries = " ".join(f"{name}/{version(name)}" for name in ("torch", "diffusers"))
        return (
            f"diffusers {VERSION}; {self.card.ref.name} {self.card.ref.digest[:12]};"
            f" {libraries}; {platform.machine()} {device} {fitted.dtype}{fitted.said}"
            + (f" by {self.together}" if self.together > 1 else "")
        )

    @property
    def at_once(self) -> int:
        """See ``Batching.at_once``."""
        if self.together or self.device == "cpu":
            return self.together or 1
        from maquette.engines.diffusers.drawing import TOGETHER
        from maquette.engines.diffusers.weights import device_of

        return 1 if device_of(self.device).type == "cpu" else TOGETHER

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``."""
        card = self.card
        own = {**(card.about.get("presets") or {}), **draft_preset(card)}
        longest = max(card.native.width, card.native.height)
        return Capabilities(
            engine=self.name,
            tasks=INPAINTING
            if card.channels != card.latents
            else TASKS
            if card.driver.makes_concepts
            else TASKS | ANCHORED,
            model=card.ref,
            best_size=card.native,
            multiple=card.scale * card.patch,
            min_side=card.scale * card.patch * 2 ** (card.levels - 1),
            max_side=min(card.driver.longest(card), 4 * longest),
            max_steps=1000,
            interpreters=card.driver.interpreters,
            samplers=card.driver.samplers,
            presets={
                **card.driver.presets(card),
                **{key: Preset(**value) for key, value in own.items()},
            },
            token_maps=True,
            vocabulary=card.vocabulary,
            negatives=card.driver.negative(card),
            looks="unet" in card.configs,
            family=card.family,
            notes=card.driver.notes,
            licence=card.licence,
        )

    def unknown_words(self, prompt: PromptText) -> tuple[str, ...]:
        """Words of a prompt and its negative that the model never saw, in order."""
        return unknown_words(prompt, self.capabilities())

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        can = self.capabilities()
        check_recipe(recipe, can)
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101
        if recipe.sampling.sampler == "lcm" and recipe.sampling.steps > LCM_STEPS:
            raise SettingRefused(
                f"the sampler lcm takes at most {LCM_STEPS} steps, not {recipe.sampling.steps}",
                hint="2 to 8 are usual",
            )
        check_prompt(recipe)
        self.card.driver.check_parts(recipe)
        if recipe.conditionings:
            check_conditionings(recipe, self.card)
        learned = {c.word.lower() for c in recipe.conditionings if isinstance(c, Embedding)}
        learned |= triggers(recipe, self.card)
        unknown = unknown_words(recipe.prompt, can)
        said = substitutions(tuple(word for word in unknown if word.lower() not in learned))
        return (*said, *self.card.driver.substitutes(self.card, recipe))

    def adapters(self) -> tuple[Adapter, ...]:
        """See ``Adapting.adapters``."""
        return fitting(Catalogue(self.card), self.card)

    def find_adapter(self, name: str, *kinds: AdapterKind) -> Adapter:
        """See ``Adapting.find_adapter``."""
        return Catalogue(self.card).find(name, *kinds)

    def name_adapter(self, adapter: Adapter) -> ModelRef:
        """See ``Adapting.name_adapter``."""
        return Catalogue(self.card).ref(adapter)

    def written(self, adapter: Adapter, layout: str) -> bytes:
        """See ``Adapting.written``."""
        if layout == "own":
            return weights_of(Path(adapter.path)).read_bytes()
        if layout != "kohya":
            raise ExportRefused(f"there is no layout '{layout}'", hint="kohya, or own: as it is")
        if adapter.kind != "lora":
            raise ExportRefused(
                f"'{adapter.name}' is no LoRA", hint="others read its file as it is: --layout own"
            )
        from maquette.engines.diffusers.conditions.layouts import as_kohya

        return as_kohya(Path(adapter.path), self.card)

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,
        previews: bool = False,
        cancel: Cancel | None = None,
    ) -> Iterator[Event]:
        """See ``Engine.run``. Recipes that agree in all but prompt and seed follow one another,
        and are drawn together where that pays."""
        for recipe in recipes:
            self.check(recipe)
        try:
            parts = self.parts()
            from maquette.engines.diffusers.tasks import draw_all

            yield from draw_all(
                parts,
                recipes,
                inputs,
                maps=maps,
                previews=previews,
                cancel=cancel,
                together=self.together or None,
                keep_texts=True,
            )
        except (MaquetteError, GeneratorExit):
            raise
        except Exception as error:
            raise _failed(error, "drawing") from error

    def explain(self, image: Image.Image, prompt: PromptText) -> Trace:
        """See ``Explainer.explain``."""
        from maquette.engines.diffusers.explain import explain

        return explain(self.parts(), image, prompt, self.capabilities())

    def usual(self, kind: Literal["lora", "dreambooth", "embedding"], examples: int) -> Usual:
        """See ``Teachable.usual``."""
        from maquette.engines.diffusers.teaching import usual

        return usual(self.card, kind, examples)

    def check_training(self, training: Training) -> tuple[str, ...]:
        """See ``Teachable.check_training``."""
        from maquette.engines.diffusers.teaching import check_training

        _ = self.build
        offload = self._fitted.offload if self._fitted is not None else "none"
        return check_training(training, self.card, self.capabilities(), offload)

    def teach(
        self, training: Training, inputs: Inputs, folder: Path, *, cancel: Cancel | None = None
    ) -> Iterator[Study]:
        """See ``Teachable.teach``."""
        self.check_training(training)
        try:
            parts = self.parts()
            from maquette.engines.diffusers.teaching.lessons import teach

            yield from teach(parts, self.capabilities(), training, inputs, folder, cancel=cancel)
        except (MaquetteError, GeneratorExit):
            raise
        except Exception as error:
            raise _failed(error, "learning") from error

    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """See ``Teachable.features``."""
        parts = self.parts()
        from maquette.engines.diffusers.teaching.features import features

        return features(parts, images, self.capabilities().best_size)

    def parts(self) -> Parts:
        """The loaded model; loads it the first time."""
        if self._parts is None:
            with uncollected():  # the import of torch as well
                from maquette.engines.diffusers.weights import load_parts

                _ = self.build  # fitted by what is free before the model is there
                self._parts = load_parts(
                    self.card, self.device, threads=self.threads, wish=self._settled()
                )
        return self._parts

    def _settled(self) -> Wish:
        """What was chosen, as a wish: so that build and weights are of one mind."""
        chosen = self._fitted
        if chosen is None:
            return self.wish
        tiles = "on" if chosen.tiles else "off"
        return Wish(chosen.dtype, chosen.offload, tiles, chosen.compiled)


def _failed(error: Exception, doing: str) -> EngineFailed:
    """What the libraries raised, in a line."""
    if isinstance(error, MemoryError):
        return EngineFailed("out of memory", hint="fewer at a time, or smaller")
    if type(error).__name__ == "OutOfMemoryError":  # torch's own, of an accelerator
        return EngineFailed(
            "out of memory on the accelerator",
            hint="fewer at a time, or smaller; for drawing, MAQUETTE_OFFLOAD=parts",
        )
    first = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return EngineFailed(f"{doing} failed: {first}")
