"""The critic ``judge``: whether a picture shows what its prompt says, by a network that never saw
a model's picture. Only a model that brings one (a folder ``judge``) has it."""

from __future__ import annotations

from maquette.critics.judge.critic import Judge, has_judge

__all__ = ["Judge", "has_judge"]
