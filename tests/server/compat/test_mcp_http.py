"""The assistant's face of the running server: over HTTP, behind the server's own rules."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from tests.server.conftest import Running, start

from maquette.server.access import Access
from maquette.studio.rooms import Rooms
from maquette.worker import Worker

TOKEN = "token-51c0ffee51c0ffee"
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("there"), Access.at("127.0.0.1", TOKEN))
    rooms = Rooms(running.rooms.root, settings=running.rooms.settings)
    worker = Worker([rooms])
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield running
    worker.leave()
    thread.join(10)
    rooms.close()
    running.stop()


def over(
    address: str, work: Callable[[Client], Awaitable[Any]], mode: str = "auto", token: str = TOKEN
) -> Any:
    async def main() -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(address, http_client=http)
            async with Client(transport, mode=mode) as client:
                return await work(client)

    return anyio.run(main)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_assistant_draws_over_http(running: Running, mode: str) -> None:
    heard: list[float] = []

    async def hear(done: float, total: float | None, says: str | None) -> None:
        heard.append(done)

    async def draw(client: Client) -> Any:
        given = {"prompt": f"a red boat {mode}", "quality": "draft", "seed": 7}
        made = await client.call_tool("generate", given, progress_callback=hear)
        return made, await client.call_tool("export", {})

    made, exported = over(f"{running.address}/mcp", draw, mode)
    assert not made.is_error and made.structured_content["project"] == "clients"
    assert [each.type for each in made.content] == ["text", "image"]
    assert heard and heard[-1] == 1.0
    # No path of the server is told: the file itself is in the answer.
    assert exported.structured_content["path"] == ""
    assert exported.content[-1].resource.mime_type == "image/png"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_address_names_the_project(running: Running, mode: str) -> None:
    place = running.rooms.create(f"Autumn {mode}")

    async def draw(client: Client) -> Any:
        return await client.call_tool("generate", {"prompt": "a hat", "quality": "draft"})

    made = over(f"{running.address}/p/{place.id}/mcp", draw, mode)
    assert made.structured_content["project"] == place.id == f"autumn-{mode}"
    assert running.rooms.open(place.id).records.count() == 1


def test_who_may_not_speak(running: Running) -> None:
    kinds = {"Accept": "application/json, text/event-stream"}
    with httpx2.Client(base_url=running.address, headers=kinds) as http:
        refused = http.post("/mcp", json=HELLO)
        assert refused.status_code == 401 and "Bearer" in refused.headers["www-authenticate"]
        assert refused.json()["error"]["data"]["code"] == "token-needed"
        known = {"Authorization": f"Bearer {TOKEN}"}
        page = {**known, "Origin": "https://elsewhere.example"}
        assert http.post("/mcp", json=HELLO, headers=page).status_code == 403
        rebound = {**known, "Host": "elsewhere.example"}
        assert http.post("/mcp", json=HELLO, headers=rebound).status_code == 403
        assert http.post("/mcp", json=HELLO, headers=known).status_code < 500


def test_without_the_package_it_says_what_to_install(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    known = {"Authorization": f"Bearer {TOKEN}"}
    with httpx2.Client(base_url=running.address, headers=known) as http:
        refused = http.post("/mcp", json=HELLO)
    assert refused.status_code == 501
    assert "pip install 'maquette[mcp]'" in refused.json()["error"]["message"]


def test_a_server_with_an_assistant_connected_ends_at_once(tmp_path: Path) -> None:
    running = start(tmp_path)
    ended = threading.Event()

    async def stay(client: Client) -> None:
        await client.list_tools()
        await anyio.to_thread.run_sync(running.stop)  # waits for the server's thread
        ended.set()

    with pytest.raises(BaseException):  # noqa: B017 - the connection is gone, however it says so
        over(f"{running.address}/mcp", stay, "legacy")
        raise ConnectionError
    assert ended.is_set()
