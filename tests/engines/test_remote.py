"""Another Maquette as an engine: a real server and its worker behind a proxy that misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from tests.engines.making import digest, draw, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.server.conftest import Running, start
from tests.vendors.serving import Asked, Reply, Vendor

from maquette.core.recipe import ImageToImage
from maquette.engines.base import Engine
from maquette.engines.fake import FakeEngine
from maquette.engines.remote import create
from maquette.engines.remote import engine as module
from maquette.errors import ModelMissing, RecipeRefused, ServiceKeyRefused
from maquette.server.access import Access
from maquette.worker import Worker

TOKEN = "token-7d1e90b2c4f8aa35"


class Proxy(Vendor):
    """Hands everything on; ``drawn`` counts the versions that were drawn behind it."""

    def __init__(self, running: Running) -> None:
        self.running, self.before = running, 0
        super().__init__()
        self.before = self.drawn

    @property
    def drawn(self) -> int:
        made = 0
        for place in self.running.rooms.list():
            log = self.running.rooms.open(place.id).records.log()
            made += sum(version.operation != "import" for version in log)
        return made - self.before

    def serve(self, asked: Asked) -> Reply | None:
        kept = ("authorization", "content-type", "idempotency-key", "x-maquette")
        headers = {name: asked.headers[name] for name in kept if name in asked.headers}
        with httpx2.Client(base_url=self.running.address, timeout=20, trust_env=False) as client:
            told = client.request(
                asked.method, asked.path, params=asked.query, headers=headers, content=asked.body
            )
        kind = told.headers.get("content-type", "")
        return Reply(told.content, told.status_code, {"Content-Type": kind})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A studio with a worker, behind a token."""
    running = start(tmp_path_factory.mktemp("there"), Access.at("127.0.0.1", TOKEN))
    worker = Worker([running.rooms])
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield running
    worker.leave()
    thread.join(10)
    running.stop()


@pytest.fixture
def vendor(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr(module, "EVERY", 0.02)
    yield from closing(Proxy(running))


class TestRemote(ServiceEngine):
    size = (256, 256)
    made = "/operations/"
    secret = TOKEN
    found_again = True
    seeds = True

    @pytest.fixture
    def engine(self, vendor: Proxy) -> Engine:
        return create(url=vendor.url, token=SecretStr(TOKEN))

    def test_weights_are_kept_or_said(self, engine: Engine) -> None:
        assert engine.check(self.ask(engine, "a (red:1.5) boat")) == ()

    def test_the_same_picture_as_here(self, engine: Engine) -> None:
        """Pixel for pixel: the model is known by its digest, the noise comes from the seed."""
        here: Any = FakeEngine(None, "", 0.0)
        assert engine.capabilities().model == here.capabilities().model
        text = "a lone (wolf:1.4) under a full moon"
        asked = self.ask(engine, text, negative="fog", seed=11, sampler="euler")
        (there,) = draw(engine, asked)
        (own,) = draw(here, asked.change(engine="fake"))
        assert there.image.tobytes() == own.image.tobytes()

    def test_edits_are_sampled_as_its_presets_are(self, engine: Engine) -> None:
        start_from = photo(256, 256)
        task = ImageToImage(image=digest(start_from), strength=0.5)
        with pytest.raises(RecipeRefused, match="euler-a"):
            engine.check(self.ask(engine, task=task, sampler="euler-a"))
        with pytest.raises(RecipeRefused, match="attention"):
            engine.check(self.ask(engine, task=task, interpreter="plain"))

    def test_another_model_than_its_own(self, vendor: Proxy) -> None:
        with pytest.raises(ModelMissing, match="fake"):
            create("postcard", vendor.url, SecretStr(TOKEN)).capabilities()

    def test_the_wrong_token(self, vendor: Proxy) -> None:
        with pytest.raises(ServiceKeyRefused):
            create(url=vendor.url, token=SecretStr("wrong-token-123")).capabilities()

    def test_asked_twice_drawn_once(self, engine: Engine, vendor: Proxy) -> None:
        desk = Desk(engine, self.ask(engine))
        desk.run()
        posts = vendor.asked(self.made, "POST")
        assert len({asked.headers["idempotency-key"] for asked in posts}) == 1
        assert vendor.drawn == 1
