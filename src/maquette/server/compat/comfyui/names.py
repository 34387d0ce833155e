"""The names of files as clients know them, and what they mean here.

There, models are files in folders; here they go by their names. Each name is listed as a file would
be (``postcard.safetensors``) and answers without its ending, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from maquette.core.adapter import Adapter
from maquette.engines.base import Adapting
from maquette.engines.learned.catalogue import Network, networks
from maquette.errors import MaquetteError, RecipeRefused
from maquette.server.compat.comfyui.files import is_known
from maquette.server.compat.comfyui.nodes import Lists

if TYPE_CHECKING:
    from maquette.server.compat.comfyui.board import Board
    from maquette.server.context import Context, Room

__all__ = ["FOLDERS", "SAMPLERS", "SCHEDULERS", "Names"]

_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pth", ".pt", ".onnx")

SAMPLERS = {
    "euler": "euler",
    "euler_ancestral": "euler-a",
    "ddim": "ddim",
    "dpmpp_2m": "dpm++",
    "lcm": "lcm",
    # Drawn with the nearest, which is said.
    "dpmpp_2m_sde": "dpm++",
    "dpmpp_2m_sde_gpu": "dpm++",
    "dpmpp_2s_ancestral": "dpm++",
    "dpmpp_3m_sde": "dpm++",
    "dpmpp_3m_sde_gpu": "dpm++",
    "dpmpp_sde": "dpm++",
    "dpmpp_sde_gpu": "dpm++",
}
"""Samplers by their names there, with ours."""

SCHEDULERS = (
    *("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta"),
    *("linear_quadratic", "kl_optimal"),
)
"""Schedulers; those that are no plain spacing are drawn with the model's own, which is said."""

FOLDERS = {
    "checkpoints": "checkpoints",
    "diffusion_models": "checkpoints",
    "unet": "checkpoints",
    "text_encoders": "text_encoders",
    "clip": "text_encoders",
    "vae": "vae",
    "loras": "loras",
    "controlnet": "controlnet",
    "upscale_models": "upscale_models",
    "embeddings": "embeddings",
}
"""ComfyUI's folders, with our lists."""


class Names:
    """Names of a project's models, adapters and uploads. Reads cards and headers, no weights."""

    def __init__(self, context: Context, room: Room, board: Board) -> None:
        self._context, self._room, self._board = context, room, board

    @cached_property
    def lists(self) -> Lists:
        """Everything that can be chosen."""
        offers = self._context.catalogue.offers()
        able = offers[0].capabilities
        checkpoints = [_file(offer.name) for offer in offers]
        known = set(able.samplers)
        side = (
            max(able.best_size.width, able.best_size.height),
            able.multiple,
            able.min_side,
            able.max_side,
        )
        names = {
            "checkpoints": checkpoints,
            "text_encoders": checkpoints,
            "vae": checkpoints,
            "loras": [_file(each.name) for each in self._fitting("lora")],
            "controlnet": [_file(each.name) for each in self._fitting("control", "t2i-adapter")],
            "embeddings": [each.name for each in self._fitting("embedding")],
            "upscale_models": [_file(each.name) for each in self._networks],
            "samplers": [name for name, ours in SAMPLERS.items() if ours in known],
            "schedulers": list(SCHEDULERS),
            "input": list(self._board.files),
        }
        return Lists(names, side, lambda name: is_known(self._room, self._board, name))

    def model(self, name: str) -> str | None:
        """The model of a file's name.

        Raises:
            RecipeRefused: there is none.
        """
        offers = [offer.name for offer in self._context.catalogue.offers()]
        return self._find(name, offers, "model")

    def lora(self, name: str) -> str:
        """The LoRA of a file's name."""
        return self._find(name, [each.name for each in self._fitting("lora")], "LoRA")

    def control(self, name: str) -> str:
        """The control network of a file's name."""
        known = [each.name for each in self._fitting("control", "t2i-adapter")]
        return self._find(name, known, "control")

    def upscaler(self, name: str) -> tuple[str, float]:
        """The network of a file's name, and how many times larger it draws."""
        found = self._find(name, [each.name for each in self._networks], "upscaler")
        network = next(each for each in self._networks if each.name == found)
        scale = getattr(network.shape, "scale", None)
        return found, float(scale) if scale else 4.0

    @cached_property
    def _networks(self) -> list[Network]:
        found = networks("upscalers", self._context.catalogue.settings.models)
        return [each for each in found if not each.problem]

    @cached_property
    def _adapters(self) -> tuple[Adapter, ...]:
        try:
            engine = self._context.catalogue.engine()
            return tuple(engine.adapters()) if isinstance(engine, Adapting) else ()
        except MaquetteError:  # a service that does not answer has nothing to choose from
            return ()

    def _fitting(self, *kinds: str) -> list[Adapter]:
        return [each for each in self._adapters if each.kind in kinds and not each.misfit]

    def _find(self, name: str, known: Iterable[str], what: str) -> str:
        for each in known:
            if name in {each, _file(each)}:
                return each
        raise RecipeRefused(f"there is no {what} '{name[:100]}'", hint="object_info lists them")


def _file(name: str) -> str:
    return name if name.endswith(_ENDINGS) else f"{name}.safetensors"
