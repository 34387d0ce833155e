"""Where an adapter begins: tokens of a picture that are near to those of words.

What the words 'a red fox, in a blue scarf, watercolour' are to the denoiser it has learned long
ago. So the resampler first learns to say, of a picture, what the text encoder makes of those words,
which takes minutes and no denoiser; keys and values begin as the words' own. What is left to learn
is how much to listen, and where.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from training.frozen import Base
from training.reference.adapter import Adapter

STEPS, BATCH, RATE = 1200, 128, 2e-3
#: References that it reads for that; one in ten is kept for the figure.
ENOUGH = 12_000
#: Tokens that begin as words.
WORDS = 4


@torch.no_grad()
def wanted(base: Base, looks: Sequence[str]) -> torch.Tensor:
    """What the text encoder says at the end of the thing, of what it wears or bears, of the style
    and of all: N x WORDS x width. looks: as `pairs.looks` writes them."""
    found = []
    for start in range(0, len(looks), 256):
        some = list(looks[start : start + 256])
        states = base.states(base.ids(some)).float()
        for row, text in zip(states, some, strict=True):
            ends = _ends(base, text)
            # Thing, ornament, style: what there is not says what stands before it.
            places = [ends[0], ends[max(0, len(ends) - 2)], ends[-1], ends[-1] + 1]
            found.append(row[places])
    return torch.stack(found)


def _ends(base: Base, text: str) -> list[int]:
    """Places of the last words of a text's parts."""
    parts = text.split(", ")
    counted = base.tokenizer([", ".join(parts[: k + 1]) for k in range(len(parts))]).input_ids
    return [len(ids) - 2 for ids in counted]


def begin(
    network: Adapter, base: Base, seen: torch.Tensor, looks: Sequence[str], steps: int = STEPS
) -> float:
    """Teach the resampler words; gives the share of their variance that it tells of pictures that
    it did not read, at most 1.

    seen: what the image encoder sees in references, N x places x width. looks: their words.
    """
    right, resampler = wanted(base, looks), network.image_proj
    known = base.text.get_submodule(_last_norm(base.text))
    assert isinstance(known, nn.LayerNorm)
    with torch.no_grad():
        resampler.norm_out.weight.copy_(known.weight)
        resampler.norm_out.bias.copy_(known.bias)
    optimizer = torch.optim.AdamW(resampler.parameters(), RATE, weight_decay=1e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    rng, kept = np.random.default_rng(0), max(1, len(seen) // 10)
    for _ in range(steps):
        some = torch.from_numpy(rng.integers(0, len(seen) - kept, BATCH))
        told = resampler(seen[some].to(base.where))[:, :WORDS]
        loss = (told - right[some.to(base.where)]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(resampler.parameters(), 1.0)
        optimizer.step()
        plan.step()
    with torch.no_grad():
        told = torch.cat([resampler(x.to(base.where))[:, :WORDS] for x in seen[-kept:].split(100)])
        spread = (right[-kept:] - right[:-kept].mean(0)).pow(2).mean()
        left = (told - right[-kept:]).pow(2).mean()
    return float(1 - left / spread)


def _last_norm(text: nn.Module) -> str:
    return next(name for name, _ in text.named_modules() if name.endswith("final_layer_norm"))
