"""A campaign in the browser: begun, chosen in, finished, and what it took."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import PATIENCE, House, audit, opened, shot, theme


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("campaigns")) as house:
        house.until(house.versions)
        yield house


def test_a_campaign_waits_for_a_choice_and_goes_on_with_it(house: House, page: Page) -> None:
    page.goto(f"{house.address}/p/sample/campaigns")
    page.get_by_role("textbox", name="Name").fill("Autumn!")
    expect(page.get_by_text("Small letters, digits and hyphens.")).to_be_visible()
    begin = page.get_by_role("button", name="Draft 4 and finish 2")
    page.get_by_role("textbox", name="Name").fill("autumn")
    page.get_by_role("textbox", name="What the pictures show").fill("a red mug on a wooden table")
    page.get_by_role("spinbutton", name="Drafts").fill("4")
    page.get_by_role("spinbutton", name="Of them to finish").fill("2")
    shot(page, "campaign-brief")
    begin.click()
    expect(page.get_by_role("heading", name="autumn")).to_be_visible(timeout=PATIENCE)
    assert page.url.endswith("/p/sample/campaigns/autumn")

    # The suggested come chosen; another can be taken instead.
    choices = page.get_by_role("group", name="To choose from").get_by_role("button")
    expect(choices).to_have_count(4, timeout=PATIENCE)
    expect(page.get_by_text("It waits for you: ")).to_be_visible()
    suggested = page.get_by_role("button", name="suggested")
    expect(suggested.first).to_have_attribute("aria-pressed", "true")
    for colours in ("dark", "light"):
        theme(page, colours)
        page.wait_for_timeout(150)
        shot(page, f"campaign-waits-{colours}")
        audit(page, f"a campaign that waits, {colours}")
    page.get_by_role("button", name="Finish 2").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("It is done.")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="What it took")).to_be_visible()
    shot(page, "campaign-done")
    audit(page, "a campaign that is done")
    page.get_by_role("button", name=re.compile("^Show [0-9a-f]{10}")).first.click()
    expect(page.get_by_role("application", name="Picture.")).to_be_visible()


def test_campaigns_fit_a_narrow_screen(house: House, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    try:
        page.goto(f"{house.address}/p/sample/campaigns")
        expect(page.get_by_role("heading", name="A new campaign")).to_be_visible()
        shot(page, "campaigns-390")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        audit(page, "campaigns at 390 px")
    finally:
        page.close()
