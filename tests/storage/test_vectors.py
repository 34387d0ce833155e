"""Vectors are kept by digest, shared by processes, and never missed when they are gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from maquette.storage.vectors import Vectors

WIDTH = 8


def name(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()


def unit(*seeds: int) -> np.ndarray:
    made = np.stack([np.random.default_rng(seed).normal(size=WIDTH) for seed in seeds])
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def made(folder: Path) -> Vectors:
    return Vectors(folder, "clip", WIDTH)


def test_what_is_kept_is_found_by_another_and_what_is_not_is_missing(tmp_path: Path) -> None:
    one, other = made(tmp_path), made(tmp_path)
    one.keep([name(1), name(2)], unit(1, 2))
    other.keep([name(3)], unit(3))
    for each in one, other, made(tmp_path):
        assert each.missing([name(4), name(2), name(4), name(3)]) == [name(4)]
        assert np.allclose(each.get(name(3)), unit(3)[0], atol=1e-3)
        assert each.get(name(4)) is None
    assert Vectors(tmp_path, "another", WIDTH).missing([name(1)]) == [name(1)]


def test_scores_are_cosines_and_a_picture_has_the_highest_with_itself(tmp_path: Path) -> None:
    known = made(tmp_path)
    images = [name(n) for n in range(40)]
    known.keep(images, unit(*range(40)))
    wanted = known.get(name(7))
    assert wanted is not None
    scores = known.scores(wanted, [*images, name(7), name(99)])
    assert np.isnan(scores[-1])
    assert scores[7] == scores[-2] == 1
    assert np.flatnonzero(scores[:40] == 1).tolist() == [7]
    assert np.allclose(scores[:40], unit(*range(40)) @ unit(7)[0], atol=2e-3)
    # As good from the file as from memory.
    assert np.array_equal(made(tmp_path).scores(wanted, images), scores[:40])


def test_a_torn_row_and_a_damaged_one_cost_only_themselves(tmp_path: Path) -> None:
    made(tmp_path).keep([name(1)], unit(1))
    file = tmp_path / "clip"
    row = file.read_bytes()
    file.write_bytes(row + bytes(len(row)) + b"\xff" * len(row) + row[: len(row) // 2])
    known = made(tmp_path)
    assert known.missing([name(1), name(2)]) == [name(2)]
    known.keep([name(2)], unit(2))
    assert made(tmp_path).missing([name(1), name(2)]) == []
    assert len(file.read_bytes()) == 4 * len(row)


def test_the_folder_may_be_thrown_away_and_need_not_be_writable(tmp_path: Path) -> None:
    known = made(tmp_path / "vectors")
    known.keep([name(1)], unit(1))
    (tmp_path / "vectors" / "clip").unlink()
    assert known.missing([name(1)]) == []
    known.keep([name(2)], unit(2))
    assert made(tmp_path / "vectors").missing([name(1), name(2)]) == [name(1)]

    (tmp_path / "file").write_text("no folder")
    nowhere = made(tmp_path / "file")
    nowhere.keep([name(1)], unit(1))
    assert nowhere.missing([name(1), name(2)]) == [name(2)]
