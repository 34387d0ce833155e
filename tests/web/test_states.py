"""States that are not the usual one: an engine that is away, a window that nobody sees."""

from __future__ import annotations

import io
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from .conftest import House, arrived, opened, shot, visit


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("states")) as house:
        house.until(house.versions)
        yield house


def test_a_window_that_nobody_sees_holds_no_line(house: House, page: Page) -> None:
    def listeners() -> float:
        with urllib.request.urlopen(house.address + "/metrics", timeout=30) as answer:  # noqa: S310
            text = answer.read().decode()
        return float(re.search(r"^maquette_listeners (\S+)", text, re.MULTILINE)[1])  # type: ignore[index]

    page.clock.install()
    visit(page, house)
    house.until(lambda: listeners() > 0)
    look = """hidden => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true})
        document.dispatchEvent(new Event('visibilitychange'))
    }"""
    held = listeners()
    page.evaluate(look, True)
    page.clock.fast_forward(31_000)
    house.until(lambda: listeners() < held)
    made = len(house.versions())
    house.post("/projects/sample/operations/upscale", {"version": "@", "scale": 2})
    house.until(lambda: len(house.versions()) == made + 1)
    page.evaluate(look, False)
    expect(page.get_by_text(f"{made + 1} pictures")).to_be_visible()


def test_an_engine_that_is_away_is_told_and_pictures_come_in_all_the_same(
    tmp_path: Path, page: Page
) -> None:
    with opened(tmp_path, engine="diffusers", model="/nowhere/model") as house:
        page.goto(house.address)
        expect(page.get_by_role("heading", name="Nothing can be drawn yet.")).to_be_visible()
        expect(page.get_by_text("There is no model '/nowhere/model'").first).to_be_visible()
        expect(page.get_by_text("No engine")).to_be_visible()
        words = page.get_by_role("textbox", name="Prompt", exact=True)
        words.fill("kept while nothing draws")
        shot(page, "no-engine")
        file = io.BytesIO()
        Image.new("RGB", (60, 40), "teal").save(file, "PNG")
        with page.expect_file_chooser() as chosen:
            page.get_by_role("button", name="Import a picture …").click()
        give = {"name": "sea.png", "mimeType": "image/png", "buffer": file.getvalue()}
        arrived(page, lambda: chosen.value.set_files(give))  # type: ignore[arg-type]
        expect(page.get_by_role("heading", name="Imported")).to_be_visible()
        expect(words).to_have_value("kept while nothing draws")
