"""What a family of models is: the parts of its folder, how it reads texts, how it is called.

A family says what it is without torch; what draws is imported by the methods that need it. The
drawing loop, the watching of attention and the tasks are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maquette.core.capabilities import Preset
from maquette.core.recipe import Interpreter, PromptText, Recipe
from maquette.engines.base import Substitution
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

__all__ = ["CLIP", "CLIP_PROJECTED", "CLIP_WORDS", "KL", "T5", "T5_WORDS", "Cut", "Family", "Part"]

Cut = tuple[tuple[Any, ...], ...]
"""A text as tokens, in chunks, for the cache of encoded texts."""


@dataclass(frozen=True)
class Part:
    """A part of a model: the classes that it may have, each with the module that defines it.

    ``stem`` is what its weights are called, ``optional`` whether a folder may lack it.
    """

    classes: Mapping[str, str]
    stem: str = "diffusion_pytorch_model"
    optional: bool = False


_CLIP = "transformers.models.clip.modeling_clip"
CLIP = Part({"CLIPTextModel": _CLIP}, "model")
CLIP_PROJECTED = Part({"CLIPTextModelWithProjection": _CLIP}, "model")
T5 = Part({"T5EncoderModel": "transformers.models.t5.modeling_t5"}, "model")
CLIP_WORDS = Part({"CLIPTokenizer": "transformers.models.clip.tokenization_clip"})
T5_WORDS = Part({"T5Tokenizer": "transformers.models.t5.tokenization_t5"})
KL = {"AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl"}


class Family:
    """The common ground; a family overrides what is its own.

    Attributes:
        name: in cards, adapters and recipes' notes.
        title: as people call it.
        network: the part that draws, ``unet`` or ``transformer``.
        parts: networks by the name of their folder, in the order of loading.
        tokenizers: in the order of the text encoders that they serve.
        samplers: by the names of recipes.
        interpreters: who may read the brackets of a prompt.
        notes: what a person should know of words and weights here.
        makes_concepts: whether maps are made of concepts.
        flow: whether noise comes by flow matching.
    """

    name = ""
    title = ""
    network = "unet"
    parts: Mapping[str, Part] = {}
    tokenizers: Mapping[str, Part] = {}
    samplers: tuple[str, ...] = ()
    interpreters: frozenset[Interpreter] = frozenset({"attention", "a1111", "plain"})
    notes: tuple[str, ...] = ()
    makes_concepts = False
    flow = False

    @property
    def encoders(self) -> tuple[str, ...]:
        """The parts that encode texts, in the order of their tokenizers."""
        return tuple(name for name in self.parts if name.startswith("text_encoder"))

    # What a folder says, without torch.

    def check(self, name: str, configs: Mapping[str, Mapping[str, Any]]) -> None:
        """Refuse a model of these classes that asks for what the loop does not have.

        Raises:
            ModelRefused: with what it asks for.
        """

    def channels(self, configs: Mapping[str, Mapping[str, Any]]) -> int:
        """How many channels the network is given: the latents', or more with a mask."""
        return int(configs[self.network].get("in_channels") or 4)

    def attended(self, configs: Mapping[str, Mapping[str, Any]]) -> tuple[bool, ...]:
        """Whether each resolution of the network, finest first, has cross-attention."""
        return (True,)

    def patch(self, configs: Mapping[str, Mapping[str, Any]]) -> int:
        """How many latent cells a side of the network's finest place has."""
        return 1

    def longest(self, card: ModelCard) -> int:
        """The longest side in pixels that the network has places for."""
        return 2048

    def presets(self, card: ModelCard) -> Mapping[str, Preset]:
        """The qualities by name."""
        raise NotImplementedError

    def negative(self, card: ModelCard) -> bool:
        """Whether a negative prompt says anything to this model."""
        return True

    def check_parts(self, recipe: Recipe) -> None:
        """Refuse a prompt whose parts this family cannot join.

        Raises:
            RecipeRefused: for AND where there is no unconditional row to join them by.
        """

    def substitutes(self, card: ModelCard, recipe: Recipe) -> tuple[Substitution, ...]:
        """What of a checked recipe is answered with something else."""
        return ()

    # What draws.

    def free(self, card: ModelCard, guidance: float) -> bool:
        """Whether a guidance needs an unconditional row beside each conditional one."""
        return guidance > 1

    def schedule(self, parts: Parts, settings: Settings, shape: Sequence[int]) -> Schedule:
        """Timesteps and steps for latents of ``shape``."""
        from maquette.engines.diffusers.samplers import Schedule, build_scheduler

        return Schedule(build_scheduler(settings.sampler, parts.scheduler), settings.steps)

    def cut(self, parts: Parts, runs: Sequence[Run], prompt: PromptText) -> Cut:
        """Tokens of a text in chunks, for each tokenizer that needs its own."""
        from maquette.engines.diffusers.text import chunks, tokenise

        apart = prompt.interpreter == "a1111"
        found = tokenise(parts.tokenizers[0], runs, apart=apart)
        return tuple(tuple(chunk) for chunk in chunks(found, parts.card.max_tokens - 2))

    def lengths(self, cut: Cut) -> tuple[int, ...]:
        """How long a text is; all texts of a picture are brought to the longest of each."""
        return (len(cut),)

    def encode(
        self,
        parts: Parts,
        cut: Cut,
        lengths: tuple[int, ...],
        prompt: PromptText,
        *,
        negative: bool,
    ) -> Encoded:
        """A text as the network reads it."""
        raise NotImplementedError

    def concepts(self, parts: Parts, text: Encoded, words: Sequence[TracedWord]) -> Encoded:
        """The same text with what the maps of its words need; UNets need nothing more."""
        return text

    def beside(
        self, parts: Parts, texts: Sequence[Encoded], settings: Settings, shape: Sequence[int]
    ) -> dict[str, Any]:
        """What the network is given beside latents and texts, for the rows of ``texts``."""
        return {}

    def predict(
        self,
        parts: Parts,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        context: torch.Tensor,
        extra: Mapping[str, Any],
    ) -> torch.Tensor:
        """One call of the network: (rows, channels, rows, columns) to the same, float32."""
        answer = parts.network(
            latents, timestep, encoder_hidden_states=context, return_dict=False, **extra
        )
        return answer[0].float()

    def watch(
        self,
        parts: Parts,
        shape: Sequence[int],
        *,
        record: bool,
        conditions: Sequence[Condition] = (),
    ) -> AbstractContextManager[Watch]:
        """Watch and steer the network's attention while latents of ``shape`` are drawn."""
        from maquette.engines.diffusers.attention import watch
        from maquette.engines.diffusers.maps import places_to_record

        places = places_to_record(list(self.grids(parts.card, shape)), parts.card.attended)
        recorded = places if record else frozenset[int]()
        return watch(parts.network, record=record, places=recorded, conditions=conditions)

    def grids(self, card: ModelCard, shape: Sequence[int]) -> dict[int, tuple[int, int]]:
        """The (rows, columns) of each resolution of the network, by their number of places."""
        from maquette.engines.diffusers.attention import grids

        patch = card.patch
        return grids(shape[-2] // patch, shape[-1] // patch, card.levels)


def refuse(name: str, wants: Sequence[str], hint: str) -> None:
    """Raise for a configuration that wants something strange, if it does."""
    if wants:
        raise ModelRefused(f"the network of {name} wants {', '.join(wants)}", hint=hint)
