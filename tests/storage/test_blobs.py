"""What every implementation of Blobs promises."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maquette.errors import BlobMissing
from maquette.storage.base import Blobs

SHARED = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def test_it_is_a_blob_store(blobs: Blobs) -> None:
    assert isinstance(blobs, Blobs)


def test_it_begins_empty(blobs: Blobs) -> None:
    assert list(blobs) == []


@SHARED
@given(data=st.binary(max_size=5000))
def test_bytes_come_back_under_their_own_sha256(blobs: Blobs, data: bytes) -> None:
    digest = blobs.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert blobs.get(digest) == data
    assert digest in blobs


@SHARED
@given(batch=st.lists(st.binary(max_size=100), max_size=8))
def test_every_digest_is_listed_once(blobs: Blobs, batch: list[bytes]) -> None:
    digests = {blobs.put(data) for data in batch + batch}
    listed = list(blobs)
    assert digests <= set(listed)
    assert len(listed) == len(set(listed))


def test_putting_twice_changes_nothing(blobs: Blobs) -> None:
    assert blobs.put(b"moon") == blobs.put(b"moon")
    assert len(list(blobs)) == 1


def test_empty_bytes_are_bytes_too(blobs: Blobs) -> None:
    assert blobs.get(blobs.put(b"")) == b""


def test_unknown_bytes_are_missing(blobs: Blobs) -> None:
    blobs.put(b"moon")
    other = hashlib.sha256(b"sun").hexdigest()
    assert other not in blobs
    with pytest.raises(BlobMissing):
        blobs.get(other)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../../../etc/passwd",
        "ab",
        "A" * 64,
        "g" * 64,
        "0" * 63,
        "0" * 65,
        "0" * 64 + "\n",
    ],
)
def test_what_is_no_digest_names_nothing(blobs: Blobs, name: str) -> None:
    assert name not in blobs
    with pytest.raises(BlobMissing):
        blobs.get(name)


@pytest.mark.parametrize("thing", [None, 7, b"0" * 64, ["0" * 64]])
def test_only_text_can_be_a_digest(blobs: Blobs, thing: object) -> None:
    assert thing not in blobs
