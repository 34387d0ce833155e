"""Other people's clients: what a face costs beside a direct call, and a hundred of them at once.

The fake engine draws, so that little but the way is measured: the server and its worker as a person
starts them, the real clients in this process. All share this machine's cores.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import openai
import webuiapi

from bench.row import Row, spread
from bench.server import Running, served
from maquette import Settings, Studio

__all__ = ["measure"]

OVERHEAD_TARGET = 15.0
"""Milliseconds; of a picture, though ComfyUI's takes three requests."""
REQUESTS = {"openai": 1, "a1111": 1, "comfyui": 3}
"""What a picture takes through each face: ComfyUI's takes the graph, the history and the file."""
MANY = 100
STEPS = 4


def measure(engine: str | None, model: str | None, *, quick: bool = False) -> list[Row]:
    """Everything on projects of its own; always on the fake engine."""
    _ = engine, model
    rounds, many = (4, 10) if quick else (40, MANY)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = Settings(engine="fake", home=place / "home")
        Studio(place / "projects" / "faces", create=True, settings=settings).close()
        Studio(place / "direct", create=True, settings=settings).close()
        with served(place, "fake", None) as running:
            times = _one_by_one(running, place, settings, rounds)
            crowd = asyncio.run(_at_once(running, many))
        with Studio(place / "projects" / "faces", settings=settings) as studio:
            order = _order(studio)
    return [*_overheads(times), *_crowd(crowd, order, many)]


def _one_by_one(
    running: Running, place: Path, settings: Settings, rounds: int
) -> dict[str, list[float]]:
    """Milliseconds from asking to having the picture's bytes, way by way in turns."""
    found: dict[str, list[float]] = {}
    seeds = iter(range(10_000))
    base = f"{running.address}/p/faces"
    api = webuiapi.WebUIApi(baseurl=f"{base}/sdapi/v1")
    with (
        openai.OpenAI(base_url=f"{base}/v1", api_key="any", timeout=60) as client,
        Studio(place / "direct", settings=settings) as studio,
        _News(f"{running.address}/api/v1/projects/faces") as news,
        _Comfy(base) as comfy,
    ):

        def by_library() -> None:
            (version,) = studio.generate("a wolf", seed=next(seeds), quality="draft")
            studio.blobs.get(version.image)

        def by_studio() -> None:
            news.draw(running.http, next(seeds))

        def by_openai() -> None:
            more = {"seed": next(seeds)}
            answer = client.images.generate(prompt="a wolf", quality="low", extra_body=more)
            assert answer.data is not None
            base64.b64decode(answer.data[0].b64_json or "")

        def by_comfyui() -> None:
            comfy.draw(next(seeds))

        def by_a1111() -> None:
            api.txt2img(
                prompt="a wolf",
                seed=next(seeds),
                steps=STEPS,
                width=256,
                height=256,
                cfg_scale=4,
                sampler_name="DPM++ 2M",
            )

        ways: dict[str, Callable[[], None]] = {
            "library": by_library,
            "studio": by_studio,
            "openai": by_openai,
            "a1111": by_a1111,
            "comfyui": by_comfyui,
        }
        for turn in range(rounds + 2):  # the first two warm everything
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                if turn > 1:
                    found.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    return found


class _News:
    """One open event stream, and who waits for a job of it: how the browser does it."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._done: dict[str, str] = {}
        self._heard = threading.Condition()
        self._open = threading.Event()
        self._http = httpx2.Client(timeout=60)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _News:
        self._thread.start()
        self._open.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _listen(self) -> None:
        try:
            with self._http.stream("GET", f"{self.base}/events") as response:
                for line in response.iter_lines():
                    self._open.set()
                    if line.startswith("data: "):
                        told = json.loads(line[6:])
                        if told.get("status") == "done":
                            with self._heard:
                                self._done[told["job"]] = told["version"]
                                self._heard.notify_all()
        except (httpx2.HTTPError, httpx2.StreamError, RuntimeError):
            return  # closed

    def draw(self, http: httpx2.Client, seed: int) -> None:
        """Ask the server's own interface, and read the picture."""
        body = {"prompt": "a wolf", "seed": seed, "quality": "draft"}
        (job,) = http.post(f"{self.base}/operations/generate", json=body).json()["jobs"]
        with self._heard:
            self._heard.wait_for(lambda: job["id"] in self._done, 60)
        version = http.get(f"{self.base}/versions/{self._done[job['id']]}").json()
        http.get(f"{self.base}/pictures/{version['image']}").read()


