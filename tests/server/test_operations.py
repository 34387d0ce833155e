"""Operations: what is asked for waits in the project; the same key asks once."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from maquette.core.job import Status
from maquette.core.picture import encode_png

from .conftest import WOLF, Project, Running, is_problem


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("generate", {"prompt": "a cat", "n": 3, "seed": 11, "quality": "draft"}),
        ("explore", {"prompt": "a cat", "n": 3, "seed": 2}),
        ("vary", {"version": "@", "n": 2, "strength": 0.4}),
        ("refine", {"version": "@", "begin": 0.25}),
        ("reweight", {"version": "@", "weights": {"wolf": 1.4}}),
        ("reweight", {"version": "@", "weights": {"wolf": 1.4}, "begin": 0.5}),
        ("outpaint", {"version": "@", "right": 64}),
        ("upscale", {"version": "@", "scale": 2}),
        ("replay", {"version": "@"}),
        ("critique", {"version": "@"}),
    ],
)
def test_what_draws_is_queued(project: Project, operation: str, body: dict[str, Any]) -> None:
    answer = project.post(f"/operations/{operation}", {**body, "priority": 3})
    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert len(found["jobs"]) == body.get("n", 1)
    for place, job in enumerate(found["jobs"]):
        assert job["operation"] == operation and job["status"] == "queued"
        assert job["group"] == found["group"] and job["place"] == place
        assert job["priority"] == 3 and job["version"] is None
    stored = project.studio.jobs(group=found["group"])
    assert [job.id for job in stored] == [job["id"] for job in found["jobs"]]
    assert project.studio.records.count() == 2


def test_a_job_says_what_it_is_to_make(project: Project) -> None:
    body = {"prompt": "a cat", "negative": "fog", "seed": 11, "quality": "draft", "size": [128, 64]}
    (job,) = project.post("/operations/generate", body).json()["jobs"]
    assert (job["prompt"], job["negative"], job["seed"]) == ("a cat", "fog", 11)
    assert (job["width"], job["height"], job["quality"]) == (128, 64, "draft")
    assert (job["step"], job["steps"], job["seconds_left"]) == (0, 4, None)
    assert job["region"] is None and job["parents"] == []


def test_an_inpaint_covers_its_region(project: Project) -> None:
    mask = project.post("/masks", {"version": "@", "box": [10, 10, 40, 40]}).json()["digest"]
    body = {"version": "@", "mask": mask, "prompt": "snow", "seed": 3}
    (job,) = project.post("/operations/inpaint", body).json()["jobs"]
    assert job["parents"] == [project.made[1].id] and job["prompt"] == "snow"
    assert len(job["region"]) == 4


def test_what_was_drawn_before_is_answered_at_once(project: Project) -> None:
    body = {"prompt": WOLF, "seed": 7, "quality": "draft"}
    (job,) = project.post("/operations/generate", body).json()["jobs"]
    assert job["status"] == "done" and job["version"] == project.studio.version("@").id
    assert project.studio.version("@").image == project.made[0].image


@pytest.mark.parametrize(
    ("operation", "body", "status", "code"),
    [
        ("generate", {"prompt": "  "}, 422, "prompt-refused"),
        ("generate", {"prompt": "a", "seed": -1}, 422, "request-malformed"),
        ("generate", {"prompt": "a", "size": [7, 7]}, 422, "setting-refused"),
        ("generate", {"prompt": "<lora:ink:1> a"}, 422, "recipe-refused"),
        ("generate", {"prompt": "a", "n": 1001}, 422, "request-malformed"),
        ("generate", {"promt": "a"}, 422, "request-malformed"),
        ("vary", {"version": "ffffffff"}, 404, "version-unknown"),
        ("vary", {"version": "@", "strength": 0}, 422, "request-malformed"),
        ("refine", {"version": "@", "way": "magic"}, 422, "request-malformed"),
        ("refine", {"version": "@", "size": [512, 256]}, 422, "setting-refused"),
        ("reweight", {"version": "@", "weights": {"cat": 1.2}}, 422, "unknown-word"),
        ("reweight", {"version": "@", "weights": {}}, 422, "request-malformed"),
        ("inpaint", {"version": "@", "mask": "0" * 64}, 404, "blob-missing"),
        ("outpaint", {"version": "@"}, 422, "setting-refused"),
        ("upscale", {"version": "@", "scale": 9}, 422, "request-malformed"),
        ("apply", {"version": "@", "finding": "nothing"}, 404, "finding-unknown"),
        ("rollback", {"version": "@~9"}, 404, "version-unknown"),
        ("paint", {"version": "@"}, 405, "method-not-allowed"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(
    project: Project, operation: str, body: dict[str, Any], status: int, code: str
) -> None:
    is_problem(project.post(f"/operations/{operation}", body), status, code)
    assert project.studio.jobs() == project.studio.jobs(Status.DONE)
    assert project.studio.records.count() == 2


def test_the_same_key_asks_once(project: Project) -> None:
    body, headers = {"prompt": "a cat", "n": 2}, {"Idempotency-Key": "k-1"}
    first = project.post("/operations/generate", body, headers=headers).json()
    again = project.post("/operations/generate", body, headers=headers).json()
    assert [job["id"] for job in again["jobs"]] == [job["id"] for job in first["jobs"]]
    other = project.post("/operations/generate", body, headers={"Idempotency-Key": "k-2"}).json()
    assert other["group"] != first["group"]
    changed = project.post("/operations/generate", {**body, "n": 3}, headers=headers)
    is_problem(changed, 422, "idempotency-key-reused")
    assert len(project.studio.jobs(Status.QUEUED)) == 4


def test_two_who_ask_at_once_with_one_key_get_one_answer(server: Running, project: Project) -> None:
    def ask(_: int) -> list[str]:
        with server.client() as client:
            answer = client.post(
                f"{project.base}/operations/rollback",
                json={"version": project.made[0].id},
                headers={"Idempotency-Key": "back"},
            )
            return [answer.json()["id"]]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert len({answer[0] for answer in answers}) == 1
    assert project.studio.records.count() == 3


def test_going_back_is_going_on(project: Project) -> None:
    wolf = project.made[0]
    answer = project.post("/operations/rollback", {"version": wolf.id})
    assert answer.status_code == 201
    found = answer.json()
    assert found["parents"] == [wolf.id] and found["image"] == wolf.image and found["maps"]
    assert project.http.get(answer.headers["location"]).json()["id"] == found["id"]


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30), **save: Any) -> bytes:
    colour = {"L": 90, "RGB": "teal", "RGBA": (9, 99, 199, 40), "CMYK": (1, 9, 99, 9)}[mode]
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, **{"format": "PNG", **save})
    return buffer.getvalue()


def test_a_picture_is_taken_in(project: Project) -> None:
    answer = project.post("/imports", content=picture(), params={"caption": "a lake"})
    assert answer.status_code == 201
    found = answer.json()
    assert found["operation"] == "import" and found["prompt"] == "a lake"
    assert (found["width"], found["height"], found["maps"]) == (40, 30, False)
    same = {"Idempotency-Key": "in"}
    first = project.post("/imports", content=picture(), headers=same).json()
    assert project.post("/imports", content=picture(), headers=same).json() == first


def test_a_caption_is_no_licence_to_draw_here(project: Project) -> None:
    project.post("/imports", content=picture(), params={"caption": "a lake"})
    is_problem(project.post("/masks", {"version": "@", "token": "lake"}), 404, "trace-missing")
    answer = project.post("/versions/@/explain", {"caption": "a lake and a boat"})
    assert answer.status_code == 202 and answer.json()["jobs"][0]["operation"] == "explain"


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ({"box": [0, 0, 128, 64]}, {}),
        ({"polygon": [[0, 0], [100, 0], [0, 100.5]]}, {}),
        ({"token": "moon", "grow": 4, "feather": 3}, {}),
        ({"colour": {"x": 5, "y": 5, "tolerance": 20}}, {}),
        ({"box": [0, 0, 128, 64], "invert": True}, {}),
    ],
)
def test_masks_are_made(project: Project, body: dict[str, Any], more: dict[str, Any]) -> None:
    answer = project.post("/masks", {"version": "@", **body})
    assert answer.status_code == 201, answer.text
    found = answer.json()
    shown = Image.open(io.BytesIO(project.get(f"/pictures/{found['digest']}").content))
    assert shown.mode == "L" and shown.size == (found["width"], found["height"]) == (256, 256)
    left, top, right, bottom = shown.getbbox() or (0, 0, 0, 0)
    assert found["box"] == [left, top, right - left, bottom - top]
    assert 0 < found["area"] < 1


def test_a_painted_mask_is_kept(project: Project) -> None:
    painted = Image.new("RGBA", (256, 256), (255, 0, 0, 0))
    painted.paste((255, 0, 0, 255), (10, 20, 60, 80))
    headers = {"Content-Type": "image/png"}
    data = encode_png(painted)
    asked = {"params": {"version": "@"}, "headers": headers}
    found = project.post("/masks", content=data, **asked).json()
    assert found["box"] == [10, 20, 50, 60]
    assert found["area"] == pytest.approx(50 * 60 / 256**2, abs=1e-4)
    is_problem(project.post("/masks", content=data, headers=headers), 422, "request-malformed")
    small = encode_png(painted.resize((64, 64)))
    is_problem(project.post("/masks", content=small, **asked), 422, "mask-refused")
    nothing = encode_png(Image.new("L", (256, 256)))
    is_problem(project.post("/masks", content=nothing, **asked), 422, "mask-refused")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "setting-refused"),
        ({"box": [0, 0, 9, 9], "token": "moon"}, "setting-refused"),
        ({"box": [900, 0, 9, 9]}, "mask-refused"),
        ({"box": [0, 0, 0, 0]}, "mask-refused"),
        ({"polygon": [[0, 0], [1, 1]]}, "request-malformed"),
        ({"token": "submarine"}, "word-unknown"),
        ({"token": "moon", "threshold": 2}, "request-malformed"),
        ({"colour": {"x": 9999, "y": 0}}, "mask-refused"),
        ({"alpha": True}, "mask-refused"),
        ({"box": [0, 0, 9, 9], "grow": -99}, "mask-refused"),
    ],
)
def test_what_is_no_mask_is_refused(project: Project, body: dict[str, Any], code: str) -> None:
    is_problem(project.post("/masks", {"version": "@", **body}), 422, code)


def test_a_mask_is_a_picture_or_json(project: Project) -> None:
    answer = project.post("/masks", content=b"x", headers={"Content-Type": "text/plain"})
    is_problem(answer, 415, "kind-refused")
    answer = project.post("/masks", content=b"{", headers={"Content-Type": "application/json"})
    is_problem(answer, 422, "request-malformed")
