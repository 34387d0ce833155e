"""The sample: where there is no project at all, one with something to take apart."""

from __future__ import annotations

import logging

from maquette.engines.base import Billed
from maquette.errors import MaquetteError
from maquette.studio.rooms import Rooms

__all__ = ["NAME", "make_sample"]

NAME = "Sample"
WORDS = "a lone wolf under a full moon, misty forest"
SEED = 1
"""With the shipped model its moon comes out small: there is something to turn up."""

log = logging.getLogger("maquette.server")


def make_sample(rooms: Rooms) -> str | None:
    """Make the sample project and queue its first picture; the id, or None when there are projects
    already or none can be made."""
    if rooms.list():
        return None
    try:
        place = rooms.create(NAME)
        studio = rooms.open(place.id)
        if isinstance(studio.engine(), Billed):
            return place.id  # a picture that nobody asked for is not paid for
        studio.submit(studio.orders.generate(WORDS, seed=SEED), key="sample")
    except MaquetteError as error:
        log.warning("no sample project was made: %s", error)
        return None
    return place.id
