"""Services from the command line: engines, intents, doctor, the page that is written from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.vendors.openai import KEY, OpenAIVendor
from tests.vendors.serving import Fault

from maquette.cli.engine_page import PAGE, write_page
from maquette.cli.records import KEYS
from maquette.errors import BudgetSpent, ServiceKeyRefused, SubmittedUnknown

from .conftest import Maquette


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIVendor]:
    vendor = OpenAIVendor()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("MAQUETTE_OPENAI_URL", f"{vendor.url}/v1")
    yield vendor
    vendor.close()


DRAW = ("generate", "a boat", "--engine", "openai", "--quality", "draft", "--size", "512x512")
SMALL = (*DRAW, "--model", "dall-e-2", "--seed")


def test_the_page_is_what_the_engines_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == write_page(page), "run 'make docs'"
    assert "| openai | gpt-image-1 |" in page


def test_engines(maquette: Maquette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = maquette("engines", "--json").records
    assert all(each.keys() == KEYS["engines"].keys() for each in found)
    by_model = {each["model"]: each for each in found}
    assert by_model["dall-e-3"]["tasks"] == ["text-to-image"]
    assert by_model["gpt-image-1"]["key"] is False
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = maquette("engines")
    assert KEY not in said.out + said.err and "found" in said.out


def test_a_picture_of_a_service(maquette: Maquette, vendor: OpenAIVendor) -> None:
    assert maquette(*SMALL, 1).code == 0
    (intent,) = maquette("intents", "--json").records
    assert intent.keys() == KEYS["intents"].keys()
    assert (intent["outcome"], intent["amount"]) == ("settled", "0.018")
    assert "spent: 0.018 USD" in maquette("intents").err + maquette("intents").out


def test_what_was_lost_is_named_and_given_up(maquette: Maquette, vendor: OpenAIVendor) -> None:
    vendor.faults.append(Fault("after", "/images/"))
    said = maquette(*SMALL, 1)
    assert said.code == SubmittedUnknown.exit_code and "maquette intents" in said.err
    assert maquette(*SMALL, 1).code == SubmittedUnknown.exit_code
    (intent,) = maquette("intents", "--json").records
    assert intent["outcome"] == "submitted_unknown" and intent["open"]
    checks = {each["check"]: each for each in maquette("doctor", "--json").records}
    assert f"write-off {intent['intent'][:8]}" in checks["request"]["remedy"]
    assert maquette("intents", "write-off", "nonsense").code != 0
    assert maquette("intents", "write-off", intent["intent"][:8]).code == 0
    assert "request" not in {each["check"] for each in maquette("doctor", "--json").records}
    assert maquette(*SMALL, 1).code == 0
    assert vendor.drawn == 2


def test_refusals(
    maquette: Maquette, vendor: OpenAIVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_BUDGET", "0.01")
    said = maquette(*SMALL, 1)
    assert said.code == BudgetSpent.exit_code and "0.018 USD" in said.err
    monkeypatch.delenv("MAQUETTE_BUDGET")
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("MAQUETTE_OPENAI_URL")
    said = maquette("generate", "a boat", "--engine", "openai", "--quality", "draft")
    assert said.code == ServiceKeyRefused.exit_code and "OPENAI_API_KEY" in said.err
    assert vendor.drawn == 0 and not maquette("intents", "--json").records


def test_a_service_is_greeted(maquette: Maquette, vendor: OpenAIVendor) -> None:
    (record,) = maquette("ping", "openai", "--json").records
    assert record.keys() == KEYS["ping"].keys() and record["engine"] == "openai"
    assert "gpt-image-1 is there" in maquette("ping", "openai", "--model", "gpt-image-1").out
    assert maquette("ping", "diffusers").code != 0
    assert vendor.drawn == 0


def test_what_was_never_billed(maquette: Maquette, vendor: OpenAIVendor) -> None:
    vendor.faults.append(Fault("after", "/images/"))
    maquette(*SMALL, 1)
    (intent,) = maquette("intents", "--json").records
    assert maquette("intents", "list", "--amount", "1").code == 2
    assert maquette("intents", "write-off", intent["intent"], "--amount", "much").code == 2
    (settled,) = maquette("intents", "void", intent["intent"], "--json").records
    assert settled["outcome"] == "void"
    assert "spent" not in maquette("intents").out
