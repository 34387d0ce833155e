"""One step of training: data in memory, networks, optimizers, losses; and sheets to look at."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from training.attention import WatchedAttention, localisation_loss, log_weights
from training.autoencoder import held_out
from training.device import autocast, device
from training.files import save_sheet, to_pictures
from training.muon import Muon
from training.networks import build_text_encoder, build_unet, draw, signal
from training.parallel import ALONE, Team
from training.tokenizer import LENGTH
from training.world import NOUNS

PROMPTS = (
    "a lone wolf under a full moon, misty forest",
    "a white wolf under a small moon, snowy mountains",
    "misty forest",
    "calm sea at sunset",
    "a big full moon on the left over green hills",
    "a red mug with a white star on a wooden table",
    "a blue sailboat on the calm sea by day",
    "a green bottle and a yellow lamp on a marble table",
    "three red apples on a wooden table, in a kitchen",
    "a black cat sitting in front of a city skyline at night",
    "an orange fox in a blue scarf waving, misty forest",
    "a brown bear wearing a red hat, pink studio backdrop",
    "a running white rabbit in the desert by day",
    "a red sneaker, blue studio backdrop, soft light",
    "a yellow t-shirt with a red heart, teal studio backdrop",
    "a pink vase by a window, watercolour",
)


@dataclass
class Data:
    """Everything a trainer reads, in memory. Latents are scaled to unit deviation."""

    latents: torch.Tensor
    masks: torch.Tensor
    ids: torch.Tensor
    nouns: torch.Tensor
    weights: torch.Tensor
    scales: torch.Tensor

    def to(self, where: torch.device) -> Data:
        """The same on another device."""
        return Data(**{name: value.to(where) for name, value in vars(self).items()})

    @property
    def count(self) -> int:
        """Number of pictures to train on; those after it are held out."""
        return len(self.latents) - held_out(len(self.latents))


def load(run: Path, scaling: float, favour: dict[str, float] | None = None) -> Data:
    """Read a run's latents, noun masks and captions.

    favour: how much more often (or less, below 1) to take pictures that show a noun.
    """
    latents = torch.from_numpy(np.load(run / "latents.npy")).float() * scaling
    masks = np.load(run / "masks.npy")[: len(latents)]
    shown = np.bitwise_or.reduce(masks.reshape(len(masks), -1), 1)
    weights = np.ones(len(masks))
    for noun, factor in (favour or {}).items():
        weights[(shown >> np.uint64(NOUNS.index(noun))) & np.uint64(1) == 1] *= factor
    text = np.load(run / "text.npz")
    scales = np.load(run / "scales.npy")[: len(latents)]
    return Data(
        latents,
        torch.from_numpy(masks.astype(np.int64)),
        torch.from_numpy(text["ids"].astype(np.int64)),
        torch.from_numpy(text["nouns"].astype(np.int64)),
        torch.from_numpy(weights),
        torch.from_numpy(scales.astype(np.float32)),
    )


class Trainer:
    """Networks, their running average, optimizers and the losses of one stage."""

    def __init__(
        self,
        run: Path,
        *,
        widths: tuple[int, ...],
        optimizer: str,
        rate: float,
        supervision: float,
        batch: int,
        seed: int,
        team: Team = ALONE,
        weighting: float = 0.4,
        gain: float = 4.0,
    ) -> None:
        self.team, self.where = team, device()
        #: Share of samples whose nouns are weighted by their drawn size, and by which gain.
        self.weighting, self.gain = weighting, gain
        self.run, self.batch, self.supervision = run, batch, supervision
        self.rate, self.step, self.samples = rate, 0, 0
        torch.manual_seed(seed)
        self.vae: AutoencoderTiny = AutoencoderTiny.from_pretrained(run / "autoencoder").eval()
        self.scaling = float(self.vae.config.scaling_factor)
        self.tokenizer = CLIPTokenizer.from_pretrained(run / "tokenizer")
        self.empty = self._ids([""])
        self.unet: UNet2DConditionModel = build_unet(widths)
        self.text: CLIPTextModel = build_text_encoder(len(self.tokenizer), LENGTH)
        self.vae.to(self.where)
        self.text.to(self.where)
        self.unet.to(self.where, memory_format=torch.channels_last)
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
        self.signal = signal(self.where)

    def _ids(self, prompts: list[str]) -> torch.Tensor:
        coded = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
        )
        return coded.input_ids.to(self.where)

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
        size, where = self.batch, self.where
        chosen = torch.multinomial(data.weights[: data.count], size, replacement=True)
        phrase = torch.randint(0, data.ids.shape[1], (size,), device=where)
        ids, nouns = data.ids[chosen, phrase].clone(), data.nouns[chosen, phrase].clone()
        dropped = torch.rand(size, device=where) < 0.1
        ids[dropped], nouns[dropped] = self.empty, -1
        uniform = torch.randint(0, 1000, (size,), device=where)
        middle = (torch.sigmoid(torch.randn(size, device=where)) * 1000).long().clamp(0, 999)
        t = torch.where(torch.rand(size, device=where) < 0.7, middle, uniform)
        clean = data.latents[chosen]
        noisy, velocity = self.noisy(clean, torch.randn_like(clean), t)
        self.watch.record = []
        # A word's weight says how large its noun is drawn, so that weights mean something.
        weighted = (torch.rand(size, 1, device=where) < self.weighting).float()
        scales = data.scales[chosen] * weighted + (1 - weighted)
        self.watch.bias = log_weights(scales, nouns, self.gain)
        with autocast(where):
            states = self.text(ids).last_hidden_state
            out = self.unet(noisy.contiguous(memory_format=torch.channels_last), t, states).sample
        self.watch.bias = None
        loss = (out.float() - velocity).pow(2).mean()
        # Nobody can say where the moon is in pure noise: weigh by the signal that is left.
        localised = localisation_loss(
            self.watch.record, data.masks[chosen], nouns, self.signal[t].sqrt()
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
            keep = min(0.99, (1 + self.step) / (20 + self.step))
            with torch.no_grad():
                torch._foreach_lerp_(self.mean_parameters, self.parameters, 1 - keep)
        return loss.item(), localised.item()

    @torch.no_grad()
    def held_out(self, data: Data, averaged: bool = True) -> float:
        """Loss on held-out pictures at fixed noise and timesteps."""
        unet, text = (self.mean_unet, self.mean_text) if averaged else (self.unet, self.text)
        generator = torch.Generator().manual_seed(5)
        clean = data.latents[data.count :]
        t = (
            torch.linspace(20, 979, len(clean))
            .long()[torch.randperm(len(clean), generator=generator)]
            .to(self.where)
        )
        noise = torch.randn(clean.shape, generator=generator).to(self.where)
        noisy, velocity = self.noisy(clean, noise, t)
        total = 0.0
        for part in torch.arange(len(clean)).split(50):
            with autocast(self.where):
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

    def adopt(self, state: dict[str, Any], vocabulary: dict[str, int]) -> tuple[int, int]:
        """Start from the averaged weights of another run: what fits by name and shape, and the
        embeddings of tokens that both vocabularies have. Gives how many tensors and tokens."""
        tensors = tokens = 0
        mine = self.tokenizer.get_vocab()
        with torch.no_grad():
            for ours, mean, name in (
                (self.unet, self.mean_unet, "mean_unet"),
                (self.text, self.mean_text, "mean_text"),
            ):
                own = ours.state_dict()
                for key, value in state[name].items():
                    if key.endswith("token_embedding.weight"):
                        for token, row in vocabulary.items():
                            if token in mine:
                                own[key][mine[token]] = value[row]
                                tokens += 1
                    elif key in own and own[key].shape == value.shape:
                        own[key].copy_(value)
                        tensors += 1
                    elif key in own and own[key].ndim == value.ndim and "conv_" in key:
                        # Latents may have got more channels: the first are the old ones.
                        own[key][tuple(slice(0, n) for n in value.shape)] = value
                        tensors += 1
                ours.load_state_dict(own)
                mean.load_state_dict(own)
        return tensors, tokens

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
            torch.set_rng_state(state["random"].cpu())
        else:
            torch.manual_seed(1000 * self.step + self.team.rank)
