"""Campaigns over HTTP: begun, waited for, chosen in, gone on with, by a worker's hands."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from maquette.core.job import Job, Status
from maquette.studio.rooms import Rooms
from maquette.worker import Done, Worker

from .conftest import Project, Running, is_problem

BRIEF: dict[str, Any] = {
    "campaign": "autumn",
    "purpose": "Mugs.",
    "prompts": ["a red mug on a table"],
    "seed": 4,
    "size": [64, 64],
    "drafts": {"count": 4},
    "select": {"count": 2},
    "polish": {"steps": 0},
    "pause": ["select", "approve"],
}


def worked(server: Running, project: Project) -> None:
    """Let a worker do everything that waits in this project."""
    rooms = Rooms(None, [project.studio.root], settings=project.studio.settings)
    Worker([rooms]).run(once=True)


def test_a_campaign_from_its_brief_to_its_files(server: Running, empty: Project) -> None:
    assert empty.get("/campaigns").json() == {"items": [], "rooms": []}
    begun = empty.post("/campaigns", {"brief": BRIEF})
    assert begun.status_code == 202, begun.text
    (job,) = begun.json()["jobs"]
    assert job["operation"] == "campaign"
    worked(server, empty)
    ended = empty.studio.job(job["id"])
    assert ended.status is Status.DONE, ended.message
    assert ended.result == {"campaign": "autumn", "stage": "select", "waiting": "select"}
    listed = empty.get("/campaigns").json()
    assert listed["items"] == ["autumn"]
    (room,) = listed["rooms"]
    assert (room["stage"], room["waiting"]) == ("select", "choose 2 of 4 drafts")
    assert (room["drafts"], room["finals"], len(room["pictures"])) == (4, 0, 4)

    state = empty.get("/campaigns/autumn").json()
    assert state["stage"] == "select" and state["purpose"] == "Mugs."
    assert len(state["waiting"]["versions"]) == 4 and len(state["waiting"]["suggested"]) == 2
    mine = [state["drafts"][3]]
    on = empty.post("/campaigns/autumn/choice", {"stage": "select", "versions": mine})
    assert on.status_code == 202, on.text
    worked(server, empty)
    state = empty.get("/campaigns/autumn").json()
    assert state["chosen"] == mine and len(state["finals"]) == 1 and not state["files"]
    final = empty.studio.version(state["finals"][0])
    assert final.parents == (mine[0],)

    empty.post("/campaigns/autumn/choice", {"stage": "approve", "versions": state["finals"]})
    worked(server, empty)
    done = empty.get("/campaigns/autumn").json()
    assert done["stage"] == "done" and len(done["files"]) == 1
    folder = empty.studio.root / "campaigns" / "autumn" / "delivered"
    assert (folder / done["files"][0]).is_file() and (folder / "report.md").is_file()
    assert done["ledger"]["baseline"] == "4 finals"


def one_job(project: Project) -> Job:
    """Let a worker take one job, and see how it stands then."""
    done: list[Job] = []

    def leave(ended: Done) -> None:
        done.append(ended.job)
        worker.leave()

    rooms = Rooms(None, [project.studio.root], settings=project.studio.settings)
    worker = Worker([rooms], on_done=leave)
    worker.run(once=True)
    return done[0]


ALONE = {**BRIEF, "pause": [], "polish": {"steps": 1, "until": 1.0, "upscale": 1.5}}


def test_a_campaign_without_a_person_holds_no_worker(server: Running, empty: Project) -> None:
    (job,) = empty.post("/campaigns", {"brief": ALONE}).json()["jobs"]
    parked = one_job(empty)
    assert parked.id == job["id"] and parked.status is Status.QUEUED
    assert parked.message == "waits for 4 pictures"
    (mine,) = empty.studio.submit(empty.studio.orders.generate("a cat", seed=1, size=(64, 64)))
    assert one_job(empty).id == mine.id, "a person goes first"
    worked(server, empty)
    ended = empty.studio.job(job["id"])
    assert ended.status is Status.DONE, ended.message
    assert ended.result == {"campaign": "autumn", "stage": "done", "waiting": None}
    made = Counter(each.operation for each in empty.studio.jobs())
    assert made["improve"] == 2 and made["upscale"] == 2 and made["refine"] == 2
    assert len(empty.get("/campaigns/autumn").json()["files"]) == 2
    empty.post("/campaigns", {"brief": ALONE})
    worked(server, empty)
    assert Counter(each.operation for each in empty.studio.jobs()) == made + Counter(["campaign"])


def test_a_campaign_ends_with_what_it_waits_for(server: Running, empty: Project) -> None:
    (job,) = empty.post("/campaigns", {"brief": ALONE}).json()["jobs"]
    one_job(empty)
    empty.studio.cancel_jobs([job["id"]])
    assert {each.status for each in empty.studio.jobs()} == {Status.CANCELLED}
    empty.studio.retry([job["id"]])
    one_job(empty)
    (broken,) = empty.studio.queue.claim("somebody", 60)
    empty.studio.queue.finish(broken.to(Status.FAILED, message="the disk is full", hint="Tidy."))
    worked(server, empty)
    failed = empty.studio.job(job["id"])
    assert failed.status is Status.FAILED and failed.hint == "Tidy."
    assert failed.message == "1 of 4 parts of the campaign failed: the disk is full"
    empty.studio.retry([job["id"]])
    worked(server, empty)
    assert empty.studio.job(job["id"]).status is Status.DONE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cuont": 1}, "brief-refused"),
        ({"budget": {"seconds": 0}}, "brief-refused"),
        ({"board": [{"file": "/etc/passwd"}]}, "brief-refused"),
        ({"deliver": {"folder": "/srv/elsewhere"}}, "brief-refused"),
        ({"deliver": {"folder": "../../.."}}, "brief-refused"),
        ({"campaign": "../x"}, "brief-refused"),
        ({"size": [63, 64]}, "setting-refused"),
        ({"prompts": []}, "brief-refused"),
    ],
)
def test_what_is_not_begun(empty: Project, change: dict[str, Any], code: str) -> None:
    is_problem(empty.post("/campaigns", {"brief": {**BRIEF, **change}}), 422, code)
    assert empty.studio.jobs() == []


def test_the_mood_board_of_a_campaign(server: Running, empty: Project) -> None:
    (leaf,) = empty.studio.generate("a leaf", seed=1, size=(64, 64))
    board = [{"version": leaf.id, "note": "This red."}]
    empty.post("/campaigns", {"brief": {**BRIEF, "board": board}})
    worked(server, empty)
    state = empty.get("/campaigns/autumn").json()
    assert state["brief"]["board"] == board and "polish" in state["brief"]
    (pinned,) = state["board"]
    assert (pinned["version"], pinned["note"]) == (leaf.id, "This red.")
    colours = empty.get(f"/pictures/{leaf.image}/palette")
    assert colours.json()["items"] == pinned["palette"] and pinned["palette"]
    assert "immutable" in colours.headers["cache-control"]
    is_problem(empty.get(f"/pictures/{'0' * 64}/palette"), 404, "blob-missing")


def test_campaigns_that_are_not_there(empty: Project) -> None:
    is_problem(empty.get("/campaigns/winter"), 404, "job-unknown")
    choice = {"stage": "select", "versions": ["@"]}
    is_problem(empty.post("/campaigns/winter/choice", choice), 404, "job-unknown")
    is_problem(empty.get("/campaigns/Winter%20Sale"), 422, "request-malformed")


def test_a_stranger_is_not_chosen(server: Running, empty: Project) -> None:
    empty.post("/campaigns", {"brief": BRIEF})
    worked(server, empty)
    (other,) = empty.studio.generate("a cat", seed=1, size=(64, 64))
    choice = {"stage": "select", "versions": [other.id]}
    is_problem(empty.post("/campaigns/autumn/choice", choice), 422, "setting-refused")
    choice = {"stage": "lunch", "versions": [other.id]}
    is_problem(empty.post("/campaigns/autumn/choice", choice), 422, "request-malformed")


def test_the_loop_is_a_job_with_a_result(server: Running, project: Project) -> None:
    asked = project.post("/operations/improve", {"version": "@", "steps": 2, "until": 0.99})
    assert asked.status_code == 202, asked.text
    (job,) = asked.json()["jobs"]
    worked(server, project)
    ended = project.studio.job(job["id"])
    assert ended.status is Status.DONE, ended.message
    assert ended.result is not None
    assert ended.result["after"] >= ended.result["before"]
    assert project.studio.version(str(ended.result["best"]))
    is_problem(
        project.post("/operations/improve", {"version": "@", "until": 3}), 422, "request-malformed"
    )
    is_problem(project.post("/operations/improve", {"version": "@~99"}), 404, "version-unknown")
