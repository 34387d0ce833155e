"""ControlNets of joint transformers (SD3, FLUX): residuals for the places of their blocks.

Maps go through the model's own autoencoder, as the stock pipelines do, or, of XLabs' networks,
through convolutions of their own. A network with fewer blocks than the transformer serves several
of them with each residual; here they are laid out for every block, so that networks of different
depths add up (the stock pipelines cut all to the shortest). The words' weights do not reach into
a ControlNet: it reads the prompt as it is, as it does for UNets.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from PIL import Image, ImageOps

from maquette.core.conditioning import Control
from maquette.engines.diffusers.conditions.control import active, for_rows
from maquette.engines.diffusers.conditions.controlnets import MODES
from maquette.engines.diffusers.conditions.maps import keeps
from maquette.engines.diffusers.families.flux import pack
from maquette.engines.diffusers.hooks import Call, Condition, Hole
from maquette.engines.diffusers.latents import encode_image, pixels
from maquette.engines.diffusers.weights import Parts

__all__ = ["FluxControl", "SD3Control"]

TOLD = 3.5
"""The guidance that a ControlNet made for FLUX dev is told beside schnell, which has none: what dev
is drawn with by default."""


@dataclass(eq=False)
class _JointControl(Condition, ABC):
    """``network`` is a diffusers SD3ControlNetModel or FluxControlNetModel; ``picture`` its map as
    latents, (1, channels, rows, columns), or as pixels where it reads those itself. Of a network
    that fills holes: of each canvas, with a channel more, which is 1 where the picture is kept."""

    network: Any
    picture: torch.Tensor
    strength: float
    start: float
    end: float
    mode: int | None = None

    @classmethod
    def filling(cls, network: Any, control: Control, holes: Sequence[Hole], parts: Parts) -> Self:
        """For a network that fills holes: black there, as it was trained (alimama's; diffusers'
        StableDiffusion3ControlNetInpaintingPipeline and the authors' own for FLUX)."""
        found: list[torch.Tensor] = []
        for image, mask in holes:
            kept = keeps(mask)
            latents = encode_image(parts, pixels(image).masked_fill(kept == 0, -1))
            small = torch.nn.functional.interpolate(kept, latents.shape[-2:]).to(latents)
            found.append(torch.cat([latents, small], dim=1))
        return cls(network, torch.cat(found), control.strength, control.start, control.end)

    def before(self, call: Call) -> Mapping[str, Any]:
        """Residuals by the transformer's own names, one for each of its blocks."""
        if self.strength == 0 or not active(call, self.start, self.end):
            return {}
        return self.residuals(call, call.spread(call.latents))

    @abstractmethod
    def residuals(self, call: Call, rows: torch.Tensor) -> Mapping[str, Any]:
        """Of the rows of a call, (rows, channels, rows, columns)."""

    def shown(self, call: Call, rows: torch.Tensor) -> torch.Tensor:
        """The map for the rows, of the network's number type."""
        return for_rows(self.picture, call, rows).to(rows.device, self.network.dtype)


class SD3Control(_JointControl):
    """For Stable Diffusion 3 and 3.5."""

    @classmethod
    def of(cls, network: Any, control: Control, shown: Image.Image, parts: Parts) -> SD3Control:
        """``shown`` is the map of what is drawn, RGB, at the drawing's size.

        InstantX's networks were trained on maps whose latents are scaled but not shifted, and
        without pooled texts; they say both by one word. Stability's for the 8-billion model read
        lines and depth in numbers of their own (``sd3_infer.py`` of their repository)."""
        own = network.config
        if own.joint_attention_dim is None and control.condition == "depth":
            shown = ImageOps.invert(shown)  # far is bright there
        numbers = pixels(shown)
        if own.joint_attention_dim is None and control.condition == "canny":
            numbers = (numbers + 1) / 2 * 255 * 0.5 + 0.5
        shifted = not own.force_zeros_for_pooled_projection
        latents = encode_image(parts, numbers, shifted=shifted)
        return cls(network, latents, control.strength, control.start, control.end)

    def residuals(self, call: Call, rows: torch.Tensor) -> Mapping[str, Any]:
        """``block_controlnet_hidden_states``."""
        network, kind = self.network, self.network.dtype
        pooled = call.extra["pooled_projections"].to(kind)
        fills = network.config.extra_conditioning_channels > 0
        if fills or network.config.force_zeros_for_pooled_projection:
            pooled = torch.zeros_like(pooled)
        states = rows.to(kind)
        if network.pos_embed is None:
            # It has no places of its own: the transformer's are its too.
            call.parts.turn(call.parts.network)
            states = call.parts.network.pos_embed(rows.to(call.parts.dtype)).to(kind)
        texts = None if network.context_embedder is None else call.aim.context.to(kind)
        (found,) = network(
            hidden_states=states,
            controlnet_cond=self.shown(call, rows),
            conditioning_scale=self.strength,
            encoder_hidden_states=texts,
            pooled_projections=pooled,
            timestep=call.timestep.expand(len(rows)),
            return_dict=False,
        )
        blocks = len(call.parts.network.transformer_blocks)
        each = blocks / len(found)
        given = [one.to(call.parts.dtype) for one in found]
        return {"block_controlnet_hidden_states": [given[int(n / each)] for n in range(blocks)]}


class FluxControl(_JointControl):
    """For FLUX.1: InstantX's and Shakker Labs' (one kind, or a union with modes) and XLabs'."""

    @classmethod
    def of(cls, network: Any, control: Control, shown: Image.Image, parts: Parts) -> FluxControl:
        """``shown`` as above: as latents, scaled and shifted; as pixels for XLabs' networks."""
        numbers = pixels(shown)
        if network.input_hint_block is None:
            numbers = encode_image(parts, numbers)
        # A card may say that it reads other lines too.
        mode = MODES.get(control.condition, MODES["canny"]) if network.union else None
        return cls(network, numbers, control.strength, control.start, control.end, mode)

    def residuals(self, call: Call, rows: torch.Tensor) -> Mapping[str, Any]:
        """``controlnet_block_samples`` and ``controlnet_single_block_samples``."""
        network, kind = self.network, self.network.dtype
        told, count = call.extra, len(rows)
        shown, mode, guidance = self.shown(call, rows), None, None
        hinted = network.input_hint_block is not None
        if self.mode is not None:
            mode = torch.full((count, 1), self.mode, device=rows.device)
        if network.config.guidance_embeds:
            scale = call.guidance if told["guidance"] is not None else TOLD
            guidance = torch.full((count,), scale, device=rows.device)
        double, single = network(
            hidden_states=pack(rows.to(kind)),
            controlnet_cond=shown if hinted else pack(shown),
            controlnet_mode=mode,
            conditioning_scale=self.strength,
            encoder_hidden_states=call.aim.context.to(kind),
            pooled_projections=told["pooled_projections"].to(kind),
            timestep=call.timestep.expand(count).to(kind) / 1000,
            img_ids=told["img_ids"],
            txt_ids=told["txt_ids"],
            guidance=guidance,
            return_dict=False,
        )
        own = call.parts.network
        found: dict[str, Any] = {}
        if double is not None:
            given = [one.to(call.parts.dtype) for one in double]
            blocks = len(own.transformer_blocks)
            found["controlnet_block_samples"] = (
                [given[n % len(given)] for n in range(blocks)] if hinted else _laid(given, blocks)
            )
        if single is not None:
            given = [one.to(call.parts.dtype) for one in single]
            blocks = len(own.single_transformer_blocks)
            found["controlnet_single_block_samples"] = _laid(given, blocks)
        return found


def _laid(given: Sequence[torch.Tensor], blocks: int) -> list[torch.Tensor]:
    """One residual for each block, each serving as many in a row as FLUX's own rule says."""
    each = math.ceil(blocks / len(given))
    return [given[n // each] for n in range(blocks)]
