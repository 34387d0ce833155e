"""Attention that can be watched, and the loss that ties each word to the place of its noun."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812


class WatchedAttention:
    """Attention processor with explicit softmax (faster than SDPA's backward on a processor).

    While `record` is a list, each cross-attention appends (pixels, weights) to it: weights
    N x pixels x tokens, the mean over heads.
    """

    def __init__(self) -> None:
        self.record: list[torch.Tensor] | None = None
        #: Multiplier of each token's weight, broadcast to N x heads x pixels x tokens, or None.
        self.scale: torch.Tensor | None = None
        #: Added to each token's logits (log of its weight, N x 1 x 1 x tokens), or None.
        self.bias: torch.Tensor | None = None

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        del attention_mask, temb
        batch, pixels, _ = hidden_states.shape
        across = encoder_hidden_states is not None
        context = encoder_hidden_states if encoder_hidden_states is not None else hidden_states
        query, key, value = (
            x.view(batch, x.shape[1], attn.heads, -1).transpose(1, 2)
            for x in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context))
        )
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if across:
            scores = scores.float()
            weights = (scores if self.bias is None else scores + self.bias).softmax(-1)
            if self.scale is not None:
                weights = weights * self.scale
            if self.record is not None:
                self.record.append(weights.mean(1))
            weights = weights.to(value.dtype)
        else:
            weights = scores.softmax(-1).to(value.dtype)
        mixed = (weights @ value).transpose(1, 2).reshape(batch, pixels, -1)
        return attn.to_out[0](mixed)


def log_weights(scales: torch.Tensor, nouns: torch.Tensor, gain: float) -> torch.Tensor:
    """What a prompt's weights add to the logits when each noun is weighted by its size.

    scales: how large each noun is drawn, N x nouns (1: its usual size). nouns: noun index of each
    token or -1, N x tokens. gain: by which logarithms above 0 are multiplied, as the product does
    for this model. Gives N x 1 x 1 x tokens.
    """
    logs = scales.clamp(0.25, 4.0).log()
    logs = torch.where(logs > 0, gain * logs, logs)
    spoken = torch.gather(logs, 1, nouns.clamp(min=0)) * (nouns >= 0)
    return spoken[:, None, None, :]


def localisation_loss(
    record: list[torch.Tensor], packed: torch.Tensor, nouns: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """How much the words look away from their nouns, mean over layers and words.

    record: attention weights of each layer (N x pixels x tokens); packed: noun bits, int64
    N x 32 x 32; nouns: noun index of each token or -1, N x tokens; weight: N, of each sample.
    Two terms: (share of a word's attention outside its noun's mask) squared, and a quarter of how
    far the word is from owning 35% of the attention inside that mask.
    """
    spoken = nouns >= 0
    tokens = int(spoken.any(0).nonzero().max()) + 1 if spoken.any() else 1
    spoken, nouns = spoken[:, :tokens], nouns[:, :tokens]
    bits = (packed[:, None] >> nouns.clamp(min=0)[:, :, None, None]) & 1
    masks = bits.float() * spoken[:, :, None, None]
    total = torch.zeros((), device=packed.device)
    for weights in record:
        side = math.isqrt(weights.shape[1])
        mask = F.adaptive_avg_pool2d(masks, side).flatten(2)
        area = mask.sum(-1)
        counted = (spoken & (area > 0.2)).float() * weight[:, None]
        norm = counted.sum().clamp(min=1.0)
        looks = weights[:, :, :tokens].transpose(1, 2)
        inside = (looks * mask).sum(-1)
        away = (1 - inside / (looks.sum(-1) + 1e-6)) ** 2
        unowned = F.relu(0.35 - inside / (area + 1e-6)) / 0.35
        total = total + (counted * (away + 0.25 * unowned)).sum() / norm
    return total / max(1, len(record))
