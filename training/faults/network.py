"""The localiser is the critic's own network (`maquette.critics.damage`)."""

from maquette.critics.damage.network import CELLS, SIDE, Localiser, Residual

__all__ = ["CELLS", "SIDE", "Localiser", "Residual"]
