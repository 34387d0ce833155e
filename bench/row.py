"""A measured figure beside its target."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Row", "spread"]


@dataclass(frozen=True)
class Row:
    """``group`` is the measurement that it came from, ``value`` the figure that is held against
    the target and ``measured`` how people read it; ``met`` is None where there is no target.
    ``how`` says in a sentence what was measured; ``figures`` holds everything behind it."""

    group: str
    name: str
    value: float
    measured: str
    target: str = ""
    met: bool | None = None
    how: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])


def spread(values: Sequence[float]) -> dict[str, float]:
    """Lowest, median and highest of some values, and how many there were."""
    return {
        "min": min(values),
        "median": statistics.median(values),
        "max": max(values),
        "n": len(values),
    }
