"""Broken places of a picture, told by their looks and by a model's own network."""

from maquette.critics.damage.critic import Damage, has_localiser

__all__ = ["Damage", "has_localiser"]
