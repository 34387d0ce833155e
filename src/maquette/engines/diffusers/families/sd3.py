"""Stable Diffusion 3 and 3.5 (arXiv 2403.03206): a transformer of texts and places together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from maquette.core.capabilities import Preset
from maquette.core.recipe import PromptText
from maquette.engines.diffusers.families.base import (
    CLIP_PROJECTED,
    CLIP_WORDS,
    KL,
    T5,
    T5_WORDS,
    Cut,
    Family,
    Part,
)
from maquette.errors import ModelRefused

if TYPE_CHECKING:
    import torch

    from maquette.core.trace import TracedWord
    from maquette.engines.diffusers.attention import Watch
    from maquette.engines.diffusers.hooks import Condition
    from maquette.engines.diffusers.models import ModelCard
    from maquette.engines.diffusers.prompts import Run
    from maquette.engines.diffusers.samplers import Schedule
    from maquette.engines.diffusers.sampling import Settings
    from maquette.engines.diffusers.text import Encoded
    from maquette.engines.diffusers.weights import Parts

__all__ = ["StableDiffusion3", "Transformer"]


class Transformer(Family):
    """What families of joint transformers share: flow matching, T5, concepts for maps.

    A text is cut twice: in chunks for CLIP, and whole for T5, which comes last in a ``Cut``.
    """

    network = "transformer"
    samplers = ("euler",)
    interpreters = frozenset({"attention", "plain"})
    text_first = False
    t5_length = 256
    even_sigmas = False
    makes_concepts = True
    flow = True
    max_shift = 1.16

    def patch(self, configs: Mapping[str, Mapping[str, Any]]) -> int:
        return 2

    def schedule(self, parts: Parts, settings: Settings, shape: Sequence[int]) -> Schedule:
        import numpy as np

        from maquette.engines.diffusers.samplers import FlowSchedule, build_flow, flow_shift

        how: dict[str, Any] = {}
        told, patch = parts.scheduler, parts.card.patch
        if self.even_sigmas:
            how["sigmas"] = np.linspace(1.0, 1 / settings.steps, settings.steps)
        if told.get("use_dynamic_shifting"):
            places = (shape[-2] // patch) * (shape[-1] // patch)
            how["mu"] = flow_shift(told, places, self.max_shift)
        return FlowSchedule(build_flow(told), settings.steps, **how)

    def cut(self, parts: Parts, runs: Sequence[Run], prompt: PromptText) -> Cut:
        from maquette.engines.diffusers.text import tokenise

        pieces = super().cut(parts, runs, prompt)
        words = parts.tokenizers[-1]
        whole = [] if words is None else tokenise(words, runs, apart=False)
        return (*pieces, tuple(token for stretch in whole for token in stretch))

    def lengths(self, cut: Cut) -> tuple[int, ...]:
        return len(cut) - 1, max(self.t5_length, len(cut[-1]) + 1)

    def concepts(self, parts: Parts, text: Encoded, words: Sequence[TracedWord]) -> Encoded:
        from maquette.engines.diffusers.concepts import with_concepts

        return with_concepts(parts, text, words)

    def watch(
        self,
        parts: Parts,
        shape: Sequence[int],
        *,
        record: bool,
        conditions: Sequence[Condition] = (),
    ) -> AbstractContextManager[Watch]:
        from maquette.engines.diffusers.joint import watch_joint

        return watch_joint(
            parts.network, record=record, text_first=self.text_first, conditions=conditions
        )


class StableDiffusion3(Transformer):
    """Three encoders: two of CLIP's kind side by side, then T5, which a folder may lack."""

    name = "sd3"
    title = "Stable Diffusion 3"
    parts = {
        "transformer": Part(
            {"SD3Transformer2DModel": "diffusers.models.transformers.transformer_sd3"}
        ),
        "vae": Part(KL),
        "text_encoder": CLIP_PROJECTED,
        "text_encoder_2": CLIP_PROJECTED,
        "text_encoder_3": replace(T5, optional=True),
    }
    tokenizers = {
        "tokenizer": CLIP_WORDS,
        "tokenizer_2": CLIP_WORDS,
        "tokenizer_3": replace(T5_WORDS, optional=True),
    }
    notes = (
        "weights act on the words' columns in joint attention; the pooled text vectors, which set"
        " the whole picture's tone, read the prompt without them",
        "maps are those of concepts (words encoded alone), not of the prompt's own tokens",
    )

    def check(self, name: str, configs: Mapping[str, Mapping[str, Any]]) -> None:
        latents = int(configs["vae"].get("latent_channels", 16))
        given = self.channels(configs)
        if given != latents or configs["transformer"].get("patch_size", 2) != 2:
            raise ModelRefused(
                f"the transformer of {name} is given {given} channels for {latents} of its latents",
                hint="text-to-image transformers are driven",
            )

    def longest(self, card: ModelCard) -> int:
        # Its positions are a table of so many places a side.
        places = int(card.configs["transformer"].get("pos_embed_max_size") or 96)
        return min(super().longest(card), places * card.patch * card.scale)

    def presets(self, card: ModelCard) -> Mapping[str, Preset]:
        if card.few:
            return {
                quality: Preset(sampler="euler", steps=steps, guidance=0.0)
                for quality, steps in (("draft", 2), ("preview", 4), ("final", 4))
            }
        return {
            "draft": Preset(sampler="euler", steps=8, guidance=4.5),
            "preview": Preset(sampler="euler", steps=16, guidance=5.0),
            "final": Preset(sampler="euler", steps=28, guidance=5.0),
        }

    def encode(
        self,
        parts: Parts,
        cut: Cut,
        lengths: tuple[int, ...],
        prompt: PromptText,
        *,
        negative: bool,
    ) -> Encoded:
        from maquette.engines.diffusers.text import encode_beside, encode_t5, joined

        clip = encode_beside(parts, cut[:-1], count=lengths[0], interpreter=prompt.interpreter)
        width = int(parts.card.configs["transformer"]["joint_attention_dim"])
        words, encoder = parts.tokenizers[-1], parts.text_encoders[-1]
        t5 = encode_t5(
            parts, words, encoder, cut[-1], length=lengths[1], width=width, prompt=prompt
        )
        return joined(clip, t5, width)

    def beside(
        self, parts: Parts, texts: Sequence[Encoded], settings: Settings, shape: Sequence[int]
    ) -> dict[str, Any]:
        import torch

        return {"pooled_projections": torch.cat([text.vector for text in texts])}

    def predict(
        self,
        parts: Parts,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        context: torch.Tensor,
        extra: Mapping[str, Any],
    ) -> torch.Tensor:
        answer = parts.network(
            hidden_states=latents,
            timestep=timestep.expand(latents.shape[0]),
            encoder_hidden_states=context,
            return_dict=False,
            **extra,
        )
        return answer[0].float()
