"""The studio as tools for an assistant, through the package's own client."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from mcp import Client, MCPError
from PIL import Image

from maquette import Settings, Studio
from maquette.core.job import Status
from maquette.core.picture import encode_png
from maquette.server.compat.asking import News
from maquette.server.compat.mcp import desk
from maquette.server.compat.mcp.desk import Talk
from maquette.server.compat.mcp.making import made_of
from maquette.server.compat.mcp.serving import make_server
from maquette.server.compat.mcp.stdio import talking
from maquette.studio.rooms import Rooms
from maquette.worker import Worker

DOCS = Path(__file__).parents[3] / "docs" / "mcp.md"
WOLF = "a lone wolf under a full moon, misty forest"


@dataclass
class Place:
    """Projects with or without a worker beside them."""

    rooms: Rooms
    exports: Path

    def run(self, work: Callable[[Assistant], Awaitable[Any]]) -> Any:
        async def main(talk: Talk) -> Any:
            async with Client(make_server(talk)) as client:
                return await work(Assistant(client))

        with talking(self.rooms, None, self.exports) as talk:
            return anyio.run(main, talk)

    def studio(self, project: str = "clients") -> Studio:
        return self.rooms.open(project)

    def work_off(self) -> None:
        Worker([Rooms(self.rooms.root, settings=self.rooms.settings)]).run(once=True)


class Assistant:
    """A client that reads answers as an assistant does."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress: list[tuple[float, float | None, str | None]] = []

    async def hear(self, done: float, total: float | None, says: str | None) -> None:
        self.progress.append((done, total, says))

    async def raw(self, name: str, /, **given: Any) -> Any:
        return await self.client.call_tool(name, given, progress_callback=self.hear)

    async def call(self, name: str, /, **given: Any) -> dict[str, Any]:
        told = await self.raw(name, **given)
        assert not told.is_error, told.content
        return told.structured_content

    async def made(self, name: str, /, **given: Any) -> dict[str, Any]:
        """The one version that a tool made."""
        (version,) = (await self.call(name, **given))["versions"]
        return version


def pictures(told: Any) -> list[Image.Image]:
    found = [each for each in told.content if each.type == "image"]
    assert all(each.mime_type == "image/webp" for each in found)
    return [Image.open(io.BytesIO(base64.b64decode(each.data))) for each in found]


def words(told: Any) -> str:
    return "\n".join(each.text for each in told.content if each.type == "text")


