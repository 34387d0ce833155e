"""A recipe's prompt, encoded: the conditional rows at each step, and the unconditional text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from maquette.core.conditioning import Conditioning, Embedding, Lora
from maquette.core.recipe import PromptText
from maquette.core.trace import TracedWord
from maquette.engines.diffusers.families.base import Cut
from maquette.engines.diffusers.prompts import Run, Strand, strands
from maquette.engines.diffusers.sampling import Row
from maquette.engines.diffusers.text import Encoded
from maquette.engines.diffusers.weights import Parts
from maquette.engines.wording import traced_words

__all__ = ["Plan", "Writer"]


@dataclass(frozen=True, eq=False)
class Plan:
    """``rows`` of each step, the ``negative`` where one is read, the words to trace, and how long
    the texts are.

    ``length`` is what its texts were brought to (chunks, tokens); pictures are drawn together only
    where it is equal.
    """

    rows: Sequence[tuple[Row, ...]]
    negative: Encoded | None
    words: tuple[TracedWord, ...]
    length: tuple[int, ...]

    @property
    def composed(self) -> bool:
        """Whether any step joins several rows, or weighs its only one."""
        return _composed(self.rows)


class Writer:
    """Encodes the texts of a run, each distinct one once; with what ``maps`` need, if asked.

    ``steered`` is what stands beside the words, where that and the model decide a text: then it is
    kept for the runs to come. None: it is not.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        maps: bool = True,
        steered: Sequence[Conditioning] | None = None,
    ) -> None:
        self.parts = parts
        self.steered = None
        if steered is not None:  # by what reaches the encoders
            self.steered = tuple(each for each in steered if isinstance(each, Lora | Embedding))
        self.family = parts.card.driver
        self.maps = maps
        self._encoded: dict[tuple[object, ...], Encoded] = {}
        self._rows: dict[tuple[int, float], Row] = {}

    @torch.inference_mode()
    def plan(self, prompt: PromptText, steps: int, guidance: float) -> Plan:
        """Encode a prompt for a number of steps; the negative one where ``guidance`` reads it."""
        told = strands(prompt.text, prompt.interpreter, steps)
        against = strands(prompt.negative, prompt.interpreter, steps)[-1]
        free = self._cut(against[0].runs, prompt)
        cuts = {strand.runs: self._cut(strand.runs, prompt) for step in told for strand in step}
        lengths = [self.family.lengths(cut) for cut in (free, *cuts.values())]
        length = tuple(max(each) for each in zip(*lengths, strict=True))
        words = traced_words(prompt, self.parts.card.vocabulary)

        def row(strand: Strand) -> Row:
            text = self._encode(cuts[strand.runs], length, prompt, words)
            return self._rows.setdefault((id(text), strand.weight), Row(text, strand.weight))

        rows = [tuple(row(strand) for strand in step) for step in told]
        read = self.family.free(self.parts.card, guidance) or _composed(rows)
        negative = self._encode(free, length, prompt) if read else None
        return Plan(rows=rows, negative=negative, words=words, length=length)

    def _cut(self, runs: Sequence[Run], prompt: PromptText) -> Cut:
        return self.family.cut(self.parts, runs, prompt)

    def _encode(
        self,
        cut: Cut,
        length: tuple[int, ...],
        prompt: PromptText,
        words: Sequence[TracedWord] | None = None,
    ) -> Encoded:
        """A text, or where there are no ``words`` to trace the negative one."""
        empty = words is None and not prompt.negative
        key = (cut, length, prompt.interpreter, empty)
        if self.maps and self.family.makes_concepts:
            key = (*key, words)
        if key not in self._encoded:
            lasting = (self.steered, *key)
            text = None if self.steered is None else self.parts.texts.find(lasting)
            if text is None:
                text = self.family.encode(self.parts, cut, length, prompt, negative=words is None)
                if self.maps and words is not None:
                    text = self.family.concepts(self.parts, text, words)
                if self.steered is not None:
                    self.parts.texts.keep(lasting, text)
            self._encoded[key] = text
        return self._encoded[key]


def _composed(rows: Sequence[tuple[Row, ...]]) -> bool:
    return any([row.weight for row in step] != [1] for step in rows)
