"""What goes on around a picture: drafts, other windows, files dropped in, servers that die."""

from __future__ import annotations

import base64
import io
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from maquette.core.figure import FIGURE

from .conftest import (
    PATIENCE,
    House,
    arrived,
    audit,
    opened,
    settled,
    shot,
    stage,
    unlike,
    visit,
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An engine that takes its time, so that there is a middle of a job."""
    with opened(tmp_path_factory.mktemp("living"), slowly=0.05) as house:
        house.until(house.versions)
        yield house


def prompt(page: Page) -> str:
    return page.get_by_role("textbox", name="Prompt", exact=True).input_value()


def test_forty_drafts_are_drawn_rated_picked_and_finished(house: House, page: Page) -> None:
    visit(page, house)
    page.get_by_role("radio", name="Draft").check()
    page.get_by_role("radio", name="40", exact=True).check()
    page.get_by_role("button", name="Draft 40").click()
    sheet = page.get_by_role("group", name="Contact sheet of drafts")
    expect(sheet).to_be_visible()
    expect(sheet.get_by_text("waits").first).to_be_visible()
    shot(page, "drafts-being-drawn")
    house.until(lambda: len([v for v in house.versions() if v["operation"] == "generate"]) >= 41)
    drafts = sheet.get_by_role("button", name="seed")
    expect(drafts).to_have_count(40, timeout=PATIENCE)

    # By keys: rate, reject, pick, walk.
    drafts.first.focus()
    page.keyboard.press("4")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("p")
    page.keyboard.press("5")
    expect(drafts.nth(0)).to_have_accessible_name(_saying("rated 4"))
    expect(drafts.nth(1)).to_have_accessible_name(_saying("rejected"))
    expect(drafts.nth(2)).to_have_accessible_name(_saying("picked"))
    page.get_by_label("Hide rejected").check()
    expect(drafts).to_have_count(39)
    page.get_by_role("radio", name="Rating").check()
    expect(drafts.first).to_have_accessible_name(_saying("rated 5"))
    page.get_by_role("radio", name="Score").check()
    expect(sheet.get_by_role("button", name="suggested")).to_have_count(5)
    shot(page, "drafts")

    # By variety the suggested come first, and say why when they have the focus.
    page.get_by_role("radio", name="Variety").check()
    for place in range(5):
        expect(drafts.nth(place)).to_have_accessible_name(_saying("suggested: "))

    def says() -> bool:
        # The scores of what was rated just now may still turn the order.
        drafts.nth(1).focus()
        page.keyboard.press("Home")
        why = [drafts.nth(at).get_by_text("Suggested: ").is_visible() for at in (0, 1)]
        return why == [True, False]

    house.until(says)

    # Undo takes a mark back.
    page.get_by_role("radio", name="Newest").check()
    page.get_by_label("Hide rejected").uncheck()
    drafts.first.focus()
    page.keyboard.press("Control+z")
    expect(drafts.nth(2)).to_have_accessible_name(_saying("not rated"))

    # What is finished is the child of its draft.
    before = len(house.versions())
    [draft] = page.evaluate("() => JSON.parse(localStorage.getItem('maquette:picked:sample'))")
    page.get_by_role("button", name="Finish 1").click()
    house.until(lambda: len(house.versions()) > before)
    final = house.versions()[-1]
    assert final["operation"] == "refine" and final["parents"] == [draft]
    drafts.first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("application", name="Picture.")).to_be_visible()
    # It can be finished from there too.
    expect(page.get_by_role("button", name="Finish it with all steps")).to_be_visible()


def test_two_windows_see_the_same(house: House, context: BrowserContext) -> None:
    one, two = context.new_page(), context.new_page()
    for page in (one, two):
        visit(page, house)
    here = one.url
    one.get_by_role("slider", name="moon", exact=True).press("ArrowUp")
    arrived(one, one.get_by_role("button", name="Redraw with moon 1.1").click)
    # The other window is told, and stays where it is.
    count = one.get_by_role("region", name="Versions").get_by_text(" pictures")
    expect(two.get_by_text(count.inner_text())).to_be_visible()
    assert two.url == here
    one.keyboard.press("Alt+ArrowLeft")
    expect(one.get_by_role("heading", name="Generated")).to_be_visible()
    one.get_by_role("application").focus()
    one.keyboard.press("s")
    expect(
        two.get_by_role("region", name="Versions").get_by_role("button", name="starred")
    ).to_be_visible()
    # What is typed in one is not typed in the other.
    two.get_by_role("textbox", name="Prompt", exact=True).fill("a moon over the sea")
    assert prompt(one) == "a lone wolf under a full moon, misty forest"


def test_a_picture_is_dropped_in_explained_and_masked(house: House, page: Page) -> None:
    visit(page, house)
    picture = Image.new("RGBA", (320, 200), (40, 90, 160, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 160, 200))
    file = io.BytesIO()
    picture.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    drop = """data => {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))
        const transfer = new DataTransfer()
        transfer.items.add(new File([bytes], 'sea.png', {type: 'image/png'}))
        const at = document.querySelector('.app')
        at.dispatchEvent(new DragEvent('dragover', {dataTransfer: transfer, bubbles: true, cancelable: true}))
        at.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}))
    }"""  # noqa: E501
    arrived(page, lambda: page.evaluate(drop, data))
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    said = page.get_by_role("region", name="Notices")
    expect(said.get_by_text("sea.png is imported.")).to_be_visible()
    shot(page, "imported")

    # What is transparent becomes the mask.
    page.get_by_role("application").focus()
    page.keyboard.press("w")
    page.get_by_role("radio", name="Alpha").check()
    page.get_by_role("button", name="Make the mask").click()
    expect(page.get_by_text("50 % masked")).to_be_visible()

    # Or what hangs together in one colour.
    page.get_by_role("application").focus()
    page.keyboard.press("w")
    page.get_by_role("radio", name="Colour").check()
    page.get_by_label("Place, from the left").fill("300")
    page.get_by_role("button", name="Make the mask").click()
    expect(page.get_by_text("50 % masked")).to_be_visible()

    # A file that is no picture is refused in words, and nothing is lost.
    page.evaluate(drop, base64.b64encode(b"no picture").decode())
    expect(said.get_by_text("picture", exact=False).last).to_be_visible()
    shot(page, "refused")


def test_a_colour_is_clicked_on(house: House, page: Page) -> None:
    visit(page, house)
    picture = Image.new("RGB", (200, 200), (20, 60, 160))
    picture.paste((220, 200, 60), (0, 0, 100, 100))
    picture.paste((200, 180, 70), (100, 0, 200, 100))
    file = io.BytesIO()
    picture.save(file, "PNG")
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Control+o")
    give = {"name": "three.png", "mimeType": "image/png", "buffer": file.getvalue()}
    arrived(page, lambda: chosen.value.set_files(give))  # type: ignore[arg-type]
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()

    page.keyboard.press("g")
    left, top, side = stage(page)
    page.mouse.click(left + side * 0.25, top + side * 0.25)
    expect(page.get_by_text("25 % masked")).to_be_visible()
    # The tolerance turns the same click, forth and back.
    tolerance = page.get_by_role("slider", name="Tolerance of the colour")
    tolerance.fill("40")
    expect(page.get_by_text("50 % masked")).to_be_visible()
    tolerance.fill("5")
    expect(page.get_by_text("25 % masked")).to_be_visible()
    # Another click adds, with Alt one takes away, and each can be undone.
    page.mouse.click(left + side * 0.75, top + side * 0.45)
    expect(page.get_by_text("50 % masked")).to_be_visible()
    page.keyboard.down("Alt")
    page.mouse.click(left + side * 0.25, top + side * 0.25)
    page.keyboard.up("Alt")
    expect(page.get_by_text("25 % masked")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("50 % masked")).to_be_visible()
    # The same by keys: a cross is walked to the place.
    page.get_by_role("application").focus()
    page.keyboard.press("Backspace")
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("50 % masked")).to_be_visible()


def test_light_is_retouched_inside_the_mask(house: House, page: Page) -> None:
    visit(page, house)
    page.keyboard.press("r")
    left, top, side = stage(page)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + side, top + side / 2, steps=4)
    page.mouse.up()
    expect(page.get_by_text("50 % masked")).to_be_visible()
    page.get_by_role("button", name="Retouch light and colour …").click()
    page.get_by_role("slider", name="Exposure").fill("1")
    expect(page.get_by_role("checkbox", name="Only in the mask")).to_be_checked()
    # It is seen before it is done, inside the mask only; holding a key shows it untouched.
    original = house.versions()[0]["id"]
    expect(page.get_by_role("img", name="As it would be retouched")).to_be_visible()
    house.until(lambda: unlike(page, house, original) > 8, 20)
    page.keyboard.down("\\")
    expect(page.get_by_role("img", name="As it would be retouched")).to_have_count(0)
    house.until(lambda: unlike(page, house, original) < 4, 20)
    page.keyboard.up("\\")
    arrived(page, page.get_by_role("button", name="Retouch", exact=True).click)
    expect(page.get_by_role("heading", name="Retouched")).to_be_visible()
    expect(page.get_by_role("button", name="Copy Exposure: 1")).to_be_visible()
    first, last = house.versions()[0]["id"], house.versions()[-1]["id"]
    compared = house.get(f"/api/v1/projects/sample/compare?before={first}&after={last}")
    assert 0.4 < compared["changed_share"] <= 0.55


def test_every_stroke_is_undone_and_a_reload_keeps_all(house: House, page: Page) -> None:
    visit(page, house)
    words = page.get_by_role("textbox", name="Prompt", exact=True)
    words.fill("a moon over the sea, ")
    page.keyboard.press("Escape")
    page.get_by_role("application").focus()
    page.keyboard.press("b")
    left, top, side = stage(page)
    for at in (0.3, 0.5, 0.7):
        page.mouse.move(left + side * at, top + side * 0.3)
        page.mouse.down()
        page.mouse.move(left + side * at, top + side * 0.6, steps=5)
        page.mouse.up()
    masked = page.get_by_text("% masked")
    three = masked.inner_text()
    page.keyboard.press("Control+z")
    expect(masked).not_to_have_text(three)
    page.keyboard.press("Control+Shift+z")
    expect(masked).to_have_text(three)
    for tool, key in (("Lasso", "l"), ("Box", "r"), ("Eraser", "e")):
        page.keyboard.press(key)
        expect(page.get_by_role("button", name=tool, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
    page.get_by_role("textbox", name="Replace with").fill("a boat")
    page.wait_for_timeout(600)

    page.reload()
    expect(words).to_have_value("a moon over the sea, ")
    expect(masked).to_have_text(three)


def test_the_server_dies_in_mid_job_and_comes_back(house: House, page: Page) -> None:
    visit(page, house)
    house.slowly = 0.3
    house.stop()
    house.start()
    page.reload()
    settled(page)
    words = page.get_by_role("textbox", name="Prompt", exact=True)
    words.fill("a full moon over the sea")
    page.get_by_role("radio", name="Final").check()
    page.get_by_role("button", name="Draw 1").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    words.fill("typed while it is drawn")
    house.kill()
    expect(page.get_by_text("Offline")).to_be_visible()
    words.fill("typed while nobody is there")
    shot(page, "offline")
    before = page.url
    house.slowly = 0.02
    house.start()
    expect(page.get_by_text("Offline")).to_be_hidden(timeout=PATIENCE)
    # The job is taken up again and its picture comes; what was typed is still there.
    page.wait_for_function("url => location.href !== url", arg=before, timeout=PATIENCE)
    assert prompt(page) == "typed while nobody is there"


def test_a_cut_line_is_taken_up_without_loss(house: House, page: Page) -> None:
    visit(page, house)
    cut = page.context.new_cdp_session(page)
    cut.send("Network.enable")
    dark = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    cut.send("Network.emulateNetworkConditions", dark)
    page.context.set_offline(True)
    expect(page.get_by_text("Offline")).to_be_visible()
    made = len(house.versions())
    house.post(
        "/projects/sample/operations/generate", {"prompt": "a boat", "n": 2, "quality": "draft"}
    )
    house.until(lambda: len(house.versions()) == made + 2)
    page.context.set_offline(False)
    cut.send("Network.emulateNetworkConditions", dark | {"offline": False})
    expect(page.get_by_text(f"{made + 2} pictures")).to_be_visible(timeout=PATIENCE)


def test_a_long_job_is_cancelled(house: House, page: Page) -> None:
    visit(page, house)
    page.get_by_role("radio", name="40", exact=True).check()
    page.get_by_role("button", name=re.compile("^(Draw|Draft) 40")).click()
    expect(page.get_by_role("group", name="Contact sheet of drafts")).to_be_visible()
    page.get_by_role("button", name="being drawn").click()
    expect(page.get_by_role("button", name="being drawn")).to_be_hidden(timeout=PATIENCE)


def _saying(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))


def test_pictures_are_found_by_what_they_show(house: House, page: Page) -> None:
    for colour in ("red", "blue"):
        house.take(f"a {colour} wall", Image.new("RGB", (96, 96), colour))
    page.goto(f"{house.address}/p/sample/library")
    found = page.get_by_role("group", name="All pictures").locator("[data-id]")
    expect(found.first).to_have_accessible_name(_saying("a blue wall"))
    page.get_by_role("radio", name="In pictures").check()
    search = page.get_by_role("searchbox", name="Search what pictures show")
    search.fill("something red")
    expect(found.first).to_have_accessible_name(re.compile("a red wall, .*likeness 1.00"))
    search.fill("red blue")
    expect(found.nth(1)).to_have_accessible_name(_saying("a red wall"))
    found.first.hover()
    shot(page, "library-ranked")
    page.get_by_role("button", name="More like this").first.click()
    expect(page).to_have_url(re.compile("/library/like/[0-9a-f]{16}$"))
    expect(page.get_by_text("Like this one")).to_be_visible()
    expect(found.first).to_have_accessible_name(_saying("likeness 1.00"))
    page.get_by_role("searchbox", name="Search words").fill("blue")
    expect(found).to_have_count(1)
    expect(found.first).to_have_accessible_name(re.compile("a blue wall, .*likeness"))
    page.set_viewport_size({"width": 390, "height": 844})
    shot(page, "library-like-390")
    page.get_by_role("button", name="Show all again").click()
    expect(page).to_have_url(re.compile("/library$"))

    # From the picture itself, by the inspector.
    page.set_viewport_size({"width": 1440, "height": 900})
    visit(page, house)
    shot(page, "refine-finds-more")
    page.get_by_role("button", name="Find more like this one").click()
    expect(found.first).to_have_accessible_name(_saying("likeness 1.00"))

    # A model that brings no CLIP: none of it is offered, and an address that asks for it shows all.
    blind = house.get("/api/v1/models")
    blind["items"][0]["clip"] = False
    page.route("**/api/v1/models", lambda route: route.fulfill(json=blind))
    page.reload()
    expect(page.get_by_role("radio", name="Newest")).to_be_visible()
    expect(page.get_by_role("radio", name="In pictures")).to_have_count(0)
    expect(found.first).to_have_accessible_name(_saying("a blue wall"))
    expect(page.get_by_role("button", name="More like this")).to_have_count(0)


def steered(house: House, page: Page) -> tuple[list[dict[str, Any]], Locator]:
    """The first picture steers the next drawing, as if a network for structure stood beside what
    draws here; what is ordered then is refused and noted."""
    network = {"kind": "control", "name": "control", "conditions": ["lineart", "depth", "pose"]}
    network |= {"roles": [], "licence": "", "trigger": "", "misfit": ""}
    told = network | {"skeleton": FIGURE.model_dump(mode="json")}
    page.route("**/api/v1/adapters", lambda route: route.fulfill(json={"items": [told]}))
    asked: list[dict[str, Any]] = []

    def take(route: Route) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(status=409, json={"detail": "not now", "hint": "", "type": "conflict"})

    page.route("**/operations/generate", take)
    visit(page, house)
    page.get_by_text("Steer by other pictures").click()
    page.get_by_role("button", name="This picture", exact=True).click()
    return asked, page.get_by_role("group", name=house.versions()[0]["id"][:10])


def test_a_map_is_painted_over_before_it_is_obeyed(house: House, page: Page) -> None:
    asked, one = steered(house, page)
    of = house.versions()[0]
    one.get_by_role("combobox").select_option("lineart")
    one.get_by_role("button", name="see it and paint over it").click()
    dialog = page.get_by_role("dialog", name="The map that is obeyed")
    expect(dialog.get_by_label("The map of")).to_have_attribute("aria-busy", "false")
    sheet = dialog.get_by_label("The map of").bounding_box()
    assert sheet is not None
    dialog.get_by_role("radio", name="Erase").check()
    page.mouse.move(sheet["x"] + 40, sheet["y"] + 40)
    page.mouse.down()
    page.mouse.move(sheet["x"] + sheet["width"] - 40, sheet["y"] + 60, steps=4)
    page.mouse.up()
    expect(dialog.get_by_role("button", name="Undo")).not_to_have_attribute("aria-disabled", "true")
    shot(page, "map-painted")
    audit(page, "a map that is painted over")
    dialog.get_by_role("button", name="Use this map").click()
    expect(one.get_by_role("button", name="Go on painting")).to_be_visible()
    one.get_by_role("radio", name="At first").check()
    one.get_by_role("slider").fill("0.6")
    page.get_by_role("textbox", name="Prompt", exact=True).fill("a boat")
    page.get_by_role("button", name="Draw 1").click()
    house.until(lambda: asked)
    (control,) = asked[0]["control"]
    painted = control.pop("image")
    assert control.pop("of") == of["id"]
    assert control == {"condition": "lineart", "strength": 0.6, "start": 0, "end": 0.5}
    made = house.post("/projects/sample/controls", {"version": of["id"], "kind": "lineart"})
    assert painted != made["digest"]

    # What nothing here can read of a picture is said, and can be painted by hand.
    one.get_by_role("combobox").select_option("depth")
    expect(one.get_by_role("alert")).to_contain_text("No network here reads the depth")
    shot(page, "map-none")
    audit(page, "a map that cannot be made")
    one.get_by_role("button", name="Paint one by hand").click()
    expect(dialog.get_by_role("slider", name="How near")).to_be_visible()


def test_a_pose_is_set_by_pulling_a_figure(house: House, page: Page) -> None:
    asked, one = steered(house, page)
    one.get_by_role("combobox").select_option("pose")
    one.get_by_role("button", name="Set a figure …").click()
    dialog = page.get_by_role("dialog", name="The pose that is obeyed")
    dialog.get_by_role("combobox", name="Pose").select_option("waving")
    dialog.get_by_role("application").press("ArrowLeft")
    shot(page, "figure")
    audit(page, "a figure that is set")
    dialog.get_by_role("button", name="Use this pose").click()
    expect(one.get_by_role("button", name="Change the figure")).to_be_visible()
    page.get_by_role("textbox", name="Prompt", exact=True).fill("a fox")
    page.get_by_role("button", name="Draw 1").click()
    house.until(lambda: asked)
    (control,) = asked[0]["control"]
    url = f"{house.address}/api/v1/projects/sample/pictures/{control.pop('image')}"
    assert control.pop("of") == house.versions()[0]["id"]
    assert control == {"condition": "pose", "strength": 1}
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        drawn = Image.open(io.BytesIO(answer.read())).convert("RGB")
    inks = {f"#{pixel.tobytes().hex()}" for pixel in np.asarray(drawn).reshape(-1, 3)}
    # Its bones are in their own colours; edges are soft, and joints lie over short ones.
    assert len(inks & set(FIGURE.colours[: len(FIGURE.bones)])) >= 12
