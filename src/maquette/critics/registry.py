"""The critics that come with Maquette."""

from __future__ import annotations

from pathlib import Path

from maquette.critics.attention import Attention
from maquette.critics.base import Critic
from maquette.critics.faithful import Faithful
from maquette.critics.invented import Invented
from maquette.critics.judge import Judge, has_judge
from maquette.critics.vision import Vision

__all__ = ["load_critics"]


def load_critics(judge: Path | None = None) -> list[Critic]:
    """Every critic, in the order in which they look; with the judge of this folder, if any."""
    critics: list[Critic] = [Attention(), Vision(), Faithful(), Invented()]
    return [*critics, Judge(judge)] if judge is not None and has_judge(judge) else critics
