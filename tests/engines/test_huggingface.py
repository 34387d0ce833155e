"""Hugging Face: the service contract, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from tests.engines.making import digest, draw, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.vendors.huggingface import TOKEN, HuggingFaceVendor
from tests.vendors.serving import Fault, Reply

from maquette.core.intent import Outcome
from maquette.core.recipe import ImageToImage
from maquette.engines.base import Engine
from maquette.engines.huggingface import create
from maquette.engines.huggingface import engine as module
from maquette.errors import ServiceBusy


@pytest.fixture
def vendor() -> Iterator[HuggingFaceVendor]:
    yield from closing(HuggingFaceVendor())


class TestHuggingFace(ServiceEngine):
    made = "/models/"
    secret = TOKEN
    seeds = True

    @pytest.fixture
    def engine(self, vendor: HuggingFaceVendor, monkeypatch: pytest.MonkeyPatch) -> Engine:
        monkeypatch.setattr(module, "URL", vendor.url)
        monkeypatch.setattr(module, "HUB", vendor.url)
        return create(key=SecretStr(TOKEN))

    def test_what_it_is_asked(self, engine: Engine, vendor: HuggingFaceVendor) -> None:
        draw(engine, self.ask(engine, "a (red:1.2) boat", negative="fog", seed=7))
        asked = vendor.log[-1]
        assert asked.path == "/models/black-forest-labs/FLUX.1-dev"
        assert asked.json() == {
            "inputs": "a red boat",
            "parameters": {
                "seed": 7,
                "width": 1024,
                "height": 1024,
                "num_inference_steps": 4,
                "guidance_scale": 3.5,
                "negative_prompt": "fog",
            },
        }

    def test_what_pictures_lose_is_said(self, engine: Engine, vendor: HuggingFaceVendor) -> None:
        start = photo(1024, 1024)
        asked = self.ask(engine, task=ImageToImage(image=digest(start), strength=0.3), seed=7)
        assert {said.asked for said in engine.check(asked)} == {"strength 0.3", "seed 7"}
        draw(engine, asked, {digest(start): start})
        given = vendor.log[-1].json()["parameters"]
        assert given["prompt"] == "a red boat" and "seed" not in given
        assert given["target_size"] == {"width": 1024, "height": 1024}

    def test_no_credits(self, engine: Engine, vendor: HuggingFaceVendor) -> None:
        spent = Reply({"error": "You have exceeded your monthly included credits."}, 402)
        vendor.faults.append(Fault("reply", answer=spent))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(ServiceBusy, match="credits"):
            desk.run()
        assert desk.last.outcome is Outcome.VOID

    def test_a_text_for_a_picture(self, engine: Engine, vendor: HuggingFaceVendor) -> None:
        vendor.faults.append(Fault("reply", answer=Reply(b"\x89PNG half a picture")))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(Exception, match="no picture"):
            desk.run()
        assert desk.last.outcome is Outcome.UNKNOWN  # it may well be on the bill
