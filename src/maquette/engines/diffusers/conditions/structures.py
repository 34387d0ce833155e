"""The structures of a recipe, each with its network, as conditions of a canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from maquette.core.conditioning import Control
from maquette.core.geometry import Box, Size
from maquette.engines.diffusers.conditions.catalogue import Catalogue
from maquette.engines.diffusers.conditions.control import ControlCondition
from maquette.engines.diffusers.conditions.control_joint import FluxControl, SD3Control
from maquette.engines.diffusers.conditions.control_load import load_control
from maquette.engines.diffusers.conditions.maps import window
from maquette.engines.diffusers.conditions.t2i import AdapterCondition
from maquette.engines.diffusers.hooks import Condition, Hole
from maquette.engines.diffusers.weights import Parts
from maquette.errors import ModelRefused, RecipeRefused

__all__ = ["check_sizes", "controlled"]

JOINT = {"SD3ControlNetModel": SD3Control, "FluxControlNetModel": FluxControl}
"""What calls a ControlNet of a joint transformer, by its class."""

Picture = Callable[[str], Image.Image]
"""Gives a picture by its digest."""


def check_sizes(controls: Sequence[Control], whole: Size, picture: Picture) -> None:
    """Refuse a map that is not of the picture's size; what surrounds a hole is no map.

    Raises:
        RecipeRefused.
    """
    for control in controls:
        if control.condition == "inpaint":
            continue
        width, height = picture(control.image).size
        if (width, height) != (whole.width, whole.height):
            raise RecipeRefused(
                f"the map for {control.condition} has {width}x{height} pixels, the picture {whole}",
                hint="make the map at the picture's size",
            )


def controlled(
    controls: Sequence[Control],
    parts: Parts,
    size: Size,
    region: Box | None,
    holes: Sequence[Hole],
    *,
    catalogue: Catalogue,
    picture: Picture,
) -> Iterator[Condition]:
    """Controls as conditions, for a canvas of ``size`` that shows ``region`` (None: all) of the
    picture; ``holes`` are what each canvas has, and where it is to be filled.

    Raises:
        RecipeRefused: a network that fills holes where there is none.
        ModelMissing, ModelRefused: a network that is not at hand, or damaged.
    """
    groups: dict[tuple[Any, ...], list[Control]] = {}
    for number, control in enumerate(controls):
        adapter = catalogue.by_digest(control.adapter, "control", "t2i-adapter")
        path, digest = Path(adapter.path), control.adapter.digest
        if adapter.kind == "t2i-adapter":
            network = _t2i(path, digest, parts.device, parts.dtype)
            yield AdapterCondition.of(network, control, picture(control.image), size, region)
            continue
        network = load_control(path, digest, parts)
        joint = JOINT.get(type(network).__name__)
        if control.condition == "inpaint":
            if not holes:
                raise RecipeRefused(f"'{adapter.name}' fills holes, and there is none here")
            own = (network, control, holes)
            yield ControlCondition.filling(*own) if joint is None else joint.filling(*own, parts)
        elif joint is not None:
            shown = window(picture(control.image).convert("RGB"), size, region)
            yield joint.of(network, control, shown, parts)
        else:
            # A network of eight channels reads several maps in one call.
            alone = number if network.config.conditioning_channels != 8 else -1
            when = control.strength, control.start, control.end
            groups.setdefault((path, *when, alone), []).append(control)
    for (path, *_), together in groups.items():
        network = load_control(path, together[0].adapter.digest, parts)
        images = [picture(each.image) for each in together]
        yield ControlCondition.of(network, together, images, size, region)


@lru_cache(maxsize=4)
def _t2i(path: Path, digest: str, device: torch.device, dtype: torch.dtype) -> Any:  # noqa: ARG001
    """A T2I-Adapter, loaded once for each digest."""
    try:
        from diffusers.models.adapter import T2IAdapter

        network: Any = T2IAdapter.from_pretrained(
            path, local_files_only=True, use_safetensors=True, torch_dtype=dtype
        )
    except Exception as error:
        raise ModelRefused(
            f"the network {path.name} does not load: {str(error).splitlines()[0][:200]}",
            hint="its files are damaged or do not belong together; get it again",
        ) from error
    return network.to(device).eval().requires_grad_(False)
