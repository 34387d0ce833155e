"""How quick a large project is: pages of many versions, the queue, and how soon a worker begins."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bench.row import Row, spread
from maquette import Settings, Studio
from maquette.core.cost import Cost
from maquette.core.job import Status
from maquette.core.version import make_version
from maquette.search import FakeEncoder
from maquette.storage.project import FOLDER
from maquette.storage.vectors import Vectors

__all__ = ["measure"]

VERSIONS, FEW = 10_000, 200
PAGE_TARGET = 0.05
BEGIN_TARGET = 0.3
NOUNS = [
    "wolf",
    "moon",
    "forest",
    "boat",
    "lake",
    "night",
    "owl",
    "fox",
    "mountain",
    "snow",
    "river",
    "castle",
]
DAWN = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = 60.0


def measure(*, quick: bool = False) -> list[Row]:
    """Everything on a project of its own, with the fake engine: what is measured is not drawing."""
    count = FEW if quick else VERSIONS
    times = 3 if quick else 25
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(engine="fake", home=Path(folder) / "home")
        with Studio(Path(folder) / "project", create=True, settings=settings) as studio:
            _fill(studio, count)
            _look(studio, count)
            of = f" of {count:,} versions"
            rows = [
                _row(f"a page of 50{of}", _times(lambda: studio.page(50), times), PAGE_TARGET),
                _row(
                    f"two words searched in the prompts{of}",
                    _times(lambda: studio.page(50, q="wolf castle"), times),
                    PAGE_TARGET,
                ),
                _row(
                    f"a word that is in none{of}",
                    _times(lambda: studio.page(50, q="dragon"), times),
                    PAGE_TARGET,
                ),
                _row(
                    f"a page of 50 by what they show{of}, all looked at",
                    _times(lambda: studio.find("a red boat", limit=50, seconds=0), times),
                    PAGE_TARGET,
                ),
                _row("the whole graph" + of, _times(studio.graph, times), None),
            ]
            orders = [
                studio.orders.generate("a boat", seed=seed, size=(64, 64), quality="draft")
                for seed in range(times)
            ]
            submitting = _times(lambda: studio.submit(orders.pop()), times)
            claiming = _times(lambda: studio.queue.claim("bench", 15), times)
            rows += [
                _row("to submit an order", submitting, None),
                _row("to claim a job, synced to the disk", claiming, None),
            ]
            studio.queue.put_back(studio.jobs(Status.RUNNING))
            studio.cancel_jobs([job.id for job in studio.jobs(Status.QUEUED)])
            with _worker(studio.root):
                begun, heard = _watch(studio, times)
            rows += [
                _row("from an order to a worker's first step", begun, BEGIN_TARGET),
                _row("from a line in the journal to its reader", heard, None),
            ]
    return rows


def _fill(studio: Studio, count: int) -> None:
    """Versions with prompts of six words, each made from the one before, without pictures."""
    recipe = studio.orders.generate("a boat", seed=1, size=(64, 64)).recipes[0]
    prompt, sampling = recipe.prompt, recipe.sampling
    if prompt is None or sampling is None:
        raise RuntimeError("a recipe without words")
    parents: tuple[str, ...] = ()
    for number in range(count):
        words = " ".join(NOUNS[(number * step) % len(NOUNS)] for step in (1, 2, 3, 5, 7, 11))
        version = make_version(
            parents=parents,
            operation="generate",
            recipe=recipe.change(
                prompt=prompt.model_copy(update={"text": f"a {words}"}),
                sampling=sampling.model_copy(update={"seed": number}),
            ),
            image=f"{number:064x}",
            size=recipe.size,
            trace=None,
            build="bench",
            cost=Cost(),
            created_at=DAWN + timedelta(seconds=number),
        )
        studio.records.add(version)
        parents = (version.id,)


def _look(studio: Studio, count: int) -> None:
    """As if somebody had looked at each of these pictures."""
    encoder = FakeEncoder()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(count, encoder.width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known = Vectors(studio.root / FOLDER / "vectors", encoder.digest, encoder.width)
    known.keep([f"{number:064x}" for number in range(count)], vectors)


def _times(work: Callable[[], object], times: int) -> list[float]:
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


@contextmanager
def _worker(root: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "maquette", "worker", "--project", str(root)]
    env = {**os.environ, "MAQUETTE_ENGINE": "fake"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def _watch(studio: Studio, times: int) -> tuple[list[float], list[float]]:
    """Orders one after the other, with the journal read every 5 ms."""
    begun: list[float] = []
    heard: list[float] = []
    for turn in range(times + 1):  # the first waits for the worker to come up
        last = studio.queue.last_event()
        ordered = time.perf_counter()
        (job,) = studio.submit(
            studio.orders.generate("an owl", seed=turn, size=(64, 64), quality="draft")
        )
        began = None
        while time.perf_counter() - ordered < PATIENCE:
            for event in studio.queue.events(last):
                last = event.id
                now = time.perf_counter() - ordered
                if turn:
                    heard.append((datetime.now(UTC) - event.at).total_seconds())
                if began is None and event.data.get("status") == Status.RUNNING.value:
                    began = now
            if studio.job(job.id).ended:
                break
            time.sleep(0.005)
        if turn and began is not None:
            begun.append(began)
    return begun, heard


def _row(name: str, taken: list[float], target: float | None) -> Row:
    figures = spread(taken)
    value = figures["median"]
    said = f"{value * 1000:.1f} ms (at most {figures['max'] * 1000:.1f})"
    goal = "" if target is None else f"≤ {target * 1000:g} ms"
    met = None if target is None else value <= target
    return Row("queue", name, value, said, goal, met, figures=figures)
