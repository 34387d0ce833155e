"""Joint attention of texts and places (SD3, FLUX), watched and steered.

Weights: a word's columns among the keys get log(w) added to their logits, for the rows of the
conditional half, in every block; what the other tokens and the places take from the word is
multiplied by w before the row is normalised again.

Maps: concepts (arXiv 2502.04320). Each word of the prompt, encoded alone, runs beside the picture
through the text stream's own weights, attending to the places and to the other concepts; neither
the places nor the prompt attend to it, so the picture is what it is without. How much a place
answers to a word is the dot product of what attention gave to each, softmax over the words and
nothing, averaged over the later half of the two-stream blocks and over the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from maquette.engines.diffusers.attention import Watch
from maquette.engines.diffusers.hooks import Condition, Places

__all__ = ["JointWatch", "watch_joint"]

_Seen = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class JointWatch(Watch):
    """What the processors and the concept stream share.

    ``seen`` are keys, values and answers of the places, (rows, heads, places, width), in the block
    of the moment; ``stream`` the concepts of each conditional row, (1, concepts, width).
    """

    def __init__(self, *, record: bool, text_first: bool, conditions: Sequence[Condition]) -> None:
        super().__init__(record=record, places=frozenset(), conditions=conditions)
        self.text_first = text_first
        self.seen: _Seen | None = None
        self.stream: list[torch.Tensor] = []

    @property
    def follows(self) -> bool:
        """Whether concepts are to be followed in the call of the moment."""
        return self.record and self.aim is not None and bool(self.aim.concepts)

    def bias(self, keys: int, dtype: torch.dtype) -> torch.Tensor | None:
        """(rows, 1, 1, keys) to add to the logits: the words' weights on the text's columns."""
        if self.aim is None or self.aim.bias is None:
            return None
        given = self.aim.bias
        whole = given.new_zeros(given.shape[0], keys)
        if self.text_first:
            whole[:, : given.shape[1]] = given
        else:
            whole[:, keys - given.shape[1] :] = given
        return whole[:, None, None].to(dtype)

    def beside(self, layer: str, attn: Any, places: Places) -> torch.Tensor | None:
        """What the conditions give to the places of an attention, (rows, heads, places, width)."""
        total: torch.Tensor | None = None
        for condition in self.conditions:
            assert self.aim is not None  # noqa: S101 (asked by the processor)
            more = condition.join(layer, attn, places, self.aim)
            if more is not None:
                total = more if total is None else total + more
        return total

    def add_scores(self, row: int, scores: torch.Tensor) -> None:
        """Add a layer's (places, concepts) for a conditional row."""
        aim = self.aim
        assert aim is not None  # noqa: S101 (scores are made while a call is watched)
        places = scores.shape[0]
        if row == 0:
            aim.layers[places] = aim.layers.get(places, 0) + 1
        rows = aim.rows.setdefault(places, {})
        rows[row] = rows[row] + scores if row in rows else scores


class _Processor:
    """Joint attention (two streams), attention over both as one stream, or, ``alone``, SD3.5's
    second attention of the places to themselves."""

    def __init__(self, shared: JointWatch, layer: str, *, alone: bool = False) -> None:
        self.shared = shared
        self.layer = layer
        self.alone = alone

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """(rows, places, width) and (rows, tokens, width) in, the same out; for FLUX what the
        conditions give to the places comes third, where there is some."""
        shared = self.shared
        if shared.aim is None or attention_mask is not None:
            raise RuntimeError("a watched transformer was called with texts that nobody announced")
        raw = [_split(attn, to(hidden_states)) for to in (attn.to_q, attn.to_k, attn.to_v)]
        query, key, value = _normed(attn.norm_q, raw[0]), _normed(attn.norm_k, raw[1]), raw[2]
        more = None
        if self.alone or encoder_hidden_states is not None:
            more = shared.beside(self.layer, attn, Places(raw[0], raw[1], raw[2], query))
        if encoder_hidden_states is not None:
            told = text_heads(attn, encoder_hidden_states)
            pairs = zip((query, key, value), told, strict=True)
            query, key, value = (
                torch.cat([text, own] if shared.text_first else [own, text], dim=2)
                for own, text in pairs
            )
        if image_rotary_emb is not None:
            from diffusers.models.embeddings import apply_rotary_emb

            turned: Any = image_rotary_emb
            query = torch.as_tensor(apply_rotary_emb(query, turned))
            key = torch.as_tensor(apply_rotary_emb(key, turned))
        bias = None if self.alone else shared.bias(key.shape[2], query.dtype)
        answer = scaled_dot_product_attention(query, key, value, attn_mask=bias)
        tokens = 0 if encoder_hidden_states is None else encoder_hidden_states.shape[1]
        if encoder_hidden_states is not None and shared.follows:
            own = slice(tokens, None) if shared.text_first else slice(0, key.shape[2] - tokens)
            shared.seen = key[:, :, own], value[:, :, own], answer[:, :, own]
        flat = _flat(answer, hidden_states.dtype)
        given = None if more is None else _flat(more, hidden_states.dtype)
        if encoder_hidden_states is None:
            flat = flat if given is None else flat + given
            return flat if getattr(attn, "pre_only", False) else _out(attn, flat)
        if shared.text_first:
            text, places = flat[:, :tokens], flat[:, tokens:]
            answers = _out(attn, places.contiguous()), attn.to_add_out(text.contiguous())
            return answers if given is None else (*answers, given)
        places, text = flat[:, : flat.shape[1] - tokens], flat[:, flat.shape[1] - tokens :]
        places = places.contiguous() if given is None else places + given
        # The last block of SD3 has no use for its text any more.
        told_out = text if attn.context_pre_only else attn.to_add_out(text.contiguous())
        return _out(attn, places), told_out


