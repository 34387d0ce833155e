"""Engines behind services, from the studio: chosen by name, billed, begun anew, written down."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.vendors.openai import KEY, OpenAIVendor
from tests.vendors.serving import Fault

from maquette import Settings, Studio
from maquette.core.intent import Outcome
from maquette.core.job import Status
from maquette.errors import (
    BudgetSpent,
    Moderated,
    RecipeRefused,
    ServiceKeyRefused,
    SubmittedUnknown,
)
from maquette.server.sample import make_sample
from maquette.studio.engines import Engines
from maquette.studio.rooms import Rooms
from maquette.worker import Worker


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIVendor]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    vendor = OpenAIVendor()
    yield vendor
    vendor.close()


def settings(vendor: OpenAIVendor, tmp_path: Path, **more: object) -> Settings:
    return Settings(
        home=tmp_path / "home",
        engine="openai",
        model="gpt-image-1",
        openai_url=f"{vendor.url}/v1",
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def studio(vendor: OpenAIVendor, tmp_path: Path) -> Iterator[Studio]:
    with Studio(tmp_path / "p", create=True, settings=settings(vendor, tmp_path)) as open_studio:
        yield open_studio


def test_a_picture_and_its_bill(studio: Studio, vendor: OpenAIVendor) -> None:
    (boat,) = studio.generate("a (red:1.4) boat", seed=7, quality="draft")
    assert boat.recipe.engine == "openai" and boat.recipe.model is not None
    assert boat.cost.money.amount == Decimal("0.0403")
    said = {finding.name for finding in studio.records.findings(boat.id)}
    assert {"instead:seed 7", "instead:(red:1.4)"} <= said
    (intent,) = studio.intents.all()
    assert intent.outcome is Outcome.SETTLED and intent.image == boat.image


def test_the_same_order_is_not_paid_twice(studio: Studio, vendor: OpenAIVendor) -> None:
    one, two = (studio.generate("a boat", seed=7, quality="draft")[0] for _ in range(2))
    assert one.image == two.image and two.cost.money.amount == 0
    assert vendor.drawn == 1
    studio.generate("a boat", seed=8, quality="draft")
    assert vendor.drawn == 2


def test_another_engine_by_name(studio: Studio, vendor: OpenAIVendor, tmp_path: Path) -> None:
    engines = Engines(studio.settings, "openai", "dall-e-3")
    assert engines.get().capabilities().model.name == "dall-e-3"  # type: ignore[union-attr]
    assert engines.get("fake").name == "fake"
    recipe = studio.generate("a boat", quality="draft")[0].recipe
    assert engines.of(recipe).capabilities().model == recipe.model
    plain = Engines(Settings(engine="fake"), "openai")
    assert plain.get().capabilities().model.name == "gpt-image-1.5"  # type: ignore[union-attr]


def test_budget(vendor: OpenAIVendor, tmp_path: Path) -> None:
    rich = settings(vendor, tmp_path, budget=Decimal("0.06"))
    with Studio(tmp_path / "p", create=True, settings=rich) as studio:
        studio.generate("a boat", seed=1, quality="draft")  # 0.0403 in the end
        with pytest.raises(BudgetSpent):
            studio.generate("a boat", seed=2, quality="preview")  # 0.042 by the book
        assert vendor.drawn == 1
        studio.generate("a boat", seed=3, quality="draft")  # 0.011
        assert vendor.drawn == 2


def test_a_lost_answer_is_not_asked_again(studio: Studio, vendor: OpenAIVendor) -> None:
    vendor.faults.append(Fault("after", "/images/"))
    for _ in range(2):
        with pytest.raises(SubmittedUnknown):
            studio.generate("a boat", seed=7, quality="draft")
    assert vendor.drawn == 1
    (intent,) = studio.intents.all()
    studio.settle(intent.id[:6])
    assert studio.generate("a boat", seed=7, quality="draft")
    assert vendor.drawn == 2


def test_moderation_is_a_finding(studio: Studio, vendor: OpenAIVendor) -> None:
    (boat,) = studio.generate("a boat", seed=7, quality="draft")
    vendor.moderate()
    with pytest.raises(Moderated, match="safety system"):
        studio.vary(boat, prompt="something bad", quality="draft")
    (job,) = studio.jobs(Status.FAILED)
    assert "safety system" in job.message
    found = {finding.name: finding for finding in studio.records.findings(boat.id)}
    assert "safety system" in found["moderated"].message


def test_no_replay_that_costs(studio: Studio, vendor: OpenAIVendor) -> None:
    (boat,) = studio.generate("a boat", seed=7, quality="draft")
    with pytest.raises(RecipeRefused, match="billed"):
        studio.replay(boat)
    assert vendor.drawn == 1


def test_a_worker(studio: Studio, vendor: OpenAIVendor, tmp_path: Path) -> None:
    engines = Engines(studio.settings)
    rooms = Rooms(None, [studio.root], settings=studio.settings, engines=engines)
    worker = Worker([rooms])
    worker.warm(engines)
    assert vendor.drawn == 0  # nobody pays for warming up
    [first, second] = studio.submit(studio.orders.generate("a boat", n=2, seed=1, quality="draft"))
    vendor.faults.append(Fault("after", "/images/"))
    worker.run(once=True)
    assert studio.job(first.id).status is Status.FAILED
    assert studio.job(second.id).status is Status.DONE
    studio.retry([first.id])
    worker.run(once=True)
    assert studio.job(first.id).status is Status.FAILED and vendor.drawn == 2
    assert "never came" in studio.job(first.id).message or "look up" in studio.job(first.id).message


def test_no_sample_that_costs(vendor: OpenAIVendor, tmp_path: Path) -> None:
    rooms = Rooms(tmp_path / "rooms", settings=settings(vendor, tmp_path))
    place = make_sample(rooms)
    assert place is not None and not rooms.open(place).jobs() and vendor.drawn == 0


def test_the_key_is_in_no_file(
    studio: Studio, vendor: OpenAIVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that was written is searched: records, blobs, an export."""
    (boat,) = studio.generate("a boat", seed=7, quality="draft")
    studio.export(boat, tmp_path / "boat.png")
    vendor.faults.append(Fault("after", "/images/"))
    with pytest.raises(SubmittedUnknown):
        studio.generate("a ship", seed=8, quality="draft")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789abcdef")
    with pytest.raises(ServiceKeyRefused) as told:
        studio.generate("a raft", seed=9, quality="draft")
    assert "sk-wrong-0123456789abcdef" not in str(told.value)  # OpenAI repeats it in its answer
    studio.close()
    keys = (KEY.encode(), b"sk-wrong-0123456789abcdef")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        data = path.read_bytes()
        assert not [key for key in keys if key in data], path