class _Comfy:
    """How ComfyUI's own example with a web socket does it: post the graph, hear that it is done,
    read the history, fetch the picture. The socket is listened to all the time, as programs that
    draw through ComfyUI do: it also tells of what others draw."""

    def __init__(self, base: str) -> None:
        self._open = ExitStack()
        self._http = httpx2.Client(base_url=base, timeout=60)
        self._socket = f"ws{base.removeprefix('http')}/ws?clientId=bench"
        self._done: set[str] = set()
        self._heard = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _Comfy:
        self._open.enter_context(self._http)
        self._news = self._open.enter_context(self._http.websocket(self._socket))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _listen(self) -> None:
        try:
            while True:
                data = getattr(self._news.receive(timeout=600), "data", None)
                told = json.loads(data) if isinstance(data, str) else {}
                if told.get("type") == "executing" and told["data"]["node"] is None:
                    with self._heard:
                        self._done.add(told["data"]["prompt_id"])
                        self._heard.notify_all()
        except Exception:
            return  # the socket is closed, whichever way that is told

    def draw(self, seed: int) -> None:
        """One picture, from the graph to its bytes."""
        body = {"prompt": _graph(seed), "client_id": "bench"}
        prompt = self._http.post("/prompt", json=body).json()["prompt_id"]
        with self._heard:
            assert self._heard.wait_for(lambda: prompt in self._done, 60)
        past = self._http.get(f"/history/{prompt}").json()[prompt]
        (image,) = past["outputs"]["9"]["images"]
        assert self._http.get("/view", params=image).content


def _graph(seed: int) -> dict[str, Any]:
    """The graph that every ComfyUI opens with."""

    def node(kind: str, **inputs: Any) -> dict[str, Any]:
        return {"class_type": kind, "inputs": inputs}

    wires = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}
    how = {"steps": STEPS, "cfg": 4, "sampler_name": "dpmpp_2m", "scheduler": "normal"}
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name="fake"),
        "5": node("EmptyLatentImage", width=256, height=256, batch_size=1),
        "6": node("CLIPTextEncode", text="a wolf", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="", clip=["4", 1]),
        "3": node("KSampler", seed=seed, denoise=1, latent_image=["5", 0], **wires, **how),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="wolf"),
    }


async def _at_once(running: Running, many: int) -> dict[str, Any]:
    """So many requests of the OpenAI client, all at the same moment."""
    base = f"{running.address}/p/faces/v1"
    limits = httpx2.Limits(max_connections=many)
    took: list[float] = []
    pictures: set[str] = set()
    faults: list[str] = []
    async with openai.AsyncOpenAI(
        base_url=base,
        api_key="any",
        timeout=300,
        max_retries=0,
        http_client=httpx2.AsyncClient(limits=limits, timeout=300),
    ) as client:

        async def one(number: int) -> None:
            began = time.perf_counter()
            try:
                answer = await client.images.generate(
                    prompt="a boat", quality="low", extra_body={"seed": 50_000 + number}
                )
                assert answer.data is not None
                pictures.add(answer.data[0].b64_json or "")
            except openai.OpenAIError as error:
                faults.append(f"{type(error).__name__}: {error}"[:200])
            took.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(many)))
        whole = time.perf_counter() - began
    return {"seconds": whole, "took": spread(took), "pictures": len(pictures), "faults": faults}


def _order(studio: Studio) -> dict[str, int]:
    """In which order jobs were drawn, beside the order in which they were queued."""
    places = {version.id: place for place, version in enumerate(reversed(studio.log()))}
    queued = [job for job in reversed(studio.jobs()) if job.version is not None]
    drawn = [places[job.version] for job in queued if job.version is not None]
    overtaken = sum(later < earlier for earlier, later in itertools.pairwise(drawn))
    left = len(studio.jobs()) - len(drawn)
    return {"jobs": len(drawn), "overtaken": overtaken, "left": left}


def _overheads(times: dict[str, list[float]]) -> list[Row]:
    middle = {name: statistics.median(values) for name, values in times.items()}
    figures = {name: spread(values) for name, values in times.items()}
    rows: list[Row] = []
    for face in ("openai", "a1111", "comfyui"):
        for beside, says in (("studio", "the server's own interface"), ("library", "the library")):
            more = middle[face] - middle[beside]
            least = min(times[face]) - min(times[beside])
            each = more / REQUESTS[face]
            told = f"{more:+.1f} ms ({middle[face]:.0f} against {middle[beside]:.0f}; the fastest"
            told += f" {least:+.1f})"
            if REQUESTS[face] > 1:
                told += f"; {REQUESTS[face]} requests, {each:+.1f} ms each"
            rows.append(
                Row(
                    "compat",
                    f"{face}: a picture beside {says}",
                    more,
                    told,
                    f"≤ {OVERHEAD_TARGET:g} ms",
                    more <= OVERHEAD_TARGET,
                    "median of pictures in turns, from asking to the picture's bytes, fake engine",
                    figures,
                )
            )
    return rows


def _crowd(crowd: dict[str, Any], order: dict[str, int], many: int) -> list[Row]:
    lost = many - crowd["pictures"]
    return [
        Row(
            "compat",
            f"{many} OpenAI requests at once: lost",
            float(lost),
            f"{lost} of {many}, in {crowd['seconds']:.1f} s",
            "none",
            lost == 0 and not crowd["faults"],
            "the official asynchronous client without retries; each picture another seed",
            crowd,
        ),
        Row(
            "compat",
            f"{many} OpenAI requests at once: drawn out of order",
            float(order["overtaken"]),
            f"{order['overtaken']} of {order['jobs']}",
            "none",
            order["overtaken"] == 0 and order["left"] == 0,
            "jobs that were drawn before one that was queued earlier",
            order,
        ),
    ]
