"""The studio: the library's façade and the place where the parts are put together.

The façade is one class, built in layers that each add their verbs: ``Desk`` (open project,
engines), ``Looking``, ``Making``, ``Judging``, and ``Studio`` with the release.
"""

from __future__ import annotations

from pathlib import Path

from maquette.core.version import Version
from maquette.exchange import Identity, Verdict, load_identity
from maquette.exchange import verify as verify_bytes
from maquette.stages.release import Release, release
from maquette.studio.desk import read_file
from maquette.studio.judging import Judging

__all__ = ["Studio"]


class Studio(Judging):
    """A project with everything that can be done in it.

    ``folder`` holds the project (default: MAQUETTE_PROJECT, else the current folder); ``create``
    makes one there if there is none. ``engine`` and ``model`` draw (default: the shipped model,
    locally). ``on_event`` hears progress and previews; setting ``cancel`` from another thread
    stops the work between two steps. A version is given as itself, its id, a unique prefix of it,
    or ``"@"`` for the newest.

    Raises:
        ProjectMissing, ProjectUnreadable, ProjectTooNew.
    """

    def identity(self) -> Identity:
        """The person's signing key, made on first use."""
        return load_identity(self.settings.home / "signing")

    def export(
        self,
        version: Version | str,
        path: str | Path,
        *,
        format: str | None = None,
        quality: int = 92,
        prompts: bool = True,
        sign: bool = True,
    ) -> Release:
        """Write a version as a file for the world: metadata, AI marks, signed credentials.

        ``prompts=False`` leaves every prompt text out.

        Raises:
            ExportRefused, KeyRefused, StorageFull.
        """
        chain = self.chain(version)
        return release(
            chain,
            Path(path),
            blobs=self.blobs,
            identity=self.identity() if sign else None,
            format=format,
            quality=quality,
            prompts=prompts,
        )

    def verify(self, source: str | Path | bytes) -> Verdict:
        """What a file from anyone says of its origin, and whether that still holds."""
        data, _ = read_file(source)
        anchors = self.settings.home / "signing" / "ca.pem"
        return verify_bytes(data, anchors.read_text() if anchors.is_file() else None)
