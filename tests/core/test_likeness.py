"""What pictures share is told by themselves, wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.likeness import among, likeness

RNG = np.random.default_rng(5)


def places(*rows: np.ndarray) -> np.ndarray:
    """(places, numbers), of unit length, in an order of their own."""
    found = np.stack(rows)[RNG.permutation(len(rows))]
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def background(count: int) -> list[np.ndarray]:
    return list(RNG.normal(size=(count, 32)))


CHARACTER = background(4)
EXAMPLES = np.stack([places(*CHARACTER, *background(12)) for _ in range(6)])


def test_a_picture_with_the_character_is_more_alike() -> None:
    there = places(*CHARACTER, *background(12))
    half = places(*CHARACTER[:2], *background(14))
    away = places(*background(16))
    whole, part, none = likeness(np.stack([there, half, away]), EXAMPLES)
    assert whole > 0.9 and none < 0.6 and none + 0.1 < part < whole - 0.1
    assert among(EXAMPLES) > 0.9


def test_one_picture_shares_nothing_yet() -> None:
    with pytest.raises(ValueError, match="two or more"):
        likeness(EXAMPLES[:1], EXAMPLES[:1])
