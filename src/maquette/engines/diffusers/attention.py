"""Cross-attention, watched and steered.

``watch`` puts a processor of ours on every cross-attention of a UNet for the length of a drawing
and takes it off again, whatever happens. It computes the same attention as the stock processor,
keeps the keys and values of a text from step to step (a text does not change), adds the weights of
the prompt to the logits, and sums what each place gave to each token.

A weight w is added as log(w) to its token's logits before the softmax: the token's share is
multiplied by w before the row is normalised again, whichever sign its logit has. That is attention
re-weighting in the sense of prompt-to-prompt (arXiv 2208.01626). Summing the probabilities over
heads, layers and steps is DAAM (arXiv 2210.04885).

Each row is steered by the weights of its own text, so the prompt's weights reach the conditional
rows alone; only those are recorded. The caller says which rows they are: nothing is guessed from
the batch's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from maquette.engines.diffusers.hooks import Condition

__all__ = ["GONE", "Aim", "Watch", "grids", "log_weights", "watch"]

GONE = -10000.0
"""Added to the logits of a token of weight 0: its probability is 0 in float16 as in float32, and a
row that holds nothing else still has a softmax."""


@dataclass(eq=False)
class Aim:
    """One set of texts for the rows of a batch. Make a new one when a text changes.

    Attributes:
        context: (rows, tokens, width), the encoded texts, unconditional rows first.
        first: the first conditional row; all after it are conditional.
        bias: (rows, tokens), added to the logits, or None where every weight is 1.
        local: from a number of places what is added by place, (rows, places, tokens), or None.
        steps: how many UNet calls were made with it.
        sums: what each place gave to each token by the number of places of a layer: tensors
            (rows - first, places, tokens), summed over heads (as their mean), layers and steps.
        layers: how many layers went into each sum, at each step.
        concepts: of each conditional row, (concepts, width), where maps are made of concepts.
        rows: their sums by number of places and conditional row, (places, concepts).
    """

    context: torch.Tensor
    first: int
    bias: torch.Tensor | None = None
    local: Callable[[int, torch.Tensor], torch.Tensor] | None = None
    steps: int = 0
    sums: dict[int, torch.Tensor] = field(default_factory=dict[int, torch.Tensor])
    layers: dict[int, int] = field(default_factory=dict[int, int])
    concepts: list[torch.Tensor] = field(default_factory=list[torch.Tensor])
    rows: dict[int, dict[int, torch.Tensor]] = field(
        default_factory=dict[int, dict[int, torch.Tensor]]
    )
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(
        default_factory=dict[int, tuple[torch.Tensor, torch.Tensor]]
    )


class Watch:
    """What the processors share: the aim of the moment, whether to record, and the conditions that
    add to what an attention gives."""

    def __init__(
        self, *, record: bool, places: frozenset[int], conditions: Sequence[Condition] = ()
    ) -> None:
        self.record = record
        self.places = places
        self.conditions = conditions
        self.aim: Aim | None = None

    def look(self, aim: Aim) -> None:
        """Say before each UNet call which texts its rows hold."""
        self.aim = aim
        aim.steps += 1

    @contextmanager
    def silent(self) -> Iterator[None]:
        """For a call beside the drawing's own: nothing is recorded, no condition adds to it."""
        before = self.record, self.conditions
        self.record, self.conditions = False, ()
        try:
            yield
        finally:
            self.record, self.conditions = before

    def add(self, aim: Aim, probabilities: torch.Tensor, heads: int) -> None:
        """Add a layer's probabilities, (rows x heads, places, tokens), to the sums."""
        _, places, tokens = probabilities.shape
        if places not in self.places:
            return
        seen = probabilities.view(-1, heads, places, tokens)[aim.first :]
        mean = seen.mean(dim=1, dtype=torch.float32)
        if places in aim.sums:
            aim.sums[places] += mean
        else:
            aim.sums[places] = mean
        aim.layers[places] = aim.layers.get(places, 0) + 1


