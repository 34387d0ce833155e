"""A trial against a real ComfyUI: our engine and our exported workflows. Not in ``make bench``.

ComfyUI has to run with a checkpoint (``--checkpoint``, its file's name there) whose weights are at
hand here too, as a folder or file that ``maquette models`` reads (``--model``). ``bench.shaped``
writes such a pair, and with it a LoRA, a ControlNet and an upscaler (``--models`` is the folder
that it wrote)::

    python main.py --cpu --port 8188                        # in ComfyUI's folder
    python -m bench.comfyui --url http://127.0.0.1:8188 --checkpoint sd15.safetensors --model DIR

Prints a table: for each recipe how near the three pictures are, drawn here, drawn there by the
engine ``comfyui``, and drawn there by the workflow that ``maquette export`` wrote.

With ``--kill N --program COMMAND`` it starts ComfyUI itself, kills it at N moments of a job, starts
it again and orders the same again: no result may be lost, none may come twice.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2

from bench.trial import TEXT, Make, Pair, near
from maquette import Settings, Studio, Version
from maquette.core.intent import Outcome
from maquette.core.job import Job, Status
from maquette.core.picture import decode_picture
from maquette.studio.engines import Engines
from maquette.studio.rooms import Rooms
from maquette.worker import Worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8188")
    parser.add_argument("--checkpoint", required=True, help="its file's name in ComfyUI")
    parser.add_argument("--model", required=True, help="the same weights, here")
    parser.add_argument("--models", type=Path, help="the folder that bench.shaped wrote")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name holds one of these (a|b)")
    parser.add_argument("--kill", type=int, default=0, help="so many moments; no table then")
    parser.add_argument("--program", default="", help="how ComfyUI is started")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.kill:
            Killing(asked, Path(folder)).run()
        else:
            Trial(asked, Path(folder)).run()


class Trial:
    """Both studios, and what is compared."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.http = httpx2.Client(base_url=asked.url, timeout=600)
        self.pair = Pair(
            folder, "comfyui", asked.checkpoint, asked.model,
            comfyui_url=asked.url, **({"models": asked.models} if asked.models else {}),
        )  # fmt: skip

    def run(self) -> None:
        """Print the table."""
        system = self.http.get("/system_stats").json()["system"]
        print(f"ComfyUI {system['comfyui_version']}, torch {system['pytorch_version']}\n")
        print("| recipe | engine, against here | exported, against here | seconds here, there |")
        print("|---|---|---|---|")
        for name, make in self.pair.recipes(self.asked.size, self.asked.steps):
            self.row(name, make)
        side = self.asked.size // 2
        how: dict[str, Any] = {
            "sampler": "euler", "seed": 8, "steps": self.asked.steps, "guidance": 5.0
        }  # fmt: skip

        def inside(studio: Studio) -> Version:
            start = self.pair.taken(studio)
            mask = studio.mask(start, box=(0, 0, side, side))
            return studio.carry_out(studio.orders.inpaint(start, mask, "a moon", **how))[0]

        def wider(studio: Studio) -> Version:
            start = self.pair.taken(studio)
            return studio.carry_out(
                studio.orders.outpaint(start, right=side, prompt=TEXT, **how)
            )[0]  # fmt: skip

        self.row("inside a mask", inside, engine=False)
        self.row("a wider canvas", wider, engine=False)
        self.row("twice as large", lambda s: s.upscale(self.pair.taken(s), 2.0), engine=False)
        if self.asked.models:
            self.adapters(how)

    def adapters(self, how: dict[str, Any]) -> None:
        """What ``bench.shaped`` has written."""
        size = (self.asked.size, self.asked.size)
        how = {**how, "seed": 7, "size": size, "maps": False}
        edges = self.folder / "edges.png"

        def steered(studio: Studio, **by: Any) -> Version:
            return studio.generate(TEXT, interpreter="plain", **how, **by)[0]

        def controlled(studio: Studio) -> Version:
            studio.control_map(self.pair.taken(studio), "canny").save(edges)
            return steered(studio, control=[{"condition": "canny", "image": edges}])

        self.row("with a LoRA", lambda s: steered(s, lora={"ink": 0.8}))
        self.row("with a ControlNet", controlled)
        self.row(
            "twice as large, by a network",
            lambda s: s.upscale(self.pair.taken(s), 2.0, model="double"),
            engine=False,
        )

    def row(self, name: str, make: Make, *, engine: bool = True) -> None:
        """``engine`` is False where the engine draws at another size (its own best one), or not at
        all."""
        if any(part in name for part in self.asked.only.split("|")):
            own, other, seconds = self.pair.compared(make, engine=engine)
            print(f"| {name} | {other} | {self.exported(own)} | {seconds} |", flush=True)

    def exported(self, version: Version) -> str:
        """How near is what ComfyUI makes of the workflow that is exported."""
        file = self.folder / f"{version.short}.json"
        written = self.pair.here.export_workflow(version, file)
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
        there = decode_picture(self.http.get("/view", params=images[0]).content)
        return near(self.pair.here.picture(version), there)

    def wait(self, prompt: str) -> dict[str, Any]:
        """Its entry in the history."""
        until = time.monotonic() + 600
        while time.monotonic() < until:
            found = self.http.get(f"/history/{prompt}").json()
            if prompt in found:
                return found[prompt]
            time.sleep(0.2)
        raise TimeoutError(prompt)


