"""Text to numbers: tokens that know their place in the source, chunks, and the three interpreters.

A text longer than the text encoder takes is cut into chunks; each is encoded between its own end
marks and the results are laid end to end, as the A1111 family does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from maquette.core.recipe import Interpreter
from maquette.engines.diffusers.prompts import Run

__all__ = ["Encoded", "Token", "chunks", "encode", "tokenise"]


@dataclass(frozen=True)
class Token:
    """A token of the prompt: its number, its weight, the source offset of its first letter."""

    number: int
    weight: float
    place: int


@dataclass(frozen=True, eq=False)
class Encoded:
    """A text as the UNet reads it.

    Attributes:
        context: (1, chunks x length, width).
        weights: (chunks x length), the weight of each position; 1 for end marks and padding, and
            all 1 where the interpreter has already scaled the embedding.
        places: source offset of each position, -1 for end marks and padding.
    """

    context: torch.Tensor
    weights: torch.Tensor
    places: tuple[int, ...]


def tokenise(tokenizer: Any, runs: Sequence[Run], *, apart: bool) -> list[list[Token]]:
    """Tokens of the runs, as one list for each stretch between two BREAKs.

    ``apart`` cuts each run by itself, as A1111 does; else brackets never change how the letters
    are cut, and a token across two runs weighs the mean of its letters.
    """
    stretches: list[list[Token]] = [[]]
    held: list[Run] = []

    def flush() -> None:
        stretches[-1] += _cut(tokenizer, held)
        held.clear()

    for run in runs:
        held.append(run)
        if apart or run.ends_chunk:
            flush()
        if run.ends_chunk:
            stretches.append([])
    flush()
    return stretches


def _cut(tokenizer: Any, runs: Sequence[Run]) -> list[Token]:
    text = "".join(run.text for run in runs)
    weights = [run.weight for run in runs for _ in run.text]
    places = [place for run in runs for place in run.places]
    if not text.strip():
        return []
    answer = tokenizer(
        text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
    )
    tokens: list[Token] = []
    for number, (start, end) in zip(answer["input_ids"], answer["offset_mapping"], strict=True):
        last = max(end, start + 1)
        here = weights[start:last]
        weight = here[0] if len(set(here)) == 1 else sum(here) / len(here)
        tokens.append(Token(number, weight, places[start]))
    return tokens


def chunks(stretches: Sequence[Sequence[Token]], length: int) -> list[list[Token]]:
    """Cut into chunks of at most ``length`` tokens; at least one chunk, be it empty."""
    found = [
        list(stretch[at : at + length])
        for stretch in stretches
        for at in range(0, max(1, len(stretch)), length)
    ]
    # A BREAK at the very end, or two in a row, opens no chunk of padding.
    return [chunk for chunk in found if chunk] or [[]]


@torch.inference_mode()
def encode(
    tokenizer: Any,
    text_encoder: Any,
    cut: Sequence[Sequence[Token]],
    *,
    count: int,
    interpreter: Interpreter,
) -> Encoded:
    """Encode chunks, padded with empty ones to ``count``.

    Under ``a1111`` the embedding is multiplied by the weights and each chunk's mean restored;
    under ``attention`` and ``plain`` it is left alone.
    """
    length = int(text_encoder.config.max_position_embeddings)
    begin, end, pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    numbers: list[list[int]] = []
    weights: list[list[float]] = []
    places: list[int] = []
    for chunk in [*cut, *([[]] * (count - len(cut)))]:
        rest = length - 2 - len(chunk)
        numbers.append([begin, *(token.number for token in chunk), end, *[pad] * rest])
        weights.append([1.0, *(token.weight for token in chunk), *[1.0] * (rest + 1)])
        places += [-1, *(token.place for token in chunk), *[-1] * (rest + 1)]
    device = text_encoder.device
    states = text_encoder(torch.tensor(numbers, device=device))[0]
    scale = torch.tensor(weights, device=device, dtype=torch.float32)
    if interpreter == "a1111" and bool((scale != 1).any()):
        states = _scaled(states, scale)
    if interpreter != "attention":
        scale = torch.ones_like(scale)
    return Encoded(states.reshape(1, -1, states.shape[-1]), scale.reshape(-1), tuple(places))


def _scaled(states: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Embeddings, (chunks, length, width), times their weights, each chunk's mean restored."""
    wide = states.float()
    new = wide * scale[..., None]
    before, after = wide.mean(dim=(1, 2), keepdim=True), new.mean(dim=(1, 2), keepdim=True)
    # Where the mean is all but zero, its ratio means nothing and would blow the text up.
    steady = after.abs() > 1e-3 * wide.abs().mean(dim=(1, 2), keepdim=True)
    ratio = torch.where(steady, before / after, torch.ones_like(before))
    return (new * ratio).to(states.dtype)
