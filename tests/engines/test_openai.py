"""OpenAI's Images API: the service contract, and what is its own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal

import pytest
from PIL import Image
from pydantic import SecretStr
from tests.engines.making import digest, draw, mask, photo
from tests.engines.services import Desk, ServiceEngine, closing
from tests.vendors.openai import KEY, OpenAIVendor, form
from tests.vendors.serving import Fault, Reply

from maquette.core.geometry import Box, Size
from maquette.core.intent import Outcome
from maquette.core.recipe import ImageToImage, Inpaint, Reference
from maquette.engines.base import Engine, Picture, Preview, Progress
from maquette.engines.openai import OpenAI, create
from maquette.errors import (
    PromptRefused,
    RecipeRefused,
    ServiceKeyRefused,
    SettingRefused,
    SubmittedUnknown,
)


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    yield from closing(OpenAIVendor())


class Base(ServiceEngine):
    made = "/images/"
    secret = KEY
    model = "gpt-image-1"

    @pytest.fixture
    def engine(self, vendor: OpenAIVendor) -> Engine:
        return create(self.model, f"{vendor.url}/v1", SecretStr(KEY))


class TestGptImage(Base):
    def test_the_bill_is_by_tokens(self, engine: Engine) -> None:
        desk = Desk(engine, self.ask(engine, steps=3))
        # The list price, 22 tokens of words, two unfinished pictures of 100 tokens each.
        assert engine.price(desk.asked).amount == Decimal("0.175115")  # type: ignore[attr-defined]
        picture = desk.run()[-1]
        assert picture.money.amount == Decimal("0.0403")  # (40 x 5 + 10 x 10 + 1000 x 40) / 10^6

    @pytest.mark.parametrize(("steps", "quality"), [(1, "low"), (2, "medium"), (3, "high")])
    def test_steps_are_the_quality(
        self, engine: Engine, vendor: OpenAIVendor, steps: int, quality: str
    ) -> None:
        draw(engine, self.ask(engine, steps=steps))
        asked = vendor.log[-1].json()
        assert asked == {
            "model": "gpt-image-1",
            "prompt": "a red boat",
            "n": 1,
            "size": "1024x1024",
            "quality": quality,
            "output_format": "png",
        }
        with pytest.raises(SettingRefused):
            engine.check(self.ask(engine, steps=4))

    def test_words(self, engine: Engine, vendor: OpenAIVendor) -> None:
        draw(engine, self.ask(engine, r"a ((red)) boat \(old\)", negative="(fog:1.2), rain"))
        assert vendor.log[-1].json()["prompt"] == "a red boat (old)\nWithout: fog, rain."
        draw(engine, self.ask(engine, "a (red:1.4) boat", interpreter="plain"))
        assert vendor.log[-1].json()["prompt"] == "a (red:1.4) boat"
        for text in ("a [cat:dog:0.5]", "a [cat|dog]", "a cat AND a dog", "(a [cat:dog:3]:1.2)"):
            with pytest.raises(RecipeRefused):
                engine.check(self.ask(engine, text))
        with pytest.raises(PromptRefused):
            engine.check(self.ask(engine, "boat " * 7000))

    def test_a_mask_is_a_hole(self, engine: Engine, vendor: OpenAIVendor) -> None:
        start, edit = photo(1024, 1024), mask(1024, 1024, Box(x=10, y=20, width=300, height=200))
        size = Size(width=1024, height=1024)
        whole = Box(x=0, y=0, width=1024, height=1024)
        task = Inpaint(image=digest(start), mask=digest(edit), region=whole, work=size)
        draw(engine, self.ask(engine, task=task), {digest(start): start, digest(edit): edit})
        parts = {name: data for name, _, data in form(vendor.log[-1])}
        hole = Image.open(io.BytesIO(parts["mask"]))
        assert hole.size == (1024, 1024) and hole.mode == "RGBA"
        assert hole.getpixel((20, 30))[3] == 0 and hole.getpixel((500, 500))[3] == 255  # type: ignore[index]
        assert Image.open(io.BytesIO(parts["image[]"])).size == (1024, 1024)
        assert parts["prompt"] == b"a red boat" and parts["n"] == b"1"

    def test_a_working_size_that_it_lacks(self, engine: Engine, vendor: OpenAIVendor) -> None:
        start, edit = photo(640, 960), mask(640, 960, Box(x=10, y=20, width=300, height=200))
        whole = Box(x=0, y=0, width=640, height=960)
        task = Inpaint(
            image=digest(start), mask=digest(edit), region=whole, work=Size(width=640, height=960)
        )
        asked = self.ask(engine, task=task, size=(640, 960))
        assert any(said.given == "1024x1536, resampled" for said in engine.check(asked))
        (picture,) = draw(engine, asked, {digest(start): start, digest(edit): edit})
        assert picture.image.size == (640, 960)

    def test_references(self, engine: Engine, vendor: OpenAIVendor) -> None:
        one, two = photo(seed=1), photo(seed=2)
        parts = (
            Reference(role="style", image=digest(one)),
            Reference(role="character", image=digest(two), strength=0.5),
        )
        asked = self.ask(engine).change(conditionings=parts)
        assert any(said.asked == "reference at 0.5" for said in engine.check(asked))
        draw(engine, asked, {digest(one): one, digest(two): two})
        sent = form(vendor.log[-1])
        assert [name for name, file, _ in sent if file] == ["image[]", "image[]"]
        (text,) = [data.decode() for name, _, data in sent if name == "prompt"]
        assert text.endswith("Take the style from picture 1.\nTake the character from picture 2.")
        with pytest.raises(RecipeRefused):
            engine.check(self.ask(engine).change(conditionings=parts[:1] * 16))

    def test_likeness(self, engine: Engine, vendor: OpenAIVendor) -> None:
        start = photo(1024, 1024)
        for strength, sent in ((0.3, True), (0.8, False)):
            task = ImageToImage(image=digest(start), strength=strength)
            draw(engine, self.ask(engine, task=task), {digest(start): start})
            assert ("input_fidelity" in {name for name, _, _ in form(vendor.log[-1])}) is sent

    def test_previews(self, engine: Engine) -> None:
        events = list(engine.run([self.ask(engine)], {}, previews=True))
        assert sum(isinstance(event, Preview) for event in events) == 2
        assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3]

    def test_what_it_may_cost_counts_the_pictures_that_it_is_shown(self, engine: Engine) -> None:
        task = ImageToImage(image="a" * 64, strength=0.5)
        alone = engine.price(self.ask(engine))  # type: ignore[attr-defined]
        shown = engine.price(self.ask(engine, task=task))  # type: ignore[attr-defined]
        assert shown.amount - alone.amount == Decimal("0.065")  # 6,500 tokens at 10 a million

    def test_a_stream_that_ends_without_the_picture(
        self, engine: Engine, vendor: OpenAIVendor
    ) -> None:
        """In good order, by a gateway that had enough: what it showed so far may be billed."""
        told = b'data: {"type": "image_generation.partial_image", "b64_json": "bm9wZQ=="}\n\n'
        kind = {"Content-Type": "text/event-stream"}
        vendor.faults.append(Fault("reply", "/images/", answer=Reply([told], headers=kind)))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(SubmittedUnknown, match="before the picture"):
            desk.run(previews=True)
        assert desk.last.outcome is Outcome.UNKNOWN

    def test_a_preview_that_is_broken_costs_no_picture(
        self, engine: Engine, vendor: OpenAIVendor
    ) -> None:
        vendor.broken_previews = True
        events = Desk(engine, self.ask(engine)).run(previews=True)
        assert isinstance(events[-1], Picture) and not any(isinstance(e, Preview) for e in events)

    def test_a_stream_that_breaks_off(self, engine: Engine, vendor: OpenAIVendor) -> None:
        vendor.faults.append(Fault("cut", "/images/"))
        desk = Desk(engine, self.ask(engine))
        with pytest.raises(SubmittedUnknown):
            desk.run(previews=True)
        assert desk.last.outcome is Outcome.UNKNOWN
        with pytest.raises(SubmittedUnknown):
            desk.run(previews=True)
        assert vendor.drawn == 1

    def test_no_key(self, engine: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        official = create("gpt-image-1")
        assert official.capabilities().model is not None  # nothing is needed to look at it
        with pytest.raises(ServiceKeyRefused) as told:
            draw(official, self.ask(official))
        assert "OPENAI_API_KEY" in told.value.hint
        assert official.capabilities().model != engine.capabilities().model


class TestGptImage2(Base):
    model = "gpt-image-2"
    size = (1280, 720)

    def test_any_size_on_its_grid(self, engine: Engine, vendor: OpenAIVendor) -> None:
        draw(engine, self.ask(engine, size=(1536, 864)))
        assert vendor.log[-1].json()["size"] == "1536x864"
        for size in ((1000, 1001), (3200, 512), (3840, 3840)):
            with pytest.raises(SettingRefused):
                engine.check(self.ask(engine, size=size))


class TestDallE3(Base):
    model = "dall-e-3"
    size = (1792, 1024)

    def test_what_it_is_asked(self, engine: Engine, vendor: OpenAIVendor) -> None:
        draw(engine, self.ask(engine, steps=2))
        asked = vendor.log[-1].json()
        assert (asked["quality"], asked["response_format"]) == ("hd", "b64_json")
        assert "output_format" not in asked


class TestSomebodyElse(Base):
    """A server that speaks the same protocol, with a model of its own."""

    model = "flux-local"
    size = (512, 768)

    def test_what_it_is_asked(self, engine: Engine, vendor: OpenAIVendor) -> None:
        draw(engine, self.ask(engine))
        assert "quality" not in vendor.log[-1].json()


def test_what_openai_has_retired_is_refused_there_and_drawn_elsewhere(
    vendor: OpenAIVendor,
) -> None:
    own = create("dall-e-3", "", SecretStr(KEY))
    asked = TestGptImage().ask(own)
    with pytest.raises(RecipeRefused, match="retired dall-e-3 on 2026-05-12"):
        own.check(asked)
    elsewhere = create("dall-e-3", f"{vendor.url}/v1", SecretStr(KEY))
    assert draw(elsewhere, TestGptImage().ask(elsewhere))
