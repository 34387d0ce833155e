"""ComfyUI's API while it draws: what its clients hear, its queue, previews and interrupts."""

from __future__ import annotations

import base64
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from PIL import Image

from maquette.core.job import Status
from maquette.exchange.imports import read_metadata

from ..conftest import Project, Running
from .comfyui import Client, Graph, node, photo, simple
from .conftest import House


class TestSockets:
    def hear(self, house: House, client: Client, graph: Graph, **flags: bool) -> list[Any]:
        """Everything that a client hears of its graph, to the end."""
        name, heard = uuid.uuid4().hex, list[Any]()
        address = f"{house.base}/ws?clientId={name}".replace("http", "ws", 1)
        with httpx2.Client().websocket(address) as ws:
            first = json.loads(ws.receive_text(timeout=20))
            assert first["data"]["sid"] == name
            if flags:
                ws.send_text(json.dumps({"type": "feature_flags", "data": flags}))
                assert json.loads(ws.receive_text(timeout=20))["type"] == "feature_flags"
            client.submit(graph, client_id=name)
            while True:
                event = ws.receive(timeout=20)
                data = getattr(event, "data", None)
                heard.append(json.loads(data) if isinstance(data, str) else bytes(data or b""))
                last = heard[-1]
                if (
                    isinstance(last, dict)
                    and last["type"] == "executing"
                    and not last["data"]["node"]
                ):
                    return heard

    def test_what_is_told(self, house: House, client: Client) -> None:
        heard = self.hear(house, client, simple())
        kinds = [each["type"] for each in heard if isinstance(each, dict)]
        for kind in ("status", "execution_start", "execution_cached", "executed"):
            assert kind in kinds
        assert kinds[-2:] == ["execution_success", "executing"] or "execution_success" in kinds
        nodes = [each["data"]["node"] for each in heard[:-1] if _is(each, "executing")]
        assert nodes.index("4") < nodes.index("3") < nodes.index("9")
        [saved] = [each["data"] for each in heard if _is(each, "executed")]
        assert saved["node"] == "9" and saved["output"]["images"]
        assert all(each["data"].get("prompt_id") for each in heard if _is(each, "executing"))

    def test_pictures_over_the_socket(self, house: House, client: Client) -> None:
        graph = simple()
        graph["9"] = node("SaveImageWebsocket", images=["8", 0])
        heard = self.hear(house, client, graph)
        last = [each for each in heard if isinstance(each, bytes)][-1]
        assert last[:8] == (1).to_bytes(4, "big") + (2).to_bytes(4, "big")
        assert read_metadata(last[8:]).version_id == house.studio.log()[0].id

    def test_another_sites_page_hears_nothing(self, house: House) -> None:
        address = f"{house.base}/ws".replace("http", "ws", 1)
        with (
            pytest.raises(Exception, match="403"),
            httpx2.Client().websocket(address, headers={"Origin": "http://evil.example"}),
        ):
            pass


def _is(message: Any, kind: str) -> bool:
    return isinstance(message, dict) and message["type"] == kind


class TestQueue:
    """A project that nobody draws for: the test is its worker."""

    @pytest.fixture
    def quiet(self, server: Running, empty: Project) -> Iterator[tuple[Client, Project]]:
        client = Client(f"{server.address}/p/{empty.id}")
        yield client, empty
        client.http.close()

    def ids(self, client: Client, part: str) -> list[str]:
        return [row[1] for row in client.http.get("/queue").json()[part]]

    def test_what_waits_can_be_taken_out(self, quiet: tuple[Client, Project]) -> None:
        client, project = quiet
        for name in ("one", "two"):
            client.submit(simple(), prompt_id=name)
        until_true(lambda: len(project.studio.jobs(Status.QUEUED)) == 2)
        assert self.ids(client, "queue_pending") == ["one", "two"]
        assert client.http.get("/prompt").json() == {"exec_info": {"queue_remaining": 2}}
        client.http.post("/queue", json={"delete": ["one"]})
        until_true(lambda: len(project.studio.jobs(Status.CANCELLED)) == 1)
        assert self.ids(client, "queue_pending") == ["two"]
        client.http.post("/queue", json={"clear": True})
        until_true(lambda: len(project.studio.jobs(Status.CANCELLED)) == 2)
        assert client.http.get("/history").json() == {}

    def test_the_same_id_asks_for_nothing_twice(self, quiet: tuple[Client, Project]) -> None:
        client, project = quiet
        first = client.submit(simple(), prompt_id="mine").json()
        until_true(lambda: len(project.studio.jobs(Status.QUEUED)) == 1)
        assert client.submit(simple(), prompt_id="mine").json() == first
        assert self.ids(client, "queue_pending") == ["mine"]
        client.http.post("/queue", json={"clear": True})

    @pytest.mark.parametrize("described", [False, True])
    def test_progress_previews_and_an_end(
        self, quiet: tuple[Client, Project], described: bool
    ) -> None:
        client, project = quiet
        queue = project.studio.queue
        address = str(client.http.base_url).replace("http", "ws", 1) + "ws?clientId=me"
        with httpx2.Client().websocket(address) as ws:
            json.loads(ws.receive_text(timeout=20))
            if described:
                flags = {"supports_preview_metadata": True}
                ws.send_text(json.dumps({"type": "feature_flags", "data": flags}))
                json.loads(ws.receive_text(timeout=20))
            client.submit(simple(), client_id="me", prompt_id="mine")
            until_true(lambda: len(project.studio.jobs(Status.QUEUED)) == 1)
            (job,) = queue.claim("somebody", 60)
            queue.post("progress", job.id, {"step": 2, "steps": 4, "seconds_left": 1.0})
            small = io.BytesIO()
            photo(16, 16).save(small, "WEBP")
            url = "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
            queue.post("preview", job.id, {"step": 2, "image": url})
            heard: list[Any] = []
            while not any(isinstance(each, bytes) for each in heard):
                data = getattr(ws.receive(timeout=20), "data", b"")
                heard.append(json.loads(data) if isinstance(data, str) else bytes(data))
            (progress,) = [each["data"] for each in heard if _is(each, "progress")]
            assert (progress["value"], progress["max"], progress["node"]) == (2, 4, "3")
            shown = heard[-1]
            if described:
                assert shown[:4] == (4).to_bytes(4, "big")
                length = int.from_bytes(shown[4:8], "big")
                assert json.loads(shown[8 : 8 + length])["node_id"] == "3"
                shown = shown[length:]
            else:
                assert shown[:8] == (1).to_bytes(4, "big") * 2
            assert Image.open(io.BytesIO(shown[8:])).format == "JPEG"
            assert self.ids(client, "queue_running") == ["mine"]
            client.http.post("/interrupt", json={"prompt_id": "another"})
            assert self.ids(client, "queue_running") == ["mine"]
            client.http.post("/interrupt", json={})
            entry = client.wait("mine")
            assert entry["status"]["messages"][-1][0] == "execution_interrupted"
            until_true(lambda: queue.beat("somebody", 60) == {job.id})  # its worker is told


def until_true(holds: Callable[[], bool]) -> None:
    """Wait for what must come."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
