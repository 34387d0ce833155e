"""The exported base, frozen, for what is trained on top of it: draft, control, reference.

All of them see the same samples in the same way: latents, captions and masks of the run, noised as
the base was trained (v-prediction, zero terminal SNR), chosen by a numpy generator, so that a seed
and a step decide everything on any device.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.attention import WatchedAttention, log_weights
from training.autoencoder import held_out
from training.device import autocast, device
from training.networks import signal
from training.tokenizer import LENGTH

Rng = np.random.Generator


@dataclass
class Batch:
    """Samples on a device: rows of the run (N), clean latents (N x C x S x S, unit deviation),
    token ids and noun of each token (N x LENGTH), packed masks (int64 N x 32 x 32), what the words'
    weights add to logits (N x 1 x 1 x LENGTH)."""

    rows: np.ndarray
    clean: torch.Tensor
    ids: torch.Tensor
    nouns: torch.Tensor
    masks: torch.Tensor
    bias: torch.Tensor


class Base:
    """Denoiser, text encoder, tokenizer and autoencoder of an exported model; nothing learns.

    Raises FileNotFoundError where there is no exported model.
    """

    def __init__(self, folder: Path, where: torch.device) -> None:
        if not (folder / "model_index.json").exists():
            raise FileNotFoundError(f"{folder} holds no exported model: run training.export first")
        self.folder, self.where = folder, where
        self.unet: UNet2DConditionModel = UNet2DConditionModel.from_pretrained(
            folder / "unet", torch_dtype=torch.float32, local_files_only=True
        )
        self.text: CLIPTextModel = CLIPTextModel.from_pretrained(
            folder / "text_encoder", dtype=torch.float32, local_files_only=True
        )
        self.vae: AutoencoderTiny = AutoencoderTiny.from_pretrained(
            folder / "vae", torch_dtype=torch.float32, local_files_only=True
        )
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        for network in (self.unet, self.text, self.vae):
            network.requires_grad_(False).eval().to(where)
        self.unet.to(memory_format=torch.channels_last)
        self.watch = WatchedAttention()
        self.unet.set_attn_processor(self.watch)
        self.scaling = float(self.vae.config.scaling_factor)
        card = folder / "MODEL.json"
        known = json.loads(card.read_text()) if card.exists() else {}
        #: By which logarithms of weights above 1 are multiplied.
        self.gain = float(known.get("weight_gain", 1.0))
        self.signal = signal(where)
        self.empty = self.ids([""])

    def ids(self, prompts: list[str]) -> torch.Tensor:
        """Token ids, N x LENGTH."""
        coded = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
        )
        return coded.input_ids.to(self.where)

    @torch.no_grad()
    def states(self, ids: torch.Tensor) -> torch.Tensor:
        """What the text encoder says of token ids, N x LENGTH x width."""
        with autocast(self.where):
            return self.text(ids).last_hidden_state

    def shares(self, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Share of signal and of noise at timesteps t (N): two tensors N x 1 x 1 x 1."""
        kept = self.signal[t][:, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    def noisy(
        self, clean: torch.Tensor, noise: torch.Tensor, t: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The noised latents at timesteps t, and the velocity to predict."""
        keep, lose = self.shares(t)
        return keep * clean + lose * noise, keep * noise - lose * clean


class Samples:
    """Latents, captions and masks of a run, read as they are needed."""

    def __init__(self, run: Path, base: Base, count: int | None = None) -> None:
        """count: only the first pictures, such as those that have conditions drawn."""
        self.base, self.where = base, base.where
        self.latents = np.load(run / "latents.npy", mmap_mode="r")
        self.masks = np.load(run / "masks.npy", mmap_mode="r")
        self.scales = np.load(run / "scales.npy", mmap_mode="r")
        with np.load(run / "text.npz") as text:
            self.ids, self.nouns = text["ids"], text["nouns"]
        trained = len(self.latents) - held_out(len(self.latents))
        self.count = trained if count is None else min(count, trained)

    def _put(self, values: np.ndarray, kind: type) -> torch.Tensor:
        return torch.from_numpy(values.astype(kind)).to(self.where)

    def take(self, rng: Rng, count: int, *, silent: float = 0.1, weighted: float = 0.4) -> Batch:
        """`count` samples. silent: share without a caption. weighted: share whose words are
        weighted by how large their nouns are drawn (training/attention.py)."""
        rows = rng.integers(0, self.count, count)
        phrase = rng.integers(0, self.ids.shape[1], count)
        ids = self._put(self.ids[rows, phrase], np.int64)
        nouns = self._put(self.nouns[rows, phrase], np.int64)
        dropped = torch.from_numpy(rng.random(count) < silent).to(self.where)
        ids = torch.where(dropped[:, None], self.base.empty, ids)
        nouns = torch.where(dropped[:, None], torch.full_like(nouns, -1), nouns)
        chosen = self._put(rng.random((count, 1)) < weighted, np.float32)
        scales = self._put(self.scales[rows], np.float32) * chosen + (1 - chosen)
        return Batch(
            rows,
            self._put(self.latents[rows], np.float32) * self.base.scaling,
            ids,
            nouns,
            self._put(self.masks[rows], np.int64),
            log_weights(scales, nouns, self.base.gain),
        )


def timesteps(rng: Rng, count: int, where: torch.device) -> torch.Tensor:
    """Timesteps as the base was trained on: most of them in the middle."""
    middle = 1000 / (1 + np.exp(-rng.normal(size=count)))
    uniform = rng.uniform(0, 1000, count)
    t = np.where(rng.random(count) < 0.7, middle, uniform).astype(np.int64).clip(0, 999)
    return torch.from_numpy(t).to(where)


def usual_batch(cores: int) -> int:
    """Samples a step: as many as suit processor cores, eight times as many on a GPU."""
    return cores if device().type == "cpu" else 8 * cores


def size(network: nn.Module) -> int:
    """Number of parameters that learn."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