def at(folder: Path) -> Iterator[Place]:
    settings = Settings(home=folder / "home", engine="fake")
    with Rooms(folder / "projects", settings=settings) as rooms:
        yield Place(rooms, folder / "exports")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Projects with a worker beside them."""
    folder = tmp_path_factory.mktemp("mcp")
    for found in at(folder):
        rooms = Rooms(folder / "projects", settings=found.rooms.settings)
        worker = Worker([rooms])
        thread = threading.Thread(target=worker.run)
        thread.start()
        yield found
        worker.leave()
        thread.join(10)
        rooms.close()


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Place]:
    """Projects where nobody draws."""
    yield from at(tmp_path)


def test_the_whole_refinement_loop(place: Place) -> None:
    async def loop(me: Assistant) -> None:
        drafts = (await me.call("generate", prompt=WOLF, n=5, quality="draft", seed=7))["versions"]
        assert [draft["seed"] for draft in drafts] == [7, 8, 9, 10, 11]
        best = (await me.call("select", versions=[draft["id"] for draft in drafts], count=2))[
            "versions"
        ]
        assert len(best) == 2
        final = await me.made("refine", version=best[0]["id"])
        assert final["parents"] == [best[0]["id"]] and final["quality"] == "final"
        await me.call("critique", version=final["id"])
        heat = await me.call("heatmap", version=final["id"], words=["full moon"])
        assert heat["words"][0]["word"] == "full moon" and 0 < heat["words"][0]["share"] < 1
        brighter = await me.made("reweight", version=final["id"], weights={"full moon": 1.5})
        assert brighter["prompt"].count("1.5") and brighter["seed"] == final["seed"]
        mask = await me.call("mask", version=brighter["id"], box=[0, 120, 256, 60])
        assert mask["box"] == [0, 120, 256, 60] and mask["share"] == pytest.approx(60 / 256)
        snowy = await me.made(
            "inpaint", version=brighter["id"], mask=mask["mask"], prompt="snowy mountains"
        )
        changed = await me.call("compare", before=brighter["id"], after=snowy["id"])
        assert 0 < changed["pixels"] <= mask["share"] and "snowy" in changed["words_added"]
        assert changed["parameters"]["task.kind"][1] == "inpaint"
        assert not {"task.mask", "task.image", "task.region.x"} & changed["parameters"].keys()
        starred = await me.made("mark", version=snowy["id"], star=True, name="the one")
        assert starred["star"] and starred["name"] == "the one"
        back = await me.made("rollback", version=brighter["id"])
        assert back["parents"] == [brighter["id"]]
        done = await me.call("export", version=snowy["id"])
        assert done["signed"] and done["sha256"]

    place.run(loop)
    studio = place.studio()
    snowy = studio.page(starred=True)[0].version
    before, after = (
        np.asarray(studio.picture(each).convert("RGB")) for each in (snowy.parents[0], snowy)
    )
    assert np.array_equal(before[:120], after[:120]) and np.array_equal(before[180:], after[180:])
    (file,) = place.exports.iterdir()
    assert studio.verify(file).state == "trusted"


def test_pictures_come_with_the_answers_and_are_small(place: Place) -> None:
    async def look(me: Assistant) -> None:
        await me.call("generate", prompt="a boat", n=3, width=64, height=64, seed=3)
        told = await me.raw("generate", prompt="a red boat", width=1024, height=512, seed=3)
        (shown,) = pictures(told)
        assert shown.size == (512, 256)
        assert told.structured_content["versions"][0]["id"] in words(told)
        big = await me.raw("look", side=1024)
        assert pictures(big)[0].size == (1024, 512)
        sheet = await me.raw("versions", limit=3)
        assert len(pictures(sheet)) == 1 and len(sheet.structured_content["versions"]) == 3
        assert sheet.structured_content["more"]
        compared = await me.raw("compare", before="@~1", after="@")
        assert len(pictures(compared)) == 1

    place.run(look)


def test_versions_are_found_by_what_they_show(idle: Place) -> None:
    with Studio(idle.rooms.root / "clients", create=True, settings=idle.rooms.settings) as studio:
        made = {
            name: studio.import_picture(encode_png(Image.new("RGB", (64, 64), name)))[0].short
            for name in ("red", "blue", "green")
        }

    async def look(me: Assistant) -> None:
        found = await me.raw("versions", shows="red blue", limit=1)
        data = found.structured_content
        assert [each["id"] for each in data["versions"]] == [made["blue"]]  # the newest
        assert data["more"] and data["unseen"] == 0 and len(pictures(found)) == 1
        like = await me.call("versions", like=made["blue"])
        assert like["versions"][0]["id"] == made["blue"] and len(like["versions"]) == 1
        both = await me.raw("versions", shows="red", like=made["blue"])
        assert both.is_error and "one of the two" in words(both)

    idle.run(look)


def test_several_pictures_stand_after_their_ids(place: Place) -> None:
    async def look(me: Assistant) -> None:
        told = await me.raw("generate", prompt="a red boat", n=2, seed=40, quality="draft")
        kinds = [each.type for each in told.content]
        assert kinds == ["text", "text", "image", "text", "image"]
        ids = [each["id"] for each in told.structured_content["versions"]]
        assert [told.content[1].text, told.content[3].text] == ids

    place.run(look)


def test_progress_is_told_until_the_end(place: Place) -> None:
    async def draw(me: Assistant) -> None:
        await me.call("generate", prompt="a tree", n=2, seed=60)
        done = [each[0] for each in me.progress]
        assert done == sorted(done) and me.progress[-1][:2] == (2.0, 2.0)

    place.run(draw)


def test_a_word_becomes_a_place(place: Place) -> None:
    async def paint(me: Assistant) -> None:
        wolf = await me.made("generate", prompt=WOLF, seed=7, quality="draft")
        told = await me.raw("mask", version=wolf["id"], word="moon", grow=4)
        assert 0 < told.structured_content["share"] < 1 and len(pictures(told)) == 1
        made = await me.made("inpaint", version=wolf["id"], word="moon", prompt="a bright sun")
        assert made["operation"] == "inpaint"

    place.run(paint)


def test_light_is_changed_in_a_place_alone(place: Place) -> None:
    async def polish(me: Assistant) -> tuple[str, str]:
        first = await me.made("generate", prompt="a tree", seed=5, quality="draft")
        mask = await me.call("mask", version=first["id"], box=[0, 0, 256, 64])
        lit = await me.made("retouch", version=first["id"], exposure=1, mask=mask["mask"])
        return first["id"], lit["id"]

    studio = place.studio
    before, after = (
        np.asarray(studio().picture(each).convert("RGB")) for each in place.run(polish)
    )
    assert np.array_equal(before[64:], after[64:]) and after[:64].mean() > before[:64].mean()


def test_faults_say_what_to_do(place: Place) -> None:
    async def fail(me: Assistant) -> None:
        await me.call("generate", prompt=WOLF, seed=7, quality="draft")
        for name, given, code, hint in (
            ("look", {"version": "ffff"}, "version-unknown", "versions"),
            ("reweight", {"version": "@", "weights": {"dragon": 2}}, "unknown-word", "look"),
            ("apply", {"version": "@", "finding": "none"}, "finding-unknown", "critique"),
            ("generate", {"prompt": "a", "project": "nowhere"}, "project-missing", "projects"),
            ("generate", {"prompt": "a", "model": "nothing"}, "model-missing", "models"),
            ("generate", {"prompt": "a", "width": 256}, "setting-refused", "both"),
            ("mask", {"version": "@"}, "setting-refused", "one of"),
            ("import_picture", {"data": "bm9wZQ=="}, "picture-refused", ""),
            ("import_picture", {"link": "https://127.0.0.1/a.png"}, "address-refused", ""),
            ("wait", {"waiting": "nothing"}, "job-unknown", "waiting"),
        ):
            told = await me.raw(name, **given)
            assert told.is_error, name
            assert told.structured_content["code"] == code, told.content
            assert hint in words(told) and "Traceback" not in words(told)
        told = await me.raw("generate", prompt="a wolf", n=99)
        assert told.is_error and "less than or equal to 16" in words(told)

    place.run(fail)


def test_what_takes_long_is_asked_after(idle: Place) -> None:
    async def order(me: Assistant) -> str:
        told = await me.call("generate", prompt=WOLF, n=2, wait_seconds=0)
        assert told["versions"] == [] and told["waiting"]
        return told["waiting"]

    async def ask(me: Assistant) -> None:
        told = await me.call("wait", waiting=waiting)
        assert len(told["versions"]) == 2 and not told["waiting"]

    waiting = idle.run(order)
    idle.work_off()
    idle.run(ask)


def test_what_waits_can_be_stopped(idle: Place) -> None:
    async def order(me: Assistant) -> None:
        told = await me.call("generate", prompt=WOLF, wait_seconds=0)
        await me.raw("cancel", waiting=told["waiting"])
        after = await me.raw("wait", waiting=told["waiting"])
        assert after.is_error and after.structured_content["code"] == "cancelled"

    idle.run(order)


def test_a_call_that_the_client_gives_up_is_cancelled(idle: Place) -> None:
    async def give_up(me: Assistant) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: me.raw("generate", prompt=WOLF))
            studio = await anyio.to_thread.run_sync(lambda: idle.rooms.open("clients"))
            await seen(lambda: bool(studio.jobs(Status.QUEUED)))
            group.cancel_scope.cancel()
        await seen(lambda: bool(studio.jobs(Status.CANCELLED)))

    async def seen(what: Callable[[], bool]) -> None:
        with anyio.fail_after(20):
            while not what():
                await anyio.sleep(0.02)

    idle.rooms.home("clients")
    idle.run(give_up)
    assert [job.status for job in idle.studio().jobs()] == [Status.CANCELLED]


def test_what_an_assistant_needs_to_find_its_way(place: Place) -> None:
    async def find(me: Assistant) -> None:
        made = await me.raw("create_project", name="Spring Campaign")
        assert "spring-campaign" in words(made)
        told = await me.call("projects")
        assert "spring-campaign" in [each["id"] for each in told["projects"]]
        await me.made("generate", prompt="a hat", project="spring-campaign", quality="draft")
        there = await me.call("versions", project="spring-campaign")
        assert [each["prompt"] for each in there["versions"]] == ["a hat"]
        model = next(m for m in (await me.call("models"))["models"] if m["default"])
        assert model["engine"] == "fake" and model["vocabulary"] is None
        read = await me.call("read_prompt", prompt="a (moon:1.4) and a dragon", model="postcard")
        assert "moon 1.4" in read["words"] and read["unknown"] == ["dragon"]

    place.run(find)


BOOK = b"""
playbook: 1
name: shop
version: 1.0
templates:
  hero:
    purpose: A product by itself.
    template: "a ${product}, <lock:studio light>"
