"""The loop by itself: look, choose a remedy, draw again, keep what is better."""

from __future__ import annotations

from maquette.stages.improve.loop import Improvement, Step, answered, improve
from maquette.stages.improve.score import score_of

__all__ = ["Improvement", "Step", "answered", "improve", "score_of"]
