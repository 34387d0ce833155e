"""Train the autoencoder: 256x256 pictures to 16x16x8 latents and back.

    python -m training.autoencoder --run RUN --minutes 18 [--init FOLDER]
    python -m training.autoencoder --run RUN --encode                  # RUN/latents.npy
    python -m training.autoencoder --run RUN --part decoder --minutes 20     # encoder frozen

Factor 16 leaves the denoiser four times fewer latents than factor 8 would; eight channels keep
eyes and edges that four lose. It starts from the weights of `--init` (an AutoencoderTiny folder of
this factor, such as that of the shipped model; fewer channels are widened), else anew. Writes
RUN/autoencoder; the same command goes on with the weights that are there.

Judge RUN/sheets/autoencoder.png and the share of edges, not PSNR alone.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing as mp
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from numpy.lib.format import open_memmap
from torch import nn
from torch.nn import functional as F  # noqa: N812

from training.device import autocast, device, usual_workers
from training.files import deadline, save_sheet, to_pictures, to_unit, wait_while_paused
from training.losses import busy_crops, cropped, psnr, reconstruction_loss, sharpness
from training.muon import Muon
from training.networks import CHANNELS
from training.parallel import Team, start

#: Blocks from 16x16 up to 256x256, and from 256x256 down: the coarse ones cost next to nothing.
DECODER_BLOCKS = (8, 6, 3, 1, 0)
ENCODER_BLOCKS = (0, 0, 1, 3, 5)
SHAPE = (ENCODER_BLOCKS, DECODER_BLOCKS)
#: Side of the crops that the decoder trains on, in latent cells.
CELLS = 10
#: Deviation that each channel of the latents is drawn towards.
SPREAD = 0.7
HELD_OUT = 200


def build(width: int = 48) -> AutoencoderTiny:
    """A new AutoencoderTiny of factor 16."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 5,
        decoder_block_out_channels=(width,) * 5,
        num_encoder_blocks=ENCODER_BLOCKS,
        num_decoder_blocks=DECODER_BLOCKS,
        latent_channels=CHANNELS,
        act_fn="silu",
        force_upcast=False,
    )


def _pairs(old: nn.Sequential, new: nn.Sequential) -> Iterator[tuple[nn.Module | None, nn.Module]]:
    """Each layer of `new` and the one of `old` that does the same; None for an added block."""
    rest = list(old)
    for layer in new:
        block = isinstance(layer, AutoencoderTinyBlock)
        if block and (not rest or not isinstance(rest[0], AutoencoderTinyBlock)):
            yield None, layer
        else:
            yield rest.pop(0), layer


@torch.no_grad()
def grown(old: AutoencoderTiny) -> AutoencoderTiny:
    """An autoencoder given the blocks and latent channels that this file asks for; at first it
    paints what it painted before.

    A block ends in a ReLU, so that one added after it with a zero last convolution changes nothing.
    """
    new = build(old.decoder.layers[0].weight.shape[0])
    for half in ("encoder", "decoder"):
        for known, layer in _pairs(getattr(old, half).layers, getattr(new, half).layers):
            if known is None:
                layer.conv[-1].weight.zero_()
                layer.conv[-1].bias.zero_()
                continue
            own = layer.state_dict()
            for name, value in known.state_dict().items():
                if own[name].shape != value.shape:  # more latent channels: ignored at first
                    own[name].mul_(0 if half == "decoder" else 1)
                    own[name][tuple(slice(0, n) for n in value.shape)] = value
                else:
                    own[name].copy_(value)
            layer.load_state_dict(own)
    new.register_to_config(scaling_factor=old.config.scaling_factor)
    return new


def _preview(folders: Sequence[Path | None]) -> nn.Conv2d:
    """A linear view of the latent that gives mean colours, from the first folder that has one."""
    preview = nn.Conv2d(CHANNELS, 3, 1)
    with torch.no_grad():
        preview.weight.copy_(torch.eye(3, CHANNELS)[:, :, None, None])
        preview.bias.zero_()
        for folder in folders:
            if folder is not None and (folder / "preview.pt").exists():
                known = torch.load(folder / "preview.pt", weights_only=True)
                preview.weight.zero_()
                preview.weight[:, : known["weight"].shape[1]] = known["weight"]
                preview.bias.copy_(known["bias"])
                break
    return preview


