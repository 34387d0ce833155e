"""What all faces share: who may ask, which project is meant, how an order is followed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import webuiapi
from PIL import Image

from maquette.core.geometry import Size
from maquette.core.job import Status
from maquette.core.picture import encode_png
from maquette.engines.fake import FakeEngine
from maquette.errors import Cancelled, EngineFailed, Moderated
from maquette.server.access import Access
from maquette.server.compat import asking
from maquette.server.compat.asking import News, ask, made
from maquette.server.compat.pictures import taken
from maquette.server.compat.sizes import fitting
from maquette.stages.order import Order

from ..conftest import Running, start
from .conftest import House

FACES = ["/v1/models", "/sdapi/v1/samplers"]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that thinks it listens at another address."""
    running = start(tmp_path_factory.mktemp("far"), Access.at("0.0.0.0", "open sesame"))
    yield running
    running.stop()


def test_another_address_needs_the_token_as_each_client_sends_it(far: Running) -> None:
    with (
        openai.OpenAI(base_url=f"{far.address}/v1", api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.models.list()
    assert refused.value.code == "invalid_api_key"
    with openai.OpenAI(base_url=f"{far.address}/v1", api_key="open sesame") as client:
        assert next(iter(client.models.list())).id == "fake"
    api = webuiapi.WebUIApi(
        baseurl=f"{far.address}/sdapi/v1", username="me", password="open sesame"
    )
    assert api.util_get_current_model().startswith("fake")
    with httpx2.Client(base_url=far.address, auth=("me", "no")) as plain:
        refusal = plain.get("/sdapi/v1/samplers")
        assert refusal.status_code == 401
        assert refusal.json()["detail"] == "Incorrect username or password"
        assert plain.get("/api/v1/projects").status_code == 401
    with httpx2.Client(base_url=far.address, auth=("me", "open sesame")) as plain:
        assert plain.get("/api/v1/projects").status_code == 401, "names are for faces alone"


@pytest.mark.parametrize("path", FACES)
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_pages_of_other_sites_are_refused(
    drawing: Running, path: str, headers: dict[str, str]
) -> None:
    with httpx2.Client(base_url=drawing.address) as plain:
        assert plain.get(path).status_code == 200
        refused = plain.get(path, headers=headers)
    assert refused.status_code == 403
    assert "application/problem+json" not in refused.headers["content-type"], "in its own form"


def test_what_a_face_has_no_route_for_is_answered_as_before(drawing: Running) -> None:
    with httpx2.Client(base_url=drawing.address) as plain:
        assert plain.delete("/system_stats").status_code == 405
        assert plain.get("/api/prompt").json() == plain.get("/prompt").json()
        below = plain.get("/queue/nothing/here")
        assert "queue_running" not in below.text, "that is the page's business"
        assert plain.get("/api/v1/projects").status_code == 200


def test_where_no_project_is_named_there_is_one_for_clients(tmp_path: Path) -> None:
    running = start(tmp_path)
    try:
        with httpx2.Client(base_url=running.address) as plain:
            assert plain.get("/sdapi/v1/samplers").status_code == 200
            assert plain.get("/sdapi/v1/options").status_code == 200
        assert [place.id for place in running.rooms.list()] == ["clients"]
    finally:
        running.stop()


def follow(house: House, order: Order, **how: Any) -> Any:
    """``ask`` on a loop of its own, as the server calls it on its loop."""
    context = house.server.context
    room = context.room(house.project)

    async def asked() -> Any:
        return await ask(context, room, lambda: order, **how)

    return asyncio.run(asked())


def test_an_order_is_followed_to_its_end(house: House) -> None:
    order = house.studio.orders.generate("a wolf", n=2, seed=1, quality="draft")
    told: list[News] = []
    jobs = follow(house, order, hear=told.append)
    versions = made(house.server.context.room(house.project), jobs)
    seeds = [each.recipe.sampling.seed for each in versions if each.recipe.sampling]
    assert seeds == [1, 2], "in the order's order"
    ended = [(each.place, each.data["status"]) for each in told if each.kind == "job"]
    assert [each for each in ended if each[1] == "done"] == [(0, "done"), (1, "done")]
    # What is known already ends before anybody could hear of it.
    again = follow(house, order)
    assert [job.status for job in again] == [Status.DONE] * 2


def test_how_jobs_end_is_said(house: House) -> None:
    room = house.server.context.room(house.project)
    (job,) = house.studio.submit(house.studio.orders.generate("a cat", seed=5, quality="draft"))
    (gone,) = house.studio.cancel_jobs([job.id])
    if gone.status is Status.CANCELLED:  # else it was drawn faster
        with pytest.raises(Cancelled):
            made(room, [gone])
    failed = job.model_copy(update={"status": Status.FAILED, "message": "no paint"})
    with pytest.raises(EngineFailed, match="no paint"):
        made(room, [failed])
    with pytest.raises(Moderated, match="no paint"):
        made(room, [failed.model_copy(update={"result": {"reason": "Moderated"}})])


def test_whoever_hangs_up_cancels_what_waits(house: House) -> None:
    body = json.dumps({"prompt": "a wolf", "n": 10, "steps": 900, "size": "1024x1024"})
    url = f"{house.base}/v1/images/generations"
    with httpx2.Client(timeout=0.8) as impatient, pytest.raises(httpx2.TimeoutException):
        impatient.post(url, content=body, headers={"Content-Type": "application/json"})
    until = time.monotonic() + 60
    while time.monotonic() < until:
        jobs = house.studio.jobs()
        if jobs and all(job.ended for job in jobs):
            break
        time.sleep(0.05)
    assert Status.CANCELLED in {job.status for job in house.studio.jobs()}


def test_whoever_goes_while_an_order_is_being_queued_leaves_nothing_waiting(house: House) -> None:
    room = house.server.context.room(house.project)
    asked, gone = threading.Event(), threading.Event()

    def order() -> Order:
        asked.set()
        gone.wait(60)
        return house.studio.orders.generate("a wolf", n=8, seed=1, steps=900)

    async def leave() -> None:
        task = asyncio.create_task(ask(house.server.context, room, order))
        await asyncio.to_thread(asked.wait, 60)
        task.cancel()
        asyncio.get_running_loop().call_soon(gone.set)  # once it has been told
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    jobs = house.studio.jobs()
    assert len(jobs) == 8
    assert all(job.cancel or job.ended for job in jobs), "whatever waits or is drawn is stopped"
    assert Status.CANCELLED in {job.status for job in jobs}


def test_whoever_leaves_a_stream_cancels_what_waits(house: House) -> None:
    with openai.OpenAI(base_url=f"{house.base}/v1", api_key="any", timeout=60) as client:
        stream = client.images.generate(
            prompt="a wolf", n=8, size="1024x1024", stream=True, extra_body={"steps": 900}
        )
        stream.close()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        jobs = house.studio.jobs()
        if all(job.ended for job in jobs):
            break
        time.sleep(0.05)
    assert len(jobs) == 8 and Status.CANCELLED in {job.status for job in jobs}


def test_too_many_at_once_are_asked_to_come_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_WAITING", 0)
    with (
        openai.OpenAI(base_url=f"{house.base}/v1", api_key="any", max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as refused,
    ):
        client.images.generate(prompt="a wolf")
    assert refused.value.code == "rate_limit_exceeded"
    assert refused.value.response.headers["retry-after"] == "5"


def test_a_server_that_closes_lets_nobody_wait_for_ever(tmp_path: Path) -> None:
    running = start(tmp_path)  # nobody draws here
    found: list[httpx2.Response] = []
    url = f"{running.address}/v1/images/generations"
    thread = threading.Thread(
        target=lambda: found.append(httpx2.post(url, json={"prompt": "a wolf"}, timeout=60))
    )
    thread.start()
    until = time.monotonic() + 30
    while time.monotonic() < until and not running.context.feeds.followed:
        time.sleep(0.02)
    running.stop()
    thread.join(30)
    assert found[0].status_code == 502 and "being closed" in found[0].text


def test_the_same_picture_is_taken_in_once(house: House) -> None:
    room = house.server.context.room(house.project)
    photo = encode_png(Image.effect_noise((64, 64), 60).convert("RGB"))
    assert taken(room, photo).id == taken(room, photo).id
    assert len(house.studio.log()) == 1


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ((256, 256), (256, 256)),
        ((320, 256), (320, 256)),
        ((1024, 1024), (256, 256)),
        ((1536, 1024), (312, 208)),
        ((1024, 1792), (192, 336)),
        ((1000, 1000), (256, 256)),
        ((2000, 100), (1120, 56)),
    ],
)
def test_what_is_drawn_for_a_size(asked: tuple[int, int], drawn: tuple[int, int]) -> None:
    able = FakeEngine(None, "", 0).capabilities()
    found = fitting(able, Size(width=asked[0], height=asked[1]))
    assert (found.width, found.height) == drawn


def test_a_page_that_was_let_in_may_use_faces_and_nothing_else(tmp_path: Path) -> None:
    access = Access.at("127.0.0.1", origins=["null"])
    assert access.token is not None, "whoever lets pages in needs a token"
    running = start(tmp_path, access)
    page = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    ask = {"Access-Control-Request-Method": "POST", **page}
    mine = {"Authorization": f"Bearer {access.token}", **page}
    try:
        with httpx2.Client(base_url=running.address) as plain:
            before = plain.options("/sdapi/v1/txt2img", headers=ask)
            assert before.status_code == 204
            assert "authorization" in before.headers["access-control-allow-headers"]
            listed = plain.get("/sdapi/v1/sd-models", headers=mine)
            assert listed.status_code == 200
            assert listed.headers["access-control-allow-origin"] == "null"
            assert listed.headers.get_list("cross-origin-resource-policy") == ["cross-origin"]
            assert plain.get("/sdapi/v1/sd-models", headers=page).status_code == 401
            assert plain.get("/api/v1/projects", headers=mine).status_code == 403
            other = {**mine, "Origin": "https://evil.example"}
            assert plain.get("/sdapi/v1/sd-models", headers=other).status_code == 403
    finally:
        running.stop()
