"""Upscaling and face restoring by networks: loaded on use, tile by tile, stoppable in between."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.detail import invented
from maquette.core.picture import size_of
from maquette.core.recipe import Recipe, Restore, Upscale
from maquette.core.value import ModelRef
from maquette.core.version import SHORT
from maquette.engines.base import Cancel, Event, Inputs, Picture, Progress, Substitution
from maquette.engines.diffusers.imports import patient_threads
from maquette.engines.learned.catalogue import Kind, Network, find, networks
from maquette.engines.learned.faces import restored
from maquette.engines.learned.tiles import drawn_in_tiles
from maquette.engines.onnx import Onnx
from maquette.errors import Cancelled, EngineFailed, ModelRefused, RecipeRefused

__all__ = ["Learned"]

Floats = npt.NDArray[np.float32]
_Draw = Callable[[Floats], Floats]

_VERSION = 1
"""Raised when a change alters any picture that this engine makes."""
_OVERLAP = 16
"""Source pixels that tiles share."""
_PROBE = 32


class Learned:
    """Networks of ``MAQUETTE_MODELS`` by name and digest."""

    name = "learned"

    def __init__(self, models: Path | None = None, threads: int = 0) -> None:
        patient_threads()
        self._models = models
        self._threads = threads
        self._loaded: dict[str, tuple[_Draw, int]] = {}

    @property
    def build(self) -> str:
        """Engine, libraries and kind of machine."""
        libraries = " ".join(
            f"{name}/{found}" for name in ("torch", "onnxruntime") if (found := _version(name))
        )
        return f"learned {_VERSION}; {libraries}; {platform.machine()}"

    def capabilities(self) -> Capabilities:
        """Two tasks, pictures of any size, no words."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset({"upscale", "restore"}),
            multiple=1,
            min_side=1,
            max_side=100_000,
        )

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """Look for the network that the recipe names; reads its header alone.

        Raises:
            RecipeRefused: another task, or a network that is not here.
            ModelRefused.
        """
        self._network(recipe)
        return ()

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,  # noqa: ARG002 - there are no words to map
        previews: bool = False,  # noqa: ARG002
        cancel: Cancel | None = None,
    ) -> Iterator[Event]:
        """Work through the recipes in order, tile by tile or face by face.

        Raises:
            Cancelled: between tiles.
            EngineFailed, RecipeRefused, ModelRefused, ExtraMissing: as their names say.
        """
        for index, recipe in enumerate(recipes):
            network = self._network(recipe)
            started = time.perf_counter()
            steps = self._work(recipe, network, _given(inputs, recipe))
            while True:
                if cancel:
                    raise Cancelled("stopped while a network was at work")
                try:
                    step, total = next(steps)
                except StopIteration as done:
                    result, notes = done.value
                    break
                yield Progress(index, step, total)
            yield Picture(index, result, time.perf_counter() - started, notes=notes)

    def _network(self, recipe: Recipe) -> Network:
        task = recipe.task
        if not isinstance(task, Upscale | Restore) or (
            isinstance(task, Upscale) and task.method != "learned"
        ):
            raise RecipeRefused(
                f"engine 'learned' does no {task.kind} of this kind",
                hint="it upscales and restores with networks",
            )
        if recipe.model is None or recipe.conditionings:
            raise RecipeRefused(
                "this recipe needs a network and nothing else", hint="name one with --model"
            )
        return self._by_ref("upscalers" if isinstance(task, Upscale) else "restorers", recipe.model)

    def _by_ref(self, kind: Kind, ref: ModelRef) -> Network:
        """By digest: a file may have been named anew, and another may have its name."""
        for network in networks(kind, self._models):
            if not network.problem and network.ref.digest == ref.digest:
                return network
        given = Path(ref.name)
        if given.suffix and given.is_file():
            named = find(kind, ref.name, self._models)
            if named.ref.digest == ref.digest:
                return named
        raise RecipeRefused(
            f"the network {ref.name} ({ref.digest[:12]}) is not among the {kind} here",
            hint="put its file into MAQUETTE_MODELS, or choose another with --model",
        )

    def _work(
        self, recipe: Recipe, network: Network, source: Image.Image
    ) -> Generator[tuple[int, int], None, tuple[Image.Image, dict[str, float]]]:
        task = recipe.task
        if isinstance(task, Restore):
            result = yield from restored(source, task, self._onnx(network))
            return result, {}
        if not isinstance(task, Upscale):
            raise RecipeRefused(f"engine 'learned' does no {task.kind}")
        draw, scale = self._draw(network)
        pixels = np.asarray(source.convert("RGB"))
        if scale * scale * pixels.shape[0] * pixels.shape[1] > 200_000_000:
            raise EngineFailed(
                f"{size_of(source)} times {scale} is more than can be held",
                hint="use a network of a smaller scale",
            )
        made = yield from drawn_in_tiles(
            draw, pixels, scale, tile=min(task.tile, 256), overlap=_OVERLAP
        )
        size = (recipe.size.width, recipe.size.height)
        large = Image.fromarray(made)
        if large.size != size:
            large = large.resize(size, Image.Resampling.LANCZOS)
        if source.mode == "RGBA":
            large.putalpha(source.getchannel("A").resize(size, Image.Resampling.LANCZOS))
        return large, invented(source, large).notes()

    def _onnx(self, network: Network) -> Onnx:
        return Onnx(network.path, threads=self._threads)

    def _draw(self, network: Network) -> tuple[_Draw, int]:
        """The network as a function of arrays, and its scale; loaded once."""
        key = network.ref.digest
        if key not in self._loaded:
            self._loaded.clear()  # one at a time: they can be large
            self._loaded[key] = (
                _drawn_by_onnx(self._onnx(network)) if network.is_onnx else self._by_torch(network)
            )
        return self._loaded[key]

    def _by_torch(self, network: Network) -> tuple[_Draw, int]:
        import torch

        from maquette.engines.learned.networks.loading import drawer, load_network

        if network.shape is None:
            raise ModelRefused(f"{network.path.name} has no known shape")
        if self._threads:
            torch.set_num_threads(self._threads)
        sizes = network.shape.sizes
        multiple = int(sizes.get("window", sizes.get("folded", 1)))
        return drawer(load_network(network.path, network.shape), multiple), network.shape.scale


