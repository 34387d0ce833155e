"""Playbooks in a project: saved, opened, and their chains carried out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from maquette.core.playbook import Playbook, lint
from maquette.errors import TemplateRefused
from maquette.stages.chain import Link, play
from maquette.storage.playbooks import Revision
from maquette.studio.desk import seeds_from
from maquette.studio.filling import Named, open_playbook
from maquette.studio.making import Making

__all__ = ["Link", "Playing"]


class Playing(Making):
    """The verbs of playbooks."""

    def playbook(self, source: str | Path | Playbook) -> Named:
        """A playbook by its file (``acme.yaml``) or by the name under which it is saved here
        (``acme``, ``acme@2`` for its second revision).

        Raises:
            TemplateRefused: it is not there, or the first thing in it that is not as it should be.
        """
        return open_playbook(self, source)

    def save_playbook(self, source: str | Path | bytes) -> Revision:
        """Keep a playbook in the project, as the next revision of its name. ``source`` is its file,
        or its bytes. The newest one's very text again adds nothing.

        Raises:
            TemplateRefused: it cannot be read, or one of its templates cannot be used.
            StorageFull, ProjectUnreadable.
        """
        from maquette.exchange.playbooks import parse_playbook, read_text

        text = source if isinstance(source, bytes) else read_text(source).encode()
        book = parse_playbook(text, "the playbook" if isinstance(source, bytes) else str(source))
        for remark in lint(book):
            if remark.severity == "error":
                raise TemplateRefused(
                    f"{remark.where}: {remark.message}", hint="mend it, then save it again"
                )
        return self.playbooks.save(book.name, text.decode("utf-8-sig"))

    def play(
        self,
        playbook: str | Path | Playbook,
        name: str,
        values: Mapping[str, str] | None = None,
        *,
        seed: int | None = None,
    ) -> list[Link]:
        """Carry out a chain of a playbook: each step fills its template with the values and with
        what earlier steps have picked, draws, and picks. ``best`` is what ``select`` puts first.

        Versions of a step are children of those that its words come from.

        Raises:
            TemplateRefused, WordLocked: before its step is begun; earlier steps stay.
            Cancelled, EngineFailed.
        """
        named = self.playbook(playbook)
        [first] = seeds_from(seed, 1)
        return play(named.playbook, name, self, values or {}, seed=first, revision=named.revision)
