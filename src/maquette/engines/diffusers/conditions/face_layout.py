"""What an IP-Adapter of faces is, told from the names and shapes of its tensors.

Instead of an image encoder's picture it reads the vector of a recognition network, as published for
IP-Adapter FaceID (plain, Portrait, Plus and PlusV2) and by InstantID: the layouts differ in what
makes tokens of the vector. FaceID's own LoRA may be among the tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from maquette.engines.diffusers.conditions.headers import Shapes
from maquette.engines.diffusers.conditions.ip_layouts import layout_of

__all__ = ["FaceLayout", "face_layout", "lora_tensors", "plain_key"]

_LORA = re.compile(r"ip_adapter\.\d+\.to_(?:q|k|v|out)_lora\.(?:down|up)\.weight")
_SHORTCUT = re.compile(r"plus[-_ ]?v2", re.IGNORECASE)
MOST = 512
"""Numbers by which recognisers tell faces, at most; image encoders of adapters see by more."""
_RESAMPLED = "image_proj.perceiver_resampler.proj_in.weight"


@dataclass(frozen=True)
class FaceLayout:
    """``kind``: ``plain`` makes tokens of a vector by two layers, ``plus`` lets them look at the
    picture too, ``resampled`` lets learned tokens look at the vector. ``width`` is the vector's,
    ``context`` the tokens'. ``lora``: it holds one of its own. ``shortcut``: PlusV2, which adds
    the plain tokens. ``unit``: it reads vectors of length 1. ``encoder`` is the width of the
    image encoder that a ``plus`` needs, else None."""

    kind: Literal["plain", "plus", "resampled"]
    width: int
    context: int
    lora: bool
    shortcut: bool = False
    unit: bool = True
    encoder: int | None = None


def plain_key(key: str) -> str:
    """A tensor's name as most files spell it."""
    return re.sub(r"^adapter_modules\.", "ip_adapter.", key)


def face_layout(shapes: Shapes, name: str, *, sees: int | None) -> FaceLayout | None:
    """The layout of a file of this ``name``; None where it reads pictures alone, or is no
    IP-Adapter. ``sees`` is the width of the image encoder beside it, which tells a resampler of
    what that sees from one of faces; None where there is none.

    PlusV2 has the tensors of Plus: its file's name says which it is.
    """
    told = {plain_key(key): shape for key, shape in shapes.items()}
    if layout_of(told) != "unet":
        return None
    first, last = told.get("image_proj.proj.0.weight"), told.get("image_proj.norm.weight")
    keys = told.get("ip_adapter.1.to_k_ip.weight")
    if keys is None or len(keys) != 2:
        return None
    context = keys[1]
    lora = any(map(_LORA.fullmatch, told))
    if _RESAMPLED in told and first is not None and len(first) == 2:
        beside = told[_RESAMPLED]
        v2 = _SHORTCUT.search(name) is not None
        return FaceLayout("plus", first[1], context, lora, v2, encoder=beside[-1])
    if first is not None and len(first) == 2 and last is not None:
        return FaceLayout("plain", first[1], context, lora)
    reads = told.get("image_proj.proj_in.weight", ())
    if "image_proj.latents" in told and len(reads) == 2 and reads[1] <= MOST and reads[1] != sees:
        return FaceLayout("resampled", reads[1], context, lora, unit=False)
    return None


def lora_tensors(tensors: Mapping[str, Any], layers: Iterable[str]) -> dict[str, Any]:
    """FaceID's own LoRA in peft's names, for a UNet whose attentions are ``layers`` in its order:
    the file numbers them all, those to the words too."""
    found: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        for which, module in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("out", "to_out.0")):
            for part, side in (("down", "A"), ("up", "B")):
                key = f"ip_adapter.{number}.to_{which}_lora.{part}.weight"
                if key in tensors:
                    found[f"unet.{layer}.{module}.lora_{side}.weight"] = tensors[key]
    return found
