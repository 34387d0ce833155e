"""The browser studio in real Chromium, on the real server with a real worker.

These tests need Debian's (or any) ``chromium`` on the PATH or in ``MAQUETTE_CHROMIUM``, and the
built pages. Screenshots go to ``out/web``; with ``MAQUETTE_PICTURES=docs/pictures`` those that the
handbook shows are written there too.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "out" / "web"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PATIENCE = 90_000
"""Milliseconds to wait for something drawn: other work may keep the processor busy."""

DELAYED = """
import os
import maquette.engines.fake as fake
made, delay = fake.create, float(os.environ.get("SLOWLY", 0))
fake.create = lambda *given, **options: made(*given, **{**options, "delay": delay})
"""

expect.set_options(timeout=30_000)


class House:
    """``maquette studio`` as a person starts it, with folders of its own."""

    def __init__(
        self, place: Path, *, engine: str = "fake", slowly: float = 0.0, model: str = ""
    ) -> None:
        self.place, self.engine, self.slowly, self.model = place, engine, slowly, model
        (place / "work").mkdir(parents=True, exist_ok=True)
        (place / "sitecustomize.py").write_text(DELAYED)
        self.port = 0
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MAQUETTE_")}
        env = kept | {
            "MAQUETTE_ENGINE": self.engine,
            "MAQUETTE_HOME": str(self.place / "home"),
            "MAQUETTE_MODELS": str(self.place / "models"),
            "PYTHONPATH": str(self.place),
            "SLOWLY": str(self.slowly),
        }
        if self.model:
            env["MAQUETTE_MODEL"] = self.model
        self.process = subprocess.Popen(
            [sys.executable, "-m", "maquette", "studio", "--json", "--no-browser",
             "--projects", str(self.place / "projects"), "--port", str(self.port)],
            env=env, cwd=self.place / "work", stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["address"]
        self.port = int(self.address.rsplit(":", 1)[1])
        self.until(lambda: self.get("/healthz") is not None)

    def kill(self) -> None:
        """As if the power had gone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(30)

    def get(self, path: str) -> Any:
        """What the server answers; None while it does not."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=30) as answer:  # noqa: S310
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310
            self.address + "/api/v1" + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "X-Maquette": "1"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def take(self, caption: str, image: Image.Image, project: str = "sample") -> Any:
        """Import a picture."""
        file = io.BytesIO()
        image.save(file, "PNG")
        asked = urllib.parse.urlencode({"caption": caption})
        request = urllib.request.Request(  # noqa: S310
            f"{self.address}/api/v1/projects/{project}/imports?{asked}",
            file.getvalue(),
            {"Content-Type": "image/png", "X-Maquette": "1"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def versions(self, project: str = "sample") -> list[dict[str, Any]]:
        answer = self.get(f"/api/v1/projects/{project}/graph")
        return answer["items"] if answer else []

    def until(self, ready: Callable[[], Any], seconds: float = 120) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := ready():
                return found
            time.sleep(0.1)
        raise AssertionError("it did not come about in time")


@pytest.fixture(scope="session", autouse=True)
def pages() -> None:
    """The built pages, built now if anything changed."""
    spec = importlib.util.spec_from_file_location("web_build", ROOT / "web" / "build.py")
    assert spec and spec.loader
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    try:
        builder.build()
    except builder.NoNode as error:
        pytest.skip(f"the pages are not built: {error}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = os.environ.get("MAQUETTE_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium. To run this: apt-get install chromium, or set MAQUETTE_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@contextmanager
def opened(place: Path, **how: Any) -> Iterator[House]:
    house = House(place, **how)
    try:
        yield house
    finally:
        house.stop()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that draws with the fake engine, and the sample's first picture."""
    with opened(tmp_path_factory.mktemp("house")) as house:
        house.until(house.versions)
        yield house


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.set_default_timeout(30_000)
    yield context
    context.close()


