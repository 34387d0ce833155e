"""What is to be made: an order, and the jobs that carry it out."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from maquette.core.job import INTERACTIVE, Job
from maquette.core.recipe import Recipe
from maquette.storage.origin import ORIGIN

__all__ = ["JUDGING", "Order", "Ordered", "group_of", "is_alive", "jobs_of", "this_process"]

JUDGING = frozenset({"replay", "critique", "explain", "improve", "campaign", "play", "train"})
"""Operations that end with a result instead of a version of their own: they look at one, or make
some by orders of their own."""


@dataclass(frozen=True)
class Order:
    """Recipes of one operation on the same parents.

    ``maps`` asks for token maps. An operation of ``JUDGING`` has one parent, the version that it
    looks at, and that version's recipe; ``arguments`` are what else it needs to know. ``origins``
    tell, for each recipe, what its words and settings came from: a template and its row, flags, a
    campaign's stage (see ``storage/origin.py``); they are kept beside the versions.
    """

    operation: str
    recipes: tuple[Recipe, ...]
    parents: tuple[str, ...] = ()
    maps: bool = True
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    origins: tuple[Mapping[str, Any], ...] = ()

    def arguments_of(self, place: int) -> dict[str, Any]:
        """What the job of a recipe has to know, its origin with it."""
        origin = dict(self.origins[place]) if place < len(self.origins) else {}
        return {**self.arguments, **({ORIGIN: origin} if origin else {})}


def jobs_of(order: Order, priority: int = INTERACTIVE) -> list[Job]:
    """A waiting job for each recipe, all of one new group."""
    return group_of((order,), priority)


def group_of(orders: Sequence[Order], priority: int = INTERACTIVE) -> list[Job]:
    """A waiting job for each recipe of these orders, all of one new group."""
    group, now = uuid.uuid4().hex, datetime.now(UTC)
    each = [(order, place) for order in orders for place in range(len(order.recipes))]
    return [
        Job(
            id=uuid.uuid4().hex,
            operation=order.operation,
            recipe=order.recipes[place],
            parents=order.parents,
            maps=order.maps,
            arguments=order.arguments_of(place),
            group=group,
            place=number,
            priority=priority,
            created_at=now,
        )
        for number, (order, place) in enumerate(each)
    ]


class Ordered(Exception):
    """Work that a job needs before it can go on. Whoever carries it out lets it wait for that
    (``Queue.hand_over``) and is free for something else."""

    def __init__(self, orders: Sequence[Order]) -> None:
        super().__init__(f"{len(orders)} orders come first")
        self.orders = tuple(orders)


def this_process() -> str:
    """The name under which this process owns jobs: ``pid@host``."""
    return f"{os.getpid()}@{socket.gethostname()}"


def is_alive(owner: str) -> bool | None:
    """Whether the process ``pid@host`` runs; None when that cannot be known from here."""
    number, _, host = owner.partition("@")
    if host != socket.gethostname() or not number.isdigit():
        return None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
