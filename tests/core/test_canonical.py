"""One spelling for every value."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.canonical import canonical_json, digest_of, sha256_hex

# Lone surrogates are no text and cannot be encoded.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # From RFC 8785, appendix B, and ECMAScript's Number::toString.
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (1e23, "1e+23"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e21, "1e+21"),
        (999999999999999900000.0, "999999999999999900000"),
        (333333333.33333329, "333333333.3333333"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1.0, "1"),
        (7.5, "7.5"),
        (1, "1"),
        (2**70, "1180591620717411303424"),
        (True, "true"),
        (None, "null"),
        ((1, "a", [2.0]), '[1,"a",[2]]'),
        ({"b": 1, "a": {"d": None, "c": []}}, '{"a":{"c":[],"d":null},"b":1}'),
        ('€$\x0f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\x7fé日本🌕", '"\x7fé日本🌕"'),
    ],
)
def test_known_spellings(value: Any, text: str) -> None:
    assert canonical_json(value) == text


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    # The example of RFC 8785, 3.2.3: by code point the smiling face would come last.
    keys = ["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"]
    spelled = json.loads(canonical_json(dict.fromkeys(keys, 0)), object_pairs_hook=list)
    assert [key for key, _ in spelled] == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


@given(VALUES)
def test_it_reads_back_as_the_same_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(VALUES)
def test_it_is_a_fixed_point(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == canonical_json(json.loads(text, parse_int=int))
    assert "\n" not in text


@given(st.dictionaries(TEXT, st.integers(), min_size=2, max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert digest_of(value) == digest_of(dict(reversed(value.items())))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives(value: float) -> None:
    assert float(canonical_json(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan]])
def test_what_is_no_number_has_no_form(value: Any) -> None:
    with pytest.raises(ValueError, match="no canonical form"):
        canonical_json(value)


@pytest.mark.parametrize("value", [{1, 2}, object(), 1j])
def test_what_json_cannot_hold_has_no_form(value: Any) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        canonical_json(value)


def test_a_digest_is_that_of_the_utf_8_bytes() -> None:
    assert digest_of({"a": "é"}) == hashlib.sha256('{"a":"é"}'.encode()).hexdigest()
    assert sha256_hex(b"") == hashlib.sha256(b"").hexdigest()