NOTES = """
window.notes = [];
for (const name of ["keydown", "pointerdown", "click", "focusin", "focusout", "change"])
  addEventListener(name, (event) => window.notes.push([
    Math.round(performance.now()), name, event.key ?? "",
    event.target.getAttribute?.("aria-label") ?? event.target.nodeName,
  ].join(" ")), true);
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test that fails tells what reached the window, and leaves a picture of it."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if call.when == "call" and report.failed and page is not None and not page.is_closed():
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"failed-{item.name}.png")
        told = page.evaluate(
            """() => [
              `focus: ${document.hasFocus()} ${document.activeElement?.outerHTML.slice(0, 120)}`,
              `visible: ${document.visibilityState}, now ${Math.round(performance.now())}`,
              ...performance.getEntriesByType("paint").map((it) => `${it.name} ${it.startTime}`),
              ...window.notes,
            ]"""
        )
        report.sections.append(("what reached the window", "\n".join(told[-80:])))
    return report


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A window; whatever the page throws fails the test."""
    page = context.new_page()
    page.add_init_script(NOTES)
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    assert thrown == []


def theme(page: Page, name: str) -> None:
    page.evaluate("name => (document.documentElement.dataset.theme = name)", name)


def shot(page: Page, name: str, *, handbook: bool = False) -> None:
    """Keep a screenshot; some are the handbook's."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    decoded = "() => Promise.all([...document.images].map((it) => it.decode().catch(() => 0)))"
    page.evaluate(decoded)
    page.screenshot(path=SHOTS / f"{name}.png")
    if handbook and (folder := os.environ.get("MAQUETTE_PICTURES")):
        shutil.copyfile(SHOTS / f"{name}.png", ROOT / folder / f"studio-{name}.png")


def stage(page: Page) -> tuple[float, float, float]:
    """Where the picture lies in the window: left, top and side in pixels."""
    box = page.locator("img.picture").first.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"]


def unlike(page: Page, house: House, version: str) -> float:
    """How far what is on the stage is from a version's picture (root mean square, 0 to 255), at 16
    places a side but the lowest, where the line of progress lies."""
    of = next(each for each in house.versions() if each["id"].startswith(version))
    url = f"{house.address}/api/v1/projects/sample/pictures/{of['image']}"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        wanted = Image.open(io.BytesIO(answer.read())).convert("RGB")
    left, top, side = stage(page)
    clip = {"x": left, "y": top, "width": side, "height": side * wanted.height / wanted.width}
    screen = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")  # type: ignore[arg-type]
    small = [each.resize((16, 16), Image.Resampling.BOX) for each in (screen, wanted)]
    a, b = (np.asarray(each, dtype=np.float64)[:13] for each in small)
    return float(np.sqrt(np.mean((a - b) ** 2)))


def audit(page: Page, name: str) -> None:
    """axe finds nothing on this screen."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    said = [
        f"{name}: {each['id']} ({each['impact']}): {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
    assert said == [], "\n".join(said)


def settled(page: Page) -> None:
    """A picture is on the screen, its words beside it."""
    expect(page.get_by_role("application")).to_be_visible(timeout=PATIENCE)
    # On a narrow screen the words wait in a sheet.
    words = page.locator("[role=slider][aria-label=moon]")
    expect(words.first).to_be_attached(timeout=PATIENCE)
    listening(page)


def listening(page: Page) -> None:
    """The window hears keys: now and then Chromium has dropped those that were pressed as soon as
    a page had come (two tests in three whole runs; nobody's fingers are as quick)."""
    page.evaluate("() => addEventListener('keydown', () => (window.heard = true), true)")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        page.keyboard.press("Shift")
        if page.evaluate("() => window.heard === true"):
            return
        page.evaluate("() => window.notes?.push('a key was dropped')")
        page.bring_to_front()
        page.wait_for_timeout(50)
    raise AssertionError("the window hears no keys")


def visit(page: Page, house: House) -> None:
    """The sample's first picture, whatever was made after it."""
    page.goto(f"{house.address}/p/sample/v/{house.versions()[0]['id'][:16]}")
    settled(page)


def arrived(page: Page, act: Callable[[], Any]) -> str:
    """Do something and wait until another version is on the screen; its address."""
    before = page.url
    act()
    page.wait_for_function("before => location.href !== before", arg=before, timeout=PATIENCE)
    return page.url
