"""The judge's network with the nouns of the drawn world; its shape is the package's."""

from __future__ import annotations

from maquette.critics.judge.claims import COLOURS as NAMED
from maquette.critics.judge.claims import COUNTS
from maquette.critics.judge.network import ASKED, TIMES, Answers, Network
from training.world import facts
from training.world.palette import COLOURS

__all__ = ["ASKED", "CELLS", "COUNTS", "SIDE", "Answers", "Judge"]

#: Side of the pictures it looks at, and of its map.
SIDE, CELLS = 128, 16

# The package names the answers in this order; a world of others needs others there.
assert tuple(COLOURS) == NAMED
assert (ASKED["position"], TIMES) == (len(facts.POSITIONS), len(facts.TIMES))


class Judge(Network):
    """Pictures (N x 3 x 128 x 128, -1..1) to `Answers`."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 160)) -> None:
        super().__init__(widths, len(facts.NOUNS), CELLS)
