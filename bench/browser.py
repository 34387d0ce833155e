"""The browser studio in real Chromium: what is sent, the first paint, the brush, the strip.

Frames are counted in Chromium's own trace. All shares this machine's cores: server, worker,
browser without a graphics card.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.row import Row
from bench.server import VERSIONS, _fill, served
from maquette.server.static import STATIC

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["measure"]

BUNDLE, FIRST_PAINT, FRAME, HEAT = 250.0, 1.5, 1000 / 60, 50.0
TICK, LATE = 0.5, 20.0
"""60 frames a second: the median gap between frames is 1/60 s to within TICK ms (Chromium's clock
without a screen), and of 100 gaps 95 are shorter than LATE ms, so that hardly a frame is left out.
"""
SIDE = 2048
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip


def measure(*, quick: bool = False) -> list[Row]:
    """Everything, on a project of 1,000 versions and a picture of 2048 by 2048 pixels.

    Raises:
        FileNotFoundError: there is no Chromium, or the pages are not built.
    """
    from playwright.sync_api import sync_playwright

    program = os.environ.get("MAQUETTE_CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise FileNotFoundError("no chromium: install it, or set MAQUETTE_CHROMIUM")
    count = 60 if quick else VERSIONS
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        place = Path(folder)
        _fill(place, count)
        with served(place, "fake", None) as running:
            browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
            try:
                first = [_first(browser, running.address) for _ in range(2 if quick else 7)]
                page = _page(browser)
                page.goto(f"{running.address}/p/large")
                page.locator(".thumb img").first.wait_for()
                scroll = _traced(browser, page, lambda: _scroll(page))
                heat = _heat(page)
                big = _import(running)
                page.goto(f"{running.address}/p/large/v/{big}")
                brush = {
                    size: _traced(browser, page, lambda size=size: _paint(page, size, quick))
                    for size in (40, 200)
                }
            finally:
                browser.close()
    return [_bundle(), _paints(first, count), *_strokes(brush), _scrolls(scroll), _heats(heat)]


def _page(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 1440, "height": 900})


def _first(browser: Browser, address: str) -> dict[str, float]:
    """From the address to the picture and the strip on the screen, with nothing cached."""
    page = _page(browser)
    page.add_init_script(
        """window.seen = 0
        new MutationObserver(() => {
            const at = document.querySelector('.stage img.picture')
            if (!window.seen && at && document.querySelector('.thumb img')) {
                window.seen = 1
                const done = () => (window.seen = performance.now())
                at.decode().then(() => requestAnimationFrame(done))
            }
        }).observe(document, {subtree: true, childList: true})"""
    )
    page.goto(f"{address}/p/large")
    page.wait_for_function("() => window.seen > 1")
    found = page.evaluate(
        """() => ({
            shell: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
            picture: window.seen,
        })"""
    )
    page.close()
    return {name: value / 1000 for name, value in found.items()}


def _import(running: Any) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.radial_gradient("L").resize((SIDE, SIDE)).convert("RGB").save(file, "PNG")
    answer = running.http.post(
        f"{running.base}/imports",
        content=file.getvalue(),
        headers={"Content-Type": "image/png"},
    )
    answer.raise_for_status()
    return str(answer.json()["id"])[:16]


def _paint(page: Page, size: int, quick: bool) -> None:
    page.get_by_role("button", name="Brush", exact=True).click()
    page.get_by_role("slider", name="Brush size in pixels").fill(str(size))
    box = page.locator("img.picture").first.bounding_box()
    assert box is not None
    middle, reach = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["width"] / 3
    page.mouse.move(*middle)
    page.mouse.down()
    for step in range(60 if quick else 240):
        turn = step / 18
        page.mouse.move(
            middle[0] + reach * math.cos(turn) * (0.3 + step / 400),
            middle[1] + reach * math.sin(turn) * (0.3 + step / 400),
        )
    page.mouse.up()


def _scroll(page: Page) -> None:
    page.evaluate(
        """() => new Promise((done) => {
            const strip = document.querySelector('.strip .scroll')
            strip.scrollLeft = 0
            const from = performance.now()
            const step = (now) => {
                strip.scrollLeft += 40
                if (now - from < 2500) requestAnimationFrame(step)
                else done()
            }
            requestAnimationFrame(step)
        })"""
    )


def _heat(page: Page) -> list[float]:
    """From the pointer over a word to its map on the screen, in milliseconds."""
    page.locator("[role=slider]").nth(2).wait_for()
    page.wait_for_timeout(500)
    return page.evaluate(
        """async () => {
            const taken = []
            const frame = () => new Promise((done) => requestAnimationFrame(done))
            const chips = [...document.querySelectorAll('.chip')]
            for (let turn = 0; turn < 30; turn++) {
                const chip = chips[turn % chips.length]
                await frame()
                const from = performance.now()
                chip.dispatchEvent(new PointerEvent('pointerenter'))
                await frame()
                await frame()
                taken.push(performance.now() - from)
                chip.dispatchEvent(new PointerEvent('pointerleave'))
            }
            return taken
        }"""
    )


def _traced(browser: Browser, page: Page, act: Callable[[], None]) -> dict[str, float]:
    """Chromium's trace of an act: the main thread's work for each frame, and frames a second."""
    browser.start_tracing(page=page, categories=["devtools.timeline", "toplevel"])
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    begun = [each for each in events if each["name"] == "FireAnimationFrame"]
    mains = {(each["pid"], each["tid"]) for each in begun}
    handling = [
        each["dur"] / 1000
        for each in events
        if each["name"] in {"FireAnimationFrame", "EventDispatch", "Paint", "Layerize", "Layout",
                            "UpdateLayoutTree", "PrePaint", "Commit"}
        and (each["pid"], each["tid"]) in mains
        and "dur" in each
    ]  # fmt: skip
    times = sorted(each["ts"] / 1e6 for each in begun)
    gaps = sorted(b - a for a, b in pairwise(times) if b > a)
    frames = max(1, len(times))
    long = [each["dur"] / 1000 for each in events
            if each["name"] in {"RunTask", "ThreadControllerImpl::RunTask"}
            and (each["pid"], each["tid"]) in mains and each.get("dur", 0) > 0]  # fmt: skip
    return {
        "frames": frames,
        "work": sum(handling) / frames,
        "gap": 1000 * median(gaps) if gaps else 0.0,
        "gap_p95": 1000 * gaps[int(len(gaps) * 0.95)] if gaps else 0.0,
        "task_p99": sorted(long)[int(len(long) * 0.99)] if long else 0.0,
        "task_max": max(long, default=0.0),
    }


def _bundle() -> Row:
    parts = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".html"}]
    if not parts:
        raise FileNotFoundError("the browser studio is not built: run 'make web'")
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in parts) / 1024
    how = "scripts, styles and page, compressed"
    return Row("browser", "what the browser loads", size, f"{size:.0f} KB", f"≤ {BUNDLE:g} KB",
               size <= BUNDLE, how)  # fmt: skip


def _paints(found: list[dict[str, float]], count: int) -> Row:
    value = median(each["picture"] for each in found)
    shell = median(each["shell"] for each in found)
    return Row(
        "browser",
        f"first paint with {count:,} versions",
        value,
        f"{value:.2f} s (the page's frame {shell:.2f} s)",
        f"≤ {FIRST_PAINT} s",
        value <= FIRST_PAINT,
        "until the picture is decoded and the strip is there; nothing cached; median",
        {"all": found},
    )


def _strokes(found: dict[int, dict[str, float]]) -> list[Row]:
    return [
        _smooth(f"brush of {2 * size} px on {SIDE}x{SIDE}", "a stroke, painted by mouse", each)
        for size, each in found.items()
    ]


def _scrolls(each: dict[str, float]) -> Row:
    return _smooth("the strip scrolls", "40 px a frame over all versions", each)


def _smooth(name: str, doing: str, each: dict[str, float]) -> Row:
    even = each["gap"] <= FRAME + TICK and each["gap_p95"] < LATE
    return Row(
        "browser",
        f"{name}: frames",
        each["gap_p95"],
        f"{each['gap']:.1f} ms apart, p95 {each['gap_p95']:.1f}; main thread {each['work']:.1f} ms"
        " a frame",
        f"{FRAME:.1f} ± {TICK} ms apart, p95 < {LATE:g}; work ≤ {FRAME:.1f} ms",
        even and each["work"] <= FRAME,
        f"{doing}; gaps between frames and the main thread's events, layout, paint and commit, from"
        " Chromium's trace",
        each,
    )


def _heats(taken: list[float]) -> Row:
    value = sorted(taken)[int(len(taken) * 0.95)]
    return Row(
        "browser",
        "a word's map after the pointer is on it, p95",
        value,
        f"{value:.0f} ms (median {median(taken):.0f}, longest {max(taken):.0f})",
        f"≤ {HEAT:g} ms",
        value <= HEAT,
        f"until the second frame after the event; {len(taken)} times",
        {"all": taken},
    )
