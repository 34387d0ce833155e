"""The upscaler's training: pairs that belong together, figures, a tiny run that ships."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

import torch
from training.files import to_unit
from training.fitting import fit
from training.upscaler import crops
from training.upscaler.large import SCALE, render_twice
from training.upscaler.train import Task, compare, psnr, report, ssim
from training.world import render

from maquette.engines.compact import Compact, load


def _shrunk(large: np.ndarray) -> np.ndarray:
    side = len(large) // SCALE
    return large.reshape(side, SCALE, side, SCALE, 3).mean((1, 3))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with four pictures."""
    folder = tmp_path_factory.mktemp("run")
    np.save(folder / "pictures.npy", np.stack([render(s).picture for s in range(4)]))
    return folder


def test_the_large_scene_is_the_small_one_drawn_finer() -> None:
    for seed in (500, 502):
        small, large = render_twice(seed)
        assert np.array_equal(small, render(seed, style="flat").picture)
        assert large.shape == (1024, 1024, 3)
        assert np.abs(_shrunk(large) - small).mean() < 1.5
        # Finer, not merely enlarged.
        assert np.abs(large - small.repeat(SCALE, 0).repeat(SCALE, 1).astype(int)).max() > 20


def test_pixel_art_grows_and_other_styles_are_refused() -> None:
    small, large = render_twice(3, style="pixel")
    assert np.array_equal(large[::SCALE, ::SCALE], small)
    with pytest.raises(ValueError, match="ink"):
        render_twice(3, style="ink")


def test_pairs_belong_together_and_are_drawn_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crops, "PIECE", 2)
    pairs = crops.draw(tmp_path, 2, 1, None)
    assert pairs["small"].shape == (4, crops.SIDE, crops.SIDE, 3)
    assert np.array_equal(pairs["small"], pairs["soft"])
    for small, large in zip(pairs["small"], pairs["large"], strict=True):
        assert np.abs(_shrunk(large) - small).mean() < 2
    (file,) = tmp_path.iterdir()
    stamp = file.stat().st_mtime_ns
    crops.draw(tmp_path, 2, 1, None)
    assert file.stat().st_mtime_ns == stamp


def test_wear_is_seeded_and_mild(run: Path) -> None:
    small = crops.reduce(to_unit(np.load(run / "pictures.npy")))
    once, again = (crops.wear(small, np.random.default_rng(2)) for _ in range(2))
    assert torch.equal(once, again)
    assert once.shape == (4, 3, 64, 64)
    assert 0 < float((once - small).abs().mean()) < 0.1


def test_figures_of_known_cases() -> None:
    flat = np.full((32, 32, 3), 100, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert psnr(flat, flat + np.uint8(10)) == pytest.approx(20 * math.log10(25.5))
    assert ssim(noise, noise) == pytest.approx(1)
    assert ssim(noise, 255 - noise) < 0
    assert ssim(flat, noise) < 0.1


def test_a_network_that_repeats_pixels_is_perfect_on_blocks() -> None:
    network = Compact(4, 1).eval()
    torch.nn.init.zeros_(network.body[-1].weight)
    torch.nn.init.zeros_(network.body[-1].bias)
    small = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = compare(network, [(small, small.repeat(4, 0).repeat(4, 1))])
    assert found["network"]["ssim"] == pytest.approx(1)
    assert found["better_psnr"] == 1
    assert found["lanczos"]["psnr"] < 30


def test_a_tiny_training_resumes_and_ships(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crops, "PIECE", 2)
    pairs = crops.draw(tmp_path, 2, 1, None)
    plan = {"until": math.inf, "rate": 1e-3, "batch": 4, "seed": 0}
    where = torch.device("cpu")
    fit(Task(Compact(8, 2), pairs, run, where), run / "upscaler", most_steps=2, **plan)
    done = fit(Task(Compact(8, 2), pairs, run, where), run / "upscaler", most_steps=4, **plan)
    assert torch.load(run / "upscaler" / "checkpoint.pt", weights_only=True)["step"] == 4
    assert isinstance(done, Compact)
    figures = report(done.to(memory_format=torch.contiguous_format), run, 4, 1)
    assert figures["worn_64_to_256"]["pictures"] == 2
    card = json.loads((run / "upscaler" / "upscaler.json").read_text())
    assert (card["features"], card["convolutions"], card["scale"]) == (8, 2, 4)
    shipped = load(run / "upscaler")
    probe = torch.rand(1, 3, 8, 8)
    assert torch.allclose(shipped(probe), done(probe), atol=0.02)
