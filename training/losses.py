"""What makes a painted picture good: the autoencoder's loss, its figures, and where to look."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812


def _slopes(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


@torch.no_grad()
def _steepness(target: torch.Tensor) -> torch.Tensor:
    """0 where a picture is plain to 1 at its edges, N x 1 x H x W."""
    across, down = (x.abs().mean(1, keepdim=True) for x in _slopes(target))
    return ((F.pad(across, (0, 1)) + F.pad(down, (0, 0, 0, 1))) * 4).clamp(max=1)


def reconstruction_loss(
    out: torch.Tensor, target: torch.Tensor, sharp: float = 1.2
) -> dict[str, torch.Tensor]:
    """Terms of the picture loss: L1, squared, slopes, blurred luma, and chroma on 2x2 means.

    sharp: weight of the slopes, which reward crisp edges.
    """
    slopes = sum((a - b).abs().mean() for a, b in zip(_slopes(out), _slopes(target), strict=True))
    half = F.avg_pool2d(out - target, 2)
    chroma = (half - half.mean(1, keepdim=True)).abs().mean()
    # Most of a picture is plain: errors near edges count more, up to four times.
    steep = F.max_pool2d(_steepness(target), 5, 1, 2)
    return {
        "l1": ((out - target).abs() * (1 + 3 * steep)).mean(),
        "square": 2 * F.mse_loss(out, target),
        "slopes": sharp * torch.as_tensor(slopes),
        "blurred": F.avg_pool2d(half, 2).abs().mean(),
        "chroma": 2 * chroma,
    }


def steepest(x: torch.Tensor, reach: int = 3) -> torch.Tensor:
    """The steepest slope within `reach` pixels of each place, N x 1 x H-1 x W-1: how crisp edges
    are, wherever exactly they run."""
    across, down = _slopes(x)
    steep = across[..., 1:, :].abs() + down[..., :, 1:].abs()
    return F.max_pool2d(steep.mean(1, keepdim=True), 2 * reach + 1, 1, reach)


@torch.no_grad()
def crispness(out: torch.Tensor, target: torch.Tensor) -> float:
    """How steep the edges of `out` are beside those of the target, within three pixels of the
    steepest quarter of places; 1 is as crisp, and where exactly an edge runs does not count."""
    painted, drawn = steepest(out.clamp(-1, 1)), steepest(target)
    places = drawn >= drawn.flatten().kthvalue(int(0.75 * drawn.numel())).values
    return float(painted[places].mean() / drawn[places].mean())


def psnr(out: torch.Tensor, target: torch.Tensor) -> float:
    """Mean over pictures of the peak signal to noise ratio in dB (values -1..1)."""
    error = (out.clamp(-1, 1) - target).pow(2).mean((1, 2, 3))
    return float((10 * torch.log10(4 / error)).mean())


def sharpness(out: torch.Tensor, target: torch.Tensor) -> float:
    """Strength of the steepest 5% of slopes of the target, as a share of it that `out` keeps."""
    drawn, painted = (
        (x[..., 1:] - x[..., :-1]).mean(1).abs().flatten() for x in (target, out.clamp(-1, 1))
    )
    steep = drawn >= drawn.kthvalue(int(0.95 * drawn.numel())).values
    return float(painted[steep].mean() / drawn[steep].mean())


def cropped(batch: torch.Tensor, corners: torch.Tensor, cells: int, side: int) -> torch.Tensor:
    """Crops of `cells` latent cells of `side` values each (N x C x cells·side x cells·side);
    corners: N x 2, row and column in cells."""
    reach = cells * side
    crops = [
        one[:, side * y : side * y + reach, side * x : side * x + reach]
        for one, (y, x) in zip(batch, corners.tolist(), strict=True)
    ]
    return torch.stack(crops).contiguous(memory_format=torch.channels_last)


def busy_crops(pictures: torch.Tensor, cells: int) -> torch.Tensor:
    """For each picture (N x 3 x 256 x 256) the left upper latent cell (N x 2: row, column) of a
    crop of `cells` cells: of four at random the one with the most slopes in it."""
    slopes = F.avg_pool2d(
        (pictures[..., 1:] - pictures[..., :-1]).abs().mean(1, True), (16, 15), 16
    )
    sums = F.avg_pool2d(slopes, cells, 1)[:, 0].cpu()
    rows, columns = (torch.randint(0, size, (4, len(sums))) for size in sums.shape[1:])
    picked = torch.arange(len(sums))
    busy = sums[picked, rows, columns].argmax(0)
    return torch.stack([rows[busy, picked], columns[busy, picked]], 1)
