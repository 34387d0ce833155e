"""The studio: the library's façade and the place where the parts are put together.

The façade is one class, built in layers that each add their verbs: ``Desk`` (open project,
engines), ``Looking``, ``Marking``, ``Searching``, ``Making``, ``Judging``, ``Queueing``,
``Teaching``, and ``Studio`` with the release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.version import Version
from maquette.errors import KeyRefused
from maquette.settings import Settings
from maquette.stages.plan import Brief, Campaign, State
from maquette.stages.release import Release, release
from maquette.studio import planning
from maquette.studio.desk import read_file
from maquette.studio.teaching import Teaching

if TYPE_CHECKING:
    from maquette.exchange.keys import Identity
    from maquette.exchange.verify import Verdict
    from maquette.stages.layers import Layered
    from maquette.studio.workflows import WorkflowFile

__all__ = ["Studio", "has_identity", "verify_file"]


class Studio(Teaching):
    """A project with everything that can be done in it.

    ``folder`` holds the project (default: MAQUETTE_PROJECT, else the current folder); ``create``
    makes one there if there is none. ``engine`` and ``model`` draw (default: the shipped model,
    locally); studios that share ``engines`` share loaded models. ``on_event`` hears progress and
    previews; setting ``cancel`` from another thread stops the work between two steps. A version is
    given as itself, its id, a unique prefix of it, or ``"@"`` for the newest.

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

    def campaign(
        self,
        brief: Brief | Mapping[str, Any] | str | Path,
        *,
        folder: str | Path | None = None,
        pause: Sequence[str] | None = None,
        tell: Callable[[str, str], None] | None = None,
    ) -> State:
        """Carry a campaign on as far as it goes: mood board, drafts, select, refine, polish,
        deliver. What is there already is not made again, so the same call goes on after any
        interruption.

        ``brief`` is a file, plain values, or a ``Brief``; its own paths begin in ``folder``
        (default: that of the file). ``pause`` names stages to wait at for a person (``select``,
        ``approve``) instead of the brief's own; ``tell`` hears of each stage before it begins.

        Raises:
            BriefRefused, PromptRefused, SettingRefused, RecipeRefused: before anything is drawn.
            BudgetReached: before the stage that would go beyond the budget.
            Cancelled, EngineFailed, StorageFull, ExportRefused: what was made stays.
        """
        return planning.carry_on(self._campaign(brief, folder, pause, tell))

    def campaign_state(
        self,
        brief: Brief | Mapping[str, Any] | str | Path,
        *,
        folder: str | Path | None = None,
        pause: Sequence[str] | None = None,
    ) -> State:
        """Where a campaign stands; nothing is made.

        Raises:
            BriefRefused.
        """
        return planning.state_of(self._campaign(brief, folder, pause, None))

    def choose(
        self,
        brief: Brief | Mapping[str, Any] | str | Path,
        stage: str,
        versions: Sequence[Version | str],
    ) -> None:
        """Write down what a person chose at ``select`` (drafts to finish) or ``approve`` (finals
        to deliver); the campaign goes on with it when it is carried on.

        Raises:
            BriefRefused, SettingRefused, VersionUnknown, AmbiguousVersion.
        """
        planning.pick(self._campaign(brief, None, None, None), stage, versions)

    def campaigns(self) -> dict[str, Brief]:
        """The campaigns that were begun in this project, by name, each with its newest brief."""
        return planning.campaigns(self)

    def _campaign(
        self,
        brief: Brief | Mapping[str, Any] | str | Path,
        folder: str | Path | None,
        pause: Sequence[str] | None,
        tell: Callable[[str, str], None] | None,
    ) -> Campaign:
        read, home = planning.brief_of(brief)
        at = Path(folder) if folder is not None else home
        return planning.campaign_of(self, read, at, pause=pause, tell=tell or planning.quiet_tell)

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

    def export_layers(
        self, version: Version | str, path: str | Path, *, prompts: bool = True
    ) -> Layered:
        """Write a version as a PSD: the picture that its work began with, and each edit since as a
        layer with its mask. ``import_picture(…, of=version)`` takes the retouched file back.

        Raises:
            ExportRefused: another ending than .psd, or the place cannot be written.
            StorageFull.
        """
        from maquette.stages.layers import write_layers

        return write_layers(self.chain(version), Path(path), blobs=self.blobs, prompts=prompts)

    def export_workflow(
        self, version: Version | str, path: str | Path, *, kind: str = "comfyui"
    ) -> WorkflowFile:
        """Write a version, with the versions that it was made from, as a workflow that ComfyUI
        runs (``.json``, in API form); pictures that it loads go into a folder beside it.

        Raises:
            ExportRefused: ComfyUI's own nodes cannot do it, or the place cannot be written.
            StorageFull.
        """
        from maquette.studio.workflows import write_workflow

        return write_workflow(self, self.chain(version), Path(path), kind)

    def verify(self, source: str | Path | bytes) -> Verdict:
        """What a file from anyone says of its origin, and whether that still holds.

        The person's own signatures count as trusted, others as valid at best.

        Raises:
            PictureRefused: no picture, or too large to open safely.
        """
        return verify_file(source, self.settings)

    @property
    def _keys(self) -> Path:
        return self.settings.home / "signing"


def verify_file(source: str | Path | bytes, settings: Settings | None = None) -> Verdict:
    """``Studio.verify`` where there is no project. No key is made for it, and one that cannot be
    used vouches for nothing.

    Raises:
        PictureRefused: no picture, or too large to open safely.
    """
    from maquette.exchange.keys import load_identity
    from maquette.exchange.verify import verify

    data, _ = read_file(source)
    keys = (settings or Settings()).home / "signing"
    own = None
    if has_identity(keys):
        with suppress(KeyRefused):
            own = load_identity(keys).anchor_pem
    return verify(data, own)


def has_identity(folder: Path) -> bool:
    """Whether a signing key is kept in this folder."""
    return folder.is_dir() and any(entry.is_dir() for entry in folder.iterdir())
