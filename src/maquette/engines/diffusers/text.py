"""Text to numbers: tokens that know their place in the source, chunks, and the three interpreters.

A text longer than the text encoder takes is cut into chunks; each is encoded between its own end
marks and the results are laid end to end, as the A1111 family does. Who draws encodes in inference
mode; who teaches a word lets its gradient through.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from maquette.core.recipe import Interpreter, PromptText
from maquette.engines.diffusers.prompts import Run
from maquette.errors import ModelRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.weights import Parts

__all__ = [
    "Encoded",
    "Texts",
    "Token",
    "chunks",
    "encode",
    "encode_beside",
    "encode_t5",
    "joined",
    "pooled",
    "tokenise",
]


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
        pooled: (1, width), what the text is as a whole, where the network reads that too.
        concepts: (words + 1, width), each traced word encoded alone and nothing last, where maps
            are made of concepts.
        marks: source offset of each concept's word, -1 for nothing.
    """

    context: torch.Tensor
    weights: torch.Tensor
    places: tuple[int, ...]
    pooled: torch.Tensor | None = None
    concepts: torch.Tensor | None = None
    marks: tuple[int, ...] = ()

    @property
    def vector(self) -> torch.Tensor:
        """The pooled vector; for networks that read one."""
        assert self.pooled is not None  # noqa: S101 (their encoders give one)
        return self.pooled

    @property
    def nbytes(self) -> int:
        """What its tensors take."""
        tensors = (self.context, self.weights, self.pooled, self.concepts)
        return sum(each.nbytes for each in tensors if each is not None)

    def emptied(self) -> Encoded:
        """The same text as zeros."""
        vector = None if self.pooled is None else torch.zeros_like(self.pooled)
        return replace(self, context=torch.zeros_like(self.context), pooled=vector)


class Texts:
    """The texts that a model encoded last: of a series of drafts all have the same words.

    Kept by whatever decides one, what steers its encoders included, and no more than ``KEEP`` bytes
    of them: the one that was asked for longest ago goes first.
    """

    KEEP = 32 * 2**20

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[object, ...], Encoded] = OrderedDict()

    def find(self, key: tuple[object, ...]) -> Encoded | None:
        """The text of a key, if it is there."""
        if (found := self._held.get(key)) is not None:
            self._held.move_to_end(key)
        return found

    def keep(self, key: tuple[object, ...], text: Encoded) -> None:
        """For those who ask next."""
        self._held[key] = text
        while sum(each.nbytes for each in self._held.values()) > self.KEEP:
            self._held.popitem(last=False)


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
    for number, (begin, end) in zip(answer["input_ids"], answer["offset_mapping"], strict=True):
        start = begin
        while start < end - 1 and text[start].isspace():  # T5 counts the space before a word
            start += 1
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


def encode(
    tokenizer: Any,
    text_encoder: Any,
    cut: Sequence[Sequence[Token]],
    *,
    count: int,
    interpreter: Interpreter,
    from_last: int = 0,
) -> Encoded:
    """Encode chunks, padded with empty ones to ``count``.

    Under ``a1111`` the embedding is multiplied by the weights and each chunk's mean restored;
    under ``attention`` and ``plain`` it is left alone. ``from_last`` counts layers from the end,
    without the last norm, and adds the first chunk's pooled vector; 0 is the encoder's answer.
    """
    length = int(text_encoder.config.max_position_embeddings)
    numbers: list[list[int]] = []
    weights: list[list[float]] = []
    places: list[int] = []
    for chunk in [*cut, *([[]] * (count - len(cut)))]:
        rest = length - 2 - len(chunk)
        numbers.append(_framed(tokenizer, chunk, length))
        weights.append([1.0, *(token.weight for token in chunk), *[1.0] * (rest + 1)])
        places += [-1, *(token.place for token in chunk), *[-1] * (rest + 1)]
    vector: torch.Tensor | None = None
    tokens = torch.tensor(numbers, device=_home(text_encoder))
    if from_last:
        answer = text_encoder(tokens, output_hidden_states=True)
        states = answer.hidden_states[-from_last]
        if getattr(answer, "text_embeds", None) is not None:
            vector = answer.text_embeds[:1]
    else:
        states = text_encoder(tokens)[0]
    scale = torch.tensor(weights, device=states.device, dtype=torch.float32)
    if interpreter == "a1111" and bool((scale != 1).any()):
        states = _scaled(states, scale)
    if interpreter != "attention":
        scale = torch.ones_like(scale)
    context = states.reshape(1, -1, states.shape[-1])
    return Encoded(context, scale.reshape(-1), tuple(places), vector)


