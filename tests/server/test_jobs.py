"""Jobs over HTTP: seen, cancelled, tried again."""

from __future__ import annotations

from typing import Any

from maquette.core.job import Status
from maquette.server.feed import encode

from .conftest import Project, is_problem


def asked(project: Project, n: int = 2) -> dict[str, Any]:
    return project.post("/operations/generate", {"prompt": "a cat", "n": n, "seed": 50}).json()


def test_jobs_are_listed_newest_first_and_by_state(project: Project) -> None:
    first, second = asked(project)["jobs"]
    listed = project.get("/jobs").json()["items"]
    assert [job["id"] for job in listed[:2]] == [second["id"], first["id"]]
    waiting = project.get("/jobs", params={"status": ["queued", "running"]}).json()["items"]
    assert {job["id"] for job in waiting} == {first["id"], second["id"]}
    assert project.get("/jobs", params={"status": "failed"}).json()["items"] == []
    assert project.get("/jobs", params={"status": "lost"}).status_code == 422
    group = project.get("/jobs", params={"group": first["group"]}).json()["items"]
    assert [job["place"] for job in group] == [0, 1]
    assert project.get(f"/jobs/{first['id']}").json() == first


def test_a_waiting_job_is_cancelled_at_once_and_tried_again(project: Project) -> None:
    first, second = asked(project)["jobs"]
    gone = project.post(f"/jobs/{first['id']}/cancel").json()
    assert gone["status"] == "cancelled" and gone["message"]
    assert project.post(f"/jobs/{first['id']}/cancel").json() == gone
    assert project.get(f"/jobs/{second['id']}").json()["status"] == "queued"
    again = project.post(f"/jobs/{first['id']}/retry").json()
    assert again["status"] == "queued" and again["message"] == ""


def test_a_whole_group_is_cancelled(project: Project) -> None:
    group = asked(project, 3)["group"]
    jobs = project.post(f"/groups/{group}/cancel").json()["items"]
    assert [job["status"] for job in jobs] == ["cancelled"] * 3
    is_problem(project.post("/groups/nothing/cancel"), 404, "job-unknown")


def test_no_such_job(project: Project) -> None:
    for path in ("/jobs/nothing/cancel", "/jobs/nothing/retry"):
        is_problem(project.post(path), 404, "job-unknown")
    is_problem(project.get("/jobs/nothing"), 404, "job-unknown")


def test_a_running_job_says_how_far_it_is(project: Project) -> None:
    (job,) = asked(project, 1)["jobs"]
    queue = project.studio.queue
    (taken,) = queue.claim("somebody", 30)
    queue.post("progress", taken.id, {"step": 3, "steps": 16, "seconds_left": 1.5})
    found = project.get(f"/jobs/{job['id']}").json()
    assert found["status"] == "running" and found["attempts"] == 1
    assert (found["step"], found["steps"], found["seconds_left"]) == (3, 16, 1.5)
    asking = project.post(f"/jobs/{job['id']}/cancel").json()
    assert asking["status"] == "running" and asking["cancel"] is True
    queue.finish(taken.to(Status.CANCELLED, message="stopped by the person"))
    assert project.get(f"/jobs/{job['id']}").json()["seconds_left"] is None


def test_an_event_is_one_line_of_data() -> None:
    wire = encode("mark", {"value": "a\nb\r\n\u2028 half \ud83c"}, 7)
    assert wire.count(b"\n") == 4
    assert wire.startswith(b"id: 7\nevent: mark\ndata: {") and wire.endswith(b"}\n\n")


def test_a_failed_job_says_why_by_a_code(project: Project) -> None:
    (job,) = asked(project, 1)["jobs"]
    queue = project.studio.queue
    (taken,) = queue.claim("somebody", 30)
    broken = taken.to(Status.FAILED, message="no such model")
    queue.finish(broken.model_copy(update={"result": {"reason": "ModelMissing"}}))
    found = project.get(f"/jobs/{job['id']}").json()
    assert (found["status"], found["reason"]) == ("failed", "model-missing")
    again = project.post(f"/jobs/{job['id']}/retry").json()
    assert again["reason"] == ""
