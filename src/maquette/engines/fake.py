"""The engine ``fake``: pretty, deterministic pictures without a model, for tests and first looks.

It keeps the whole contract: every task, token maps, previews, cancelling, refusals, and failures on
demand. Each word of the prompt is a soft spot whose colour and place come from the word and the
seed, on a sky over hills; its weight is the spot's size.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.geometry import Box, Size
from maquette.core.grammar import loras, parse
from maquette.core.recipe import (
    Anchored,
    Continue,
    ImageToImage,
    Inpaint,
    ModelRef,
    Outpaint,
    PromptText,
    Recipe,
)
from maquette.core.trace import Trace
from maquette.core.training import Course, Training
from maquette.core.trajectory import Kept, from_picture, steps_to_keep
from maquette.engines.base import (
    Cancel,
    Event,
    Inputs,
    Learned,
    Lesson,
    Picture,
    Preview,
    Progress,
    Sheet,
    Study,
    Substitution,
    Usual,
)
from maquette.engines.checks import check_recipe
from maquette.engines.local import close_region, extend, open_region
from maquette.engines.wording import substitutions, traced_words, unknown_words
from maquette.errors import Cancelled, EngineFailed, RecipeRefused, TrainingRefused

__all__ = ["FakeEngine", "create"]

VERSION = 1
"""Raised when a change alters any picture that this engine draws."""

MODEL = ModelRef(name="fake", digest=hashlib.sha256(b"maquette fake model 1").hexdigest())
PRESETS = {
    "draft": Preset(sampler="dpm++", steps=4, guidance=4.0),
    "preview": Preset(sampler="dpm++", steps=8, guidance=5.0),
    "final": Preset(sampler="ddim", steps=16, guidance=5.0),
}
CELL = 8
"""Pixels to a cell of the token maps."""
NOISE = 1000.0
"""The timestep at which nothing but noise is there."""

Plane = npt.NDArray[np.float32]


def create(
    vocabulary: Sequence[str] | None = None, fail: str = "", delay: float = 0.0
) -> FakeEngine:
    """The fake engine.

    Args:
        vocabulary: the only words it knows; None knows all.
        fail: a recipe whose prompt holds this text breaks down halfway through its steps.
        delay: seconds that each step takes.
    """
    return FakeEngine(vocabulary, fail, delay)


class FakeEngine:
    """See the module."""

    name = "fake"

    def __init__(self, vocabulary: Sequence[str] | None, fail: str, delay: float) -> None:
        self.vocabulary = (
            None if vocabulary is None else frozenset(word.lower() for word in vocabulary)
        )
        self.fail = fail
        self.delay = delay

    @property
    def build(self) -> str:
        """Its version: the same on every machine."""
        return f"fake {VERSION}"

    def capabilities(self) -> Capabilities:
        """See ``Engine.capabilities``."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset(
                {"text-to-image", "image-to-image", "continue", "anchored", "inpaint", "outpaint"}
            ),
            model=MODEL,
            best_size=Size(width=256, height=256),
            min_side=32,
            max_side=2048,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=("ddim", "dpm++", "euler", "euler-a", "lcm"),
            presets=PRESETS,
            token_maps=True,
            vocabulary=self.vocabulary,
        )

    def unknown_words(self, prompt: PromptText) -> tuple[str, ...]:
        """Words of a prompt that are not in the vocabulary."""
        return unknown_words(prompt, self.capabilities())

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """See ``Engine.check``."""
        check_recipe(recipe, self.capabilities())
        assert recipe.prompt is not None  # noqa: S101 (checked)
        tags = () if recipe.prompt.interpreter == "plain" else loras(parse(recipe.prompt.text))
        if recipe.conditionings or tags:
            raise RecipeRefused("the engine 'fake' has no model to put a LoRA on")
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
        """See ``Engine.run``."""
        for recipe in recipes:
            self.check(recipe)
        for index, recipe in enumerate(recipes):
            began = time.perf_counter()
            prompt, sampling = recipe.prompt, recipe.sampling
            assert prompt is not None and sampling is not None  # noqa: S101 (checked)
            image, notes, region, drawn_size = self._draw(recipe, inputs)
            for step in range(1, sampling.steps + 1):
                if cancel:
                    raise Cancelled("stopped while drawing")
                if self.fail and self.fail in prompt.text and 2 * step > sampling.steps:
                    raise EngineFailed(f"the fake engine breaks down over '{self.fail}'")
                if self.delay:
                    time.sleep(self.delay)
                yield Progress(index, step, sampling.steps)
                if previews and step < sampling.steps:
                    small = (max(1, image.width // CELL), max(1, image.height // CELL))
                    yield Preview(index, step, image.convert("RGB").resize(small))
            seconds = time.perf_counter() - began
            trace = None
            if maps:
                trace = Trace(
                    words=traced_words(prompt, self.vocabulary),
                    maps=_maps(prompt, sampling.seed, drawn_size),
                    region=region,
                    timings={"denoise": seconds},
                    ran={
                        "model": MODEL.digest,
                        "sampler": sampling.sampler,
                        "timesteps": sampling.steps,
                        "device": "cpu",
                        "dtype": "float32",
                    },
                    kept=_kept(image, sampling.steps) if not notes else (),
                )
            yield Picture(index, image, seconds, trace, notes)

    def usual(self, kind: str, examples: int) -> Usual:  # noqa: ARG002
        """See ``Teachable.usual``."""
        return Usual(Course(steps=6, batch=1))

    def check_training(self, training: Training) -> tuple[str, ...]:
        """See ``Teachable.check_training``."""
        if training.model != MODEL:
            raise TrainingRefused(f"the training is for the model {training.model.name}")
        if self.fail and self.fail in training.trigger:
            raise TrainingRefused(f"the fake engine does not learn '{self.fail}'")
        return ()

    def teach(
        self, training: Training, inputs: Inputs, folder: Path, *, cancel: Cancel | None = None
    ) -> Iterator[Study]:
        """See ``Teachable.teach``: it looks at the examples, counts its steps, and keeps the count
        after each."""
        self.check_training(training)
        seen = [np.asarray(inputs[digest].convert("RGB").resize((8, 8))) for digest in inputs]
        colour = np.mean(seen, axis=(0, 1, 2))
        state, steps = folder / "state.json", training.course.steps
        begun = json.loads(state.read_text())["step"] if state.is_file() else 0
        for step in range(begun + 1, steps + 1):
            if cancel:
                raise Cancelled("stopped while learning; it goes on from here")
            if self.delay:
                time.sleep(self.delay)
            partial = folder / "state.partial"
            partial.write_text(json.dumps({"step": step}))
            partial.replace(state)
            yield Lesson(step, steps, 1.0 / step)
            if training.sheet_every and step % training.sheet_every == 0:
                shown = Image.new("RGB", (64, 32), tuple(int(c) for c in colour))
                yield Sheet(step, shown)
        file = folder / "learned.bin"
        file.write_bytes(f"{training.digest} {colour.tolist()}".encode())
        yield Learned(file, 3, float(steps))

    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """See ``Teachable.features``: the colours of 64 places."""
        small = [np.asarray(image.convert("RGB").resize((8, 8)), np.float32) for image in images]
        places = np.stack(small).reshape(len(small), -1, 3) - 128
        length = np.linalg.norm(places, axis=2, keepdims=True)
        return (places / np.maximum(length, 1e-6)).astype(np.float32)

    def explain(self, image: Image.Image, prompt: PromptText) -> Trace:
        """See ``Explainer.explain``: spots that depend on the words and the picture's bytes."""
        seed = int.from_bytes(hashlib.sha256(image.convert("RGB").tobytes()).digest()[:4], "big")
        size = Size(width=image.width, height=image.height)
        return Trace(
            words=traced_words(prompt, self.vocabulary),
            maps=_maps(prompt, seed, size),
            ran={"model": MODEL.digest, "sampler": "explain", "timesteps": 1},
        )

    def _draw(
        self, recipe: Recipe, inputs: Inputs
    ) -> tuple[Image.Image, Mapping[str, float], Box | None, Size]:
        """The picture, its notes, the region that its maps cover, the size that was drawn."""
        task = recipe.task
        match task:
            case ImageToImage():
                size = (recipe.size.width, recipe.size.height)
                before = _input(inputs, task.image).convert("RGB").resize(size)
                drawn = _paint(recipe, recipe.size)
                return Image.blend(before, drawn, task.strength), {}, None, recipe.size
            case Continue() | Anchored():
                small, timestep = from_picture(_input(inputs, task.latents))
                size = (recipe.size.width, recipe.size.height)
                shape = (3, max(1, size[1] // CELL), max(1, size[0] // CELL))
                if small.shape != shape:
                    raise RecipeRefused(f"the kept drawing is {small.shape}, this one {shape}")
                before = Image.fromarray(small.transpose(1, 2, 0).astype(np.uint8)).resize(size)
                share = timestep / NOISE
                return (
                    Image.blend(before, _paint(recipe, recipe.size), share),
                    {},
                    None,
                    recipe.size,
                )
            case Inpaint():
                image, mask = _input(inputs, task.image), _input(inputs, task.mask)
                start, _ = open_region(image, mask, task.region, task.work)
                drawn = Image.blend(start, _paint(recipe, task.work), task.strength)
                done, seam = close_region(image, mask, task.region, drawn, task.feather)
                return done, {"seam": seam}, task.region, task.work
            case Outpaint():
                image = _input(inputs, task.image)
                canvas, mask = extend(image, *task.sides, overlap=task.overlap)
                whole = Box(x=0, y=0, width=canvas.width, height=canvas.height)
                start, _ = open_region(canvas, mask, whole, task.work)
                drawn = Image.blend(start, _paint(recipe, task.work), 0.5)
                done, seam = close_region(canvas, mask, whole, drawn, task.feather)
                return done, {"seam": seam}, None, recipe.size
            case _:
                return _paint(recipe, recipe.size), {}, None, recipe.size


def _input(inputs: Inputs, digest: str) -> Image.Image:
    if digest not in inputs:
        raise EngineFailed(f"the picture {digest[:10]} was not given to engine 'fake'")
    return inputs[digest]


def _paint(recipe: Recipe, size: Size) -> Image.Image:
    """A sky, hills, and a spot for each word."""
    prompt, sampling = recipe.prompt, recipe.sampling
    assert prompt is not None and sampling is not None  # noqa: S101 (checked)
    # All that decides a picture decides this one, but not where its input lies in a project.
    style = f"{prompt.model_dump_json()}{sampling.model_dump_json()}"
    noise = _noise(style)
    x, y = _grid(size, 1)
    top, bottom = noise.uniform(0.2, 0.9, 3), noise.uniform(0.5, 1.0, 3)
    picture = top + (bottom - top) * y[..., None]
    for word, spot in zip(traced_words(prompt), _spots(prompt, sampling.seed, x, y), strict=True):
        colour = _noise(word.text.lower()).uniform(0.1, 1.0, 3)
        share = 0.85 * spot[..., None]
        picture = picture * (1 - share) + colour * share
    for depth in range(3):
        height = 0.62 + 0.13 * depth
        for wave in range(1, 4):
            swing, turn = noise.uniform(0.01, 0.07) / wave, noise.uniform(0, 6.28)
            height = height + swing * np.sin(6.28 * wave * x + turn)
        shade = bottom * (0.55 - 0.15 * depth)
        inside = np.clip((y - height) * size.height, 0, 1)[..., None]
        picture = picture * (1 - inside) + shade * inside
    return Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))


def _kept(image: Image.Image, steps: int) -> tuple[Kept, ...]:
    """What this engine has instead of latents: the picture itself, small, (3, rows, columns)."""
    small = (max(1, image.width // CELL), max(1, image.height // CELL))
    pixels = np.asarray(image.convert("RGB").resize(small), np.float32).transpose(2, 0, 1)
    return tuple(
        Kept(step=step, steps=steps, timestep=NOISE * (1 - step / steps), latents=pixels)
        for step in sorted(steps_to_keep(steps))
    )


def _maps(prompt: PromptText, seed: int, size: Size) -> Plane:
    """Synthetic maps, (words, rows, columns): each word's spot, shares that sum to at most 1."""
    x, y = _grid(size, CELL)
    spots = [spot + 0.05 for spot in _spots(prompt, seed, x, y)]
    if not spots:
        return np.zeros((0, *x.shape), np.float32)
    stacked = np.stack(spots)
    return (stacked / (1 + stacked.sum(axis=0))).astype(np.float32)


def _spots(prompt: PromptText, seed: int, x: Plane, y: Plane) -> list[Plane]:
    """A soft spot for each word, 0 to 1; a weight of 0 leaves none."""
    found: list[Plane] = []
    for number, word in enumerate(traced_words(prompt)):
        noise = _noise(f"{word.text.lower()} {number} {seed}")
        left, top = noise.uniform(0.12, 0.88), noise.uniform(0.1, 0.7)
        radius = noise.uniform(0.05, 0.14) * max(word.weight, 0.0) ** 0.5
        away = ((x - left) ** 2 + (y - top) ** 2) / max(radius, 1e-3) ** 2
        found.append((np.exp(-away) * (word.weight > 0)).astype(np.float32))
    return found


def _grid(size: Size, cell: int) -> tuple[Plane, Plane]:
    """x and y of the cells' centres, 0 to 1, as (rows, columns)."""
    rows, columns = -(-size.height // cell), -(-size.width // cell)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return (x + 0.5) / columns, (y + 0.5) / rows


def _noise(text: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(text.encode("utf-8", "replace")).digest()))
