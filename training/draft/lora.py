"""A low-rank change of a denoiser's weights (LoRA, arXiv 2106.09685) that leaves them untouched.

W + B A for linear layers and for convolutions (B 1x1, A as large as W's kernel), written in the
layout that `pipeline.load_lora_weights` reads: `unet.<layer>.lora_A.weight` and `lora_B.weight`,
whose alpha is the rank, so that nothing is scaled.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import nn

#: The name under which diffusers looks for a LoRA.
FILE = "pytorch_lora_weights.safetensors"
#: Layers that change (LCM-LoRA, arXiv 2311.05556: all but the first, the last and the time's).
ENDINGS = (
    *("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
    *("conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv"),
    "time_emb_proj",
)


def layers(unet: nn.Module, endings: tuple[str, ...] = ENDINGS) -> dict[str, torch.Tensor]:
    """Weights that a LoRA changes, by the names of their layers."""
    return {
        name: module.weight
        for name, module in unet.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and name.endswith(endings)
    }


class Lora(nn.Module):
    """The factors A and B of every layer; B starts at zero, so nothing changes at first."""

    def __init__(self, unet: nn.Module, rank: int) -> None:
        super().__init__()
        self.names = list(layers(unet))
        self.rank = rank
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name, weight in layers(unet).items():
            into = weight[0].numel()
            first = torch.randn(rank, *weight.shape[1:]) / math.sqrt(into)
            kernel = (1, 1) if weight.ndim == 4 else ()
            self.down[self._key(name)] = nn.Parameter(first)
            self.up[self._key(name)] = nn.Parameter(torch.zeros(weight.shape[0], rank, *kernel))

    @staticmethod
    def _key(name: str) -> str:
        """Names of parameters must not hold dots."""
        return name.replace(".", "/")

    def delta(self, name: str) -> torch.Tensor:
        """What is added to the weight of a layer, in its shape."""
        down, up = self.down[self._key(name)], self.up[self._key(name)]
        return (up.flatten(1) @ down.flatten(1)).view(up.shape[0], *down.shape[1:])

    def changed(self, unet: nn.Module) -> dict[str, torch.Tensor]:
        """Changed weights by the names of the denoiser's parameters, for `functional_call`."""
        return {f"{n}.weight": w + self.delta(n) for n, w in layers(unet).items()}

    @torch.no_grad()
    def merge(self, unet: nn.Module) -> None:
        """Add the change to a denoiser's weights, in place."""
        for name, weight in layers(unet).items():
            weight.add_(self.delta(name).to(weight))

    def stock(self) -> dict[str, torch.Tensor]:
        """Tensors in fp16 by their stock names."""
        found = {}
        for name in self.names:
            key = self._key(name)
            for letter, factor in (("A", self.down[key]), ("B", self.up[key])):
                found[f"unet.{name}.lora_{letter}.weight"] = (
                    factor.detach().half().cpu().contiguous()
                )
        return found


def write(lora: Lora, folder: Path) -> Path:
    """Write the LoRA into a folder; gives the file of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(lora.stock(), folder / FILE)
    return folder / FILE


def read(unet: nn.Module, path: Path) -> Lora:
    """The LoRA of an exported file, for this denoiser.

    Raises ValueError when the file was made for another one.
    """
    told = load_file(path)
    lora = Lora(unet, next(iter(told.values())).shape[0])
    if set(told) != set(lora.stock()):
        raise ValueError(f"{path.name} was made for a denoiser of other layers")
    with torch.no_grad():
        for name in lora.names:
            lora.down[lora._key(name)].copy_(told[f"unet.{name}.lora_A.weight"])
            lora.up[lora._key(name)].copy_(told[f"unet.{name}.lora_B.weight"])
    return lora


def merged(model: Path, lora: Lora, out: Path) -> None:
    """Write a pipeline folder that drafts by itself: for engines without LoRAs, and for figures."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        model, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    )
    lora.merge(pipeline.unet)
    shutil.rmtree(out, ignore_errors=True)
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(out, safe_serialization=True, max_shard_size="13MB")
    if (model / "MODEL.json").exists():
        card = json.loads((model / "MODEL.json").read_text())
        card = {k: v for k, v in card.items() if k not in ("files", "digest")}
        (out / "MODEL.json").write_text(json.dumps({**card, "drafts": True}, indent=1) + "\n")