def text_heads(attn: Any, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, keys and values of a text by the text stream's weights, (rows, heads, …)."""
    query, key, value = (
        _split(attn, to(states)) for to in (attn.add_q_proj, attn.add_k_proj, attn.add_v_proj)
    )
    return _normed(attn.norm_added_q, query), _normed(attn.norm_added_k, key), value


def _normed(norm: Any, states: torch.Tensor) -> torch.Tensor:
    return states if norm is None else norm(states)


def _split(attn: Any, states: torch.Tensor) -> torch.Tensor:
    rows, places, width = states.shape
    return states.view(rows, places, attn.heads, width // attn.heads).transpose(1, 2)


def _flat(answer: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return answer.transpose(1, 2).flatten(2, 3).to(dtype)


def _out(attn: Any, states: torch.Tensor) -> torch.Tensor:
    return attn.to_out[1](attn.to_out[0](states))


class _Follower:
    """Takes the concepts through one block, after the block itself was run."""

    def __init__(self, shared: JointWatch, network: Any, number: int, *, scored: bool) -> None:
        self.shared = shared
        self.network = network
        self.number = number
        self.scored = scored

    def __call__(self, block: Any, _: Any, kwargs: dict[str, Any], output: Any) -> None:  # noqa: ARG002
        """A forward hook: changes nothing of what the block gave."""
        shared = self.shared
        aim = shared.aim
        if not shared.follows or aim is None or shared.seen is None:
            return
        if self.number == 0:
            shared.stream = [self.network.context_embedder(each)[None] for each in aim.concepts]
        keys, values, answers = shared.seen
        shared.seen = None
        for row, concepts in enumerate(shared.stream):
            at = slice(aim.first + row, aim.first + row + 1)
            after, given = _through(block, concepts, kwargs["temb"][at], keys[at], values[at])
            shared.stream[row] = after
            if self.scored:
                scores = torch.einsum("hpw,hcw->pc", answers[at][0].float(), given[0].float())
                shared.add_scores(row, scores.softmax(dim=-1))


def _through(
    block: Any,
    concepts: torch.Tensor,
    temb: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Concepts (1, n, width) after a block, and what attention gave them, (1, heads, n, width)."""
    attn = block.attn
    last = bool(attn.context_pre_only)
    gates: list[torch.Tensor] = []
    if last:
        normed = block.norm1_context(concepts, temb)
    else:
        normed, *gates = block.norm1_context(concepts, emb=temb)
    # Texts stand at place 0, where rotary positions turn nothing.
    query, key, value = text_heads(attn, normed)
    given = scaled_dot_product_attention(
        query, torch.cat([key, keys], dim=2), torch.cat([value, values], dim=2)
    )
    if last:
        return concepts, given
    gate, shift, scale, gate_after = gates
    concepts = concepts + gate[:, None] * attn.to_add_out(_flat(given, concepts.dtype))
    inner = block.norm2_context(concepts) * (1 + scale[:, None]) + shift[:, None]
    return concepts + gate_after[:, None] * block.ff_context(inner), given


@contextmanager
def watch_joint(
    network: Any,
    *,
    record: bool,
    text_first: bool,
    conditions: Sequence[Condition] = (),
) -> Iterator[JointWatch]:
    """Put the watching processors on every joint attention; put the old ones back at the end.

    Args:
        network: a diffusers SD3Transformer2DModel or FluxTransformer2DModel.
        record: whether to sum maps of concepts.
        text_first: whether a text's columns come before the places' (FLUX) or after (SD3).
        conditions: what else steers the drawing.
    """
    shared = JointWatch(record=record, text_first=text_first, conditions=conditions)
    blocks = list(network.transformer_blocks)
    layers = {
        f"{stack}.{number}.attn": block.attn
        for stack in ("transformer_blocks", "single_transformer_blocks")
        for number, block in enumerate(getattr(network, stack, ()))
    }
    if conditions:  # nothing else asks for SD3.5's second attentions
        layers |= {
            f"transformer_blocks.{number}.attn2": block.attn2
            for number, block in enumerate(blocks)
            if getattr(block, "attn2", None) is not None
        }
    before = [layer.processor for layer in layers.values()]
    hooks: list[Any] = []
    try:
        for name, layer in layers.items():
            layer._modules.pop("processor", None)
            layer.processor = _Processor(shared, name, alone=name.endswith("attn2"))
        if record:
            hooks += [
                block.register_forward_hook(
                    _Follower(shared, network, number, scored=2 * number >= len(blocks) - 1),
                    with_kwargs=True,
                )
                for number, block in enumerate(blocks)
            ]
        yield shared
    finally:
        for hook in hooks:
            hook.remove()
        for layer, old in zip(layers.values(), before, strict=True):
            layer.processor = old
