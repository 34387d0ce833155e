"""The server under load: fifty people list and view a project of 1,000 versions while a job is
drawn; a listener is cut off ten times.

The server and its worker run as a person starts them, each in a process of its own; so do the
fifty. All share this machine's cores.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from bench.row import Row
from maquette import Settings, Studio
from maquette.core.cost import Cost
from maquette.core.version import make_version

__all__ = ["Running", "measure", "served"]

READ_TARGET = 60.0
VERSIONS, PICTURES, CLIENTS = 1_000, 40, 50
PAUSE = 0.25
RECONNECTS = 10
DAWN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Running:
    """A server that was started."""

    address: str
    http: httpx2.Client

    @property
    def base(self) -> str:
        """Where the project is."""
        return f"{self.address}/api/v1/projects/large"


def measure(engine: str | None, model: str | None, *, quick: bool = False) -> list[Row]:
    """Everything on a project of its own."""
    seconds = 3.0 if quick else 20.0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _fill(place, 60 if quick else VERSIONS)
        with served(place, engine, model) as running:
            _warm(running)
            first = [_cold(running) for _ in range(3 if quick else 15)]
            quiet = _clients(running, seconds / 2, PAUSE)
            with _drawing(running), _listening(running) as told:
                busy = _clients(running, seconds, PAUSE)
                most = _clients(running, seconds / 2, 0.0)
    count = f"{60 if quick else VERSIONS:,}"
    return [
        _reads(f"reads of {CLIENTS} people, {count} versions, while a job is drawn, p95", busy),
        _reads(f"reads of {CLIENTS} people, {count} versions, nothing drawn, p95", quiet),
        _most(most),
        _first(first, count),
        Row(
            "server",
            f"events lost over {told['cuts']} forced reconnects",
            float(told["lost"]),
            f"{told['lost']} of {told['seen']:,}",
            "none",
            told["lost"] == 0 and told["cuts"] >= RECONNECTS,
            "one listener, cut off again and again while a job is drawn; ids must have no gap",
            told,
        ),
    ]


def _fill(place: Path, count: int) -> None:
    """A project of so many versions in straight runs and branches, with some pictures."""
    settings = Settings(engine="fake", home=place / "home")
    with Studio(place / "projects" / "large", create=True, settings=settings) as studio:
        words = "a lone wolf under a full moon, misty forest"
        drawn = studio.generate(words, seed=1, n=min(PICTURES, count), quality="draft")
        before = drawn[-1]
        for number in range(count - len(drawn)):
            like = drawn[number % len(drawn)]
            version = make_version(
                parents=(before.id,) if number % 7 else (drawn[0].id,),
                operation="reweight",
                recipe=like.recipe,
                image=like.image,
                size=like.size,
                trace=like.trace,
                build=like.build,
                cost=Cost(seconds=1.5),
                created_at=DAWN + timedelta(seconds=number),
            )
            studio.records.add(version)
            before = version


@contextmanager
def served(place: Path, engine: str | None, model: str | None) -> Iterator[Running]:
    """The studio over the projects below a folder, as a person starts it, with one worker."""
    env = {**os.environ, "MAQUETTE_HOME": str(place / "home")}
    env |= {"MAQUETTE_ENGINE": engine} if engine else {}
    env |= {"MAQUETTE_MODEL": model} if model else {}
    command = [sys.executable, "-m", "maquette", "studio", "--json", "--no-browser", "--port", "0"]
    command += ["--projects", str(place / "projects")]
    process = subprocess.Popen(command, env=env, cwd=place, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        with httpx2.Client(headers={"X-Maquette": "1"}, timeout=60) as http:
            yield Running(address, http)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _warm(running: Running) -> None:
    """Wait until the worker has drawn one picture, and let every thumbnail be made once."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if running.http.get(f"{running.address}/healthz").status_code == 200:
                break
        except httpx2.TransportError:
            time.sleep(0.1)
    body = {"prompt": "a wolf", "quality": "draft"}
    (job,) = running.http.post(f"{running.base}/operations/generate", json=body).json()["jobs"]
    while time.monotonic() < until:
        if running.http.get(f"{running.base}/jobs/{job['id']}").json()["status"] == "done":
            break
        time.sleep(0.1)
    items = running.http.get(f"{running.base}/graph").json()["items"]
    for image in {item["image"] for item in items}:
        for side in (128, 256):
            running.http.get(f"{running.base}/pictures/{image}/{side}.webp")


