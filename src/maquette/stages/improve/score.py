"""How good a version is by what the critics said of it: one number to climb by."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.finding import Finding

__all__ = ["WEIGHTS", "score_of"]

WEIGHTS = {"note": 0.0, "warning": 0.7, "fault": 1.0}
"""What a finding of score 1 takes away, by its severity. A note takes nothing."""


def score_of(findings: Sequence[Finding]) -> float:
    """1 when nothing was found amiss, 0 at worst: the product of what each finding leaves."""
    left = 1.0
    for finding in findings:
        left *= 1 - WEIGHTS[finding.severity] * finding.score
    return round(left, 4)
