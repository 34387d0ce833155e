"""The critics that come with Maquette."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from maquette.critics.attention import Attention
from maquette.critics.base import Critic
from maquette.critics.damage import Damage, has_localiser
from maquette.critics.drift import Drift
from maquette.critics.faces import Look
from maquette.critics.faithful import Faithful
from maquette.critics.invented import Invented
from maquette.critics.judge import Judge, has_judge
from maquette.critics.vision import Vision

__all__ = ["load_critics"]


def load_critics(
    model: Path | None = None,
    pictures: Callable[[str], Image.Image] | None = None,
    judge: Path | None = None,
    faces: Look | None = None,
) -> list[Critic]:
    """Every critic, in the order in which they look; with the judge and the fault localiser that
    stand beside the model of this folder, if any. ``pictures`` brings a reference by its digest,
    for the critic that compares with it; ``judge`` is the folder of a judge for models that bring
    none; ``faces`` tells the faces of a picture."""
    faults = model / "faults" if model is not None else None
    damage = Damage(faults if faults is not None and has_localiser(faults) else None)
    critics: list[Critic] = [Attention(), Vision(), damage, Faithful(), Invented()]
    own = model / "judge" if model is not None else None
    judge = own if own is not None and has_judge(own) else judge
    judge = judge if judge is not None and has_judge(judge) else None
    if pictures is not None:
        critics.append(Drift(pictures, judge, faces=faces))
    return [*critics, Judge(judge)] if judge is not None else critics
