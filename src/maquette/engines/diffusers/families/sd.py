"""Stable Diffusion 1 and 2: a UNet, one text encoder of CLIP's kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maquette.core.capabilities import Preset
from maquette.core.recipe import PromptText
from maquette.engines.diffusers.families.base import (
    CLIP,
    CLIP_WORDS,
    KL,
    Cut,
    Family,
    Part,
    refuse,
)
from maquette.engines.diffusers.families.variants import few_steps
from maquette.errors import ModelRefused

if TYPE_CHECKING:
    import torch

    from maquette.engines.diffusers.models import ModelCard
    from maquette.engines.diffusers.sampling import Settings
    from maquette.engines.diffusers.text import Encoded
    from maquette.engines.diffusers.weights import Parts

__all__ = ["PRESETS", "UNET", "StableDiffusion"]

UNET = Part({"UNet2DConditionModel": "diffusers.models.unets.unet_2d_condition"})

PRESETS = {
    "draft": Preset(sampler="dpm++", steps=8, guidance=4.0),
    "preview": Preset(sampler="dpm++", steps=16, guidance=5.0),
    "final": Preset(sampler="ddim", steps=40, guidance=5.0),
}

# What a UNet's config may not ask for: inputs that a text-to-image loop does not have.
_STRANGE = (
    "encoder_hid_dim_type",
    "addition_embed_type",
    "class_embed_type",
    "cross_attention_norm",
    "dual_cross_attention",
)


class StableDiffusion(Family):
    """Its text is one context of 77 tokens a chunk; weights and maps go by cross-attention."""

    name = "sd"
    title = "Stable Diffusion 1/2"
    parts = {
        "unet": UNET,
        "vae": Part(
            {**KL, "AutoencoderTiny": "diffusers.models.autoencoders.autoencoder_tiny"},
        ),
        "text_encoder": CLIP,
    }
    tokenizers = {"tokenizer": CLIP_WORDS}
    samplers = ("ddim", "dpm++", "euler", "euler-a", "lcm")

    def check(self, name: str, configs: Mapping[str, Mapping[str, Any]]) -> None:
        unet = configs["unet"]
        wants = [key for key in _STRANGE if unet.get(key)]
        refuse(name, wants, "UNets of Stable Diffusion 1, 2 and SDXL are driven; others are not")
        latents = int(configs["vae"].get("latent_channels", 4))
        if self.channels(configs) not in {latents, 2 * latents + 1}:
            raise ModelRefused(
                f"the UNet of {name} is given {self.channels(configs)} channels",
                hint=f"{latents} (pictures) and {2 * latents + 1} (inpainting) are driven; models"
                " that edit by instruction or by depth are not",
            )

    def attended(self, configs: Mapping[str, Mapping[str, Any]]) -> tuple[bool, ...]:
        return tuple("CrossAttn" in kind for kind in configs["unet"]["down_block_types"])

    def presets(self, card: ModelCard) -> Mapping[str, Preset]:
        return few_steps(card) or PRESETS

    def free(self, card: ModelCard, guidance: float) -> bool:
        # A network distilled with its guidance (arXiv 2310.04378) is told it instead.
        return guidance > 1 and not card.configs["unet"].get("time_cond_proj_dim")

    def encode(
        self,
        parts: Parts,
        cut: Cut,
        lengths: tuple[int, ...],
        prompt: PromptText,
        *,
        negative: bool,
    ) -> Encoded:
        from maquette.engines.diffusers.text import encode

        return encode(
            parts.tokenizer,
            parts.text_encoder,
            cut,
            count=lengths[0],
            interpreter=prompt.interpreter,
        )

    def beside(
        self, parts: Parts, texts: Sequence[Encoded], settings: Settings, shape: Sequence[int]
    ) -> dict[str, Any]:
        width = parts.card.configs["unet"].get("time_cond_proj_dim")
        if not width:
            return {}
        return {"timestep_cond": told_guidance(settings.guidance, width, len(texts), parts)}


def told_guidance(guidance: float, width: int, rows: int, parts: Parts) -> torch.Tensor:
    """The guidance scale as sines, (rows, width): what a guidance-distilled UNet is told."""
    import torch

    scale = torch.full((rows,), (guidance - 1) * 1000.0, device=parts.device)
    half = width // 2
    rates = torch.exp(
        torch.arange(half, device=parts.device, dtype=torch.float32)
        * -(torch.log(torch.tensor(10000.0)) / (half - 1)).to(parts.device)
    )
    angles = scale[:, None] * rates[None]
    told = torch.cat([angles.sin(), angles.cos()], dim=1)
    return torch.nn.functional.pad(told, (0, width % 2)).to(parts.dtype)
