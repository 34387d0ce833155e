"""Projects, lists, the graph, a version in full, token maps, marks: over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from maquette.core.heat import statistics
from maquette.core.picture import encode_png
from maquette.server import listing

from .conftest import WOLF, Project, is_problem


def test_projects_are_made_and_listed(http: httpx2.Client) -> None:
    made = http.post("/api/v1/projects", json={"name": "Frühling 26"})
    assert made.status_code == 201
    about = made.json()
    assert about["id"].startswith("fruhling-26") and about["name"] == "Frühling 26"
    assert about["versions"] == 0 and about["newest"] is None
    assert http.get(made.headers["location"]).json() == about
    listed = http.get("/api/v1/projects").json()["items"]
    assert about in listed
    again = http.post("/api/v1/projects", json={"name": "Frühling 26"}).json()
    assert again["id"] != about["id"]


@pytest.mark.parametrize("name", ["", "   ", "…", "x" * 101])
def test_a_project_needs_a_name(http: httpx2.Client, name: str) -> None:
    assert http.post("/api/v1/projects", json={"name": name}).status_code == 422


def test_no_such_project(http: httpx2.Client) -> None:
    is_problem(http.get("/api/v1/projects/nowhere"), 404, "project-missing")
    is_problem(http.get("/api/v1/projects/nowhere/versions"), 404, "project-missing")
    assert http.get("/api/v1/projects/..%2f..%2fetc").status_code in {404, 422}


def test_a_list_is_newest_first_and_comes_in_pages(project: Project) -> None:
    wolf, more = project.made
    first = project.get("/versions", params={"limit": 1}).json()
    assert [item["id"] for item in first["items"]] == [more.id]
    second = project.get("/versions", params={"limit": 1, "before": first["next"]}).json()
    assert [item["id"] for item in second["items"]] == [wolf.id]
    assert second["next"] is None
    item = second["items"][0]
    assert item["prompt"] == WOLF and item["seed"] == 7 and item["quality"] == "draft"
    assert item["short"] == wolf.short and item["image"] == wolf.image
    assert item["engine"] == item["model"] == "fake" and item["maps"] is True
    assert (item["star"], item["rating"], item["name"]) == (False, None, "")


def test_a_list_is_searched(project: Project) -> None:
    wolf, more = project.made

    def found(**asked: object) -> list[str]:
        answer = project.get("/versions", params=asked)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert found(q="misty wolf") == [more.id, wolf.id]
    assert found(q="submarine") == []
    assert found(q=wolf.id[:6]) == [wolf.id]
    project.put(f"/versions/{wolf.id}/marks", {"star": True, "name": "the one", "rating": 4})
    project.put(f"/versions/{more.id}/marks", {"rating": "x"})
    assert found(starred=True) == found(q="the one") == found(rating="4") == [wolf.id]
    assert found(rating="x") == [more.id]
    assert found(rating="5") == []


def test_a_list_is_ranked_by_what_pictures_show(
    empty: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {}
    for colour in ("red", "green", "blue"):
        picture = encode_png(Image.new("RGB", (32, 32), colour))
        made[colour] = empty.http.post(
            f"{empty.base}/imports", content=picture, params={"caption": f"{colour} wall"}
        ).json()["id"]

    def page(**asked: object) -> dict[str, Any]:
        answer = empty.get("/versions", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    monkeypatch.setattr(listing, "SECONDS", 0.0)
    first = page(shows="something blue")
    assert ([item["id"] for item in first["items"]], first["unseen"]) == ([made["blue"]], 2)
    assert page(like=made["green"])["items"][0]["id"] == made["green"]
    monkeypatch.setattr(listing, "SECONDS", 60.0)
    found = page(shows="red blue", limit=1)
    assert found["items"][0]["id"] == made["blue"]
    assert 0 < found["items"][0]["score"] < 1
    assert (found["unseen"], found["unknown"]) == (0, [])
    rest = page(shows="red blue", before=found["next"])
    # What is alike is told newest first, what is unlike not at all, and a page goes on where the
    # one before ended.
    assert [item["id"] for item in rest["items"]] == [made["red"]]
    assert rest["next"] is None
    assert [item["id"] for item in page(shows="green", q="wall")["items"]] == [made["green"]]
    assert page(shows="red", starred=True)["items"] == []
    assert page(shows=" ")["items"][0]["score"] is None
    answer = empty.get("/versions", params={"like": made["red"]})
    again = {"If-None-Match": answer.headers["etag"]}
    assert empty.get("/versions", params={"like": made["red"]}, headers=again).status_code == 304


def test_what_cannot_be_looked_for(project: Project, empty: Project) -> None:
    both = {"shows": "red", "like": project.made[0].id}
    is_problem(project.get("/versions", params=both), 422, "setting-refused")
    # Another project's version is none of this one's.
    other = {"like": project.made[0].id}
    is_problem(empty.get("/versions", params=other), 404, "version-unknown")
    assert empty.get("/versions", params={"shows": "red"}).json()["items"] == []
    assert project.http.get("/api/v1/models").json()["items"][0]["clip"] is True


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 501}, {"rating": "6"}, {"typo": 1}])
def test_what_is_asked_of_a_list_is_checked(project: Project, asked: dict[str, object]) -> None:
    is_problem(project.get("/versions", params=asked), 422, "request-malformed")


def test_the_graph_is_oldest_first_and_unchanged_until_something_is_added(
    project: Project,
) -> None:
    wolf, more = project.made
    first = project.get("/graph")
    nodes = first.json()["items"]
    assert [(node["id"], node["parents"]) for node in nodes] == [
        (wolf.id, []),
        (more.id, [wolf.id]),
    ]
    asked = {"If-None-Match": first.headers["etag"]}
    again = project.get("/graph", headers=asked)
    assert again.status_code == 304 and again.content == b""
    project.put(f"/versions/{wolf.id}/marks", {"name": "the one"})
    third = project.get("/graph", headers=asked)
    assert third.status_code == 200 and third.json()["items"][0]["name"] == "the one"
    project.studio.rollback(wolf)
    assert len(project.get("/graph", headers=asked).json()["items"]) == 3


def test_a_version_in_full(project: Project) -> None:
    wolf, more = project.made
    found = project.get(f"/versions/{more.id}").json()
    assert found["recipe"] == more.recipe.model_dump(mode="json")
    assert found["recipe_digest"] == more.recipe.digest
    assert found["build"] == more.build and found["parents"] == [wolf.id]
    assert project.get(f"/versions/{wolf.id}").json()["children"] == [more.id]
    words = {word["text"]: word for word in found["words"]}
    moon = words["moon"]
    text = found["prompt"]
    assert text[moon["start"] : moon["end"]] == "moon" and moon["weight"] == 1.6
    trace = project.studio.trace(more)
    assert trace is not None
    (wanted,) = statistics(trace, more.size, "moon")
    assert moon["share"] == pytest.approx(wanted.share, abs=1e-4)
    assert tuple(moon["peak"]) == wanted.peak


@pytest.mark.parametrize("reference", ["@", "@~0", "prefix", "full"])
def test_a_version_is_named_in_several_ways(project: Project, reference: str) -> None:
    more = project.made[1]
    name = {"prefix": more.id[:8], "full": more.id}.get(reference, reference)
    assert project.get(f"/versions/{name}").json()["id"] == more.id


@pytest.mark.parametrize("reference", ["ffff0000", "@~99", "nonsense", "@~~"])
def test_no_such_version(project: Project, reference: str) -> None:
    is_problem(project.get(f"/versions/{reference}"), 404, "version-unknown")


def test_the_etag_of_a_version_follows_its_marks(project: Project) -> None:
    wolf = project.made[0]
    etag = project.get(f"/versions/{wolf.id}").headers["etag"]
    asked = {"If-None-Match": etag}
    assert project.get(f"/versions/{wolf.id}", headers=asked).status_code == 304
    project.put(f"/versions/{wolf.id}/marks", {"star": True})
    assert project.get(f"/versions/{wolf.id}", headers=asked).json()["star"] is True


def test_token_maps_are_those_of_the_trace(project: Project) -> None:
    more = project.made[1]
    answer = project.get(f"/versions/{more.id}/maps")
    assert "immutable" in answer.headers["cache-control"]
    found = answer.json()
    trace = project.studio.trace(more)
    assert trace is not None
    count, rows, columns = trace.maps.shape
    assert (found["rows"], found["columns"], len(found["words"])) == (rows, columns, count)
    data = np.frombuffer(base64.b64decode(found["data"]), np.uint8).reshape(trace.maps.shape)
    assert (data.reshape(count, -1).max(axis=1) == 255).all()
    scale = np.array(found["maximum"])[:, None, None]
    assert np.allclose(data / 255 * scale, trace.maps, atol=float(scale.max()) / 255)
    asked = {"If-None-Match": answer.headers["etag"]}
    assert project.get(f"/versions/{more.id}/maps", headers=asked).status_code == 304
    assert "immutable" not in project.get("/versions/@/maps").headers["cache-control"]


def test_a_version_without_maps_says_what_to_do(empty: Project) -> None:
    empty.studio.generate("a cat", seed=1, quality="draft", maps=False)
    answer = empty.get("/versions/@/maps")
    is_problem(answer, 404, "trace-missing")
    assert "explain" in answer.json()["hint"]
    assert empty.get("/versions/@").json()["words"] == []


def test_marks_are_set_and_taken_away(project: Project) -> None:
    where = f"/versions/{project.made[0].id}/marks"
    assert project.put(where, {"star": True, "rating": 5, "name": "moon"}).json()["rating"] == 5
    kept = project.put(where, {"name": "wolf"}).json()
    assert (kept["star"], kept["rating"], kept["name"]) == (True, 5, "wolf")
    gone = project.put(where, {"star": False, "rating": None, "name": ""}).json()
    assert (gone["star"], gone["rating"], gone["name"]) == (False, None, "")
    assert project.put(where, {"rating": "x"}).json()["rating"] == "x"
    assert project.put(where, {}).json()["rating"] == "x"


@pytest.mark.parametrize(
    "body", [{"rating": 6}, {"rating": "y"}, {"stars": True}, {"name": "x" * 201}]
)
def test_marks_are_checked(project: Project, body: dict[str, object]) -> None:
    is_problem(project.put("/versions/@/marks", body), 422, "request-malformed")
