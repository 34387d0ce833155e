"""Judging: critique, comparison, replay."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from maquette.core.finding import Finding
from maquette.core.version import Version
from maquette.operations import settings
from maquette.stages.compare import Comparison, compare
from maquette.stages.improve import Improvement, Step, improve
from maquette.stages.judge import critique
from maquette.stages.replay import Replay, replay
from maquette.studio.faces import Faces, faces_alike
from maquette.studio.playing import Playing

__all__ = ["Judging"]


class Judging(Playing):
    """The verbs that weigh a version."""

    def critique(self, version: Version | str) -> list[Finding]:
        """Let every critic look at a version again; what they say is kept with it."""
        return critique(self.version(version), self.critics(), self.blobs, self.records)

    def compare(self, before: Version | str, after: Version | str) -> Comparison:
        """What changed from one version to another."""
        a, b = self.version(before), self.version(after)
        return compare(
            a, b, blobs=self.blobs, traces=(self.trace(a), self.trace(b)), faces=self._alike
        )

    def _alike(self, one: Image.Image, other: Image.Image) -> float | None:
        """How alike the largest faces of two pictures are; a server has them looked at apart."""
        if not Faces(self.settings.models).tell:
            return None
        if self.apart is not None:
            return self.apart.call(faces_alike, self.settings.models, one, other)
        return faces_alike(self.settings.models, one, other)

    def improve(
        self,
        version: Version | str,
        *,
        until: float = 1.0,
        steps: int = 6,
        seconds: float | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Improvement:
        """Let the critics' findings be mended one after another until the score (0 to 1, 1 when
        nothing is amiss) reaches ``until``, ``steps`` versions or ``seconds`` of drawing are spent,
        or no remedy is left. Each version says why it was made; the answer is never worse than
        the version that it began with.

        Raises:
            SettingRefused: for a number out of its range.
            Cancelled, EngineFailed, StorageFull: what was made until then is kept.
        """
        until = settings.bounded("until", until, 0.0, 1.0)
        steps = settings.whole("steps", steps, 1, 100)
        if seconds is not None:
            seconds = settings.bounded("seconds", seconds, 0.0, 1e6, open_=True)
        found = self.version(version)
        return improve(found, self, until=until, steps=steps, seconds=seconds, on_step=on_step)

    def replay(self, version: Version | str) -> Replay:
        """Run a version's recipe again and say whether the same picture comes."""
        version = self.version(version)
        engine = self.engine_of(version.recipe)
        return replay(version, engine=engine, blobs=self.blobs, cancel=self.cancel)
