"""For everybody: axe on every screen in both themes, narrow and enlarged windows, only keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import PATIENCE, House, audit, settled, shot, theme

Opening = Callable[[Page, House], None]


def refine(page: Page, house: House) -> None:
    page.goto(f"{house.address}/p/sample")
    settled(page)


def masked(page: Page, house: House) -> None:
    refine(page, house)
    page.get_by_role("button", name="Brush", exact=True).click()
    page.get_by_role("button", name="Invert the mask").click()
    expect(page.get_by_role("textbox", name="Replace with")).to_be_visible()


def broken_words(page: Page, house: House) -> None:
    refine(page, house)
    page.get_by_role("textbox", name="Prompt", exact=True).fill("a zyzzyva (moon:1.2 [fog")
    expect(page.get_by_role("slider", name="zyzzyva")).to_be_visible()


def dialog(button: str) -> Opening:
    def opening(page: Page, house: House) -> None:
        refine(page, house)
        page.get_by_role("button", name=button).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()

    return opening


def compare(page: Page, house: House) -> None:
    graph = house.versions()
    page.goto(f"{house.address}/p/sample/compare/{graph[0]['id']}/{graph[1]['id']}")
    expect(page.get_by_role("heading", name="Pixels")).to_be_visible()
    page.get_by_role("button", name="moon").click()


def screen(name: str) -> Opening:
    def opening(page: Page, house: House) -> None:
        page.goto(f"{house.address}/p/sample/{name}")
        expect(page.get_by_role("button", name="seed").first).to_be_visible()

    return opening


def empty(page: Page, house: House) -> None:
    if not any(each["id"] == "empty" for each in house.get("/api/v1/projects")["items"]):
        house.post("/projects", {"name": "Empty"})
    page.goto(f"{house.address}/p/empty")
    expect(page.get_by_role("heading", name="An empty room.")).to_be_visible()


def unknown(page: Page, house: House) -> None:
    page.goto(f"{house.address}/p/nowhere")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def retouch(page: Page, house: House) -> None:
    refine(page, house)
    page.keyboard.press("t")
    page.get_by_role("slider", name="Exposure").fill("0.5")
    expect(page.get_by_role("img", name="As it would be retouched")).to_be_visible()


def like(page: Page, house: House) -> None:
    refine(page, house)
    page.get_by_text("Steer by other pictures").click()
    page.get_by_role("button", name="This picture", exact=True).click()
    expect(
        page.get_by_role("group", name="Pictures that steer").get_by_role("slider")
    ).to_be_visible()


SCREENS: dict[str, Opening] = {
    "refine": refine,
    "masked": masked,
    "words-doubted": broken_words,
    "mask-from": dialog("Mask from a word"),
    "export": dialog("Export …"),
    "retouch": retouch,
    "like": like,
    "palette": dialog("Find an action"),
    "projects": dialog("Project Sample"),
    "models": dialog("fake"),
    "compare": compare,
    "drafts": screen("drafts"),
    "library": screen("library"),
    "empty": empty,
    "unknown": unknown,
}


@pytest.fixture(scope="module")
def house(house: House) -> House:
    """With a second version and some drafts."""
    newest = house.versions()[-1]["id"]
    house.post(
        "/projects/sample/operations/reweight", {"version": newest, "weights": {"moon": 1.5}}
    )
    house.post(
        "/projects/sample/operations/generate",
        {"prompt": "a lone wolf under a full moon", "n": 6, "quality": "draft", "seed": 20},
    )
    house.until(lambda: len(house.versions()) >= 8)
    return house


@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_in_either_theme(name: str, house: House, page: Page) -> None:
    SCREENS[name](page, house)
    for colours in ("dark", "light"):
        theme(page, colours)
        page.wait_for_timeout(150)
        shot(page, f"{name}-{colours}")
        audit(page, f"{name}, {colours}")


@pytest.mark.parametrize("name", ["refine", "masked", "compare", "drafts", "empty"])
def test_axe_finds_nothing_around_18_percent_grey(name: str, house: House, page: Page) -> None:
    SCREENS[name](page, house)
    page.evaluate("() => (document.documentElement.dataset.surround = 'grey')")
    for colours in ("dark", "light"):
        theme(page, colours)
        page.wait_for_timeout(150)
        shot(page, f"{name}-{colours}-grey")
        audit(page, f"{name}, {colours} around grey")


@pytest.mark.parametrize("name", ["refine", "masked", "compare", "drafts", "library", "empty"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (720, 450)], ids=["390px", "200%"])
def test_nothing_is_cut_off_where_there_is_little_room(
    name: str, width: int, height: int, house: House, chromium: Browser
) -> None:
    """390 px is a telephone; 720 by 450 is what a window of 1440 by 900 has at 200 % zoom."""
    page = chromium.new_page(viewport={"width": width, "height": height}, has_touch=True)
    try:
        SCREENS[name](page, house)
        shot(page, f"{name}-{width}")
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width
        audit(page, f"{name} at {width} px")
    finally:
        page.close()


def test_what_is_asked_of_a_mask_does_not_lie_on_the_picture(house: House, page: Page) -> None:
    masked(page, house)
    form = page.get_by_role("form", name="Replace the masked area")
    for width, height in [(1440, 900), (820, 1180), (720, 450), (390, 844)]:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(100)
        asked, shown = form.bounding_box(), page.locator("img.picture").first.bounding_box()
        assert asked and shown
        below = asked["y"] >= shown["y"] + shown["height"]
        assert below or asked["x"] >= shown["x"] + shown["width"], (width, asked, shown)


def test_panels_are_sheets_on_a_narrow_screen(house: House, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    try:
        refine_narrow(page, house)
        page.get_by_role("button", name="Words", exact=True).tap()
        expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_be_visible()
        shot(page, "words-sheet-390")
        audit(page, "words as a sheet")
        page.get_by_role("button", name="Inspector", exact=True).tap()
        expect(page.get_by_role("region", name="Inspector")).to_be_visible()
        page.get_by_role("button", name="Inspector", exact=True).tap()

        # A finger paints.
        page.get_by_role("button", name="Brush", exact=True).tap()
        box = page.locator("img.picture").first.bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page.get_by_role("textbox", name="Replace with")).to_be_visible()
        shot(page, "painted-390")
    finally:
        page.close()


def refine_narrow(page: Page, house: House) -> None:
    page.goto(f"{house.address}/p/sample")
    expect(page.get_by_role("application")).to_be_visible(timeout=PATIENCE)


def test_the_focus_goes_in_reading_order_and_is_seen(house: House, page: Page) -> None:
    refine(page, house)
    seen: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => {
                    const at = document.activeElement
                    const style = getComputedStyle(at)
                    const face = at.matches('input[type=radio]') ? at.nextElementSibling : at
                    const drawn = getComputedStyle(face).outlineStyle !== 'none'
                    const label = at.getAttribute('aria-label') || at.textContent.trim() || at.id
                    return (drawn ? '' : 'UNSEEN ') + (label || at.tagName)
                }"""
            )
        )
    assert not [each for each in seen if each.startswith("UNSEEN")]
    order = [seen.index(each) for each in ("Project Sample, open another", "Prompt", "moon")]
    assert order == sorted(order)


def test_targets_are_large_enough(house: House, page: Page) -> None:
    """24 px at least, as WCAG 2.2 asks."""
    for name in ("refine", "masked", "drafts", "compare"):
        SCREENS[name](page, house)
        small = page.evaluate(
            """() => [...document.querySelectorAll('button, [role=slider], input, select, summary')]
                .filter((at) => at.checkVisibility() && !at.closest('.unseen') && at.type !== 'checkbox')
                .map((at) => [at.getAttribute('aria-label') || at.textContent, at.getBoundingClientRect()])
                .filter(([, box]) => box.width > 2 && (box.width < 23.5 || box.height < 23.5))
                .map(([label, box]) => `${label} ${box.width}x${box.height}`)"""  # noqa: E501
        )
        assert small == [], name


def test_nothing_moves_for_those_who_want_no_motion(house: House, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    refine(page, house)
    moving = page.evaluate(
        """() => [...document.querySelectorAll('*')].filter((at) => {
            const style = getComputedStyle(at)
            return parseFloat(style.transitionDuration) > 0 || parseFloat(style.animationDuration) > 0
        }).length"""  # noqa: E501
    )
    assert moving == 0
