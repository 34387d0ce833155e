"""A recipe's prompt, encoded: the conditional rows at each step, and the unconditional text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maquette.core.recipe import PromptText
from maquette.core.trace import TracedWord
from maquette.engines.diffusers.prompts import Run, Strand, strands
from maquette.engines.diffusers.sampling import Row
from maquette.engines.diffusers.text import Encoded, Token, chunks, encode, tokenise
from maquette.engines.diffusers.weights import Parts
from maquette.engines.wording import traced_words

__all__ = ["Plan", "Writer"]


@dataclass(frozen=True, eq=False)
class Plan:
    """``rows`` of each step, the ``negative``, the words to trace, and how long the texts are.

    ``length`` counts chunks; pictures are drawn together only where it is equal.
    """

    rows: Sequence[tuple[Row, ...]]
    negative: Encoded
    words: tuple[TracedWord, ...]
    length: int

    @property
    def composed(self) -> bool:
        """Whether any step joins several rows, or weighs its only one."""
        return any([row.weight for row in rows] != [1] for rows in self.rows)


class Writer:
    """Encodes the texts of a run, each distinct one once."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._encoded: dict[tuple[object, ...], Encoded] = {}
        self._rows: dict[tuple[int, float], Row] = {}

    def plan(self, prompt: PromptText, steps: int) -> Plan:
        """Encode a prompt for a number of steps."""
        told = strands(prompt.text, prompt.interpreter, steps)
        against = strands(prompt.negative, prompt.interpreter, steps)[-1]
        free = self._cut(against[0].runs, prompt)
        cuts = {strand.runs: self._cut(strand.runs, prompt) for step in told for strand in step}
        length = max(len(cut) for cut in (free, *cuts.values()))

        def row(strand: Strand) -> Row:
            text = self._encode(cuts[strand.runs], length, prompt)
            return self._rows.setdefault((id(text), strand.weight), Row(text, strand.weight))

        return Plan(
            rows=[tuple(row(strand) for strand in step) for step in told],
            negative=self._encode(free, length, prompt),
            words=traced_words(prompt, self.parts.card.vocabulary),
            length=length,
        )

    def _cut(self, runs: Sequence[Run], prompt: PromptText) -> list[list[Token]]:
        stretches = tokenise(self.parts.tokenizer, runs, apart=prompt.interpreter == "a1111")
        return chunks(stretches, self.parts.card.max_tokens - 2)

    def _encode(self, cut: list[list[Token]], length: int, prompt: PromptText) -> Encoded:
        key = (tuple(tuple(chunk) for chunk in cut), length, prompt.interpreter)
        if key not in self._encoded:
            self._encoded[key] = encode(
                self.parts.tokenizer,
                self.parts.text_encoder,
                cut,
                count=length,
                interpreter=prompt.interpreter,
            )
        return self._encoded[key]
