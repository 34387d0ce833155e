"""Train the denoiser and the text encoder on encoded pictures, by wall clock, resumable.

    python -m training.train --run RUN --stage a --deadline 10:00

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
from training.autoencoder import held_out
from training.files import deadline, save_atomically, save_sheet, to_pictures, wait_while_paused
from training.muon import Muon
from training.networks import WIDTHS, build_text_encoder, build_unet, draw, signal
from training.parallel import ALONE, Team, start
from training.tokenizer import LENGTH
from training.world import NOUNS

CURVE_STEPS = 50
#: Room for the gradients of the largest networks this trains.
LARGEST = 20_000_000

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
    weights: torch.Tensor

    @property
    def count(self) -> int:
        """Number of pictures to train on; those after it are held out."""
        return len(self.latents) - held_out(len(self.latents))


def load(run: Path, side: int, scaling: float, favour: dict[str, float] | None = None) -> Data:
    """Read a run's latents of a side (16 or 32), noun masks and captions.

    favour: how much more often (or less, below 1) to take pictures that show a noun.
    """
    latents = torch.from_numpy(np.load(run / f"latents{side * 8}.npy")).float() * scaling
    masks = np.load(run / "masks.npy")[: len(latents)]
    shown = np.bitwise_or.reduce(masks.reshape(len(masks), -1), 1)
    weights = np.ones(len(masks))
    for noun, factor in (favour or {}).items():
        weights[(shown >> np.uint32(NOUNS.index(noun))) & 1 == 1] *= factor
    text = np.load(run / "text.npz")
    return Data(
        latents,
        torch.from_numpy(masks.astype(np.int32)),
        torch.from_numpy(text["ids"].astype(np.int64)),
        torch.from_numpy(text["nouns"].astype(np.int64)),
        torch.from_numpy(weights),
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
        team: Team = ALONE,
    ) -> None:
        self.team = team
        self.run, self.side, self.batch, self.supervision = run, side, batch, supervision
        self.rate, self.step, self.samples = rate, 0, 0
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
        torch.manual_seed(1000 * seed + team.rank + 1)  # from here on each worker draws its own
        self.optimizers = self._optimizers(optimizer)
        self.signal = signal()

    def _ids(self, prompts: list[str]) -> torch.Tensor:
        coded = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
        )
        return coded.input_ids

    def _optimizers(self, kind: str) -> list[torch.optim.Optimizer]:
        networks = (*self.unet.named_parameters(), *self.text.named_parameters())
        # First, last and looked-up layers are not maps between features: AdamW, as for biases.
        outer = ("conv_in", "conv_out", "embeddings")
        inner = {
            p
            for name, p in networks
            if kind == "muon" and p.ndim >= 2 and not any(word in name for word in outer)
        }
        rest = [p for p in self.parameters if p not in inner]
        adam_rate = self.rate * (0.75 if inner else 1.0)
        chosen: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, adam_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        ]
        if inner:
            matrices = [p for p in self.parameters if p in inner]
            chosen.append(Muon(matrices, self.rate, team=self.team))
        for optimizer in chosen:
            for group in optimizer.param_groups:
                group["full"] = group["lr"]
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
        chosen = torch.multinomial(data.weights[: data.count], size, replacement=True)
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
        self.team.add([p.grad for p in self.parameters], 1 / self.team.size)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.samples += size * self.team.size
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
            "samples": self.samples,
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
            full = [group["full"] for group in optimizer.param_groups]
            optimizer.load_state_dict(saved)
            for group, rate in zip(optimizer.param_groups, full, strict=True):
                group["full"] = rate  # a resumed run may ask for another rate
        self.step, self.samples = state["step"], state.get("samples", 64 * state["step"])
        if self.team.rank == 0:
            torch.set_rng_state(state["random"])
        else:
            torch.manual_seed(1000 * self.step + self.team.rank)


def rate_factor(step: int, done: float, decay_from: float, floor: float = 0.05) -> float:
    """Share of the learning rate: 40 steps of warm-up, constant, then linear down to `floor`."""
    warm = min(1.0, (step + 1) / 40)
    if done <= decay_from:
        return warm
    return warm * max(floor, 1 - (1 - floor) * (done - decay_from) / (1 - decay_from))


class Keeper:
    """Worker 0's duties in a stage: the clock, the curve, checkpoints and sheets."""

    def __init__(self, trainer: Trainer, stage: str, data: Data, until: float) -> None:
        self.trainer, self.data, self.until = trainer, data, until
        self.folder = trainer.run / stage
        self.folder.mkdir(exist_ok=True)
        self.began = self.saved = self.drawn = self.mark = time.time()
        self.losses: list[tuple[float, float]] = []

    @property
    def checkpoint(self) -> Path:
        """Where the stage's state is kept."""
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the stage's checkpoint, if there is one."""
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, weights_only=False)
            self.trainer.restore(saved)
            self.began = saved["began"]

    def plan(self, decay_from: float) -> tuple[bool, float]:
        """Whether to make another step, and its share of the learning rate."""
        wait_while_paused(self.trainer.run)
        done = (time.time() - self.began) / max(1.0, self.until - self.began)
        return time.time() < self.until, rate_factor(self.trainer.step, done, decay_from)

    def note(self) -> None:
        """Write the curve's next point."""
        trainer = self.trainer
        loss, localised = np.mean(self.losses[-CURVE_STEPS:], axis=0)
        samples = trainer.batch * trainer.team.size
        entry = {
            "step": trainer.step,
            "samples": trainer.samples,
            "seconds": round(time.time() - self.began),
            "loss": round(float(loss), 4),
            "attention": round(float(localised), 4),
            "rate": round(CURVE_STEPS * samples / (time.time() - self.mark), 1),
        }
        if trainer.step % (5 * CURVE_STEPS) == 0:
            entry["held_out"] = round(trainer.held_out(self.data), 4)
        with (self.folder / "curve.jsonl").open("a") as lines:
            lines.write(json.dumps(entry) + "\n")
        print(entry, flush=True)
        self.mark = time.time()

    def keep(self) -> None:
        """Write the checkpoint."""
        save_atomically({**self.trainer.state(), "began": self.began}, self.checkpoint)
        self.saved = self.mark = time.time()

    def draw(self, name: str) -> None:
        """Draw the sheet of prompts."""
        self.trainer.sheet(self.folder / name)
        self.drawn = self.mark = time.time()


