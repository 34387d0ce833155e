"""That program's styles: words around a prompt, under a name. Here they are the templates of the
project's playbooks that need one value, which is the prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maquette.core.playbook import Playbook, needs
from maquette.errors import MaquetteError
from maquette.stages.locking import LOCKED
from maquette.studio.filling import row_texts

if TYPE_CHECKING:
    from maquette.core.playbook import Filled
    from maquette.server.context import Context, Room

__all__ = ["Style", "listed", "styled"]

_PLACE = "{prompt}"
"""Where that program puts the prompt into a style."""


@dataclass(frozen=True)
class Style:
    """A template of a playbook, and the hole that the prompt goes into."""

    playbook: Playbook
    revision: int | None
    template: str
    hole: str

    @property
    def name(self) -> str:
        """As clients choose it."""
        return f"{self.playbook.name}/{self.template}"

    def around(self, prompt: str) -> Filled:
        """What it says with a prompt.

        Raises:
            TemplateRefused, WordLocked: the prompt would remove a locked word.
        """
        return row_texts(self.playbook, self.template, {self.hole: prompt}, ())[0][2]


def listed(context: Context, room: Room) -> list[dict[str, Any]]:
    """``GET /prompt-styles``."""
    _ = context
    found: list[dict[str, Any]] = []
    for style in _all(room):
        said = style.around("PROMPT")
        text = said.text.replace("PROMPT", _PLACE)
        found.append({"name": style.name, "prompt": text, "negative_prompt": said.negative})
    return found


def styled(
    room: Room, names: list[str], prompt: str, negative: str
) -> tuple[str, str, dict[str, Any], list[str]]:
    """A prompt and what is to be left out, in these styles, one around the other; what their
    versions are told of it (locked words stay locked); and the styles that nobody knows.

    Raises:
        TemplateRefused, WordLocked.
    """
    known = {style.name: style for style in _all(room)} if names else {}
    origin: dict[str, Any] = {}
    locked: list[str] = []
    for name in names:
        if (style := known.get(name)) is None:
            continue
        said = style.around(prompt)
        prompt = said.text
        negative = ", ".join(filter(None, [negative, said.negative]))
        locked += [word for word in said.locked if word not in locked]
        book = style.playbook
        origin = {"playbook": book.name, "version": book.version, "digest": book.digest}
        origin |= {"revision": style.revision, "template": style.template}
        origin |= {"values": dict(said.values)}
    if locked:
        origin[LOCKED] = locked
    return prompt, negative, origin, [name for name in names if name not in known]


def _all(room: Room) -> Iterator[Style]:
    for name in room.studio.playbooks.names():
        try:
            named = room.studio.playbook(name)
        except MaquetteError:
            continue  # one that cannot be read is no style
        for template in named.playbook.templates:
            try:
                (hole,) = needs(named.playbook, template)
                style = Style(named.playbook, named.revision, template, hole)
                style.around("PROMPT")
            except (ValueError, MaquetteError):
                continue
            yield style
