"""A server with a worker beside it, for clients that other people wrote."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from maquette import Settings, Studio
from maquette.studio.rooms import Rooms
from maquette.worker import Worker

from ..conftest import Running, start
from .comfyui import Client

_numbers = itertools.count(1)


@dataclass
class House:
    """A server whose jobs are drawn, and one project of it for a test alone."""

    server: Running
    project: str
    studio: Studio

    @property
    def base(self) -> str:
        """Where the faces are, for this project."""
        return f"{self.server.address}/p/{self.project}"


@pytest.fixture(scope="session")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a worker, for all tests of faces."""
    folder: Path = tmp_path_factory.mktemp("faces")
    (folder / "projects").mkdir()
    running = start(folder)
    settings = Settings(home=folder / "home", engine="fake")
    with Rooms(folder / "projects", settings=settings) as rooms:
        worker = Worker([rooms])
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        yield running
        worker.drop()
        thread.join(15)
    running.stop()


@pytest.fixture
def house(drawing: Running) -> House:
    """A project of its own."""
    place = drawing.rooms.create(f"face {next(_numbers)}")
    return House(drawing, place.id, drawing.rooms.open(place.id))


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    client = Client(house.base)
    yield client
    client.http.close()


@pytest.fixture(scope="module")
def desk(drawing: Running) -> Iterator[Client]:
    """One project for all that is only asked."""
    client = Client(f"{drawing.address}/p/{drawing.rooms.create('desk of graphs').id}")
    yield client
    client.http.close()
