"""How people name a version."""

from __future__ import annotations

import pytest

from maquette.errors import AmbiguousVersion, VersionUnknown
from maquette.storage.reference import pick, read_reference


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("@", 0),
        (" @ ", 0),
        ("@~0", 0),
        ("@~1", 1),
        ("@~12", 12),
        ("abcd", "abcd"),
        ("ABCD", "abcd"),
        (" 0123456789 ", "0123456789"),
        ("f" * 64, "f" * 64),
    ],
)
def test_a_reference_is_a_number_of_steps_or_a_prefix(reference: str, wanted: int | str) -> None:
    assert read_reference(reference) == wanted


@pytest.mark.parametrize(
    "reference",
    ["", "abc", "@~", "@1", "@~-1", "@~x", "~1", "@@", "moon", "f" * 65, "abcd%", "@~٣"],
)
def test_anything_else_names_no_version(reference: str) -> None:
    with pytest.raises(VersionUnknown) as caught:
        read_reference(reference)
    assert "4 or more" in caught.value.hint


def test_one_id_is_picked() -> None:
    assert pick("abcd", ["abcd1"]) == "abcd1"


def test_none_is_unknown() -> None:
    with pytest.raises(VersionUnknown, match="abcd"):
        pick("abcd", [])


def test_several_are_ambiguous_and_some_are_shown() -> None:
    with pytest.raises(AmbiguousVersion, match=r"abcd1.*abcd2.*abcd3 …"):
        pick("abcd", ["abcd1", "abcd2", "abcd3", "abcd4"])
