"""SwinIR: residual groups of attention within shifted windows.

Liang et al., "SwinIR: image restoration using Swin transformer", 2021, arXiv:2108.10257; the
blocks after Liu et al., "Swin transformer", 2021, arXiv:2103.14030. Parameters are named as in
their published weights.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

__all__ = ["SwinIR"]

_MEAN = (0.4488, 0.4371, 0.4040)
"""Of DIV2K's pictures, which the networks were trained around."""


def _windows(x: torch.Tensor, side: int) -> torch.Tensor:
    """(N, height, width, C) to (N * windows, side * side, C)."""
    n, height, width, channels = x.shape
    x = x.view(n, height // side, side, width // side, side, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, side * side, channels)


def _joined(windows: torch.Tensor, side: int, height: int, width: int) -> torch.Tensor:
    """The way back."""
    channels = windows.shape[-1]
    x = windows.view(-1, height // side, width // side, side, side, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, height, width, channels)


def _positions(side: int) -> torch.Tensor:
    """For each pair of places of a window the row of the bias table, (side², side²)."""
    places = torch.stack(
        torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    ).flatten(1)
    apart = places[:, :, None] - places[:, None, :] + side - 1
    return apart[0] * (2 * side - 1) + apart[1]


class _Attention(nn.Module):
    def __init__(self, features: int, side: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(features, 3 * features)
        self.proj = nn.Linear(features, features)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.register_buffer("relative_position_index", _positions(side), persistent=False)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """x (windows, places, features); mask (windows of one picture, places, places) or None."""
        count, places, features = x.shape
        qkv = self.qkv(x).view(count, places, 3, self.heads, features // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        index = self.get_buffer("relative_position_index").view(-1)
        bias = self.relative_position_bias_table[index].view(places, places, -1).permute(2, 0, 1)
        scores = q @ k.transpose(-2, -1) / math.sqrt(features // self.heads) + bias
        if mask is not None:
            kinds = mask.shape[0]
            scores = scores.view(-1, kinds, self.heads, places, places) + mask[None, :, None]
            scores = scores.view(-1, self.heads, places, places)
        mixed = scores.softmax(-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(count, places, features))


class _Mlp(nn.Module):
    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(features, hidden)
        self.fc2 = nn.Linear(hidden, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, features), in and out."""
        return self.fc2(functional.gelu(self.fc1(x)))


class _Block(nn.Module):
    def __init__(self, features: int, side: int, heads: int, hidden: int, shift: int) -> None:
        super().__init__()
        self.side, self.shift = side, shift
        self.norm1 = nn.LayerNorm(features)
        self.attn = _Attention(features, side, heads)
        self.norm2 = nn.LayerNorm(features)
        self.mlp = _Mlp(features, hidden)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (N, height, width, features), in and out; the mask is for shifted windows."""
        height, width = x.shape[1:3]
        y = self.norm1(x)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = self.attn(_windows(y, self.side), mask if self.shift else None)
        y = _joined(y, self.side, height, width)
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + y
        return x + self.mlp(self.norm2(x))


class _Blocks(nn.Module):
    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)


def _joint(features: int, kind: int) -> nn.Module:
    """One convolution, or three with a narrow middle."""
    if kind == 1:
        return nn.Conv2d(features, features, 3, padding=1)
    narrow = features // 4
    return nn.Sequential(
        nn.Conv2d(features, narrow, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, narrow, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(narrow, features, 3, padding=1),
    )


class _Group(nn.Module):
    def __init__(
        self, features: int, depth: int, side: int, heads: int, *, hidden: int, joint: int
    ) -> None:
        super().__init__()
        self.residual_group = _Blocks(
            [
                _Block(features, side, heads, hidden, side // 2 if at % 2 else 0)
                for at in range(depth)
            ]
        )
        self.conv = _joint(features, joint)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(N, height, width, features), in and out."""
        y = x
        for block in self.residual_group.blocks:
            y = block(y, mask)
        return x + self.conv(y.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class _Embed(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)


class SwinIR(nn.Module):
    """RGB (N, 3, height, width), 0 to 1, to ``scale`` times the size; sides must be multiples of
    ``window``."""

    def __init__(
        self,
        features: int,
        groups: int,
        depth: int,
        heads: int,
        *,
        window: int,
        hidden: int,
        joint: int,
        tail: str,
        scale: int,
    ) -> None:
        super().__init__()
        self.window, self.tail, self.scale = window, tail, scale
        self.conv_first = nn.Conv2d(3, features, 3, padding=1)
        self.patch_embed = _Embed(features)
        self.layers = nn.ModuleList(
            _Group(features, depth, window, heads, hidden=hidden, joint=joint)
            for _ in range(groups)
        )
        self.norm = nn.LayerNorm(features)
        self.conv_after_body = _joint(features, joint)
        middle = 64
        if tail in {"shuffle", "nearest"}:
            self.conv_before_upsample = nn.Sequential(
                nn.Conv2d(features, middle, 3, padding=1), nn.LeakyReLU()
            )
        if tail == "shuffle":
            steps: list[nn.Module] = []
            for by in [3] if scale == 3 else [2] * int(math.log2(scale)):
                steps += [nn.Conv2d(middle, by * by * middle, 3, padding=1), nn.PixelShuffle(by)]
            self.upsample = nn.Sequential(*steps)
        elif tail == "direct":
            self.upsample = nn.Sequential(
                nn.Conv2d(features, scale * scale * 3, 3, padding=1), nn.PixelShuffle(scale)
            )
        elif tail == "nearest":
            self.conv_up1 = nn.Conv2d(middle, middle, 3, padding=1)
            if scale == 4:
                self.conv_up2 = nn.Conv2d(middle, middle, 3, padding=1)
            self.conv_hr = nn.Conv2d(middle, middle, 3, padding=1)
        if tail != "direct":
            self.conv_last = nn.Conv2d(features if tail == "none" else middle, 3, 3, padding=1)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """See the class."""
        mean = picture.new_tensor(_MEAN)[:, None, None]
        picture = picture - mean
        first = self.conv_first(picture)
        x = self.patch_embed.norm(first.permute(0, 2, 3, 1))
        mask = self._mask(x.shape[1], x.shape[2]).to(x)
        for group in self.layers:
            x = group(x, mask)
        x = first + self.conv_after_body(self.norm(x).permute(0, 3, 1, 2))
        match self.tail:
            case "shuffle":
                x = self.conv_last(self.upsample(self.conv_before_upsample(x)))
            case "direct":
                x = self.upsample(x)
            case "nearest":
                x = self._doubled(self.conv_up1, self.conv_before_upsample(x))
                x = self._doubled(self.conv_up2, x) if self.scale == 4 else x
                x = self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.2))
            case _:
                x = picture + self.conv_last(x)
        return x + mean

    @staticmethod
    def _doubled(convolution: nn.Module, x: torch.Tensor) -> torch.Tensor:
        large = functional.interpolate(x, scale_factor=2, mode="nearest")
        return functional.leaky_relu(convolution(large), 0.2)

    def _mask(self, height: int, width: int) -> torch.Tensor:
        """For shifted windows: -100 between places that were no neighbours before the shift."""
        side, shift = self.window, self.window // 2
        part = torch.zeros(1, height, width, 1)
        ends = (slice(0, -side), slice(-side, -shift), slice(-shift, None))
        for number, (rows, columns) in enumerate((r, c) for r in ends for c in ends):
            part[:, rows, columns] = number
        own = _windows(part, side)[..., 0]
        return torch.where(own[:, None, :] == own[:, :, None], 0.0, -100.0)
