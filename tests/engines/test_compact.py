"""The network that enlarges: its size, its tiles, its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from maquette.engines import compact
from maquette.engines.compact import Compact, enlarge, load
from maquette.engines.registry import engine_names
from maquette.errors import ModelMissing, ModelRefused


def noisy(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def small(seed: int = 0) -> Compact:
    torch.manual_seed(seed)
    return Compact(8, 2).eval()


def ship(network: Compact, folder: Path, **changed: int) -> None:
    shape = {"features": 8, "convolutions": 2, "scale": 4, **changed}
    (folder / "upscaler.json").write_text(json.dumps(shape))
    save_file(
        {k: v.half() for k, v in network.state_dict().items()}, folder / "upscaler.safetensors"
    )


def test_it_is_no_engine() -> None:
    assert "compact" not in engine_names()


def test_a_network_that_draws_nothing_repeats_pixels() -> None:
    network = small()
    for parameter in network.body[-1].parameters():
        torch.nn.init.zeros_(parameter)
    image = noisy(5, 3)
    assert np.array_equal(
        np.asarray(enlarge(network, image)), np.asarray(image).repeat(4, 0).repeat(4, 1)
    )


def test_tiles_give_what_the_whole_gives() -> None:
    network, image = small(), noisy(50, 37)
    whole = np.asarray(enlarge(network, image, tile=64)).astype(int)
    tiled = np.asarray(enlarge(network, image, tile=16)).astype(int)
    assert whole.shape == (148, 200, 3)
    assert np.abs(whole - tiled).max() <= 1


def test_alpha_is_left_aside_and_scale_is_kept() -> None:
    network = Compact(4, 1, scale=2).eval()
    assert enlarge(network, noisy(6, 8).convert("RGBA")).size == (12, 16)


def test_the_shipped_shape_is_small() -> None:
    assert 0.25e6 < sum(p.numel() for p in Compact().parameters()) < 0.6e6


def test_names_are_those_of_other_weights_of_this_shape() -> None:
    names = list(Compact(8, 2).state_dict())
    assert names[:3] == ["body.0.weight", "body.0.bias", "body.1.weight"]
    assert names[-1] == "body.6.bias"


def test_what_was_shipped_is_read(tmp_path: Path) -> None:
    network = small(4)
    ship(network, tmp_path)
    image = noisy(12, 12)
    drawn, read = (np.asarray(enlarge(n, image)).astype(int) for n in (network, load(tmp_path)))
    assert np.abs(drawn - read).max() <= 1


def test_missing_or_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        load(tmp_path)
    ship(small(), tmp_path, convolutions=3)
    with pytest.raises(ModelRefused):
        load(tmp_path)
    (tmp_path / "upscaler.json").write_text("{}")
    with pytest.raises(ModelRefused):
        load(tmp_path)
    ship(small(), tmp_path)
    (tmp_path / "upscaler.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelRefused):
        compact.load(tmp_path)
