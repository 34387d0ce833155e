"""Make the autoencoder of factor 16 out of the one of factor 8.

    python -m training.factor16 --run RUN --part decoder --deadline 09:00   # resumable
    python -m training.factor16 --run RUN --part encoder --minutes 4

The denoiser learns on 16x16 latents: those of pictures halved to 128x128. A deeper decoder learns
to paint the 256x256 picture from them at once, which costs the denoiser nothing (four times fewer
latents than factor 8 would give it), and a deeper encoder learns to give the same latents from the
256x256 picture. Both start from the weights of factor 8. Writes RUN/autoencoder16.
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

from training.autoencoder import held_out, reconstruction_loss
from training.files import (
    deadline,
    save_atomically,
    save_sheet,
    to_pictures,
    to_unit,
    wait_while_paused,
)
from training.muon import Muon
from training.parallel import Team, start

DECODER_BLOCKS = (5, 4, 2, 1, 0)
ENCODER_BLOCKS = (0, 0, 1, 2, 3)


def build(width: int = 48) -> AutoencoderTiny:
    """A new AutoencoderTiny of factor 16 with 4 latent channels."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 5,
        decoder_block_out_channels=(width,) * 5,
        num_encoder_blocks=ENCODER_BLOCKS,
        num_decoder_blocks=DECODER_BLOCKS,
        latent_channels=4,
        act_fn="silu",
        force_upcast=False,
    )


