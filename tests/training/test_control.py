"""Structure: conditions as users give them, a stock ControlNet that learns them, its measure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.training.trainings import killed_ends_as_unbroken, steps_lower_the_loss

pytest.importorskip("skia")

import torch
from diffusers import ControlNetModel
from training.control import conditions, measure
from training.control.conditions import ABSENT, CHANNELS, assemble
from training.control.given import Conditions, pick
from training.control.reader import CELLS, Reader, heatmaps, load, look, readers
from training.control.train import Task, build, export
from training.frozen import Base, Samples
from training.world import render

from maquette.core.figure import JOINTS
from training import data

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(small_run: Path) -> Path:
    """The run with the conditions of all its pictures."""
    assert conditions.draw(small_run, 100, 1) == 20
    return small_run


def _task(run: Path) -> Task:
    base = Base(run / "export", CPU)
    torch.manual_seed(0)
    return Task(build(base), base, Samples(run, base, 20), Conditions(run / "control", CPU))


def test_conditions_are_those_of_the_pictures(run: Path) -> None:
    kept = Conditions(run / "control", CPU)
    scene = data.scene_of(data.FIRST_SEED + 3, layers=("depth", "line"))
    assert scene.line is not None
    lines = kept._bits("line", np.array([3]))[0, 0]
    assert np.array_equal(lines.numpy() > 0, scene.line > 127)
    assert kept.posed(np.array([3]))[0] == bool(conditions.skeletons(scene.facts))
    assert len(kept) == 20


def test_a_run_of_another_world_is_refused(run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", np.load(run / "pictures.npy")[::-1])
    with pytest.raises(ValueError, match="another world"):
        conditions.draw(tmp_path, 20, 1)


def test_a_pose_is_drawn_in_colours_that_tell_bones_apart() -> None:
    scene = render(5, mode="one", noun="fox", pose="waving")
    drawn = conditions.draw_pose(conditions.skeletons(scene.facts))
    assert drawn.shape == (256, 256)
    assert len(np.unique(drawn)) > 20
    assert len(np.unique(conditions.PALETTE, axis=0)) == len(conditions.PALETTE)


def test_what_is_not_given_is_marked_as_such() -> None:
    control = assemble({"depth": np.zeros((2, 64, 64), np.uint8)})
    assert control.shape == (2, 8, 256, 256)
    assert bool((control[:, CHANNELS["depth"]] == 0).all())
    assert bool((control[:, CHANNELS["line"]] == ABSENT).all())
    with pytest.raises(ValueError, match="line, depth, pose, tile"):
        assemble({"scribble": np.zeros((1, 8, 8), np.uint8)})


def test_samples_get_some_of_the_conditions(run: Path) -> None:
    rng = np.random.default_rng(0)
    chosen = pick(rng, 400, np.arange(400) % 2 == 0)
    assert not chosen[1::2, list(CHANNELS).index("pose")].any()
    assert set(chosen.sum(1)) == {0, 1, 2, 3, 4}
    control = Conditions(run / "control", CPU).make(np.arange(20), rng)
    assert control.shape == (20, 8, 256, 256)
    assert float(control.max()) <= 1.001
    whole = np.ones((20, 4), bool)
    assert float(Conditions(run / "control", CPU).make(np.arange(20), rng, whole).min()) >= 0


def test_a_fresh_network_changes_nothing_and_only_it_learns(run: Path) -> None:
    task = _task(run)
    x, t = torch.randn(1, 8, 16, 16), torch.tensor([500])
    states = task.base.states(task.base.empty)
    down, middle = task.network(x, t, states, torch.rand(1, 8, 256, 256), return_dict=False)
    assert all(float(d.abs().max()) == 0 for d in (*down, middle))
    task.loss(np.random.default_rng(0), 2)["velocity"].backward()
    assert all(p.grad is None for p in task.base.unet.parameters())
    assert any(p.grad is not None for p in task.network.controlnet_down_blocks.parameters())


def test_steps_lower_the_loss_on_one_batch(run: Path) -> None:
    steps_lower_the_loss(_task(run), 2e-3)


def test_a_killed_training_ends_as_an_unbroken_one(run: Path, tmp_path: Path) -> None:
    killed_ends_as_unbroken(lambda: _task(run), tmp_path)


def _trained(run: Path) -> ControlNetModel:
    """A network that says something."""
    network = build(Base(run / "export", CPU))
    torch.manual_seed(2)
    with torch.no_grad():
        for p in network.controlnet_down_blocks.parameters():
            p.normal_(0, 0.05)
        network.controlnet_cond_embedding.conv_out.weight.normal_(0, 0.05)
    return network


def test_an_export_loads_in_the_stock_pipeline_and_steers(run: Path, tmp_path: Path) -> None:
    export(_trained(run), tmp_path / "control", {"steps": 0})
    card = json.loads((tmp_path / "control" / "control.json").read_text())
    assert card["channels"]["tile"] == [5, 8]
    assert "diffusion_pytorch_model.safetensors" in card["files"]
    _, steered = measure.pipelines(run / "export", tmp_path / "control", CPU)
    drawn = [
        steered(
            "a red mug",
            image=assemble({"line": np.full((1, 256, 256), level, np.uint8)}),
            num_inference_steps=2,
            generator=torch.Generator().manual_seed(0),
            output_type="latent",
        ).images
        for level in (0, 255)
    ]
    assert drawn[0].shape == (1, 8, 16, 16)
    assert float((drawn[0] - drawn[1]).abs().mean()) > 1e-2


def test_true_renders_obey_their_own_conditions() -> None:
    wanted = measure.scenes(2)
    pictures = np.stack([s.picture for s in wanted])
    lines = measure.asked("canny", wanted)
    assert measure.edge_recall(pictures, lines) > 0.95
    assert measure.edge_recall(np.zeros_like(pictures), lines) == 0
    assert measure.tile_psnr(pictures, measure.asked("tile", wanted)) > 35


def test_ranks_do_not_care_for_the_scale() -> None:
    a = np.random.default_rng(0).random(100)
    assert measure.rank_correlation(a, np.exp(3 * a)) == pytest.approx(1)
    assert measure.rank_correlation(a, -a) == pytest.approx(-1)
    assert measure.rank_correlation(a, np.zeros(100)) == 0


class _Sees(torch.nn.Module):
    """A reader that says what it was told."""

    def __init__(self, told: torch.Tensor) -> None:
        super().__init__()
        self.told, self.head = told, torch.nn.Conv2d(1, 1, 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.told[: len(pictures)]


def test_joints_are_read_where_they_are() -> None:
    scenes = measure.scenes(2, posed=True)
    maps = torch.from_numpy(heatmaps(np.stack([conditions.joints(s.facts) for s in scenes])))
    assert maps.shape == (2, len(JOINTS), CELLS, CELLS)
    told = torch.cat([torch.zeros(2, 1, CELLS, CELLS), 12 * maps - 6], 1)
    _, places = look(_Sees(told), np.stack([s.picture for s in scenes]))  # type: ignore[arg-type]
    found = measure.joint_error(places, scenes)
    assert found["distance"] < 0.03
    assert found["within_a_tenth"] == 1
    assert measure.joint_error(places + 60, scenes)["within_a_tenth"] < 0.1


def test_the_reader_is_trained_once(run: Path) -> None:
    network = readers(run, CPU, steps=1)
    assert isinstance(network, Reader)
    again = readers(run, CPU, steps=5)
    assert torch.equal(network.head.weight, again.head.weight)
    shipped = load(run / "judge")  # in half precision, beside the judges
    assert torch.allclose(shipped.head.weight, again.head.weight, atol=1e-3, rtol=1e-3)
    depth, places = look(again, np.load(run / "pictures.npy")[:2])
    assert depth.shape == (2, CELLS, CELLS)
    assert places.shape == (2, len(JOINTS), 2)
