"""Words as concepts: each traced word of a text encoded alone, for the maps of transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from maquette.core.trace import TracedWord
from maquette.engines.diffusers.text import Encoded

if TYPE_CHECKING:
    from maquette.engines.diffusers.weights import Parts

__all__ = ["with_concepts"]


@torch.inference_mode()
def with_concepts(parts: Parts, text: Encoded, words: Sequence[TracedWord]) -> Encoded:
    """The text with its words as concepts (arXiv 2502.04320), and nothing as the last of them.

    Each distinct word that the text holds is encoded alone, its tokens' states averaged; nothing
    is the end mark of an empty text. It takes what no word answers to.
    """
    read = {place for place in text.places if place >= 0}
    held = [word for word in words if any(word.start <= place < word.end for place in read)]
    spelt = list(dict.fromkeys(word.text for word in held))
    states = _t5(parts, spelt) if parts.text_encoders[-1] is not None else _clip(parts, spelt)
    width = text.context.shape[-1]
    states = torch.nn.functional.pad(states, (0, width - states.shape[-1]))
    rows = [spelt.index(word.text) for word in held]
    concepts = torch.cat([states[rows], states[-1:]])
    return replace(text, concepts=concepts, marks=(*(word.start for word in held), -1))


def _t5(parts: Parts, words: Sequence[str]) -> torch.Tensor:
    """(words + 1, width): the mean state of each word's tokens, then that of the end mark alone."""
    tokenizer, encoder = parts.tokenizers[-1], parts.text_encoders[-1]
    cut = [_numbers(tokenizer, word) for word in (*words, "")]
    length = max(len(one) for one in cut) + 1
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    numbers = torch.tensor([[*one, end, *[pad] * (length - 1 - len(one))] for one in cut])
    seen = torch.tensor([[1] * (len(one) + 1) + [0] * (length - 1 - len(one)) for one in cut])
    states = encoder(numbers.to(parts.device), attention_mask=seen.to(parts.device))[0]
    means = [state[: max(1, len(one))].mean(dim=0) for one, state in zip(cut, states, strict=True)]
    return torch.stack(means).to(parts.dtype)


def _clip(parts: Parts, words: Sequence[str]) -> torch.Tensor:
    """The same by the encoders of CLIP's kind, side by side; nothing is the end mark's state."""
    sides: list[torch.Tensor] = []
    for tokenizer, encoder in list(zip(parts.tokenizers, parts.text_encoders, strict=True))[:2]:
        length = int(encoder.config.max_position_embeddings)
        cut = [_numbers(tokenizer, word)[: length - 2] for word in (*words, "")]
        begin, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
        numbers = [[begin, *one, end, *[pad] * (length - 2 - len(one))] for one in cut]
        answer = encoder(torch.tensor(numbers, device=parts.device), output_hidden_states=True)
        states = answer.hidden_states[-2]
        means = [
            state[1 : 1 + max(1, len(one))].mean(dim=0)
            for one, state in zip(cut, states, strict=True)
        ]
        sides.append(torch.stack(means))
    return torch.cat(sides, dim=-1)


def _numbers(tokenizer: object, word: str) -> list[int]:
    if not word:
        return []
    answer = tokenizer(word, add_special_tokens=False, verbose=False)  # type: ignore[operator]
    return list(answer["input_ids"])
