"""Replicate: the service contract for models of several schemas, and lost predictions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal

import pytest
from PIL import Image
from pydantic import SecretStr
from tests.engines.making import digest, draw, mask, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.vendors.replicate import TOKEN, ReplicateVendor
from tests.vendors.serving import Fault

from maquette.core.geometry import Box, Size
from maquette.core.intent import Outcome
from maquette.core.recipe import Inpaint
from maquette.engines.base import Cancel, Engine, Picture, Progress
from maquette.engines.replicate import create
from maquette.engines.replicate import engine as module
from maquette.errors import (
    Cancelled,
    EngineFailed,
    RecipeRefused,
    ServiceFailed,
    ServiceRefused,
    SubmittedUnknown,
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.02)
    monkeypatch.setattr(module, "SETTLE", 0.0)


@pytest.fixture
def vendor() -> Iterator[ReplicateVendor]:
    yield from closing(ReplicateVendor())


class Base(ServiceEngine):
    model = ""
    made = "/predictions"
    secret = TOKEN
    found_again = True
    seeds = True

    @pytest.fixture
    def engine(self, vendor: ReplicateVendor) -> Engine:
        return create(self.model, f"{vendor.url}/v1", SecretStr(TOKEN))


class TestSchnell(Base):
    size = (1344, 768)

    def test_what_it_is_asked(self, engine: Engine, vendor: ReplicateVendor) -> None:
        draw(engine, self.ask(engine, "a (red:1.2) boat", seed=7))
        (asked,) = vendor.asked("/predictions", "POST")
        assert asked.path == "/v1/models/black-forest-labs/flux-schnell/predictions"
        assert asked.json()["input"] == {
            "prompt": "a red boat",
            "seed": 7,
            "num_inference_steps": 1,
            "aspect_ratio": "16:9",
            "num_outputs": 1,
            "output_format": "png",
        }
        assert engine.price(self.ask(engine)).amount == Decimal("0.003")  # type: ignore[attr-defined]
        with pytest.raises(RecipeRefused, match="image-to-image"):
            from maquette.core.recipe import ImageToImage

            engine.check(self.ask(engine, task=ImageToImage(image="a" * 64, strength=0.5)))

    def test_progress(self, engine: Engine, vendor: ReplicateVendor) -> None:
        vendor.takes = 0.3
        events = list(engine.run([self.ask(engine)], {}))
        steps = [event.step for event in events if isinstance(event, Progress)]
        assert len(steps) > 2 and steps == sorted(set(steps)) and steps[-1] == 100

    def test_a_prediction_that_fails(self, engine: Engine, vendor: ReplicateVendor) -> None:
        vendor.error = "CUDA out of memory"
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(EngineFailed, match="out of memory"):
            desk.run()
        assert desk.last.outcome is Outcome.VOID

    def test_cancelling_is_passed_on(self, engine: Engine, vendor: ReplicateVendor) -> None:
        vendor.takes, cancel = 9.0, Cancel()
        desk = Desk(engine, self.ask(engine))
        vendor.on_request = lambda asked: cancel.set() if asked.method == "GET" else None
        with pytest.raises(Cancelled):
            desk.run(cancel=cancel)
        assert list(vendor.cancelled) == [desk.last.handle["id"]]
        vendor.on_request, vendor.takes = None, 0.0
        with pytest.raises(EngineFailed, match="on the bill"):
            desk.run()
        assert desk.last.outcome is Outcome.WRITTEN_OFF and desk.last.money.amount > 0
        assert isinstance(desk.run()[-1], Picture)

    @pytest.mark.parametrize("where", ["/predictions/", "/delivery/"])
    def test_what_broke_off_goes_on(
        self, engine: Engine, vendor: ReplicateVendor, where: str
    ) -> None:
        vendor.takes = 0.1
        vendor.faults += [Fault("before", where, "GET")] * 4
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(ServiceFailed):
            desk.run()
        assert desk.last.outcome is Outcome.SUBMITTED
        assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn == 1

    def test_what_was_thrown_away_is_not_drawn_again(
        self, engine: Engine, vendor: ReplicateVendor
    ) -> None:
        """Replicate keeps inputs and outputs for an hour: what cannot be told apart after that, or
        was paid for and is gone, is a person's to settle."""
        vendor.faults.append(Fault("after", "/predictions", "POST"))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(SubmittedUnknown):
            desk.run()
        for row in vendor.predictions.values():
            row |= {"data_removed": True, "input": {}}
        with pytest.raises(SubmittedUnknown, match="an hour"):
            desk.run()
        assert vendor.drawn == 1 and desk.last.outcome is Outcome.UNKNOWN

    def test_a_known_prediction_whose_picture_is_gone(
        self, engine: Engine, vendor: ReplicateVendor
    ) -> None:
        vendor.takes = 0.1
        vendor.faults += [Fault("before", "/predictions/", "GET")] * 4
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(ServiceFailed):
            desk.run()
        vendor.takes = 0.0
        for row in vendor.predictions.values():
            row["data_removed"] = True
        with pytest.raises(SubmittedUnknown, match="thrown the picture away"):
            desk.run()
        assert vendor.drawn == 1 and desk.last.outcome is Outcome.UNKNOWN

    def test_another_order_is_not_mistaken_for_it(
        self, engine: Engine, vendor: ReplicateVendor
    ) -> None:
        draw(engine, self.ask(engine, seed=1))
        vendor.faults.append(Fault("before", "/predictions", "POST"))
        desk = Desk(engine, self.ask(engine, seed=2))
        with pytest.raises(Exception, match="never came"):
            desk.run()
        assert isinstance(desk.run()[-1], Picture)
        assert vendor.drawn == 2


