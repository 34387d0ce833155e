"""Train the denoiser and the text encoder on encoded pictures, by wall clock, resumable.

    python -m training.train --run RUN --stage a --side 16 --deadline 09:10
    python -m training.train --run RUN --stage b --side 32 --init a --deadline 10:05

Checkpoints (model, average, optimizers, step, random state) go to RUN/<stage>/checkpoint.pt every
`--every` minutes; the same command resumes after a kill. `touch RUN/PAUSE` makes the trainer wait,
removing the file lets it go on.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from training.attention import WatchedAttention, localisation_loss
from training.autoencoder import HELD_OUT
from training.files import deadline, save_atomically, save_sheet, to_pictures, wait_while_paused
from training.muon import Muon
from training.networks import WIDTHS, build_text_encoder, build_unet, draw, signal
from training.tokenizer import LENGTH

PROMPTS = (
    "a lone wolf under a full moon, misty forest",
    "a lone wolf under a big full moon, misty forest, night",
    "a white wolf under a small moon, snowy mountains",
    "misty forest",
    "snowy mountains",
    "starry night sky",
    "calm sea",
    "a full moon on the left",
    "a red mug on a wooden table",
    "a blue boat on the calm sea at sunset",
    "a green bottle on the left and a yellow lamp on the right on a marble table",
    "three red apples on a wooden table, in a kitchen",
    "a black cat, city skyline, night",
    "a purple vase on a wooden table by a window",
    "a red balloon over green hills by day",
    "a white sneaker on a marble table, pink studio backdrop",
)


@dataclass
class Data:
    """Everything a trainer reads, in memory. Latents are scaled to unit deviation."""

    latents: torch.Tensor
    masks: torch.Tensor
    ids: torch.Tensor
    nouns: torch.Tensor

    @property
    def count(self) -> int:
        """Number of pictures to train on; those after it are held out."""
        return len(self.latents) - min(HELD_OUT, len(self.latents) // 5)


def load(run: Path, side: int, scaling: float) -> Data:
    """Read a run's latents of a side (16 or 32), noun masks and captions."""
    latents = torch.from_numpy(np.load(run / f"latents{side * 8}.npy")).float() * scaling
    masks = torch.from_numpy(np.load(run / "masks.npy").astype(np.int32))
    text = np.load(run / "text.npz")
    return Data(
        latents,
        masks[: len(latents)],
        torch.from_numpy(text["ids"].astype(np.int64)),
        torch.from_numpy(text["nouns"].astype(np.int64)),
    )


