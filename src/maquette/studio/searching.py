"""Searching by what pictures show: in words, or by another picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from maquette.core.picture import decode_picture
from maquette.core.recipe import PromptText
from maquette.core.version import Version
from maquette.engines.wording import unknown_words
from maquette.errors import SettingRefused, VersionUnknown
from maquette.search import Clip, Encoder
from maquette.search.base import Vectors as Floats
from maquette.stages.resemble import Looker, rank
from maquette.storage.project import FOLDER
from maquette.storage.shelf import Entry, Slot
from maquette.storage.vectors import Vectors
from maquette.studio.apart import EncoderApart
from maquette.studio.desk import read_file
from maquette.studio.encoders import brings_clip, encoder_for
from maquette.studio.marking import MAX_PAGE, Marking, read_rating

__all__ = ["Found", "Match", "Searching"]


@dataclass(frozen=True)
class Match:
    """A version and how near it is to what was looked for: 1 the same, above 0 nearer than to no
    words at all."""

    entry: Entry
    score: float


@dataclass(frozen=True)
class Found:
    """Best first, without what is unlike it. ``unseen``: so many pictures nobody has looked at yet,
    they may belong here too; ``more``: there are others after these; ``unknown``: words that the
    model never saw."""

    matches: tuple[Match, ...]
    unseen: int = 0
    more: bool = False
    unknown: tuple[str, ...] = ()


class Searching(Marking):
    """The verb that finds versions by what their pictures show."""

    def find(
        self,
        shows: str = "",
        *,
        like: Version | str | Path | bytes | Image.Image | None = None,
        q: str = "",
        starred: bool = False,
        rating: int | str | None = None,
        limit: int = 50,
        before: Version | str | None = None,
        seconds: float | None = None,
        tell: Callable[[int, int], None] | None = None,
    ) -> Found:
        """Versions by what their pictures show, best first, of those alike the newest: as the words
        ``shows`` say, or ``like`` a picture (a version, or a file as a ``Path`` or bytes). What is
        no nearer to it than to no words at all is left out.

        ``q``, ``starred`` and ``rating`` are those of ``page``; ``before`` is the version to go on
        from. A picture is looked at once and what was seen is kept in the project. ``seconds``
        bounds the time for pictures that nobody has looked at, the newest first; None looks at all.
        ``tell`` hears how many of how many are done.

        Raises:
            ModelMissing: the model brings no CLIP.
            ModelRefused: it cannot be read.
            SettingRefused: not exactly one of ``shows`` and ``like``; as ``page`` otherwise.
            VersionUnknown, AmbiguousVersion: for ``like`` and ``before``.
            BlobMissing, BlobDamaged, PictureRefused: for ``like``.
            Cancelled: what was looked at is kept.
        """
        if bool(shows.strip()) == (like is not None):
            raise SettingRefused(
                "search for what a picture shows, or for what is like another: one of the two",
                hint="give words or a version; other filters go with either",
            )
        if not 0 <= limit <= MAX_PAGE:
            raise SettingRefused(f"a page has at most {MAX_PAGE} versions, not {limit}")
        stars = read_rating(rating)
        start = None if before is None else self.version(before)
        looker = self._looker()
        wanted = looker.encoder.words(shows) if like is None else self._vector(looker, like)
        slots, images = self._slots(q, starred, stars)
        looker.look(images, seconds=seconds, cancel=self.cancel, tell=tell)
        ranked = rank(slots, wanted, looker)
        if start is not None:
            ranked = _after(ranked, start, wanted, looker)
        best = ranked[:limit]
        entries = self.shelf.entries([version for version, _ in best])
        return Found(
            tuple(Match(entry, score) for entry, (_, score) in zip(entries, best, strict=True)),
            len(looker.unseen(images)),
            len(ranked) > limit,
            self._unknown(shows),
        )

    def _slots(self, q: str, starred: bool, rating: str) -> tuple[list[Slot], list[str]]:
        """The versions to rank and their pictures; those of the last question are kept for as long
        as nothing is added, since whoever searches asks again and again."""
        asked = (self.shelf.stamp(), q, starred, rating)
        kept: tuple[object, list[Slot], list[str]] | None = self.__dict__.get("_asked")
        if kept is None or kept[0] != asked:
            slots = self.shelf.slots(words=q, starred=starred, rating=rating)
            kept = self.__dict__["_asked"] = (asked, slots, [slot.image for slot in slots])
        return kept[1], kept[2]

    def _looker(self) -> Looker:
        """Who looks with this desk's encoder; the same for as long as the project is open."""
        encoder: Encoder = encoder_for(self.engine(), self.settings)
        if self.apart is not None and isinstance(encoder, Clip):
            encoder = EncoderApart(encoder, self.apart)
        lookers: dict[str, Looker] = self.__dict__.setdefault("_lookers", {})
        made = Looker(
            encoder,
            Vectors(self.root / FOLDER / "vectors", encoder.digest, encoder.width),
            lambda digest: decode_picture(self.blobs.get(digest)),
        )
        return lookers.setdefault(encoder.digest, made)

    def _vector(self, looker: Looker, like: Version | str | Path | bytes | Image.Image) -> Floats:
        if isinstance(like, Version | str):
            return looker.vector(self.version(like).image)
        if not isinstance(like, Image.Image):
            data, name = read_file(like)
            like = decode_picture(data, name=name)
        return looker.encoder.pictures([like])[0]

    def _unknown(self, shows: str) -> tuple[str, ...]:
        engine = self.engine()
        if not shows or not brings_clip(engine):
            return ()
        return unknown_words(PromptText(text=shows, interpreter="plain"), engine.capabilities())


def _after(
    ranked: list[tuple[str, float]], start: Version, wanted: Floats, looker: Looker
) -> list[tuple[str, float]]:
    """What comes after a version, also when the filters have left it out since."""
    for place, (version, _) in enumerate(ranked):
        if version == start.id:
            return ranked[place + 1 :]
    score = float(looker.scores(wanted, [start.image])[0])
    if math.isnan(score):
        raise VersionUnknown(f"version {start.short} is not among what was found")
    return [each for each in ranked if each[1] < score]