class TestSdxl(Base):
    model = "stability-ai/sdxl"

    def test_large_pictures_are_uploaded(self, engine: Engine, vendor: ReplicateVendor) -> None:
        import numpy as np

        noise = np.random.default_rng(1).integers(0, 255, (1024, 1024, 3), dtype=np.uint8)
        start = Image.fromarray(noise)
        from maquette.core.recipe import ImageToImage

        task = ImageToImage(image=digest(start), strength=0.4)
        draw(engine, self.ask(engine, task=task, negative="fog"), {digest(start): start})
        given = vendor.asked("/predictions", "POST")[-1].json()["input"]
        assert given["image"].startswith(f"{vendor.url}/v1/delivery/")
        assert (given["prompt_strength"], given["negative_prompt"]) == (0.4, "fog")
        assert (given["width"], given["guidance_scale"]) == (1024, 7.5)


class TestMasks:
    @pytest.mark.parametrize(
        ("model", "inside"), [("stability-ai/sdxl", 255), ("somebody/keeps-white", 0)]
    )
    def test_white_is_what_the_model_says(
        self, vendor: ReplicateVendor, model: str, inside: int
    ) -> None:
        import base64

        engine = create(model, f"{vendor.url}/v1", SecretStr(TOKEN))
        start, edit = photo(512, 512), mask(512, 512, Box(x=10, y=20, width=300, height=200))
        whole, size = Box(x=0, y=0, width=512, height=512), Size(width=512, height=512)
        task = Inpaint(image=digest(start), mask=digest(edit), region=whole, work=size)
        asked = TestSdxl().ask(engine, task=task, size=(512, 512))
        (picture,) = draw(engine, asked, {digest(start): start, digest(edit): edit})
        assert picture.image.size == (512, 512)
        sent = vendor.asked("/predictions", "POST")[-1].json()["input"]["mask"]
        white = Image.open(io.BytesIO(base64.b64decode(sent.partition(",")[2])))
        assert white.getpixel((20, 30)) == inside
        assert white.getpixel((500, 500)) == 255 - inside

    def test_no_such_model(self, vendor: ReplicateVendor) -> None:
        with pytest.raises(ServiceRefused, match="no such thing"):
            create("no/body", f"{vendor.url}/v1", SecretStr(TOKEN)).capabilities()

    def test_a_version(self, vendor: ReplicateVendor) -> None:
        engine = create("stability-ai/sdxl:abc", f"{vendor.url}/v1", SecretStr(TOKEN))
        draw(engine, TestSdxl().ask(engine))
        (asked,) = vendor.asked("/predictions", "POST")
        assert asked.path == "/v1/predictions" and asked.json()["version"] == "abc"