class _Processor:
    """Cross-attention with its probabilities in the open."""

    def __init__(self, shared: Watch, layer: int, name: str) -> None:
        self.shared = shared
        self.layer = layer
        self.name = name

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **_: Any,
    ) -> torch.Tensor:
        """(rows, places, width) in, the same out."""
        aim = self.shared.aim
        if aim is None or encoder_hidden_states is None or attention_mask is not None:
            raise RuntimeError("a watched UNet was called with texts that nobody announced")
        rows, places, _width = hidden_states.shape
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        if self.layer not in aim.kept:
            aim.kept[self.layer] = (
                attn.head_to_batch_dim(attn.to_k(encoder_hidden_states)).transpose(1, 2),
                attn.head_to_batch_dim(attn.to_v(encoder_hidden_states)),
            )
        key, value = aim.kept[self.layer]
        if getattr(attn, "upcast_attention", False):
            # Stable Diffusion 2.1 leaves the range of float16 here, as its configuration says.
            query, key = query.float(), key.float()
        logits = torch.baddbmm(
            query.new_empty(1), query, key, beta=0, alpha=attn.scale
        )  # (rows x heads, places, tokens)
        if aim.bias is not None:
            logits.view(rows, attn.heads, places, -1).add_(aim.bias[:, None, None, :])
        if aim.local is not None:
            logits.view(rows, attn.heads, places, -1).add_(aim.local(places, logits)[:, None])
        probabilities = logits.softmax(dim=-1)
        if self.shared.record:
            self.shared.add(aim, probabilities, attn.heads)
        out = torch.bmm(probabilities.to(value.dtype), value)
        for condition in self.shared.conditions:
            more = condition.attend(self.name, attn, query, aim)
            out = out if more is None else out + more
        out = attn.batch_to_head_dim(out)
        out = attn.to_out[0](out)
        if attn.residual_connection:
            out = out + hidden_states
        return out / attn.rescale_output_factor


@contextmanager
def watch(
    unet: Any,
    *,
    record: bool,
    places: frozenset[int] = frozenset(),
    conditions: Sequence[Condition] = (),
) -> Iterator[Watch]:
    """Put the watching processors on every cross-attention; put the old ones back at the end.

    Args:
        unet: a diffusers UNet2DConditionModel.
        record: whether to sum attention maps.
        places: of which layers, by their number of places (rows times columns).
        conditions: what adds to the attention's output.
    """
    shared = Watch(record=record, places=places, conditions=conditions)
    layers = [
        (name, module)
        for name, module in unet.named_modules()
        if name.endswith("attn2") and hasattr(module, "processor")
    ]
    before = [module.processor for _, module in layers]
    try:
        for number, (name, module) in enumerate(layers):
            # A processor may be a module or a plain object; only the first lives in _modules.
            module._modules.pop("processor", None)
            module.processor = _Processor(shared, number, name)
        yield shared
    finally:
        for (_, module), old in zip(layers, before, strict=True):
            module.processor = old


def grids(rows: int, columns: int, levels: int) -> dict[int, tuple[int, int]]:
    """The (rows, columns) of each of a UNet's levels, by their number of places.

    Each level halves its sides, rounding up, as a convolution of stride 2 does.
    """
    found: dict[int, tuple[int, int]] = {}
    for _ in range(levels):
        found.setdefault(rows * columns, (rows, columns))
        rows, columns = -(-rows // 2), -(-columns // 2)
    return found


def log_weights(weights: torch.Tensor, gain: float = 1.0) -> torch.Tensor | None:
    """Weights, (rows, tokens), as what is added to the logits; None when all are 1.

    A weight w becomes log(w), above 1 ``gain`` times that. Where a model's attention is sharp, a
    word holds its own place wholly already and can only grow into its surroundings, where its
    odds are small; its card says how much more it takes.
    """
    if bool((weights == 1).all()):
        return None
    logs = torch.where(weights > 0, weights.clamp_min(1e-30).log(), GONE).clamp_min(GONE)
    return torch.where(logs > 0, logs * gain, logs)
