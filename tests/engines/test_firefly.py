"""Adobe Firefly: the service contract, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from tests.engines.making import digest, draw, mask, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.vendors.firefly import CLIENT, SECRET, TOKEN, FireflyVendor
from tests.vendors.serving import Fault

from maquette.core.geometry import Box, Size
from maquette.core.intent import Outcome
from maquette.core.recipe import Inpaint, Outpaint
from maquette.engines.base import Cancel, Engine, Picture
from maquette.engines.firefly import create
from maquette.engines.firefly import engine as module
from maquette.errors import (
    Cancelled,
    ModelMissing,
    PromptRefused,
    ServiceFailed,
    ServiceKeyRefused,
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.02)
    monkeypatch.setattr(module, "PER_MINUTE", 6000)


@pytest.fixture
def vendor() -> Iterator[FireflyVendor]:
    yield from closing(FireflyVendor())


class TestFirefly(ServiceEngine):
    made = "-async"
    secret = TOKEN
    seeds = True
    size = (1344, 768)

    @pytest.fixture
    def engine(self, vendor: FireflyVendor) -> Engine:
        return create("image3", vendor.url, SecretStr(CLIENT), SecretStr(SECRET))

    def test_what_it_is_asked(self, engine: Engine, vendor: FireflyVendor) -> None:
        draw(engine, self.ask(engine, "a red boat", negative="fog", seed=7))
        (asked,) = vendor.asked("-async")
        assert asked.path == "/v3/images/generate-async"
        assert asked.headers["x-model-version"] == "image3"
        assert asked.json() == {
            "prompt": "a red boat",
            "negativePrompt": "fog",
            "numVariations": 1,
            "seeds": [7],
            "size": {"width": 1344, "height": 768},
        }
        draw(engine, self.ask(engine, seed=8))
        assert len(vendor.asked("/ims/token")) == 1
        with pytest.raises(PromptRefused):
            engine.check(self.ask(engine, "boat " * 300))

    def test_fill_and_expand(self, engine: Engine, vendor: FireflyVendor) -> None:
        start, edit = photo(512, 512), mask(512, 512, Box(x=10, y=20, width=300, height=200))
        whole, work = Box(x=0, y=0, width=512, height=512), Size(width=512, height=512)
        task = Inpaint(image=digest(start), mask=digest(edit), region=whole, work=work)
        inputs = {digest(start): start, digest(edit): edit}
        asked = self.ask(engine, task=task, size=(512, 512))
        assert any(said.given == "1024x1024, resampled" for said in engine.check(asked))
        draw(engine, asked, inputs)
        fill = vendor.asked("fill-async")[-1].json()
        assert fill["size"] == {"width": 1024, "height": 1024}
        assert set(fill) >= {"image", "mask"}
        wide = Outpaint(image=digest(start), left=100, bottom=28, work=work)
        draw(engine, self.ask(engine, task=wide, size=(612, 540)), inputs)
        expand = vendor.asked("expand-async")[-1].json()
        assert expand["size"] == {"width": 612, "height": 540}
        inset = {"left": 100, "top": 0, "right": 0, "bottom": 28}
        assert expand["placement"] == {"inset": inset}

    def test_a_job_goes_on_where_it_broke_off(self, engine: Engine, vendor: FireflyVendor) -> None:
        vendor.faults += [Fault("before", "/v3/status")] * 4
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(ServiceFailed):
            desk.run()
        assert desk.last.outcome is Outcome.SUBMITTED
        assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn == 1

    def test_cancelling_is_passed_on(self, engine: Engine, vendor: FireflyVendor) -> None:
        vendor.takes, cancel = 9.0, Cancel()
        vendor.on_request = lambda asked: cancel.set() if "/status/" in asked.path else None
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(Cancelled):
            desk.run(cancel=cancel)
        assert vendor.cancelled == {desk.last.handle["jobId"]}

    def test_links_that_are_signed_are_told_to_nobody(
        self, engine: Engine, vendor: FireflyVendor, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(0)
        vendor.faults += [Fault("before", "/files/")] * 4
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(ServiceFailed) as told:
            desk.run()
        written = (
            caplog.text + str(told.value) + "".join(i.model_dump_json() for i in desk.intents.all())
        )
        assert "secret-signature" not in written

    def test_a_wrong_secret(self, vendor: FireflyVendor) -> None:
        engine = create("", vendor.url, SecretStr(CLIENT), SecretStr("wrong-secret-123"))
        with pytest.raises(ServiceKeyRefused) as told:
            draw(engine, self.ask(engine))
        assert "wrong-secret-123" not in str(told.value) and "•••" in str(told.value)

    def test_no_such_model(self) -> None:
        with pytest.raises(ModelMissing):
            create("image9")
