"""Locked words: nothing may remove or weaken them."""

from __future__ import annotations

import pytest

from maquette.core.grammar import reweigh
from maquette.core.template import check_locked, missing_locks, parse_template
from maquette.errors import WordLocked

BRAND = ("Acme red",)


@pytest.mark.parametrize(
    "text",
    [
        "an Acme red mug",
        "an (acme  RED:1.4) mug",
        "a mug, [Acme red] and Acme red",
        "wolf AND Acme red :2",
        "(an Acme red mug)",
        "(Acme) red",
        "[cat:dog:3] Acme red",
    ],
)
def test_what_keeps_them(text: str) -> None:
    check_locked(text, BRAND)
    assert missing_locks(text, BRAND) == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a mug", "is missing"),
        ("", "is missing"),
        ("Acme, red", "is missing"),
        ("Acme dark red", "is missing"),
        ("Acme redder", "is missing"),
        ("Acme BREAK red", "is missing"),
        ("Acme AND red", "is missing"),
        ("[Acme red:blue:3]", "is missing"),
        ("[Acme red|blue]", "is missing"),
        ("an [Acme red] mug", "weighs 0.909, less than 1"),
        ("an (Acme:1.5) (red:0.4) mug", "weighs 0.4, less than 1"),
        ("([[[Acme red", "weighs 0.826, less than 1"),
        ("wolf AND Acme red :0.2", "weighs 0.2, less than 1"),
    ],
)
def test_what_breaks_them(text: str, wrong: str) -> None:
    with pytest.raises(WordLocked, match="'Acme red' is locked") as refused:
        check_locked(text, BRAND)
    assert wrong in str(refused.value) and refused.value.hint


def test_a_slider_may_raise_them_and_not_lower_them() -> None:
    text = "an Acme red mug"
    check_locked(reweigh(text, {"Acme red": 1.5}), BRAND)
    with pytest.raises(WordLocked, match=r"weighs 0\.9"):
        check_locked(reweigh(text, {"red": 0.9}), BRAND)


def test_the_negative_prompt_must_not_hold_them() -> None:
    check_locked("Acme red mug", BRAND, "red, Acme")
    with pytest.raises(WordLocked, match="negative"):
        check_locked("Acme red mug", BRAND, "blue, (acme red:1.2)")
    with pytest.raises(WordLocked, match="negative"):
        check_locked("Acme red mug", BRAND, "[fog:Acme red:3]")


def test_brackets_are_letters_to_a_plain_reader() -> None:
    check_locked("[Acme red]", BRAND, plain=True)
    with pytest.raises(WordLocked):
        check_locked("(Acme:0.5) red", BRAND, plain=True)


def test_a_template_knows_its_own() -> None:
    template = parse_template("<lock:Acme red> {mug|vase} by <lock:Acme>, <lock:Acme red>")
    assert template.locked == ("Acme red", "Acme")
