"""The server as a process, with a real worker: what is asked for is made, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from .conftest import CHANGES, Told, events

SLOW = """
import maquette.engines.fake as fake
made = fake.create
fake.create = lambda *given, **options: made(*given, **{**options, "delay": 0.08})
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the process lives; its engine takes its time, so that there is a middle of a job."""
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    (tmp_path / "work").mkdir()
    return tmp_path


class Process:
    """``maquette studio`` as a person starts it."""

    def __init__(self, place: Path, *more: str) -> None:
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("MAQUETTE_")},
            "MAQUETTE_ENGINE": "fake",
            "MAQUETTE_HOME": str(place / "home"),
            "PYTHONPATH": str(place),
        }
        command = [sys.executable, "-m", "maquette", "studio", "--json", "--no-browser"]
        command += ["--projects", str(place / "projects"), "--port", "0", *more]
        self.process = subprocess.Popen(
            command, env=env, cwd=place / "work", stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.http = httpx2.Client(base_url=self.said["address"], headers=CHANGES, timeout=30)
        until(self.answers)

    def answers(self) -> bool:
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx2.TransportError:
            return False

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.http.close()
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def studio(place: Path, *more: str) -> Iterator[Process]:
    running = Process(place, *more)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGKILL)


def until(holds: Callable[[], bool], seconds: float = 45) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.05)


SAMPLE = "/api/v1/projects/sample"


def test_the_first_start_makes_a_sample_and_draws_it(place: Path) -> None:
    with studio(place) as running:
        assert running.said["token"] is None and running.said["loopback"] is True
        (sample,) = running.http.get("/api/v1/projects").json()["items"]
        assert sample["id"] == "sample" and sample["name"] == "Sample"
        until(lambda: running.http.get(SAMPLE).json()["versions"] == 1)
        found = running.http.get(f"{SAMPLE}/versions/@").json()
        assert "moon" in found["prompt"] and found["maps"] and found["words"]
        assert running.http.get("/healthz").json()["workers"] == 1
        assert "maquette_workers 1.0" in running.http.get("/metrics").text
        assert running.end() == 0
    with studio(place, "--workers", "0") as again:
        assert len(again.http.get("/api/v1/projects").json()["items"]) == 1
        assert again.http.get(SAMPLE).json()["versions"] == 1
        assert again.end(signal.SIGTERM) == 0


def test_drawing_streams_its_progress(place: Path) -> None:
    with studio(place) as running:
        until(lambda: running.http.get(SAMPLE).json()["versions"] == 1)
        with running.http.stream("GET", f"{SAMPLE}/events") as response:
            told = events(response)
            next(told)
            body = {"prompt": "a cat", "seed": 4}
            (job,) = running.http.post(f"{SAMPLE}/operations/generate", json=body).json()["jobs"]
            found: list[Told] = []
            for each in told:
                found.append(each)
                if each.kind == "job" and each.data["status"] == "done":
                    break
        kinds = {each.kind for each in found}
        assert {"job", "progress", "preview", "version"} <= kinds
        assert all(each.data.get("job") == job["id"] for each in found)
        image = next(each for each in found if each.kind == "preview").data["image"]
        assert image.startswith("data:image/webp;base64,")
        version = next(each for each in found if each.kind == "version").data["id"]
        assert running.http.get(f"{SAMPLE}/versions/{version}").json()["seed"] == 4
        running.end()


def test_a_running_job_is_cancelled(place: Path) -> None:
    with studio(place) as running:
        until(lambda: running.http.get(SAMPLE).json()["versions"] == 1)
        body = {"prompt": "a cat", "n": 2, "steps": 400}
        group = running.http.post(f"{SAMPLE}/operations/generate", json=body).json()["group"]
        jobs = f"{SAMPLE}/jobs?group={group}"

        def states() -> list[str]:
            return [job["status"] for job in running.http.get(jobs).json()["items"]]

        until(lambda: "running" in states())
        running.http.post(f"{SAMPLE}/groups/{group}/cancel")
        until(lambda: states() == ["cancelled", "cancelled"], 10)
        running.end()


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_dies_in_mid_job_loses_nothing(place: Path, death: signal.Signals) -> None:
    seen: list[Told] = []
    with studio(place) as first:
        until(lambda: first.http.get(SAMPLE).json()["versions"] == 1)
        body = {"prompt": "a cat", "seed": 5, "n": 3}
        group = first.http.post(f"{SAMPLE}/operations/generate", json=body).json()["group"]
        with first.http.stream("GET", f"{SAMPLE}/events", params={"after": 0}) as response:
            told = events(response)
            assert next(told).data["complete"] is True
            while not (seen and seen[-1].kind == "progress" and seen[-1].data["step"] >= 3):
                seen.append(next(told))
        first.end(death)
    with studio(place) as second:
        last = seen[-1].id
        headers = {"Last-Event-ID": str(last)}
        with second.http.stream("GET", f"{SAMPLE}/events", headers=headers) as response:
            told = events(response)
            assert next(told).data["complete"] is True
            while sum(each.kind == "job" and each.data["status"] == "done" for each in seen) < 4:
                seen.append(next(told))
        numbers = [each.id for each in seen]
        assert numbers == list(range(1, len(numbers) + 1))
        jobs = second.http.get(f"{SAMPLE}/jobs?group={group}").json()["items"]
        assert [job["status"] for job in jobs] == ["done"] * 3
        items = second.http.get(f"{SAMPLE}/versions").json()["items"]
        assert sorted(item["seed"] for item in items if item["prompt"] == "a cat") == [5, 6, 7]
        second.end()


def test_a_worker_that_dies_is_replaced_and_its_job_is_finished(place: Path) -> None:
    with studio(place) as running:
        until(lambda: running.http.get(SAMPLE).json()["versions"] == 1)
        body = {"prompt": "a cat", "steps": 60}
        (job,) = running.http.post(f"{SAMPLE}/operations/generate", json=body).json()["jobs"]

        def state() -> dict[str, Any]:
            return running.http.get(f"{SAMPLE}/jobs/{job['id']}").json()

        until(lambda: state()["status"] == "running")
        threads = Path(f"/proc/{running.process.pid}/task").iterdir()
        (worker,) = [pid for each in threads for pid in (each / "children").read_text().split()]
        os.kill(int(worker), signal.SIGKILL)
        until(lambda: state()["status"] == "done", 60)
        assert state()["attempts"] == 2
        assert "maquette_worker_restarts 1.0" in running.http.get("/metrics").text
        running.end()


def test_two_servers_write_one_project(place: Path) -> None:
    with studio(place) as first, studio(place, "--workers", "0") as second:
        until(lambda: first.http.get(SAMPLE).json()["versions"] == 1)
        with second.http.stream("GET", f"{SAMPLE}/events") as response:
            told = events(response)
            next(told)
            wolf = first.http.get(f"{SAMPLE}/versions/@").json()["id"]
            for number in range(10):
                one, other = (first, second) if number % 2 else (second, first)
                one.http.post(f"{SAMPLE}/operations/rollback", json={"version": wolf})
                other.http.put(f"{SAMPLE}/versions/{wolf}/marks", json={"name": f"n{number}"})
            found = [next(told) for _ in range(20)]
        assert [each.kind for each in found] == ["version", "mark"] * 10
        mine, others = (each.http.get(f"{SAMPLE}/graph") for each in (first, second))
        assert mine.json() == others.json() and len(mine.json()["items"]) == 11
        assert mine.headers["etag"] == others.headers["etag"]
        first.end()
        second.end()


def test_a_port_that_is_taken_is_said(place: Path) -> None:
    with studio(place, "--workers", "0") as running:
        port = running.said["address"].rpartition(":")[2]
        command = [sys.executable, "-m", "maquette", "studio", "--port", port, "--no-browser"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 13 and "cannot listen" in done.stderr
        running.end()


def test_another_address_prints_a_token_that_opens_it(place: Path) -> None:
    with studio(place, "--workers", "0", "--host", "0.0.0.0") as running:
        port, token = running.said["address"].rpartition(":")[2], running.said["token"]
        assert running.said["loopback"] is False and len(token) > 20
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/api/v1/projects").status_code == 401
            bearer = {"Authorization": f"Bearer {token}"}
            assert client.get("/api/v1/projects", headers=bearer).status_code == 200
        running.end()