def _drawn_by_onnx(network: Onnx) -> tuple[_Draw, int]:
    """Networks of one picture in (1, 3, rows, columns), 0 to 1, and one out.

    Raises:
        ModelRefused: other ends, or sides that are not so many times as large.
    """
    ports = network.inputs
    if len(ports) != 1 or len(ports[0].shape) != 4 or ports[0].shape[1] not in {3, None}:
        raise ModelRefused(
            f"{network.path.name} is no upscaler: it does not read one picture",
            hint="it must read and answer a picture (1, 3, rows, columns), 0 to 1",
        )
    name, shape, kind = ports[0]
    rows, columns = shape[2] or 0, shape[3] or 0
    dtype = np.float16 if "float16" in kind else np.float32

    def draw(part: Floats) -> Floats:
        high, wide = part.shape[:2]
        down, right = max(rows - high, 0), max(columns - wide, 0)
        whole = np.pad(part, ((0, down), (0, right), (0, 0)), mode="edge")
        made = network.run({name: whole.transpose(2, 0, 1)[None].astype(dtype)})[0]
        if made.ndim != 4 or made.shape[1] != 3:
            raise ModelRefused(f"{network.path.name} is no upscaler: it answers {made.shape}")
        scale = made.shape[2] // whole.shape[0]
        out = made[0].transpose(1, 2, 0).astype(np.float32)
        return np.ascontiguousarray(out[: high * scale, : wide * scale])

    side_y, side_x = rows or _PROBE, columns or _PROBE
    made = draw(np.full((side_y, side_x, 3), 0.5, np.float32))
    scale = made.shape[0] // side_y
    if not 1 <= scale <= 8 or made.shape[:2] != (side_y * scale, side_x * scale):
        raise ModelRefused(
            f"{network.path.name} is no upscaler: {side_y}x{side_x} became"
            f" {made.shape[0]}x{made.shape[1]}"
        )
    return draw, scale


def _given(inputs: Inputs, recipe: Recipe) -> Image.Image:
    digest = getattr(recipe.task, "image", "")
    image = inputs.get(digest)
    if image is None:
        raise EngineFailed(f"picture {digest[:SHORT]} was not given to engine 'learned'")
    task = recipe.task
    factor = task.scale if isinstance(task, Upscale) else 1
    expected = round(image.width * factor), round(image.height * factor)
    if expected != (recipe.size.width, recipe.size.height):
        raise EngineFailed(
            f"{size_of(image)} becomes {expected[0]}x{expected[1]}, the recipe says {recipe.size}"
        )
    return image


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
