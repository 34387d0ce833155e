"""The demo's two automatic decisions: which draft to finish, and where to edit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from demo.story import Draft
from maquette.core.raster import grow, mask_box
from maquette.core.version import Version
from maquette.errors import MaquetteError
from maquette.stages.select import focus_of as focus_of_words
from maquette.studio import Studio

__all__ = ["RULE", "background_mask", "best_draft", "focus_of", "reason"]

RULE = (
    "The rule is the highest score: the focus of the key words’ maps (the part of a word’s "
    "attention that lies in its hottest tenth of the picture, 0.1 when it is spread evenly), less "
    "the sum of its findings’ scores."
)

KEEP_CLEAR = 5
"""Pixels of 256 around the subject and the moon that the edit stays away from."""


def focus_of(studio: Studio, version: Version, words: tuple[str, ...]) -> float:
    """How concentrated these words' maps are, on the mean; 0 without maps."""
    trace = studio.trace(version)
    return (focus_of_words(trace, version.size, words) if trace is not None else None) or 0.0


def best_draft(drafts: Sequence[Draft]) -> int:
    """Which draft RULE picks; of equals the first."""
    return max(range(len(drafts)), key=lambda index: (drafts[index].score, -index))


def reason(drafts: Sequence[Draft], index: int) -> str:
    """Why that one, in a sentence."""
    best = drafts[index]
    others = sorted((draft.score for draft in drafts if draft is not best), reverse=True)
    ahead = f"; the next best scored {others[0]:.2f}" if others else ""
    count = len(best.plate.findings)
    faults = f"{count} finding{'' if count == 1 else 's'} adding up to {best.faults:.2f}"
    if not count:
        faults = "nothing found amiss"
    return f"focus {best.focus:.2f}, {faults}: score {best.score:.2f}{ahead}"


def background_mask(
    studio: Studio, version: Version, place: str, keep: Sequence[str]
) -> tuple[Image.Image, str]:
    """A mask of where the word ``place`` looked, clear of the words to ``keep``, and how it was
    made. Where the maps leave next to nothing or nearly everything, a box stands in."""
    width, height = version.size.width, version.size.height
    clear = max(1, round(KEEP_CLEAR * width / 256))
    try:
        white = np.asarray(studio.mask(version, token=place, threshold=0.35, grow=clear)).copy()
        for word in keep:
            kept = np.asarray(studio.mask(version, token=word, threshold=0.4))
            white[grow(kept, clear) > 0] = 0
    except MaquetteError:
        white = np.zeros((height, width), np.uint8)
    share = float((white > 0).mean())
    if 0.04 <= share <= 0.75 and mask_box(white) is not None:
        spared = " and ".join(f"‘{word}’" for word in keep)
        return Image.fromarray(white), (
            f"the region of the word ‘{place}’ (its map at 35% of its maximum or more, grown by "
            f"{clear} px) without the regions of {spared}"
        )
    box = (0, height // 4, width // 2, height // 3)
    return studio.mask(version, box=box), (
        f"a box of {box[2]} × {box[3]} px at ({box[0]}, {box[1]}), because the map of ‘{place}’ "
        f"left {share:.0%} of the picture"
    )
