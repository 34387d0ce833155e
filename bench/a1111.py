"""A trial against a real server of the A1111 family: our engine. Not in ``make bench``.

The server has to run with its API and with a checkpoint (``--checkpoint``, its title there) whose
weights are at hand here too, as a folder or file that ``maquette models`` reads (``--model``)::

    python -m bench.a1111 --url http://127.0.0.1:7860 --checkpoint NAME --model DIR

SD.Next takes its timesteps and noise schedule from its own settings, not from the model's: what
the model needs is set with ``--set`` (for Postcard ``--set schedulers_timestep_spacing=trailing
--set schedulers_rescale_betas=true``). Prints how near the pictures of each recipe are, drawn here
and there, and what came of the rest of the protocol.
"""

from __future__ import annotations

import argparse
import base64
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image

from bench.trial import TEXT, Pair, near
from maquette import Version
from maquette.core.picture import decode_picture
from maquette.engines.base import Event, Pinging, Preview, Progress
from maquette.errors import Cancelled, MaquetteError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--checkpoint", required=True, help="its title there")
    parser.add_argument("--model", required=True, help="the same weights, here")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--only", default="", help="rows whose name holds one of these (a|b)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Trial(asked, Path(folder)).run()


class Trial:
    """Both studios, and what is tried."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked = asked
        self.http = httpx2.Client(base_url=asked.url, timeout=600)
        for pair in asked.set:
            key, _, value = pair.partition("=")
            body = {key: json.loads(value) if value in {"true", "false"} else value}
            self.http.post("/sdapi/v1/options", json=body).raise_for_status()
        self.pair = Pair(folder, "a1111", asked.checkpoint, asked.model, a1111_url=asked.url)

    def run(self) -> None:
        """Print everything."""
        there = self.pair.there
        print(f"samplers: {', '.join(there.capabilities().samplers)}\n")
        print("| recipe | engine, against here | seconds here, there |\n|---|---|---|")
        for name, make in self.pair.recipes(self.asked.size, self.asked.steps):
            if any(part in name for part in self.asked.only.split("|")):
                _, other, seconds = self.pair.compared(make)
                print(f"| {name} | {other} | {seconds} |", flush=True)
        for name, told in (
            ("a greeting", self.greeting),
            ("inside a mask", self.inside),
            ("progress and previews", self.watched),
            ("an interrupt", self.interrupted),
            ("an interrupt while another draws", self.behind_another),
            ("a checkpoint that is not there", self.unknown),
        ):
            if any(part in name for part in self.asked.only.split("|")):
                try:
                    print(f"{name}: {told()}", flush=True)
                except MaquetteError as error:
                    print(f"{name}: {type(error).__name__}: {error}", flush=True)

    def greeting(self) -> str:
        """What it says of itself."""
        engine = self.pair.there.engine()
        return engine.ping().says if isinstance(engine, Pinging) else "it cannot be greeted"

    def inside(self) -> str:
        """A place drawn anew; every other pixel has to stay."""
        there = self.pair.there
        start = self.pair.taken(there)
        side = self.asked.size // 2
        mask = there.mask(start, box=(0, 0, side, side))
        order = there.orders.inpaint(start, mask, "a moon", seed=8, steps=self.asked.steps)
        made = there.carry_out(order)[0]
        before, after = (np.asarray(there.picture(each).convert("RGB")) for each in (start, made))
        moved = (before != after).any(axis=2)
        inside = np.zeros_like(moved)
        inside[:side, :side] = True
        outside = int((moved & ~inside).sum())
        return f"{moved[inside].mean():.0%} of its pixels are new, {outside} outside it"

    def drawn(self, seed: int, steps: int) -> Version:
        """Something that takes a while."""
        size = (self.asked.size, self.asked.size)
        return self.pair.there.generate(TEXT, seed=seed, size=size, steps=steps, maps=False)[0]

    def watched(self) -> str:
        """What is heard while it draws."""
        heard: list[Event] = []
        self.pair.there.on_event, self.pair.there.previews = heard.append, True
        self.drawn(101, 30)
        self.pair.there.on_event = None
        steps = sum(isinstance(each, Progress) for each in heard)
        return f"{steps} news of steps, {sum(isinstance(each, Preview) for each in heard)} previews"

    def interrupted(self) -> str:
        """Stopped at its third step: how long until both have let go of it."""
        began = 0.0

        def hear(event: Event) -> None:
            nonlocal began
            if isinstance(event, Progress) and event.step > 2 and not began:
                began = time.perf_counter()
                self.pair.there.cancel.set()

        self.pair.there.on_event = hear
        try:
            self.drawn(102, 60)
        except Cancelled:
            here = time.perf_counter() - began
        else:
            return "it went on"
        finally:
            self.pair.there.on_event = None
            self.pair.there.cancel.__init__()
        while self.state()["sampling_step"]:
            time.sleep(0.05)
        return f"stopped here after {here:.1f} s, there after {time.perf_counter() - began:.1f} s"

    def behind_another(self) -> str:
        """Ours is given up while it waits behind somebody else's: is that one finished?"""
        body = {"prompt": "a bridge", "steps": 30, "width": 256, "height": 256, "seed": 5}
        body |= {"sampler_name": "Euler", "save_images": False}
        whole = _picture(self.http.post("/sdapi/v1/txt2img", json=body))
        with ThreadPoolExecutor(2) as pool:
            other = pool.submit(self.http.post, "/sdapi/v1/txt2img", json=body)
            while not self.state()["sampling_step"]:
                time.sleep(0.02)
            ours = pool.submit(self.drawn, 103, 30)
            time.sleep(1.0)
            self.pair.there.cancel.set()
            try:
                ours.result()
                came = "ours was drawn"
            except Cancelled:
                came = "ours stopped"
            self.pair.there.cancel.__init__()
            apart = near(whole, _picture(other.result()))
        return f"{came}; the other's picture, beside the same one drawn alone: {apart}"

    def unknown(self) -> str:
        """A checkpoint that is not there, said before anything is drawn."""
        there = self.pair.there.drawing_with("a1111", "no-such-thing")
        try:
            return there.capabilities().engine
        except MaquetteError as error:
            return f"{type(error).__name__}: {error}"

    def state(self) -> dict[str, Any]:
        """Where it is."""
        return self.http.get("/sdapi/v1/progress?skip_current_image=true").json()["state"]


def _picture(answer: httpx2.Response) -> Image.Image:
    text = answer.json()["images"][0]
    return decode_picture(base64.b64decode(text.rpartition(",")[2]))


if __name__ == "__main__":
    main()