def _cold(running: Running) -> float:
    """Seconds for what a first paint needs when the project has just changed: list and graph."""
    running.http.put(f"{running.base}/versions/@/marks", json={"name": str(time.time())})
    began = time.perf_counter()
    running.http.get(f"{running.base}/versions", params={"limit": 60})
    running.http.get(f"{running.base}/graph")
    return time.perf_counter() - began


def _clients(running: Running, seconds: float, pause: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.clients", running.address, "large"]
    command += [str(CLIENTS), str(seconds), str(pause)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    found["seconds"] = seconds
    return found


@contextmanager
def _drawing(running: Running) -> Iterator[None]:
    """A job that is drawn for as long as anybody looks."""
    body = {"prompt": "a wolf under a full moon", "n": 500, "quality": "final"}
    done = running.http.post(f"{running.base}/operations/generate", json=body).json()
    try:
        yield
    finally:
        running.http.post(f"{running.base}/groups/{done['group']}/cancel")


@contextmanager
def _listening(running: Running) -> Iterator[dict[str, Any]]:
    """A listener that is cut off ten times; what it saw is complete at the end."""
    told: dict[str, Any] = {"cuts": 0, "seen": 0, "lost": 0}
    ending = threading.Event()
    listener = threading.Thread(target=_listen, args=(running, told, ending), daemon=True)
    listener.start()
    try:
        yield told
    finally:
        ending.set()
        listener.join(60)


def _listen(running: Running, told: dict[str, Any], ending: threading.Event) -> None:
    last: int | None = None
    with httpx2.Client(timeout=60) as http:
        while not ending.is_set() or told["cuts"] < RECONNECTS:
            headers = {} if last is None else {"Last-Event-ID": str(last)}
            began = time.monotonic()
            with http.stream("GET", f"{running.base}/events", headers=headers) as response:
                for line in response.iter_lines():
                    if not line.startswith("id: "):
                        continue
                    number = int(line.removeprefix("id: "))
                    if last is not None and number > last:
                        told["seen"] += 1
                        told["lost"] += number - last - 1
                    last = number
                    if time.monotonic() - began > 0.8:
                        break
            told["cuts"] += 1


def _reads(name: str, found: dict[str, Any]) -> Row:
    every = sorted(value for values in found["milliseconds"].values() for value in values)
    p95 = _part(every, 0.95)
    rate = len(every) / found["seconds"]
    figures = {
        "p50": _part(every, 0.5),
        "p95": p95,
        "p99": _part(every, 0.99),
        "n": len(every),
        "by kind, p95": {
            kind: _part(sorted(values), 0.95) for kind, values in found["milliseconds"].items()
        },
        "statuses": found["statuses"],
        "faults": found["faults"],
    }
    said = f"{p95:.0f} ms (p50 {figures['p50']:.0f}, p99 {figures['p99']:.0f}; {rate:.0f} a second)"
    how = f"each pauses {PAUSE:g} s on the mean between two requests; everything on one machine"
    met = p95 <= READ_TARGET and not found["faults"]
    return Row("server", name, p95, said, f"≤ {READ_TARGET:g} ms", met, how, figures)


def _most(found: dict[str, Any]) -> Row:
    every = [value for values in found["milliseconds"].values() for value in values]
    rate = len(every) / found["seconds"]
    p95 = _part(sorted(every), 0.95)
    said = f"{rate:.0f} a second (p95 {p95:.0f} ms)"
    how = f"{CLIENTS} connections that never pause, while a job is drawn"
    figures = {"p95": p95, "n": len(every), "faults": found["faults"]}
    return Row("server", "reads at most", rate, said, how=how, figures=figures)


def _first(taken: list[float], count: str) -> Row:
    seconds = _part(sorted(taken), 0.5)
    said = f"{seconds * 1000:.0f} ms ({min(taken) * 1000:.0f} to {max(taken) * 1000:.0f})"
    how = "first page and whole graph right after a change, so nothing is answered from before"
    name = f"list and graph of {count} versions, fresh"
    figures = {"seconds": taken}
    return Row("server", name, seconds, said, "≤ 500 ms", seconds <= 0.5, how, figures)


def _part(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
