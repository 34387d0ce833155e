"""Drafts: guidance in one pass, along the base's path of four steps; a LoRA as others read it."""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.trainings import killed_ends_as_unbroken, steps_lower_the_loss

pytest.importorskip("skia")

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file
from training.draft import lora as loras
from training.draft import measure
from training.draft.train import Task, report
from training.frozen import Base, Samples

CPU = torch.device("cpu")


def _task(run: Path, rank: int = 4) -> Task:
    base = Base(run / "export", CPU)
    torch.manual_seed(0)
    return Task(
        loras.Lora(base.unet, rank),
        base,
        Samples(run, base),
        steps=4,
        guidance=5.0,
        supervision=0.03,
    )


def _pipeline(folder: Path) -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _draw(pipeline: StableDiffusionPipeline, steps: int) -> torch.Tensor:
    """Latents: what an untrained autoencoder makes of them says nothing."""
    generator = torch.Generator().manual_seed(3)
    how: dict[str, Any] = {"num_inference_steps": steps, "guidance_scale": 1.0}
    return pipeline("a red mug", generator=generator, output_type="latent", **how).images


def test_the_teacher_is_the_base_with_guidance(
    small_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.draft.train.autocast", lambda _: nullcontext())
    task = _task(small_run)
    x, t = torch.randn(2, 8, 16, 16), torch.tensor([999, 400])
    states = task.base.states(task.base.ids(["a red mug", "a boat"]))
    bias = torch.zeros(2, 1, 1, states.shape[1])
    empty = task.base.states(task.base.empty).expand(2, -1, -1)
    weights = task.network.changed(task.base.unet)
    with torch.no_grad():
        wanted, plain = (task._student(x, t, each, weights) for each in (states, empty))
    guided = task._teacher(x, t, states, bias)
    assert torch.allclose(guided, plain + 5 * (wanted - plain), atol=1e-3)
    assert torch.allclose(task._teacher(x, t, empty, bias), plain, atol=1e-4)


def test_its_path_is_the_shipped_pipelines(
    small_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.draft.train.autocast", lambda _: nullcontext())
    task = _task(small_run)
    noise = torch.randn(1, 8, 16, 16)
    states = task.base.states(task.base.ids(["a red mug"]))
    latents, times, velocities = task._path(noise, states, torch.zeros(1, 1, 1, states.shape[1]))
    assert times.tolist() == [999, 749, 499, 249]
    assert torch.equal(latents[:1], noise)
    pipeline = _pipeline(small_run / "export")
    seen: list[torch.Tensor] = []
    pipeline.unet.register_forward_pre_hook(lambda _, given: seen.append(given[0][:1]))
    how: dict[str, Any] = {"num_inference_steps": 4, "guidance_scale": 5.0}
    pipeline("a red mug", latents=noise, output_type="latent", **how)
    assert torch.allclose(torch.cat(seen), latents, atol=0.1)
    assert torch.isfinite(velocities).all()


def test_a_fresh_lora_changes_nothing_and_only_it_learns(small_run: Path) -> None:
    task = _task(small_run)
    before = {k: v.clone() for k, v in task.base.unet.state_dict().items()}
    weights = task.network.changed(task.base.unet)
    assert all(torch.equal(weights[k], before[k]) for k in weights)
    sum(task.loss(np.random.default_rng(0), 2).values()).backward()
    assert all(p.grad is not None for p in task.network.up.values())
    assert all(p.grad is None for p in task.base.unet.parameters())


def test_steps_lower_the_loss_on_one_batch(small_run: Path) -> None:
    steps_lower_the_loss(_task(small_run), 3e-3, steps=5)


def test_a_killed_training_ends_as_an_unbroken_one(small_run: Path, tmp_path: Path) -> None:
    killed_ends_as_unbroken(lambda: _task(small_run), tmp_path)


def _noisy_lora(run: Path) -> loras.Lora:
    made = loras.Lora(Base(run / "export", CPU).unet, 4)
    torch.manual_seed(1)
    with torch.no_grad():
        for up in made.up.values():
            up.normal_(0, 0.05)
    return made


def test_a_merged_draft_runs_four_single_passes(small_run: Path, tmp_path: Path) -> None:
    made = _noisy_lora(small_run)
    path = loras.write(made, tmp_path / "draft")
    told = loras.read(Base(small_run / "export", CPU).unet, path)
    assert told.rank == 4
    loras.merged(small_run / "export", told, tmp_path / "merged")
    draft = _pipeline(tmp_path / "merged")
    rows = []
    draft.unet.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    drawn = _draw(draft, 4)
    assert rows == [1, 1, 1, 1]
    plain = _pipeline(small_run / "export")
    assert float((drawn - _draw(plain, 4)).abs().mean()) > 1e-2


def test_a_lora_for_another_denoiser_is_refused(small_run: Path, tmp_path: Path) -> None:
    path = loras.write(_noisy_lora(small_run), tmp_path)
    base = Base(small_run / "export", CPU)
    with pytest.raises(ValueError, match="other layers"):
        loras.read(base.unet.down_blocks[0], path)


def test_the_stock_loader_reads_the_layout(small_run: Path, tmp_path: Path) -> None:
    made = _noisy_lora(small_run)
    loras.write(made, tmp_path)
    stock = _pipeline(small_run / "export")
    before = _draw(stock, 2)
    stock.load_lora_weights(tmp_path)
    theirs = _draw(stock, 2)
    ours = _pipeline(small_run / "export")
    made.merge(ours.unet)
    assert float((theirs - before).abs().mean()) > 1e-2
    assert torch.allclose(_draw(ours, 2), theirs, atol=0.05)


def test_names_are_those_of_the_stock_layout(small_run: Path, tmp_path: Path) -> None:
    made = _noisy_lora(small_run)
    told = load_file(loras.write(made, tmp_path))
    assert {v.dtype for v in told.values()} == {torch.float16}
    unet = Base(small_run / "export", CPU).unet
    for name, value in told.items():
        layer, letter, _ = name.removeprefix("unet.").rsplit(".", 2)
        weight = unet.get_submodule(layer).weight
        axis = 0 if letter == "lora_A" else 1
        assert value.shape[axis] == 4
        assert value.shape[1 - axis] == weight.shape[1 - axis]


def test_likeness_tells_the_same_from_another() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 255, (2, 2, 256, 256, 3), dtype=np.uint8)
    assert measure.alike(one, one) == {"ssim": 1.0, "distance": 0.0}
    assert measure.alike(one, other)["ssim"] < 0.5


def test_the_report_exports_and_measures(small_run: Path) -> None:
    base = Base(small_run / "export", CPU)
    options = argparse.Namespace(run=small_run, guidance=5.0, batch=2, prompts=1, rounds=1)
    figures = report(_noisy_lora(small_run), base, options, 3)
    assert figures["likeness"]["prompts"] == 1
    assert set(figures["pace"]) == {"base", "draft", "times_faster"}
    assert (small_run / "draft" / "sheet.png").exists()
    card = json.loads((small_run / "draft" / "draft.json").read_text())
    assert loras.FILE in card["files"]
    assert card["use"]["guidance_scale"] == 1.0
