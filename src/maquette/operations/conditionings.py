"""What steers a picture beside its words, as an operation's argument."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.capabilities import Capabilities
from maquette.core.conditioning import Conditioning, Embedding, Lora
from maquette.core.recipe import Sampling
from maquette.core.version import Version

__all__ = ["steered"]


def steered(
    given: Sequence[Conditioning],
    capabilities: Capabilities,
    sampling: Sampling,
    *,
    quality: str = "final",
    version: Version | None = None,
) -> tuple[Conditioning, ...]:
    """The conditionings of a recipe: those given, those that the version's words were drawn with,
    and the LoRAs of the quality's preset, where its sampler and guidance are used as well.

    A version's own maps and references are not taken over: they belong to its size and its purpose.
    Each LoRA and each learned word counts once; what is given counts first.
    """
    # A draft's LoRA belongs to its quality, not to its words.
    drafts = {lora.digest for each in capabilities.presets.values() for lora in each.loras}
    own: Sequence[Conditioning] = ()
    if version is not None and version.recipe.model == capabilities.model:
        own = [c for c in version.recipe.conditionings if isinstance(c, Lora | Embedding)]
    found: list[Conditioning] = []
    known: set[str] = set()
    for each in (*given, *own):
        if isinstance(each, Lora | Embedding):
            name = each.name if isinstance(each, Lora) else each.word
            if name in known or each.digest in drafts:
                continue
            known.add(name)
        found.append(each)
    preset = capabilities.presets.get(quality)
    used = sampling.sampler, sampling.guidance
    if preset is not None and used == (preset.sampler, preset.guidance):
        found += preset.loras
    return tuple(found)
