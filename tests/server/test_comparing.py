"""Comparing and selecting, exporting and verifying: over HTTP."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from maquette.core.version import Version

from .conftest import WOLF, Project, is_problem


def asked(before: Version, after: Version) -> dict[str, str]:
    return {"before": before.id, "after": after.id}


def test_what_changed(project: Project) -> None:
    wolf, more = project.made
    answer = project.get("/compare", params=asked(wolf, more))
    found, known = answer.json(), project.studio.compare(wolf, more)
    assert found["before"] == wolf.id and found["after"] == more.id
    assert found["changed_pixels"] == known.changed_pixels > 0
    assert found["changed_share"] == pytest.approx(known.changed_pixels / 256**2, abs=1e-5)
    assert found["words"]["reweighted"] == [["moon", 1.0, 1.6]]
    assert found["parameters"]["task.kind"] == ["text-to-image", "anchored"]
    assert 0 < found["ssim"] < 1 and found["psnr"] > 0
    moon = next(item for item in found["maps_change"] if item["token"] == "moon")
    assert moon["after"] > moon["before"]
    again = {"If-None-Match": answer.headers["etag"]}
    assert project.get("/compare", params=asked(wolf, more), headers=again).status_code == 304


def test_what_is_alike(project: Project) -> None:
    found = project.get("/compare", params={"before": "@", "after": "@"}).json()
    assert found["psnr"] is None and found["ssim"] == 1 and found["changed_pixels"] == 0


def test_the_difference_is_a_picture(project: Project) -> None:
    wolf, more = project.made
    answer = project.get("/compare/difference.png", params=asked(wolf, more))
    assert "immutable" in answer.headers["cache-control"]
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)
    same = project.get("/compare/difference.png", params={"before": "@", "after": "@"})
    assert Image.open(io.BytesIO(same.content)).convert("L").getextrema() == (0, 0)
    assert "immutable" not in same.headers["cache-control"]


def test_two_versions_are_needed(project: Project) -> None:
    is_problem(project.get("/compare", params={"before": "@"}), 422, "request-malformed")
    unknown = {"before": "@", "after": "ffffffff"}
    is_problem(project.get("/compare", params=unknown), 404, "version-unknown")


def test_drafts_are_ranked(project: Project) -> None:
    wolf, more = project.made
    found = project.post("/selection", {"versions": [wolf.id, more.id], "count": 1}).json()["items"]
    assert {item["version"] for item in found} == {wolf.id, more.id}
    assert found[0]["score"] >= found[1]["score"]
    assert [item["suggested"] for item in found].count(1) == 1
    assert all(item["reason"] for item in found)
    project.put(f"/versions/{wolf.id}/marks", {"rating": "x"})
    (left,) = project.post("/selection", {"versions": [wolf.id, more.id]}).json()["items"]
    assert left["version"] == more.id
    is_problem(project.post("/selection", {"versions": []}), 422, "request-malformed")


@pytest.mark.parametrize(
    ("format", "suffix"), [("png", ".png"), ("jpeg", ".jpg"), ("webp", ".webp")]
)
def test_an_export_is_a_file_that_verifies(project: Project, format: str, suffix: str) -> None:
    answer = project.post("/exports", {"version": "@", "format": format})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"image/{format}"
    name = f"{project.id}-{project.made[1].short}{suffix}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)
    verdict = project.http.post("/api/v1/verify", content=answer.content).json()
    assert verdict["state"] == "trusted" and len(verdict["actions"]) == 2
    changed = answer.content[:-9] + bytes([answer.content[-9] ^ 1]) + answer.content[-8:]
    altered = project.http.post("/api/v1/verify", content=changed)
    assert altered.status_code == 422 or altered.json()["state"] in {"invalid", "unsigned"}


def test_an_export_may_keep_its_words_to_itself(project: Project) -> None:
    with_words = project.post("/exports", {"version": "@", "sign": False}).content
    without = project.post("/exports", {"version": "@", "prompts": False, "sign": False})
    assert b"misty forest" in with_words and b"misty forest" not in without.content
    assert without.headers["x-maquette-signed"] == "false"
    assert WOLF.encode() not in without.content


def test_what_cannot_be_exported(project: Project) -> None:
    is_problem(
        project.post("/exports", {"version": "@", "format": "gif"}), 422, "request-malformed"
    )
    is_problem(project.post("/exports", {"version": "@", "quality": 0}), 422, "request-malformed")
    is_problem(project.post("/exports", {"version": "ffffffff"}), 404, "version-unknown")


def test_an_import_that_was_gone_back_to_exports_like_any_other(empty: Project) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, "PNG")
    empty.post("/imports", content=buffer.getvalue())
    assert empty.post("/operations/rollback", {"version": "@"}).status_code == 201
    answer = empty.post("/exports", {"version": "@"})
    assert answer.status_code == 200, answer.text
    verdict = empty.http.post("/api/v1/verify", content=answer.content).json()
    assert verdict["state"] == "trusted"
    assert next(item["action"] for item in verdict["actions"]) == "c2pa.opened"
