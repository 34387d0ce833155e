"""The image encoder of an IP-Adapter: CLIP's or SigLIP's, told from its configuration.

Its folder is as transformers saves it, the vision half alone or the published whole model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from maquette.engines.diffusers.conditions.headers import read_json
from maquette.engines.diffusers.conditions.ip_layouts import vision_of
from maquette.engines.diffusers.conditions.maps import to_tensor
from maquette.engines.diffusers.digests import sha256_of
from maquette.engines.diffusers.weights import Parts, quiet
from maquette.errors import ModelRefused

__all__ = ["Encoder", "load_encoder"]

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""How CLIP wants pictures normalised, unless a ``preprocessor_config.json`` says otherwise."""
EVEN = (0.5, 0.5, 0.5)
"""How SigLIP does."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """A loaded image encoder. CLIP sees the middle of a picture whose shorter side is brought to
    ``side`` pixels, SigLIP (``whole``) all of it, squeezed into a square."""

    network: Any
    side: int
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    whole: bool

    def prepared(self, image: Image.Image) -> torch.Tensor:
        """(1, 3, side, side), on the network's device and of its number type."""
        rgb, side = image.convert("RGB"), self.side
        if self.whole:
            cut = rgb.resize((side, side), Image.Resampling.BICUBIC)
        else:
            width, height = rgb.size
            short = min(width, height)
            size = (int(side * width / short), int(side * height / short))
            small = rgb.resize(size, Image.Resampling.BICUBIC)
            left, top = (size[0] - side) // 2, (size[1] - side) // 2
            cut = small.crop((left, top, left + side, top + side))
        mean, spread = (
            torch.tensor(each)[None, :, None, None] for each in (self.mean, self.spread)
        )
        seen = (to_tensor(cut) - mean) / spread
        return seen.to(self.network.device, self.network.dtype)

    def vector(self, seen: torch.Tensor) -> torch.Tensor:
        """(1, width): CLIP's projected vector of prepared pictures."""
        return self.network(seen).image_embeds

    def places(self, seen: torch.Tensor) -> torch.Tensor:
        """(1, places, width): the states before the last layer."""
        return self.network(seen, output_hidden_states=True).hidden_states[-2]


_KEPT: OrderedDict[tuple[Any, ...], Encoder] = OrderedDict()
_MOST = 2


def load_encoder(folder: Path, parts: Parts) -> Encoder:
    """Read an encoder; adapters with the same one share it, and the last two stay.

    Raises:
        ModelRefused: of another kind, damaged, or without the weights of a vision model.
    """
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("*config.json")])
    key = (*((each.name, sha256_of(each)) for each in files), parts.device, parts.dtype)
    if key not in _KEPT:
        _KEPT[key] = _load(folder, parts)
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    return _KEPT[key]


def _load(folder: Path, parts: Parts) -> Encoder:
    config = read_json(folder / "config.json")
    kind, own = vision_of(config)
    network: Any
    if kind == "siglip":
        from transformers.models.siglip.modeling_siglip import SiglipVisionModel as Network
    elif kind == "clip":
        from transformers.models.clip.modeling_clip import (
            CLIPVisionModelWithProjection as Network,
        )
    else:
        raise ModelRefused(
            f"the image encoder of {folder.parent.name} is of the kind"
            f" '{config.get('model_type') or 'unknown'}'",
            hint="IP-Adapters read pictures by CLIP's or SigLIP's vision model",
        )
    # The vision half of a whole model is told its settings; alone it finds them itself.
    half = "vision_config" in config
    settings: Any = Network.config_class
    how: dict[str, Any] = {"config": settings.from_dict(own)} if half else {}
    try:
        with quiet():
            loaded: Any = Network.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=parts.dtype,
                output_loading_info=True,
                **how,
            )
            network, told = loaded
    except Exception as error:
        raise ModelRefused(
            f"the image encoder of {folder.parent.name} does not load:"
            f" {str(error).splitlines()[0][:200]}",
            hint="its files are damaged or do not belong together; get it again",
        ) from error
    # What is missing is filled with random numbers, which would draw something, but not this.
    missing = [name for name in told["missing_keys"] if "position_ids" not in name]
    missing = [name for name in missing if not (kind == "siglip" and ".head." in f".{name}")]
    if missing:
        raise ModelRefused(
            f"the image encoder of {folder.parent.name} lacks {len(missing)} of its weights"
            f" ({min(missing)})",
            hint="give the encoder that the adapter was published with",
        )
    network.to(parts.device).eval().requires_grad_(False)
    about = folder / "preprocessor_config.json"
    told = read_json(about) if about.is_file() else {}
    whole = kind == "siglip"
    return Encoder(
        network,
        int(network.config.image_size),
        _three(told.get("image_mean"), EVEN if whole else CLIP_MEAN),
        _three(told.get("image_std"), EVEN if whole else CLIP_SPREAD),
        whole,
    )


def _three(told: Any, usual: Sequence[float]) -> tuple[float, ...]:
    whole = isinstance(told, list) and len(told) == 3
    return tuple(float(each) for each in (told if whole else usual))
