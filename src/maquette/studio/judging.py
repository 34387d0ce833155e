"""Judging: critique and its remedies, comparison, replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maquette.core.finding import Finding
from maquette.core.version import Version
from maquette.errors import FindingUnknown
from maquette.stages.compare import Comparison, compare
from maquette.stages.replay import Replay, replay
from maquette.studio.making import Making

__all__ = ["Judging"]


class Judging(Making):
    """The verbs that weigh a version, and carry out what was found."""

    def critique(self, version: Version | str) -> list[Finding]:
        """Let every critic look at a version again; what they say is kept with it."""
        version = self.version(version)
        picture, trace = self.picture(version), self.trace(version)
        said = [
            finding
            for critic in self._critics()
            for finding in critic.look(version, picture, trace)
        ]
        self.records.add_findings(version.id, said)
        return self.records.findings(version.id)

    def apply(self, version: Version | str, finding: str) -> Version:
        """Carry out what a finding suggests.

        Raises:
            FindingUnknown: no finding of that name, or one without a remedy.
        """
        version = self.version(version)
        by_name = {item.name: item for item in self.records.findings(version.id)}
        found = by_name.get(finding)
        if found is None:
            known = ", ".join(by_name) or "none"
            raise FindingUnknown(f"version {version.short} has no finding '{finding}': {known}")
        if found.suggestion is None:
            raise FindingUnknown(f"finding '{finding}' has no remedy", hint=found.message)
        return self._carry_out(version, found.suggestion.operation, found.suggestion.arguments)

    def _carry_out(self, version: Version, operation: str, arguments: Mapping[str, Any]) -> Version:
        match operation:
            case "reweight":
                return self.reweight(version, arguments["weights"])
            case "vary":
                return self.vary(version, **arguments)[0]
            case "inpaint":
                if "mask" not in arguments:
                    raise FindingUnknown("this remedy needs a mask", hint="use 'maquette inpaint'")
                # Some edits are mended by making them again, from the picture before them.
                start = arguments.get("version", version)
                given = {k: v for k, v in arguments.items() if k not in {"mask", "version"}}
                return self.inpaint(start, self.blobs.get(arguments["mask"]), **given)
            case "upscale":
                return self.upscale(version, **arguments)
            case _:
                raise FindingUnknown(f"no operation '{operation}' in this Maquette")

    def compare(self, before: Version | str, after: Version | str) -> Comparison:
        """What changed from one version to another."""
        a, b = self.version(before), self.version(after)
        return compare(a, b, blobs=self.blobs, traces=(self.trace(a), self.trace(b)))

    def replay(self, version: Version | str) -> Replay:
        """Run a version's recipe again and say whether the same picture comes."""
        version = self.version(version)
        engine = self.engine_of(version.recipe)
        return replay(version, engine=engine, blobs=self.blobs, cancel=self.cancel)
