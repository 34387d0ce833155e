"""A real server on a loopback port, a project for every test, and a client that knows the rules."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from maquette import Settings, Studio, Version
from maquette.server.access import Access
from maquette.server.app import create_app
from maquette.server.context import Context
from maquette.server.serve import Server, bind
from maquette.studio.rooms import Rooms

WOLF = "a lone wolf under a full moon, misty forest"
CHANGES = {"X-Maquette": "1"}


@dataclass
class Running:
    """A server in a thread of this process."""

    address: str
    rooms: Rooms
    context: Context
    files: Path
    _server: Server
    _thread: threading.Thread

    def client(self, **options: Any) -> httpx2.Client:
        options = {"headers": CHANGES, "timeout": 20, **options}
        return httpx2.Client(base_url=self.address, **options)

    def stop(self) -> None:
        self._server.should_exit = True
        self.context.feeds.close()
        self._thread.join(15)
        assert not self._thread.is_alive()


def start(
    folder: Path,
    access: Access | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Running:
    """A server over the projects in a folder, with the fake engine unless ``settings`` say else."""
    settings = settings or Settings(home=folder / "home", models=folder / "models", engine="fake")
    rooms = Rooms(folder / "projects", settings=settings)
    files = folder / "static"
    files.mkdir(parents=True, exist_ok=True)
    app = create_app(rooms, access=access, files=files, **options)
    listening = bind("127.0.0.1", 0)
    server = Server(app)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    assert server.started
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    return Running(address, rooms, app.state.context, files, server, thread)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests that look at it from outside; each has a project of its own."""
    running = start(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


_numbers = itertools.count(1)


@dataclass
class Project:
    """A project as a test sees it: over HTTP, and through the library."""

    id: str
    studio: Studio
    http: httpx2.Client
    made: list[Version] = field(default_factory=list[Version])

    @property
    def base(self) -> str:
        return f"/api/v1/projects/{self.id}"

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.http.get(self.base + path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        if body is not None:
            options["json"] = body
        return self.http.post(self.base + path, **options)

    def put(self, path: str, body: Any) -> httpx2.Response:
        return self.http.put(self.base + path, json=body)


@pytest.fixture
def http(server: Running) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def empty(server: Running, http: httpx2.Client) -> Project:
    """A project without versions."""
    place = server.rooms.create(f"empty {next(_numbers)}")
    return Project(place.id, server.rooms.open(place.id), http)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project to be copied: making one takes a moment."""
    folder = tmp_path_factory.mktemp("drawn")
    with Studio(folder, create=True, settings=Settings(engine="fake")) as studio:
        (wolf,) = studio.generate(WOLF, seed=7, quality="draft")
        studio.reweight(wolf, {"moon": 1.6})
    return folder


@pytest.fixture
def project(server: Running, http: httpx2.Client, drawn: Path) -> Project:
    """A project with a wolf, and the same wolf with more moon."""
    name = f"project-{next(_numbers)}"
    assert server.rooms.root is not None
    shutil.copytree(drawn, server.rooms.root / name)
    studio = server.rooms.open(name)
    return Project(name, studio, http, studio.log()[::-1])


@dataclass(frozen=True)
class Told:
    """One server-sent event."""

    kind: str
    id: int | None
    data: Any


def events(response: httpx2.Response) -> Iterator[Told]:
    """The events of a stream, comments left out."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            number = int(fields["id"]) if "id" in fields else None
            yield Told(fields["event"], number, json.loads(fields["data"]))
            fields = {}


def is_problem(response: httpx2.Response, status: int, code: str) -> None:
    """Whether an answer is the problem document that it should be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["code"] == code, found
    assert found["status"] == status
    assert found["type"] == f"urn:maquette:problem:{code}"
    assert found["title"] and found["detail"]
