"""The loop by itself: look, choose a remedy, draw again, keep what is better."""

from __future__ import annotations

from maquette.stages.improve.loop import Improvement, Step, improve
from maquette.stages.improve.score import score_of

__all__ = ["Improvement", "Step", "improve", "score_of"]
