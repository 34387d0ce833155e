"""Teaching in the browser: pictures gathered and looked through, taught, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, House, audit, opened, shot, theme


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("training")) as house:
        house.until(house.versions)
        asked = {"prompt": "a red mug on a table", "n": 5, "quality": "draft", "seed": 3}
        house.post("/projects/sample/operations/generate", asked)
        house.until(lambda: len(house.versions()) >= 6)
        yield house


def test_a_word_is_taught_from_pictures_of_the_project(house: House, page: Page) -> None:
    page.goto(f"{house.address}/p/sample/training")
    page.get_by_role("textbox", name="Name").fill("Pim")
    expect(page.get_by_text("Small letters, digits and hyphens.")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("pim")
    page.get_by_role("textbox", name="What it is").fill("mug")
    pictures = page.get_by_role("group", name="Pictures to learn from").get_by_role("button")
    for number in range(5):
        pictures.nth(number).click()
    page.get_by_role("button", name="Look through 5 pictures").click()
    expect(page.get_by_text("5 of 5 pictures are learned from")).to_be_visible()

    # A caption is corrected, a picture left out: each a revision.
    caption = page.get_by_role("textbox", name="Caption of picture 1")
    expect(caption).to_have_value("a red mug on a table")
    caption.fill("a mug by a window")
    caption.blur()
    expect(page.get_by_text("revision 2")).to_be_visible()
    page.get_by_role("checkbox", name="Learn from picture 2").uncheck()
    expect(page.get_by_text("4 of 5 pictures are learned from · revision 3")).to_be_visible()
    for colours in ("dark", "light"):
        theme(page, colours)
        page.wait_for_timeout(150)
        audit(page, f"a dataset, {colours}")

    page.get_by_role("spinbutton", name="Steps").fill("4")
    page.get_by_role("button", name="Teach it").click()
    expect(page.get_by_role("heading", name="Learned", exact=True)).to_be_visible(timeout=PATIENCE)
    shot(page, "training")
    audit(page, "a training that is done")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(150)
    shot(page, "training-390")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    audit(page, "a training at 390 px")
