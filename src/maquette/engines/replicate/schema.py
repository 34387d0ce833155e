"""What a model on Replicate takes, read from the schema of its own input (OpenAPI)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.geometry import Size
from maquette.core.value import ModelRef

__all__ = ["Schema", "read_schema"]

_ASPECTS = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "21:9": (1536, 640),
    "3:2": (1216, 832),
    "2:3": (832, 1216),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "3:4": (896, 1152),
    "4:3": (1152, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}
"""Sizes behind the names of shapes, as the models of one megapixel there draw them."""

_KEEPS_WHITE = re.compile(r"white[^.,;]*(preserv|kept|keep|unchanged|protect)")


@dataclass(frozen=True)
class Schema:
    """The names of a model's inputs; empty where it has none. ``inverted``: its mask is black
    where it draws."""

    fields: Mapping[str, Any]
    needs: frozenset[str]

    def first(self, *names: str) -> str:
        """The first of these inputs that the model has."""
        return next((name for name in names if name in self.fields), "")

    @property
    def image(self) -> str:
        return self.first("image", "init_image", "input_image")

    @property
    def mask(self) -> str:
        return self.first("mask", "mask_image")

    @property
    def steps(self) -> str:
        return self.first("num_inference_steps", "steps")

    @property
    def guidance(self) -> str:
        return self.first("guidance_scale", "guidance", "cfg_scale", "cfg")

    @property
    def strength(self) -> str:
        return self.first("prompt_strength", "strength")

    @property
    def inverted(self) -> bool:
        return bool(_KEEPS_WHITE.search(str(self.field(self.mask).get("description", "")).lower()))

    def field(self, name: str) -> Mapping[str, Any]:
        """What the schema says of an input."""
        found = self.fields.get(name)
        return found if isinstance(found, dict) else {}

    def number(self, name: str, bound: str, otherwise: float) -> float:
        """A bound (``minimum``, ``maximum``) or ``default`` of an input."""
        found = self.field(name).get(bound)
        return float(found) if isinstance(found, int | float) else otherwise

    def aspects(self) -> dict[Size, str]:
        """The sizes that it draws by the name of their shape."""
        told = self.field("aspect_ratio")
        names = told.get("enum") or (told.get("allOf") or [{}])[0].get("enum") or list(_ASPECTS)
        return {
            Size(width=_ASPECTS[name][0], height=_ASPECTS[name][1]): name
            for name in names
            if name in _ASPECTS
        }

    def capabilities(self, model: ModelRef) -> Capabilities:
        """What the engine declares for this model."""
        tasks: set[str] = set()
        if not self.needs & {self.image, self.mask}:
            tasks.add("text-to-image")
        if self.image and self.mask:
            tasks |= {"inpaint", "outpaint"}
        if self.image and self.strength and self.mask not in self.needs:
            tasks.add("image-to-image")
        free = "width" in self.fields and "height" in self.fields
        sizes = () if free or "aspect_ratio" not in self.fields else tuple(self.aspects())
        most = int(self.number(self.steps, "maximum", 50)) if self.steps else 1
        usual = min(most, int(self.number(self.steps, "default", 28))) if self.steps else 1
        guidance = self.number(self.guidance, "default", 5.0) if self.guidance else 0.0
        quick = max(1, usual // 4)
        side = int(self.number("width", "default", 1024)) if free else 1024
        return Capabilities(
            engine="replicate",
            tasks=frozenset(tasks),
            model=model,
            best_size=Size(width=side, height=side),
            multiple=8,
            min_side=int(max(64, self.number("width", "minimum", 256))),
            max_side=int(self.number("width", "maximum", 2048)),
            sizes=sizes,
            max_steps=most,
            interpreters=frozenset({"attention", "a1111", "plain"}),
            samplers=("ddim",),
            presets={
                "draft": Preset(sampler="ddim", steps=quick, guidance=guidance),
                "preview": Preset(sampler="ddim", steps=max(1, usual // 2), guidance=guidance),
                "final": Preset(sampler="ddim", steps=usual, guidance=guidance),
            },
            seeds="seed" in self.fields,
            weights=False,
            negatives="negative_prompt" in self.fields,
            billed=True,
        )


def read_schema(told: Any) -> Schema | None:
    """The schema in a model's description; None when it takes no prompt."""
    try:
        found = told["latest_version"]["openapi_schema"]["components"]["schemas"]["Input"]
        fields = dict(found["properties"])
    except (KeyError, TypeError, ValueError):
        return None
    if "prompt" not in fields:
        return None
    return Schema(fields, frozenset(map(str, found.get("required") or ())))