class Killing:
    """One project, one ComfyUI that is killed again and again."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.root = asked, folder / "project"
        self.http = httpx2.Client(base_url=asked.url, timeout=10)
        self.settings = Settings(
            engine="comfyui", model=asked.checkpoint, home=folder / "home", comfyui_url=asked.url
        )
        self.program: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Kill, start, order again; print what came of each and of all."""
        came: Counter[str] = Counter()
        try:
            self.start()
            Studio(self.root, create=True, settings=self.settings).close()
            self.drawn(self.ordered(0))  # loads the model, too
            whole = self.drawn(self.ordered(1))[1]
            print(f"undisturbed: {whole:.1f} s", flush=True)
            for number in range(self.asked.kill):
                told = self.killed(100 + number, 1.1 * whole * number / self.asked.kill)
                print(f"{number + 1}: {told}", flush=True)
                came[told.rpartition(": ")[2]] += 1
        finally:
            self.stop()
        print("; ".join(f"{count} times {what}" for what, count in came.most_common()))

    def killed(self, seed: int, delay: float) -> str:
        """Killed ``delay`` seconds into a job, and what is there in the end."""
        job = self.ordered(seed)
        timer = threading.Timer(delay, self.stop)
        timer.start()
        first, seconds = self.drawn(job)
        timer.join()
        with Studio(self.root, settings=self.settings) as studio:
            between = [each.outcome.value for each in studio.intents.all() if self.open(each)]
        self.start()
        # What came before the kill is there; another order would be another version of it.
        done = first.status is Status.DONE
        second = first if done else self.drawn(self.ordered(seed))[0]
        with Studio(self.root, settings=self.settings) as studio:
            versions = [each for each in studio.log() if self.seed(each) == seed]
            left = [each for each in studio.intents.all() if self.open(each)]
        good = second.status is Status.DONE and len(versions) == 1 and not left
        waiting = self.http.get("/queue").json()
        idle = not waiting["queue_running"] and not waiting["queue_pending"]
        about = (
            f"after {delay:.2f} s: {first.status} in {seconds:.1f} s ({first.message[:90]}),"
            f" open {between}; again: {second.status}, {len(versions)} version(s)"
        )
        return f"{about}: {'one picture, nothing open' if good and idle else 'A FAULT'}"

    @staticmethod
    def open(intent: Any) -> bool:
        """Whether it is not known what came of it."""
        return intent.outcome in {Outcome.INTENDED, Outcome.SUBMITTED, Outcome.UNKNOWN}

    @staticmethod
    def seed(version: Version) -> int:
        """What it was drawn with."""
        return version.recipe.sampling.seed if version.recipe.sampling else -1

    def ordered(self, seed: int) -> str:
        """A job that waits; its id."""
        with Studio(self.root, settings=self.settings) as studio:
            size = (self.asked.size, self.asked.size)
            order = studio.orders.generate(
                TEXT, seed=seed, steps=self.asked.steps, sampler="euler", guidance=5.0, size=size
            )
            return studio.submit(order)[0].id

    def drawn(self, job: str) -> tuple[Job, float]:
        """Let a worker draw; the job as it ended, and after how many seconds."""
        engines = Engines(self.settings)
        with Studio(self.root, settings=self.settings, engines=engines) as studio:
            began = time.perf_counter()
            until = began + 300
            while not studio.job(job).ended and time.perf_counter() < until:
                rooms = Rooms(None, [self.root], settings=self.settings, engines=engines)
                Worker([rooms]).run(once=True)
                time.sleep(0.1)
            return studio.job(job), time.perf_counter() - began

    def start(self) -> None:
        """ComfyUI, until it answers."""
        self.program = subprocess.Popen(
            shlex.split(self.asked.program), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.until(lambda: self.http.get("/system_stats").status_code == 200)

    def until(self, there: Callable[[], bool]) -> None:
        """Wait for it."""
        until = time.monotonic() + 300
        while time.monotonic() < until:
            with suppress(httpx2.HTTPError):
                if there():
                    return
            time.sleep(0.2)
        raise TimeoutError(self.asked.program)

    def stop(self) -> None:
        """Kill it, as a lost machine would."""
        if self.program is not None and self.program.poll() is None:
            os.killpg(self.program.pid, signal.SIGKILL)
            self.program.wait()


if __name__ == "__main__":
    main()
