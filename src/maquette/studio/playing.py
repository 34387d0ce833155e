"""Playbooks in a project: saved, opened, and their chains carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maquette.core.playbook import Picked, Playbook, lint, step_says
from maquette.core.version import Version
from maquette.errors import TemplateRefused
from maquette.stages.order import Order
from maquette.storage.playbooks import Revision
from maquette.studio.filling import Named, open_playbook
from maquette.studio.making import Making

__all__ = ["Link", "Playing"]


@dataclass(frozen=True)
class Link:
    """A step of a chain that was carried out: what was drawn, and which one it went on with."""

    step: str
    versions: tuple[Version, ...]
    picked: Version


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
        book = named.playbook
        if name not in book.chains:
            known = ", ".join(book.chains) or "none"
            raise TemplateRefused(
                f"playbook '{book.name}' has no chain '{name[:60]}'", hint=f"it has {known}"
            )
        faults = [remark for remark in lint(book) if remark.where.startswith(f"chains.{name}.")]
        for remark in faults:
            raise TemplateRefused(f"{remark.where}: {remark.message}")
        links: dict[str, Link] = {}
        picked: dict[str, Picked] = {}
        for step in book.chains[name].steps:
            says = step_says(book, step, picked, values or {}, seed or 0)
            sources = [step.words_of] if step.words_of else []
            sources += [each.step for each in step.values.values() if not isinstance(each, str)]
            order: Order = self.orders.chain_step(
                book,
                name,
                step,
                says,
                parents=[links[source].picked for source in sources],
                seed=seed,
                revision=named.revision,
            )
            versions = self.carry_out(order)
            best = versions[0]
            if step.pick == "best" and len(versions) > 1:
                first = self.select(versions, 1)[0].version
                best = next(version for version in versions if version.id == first.id)
            filled = says[versions.index(best) % len(says)]
            links[step.name] = Link(step.name, tuple(versions), best)
            picked[step.name] = Picked(filled.text, filled.negative, filled.values, filled.locked)
        return list(links.values())
