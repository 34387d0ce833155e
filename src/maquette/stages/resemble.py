"""Search by what pictures show: look at those that nobody has looked at, rank those that are known.

Vectors of words and pictures lie near each other where they mean the same (``search``); how near is
the cosine between them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from maquette.engines.base import Cancel
from maquette.errors import Cancelled, MaquetteError, ModelRefused
from maquette.search.base import Encoder, small
from maquette.search.base import Vectors as Floats
from maquette.storage.shelf import Slot
from maquette.storage.vectors import Vectors

__all__ = ["BATCH", "Looker", "rank"]

BATCH = 16
"""So many pictures are looked at together."""


@dataclass
class Looker:
    """Who looks at a project's pictures with one encoder. ``read`` brings a picture by its digest.

    Of several threads one looks at a time; what it cannot open is passed over from then on.
    """

    encoder: Encoder
    known: Vectors
    read: Callable[[str], Image.Image]
    blind: set[str] = field(default_factory=set)
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def unseen(self, images: Sequence[str]) -> list[str]:
        """The pictures that are still to be looked at, each once."""
        return [image for image in self.known.missing(images) if image not in self.blind]

    def look(
        self,
        images: Sequence[str],
        *,
        seconds: float | None = None,
        cancel: Cancel | None = None,
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        """Look at these pictures, in this order, until all are known or the time is over (None =
        none; whatever the time, one picture is looked at). ``tell`` hears how many of how many.
        While another thread looks, nothing is done unless there is no hurry.

        Raises:
            Cancelled: between two batches; what was seen is kept.
            ModelRefused: the encoder cannot be read.
        """
        end = None if seconds is None else time.monotonic() + seconds
        if not self._looking.acquire(blocking=end is None):
            return
        try:
            waiting = self.unseen(images)
            done = 0
            while done < len(waiting):
                if cancel:
                    of = f"{done} of {len(waiting)} pictures"
                    raise Cancelled(f"stopped; {of} were looked at, which is kept")
                done += self._batch(waiting[done : done + BATCH], end)
                if tell is not None:
                    tell(done, len(waiting))
                if end is not None and time.monotonic() >= end:
                    break
        finally:
            self._looking.release()

    def vector(self, image: str) -> Floats:
        """The vector of one picture, looked at now if need be.

        Raises:
            BlobMissing, BlobDamaged, PictureRefused, ModelRefused.
        """
        found = self.known.get(image)
        if found is None:
            self.known.keep([image], self.encoder.pictures([small(self.read(image))]))
            found = self.known.get(image)
        if found is None:
            raise ModelRefused(
                "the CLIP makes nothing of this picture", hint="it may be damaged; try another"
            )
        return found

    def _batch(self, images: Sequence[str], end: float | None) -> int:
        """Look at some of these, as many as can be opened in time; how many are dealt with."""
        names: list[str] = []
        opened: list[Image.Image] = []
        dealt = 0
        for image in images:
            if names and end is not None and time.monotonic() >= end:
                break
            dealt += 1
            try:
                opened.append(small(self.read(image)))
                names.append(image)
            except MaquetteError:
                self.blind.add(image)
        if names:
            self.known.keep(names, self.encoder.pictures(opened))
            self.blind.update(self.known.missing(names))  # no numbers came of it
        return dealt


def rank(slots: Sequence[Slot], wanted: Floats, known: Vectors) -> list[tuple[str, float]]:
    """Ids of versions with their scores, best first, of those that are alike the newest. ``slots``
    are the newest first; what nobody has looked at is left out."""
    scores = known.scores(wanted, [slot.image for slot in slots])
    there = np.flatnonzero(~np.isnan(scores))
    order = there[np.argsort(-scores[there], kind="stable")]
    ids = [slots[place].id for place in order.tolist()]
    return list(zip(ids, scores[order].astype(np.float64).round(6).tolist(), strict=True))
