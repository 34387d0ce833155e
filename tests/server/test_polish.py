"""Polishing over HTTP: orders that wait, layers that go out, retouched files that come back."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage

from maquette.core.recipe import Composite, Retouch

from .conftest import Project, is_problem


def kept(project: Project, colour: str = "red") -> str:
    """The digest of a picture that was sent."""
    buffer = io.BytesIO()
    Image.new("RGBA", (40, 30), colour).save(buffer, "PNG")
    answer = project.post("/controls", content=buffer.getvalue())
    assert answer.status_code == 201, answer.text
    return answer.json()["digest"]


SURFACE = {"corners": [[20, 20], [90, 20], [90, 80], [20, 80]], "arc": 90, "bend": 0.1}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("retouch", {"version": "@", "exposure": 0.3, "grain": 0.1}),
        ("retouch", {"version": "@", "curves": [{"channel": "red", "points": [[0, 0], [1, 0.9]]}]}),
        ("retouch", {"version": "@", "swatches": ["#aabbcc"], "match": 0.5}),
        ("retouch", {"version": "@", "palette": {"version": "@~1"}}),
        ("composite", {"version": "@", "layers": [{"version": "@~1", "box": [0, 0, 50, 50]}]}),
        (
            "composite",
            {
                "version": "@",
                "layers": [{"version": "@~1", "stand": [0.5, 0.9, 0.4], "shadow": 0.5}],
            },
        ),
        ("composite", {"version": "@", "layers": [{"version": "@~1", "surface": SURFACE}]}),
        ("logo", {"version": "@", "logo": {"version": "@~1"}, "surface": SURFACE}),
    ],
)
def test_what_is_polished_is_queued(project: Project, operation: str, body: dict[str, Any]) -> None:
    answer = project.post(f"/operations/{operation}", body)
    assert answer.status_code == 202, answer.text
    [job] = answer.json()["jobs"]
    assert job["operation"] == operation and job["status"] == "queued"
    assert job["parents"][0] == project.made[1].id


def test_a_picture_that_was_sent_can_be_laid(project: Project) -> None:
    digest, mask = kept(project), project.post("/masks", {"version": "@", "box": [0, 0, 20, 20]})
    layer = {"image": digest, "at": [5, 6], "mask": mask.json()["digest"], "blend": "multiply"}
    [job] = project.post("/operations/composite", {"version": "@", "layers": [layer]}).json()[
        "jobs"
    ]
    task = project.studio.job(job["id"]).recipe.task
    assert isinstance(task, Composite) and task.layers[0].mask == mask.json()["digest"]
    assert task.layers[0].surface.corners[0] == (5, 6)


def test_a_retouch_keeps_to_its_mask(project: Project) -> None:
    mask = project.post("/masks", {"version": "@", "box": [0, 0, 20, 20]}).json()["digest"]
    body = {"version": "@", "exposure": 1, "mask": mask}
    [job] = project.post("/operations/retouch", body).json()["jobs"]
    task = project.studio.job(job["id"]).recipe.task
    assert isinstance(task, Retouch) and task.mask == mask


@pytest.mark.parametrize(
    ("operation", "body", "status", "code"),
    [
        ("retouch", {"version": "@"}, 422, "setting-refused"),
        ("retouch", {"version": "@", "exposure": 9}, 422, "request-malformed"),
        ("retouch", {"version": "@", "palette": {}}, 422, "request-malformed"),
        (
            "retouch",
            {"version": "@", "palette": {"version": "/etc/passwd"}},
            404,
            "version-unknown",
        ),
        ("retouch", {"version": "@", "exposure": 1, "mask": "0" * 64}, 404, "blob-missing"),
        ("upscale", {"version": "@", "model": "../../etc/passwd"}, 422, "request-malformed"),
        ("upscale", {"version": "@", "method": "learned", "model": "none"}, 422, "model-missing"),
        ("restore", {"version": "@"}, 422, "model-missing"),
        ("composite", {"version": "@", "layers": []}, 422, "request-malformed"),
        (
            "composite",
            {"version": "@", "layers": [{"version": "@", "at": [999, 0]}]},
            422,
            "setting-refused",
        ),
        ("logo", {"version": "@", "logo": {"version": "@"}}, 422, "setting-refused"),
        ("logo", {"version": "@", "logo": {"version": "@"}, "on": "boat"}, 422, "word-unknown"),
    ],
)
def test_what_cannot_be_polished_is_refused(
    project: Project, operation: str, body: dict[str, Any], status: int, code: str
) -> None:
    is_problem(project.post(f"/operations/{operation}", body), status, code)


def test_layers_go_out_and_come_back_as_a_child(project: Project) -> None:
    parent = project.made[1]
    answer = project.post("/layers", {"version": "@"})
    assert answer.status_code == 200 and answer.headers["content-type"].endswith("photoshop")
    assert len(PSDImage.open(io.BytesIO(answer.content))) == 2
    assert ".psd" in answer.headers["content-disposition"]
    back = project.post("/imports", content=answer.content, params={"of": "@"})
    assert back.status_code == 201, back.text
    child = project.studio.version(back.json()["id"])
    assert child.parents == (parent.id,) and child.recipe.prompt == parent.recipe.prompt


def test_a_retouched_picture_keeps_the_maps_of_its_words(project: Project) -> None:
    made = project.studio.retouch("@", exposure=0.2)
    assert project.studio.heatmap(made, "moon")


def looked_at(project: Project, body: dict[str, Any]) -> Image.Image:
    answer = project.post("/previews/retouch", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"] == "no-store"
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def test_a_retouch_is_looked_at_before_it_is_done(project: Project) -> None:
    before = len(project.studio.log()), len(project.studio.jobs())
    task = {"version": "@", "exposure": 0.8, "saturation": -1, "grain": 0.2, "sharpness": 1}
    shown = looked_at(project, task)
    assert (len(project.studio.log()), len(project.studio.jobs())) == before
    done = project.studio.retouch("@", **{k: v for k, v in task.items() if k != "version"})
    made = project.studio.picture(done).convert("RGB")
    assert shown.size == made.size
    far = np.abs(np.asarray(shown, np.int16) - np.asarray(made, np.int16)).mean()
    assert far < 2.5  # but for the packing it is the very picture


def test_a_look_keeps_to_its_mask_at_any_size(project: Project) -> None:
    size = project.made[1].size
    half = project.post("/masks", {"version": "@", "box": [0, 0, size.width // 2, size.height]})
    shown = looked_at(
        project, {"version": "@", "exposure": 3, "mask": half.json()["digest"], "side": 32}
    )
    assert max(shown.size) == 32
    plain = project.studio.picture("@").convert("RGB").resize(shown.size, Image.Resampling.BOX)
    apart = np.abs(np.asarray(shown, np.int16) - np.asarray(plain, np.int16)).mean(axis=(0, 2))
    assert apart[:14].mean() > 20 and apart[18:].mean() < 6


@pytest.mark.parametrize("change", [{}, {"exposure": 9}, {"side": 5000, "exposure": 1}])
def test_what_cannot_be_looked_at(project: Project, change: dict[str, Any]) -> None:
    answer = project.post("/previews/retouch", {"version": "@", **change})
    assert answer.status_code == 422 and answer.json()["code"]
