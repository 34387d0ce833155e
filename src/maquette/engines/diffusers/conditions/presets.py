"""Drafts by a LoRA of few steps (LCM-LoRA, arXiv 2311.05556), where the model brings one."""

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


def draft_preset(card: ModelCard) -> dict[str, dict[str, Any]]:
    """The quality ``draft`` by the LoRA in the model's own folder ``adapters/draft``, or nothing.

    Its steps are those that its card (``draft.json``) states, else four; its guidance is built in.
    """
    folder = card.folder / "adapters" / "draft"
    if not folder.is_dir():
        return {}
    try:
        found = recognise(folder)
        if found is None or found.kind != "lora":
            return {}
        ref = Catalogue(card).ref(found)
        told = _told(folder)
    except MaquetteError:
        return {}
    use = told.get("use")
    steps = use.get("steps", STEPS) if isinstance(use, dict) else STEPS
    return {
        "draft": {
            "sampler": "lcm",
            "steps": steps if isinstance(steps, int) and 1 <= steps <= 50 else STEPS,
            "guidance": GUIDANCE,
            "loras": (Lora(name=ref.name, digest=ref.digest),),
        }
    }


def _told(folder: Path) -> dict[str, Any]:
    return read_json(folder / "draft.json") if (folder / "draft.json").is_file() else {}
