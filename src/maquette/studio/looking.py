"""Looking: the log, pictures, token maps, masks. Nothing here makes a version."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any

from PIL import Image

from maquette import operations
from maquette.core.finding import Finding
from maquette.core.flags import Translation
from maquette.core.geometry import Size
from maquette.core.picture import decode_picture
from maquette.core.recipe import Composite, Restore, Retouch, Upscale
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.engines.base import Picture
from maquette.errors import SettingRefused
from maquette.stages.heatmap import Heat, heatmaps
from maquette.stages.judge import explain, trace_of, words_of
from maquette.stages.locking import locked_in
from maquette.stages.order import Order
from maquette.stages.produce import load_inputs
from maquette.stages.select import Candidate, Pick, select
from maquette.storage.origin import origins_of
from maquette.studio.desk import Desk
from maquette.studio.wording import read_words

__all__ = ["Looking"]

REJECTED = "x"
"""The rating of a version that somebody has sorted out."""


class Looking(Desk):
    """The verbs that only look."""

    def log(self, *, limit: int | None = None) -> list[Version]:
        """Versions, newest first."""
        return self.records.log(limit=limit)

    def chain(self, version: Version | str) -> list[Version]:
        """A version's ancestors, oldest first, and the version itself last."""
        last = self.version(version)
        known, waiting = {last.id: last}, list(last.parents)
        while waiting:
            current = waiting.pop()
            if current not in known:
                known[current] = self.records.get(current)
                waiting.extend(known[current].parents)
        order = TopologicalSorter({key: item.parents for key, item in known.items()})
        return [known[key] for key in order.static_order()]

    def picture(self, version: Version | str) -> Image.Image:
        """A version's picture, RGB or RGBA.

        Raises:
            BlobMissing, BlobDamaged.
        """
        return decode_picture(self.blobs.get(self.version(version).image))

    def preview(self, order: Order, *, side: int = 1024) -> Image.Image:
        """What a retouch would make, its longer side at most ``side``; nothing is kept. It is the
        work itself on fewer pixels: at full size the very picture.

        Raises:
            SettingRefused: for an order of another kind.
        """
        recipe = order.recipes[0]
        if not isinstance(recipe.task, Retouch):
            raise SettingRefused(
                f"{order.operation} cannot be looked at before it is done",
                hint="a retouch can; draw a draft of anything else",
            )
        given = load_inputs([recipe], self.blobs)
        share = side / max(recipe.size.width, recipe.size.height)
        if share < 1:
            width, height = (max(1, round(each * share)) for each in given[recipe.task.image].size)
            given = {
                digest: image.resize((width, height), Image.Resampling.BOX)
                for digest, image in given.items()
            }
            radius = max(0.3, recipe.task.radius * share)
            recipe = recipe.change(
                size=Size(width=width, height=height),
                task=recipe.task.model_copy(update={"radius": radius}),
            )
        events = self.engine_of(recipe).run([recipe], given, maps=False)
        return next(event.image for event in events if isinstance(event, Picture))

    def trace(self, version: Version | str) -> Trace | None:
        """The token maps that were recorded while the version was drawn, or made for it since by
        an ``explain`` order."""
        return trace_of(self.version(version), self.blobs, self.records)

    def findings(self, version: Version | str) -> list[Finding]:
        """What the critics have said of a version so far, worst first."""
        return self.records.findings(self.version(version).id)

    def read_words(self, prompt: str, flags: str = "auto") -> Translation:
        """How ``generate`` takes a prompt: its words, and what Midjourney's flags at its end become
        with this studio's engine.

        Raises:
            SettingRefused: with ``flags="midjourney"`` for a flag that counts for nothing.
        """
        return read_words(prompt, flags, self.capabilities())

    def origin(self, version: Version | str) -> dict[str, Any]:
        """What a version's words and settings came from: template, row, flags, locked words,
        campaign. Empty where nothing was told."""
        found = self.version(version).id
        return origins_of(self.records, [found]).get(found, {})

    def locked(self, version: Version | str) -> tuple[str, ...]:
        """The words that no change of this version may remove or weaken."""
        return locked_in([self.version(version).id], self.records)

    def select(self, versions: Sequence[Version | str], count: int = 5) -> list[Pick]:
        """Rank drafts, best first, and suggest ``count`` that are good and unlike one another.

        A person's stars count before what was measured; rejected versions are left out.

        Raises:
            VersionUnknown, AmbiguousVersion, BlobMissing, BlobDamaged.
        """
        found = list({version.id: version for version in map(self.version, versions)}.values())
        stars = {
            mark.version: mark.value
            for mark in self.records.marks([version.id for version in found])
            if mark.kind == "rating"
        }
        return select(
            [
                Candidate(
                    version,
                    self.picture(version),
                    self.trace(version),
                    self.findings(version),
                    int(stars[version.id]) if stars.get(version.id, "").isdigit() else None,
                )
                for version in found
                if stars.get(version.id) != REJECTED
            ],
            count,
        )

    def explained(self, version: Version | str, caption: str | None = None) -> Trace:
        """Recorded token maps, or, for an imported picture or another caption, maps made by
        noising the picture at a few timesteps.

        Raises:
            TraceMissing: there are no words to look for.
        """
        version = self.version(version)
        recorded = self.trace(version) if caption is None else None
        if recorded is not None:
            return recorded
        same = isinstance(version.recipe.task, Upscale | Retouch | Restore | Composite)
        if caption is None and same and version.parents:
            return self.explained(version.parents[0])  # the same picture, more or altered pixels
        return explain(version, words_of(version, caption), self.engine(), self.blobs)

    def heatmap(
        self,
        version: Version | str,
        token: str | None = None,
        *,
        caption: str | None = None,
    ) -> list[Heat]:
        """Where each word of the prompt (or only ``token``, which may be a phrase) looked.

        Raises:
            TraceMissing, WordUnknown.
        """
        version = self.version(version)
        return heatmaps(self.explained(version, caption), self.picture(version), token)

    def mask(
        self,
        version: Version | str,
        *,
        box: tuple[int, int, int, int] | None = None,
        polygon: Sequence[tuple[float, float]] | None = None,
        token: str | None = None,
        colour: tuple[int, int, float] | None = None,
        alpha: bool = False,
        caption: str | None = None,
        threshold: float = 0.5,
        grow: int = 0,
        feather: int = 0,
        invert: bool = False,
    ) -> Image.Image:
        """A greyscale mask of the version's size, white = edit, from exactly one of ``box`` (x, y,
        width, height), ``polygon``, ``token``, ``colour`` (what hangs together around x, y and is
        alike to within a tolerance, 0 to 100) or ``alpha`` (what is transparent).

        Raises:
            SettingRefused, MaskRefused, WordUnknown, TraceMissing.
        """
        version = self.version(version)
        needs_picture = colour is not None or alpha
        trace = self.explained(version, caption) if token is not None else None
        return operations.make_mask(
            version.size,
            box=box,
            polygon=polygon,
            token=token,
            trace=trace,
            colour=colour,
            alpha=alpha,
            picture=self.picture(version) if needs_picture else None,
            threshold=threshold,
            grow=grow,
            feather=feather,
            invert=invert,
        )
