"""Stable Diffusion XL (arXiv 2307.01952): a UNet, two text encoders side by side, a pooled one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maquette.core.capabilities import Preset
from maquette.core.recipe import PromptText
from maquette.engines.diffusers.families.base import (
    CLIP,
    CLIP_PROJECTED,
    CLIP_WORDS,
    KL,
    Cut,
    Part,
    refuse,
)
from maquette.engines.diffusers.families.sd import UNET, StableDiffusion
from maquette.engines.diffusers.families.variants import few_steps
from maquette.errors import ModelRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.models import ModelCard
    from maquette.engines.diffusers.sampling import Settings
    from maquette.engines.diffusers.text import Encoded
    from maquette.engines.diffusers.weights import Parts

__all__ = ["StableDiffusionXL"]

PRESETS = {
    "draft": Preset(sampler="dpm++", steps=8, guidance=5.0),
    "preview": Preset(sampler="dpm++", steps=16, guidance=5.0),
    "final": Preset(sampler="dpm++", steps=30, guidance=6.0),
}

_STRANGE = ("encoder_hid_dim_type", "class_embed_type", "cross_attention_norm")


class StableDiffusionXL(StableDiffusion):
    """Both encoders read the same tokens; their states lie side by side in each of them.

    The pooled vector of the second goes to the timestep and has no tokens: it is never weighted.
    """

    name = "sdxl"
    title = "Stable Diffusion XL"
    parts = {
        "unet": UNET,
        "vae": Part(
            {**KL, "AutoencoderTiny": "diffusers.models.autoencoders.autoencoder_tiny"},
        ),
        "text_encoder": CLIP,
        "text_encoder_2": CLIP_PROJECTED,
    }
    tokenizers = {"tokenizer": CLIP_WORDS, "tokenizer_2": CLIP_WORDS}
    notes = (
        "weights act in cross-attention; the pooled text vector, which sets the whole picture's"
        " tone, reads the prompt without them",
    )

    def check(self, name: str, configs: Mapping[str, Mapping[str, Any]]) -> None:
        unet = configs["unet"]
        hint = "text-to-image and inpainting UNets of Stable Diffusion XL are driven"
        refuse(name, [key for key in _STRANGE if unet.get(key)], hint)
        if configs["index"].get("requires_aesthetics_score"):
            raise ModelRefused(
                f"{name} is a refiner: it finishes what a base model began", hint=hint
            )
        latents = int(configs["vae"].get("latent_channels", 4))
        if self.channels(configs) not in {latents, 2 * latents + 1}:
            raise ModelRefused(
                f"the UNet of {name} is given {self.channels(configs)} channels", hint=hint
            )

    def presets(self, card: ModelCard) -> Mapping[str, Preset]:
        return few_steps(card) or PRESETS

    def encode(
        self,
        parts: Parts,
        cut: Cut,
        lengths: tuple[int, ...],
        prompt: PromptText,
        *,
        negative: bool,
    ) -> Encoded:
        from maquette.engines.diffusers.text import encode_beside

        text = encode_beside(parts, cut, count=lengths[0], interpreter=prompt.interpreter)
        empty = negative and not prompt.negative
        # As the model was trained: no negative words are no numbers, unless its folder says else.
        zeros = parts.card.configs["index"].get("force_zeros_for_empty_prompt", True)
        return text.emptied() if empty and zeros else text

    def beside(
        self, parts: Parts, texts: Sequence[Encoded], settings: Settings, shape: Sequence[int]
    ) -> dict[str, Any]:
        import torch

        found = super().beside(parts, texts, settings, shape)
        height, width = (side * parts.card.scale for side in shape[-2:])
        # Original size, where it was cut, and the size to draw: as if trained at this one, whole.
        numbers = torch.tensor([height, width, 0, 0, height, width], device=parts.device)
        pooled = torch.cat([text.vector for text in texts])
        found["added_cond_kwargs"] = {
            "text_embeds": pooled,
            "time_ids": numbers.to(pooled.dtype).expand(len(texts), -1),
        }
        return found
