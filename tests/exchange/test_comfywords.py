"""ComfyUI's weights in A1111's dialect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.grammar import parse, runs
from maquette.exchange.comfywords import read_comfy_words


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("a red boat", "a red boat"),
        ("a (red) boat", "a (red:1.1) boat"),
        ("a ((red)) boat", "a (red:1.21) boat"),
        ("((red:1.5) boat:2)", "(red:1.5)( boat:2)"),  # a number counts instead of those around it
        ("((red:1.5) boat)", "(red:1.5)( boat:1.1)"),
        ("[fog] and [[mist]]", r"\[fog\] and \[\[mist\]\]"),
        (r"a \(round\) hat", r"a \(round\) hat"),
        ("never (closed", r"never \(closed"),
        ("(a:b)", "(a:b:1.1)"),
        ("(red:inf)", "(red:inf:1.1)"),
        ("(red:0)", "(red:0)"),
        ("", ""),
    ],
)
def test_weights(text: str, ours: str) -> None:
    assert read_comfy_words(text).text == ours


def test_learned_words() -> None:
    found = read_comfy_words("a cat, (embedding:moss-style.pt:1.2), embedding:sub/ink by night")
    assert found.embeddings == ("moss-style", "sub/ink")
    assert found.text == "a cat, (moss-style:1.2), sub/ink by night"


@given(st.text(alphabet="ab ():.1\\[]", max_size=40))
def test_nothing_fails_and_words_stay(text: str) -> None:
    said = "".join(run.text for run in runs(parse(read_comfy_words(text).text)))
    assert said.count("a") == text.count("a") and said.count("b") == text.count("b")
