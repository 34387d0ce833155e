"""Small helpers shared by the trainers: clocks, atomic files, pausing, sheets of pictures."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image


def deadline(clock: str | None, minutes: float | None = None) -> float:
    """Seconds since the epoch of a wall-clock 'HH:MM' (today, or tomorrow if past), or of now
    plus `minutes`."""
    if clock is None:
        if minutes is None:
            raise ValueError("give --deadline HH:MM or --minutes N")
        return time.time() + 60 * minutes
    hour, minute = (int(x) for x in clock.split(":"))
    now = datetime.datetime.now()
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if then < now - datetime.timedelta(hours=12):
        then += datetime.timedelta(days=1)
    return then.timestamp()


def painter(run: Path) -> Path:
    """The folder of a run's autoencoder: the sharpened one when there is one."""
    sharp = run / "sharp"
    return sharp if (sharp / "config.json").exists() else run / "autoencoder"


def save_atomically(state: Any, path: Path) -> None:
    """Write a torch checkpoint so that a kill leaves the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".writing")
    torch.save(state, unfinished)
    unfinished.replace(path)


def wait_while_paused(run: Path) -> float:
    """Sleep while RUN/PAUSE exists (others may need the processor); gives the seconds slept."""
    began = time.time()
    while (run / "PAUSE").exists():
        time.sleep(1)
    return time.time() - began


def to_unit(pictures: np.ndarray) -> torch.Tensor:
    """uint8 N x H x W x 3 to float32 N x 3 x H x W in -1..1, channels last in memory."""
    batch = torch.from_numpy(np.array(pictures, order="C")).permute(0, 3, 1, 2)
    return batch.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def to_pictures(batch: torch.Tensor) -> np.ndarray:
    """float N x 3 x H x W in -1..1 to uint8 N x H x W x 3."""
    scaled = (batch.detach().float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy()


def save_sheet(pictures: np.ndarray | Sequence[np.ndarray], path: Path, columns: int = 4) -> None:
    """Tile pictures (uint8 H x W x 3, all of one size) into one PNG."""
    height, width, _ = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + height, x : x + width] = picture
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)
