"""The whole way in miniature: draw, tokenize, encode, train, export, load, look."""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from training.attention import localisation_loss, log_weights
from training.losses import busy_crops, psnr, sharpness
from training.muon import orthogonalise
from training.networks import signal
from training.parallel import ALONE
from training.world import NOUNS

from training import all as all_steps
from training import autoencoder, data, evaluate, export, losses, sharpen, tokenizer, train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with 48 pictures, a tokenizer and a one-second autoencoder, encoded."""
    folder = tmp_path_factory.mktemp("run")
    data.draw_set(folder, 48, 1, first=500)
    flat = [pair for one in data.read_captions(folder) for pair in one]
    made = tokenizer.train_tokenizer((text for text, _ in flat), folder / "tokenizer")
    ids, nouns = tokenizer.mark_nouns(made, flat)
    shape = (48, -1, tokenizer.LENGTH)
    np.savez(folder / "text.npz", ids=ids.reshape(shape), nouns=nouns.reshape(shape))
    said = ["--run", str(folder), "--width", "16", "--batch", "2", "--most-steps", "4"]
    autoencoder.train(ALONE, autoencoder.arguments([*said, "--workers", "1"]), time.time() + 600)
    autoencoder.encode(folder, 1)
    return folder


def _trainer(run: Path) -> train.Trainer:
    return train.Trainer(
        run, widths=(16, 32, 32), optimizer="muon", rate=1e-3, supervision=0.03, batch=4, seed=0
    )


def test_train_resume_export_load(run: Path, tmp_path: Path) -> None:
    often = {"every": 5.0, "sheet_every": 0.0}
    train.run_stage(_trainer(run), "mini", time.time() + 600, most_steps=2, **often)
    steps = torch.load(run / "mini" / "checkpoint.pt", weights_only=True)["step"]
    assert steps == 2
    again = _trainer(run)
    train.run_stage(again, "mini", time.time() + 600, most_steps=4, **often)
    assert again.step == 4
    for _ in range(2):  # what branched off goes on by itself
        final = _trainer(run)
        train.run_stage(final, "final", time.time() + 600, most_steps=5, branch="mini", **often)
        assert final.step == 5
    assert torch.load(run / "mini" / "checkpoint.pt", weights_only=True)["step"] == 4

    out = tmp_path / "postcard"
    export.export(run, "mini", out, widths=(16, 32, 32), generation=2)
    card = json.loads((out / "MODEL.json").read_text())
    assert card["native_size"] == [256, 256]
    assert card["generation"] == 2
    assert "moon" in card["words"]
    for name, digest in card["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    pipeline = StableDiffusionPipeline.from_pretrained(
        out, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline(
        "a lone wolf under a full moon, misty forest", num_inference_steps=2, output_type="np"
    ).images[0]
    assert image.shape == (256, 256, 3)
    assert np.isfinite(image).all()
    found = evaluate.overlap(pipeline, 2)
    assert 0 <= found["mean"] <= 1


def test_the_rate_warms_up_stays_and_comes_down_at_the_end() -> None:
    assert train.rate_factor(0, 900, 60) == pytest.approx(1 / 40)
    assert train.rate_factor(500, 900, 60) == 1
    assert train.rate_factor(500, 30, 60) == pytest.approx(0.5)
    assert 0 < train.rate_factor(500, 0, 60) < 0.1
    assert train.rate_factor(500, 0, 0) == 1


def test_every_noun_token_is_marked(run: Path) -> None:
    made = tokenizer.CLIPTokenizer.from_pretrained(run / "tokenizer")
    text = "a full moon"
    ids, nouns = tokenizer.mark_nouns(made, [(text, [(2, 6, "moon"), (7, 11, "moon")])])
    assert ids.shape == (1, tokenizer.LENGTH)
    words = made.convert_ids_to_tokens(ids[0][nouns[0] == NOUNS.index("moon")].tolist())
    assert "".join(words).replace("</w>", " ").split() == ["full", "moon"]


def test_a_stage_adopts_another_runs_weights_by_name_and_token(run: Path) -> None:
    first, second = _trainer(run), _trainer(run)
    with torch.no_grad():
        for p in first.mean_parameters:
            p.add_(0.25)
    vocabulary = dict(list(first.tokenizer.get_vocab().items())[:300])
    tensors, tokens = second.adopt(first.state(), vocabulary)
    assert tokens == 300
    assert tensors == len(first.unet.state_dict()) + len(first.text.state_dict()) - 1
    assert torch.equal(second.unet.conv_in.weight, first.mean_unet.conv_in.weight)
    assert torch.equal(second.mean_unet.conv_in.weight, first.mean_unet.conv_in.weight)


def test_a_grown_autoencoder_leaves_the_picture_as_it_was() -> None:
    known = autoencoder.build(16)
    smaller = {
        "latent_channels": 4,
        "num_encoder_blocks": (0, 0, 1, 2, 3),
        "num_decoder_blocks": (5, 4, 2, 1, 0),
    }
    old = AutoencoderTiny.from_config({**known.config, **smaller}).eval()
    new = autoencoder.grown(old).eval()
    picture = torch.rand(1, 3, 256, 256) * 2 - 1
    with torch.no_grad():
        before, after = old.encoder(picture), new.encoder(picture)
        assert after.shape == (1, 8, 16, 16)
        assert torch.allclose(after[:, :4], before, atol=1e-5)
        assert torch.allclose(old.decoder(before), new.decoder(after), atol=1e-5)


def test_crispness_does_not_mind_where_an_edge_runs() -> None:
    stripes = torch.where(torch.arange(64) // 8 % 2 == 0, 1.0, -1.0).expand(1, 3, 64, 64)
    moved = stripes.roll(1, 3)
    blurred = torch.nn.functional.avg_pool2d(stripes, 5, 1, 2, count_include_pad=False)
    assert losses.crispness(stripes, stripes) == pytest.approx(1)
    assert losses.crispness(moved, stripes) > 0.8
    assert losses.crispness(blurred, stripes) < 0.3
    assert losses.sharpness(moved, stripes) < 0.1


def test_a_decoder_is_sharpened_and_keeps_its_encoder(run: Path) -> None:
    options = ["--run", str(run), "--steps", "2", "--batch", "2", "--workers", "1"]
    sharpen.work(ALONE, sharpen.options().parse_args([*options, "--later"]), math.inf)
    old, new = (
        AutoencoderTiny.from_pretrained(run / name).state_dict()
        for name in ("autoencoder", "sharp")
    )
    for name, value in old.items():
        if "encoder." in name:
            assert torch.equal(new[name], value)
    assert not all(torch.equal(new[name], value) for name, value in old.items())


def test_a_plan_is_made_once_and_ends_in_time(tmp_path: Path) -> None:
    first = all_steps.plan(tmp_path, minutes=30, drawing=120)
    now = time.time()
    assert now + 120 < first["autoencoder"] < first["denoiser"] < now + 30 * 60
    assert all_steps.plan(tmp_path, minutes=99, drawing=0) == first
    assert first["decay"] < first["sharpen"] < first["family"] < now + 31 * 60


def test_a_plan_that_is_over_gives_way_and_what_is_encoded_needs_no_time(tmp_path: Path) -> None:
    old = time.time() - 86_400
    (tmp_path / "plan.json").write_text(json.dumps({"denoiser": old, "family": old}))
    (tmp_path / "latents.npy").touch()
    times = all_steps.plan(tmp_path, minutes=60, drawing=0, family=30)
    now = time.time()
    assert "autoencoder" not in times
    assert now + 30 * 60 < times["denoiser"] < now + 60 * 60
    assert times["family"] == pytest.approx(now + 90 * 60, abs=60)


def test_the_better_weights_ship(tmp_path: Path) -> None:
    assert export.better_averaged(tmp_path)
    (tmp_path / "held_out.json").write_text('{"average": 0.17, "last": 0.16}')
    assert not export.better_averaged(tmp_path)


def test_weights_speak_of_the_size_of_a_noun() -> None:
    moon = NOUNS.index("moon")
    scales = torch.ones(2, len(NOUNS))
    scales[0, moon], scales[1, moon] = 2.0, 0.5
    nouns = torch.tensor([[-1, moon, 0], [moon, -1, 0]])
    added = log_weights(scales, nouns, gain=4.0)[:, 0, 0]
    log = math.log(2)
    assert torch.allclose(added, torch.tensor([[0, 4 * log, 0], [-log, 0, 0]]), atol=1e-6)


def test_crops_look_at_the_busy_part() -> None:
    pictures = torch.zeros(6, 3, 256, 256)
    pictures[:, :, 160:, 160::2] = 1
    torch.manual_seed(0)
    corners = busy_crops(pictures, 10).float().mean(0)
    assert bool((corners > 3).all())


def test_sharpness_tells_blurred_from_crisp() -> None:
    stripes = torch.where(torch.arange(64) // 8 % 2 == 0, 1.0, -1.0)
    crisp = stripes.expand(1, 3, 64, 64)
    blurred = torch.nn.functional.avg_pool2d(crisp, 5, 1, 2, count_include_pad=False)
    assert sharpness(crisp, crisp) == pytest.approx(1)
    assert sharpness(blurred, crisp) < 0.6
    assert psnr(blurred, crisp) < psnr(0.99 * crisp, crisp)


def test_orthogonalise_makes_singular_values_alike() -> None:
    matrices = torch.randn(2, 24, 60, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert values.min() > 0.5
    assert values.max() < 1.4


def test_signal_ends_at_zero() -> None:
    kept = signal()
    assert len(kept) == 1000
    assert kept[-1] == 0
    assert bool((kept[:-1] > kept[1:]).all())


def test_localisation_loss_prefers_the_noun() -> None:
    packed = torch.zeros(1, 32, 32, dtype=torch.long)
    packed[:, :16] = 1 << NOUNS.index("moon")
    nouns = torch.tensor([[-1, NOUNS.index("moon")]])
    inside = torch.zeros(1, 64, 2)
    inside[:, :32, 1] = 1
    outside = torch.zeros(1, 64, 2)
    outside[:, 32:, 1] = 1
    weight = torch.ones(1)
    good = localisation_loss([inside], packed, nouns, weight)
    bad = localisation_loss([outside], packed, nouns, weight)
    assert float(good) < 0.01 < float(bad)


def test_pause_file_holds_the_trainer(tmp_path: Path) -> None:
    from training.files import wait_while_paused

    assert wait_while_paused(tmp_path) < 0.5