def held_out(count: int) -> int:
    """How many pictures at the end of a set of `count` no training step sees."""
    return min(HELD_OUT, count // 5)


class Set:
    """Pictures of a run; the last of them are held out."""

    def __init__(self, run: Path) -> None:
        self.pictures = np.load(run / "pictures.npy", mmap_mode="r")
        self.count = len(self.pictures) - held_out(len(self.pictures))

    def batch(self, chosen: np.ndarray, where: torch.device) -> torch.Tensor:
        """Pictures N x 3 x 256 x 256, -1..1."""
        return to_unit(np.array(self.pictures[np.sort(chosen)])).to(where)


@torch.no_grad()
def report(run: Path, model: AutoencoderTiny, name: str = "autoencoder") -> dict[str, float]:
    """Print held-out figures and save a sheet: drawn above, painted from its latents below."""
    data = Set(run)
    pictures = data.batch(np.arange(data.count, len(data.pictures))[:60], torch.device("cpu"))
    out = torch.cat([model.decoder(model.encoder(x)) for x in pictures.split(10)])
    found = {"psnr": round(psnr(out, pictures), 2), "edges": round(sharpness(out, pictures), 3)}
    print(f"held-out {name}: {found}", flush=True)
    both = torch.cat([pictures, out.clamp(-1, 1)], 2)[:18]
    save_sheet(to_pictures(both), run / "sheets" / f"{name}.png", columns=6)
    return found


def _first(a: argparse.Namespace) -> AutoencoderTiny:
    """The autoencoder to go on with: this run's, that of `--init`, or a new one."""
    for folder in (a.run / "autoencoder", a.init):
        if folder is not None and (folder / "config.json").exists():
            known = AutoencoderTiny.from_pretrained(folder).float()
            shape = (tuple(known.config.num_encoder_blocks), tuple(known.config.num_decoder_blocks))
            if known.config.latent_channels == CHANNELS and shape == SHAPE:
                return known
            return grown(known)
    return build(a.width)


def _optimizers(model: AutoencoderTiny, a: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon for convolutions between features, AdamW for the outer ones."""
    optimizers: list[torch.optim.Optimizer] = []
    for half in (model.decoder, model.encoder):
        ours = [p for p in half.parameters() if p.requires_grad]
        inner = [p for p in ours if p.ndim == 4 and min(p.shape[:2]) > 4]
        outer = [p for p in ours if p.ndim != 4 or min(p.shape[:2]) <= 4]
        if ours:
            optimizers += [
                torch.optim.AdamW(outer, 1.5 * a.rate, betas=(0.9, 0.99), weight_decay=1e-4),
                Muon(inner, a.rate, weight_decay=1e-3),
            ]
    for optimizer in optimizers:
        optimizer.param_groups[0]["full"] = optimizer.param_groups[0]["lr"]
    return optimizers


def train(team: Team, a: argparse.Namespace, until: float) -> None:
    """Train until a wall-clock time; writes RUN/autoencoder every few minutes."""
    run, folder, where = a.run, a.run / "autoencoder", device()
    data, rng = Set(run), np.random.default_rng(time.time_ns() % 2**32 + team.rank)
    model = _first(a)
    team.wait()
    model.to(where, memory_format=torch.channels_last)
    model.encoder.requires_grad_(a.part == "both")
    # Tying a linear view of the latent to the mean colour keeps hues apart and the latent's
    # channels where a denoiser knows them; it doubles as the free preview.
    preview = _preview((folder, a.init))
    preview.to(where)
    optimizers = _optimizers(model, a)
    parameters = [p for p in model.parameters() if p.requires_grad]
    average = copy.deepcopy(model)
    mean_parameters = [
        m for m, p in zip(average.parameters(), model.parameters(), strict=True) if p.requires_grad
    ]
    began = saved = time.time()
    step, history = 0, []

    def keep() -> None:
        average.cpu().save_pretrained(folder)
        torch.save(preview.cpu().state_dict(), folder / "preview.pt")
        average.to(where)
        preview.to(where)

    while True:
        order = torch.zeros(2)
        if team.rank == 0:
            wait_while_paused(run)
            done = (time.time() - began) / max(1.0, until - began)
            order[0] = float(time.time() < until and step < a.most_steps)
            order[1] = min(1.0, (step + 1) / 50) * max(0.03, 0.5 * (1 + math.cos(math.pi * done)))
        team.add([order])
        if order[0] < 0.5:
            break
        # Three steps in four look at the busy parts of twice as many pictures, at a lower cost.
        busy = step % 4 > 0
        size = a.batch // team.size * (2 if busy else 1)
        pictures = data.batch(rng.integers(0, data.count, size), where)
        if busy:
            pictures = cropped(pictures, busy_crops(pictures, CELLS), CELLS, 16)
        with autocast(where):
            latents = model.encoder(pictures).float()
            means = preview(latents)
            hues = (means - F.avg_pool2d(pictures, 16)).abs().mean()
            middle, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
            unlike = (middle**2 + (spread - SPREAD) ** 2).sum()
            # The denoiser's latents are never exact: paint well from slightly wrong ones.
            out = model.decoder(latents + a.noise * torch.randn_like(latents)).float()
        terms = reconstruction_loss(out, pictures, a.sharp)
        loss = torch.stack(list(terms.values())).sum()
        if a.part == "both":
            loss = loss + hues + 0.02 * unlike
        loss.backward()
        team.add([p.grad for p in parameters], 1 / team.size)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = optimizer.param_groups[0]["full"] * float(order[1])
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        preview.zero_grad(set_to_none=True)
        step += 1
        history.append((loss.item(), psnr(out.detach(), pictures)))
        mean = min(0.995, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(mean_parameters, parameters, 1 - mean)
        if team.rank == 0 and step % 50 == 0:
            losses = np.mean(history[-50:], axis=0)
            print(
                f"{a.part} {step} {time.time() - began:.0f}s loss {losses[0]:.4f} "
                f"psnr {losses[1]:.2f}",
                flush=True,
            )
        if team.rank == 0 and time.time() - saved > 240:
            keep()
            saved = time.time()
    if team.rank == 0:
        keep()
        report(run, AutoencoderTiny.from_pretrained(folder))


@torch.no_grad()
def _encode_part(part: int, parts: int, run: Path) -> None:
    """Encode every `parts`-th piece of 500 pictures into RUN/latents.npy."""
    where = device()
    if where.type == "cpu":
        torch.set_num_threads(1)
    model = AutoencoderTiny.from_pretrained(run / "autoencoder").eval().to(where)
    model.to(memory_format=torch.channels_last)
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    latents = np.load(run / "latents.writing.npy", mmap_mode="r+")
    for start_ in range(500 * part, len(pictures), 500 * parts):
        for i in range(start_, min(start_ + 500, len(pictures)), 25):
            batch = to_unit(np.array(pictures[i : min(i + 25, start_ + 500)])).to(where)
            with autocast(where):
                latents[i : i + len(batch)] = model.encoder(batch).float().cpu().numpy()
    latents.flush()


def encode(run: Path, workers: int) -> None:
    """Write RUN/latents.npy (float16 N x 8 x 16 x 16, unscaled) and set the scaling factor."""
    count = len(np.load(run / "pictures.npy", mmap_mode="r"))
    unfinished = run / "latents.writing.npy"
    open_memmap(unfinished, mode="w+", dtype=np.float16, shape=(count, CHANNELS, 16, 16)).flush()
    if workers == 1:
        _encode_part(0, 1, run)
    else:
        mp.spawn(_encode_part, (workers, run), nprocs=workers)
    latents = np.load(unfinished, mmap_mode="r")
    sample = latents[:: max(1, count // 2000)].astype(np.float32)
    model = AutoencoderTiny.from_pretrained(run / "autoencoder")
    model.register_to_config(scaling_factor=round(1 / float(sample.std()), 4))
    model.save_pretrained(run / "autoencoder")
    unfinished.rename(run / "latents.npy")
    print(f"encoded {count}: deviation per channel {sample.std((0, 2, 3)).round(2).tolist()}")


def arguments(said: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--part", choices=("both", "decoder"), default="both")
    parser.add_argument("--init", type=Path, help="an autoencoder folder to start from")
    parser.add_argument("--width", type=int, default=48, help="channels of a new one")
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=8, help="of all workers together")
    parser.add_argument("--most-steps", type=int, default=10**9)
    parser.add_argument("--sharp", type=float, default=1.2, help="weight of slopes in the loss")
    parser.add_argument("--noise", type=float, default=0.06, help="added to latents (unscaled)")
    parser.add_argument("--workers", type=int, default=usual_workers(device()))
    parser.add_argument("--encode", action="store_true")
    parser.add_argument("--report", action="store_true", help="only print held-out figures")
    return parser.parse_args(said)


def main() -> None:
    """Entry point."""
    a = arguments()
    if a.encode:
        encode(a.run, a.workers)
    elif a.report:
        report(a.run, _first(a), "first")
    else:
        start(train, a.workers, 3_000_000, a, deadline(a.deadline, a.minutes))


if __name__ == "__main__":
    main()
