"""The prompt language of Maquette: reading, writing, weighing and explaining prompts.

Pure functions over frozen values. ``parse`` takes any text and never raises; ``format`` writes a
tree back; ``runs`` and ``schedule`` say what a text encoder gets; ``words``, ``reweigh`` and
``changed_words`` work on the words that a person sees; ``problems`` and ``explain`` talk back.
The dialect is that of AUTOMATIC1111's web UI.
"""

from .changes import changed_words
from .chips import Chip, chips
from .explain import explain
from .nodes import (
    MAX_DEPTH,
    MAX_LENGTH,
    Alternate,
    Branch,
    Break,
    Lora,
    LoraTag,
    Node,
    Part,
    Prompt,
    Span,
    Swap,
    Text,
    Weighted,
)
from .numerals import MAX_WEIGHT
from .parser import parse
from .phrases import UnknownWord
from .problems import Problem, problems
from .reweigh import WeightRefused, reweigh, reweigh_span
from .runs import Run, runs
from .schedule import schedule
from .words import Word, loras, words
from .writer import format

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_WEIGHT",
    "Alternate",
    "Branch",
    "Break",
    "Chip",
    "Lora",
    "LoraTag",
    "Node",
    "Part",
    "Problem",
    "Prompt",
    "Run",
    "Span",
    "Swap",
    "Text",
    "UnknownWord",
    "WeightRefused",
    "Weighted",
    "Word",
    "changed_words",
    "chips",
    "explain",
    "format",
    "loras",
    "parse",
    "problems",
    "reweigh",
    "reweigh_span",
    "runs",
    "schedule",
    "words",
]
