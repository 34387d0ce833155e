"""A trial against a real ComfyUI: our engine and our exported workflows. Not in ``make bench``.

ComfyUI has to run with a checkpoint (``--checkpoint``, its file's name there) whose weights are at
hand here too, as a folder or file that ``maquette models`` reads (``--model``). Then::

    python main.py --cpu --port 8188                        # in ComfyUI's folder
    python -m bench.comfyui --url http://127.0.0.1:8188 --checkpoint sd15.safetensors --model DIR

Prints a table: for each recipe how near the three pictures are, drawn here, drawn there by the
engine ``comfyui``, and drawn there by the workflow that ``maquette export`` wrote.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image

from maquette import Settings, Studio, Version
from maquette.core.picture import decode_picture
from maquette.core.raster import psnr

TEXT = "a lighthouse on a cliff, stormy sea"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8188")
    parser.add_argument("--checkpoint", required=True, help="its file's name in ComfyUI")
    parser.add_argument("--model", required=True, help="the same weights, here")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name holds one of these (a|b)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Trial(asked, Path(folder)).run()


class Trial:
    """Both studios, and what is compared."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.http = httpx2.Client(base_url=asked.url, timeout=600)
        home = folder / "home"
        self.here = Studio(
            folder / "here", create=True, engine="diffusers", model=asked.model,
            settings=Settings(home=home),
        )  # fmt: skip
        self.there = Studio(
            folder / "there", create=True, engine="comfyui", model=asked.checkpoint,
            settings=Settings(home=home, comfyui_url=asked.url),
        )  # fmt: skip

    def run(self) -> None:
        system = self.http.get("/system_stats").json()["system"]
        print(f"ComfyUI {system['comfyui_version']}, torch {system['pytorch_version']}\n")
        print("| recipe | engine, against here | exported, against here | seconds here, there |")
        print("|---|---|---|---|")
        size = (self.asked.size, self.asked.size)
        words: dict[str, Any] = {"seed": 7, "size": size, "steps": self.asked.steps, "maps": False}
        words |= {"guidance": 5.0, "negative": "fog"}
        for sampler in ("ddim", "euler", "dpm++", "euler-a", "lcm"):
            self.row(
                f"words, {sampler}",
                lambda s, sampler=sampler: s.generate(
                    TEXT, sampler=sampler, interpreter="plain", **words
                )[0],
            )
        self.row(
            "words, a weight of 1.4",
            lambda s: s.generate(
                f"({TEXT.split(',', maxsplit=1)[0]}:1.4), stormy sea",
                sampler="euler",
                interpreter="a1111",
                **words,
            )[0],
        )
        first = self.here.generate(TEXT, sampler="euler", interpreter="plain", **words)[0]
        photo = self.folder / "photo.png"
        self.here.picture(first).save(photo)
        steps = {"seed": 8, "steps": self.asked.steps, "guidance": 5.0}

        def taken(studio: Studio) -> Version:
            return studio.import_picture(photo)[0]

        self.row(
            "from a picture, 0.6",
            lambda s: s.carry_out(
                s.orders.vary(taken(s), strength=0.6, prompt=TEXT, sampler="euler", **steps)
            )[0],
        )
        side = self.asked.size // 2
        self.row(
            "inside a mask",
            lambda s: s.carry_out(
                s.orders.inpaint(
                    start := taken(s),
                    s.mask(start, box=(0, 0, side, side)),
                    "a moon",
                    sampler="euler",
                    **steps,
                )
            )[0],
            engine=False,
        )
        self.row(
            "a wider canvas",
            lambda s: s.carry_out(
                s.orders.outpaint(taken(s), right=side, prompt=TEXT, sampler="euler", **steps)
            )[0],
            engine=False,
        )
        self.row("twice as large", lambda s: s.upscale(taken(s), 2.0), engine=False)

    def row(self, name: str, make: Callable[[Studio], Version], *, engine: bool = True) -> None:
        """``engine`` is False where the engine draws at another size (its own best one)."""
        if not any(part in name for part in self.asked.only.split("|")):
            return
        began = time.perf_counter()
        own = make(self.here)
        here = self.here.picture(own)
        between = time.perf_counter()
        try:
            other = "-" if not engine else near(here, self.there.picture(make(self.there)))
        except Exception as error:
            other = f"{type(error).__name__}: {error}"[:160]
        seconds = f"{between - began:.1f}, {time.perf_counter() - between:.1f}"
        print(f"| {name} | {other} | {self.exported(own, here)} | {seconds} |", flush=True)

    def exported(self, version: Version, here: Image.Image) -> str:
        """What ComfyUI makes of the workflow that is exported."""
        file = self.folder / f"{version.short}.json"
        written = self.here.export_workflow(version, file)
        for path in written.pictures:
            self.http.post(
                "/upload/image", files={"image": (path.name, path.read_bytes(), "image/png")},
                data={"overwrite": "true"},
            )  # fmt: skip
        graph = json.loads(file.read_text())
        for node in graph.values():
            if node["class_type"] == "CheckpointLoaderSimple":
                node["inputs"]["ckpt_name"] = self.asked.checkpoint
        answer = self.http.post("/prompt", json={"prompt": graph})
        if answer.status_code != 200:
            return f"refused: {answer.text[:200]}"
        told = self.wait(answer.json()["prompt_id"])
        images = [each for out in told["outputs"].values() for each in out.get("images", ())]
        if not images:
            return f"failed: {json.dumps(told['status'])[-300:]}"
        return near(here, decode_picture(self.http.get("/view", params=images[0]).content))

    def wait(self, prompt: str) -> dict[str, Any]:
        until = time.monotonic() + 600
        while time.monotonic() < until:
            found = self.http.get(f"/history/{prompt}").json()
            if prompt in found:
                return found[prompt]
            time.sleep(0.2)
        raise TimeoutError(prompt)


def near(a: Image.Image, b: Image.Image) -> str:
    """How near two pictures are: PSNR in dB, and the largest difference of a byte."""
    first, second = (np.asarray(each.convert("RGB")) for each in (a, b))
    if first.shape != second.shape:
        return f"{b.width}x{b.height} instead of {a.width}x{a.height}"
    apart = np.abs(first.astype(int) - second.astype(int))
    if not apart.any():
        return "equal"
    return f"{psnr(first, second):.1f} dB, {apart.max()} at most, {apart.mean():.2f} on average"


if __name__ == "__main__":
    main()
