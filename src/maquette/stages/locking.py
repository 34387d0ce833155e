"""Locked words stay in a picture's line: every order is held to those of its versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from maquette.core.recipe import Inpaint, Outpaint, Recipe
from maquette.core.template import check_locked, missing_locks
from maquette.stages.order import JUDGING, Order
from maquette.storage.base import Records
from maquette.storage.origin import origins_of

__all__ = ["LOCKED", "locked_in", "with_locks"]

LOCKED = "locked"
"""The key of an origin that lists the locked words."""

_ANEW = frozenset({"generate", "explore", "import"})
"""Operations whose parents may be references."""


def locked_in(version_ids: Sequence[str], records: Records) -> tuple[str, ...]:
    """The words that are locked in these versions. A version has those of what it was made from:
    ``with_locks`` hands them on, and a rollback counts as what it rolled back to."""
    found: dict[str, None] = {}
    seen, waiting = set[str](), list(version_ids)
    while waiting:
        told = origins_of(records, waiting)
        seen.update(waiting)
        bare = [each for each in waiting if LOCKED not in told.get(each, {})]
        for origin in told.values():
            found.update(dict.fromkeys(str(word) for word in origin.get(LOCKED, ())))
        back = [version for version in map(records.get, bare) if version.operation == "rollback"]
        waiting = [parent for version in back for parent in version.parents if parent not in seen]
    return tuple(found)


def with_locks(order: Order, records: Records) -> Order:
    """The order, telling each of its versions which words are locked.

    They are those of its own origins and of the version that it goes on from, its first parent. A
    picture that is drawn anew may have parents that it is merely to be like: those hand on what its
    words say anyway. A prompt for a part of the picture
    (inpaint, outpaint) need not hold them; no negative prompt may.

    Raises:
        WordLocked: a recipe removes or weakens a locked word. Nothing is begun.
    """
    if order.operation in JUDGING:
        return order
    anew = order.operation in _ANEW
    inherited = locked_in(order.parents if anew else order.parents[:1], records)
    origins = [
        dict(order.origins[place]) if place < len(order.origins) else {}
        for place in range(len(order.recipes))
    ]
    for recipe, origin in zip(order.recipes, origins, strict=True):
        handed = _said(recipe, inherited) if anew else inherited
        locked = tuple(dict.fromkeys([*handed, *map(str, origin.get(LOCKED, ()))]))
        if locked:
            _check(recipe, locked)
            origin[LOCKED] = list(locked)
    return replace(order, origins=tuple(origins)) if any(origins) else order


def _said(recipe: Recipe, locked: Sequence[str]) -> tuple[str, ...]:
    """Those of the words that a recipe says as locked words are to be said."""
    if recipe.prompt is None:
        return ()
    plain = recipe.prompt.interpreter == "plain"
    missing = missing_locks(recipe.prompt.text, locked, plain=plain)
    return tuple(word for word in locked if word not in missing)


def _check(recipe: Recipe, locked: Sequence[str]) -> None:
    if recipe.prompt is None:
        return
    plain = recipe.prompt.interpreter == "plain"
    local = isinstance(recipe.task, Inpaint | Outpaint)
    text = " AND ".join(locked) if local else recipe.prompt.text
    check_locked(text, locked, recipe.prompt.negative, plain=plain and not local)
