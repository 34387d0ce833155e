"""The studio: the library's façade and the place where the parts are put together.

The façade is one class, built in layers that each add their verbs: ``Desk`` (open project,
engines), ``Looking``, ``Making``, ``Judging``, and ``Studio`` with the release.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.version import Version
from maquette.stages.release import Release, release
from maquette.studio.desk import read_file
from maquette.studio.judging import Judging

if TYPE_CHECKING:
    from maquette.exchange.keys import Identity
    from maquette.exchange.verify import Verdict

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
        """The person's signing key, made on first use.

        Raises:
            KeyRefused: a damaged, expired or exposed key, or a folder that cannot be written.
        """
        from maquette.exchange.keys import load_identity

        return load_identity(self._keys)

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
        return release(
            self.chain(version),
            Path(path),
            blobs=self.blobs,
            identity=self.identity() if sign else None,
            format=format,
            quality=quality,
            prompts=prompts,
        )

    def verify(self, source: str | Path | bytes) -> Verdict:
        """What a file from anyone says of its origin, and whether that still holds.

        The person's own signatures count as trusted, others as valid at best.

        Raises:
            PictureRefused: no picture, or too large to open safely.
        """
        from maquette.exchange.verify import verify

        data, _ = read_file(source)
        return verify(data, self.identity().anchor_pem if self._keys.is_dir() else None)

    @property
    def _keys(self) -> Path:
        return self.settings.home / "signing"