def run_stage(
    trainer: Trainer,
    stage: str,
    until: float,
    *,
    decay_from: float,
    every: float,
    sheet_every: float,
    most_steps: int | None = None,
    favour: dict[str, float] | None = None,
) -> None:
    """Train until the wall-clock time `until` (or `most_steps`): checkpoints, curve, sheets."""
    data = load(trainer.run, trainer.side, trainer.scaling, favour)
    keeper, first = Keeper(trainer, stage, data, until), trainer.team.rank == 0
    keeper.resume()
    if first:
        sizes = [sum(p.numel() for p in m.parameters()) / 1e6 for m in (trainer.unet, trainer.text)]
        print(
            f"{stage}: {data.count} pictures, denoiser {sizes[0]:.1f} M, text {sizes[1]:.1f} M, "
            f"from step {trainer.step}",
            flush=True,
        )
    while True:
        # Worker 0's clock decides for everybody, or the workers' weights would drift apart.
        order = torch.zeros(2)
        if first:
            order = torch.tensor([float(x) for x in keeper.plan(decay_from)])
            if most_steps is not None and trainer.step >= most_steps:
                order[0] = 0
        trainer.team.add([order])
        if order[0] < 0.5:
            break
        keeper.losses.append(trainer.update(data, float(order[1])))
        if not first:
            continue
        if trainer.step % CURVE_STEPS == 0:
            keeper.note()
        if time.time() - keeper.saved > 60 * every:
            keeper.keep()
        if sheet_every and time.time() - keeper.drawn > 60 * sheet_every:
            keeper.draw(f"sheet{trainer.step:06d}.png")
    if first:
        keeper.keep()
        print(
            f"done: {trainer.step} steps, {trainer.samples} samples, held-out "
            f"{trainer.held_out(data):.4f} (last weights {trainer.held_out(data, False):.4f})",
            flush=True,
        )
        if sheet_every:
            keeper.draw("sheet_last.png")


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does: build, start from an earlier stage if asked, train."""
    trainer = Trainer(
        a.run,
        a.side,
        widths=tuple(a.widths),
        optimizer=a.optimizer,
        rate=a.rate,
        supervision=a.supervision,
        batch=a.batch // team.size,
        seed=a.seed,
        team=team,
    )
    if a.init:
        path = a.run / a.init / "checkpoint.pt"
        trainer.restore(torch.load(path, weights_only=False), weights_only=True)
    favour = {noun: float(factor) for noun, factor in (item.split("=") for item in a.favour)}
    run_stage(
        trainer,
        a.stage,
        until,
        decay_from=a.decay_from,
        every=a.every,
        sheet_every=a.sheet_every,
        favour=favour,
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--stage", required=True, help="name of the stage's folder in the run")
    parser.add_argument("--init", help="stage whose averaged weights to start from")
    parser.add_argument("--side", type=int, default=16, help="latent side: 16 or 32")
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--widths", type=int, nargs=3, default=WIDTHS)
    parser.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=64, help="of all workers together")
    parser.add_argument("--supervision", type=float, default=0.03)
    parser.add_argument("--decay-from", type=float, default=0.5)
    parser.add_argument("--every", type=float, default=5.0, help="minutes between checkpoints")
    parser.add_argument("--sheet-every", type=float, default=8.0, help="minutes, 0: none")
    parser.add_argument("--favour", nargs="*", default=(), help="noun=factor: take more of these")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread")
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    start(work, a.workers, LARGEST, a, deadline(a.deadline, a.minutes))


if __name__ == "__main__":
    main()
