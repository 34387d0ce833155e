"""Train the autoencoder: 256x256 pictures to 32x32x4 latents and back.

    python -m training.autoencoder --run RUN --minutes 13
    python -m training.autoencoder --run RUN --minutes 12 --decoder-only   # encoder frozen
    python -m training.autoencoder --run RUN --encode                     # RUN/latents*.npy

Judge RUN/sheets/autoencoder*.png and the chroma error, not PSNR alone: a hue can collapse behind
a good PSNR.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import nn
from torch.nn import functional as F  # noqa: N812

from training.files import deadline, save_sheet, to_pictures, to_unit, wait_while_paused

HELD_OUT = 200
CROP = 128


def build(width: int = 48) -> AutoencoderTiny:
    """A new AutoencoderTiny: factor 8, 4 latent channels; SiLU, because ReLU units die here."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=(0, 1, 2, 3),
        num_decoder_blocks=(3, 2, 1, 0),
        latent_channels=4,
        act_fn="silu",
        force_upcast=False,
    )


def _slopes(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def reconstruction_loss(out: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
    """Terms of the picture loss: L1, squared, slopes, blurred luma, and chroma on 2x2 means."""
    slopes = sum((a - b).abs().mean() for a, b in zip(_slopes(out), _slopes(target), strict=True))
    half = F.avg_pool2d(out - target, 2)
    chroma = (half - half.mean(1, keepdim=True)).abs().mean()
    return {
        "l1": (out - target).abs().mean(),
        "square": 2 * F.mse_loss(out, target),
        "slopes": 0.5 * torch.as_tensor(slopes),
        "blurred": F.avg_pool2d(half, 2).abs().mean(),
        "chroma": 2 * chroma,
    }


def held_out(count: int) -> int:
    """How many pictures at the end of a set of `count` no training step sees."""
    return min(HELD_OUT, count // 5)


def _batch(pictures: np.ndarray, rng: np.random.Generator, size: int) -> torch.Tensor:
    """Crops of 128 at full scale and, one in three, whole pictures halved: both scales matter."""
    chosen = rng.integers(0, len(pictures) - held_out(len(pictures)), size)
    crops = np.empty((size, CROP, CROP, 3), np.uint8)
    for k, i in enumerate(chosen):
        if k % 3 == 2:
            whole = pictures[i].astype(np.uint16)
            crops[k] = whole.reshape(CROP, 2, CROP, 2, 3).mean((1, 3)).round().astype(np.uint8)
        else:
            y, x = rng.integers(0, 17, 2) * 8
            crops[k] = pictures[i, y : y + CROP, x : x + CROP]
    batch = to_unit(crops)
    return torch.flip(batch, [3]) if rng.random() < 0.3 else batch


def train(
    run: Path,
    until: float,
    *,
    width: int = 48,
    rate: float = 1.5e-3,
    batch_size: int = 12,
    decoder_only: bool = False,
    noise: float = 0.05,
    seed: int = 0,
    most_steps: int | None = None,
) -> AutoencoderTiny:
    """Train until a wall-clock time (cosine to 3% of the rate) and save RUN/autoencoder."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    folder = run / "autoencoder"
    if decoder_only:
        model: AutoencoderTiny = AutoencoderTiny.from_pretrained(folder)
        model.encoder.requires_grad_(False)
    else:
        model = build(width)
    model.to(memory_format=torch.channels_last)
    # Tying a linear view of the latent to the mean colour keeps hues apart from the first step;
    # it doubles as the free preview of a picture that is still noise.
    preview = nn.Conv2d(4, 3, 1)
    with torch.no_grad():
        preview.weight.copy_(torch.eye(3, 4)[:, :, None, None])
        preview.bias.zero_()
    trained = [p for p in model.parameters() if p.requires_grad]
    extra = [] if decoder_only else list(preview.parameters())
    optimizer = torch.optim.AdamW(trained + extra, rate, betas=(0.9, 0.99), weight_decay=1e-4)
    average = copy.deepcopy(model)
    began, step, squares = time.time(), 0, []
    while time.time() < until and (most_steps is None or step < most_steps):
        until += wait_while_paused(run)
        done = (time.time() - began) / max(1.0, until - began)
        now = (
            rate * min(1.0, (step + 1) / 60) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * done)))
        )
        for group in optimizer.param_groups:
            group["lr"] = now
        target = _batch(pictures, rng, batch_size)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            with torch.set_grad_enabled(not decoder_only):
                latent = model.encoder(target)
            latent = latent.float()
            out = model.decoder(latent + noise * torch.randn_like(latent)).float()
        terms = reconstruction_loss(out, target)
        loss = torch.stack(list(terms.values())).sum()
        if not decoder_only:
            hue = (preview(latent) - F.avg_pool2d(target, 8)).abs().mean()
            mean, spread = latent.mean((0, 2, 3)), latent.std((0, 2, 3))
            loss = loss + 1.5 * hue + 0.01 * (mean**2 + (spread - 1) ** 2).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(trained, 1.0)
        if torch.isfinite(norm):
            optimizer.step()
        step += 1
        keep = min(0.996, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - keep)
        squares.append(terms["square"].item() / 2)
        if step % 100 == 0:
            psnr = 10 * math.log10(4 / float(np.mean(squares[-50:])))
            print(
                f"{step} {time.time() - began:.0f}s loss {float(loss):.3f} psnr {psnr:.2f} "
                f"chroma {float(terms['chroma']) / 2:.4f}",
                flush=True,
            )
    average.eval()
    average.save_pretrained(folder)
    if not decoder_only:
        torch.save(preview.state_dict(), folder / "preview.pt")
    report(run, average, "decoder" if decoder_only else "autoencoder")
    return average


@torch.no_grad()
def report(run: Path, model: AutoencoderTiny, name: str) -> None:
    """Print the held-out PSNR at both scales and save a sheet: drawn above, decoded below."""
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    held = to_unit(np.array(pictures[-min(60, held_out(len(pictures))) :]))
    for scale, batch in (("256", held), ("128", F.avg_pool2d(held, 2))):
        out = torch.cat([model.decoder(model.encoder(x)).clamp(-1, 1) for x in batch.split(10)])
        error = (out - batch).pow(2).mean((1, 2, 3))
        psnr = (10 * torch.log10(4 / error)).mean()
        print(f"held-out at {scale}: psnr {float(psnr):.2f}", flush=True)
        if scale == "256":
            both = torch.cat([batch, out], 2)[:12]
            save_sheet(to_pictures(both), run / "sheets" / f"{name}.png", columns=6)


@torch.no_grad()
def encode(run: Path, sides: tuple[int, ...] = (16, 32), count: int | None = None) -> None:
    """Write latents of the first `count` pictures, one file for each latent side.

    RUN/latents128.npy (float16 N x 4 x 16 x 16, of the halved pictures) and RUN/latents256.npy
    (N x 4 x 32 x 32). The scaling factor of the autoencoder is set so that scaled latents of the
    first side written have unit deviation; it is then kept.
    """
    model = AutoencoderTiny.from_pretrained(run / "autoencoder").eval()
    model.to(memory_format=torch.channels_last)
    pictures = np.load(run / "pictures.npy", mmap_mode="r")[:count]
    for side in sides:
        latents = np.zeros((len(pictures), 4, side, side), np.float16)
        for i in range(0, len(pictures), 50):
            wait_while_paused(run)
            batch = F.avg_pool2d(to_unit(np.array(pictures[i : i + 50])), 32 // side)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                code = model.encoder(batch.contiguous(memory_format=torch.channels_last))
            latents[i : i + 50] = code.float().numpy()
        unfinished = run / f"latents{8 * side}.writing.npy"
        np.save(unfinished, latents)
        unfinished.rename(run / f"latents{8 * side}.npy")
        sample = latents[:2000].astype(np.float32)
        spread = float(sample.std())
        if model.config.scaling_factor == 1.0:
            model.register_to_config(scaling_factor=round(1 / spread, 4))
            model.save_pretrained(run / "autoencoder")
        print(
            f"encoded {len(latents)} to {side}: deviation {spread:.3f}, per channel "
            f"{sample.std((0, 2, 3)).round(2).tolist()}",
            flush=True,
        )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--decoder-only", action="store_true")
    parser.add_argument("--encode", action="store_true")
    parser.add_argument("--sides", type=int, nargs="+", default=(16, 32), help="with --encode")
    parser.add_argument("--count", type=int, help="with --encode: only the first pictures")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if not arguments.encode:
        train(
            arguments.run,
            deadline(arguments.deadline, arguments.minutes),
            width=arguments.width,
            rate=arguments.rate,
            batch_size=arguments.batch,
            decoder_only=arguments.decoder_only,
        )
    else:
        encode(arguments.run, tuple(arguments.sides), arguments.count)


if __name__ == "__main__":
    main()
