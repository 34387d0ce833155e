"""Drafts by a LoRA of few steps, where the model brings one.

It may have learned consistency (LCM-LoRA, arXiv 2311.05556), which its own sampler needs, or the
model's guidance (arXiv 2210.03142), which leaves the sampler as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.core.conditioning import Lora
from maquette.engines.diffusers.conditions.catalogue import Catalogue, recognise
from maquette.engines.diffusers.conditions.headers import read_json
from maquette.engines.diffusers.models import ModelCard
from maquette.errors import MaquetteError

__all__ = ["draft_preset"]

STEPS, GUIDANCE = 4, 1.0
_SAMPLERS = {
    "LCMScheduler": "lcm",
    "DPMSolverMultistepScheduler": "dpm++",
    "DDIMScheduler": "ddim",
    "EulerDiscreteScheduler": "euler",
}


def draft_preset(card: ModelCard) -> dict[str, dict[str, Any]]:
    """The quality ``draft`` by the LoRA in the model's own folder ``adapters/draft``, or nothing.

    Steps and sampler are those that its card (``draft.json``) states, else four and ``lcm``; its
    guidance is built in.
    """
    folder = card.folder / "adapters" / "draft"
    if not folder.is_dir():
        return {}
    try:
        found = recognise(folder)
        if found is None or found.kind != "lora":
            return {}
        ref = Catalogue(card).ref(found)
        use = _told(folder).get("use")
    except MaquetteError:
        return {}
    use = use if isinstance(use, dict) else {}
    steps = use.get("steps", STEPS)
    return {
        "draft": {
            "sampler": _SAMPLERS.get(str(use.get("scheduler")), "lcm"),
            "steps": steps if isinstance(steps, int) and 1 <= steps <= 50 else STEPS,
            "guidance": GUIDANCE,
            "loras": (Lora(name=ref.name, digest=ref.digest),),
        }
    }


def _told(folder: Path) -> dict[str, Any]:
    return read_json(folder / "draft.json") if (folder / "draft.json").is_file() else {}
