"""What a desk has seen in its pictures: looked at once, then known by digest."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from maquette.core.picture import decode_picture
from maquette.stages.teaching.captions import Shown, Thing
from maquette.stages.teaching.curate import GLANCE, Glance, glance_at

if TYPE_CHECKING:
    from maquette.critics.judge.network import Looked
    from maquette.studio.desk import Desk

__all__ = ["glances", "shown_in", "told_of"]

SURE = 0.7
"""How sure a judge has to be of what it puts into words."""
SEEN = "seen-1"


def glances(desk: Desk, digests: Sequence[str]) -> list[Glance]:
    """What curation sees in each picture.

    Raises:
        BlobMissing, BlobDamaged, PictureRefused.
    """
    found: list[Glance] = []
    for digest in digests:
        kept = desk.looks.get(GLANCE, digest)
        try:
            found.append(Glance.unpacked(kept or {}))
        except ValueError:
            found.append(glance_at(_picture(desk, digest)))
            desk.looks.put(GLANCE, digest, found[-1].packed())
    return found


def shown_in(desk: Desk, digests: Sequence[str]) -> list[Shown] | None:
    """What the judge sees in each picture; None where there is no judge.

    Raises:
        ModelMissing, ModelRefused: a judge that is not there, or cannot be read.
        BlobMissing, BlobDamaged, PictureRefused.
    """
    folder = desk.judge
    if folder is None:
        return None
    kind = f"{SEEN}-{_name_of(folder)}"
    found: list[Shown] = []
    for digest in digests:
        kept = desk.looks.get(kind, digest)
        try:
            found.append(Shown.unpacked(kept or {}))
        except ValueError:
            data = desk.blobs.get(digest)
            apart = desk.apart
            found.append(_seen(folder, data) if apart is None else apart.call(_seen, folder, data))
            desk.looks.put(kind, digest, found[-1].packed())
    return found


def _seen(judge: Path, data: bytes) -> Shown:
    from maquette.critics.judge.network import load_sight  # torch

    return told_of(load_sight(judge).look(decode_picture(data, name="a picture")))


def told_of(looked: Looked) -> Shown:
    """What a judge is sure of, the surest first."""
    from maquette.critics.judge.claims import SCENERY

    things: list[tuple[float, Thing]] = []
    for noun, seen in looked.nouns.items():
        if seen.present < SURE:
            continue
        colour = max(seen.colours, key=lambda each: seen.colours[each])
        count = max(seen.counts, key=lambda each: seen.counts[each])
        scenery = noun in SCENERY
        named = seen.colours[colour] >= SURE and not scenery
        counted = seen.counts[count] >= SURE and not scenery
        thing = Thing(noun, colour if named else "", count if counted else 1, scenery)
        things.append((seen.present, thing))
    time = max(looked.times, key=lambda each: looked.times[each])
    sure = looked.times[time] >= SURE
    ordered = sorted(things, key=lambda each: -each[0])
    return Shown(tuple(thing for _, thing in ordered), time if sure else "")


def _picture(desk: Desk, digest: str) -> Image.Image:
    return decode_picture(desk.blobs.get(digest), name="a picture")


def _name_of(judge: Path) -> str:
    """A judge's card has the digests of its weights."""
    return sha256((judge / "judge.json").read_bytes()).hexdigest()[:16]
