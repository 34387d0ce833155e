"""Engines behind services over HTTP: the table, a greeting, and requests that are settled."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from tests.engines.services import closing
from tests.vendors.openai import KEY, OpenAIVendor

from maquette import Settings
from maquette.core.cost import Money
from maquette.core.intent import Intent, Outcome
from maquette.server.routes.engines import EngineName
from maquette.studio.engines import SERVICES

from .conftest import Project, Running, is_problem, start

ENGINES = "/api/v1/engines"


def test_every_engine_with_what_it_can_do(http: httpx2.Client) -> None:
    told = http.get(ENGINES).json()
    items = {(each["engine"], each["model"]): each for each in told["items"]}
    assert {engine for engine, _ in items} == set(SERVICES) == set(EngineName.__args__)
    mini = items["openai", "gpt-image-1-mini"]
    assert mini["billed"] and not mini["seeds"] and [1024, 1024] in mini["sizes"]
    assert mini["keys"] == ["OPENAI_API_KEY"] and mini["address"] == "MAQUETTE_OPENAI_URL"
    assert items["replicate", "any, by its own schema"]["tasks"] is None
    assert items["a1111", "any checkpoint"]["key"] is None
    assert not any(each["default"] for each in told["items"]) and told["prices"]


def test_a_key_is_there_and_never_shown(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    told = http.get(ENGINES)
    assert KEY not in told.text
    assert {each["key"] for each in told.json()["items"] if each["engine"] == "openai"} == {True}


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIVendor]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield from closing(OpenAIVendor())


@pytest.fixture
def near(tmp_path: Path, vendor: OpenAIVendor) -> Iterator[Running]:
    settings = Settings(home=tmp_path / "home", engine="fake", openai_url=f"{vendor.url}/v1")
    running = start(tmp_path, settings=settings)
    yield running
    running.stop()


def test_a_service_is_greeted(
    near: Running, vendor: OpenAIVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with near.client() as http:
        pong = http.post(f"{ENGINES}/openai/ping", json={"model": "gpt-image-1"}).json()
        assert pong["there"] and pong["says"] == "gpt-image-1 is there" and pong["seconds"] > 0
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")
        pong = http.post(f"{ENGINES}/openai/ping", json={}).json()
        assert not pong["there"] and pong["code"] == "service-key-refused"
        assert "sk-wrong" not in str(pong) and pong["hint"]
    assert vendor.drawn == 0


def test_who_is_no_service_is_not_greeted(http: httpx2.Client) -> None:
    is_problem(http.post(f"{ENGINES}/diffusers/ping", json={}), 422, "request-malformed")
    path = {"model": "../../etc/passwd"}
    is_problem(http.post(f"{ENGINES}/comfyui/ping", json=path), 422, "request-malformed")


def asked_for(project: Project, outcome: Outcome, job: str = "gone", **fields: object) -> Intent:
    intent = Intent(
        id=uuid.uuid4().hex,
        job=job,
        engine="openai",
        recipe=hashlib.sha256(outcome.encode()).hexdigest(),
        outcome=outcome,
        handle={"id": "job-7", "statusUrl": "https://example.org/signed?token=1"},
        money=Money(amount=Decimal("0.042")),
        at=datetime.now(UTC),
    )
    intent = intent.model_copy(update=fields)
    project.studio.intents.open(intent)
    return intent


def test_requests_are_listed_with_what_they_cost(project: Project) -> None:
    assert project.get("/intents").json() == {"items": [], "spent": [], "budget": None}
    settled = asked_for(project, Outcome.SETTLED)
    lost = asked_for(project, Outcome.UNKNOWN)
    told = project.get("/intents").json()
    assert [each["id"] for each in told["items"]] == [lost.id, settled.id]
    assert told["spent"] == [{"amount": "0.084", "currency": "USD"}]
    assert told["items"][0]["handle"] == {"id": "job-7"}  # an address may be a key
    waiting = project.get("/intents", params={"open": True}).json()["items"]
    assert [each["outcome"] for each in waiting] == ["submitted_unknown"]


def test_a_lost_request_is_settled_by_a_person(project: Project) -> None:
    billed, free = asked_for(project, Outcome.UNKNOWN), asked_for(project, Outcome.INTENDED)
    done = project.post(f"/intents/{billed.id}/settle", {"billed": True, "amount": "0.05"})
    assert done.status_code == 200, done.text
    assert done.json()["outcome"] == "written_off" and done.json()["money"]["amount"] == "0.05"
    done = project.post(f"/intents/{free.id[:12]}/settle", {"billed": False}).json()
    assert done["outcome"] == "void" and not done["open"]
    assert project.get("/intents").json()["spent"] == [{"amount": "0.05", "currency": "USD"}]
    again = project.post(f"/intents/{billed.id}/settle", {"billed": True})
    is_problem(again, 404, "job-unknown")
    wrong = project.post(f"/intents/{free.id}/settle", {"billed": False, "amount": "1"})
    is_problem(wrong, 422, "request-malformed")


def test_what_somebody_is_at_work_on_is_not_settled(project: Project) -> None:
    job = project.post("/operations/generate", {"prompt": "a cat", "seed": 77}).json()["jobs"][0]
    project.studio.queue.claim("somebody", 30)
    intent = asked_for(project, Outcome.SUBMITTED, job["id"])
    refused = project.post(f"/intents/{intent.id}/settle", {"billed": True})
    is_problem(refused, 409, "request-under-way")
    assert project.studio.open_intents()