def _scaled(states: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Embeddings, (chunks, length, width), times their weights, each chunk's mean restored."""
    wide = states.float()
    new = wide * scale[..., None]
    before, after = wide.mean(dim=(1, 2), keepdim=True), new.mean(dim=(1, 2), keepdim=True)
    # Where the mean is all but zero, its ratio means nothing and would blow the text up.
    steady = after.abs() > 1e-3 * wide.abs().mean(dim=(1, 2), keepdim=True)
    ratio = torch.where(steady, before / after, torch.ones_like(before))
    return (new * ratio).to(states.dtype)


def encode_beside(
    parts: Parts, cut: Sequence[Sequence[Token]], *, count: int, interpreter: Interpreter
) -> Encoded:
    """Two encoders of CLIP's kind over the same tokens, their states side by side.

    From each the last layer but one (arXiv 2307.01952); the pooled vectors of those that have a
    projection are laid end to end, of the first chunk alone.
    """
    texts: list[Encoded] = []
    vectors: list[torch.Tensor] = []
    pairs = list(zip(parts.tokenizers, parts.text_encoders, strict=True))[:2]
    if len({len(tokenizer) for tokenizer, _ in pairs}) != 1:
        raise ModelRefused(f"the two tokenizers of {parts.card.ref.name} cut words differently")
    for tokenizer, encoder in pairs:
        text = encode(tokenizer, encoder, cut, count=count, interpreter=interpreter, from_last=2)
        texts.append(text)
        if text.pooled is not None:
            vectors.append(text.pooled)
    context = torch.cat([text.context for text in texts], dim=-1)
    return Encoded(context, texts[0].weights, texts[0].places, torch.cat(vectors, dim=-1))


def encode_t5(
    parts: Parts,
    tokenizer: Any,
    encoder: Any,
    tokens: Sequence[Token],
    *,
    length: int,
    width: int,
    prompt: PromptText,
) -> Encoded:
    """A text as T5 reads it, padded to ``length``; zeros of ``width`` where there is no T5."""
    if encoder is None:
        context = torch.zeros(1, length, width, device=parts.device, dtype=parts.dtype)
        return Encoded(context, torch.ones(length, device=parts.device), (-1,) * length)
    rest = length - 1 - len(tokens)
    ends = [tokenizer.eos_token_id, *[tokenizer.pad_token_id] * rest]
    numbers = [*(token.number for token in tokens), *ends]
    states = encoder(torch.tensor([numbers], device=parts.device))[0]
    weights = torch.ones(length, device=parts.device)
    if prompt.interpreter == "attention":
        weights[: len(tokens)] = torch.tensor([token.weight for token in tokens])
    places = (*(token.place for token in tokens), *[-1] * (rest + 1))
    return Encoded(states.to(parts.dtype), weights, places)


def joined(first: Encoded, second: Encoded, width: int) -> Encoded:
    """Two texts end to end, the first made as wide as the second with zeros."""
    wide = torch.nn.functional.pad(first.context, (0, width - first.context.shape[-1]))
    return Encoded(
        torch.cat([wide, second.context], dim=1),
        torch.cat([first.weights, second.weights]),
        first.places + second.places,
        first.pooled,
    )


def pooled(tokenizer: Any, encoder: Any, tokens: Sequence[Token]) -> torch.Tensor:
    """The pooled vector of a chunk, (1, width), from an encoder without a projection."""
    length = int(encoder.config.max_position_embeddings)
    numbers = _framed(tokenizer, tokens, length)
    return encoder(torch.tensor([numbers], device=_home(encoder))).pooler_output


def _home(encoder: Any) -> torch.device:
    """Where an encoder takes its tokens; one that is brought layer by layer moves them itself."""
    device = encoder.device
    return torch.device("cpu") if device.type == "meta" else device


def _framed(tokenizer: Any, tokens: Sequence[Token], length: int) -> list[int]:
    """The numbers of a chunk between its end marks, padded to ``length``."""
    rest = length - 2 - len(tokens)
    return [
        tokenizer.bos_token_id,
        *(token.number for token in tokens),
        tokenizer.eos_token_id,
        *[tokenizer.pad_token_id] * rest,
    ]
