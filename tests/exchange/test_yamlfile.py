"""YAML that people write: plain values, bounded, each fault in one line with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.errors import SettingRefused, TemplateRefused
from maquette.exchange.yamlfile import MAX_YAML, MAX_YAML_DEPTH, read_yaml


def test_plain_values() -> None:
    text = "name: Acme\nn: 3\nwhen: 2026-11-21\nlist: [a, 1.5, true, null]\nmore:\n  5: x\n"
    assert read_yaml(text, what="it") == {
        "name": "Acme",
        "n": 3,
        "when": "2026-11-21",
        "list": ["a", 1.5, True, None],
        "more": {"5": "x"},
    }
    assert read_yaml("\ufeffa: b".encode(), what="it") == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("- a", "it is a list, not a mapping"),
        ("a: b\na: c", "it is not YAML: line 2: the key 'a' is given twice"),
        ("x:\n  a: [", "it is not YAML: line "),
        ("a: \ud800", "it is not YAML"),
        ("a: &x [1]\nb: *x", "it, line 1: anchors and aliases are not read"),
        ("a: !!python/object:os.system x", "it is not YAML: line 1"),
        ("? [a, b]\n: c", "a key is a word"),
        ("a: " + "[" * (MAX_YAML_DEPTH + 1), f"nested deeper than {MAX_YAML_DEPTH}"),
        ("a: " + "x" * MAX_YAML, "more than 500,000"),
        (b"a: \xff", "it is not a UTF-8 text: byte 3"),
        ("a: \x00", "it is not YAML"),
    ],
)
def test_a_fault_is_one_line(text: str | bytes, message: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        read_yaml(text, what="it")
    assert message in str(refused.value)


def test_the_reason_is_the_readers() -> None:
    with pytest.raises(SettingRefused):
        read_yaml("", what="the brief", refused=SettingRefused)


@given(st.text(max_size=80) | st.lists(st.sampled_from([*"-:[]{}&*!|>?#'\" \nab"])).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read_yaml(text, what="it"), dict)
    except TemplateRefused as refused:
        assert str(refused)
