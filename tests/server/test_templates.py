"""Templates and playbooks over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from maquette.stages.carrying import carry

from .conftest import Project, is_problem

ACME = (Path(__file__).parents[1] / "core" / "playbook" / "acme.yaml").read_text()


def test_a_template_is_filled_without_a_project(http: httpx2.Client) -> None:
    body = {"template": "a {red|blue} ${what} __x__", "values": {"what": "mug"}, "n": None}
    found = http.post("/api/v1/template", json={**body, "wildcards": {"x": ["up", "down"]}}).json()
    assert found["ways"] == 4
    assert [item["text"] for item in found["items"]][:2] == ["a red mug up", "a red mug down"]
    is_problem(http.post("/api/v1/template", json={"template": "{a"}), 422, "template-refused")
    is_problem(
        http.post("/api/v1/template", json={"template": "a", "x": 1}), 422, "request-malformed"
    )


def test_pictures_are_drawn_from_rows(empty: Project) -> None:
    body = {
        "template": "<lock:Acme red> ${product}",
        "rows": [{"product": "mug"}, {"product": "vase"}],
        "seed": 7,
        "quality": "draft",
    }
    answer = empty.post("/operations/fill", body)
    assert answer.status_code == 202
    jobs = answer.json()["jobs"]
    assert [job["prompt"] for job in jobs] == ["Acme red mug", "Acme red vase"]
    assert [job["seed"] for job in jobs] == [7, 8]
    waiting = empty.studio.jobs()
    assert {job.arguments["origin"]["row"] for job in waiting} == {1, 2}
    refused = empty.post(
        "/operations/fill",
        {
            **body,
            "rows": [{"product": "[Acme"}],
            "template": "${product} red <lock:red>",
            "negative": "red",
        },
    )
    is_problem(refused, 409, "word-locked")
    assert len(empty.studio.jobs()) == 2


def test_a_template_is_tried_before_it_is_drawn(empty: Project) -> None:
    body: dict[str, Any] = {"template": "a {red|blue} ${what:mug} by ${who}, <lock:studio light>"}
    tried = empty.post("/template", body).json()
    assert [each["name"] for each in tried["variables"]] == ["who", "what"]
    assert tried["missing"] == ["who"] and tried["items"] == []
    assert tried["locked"] == ["studio light"]
    rows = [{"who": "Ada"}, {"who": "Bo", "what": "vase"}]
    tried = empty.post("/template", {**body, "rows": rows, "n": None}).json()
    assert (tried["missing"], tried["ways"]) == ([], 2)
    assert [(each["row"], each["text"]) for each in tried["items"]] == [
        (1, "a red mug by Ada, studio light"),
        (1, "a blue mug by Ada, studio light"),
        (2, "a red vase by Bo, studio light"),
        (2, "a blue vase by Bo, studio light"),
    ]
    empty.post("/playbooks", {"text": ACME})
    tried = empty.post("/template", {"template": "hero", "playbook": "acme"}).json()
    assert tried["variables"][0]["one_of"] == ["mug", "vase", "lamp"]
    assert tried["locked"] == ["Acme red", "studio backdrop"]
    is_problem(empty.post("/template", {"template": "{a"}), 422, "template-refused")
    unknown = {"template": "hero", "playbook": "nobody"}
    assert empty.post("/template", unknown).status_code == 422
    assert empty.studio.jobs() == []


def test_a_playbook_is_saved_opened_and_tested(empty: Project) -> None:
    assert empty.get("/playbooks").json() == {"items": []}
    saved = empty.post("/playbooks", {"text": ACME})
    assert saved.status_code == 201
    assert saved.json() == {"name": "acme", "revision": 1, "version": "1.2"}
    empty.post("/playbooks", {"text": ACME.replace("version: 1.2", "version: 2")})
    (listed,) = empty.get("/playbooks").json()["items"]
    assert (listed["revision"], listed["version"]) == (2, "2")
    found: dict[str, Any] = empty.get("/playbooks/acme?revision=1").json()
    assert found["version"] == "1.2" and found["revisions"] == [1, 2] and found["text"] == ACME
    hero = found["templates"][0]
    assert hero["locked"] == ["Acme red", "studio backdrop"] and hero["problem"] == ""
    assert hero["variables"][0] == {
        "name": "product",
        "about": "what is shown",
        "default": None,
        "one_of": ["mug", "vase", "lamp"],
    }
    assert found["document"].startswith("# acme, version 1.2") and found["chains"] == ["launch"]
    tested = empty.post("/playbooks/acme/test").json()
    assert tested["passed"] and len(tested["items"]) == 6
    body = {"template": "hero", "playbook": "acme@1", "values": {"product": "lamp"}, "seed": 1}
    (job,) = empty.post("/operations/fill", body).json()["jobs"]
    assert job["prompt"].startswith("an Acme red lamp")


@pytest.mark.parametrize(
    "text", ["", "- a", "playbook: 1", "a: &x 1", ACME.replace("hero:", "hero: {")]
)
def test_what_is_no_playbook_is_refused(empty: Project, text: str) -> None:
    is_problem(empty.post("/playbooks", {"text": text}), 422, "template-refused")
    assert empty.get("/playbooks").json() == {"items": []}


def test_no_file_of_the_server_can_be_named(empty: Project, tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(ACME)
    body = {"template": "hero", "playbook": str(tmp_path / "acme.yaml")}
    is_problem(empty.post("/operations/fill", body), 422, "request-malformed")
    is_problem(empty.get("/playbooks/nothing"), 422, "template-refused")
    assert empty.get("/playbooks/..%2Facme").status_code in {404, 422}


def test_a_version_tells_where_its_words_came_from(empty: Project) -> None:
    made = empty.studio.fill("<lock:Acme red> mug --no fog", seed=1, quality="draft")
    found = empty.get(f"/versions/{made[0].id}").json()
    assert found["locked"] == ["Acme red"]
    assert found["origin"]["template"] == "<lock:Acme red> mug --no fog"
    assert found["origin"]["flags"] == [["--no fog", "the negative prompt 'fog'"]]
    body = {"version": "@", "weights": {"red": 0.4}}
    is_problem(empty.post("/operations/reweight", body), 409, "word-locked")
    assert empty.post("/operations/reweight", {**body, "weights": {"red": 1.4}}).status_code == 202


def test_a_chain_waits_for_a_worker_that_carries_it(empty: Project) -> None:
    empty.post("/playbooks", {"text": ACME})
    body = {"playbook": "acme", "chain": "launch", "values": {"product": "mug"}, "seed": 4}
    (job,) = empty.post("/operations/play", body).json()["jobs"]
    assert job["operation"] == "play" and job["status"] == "queued"
    for wrong in ({"chain": "lunch"}, {"values": {}}, {"playbook": "other"}):
        is_problem(empty.post("/operations/play", {**body, **wrong}), 422, "template-refused")
    result = carry(empty.studio.job(job["id"]), empty.studio)
    assert [step["step"] for step in result["steps"]] == ["alone", "in_use", "outdoors"]
    last = empty.studio.version(result["steps"][-1]["picked"])
    assert empty.studio.origin(last)["chain"] == "launch"
    assert empty.studio.origin(last)["revision"] == 1
