"""The critics that come with Maquette."""

from __future__ import annotations

from maquette.critics.attention import Attention
from maquette.critics.base import Critic
from maquette.critics.faithful import Faithful
from maquette.critics.invented import Invented
from maquette.critics.vision import Vision

__all__ = ["load_critics"]


def load_critics() -> list[Critic]:
    """Every critic, in the order in which they look."""
    return [Attention(), Vision(), Faithful(), Invented()]
