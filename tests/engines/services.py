"""What every engine behind a service promises, over a real server that speaks its protocol. A
class of tests: subclass it, give it an ``engine`` and a ``vendor`` fixture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from tests.engines.contract import AnyEngine
from tests.engines.making import digest, draw, mask, photo, recipe
from tests.vendors.serving import Fault, Reply, Vendor

from maquette.core.cost import Money
from maquette.core.geometry import Box, Size
from maquette.core.intent import Intent, Outcome
from maquette.core.job import INTERACTIVE
from maquette.core.recipe import ImageToImage, Inpaint, Lora, Outpaint, Recipe, load_recipe
from maquette.engines.base import Billed, Cancel, Engine, Picture, Pinging, Preview, Progress
from maquette.errors import (
    BudgetSpent,
    Cancelled,
    MaquetteError,
    Moderated,
    RecipeRefused,
    ServiceBusy,
    ServiceKeyRefused,
    ServiceUnreachable,
    SettingRefused,
    SubmittedUnknown,
)
from maquette.net import caller as net_caller
from maquette.stages.billing import Books, JobDiary
from maquette.stages.order import Order, jobs_of
from maquette.storage.memory import MemoryBlobs, MemoryRecords
from maquette.storage.memory_intents import MemoryIntents
from maquette.storage.memory_queue import MemoryQueue


class Desk:
    """Books in memory, and the diary of one job that can be begun anew."""

    def __init__(self, engine: Engine, asked: Recipe, budget: Money | None = None) -> None:
        self.engine, self.asked = engine, asked
        self.blobs, self.intents = MemoryBlobs(), MemoryIntents()
        self.queue = MemoryQueue(MemoryRecords())
        self.jobs = jobs_of(Order("generate", (asked,)), INTERACTIVE)
        self.queue.submit(self.jobs)
        self.books = Books(self.intents, self.queue.get, budget)

    def run(self, inputs: Any = None, **how: Any) -> list[Any]:
        diary = JobDiary(self.engine.name, self.jobs, self.books, self.blobs)
        return list(self.engine.run([self.asked], inputs or {}, diary=diary, **how))  # type: ignore[call-arg]

    @property
    def last(self) -> Intent:
        return self.intents.all()[-1]


class ServiceEngine(AnyEngine):
    """``size``: one that its model draws; ``made``: the part of the path whose POST is billed."""

    size: tuple[int, int] = (1024, 1024)
    steps = 1
    made = "/"
    found_again = False
    seeds = False
    asks_again = False  # nothing is billed and nothing can be looked up
    secret = ""
    greetings = 1

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        monkeypatch.setattr(net_caller, "_pause", lambda attempt: 0.01)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    def ask(self, engine: Engine, text: str = "a red boat", **more: Any) -> Recipe:
        preset = engine.capabilities().presets["draft"]
        settings = {
            "size": self.size,
            "steps": preset.steps,
            "guidance": preset.guidance,
            "sampler": preset.sampler,
            **more,
        }
        return recipe(engine, text, **settings)

    def recipe(self, engine: Engine, seed: int = 1) -> tuple[Recipe, dict[str, Any]]:
        return self.ask(engine, seed=seed), {}

    def test_it_keeps_a_diary(self, engine: Engine) -> None:
        assert isinstance(engine, Billed)
        price = engine.price(self.ask(engine))
        assert (price.amount > 0) is engine.capabilities().billed

    def test_it_is_greeted_once_and_draws_nothing(self, engine: Engine, vendor: Vendor) -> None:
        assert isinstance(engine, Pinging)
        before = vendor.drawn  # type: ignore[attr-defined]
        pong = engine.ping()
        assert pong.seconds > 0 and "\n" not in pong.says
        assert vendor.drawn == before  # type: ignore[attr-defined]
        assert not vendor.asked(self.made, "POST")
        vendor.log.clear()
        vendor.faults += [Fault("before")] * 9
        with pytest.raises(MaquetteError):
            engine.ping()
        assert len(vendor.log) <= self.greetings  # nobody is kept waiting by pauses

    def test_same_recipe_same_pixels(self, engine: Engine) -> None:
        asked = self.ask(engine, seed=7)
        first, second = (draw(engine, asked)[0].image.tobytes() for _ in range(2))
        told = [said.asked for said in engine.check(asked)]
        if engine.capabilities().seeds:
            assert first == second and "seed 7" not in told
            assert draw(engine, self.ask(engine, seed=8))[0].image.tobytes() != first
        else:
            assert "seed 7" in told

    def test_a_task_it_lacks_is_refused(self, engine: Engine) -> None:
        from maquette.core.recipe import Upscale

        with pytest.raises(RecipeRefused):
            engine.check(self.ask(engine, task=Upscale(image="a" * 64, scale=2)))

    def test_a_missing_input_is_a_known_fault(self, engine: Engine) -> None:
        if "image-to-image" in engine.capabilities().tasks:
            task = ImageToImage(image="a" * 64, strength=0.5)
            with pytest.raises(MaquetteError):
                draw(engine, self.ask(engine, task=task))

    def test_a_size_it_lacks_is_refused(self, engine: Engine, vendor: Vendor) -> None:
        before = len(vendor.asked(self.made, "POST"))
        with pytest.raises(SettingRefused) as told:
            engine.check(self.ask(engine, size=(1024, 8)))
        assert "x" in told.value.hint
        with pytest.raises(SettingRefused):
            draw(engine, self.ask(engine, size=(1024, 8)))
        assert len(vendor.asked(self.made, "POST")) == before

    def test_a_lora_of_ours_is_refused(self, engine: Engine) -> None:
        with pytest.raises(RecipeRefused):
            engine.check(self.ask(engine, "a boat <lora:ink:0.8>"))
        lora = Lora(name="ink", digest="a" * 64)
        with pytest.raises(RecipeRefused, match="lora"):
            engine.check(self.ask(engine).change(conditionings=(lora,)))

    def test_weights_are_kept_or_said(self, engine: Engine) -> None:
        said = engine.check(self.ask(engine, "a (red:1.5) boat"))
        heavy = [item for item in said if "red" in item.asked]
        assert heavy and "1.5" in heavy[0].asked
        assert not [s for s in engine.check(self.ask(engine, "a red boat")) if "red" in s.asked]

    def test_a_negative_prompt_is_kept_or_said(self, engine: Engine) -> None:
        said = engine.check(self.ask(engine, negative="fog"))
        if not engine.capabilities().negatives:
            assert any(item.asked == "fog" for item in said)
        else:
            assert not any("fog" in item.asked for item in said)

    def test_inpaint_keeps_every_pixel_outside(self, engine: Engine) -> None:
        if "inpaint" not in engine.capabilities().tasks:
            with pytest.raises(RecipeRefused, match="inpaint"):
                engine.check(self.ask(engine, task=_inpaint(photo(), mask(64, 64, _BOX))[0]))
            return
        start, hole = photo(640, 512), mask(640, 512, Box(x=100, y=80, width=200, height=150))
        task, inputs = _inpaint(start, hole)
        (picture,) = draw(engine, self.ask(engine, task=task, size=start.size), inputs)
        outside = np.asarray(hole) == 0
        assert np.array_equal(np.asarray(picture.image)[outside], np.asarray(start)[outside])
        assert not np.array_equal(np.asarray(picture.image), np.asarray(start))
        assert 0 <= picture.notes["seam"] <= 1

    def test_outpaint_keeps_the_old_picture(self, engine: Engine) -> None:
        if "outpaint" not in engine.capabilities().tasks:
            return
        start = photo(512, 512)
        task = Outpaint(image=digest(start), left=128, work=Size(width=640, height=512))
        asked = self.ask(engine, task=task, size=(640, 512))
        (picture,) = draw(engine, asked, {digest(start): start})
        assert picture.image.size == (640, 512)
        assert picture.image.crop((128, 0, 640, 512)).tobytes() == start.tobytes()

    def test_image_to_image(self, engine: Engine) -> None:
        if "image-to-image" not in engine.capabilities().tasks:
            return
        start = photo(*self.size)
        task = ImageToImage(image=digest(start), strength=0.5)
        (picture,) = draw(engine, self.ask(engine, task=task), {digest(start): start})
        assert picture.image.size == self.size
        other = photo(*self.size, seed=9)
        task = ImageToImage(image=digest(other), strength=0.5)
        (another,) = draw(engine, self.ask(engine, task=task), {digest(other): other})
        assert picture.image.tobytes() != another.image.tobytes()

    def test_settled(self, engine: Engine, vendor: Vendor) -> None:
        desk = Desk(engine, self.ask(engine))
        events = desk.run()
        picture = events[-1]
        assert isinstance(picture, Picture)
        assert desk.last.outcome is Outcome.SETTLED and desk.last.money == picture.money
        assert (picture.money.amount > 0) is engine.capabilities().billed
        made = len(vendor.asked(self.made, "POST"))
        again = desk.run()[-1]
        assert again.image.tobytes() == picture.image.tobytes()  # the kept one, nothing is asked
        assert len(vendor.asked(self.made, "POST")) == made

    def test_budget(self, engine: Engine, vendor: Vendor) -> None:
        desk = Desk(engine, self.ask(engine), Money())
        if not engine.capabilities().billed:
            assert desk.run()
            return
        with pytest.raises(BudgetSpent):
            desk.run()
        assert not vendor.asked(self.made, "POST") and not desk.intents.all()

    @pytest.mark.parametrize("after", ["0", "0.05"])
    def test_too_many_requests(self, engine: Engine, vendor: Vendor, after: str) -> None:
        busy = Reply({"error": {"message": "slow down"}}, 429, {"retry-after": after})
        vendor.faults += [Fault("reply", self.made, "POST", answer=busy)] * 2
        assert draw(engine, self.ask(engine))

    def test_too_many_requests_for_hours(self, engine: Engine, vendor: Vendor) -> None:
        busy = Reply({"error": "later"}, 429, {"retry-after": "7200"})
        vendor.faults.append(Fault("reply", self.made, "POST", answer=busy))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(ServiceBusy):
            desk.run()
        assert desk.last.outcome is Outcome.VOID

    @pytest.mark.parametrize("kind", ["before", "after", "cut", "gateway"])
    def test_a_lost_answer(self, engine: Engine, vendor: Vendor, kind: Any) -> None:
        """Whatever the moment: nothing is drawn twice, and what was drawn is found if it can be."""
        gateway = Reply(b"<html>bad gateway</html>", 502, {"Content-Type": "text/html"})
        fault = Fault("reply", answer=gateway) if kind == "gateway" else Fault(kind)
        fault.where, fault.method = self.made, "POST"
        vendor.faults.append(fault)
        desk = Desk(engine, self.ask(engine))
        try:
            desk.run()
        except SubmittedUnknown:
            assert desk.last.outcome is Outcome.UNKNOWN
        before = vendor.drawn  # type: ignore[attr-defined]
        assert before <= 1
        if self.found_again:
            assert isinstance(desk.run()[-1], Picture)
            assert vendor.drawn <= 1 + self.asks_again  # type: ignore[attr-defined]
        else:
            with pytest.raises(SubmittedUnknown):
                desk.run()
            assert vendor.drawn == before  # type: ignore[attr-defined]

    def test_the_service_dies_at_any_moment(self, engine: Engine, vendor: Vendor) -> None:
        """With any request of a job, before it, after it or in the middle of its answer; it is away
        for a while and comes back. Nothing is drawn twice, no result is lost."""
        engine.check(self.ask(engine))  # what it has is asked beforehand
        moments = [(number, kind) for number in range(7) for kind in ("before", "after", "cut")]
        for seed, (number, kind) in enumerate(moments, 100):
            before = vendor.drawn  # type: ignore[attr-defined]
            vendor.faults = [Fault(kind, skip=number)]  # type: ignore[arg-type]
            vendor.faults += [Fault("before", skip=number) for _ in range(30)]
            desk = Desk(engine, self.ask(engine, seed=seed))
            reached = True
            with suppress(MaquetteError):
                desk.run()
                reached = len(vendor.faults) < 31
            vendor.faults.clear()
            try:
                assert isinstance(desk.run()[-1], Picture)
                assert desk.last.outcome is Outcome.SETTLED
            except SubmittedUnknown:
                assert not self.found_again and desk.last.outcome is Outcome.UNKNOWN
            drawn = vendor.drawn - before  # type: ignore[attr-defined]
            assert drawn <= 1 + self.asks_again, (number, kind)
            if not reached:
                return  # a whole job has fewer requests than that

    def test_a_look_that_fails_changes_nothing(self, engine: Engine, vendor: Vendor) -> None:
        """The service was asked, the answer got lost, and then the whole service is away."""
        if not self.found_again or self.asks_again:
            return
        vendor.faults.append(Fault("after", self.made, "POST"))
        desk = Desk(engine, self.ask(engine))
        with suppress(SubmittedUnknown):
            desk.run()
            return  # it could ask again at once, under the same key
        vendor.faults += [Fault("before")] * 50
        with pytest.raises(MaquetteError):
            desk.run()
        vendor.faults.clear()
        assert desk.last.open
        assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn == 1  # type: ignore[attr-defined]

    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_refused(self, engine: Engine, vendor: Vendor, status: int) -> None:
        told = Reply({"error": {"message": "no such thing"}, "detail": "no such thing"}, status)
        vendor.faults.append(Fault("reply", self.made, "POST", answer=told))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(MaquetteError, match="no such thing"):
            desk.run()
        assert desk.last.outcome is Outcome.VOID

    def test_nonsense_for_an_answer(self, engine: Engine, vendor: Vendor) -> None:
        page = Reply(b"<html>welcome</html>", headers={"Content-Type": "text/html"})
        vendor.faults.append(Fault("reply", self.made, "POST", answer=page))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(MaquetteError):
            desk.run()
        assert desk.last.outcome not in {Outcome.SETTLED, Outcome.VOID}  # who knows
        before = vendor.drawn  # type: ignore[attr-defined]
        with suppress(SubmittedUnknown):
            assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn <= before + self.found_again  # type: ignore[attr-defined]

    def test_away(self, engine: Engine, vendor: Vendor) -> None:
        asked = self.ask(engine)
        engine.check(asked)
        vendor.close()
        desk = Desk(engine, asked)
        with pytest.raises(ServiceUnreachable):
            desk.run()
        assert all(intent.outcome is Outcome.VOID for intent in desk.intents.all())

    def test_moderated(self, engine: Engine, vendor: Vendor) -> None:
        if not hasattr(vendor, "moderate"):
            return
        vendor.moderate()
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(Moderated):
            desk.run()
        assert desk.last.outcome is Outcome.VOID
        assert isinstance(desk.run()[-1], Picture)

    def test_cancelled_while_it_draws(self, engine: Engine, vendor: Vendor) -> None:
        cancel = Cancel()
        vendor.faults.append(Fault("hang", self.made, "POST", seconds=3))
        vendor.on_request = lambda asked: (
            threading.Timer(0.1, cancel.set).start() if self.made in asked.path else None
        )
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(Cancelled):
            desk.run(cancel=cancel)
        assert desk.last.outcome in {Outcome.UNKNOWN, Outcome.SUBMITTED}

    def test_previews_only_when_asked(self, engine: Engine) -> None:
        plain = list(engine.run([self.ask(engine)], {}))
        assert not any(isinstance(event, Preview) for event in plain)
        shown = list(engine.run([self.ask(engine)], {}, previews=True))
        assert isinstance(shown[-1], Picture)
        assert any(isinstance(event, Progress) for event in shown)

    def test_the_key_is_written_nowhere(
        self, engine: Engine, vendor: Vendor, caplog: pytest.LogCaptureFixture
    ) -> None:
        if not self.secret:
            return
        caplog.set_level(0)
        desk = Desk(engine, self.ask(engine))
        desk.run()
        denied = Reply({"error": {"message": f"wrong key {self.secret}"}}, 401)
        vendor.faults.append(Fault("reply", self.made, "POST", answer=denied))
        other = Desk(engine, self.ask(engine, seed=99))
        with pytest.raises(ServiceKeyRefused) as told:
            other.run()
        written = [
            caplog.text,
            str(told.value) + told.value.hint + repr(told.value),
            repr(engine) + repr(vars(engine)) + engine.build,
            *(intent.model_dump_json() for intent in desk.intents.all() + other.intents.all()),
            desk.asked.canonical,
            engine.capabilities().model_dump_json(),
        ]
        assert not [text for text in written if self.secret in text]
        assert any(self.secret in str(dict(asked.headers)) for asked in vendor.log)

    def test_the_recipe_survives_its_json(self, engine: Engine) -> None:
        import json

        asked = self.ask(engine)
        assert load_recipe(json.loads(asked.canonical)) == asked
        engine.check(load_recipe(json.loads(asked.canonical)))


_BOX = Box(x=8, y=8, width=24, height=24)


def _inpaint(start: Any, hole: Any) -> tuple[Inpaint, dict[str, Any]]:
    whole = Box(x=0, y=0, width=start.width, height=start.height)
    work = Size(width=start.width, height=start.height)
    task = Inpaint(image=digest(start), mask=digest(hole), region=whole, work=work)
    return task, {digest(start): start, digest(hole): hole}


def closing(vendor: Vendor) -> Iterator[Any]:
    yield vendor
    vendor.close()