def _halving_kernels(first: nn.Conv2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Two 3x3 convolutions that together do nearly 'halve by averaging, then `first`'.

    The first copies each colour from its nine neighbours, with a constant channel for the bias;
    the second, of stride 2, sums them with the kernel of 2x2 mean and `first` (6x6 pixels, of
    which a 5x5 window is in reach: the last row and column are folded into their neighbours).
    """
    width = first.weight.shape[0]
    shifts = torch.zeros(width, 3, 3, 3)
    for colour in range(3):
        for place in range(9):
            shifts[colour * 9 + place, colour, place // 3, place % 3] = 1
    whole = F.interpolate(first.weight, scale_factor=2, mode="nearest") / 4
    # Pixels -2..3 around the even pixel at the centre; the reach is -2..2.
    window = whole[:, :, :5, :5].clone()
    window[:, :, 4] += whole[:, :, 5, :5]
    window[:, :, :, 4] += whole[:, :, :5, 5]
    window[:, :, 4, 4] += whole[:, :, 5, 5]
    gather = torch.zeros(width, width, 3, 3)
    for y in range(5):
        for x in range(5):
            # Which tap of the second, seeing which shift of the first, reaches pixel (y, x).
            tap_y, tap_x = min(max(y - 1, 0), 2), min(max(x - 1, 0), 2)
            place = (y - tap_y) * 3 + (x - tap_x)
            for colour in range(3):
                gather[:, colour * 9 + place, tap_y, tap_x] += window[:, colour, y, x]
    return shifts, gather


@torch.no_grad()
def deepen(small: AutoencoderTiny) -> AutoencoderTiny:
    """The factor-16 autoencoder that starts from a factor-8 one."""
    width = small.encoder.layers[0].weight.shape[0]
    deep = build(width)
    shifts, gather = _halving_kernels(small.encoder.layers[0])
    first, second = deep.encoder.layers[0], deep.encoder.layers[1]
    first.weight.copy_(shifts)
    first.bias.zero_()
    first.bias[width - 1] = 1
    gather[:, width - 1, 1, 1] = small.encoder.layers[0].bias
    second.weight.copy_(gather)
    for ours, theirs in zip(deep.encoder.layers[2:], small.encoder.layers[1:], strict=True):
        ours.load_state_dict(theirs.state_dict())
    # The last layers paint pixels from features and are trained already; the first are new.
    known = list(small.decoder.layers)[2:]
    for ours, theirs in zip(list(deep.decoder.layers)[-len(known) :], known, strict=True):
        ours.load_state_dict(theirs.state_dict())
    deep.register_to_config(scaling_factor=small.config.scaling_factor)
    return deep


class Set:
    """Pictures and their latents; the last of them are held out."""

    def __init__(self, run: Path) -> None:
        self.latents = np.load(run / "latents128.npy", mmap_mode="r")
        self.pictures = np.load(run / "pictures.npy", mmap_mode="r")[: len(self.latents)]
        self.count = len(self.latents) - held_out(len(self.latents))

    def batch(self, chosen: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Unscaled latents (N x 4 x 16 x 16) and pictures (N x 3 x 256 x 256, -1..1)."""
        order = np.sort(chosen)
        latents = torch.from_numpy(np.array(self.latents[order])).float()
        return latents, to_unit(np.array(self.pictures[order]))


@torch.no_grad()
def report(run: Path, model: AutoencoderTiny, data: Set) -> None:
    """Print held-out figures of both halves and save a sheet: drawn, decoded from the latents."""
    latents, pictures = data.batch(np.arange(data.count, len(data.latents))[:40])
    painted = torch.cat([model.decoder(x).clamp(-1, 1) for x in latents.split(8)])
    coded = torch.cat([model.encoder(x) for x in pictures.split(8)])
    error = (painted - pictures).pow(2).mean((1, 2, 3))
    psnr = float((10 * torch.log10(4 / error)).mean())
    apart = float((coded - latents).pow(2).mean().sqrt() / latents.std())
    print(f"held-out: decoder psnr {psnr:.2f}, encoder off by {apart:.3f} deviations", flush=True)
    both = torch.cat([pictures, painted], 2)[:12]
    save_sheet(to_pictures(both), run / "sheets" / "decoder16.png", columns=6)


def train(team: Team, a: argparse.Namespace, until: float) -> None:
    """Train one half until a wall-clock time; writes RUN/autoencoder16 every few minutes."""
    run, folder = a.run, a.run / "autoencoder16"
    data, rng = Set(run), np.random.default_rng(time.time_ns() % 2**32 + team.rank)
    if (folder / "config.json").exists():
        model: AutoencoderTiny = AutoencoderTiny.from_pretrained(folder)
    else:
        model = deepen(AutoencoderTiny.from_pretrained(run / "autoencoder"))
    team.wait()
    model.to(memory_format=torch.channels_last)
    half: nn.Module = model.decoder if a.part == "decoder" else model.encoder
    parameters = list(half.parameters())
    average = copy.deepcopy(half)
    # Convolutions between features; the first and last touch latents and colours.
    inner = [p for p in parameters if p.ndim == 4 and min(p.shape[:2]) > 4]
    outer = [p for p in parameters if p.ndim != 4 or min(p.shape[:2]) <= 4]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(outer, a.rate, betas=(0.9, 0.99), weight_decay=1e-4),
        Muon(inner, a.rate, weight_decay=1e-3),
    ]
    began = saved = time.time()
    step, history = 0, []

    def keep() -> None:
        whole = copy.deepcopy(model)
        setattr(whole, a.part, average)
        whole.save_pretrained(folder)
        save_atomically({"part": a.part, "step": step}, run / "autoencoder16.pt")

    while True:
        order = torch.zeros(2)
        if team.rank == 0:
            wait_while_paused(run)
            done = (time.time() - began) / max(1.0, until - began)
            order[0] = float(time.time() < until)
            order[1] = min(1.0, (step + 1) / 50) * max(0.04, 0.5 * (1 + math.cos(math.pi * done)))
        team.add([order])
        if order[0] < 0.5:
            break
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = a.rate * float(order[1])
        latents, pictures = data.batch(rng.integers(0, data.count, a.batch // team.size))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            if a.part == "decoder":
                # The denoiser's latents are never exact: paint well from slightly wrong ones.
                wrong = latents + a.noise * torch.randn_like(latents)
                out = model.decoder(wrong).float()
                loss = torch.stack(list(reconstruction_loss(out, pictures).values())).sum()
            else:
                out = model.encoder(pictures).float()
                loss = F.mse_loss(out, latents) + 0.5 * F.l1_loss(out, latents)
        loss.backward()
        team.add([p.grad for p in parameters], 1 / team.size)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        history.append(loss.item())
        mean = min(0.996, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), parameters, 1 - mean)
        if team.rank == 0 and step % 50 == 0:
            print(
                f"{a.part} {step} {time.time() - began:.0f}s loss {np.mean(history[-50:]):.4f}",
                flush=True,
            )
        if team.rank == 0 and time.time() - saved > 240:
            keep()
            saved = time.time()
    if team.rank == 0:
        keep()
        report(run, AutoencoderTiny.from_pretrained(folder), data)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--part", choices=("decoder", "encoder"), required=True)
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=4, help="of all workers together")
    parser.add_argument("--noise", type=float, default=0.06, help="added to latents (unscaled)")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread")
    a = parser.parse_args()
    start(train, a.workers, 3_000_000, a, deadline(a.deadline, a.minutes))


if __name__ == "__main__":
    main()
