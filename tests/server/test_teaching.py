"""Teaching over HTTP: a dataset of versions, a training by a worker's hands, what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from maquette.core.job import Status
from maquette.engines.fake import FakeEngine
from maquette.studio.rooms import Rooms
from maquette.worker import Done, Worker

from .conftest import Project, Running, is_problem


@pytest.fixture
def taken(empty: Project) -> Project:
    """A project with four pictures of a mascot."""
    for seed in range(4):
        empty.studio.generate(f"a (mascot:1.2) on hill {seed}", seed=seed, size=(256, 256))
    return empty


def curated(project: Project) -> dict[str, Any]:
    body = {"add": ["@", "@~1", "@~2", "@~3"], "trigger": "pim", "subject": "mascot"}
    answered = project.post("/datasets/pim", body)
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_a_dataset_is_made_of_versions_and_edited(server: Running, taken: Project) -> None:
    assert taken.get("/datasets").json() == {"items": []}
    made = curated(taken)
    assert made["revision"] == 1 and made["used"] == 4
    first = made["entries"][0]
    assert first["told"] == "prompt" and first["caption"] == "a mascot on hill 3"
    assert first["reads"] == "a pim mascot on hill 3"
    edits = [
        {"number": 1, "caption": "a mascot by the sea", "crop": [0, 0, 128, 128]},
        {"number": 2, "kept": False},
    ]
    edited = taken.post("/datasets/pim", {"edits": edits, "licence": "CC-BY-4.0"}).json()
    assert edited["revision"] == 2 and edited["used"] == 3 and edited["licence"] == "CC-BY-4.0"
    assert edited["entries"][0]["told"] == "typed"
    assert edited["entries"][0]["crop"] == [0, 0, 128, 128]
    assert taken.get("/datasets/pim").json() == edited
    assert taken.get("/datasets").json() == {"items": ["pim"]}


def test_a_training_from_its_order_to_its_guide(server: Running, taken: Project) -> None:
    curated(taken)
    asked = {"dataset": "pim", "steps": 4, "sheet_every": 2, "licence": "Apache-2.0"}
    begun = taken.post("/operations/train", asked)
    assert begun.status_code == 202, begun.text
    (job,) = begun.json()["jobs"]
    assert (job["operation"], job["about"]) == ("train", "pim, a LoRA of 4 pictures")
    Worker([Rooms(None, [taken.studio.root], settings=taken.studio.settings)]).run(once=True)
    ended = taken.studio.job(job["id"])
    assert ended.status is Status.DONE, ended.message
    assert ended.result is not None and ended.result["name"] == "pim"
    (listed,) = taken.get("/trainings").json()["items"]
    assert listed["done"] and (listed["step"], listed["steps"]) == (4, 4)
    seen = taken.get("/trainings/pim").json()
    assert [point["step"] for point in seen["losses"]] == [1, 2, 3, 4]
    assert [sheet["step"] for sheet in seen["sheets"]] == [2, 4]
    assert taken.get(f"/pictures/{seen['sheets'][0]['image']}").status_code == 200
    assert seen["report"]["guide"].startswith("# pim") and seen["licence"] == "Apache-2.0"
    assert taken.get(f"/trainings/{seen['training'][:8]}").json() == seen


@pytest.mark.parametrize("named", ["dataset", "versions"])
def test_a_brief_that_teaches_waits_for_its_training(
    server: Running, taken: Project, named: str
) -> None:
    if named == "dataset":
        curated(taken)
        source: dict[str, Any] = {"dataset": "pim"}
    else:
        source = {"pictures": [{"version": f"@~{back}"} for back in range(4)]}
    brief = {
        "campaign": "pims",
        "prompt": "a pim mascot",
        "size": [64, 64],
        "drafts": {"count": 1},
        "select": {"count": 1},
        "polish": {"steps": 0},
        "train": {"name": f"pim-{named}", "steps": 2, **source},
    }
    (job,) = taken.post("/campaigns", {"brief": brief}).json()["jobs"]
    Worker([Rooms(None, [taken.studio.root], settings=taken.studio.settings)]).run(once=True)
    ended = taken.studio.job(job["id"])
    assert ended.status is Status.DONE, ended.message
    assert ended.result == {"campaign": "pims", "stage": "done", "waiting": None}
    (trained,) = (each for each in taken.studio.jobs() if each.operation == "train")
    assert trained.status is Status.DONE
    (seen,) = taken.get("/trainings").json()["items"]
    assert seen["done"] and seen["examples"] == 4


def test_a_training_gives_way_and_goes_on(
    server: Running, taken: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's picture is drawn first; the training loses no step over it."""
    monkeypatch.setattr("maquette.stages.teaching.teach.LOOK", 0.0)
    curated(taken)
    (job,) = taken.post("/operations/train", {"dataset": "pim", "name": "slow", "steps": 9}).json()[
        "jobs"
    ]
    seen: list[int] = []
    teach = FakeEngine.teach

    def watched(self: FakeEngine, training: Any, inputs: Any, folder: Any, **how: Any) -> Any:
        for event in teach(self, training, inputs, folder, **how):
            step = getattr(event, "step", 0)
            seen.append(step)
            if step == 3:
                order = taken.studio.orders.generate("a cat", seed=9, size=(64, 64))
                mine.extend(taken.studio.submit(order))
            yield event

    mine: list[Any] = []
    ended: list[str] = []

    def note(done: Done) -> None:
        ended.append(f"{done.job.operation} {done.job.status.value}")

    monkeypatch.setattr(FakeEngine, "teach", watched)
    rooms = Rooms(None, [taken.studio.root], settings=taken.studio.settings)
    Worker([rooms], on_done=note).run(once=True)
    assert ended == ["train queued", "generate done", "train done"]
    assert taken.studio.job(job["id"]).attempts == 1
    steps = [step for step in seen if step]
    assert steps == sorted(steps) and set(steps) == set(range(1, 10))


@pytest.mark.parametrize(
    ("address", "body", "problem"),
    [
        ("/operations/train", {"dataset": "nobody"}, (422, "training-refused")),
        ("/operations/train", {"dataset": "../pim"}, (422, "request-malformed")),
        ("/datasets/pim", {"add": ["nobody"]}, (404, "version-unknown")),
        ("/datasets/pim", {"edits": [{"number": 7, "kept": True}]}, (422, "setting-refused")),
    ],
)
def test_what_cannot_be_is_said(
    server: Running, empty: Project, address: str, body: dict[str, Any], problem: Any
) -> None:
    is_problem(empty.post(address, body), *problem)


def test_three_are_needed(server: Running, taken: Project) -> None:
    taken.post("/datasets/pim", {"add": ["@", "@~1"]})
    refused = taken.post("/operations/train", {"dataset": "pim"})
    is_problem(refused, 422, "training-refused")
    assert "2 of 2 pictures" in refused.json()["detail"]
    is_problem(taken.get("/trainings/pim"), 422, "training-refused")