class Trainer:
    """Networks, their running average, optimizers and the losses of one stage."""

    def __init__(
        self,
        run: Path,
        side: int,
        *,
        widths: tuple[int, ...],
        optimizer: str,
        rate: float,
        supervision: float,
        batch: int,
        seed: int,
    ) -> None:
        self.run, self.side, self.batch, self.supervision = run, side, batch, supervision
        self.rate, self.step = rate, 0
        torch.manual_seed(seed)
        self.vae: AutoencoderTiny = AutoencoderTiny.from_pretrained(run / "autoencoder").eval()
        self.scaling = float(self.vae.config.scaling_factor)
        self.tokenizer = CLIPTokenizer.from_pretrained(run / "tokenizer")
        self.empty = self._ids([""])
        self.unet: UNet2DConditionModel = build_unet(widths)
        self.text: CLIPTextModel = build_text_encoder(len(self.tokenizer), LENGTH)
        self.unet.to(memory_format=torch.channels_last)
        self.watch = WatchedAttention()
        self.unet.set_attn_processor(self.watch)
        self.unet.train()
        self.text.train()
        self.mean_unet = copy.deepcopy(self.unet).eval()
        self.mean_text = copy.deepcopy(self.text).eval()
        self.parameters = [*self.unet.parameters(), *self.text.parameters()]
        self.mean_parameters = [*self.mean_unet.parameters(), *self.mean_text.parameters()]
        self.optimizers = self._optimizers(optimizer)
        self.signal = signal()

    def _ids(self, prompts: list[str]) -> torch.Tensor:
        coded = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
        )
        return coded.input_ids

    def _optimizers(self, kind: str) -> list[torch.optim.Optimizer]:
        inner = (
            {
                p
                for name, p in self.unet.named_parameters()
                if p.ndim >= 2 and not name.startswith(("conv_in", "conv_out"))
            }
            if kind == "muon"
            else set()
        )
        # A word's vector must not decay between its rare uses; the rest hardly matters.
        rest = [p for p in self.parameters if p not in inner]
        chosen: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, self.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        ]
        if inner:
            chosen.append(Muon([p for p in self.parameters if p in inner], self.rate))
        return chosen

    def noisy(
        self, clean: torch.Tensor, noise: torch.Tensor, t: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The noised latents at timesteps t, and the velocity to predict."""
        keep = self.signal[t].sqrt()[:, None, None, None]
        lose = (1 - self.signal[t]).sqrt()[:, None, None, None]
        return keep * clean + lose * noise, keep * noise - lose * clean

    def update(self, data: Data, factor: float) -> tuple[float, float]:
        """One step at `factor` of the learning rate; gives the loss and the attention loss."""
        size = self.batch
        chosen = torch.randint(0, data.count, (size,))
        phrase = torch.randint(0, data.ids.shape[1], (size,))
        ids, nouns = data.ids[chosen, phrase].clone(), data.nouns[chosen, phrase].clone()
        dropped = torch.rand(size) < 0.1
        ids[dropped], nouns[dropped] = self.empty, -1
        uniform = torch.randint(0, 1000, (size,))
        middle = (torch.sigmoid(torch.randn(size)) * 1000).long().clamp(0, 999)
        t = torch.where(torch.rand(size) < 0.7, middle, uniform)
        clean = data.latents[chosen]
        noisy, velocity = self.noisy(clean, torch.randn_like(clean), t)
        self.watch.record = []
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.text(ids).last_hidden_state
            out = self.unet(noisy.contiguous(memory_format=torch.channels_last), t, states).sample
        loss = (out.float() - velocity).pow(2).mean()
        # Nobody can say where the moon is in pure noise: weigh by the signal that is left.
        localised = localisation_loss(
            self.watch.record, data.masks[chosen].long(), nouns, self.signal[t].sqrt()
        )
        self.watch.record = None
        (loss + self.supervision * localised).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % 2 == 0:
            keep = min(0.997, (1 + self.step) / (20 + self.step))
            with torch.no_grad():
                torch._foreach_lerp_(self.mean_parameters, self.parameters, 1 - keep)
        return loss.item(), localised.item()

    @torch.no_grad()
    def held_out(self, data: Data, averaged: bool = True) -> float:
        """Loss on held-out pictures at fixed noise and timesteps."""
        unet, text = (self.mean_unet, self.mean_text) if averaged else (self.unet, self.text)
        generator = torch.Generator().manual_seed(5)
        clean = data.latents[data.count :]
        t = torch.linspace(20, 979, len(clean)).long()[
            torch.randperm(len(clean), generator=generator)
        ]
        noise = torch.randn(clean.shape, generator=generator)
        noisy, velocity = self.noisy(clean, noise, t)
        total = 0.0
        for part in torch.arange(len(clean)).split(50):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = text(data.ids[data.count :][part, 0]).last_hidden_state
                out = unet(
                    noisy[part].contiguous(memory_format=torch.channels_last), t[part], states
                ).sample.float()
            total += (out - velocity[part]).pow(2).mean((1, 2, 3)).sum().item()
        return total / len(clean)

    @torch.no_grad()
    def sheet(self, path: Path) -> None:
        """Draw the fixed prompts with the averaged networks."""
        latents = draw(
            self.mean_unet,
            self.mean_text,
            self._ids(list(PROMPTS)),
            self.empty,
            side=self.side,
            guidance=4.0,
        )
        pictures = self.vae.decode(latents / self.scaling).sample
        save_sheet(to_pictures(pictures), path, columns=4)

    def state(self) -> dict[str, Any]:
        """Everything needed to resume."""
        return {
            "unet": self.unet.state_dict(),
            "text": self.text.state_dict(),
            "mean_unet": self.mean_unet.state_dict(),
            "mean_text": self.mean_text.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any], *, weights_only: bool = False) -> None:
        """Load a checkpoint, or only its averaged weights to start another stage from."""
        if weights_only:
            for ours, mean, name in (
                (self.unet, self.mean_unet, "mean_unet"),
                (self.text, self.mean_text, "mean_text"),
            ):
                ours.load_state_dict(state[name])
                mean.load_state_dict(state[name])
            return
        for name in ("unet", "text", "mean_unet", "mean_text"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step = state["step"]
        torch.set_rng_state(state["random"])


def rate_factor(step: int, done: float, decay_from: float, floor: float = 0.05) -> float:
    """Share of the learning rate: 100 steps of warm-up, constant, then linear down to `floor`."""
    warm = min(1.0, (step + 1) / 100)
    if done <= decay_from:
        return warm
    return warm * max(floor, 1 - (1 - floor) * (done - decay_from) / (1 - decay_from))


def run_stage(
    trainer: Trainer,
    stage: str,
    until: float,
    *,
    decay_from: float,
    every: float,
    sheet_every: float,
) -> None:
    """Train a stage until the wall-clock time `until`, with checkpoints, curve and sheets."""
    folder = trainer.run / stage
    folder.mkdir(exist_ok=True)
    checkpoint, curve = folder / "checkpoint.pt", folder / "curve.jsonl"
    data = load(trainer.run, trainer.side, trainer.scaling)
    began = time.time()
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        trainer.restore(saved)
        began = saved["began"]
        print(f"resumed at step {trainer.step}", flush=True)
    sizes = [sum(p.numel() for p in m.parameters()) / 1e6 for m in (trainer.unet, trainer.text)]
    print(
        f"{stage}: {data.count} pictures, denoiser {sizes[0]:.1f} M, text {sizes[1]:.1f} M, "
        f"latent deviation {float(data.latents[:500].std()):.3f}",
        flush=True,
    )
    saved_at = sheet_at = mark = time.time()
    losses: list[tuple[float, float]] = []

    def keep() -> None:
        save_atomically({**trainer.state(), "began": began}, checkpoint)

    while time.time() < until:
        wait_while_paused(trainer.run)
        done = (time.time() - began) / max(1.0, until - began)
        losses.append(trainer.update(data, rate_factor(trainer.step, done, decay_from)))
        if trainer.step % 100 == 0:
            loss, localised = np.mean(losses[-100:], axis=0)
            speed = 100 * trainer.batch / (time.time() - mark)
            mark = time.time()
            entry = {
                "step": trainer.step,
                "samples": trainer.step * trainer.batch,
                "seconds": round(time.time() - began),
                "loss": round(float(loss), 4),
                "attention": round(float(localised), 4),
                "rate": round(speed, 1),
            }
            if trainer.step % 500 == 0:
                entry["held_out"] = round(trainer.held_out(data), 4)
                mark = time.time()
            with curve.open("a") as lines:
                lines.write(json.dumps(entry) + "\n")
            print(entry, flush=True)
        if time.time() - saved_at > 60 * every:
            keep()
            saved_at = mark = time.time()
        if time.time() - sheet_at > 60 * sheet_every:
            trainer.sheet(folder / f"sheet{trainer.step:06d}.png")
            sheet_at = mark = time.time()
    keep()
    trainer.sheet(folder / "sheet_last.png")
    print(
        f"done: {trainer.step} steps, {trainer.step * trainer.batch} samples, held-out "
        f"{trainer.held_out(data):.4f} (last weights {trainer.held_out(data, False):.4f})",
        flush=True,
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--stage", required=True, help="name of the stage's folder in the run")
    parser.add_argument("--init", help="stage whose averaged weights to start from")
    parser.add_argument("--side", type=int, default=32, help="latent side: 16 or 32")
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--widths", type=int, nargs=3, default=WIDTHS)
    parser.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--supervision", type=float, default=0.03)
    parser.add_argument("--decay-from", type=float, default=0.5)
    parser.add_argument("--every", type=float, default=5.0, help="minutes between checkpoints")
    parser.add_argument("--sheet-every", type=float, default=8.0, help="minutes between sheets")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    trainer = Trainer(
        a.run,
        a.side,
        widths=tuple(a.widths),
        optimizer=a.optimizer,
        rate=a.rate,
        supervision=a.supervision,
        batch=a.batch,
        seed=a.seed,
    )
    if a.init:
        path = a.run / a.init / "checkpoint.pt"
        trainer.restore(torch.load(path, weights_only=False), weights_only=True)
    run_stage(
        trainer,
        a.stage,
        deadline(a.deadline, a.minutes),
        decay_from=a.decay_from,
        every=a.every,
        sheet_every=a.sheet_every,
    )


if __name__ == "__main__":
    main()
