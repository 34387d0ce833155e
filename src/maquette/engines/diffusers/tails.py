"""What is linear in a small decoder and follows one another is computed as one.

A decoder of TAESD's class whose last level has no blocks ends in: twice the size, a convolution of
all its channels, and the convolution to colours. Both are linear, so together they are a
convolution of 5x5 over the enlarged picture, which reads 3x3 cells of the small one: it is computed
there, for the four places of each cell at once, and spread out (sub-pixel convolution, arXiv
1609.05158). Of Postcard's decoder that is a third of the work. The numbers are the same but for
rounding; the outermost pixels, where the first convolution's answer is padded with zeros, are
computed as they were.

Before that it goes from level to level by twice the size and one convolution. A pixel's nine
neighbours there lie in four cells, so a transposed convolution of 4x4, with the weights of each
cell added up, does the same with four multiplications of nine, to the rim.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["Tail", "lighten", "shorten"]

DOUBLED = {0: (-1, 0, 0), 1: (0, 0, 1)}
"""For the first and second pixel of a cell: the cell that each of three neighbours lies in."""
CELLS = {0: (-1, -1, 0, 0, 1), 1: (-1, 0, 0, 1, 1)}
"""For the first and second pixel of a cell: the cell that each of five neighbours lies in."""


class Tail(nn.Module):
    """Nearest enlargement by two and two 3x3 convolutions, as one at the small size.

    Args:
        first: without bias, stride 1, padding 1.
        last: to (3 or more) colours, stride 1, padding 1.
    """

    def __init__(self, first: nn.Conv2d, last: nn.Conv2d) -> None:
        super().__init__()
        self.first, self.last = first, last
        colours = last.out_channels
        one, two = first.weight.detach().float(), last.weight.detach().float()
        # (colours, channels, 5, 5): what the second sees of the first's input.
        both = F.conv2d(one.transpose(0, 1), two.flip(2, 3), padding=2).transpose(0, 1)
        weight = both.new_zeros(colours, 2, 2, first.in_channels, 3, 3)
        for down, rows in CELLS.items():
            for right, columns in CELLS.items():
                for y, row in enumerate(rows):
                    for x, column in enumerate(columns):
                        weight[:, down, right, :, row + 1, column + 1] += both[:, :, y, x]
        bias = None if last.bias is None else last.bias.detach().repeat_interleave(4)
        self.weight = nn.Parameter(weight.flatten(0, 2).to(first.weight))
        self.bias = None if bias is None else nn.Parameter(bias)
        self.requires_grad_(False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(pictures, channels, rows, columns) to (pictures, colours, 2 x rows, 2 x columns)."""
        out = F.pixel_shuffle(F.conv2d(hidden, self.weight, self.bias, padding=1), 2)
        # A pixel of the rim reads two cells inwards.
        out[..., :1, :] = self._apart(hidden[..., :2, :])[..., :1, :]
        out[..., -1:, :] = self._apart(hidden[..., -2:, :])[..., -1:, :]
        out[..., :1] = self._apart(hidden[..., :2])[..., :1]
        out[..., -1:] = self._apart(hidden[..., -2:])[..., -1:]
        return out

    def _apart(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(F.interpolate(hidden, scale_factor=2.0, mode="nearest")))


def shorten(decoder: Any) -> bool:
    """Put a ``Tail`` at the end of a decoder that ends so; says whether it did."""
    layers = getattr(decoder, "layers", None)
    if not isinstance(layers, nn.Sequential) or len(layers) < 3:
        return False
    grow, first, last = layers[-3], layers[-2], layers[-1]
    if not (_doubles(grow) and _usual(first) and _usual(last)) or first.bias is not None:
        return False
    decoder.layers = nn.Sequential(*list(layers)[:-3], Tail(first, last))
    return True


def lighten(decoder: Any) -> int:
    """Put a transposed convolution for every enlargement with a convolution after it; says how
    many there were.

    For the processor: the libraries of accelerators may add up a transposed convolution in any
    order, and a picture would not be the same twice.
    """
    layers = getattr(decoder, "layers", None)
    if not isinstance(layers, nn.Sequential):
        return 0
    found: list[nn.Module] = []
    for layer in layers:
        if _usual(layer) and found and _doubles(found[-1]):
            found[-1] = _transposed(layer)
        else:
            found.append(layer)
    decoder.layers = nn.Sequential(*found)
    return len(layers) - len(found)


def _transposed(conv: nn.Conv2d) -> nn.ConvTranspose2d:
    """A nearest enlargement by two and a 3x3 convolution in one."""
    old = conv.weight.detach().float()
    weight = old.new_zeros(conv.in_channels, conv.out_channels, 4, 4)
    for down, rows in DOUBLED.items():
        for right, columns in DOUBLED.items():
            for y, row in enumerate(rows):
                for x, column in enumerate(columns):
                    # The middle 2x2 are the cell's own pixels.
                    place = down + 1 - 2 * row, right + 1 - 2 * column
                    weight[:, :, *place] += old[:, :, y, x].T
    with torch.device("meta"):  # without weights of its own, which are drawn by chance
        made = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    made.weight, made.bias = nn.Parameter(weight.to(conv.weight)), conv.bias
    return made.requires_grad_(False)


def _doubles(layer: nn.Module) -> bool:
    return (
        isinstance(layer, nn.Upsample)
        and layer.mode == "nearest"
        and layer.scale_factor in (2, 2.0, (2.0, 2.0))
    )


def _usual(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (3, 3)
        and layer.stride == (1, 1)
        and layer.padding == (1, 1)
        and layer.dilation == (1, 1)
        and layer.groups == 1
        and layer.padding_mode == "zeros"
    )
