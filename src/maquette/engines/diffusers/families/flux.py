"""FLUX.1 (schnell, dev): a transformer of two streams, then one, over packed latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from maquette.core.capabilities import Preset
from maquette.core.grammar import parse
from maquette.core.recipe import PromptText, Recipe
from maquette.engines.base import Substitution
from maquette.engines.diffusers.families.base import (
    CLIP,
    CLIP_WORDS,
    KL,
    T5,
    T5_WORDS,
    Cut,
    Part,
)
from maquette.engines.diffusers.families.sd3 import Transformer
from maquette.errors import ModelRefused, RecipeRefused

if TYPE_CHECKING:
    import torch

    from maquette.engines.diffusers.models import ModelCard
    from maquette.engines.diffusers.sampling import Settings
    from maquette.engines.diffusers.text import Encoded
    from maquette.engines.diffusers.weights import Parts

__all__ = ["Flux", "pack", "unpack"]


class Flux(Transformer):
    """T5 gives the tokens, CLIP a pooled vector alone. Four cells of the latents are one place.

    Its guidance is an input of the network (dev) or none (schnell): there is no unconditional row,
    so a negative prompt and a prompt of several parts say nothing to it.
    """

    name = "flux"
    title = "FLUX.1"
    text_first = True
    t5_length = 512
    even_sigmas = True
    max_shift = 1.15
    parts = {
        "transformer": Part(
            {"FluxTransformer2DModel": "diffusers.models.transformers.transformer_flux"}
        ),
        "vae": Part(KL),
        "text_encoder": CLIP,
        "text_encoder_2": T5,
    }
    tokenizers = {"tokenizer": CLIP_WORDS, "tokenizer_2": T5_WORDS}
    notes = (
        "weights act on the words' columns in joint attention; CLIP's pooled vector reads the"
        " first 75 tokens without them",
        "maps are those of concepts (words encoded alone), not of the prompt's own tokens",
        "there is no negative prompt, and no AND",
    )

    def check(self, name: str, configs: Mapping[str, Mapping[str, Any]]) -> None:
        latents = int(configs["vae"].get("latent_channels", 16))
        given = int(configs["transformer"].get("in_channels", 64))
        if given != 4 * latents:
            raise ModelRefused(
                f"the transformer of {name} is given {given} channels for {latents} of its latents",
                hint="FLUX.1 schnell and dev are driven; its Fill, Depth, Canny and Redux are not",
            )

    def channels(self, configs: Mapping[str, Mapping[str, Any]]) -> int:
        return int(configs["transformer"].get("in_channels", 64)) // 4

    def presets(self, card: ModelCard) -> Mapping[str, Preset]:
        if not card.configs["transformer"].get("guidance_embeds"):
            counts, guidance = (("draft", 1), ("preview", 2), ("final", 4)), 0.0
        else:
            counts, guidance = (("draft", 8), ("preview", 16), ("final", 28)), 3.5
        return {
            quality: Preset(sampler="euler", steps=steps, guidance=guidance)
            for quality, steps in counts
        }

    def negative(self, card: ModelCard) -> bool:
        return False

    def check_parts(self, recipe: Recipe) -> None:
        prompt = recipe.prompt
        if prompt is None or prompt.interpreter == "plain":
            return
        told = parse(prompt.text).parts
        if len(told) > 1 or any(part.weight != 1 for part in told):
            raise RecipeRefused(
                "FLUX joins no parts of a prompt by AND", hint="put a comma there, and weights"
            )

    def substitutes(self, card: ModelCard, recipe: Recipe) -> tuple[Substitution, ...]:
        found: list[Substitution] = []
        if recipe.prompt is not None and recipe.prompt.negative.strip():
            why = "FLUX has no negative prompt"
            found.append(Substitution(recipe.prompt.negative, "(nothing)", why))
        guided = card.configs["transformer"].get("guidance_embeds")
        if recipe.sampling is not None and recipe.sampling.guidance > 1 and not guided:
            asked = f"guidance {recipe.sampling.guidance:g}"
            found.append(Substitution(asked, "none", "FLUX schnell takes no guidance"))
        return tuple(found)

    def free(self, card: ModelCard, guidance: float) -> bool:
        return False

    def encode(
        self,
        parts: Parts,
        cut: Cut,
        lengths: tuple[int, ...],
        prompt: PromptText,
        *,
        negative: bool,
    ) -> Encoded:
        from dataclasses import replace

        from maquette.engines.diffusers.text import encode_t5, pooled

        t5 = encode_t5(
            parts,
            parts.tokenizers[1],
            parts.text_encoders[1],
            cut[-1],
            length=lengths[1],
            width=int(parts.card.configs["transformer"]["joint_attention_dim"]),
            prompt=prompt,
        )
        return replace(t5, pooled=pooled(parts.tokenizer, parts.text_encoder, cut[0]))

    def beside(
        self, parts: Parts, texts: Sequence[Encoded], settings: Settings, shape: Sequence[int]
    ) -> dict[str, Any]:
        import torch

        rows, columns = shape[-2] // 2, shape[-1] // 2
        places = torch.zeros(rows, columns, 3)
        places[..., 1] += torch.arange(rows)[:, None]
        places[..., 2] += torch.arange(columns)[None]
        tokens = texts[0].context.shape[1]
        guidance = None
        if parts.card.configs["transformer"].get("guidance_embeds"):
            guidance = torch.full((len(texts),), settings.guidance, device=parts.device)
        return {
            "pooled_projections": torch.cat([text.vector for text in texts]),
            "guidance": guidance,
            "img_ids": places.reshape(-1, 3).to(parts.device, parts.dtype),
            "txt_ids": torch.zeros(tokens, 3, device=parts.device, dtype=parts.dtype),
        }

    def predict(
        self,
        parts: Parts,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        context: torch.Tensor,
        extra: Mapping[str, Any],
    ) -> torch.Tensor:
        answer = parts.network(
            hidden_states=pack(latents),
            timestep=timestep.expand(latents.shape[0]).to(latents.dtype) / 1000,
            encoder_hidden_states=context,
            return_dict=False,
            **extra,
        )
        return unpack(answer[0].float(), latents.shape[-2], latents.shape[-1])


def pack(latents: torch.Tensor) -> torch.Tensor:
    """(n, channels, rows, columns) to (n, rows / 2 x columns / 2, 4 x channels)."""
    count, channels, rows, columns = latents.shape
    split = latents.reshape(count, channels, rows // 2, 2, columns // 2, 2)
    return split.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, 4 * channels)


def unpack(packed: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """The way back from ``pack``."""
    count, _, width = packed.shape
    split = packed.reshape(count, rows // 2, columns // 2, width // 4, 2, 2)
    return split.permute(0, 3, 1, 4, 2, 5).reshape(count, width // 4, rows, columns)
