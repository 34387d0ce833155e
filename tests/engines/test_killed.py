"""A worker that is killed at any moment of a paid request: never billed twice, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.vendors.comfyui import ComfyUIVendor
from tests.vendors.openai import KEY, OpenAIVendor
from tests.vendors.replicate import TOKEN, ReplicateVendor
from tests.vendors.serving import Asked, Vendor

from maquette import Settings, Studio
from maquette.core.intent import Outcome
from maquette.core.job import Job, Status

LEASE = 0.5
MOMENTS = [(request, delay) for request in range(4) for delay in (0.0, 0.003, 0.01, 0.03, 0.1)]
"""20 moments: with the first to the fourth request, and some milliseconds after it arrived."""

AFTER_ONE = [(0, 0.012 * number) for number in range(20)]
"""20 moments after the only request."""


def settings(engine: str, model: str, url: str, home: Path) -> Settings:
    return Settings(engine=engine, model=model, home=home, **{f"{engine}_url": url})  # type: ignore[arg-type]


def work(engine: str, model: str, url: str, root: str) -> None:
    """What the worker's process does: take what waits, until nothing does."""
    from maquette.engines.replicate import engine as replicate
    from maquette.studio.engines import Engines
    from maquette.studio.rooms import Rooms
    from maquette.worker import Worker

    replicate.EVERY, replicate.SETTLE = 0.02, 0.0
    mine = settings(engine, model, url, Path(root) / "home")
    rooms = Rooms(None, [root], settings=mine, engines=Engines(mine))
    Worker([rooms], lease=LEASE).run(once=True)


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    """Processes that begin with everything imported, so that each moment costs little."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["maquette.worker", "tests.engines.test_killed", "cv2"])
    yield context


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("REPLICATE_API_TOKEN", TOKEN)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def order(engine: str, model: str, url: str, root: Path) -> Job:
    mine = settings(engine, model, url, root / "home")
    with Studio(root, create=True, settings=mine) as studio:
        asked = studio.orders.generate("a boat", seed=7, quality="draft", size=(256, 256))
        return studio.submit(asked)[0]


def killed_at(
    processes: Any, vendor: Vendor, moment: tuple[int, float], held: float, given: Any
) -> bool:
    """Run a worker and kill it at a moment; whether it was still alive then. The service holds
    each answer back for ``held`` seconds, so that however fast the machine is some moments come
    before the answer and some after it."""
    request, delay = moment
    process = processes.Process(target=work, args=given)
    struck = threading.Event()

    def strike() -> None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        struck.set()

    counted = [0]

    def watch(asked: Asked) -> None:
        if counted[0] == request:
            threading.Timer(delay, strike).start() if delay else strike()
        counted[0] += 1
        time.sleep(held)

    vendor.on_request = watch
    process.start()
    process.join(30)
    vendor.on_request = None
    if counted[0] > request:
        struck.wait(5)
    return process.exitcode == -signal.SIGKILL


@dataclass(frozen=True)
class Case:
    """``found_again``: the service can be asked what became of a request. ``held``: see
    `killed_at`; longer than eight of the moments' delays, or than those of three in five."""

    engine: str
    model: str
    kind: Callable[[], Any]
    path: str
    found_again: bool
    moments: Sequence[tuple[int, float]] = tuple(MOMENTS)
    held: float = 0.02


CASES = [
    Case("replicate", "stability-ai/sdxl", ReplicateVendor, "/v1", True),
    Case("comfyui", "", ComfyUIVendor, "", True),
    Case("openai", "somebody-s", OpenAIVendor, "/v1", False, AFTER_ONE, 0.12),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.engine)
def test_killed_at_twenty_moments(processes: Any, tmp_path: Path, case: Case) -> None:
    killed, unknown = 0, 0
    for number, moment in enumerate(case.moments):
        vendor, root = case.kind(), tmp_path / str(number)
        url = f"{vendor.url}{case.path}"
        job = order(case.engine, case.model, url, root)
        given = (case.engine, case.model, url, str(root))
        killed += killed_at(processes, vendor, moment, case.held, given)
        with Studio(root, settings=settings(*given[:3], root / "home")) as studio:
            until = time.monotonic() + 20
            while not studio.job(job.id).ended and time.monotonic() < until:
                again = processes.Process(target=work, args=given)
                again.start()
                again.join(30)
                time.sleep(0.05)
            ended = studio.job(job.id)
            outcomes = [intent.outcome for intent in studio.intents.all()]
            assert Outcome.INTENDED not in outcomes, moment
            assert vendor.drawn <= 1, moment
            if ended.status is Status.DONE:
                assert vendor.drawn == 1 and studio.records.count() == 1
                assert ended.version is not None
                assert studio.picture(ended.version).size == (256, 256)
            else:
                assert not case.found_again, (moment, ended.message)
                assert outcomes == [Outcome.UNKNOWN] and "look up" in ended.message
                unknown += 1
        vendor.close()
    assert killed >= 8, "most moments must come before the worker is done"
    assert case.found_again or unknown > 0
