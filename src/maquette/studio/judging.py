"""Judging: critique, comparison, replay."""

from __future__ import annotations

from maquette.core.finding import Finding
from maquette.core.version import Version
from maquette.stages.compare import Comparison, compare
from maquette.stages.judge import critique
from maquette.stages.replay import Replay, replay
from maquette.studio.making import Making

__all__ = ["Judging"]


class Judging(Making):
    """The verbs that weigh a version."""

    def critique(self, version: Version | str) -> list[Finding]:
        """Let every critic look at a version again; what they say is kept with it."""
        return critique(self.version(version), self.critics(), self.blobs, self.records)

    def compare(self, before: Version | str, after: Version | str) -> Comparison:
        """What changed from one version to another."""
        a, b = self.version(before), self.version(after)
        return compare(a, b, blobs=self.blobs, traces=(self.trace(a), self.trace(b)))

    def replay(self, version: Version | str) -> Replay:
        """Run a version's recipe again and say whether the same picture comes."""
        version = self.version(version)
        engine = self.engine_of(version.recipe)
        return replay(version, engine=engine, blobs=self.blobs, cancel=self.cancel)
