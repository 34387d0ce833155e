"""A1111, Forge and SD.Next: the service contract, and what is their own."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import pytest
from PIL import Image
from pydantic import SecretStr
from tests.engines.making import digest, draw, mask, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.vendors.a1111 import AUTH, SHA, A1111Vendor
from tests.vendors.serving import Asked, Fault, Reply

from maquette.core.geometry import Box, Size
from maquette.core.recipe import Inpaint
from maquette.engines.a1111 import create
from maquette.engines.base import Cancel, Engine, Preview, Progress
from maquette.errors import (
    Cancelled,
    ModelMissing,
    ServiceFailed,
    ServiceKeyRefused,
    ServiceRefused,
    SettingRefused,
)


@pytest.fixture
def vendor() -> Iterator[A1111Vendor]:
    yield from closing(A1111Vendor())


class TestA1111(ServiceEngine):
    size = (512, 512)
    made = "2img"
    found_again = True
    seeds = True
    asks_again = True

    @pytest.fixture
    def engine(self, vendor: A1111Vendor) -> Engine:
        return create(url=vendor.url)

    def test_what_it_is_asked(self, engine: Engine, vendor: A1111Vendor) -> None:
        text = "a ((red)) [cat:dog:0.5] BREAK boat"
        asked = self.ask(
            engine, text, negative="(fog:1.3)", seed=7, sampler="euler-a", interpreter="a1111"
        )
        assert engine.check(asked) == ()  # its own dialect, word for word
        draw(engine, asked)
        body = vendor.asked("txt2img")[-1].json()
        assert (body["prompt"], body["negative_prompt"]) == (text, "(fog:1.3)")
        assert (body["seed"], body["sampler_name"], body["cfg_scale"]) == (7, "Euler a", 5)
        settings = body["override_settings"]
        assert settings["sd_model_checkpoint"] == "boats.safetensors [c0ffee]"
        draw(engine, self.ask(engine, "a (red) boat", interpreter="plain"))
        assert vendor.asked("txt2img")[-1].json()["prompt"] == r"a \(red\) boat"

    def test_the_model_is_known_by_its_file(self, engine: Engine, vendor: A1111Vendor) -> None:
        model = engine.capabilities().model
        assert model is not None and (model.name, model.digest) == ("boats", SHA)
        moons = create("moons", vendor.url).capabilities().model
        assert moons is not None and moons.name == "moons" and moons.digest != SHA
        with pytest.raises(ModelMissing, match="suns"):
            create("suns", vendor.url).capabilities()

    def test_samplers_are_the_server_s(self, engine: Engine) -> None:
        assert engine.capabilities().samplers == ("ddim", "dpm++", "euler", "euler-a")
        with pytest.raises(Exception, match="lcm"):
            engine.check(self.ask(engine, sampler="lcm"))
        with pytest.raises(SettingRefused):
            engine.check(self.ask(engine, steps=151))

    def test_the_mask_is_white_where_it_draws(self, engine: Engine, vendor: A1111Vendor) -> None:
        start, edit = photo(512, 512), mask(512, 512, Box(x=10, y=20, width=300, height=200))
        whole, size = Box(x=0, y=0, width=512, height=512), Size(width=512, height=512)
        task = Inpaint(
            image=digest(start), mask=digest(edit), region=whole, work=size, strength=0.7
        )
        draw(engine, self.ask(engine, task=task), {digest(start): start, digest(edit): edit})
        body = vendor.asked("img2img")[-1].json()
        white = Image.open(io.BytesIO(base64.b64decode(body["mask"])))
        assert white.getpixel((20, 30)) == 255 and white.getpixel((500, 500)) == 0
        assert (body["denoising_strength"], body["inpainting_mask_invert"]) == (0.7, 0)

    def test_progress_and_previews(self) -> None:
        vendor = A1111Vendor(step=0.15)
        engine = create(url=vendor.url)
        events = list(engine.run([self.ask(engine)], {}, previews=True))
        steps = [event.step for event in events if isinstance(event, Progress)]
        assert steps == sorted(set(steps)) and len(steps) >= 2
        assert any(isinstance(event, Preview) for event in events)
        vendor.close()

    def test_cancelling_is_passed_on(self) -> None:
        vendor, cancel = A1111Vendor(step=0.2), Cancel()
        engine = create(url=vendor.url)
        with pytest.raises(Cancelled):
            for event in engine.run([self.ask(engine, steps=40)], {}, cancel=cancel):
                if isinstance(event, Progress):
                    cancel.set()
        assert vendor.asked("interrupt")
        vendor.close()

    @pytest.mark.parametrize("whose", ["ours", "another's", "nobody knows whose"])
    def test_only_what_is_ours_is_interrupted(self, whose: str) -> None:
        """The server draws one thing at a time, for whoever asks: ours may be waiting still.
        SD.Next tells of tasks and knows none that came through its API."""
        vendor = A1111Vendor(step=0.05)
        vendor.tells_tasks, vendor.knows_tasks = True, whose != "nobody knows whose"
        vendor.task = "" if whose == "ours" else "task(another's)"
        engine, cancel = create(url=vendor.url), Cancel()
        vendor.on_request = lambda asked: cancel.set() if vendor.at else None
        desk = Desk(engine, self.ask(engine, steps=150))
        with pytest.raises(Cancelled):
            desk.run(cancel=cancel)
        assert vendor.asked("/internal/progress")
        assert bool(vendor.asked("interrupt")) is (whose != "another's")
        vendor.close()

    @pytest.mark.parametrize("still", [True, False])
    def test_what_was_there_before_ours_is_left_alone(self, still: bool) -> None:
        """Where tasks are not known, the moment at which a drawing began tells it apart."""
        vendor = A1111Vendor(step=0.05)
        vendor.began = "20260101000000"
        engine, cancel = create(url=vendor.url), Cancel()

        def noticed(asked: Asked) -> None:
            if vendor.at:
                vendor.began = vendor.began if still else "20260101000009"
                cancel.set()

        vendor.on_request = noticed
        with pytest.raises(Cancelled):
            list(engine.run([self.ask(engine, steps=150)], {}, cancel=cancel))
        assert bool(vendor.asked("interrupt")) is not still
        vendor.close()

    def test_out_of_memory(self, engine: Engine, vendor: A1111Vendor) -> None:
        vendor.breaks = "griffin"
        with pytest.raises(ServiceFailed, match="OutOfMemoryError CUDA"):
            draw(engine, self.ask(engine, "a griffin"))

    def test_started_without_its_api(self, vendor: A1111Vendor) -> None:
        vendor.faults.append(Fault("reply", answer=Reply({"detail": "Not Found"}, 404)))
        with pytest.raises(ServiceRefused) as told:
            create(url=vendor.url).capabilities()
        assert "--api" in told.value.hint


def test_a_password() -> None:
    vendor = A1111Vendor(auth=AUTH)
    engine = create(url=vendor.url, auth=SecretStr(AUTH))
    assert draw(engine, TestA1111().ask(engine))
    assert AUTH.partition(":")[2] not in repr(vars(engine))
    with pytest.raises(ServiceKeyRefused):
        create(url=vendor.url, auth=SecretStr("maker:no")).capabilities()
    vendor.close()
