"""Production in the browser: a campaign with its mood board, templates by rows, playbooks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import PATIENCE, House, audit, opened, shot, theme

PASTE = """(at, text) => {
  const clipboardData = new DataTransfer()
  clipboardData.setData('text/plain', text)
  at.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}))
}"""
BOOK = """playbook: 1
name: acme
version: 1.2
purpose: Goods for the shop.
locked: [Acme red]
templates:
  hero:
    purpose: One product, alone.
    template: a ${product} in Acme red, <lock:soft light>
    variables:
      product: {about: "what is shown", one_of: [mug, vase]}
    examples:
      - {values: {product: mug}, holds: [mug]}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("campaigns")) as house:
        house.until(house.versions)
        yield house


def test_a_campaign_waits_for_a_choice_and_goes_on_with_it(  # noqa: PLR0915 - one story
    house: House, page: Page
) -> None:
    page.goto(f"{house.address}/p/sample/campaigns")
    page.get_by_role("textbox", name="Name").fill("Autumn!")
    expect(page.get_by_text("Small letters, digits and hyphens.")).to_be_visible()
    begin = page.get_by_role("button", name="Draft 4 and finish 2")
    page.get_by_role("textbox", name="Name").fill("autumn")
    page.get_by_role("textbox", name="What the pictures show").fill("a red mug on a wooden table")
    page.get_by_role("spinbutton", name="Drafts").fill("4")
    page.get_by_role("spinbutton", name="Of them to finish").fill("2")
    page.get_by_label("Let me approve before they are delivered").check()
    page.get_by_role("button", name="From the project").click()
    page.get_by_role("group", name="Pictures for the board").get_by_role("button").first.click()
    page.get_by_role("textbox", name="What to take from").fill("Its calm.")
    expect(page.get_by_role("img", name="Colours:")).to_be_visible()
    shot(page, "campaign-brief")
    begin.click()
    expect(page.get_by_role("heading", name="autumn")).to_be_visible(timeout=PATIENCE)
    assert page.url.endswith("/p/sample/campaigns/autumn")

    # The suggested come chosen; another can be taken instead.
    choices = page.get_by_role("group", name="To choose from").get_by_role(
        "button", name=re.compile("^Picture")
    )
    expect(choices).to_have_count(4, timeout=PATIENCE)
    expect(page.get_by_text("It waits for you: ")).to_be_visible()
    suggested = page.get_by_role("button", name="suggested")
    expect(suggested.first).to_have_attribute("aria-pressed", "true")
    for colours in ("dark", "light"):
        theme(page, colours)
        page.wait_for_timeout(150)
        shot(page, f"campaign-waits-{colours}")
        audit(page, f"a campaign that waits, {colours}")
    page.evaluate("() => (document.documentElement.dataset.surround = 'grey')")
    page.wait_for_timeout(150)
    shot(page, "campaign-waits-grey")
    audit(page, "a campaign that waits, around grey")
    for width, height in [(820, 1180), (390, 844)]:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(150)
        shot(page, f"campaign-waits-{width}")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        audit(page, f"a campaign that waits, at {width} px")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("button", name="Finish 2").click()
    # The finished wait too: one is left out, the other is delivered.
    approve = page.get_by_role("button", name="Approve 2")
    expect(approve).to_be_visible(timeout=PATIENCE)
    shot(page, "campaign-approve")
    choices.first.click()
    page.get_by_role("button", name="Approve 1").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("It is done.")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("heading", name="What it took")).to_be_visible()
    expect(page.get_by_text("Its calm.")).to_be_visible()
    expect(page.get_by_role("heading", name="Finished, 1 of 2 delivered")).to_be_visible()
    expect(page.get_by_role("button", name="delivered")).to_have_count(1)
    shot(page, "campaign-done")
    audit(page, "a campaign that is done")
    page.get_by_role("button", name=re.compile("^Show [0-9a-f]{10}")).first.click()
    expect(page.get_by_role("application", name="Picture.")).to_be_visible()


def test_a_template_is_tried_filled_and_drawn(house: House, page: Page) -> None:
    page.goto(f"{house.address}/p/sample/playbooks")
    page.get_by_role("textbox", name="Template").fill("a {red|blue} ${what}, <lock:soft light>")
    expect(page.get_by_text("It still needs what.")).to_be_visible()
    page.get_by_role("button", name="Fill it row by row").click()
    page.get_by_role("textbox", name="what, row 1").fill("mug")
    expect(
        page.get_by_text("a red mug, soft light").or_(page.get_by_text("a blue mug"))
    ).to_be_visible()
    # A table pasted into a cell becomes rows.
    page.get_by_role("textbox", name="what, row 1").evaluate(PASTE, "mug\nvase\nlamp")
    draw = page.get_by_role("button", name="Draft 3 pictures")
    expect(draw).to_be_visible()
    shot(page, "template")
    audit(page, "a template")
    draw.click()
    expect(page.get_by_role("heading", name="Drafts")).to_be_attached()
    house.until(lambda: [v for v in house.versions() if v["operation"] == "generate"][2:])


def test_a_playbook_is_kept_tested_and_filled(house: House, page: Page) -> None:
    page.goto(f"{house.address}/p/sample/playbooks")
    page.get_by_role("button", name="Write a playbook").click()
    page.get_by_role("textbox", name="A playbook’s YAML").fill(BOOK)
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("heading", name="hero")).to_be_visible()
    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_text("Every test passes.")).to_be_visible()
    page.get_by_role("combobox", name="product").select_option("vase")
    expect(page.get_by_text("a vase in")).to_contain_text("Acme red")
    shot(page, "playbook")
    for colours in ("dark", "light"):
        theme(page, colours)
        page.wait_for_timeout(150)
        audit(page, f"a playbook, {colours}")
    page.get_by_role("button", name="Edit", exact=True).click()
    text = page.get_by_role("textbox", name="The playbook’s YAML")
    text.fill(BOOK.replace("a ${product}", "one ${product}"))
    page.get_by_role("button", name="Keep as the next revision").click()
    expect(page.get_by_role("combobox", name="Revision")).to_have_value("2")


def test_campaigns_fit_a_narrow_screen(house: House, chromium: Browser) -> None:
    house.post("/projects/sample/playbooks", {"text": BOOK.replace("name: acme", "name: narrow")})
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    names = ("campaigns", "production", "playbooks", "playbooks/narrow", "playbooks/none")
    try:
        page.goto(f"{house.address}/p/sample/campaigns")
        expect(page.get_by_role("heading", name="A new campaign")).to_be_visible()
        for name in (*names, "campaigns/autumn"):
            page.goto(f"{house.address}/p/sample/{name}")
            expect(page.get_by_role("heading").first).to_be_attached()
            page.wait_for_timeout(400)
            shot(page, f"{name.replace('/', '-')}-390")
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, name
            audit(page, f"{name} at 390 px")
    finally:
        page.close()
