"""What the trials against other people's programs share: two studios, and how near their pictures
are. The trials themselves are ``bench.comfyui`` and ``bench.a1111``; none is part of a round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maquette import Settings, Studio, Version
from maquette.core.raster import psnr

__all__ = ["TEXT", "Make", "Pair", "near"]

TEXT = "a lighthouse on a cliff, stormy sea"
SAMPLERS = ("ddim", "euler", "dpm++", "euler-a", "lcm")

Make = Callable[[Studio], Version]


class Pair:
    """The same recipes drawn here (``diffusers``) and through an engine that speaks to a program.

    ``model`` is the model here, ``checkpoint`` what the program calls the same weights; ``size`` is
    the side in pixels.
    """

    def __init__(
        self, folder: Path, engine: str, checkpoint: str, model: str, **settings: Any
    ) -> None:
        home = folder / "home"
        self.folder = folder
        self.here = Studio(
            folder / "here", create=True, engine="diffusers", model=model,
            settings=Settings(home=home, **settings),
        )  # fmt: skip
        self.there = Studio(
            folder / "there", create=True, engine=engine, model=checkpoint,
            settings=Settings(home=home, **settings),
        )  # fmt: skip

    def recipes(self, size: int, steps: int) -> Iterator[tuple[str, Make]]:
        """What is drawn from words and from a picture, by name."""
        words: dict[str, Any] = {
            "seed": 7, "size": (size, size), "steps": steps, "maps": False, "guidance": 5.0,
            "negative": "fog",
        }  # fmt: skip
        for sampler in SAMPLERS:
            yield (
                f"words, {sampler}",
                lambda s, sampler=sampler: s.generate(
                    TEXT, sampler=sampler, interpreter="plain", **words
                )[0],
            )
        heavy = f"({TEXT.split(',', maxsplit=1)[0]}:1.4), stormy sea"
        yield (
            "words, a weight of 1.4",
            lambda s: s.generate(heavy, sampler="euler", interpreter="a1111", **words)[0],
        )
        first = self.here.generate(TEXT, sampler="euler", interpreter="plain", **words)[0]
        self.photo = self.folder / "photo.png"
        self.here.picture(first).save(self.photo)
        yield (
            "from a picture, 0.6",
            lambda s: s.carry_out(
                s.orders.vary(
                    self.taken(s), strength=0.6, prompt=TEXT, sampler="euler",
                    seed=8, steps=steps, guidance=5.0,
                )
            )[0],
        )  # fmt: skip

    def taken(self, studio: Studio) -> Version:
        """The picture that both start from."""
        return studio.import_picture(self.photo)[0]

    def compared(self, make: Make, *, engine: bool = True) -> tuple[Version, str, str]:
        """What was made here, how near it is there, and the seconds of both; ``engine`` is False
        where the engine does not draw it."""
        began = time.perf_counter()
        own = make(self.here)
        here = self.here.picture(own)
        between = time.perf_counter()
        try:
            other = "-" if not engine else near(here, self.there.picture(make(self.there)))
        except Exception as error:
            other = f"{type(error).__name__}: {error}"[:160]
        return own, other, f"{between - began:.1f}, {time.perf_counter() - between:.1f}"


def near(a: Image.Image, b: Image.Image) -> str:
    """How near two pictures are: PSNR in dB, and the largest difference of a byte."""
    first, second = (np.asarray(each.convert("RGB")) for each in (a, b))
    if first.shape != second.shape:
        return f"{b.width}x{b.height} instead of {a.width}x{a.height}"
    apart = np.abs(first.astype(int) - second.astype(int))
    if not apart.any():
        return "equal"
    return f"{psnr(first, second):.1f} dB, {apart.max()} at most, {apart.mean():.2f} on average"
