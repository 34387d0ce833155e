"""Textual inversion (arXiv 2208.01618): words that stand for learned vectors.

Read are the layouts of diffusers (one tensor, named for its word) and of A1111 (``emb_params``),
and for models of two text encoders the pair ``clip_l``, ``clip_g``. A word of several vectors
becomes as many tokens, all at the word's place, so that weights and maps hold for it as for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from maquette.core.conditioning import Embedding
from maquette.engines.diffusers.conditions.catalogue import weights_of
from maquette.engines.diffusers.conditions.headers import Shapes
from maquette.errors import ModelRefused, RecipeRefused

__all__ = ["Speller", "known", "learned", "vectors_of", "width_of"]

_SECOND = {"text_encoder": ("clip_l", "emb_params"), "text_encoder_2": ("clip_g",)}


class Speller:
    """A tokenizer that knows more words; everything else it leaves to the one it wraps.

    Each word is a token of its own while the text is cut, and becomes its vectors' tokens then.
    """

    def __init__(self, tokenizer: Any, words: Mapping[str, Sequence[int]]) -> None:
        """``words``: the numbers that stand for each word."""
        import copy

        from tokenizers import AddedToken

        self._inner = copy.deepcopy(tokenizer)
        added = [
            AddedToken(word, single_word=True, normalized=True, special=False) for word in words
        ]
        self._inner.add_tokens(added)
        self._numbers = {
            self._inner.convert_tokens_to_ids(word): list(numbers)
            for word, numbers in words.items()
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __len__(self) -> int:
        """How many tokens it knows, those of the words not counted."""
        return len(self._inner) - len(self._numbers)

    def __call__(self, text: str, **options: Any) -> dict[str, Any]:
        """``input_ids`` and ``offset_mapping`` of one text, a word's vectors all at its offset."""
        answer = self._inner(text, **options)
        numbers: list[int] = []
        offsets: list[tuple[int, int]] = []
        for number, place in zip(answer["input_ids"], answer["offset_mapping"], strict=True):
            stands = self._numbers.get(number, [number])
            numbers += stands
            offsets += [place] * len(stands)
        return {"input_ids": numbers, "offset_mapping": offsets}


@contextmanager
def learned(
    tokenizer: Any, text_encoder: Any, told: Sequence[tuple[Embedding, Path]], which: str
) -> Iterator[Any]:
    """Put the words' vectors behind the text encoder's own; yields the tokenizer that knows them.

    ``which`` is the text encoder's name in the model (``text_encoder``, ``text_encoder_2``).

    Raises:
        RecipeRefused: vectors of another width, or a word that is told twice.
        ModelRefused: a damaged file.
    """
    width = text_encoder.get_input_embeddings().weight.shape[-1]
    words: dict[str, torch.Tensor] = {}
    for embedding, path in told:
        vectors = vectors_of(path, which)
        if vectors.shape[-1] != width:
            raise RecipeRefused(
                f"the embedding '{embedding.word}' was made for another model: its vectors have"
                f" {vectors.shape[-1]} numbers, this model's {width}"
            )
        if embedding.word.lower() in words:
            raise RecipeRefused(f"the embedding '{embedding.word}' is given twice")
        words[embedding.word.lower()] = vectors
    with known(tokenizer, text_encoder, words) as speller:
        yield speller


@contextmanager
def known(
    tokenizer: Any, text_encoder: Any, words: Mapping[str, torch.Tensor]
) -> Iterator[Speller]:
    """The same with words in lower case by their vectors, (vectors, width) each: they are the last
    rows of the table, in the order of the words."""
    table = text_encoder.get_input_embeddings()
    old = table.weight.data
    numbers: dict[str, list[int]] = {}
    count = len(old)
    for word, vectors in words.items():
        numbers[word] = list(range(count, count + len(vectors)))
        count += len(vectors)
    try:
        table.weight.data = torch.cat([old, *(vectors.to(old) for vectors in words.values())])
        yield Speller(tokenizer, numbers)
    finally:
        table.weight.data = old.to(table.weight.device)


def vectors_of(path: Path, which: str = "text_encoder") -> torch.Tensor:
    """(vectors, width) of an embedding's file for one of the model's text encoders.

    Raises:
        ModelRefused: a damaged file, or one without vectors for this encoder.
    """
    file = weights_of(path)
    try:
        tensors = load_file(file)
    except Exception as error:
        raise ModelRefused(f"{file.name} cannot be read: {error}", hint="get it again") from error
    key = _key(tensors, which)
    if key is None:
        raise ModelRefused(f"{file.name} has no vectors for the {which.replace('_', ' ')}")
    vectors = tensors[key].float()
    return vectors[None] if vectors.ndim == 1 else vectors


def width_of(shapes: Shapes, which: str = "text_encoder") -> int | None:
    """The width of an embedding's vectors, from its header."""
    key = _key(shapes, which)
    return None if key is None else shapes[key][-1]


def _key(tensors: Mapping[str, Any], which: str) -> str | None:
    for name in _SECOND[which]:
        if name in tensors:
            return name
    return next(iter(tensors)) if len(tensors) == 1 and which == "text_encoder" else None
