"""The fault localiser: faults are where they are said to be, figures, a tiny run that ships."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

import torch
from training.faults import Localiser, load
from training.faults.corrupt import KINDS, corrupt, region
from training.faults.train import Task, average_precision, mark, measure, overlap, report, soften
from training.files import to_unit
from training.fitting import fit
from training.world import render


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Eight rendered pictures."""
    return np.stack([render(s).picture for s in range(8)])


@pytest.fixture(scope="module")
def run(pictures: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with them."""
    folder = tmp_path_factory.mktemp("run")
    np.save(folder / "pictures.npy", pictures)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_seen_where_it_is_marked_and_nowhere_else(
    kind: str, pictures: np.ndarray
) -> None:
    marked = 0
    for i in range(6):
        rng = np.random.default_rng(i)
        out, cells = corrupt(pictures[i], pictures[i + 1], rng, kind)
        again, _ = corrupt(pictures[i], pictures[i + 1], np.random.default_rng(i), kind)
        assert np.array_equal(out, again)
        assert out.shape == pictures[i].shape
        assert cells.shape == (64, 64)
        changed = np.abs(out.astype(int) - pictures[i]).max(-1).reshape(64, 4, 64, 4).max((1, 3))
        if not cells.any():
            assert np.array_equal(out, pictures[i])
            continue
        marked += 1
        assert changed[cells >= 0.5].mean() > 3 * changed[cells == 0].mean()
        assert 0.001 < (cells >= 0.5).mean() < 0.5
    assert marked >= 3


def test_regions_are_blobs_inside_the_picture(pictures: np.ndarray) -> None:
    for seed in range(6):
        share = region(pictures[0].astype(np.float32), np.random.default_rng(seed))
        assert share.shape == (256, 256)
        assert 0 <= share.min() <= share.max() <= 1
        assert 0.002 < (share > 0.5).mean() < 0.4


def test_average_precision_of_known_cases() -> None:
    truth = np.array([1, 0, 1, 0])
    assert average_precision(np.array([0.9, 0.1, 0.8, 0.2]), truth) == 1
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.1]), truth) == pytest.approx(5 / 6)
    assert math.isnan(average_precision(np.ones(2), np.zeros(2)))


def test_overlap_looks_at_faulty_pictures_only() -> None:
    truth = np.zeros((2, 4, 4), bool)
    truth[0, :2] = True
    marked = np.zeros_like(truth)
    marked[0, :1] = True
    marked[1] = True
    assert overlap(marked, truth) == 0.5


def test_the_network_is_small_and_takes_other_sizes() -> None:
    network = Localiser().eval()
    assert 0.2e6 < sum(p.numel() for p in network.parameters()) < 0.4e6
    assert network(torch.zeros(1, 3, 128, 96)).shape == (1, 32, 24)
    assert network(torch.zeros(1, 3, 64, 64)).sigmoid().mean().item() < 0.2


def test_without_an_autoencoder_there_is_no_soft_set(run: Path, tmp_path: Path) -> None:
    assert soften(run, tmp_path, 4, 1) == {}


def test_a_tiny_training_learns_resumes_and_ships(
    run: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    plan = {"until": math.inf, "rate": 2e-3, "batch": 2, "seed": 0}
    where = torch.device("cpu")
    fit(Task(Localiser(), run, {}, where), tmp_path, most_steps=2, **plan)
    done = fit(Task(Localiser(), run, {}, where), tmp_path, most_steps=4, **plan)
    assert isinstance(done, Localiser)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 4
    figures = report(done.to(memory_format=torch.contiguous_format), tmp_path, 4, 2)
    assert set(KINDS) <= set(figures)
    assert 0 <= figures["false_alarms_whole"]["pictures"] <= 1
    assert json.loads((tmp_path / "faults.json").read_text())["held_out"] == figures
    probe = to_unit(pictures[:2])
    assert np.allclose(mark(done, probe), mark(load(tmp_path), probe), atol=0.02)


def test_a_network_that_knows_is_measured_as_perfect(
    pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing marked: no false alarm, and no overlap."""
    from training.faults import train

    monkeypatch.setattr(train, "mark", lambda _, batch: np.zeros((len(batch), 64, 64)))
    found = measure(Localiser(), pictures[:3])
    assert found["false_alarms_whole"] == {"pictures": 0.0, "cells": 0.0}
    assert found["all"]["iou"] == 0
