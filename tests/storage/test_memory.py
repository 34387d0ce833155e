"""What the memory does beyond the contracts that test_blobs and test_records hold it to."""

from __future__ import annotations

import pytest

from maquette.errors import BlobDamaged
from maquette.storage.memory import MemoryBlobs, MemoryRecords


def test_tests_may_damage_what_is_held() -> None:
    blobs = MemoryBlobs()
    digest = blobs.put(b"moon")
    blobs.held[digest] = b"m00n"
    with pytest.raises(BlobDamaged):
        blobs.get(digest)


def test_records_have_the_name_they_are_given() -> None:
    assert MemoryRecords("boats").name == "boats"