"""


def test_a_house_s_own_words(place: Place) -> None:
    place.rooms.home("clients")
    with place.studio() as studio:
        studio.save_playbook(BOOK)

    async def work(me: Assistant) -> None:
        (card,) = (await me.call("templates"))["templates"]
        assert (card["needs"], card["locked"]) == (["product"], ["studio light"])
        rows = [{"product": "mug"}, {"product": "vase"}]
        made = await me.call("fill", playbook="shop", template="hero", rows=rows, quality="draft")
        assert [each["prompt"] for each in made["versions"]] == [
            "a mug, studio light",
            "a vase, studio light",
        ]
        seen = await me.call("look", version=made["versions"][0]["id"])
        assert seen["locked"] == ["studio light"]
        told = await me.raw("fill", playbook="shop", template="hero")
        assert told.is_error and "product" in words(told)

    place.run(work)


def test_a_campaign_that_waits_for_a_choice(place: Place) -> None:
    brief = {
        "campaign": "mugs",
        "prompts": ["a red mug"],
        "drafts": {"count": 3},
        "select": {"count": 1},
        "pause": ["select"],
    }

    async def work(me: Assistant) -> None:
        stood = await me.call("campaign", brief=brief)
        assert (stood["stage"], stood["drafts"], len(stood["versions"])) == ("select", 3, 3)
        assert stood["waiting"] and len(stood["suggested"]) == 1
        chosen = stood["versions"][2]["id"]
        after = await me.call("choose", name="mugs", stage="select", versions=[chosen])
        assert after["stage"] == "done" and len(after["finals"]) == 1
        assert await me.call("campaign_state", name="mugs") == after
        told = await me.raw("campaign_state", name="cups")
        assert told.is_error and told.structured_content["code"] == "job-unknown"

    place.run(work)


def test_what_steers_a_drawing_beside_its_words(place: Place) -> None:
    """The fake engine takes none of it, and says so."""

    async def work(me: Assistant) -> None:
        assert (await me.call("adapters"))["adapters"] == []
        first = await me.made("generate", prompt=WOLF, quality="draft")
        by: list[dict[str, Any]] = [
            {"control": [{"condition": "canny", "version": first["id"], "make": True}]},
            {"reference": [{"role": "style", "version": first["id"]}]},
            {"lora": {"ink": 0.5}},
        ]
        for each in by:
            told = await me.raw("generate", prompt=WOLF, **each)
            assert told.is_error and told.structured_content["code"] == "recipe-refused", told
        told = await me.raw("generate", prompt=WOLF, control=[{"condition": "canny"}])
        assert told.is_error and "one of image and version" in words(told)

    place.run(work)


def test_an_unfinished_picture_is_shown(idle: Place) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, "WEBP")
    url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()

    async def look(talk: Talk) -> Any:
        hearing = desk._Hearing()
        hearing.hear(News("preview", "job", 0, {"step": 1, "image": url}))
        ended = desk.Ended([], waiting="group", preview=hearing.preview)
        return await made_of(talk, talk.context.room("clients"), ended)

    idle.rooms.home("clients")
    with talking(idle.rooms, None, idle.exports) as talk:
        told = anyio.run(look, talk)
    assert [image.size for image in pictures(told)] == [(32, 32)] and "as far as" in words(told)


def test_a_picture_from_outside(place: Place) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()

    async def take(me: Assistant) -> None:
        taken = await me.made("import_picture", data=data, caption="a teal wall")
        assert (taken["operation"], taken["width"], taken["height"]) == ("import", 64, 48)
        heat = await me.call("heatmap", version=taken["id"], caption="a teal wall")
        assert "teal" in [each["word"] for each in heat["words"]]

    place.run(take)


def test_versions_are_resources(place: Place) -> None:
    async def read(me: Assistant) -> None:
        made = await me.made("generate", prompt="a lamp", seed=90, quality="draft")
        address = f"maquette://clients/versions/{made['id']}"
        facts = json.loads((await me.client.read_resource(address)).contents[0].text)
        assert facts["prompt"] == "a lamp" and facts["recipe"]["sampling"]["seed"] == 90
        picture = (await me.client.read_resource(f"{address}/picture")).contents[0]
        assert picture.mime_type == "image/png"
        assert Image.open(io.BytesIO(base64.b64decode(picture.blob))).size == (256, 256)
        with pytest.raises(MCPError, match="no version"):
            await me.client.read_resource("maquette://clients/versions/ffff")

    place.run(read)


def test_the_loop_as_a_prompt(place: Place) -> None:
    async def read(me: Assistant) -> None:
        (prompt,) = (await me.client.list_prompts()).prompts
        given = {"brief": "a fox in the snow", "rounds": "2"}
        (said,) = (await me.client.get_prompt(prompt.name, given)).messages
        assert "a fox in the snow" in said.content.text and "most 2 rounds" in said.content.text

    place.run(read)


def test_every_tool_is_described(place: Place) -> None:
    async def read(me: Assistant) -> list[Any]:
        assert "reweight" in (me.client.instructions or "")
        return (await me.client.list_tools()).tools

    tools = place.run(read)
    page = DOCS.read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) == {tool.name for tool in tools}
    for tool in tools:
        hints = tool.annotations
        assert tool.title and tool.description and hints.destructive_hint is False
        assert hints.open_world_hint is False  # the fake engine asks nobody
        for name, schema in tool.input_schema["properties"].items():
            assert schema["title"] and name != "ctx"
    reading = {tool.name for tool in tools if tool.annotations.read_only_hint}
    assert {"look", "versions", "compare", "heatmap"} <= reading
    assert not {"generate", "inpaint", "mask", "export"} & reading
